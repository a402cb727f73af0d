/* Meters that are told: payloads and addresses; what is taken, what is refused, and what it does to the meter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/types.h"
#include "meter/pushed.h"

#define S    US_PER_S
#define WALL (INT64_C(1800000000) * S)

struct payload_case {
	const char *address, *text;
	int64_t watts;			/* NUM_NONE: refused */
	const char *said;		/* a part of why */
};

static void a_payload_is_a_number_or_variables_by_name(void **state)
{
	static const struct payload_case cases[] = {
		{ "mqtt:a", "4200", 4200, NULL },
		{ "mqtt:a", " 4200.6\n", 4201, NULL },
		{ "mqtt:a", "-3", -3, NULL },
		{ "mqtt:a", "4.2e3", 4200, NULL },
		{ "mqtt:a", "{\"power_total\": 4200, \"room\": \"roof\"}", 4200, NULL },
		{ "mqtt:a", "{\"power_total\": \"4200\", \"current_l1\": 6.1}", 4200, NULL },
		{ "mqtt:a#,kW", "4.2", 4200, NULL },
		{ "mqtt:a#ENERGY.Power", "{\"ENERGY\":{\"Power\":4200,\"Total\":1}}", 4200, NULL },
		{ "mqtt:a#emeters.1.power,kW", "{\"emeters\":[{\"power\":1},{\"power\":4.2}]}", 4200, NULL },
		{ "mqtt:a#0", "[17]", 17, NULL },

		{ "mqtt:a", "", NUM_NONE, "empty" },
		{ "mqtt:a", "  ", NUM_NONE, "empty" },
		{ "mqtt:a", "nan", NUM_NONE, "no number" },
		{ "mqtt:a", "NaN", NUM_NONE, "no number" },
		{ "mqtt:a", "inf", NUM_NONE, "no number" },
		{ "mqtt:a", "4,2", NUM_NONE, "no number" },
		{ "mqtt:a", "on", NUM_NONE, "no number" },
		{ "mqtt:a", "0x10", NUM_NONE, "no number" },
		{ "mqtt:a", "1e30", NUM_NONE, "no number" },
		{ "mqtt:a", "21000000", NUM_NONE, "out of range" },
		{ "mqtt:a", "[1]", NUM_NONE, "neither" },
		{ "mqtt:a", "{\"power_total\": null}", NUM_NONE, "no number" },
		{ "mqtt:a", "{\"power_total\": true}", NUM_NONE, "no number" },
		{ "mqtt:a", "{\"power_total\": 1", NUM_NONE, "no JSON" },
		{ "mqtt:a", "{\"power_total\": 1, \"power_total\": 2}", NUM_NONE, "no JSON" },
		{ "mqtt:a", "{\"power_total\": 1, \"voltage_l1n\": 60000}", NUM_NONE, "voltage_l1n: is out of range" },
		{ "mqtt:a", "{\"power_total\": 1, \"time\": \"soon\"}", NUM_NONE, "no time" },
		{ "mqtt:a#x.y", "{\"x\":{\"z\":1}}", NUM_NONE, "x.y: there is no number" },
		{ "mqtt:a#x", "{\"x\":{}}", NUM_NONE, "x: there is no number" },
		{ "mqtt:a#x", "12", NUM_NONE, "no JSON object" },
		{ "mqtt:a#9", "[17]", NUM_NONE, "9: there is no number" },
		{ "mqtt:a#x", "[17]", NUM_NONE, "x: there is no number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pushed_address a;
		struct meter_push p;
		struct diag d;
		int ret;

		diag_init(&d);
		assert_int_equal(pushed_address_parse(cases[i].address, &a, &d), 0);
		ret = push_parse(&a, cases[i].text, strlen(cases[i].text), false, WALL, &p, &d);
		if (cases[i].watts == NUM_NONE) {
			if (ret == 0 || !strstr(d.text, cases[i].said))
				fail_msg("'%s' should be refused (%s): %d %s", cases[i].text, cases[i].said, ret, d.text);
			continue;
		}
		if (ret != 0)
			fail_msg("'%s' is refused: %s", cases[i].text, d.text);
		assert_true(p.set >> METER_power_total & 1);
		assert_int_equal(p.v[METER_power_total], cases[i].watts);
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	const struct pushed_address a = { .by = PUSHED_MQTT };
	char big[PUSHED_TEXT_MAX + 2];
	struct meter_push p;
	struct diag d;

	(void)state;
	diag_init(&d);
	memset(big, '1', sizeof(big));
	assert_int_not_equal(push_parse(&a, big, sizeof(big) - 1, false, WALL, &p, &d), 0);
	assert_int_not_equal(push_parse(&a, "\0\0", 2, false, WALL, &p, &d), 0);
	assert_int_not_equal(push_parse(&a, "12\0", 3, false, WALL, &p, &d), 0);
	assert_int_not_equal(push_parse(&a, "\xff\xfe", 2, false, WALL, &p, &d), 0);
}

static void an_address_names_one_topic_or_the_command(void **state)
{
	static const struct { const char *text, *said; } bad[] = {
		{ "mqtt:", "missing" }, { "mqtt:a/+/b", "wildcard" }, { "mqtt:a/#", "wildcard" }, { "mqtt:#", "wildcard" },
		{ "mqtt:a\tb", "control" }, { "mqtt:a#b,kWh", "no unit of power" }, { "mqtt:a#b,", "no unit of power" },
		{ "3@192.0.2.1", "profile=pushed" }, { "Command", "profile=pushed" },
	};
	struct pushed_address a;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(pushed_address_parse("command", &a, &d), 0);
	assert_int_equal(a.by, PUSHED_COMMAND);
	assert_int_equal(pushed_address_parse("mqtt:solar/roof 1/power#a.b,MW", &a, &d), 0);
	assert_string_equal(a.topic, "solar/roof 1/power");
	assert_string_equal(a.path, "a.b");
	assert_int_equal(a.exp10, 6);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		diag_init(&d);
		assert_int_not_equal(pushed_address_parse(bad[i].text, &a, &d), 0);
		if (!strstr(d.text, bad[i].said))
			fail_msg("%s: %s", bad[i].text, d.text);
	}
}

/* ---- in a meter -------------------------------------------------------------------------------- */

struct rig {
	struct meter_profile *p;
	struct meter_setup setup;
	struct meter_state *m;
	mono_t now, told;
};

static struct rig rig(void)
{
	struct rig r = { .p = pushed_profile(), .now = 1000 * S, .told = INT64_MIN };
	struct diag d;

	diag_init(&d);
	assert_int_equal(profile_check(r.p, &d), 0);
	meter_setup_init(&r.setup, "PV1", r.p);
	return r;
}

static void rig_end(struct rig *r)
{
	meter_free(r->m);
	profile_free(r->p);
}

/* 0, or what push_parse() or push_check() say; then nothing has changed. */
static int tell(struct rig *r, bool produces, const char *text)
{
	const struct pushed_address a = { .by = PUSHED_COMMAND };
	struct meter_reading reading;
	struct push_room room;
	struct meter_push p;
	struct diag d;
	int ret;

	if (r->m == NULL)
		r->m = meter_new(&r->setup);
	diag_init(&d);
	ret = push_parse(&a, text, strlen(text), false, WALL, &p, &d);
	if (ret == 0)
		ret = push_check(&p, &r->setup, produces, r->told == INT64_MIN ? NUM_NONE : r->now - r->told, &d);
	if (ret == 0) {
		push_reading(&p, r->now, WALL, &room, &reading);
		r->told = reading.at;
		meter_take(r->m, &reading);
	}
	return ret;
}

static int64_t watts(const struct rig *r)
{
	return meter_value(r->m, METER_power_total)->v;
}

static void what_is_told_is_good_until_it_is_stale(void **state)
{
	struct rig r = rig();

	(void)state;
	assert_int_equal(tell(&r, true, "4200"), 0);
	assert_int_equal(watts(&r), 4200);
	assert_int_equal(meter_status(r.m, r.now), METER_OK);
	assert_int_equal(meter_good_at(r.m), r.now);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_NONE);
	r.now += 5 * S;
	assert_int_equal(meter_quality(r.m, METER_power_total, r.now), METER_Q_GOOD);
	r.now += 1;
	assert_int_equal(meter_quality(r.m, METER_power_total, r.now), METER_Q_STALE);
	assert_int_equal(meter_status(r.m, r.now), METER_STALE);
	assert_int_equal(tell(&r, true, "4100"), 0);
	assert_int_equal(meter_status(r.m, r.now), METER_OK);
	rig_end(&r);
}

