/* Read plans keep a device's limits; profiles that cannot be read are refused; addresses parse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/types.h"
#include "helper_meter.h"
#include "meter/address.h"
#include "meter/plan.h"

/* ---- plans ---- */

static void currents_and_powers_of_an_sdm630_are_one_read(void **state)
{
	struct meter_profile *p = profile_of_sdm630();
	struct meter_plan plan;

	(void)state;
	assert_int_equal(profile_check(p, NULL), 0);
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	assert_int_equal(plan.fast_count, 1);
	assert_int_equal(plan.blocks[0].fc, 4);
	assert_int_equal(plan.blocks[0].addr, 6);
	assert_int_equal(plan.blocks[0].count, 12);
	assert_int_equal(plan.count, 4);	/* voltages, total, energies */
	profile_free(p);
}

static struct meter_reg *add(struct meter_profile *p, enum meter_var var, uint16_t addr, enum reg_type type)
{
	struct meter_reg *reg = profile_add_reg(p, var);

	reg->fc = 3;
	reg->addr = addr;
	reg->type = type;
	reg->group = METER_FAST;
	return reg;
}

static void a_block_ends_before_the_devices_maximum(void **state)
{
	struct meter_profile *p = profile_new();
	struct meter_plan plan;

	(void)state;
	snprintf(p->model, sizeof(p->model), "EM24");
	p->max_regs = 11;
	for (int i = 0; i < 6; i++)
		add(p, (enum meter_var)(METER_current_l1 + i), (uint16_t)(2 * i), REG_S32);
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	assert_int_equal(plan.count, 2);
	assert_int_equal(plan.blocks[0].count, 10);	/* not 11: that would cut a value */
	assert_int_equal(plan.blocks[1].addr, 10);
	assert_int_equal(plan.blocks[1].count, 2);
	profile_free(p);
}

static void holes_are_read_only_where_the_profile_allows_it(void **state)
{
	struct meter_profile *p = profile_new();
	struct meter_plan plan;

	(void)state;
	snprintf(p->model, sizeof(p->model), "X");
	add(p, METER_current_l1, 0, REG_F32);
	add(p, METER_current_l2, 4, REG_F32);
	add(p, METER_current_l3, 100, REG_F32);
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	assert_int_equal(plan.count, 3);
	p->allow_holes = true;
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	assert_int_equal(plan.count, 2);
	assert_int_equal(plan.blocks[0].count, 6);
	profile_free(p);
}

static void a_scale_factor_is_read_with_its_group(void **state)
{
	struct meter_profile *p = profile_new();
	struct meter_plan plan;
	struct meter_reg *reg;

	(void)state;
	snprintf(p->model, sizeof(p->model), "X");
	for (int i = 0; i < 3; i++) {
		reg = add(p, (enum meter_var)(METER_current_l1 + i), (uint16_t)(10 + i), REG_S16);
		reg->has_sf = true;
		reg->sf_addr = 13;
	}
	assert_int_equal(profile_check(p, NULL), 0);
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.blocks[0].count, 4);
	profile_free(p);
}

static void functions_are_not_mixed(void **state)
{
	struct meter_profile *p = profile_new();
	struct meter_plan plan;

	(void)state;
	snprintf(p->model, sizeof(p->model), "X");
	add(p, METER_current_l1, 0, REG_U16);
	add(p, METER_current_l2, 1, REG_U16)->fc = 4;
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	assert_int_equal(plan.count, 2);
	profile_free(p);
}

/* ---- checks ---- */

static void overlap(struct meter_profile *p) { p->even_only = false; p->regs[1].addr = (uint16_t)(p->regs[0].addr + 1); }
static void twice(struct meter_profile *p) { p->regs[1].var = p->regs[0].var; }
static void odd(struct meter_profile *p) { p->regs[0].addr = 41; }
static void half(struct meter_profile *p) { p->regs[0].type = REG_U16; }
static void too_long(struct meter_profile *p) { p->max_regs = 1; p->even_only = false; }
static void too_many(struct meter_profile *p) { p->max_regs = 126; }
static void coil(struct meter_profile *p) { p->regs[0].fc = 1; }
static void beyond(struct meter_profile *p) { p->regs[0].addr = 65534; p->regs[0].type = REG_F64; }
static void nameless(struct meter_profile *p) { p->model[0] = '\0'; }
static void empty(struct meter_profile *p) { p->reg_count = 0; }
static void mute(struct meter_profile *p) { p->timeout_ms = 0; }
static void float_sf(struct meter_profile *p) { p->even_only = false; p->regs[0].has_sf = true; p->regs[0].sf_addr = 999; }

static void slow_current(struct meter_profile *p) { p->regs[3].group = METER_SLOW; }
static void slow_power(struct meter_profile *p) { p->regs[6].group = METER_SLOW; }

