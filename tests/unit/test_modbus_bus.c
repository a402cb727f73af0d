/* Workers against a device: values arrive, requests and configurations are what they should be. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_bus_rig.h"

static void values_arrive_at_every_poll(void **state)
{
	struct bus_rig r;
	mono_t from = bus_rig_clock();

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 7, 5 * US_PER_S));
	assert_int_equal(r.meter[1].failed, 0);
	assert_int_equal(r.meter[1].wrong_words, 0);
	assert_int_equal(r.meter[1].slow_blocks, 7);	/* one of the slow ones each time */
	assert_true(r.meter[1].at > from && r.meter[1].at <= bus_rig_clock());
	assert_true(bus_rig_clock() - from >= 5 * POLL);
	assert_true(r.meter[1].latency_us > 0);
	assert_int_equal(r.strangers, 0);
	bus_rig_end(&r);
}

static void slaves_of_a_gateway_share_a_connection(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 3, 0);
	for (int i = 1; i <= 3; i++)
		assert_true(bus_rig_wait(&r, &r.meter[i].good, 3, 5 * US_PER_S));
	assert_int_equal(peer_connections(r.peer), 1);
	assert_true(peer_requests(r.peer, 3) >= 6);
	bus_rig_end(&r);
}

static void a_refused_block_leaves_the_others(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	peer_set(r.peer, PEER_EXCEPTION, 2, -1, 300);
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].refused_blocks, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].last_exception, 2);
	assert_non_null(strstr(r.meter[1].text, "exception 2 (illegal data address)"));
	assert_int_equal(r.meter[1].failed, 0);
	assert_true(r.meter[1].good >= 2);
	assert_int_equal(peer_connections(r.peer), 1);
	bus_rig_end(&r);
}

/* Fast: 3 registers, slow: 3, 3, 1 and 2. */
static void make_alike(struct meter_profile *p)
{
	static const struct { enum meter_var var; uint16_t addr; } regs[] = {
		{ METER_current_l1, 10 }, { METER_current_l2, 11 }, { METER_current_l3, 12 },
		{ METER_voltage_l1n, 100 }, { METER_voltage_l2n, 101 }, { METER_voltage_l3n, 102 },
		{ METER_voltage_l12, 200 }, { METER_voltage_l23, 201 }, { METER_voltage_l31, 202 },
		{ METER_frequency, 300 }, { METER_pf_l1, 400 }, { METER_pf_l2, 401 },
	};

	p->reg_count = 0;
	for (size_t i = 0; i < ARRAY_LEN(regs); i++) {
		struct meter_reg *reg = profile_add_reg(p, regs[i].var);

		reg->fc = 3;
		reg->addr = regs[i].addr;
		reg->type = REG_U16;
	}
}

/* On a serial line, and behind a gateway to one, the length alone tells their answers apart. */
static void neighbouring_requests_differ_in_length(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	make_alike(r.p);
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 9, 5 * US_PER_S));
	assert_int_equal(r.meter[1].failed + r.meter[1].wrong_words, 0);
	assert_true(r.meter[1].slow_blocks >= 9);
	assert_int_equal(peer_alike(r.peer), 0);
	bus_rig_end(&r);
}

static void after_a_miss_another_length_is_asked_first(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	peer_set(r.peer, PEER_MUTE, 0, -1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].failed, 4, 8 * US_PER_S));
	assert_int_equal(peer_alike(r.peer), 0);
	bus_rig_end(&r);
}

static void a_new_configuration_leaves_what_it_does_not_change(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	bus_rig_configure(&r, 3, 0);
	assert_true(bus_rig_wait(&r, &r.meter[3].good, 2, 5 * US_PER_S));
	bus_rig_configure(&r, 1, 0);
	r.meter[3].good = r.meter[3].failed = 0;
	r.meter[1].good = 0;
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 3, 5 * US_PER_S));
	assert_int_equal(r.meter[3].good + r.meter[3].failed, 0);
	assert_int_equal(peer_connections(r.peer), 1);
	assert_int_equal(bus_set_configure(r.set, NULL, 0, NULL), 0);
	r.meter[1].good = 0;
	bus_rig_pass(&r, 300 * MS);
	assert_int_equal(r.meter[1].good, 0);
	bus_rig_end(&r);
}

