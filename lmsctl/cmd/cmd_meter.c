/* lmsctl/cmd/cmd_meter.c - meter check and meter scan, for people: what was read, what is wrong, what to do. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/grid.h"
#include "lmsctl/output.h"

static const char *text_of(const struct json *o, const char *key, struct arena *arena)
{
	const char *text = json_str(json_get(o, key), NULL);
	struct buf b;

	if (!text)
		return "-";
	buf_init(&b);
	text_escape(&b, text, strlen(text));
	text = arena_strdup(arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

/* A number with its unit, as it came. */
static const char *quantity(const struct json *o, const char *key, struct arena *arena)
{
	const struct json *v = json_get(o, key);
	const char *unit = json_str(json_get(o, "unit"), "");

	if (!v || v->type != JSON_NUMBER)
		return "-";
	return arena_printf(arena, "%s%s%s", v->text, *unit ? " " : "", unit);
}

static const char *number(const struct json *o, const char *key, struct arena *arena)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_NUMBER ? arena_strdup(arena, v->text) : "-";
}

/* What the register counts as here, where that is not what it says; or why it says nothing. */
static const char *remark(const struct json *o, struct arena *arena)
{
	const char *as = json_str(json_get(o, "counts_as"), NULL), *error = json_str(json_get(o, "error"), NULL);
	const char *quality = json_str(json_get(o, "quality"), "good");

	if (error)
		return text_of(o, "error", arena);
	if (as)
		return arena_printf(arena, "counts as %s %s", text_of(o, "counts_as", arena), quantity(o, "counts", arena));
	return strcmp(quality, "good") == 0 ? "" : text_of(o, "quality", arena);
}

static void print_registers(struct lmsctl *l, const struct json *rows)
{
	static const char *const headings[] = { "REGISTER", "FC", "ADDRESS", "RAW", "VALUE", "MS", "" };
	size_t row = 1;
	struct grid g;

	if (!rows || rows->count == 0)
		return;
	grid_init(&g, rows->count + 1, ARRAY_LEN(headings));
	for (size_t c = 0; c < ARRAY_LEN(headings); c++) {
		grid_set(&g, 0, c, headings[c]);
		g.right[c] = c == 1 || c == 2 || c == 4 || c == 5;
	}
	for (const struct json *o = rows->first; o; o = o->next, row++) {
		grid_set(&g, row, 0, text_of(o, "name", &g.arena));
		grid_set(&g, row, 1, number(o, "function", &g.arena));
		grid_set(&g, row, 2, number(o, "address", &g.arena));
		grid_set(&g, row, 3, text_of(o, "raw", &g.arena));
		grid_set(&g, row, 4, quantity(o, "value", &g.arena));
		grid_set(&g, row, 5, number(o, "latency_ms", &g.arena));
		grid_set(&g, row, 6, remark(o, &g.arena));
	}
	grid_print(&g, l, false);
	grid_fini(&g);
}

static void print_line(const char *lead, const char *text)
{
	fputs(lead, stdout);
	output_text(text, strlen(text));
	putchar('\n');
}

static int exit_of(const struct json *result)
{
	const char *verdict = json_str(json_get(result, "verdict"), "");

	if (strcmp(verdict, "good") == 0)
		return 0;
	return strcmp(verdict, "no_answer") == 0 ? -LMS_EOFFLINE : -LMS_EFAILED;
}

int cmd_meter_check(struct lmsctl *l, const struct json *result)
{
	const struct json *findings = json_get(result, "findings");
	const char *verdict = json_str(json_get(result, "text"), "");

	if (!result || result->type != JSON_OBJECT)
		return diag_set(&l->diag, -LMS_EPROTOCOL, "lmsd answered no verdict");
	if (l->opt.format == FORMAT_VALUE || l->opt.format == FORMAT_CSV || l->opt.format == FORMAT_TSV) {
		print_line("", verdict);
		return exit_of(result);
	}
	if (l->opt.format != FORMAT_TABLE && l->opt.format != FORMAT_WIDE) {
		output_json_line(l, result);
		return exit_of(result);
	}
	if (exit_of(result) != -LMS_EOFFLINE && !l->opt.quiet) {
		print_registers(l, json_get(result, "registers"));
		putchar('\n');
		for (const struct json *f = findings ? findings->first : NULL; f; f = f->next)
			print_line(strcmp(json_str(json_get(f, "severity"), ""), "note") == 0 ? "note: " : "found: ",
				   json_str(json_get(f, "text"), ""));
	}
	print_line("", verdict);
	return exit_of(result);
}

