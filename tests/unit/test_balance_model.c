/* Configurations that contradict themselves are refused and change nothing; reasons read as sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "balance/reason.h"
#include "base/err.h"

#define NONE { { NUM_NONE, NUM_NONE, NUM_NONE } }
#define ALL(a) { { a, a, a } }

struct site {
	struct bal_zone_conf zones[2];
	struct bal_conn_conf conns[2];
};

static struct site good_site(void)
{
	struct site s = {
		.zones = {
			{ .id = "main", .parent = -1, .phases = 3, .cap = ALL(60000), .cap_w = NUM_NONE,
			  .dynamic = NONE, .meter_lost = NONE, .min_ma = NUM_NONE },
			{ .id = "P1", .parent = 0, .phases = 3, .cap = ALL(20000), .cap_w = NUM_NONE,
			  .dynamic = NONE, .meter_lost = NONE, .min_ma = NUM_NONE },
		},
		.conns = {
			{ .id = "CP1/1", .station = "CP1", .zone = 1, .wiring = BAL_RST, .min_ma = 6000,
			  .max_ma = 32000, .step_ma = 100, .manageable = true, .proven = true },
			{ .id = "CP2/1", .station = "CP2", .zone = 1, .wiring = BAL_L2, .min_ma = 6000,
			  .max_ma = 16000, .step_ma = 1000, .manageable = true, .proven = true },
		},
	};

	return s;
}

static int configure(struct balance *b, const struct site *s, struct diag *d)
{
	struct bal_conf conf = { .zones = s->zones, .zone_count = 2, .conns = s->conns, .conn_count = 2 };

	diag_init(d);
	return balance_configure(b, &conf, 0, d);
}

static void loop_to_itself(struct site *s)
{
	s->zones[1].parent = 1;
}

static void parent_behind(struct site *s)
{
	s->zones[0].parent = 1;
}

static void two_phases(struct site *s)
{
	s->zones[1].phases = 2;
}

static void negative_cap(struct site *s)
{
	s->zones[1].cap.l[2] = -1;
}

static void enormous_cap(struct site *s)
{
	s->zones[1].cap.l[0] = 6300001;
}

static void dynamic_without_fallback(struct site *s)
{
	s->zones[0].dynamic = (struct phase_ma)ALL(50000);
}

static void idle_above_cap(struct site *s)
{
	s->conns[0].idle_ma = 16000;
	s->conns[1].idle_ma = 6000;
}

static void reservation_above_cap(struct site *s)
{
	s->conns[0].manageable = false;
}

static void idle_above_meter_lost(struct site *s)
{
	s->zones[0].dynamic = (struct phase_ma)ALL(50000);
	s->zones[0].meter_lost = (struct phase_ma)ALL(6000);
	s->conns[0].idle_ma = 8000;
}

static void idle_too_small_to_charge(struct site *s)
{
	s->conns[0].idle_ma = 3000;
}

static void no_such_zone(struct site *s)
{
	s->conns[0].zone = 2;
}

static void odd_step(struct site *s)
{
	s->conns[0].step_ma = 250;
}

static void no_maximum(struct site *s)
{
	s->conns[0].max_ma = 0;
}

static const struct {
	void (*spoil)(struct site *s);
	const char *says;
} bad[] = {
	{ loop_to_itself, "zone P1: parent" },
	{ parent_behind, "zone main: parent" },
	{ two_phases, "zone P1: phases" },
	{ negative_cap, "zone P1: a limit on L3" },
	{ enormous_cap, "zone P1: a limit on L1" },
	{ dynamic_without_fallback, "zone main: meter_lost" },
	{ idle_above_cap, "zone P1: default limits and reservations of its connectors exceed its limit on L2" },
	{ reservation_above_cap, "zone P1: default limits" },
	{ idle_above_meter_lost, "zone main: default limits and reservations of its connectors exceed its meter_lost" },
	{ idle_too_small_to_charge, "connector CP1/1: idle" },
	{ no_such_zone, "connector CP1/1: zone" },
	{ odd_step, "connector CP1/1: step" },
	{ no_maximum, "connector CP1/1: max" },
};

static void a_contradiction_is_refused_by_name_and_changes_nothing(void **state)
{
	struct balance *b = balance_new();
	struct bal_conn_view before, after;
	struct diag d;
	struct site s = good_site();

	(void)state;
	assert_int_equal(configure(b, &s, &d), 0);
	balance_restore(b, 0, 7000, true);
	balance_conn_view(b, 0, &before);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = good_site();
		bad[i].spoil(&s);
		assert_int_equal(configure(b, &s, &d), -LMS_EDATA);
		if (strncmp(d.text, bad[i].says, strlen(bad[i].says)) != 0)
			fail_msg("case %zu says: %s", i, d.text);
		balance_conn_view(b, 0, &after);
		assert_int_equal(after.w_ma, before.w_ma);
	}
	balance_free(b);
}

static void a_phase_that_a_single_phase_zone_does_not_have_is_not_a_zero_limit(void **state)
{
	struct balance *b = balance_new();
	struct site s = good_site();
	struct diag d;

	(void)state;
	s.zones[1].phases = 1;
	s.zones[1].cap = (struct phase_ma){ { 20000, NUM_NONE, NUM_NONE } };
	assert_int_equal(configure(b, &s, &d), 0);
	s.zones[1].cap = (struct phase_ma){ { 20000, 0, 0 } };
	assert_int_equal(configure(b, &s, &d), 0);
	balance_free(b);
}

static void what_is_known_of_a_connector_survives_a_new_order_of_connectors(void **state)
{
	struct balance *b = balance_new();
	struct site s = good_site();
	struct bal_conn_conf first = s.conns[0];
	struct bal_conn_view v;
	struct diag d;

	(void)state;
	assert_int_equal(configure(b, &s, &d), 0);
	balance_restore(b, 0, 7000, true);
	balance_conn_view(b, 1, &v);
	assert_int_equal(v.w_ma, 16000);	/* never heard of */
	s.conns[0] = s.conns[1];
	s.conns[1] = first;
	assert_int_equal(configure(b, &s, &d), 0);
	balance_conn_view(b, 1, &v);
	assert_int_equal(v.w_ma, 7000);
	balance_free(b);
}

