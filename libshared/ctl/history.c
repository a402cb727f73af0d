/* ctl/history.c - see history.h; what the members mean is said in history.def. */
#include "ctl/history.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

static int odd(struct diag *d, const char *what)
{
	return diag_set(d, -LMS_EPROTOCOL, "lmsd answered a history with %s", what);
}

static int read_column(const struct json *j, struct history_column *c, struct diag *d)
{
	int64_t decimals = 0;

	snprintf(c->variable, sizeof(c->variable), "%s", json_str(json_get(j, "variable"), ""));
	snprintf(c->unit, sizeof(c->unit), "%s", json_str(json_get(j, "unit"), ""));
	snprintf(c->stat, sizeof(c->stat), "%s", json_str(json_get(j, "stat"), "value"));
	if (!c->variable[0] || json_int(json_get(j, "decimals"), &decimals) || decimals < 0 || decimals > 9)
		return odd(d, "a column that cannot be understood");
	c->decimals = (int)decimals;
	return 0;
}

int history_page_read(const struct json *answer, struct history_page *out, struct diag *d)
{
	const struct json *columns = json_get(answer, "columns");
	int ret = 0;

	memset(out, 0, sizeof(*out));
	out->rows = json_get(answer, "rows");
	if (!columns || columns->type != JSON_ARRAY || !out->rows || out->rows->type != JSON_ARRAY)
		return odd(d, "no columns or rows");
	if (columns->count > HISTORY_COLUMNS_MAX)
		return odd(d, "more columns than there can be (name fewer variables)");
	for (const struct json *j = columns->first; j && ret == 0; j = j->next)
		ret = read_column(j, &out->columns[out->count++], d);
	json_int(json_get(answer, "step_ms"), &out->step_ms);
	out->cursor = json_str(json_get(answer, "cursor"), NULL);
	out->next = out->rows->first;
	return ret;
}

int history_page_next(struct history_page *p, struct history_row *out, struct diag *d)
{
	const struct json *cell;
	int64_t ms;

	if (!p->next)
		return 0;
	cell = p->next->first;
	if (p->next->type != JSON_ARRAY || json_int(cell, &ms) || __builtin_mul_overflow(ms, US_PER_MS, &out->time))
		return odd(d, "a row without time");
	cell = cell->next;
	for (size_t i = 0; i < p->count; i++) {
		out->values[i] = NUM_NONE;
		if (!cell || (cell->type != JSON_NULL && json_int(cell, &out->values[i])))
			return odd(d, "a row that does not fit its columns");
		cell = cell->next;
	}
	out->quality = json_str(cell, NULL);
	if (out->quality && strlen(out->quality) != p->count)
		return odd(d, "a row whose quality does not fit its columns");
	p->next = p->next->next;
	return 1;
}

/* What raw integers of this unit are called in names. */
static const char *suffix(const struct history_column *c)
{
	static const struct {
		const char *unit;
		int decimals;
		const char *suffix;
	} rows[] = {
		{ "A", 3, "_ma" }, { "V", 3, "_mv" }, { "W", 0, "_w" },	   { "var", 0, "_var" },     { "VA", 0, "_va" },
		{ "Hz", 3, "_mhz" }, { "Wh", 0, "_wh" }, { "", 3, "_permille" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].unit, c->unit) == 0 && rows[i].decimals == c->decimals)
			return rows[i].suffix;
	}
	return "";
}

void history_column_name(const struct history_column *c, char *out, size_t size)
{
	bool extreme = strcmp(c->stat, "min") == 0 || strcmp(c->stat, "max") == 0;

	snprintf(out, size, "%s%s%s%s", extreme ? c->stat : "", extreme ? "_" : "", c->variable, suffix(c));
}
