/* The table "When things fail", row by row: what happens, what is told, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "helper_rig.h"

#define S US_PER_S

static struct rig rig;
static uint32_t c1, c2, c3;

static int site(bool measured)
{
	rig_init(&rig);
	rig_zone(&rig, "main", -1, 60000);
	if (measured) {
		rig.zones[0].cap = (struct phase_ma){ { 100000, 100000, 100000 } };
		rig.zones[0].dynamic = (struct phase_ma){ { 80000, 80000, 80000 } };
		rig.zones[0].meter_lost = (struct phase_ma){ { 16000, 16000, 16000 } };
	}
	c1 = rig_conn(&rig, "CP1/1", "CP1", 0);
	c2 = rig_conn(&rig, "CP2/1", "CP2", 0);
	c3 = rig_conn(&rig, "CP3/1", "CP3", 0);
	rig.meters = measured;
	return 0;
}

static int measured_site(void **state)
{
	(void)state;
	return site(true);
}

static int static_site(void **state)
{
	(void)state;
	return site(false);
}

static int stop(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static void building(int64_t ma)
{
	for (int k = 0; k < PHASES; k++)
		rig.building_ma[0][k] = ma;
}

/* Two cars charge for a minute; what was told until then is forgotten. */
static void two_charge(void)
{
	rig_start(&rig);
	rig.car_ma[c1] = rig.car_ma[c2] = 32000;
	rig_charge(&rig, c1, 11);
	rig_charge(&rig, c2, 12);
	rig_run(&rig, 60 * S);
	rig_quiet(&rig);
}

static int64_t sum_limits(void)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < rig.conn_count; i++)
		sum += rig_limit(&rig, i) > 0 ? rig_limit(&rig, i) : 0;
	return sum;
}

/* Begin and end of an alert, told so far. */
static void assert_told(const char *begins, int begun, const char *ends, int ended)
{
	if (rig_told(&rig, begins) != begun || rig_told(&rig, ends) != ended)
		fail_msg("%s told %d times, %s %d times", begins, rig_told(&rig, begins), ends,
			 rig_told(&rig, ends));
}

static void zone_view(struct bal_zone_view *v)
{
	balance_zone_view(rig.b, 0, v);
}

/* ---- meter ------------------------------------------------------------------------------------------ */

static void meter_older_than_5_s_no_increases(void **state)
{
	mono_t t;

	(void)state;
	building(10000);
	two_charge();
	rig.meters = false;
	rig_run(&rig, rig.sampled + 5 * S - rig.now - 1);
	assert_told("meter_late", 0, "meter_in_time", 0);
	rig_run(&rig, 1);
	assert_told("meter_late", 1, "meter_in_time", 0);
	t = rig.now;
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 2 * S);
	assert_null(rig_sent(&rig, c3, t));
	assert_string_equal(rig_why(&rig, c3), "meter_stale");
	rig.meters = true;
	rig_run(&rig, 60 * S);
	assert_true(rig_limit(&rig, c3) >= 6000);
	assert_told("meter_late", 1, "meter_in_time", 1);
	assert_told("meter_lost", 0, "meter_back", 0);
}

static void meter_silent_its_current_is_in_force_after_15_s_and_comes_back_slowly(void **state)
{
	struct bal_zone_view v;
	mono_t silent, back;

	(void)state;
	building(10000);
	two_charge();
	rig.meters = false;
	silent = rig.sampled;
	rig_run(&rig, silent + 8 * S - rig.now - 1);
	assert_told("meter_lost", 0, "meter_back", 0);
	rig_run(&rig, 1);
	assert_told("meter_lost", 1, "meter_back", 0);
	assert_int_equal(rig_sent(&rig, c1, silent + S)->limit_ma, 8000);
	rig_run(&rig, silent + 15 * S - rig.now);
	zone_view(&v);
	assert_true(v.sum_w.l[0] <= 16000);
	rig_run(&rig, 300 * S);
	assert_told("meter_lost", 1, "meter_back", 0);
	assert_int_equal(sum_limits(), 16000);

	rig.meters = true;
	rig.sampled = back = rig.now;
	rig_run(&rig, 2 * S + S / 2);
	assert_told("meter_lost", 1, "meter_back", 0);
	rig_run(&rig, S);
	assert_told("meter_lost", 1, "meter_back", 1);
	assert_told("meter_late", 1, "meter_in_time", 1);
	rig_run(&rig, back + 10 * S - rig.now);
	assert_int_equal(sum_limits(), 16000);
	rig_run(&rig, 20 * S);
	assert_in_range(sum_limits(), 30000, 50000);
	rig_run(&rig, 120 * S);
	assert_true(sum_limits() > 62000);
}

