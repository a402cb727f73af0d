/* Pages of a history: read row by row, refused where they contradict themselves, and sorted into charts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "chart/series.h"

#define COLUMNS "'columns':[{'variable':'current_l1','unit':'A','decimals':3,'stat':'value'}," \
		"{'variable':'power_total','unit':'W','decimals':0,'stat':'value'}]"

static const struct json *parse(struct arena *arena, const char *text)
{
	char *json = arena_strdup(arena, text);
	struct json *j;

	for (char *s = json; *s; s++)
		*s = *s == '\'' ? '"' : *s;
	j = json_parse(arena, json, strlen(json), &JSON_CAPS_DEFAULT, NULL);
	assert_non_null(j);
	return j;
}

static void rows_are_read_in_turn_with_gaps_and_quality(void **state)
{
	struct history_page page;
	struct history_row row;
	struct arena arena;
	char name[64];
	(void)state;

	arena_init(&arena);
	assert_int_equal(history_page_read(parse(&arena, "{'step_ms':10000," COLUMNS ",'rows':[[1000,16700,null],"
							 "[11000,1,2,'ig']],'cursor':'x'}"), &page, NULL), 0);
	assert_true(page.count == 2 && page.step_ms == 10000 && strcmp(page.cursor, "x") == 0);
	assert_int_equal(history_page_next(&page, &row, NULL), 1);
	assert_true(row.time == US_PER_S && row.values[0] == 16700 && row.values[1] == NUM_NONE && row.quality == NULL);
	assert_int_equal(history_page_next(&page, &row, NULL), 1);
	assert_string_equal(row.quality, "ig");
	assert_int_equal(history_page_next(&page, &row, NULL), 0);
	history_column_name(&page.columns[0], name, sizeof(name));
	assert_string_equal(name, "current_l1_ma");
	strcpy(page.columns[1].stat, "max");
	history_column_name(&page.columns[1], name, sizeof(name));
	assert_string_equal(name, "max_power_total_w");
	arena_fini(&arena);
}

static void what_contradicts_itself_is_refused(void **state)
{
	static const char *const pages[] = {
		"{}", "{'columns':[],'rows':{}}", "{" COLUMNS ",'rows':null}", "{'columns':[{'unit':'A','decimals':3}],'rows':[]}",
		"{'columns':[{'variable':'x','unit':'A','decimals':99}],'rows':[]}", "{'columns':[null],'rows':[]}",
	};
	static const char *const rows[] = {
		"[[1000,1]]", "[[null,1,2]]", "[[1000,1,'g']]", "[[1000,1.5,2]]", "[[1000,1,2,'g']]", "[7]", "[[]]",
		"[[9223372036854775807,1,2]]",
	};
	struct history_page page;
	struct history_row row;
	struct arena arena;
	char text[400];
	(void)state;

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		assert_int_equal(history_page_read(parse(&arena, pages[i]), &page, NULL), -LMS_EPROTOCOL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text), "{" COLUMNS ",'rows':%s}", rows[i]);
		assert_int_equal(history_page_read(parse(&arena, text), &page, NULL), 0);
		assert_int_equal(history_page_next(&page, &row, NULL), -LMS_EPROTOCOL);
	}
	arena_fini(&arena);
}

static void columns_of_one_kind_share_a_chart_and_what_is_not_good_is_a_gap(void **state)
{
	static const char *const names[] = { "current_l1", "current_l2", "power_total", "power_l1", "ev_current_l1",
					     "voltage_l1n", "voltage_l12", "limit" };
	static const struct {
		const char *title;
		size_t curves;
	} charts[] = { { "current", 2 }, { "power", 2 }, { "ev_current", 1 }, { "voltage", 1 }, { "voltage", 1 }, { "limit", 1 } };
	struct history_page page = { .count = ARRAY_LEN(names), .step_ms = 10000 };
	struct chart c;
	struct series s;
	struct arena arena;
	char title[40];
	(void)state;

	arena_init(&arena);
	series_init(&s);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		strcpy(page.columns[i].variable, names[i]);
		strcpy(page.columns[i].unit, *names[i] == 'p' ? "W" : *names[i] == 'v' ? "V" : "A");
	}
	page.next = parse(&arena, "[[0,1,2,3,4,5,6,7,8],[10000,1,2,3,4,5,6,7,8,'gigggggg']]")->first;
	assert_int_equal(series_add(&s, &page, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(charts); i++) {
		assert_true(series_chart(&s, i, &c, title, sizeof(title)));
		assert_string_equal(title, charts[i].title);
		assert_int_equal(c.curve_count, charts[i].curves);
	}
	assert_false(series_chart(&s, ARRAY_LEN(charts), &c, title, sizeof(title)));
	series_chart(&s, 0, &c, title, sizeof(title));
	assert_true(c.count == 2 && c.curves[1].values[0] == 2 && c.curves[1].values[1] == NUM_NONE && c.curves[0].values[1] == 1);
	assert_true(c.gap_us > 10 * US_PER_S && c.gap_us < 20 * US_PER_S);
	/* a page with other columns is not mixed in */
	page.count = 2;
	assert_int_equal(series_add(&s, &page, NULL), -LMS_EPROTOCOL);
	series_fini(&s);
	arena_fini(&arena);
}

static void a_span_is_asked_for_in_whole_minutes_or_as_stored(void **state)
{
	(void)state;
	assert_int_equal(series_step_ms(300 * US_PER_S, 160), 0);
	assert_int_equal(series_step_ms(3600 * US_PER_S, 160), 0);
	assert_int_equal(series_step_ms(6 * 3600 * US_PER_S, 160), 5 * 60000);
	assert_int_equal(series_step_ms(86400 * US_PER_S, 160), 10 * 60000);
	assert_int_equal(series_step_ms(INT64_C(30) * 86400 * US_PER_S, 160), 360 * 60000);
	assert_int_equal(series_step_ms(INT64_C(3650) * 86400 * US_PER_S, 160), 1440 * 60000);
	assert_int_equal(series_step_ms(0, 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_read_in_turn_with_gaps_and_quality),
		cmocka_unit_test(what_contradicts_itself_is_refused),
		cmocka_unit_test(columns_of_one_kind_share_a_chart_and_what_is_not_good_is_a_gap),
		cmocka_unit_test(a_span_is_asked_for_in_whole_minutes_or_as_stored),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
