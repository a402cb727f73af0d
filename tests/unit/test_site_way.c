/* Where a state comes from: the grammar of the keys, what a value means, and who wins when staff tells one, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_site.h"
#include "site/outer/from.h"
#include "site/outer/grid.h"
#include "site/outer/source.h"

#define NO NUM_NONE
#define MODBUS "modbus:3@192.0.2.10:1502,"

/* ---- the grammar ---------------------------------------------------------------------------------- */

static void a_way_is_read_as_it_is_written(void **state)
{
	static const struct {
		const char *text;
		enum from_kind kind;
		int slave, port, fc, addr, mask;
	} cases[] = {
		{ "command", FROM_COMMAND, 0, 0, 0, 0, 0 },
		{ "bms", FROM_BMS, 0, 0, 0, 0, 0 },
		{ "mqtt:site/grid signal", FROM_MQTT, 0, 0, 0, 0, 0 },
		{ MODBUS "holding:40", FROM_MODBUS, 3, 1502, 3, 40, 0xffff },
		{ "modbus:gateway.example,input:0x10", FROM_MODBUS, 255, 502, 4, 16, 0xffff },
		{ "modbus:[2001:db8::1],coil:7", FROM_MODBUS, 255, 502, 1, 7, 0xffff },
		{ "MODBUS:1@192.0.2.10,Discrete:65535", FROM_MODBUS, 1, 502, 2, 65535, 0xffff },
		{ MODBUS "holding:40,bit:3", FROM_MODBUS, 3, 1502, 3, 40, 8 },
		{ MODBUS "holding:40,mask:0x00F0", FROM_MODBUS, 3, 1502, 3, 40, 0xf0 },
		{ "modbus:7@rtu:/dev/ttyS0,19200,8E1,holding:2", FROM_MODBUS, 7, 502, 3, 2, 0xffff },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct state_from from;
		struct diag diag;

		diag_init(&diag);
		if (from_parse(cases[i].text, &from, &diag))
			fail_msg("%s: %s", cases[i].text, diag.text);
		assert_int_equal(from.kind, cases[i].kind);
		if (from.kind != FROM_MODBUS)
			continue;
		assert_int_equal(from.device.slave, cases[i].slave);
		assert_int_equal(from.device.port, cases[i].port);
		assert_int_equal(from.fc, cases[i].fc);
		assert_int_equal(from.addr, cases[i].addr);
		assert_int_equal(from.mask, cases[i].mask);
	}
}

static void a_part_of_a_register_is_moved_down(void **state)
{
	struct state_from from;

	(void)state;
	assert_int_equal(from_parse(MODBUS "holding:4,mask:0x00f0", &from, NULL), 0);
	assert_int_equal(from_number(&from, 0x1234), 3);
	assert_false(from_is_bit(&from));
	assert_int_equal(from_parse(MODBUS "input:4,bit:15", &from, NULL), 0);
	assert_int_equal(from_number(&from, 0x8000), 1);
	assert_int_equal(from_number(&from, 0x7fff), 0);
	assert_true(from_is_bit(&from));
	assert_int_equal(from_parse(MODBUS "coil:4", &from, NULL), 0);
	assert_int_equal(from_number(&from, 1), 1);
	assert_true(from_is_bit(&from));
}

