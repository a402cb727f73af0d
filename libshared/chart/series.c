/* chart/series.c - see series.h. */
#include "chart/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "ctl/ctl.h"

void series_init(struct series *s)
{
	memset(s, 0, sizeof(*s));
}

void series_fini(struct series *s)
{
	free(s->times);
	for (size_t i = 0; i < ARRAY_LEN(s->values); i++)
		free(s->values[i]);
	memset(s, 0, sizeof(*s));
}

void series_clear(struct series *s)
{
	s->count = s->column_count = 0;
	s->step_ms = 0;
}

static void grow(struct series *s)
{
	if (s->count < s->cap)
		return;
	s->cap = s->cap ? s->cap * 2 : 512;
	s->times = xrealloc(s->times, s->cap * sizeof(*s->times));
	for (size_t i = 0; i < ARRAY_LEN(s->values); i++) {
		if (i < s->column_count || s->values[i])
			s->values[i] = xrealloc(s->values[i], s->cap * sizeof(*s->values[i]));
	}
}

static void take_columns(struct series *s, const struct history_column *columns, size_t count)
{
	if (s->column_count)
		return;
	s->column_count = count;
	memcpy(s->columns, columns, count * sizeof(s->columns[0]));
	for (size_t i = 0; i < count; i++) {
		if (s->cap && !s->values[i])
			s->values[i] = xmalloc(s->cap * sizeof(*s->values[i]));
	}
}

static int add_row(struct series *s, const struct history_row *row, struct diag *d)
{
	if (s->count == SERIES_ROWS_MAX)
		return diag_set(d, -LMS_ERANGE, "too many values to draw (ask for a longer step, or a shorter period)");
	grow(s);
	s->times[s->count] = row->time;
	for (size_t i = 0; i < s->column_count; i++) {
		bool bad = row->quality && row->quality[i] != 'g';

		s->values[i][s->count] = bad ? NUM_NONE : row->values[i];
	}
	s->count++;
	return 0;
}

int series_add(struct series *s, struct history_page *page, struct diag *d)
{
	struct history_row row;
	int ret;

	take_columns(s, page->columns, page->count);
	if (page->count != s->column_count)
		return diag_set(d, -LMS_EPROTOCOL, "lmsd answered a history whose columns change");
	if (page->step_ms > s->step_ms)
		s->step_ms = page->step_ms;
	while ((ret = history_page_next(page, &row, d)) > 0) {
		ret = add_row(s, &row, d);
		if (ret)
			break;
	}
	return ret;
}

int series_add_curve(struct series *s, const struct json *items, struct diag *d)
{
	static const struct history_column columns[] = {
		{ "power", "W", "value", 0 },	   { "current_l1", "A", "value", 3 }, { "current_l2", "A", "value", 3 },
		{ "current_l3", "A", "value", 3 }, { "energy", "Wh", "value", 0 },
	};
	struct arena arena;
	int ret = 0;

	take_columns(s, columns, ARRAY_LEN(columns));
	arena_init(&arena);
	for (const struct json *j = items ? items->first : NULL; j && ret == 0; j = j->next) {
		struct history_row row = { .quality = NULL };
		const struct ctl_curve_point *point;
		void *rec;

		ret = ctl_record_read(&ctl_nouns[CTL_NOUN_curve_point], j, &arena, &rec, d);
		if (ret)
			break;
		point = rec;
		row.time = point->time;
		row.values[0] = point->power_w;
		for (int k = 0; k < PHASES; k++)
			row.values[1 + k] = point->current_ma.l[k];
		row.values[4] = point->energy_wh;
		ret = add_row(s, &row, d);
		arena_reset(&arena);
	}
	arena_fini(&arena);
	return ret;
}

/* ---- charts ---- */

/* "ev_current" of "ev_current_l1", "voltage" of "voltage_l1n": what a chart is called. */
static size_t stem(const char *variable)
{
	const char *last = strrchr(variable, '_');

	if (last && last[1] == 'l' && last[2] >= '1' && last[2] <= '3')
		return (size_t)(last - variable);
	if (last && (strcmp(last, "_total") == 0 || strcmp(last, "_n") == 0))
		return (size_t)(last - variable);
	return strlen(variable);
}

/* Voltages between phases are another height than those to neutral. */
static char kind(const char *variable)
{
	const char *last = strrchr(variable, '_');
	size_t len = strlen(variable);

	return last && last[1] == 'l' && variable[len - 1] >= '1' && variable[len - 1] <= '3' && last[3] ? 'p' : 'n';
}

static bool together(const struct history_column *a, const struct history_column *b)
{
	return stem(a->variable) == stem(b->variable) && strncmp(a->variable, b->variable, stem(a->variable)) == 0 &&
	       strcmp(a->unit, b->unit) == 0 && a->decimals == b->decimals && kind(a->variable) == kind(b->variable);
}

static bool is_first_of_its_kind(const struct series *s, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (together(&s->columns[k], &s->columns[i]))
			return false;
	}
	return true;
}

static void add_curve(const struct series *s, size_t i, struct chart *out)
{
	struct chart_curve *curve = &out->curves[out->curve_count++];

	chart_name_curve(s->columns[i].variable, curve);
	if (strcmp(s->columns[i].stat, "min") == 0 || strcmp(s->columns[i].stat, "max") == 0) {
		curve->mark = s->columns[i].stat[1] == 'i' ? 'v' : '^';
		strncat(curve->label, s->columns[i].stat[1] == 'i' ? " min" : " max",
			sizeof(curve->label) - strlen(curve->label) - 1);
	}
	curve->values = s->values[i];
}

bool series_chart(const struct series *s, size_t index, struct chart *out, char *title, size_t size)
{
	size_t first = 0;

	for (; first < s->column_count; first++) {
		if (is_first_of_its_kind(s, first) && index-- == 0)
			break;
	}
	if (first >= s->column_count)
		return false;
	out->times = s->times;
	out->count = s->count;
	/* A reading may come a little late; two that are missing are a gap. */
	out->gap_us = s->step_ms * US_PER_MS * 19 / 10;
	out->unit = s->columns[first].unit;
	out->decimals = s->columns[first].decimals;
	out->from_zero = chart_unit_from_zero(out->unit);
	out->curve_count = 0;
	for (size_t i = first; i < s->column_count && out->curve_count < CHART_CURVES_MAX; i++) {
		if (together(&s->columns[first], &s->columns[i]))
			add_curve(s, i, out);
	}
	snprintf(title, size, "%.*s", (int)stem(s->columns[first].variable), s->columns[first].variable);
	return true;
}

int64_t series_step_ms(int64_t span_us, int points)
{
	static const int minutes[] = { 1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440 };
	int64_t want_ms = span_us / US_PER_MS / (points > 0 ? points : 1);
	size_t i = 0;

	/* As stored is every few seconds. */
	if (want_ms < 30000)
		return 0;
	while (i + 1 < ARRAY_LEN(minutes) && minutes[i] * INT64_C(60000) < want_ms)
		i++;
	return minutes[i] * INT64_C(60000);
}
