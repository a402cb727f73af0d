/* Overrides of zones: what is taken, how long it holds, and that no clock ends it early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_site.h"
#include "site/outer/override.h"

#define HOUR_US (3600 * US_PER_S)
#define DAY_US  (24 * HOUR_US)
#define HOUR_MS INT64_C(3600000)
#define NO      NUM_NONE

static void desk_two_zones(struct desk *r)
{
	desk_init(r);
	desk_must(r, "zone.create", "{'id': 'P1', 'static': 60}");
	desk_must(r, "zone.create", "{'id': 'S1', 'phases': 1, 'static': 20}");
}

static int set(struct desk *r, const char *zone, struct phase_ma limit, int64_t for_ms)
{
	int ret;

	diag_init(&r->diag);
	ret = site_override_set(r->site, zone, &limit, for_ms, r->now, r->wall, &r->fx, &r->diag);
	desk_settle(r);
	return ret;
}

static void what_is_wrong_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		const char *zone;
		struct phase_ma limit;
		int64_t for_ms;
		int err;
		const char *says;
	} cases[] = {
		{ "P9", { { 0, 0, 0 } }, HOUR_MS, LMS_ENOTFOUND, "zone 'P9' does not exist" },
		{ "P1", { { 6300001, 0, 0 } }, HOUR_MS, LMS_ERANGE, "6300 A" },
		{ "P1", { { 0, 0, -1 } }, HOUR_MS, LMS_ERANGE, "6300 A" },
		{ "P1", { { 16000, 16000, NO } }, HOUR_MS, LMS_EDATA, "L3 is missing" },
		{ "P1", { { NO, NO, NO } }, HOUR_MS, LMS_EDATA, "L1 is missing" },
		{ "S1", { { 16000, 10000, 10000 } }, HOUR_MS, LMS_EDATA, "names L2, but zone S1 has one phase" },
		{ "P1", { { 0, 0, 0 } }, 0, LMS_ERANGE, "30 days" },
		{ "P1", { { 0, 0, 0 } }, -1, LMS_ERANGE, "30 days" },
		{ "P1", { { 0, 0, 0 } }, NO, LMS_ERANGE, "30 days" },
		{ "P1", { { 0, 0, 0 } }, 720 * HOUR_MS + 1, LMS_ERANGE, "30 days" },
		{ "P1", { { 0, 0, 0 } }, INT64_MAX, LMS_ERANGE, "30 days" },
	};
	struct desk r;

	(void)state;
	desk_two_zones(&r);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int ret = set(&r, cases[i].zone, cases[i].limit, cases[i].for_ms);

		if (ret != -cases[i].err || !strstr(r.diag.text, cases[i].says))
			fail_msg("case %zu: %d %s", i, ret, r.diag.text);
	}
	assert_null(r.site->overrides);
	assert_int_equal(desk_stored_count(&r, STORE_OVERRIDE), 0);
	desk_fini(&r);
}

static void what_just_fits_is_taken(void **state)
{
	struct desk r;

	(void)state;
	desk_two_zones(&r);
	assert_int_equal(set(&r, "P1", (struct phase_ma){ { 0, 6300000, 100 } }, 720 * HOUR_MS), 0);
	assert_int_equal(set(&r, "S1", (struct phase_ma){ { 10000, 10000, 10000 } }, 1), 0);
	assert_int_equal(set(&r, "S1", (struct phase_ma){ { 10000, NO, NO } }, 1), 0);
	assert_int_equal(desk_stored_count(&r, STORE_OVERRIDE), 2);
	desk_fini(&r);
}

static void the_zone_shows_it_and_its_end(void **state)
{
	struct desk r;
	const struct json *j;
	int64_t ma;

	(void)state;
	desk_two_zones(&r);
	assert_int_equal(set(&r, "S1", (struct phase_ma){ { 10000, NO, NO } }, 2 * HOUR_MS), 0);
	r.now += HOUR_US;
	r.wall += HOUR_US;
	desk_must(&r, "zone.show", "{'id': 'S1'}");
	j = desk_answer(&r);
	assert_int_equal(json_int(json_at(json_get(j, "override_ma"), 0), &ma), 0);
	assert_int_equal(ma, 10000);
	assert_null(json_str(json_at(json_get(j, "override_ma"), 1), NULL));
	assert_string_equal(json_str(json_get(j, "override_until"), ""), "2026-05-01T10:00:00Z");
	desk_must(&r, "zone.show", "{'id': 'P1'}");
	assert_null(json_get(desk_answer(&r), "override_ma"));
	desk_fini(&r);
}

static void it_ends_when_its_time_is_over_and_leaves_nothing(void **state)
{
	struct desk r;

	(void)state;
	desk_two_zones(&r);
	assert_int_equal(set(&r, "P1", (struct phase_ma){ { 0, 0, 0 } }, 30000), 0);
	assert_true(site_override_due(r.site) == r.now + 30 * US_PER_S);
	assert_false(site_override_time(r.site, r.now + 30 * US_PER_S - 1, r.wall, &r.fx));
	assert_non_null(site_override(r.site, "P1"));
	assert_true(site_override_time(r.site, r.now + 30 * US_PER_S, r.wall, &r.fx));
	desk_settle(&r);
	assert_null(site_override(r.site, "P1"));
	assert_int_equal(desk_stored_count(&r, STORE_OVERRIDE), 0);
	assert_true(site_override_due(r.site) == MONO_NEVER);
	desk_fini(&r);
}

static void it_ends_with_its_zone(void **state)
{
	struct desk r;

	(void)state;
	desk_two_zones(&r);
	assert_int_equal(set(&r, "P1", (struct phase_ma){ { 0, 0, 0 } }, HOUR_MS), 0);
	desk_must(&r, "zone.delete", "{'id': 'P1'}");
	assert_true(site_override_time(r.site, r.now, r.wall, &r.fx));
	desk_settle(&r);
	assert_int_equal(desk_stored_count(&r, STORE_OVERRIDE), 0);
	desk_fini(&r);
}

/* Two hours, of which one has passed when lmsd goes down; how much is left when it is back? */
static void a_restart_counts_the_time_down_unless_the_clock_is_implausible(void **state)
{
	static const struct { const char *name; int64_t clock_us, left_us; } cases[] = {
		{ "at once", 0, HOUR_US },
		{ "half an hour later", HOUR_US / 2, HOUR_US / 2 },
		{ "when it is over", HOUR_US, 0 },
		{ "days later", 3 * DAY_US, 0 },
		{ "the clock is back by a second", -US_PER_S, HOUR_US },
		{ "the clock is back at 1970", -DESK_WALL, HOUR_US },
		{ "the clock is ahead by more than an override can last", 30 * DAY_US + 1, HOUR_US },
		{ "the clock is in 2106", INT64_C(4294967296) * US_PER_S - DESK_WALL, HOUR_US },
	};
	struct desk r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct zone_override *o;
		const char *json;

		desk_two_zones(&r);
		assert_int_equal(set(&r, "P1", (struct phase_ma){ { 1000, 2000, 3000 } }, 2 * HOUR_MS), 0);
		r.now += HOUR_US;
		r.wall += HOUR_US;
		assert_false(site_override_time(r.site, r.now, r.wall, &r.fx));
		desk_restart(&r);
		json = desk_stored(&r, STORE_OVERRIDE, "P1");
		assert_int_equal(site_override_load(r.site, "P1", json, strlen(json), r.now,
						    r.wall + cases[i].clock_us, &r.diag), 0);
		o = site_override(r.site, "P1");
		assert_non_null(o);
		if (o->until - r.now != cases[i].left_us)
			fail_msg("%s: %lld s left", cases[i].name, (long long)((o->until - r.now) / US_PER_S));
		assert_int_equal(o->limit.l[0], 1000);
		assert_int_equal(o->limit.l[2], 3000);
		assert_int_equal(site_override_time(r.site, r.now, r.wall, &r.fx), cases[i].left_us == 0);
		desk_fini(&r);
	}
}