/* ---- meter scan ------------------------------------------------------------------------------------ */

/* Asks again and again how far it is, which is what keeps it going. Who gives wait wants one answer. */
int cmd_meter_scan(struct lmsctl *l, const char *params, const struct json **result)
{
	bool shows = !l->opt.quiet && isatty(STDERR_FILENO);
	size_t len = strlen(params);
	struct buf b;
	int ret;

	if (strstr(params, "\"wait_ms\":") || strstr(params, "\"wait\":") || strstr(params, "\"cancel\":"))
		return client_call(l->client, l->verb->method, params, result, &l->diag);
	buf_init(&b);
	buf_printf(&b, "%.*s%s\"wait_ms\":0}", (int)(len - 1), params, len > 2 ? "," : "");
	ret = client_call(l->client, l->verb->method, buf_cstr(&b), result, &l->diag);
	buf_fini(&b);
	snprintf(interrupt_note, sizeof(interrupt_note), "%sthe scan ends, as nobody waits for it (meter scan --follow tells what "
		 "it has found)\n", shows ? "\r\033[K" : "");
	while (ret == 0 && strcmp(json_str(json_get(*result, "status"), ""), "running") == 0) {
		if (shows)
			fprintf(stderr, "\r\033[K%s", json_str(json_get(*result, "text"), ""));
		ret = client_call(l->client, l->verb->method, "{\"follow\":true,\"wait_ms\":1000}", result, &l->diag);
	}
	interrupt_note[0] = '\0';
	if (shows)
		fputs("\r\033[K", stderr);
	return ret;
}

static void print_found(struct lmsctl *l, const struct json *rows)
{
	static const char *const headings[] = { "SLAVE", "ADDRESS", "METER", "PROFILES", "KNOWN BY", "MS" };
	size_t row = 1;
	struct grid g;

	grid_init(&g, rows->count + 1, ARRAY_LEN(headings));
	for (size_t c = 0; c < ARRAY_LEN(headings); c++) {
		grid_set(&g, 0, c, headings[c]);
		g.right[c] = c == 0 || c == 5;
	}
	for (const struct json *o = rows->first; o; o = o->next, row++) {
		bool garbled = strcmp(json_str(json_get(o, "state"), ""), "garbled") == 0;

		grid_set(&g, row, 0, number(o, "slave", &g.arena));
		grid_set(&g, row, 1, text_of(o, "address", &g.arena));
		grid_set(&g, row, 2, text_of(o, "meter", &g.arena));
		grid_set(&g, row, 3, garbled ? "(what it sends is no frame)" : text_of(o, "profiles", &g.arena));
		grid_set(&g, row, 4, text_of(o, "known_by", &g.arena));
		grid_set(&g, row, 5, number(o, "latency_ms", &g.arena));
	}
	grid_print(&g, l, false);
	grid_fini(&g);
}

/* Somebody was found; nobody answers; it was called off, or runs on. */
int cmd_meter_found(struct lmsctl *l, const struct json *result)
{
	const struct json *found = json_get(result, "found");
	const char *status = json_str(json_get(result, "status"), ""), *text = json_str(json_get(result, "text"), "");
	bool people = l->opt.format == FORMAT_TABLE || l->opt.format == FORMAT_WIDE;

	if (!found || found->type != JSON_ARRAY)
		return diag_set(&l->diag, -LMS_EPROTOCOL, "lmsd answered no list of slaves");
	if (!people)
		output_json_line(l, result);
	else if (found->count > 0)
		print_found(l, found);
	if (people && (!l->opt.quiet || found->count == 0))
		print_line("", text);
	if (strcmp(status, "cancelled") == 0)
		return -LMS_EFAILED;
	return found->count == 0 && strcmp(status, "done") == 0 ? -LMS_EOFFLINE : 0;
}
