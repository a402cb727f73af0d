/* Golden pictures of every screen: tests/golden/lmstop/NAME.txt. LMSTOP_GOLDEN=write writes them
 * anew. */
#include "lmstop_rig.h"

struct view_case {
	const char *name;
	int width, height;
	const char *keys;
	bool ascii, still;
};

static const struct view_case cases[] = {
	{ "overview-110x34", 110, 34, "", false, false },
	{ "overview-80x24", 80, 24, "", false, false },
	{ "overview-40x10", 40, 10, "", false, false },
	{ "overview-ascii", 80, 34, "", true, true },
	{ "overview-bottom", 80, 16, "G", false, false },
	{ "overview-paper", 90, 40, "", false, true },
	{ "zones", 110, 12, "1", false, false },
	{ "zone", 110, 60, "1D\r", false, false },
	{ "stations", 120, 14, "2", false, false },
	{ "stations-60", 60, 14, "2", false, false },
	{ "stations-filter", 120, 12, "2/twin\r", false, false },
	{ "stations-sorted", 120, 14, "2sss", false, false },
	{ "station", 110, 44, "2DD\r", false, false },
	{ "connector", 110, 50, "2D\r\r", false, false },
	{ "meters", 120, 12, "3", false, false },
	{ "meter", 110, 40, "3\r", false, false },
	{ "meter-powers", 80, 24, "3\rc----", false, false },
	{ "meter-without-l1", 80, 24, "3\ru", false, false },
	{ "meter-ascii", 80, 24, "3\r", true, true },
	{ "transactions", 120, 12, "4", false, false },
	{ "transaction", 100, 44, "4\r", false, false },
	{ "transactions-80", 80, 12, "4", false, false },
	{ "tags", 120, 16, "5", false, false },
	{ "tags-80", 80, 16, "5", false, false },
	{ "tags-filter", 80, 12, "5/ito\r", false, false },
	{ "tag", 120, 40, "5D\r", false, false },
	{ "tag-80", 80, 40, "5D\r", false, false },
	{ "tag-transaction", 100, 40, "5D\rD\r", false, false },
	{ "alerts", 100, 12, "6", false, false },
	{ "alert", 100, 24, "6\r", false, false },
	{ "alert-object", 80, 24, "6\rD\r", false, false },
	{ "events", 100, 12, "7", false, false },
	{ "help", 80, 24, "?", false, false },
	{ "menu", 90, 24, "DDx", false, false },
	{ "confirm", 90, 24, "DDxs04A1\r", false, false },
};

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	struct buf b;
	char chunk[4096];
	size_t n;

	if (!f)
		return NULL;
	buf_init(&b);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	buf_cstr(&b);
	return buf_take(&b, NULL);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void show_difference(const char *name, const char *want, const char *got)
{
	for (int line = 1; *want || *got; line++) {
		size_t lw = strcspn(want, "\n"), lg = strcspn(got, "\n");

		if (lw != lg || memcmp(want, got, lw) != 0)
			fail_msg("%s:%d:\nwant %.*s\ngot  %.*s", name, line, (int)lw, want, (int)lg,
				 got);
		want += lw + (want[lw] != '\0');
		got += lg + (got[lg] != '\0');
	}
	fail_msg("%s differs in its end", name);
}

static void rig_causes(struct rig *r)
{
	static const char text[] =
		"{\"causes\":[{\"text\":\"waits for CP2/1 to lower its limit\"},{\"text\":\"zone P1 allows 63 A\"}]}";
	struct arena arena;

	arena_init(&arena);
	ui_causes_set(&r->ui, "CP1/1",
		      json_parse(&arena, text, strlen(text), &JSON_CAPS_DEFAULT, NULL));
	arena_fini(&arena);
}