/* What the meter room has found implausible comes as a sample that is not good. */
static void implausible_meter_is_as_a_silent_one(void **state)
{
	struct bal_zone_view v;

	(void)state;
	building(10000);
	two_charge();
	rig.meters = false;
	for (int i = 0; i < 15; i++) {
		struct bal_sample s = { .current = { { 900000, 0, 0 } }, .at = rig.now, .good = false };

		balance_meter(rig.b, 0, &s);
		rig_run(&rig, S);
	}
	assert_told("meter_lost", 1, "meter_back", 0);
	zone_view(&v);
	assert_true(v.sum_w.l[0] <= 16000);
	assert_int_not_equal(v.load.l[0], 900000);
	assert_told("zone_over", 0, "zone_over_end", 0);	/* of 900 A that nobody believes */
}

/* What tells the meter room that a meter of zeros is wrong: reports of later, of stations that do not lie. */
static void what_cars_report_contradicts_a_meter_of_zeros(void **state)
{
	mono_t t;

	(void)state;
	building(10000);
	two_charge();
	assert_in_range(balance_drawn_since(rig.b, 0, rig.now - 11 * S), 60000, 64000);
	t = rig.now + S;
	assert_int_equal(balance_drawn_since(rig.b, 0, t), 0);
	rig_run(&rig, 20 * S);
	assert_in_range(balance_drawn_since(rig.b, 0, t), 60000, 64000);
	rig.tells_ma[c1] = rig.tells_ma[c2] = 6300000;
	rig_run(&rig, 20 * S);
	assert_int_equal(balance_drawn_since(rig.b, 0, rig.now - 11 * S), 0);
}

static void one_missing_phase_is_no_good_sample(void **state)
{
	(void)state;
	building(10000);
	two_charge();
	rig.meters = false;
	for (int i = 0; i < 15; i++) {
		struct bal_sample s = { .current = { { 30000, NUM_NONE, 30000 } }, .at = rig.now,
					.good = true };

		balance_meter(rig.b, 0, &s);
		rig_run(&rig, S);
	}
	assert_told("meter_lost", 1, "meter_back", 0);
}

static void still_over_at_0_a_everywhere_is_told_and_never_oscillates(void **state)
{
	struct bal_zone_view v;
	mono_t t;

	(void)state;
	building(10000);
	two_charge();
	t = rig.now + S;
	building(90000);
	rig_run(&rig, 30 * S);
	assert_told("zone_over", 1, "zone_over_end", 0);
	assert_told("zone_over_without_cars", 1, "zone_over_without_cars_end", 0);
	assert_int_equal(sum_limits(), 0);
	rig_forget(&rig);
	for (int i = 0; i < 600; i++) {		/* around the limit, always with too little for a car */
		building(78000 + (i * 7919) % 14000);
		rig_run(&rig, S);
	}
	for (size_t i = 0; i < rig.sent_count; i++)
		assert_int_equal(rig.sent[i].order.limit_ma, 0);
	assert_true(rig.sent_count <= 2);
	assert_in_range(rig_told(&rig, "zone_over_without_cars"), 1, 2);
	zone_view(&v);
	assert_true(v.seconds_over >= 30);
	assert_true(rig.now > t);

	building(10000);
	rig_run(&rig, 300 * S);
	assert_int_equal(rig_told(&rig, "zone_over_without_cars"),
			 rig_told(&rig, "zone_over_without_cars_end"));
	assert_int_equal(rig_told(&rig, "zone_over"), rig_told(&rig, "zone_over_end"));
	assert_true(rig_limit(&rig, c1) > 30000);
}

/* ---- stations --------------------------------------------------------------------------------------- */

static void stations_that_never_came_are_not_told_as_a_load_of_others(void **state)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 3 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		rig.conns[i].proven = false;
		rig.conns[i].max_ma = 40000;
	}
	building(10000);
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	rig_run(&rig, 60 * S);
	assert_told("zone_over", 1, "zone_over_end", 0);
	assert_told("zone_over_without_cars", 0, "zone_over_without_cars_end", 0);
}