static void what_is_no_way_is_refused_with_place_and_remedy(void **state)
{
	static const struct { const char *key, *value, *says; } cases[] = {
		{ "grid_from", "telegraph", "is nowhere that a state can come from" },
		{ "grid_from", "mqtt:", "the topic is missing" },
		{ "grid_from", "mqtt:site/+", "names many topics" },
		{ "grid_from", "modbus:192.0.2.10", "does not say what is read there" },
		{ "grid_from", "modbus:192.0.2.10,register:4", "does not say what is read there" },
		{ "grid_from", "modbus:300@192.0.2.10,holding:4", "slave '300'" },
		{ "grid_from", "modbus:,holding:4", "the host is missing" },
		{ "grid_from", MODBUS "holding:", "is not an address of a register" },
		{ "grid_from", MODBUS "holding:65536", "is not an address of a register" },
		{ "grid_from", MODBUS "holding:-1", "is not an address of a register" },
		{ "grid_from", MODBUS "holding:4,bit:16", "is not a bit" },
		{ "grid_from", MODBUS "holding:4,mask:0", "is not a mask" },
		{ "grid_from", MODBUS "holding:4 bit 3", "is not understood" },
		{ "grid_from", MODBUS "coil:4,bit:1", "has no bits" },
		{ "grid_from", MODBUS "coil:4", "grid_values: is missing" },
		{ "grid_values", "0=normal", "nothing tells any" },
	};
	static const struct { const char *values, *says; } bad[] = {
		{ "0", "does not say which state" },
		{ "0=", "does not say which state" },
		{ "=normal", "a value is missing" },
		{ "0=normal,", "a value is missing" },
		{ "0=normal;1=stop", "is not understood" },
		{ "0=normal 1=stop", "is not understood" },
		{ "0=normal,0=stop", "says twice" },
		{ "0..5=normal,3..9=stop", "says twice" },
		{ "9..3=stop", "runs backwards" },
		{ "0=Normal", "'Normal' is not a state" },
		{ "0=half", "'half' is not a state (it has normal,reduced,stop, and lost)" },
	};
	struct desk r;
	char params[300];

	(void)state;
	desk_init(&r);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(params, sizeof(params), "{'%s': '%s'}", cases[i].key, cases[i].value);
		assert_true(desk_call(&r, "site.set", params) < 0);
		if (!strstr(r.diag.text, "site: grid_") || !strstr(r.diag.text, cases[i].says))
			fail_msg("%s: %s", params, r.diag.text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(params, sizeof(params), "{'grid_from': '%scoil:4', 'grid_values': '%s'}", MODBUS, bad[i].values);
		assert_true(desk_call(&r, "site.set", params) < 0);
		if (!strstr(r.diag.text, "site: grid_values: ") || !strstr(r.diag.text, bad[i].says))
			fail_msg("%s: %s", params, r.diag.text);
	}
	assert_int_equal(desk_call(&r, "source.add", "{'id': 'GEN', 'kind': 'generator', 'states': 'grid,island',"
				   "'from': 'bms'}"), -LMS_EDATA);
	assert_non_null(strstr(r.diag.text, "source GEN: from: "));
	assert_int_equal(desk_call(&r, "source.add", "{'id': 'GEN', 'kind': 'generator', 'states': 'grid,island',"
				   "'from': '" MODBUS "holding:4'}"), -LMS_EDATA);
	assert_non_null(strstr(r.diag.text, "source GEN: values: is missing"));
	assert_int_equal(r.site->conf->generation, 0);
	desk_fini(&r);
}

static void a_value_means_the_state_that_it_is_given(void **state)
{
	struct state_values v;

	(void)state;
	assert_int_equal(state_values_parse(" 0 = normal , 1=reduced,0x10..0x20=stop,Off=normal", &v, NULL), 0);
	assert_string_equal(state_of_number(&v, 0), "normal");
	assert_string_equal(state_of_number(&v, 16), "stop");
	assert_string_equal(state_of_number(&v, 32), "stop");
	assert_null(state_of_number(&v, 33));
	assert_null(state_of_number(&v, 2));
	assert_string_equal(state_of_word(&v, "OFF"), "normal");
	assert_string_equal(state_of_word(&v, "1"), "reduced");
	assert_string_equal(state_of_word(&v, "0x11"), "stop");
	assert_null(state_of_word(&v, "1.0"));
	assert_null(state_of_word(&v, ""));
}

/* ---- the grid signal ------------------------------------------------------------------------------- */

static void desk_way(struct desk *r, const char *site)
{
	desk_init(r);
	site_grid_begin(r->site, r->now);
	desk_must(r, "zone.create", "{'id': 'P', 'fuse': 60, 'grid': true, 'grid_reduced': 20, 'grid_lost': 'reduced'}");
	desk_must(r, "site.set", site);
	site_grid_time(r->site, r->now, r->wall, &r->fx);
	desk_settle(r);
}

