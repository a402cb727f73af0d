/* ocpp/control/ctl_station_call.c - station restart, unlock, availability, trigger, config get/set, call. */
#include <string.h>

#include "base/err.h"
#include "ocpp/control/ctl_call.h"

/* Begins a payload for a connected station. */
static int begin(struct ctl_call *c, const char *station, struct ocpp_session **s, struct buf *b,
		 struct json_writer *w)
{
	int ret = ctl_session(c, station, s);

	if (ret)
		return ret;
	buf_init(b);
	jw_init(w, b);
	jw_object(w);
	return 0;
}

static int send(struct ctl_call *c, struct ocpp_session *s, const char *action, struct buf *b,
		struct json_writer *w, enum call_style style)
{
	jw_object_end(w);
	return ctl_call_send(c, s, action, b, style);
}

static int check_number(struct ctl_call *c, int64_t number, int64_t least)
{
	if (number >= least && number <= CONNECTORS_MAX)
		return 0;
	return diag_set(&c->diag, -LMS_ERANGE, "connector: must be a number from %d to %d", (int)least,
			CONNECTORS_MAX);
}

int ctl_station_restart(struct ctl_call *c, const struct ctl_station_restart_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = begin(c, a->id, &s, &b, &w);

	if (ret)
		return ret;
	jw_kstr(&w, "type", a->hard == 1 ? "Hard" : "Soft");
	return send(c, s, "Reset", &b, &w, STYLE_STATION);
}

int ctl_station_unlock(struct ctl_call *c, const struct ctl_station_unlock_args *a)
{
	int64_t number = a->connector == NUM_NONE ? 1 : a->connector;
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = check_number(c, number, 1);

	if (ret == 0)
		ret = begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kint(&w, "connectorId", number);
	return send(c, s, "UnlockConnector", &b, &w, STYLE_STATION);
}

int ctl_station_availability(struct ctl_call *c, const struct ctl_station_availability_args *a)
{
	int64_t number = a->connector == NUM_NONE ? 0 : a->connector;
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = check_number(c, number, 0);

	if (ret == 0)
		ret = begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kint(&w, "connectorId", number);
	jw_kstr(&w, "type", a->type);
	return send(c, s, "ChangeAvailability", &b, &w, STYLE_STATION);
}

int ctl_station_trigger(struct ctl_call *c, const struct ctl_station_trigger_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = a->connector == NUM_NONE ? 0 : check_number(c, a->connector, 0);

	if (ret == 0)
		ret = begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kstr(&w, "requestedMessage", a->message);
	if (a->connector != NUM_NONE)
		jw_kint(&w, "connectorId", a->connector);
	return send(c, s, "TriggerMessage", &b, &w, STYLE_STATION);
}

int ctl_station_config_get(struct ctl_call *c, const struct ctl_station_config_get_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = begin(c, a->id, &s, &b, &w);

	if (ret)
		return ret;
	if (a->key && *a->key) {
		jw_key(&w, "key");
		jw_array(&w);
		for (const char *p = a->key; *p; p += strspn(p, ", ")) {
			size_t len = strcspn(p, ", ");

			if (len)
				jw_strn(&w, p, len);
			p += len;
		}
		jw_array_end(&w);
	}
	return send(c, s, "GetConfiguration", &b, &w, STYLE_PAYLOAD);
}

int ctl_station_config_set(struct ctl_call *c, const struct ctl_station_config_set_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = begin(c, a->id, &s, &b, &w);

	if (ret)
		return ret;
	jw_kstr(&w, "key", a->key);
	jw_kstr(&w, "value", a->value);
	return send(c, s, "ChangeConfiguration", &b, &w, STYLE_STATION);
}

static bool is_action(const char *action)
{
	size_t len = strlen(action);

	return len > 0 && len < sizeof(((struct call *)NULL)->action) &&
		strspn(action, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.") == len;
}

int ctl_station_call(struct ctl_call *c, const struct ctl_station_call_args *a)
{
	const char *text = a->payload ? a->payload : "{}";
	const struct ocpp_message *m = ocpp_message_find(a->action);
	struct ocpp_session *s;
	struct json_writer w;
	struct json *payload;
	struct buf b;
	int ret;

	if (!is_action(a->action))
		return diag_set(&c->diag, -LMS_EUSAGE, "action: must be an OCPP action such as GetConfiguration");
	payload = json_parse(c->arena, text, strlen(text), &JSON_CAPS_DEFAULT, &c->diag);
	if (!payload)
		return c->diag.err;
	if (payload->type != JSON_OBJECT)
		return diag_set(&c->diag, -LMS_EDATA, "payload: must be a JSON object, e.g. '{\"type\":\"Soft\"}'");
	ret = ctl_session(c, a->id, &s);
	if (ret)
		return ret;
	buf_init(&b);
	jw_init(&w, &b);
	if (m)
		ocpp_payload_write(m->req, payload, &w);
	else
		jw_copy(&w, payload);
	return ctl_call_send(c, s, a->action, &b, STYLE_RAW);
}