static void station_offline_its_last_w_stays_reserved_until_its_transaction_has_ended(void **state)
{
	(void)state;
	two_charge();
	balance_online(rig.b, "CP2", false, rig.now);
	rig_run(&rig, 59 * S);
	assert_told("offline_reserved", 0, "offline_reserved_end", 0);
	rig_run(&rig, 2 * S);
	assert_told("offline_reserved", 1, "offline_reserved_end", 0);
	rig_run(&rig, 600 * S);
	assert_int_equal(rig_w(&rig, c2), 30000);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	balance_use(rig.b, c2, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_w(&rig, c2), 0);
	assert_int_equal(rig_limit(&rig, c1), 32000);
	assert_told("offline_reserved", 1, "offline_reserved_end", 1);
	assert_false(rig.over);
}

static void station_offline_and_unproven_counts_at_its_maximum(void **state)
{
	(void)state;
	rig.conns[c2].proven = false;
	rig.conns[c2].max_ma = 40000;
	two_charge();
	balance_online(rig.b, "CP2", false, rig.now);
	balance_use(rig.b, c2, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 90 * S);
	assert_int_equal(rig_w(&rig, c2), 40000);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_told("offline_reserved", 1, "offline_reserved_end", 0);
	balance_online(rig.b, "CP2", true, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_w(&rig, c2), 0);
	assert_int_equal(rig_limit(&rig, c1), 32000);
	assert_told("offline_reserved", 1, "offline_reserved_end", 1);
}

static void boot_of_a_station_sets_the_default_first_and_the_transaction_on_top(void **state)
{
	mono_t t;
	size_t i = 0;

	(void)state;
	two_charge();
	t = rig.now;
	balance_booted(rig.b, "CP1", rig.now);
	rig_run(&rig, 10 * S);
	while (rig.sent[i].at < t)
		i++;
	assert_int_equal(rig.sent[i].order.conn, c1);
	assert_int_equal(rig.sent[i].order.kind, BAL_LIMIT_IDLE);
	assert_int_equal(rig.sent[i].order.limit_ma, 0);
	assert_int_equal(rig.sent[i + 1].order.conn, c1);
	assert_int_equal(rig.sent[i + 1].order.kind, BAL_LIMIT_TX);
	assert_int_equal(rig.sent[i + 1].order.limit_ma, 30000);
	assert_told("limit_unknown", 0, "limit_known", 0);
}

static void boot_of_an_unproven_station_counts_at_its_maximum_until_it_acknowledges(void **state)
{
	(void)state;
	rig.conns[c3].proven = false;
	two_charge();
	rig.answers[c3] = RIG_TIMES_OUT;
	balance_booted(rig.b, "CP3", rig.now);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_w(&rig, c3), 32000);
	assert_int_equal(rig_limit(&rig, c1), 14000);
	assert_told("limit_unknown", 1, "limit_known", 0);
	assert_told("station_uncontrollable", 1, "station_controllable", 0);
	rig.answers[c3] = RIG_ACCEPTS;
	rig_run(&rig, 330 * S);
	assert_int_equal(rig_w(&rig, c3), 0);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	assert_told("limit_unknown", 1, "limit_known", 1);
	assert_told("station_uncontrollable", 1, "station_controllable", 1);
}

static void station_that_refuses_three_times_is_uncontrollable_until_it_accepts(void **state)
{
	(void)state;
	two_charge();
	rig.answers[c2] = RIG_REFUSES;
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 600 * S);
	assert_told("station_uncontrollable", 1, "station_controllable", 0);
	assert_int_equal(rig_w(&rig, c2), 30000);
	assert_int_equal(rig_limit(&rig, c1), 15000);
	rig.answers[c2] = RIG_ACCEPTS;
	rig_run(&rig, 400 * S);
	assert_told("station_uncontrollable", 1, "station_controllable", 1);
	assert_int_equal(rig_limit(&rig, c2), 20000);
	assert_false(rig.over);
}

/* ---- restarts ----------------------------------------------------------------------------------------- */

static void restart(bool with_stored)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = rig.zone_count, .conns = rig.conns, .conn_count = rig.conn_count };

	conf.zones = rig.zones;
	balance_free(rig.b);
	rig.b = balance_new();
	rig_forget(&rig);
	rig_quiet(&rig);
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	for (uint32_t i = 0; i < rig.conn_count; i++) {
		if (with_stored && rig.has_stored[i])
			balance_restore(rig.b, i, rig.stored[i].w_ma, rig.stored[i].idle_acked);
		if (i != c3)
			rig_charge(&rig, i, 11 + i);
		else
			balance_use(rig.b, i, BAL_NONE, 0, false, rig.now);
	}
}

static void restart_counts_the_stored_w_or_the_default(void **state)
{
	(void)state;
	rig.conns[c3].idle_ma = 6000;
	two_charge();
	assert_int_equal(rig_limit(&rig, c1), 27000);
	restart(true);
	rig_run(&rig, S);
	assert_int_equal(rig_w(&rig, c1), 27000);
	assert_int_equal(rig_w(&rig, c2), 27000);
	assert_int_equal(rig_w(&rig, c3), 6000);
	assert_int_equal(rig.sent_count, 0);
}

