/* What keys do: moving, drilling down, filter, order, hold, and actions that are asked twice. */
#include "lmstop_rig.h"

static const char *selected(struct rig *r)
{
	rig_picture(r);
	return ui_level(&r->ui)->selected_id;
}

static void test_the_selection_stays_with_its_thing(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	rig_type(&r, "2DDD");
	assert_string_equal(selected(&r), "CP10");
	rig_push(&r.model, MODEL_STATIONS,
		 "{'watch':1,'seq':1,'changed':[{'id':'CP0'}],'gone':['CP1','CP2']}", RIG_NOW);
	assert_string_equal(selected(&r), "CP10");
	rig_push(&r.model, MODEL_STATIONS, "{'watch':1,'seq':1,'changed':[],'gone':['CP10']}",
		 RIG_NOW);
	assert_string_equal(selected(&r), "CP11");
	rig_snapshot(&r.model, MODEL_STATIONS, "", RIG_NOW);
	assert_string_equal(selected(&r), "NEW-1");
	rig_type(&r, "DDDUUUUUG");
	rig_fini(&r);
}

static void test_enter_goes_down_and_escape_comes_back(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	rig_type(&r, "DDD\r");		/* overview: main, P1, CP1/1, CP2/1 */
	assert_ptr_equal(ui_level(&r.ui)->view, &view_station);
	assert_string_equal(ui_level(&r.ui)->id, "CP2");
	assert_string_equal(selected(&r), "CP2/1");
	rig_type(&r, "\r");
	assert_ptr_equal(ui_level(&r.ui)->view, &view_connector);
	rig_type(&r, "\033\033");
	assert_ptr_equal(ui_level(&r.ui)->view, &view_overview);
	assert_string_equal(selected(&r), "CP2/1");
	rig_type(&r, "\033\033\033");
	assert_int_equal(r.ui.depth, 0);
	for (int i = 0; i < 3 * UI_DEPTH; i++)
		ui_enter(&r.ui, &view_zone, ITEM_ZONE, "P1");
	rig_type(&r, "\r");
	assert_true(r.ui.depth < UI_DEPTH);
	rig_type(&r, "7");
	assert_int_equal(r.ui.depth, 0);
	assert_ptr_equal(ui_level(&r.ui)->view, &view_events);
	rig_fini(&r);
}

static void test_digits_without_a_screen_do_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	rig_type(&r, "289");
	assert_ptr_equal(ui_level(&r.ui)->view, &view_stations);
	rig_fini(&r);
}

static void test_the_filter_is_typed_kept_and_cleared(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	rig_type(&r, "2/cp1q");
	assert_false(r.ui.quit);
	assert_null(strstr(rig_picture(&r), "NEW-1"));
	ui_key(&r.ui, UI_KEY_BACKSPACE);
	rig_type(&r, "\r");
	assert_non_null(strstr(rig_picture(&r), "CP10"));
	assert_null(strstr(rig_picture(&r), "CP2"));
	rig_type(&r, "\033");
	assert_non_null(strstr(rig_picture(&r), "CP2"));
	ui_key(&r.ui, '/');
	ui_key(&r.ui, 0x96fb);
	ui_key(&r.ui, 0x1f50b);
	ui_key(&r.ui, UI_KEY_BACKSPACE);
	assert_string_equal(ui_level(&r.ui)->filter, "電");
	for (int i = 0; i < 200; i++)
		ui_key(&r.ui, 0x96fb);
	assert_true(strlen(ui_level(&r.ui)->filter) < UI_INPUT_MAX);
	rig_fini(&r);
}

static void test_a_held_picture_does_not_change(void **state)
{
	char *before;
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	rig_type(&r, "4p");
	before = xstrdup(rig_picture(&r));
	rig_snapshot(&r.model, MODEL_TRANSACTIONS, "", RIG_NOW);
	r.ui.now += 60 * US_PER_S;
	r.ui.wall += 60 * US_PER_S;
	assert_string_equal(rig_picture(&r), before);
	assert_non_null(strstr(before, "PAUSED"));
	rig_type(&r, "p");
	assert_non_null(strstr(rig_picture(&r), "no transaction is running"));
	free(before);
	rig_fini(&r);
}

static void test_ages_grow_while_nothing_comes(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 120, 30);
	rig_type(&r, "4");
	assert_non_null(strstr(rig_picture(&r), "10 m 00 s"));
	r.ui.now += 65 * US_PER_S;
	assert_non_null(strstr(rig_picture(&r), "11 m 05 s"));
	assert_true(ui_ticks(&r.ui));
	rig_fini(&r);
}

/* ---- charts ---- */

