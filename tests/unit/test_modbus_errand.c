/* Questions asked once: over the connection that polls, between the polls, and told with their cause. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "helper_modbus_peer.h"
#include "modbus/bus.h"
#include "modbus/errand.h"
#include "net/loop.h"

#define MS	US_PER_MS
#define POLL	(100 * MS)
#define TIMEOUT (150 * MS)

struct rig {
	struct loop *loop;
	struct bus_set *set;
	struct peer *peer;
	struct meter_profile *p;
	struct loop_timer *deadline;
	int good, failed, wrong;	/* of the polls of M1 */
	int over, dropped;		/* errands */
	int *watched, until;
};

/* Asks register 20, `left` times, and keeps the last reply. */
struct tour {
	struct errand e;
	struct rig *rig;
	int slave, left, asked, answered;
	struct errand_reply last;
	bool cut;
};

static bool ask(struct errand *e, struct errand_question *q)
{
	struct tour *t = (struct tour *)e;

	if (t->left == 0)
		return false;
	t->left--;
	t->asked++;
	*q = (struct errand_question){ t->slave, 3, 20, 2, TIMEOUT, 0 };
	return true;
}

static void reply(struct errand *e, const struct errand_question *q, const struct errand_reply *r)
{
	struct tour *t = (struct tour *)e;

	(void)q;
	t->last = *r;
	t->answered += r->err == 0;
}

static void done(struct errand *e, bool cut)
{
	struct tour *t = (struct tour *)e;
	struct rig *r = t->rig;

	t->cut = cut;
	r->over++;
	if (r->watched && *r->watched >= r->until)
		loop_stop(r->loop);
}

static void drop(struct errand *e)
{
	((struct tour *)e)->rig->dropped++;
}

static void on_sample(void *ctx, const struct bus_sample *s)
{
	struct rig *r = ctx;

	r->good += s->err == 0;
	r->failed += s->err != 0;
	for (size_t i = 0; i < s->block_count; i++)
		for (int k = 0; !s->blocks[i].err && k < s->blocks[i].count; k++)
			r->wrong += !peer_word_is_right(s->blocks[i].fc, s->blocks[i].addr + k,
							s->blocks[i].words[k]);
	if (r->watched && *r->watched >= r->until)
		loop_stop(r->loop);
}

static void on_deadline(void *ctx)
{
	loop_stop(((struct rig *)ctx)->loop);
}

static bool wait_for(struct rig *r, int *counter, int until)
{
	if (*counter >= until)
		return true;
	r->watched = counter;
	r->until = until;
	loop_now_update(r->loop);
	loop_timer_at(r->deadline, loop_now(r->loop) + 20 * US_PER_S);
	loop_run(r->loop);
	loop_timer_at(r->deadline, MONO_NEVER);
	r->watched = NULL;
	return *counter >= until;
}

static void rig_start(struct rig *r)
{
	static const struct bus_ops ops = { on_sample };
	struct meter_reg *reg;

	memset(r, 0, sizeof(*r));
	r->loop = loop_new();
	r->set = bus_set_new(r->loop, &ops, r);
	r->deadline = loop_timer_new(r->loop, on_deadline, r);
	r->peer = peer_start(0);
	r->p = profile_new();
	snprintf(r->p->model, sizeof(r->p->model), "words");
	reg = profile_add_reg(r->p, METER_current_l1);
	reg->fc = 3;
	reg->addr = 10;
	reg->type = REG_U16;
}

static void rig_end(struct rig *r)
{
	bus_set_free(r->set);
	peer_stop(r->peer);
	loop_timer_free(r->deadline);
	loop_free(r->loop);
	profile_free(r->p);
}

static void poll_m1(struct rig *r, int n)
{
	char address[64];
	struct bus_meter m = { "M1", address, r->p, POLL, TIMEOUT, 0 };
	struct diag d;

	diag_init(&d);
	snprintf(address, sizeof(address), "1@127.0.0.1:%d", peer_port(r->peer));
	assert_int_equal(bus_set_configure(r->set, &m, (size_t)n, &d), 0);
}