static void what_is_refused_changes_nothing(void **state)
{
	static const char *const bad[] = { "nan", "-4200", "{\"room\":1}", "{\"power_total\":1,\"current_l1\":\"x\"}", "" };
	struct rig r = rig();
	mono_t at;

	(void)state;
	assert_int_equal(tell(&r, true, "4200"), 0);
	at = r.now;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		r.now += S / 2;
		assert_int_not_equal(tell(&r, true, bad[i]), 0);
		assert_int_equal(watts(&r), 4200);
		assert_int_equal(meter_value(r.m, METER_power_total)->at, at);
	}
	rig_end(&r);
}

static void what_is_produced_is_positive_whichever_way_the_meter_sees_it(void **state)
{
	struct rig r = rig();

	(void)state;
	assert_int_equal(tell(&r, true, "-100"), 0);		/* what an inverter needs at night */
	assert_int_not_equal(tell(&r, true, "-101"), 0);
	assert_int_equal(tell(&r, false, "-101"), 0);		/* elsewhere it is a direction */
	r.setup.invert = PHASE_ALL;
	meter_free(r.m);
	r.m = NULL;
	assert_int_equal(tell(&r, true, "-4200"), 0);
	assert_int_equal(watts(&r), 4200);
	assert_int_not_equal(tell(&r, true, "4200"), 0);
	rig_end(&r);
}