static void test_the_chart_is_zoomed_and_changed_and_asked_for_anew(void **state)
{
	struct graph_what before, after;
	struct buf params;
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	graph_wanted(&r.ui, &before);
	assert_int_equal(before.kind, GRAPH_NONE);
	rig_type(&r, "3\r");
	graph_wanted(&r.ui, &before);
	assert_int_equal(before.kind, GRAPH_METER);
	assert_string_equal(before.id, "board");
	assert_non_null(strstr(rig_picture(&r), "waits for"));
	rig_graph(&r);
	assert_non_null(strstr(rig_picture(&r), "[currents]"));
	assert_non_null(strstr(rig_picture(&r), "[1 h]"));
	rig_type(&r, "-");
	graph_wanted(&r.ui, &after);
	assert_false(graph_same(&before, &after));
	assert_int_equal(graph_span_us(&after), 6 * 3600 * US_PER_S);
	for (int i = 0; i < 10; i++)
		rig_type(&r, "+");
	graph_wanted(&r.ui, &after);
	assert_int_equal(graph_span_us(&after), 300 * US_PER_S);
	for (int i = 0; i < 10; i++)
		rig_type(&r, "-");
	graph_wanted(&r.ui, &after);
	assert_int_equal(graph_span_us(&after), INT64_C(30) * 86400 * US_PER_S);
	rig_type(&r, "c");
	graph_wanted(&r.ui, &after);
	buf_init(&params);
	assert_string_equal(graph_request(&r.ui, &after, RIG_WALL - graph_span_us(&after), RIG_WALL, "7", &params), "meter.history");
	assert_non_null(strstr(buf_cstr(&params), "power_l1,power_l2,power_l3,power_total"));
	assert_non_null(strstr(buf_cstr(&params), "\"step_ms\":21600000"));
	assert_non_null(strstr(buf_cstr(&params), "\"cursor\":\"7\""));
	buf_fini(&params);
	rig_type(&r, "1\r");
	graph_wanted(&r.ui, &after);
	assert_true(after.kind == GRAPH_ZONE && after.choice == 0);
	rig_type(&r, "cc");
	graph_wanted(&r.ui, &after);
	buf_init(&params);
	assert_string_equal(graph_request(&r.ui, &after, 0, RIG_WALL, NULL, &params), "zone.history");
	assert_non_null(strstr(buf_cstr(&params), "limit_l1,limit_l2,limit_l3"));
	buf_fini(&params);
	/* elsewhere these keys do nothing */
	rig_type(&r, "2+-cuvw");
	assert_ptr_equal(ui_level(&r.ui)->view, &view_stations);
	assert_null(strstr(rig_picture(&r), "zoom"));
	rig_fini(&r);
}

static void test_why_there_is_no_chart_is_said_and_what_is_old_is_not_shown_for_another(void **state)
{
	struct graph_what what;
	struct series none;
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	rig_type(&r, "3\r");
	rig_graph(&r);
	rig_type(&r, "c");
	assert_non_null(strstr(rig_picture(&r), "waits for"));
	graph_wanted(&r.ui, &what);
	series_init(&none);
	graph_take(&r.ui, &what, 0, 1, &none, "the store is \033[31m gone");
	assert_non_null(strstr(rig_picture(&r), "the store is \\x1b[31m gone"));
	rig_fini(&r);
}

static void test_a_screen_may_be_one_thing(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	assert_true(ui_open_screen(&r.ui, "meter/board"));
	assert_ptr_equal(ui_level(&r.ui)->view, &view_meter);
	assert_string_equal(ui_level(&r.ui)->id, "board");
	assert_true(ui_open_screen(&r.ui, "connector/CP2/1"));
	assert_string_equal(ui_level(&r.ui)->id, "CP2/1");
	assert_true(ui_open_screen(&r.ui, "tag/04A1"));
	assert_string_equal(ui_tag_wanted(&r.ui), "04A1");
	assert_true(ui_open_screen(&r.ui, "alert/5"));
	assert_null(ui_tag_wanted(&r.ui));
	rig_type(&r, "D\r");
	assert_ptr_equal(ui_level(&r.ui)->view, &view_station);
	assert_string_equal(ui_level(&r.ui)->id, "CP1");
	assert_true(ui_open_screen(&r.ui, "connector/CP2/1"));
	assert_false(ui_open_screen(&r.ui, "meter/"));
	assert_false(ui_open_screen(&r.ui, "meters/board"));
	assert_false(ui_open_screen(&r.ui, "tariff/x"));
	rig_type(&r, "\033");
	assert_ptr_equal(ui_level(&r.ui)->view, &view_stations);
	rig_fini(&r);
}

/* ---- actions ---- */

struct action_case {
	const char *keys, *method, *params;
};