static void restart_counts_an_unproven_station_at_its_maximum_until_it_acknowledges(void **state)
{
	(void)state;
	rig.conns[c3].proven = false;
	two_charge();
	restart(true);
	rig_run(&rig, S);
	assert_int_equal(rig_w(&rig, c3), 32000);	/* it may have booted meanwhile */
	for (uint32_t i = 0; i < rig.conn_count; i++)
		balance_online(rig.b, rig.conns[i].station, true, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_w(&rig, c3), 0);
	assert_int_equal(rig_limit(&rig, c1), 30000);
}

/* A restored backup knows limits of another time: lmsd hands in none of them. */
static void restart_without_stored_limits_counts_maxima_until_acknowledged(void **state)
{
	(void)state;
	two_charge();
	restart(false);
	rig_run(&rig, S);
	for (uint32_t i = 0; i < rig.conn_count; i++)
		assert_int_equal(rig_w(&rig, i), 32000);
	for (uint32_t i = 0; i < rig.conn_count; i++)
		balance_online(rig.b, rig.conns[i].station, true, rig.now);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_w(&rig, c3), 0);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	assert_int_equal(rig_limit(&rig, c2), 30000);
}

static void storage_failed_limits_only_fall(void **state)
{
	mono_t t;

	(void)state;
	two_charge();
	balance_store_failed(rig.b, true);
	rig_run(&rig, S);
	assert_told("limits_only_fall", 1, "limits_may_rise", 0);
	t = rig.now;
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 600 * S);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_null(rig_sent(&rig, c3, t));
	for (size_t i = 0; i < rig.sent_count; i++)
		assert_true(rig.sent[i].at < t || !rig.sent[i].order.raises);
	assert_told("limits_only_fall", 1, "limits_may_rise", 0);
	balance_store_failed(rig.b, false);
	rig_run(&rig, 30 * S);
	assert_told("limits_only_fall", 1, "limits_may_rise", 1);
	assert_int_equal(rig_limit(&rig, c3), 20000);
}

/* ---- configuration --------------------------------------------------------------------------------------- */

static const char *complaint(void)
{
	static struct diag d;
	struct bal_conf conf = { .zones = rig.zones, .zone_count = rig.zone_count, .conns = rig.conns, .conn_count = rig.conn_count };

	conf.conns = rig.conns;
	diag_init(&d);
	assert_int_equal(balance_check(&conf, &d), -LMS_EDATA);
	return d.text;
}

static void configuration_whose_fallbacks_exceed_a_cap_is_refused_by_zone(void **state)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 3 };
	struct diag d;

	(void)state;
	two_charge();
	rig.conns[c1].idle_ma = 32000;
	rig.conns[c2].idle_ma = 30000;
	assert_string_equal(complaint(), "zone main: default limits and reservations of its connectors "
			    "exceed its limit on L1");
	diag_init(&d);
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, &d), -LMS_EDATA);
	rig_run(&rig, S);
	assert_told("configuration_refused", 1, "configuration_taken", 0);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	rig.conns[c1].idle_ma = rig.conns[c2].idle_ma = 0;
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, &d), 0);
	rig_run(&rig, S);
	assert_told("configuration_refused", 1, "configuration_taken", 1);
}

static void configuration_whose_fallbacks_exceed_meter_lost_is_refused_by_zone(void **state)
{
	(void)state;
	rig.conns[c1].manageable = false;
	rig.conns[c1].max_ma = 17000;
	assert_string_equal(complaint(), "zone main: default limits and reservations of its connectors "
			    "exceed its meter_lost on L1");
}

/* ---- something outside steps ------------------------------------------------------------------------------- */

/* Nothing may be raised while the sum is above a cap, whoever it is that stepped. */
static void assert_no_raise_while_over(mono_t from, int64_t for_us)
{
	for (mono_t end = rig.now + for_us; rig.now < end;) {
		struct bal_zone_view v;
		size_t sent = rig.sent_count;
		bool over = false;

		rig_run(&rig, S / 10);
		zone_view(&v);	/* what was raised is in the sum */
		for (int k = 0; k < PHASES; k++)
			over |= v.sum_w.l[k] > v.cap.l[k];
		for (size_t i = sent; over && i < rig.sent_count; i++)
			assert_false(rig.sent[i].at > from && rig.sent[i].order.raises);
	}
}