static void the_time_left_is_written_every_minute(void **state)
{
	struct desk r;
	size_t puts;

	(void)state;
	desk_two_zones(&r);
	assert_int_equal(set(&r, "P1", (struct phase_ma){ { 0, 0, 0 } }, HOUR_MS), 0);
	puts = r.put_count;
	for (int s = 1; s <= 600; s++)
		if (r.now + s * US_PER_S >= site_override_due(r.site))
			site_override_time(r.site, r.now + s * US_PER_S, r.wall + s * US_PER_S, &r.fx);
	desk_settle(&r);
	assert_int_equal(r.put_count - puts, 10);
	assert_non_null(strstr(desk_stored(&r, STORE_OVERRIDE, "P1"), "\"left_ms\":3000000"));
	desk_fini(&r);
}

static void a_time_that_makes_no_sense_is_long(void **state)
{
	static const char *const texts[] = {
		"{'limit_ma':[0,0,0]}",
		"{'limit_ma':[0,0,0],'left_ms':-5,'written':1}",
		"{'limit_ma':[0,0,0],'left_ms':99999999999,'written':-1}",
	};
	struct desk r;

	(void)state;
	desk_two_zones(&r);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char json[100];

		for (size_t k = 0; k <= strlen(texts[i]); k++)
			json[k] = texts[i][k] == '\'' ? '"' : texts[i][k];
		assert_int_equal(site_override_load(r.site, "P1", json, strlen(json), 0, r.wall, &r.diag), 0);
		assert_true(site_override(r.site, "P1")->until == OVERRIDE_MAX_US);
	}
	diag_init(&r.diag);
	assert_true(site_override_load(r.site, "S1", "[", 1, 0, r.wall, &r.diag) < 0);
	diag_init(&r.diag);
	assert_int_equal(site_override_load(r.site, "S1", "{\"limit_ma\":[0]}", 16, 0, r.wall, &r.diag),
			 -LMS_EDATA);
	assert_null(site_override(r.site, "S1"));
	desk_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_refused_and_changes_nothing),
		cmocka_unit_test(what_just_fits_is_taken),
		cmocka_unit_test(the_zone_shows_it_and_its_end),
		cmocka_unit_test(it_ends_when_its_time_is_over_and_leaves_nothing),
		cmocka_unit_test(it_ends_with_its_zone),
		cmocka_unit_test(a_restart_counts_the_time_down_unless_the_clock_is_implausible),
		cmocka_unit_test(the_time_left_is_written_every_minute),
		cmocka_unit_test(a_time_that_makes_no_sense_is_long),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