static const struct action_case cases[] = {
    {"DDxs04A1\ry", "connector.start", "{\"id\":\"CP1/1\",\"tag\":\"04A1\"}"},
    {"DDxey", "connector.stop", "{\"id\":\"CP1/1\"}"},
    {"DDxl16.5A\ry", "connector.limit", "{\"id\":\"CP1/1\",\"limit_ma\":16500}"},
    {"DDxl\ry", "connector.limit", "{\"id\":\"CP1/1\"}"},
    {"DDDDxuy", "station.unlock", "{\"id\":\"CP2\",\"connector\":2}"},
    {"DDDDxdy", "station.availability",
     "{\"id\":\"CP2\",\"connector\":2,\"type\":\"Inoperative\"}"},
    {"DDDDxay", "station.availability", "{\"id\":\"CP2\",\"connector\":2,\"type\":\"Operative\"}"},
    {"2DDxDy", "station.availability", "{\"id\":\"CP2\",\"type\":\"Inoperative\"}"},
    {"2DDxry", "station.restart", "{\"id\":\"CP2\"}"},
    {"6xhy", "alert.ack", "{\"id\":5}"},
    {"6\rxhy", "alert.ack", "{\"id\":5}"},
    {"2DDxRy", "station.restart", "{\"id\":\"CP2\",\"hard\":true}"},
    {"DDxRy", "station.restart", "{\"id\":\"CP1\",\"hard\":true}"},
    {"4Dxey", "connector.stop", "{\"id\":\"CP2/1\"}"},
    {"DDxD\ry", "connector.stop", "{\"id\":\"CP1/1\"}"}, /* D is the arrow here: the second entry */
    /* asked, and not done */
    {"DDxen", NULL, NULL},
    {"DDxe\033", NULL, NULL},
    {"DDxe\r\r\rq", NULL, NULL},
    {"DDx\033", NULL, NULL},
    {"DDxs\r\r\033", NULL, NULL},
    {"DDxs a/b\r\033", NULL, NULL},
    {"DDxl30x\r\033", NULL, NULL},
    {"xey", NULL, NULL},    /* a zone */
    {"2xry", NULL, NULL},   /* a station that waits to be accepted */
    {"2DDxey", NULL, NULL}, /* a station has no transaction of its own */
};

static void run_action(struct rig *r, const char *keys)
{
	bool menu = false;

	for (; *keys; keys++) {
		char one[2] = { *keys, '\0' };

		/* Capitals are actions in the menu, arrows elsewhere. */
		if (menu && (*keys == 'R' || (*keys == 'D' && keys[1] != '\r'))) {
			rig_picture(r);
			ui_key(&r->ui, (uint32_t)*keys);
		} else {
			rig_type(r, one);
		}
		menu = r->ui.mode == UI_MENU;
	}
}

static void test_an_action_is_sent_after_the_question(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct action_case *c = &cases[i];
		struct rig r;

		rig_init(&r, 100, 30);
		run_action(&r, c->keys);
		rig_picture(&r);
		if (r.ui.request.set != (c->method != NULL))
			fail_msg("%s: sent: %d", c->keys, r.ui.request.set);
		assert_false(r.ui.quit);
		if (c->method) {
			assert_string_equal(r.ui.request.method, c->method);
			assert_string_equal(r.ui.request.params, c->params);
			assert_non_null(ctl_verb_find(r.ui.request.method));
		}
		rig_fini(&r);
	}
}

static void check_parameters(const char *method, const char *params)
{
	const struct ctl_verb_desc *v = ctl_verb_find(method);
	struct arena arena;
	struct json *j;
	struct diag d;
	void *args;

	arena_init(&arena);
	diag_init(&d);
	j = json_parse(&arena, params, strlen(params), &JSON_CAPS_DEFAULT, &d);
	assert_non_null(j);
	if (ctl_args_read(v, j, &arena, &args, &d))
		fail_msg("%s %s: %s", method, params, d.text);
	arena_fini(&arena);
}

static void test_what_is_sent_is_what_the_tables_take(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (cases[i].method)
			check_parameters(cases[i].method, cases[i].params);
	}
}

static void test_the_question_names_the_target(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	rig_type(&r, "DDxe");
	assert_non_null(strstr(rig_picture(&r), "End the transaction on CP1/1?"));
	rig_type(&r, "y");
	assert_non_null(strstr(rig_picture(&r), "CP1/1: stop: waiting for the station's answer"));
	ui_answer(&r.ui, "CP1/1: stop", "Rejected", NULL);
	assert_non_null(strstr(rig_picture(&r), "CP1/1: stop: the station answers Rejected"));
	assert_int_equal(r.ui.message_style, STYLE_BAD);
	ui_answer(&r.ui, "CP1/1: stop", "Accepted", NULL);
	assert_int_equal(r.ui.message_style, STYLE_OK);
	ui_answer(&r.ui, "CP1/1: limit", NULL, NULL);
	assert_int_equal(r.ui.message_style, STYLE_OK);
	ui_answer(&r.ui, "CP1/1: stop", NULL, "the station is offline");
	assert_non_null(strstr(rig_picture(&r), "CP1/1: stop: the station is offline"));
	r.ui.now += 60 * US_PER_S;
	assert_null(strstr(rig_picture(&r), "the station is offline"));
	rig_fini(&r);
}