static void a_lowered_cap_is_counted_and_told_and_nothing_rises_until_the_sum_fits(void **state)
{
	struct bal_outer_limit less = { .limit = { { 20000, 20000, 20000 } } };
	struct bal_zone_view v;
	int64_t before;

	(void)state;
	two_charge();
	zone_view(&v);
	before = v.seconds_over;
	rig.answers[c2] = RIG_MUTE;
	balance_zone_outer(rig.b, 0, BAL_OUTER_OVERRIDE, &less);
	rig_charge(&rig, c3, 13);
	assert_no_raise_while_over(rig.now, 30 * S);
	assert_told("zone_over", 1, "zone_over_end", 0);
	zone_view(&v);
	assert_in_range(v.seconds_over - before, 29, 31);
	balance_zone_outer(rig.b, 0, BAL_OUTER_OVERRIDE, NULL);
	rig_run(&rig, 12 * S);
	assert_told("zone_over", 1, "zone_over_end", 1);
}

static void a_station_added_is_reserved_and_nothing_rises_until_the_sum_fits(void **state)
{
	struct bal_conf conf;
	struct bal_zone_view v;
	int64_t before;

	(void)state;
	two_charge();
	zone_view(&v);
	before = v.seconds_over;
	rig_conn(&rig, "CP4/1", "CP4", 0);
	conf = (struct bal_conf){ .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 4 };
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	rig_charge(&rig, c3, 13);
	assert_no_raise_while_over(rig.now, 20 * S);
	zone_view(&v);
	assert_in_range(v.seconds_over - before, 4, 7);
	assert_true(v.sum_w.l[0] <= 60000);
	assert_int_equal(rig_w(&rig, 3), 32000);
}

static void a_profile_forgotten_is_seen_at_the_boot_and_nothing_rises_until_the_sum_fits(void **state)
{
	struct bal_zone_view v;
	int64_t before;

	(void)state;
	rig.conns[c3].proven = false;
	two_charge();
	zone_view(&v);
	before = v.seconds_over;
	rig.answers[c3] = RIG_MUTE;
	balance_booted(rig.b, "CP3", rig.now);
	assert_no_raise_while_over(rig.now, 40 * S);
	zone_view(&v);
	assert_in_range(v.seconds_over - before, 14, 17);	/* 10 s to answer, then 5 s of the others */
	assert_told("zone_over", 1, "zone_over_end", 1);
	assert_told("limit_unknown", 1, "limit_known", 0);
}

int main(void)
{
#define MEASURED(f) cmocka_unit_test_setup_teardown(f, measured_site, stop)
#define STATIC(f)   cmocka_unit_test_setup_teardown(f, static_site, stop)
	const struct CMUnitTest tests[] = {
		MEASURED(meter_older_than_5_s_no_increases),
		MEASURED(meter_silent_its_current_is_in_force_after_15_s_and_comes_back_slowly),
		MEASURED(implausible_meter_is_as_a_silent_one),
		MEASURED(what_cars_report_contradicts_a_meter_of_zeros),
		MEASURED(one_missing_phase_is_no_good_sample),
		MEASURED(still_over_at_0_a_everywhere_is_told_and_never_oscillates),
		MEASURED(stations_that_never_came_are_not_told_as_a_load_of_others),
		STATIC(station_offline_its_last_w_stays_reserved_until_its_transaction_has_ended),
		STATIC(station_offline_and_unproven_counts_at_its_maximum),
		STATIC(boot_of_a_station_sets_the_default_first_and_the_transaction_on_top),
		STATIC(boot_of_an_unproven_station_counts_at_its_maximum_until_it_acknowledges),
		STATIC(station_that_refuses_three_times_is_uncontrollable_until_it_accepts),
		STATIC(restart_counts_the_stored_w_or_the_default),
		STATIC(restart_counts_an_unproven_station_at_its_maximum_until_it_acknowledges),
		STATIC(restart_without_stored_limits_counts_maxima_until_acknowledged),
		STATIC(storage_failed_limits_only_fall),
		STATIC(configuration_whose_fallbacks_exceed_a_cap_is_refused_by_zone),
		MEASURED(configuration_whose_fallbacks_exceed_meter_lost_is_refused_by_zone),
		STATIC(a_lowered_cap_is_counted_and_told_and_nothing_rises_until_the_sum_fits),
		STATIC(a_station_added_is_reserved_and_nothing_rises_until_the_sum_fits),
		STATIC(a_profile_forgotten_is_seen_at_the_boot_and_nothing_rises_until_the_sum_fits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
