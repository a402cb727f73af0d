/* lmsctl/cmd/cmd_meter.c - meter check and meter scan, for people: what was read, what is wrong, what to do. */
#include <stdio.h>
#include <string.h>

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
