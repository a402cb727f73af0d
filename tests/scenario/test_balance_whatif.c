/* What-if: the engine on a clone finds what the site itself would have become, and the site is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "balance/record/snapshot.h"
#include "balance/record/whatif.h"
#include "base/err.h"
#include "helper_rig.h"

static const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };

struct bed {
	struct rig r;
	struct balance *clone;
	struct arena arena;
	struct whatif what;
	struct whatif_result result;
	struct diag d;
};

static struct phase_ma same(int64_t ma)
{
	return (struct phase_ma){ { ma, ma, ma } };
}

/* P1 of 60 A with three connectors, two of which charge. */
static int setup(void **state)
{
	static struct bed t;

	memset(&t, 0, sizeof(t));
	rig_init(&t.r);
	arena_init(&t.arena);
	diag_init(&t.d);
	rig_zone(&t.r, "P1", -1, 60000);
	rig_conn(&t.r, "A/1", "A", 0);
	rig_conn(&t.r, "B/1", "B", 0);
	rig_conn(&t.r, "C/1", "C", 0);
	t.what = (struct whatif){ .cap = none, .building = none, .for_us = 300 * US_PER_S };
	*state = &t;
	return 0;
}

static void begin(struct bed *t)
{
	rig_start(&t->r);
	rig_charge(&t->r, 0, 1);
	rig_charge(&t->r, 1, 2);
	t->r.car_ma[0] = t->r.car_ma[1] = 32000;
	rig_run(&t->r, 120 * US_PER_S);
}

static int teardown(void **state)
{
	struct bed *t = *state;

	balance_free(t->clone);
	arena_fini(&t->arena);
	rig_fini(&t->r);
	return 0;
}

static int simulate(struct bed *t)
{
	balance_free(t->clone);
	t->clone = balance_clone(t->r.b);
	diag_init(&t->d);
	return whatif_run(t->clone, &t->what, t->r.now, &t->arena, &t->result, &t->d);
}

static struct bal_conn_view after(const struct bed *t, uint32_t conn)
{
	struct bal_conn_view v;

	balance_conn_view(t->clone, conn, &v);
	return v;
}