/* What overtook it is the later of both, and holds. */
static void what_comes_late_does_not_undo_what_is_newer(void **state)
{
	struct rig r = rig();

	(void)state;
	assert_int_equal(tell(&r, false, "{\"power_total\":40000,\"time\":1800000000}"), 0);
	assert_int_not_equal(tell(&r, false, "{\"power_total\":1000,\"time\":1799999997}"), 0);
	assert_int_not_equal(tell(&r, false, "{\"power_total\":1000,\"time\":1799999997}"), 0);
	assert_int_equal(watts(&r), 40000);
	assert_int_equal(tell(&r, false, "{\"voltage_l1n\":230,\"time\":1800000000}"), 0);	/* in parts */
	r.now += 3 * S;
	assert_int_equal(tell(&r, false, "{\"power_total\":2000,\"time\":1799999998}"), 0);
	assert_int_equal(watts(&r), 2000);
	rig_end(&r);
}

static void a_time_of_its_own_makes_a_value_older_but_never_newer(void **state)
{
	struct rig r = rig();

	(void)state;
	assert_int_equal(tell(&r, true, "{\"power_total\":1,\"time\":1799999998}"), 0);
	assert_int_equal(meter_value(r.m, METER_power_total)->at, r.now - 2 * S);
	r.now += 3 * S + 1;
	assert_int_equal(meter_status(r.m, r.now), METER_STALE);
	assert_int_not_equal(tell(&r, true, "{\"power_total\":2,\"time\":1799999990}"), 0);
	assert_int_equal(tell(&r, true, "{\"power_total\":3,\"time\":1800000900}"), 0);
	assert_int_equal(meter_value(r.m, METER_power_total)->at, r.now);
	rig_end(&r);
}

static void currents_that_are_told_are_judged_like_those_that_are_read(void **state)
{
	struct rig r = rig();
	struct meter_currents c;

	(void)state;
	r.setup.breaker_ma = 63000;
	assert_int_equal(tell(&r, false, "{\"current_l1\":-6.5,\"current_l2\":6,\"current_l3\":6,\"voltage_l1n\":230}"), 0);
	meter_sample_currents(r.m, r.now, &c);
	assert_true(c.good);
	assert_int_equal(c.current.l[0], -6500);
	r.now += S;
	assert_int_equal(tell(&r, false, "{\"energy_import_total\":12000}"), 0);
	meter_sample_currents(r.m, r.now, &c);
	assert_true(c.good);	/* energy alone says nothing about them */
	r.now += S;
	assert_int_equal(tell(&r, false, "{\"current_l1\":6.5}"), 0);
	meter_sample_currents(r.m, r.now, &c);
	assert_false(c.good);	/* a part of them is no picture of the line */
	r.now += S;
	assert_int_equal(tell(&r, false, "{\"current_l1\":1000,\"current_l2\":6,\"current_l3\":6}"), 0);
	assert_true(meter_faults(r.m) & METER_FAULT_JUMP);
	rig_end(&r);
}

/* Whatever comes is refused or is a value that such a quantity can have. */
static void no_payload_makes_a_value_that_cannot_be(void **state)
{
	static const char *const seeds[] = {
		"{\"power_total\": 4200.5, \"current_l1\": \"6.1\", \"time\": 1799999999}", "[{\"a\":{\"b\":[1,2,3e9]}}]", "-4200.75e-1",
	};
	static const char bytes[] = "{}[]\",:.-+eE0123456789 \\u\n\x01\xff\x00";
	static const char *const addresses[] = { "mqtt:t", "mqtt:t#0.a.b.2,MW", "mqtt:t#power_total" };
	uint64_t dice = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 30000; round++) {
		const char *seed = seeds[round % 3];
		size_t len = strlen(seed), changes = (size_t)round % 7;
		struct pushed_address a;
		struct meter_push p;
		struct diag d;
		char text[100];

		memcpy(text, seed, len);
		for (size_t i = 0; i < changes; i++) {
			dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
			text[dice % len] = bytes[(dice >> 32) % sizeof(bytes)];
		}
		diag_init(&d);
		assert_int_equal(pushed_address_parse(addresses[round / 3 % 3], &a, &d), 0);
		if (push_parse(&a, text, len - (size_t)round % 5, false, WALL, &p, &d) != 0) {
			assert_true(d.text[0] != '\0');
			continue;
		}
		for (int v = 0; v < METER_VAR_COUNT; v++) {
			const struct meter_dim_info *dim = meter_dim_info(meter_var_info((enum meter_var)v)->dim);

			if (p.set >> v & 1)
				assert_true(p.v[v] >= dim->min && p.v[v] <= dim->max);
		}
		assert_true(p.age_us >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_payload_is_a_number_or_variables_by_name),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(an_address_names_one_topic_or_the_command),
		cmocka_unit_test(what_is_told_is_good_until_it_is_stale),
		cmocka_unit_test(what_is_refused_changes_nothing),
		cmocka_unit_test(what_is_produced_is_positive_whichever_way_the_meter_sees_it),
		cmocka_unit_test(what_comes_late_does_not_undo_what_is_newer),
		cmocka_unit_test(a_time_of_its_own_makes_a_value_older_but_never_newer),
		cmocka_unit_test(no_payload_makes_a_value_that_cannot_be),
		cmocka_unit_test(currents_that_are_told_are_judged_like_those_that_are_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