static void a_bad_configuration_changes_nothing(void **state)
{
	static const struct { const char *address; int64_t poll_us; const char *says; } rows[] = {
		{ "1@[::1", 0, "']'" }, { "1@host:99999", 0, "port" }, { "1@host", 5 * MS, "too fast" },
	};
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 1, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bus_meter m = { "M2", rows[i].address, r.p, rows[i].poll_us, 0, 0 };
		struct diag d;

		diag_init(&d);
		assert_int_equal(bus_set_configure(r.set, &m, 1, &d), -LMS_EDATA);
		assert_non_null(strstr(d.text, rows[i].says));
	}
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	bus_rig_end(&r);
}

static void the_device_is_asked_who_it_is(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	r.p->identity.fc = 3;
	r.p->identity.addr = 500;
	r.p->identity.count = 1;
	r.p->identity.words[0] = 3500;
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].identity, 1);
	r.p->identity.words[0] = 1;
	bus_rig_configure(&r, 1, 0);
	r.meter[1].good = 0;
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].identity, -1);
	assert_non_null(strstr(r.meter[1].text, "reads 0x0DAC, the profile expects 0x0001"));
	peer_set(r.peer, PEER_EXCEPTION, 2, -1, 500);
	r.p->identity.words[0] = 2;
	bus_rig_configure(&r, 1, 0);
	r.meter[1].good = 0;
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].identity, 0);
	bus_rig_end(&r);
}

static void names_are_resolved(void **state)
{
	struct bus_meter m = { "M1", NULL, NULL, POLL, 0, 0 };
	char address[64];
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	snprintf(address, sizeof(address), "1@localhost:%d", peer_port(r.peer));
	m.address = address;
	m.profile = r.p;
	assert_int_equal(bus_set_configure(r.set, &m, 1, NULL), 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 1, 5 * US_PER_S));
	bus_rig_end(&r);
}

/* libmodbus alone would abort here: its select() has no room for such a descriptor. */
static void descriptors_beyond_1024_do_no_harm(void **state)
{
	struct rlimit old, more;
	int fds[1100], n = 0;
	struct bus_rig r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	more = old;
	more.rlim_cur = more.rlim_max < 4096 ? more.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &more);
	bus_rig_start(&r);
	for (; n < (int)ARRAY_LEN(fds); n++) {
		fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[n] < 0)
			break;
	}
	if (n == (int)ARRAY_LEN(fds)) {
		bus_rig_configure(&r, 1, 0);
		assert_true(bus_rig_wait(&r, &r.meter[1].good, 3, 5 * US_PER_S));
		assert_int_equal(r.meter[1].wrong_words, 0);
	}
	while (n > 0)
		close(fds[--n]);
	bus_rig_end(&r);
	setrlimit(RLIMIT_NOFILE, &old);
	if (more.rlim_cur < 2048)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_arrive_at_every_poll),
		cmocka_unit_test(slaves_of_a_gateway_share_a_connection),
		cmocka_unit_test(a_refused_block_leaves_the_others),
		cmocka_unit_test(neighbouring_requests_differ_in_length),
		cmocka_unit_test(after_a_miss_another_length_is_asked_first),
		cmocka_unit_test(a_new_configuration_leaves_what_it_does_not_change),
		cmocka_unit_test(a_bad_configuration_changes_nothing),
		cmocka_unit_test(the_device_is_asked_who_it_is),
		cmocka_unit_test(names_are_resolved),
		cmocka_unit_test(descriptors_beyond_1024_do_no_harm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