static bool hear(struct desk *r, int64_t number)
{
	bool changed = site_grid_heard(r->site, &(struct heard){ .number = number }, r->now, r->wall, &r->fx);

	desk_settle(r);
	return changed;
}

static bool fail_to_hear(struct desk *r)
{
	return site_grid_heard(r->site, &(struct heard){ .err = -LMS_EOFFLINE, .text = "no answer" }, r->now, r->wall,
			       &r->fx);
}

static bool pass(struct desk *r, int64_t us)
{
	bool changed;

	r->now += us;
	r->wall += us;
	changed = site_grid_time(r->site, r->now, r->wall, &r->fx);
	desk_settle(r);
	return changed;
}

static int64_t limit_ma(const struct desk *r)
{
	struct zone_limit l;

	site_grid_limit(r->site, &r->site->conf->zones[0], &l);
	return l.current.l[0];
}

static void a_device_tells_the_signal_and_its_silence_is_its_loss(void **state)
{
	struct desk r;

	(void)state;
	desk_way(&r, "{'grid_from': '" MODBUS "holding:40', 'grid_watchdog': '10s'}");
	assert_int_equal(limit_ma(&r), 20000);	/* not told yet */
	assert_true(hear(&r, 0));
	assert_int_equal(limit_ma(&r), NO);
	assert_true(hear(&r, 2));
	assert_int_equal(limit_ma(&r), 0);
	assert_string_equal(site_grid_signal(r.site)->by, MODBUS "holding:40");
	assert_true(hear(&r, 0));
	for (int i = 0; i < 9; i++) {
		pass(&r, US_PER_S);
		assert_false(fail_to_hear(&r));
		assert_int_equal(site_grid_state(r.site), GRID_NORMAL);
	}
	assert_string_equal(r.site->grid_heard.error, "no answer");
	assert_true(pass(&r, US_PER_S));
	assert_int_equal(site_grid_state(r.site), GRID_LOST);
	assert_int_equal(limit_ma(&r), 20000);
	assert_true(hear(&r, 1));
	assert_int_equal(site_grid_state(r.site), GRID_REDUCED);
	assert_string_equal(r.site->grid_heard.error, "");
	desk_fini(&r);
}

static void a_value_that_means_nothing_tells_nothing(void **state)
{
	struct desk r;

	(void)state;
	desk_way(&r, "{'grid_from': '" MODBUS "holding:40'}");
	hear(&r, 0);
	pass(&r, 30 * US_PER_S);
	assert_false(hear(&r, 7));
	assert_non_null(strstr(r.site->grid_heard.error, "'7' means nothing"));
	assert_int_equal(site_grid_state(r.site), GRID_NORMAL);
	/* Nobody set a time: a way has a minute. */
	pass(&r, 30 * US_PER_S);
	assert_int_equal(site_grid_state(r.site), GRID_LOST);
	desk_fini(&r);
}

static void staff_tells_a_signal_beside_the_way_and_never_takes_back_what_that_says(void **state)
{
	struct desk r;

	(void)state;
	desk_way(&r, "{'grid_from': '" MODBUS "holding:40'}");
	for (int way = 0; way < 3; way++)
		for (int hand = 0; hand < GRID_STATES; hand++) {
			int64_t before, after;

			site_grid_clear(r.site, r.now, r.wall, &r.fx);
			hear(&r, way);
			before = limit_ma(&r);
			assert_true(site_grid_set(r.site, grid_state_name((enum grid_state)hand), "staff", NO, r.now, r.wall,
						  &r.fx, &r.diag) >= 0);
			after = limit_ma(&r);
			if (before != NO && (after == NO || after > before))
				fail_msg("%s by command raised %s of the way", grid_state_name((enum grid_state)hand),
					 grid_state_name((enum grid_state)way));
			if (hand == GRID_STOP)
				assert_int_equal(after, 0);
			/* Nothing waits for staff to repeat itself. */
			pass(&r, 59 * US_PER_S);
			assert_int_equal(limit_ma(&r), after);
		}
	desk_fini(&r);
}

