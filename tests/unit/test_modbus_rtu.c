/* Modbus RTU over a pair of pseudo-terminals: pymodbus at one end, our worker at the other.
 * timeout: 60
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_modbus_sim.h"
#include "modbus/bus.h"
#include "modbus/profile_file.h"
#include "net/loop.h"

#define MS US_PER_MS

struct heard {
	int good, failed, wrong;
	char text[200];
};

struct rig {
	char dir[32], ours[48], theirs[48];
	pid_t socat;
	struct sim sim;
	struct loop *loop;
	struct loop_timer *deadline;
	struct bus_set *set;
	struct meter_profile *p;
	struct meter_state *m[3];	/* slaves 1 and 2 */
	struct heard heard[3];
	int *watched, until;
};

static bool near(int64_t v, int64_t want)
{
	return v > want - 20 && v < want + 20;
}

static void on_sample(void *ctx, const struct bus_sample *s)
{
	struct rig *r = ctx;
	int n = s->meter_id[1] - '0';
	struct meter_reading reading;
	struct meter_currents c;

	bus_sample_reading(s, &reading);
	meter_take(r->m[n], &reading);
	meter_sample_currents(r->m[n], loop_now(r->loop), &c);
	if (s->err) {
		r->heard[n].failed++;
		snprintf(r->heard[n].text, sizeof(r->heard[n].text), "%s", s->text);
	} else if (near(c.current.l[0], 10000) && near(c.current.l[1], 11000) && near(c.current.l[2], 12000)) {
		r->heard[n].good++;
	} else {
		r->heard[n].wrong++;
	}
	if (r->watched && *r->watched >= r->until)
		loop_stop(r->loop);
}

static void on_deadline(void *ctx)
{
	struct rig *r = ctx;

	loop_stop(r->loop);
}

static bool wait_for(struct rig *r, int *counter, int until)
{
	if (*counter >= until)
		return true;
	r->watched = counter;
	r->until = until;
	loop_now_update(r->loop);
	loop_timer_at(r->deadline, loop_now(r->loop) + 10 * US_PER_S);
	loop_run(r->loop);
	r->watched = NULL;
	return *counter >= until;
}

static void line_start(struct rig *r)
{
	char one[80], two[80];
	char *argv[] = { (char[]){ "socat" }, one, two, NULL };
	struct timespec nap = { 0, 5000000 };

	snprintf(r->dir, sizeof(r->dir), "/tmp/lms-rtu-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->ours, sizeof(r->ours), "%s/ours", r->dir);
	snprintf(r->theirs, sizeof(r->theirs), "%s/theirs", r->dir);
	snprintf(one, sizeof(one), "pty,raw,echo=0,link=%s", r->ours);
	snprintf(two, sizeof(two), "pty,raw,echo=0,link=%s", r->theirs);
	r->socat = child_start(argv, NULL, NULL);
	for (int i = 0; i < 1000 && (access(r->ours, F_OK) || access(r->theirs, F_OK)); i++)
		nanosleep(&nap, NULL);
	assert_int_equal(access(r->ours, F_OK), 0);
}

static void rig_start(struct rig *r, int slaves)
{
	static const struct bus_ops ops = { on_sample };
	struct bus_meter meters[2];
	char ids[2][16], addresses[2][128];
	struct diag d;

	memset(r, 0, sizeof(*r));
	diag_init(&d);
	line_start(r);
	sim_start_rtu(&r->sim, r->theirs, "1,2");
	if (profile_load_file("etc/meters/eastron-sdm630.conf", &r->p, &d) < 0)
		fail_msg("%s", d.text);
	r->loop = loop_new();
	r->deadline = loop_timer_new(r->loop, on_deadline, r);
	r->set = bus_set_new(r->loop, &ops, r);
	for (int i = 0; i < slaves; i++) {
		struct meter_setup setup;

		snprintf(ids[i], sizeof(ids[i]), "M%d", i + 1);
		snprintf(addresses[i], sizeof(addresses[i]), "%d@rtu:%s,9600,8N1", i + 1, r->ours);
		meters[i] = (struct bus_meter){ ids[i], addresses[i], r->p, 300 * MS, 250 * MS, 200 * MS };
		meter_setup_init(&setup, ids[i], r->p);
		r->m[i + 1] = meter_new(&setup);
	}
	if (bus_set_configure(r->set, meters, (size_t)slaves, &d) < 0)
		fail_msg("%s", d.text);
}

static void rig_end(struct rig *r)
{
	bus_set_free(r->set);
	sim_kill(&r->sim);
	child_kill(r->socat);
	unlink(r->ours);
	unlink(r->theirs);
	rmdir(r->dir);
	loop_timer_free(r->deadline);
	loop_free(r->loop);
	meter_free(r->m[1]);
	meter_free(r->m[2]);
	profile_free(r->p);
}

static void slaves_of_a_serial_line_are_read(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, 2);
	assert_true(wait_for(&r, &r.heard[1].good, 4));
	assert_true(wait_for(&r, &r.heard[2].good, 4));
	assert_int_equal(r.heard[1].failed + r.heard[2].failed, 0);
	assert_int_equal(r.heard[1].wrong + r.heard[2].wrong, 0);
	rig_end(&r);
}

static void a_mute_slave_does_not_take_the_other_along(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, 2);
	assert_true(wait_for(&r, &r.heard[2].good, 1));
	sim_order(&r.sim, "{\"mute_slaves\":[2]}");
	assert_true(wait_for(&r, &r.heard[2].failed, 2));
	r.heard[1].good = 0;
	assert_true(wait_for(&r, &r.heard[1].good, 3));
	assert_int_equal(r.heard[1].failed, 0);
	sim_order(&r.sim, "{\"mute_slaves\":[]}");
	r.heard[2].good = 0;
	assert_true(wait_for(&r, &r.heard[2].good, 2));
	assert_int_equal(r.heard[1].wrong + r.heard[2].wrong, 0);
	rig_end(&r);
}

/* On a serial line nothing but the slave and the length says what an answer belongs to. */
static void a_late_answer_is_never_taken_for_another(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, 1);
	assert_true(wait_for(&r, &r.heard[1].good, 2));
	sim_order(&r.sim, "{\"late\":0.35}");
	assert_true(wait_for(&r, &r.heard[1].failed, 2));
	sim_order(&r.sim, "{\"late\":0}");
	r.heard[1].good = 0;
	assert_true(wait_for(&r, &r.heard[1].good, 4));
	assert_int_equal(r.heard[1].wrong, 0);
	rig_end(&r);
}

static void a_line_in_use_is_not_shared(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_start(&r, 0);
	fd = open(r.ours, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	{
		struct bus_meter m = { "M1", NULL, r.p, 300 * MS, 250 * MS, 200 * MS };
		struct meter_setup setup;
		char address[128];

		meter_setup_init(&setup, "M1", r.p);
		r.m[1] = meter_new(&setup);
		snprintf(address, sizeof(address), "1@rtu:%s", r.ours);
		m.address = address;
		assert_int_equal(bus_set_configure(r.set, &m, 1, NULL), 0);
	}
	assert_true(wait_for(&r, &r.heard[1].failed, 1));
	assert_non_null(strstr(r.heard[1].text, "in use by another program"));
	close(fd);
	assert_true(wait_for(&r, &r.heard[1].good, 1));
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slaves_of_a_serial_line_are_read),
		cmocka_unit_test(a_mute_slave_does_not_take_the_other_along),
		cmocka_unit_test(a_late_answer_is_never_taken_for_another),
		cmocka_unit_test(a_line_in_use_is_not_shared),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
