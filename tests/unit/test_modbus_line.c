/* A serial line as a thing that is plugged in, pulled, taken and slow; the device is tests/sim/faulty.py. */
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
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_modbus_sim.h"
#include "modbus/bus.h"
#include "net/loop.h"

#define MS US_PER_MS

struct rig {
	char dir[32], link[48];
	struct sim sim;
	struct loop *loop;
	struct loop_timer *deadline;
	struct bus_set *set;
	struct meter_profile *p;
	int good, failed, down;
	char text[240];
	int *watched, until;
};

static void on_sample(void *ctx, const struct bus_sample *s)
{
	struct rig *r = ctx;

	if (s->err) {
		r->failed++;
		r->down += s->bus_down;
		snprintf(r->text, sizeof(r->text), "%s", s->text);
	} else {
		r->good++;
	}
	if (r->watched && *r->watched >= r->until)
		loop_stop(r->loop);
}

static void on_deadline(void *ctx)
{
	struct rig *r = ctx;

	loop_stop(r->loop);
}

static bool wait_until(struct rig *r, int *counter, int until, int64_t us)
{
	if (*counter >= until)
		return true;
	r->watched = counter;
	r->until = until;
	loop_now_update(r->loop);
	loop_timer_at(r->deadline, loop_now(r->loop) + us);
	loop_run(r->loop);
	r->watched = NULL;
	return *counter >= until;
}

static bool wait_for(struct rig *r, int *counter, int until)
{
	return wait_until(r, counter, until, 10 * US_PER_S);
}

static void rig_start(struct rig *r)
{
	static const struct bus_ops ops = { on_sample };
	const char *link = r->link;

	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "/tmp/lms-line-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->link, sizeof(r->link), "%s/tty", r->dir);
	sim_start_faulty(&r->sim, 0, NULL, &link, 1);
	r->p = profile_new();
	snprintf(r->p->model, sizeof(r->p->model), "line");
	for (int i = 0; i < 2; i++) {
		struct meter_reg *reg = profile_add_reg(r->p, i ? METER_frequency : METER_current_l1);

		reg->fc = 3;
		reg->addr = (uint16_t)(100 * i);
		reg->type = i ? REG_U16 : REG_F32;
	}
	r->loop = loop_new();
	r->deadline = loop_timer_new(r->loop, on_deadline, r);
	r->set = bus_set_new(r->loop, &ops, r);
}

static void read_from(struct rig *r, const char *device, const char *line)
{
	char address[128];
	struct bus_meter m = { "M1", address, r->p, 100 * MS, 300 * MS, 100 * MS };
	struct diag d;

	diag_init(&d);
	snprintf(address, sizeof(address), "1@rtu:%s,%s", device, line);
	if (bus_set_configure(r->set, &m, 1, &d) < 0)
		fail_msg("%s", d.text);
}

static void rig_end(struct rig *r)
{
	bus_set_free(r->set);
	sim_kill(&r->sim);
	unlink(r->link);
	rmdir(r->dir);
	loop_timer_free(r->deadline);
	loop_free(r->loop);
	profile_free(r->p);
}

static void an_adapter_that_was_pulled_is_read_again_when_it_is_back(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	read_from(&r, r.link, "9600,8N1");
	assert_true(wait_for(&r, &r.good, 2));
	for (int i = 0; i < 2; i++) {
		r.down = 0;
		sim_order(&r.sim, "{\"bus\":0,\"pull\":true}");
		assert_true(wait_for(&r, &r.down, 2));
		assert_non_null(strstr(r.text, "cannot be opened: No such file or directory (is it plugged in?"));
		r.good = 0;
		sim_order(&r.sim, "{\"bus\":0,\"plug\":true}");
		assert_true(wait_for(&r, &r.good, 3));
	}
	rig_end(&r);
}