static void every_reason_is_a_sentence_without_holes(void **state)
{
	struct balance *b = balance_new();
	struct site s = good_site();
	struct diag d;
	char text[200];

	(void)state;
	assert_int_equal(configure(b, &s, &d), 0);
	for (int code = 0; code < BAL_WHY_COUNT; code++) {
		struct bal_reason r = reason_make((enum bal_reason_code)code);

		balance_reason_text(b, &r, text, sizeof(text));
		assert_true(strlen(text) > 5);
		assert_null(strchr(text, '%'));
		r.zone = 1;
		r.phase = 1;
		r.other = 1;
		r.value = 12 * US_PER_S;
		balance_reason_text(b, &r, text, sizeof(text));
		assert_null(strchr(text, '%'));
		assert_true(strlen(text) < 160);
	}
	balance_free(b);
}

/* Between a change and the first turn lmsctl was shown zones with a cap of 0 A. */
static void a_configuration_can_be_looked_at_before_its_first_turn(void **state)
{
	struct balance *b = balance_new();
	struct site s = good_site();
	struct bal_zone_view v;
	struct diag d;

	(void)state;
	assert_int_equal(configure(b, &s, &d), 0);
	balance_zone_view(b, 1, &v);
	assert_int_equal(v.cap.l[0], 20000);
	assert_string_equal(v.cap_why, "static");
	balance_free(b);
}

static void reasons_name_zone_phase_and_figures(void **state)
{
	struct balance *b = balance_new();
	struct site s = good_site();
	struct bal_reason r = reason_make(BAL_WHY_ZONE_FULL);
	struct arena arena;
	struct bal_turn turn;
	struct diag d;
	char text[200];

	(void)state;
	arena_init(&arena);
	assert_int_equal(configure(b, &s, &d), 0);
	balance_turn(b, 0, &arena, &turn);
	r.zone = 0;
	r.phase = 1;
	balance_reason_text(b, &r, text, sizeof(text));
	assert_string_equal(text, "zone main is full on L2: 60 A shared by 0");
	r = reason_make(BAL_WHY_WAITS_OTHER);
	r.other = 1;
	balance_reason_text(b, &r, text, sizeof(text));
	assert_string_equal(text, "waits for CP2/1 to lower its limit");
	r = reason_make(BAL_WHY_FREE);
	r.value = 16700;
	balance_reason_text(b, &r, text, sizeof(text));
	assert_string_equal(text, "free: may take its maximum of 16.7 A");
	balance_reason_text(b, &r, text, 10);
	assert_string_equal(text, "free: may");
	arena_fini(&arena);
	balance_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_contradiction_is_refused_by_name_and_changes_nothing),
		cmocka_unit_test(a_phase_that_a_single_phase_zone_does_not_have_is_not_a_zero_limit),
		cmocka_unit_test(what_is_known_of_a_connector_survives_a_new_order_of_connectors),
		cmocka_unit_test(every_reason_is_a_sentence_without_holes),
		cmocka_unit_test(a_configuration_can_be_looked_at_before_its_first_turn),
		cmocka_unit_test(reasons_name_zone_phase_and_figures),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