static void what_a_way_said_survives_a_restart_until_it_talks_again(void **state)
{
	struct desk r;
	const char *json;

	(void)state;
	desk_way(&r, "{'grid_from': '" MODBUS "holding:40'}");
	hear(&r, 2);
	desk_restart(&r);
	site_grid_begin(r.site, r.now);
	json = desk_stored(&r, STORE_SIGNAL, "grid way");
	assert_non_null(json);
	assert_int_equal(site_grid_load(r.site, "grid way", json, strlen(json), r.now, r.wall, &r.diag), 0);
	pass(&r, 0);
	assert_int_equal(limit_ma(&r), 0);
	assert_false(site_grid_is_sure(r.site));
	hear(&r, 0);
	assert_int_equal(limit_ma(&r), NO);
	desk_fini(&r);
}

static void another_way_has_to_talk_before_it_is_believed(void **state)
{
	struct desk r;

	(void)state;
	desk_way(&r, "{'grid_from': '" MODBUS "holding:40'}");
	hear(&r, 2);
	pass(&r, 50 * US_PER_S);
	desk_must(&r, "site.set", "{'grid_from': '" MODBUS "holding:41'}");
	pass(&r, 0);
	assert_int_equal(limit_ma(&r), 0);	/* what the one before said, until this one talks */
	pass(&r, 50 * US_PER_S);		/* and it has its own minute */
	assert_int_equal(site_grid_state(r.site), GRID_STOP);
	hear(&r, 0);
	assert_int_equal(limit_ma(&r), NO);
	hear(&r, 2);
	desk_must(&r, "site.set", "{'grid_from': null}");
	pass(&r, 0);
	assert_int_equal(limit_ma(&r), NO);	/* staff's word alone counts, and it has said nothing */
	assert_null(desk_stored(&r, STORE_SIGNAL, "grid way"));
	desk_fini(&r);
}

static bool hear_old(struct desk *r, int64_t number)
{
	bool changed = site_grid_heard(r->site, &(struct heard){ .number = number, .old = true }, r->now, r->wall, &r->fx);

	desk_settle(r);
	return changed;
}

static void restart(struct desk *r)
{
	static const char *const keys[] = { "grid", "grid way" };

	desk_settle(r);
	desk_restart(r);
	site_grid_begin(r->site, r->now);
	for (int i = 0; i < 2; i++) {
		const char *json = desk_stored(r, STORE_SIGNAL, keys[i]);

		if (json)
			assert_int_equal(site_grid_load(r->site, keys[i], json, strlen(json), r->now, r->wall, &r->diag), 0);
	}
	pass(r, 0);
}

/* A broker keeps what was said last, and nobody knows when that was. */
static void what_is_of_no_known_age_only_lowers(void **state)
{
	struct desk r;

	(void)state;
	desk_way(&r, "{'grid_from': 'mqtt:signal', 'grid_values': '0=normal,1=reduced,2=stop', 'grid_watchdog': '10s'}");
	assert_true(hear_old(&r, 0));
	assert_int_equal(site_grid_state(r.site), GRID_NORMAL);
	assert_false(site_grid_is_sure(r.site));
	assert_int_equal(limit_ma(&r), 20000);	/* what lost means holds beside it */
	assert_true(hear_old(&r, 2));
	assert_int_equal(limit_ma(&r), 0);
	assert_true(hear(&r, 2));
	assert_true(hear_old(&r, 0));		/* from before or after the stop: the stop holds until it is told anew, … */
	assert_int_equal(limit_ma(&r), 0);
	assert_true(hear_old(&r, 1));
	assert_int_equal(limit_ma(&r), 0);
	restart(&r);				/* … over a restart, too */
	assert_int_equal(limit_ma(&r), 0);
	hear_old(&r, 0);
	assert_int_equal(limit_ma(&r), 0);
	assert_true(hear(&r, 0));
	assert_true(site_grid_is_sure(r.site));
	assert_int_equal(limit_ma(&r), NO);
	pass(&r, 9 * US_PER_S);
	assert_false(hear_old(&r, 0));		/* the same again changes nothing, … */
	assert_true(site_grid_is_sure(r.site));
	assert_true(pass(&r, US_PER_S));	/* … and the watchdog runs out nevertheless */
	assert_int_equal(site_grid_state(r.site), GRID_LOST);
	assert_false(hear_old(&r, 0));		/* what is lost is not brought back */
	assert_int_equal(site_grid_state(r.site), GRID_LOST);
	assert_true(hear(&r, 0));
	assert_int_equal(site_grid_state(r.site), GRID_NORMAL);
	desk_fini(&r);
}