static int send_to(struct rig *r, struct tour *t, const char *address, int slave, int times, struct diag *d)
{
	struct meter_address a;

	memset(t, 0, sizeof(*t));
	t->e.ask = ask;
	t->e.reply = reply;
	t->e.done = done;
	t->e.drop = drop;
	t->rig = r;
	t->slave = slave;
	t->left = times;
	diag_init(d);
	assert_int_equal(address_parse(address, &a, d), 0);
	return bus_set_errand(r->set, &a, &t->e, d);
}

static void send(struct rig *r, struct tour *t, int slave, int times)
{
	char address[64];
	struct diag d;

	snprintf(address, sizeof(address), "127.0.0.1:%d", peer_port(r->peer));
	assert_int_equal(send_to(r, t, address, slave, times, &d), 0);
}

static void it_goes_over_the_connection_that_polls(void **state)
{
	struct rig r;
	struct tour t;

	(void)state;
	rig_start(&r);
	poll_m1(&r, 1);
	assert_true(wait_for(&r, &r.good, 2));
	send(&r, &t, 7, 40);
	assert_true(wait_for(&r, &r.over, 1));
	assert_int_equal(t.answered, 40);
	assert_false(t.cut);
	assert_true(peer_word_is_right(3, 20, t.last.words[0]) && peer_word_is_right(3, 21, t.last.words[1]));
	assert_true(t.last.latency_us > 0 && t.last.opened);
	assert_int_equal(peer_connections(r.peer), 1);
	r.good = 0;
	assert_true(wait_for(&r, &r.good, 3));
	assert_int_equal(r.failed + r.wrong, 0);
	assert_int_equal(peer_connections(r.peer), 1);
	rig_end(&r);
}

static void polls_go_on_while_it_asks_whom_nobody_is(void **state)
{
	struct rig r;
	struct tour t;
	int before;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, 7, 0);
	poll_m1(&r, 1);
	assert_true(wait_for(&r, &r.good, 2));
	before = r.good;
	send(&r, &t, 7, 8);
	assert_true(wait_for(&r, &r.over, 1));
	assert_int_equal(t.asked, 8);
	assert_int_equal(t.last.err, -LMS_EOFFLINE);
	assert_int_equal(t.last.cause, LINK_MUTE);
	/* A poll between any two questions: each of them took longer than a poll's period. */
	if (r.good - before < 7)
		fail_msg("%d polls beside 8 questions", r.good - before);
	assert_int_equal(r.failed + r.wrong, 0);
	rig_end(&r);
}

static void a_bus_that_nobody_polls_is_opened_and_closed(void **state)
{
	struct rig r;
	struct tour t;

	(void)state;
	rig_start(&r);
	send(&r, &t, 7, 2);
	assert_true(wait_for(&r, &r.over, 1));
	assert_int_equal(t.answered, 2);
	send(&r, &t, 7, 2);
	assert_true(wait_for(&r, &r.over, 2));
	assert_int_equal(peer_connections(r.peer), 2);
	rig_end(&r);
}

static void a_refusal_is_told_and_is_no_silence(void **state)
{
	struct rig r;
	struct tour t;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_EXCEPTION, 2, 7, 0);
	send(&r, &t, 7, 1);
	assert_true(wait_for(&r, &r.over, 1));
	assert_int_equal(t.last.err, -LMS_EREFUSED);
	assert_int_equal(t.last.exception, 2);
	assert_int_equal(t.last.cause, LINK_EXCEPTION);
	assert_true(t.last.opened);
	rig_end(&r);
}

static void what_keeps_a_bus_closed_is_told(void **state)
{
	char missing[] = "/tmp/lms-errand-XXXXXX", device[80];
	const struct { const char *address; enum link_cause cause; } rows[] = {
		{ "127.0.0.1:1", LINK_REFUSED },
		{ "no-such-host.invalid", LINK_NO_NAME },
		{ device, LINK_NO_DEVICE },
	};
	struct rig r;
	struct tour t;
	struct diag d;

	(void)state;
	assert_non_null(mkdtemp(missing));
	snprintf(device, sizeof(device), "1@rtu:%s/tty", missing);
	rig_start(&r);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(send_to(&r, &t, rows[i].address, 1, 1, &d), 0);
		assert_true(wait_for(&r, &r.over, (int)i + 1));
		assert_false(t.last.opened);
		assert_true(t.last.err < 0);
		if (t.last.cause != rows[i].cause)
			fail_msg("%s: cause %d: %s", rows[i].address, (int)t.last.cause, t.last.text);
	}
	rmdir(missing);
	rig_end(&r);
}

