/* ocpp/control/ctl_station_profile.c - station profile show, set, clear, composite.
 *
 * By hand, beside the profiles that the balance sends: what would release a limit passes its gate, as
 * every other message by hand (ctl_call.c).
 */
#include <string.h>

#include "base/err.h"
#include "ocpp/control/ctl_call.h"
#include "ocpp/limit/held.h"

/* Of those set by hand, where none is named: no id of ours (limit/profile.h). */
#define BY_HAND_ID 1000

static const char *purpose_of(const struct ctl_station_profile_set_args *a)
{
	return a->purpose ? a->purpose : "TxDefaultProfile";
}

/* Arguments that contradict each other, before anything is sent. */
static int check_set(struct ctl_call *c, const struct ctl_station_profile_set_args *a)
{
	bool kind_recurring = a->kind && strcmp(a->kind, "Recurring") == 0;
	bool tx = strcmp(purpose_of(a), "TxProfile") == 0, max = strcmp(purpose_of(a), "ChargePointMaxProfile") == 0;

	if (a->profile) {
		const struct ctl_verb_desc *v = &ctl_verbs[CTL_VERB_station_profile_set];

		for (size_t i = 0; i < v->arg_count; i++) {
			const char *name = v->args[i].name;

			if (strcmp(name, "id") == 0 || strcmp(name, "connector") == 0 || strcmp(name, "profile") == 0)
				continue;
			if (a->given & UINT64_C(1) << i)
				return diag_set(&c->diag, -LMS_EUSAGE, "profile: says all, %.*s beside it is too much",
						(int)field_base_len(&v->args[i]), name);
		}
		return 0;
	}
	if ((a->limit_ma == NUM_NONE) == (a->power_w == NUM_NONE))
		return diag_set(&c->diag, -LMS_EUSAGE, "limit: is needed, or power, or profile, one of them");
	if (a->limit_ma != NUM_NONE ? a->limit_ma < 0 : a->power_w < 0)
		return diag_set(&c->diag, -LMS_ERANGE, "limit: must be 0 or more");
	if (a->phases != NUM_NONE && (a->phases < 1 || a->phases > 3))
		return diag_set(&c->diag, -LMS_ERANGE, "phases: must be 1, 2 or 3");
	if (a->stack_level != NUM_NONE && (a->stack_level < 0 || a->stack_level > INT32_MAX))
		return diag_set(&c->diag, -LMS_ERANGE, "stack_level: must be 0 or more");
	if (a->duration_ms != NUM_NONE && (a->duration_ms < 1000 || a->duration_ms / 1000 > INT32_MAX))
		return diag_set(&c->diag, -LMS_ERANGE, "duration: must be a second or more");
	if (kind_recurring != (a->recurrency != NULL))
		return diag_set(&c->diag, -LMS_EUSAGE, "recurrency: goes with kind=Recurring, which needs it");
	if (max && a->connector != NUM_NONE && a->connector != 0)
		return diag_set(&c->diag, -LMS_EUSAGE, "connector: a ChargePointMaxProfile is for the whole station");
	if (tx && (a->connector == NUM_NONE || a->connector == 0))
		return diag_set(&c->diag, -LMS_EUSAGE, "connector: a TxProfile needs one");
	return 0;
}

static void write_time(struct json_writer *w, const char *key, wall_t time)
{
	char text[RFC3339_MAX];

	if (time != WALL_NONE)
		jw_kstr(w, key, rfc3339_format(time / US_PER_S * US_PER_S, text));
}

/* OCPP 1.6, 7.13: limits have one decimal. */
static void write_schedule(struct json_writer *w, const struct ctl_station_profile_set_args *a)
{
	jw_key(w, "chargingSchedule");
	jw_object(w);
	if (a->duration_ms != NUM_NONE)
		jw_kint(w, "duration", a->duration_ms / 1000);
	write_time(w, "startSchedule", a->start);
	jw_kstr(w, "chargingRateUnit", a->limit_ma != NUM_NONE ? "A" : "W");
	jw_key(w, "chargingSchedulePeriod");
	jw_array(w);
	jw_object(w);
	jw_kint(w, "startPeriod", 0);
	jw_key(w, "limit");
	if (a->limit_ma != NUM_NONE)
		jw_fixed(w, a->limit_ma / 100, 10);
	else
		jw_int(w, a->power_w);
	if (a->phases != NUM_NONE)
		jw_kint(w, "numberPhases", a->phases);
	jw_object_end(w);
	jw_array_end(w);
	jw_object_end(w);
}