static void profiles_that_cannot_be_read_are_refused(void **state)
{
	static const struct { void (*spoil)(struct meter_profile *); const char *says; } rows[] = {
		{ overlap, "voltage_l2n: addr: overlaps" }, { twice, "name: is there twice" },
		{ odd, "is odd" }, { half, "is one register" }, { too_long, "longer than one request" },
		{ too_many, "max_regs: must be 1 to 125" }, { coil, "function: must be 3" },
		{ beyond, "beyond register 65535" }, { nameless, "model: is missing" }, { empty, "is empty" },
		{ mute, "timeout_ms: must be" }, { float_sf, "integer types only" },
		{ slow_current, "current_l1: group: must be fast" }, { slow_power, "power_l1: group: must be fast" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct meter_profile *p = profile_of_sdm630();
		struct diag d;

		diag_init(&d);
		rows[i].spoil(p);
		if (profile_check(p, &d) != -LMS_ECONFIG || !strstr(d.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", d.text, rows[i].says);
		profile_free(p);
	}
}

/* ---- addresses ---- */

static void addresses_parse_with_their_defaults(void **state)
{
	static const struct { const char *text, *full; } rows[] = {
		{ "192.0.2.10", "255@192.0.2.10:502" },
		{ "3@192.0.2.10", "3@192.0.2.10:502" },
		{ "3@gateway.example:1502", "3@gateway.example:1502" },
		{ "host:1502", "255@host:1502" },
		{ "0@host", "0@host:502" },
		{ "[2001:db8::1]", "255@[2001:db8::1]:502" },
		{ "7@[2001:db8::1]:1502", "7@[2001:db8::1]:1502" },
		{ "[fe80::1%eth0]", "255@[fe80::1%eth0]:502" },
		{ "3@rtu:/dev/ttyUSB0,9600,8N1", "3@rtu:/dev/ttyUSB0,9600,8N1" },
		{ "3@rtu:/dev/ttyUSB0", "3@rtu:/dev/ttyUSB0,9600,8N1" },
		{ "247@rtu:/dev/ttyS1,19200,8e1", "247@rtu:/dev/ttyS1,19200,8E1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[ADDRESS_TEXT_MAX];
		struct meter_address a, again;
		struct diag d;

		diag_init(&d);
		if (address_parse(rows[i].text, &a, &d) < 0)
			fail_msg("%s: %s", rows[i].text, d.text);
		assert_string_equal(address_text(&a, text), rows[i].full);
		assert_int_equal(address_parse(text, &again, NULL), 0);
		assert_string_equal(address_text(&again, text), rows[i].full);
	}
}

static void wrong_addresses_say_what_is_wrong(void **state)
{
	static const struct { const char *text, *says; } rows[] = {
		{ "", "host is missing" }, { "3@", "host is missing" }, { "host:0", "port" },
		{ "host:65536", "port" }, { "host:", "port" }, { "host:5x", "port" }, { "248@host", "slave '248'" },
		{ "x@host", "slave 'x'" }, { "-1@host", "slave" }, { "2001:db8::1", "needs brackets" },
		{ "[2001:db8::1", "']'" }, { "[::1]x", "']'" }, { "ho st", "not a host" }, { "a@b@c", "slave" },
		{ "host/../x", "not a host" }, { "rtu:/dev/ttyUSB0", "slave of 1 to 247" },
		{ "0@rtu:/dev/ttyUSB0", "slave of 1 to 247" }, { "3@rtu:ttyUSB0", "serial device" },
		{ "3@rtu:/dev/ttyUSB0,9601", "baud" }, { "3@rtu:/dev/ttyUSB0,9600,9N1", "serial format" },
		{ "3@rtu:/dev/ttyUSB0,9600,8X1", "serial format" }, { "3@rtu:/dev/../etc/passwd", "serial device" },
		{ "3@rtu:/dev/ttyUSB0,9600,8N1,x", "serial format" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct meter_address a;
		struct diag d;

		diag_init(&d);
		if (address_parse(rows[i].text, &a, &d) != -LMS_EDATA || !strstr(d.text, rows[i].says))
			fail_msg("%s: '%s' does not say '%s'", rows[i].text, d.text, rows[i].says);
	}
}

static void slaves_of_one_gateway_share_its_bus(void **state)
{
	char one[ADDRESS_TEXT_MAX], two[ADDRESS_TEXT_MAX];
	struct meter_address a, b;

	(void)state;
	assert_int_equal(address_parse("1@gw:502", &a, NULL), 0);
	assert_int_equal(address_parse("2@gw", &b, NULL), 0);
	assert_string_equal(address_bus(&a, one), address_bus(&b, two));
	assert_int_equal(address_parse("2@gw:503", &b, NULL), 0);
	assert_string_not_equal(address_bus(&a, one), address_bus(&b, two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(currents_and_powers_of_an_sdm630_are_one_read),
		cmocka_unit_test(a_block_ends_before_the_devices_maximum),
		cmocka_unit_test(holes_are_read_only_where_the_profile_allows_it),
		cmocka_unit_test(a_scale_factor_is_read_with_its_group),
		cmocka_unit_test(functions_are_not_mixed),
		cmocka_unit_test(profiles_that_cannot_be_read_are_refused),
		cmocka_unit_test(addresses_parse_with_their_defaults),
		cmocka_unit_test(wrong_addresses_say_what_is_wrong),
		cmocka_unit_test(slaves_of_one_gateway_share_its_bus),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
