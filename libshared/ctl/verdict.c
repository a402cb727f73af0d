/* ctl/verdict.c - yes or no, from what a station has answered.
 *
 * OCPP 1.6 says yes in several words, per message. What has no status said yes by answering.
 */
#include "ctl/ctl.h"

#include <string.h>

#include "base/err.h"

bool ctl_status_is_yes(const char *status)
{
	return enum_index("Accepted|AcceptedCanceled|Scheduled|RebootRequired|Unlocked", status) >= 0;
}

/* What a job was given, and was answered, is kept for a while, and one secret is for one station. */
static bool has_secret(const struct ctl_verb_desc *v)
{
	for (size_t i = 0; i < v->arg_count; i++)
		if (v->args[i].flags & FIELD_SECRET)
			return true;
	return false;
}

bool ctl_is_for_stations(const struct ctl_verb_desc *v)
{
	return !has_secret(v) && v->noun == CTL_NOUN_station && (v->result == CTL_STATION || v->result == CTL_TEXT) && v->arg_count > 0 &&
		strcmp(v->args[0].name, "id") == 0 && v->args[0].type == FIELD_ID;
}

int ctl_verdict(const struct ctl_verb_desc *v, const struct json *result)
{
	const struct json *payload = v->id == CTL_VERB_station_call ? json_get(result, "answer") : result;
	const struct json *status = json_get(payload, "status"), *keys = json_get(payload, "configurationKey"),
			  *unknown = json_get(payload, "unknownKey");
	int64_t version;

	/* {"error": code …}: station call passes a CALLERROR as it is. */
	if (!payload)
		return -LMS_EREFUSED;
	if (v->result == CTL_STATION || (v->id == CTL_VERB_station_call && status))
		return ctl_status_is_yes(json_str(status, "")) ? 0 : -LMS_EREFUSED;
	/* OCPP 1.6, 6.22: 0 is a list that is empty, -1 a station that has none. */
	if (v->id == CTL_VERB_station_local_list_version)
		return json_int(json_get(payload, "listVersion"), &version) == 0 && version < 0 ? -LMS_EREFUSED : 0;
	if (v->id == CTL_VERB_station_config_get)
		return unknown && unknown->count > 0 && (!keys || keys->count == 0) ? -LMS_EREFUSED : 0;
	return 0;
}