static void write_profile(struct json_writer *w, const struct ctl_station_profile_set_args *a, int64_t tx)
{
	bool max = strcmp(purpose_of(a), "ChargePointMaxProfile") == 0;

	jw_object(w);
	jw_kint(w, "chargingProfileId", a->profile_id != NUM_NONE ? a->profile_id : BY_HAND_ID);
	if (tx != NUM_NONE)
		jw_kint(w, "transactionId", tx);
	jw_kint(w, "stackLevel", a->stack_level != NUM_NONE ? a->stack_level : 0);
	jw_kstr(w, "chargingProfilePurpose", purpose_of(a));
	jw_kstr(w, "chargingProfileKind", a->kind ? a->kind : max ? "Absolute" : "Relative");
	if (a->recurrency)
		jw_kstr(w, "recurrencyKind", a->recurrency);
	write_time(w, "validFrom", a->valid_from);
	write_time(w, "validTo", a->valid_to);
	write_schedule(w, a);
	jw_object_end(w);
}

/* The transaction that a TxProfile is for. */
static int find_tx(struct ctl_call *c, const struct ctl_station_profile_set_args *a, int64_t *tx)
{
	struct station *st = site_station(c->hall->site, a->id);
	const struct connector *conn;

	*tx = a->transaction;
	if (strcmp(purpose_of(a), "TxProfile") != 0 || *tx != NUM_NONE)
		return 0;
	conn = st ? site_connector(st, (int)a->connector) : NULL;
	if (!conn || !conn->tx)
		return diag_set(&c->diag, -LMS_ECONFLICT, "connector %s/%lld: no transaction runs that a TxProfile could be "
				"for", a->id, (long long)a->connector);
	*tx = conn->tx->id;
	return 0;
}

int ctl_station_profile_set(struct ctl_call *c, const struct ctl_station_profile_set_args *a)
{
	const struct ocpp_message *m = ocpp_message_find("SetChargingProfile");
	struct json *profile = NULL;
	struct ocpp_session *s;
	int64_t tx = NUM_NONE;
	struct json_writer w;
	struct buf b;
	int ret = ctl_check_connector(c, a->connector, 0);

	if (ret == 0)
		ret = check_set(c, a);
	if (ret == 0 && a->profile) {
		profile = json_parse(c->arena, a->profile, strlen(a->profile), &JSON_CAPS_DEFAULT, &c->diag);
		if (!profile || profile->type != JSON_OBJECT)
			return diag_set(&c->diag, -LMS_EDATA, "profile: must be a JSON object, as csChargingProfiles is");
	}
	if (ret == 0)
		ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret == 0 && !profile && (ret = find_tx(c, a, &tx)) != 0)
		buf_fini(&b);
	if (ret)
		return ret;
	jw_kint(&w, "connectorId", a->connector != NUM_NONE ? a->connector : 0);
	jw_key(&w, "csChargingProfiles");
	if (profile)
		ocpp_payload_write(m->req->fields[1].type, profile, &w);
	else
		write_profile(&w, a, tx);
	return ctl_call_end(c, s, "SetChargingProfile", &b, &w, STYLE_STATION);
}

int ctl_station_profile_show(struct ctl_call *c, const struct ctl_station_profile_show_args *a)
{
	const struct station *st = site_station(c->hall->site, a->id);
	const struct ocpp_session none = { .o = c->hall->ocpp, .max_stack = INT32_MAX }, *s;

	if (!st)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "station %s: does not exist (station list shows all)", a->id);
	s = session_by_station(c->hall->ocpp, a->id);
	jw_object(&c->w);
	jw_key(&c->w, "items");
	jw_array(&c->w);
	held_write(s ? s : &none, st, &c->w);
	jw_array_end(&c->w);
	jw_object_end(&c->w);
	return 0;
}

int ctl_station_profile_clear(struct ctl_call *c, const struct ctl_station_profile_clear_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_check_connector(c, a->connector, 0);

	if (ret == 0)
		ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	if (a->profile_id != NUM_NONE)
		jw_kint(&w, "id", a->profile_id);
	if (a->connector != NUM_NONE)
		jw_kint(&w, "connectorId", a->connector);
	if (a->purpose)
		jw_kstr(&w, "chargingProfilePurpose", a->purpose);
	if (a->stack_level != NUM_NONE)
		jw_kint(&w, "stackLevel", a->stack_level);
	return ctl_call_end(c, s, "ClearChargingProfile", &b, &w, STYLE_STATION);
}

int ctl_station_profile_composite(struct ctl_call *c, const struct ctl_station_profile_composite_args *a)
{
	int64_t ms = a->duration_ms != NUM_NONE ? a->duration_ms : 3600000;
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_check_connector(c, a->connector, 0);

	if (ret == 0 && (ms < 1000 || ms / 1000 > INT32_MAX))
		ret = diag_set(&c->diag, -LMS_ERANGE, "duration: must be a second or more");
	if (ret == 0)
		ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kint(&w, "connectorId", a->connector != NUM_NONE ? a->connector : 0);
	jw_kint(&w, "duration", ms / 1000);
	if (a->unit)
		jw_kstr(&w, "chargingRateUnit", a->unit);
	return ctl_call_end(c, s, "GetCompositeSchedule", &b, &w, STYLE_STATION);
}
