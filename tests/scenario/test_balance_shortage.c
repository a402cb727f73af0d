/* When a zone is the bottleneck, for how long, and how much is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "helper_rig.h"

#define MAMS_PER_WH (INT64_C(3600000000) / 230)

static int64_t held_s(const struct rig *r, int zone)
{
	struct bal_shortage s;

	balance_shortage(r->b, zone, r->now, &s);
	return s.held_ms / 1000;
}

static int64_t missing_wh(const struct rig *r, int zone)
{
	struct bal_shortage s;

	balance_shortage(r->b, zone, r->now, &s);
	return s.missing_mams / MAMS_PER_WH;
}

static void start(struct rig *r, int64_t main_ma, int64_t p1_ma)
{
	rig_init(r);
	rig_zone(r, "main", -1, main_ma);
	rig_zone(r, "P1", 0, p1_ma);
	rig_conn(r, "A/1", "A", 1);
	rig_conn(r, "B/1", "B", 1);
	rig_start(r);
}

static void a_zone_with_room_is_none(void **state)
{
	static struct rig r;

	(void)state;
	start(&r, 100000, 64000);
	rig_charge(&r, 0, 1);
	rig_charge(&r, 1, 2);
	rig_run(&r, 3600 * US_PER_S);
	assert_int_equal(held_s(&r, 0), 0);
	assert_int_equal(held_s(&r, 1), 0);
	rig_fini(&r);
}

/* 40 A for two that could take 32 each: 24 A on three phases are missing. */
static void the_zone_that_is_full_is_it(void **state)
{
	static struct rig r;

	(void)state;
	start(&r, 100000, 40000);
	rig_charge(&r, 0, 1);
	rig_run(&r, 600 * US_PER_S);
	assert_int_equal(held_s(&r, 1), 0);
	rig_charge(&r, 1, 2);
	rig_run(&r, 3600 * US_PER_S);
	assert_in_range(held_s(&r, 1), 3599, 3600);
	assert_in_range(missing_wh(&r, 1), 24 * 3 * 230 - 10, 24 * 3 * 230 + 100);	/* more while they change */
	assert_int_equal(held_s(&r, 0), 0);
	balance_use(r.b, 1, BAL_NONE, 0, false, r.now);
	rig_run(&r, 60 * US_PER_S);
	rig_forget(&r);
	rig_run(&r, 600 * US_PER_S);
	assert_in_range(held_s(&r, 1), 3600, 3620);
	rig_fini(&r);
}

static void of_two_it_is_the_one_that_holds(void **state)
{
	static struct rig r;

	(void)state;
	start(&r, 30000, 60000);
	rig_charge(&r, 0, 1);
	rig_charge(&r, 1, 2);
	rig_run(&r, 1200 * US_PER_S);
	assert_in_range(held_s(&r, 0), 1190, 1200);
	assert_in_range(held_s(&r, 1), 0, 15);
	rig_fini(&r);
}

static void who_waits_misses_all(void **state)
{
	static struct rig r;

	(void)state;
	start(&r, 100000, 10000);
	rig_charge(&r, 0, 1);
	rig_charge(&r, 1, 2);
	rig_run(&r, 900 * US_PER_S);
	assert_in_range(held_s(&r, 1), 899, 900);
	assert_in_range(missing_wh(&r, 1), 54 * 3 * 230 / 4 - 50, 54 * 3 * 230 / 4 + 300);
	rig_fini(&r);
}

static void a_car_that_takes_no_more_misses_nothing(void **state)
{
	static struct rig r;
	int64_t before;

	(void)state;
	start(&r, 100000, 40000);
	rig_charge(&r, 0, 1);
	rig_charge(&r, 1, 2);
	r.meters = true;	/* tells the draws */
	r.car_ma[0] = r.car_ma[1] = 12000;
	rig_run(&r, 300 * US_PER_S);
	before = held_s(&r, 1);
	rig_run(&r, 600 * US_PER_S);
	assert_int_equal(held_s(&r, 1), before);
	rig_fini(&r);
}

static void a_new_configuration_forgets_nothing(void **state)
{
	static struct rig r;
	struct bal_conf conf;
	int64_t before;

	(void)state;
	start(&r, 100000, 40000);
	rig_charge(&r, 0, 1);
	rig_charge(&r, 1, 2);
	rig_run(&r, 600 * US_PER_S);
	before = held_s(&r, 1);
	r.zones[1].cap = (struct phase_ma){ { 90000, 90000, 90000 } };
	conf = (struct bal_conf){ .zones = r.zones, .zone_count = r.zone_count, .conns = r.conns,
				  .conn_count = r.conn_count };
	assert_int_equal(balance_configure(r.b, &conf, r.now, NULL), 0);
	assert_int_equal(held_s(&r, 1), before);
	rig_run(&r, 600 * US_PER_S);
	assert_in_range(held_s(&r, 1), before, before + 15);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_with_room_is_none),
		cmocka_unit_test(the_zone_that_is_full_is_it),
		cmocka_unit_test(of_two_it_is_the_one_that_holds),
		cmocka_unit_test(who_waits_misses_all),
		cmocka_unit_test(a_car_that_takes_no_more_misses_nothing),
		cmocka_unit_test(a_new_configuration_forgets_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
