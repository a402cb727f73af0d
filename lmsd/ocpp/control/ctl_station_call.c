/* ocpp/control/ctl_station_call.c - station restart, unlock, availability, trigger, config get/set, cache clear,
 * data-transfer, call. */
#include <string.h>

#include "base/err.h"
#include "ocpp/control/ctl_call.h"

int ctl_station_restart(struct ctl_call *c, const struct ctl_station_restart_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_call_begin(c, a->id, &s, &b, &w);

	if (ret)
		return ret;
	jw_kstr(&w, "type", a->hard == 1 ? "Hard" : "Soft");
	return ctl_call_end(c, s, "Reset", &b, &w, STYLE_STATION);
}

int ctl_station_unlock(struct ctl_call *c, const struct ctl_station_unlock_args *a)
{
	int64_t number = a->connector == NUM_NONE ? 1 : a->connector;
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_check_connector(c, number, 1);

	if (ret == 0)
		ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kint(&w, "connectorId", number);
	return ctl_call_end(c, s, "UnlockConnector", &b, &w, STYLE_STATION);
}

int ctl_station_availability(struct ctl_call *c, const struct ctl_station_availability_args *a)
{
	int64_t number = a->connector == NUM_NONE ? 0 : a->connector;
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_check_connector(c, number, 0);

	if (ret == 0)
		ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kint(&w, "connectorId", number);
	jw_kstr(&w, "type", a->type);
	return ctl_call_end(c, s, "ChangeAvailability", &b, &w, STYLE_STATION);
}

/* Which of the two has this message; NULL: not the one that was asked for. */
static const char *trigger_action(const struct ctl_station_trigger_args *a)
{
	bool both = strcmp(a->message, "DiagnosticsStatusNotification") != 0;

	if (a->extended == 1)
		return both ? "ExtendedTriggerMessage" : NULL;
	return strcmp(a->message, "LogStatusNotification") == 0 || strcmp(a->message, "SignChargePointCertificate") == 0 ?
		"ExtendedTriggerMessage" : "TriggerMessage";
}

int ctl_station_trigger(struct ctl_call *c, const struct ctl_station_trigger_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	const char *action = trigger_action(a);
	int ret = ctl_check_connector(c, a->connector, 0);

	if (!action)
		return diag_set(&c->diag, -LMS_EUSAGE, "extended: %s is not a message of ExtendedTriggerMessage",
				a->message);
	if (ret == 0)
		ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kstr(&w, "requestedMessage", a->message);
	if (a->connector != NUM_NONE)
		jw_kint(&w, "connectorId", a->connector);
	return ctl_call_end(c, s, action, &b, &w, STYLE_STATION);
}

int ctl_station_config_get(struct ctl_call *c, const struct ctl_station_config_get_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_call_begin(c, a->id, &s, &b, &w);

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
	return ctl_call_end(c, s, "GetConfiguration", &b, &w, STYLE_PAYLOAD);
}

int ctl_station_config_set(struct ctl_call *c, const struct ctl_station_config_set_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_call_begin(c, a->id, &s, &b, &w);

	if (ret)
		return ret;
	jw_kstr(&w, "key", a->key);
	jw_kstr(&w, "value", a->value);
	return ctl_call_end(c, s, "ChangeConfiguration", &b, &w, STYLE_STATION);
}

int ctl_station_cache_clear(struct ctl_call *c, const struct ctl_station_cache_clear_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_call_begin(c, a->id, &s, &b, &w);

	return ret ? ret : ctl_call_end(c, s, "ClearCache", &b, &w, STYLE_STATION);
}

int ctl_station_data_transfer(struct ctl_call *c, const struct ctl_station_data_transfer_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret;

	if (strlen(a->vendor) > 255)
		return diag_set(&c->diag, -LMS_ERANGE, "vendor: is longer than 255 characters");
	if (a->message && strlen(a->message) > 50)
		return diag_set(&c->diag, -LMS_ERANGE, "message: is longer than 50 characters");
	ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kstr(&w, "vendorId", a->vendor);
	if (a->message)
		jw_kstr(&w, "messageId", a->message);
	if (a->data)
		jw_kstr(&w, "data", a->data);
	return ctl_call_end(c, s, "DataTransfer", &b, &w, STYLE_STATION);
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
