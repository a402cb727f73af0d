/* lmsctl/cmd/cmd_station.c - what stations answer, and why a connector has its limit. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/output.h"

static const char *note_on(const char *status)
{
	if (strcmp(status, "RebootRequired") == 0)
		return " (takes effect after `lmsctl station restart`)";
	if (strcmp(status, "Scheduled") == 0)
		return " (when the running session has ended)";
	if (strcmp(status, "AcceptedCanceled") == 0)
		return " (the job before is cancelled)";
	return "";
}

/* The refusal itself is the answer on stdout; the exit status says it to scripts. */
static int verdict(const char *status)
{
	return ctl_status_is_yes(status) ? 0 : -LMS_EREFUSED;
}

/* The same call with other words at its end: it asks again and again for the one test. */
static int ask_test(struct lmsctl *l, const char *params, const char *more, const struct json **result)
{
	size_t len = strlen(params);
	struct buf b;
	int ret;

	while (len > 0 && params[len - 1] != '}')
		len--;
	buf_init(&b);
	buf_printf(&b, "%.*s,%s}", (int)(len ? len - 1 : 0), params, more);
	ret = client_call(l->client, l->verb->method, buf_cstr(&b), result, &l->diag);
	buf_fini(&b);
	return ret;
}

/* Says on stderr what the station is being put through; who gives wait or follow wants one answer. */
int cmd_station_test(struct lmsctl *l, const char *params, const struct json **result)
{
	char said[600] = "";
	int ret;

	if (strstr(params, "\"wait_ms\":") || strstr(params, "\"wait\":") || strstr(params, "\"follow\":"))
		return client_call(l->client, l->verb->method, params, result, &l->diag);
	ret = ask_test(l, params, "\"wait_ms\":0", result);
	while (ret == 0 && strcmp(json_str(json_get(*result, "status"), ""), "Running") == 0) {
		const char *text = json_str(json_get(*result, "test"), "");

		if (!l->opt.quiet && strcmp(said, text) != 0)
			fprintf(stderr, "%s\n", text);
		snprintf(said, sizeof(said), "%s", text);
		ret = ask_test(l, params, "\"wait_ms\":1000,\"follow\":true", result);
	}
	return ret;
}

int cmd_station_answer(struct lmsctl *l, const struct json *result)
{
	const char *status = json_str(json_get(result, "status"), "");

	if (!result || result->type != JSON_OBJECT)
		return diag_set(&l->diag, -LMS_EPROTOCOL, "lmsd answered no status");
	switch (l->opt.format) {
	case FORMAT_JSON:
	case FORMAT_NDJSON:
		output_json_line(l, result);
		return verdict(status);
	case FORMAT_VALUE:
	case FORMAT_CSV:
	case FORMAT_TSV:
		output_text(status, strlen(status));
		putchar('\n');
		return verdict(status);
	case FORMAT_TABLE:
	case FORMAT_WIDE:
		break;
	}
	if (l->opt.quiet && ctl_status_is_yes(status))
		return 0;
	output_text(status, strlen(status));
	puts(note_on(status));
	for (const struct json *m = result->first; m; m = m->next) {
		if (strcmp(m->key, "status") == 0 || m->type == JSON_NULL || (m->type == JSON_STRING && m->len == 0))
			continue;
		printf("%s: ", m->key);
		if (m->type == JSON_STRING) {
			output_text(m->text, m->len);
			putchar('\n');
		} else {
			output_json_line(l, m);
		}
	}
	return verdict(status);
}

/* {"answer": payload of the CALLRESULT} is printed as that payload; {"error": code, "description":
 * …} of a CALLERROR as it is. */
int cmd_station_call(struct lmsctl *l, const struct json *result)
{
	const struct json *payload = json_get(result, "answer");

	output_json_line(l, payload ? payload : result);
	return ctl_verdict(l->verb, result);
}

int cmd_list_version(struct lmsctl *l, const struct json *result)
{
	if (l->opt.format == FORMAT_TABLE || l->opt.format == FORMAT_WIDE)
		output_json(l, result);
	else if (l->opt.format == FORMAT_JSON || l->opt.format == FORMAT_NDJSON)
		output_json_line(l, result);
	else
		output_json_line(l, json_get(result, "listVersion"));
	return ctl_verdict(l->verb, result);
}

/* GetConfiguration: a table of the keys, then those that the station does not know. */
int cmd_config_get(struct lmsctl *l, const struct json *result)
{
	const struct json *keys = json_get(result, "configurationKey"),
			  *unknown = json_get(result, "unknownKey");

	if (keys && keys->count > 0)
		output_json(l, keys);
	for (const struct json *k = unknown ? unknown->first : NULL; k; k = k->next) {
		output_text(json_str(k, ""), strlen(json_str(k, "")));
		puts(": unknown to the station");
	}
	return ctl_verdict(l->verb, result);
}

/* A row for each key that it shall have; what it refused is an answer, and says so in the exit status. */
int cmd_config_rows(struct lmsctl *l, const struct json *result)
{
	const struct json *rows = json_get(result, "rows");
	bool refused = false;

	for (const struct json *r = rows ? rows->first : NULL; r; r = r->next)
		refused |= strcmp(json_str(json_get(r, "state"), ""), "refused") == 0;
	if (rows && (l->opt.format == FORMAT_JSON || l->opt.format == FORMAT_NDJSON))
		output_json_line(l, rows);
	else if (rows)
		output_json(l, rows);
	return refused ? -LMS_EREFUSED : 0;
}

int cmd_explain(struct lmsctl *l, const struct json *result)
{
	const struct json *causes = json_get(result, "causes");
	int depth = 0;

	if (!causes || causes->type != JSON_ARRAY) {
		output_json(l, result);
		return 0;
	}
	for (const struct json *c = causes->first; c; c = c->next, depth++) {
		const char *text = json_str(json_get(c, "text"), NULL);

		printf("%*s", 2 * depth, "");
		if (!text)
			text = json_str(c, json_str(json_get(c, "code"), "?"));
		output_text(text, strlen(text));
		putchar('\n');
	}
	return 0;
}