/* What the zone of desk_way() may have at a state; NO = any. */
static int64_t means(int state)
{
	static const int64_t ma[GRID_STATES] = { NO, 20000, 0, 20000 };

	return state < 0 ? NO : ma[state];
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a == NO || (b != NO && b < a) ? b : a;
}

static int64_t random_int(unsigned *seed, int64_t below)
{
	*seed = *seed * 1103515245U + 12345U;
	return (int64_t)(*seed >> 8) % below;
}

/* Values that mean something and others, failures, silence, commands and restarts in any order: the limit is never
 * above what was told last by the way, above what its loss means while it is lost or not heard since a restart, or
 * above what staff told; and it is no less than these. */
static void no_order_of_events_raises_a_limit_beyond_what_was_told(void **state)
{
	unsigned seed = 1;
	struct desk r;

	(void)state;
	desk_way(&r, "{'grid_from': 'bms', 'grid_watchdog': '10s'}");
	for (int round = 0, way = -1, hand = -1, heard = -1, lost = 0; round < 20000; round++) {
		int64_t what = random_int(&seed, 100), number = random_int(&seed, 6), expected;

		if (what < 40) {
			hear(&r, number);
			if (number <= 2) {
				way = (int)number;
				heard = 1;
				lost = 0;
			}
		} else if (what < 60) {
			fail_to_hear(&r);
		} else if (what < 70) {
			hand = (int)random_int(&seed, GRID_STATES);
			assert_true(site_grid_set(r.site, grid_state_name((enum grid_state)hand), "staff", NO, r.now, r.wall, &r.fx,
						  &r.diag) >= 0);
		} else if (what < 75) {
			site_grid_clear(r.site, r.now, r.wall, &r.fx);
			hand = -1;
		} else if (what < 98) {
			mono_t due = r.site->grid_way.told_at + 10 * US_PER_S;

			pass(&r, random_int(&seed, 8 * US_PER_S));
			lost |= r.now >= due;
		} else {
			restart(&r);
			heard = lost = 0;
		}
		expected = lesser(lost ? means(GRID_LOST) : means(way), means(hand));
		if (heard <= 0 && !lost)
			expected = lesser(expected, means(GRID_LOST));
		if (limit_ma(&r) != expected)
			fail_msg("round %d (%lld): %lld instead of %lld (way %d hand %d heard %d lost %d)", round, (long long)what,
				 (long long)limit_ma(&r), (long long)expected, way, hand, heard, lost);
	}
	desk_fini(&r);
}

/* ---- sources ------------------------------------------------------------------------------------------ */

static int64_t source_ma(const struct desk *r)
{
	struct zone_limit l;

	site_source_limit(r->site, &r->site->conf->zones[0], &l);
	return l.current.l[0];
}

static void hear_source(struct desk *r, const char *word)
{
	site_source_heard(r->site, "GEN", &(struct heard){ .word = word, .by = "test" }, r->now, r->wall, &r->fx);
	desk_settle(r);
}

