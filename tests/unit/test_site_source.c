/* Sources: a state that is told selects a zone's limit, and the least of it holds while nobody tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_site.h"
#include "site/outer/source.h"

#define MIN_US (60 * US_PER_S)
#define NO     NUM_NONE

static void desk_sources(struct desk *r)
{
	desk_init(r);
	desk_must(r, "source.add", "{'id': 'GEN', 'kind': 'generator', 'states': 'grid, island', 'stale_after': '60s'}");
	desk_must(r, "source.add", "{'id': 'PRICE', 'kind': 'tariff', 'states': 'low,high,odd'}");
	desk_must(r, "zone.create", "{'id': 'P1', 'static': 60, 'source': 'GEN', 'source_caps': 'island=16,12,16; lost=10'}");
	desk_must(r, "zone.create", "{'id': 'P2', 'static': 60, 'source': 'PRICE', 'source_caps': 'odd=6; high=20,20,5;'}");
	desk_must(r, "zone.create", "{'id': 'P3', 'static': 60}");
}

static int tell(struct desk *r, const char *id, const char *state, int64_t for_ms)
{
	int ret;

	diag_init(&r->diag);
	ret = site_source_tell(r->site, r->site->conf, id, state, "test", for_ms, r->now, r->wall, &r->fx, &r->diag);
	desk_settle(r);
	return ret;
}

static bool pass(struct desk *r, int64_t us)
{
	bool changed;

	r->now += us;
	r->wall += us;
	changed = site_source_time(r->site, r->now, r->wall, &r->fx);
	desk_settle(r);
	return changed;
}

static void expect(struct desk *r, const char *zone, int64_t l1, int64_t l2, int64_t l3)
{
	struct zone_limit l;

	site_source_limit(r->site, &r->site->conf->zones[site_conf_zone(r->site->conf, zone)], &l);
	if (l.current.l[0] != l1 || l.current.l[1] != l2 || l.current.l[2] != l3)
		fail_msg("zone %s: %lld %lld %lld", zone, (long long)l.current.l[0], (long long)l.current.l[1],
			 (long long)l.current.l[2]);
}

static void restart(struct desk *r)
{
	static const char *const keys[] = { "source GEN", "source PRICE" };

	desk_restart(r);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *json = desk_stored(r, STORE_SIGNAL, keys[i]);

		if (json)
			assert_int_equal(site_source_load(r->site, keys[i], json, strlen(json), r->now, r->wall,
							  &r->diag), 0);
	}
}

static void a_state_selects_a_limit_and_nobody_knows_is_the_least(void **state)
{
	struct desk r;

	(void)state;
	desk_sources(&r);
	expect(&r, "P1", 10000, 10000, 10000);
	expect(&r, "P2", 6000, 6000, 5000);	/* lost is not named: the least of all */
	expect(&r, "P3", NO, NO, NO);
	assert_int_equal(tell(&r, "GEN", "grid", NO), 1);
	assert_int_equal(tell(&r, "PRICE", "high", NO), 1);
	expect(&r, "P1", NO, NO, NO);
	expect(&r, "P2", 20000, 20000, 5000);
	assert_true(r.site->outer_changed);
	assert_int_equal(tell(&r, "GEN", "island", NO), 1);
	expect(&r, "P1", 16000, 12000, 16000);
	assert_int_equal(tell(&r, "GEN", "lost", NO), 1);
	expect(&r, "P1", 10000, 10000, 10000);
	/* A state that the source no longer has is as good as none. */
	assert_int_equal(tell(&r, "PRICE", "low", NO), 1);
	expect(&r, "P2", NO, NO, NO);
	desk_must(&r, "source.set", "{'id': 'PRICE', 'states': 'high,odd'}");
	expect(&r, "P2", 6000, 6000, 5000);
	desk_fini(&r);
}

static void stale_states_are_lost_and_others_hold(void **state)
{
	struct desk r;

	(void)state;
	desk_sources(&r);
	assert_int_equal(tell(&r, "GEN", "island", NO), 1);
	assert_int_equal(tell(&r, "PRICE", "low", NO), 1);
	assert_true(site_source_due(r.site) == r.now + MIN_US);
	assert_false(pass(&r, MIN_US - 1));
	assert_int_equal(tell(&r, "GEN", "island", NO), 0);
	assert_false(pass(&r, MIN_US - 1));
	assert_true(pass(&r, 1));
	expect(&r, "P1", 10000, 10000, 10000);
	expect(&r, "P2", NO, NO, NO);
	assert_false(pass(&r, 100 * MIN_US));
	assert_int_equal(tell(&r, "GEN", "grid", 3600 * 1000), 1);
	assert_false(pass(&r, 60 * MIN_US - 1));
	assert_true(pass(&r, 1));
	expect(&r, "P1", 10000, 10000, 10000);
	desk_fini(&r);
}

static void after_a_restart_the_worse_holds_until_the_state_is_told(void **state)
{
	struct desk r;

	(void)state;
	desk_sources(&r);
	tell(&r, "GEN", "island", NO);
	tell(&r, "PRICE", "high", NO);
	restart(&r);
	expect(&r, "P1", 10000, 10000, 10000);
	expect(&r, "P2", 20000, 20000, 5000);	/* without stale_after it holds */
	desk_must(&r, "source.show", "{'id': 'GEN'}");
	assert_non_null(strstr(buf_cstr(&r.answer), "\"sure\":false"));
	assert_int_equal(tell(&r, "GEN", "island", NO), 1);
	expect(&r, "P1", 16000, 12000, 16000);
	desk_must(&r, "source.list", "{}");
	assert_non_null(strstr(buf_cstr(&r.answer), "\"zones\":\"P1\""));
	assert_non_null(strstr(buf_cstr(&r.answer), "\"state\":\"island\""));
	desk_fini(&r);
}

static void a_state_goes_with_its_source(void **state)
{
	struct desk r;

	(void)state;
	desk_sources(&r);
	tell(&r, "PRICE", "high", NO);
	assert_int_equal(desk_stored_count(&r, STORE_SIGNAL), 1);
	desk_must(&r, "zone.set", "{'id': 'P2', 'source': null, 'source_caps': null}");
	desk_must(&r, "source.delete", "{'id': 'PRICE'}");
	assert_true(pass(&r, 0));
	assert_int_equal(desk_stored_count(&r, STORE_SIGNAL), 0);
	assert_null(r.site->sources);
	desk_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_selects_a_limit_and_nobody_knows_is_the_least),
		cmocka_unit_test(stale_states_are_lost_and_others_hold),
		cmocka_unit_test(after_a_restart_the_worse_holds_until_the_state_is_told),
		cmocka_unit_test(a_state_goes_with_its_source),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