static void check(const struct view_case *c)
{
	const char *mode = getenv("LMSTOP_GOLDEN"), *picture;
	char path[120], *want;
	struct rig r;

	rig_init(&r, c->width, c->height);
	rig_snapshot(&r.model, MODEL_TAG_CREDIT, RIG_TAG_CREDIT, RIG_NOW);
	rig_snapshot(&r.model, MODEL_TAG_TRANSACTIONS, RIG_TAG_TRANSACTIONS, RIG_NOW);
	r.ui.look.ascii_glyphs = r.ui.look.ascii_text = c->ascii;
	r.ui.still = c->still;
	rig_type(&r, c->keys);
	if (strcmp(c->name, "meter") == 0)
		rig_snapshot(&r.model, MODEL_METER, RIG_METER_VALUES, RIG_NOW);
	rig_graph(&r);
	if (strcmp(c->name, "station") == 0)
		rig_snapshot(&r.model, MODEL_MESSAGES, RIG_MESSAGES, RIG_NOW);
	if (strcmp(c->name, "connector") == 0)
		rig_causes(&r);
	picture = rig_picture(&r);
	snprintf(path, sizeof(path), "tests/golden/lmstop/%s.txt", c->name);
	if (mode && strcmp(mode, "write") == 0)
		write_file(path, picture);
	want = read_file(path);
	if (!want)
		fail_msg("%s is missing (LMSTOP_GOLDEN=write writes it)", path);
	if (strcmp(want, picture) != 0)
		show_difference(path, want, picture);
	free(want);
	rig_fini(&r);
}

static void test_screens_look_as_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

static void test_no_size_breaks_the_picture(void **state)
{
	static const char *const keys[] = {"",  "1",   "1\r", "2", "2D\r", "3\r",
					   "4", "4\r", "7",   "?", "DDx",  "DDxs", "5", "5\r", "6", "6\r"};

	(void)state;
	for (int width = 1; width < 130; width += 16) {
		for (int height = 1; height < 40; height += 6) {
			for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
				struct rig r;

				rig_init(&r, width, height);
				rig_type(&r, keys[k]);
				rig_graph(&r);
				rig_picture(&r);
				rig_type(&r, "DDDDGgDU");
				rig_picture(&r);
				rig_fini(&r);
			}
		}
	}
}

static void test_nothing_of_a_peer_reaches_the_terminal_raw(void **state)
{
	static const char *const keys[] = { "", "2", "2D\r", "2DD\r", "5", "5DD\r" };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		const char *picture;
		struct rig r;

		rig_init(&r, 160, 50);
		rig_type(&r, keys[k]);
		picture = rig_picture(&r);
		assert_null(strchr(picture, '\033'));
		assert_null(strstr(picture, "\u202e"));
		rig_fini(&r);
	}
}

/* 500 are watched of 10,003. */
static void test_how_many_tags_are_not_shown_is_said(void **state)
{
	struct buf b;
	struct rig r;

	(void)state;
	rig_init(&r, 80, 520);
	rig_type(&r, "5");
	assert_null(strstr(rig_picture(&r), " more"));
	buf_init(&b);
	for (int i = 0; i < MODEL_TAGS_MAX; i++)
		buf_printf(&b, "%s{'uid':'T%d','last_use':'2026-11-19T04:%02d:00Z'}", i ? "," : "", i, i % 60);
	rig_snapshot(&r.model, MODEL_TAGS, buf_cstr(&b), RIG_NOW);
	assert_non_null(strstr(rig_picture(&r), "9503 more, used longer ago: lmsctl tag list"));
	buf_fini(&b);
	rig_fini(&r);
}

static void test_who_may_not_read_tags_is_told_so(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 12);
	r.ui.roles = CTL_ROLE_VIEW;
	rig_type(&r, "5");
	assert_false(ui_tags_wanted(&r.ui));
	assert_non_null(strstr(rig_picture(&r), "tags are for operators, technicians and administrators"));
	assert_null(strstr(rig_picture(&r), "04A1B2C3"));
	assert_true(ui_open_screen(&r.ui, "tag/04A1B2C3"));
	assert_null(ui_tag_wanted(&r.ui));
	assert_non_null(strstr(rig_picture(&r), "tags are for"));
	r.ui.roles = CTL_ROLE_TECHNICIAN;
	assert_string_equal(ui_tag_wanted(&r.ui), "04A1B2C3");
	assert_true(ui_tags_wanted(&r.ui));
	rig_fini(&r);
}

struct gauge_case {
	int64_t value, limit;
	bool old;
	const char *mark;
	enum style style;
};

static const struct gauge_case gauges[] = {
	{ 0, 100000, false, "ok", STYLE_OK },
	{ 89999, 100000, false, "ok", STYLE_OK },
	{ 90000, 100000, false, "!", STYLE_WARN },
	{ 94999, 100000, false, "!", STYLE_WARN },
	{ 95000, 100000, false, "!!", STYLE_BAD },
	{ 250000, 100000, false, "!!", STYLE_BAD },
	{ -20000, 100000, false, "ok", STYLE_OK },
	{ 1, 0, false, "!!", STYLE_BAD },
	{ 0, 0, false, "ok", STYLE_OK },
	{ NUM_NONE, 100000, false, "?", STYLE_DIM },
	{ 50000, NUM_NONE, false, "?", STYLE_DIM },
	{ 99000, 100000, true, "?", STYLE_DIM },
};