static void a_source_is_told_by_its_way_and_staff_only_lowers(void **state)
{
	struct desk r;

	(void)state;
	desk_init(&r);
	desk_must(&r, "source.add", "{'id': 'GEN', 'kind': 'generator', 'states': 'grid,island,half',"
		  "'from': 'mqtt:generator/state', 'stale_after': '10s'}");
	desk_must(&r, "zone.create", "{'id': 'P', 'fuse': 60, 'source': 'GEN',"
		  "'source_caps': 'island=16; half=30; lost=10'}");
	site_source_time(r.site, r.now, r.wall, &r.fx);
	assert_int_equal(source_ma(&r), 10000);
	hear_source(&r, "GRID");
	assert_int_equal(source_ma(&r), NO);
	hear_source(&r, "sun");
	assert_int_equal(source_ma(&r), NO);
	hear_source(&r, "half");
	desk_must(&r, "source.set", "{'id': 'GEN', 'state': 'grid'}");
	assert_int_equal(source_ma(&r), 30000);
	desk_must(&r, "source.set", "{'id': 'GEN', 'state': 'island'}");
	assert_int_equal(source_ma(&r), 16000);
	desk_must(&r, "source.clear", "{'id': 'GEN'}");
	assert_int_equal(source_ma(&r), 30000);
	r.now += 10 * US_PER_S;
	assert_int_equal(site_source_due(r.site), r.now);
	assert_true(site_source_time(r.site, r.now, r.wall, &r.fx));
	assert_int_equal(source_ma(&r), 10000);
	hear_source(&r, "grid");
	assert_int_equal(source_ma(&r), NO);
	desk_fini(&r);
}

static void a_source_of_no_known_age_only_lowers(void **state)
{
	struct desk r;

	(void)state;
	desk_init(&r);
	desk_must(&r, "source.add", "{'id': 'GEN', 'kind': 'generator', 'states': 'grid,island', 'from': 'mqtt:gen', "
		  "'stale_after': '10s'}");
	desk_must(&r, "zone.create", "{'id': 'P', 'fuse': 60, 'source': 'GEN', 'source_caps': 'island=16; lost=30'}");
	site_source_time(r.site, r.now, r.wall, &r.fx);
	site_source_heard(r.site, "GEN", &(struct heard){ .word = "grid", .old = true }, r.now, r.wall, &r.fx);
	assert_string_equal(site_source_state(r.site, &r.site->conf->sources[0]), "grid");
	assert_int_equal(source_ma(&r), 30000);
	hear_source(&r, "grid");
	assert_int_equal(source_ma(&r), NO);
	r.site->outer_changed = false;
	site_source_heard(r.site, "GEN", &(struct heard){ .word = "island", .old = true }, r.now, r.wall, &r.fx);
	assert_true(r.site->outer_changed);
	assert_int_equal(source_ma(&r), 16000);
	hear_source(&r, "island");
	site_source_heard(r.site, "GEN", &(struct heard){ .word = "grid", .old = true }, r.now, r.wall, &r.fx);
	assert_int_equal(source_ma(&r), 16000);	/* from before or after it: it holds until it is told anew */
	hear_source(&r, "grid");
	assert_int_equal(source_ma(&r), NO);
	desk_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_way_is_read_as_it_is_written),
		cmocka_unit_test(a_part_of_a_register_is_moved_down),
		cmocka_unit_test(what_is_no_way_is_refused_with_place_and_remedy),
		cmocka_unit_test(a_value_means_the_state_that_it_is_given),
		cmocka_unit_test(a_device_tells_the_signal_and_its_silence_is_its_loss),
		cmocka_unit_test(a_value_that_means_nothing_tells_nothing),
		cmocka_unit_test(staff_tells_a_signal_beside_the_way_and_never_takes_back_what_that_says),
		cmocka_unit_test(no_order_of_events_raises_a_limit_beyond_what_was_told),
		cmocka_unit_test(what_a_way_said_survives_a_restart_until_it_talks_again),
		cmocka_unit_test(another_way_has_to_talk_before_it_is_believed),
		cmocka_unit_test(a_source_is_told_by_its_way_and_staff_only_lowers),
		cmocka_unit_test(what_is_of_no_known_age_only_lowers),
		cmocka_unit_test(a_source_of_no_known_age_only_lowers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