static void a_line_that_another_program_holds_is_taken(void **state)
{
	char address[96];
	int ours = posix_openpt(O_RDWR | O_NOCTTY), held;
	struct rig r;
	struct tour t;
	struct diag d;

	(void)state;
	if (ours < 0 || grantpt(ours) < 0 || unlockpt(ours) < 0)
		skip();
	snprintf(address, sizeof(address), "1@rtu:%s", ptsname(ours));
	held = open(address + 6, O_RDWR | O_NOCTTY);
	assert_true(held >= 0);
	assert_int_equal(flock(held, LOCK_EX), 0);
	rig_start(&r);
	assert_int_equal(send_to(&r, &t, address, 1, 1, &d), 0);
	assert_true(wait_for(&r, &r.over, 1));
	assert_int_equal(t.last.cause, LINK_TAKEN);
	assert_false(t.last.opened);
	close(held);
	/* Nobody answers there: under way long enough for the second one, which wants another speed. */
	assert_int_equal(send_to(&r, &t, address, 1, 3, &d), 0);
	{
		struct tour other;

		strcat(address, ",19200");
		assert_int_equal(send_to(&r, &other, address, 1, 1, &d), -LMS_ECONFLICT);
		assert_non_null(strstr(d.text, "is in use with other settings"));
	}
	assert_true(wait_for(&r, &r.over, 2));
	assert_int_equal(t.last.cause, LINK_MUTE);
	/* And the line is free again when the first one is over. */
	assert_int_equal(send_to(&r, &t, address, 1, 1, &d), 0);
	assert_true(wait_for(&r, &r.over, 3));
	assert_int_equal(t.last.cause, LINK_MUTE);
	rig_end(&r);
	close(ours);
}

static void a_new_configuration_does_not_end_it(void **state)
{
	struct rig r;
	struct tour t;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, 7, 0);
	poll_m1(&r, 1);
	assert_true(wait_for(&r, &r.good, 2));
	send(&r, &t, 7, 5);
	poll_m1(&r, 0);
	assert_true(wait_for(&r, &r.over, 1));
	assert_int_equal(t.asked, 5);
	assert_false(t.cut);
	rig_end(&r);
}

static void it_can_be_called_off(void **state)
{
	struct rig r;
	struct tour t;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, 7, 0);
	send(&r, &t, 7, 1000);
	errand_cancel(&t.e);
	assert_true(wait_for(&r, &r.over, 1));
	assert_true(t.cut && t.asked <= 1);
	rig_end(&r);
}

static void too_many_are_refused_and_the_end_drops_the_rest(void **state)
{
	struct tour t[ERRANDS_MAX + 1];
	char address[64];
	struct rig r;
	struct diag d;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, 7, 0);
	for (int i = 0; i < ERRANDS_MAX; i++)
		send(&r, &t[i], 7, 1000);
	snprintf(address, sizeof(address), "127.0.0.1:%d", peer_port(r.peer));
	assert_int_equal(send_to(&r, &t[ERRANDS_MAX], address, 7, 1, &d), -LMS_ECONFLICT);
	rig_end(&r);
	assert_int_equal(r.dropped, ERRANDS_MAX);
	assert_int_equal(r.over, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_over_the_connection_that_polls),
		cmocka_unit_test(polls_go_on_while_it_asks_whom_nobody_is),
		cmocka_unit_test(a_bus_that_nobody_polls_is_opened_and_closed),
		cmocka_unit_test(a_refusal_is_told_and_is_no_silence),
		cmocka_unit_test(what_keeps_a_bus_closed_is_told),
		cmocka_unit_test(a_line_that_another_program_holds_is_taken),
		cmocka_unit_test(a_new_configuration_does_not_end_it),
		cmocka_unit_test(it_can_be_called_off),
		cmocka_unit_test(too_many_are_refused_and_the_end_drops_the_rest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("modbus errand", tests, NULL, NULL);
}