static void an_adapter_may_come_after_the_daemon(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	sim_order(&r.sim, "{\"bus\":0,\"pull\":true}");
	sim_order(&r.sim, "{\"count\":true}");
	assert_non_null(fgets(r.text, sizeof(r.text), r.sim.says));	/* it is gone now */
	read_from(&r, r.link, "9600,8N1");
	assert_true(wait_for(&r, &r.down, 1));
	sim_order(&r.sim, "{\"bus\":0,\"plug\":true}");
	assert_true(wait_for(&r, &r.good, 2));
	rig_end(&r);
}

/* 3.5 characters at 1200 baud. */
static void frames_keep_their_distance(void **state)
{
	char counts[200];
	const char *gap;
	struct rig r;

	(void)state;
	rig_start(&r);
	read_from(&r, r.link, "1200,8N1");
	assert_true(wait_for(&r, &r.good, 6));
	sim_order(&r.sim, "{\"count\":true}");
	assert_non_null(fgets(counts, sizeof(counts), r.sim.says));
	gap = strstr(counts, "\"gap\": {\"0\": ");
	assert_non_null(gap);
	if (strtod(gap + 13, NULL) < 0.031)
		fail_msg("%s", gap);
	rig_end(&r);
}

static void what_is_no_serial_line_is_refused(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	read_from(&r, "/dev/null", "9600,8N1");
	assert_true(wait_for(&r, &r.down, 1));
	assert_non_null(strstr(r.text, "/dev/null cannot be opened: Inappropriate ioctl for device (it is no serial device)"));
	rig_end(&r);
}

static void a_line_that_another_program_holds_is_said_and_waited_for(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_start(&r);
	fd = open(r.link, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	read_from(&r, r.link, "9600,8N1");
	assert_true(wait_for(&r, &r.down, 1));
	assert_non_null(strstr(r.text, "is in use by another program (fuser -v names it; stop it)"));
	assert_int_equal(r.good, 0);
	close(fd);
	assert_true(wait_for(&r, &r.good, 2));
	/* And ours is held against others. */
	fd = open(r.link, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0);
	if (fd >= 0)
		close(fd);
	rig_end(&r);
}

static void a_line_that_is_not_needed_any_more_is_given_back(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_start(&r);
	for (int i = 0; i < 3; i++) {
		r.good = 0;
		read_from(&r, r.link, "9600,8N1");
		assert_true(wait_for(&r, &r.good, 2));
		assert_int_equal(bus_set_configure(r.set, NULL, 0, NULL), 0);
		for (int k = 0; k < 200; k++) {
			fd = open(r.link, O_RDWR | O_NOCTTY | O_CLOEXEC);
			if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
				break;
			if (fd >= 0)
				close(fd);
			fd = -1;
			(void)wait_until(&r, &r.failed, r.failed + 1, 20 * MS);
		}
		assert_true(fd >= 0);
		close(fd);
	}
	assert_int_equal(r.failed, 0);
	rig_end(&r);
}

static void a_line_is_read_though_1024_descriptors_are_in_use(void **state)
{
	struct rlimit old, more;
	int fds[1100], n = 0;
	struct rig r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	more = old;
	more.rlim_cur = more.rlim_max < 4096 ? more.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &more);
	rig_start(&r);
	while (n < 1100 && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	if (n == 1100) {
		read_from(&r, r.link, "9600,8N1");
		assert_true(wait_for(&r, &r.good, 3));
	}
	while (n > 0)
		close(fds[--n]);
	rig_end(&r);
	setrlimit(RLIMIT_NOFILE, &old);
	if (more.rlim_cur < 2048)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_adapter_that_was_pulled_is_read_again_when_it_is_back),
		cmocka_unit_test(an_adapter_may_come_after_the_daemon),
		cmocka_unit_test(frames_keep_their_distance),
		cmocka_unit_test(what_is_no_serial_line_is_refused),
		cmocka_unit_test(a_line_that_another_program_holds_is_said_and_waited_for),
		cmocka_unit_test(a_line_that_is_not_needed_any_more_is_given_back),
		cmocka_unit_test(a_line_is_read_though_1024_descriptors_are_in_use),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