static void more_cars_share_what_there_is(void **state)
{
	struct bed *t = *state;

	begin(t);
	t->what.cars = 3;
	assert_int_equal(simulate(t), 0);
	assert_int_equal(t->result.car_count, 3);
	assert_int_equal(t->result.cars[0], 2);	/* the free one, then two that are made up */
	assert_int_equal(t->result.made_up, 3);
	assert_int_equal(balance_conn_count(t->clone), 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(after(t, i).limit_ma, 12000);
	assert_string_equal(after(t, 3).reason.name, "zone_saturated");
	assert_true(t->result.orders >= 5);
	/* The site itself, the same happening to it. */
	rig_charge(&t->r, 2, 3);
	rig_run(&t->r, 300 * US_PER_S);
	t->what.cars = 0;
	assert_int_equal(simulate(t), 0);
	assert_int_equal(rig_limit(&t->r, 2), 20000);
	assert_int_equal(after(t, 2).limit_ma, 20000);
}

static void the_site_is_left_alone(void **state)
{
	struct bed *t = *state;
	struct buf before, then;
	struct rig twin;

	begin(t);
	rig_run(&t->r, 10 * US_PER_S);
	rig_forget(&t->r);
	twin = t->r;
	twin.b = balance_clone(t->r.b);
	buf_init(&before);
	buf_init(&then);
	balance_snapshot(t->r.b, &before);
	t->what.cars = 10;
	t->what.cap = same(20000);
	t->what.offline = "A";
	assert_int_equal(simulate(t), 0);
	balance_snapshot(t->r.b, &then);
	assert_int_equal(before.len, then.len);
	assert_memory_equal(before.data, then.data, then.len);
	rig_charge(&t->r, 2, 3);
	rig_charge(&twin, 2, 3);
	rig_run(&t->r, 600 * US_PER_S);
	rig_run(&twin, 600 * US_PER_S);
	assert_int_equal(t->r.sent_count, twin.sent_count);
	assert_memory_equal(t->r.stored, twin.stored, sizeof(twin.stored));
	buf_fini(&before);
	buf_fini(&then);
	rig_fini(&twin);
}

static void another_cap_is_kept(void **state)
{
	struct bed *t = *state;

	begin(t);
	t->what.cap = same(20000);
	assert_int_equal(simulate(t), 0);
	assert_int_equal(after(t, 0).limit_ma, 10000);
	assert_int_equal(after(t, 1).limit_ma, 10000);
	t->what.cap = same(100000);
	assert_int_equal(simulate(t), 0);
	assert_int_equal(after(t, 0).limit_ma, 32000);
	assert_int_equal(after(t, 1).limit_ma, 32000);
}

static void a_cap_that_could_not_be_configured_is_refused(void **state)
{
	struct bed *t = *state;

	for (int i = 0; i < 3; i++)
		t->r.conns[i].idle_ma = 6000;
	begin(t);
	t->what.cap = same(10000);
	assert_int_equal(simulate(t), -LMS_EDATA);
	assert_non_null(strstr(t->d.text, "zone P1"));
}

static void a_lost_station_keeps_its_share(void **state)
{
	struct bed *t = *state;

	begin(t);
	assert_int_equal(rig_limit(&t->r, 0), 30000);
	t->what.offline = "A";
	t->what.cars = 1;
	assert_int_equal(simulate(t), 0);
	assert_int_equal(t->result.cars[0], 2);
	assert_int_equal(after(t, 0).w_ma, 30000);
	assert_string_equal(after(t, 0).reason.name, "offline");
	assert_int_equal(after(t, 1).limit_ma, 15000);
	assert_int_equal(after(t, 2).limit_ma, 15000);
	t->what.offline = "Z";
	assert_int_equal(simulate(t), -LMS_ENOTFOUND);
}

static void cars_that_want_less_go_on_so(void **state)
{
	struct bed *t = *state;

	rig_start(&t->r);
	rig_charge(&t->r, 0, 1);
	t->r.car_ma[0] = 9000;
	rig_run(&t->r, 9 * US_PER_S);
	rig_draw(&t->r, 0, PHASE_ALL, 9000);
	assert_int_equal(rig_limit(&t->r, 0), 32000);	/* not yet reclaimed */
	t->what.cars = 2;
	assert_int_equal(simulate(t), 0);
	assert_int_equal(after(t, 0).limit_ma, 11000);
	assert_int_equal(after(t, 1).limit_ma, 24500);
}

/* A dynamic zone whose building takes 20 A of 63. */
static void begin_dynamic(struct bed *t)
{
	t->r.zones[0].dynamic = same(63000);
	t->r.zones[0].meter_lost = same(14000);
	t->r.meters = true;
	for (int k = 0; k < PHASES; k++)
		t->r.building_ma[0][k] = 20000;
	begin(t);
	rig_run(&t->r, 300 * US_PER_S);
}

static void a_meter_can_be_lost(void **state)
{
	struct bed *t = *state;
	struct bal_zone_view v;

	begin_dynamic(t);
	assert_in_range(rig_limit(&t->r, 0), 19000, 21500);
	t->what.meter_lost = true;
	assert_int_equal(simulate(t), 0);
	balance_zone_view(t->clone, 0, &v);
	assert_string_equal(v.cap_why, "meter_lost");
	assert_int_equal(after(t, 0).limit_ma, 7000);
	assert_int_equal(after(t, 1).limit_ma, 7000);
}

static void the_building_can_be_another(void **state)
{
	struct bed *t = *state;

	begin_dynamic(t);
	assert_int_equal(simulate(t), 0);
	assert_in_range(after(t, 0).limit_ma, 19000, 21500);	/* as it is, it stays */
	t->what.building = same(43000);
	assert_int_equal(simulate(t), 0);
	assert_in_range(after(t, 0).limit_ma, 8500, 10000);
	t->what.building = same(0);
	assert_int_equal(simulate(t), 0);
	assert_in_range(after(t, 0).limit_ma, 29000, 31500);
}

static void what_hangs_on_a_meter_needs_one(void **state)
{
	struct bed *t = *state;

	begin(t);
	t->what.meter_lost = true;
	assert_int_equal(simulate(t), -LMS_ECONFLICT);
	t->what.meter_lost = false;
	t->what.building = same(10000);
	assert_int_equal(simulate(t), -LMS_ECONFLICT);
}

static bool at_once(const void *ctx)
{
	(void)ctx;
	return true;
}

static void it_can_be_cancelled(void **state)
{
	struct bed *t = *state;

	begin(t);
	t->what.cancelled = at_once;
	assert_int_equal(simulate(t), 0);
	assert_int_equal(t->result.orders, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(more_cars_share_what_there_is),
		TEST(the_site_is_left_alone),
		TEST(another_cap_is_kept),
		TEST(a_cap_that_could_not_be_configured_is_refused),
		TEST(a_lost_station_keeps_its_share),
		TEST(cars_that_want_less_go_on_so),
		TEST(a_meter_can_be_lost),
		TEST(the_building_can_be_another),
		TEST(what_hangs_on_a_meter_needs_one),
		TEST(it_can_be_cancelled),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