static void test_gauges_turn_at_90_and_95_percent(void **state)
{
	static const struct look look;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
		const struct gauge g = { "L1", gauges[i].value, gauges[i].limit, gauges[i].old };
		struct canvas c;
		int x = 39;

		canvas_init(&c, 40, 1, &look);
		draw_gauge(&c, 0, 0, 40, &g);
		while (x > 0 && strcmp(canvas_cell(&c, 0, x)->text, " ") == 0)
			x--;
		assert_int_equal(canvas_cell(&c, 0, x)->style, gauges[i].style);
		x -= (int)strlen(gauges[i].mark) - 1;
		for (size_t k = 0; gauges[i].mark[k]; k++)
			assert_int_equal(canvas_cell(&c, 0, x + (int)k)->text[0],
					 gauges[i].mark[k]);
		assert_string_equal(canvas_cell(&c, 0, x - 1)->text, " ");
		canvas_fini(&c);
	}
}

static void test_values_of_a_silent_meter_are_not_shown_as_fresh(void **state)
{
	const struct cell *row;
	struct rig r;
	bool seen = false;

	(void)state;
	rig_init(&r, 120, 12);
	rig_push(&r.model, MODEL_METERS,
		 "{'watch':1,'seq':1,'changed':[{'id':'board','profile':'x','address':'y',"
		 "'state':'silent','age_ms':61000,'current_ma':[92700,84100,97000]}],'gone':[]}",
		 RIG_NOW - 4 * US_PER_S);
	rig_type(&r, "3");
	assert_non_null(strstr(rig_picture(&r), "1 m 05 s"));
	for (int x = 0; x < 120; x++) {
		row = canvas_cell(&r.canvas, 3, x);
		if (row->text[0] != '9')
			continue;
		assert_int_equal(row->style, STYLE_DIM);
		seen = true;
	}
	assert_true(seen);
	rig_fini(&r);
}

static void test_what_a_meter_sees_is_not_held_against_a_limit_of_cars(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 24);
	rig_push(&r.model, MODEL_ZONES,
		 "{'watch':1,'seq':1,'changed':[{'id':'main','phases':3,'fuse_ma':63000,'meter':'board',"
		 "'cap_ma':[10000,10000,10000],'cap_why':'source','load_ma':[30000,30000,30000],'load_ok':true}],'gone':[]}",
		 RIG_NOW);
	assert_non_null(strstr(rig_picture(&r), "30/63 A ok"));
	assert_null(strstr(rig_picture(&r), "30/10 A"));
	rig_fini(&r);
}

static void test_a_lost_daemon_leaves_the_last_data_in_grey(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 100, 24);
	r.ui.link = UI_LOST;
	r.ui.lost_at = RIG_NOW - 83 * US_PER_S;
	r.ui.retry_at = RIG_NOW + 3500000;
	snprintf(r.ui.link_text, sizeof(r.ui.link_text), "lmsd closed the connection");
	assert_non_null(
	    strstr(rig_picture(&r),
		   "What is shown is 1 m 23 s old, next try in 4 s: lmsd closed the connection"));
	assert_non_null(strstr(rig_picture(&r), "CP1/1"));
	assert_true(canvas_cell(&r.canvas, 12, 10)->flags & CELL_OLD);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_screens_look_as_they_should),
		cmocka_unit_test(test_no_size_breaks_the_picture),
		cmocka_unit_test(test_nothing_of_a_peer_reaches_the_terminal_raw),
		cmocka_unit_test(test_how_many_tags_are_not_shown_is_said),
		cmocka_unit_test(test_who_may_not_read_tags_is_told_so),
		cmocka_unit_test(test_gauges_turn_at_90_and_95_percent),
		cmocka_unit_test(test_values_of_a_silent_meter_are_not_shown_as_fresh),
		cmocka_unit_test(test_what_a_meter_sees_is_not_held_against_a_limit_of_cars),
		cmocka_unit_test(test_a_lost_daemon_leaves_the_last_data_in_grey),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