static void test_who_may_not_is_not_offered(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 30);
	r.ui.roles = CTL_ROLE_VIEW;
	rig_type(&r, "DDx");
	assert_int_equal(r.ui.mode, UI_NORMAL);
	assert_null(strstr(rig_picture(&r), "x actions"));
	assert_non_null(strstr(rig_picture(&r), "your role does not allow"));
	r.ui.roles = CTL_ROLE_OPERATOR;
	rig_type(&r, "x");
	assert_non_null(strstr(rig_picture(&r), "end the transaction"));
	assert_null(strstr(rig_picture(&r), "restart"));
	rig_type(&r, "ry\033");
	assert_false(r.ui.request.set);
	r.ui.roles = CTL_ROLE_TECHNICIAN;
	rig_type(&r, "x");
	assert_null(strstr(rig_picture(&r), "end the transaction"));
	assert_non_null(strstr(rig_picture(&r), "restart"));
	rig_type(&r, "\033");
	r.ui.roles = CTL_ROLE_ADMIN;
	r.ui.readonly = true;
	rig_type(&r, "x");
	assert_int_equal(r.ui.mode, UI_NORMAL);
	assert_null(strstr(rig_picture(&r), "x actions"));
	r.ui.readonly = false;
	r.ui.link = UI_LOST;
	rig_type(&r, "x");
	assert_int_equal(r.ui.mode, UI_NORMAL);
	rig_fini(&r);
}

static void test_every_key_is_bound_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_row_count; i++) {
		assert_true(*key_rows[i].shown && *key_rows[i].help);
		for (size_t k = 0; k < key_row_count; k++) {
			if (i != k)
				assert_int_not_equal(key_rows[i].code, key_rows[k].code);
			assert_int_not_equal(key_rows[i].code, key_rows[k].other);
			if (i != k && key_rows[i].other)
				assert_int_not_equal(key_rows[i].other, key_rows[k].other);
		}
		assert_false(key_rows[i].code >= '0' && key_rows[i].code <= '9');
	}
}

static void test_any_keys_in_any_order_do_no_harm(void **state)
{
	const char *env = getenv("SEED");
	uint64_t seed = env ? strtoull(env, NULL, 10) : 20261121, x = seed;
	struct rig r;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	rig_init(&r, 80, 24);
	for (int i = 0; i < 3000; i++) {
		static const uint32_t keys[] = {UI_KEY_UP,    UI_KEY_DOWN, UI_KEY_PGUP,
						UI_KEY_PGDN,  UI_KEY_HOME, UI_KEY_END,
						UI_KEY_ENTER, UI_KEY_ESC,  UI_KEY_BACKSPACE,
						UI_KEY_TAB,   UI_KEY_LEFT, '/',
						's',          'x',         'p',
						'?',          't',         'y',
						'0',          '1',         '2',
						'3',          '4',         '7',
						'a',          0x20ac,      0};

		x = x * 6364136223846793005u + 1442695040888963407u;
		ui_key(&r.ui, keys[(x >> 33) % ARRAY_LEN(keys)]);
		if (i % 7 == 0)
			rig_picture(&r);
		if (i % 500 == 0)
			rig_snapshot(&r.model, (enum model_list_id)(i / 500 % MODEL_LISTS), "",
				     RIG_NOW);
		assert_false(r.ui.quit);
		r.ui.request.set = false;
	}
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_selection_stays_with_its_thing),
		cmocka_unit_test(test_enter_goes_down_and_escape_comes_back),
		cmocka_unit_test(test_digits_without_a_screen_do_nothing),
		cmocka_unit_test(test_the_filter_is_typed_kept_and_cleared),
		cmocka_unit_test(test_a_held_picture_does_not_change),
		cmocka_unit_test(test_the_chart_is_zoomed_and_changed_and_asked_for_anew),
		cmocka_unit_test(test_why_there_is_no_chart_is_said_and_what_is_old_is_not_shown_for_another),
		cmocka_unit_test(test_a_screen_may_be_one_thing),
		cmocka_unit_test(test_ages_grow_while_nothing_comes),
		cmocka_unit_test(test_an_action_is_sent_after_the_question),
		cmocka_unit_test(test_what_is_sent_is_what_the_tables_take),
		cmocka_unit_test(test_the_question_names_the_target),
		cmocka_unit_test(test_who_may_not_is_not_offered),
		cmocka_unit_test(test_every_key_is_bound_once),
		cmocka_unit_test(test_any_keys_in_any_order_do_no_harm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
