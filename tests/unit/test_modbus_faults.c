/* Every fault of a device on every kind of bus: nothing wrong is ever taken for good, nobody else suffers for long, the
 * loop goes on, and all is well again afterwards. Registers tell their slave, their address and their time.
 * timeout: 90
 */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "helper_modbus_sim.h"
#include "meter/meter.h"
#include "modbus/bus.h"
#include "net/loop.h"

#define MS	US_PER_MS
#define POLL	(200 * MS)
#define TIMEOUT (250 * MS)
#define RETRY	US_PER_S
#define LATE	(200 * MS)	/* that the worker waits on a line after a time-out */
#define BUSES	40
#define SLAVES	2
#define STALL	(20 * MS)

enum fate { FAILS, PASSES, DOUBTED };

/* What slave 1 does; slave 2 of the same bus is sound. */
static const struct fault_case {
	const char *fault, *arg;
	enum fate fate;
	bool tcp, rtu;
} cases[] = {
	{ "mute", "0", FAILS, true, true },
	{ "late", "0.35", FAILS, true, true },
	{ "late", "0.8", FAILS, true, true },
	{ "drip", "0.06", FAILS, true, true },
	{ "split", "0", PASSES, true, true },
	{ "partial", "0", FAILS, true, true },
	{ "damaged", "0", FAILS, true, true },
	{ "count", "0", FAILS, true, true },
	{ "exception", "11", FAILS, true, true },
	{ "exception", "2", DOUBTED, true, true },
	{ "reset", "0", FAILS, true, true },
	{ "slave", "0", FAILS, true, true },
	{ "transaction", "0", FAILS, true, false },
	{ "function", "0", FAILS, true, true },
	{ "nan", "0", DOUBTED, true, true },
	{ "frozen", "0", DOUBTED, true, true },
	{ "garbage", "0", FAILS, true, true },
	{ "trailing", "0", PASSES, false, true },
	{ "trailing", "0", FAILS, true, false },
	{ "previous", "0", FAILS, true, true },
	{ "twice", "0", PASSES, false, true },
	{ "twice", "0.03", PASSES, false, true },
};

struct heard {
	int good, failed, doubted, wrong;
	char text[240];
};

struct bus_case {
	const struct fault_case *c;	/* NULL: a mixture */
	bool rtu;
	int number;			/* of the simulator */
	char *link, address[SLAVES][96], id[SLAVES][16];
	struct meter_state *m[SLAVES];
	struct heard heard[SLAVES], at_fault[SLAVES], at_end[SLAVES];
};

struct rig {
	struct loop *loop;
	struct loop_timer *deadline;
	struct bus_set *set;
	struct meter_profile *p;
	struct sim sim;
	char dir[32];
	struct bus_case buses[BUSES];
	int count;
	bool (*wanted)(const struct rig *r);
	int64_t longest;
	pthread_t idler;
	atomic_bool ends;
	_Atomic int64_t noise;		/* the longest that a thread with nothing to do was held up */
};

/* ---- the device, as tests/sim/faulty.py has it ------------------------------------------------- */

static int index_of(unsigned addr)
{
	return (int)(addr / 2 % 10);
}

static int hundredths_of(wall_t wall)
{
	return (int)(wall / (10 * MS) % 1000);
}

/* How long before `wall` the value was made, in us; one made up to 100 ms later counts as negative. */
static int64_t age_us(int hundredths, wall_t wall)
{
	return ((hundredths_of(wall) - hundredths + 2010) % 1000 - 10) * 10 * MS;
}

static bool is_nan(const uint16_t *words)
{
	return words[0] == 0x7FC0 && words[1] == 0;
}

static int64_t milli_of(const uint16_t *words)
{
	uint32_t bits = (uint32_t)words[0] << 16 | words[1];
	float f;

	memcpy(&f, &bits, sizeof(f));
	return llround((double)f * 1000.);
}

/* Made by this register of this slave, not before it was asked for. */
static bool is_right(int64_t milli, int slave, unsigned addr, wall_t asked, int64_t limit)
{
	int64_t age = age_us((int)(milli % 10000 / 10), asked);

	return milli / 10000 == slave * 10 + index_of(addr) && (age <= limit || age >= 9 * US_PER_S);
}

static void judge_words(struct bus_case *b, int slave, const struct bus_sample *s)
{
	bool frozen = b->c && strcmp(b->c->fault, "frozen") == 0 && slave == 1;

	for (size_t i = 0; i < s->block_count; i++) {
		const struct meter_block *blk = &s->blocks[i];
		wall_t asked = s->wall + (blk->at - s->at);

		for (int k = 0; !blk->err && k < blk->count; k += 2)
			if (!frozen && !is_nan(&blk->words[k]) &&
			    !is_right(milli_of(&blk->words[k]), slave, (unsigned)(blk->addr + k), asked, 20 * MS))
				b->heard[slave - 1].wrong++;
	}
}

/* What the balance would take. A device that stands still is found out after a while. */
static void judge_currents(struct rig *r, struct bus_case *b, int slave, const struct bus_sample *s)
{
	int64_t limit = b->c && strcmp(b->c->fault, "frozen") == 0 ? 2 * US_PER_S : 20 * MS;
	struct heard *h = &b->heard[slave - 1];
	struct meter_currents c;

	meter_sample_currents(b->m[slave - 1], loop_now(r->loop), &c);
	if (!c.good) {
		h->doubted++;
		return;
	}
	h->good++;
	for (int k = 0; k < PHASES; k++)
		if (!is_right(c.current.l[k], slave, (unsigned)(2 * k), s->wall + (c.at - s->at), limit))
			h->wrong++;
}

static void on_sample(void *ctx, const struct bus_sample *s)
{
	struct rig *r = ctx;
	int number = atoi(s->meter_id + 1), slave = s->meter_id[0] - 'A' + 1;
	struct bus_case *b = &r->buses[number];
	struct heard *h = &b->heard[slave - 1];
	struct meter_reading reading;

	bus_sample_reading(s, &reading);
	meter_take(b->m[slave - 1], &reading);
	if (s->err) {
		h->failed++;
		snprintf(h->text, sizeof(h->text), "%s", s->text);
	} else {
		judge_words(b, slave, s);
		judge_currents(r, b, slave, s);
	}
	if (r->wanted && r->wanted(r))
		loop_stop(r->loop);
}

/* ---- the rig ------------------------------------------------------------------------------------ */

static void on_deadline(void *ctx)
{
	struct rig *r = ctx;

	loop_stop(r->loop);
}

static void turn(struct rig *r, int64_t us, bool (*wanted)(const struct rig *r))
{
	int64_t longest;

	r->wanted = wanted;
	loop_now_update(r->loop);
	loop_timer_at(r->deadline, loop_now(r->loop) + us);
	loop_run(r->loop);
	r->wanted = NULL;
	longest = loop_longest_us(r->loop);
	r->longest = longest > r->longest ? longest : r->longest;
}

static void *idle(void *arg)
{
	struct rig *r = arg;

	while (!r->ends) {
		struct timespec from, to, nap = { 0, 1000000 };
		int64_t us;

		clock_gettime(CLOCK_MONOTONIC, &from);
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_MONOTONIC, &to);
		us = (to.tv_sec - from.tv_sec) * US_PER_S + (to.tv_nsec - from.tv_nsec) / 1000;
		if (us > r->noise)
			r->noise = us;
	}
	return NULL;
}

static void add_reg(struct meter_profile *p, enum meter_var var, uint16_t addr, int exp10)
{
	struct meter_reg *reg = profile_add_reg(p, var);

	reg->fc = 4;
	reg->addr = addr;
	reg->type = REG_F32;
	reg->exp10 = exp10;
}

/* Currents in one block of six registers; slow blocks of four, six and six. */
static struct meter_profile *profile_of_faulty(void)
{
	struct meter_profile *p = profile_new();

	snprintf(p->model, sizeof(p->model), "faulty");
	p->timeout_ms = (int)(TIMEOUT / MS);
	p->direction = METER_DIRECTION_REGISTER;
	for (int i = 0; i < PHASES; i++) {
		add_reg(p, (enum meter_var)(METER_current_l1 + i), (uint16_t)(2 * i), 3);
		add_reg(p, (enum meter_var)(METER_reactive_l1 + i), (uint16_t)(40 + 2 * i), 3);
		add_reg(p, (enum meter_var)(METER_apparent_l1 + i), (uint16_t)(60 + 2 * i), 3);
	}
	add_reg(p, METER_current_n, 20, 3);
	add_reg(p, METER_current_total, 22, 3);
	assert_int_equal(profile_check(p, NULL), 0);
	return p;
}

static void add_bus(struct rig *r, const struct fault_case *c, bool rtu)
{
	struct bus_case *b = &r->buses[r->count];
	char link[64];

	assert_true(r->count < BUSES);
	b->c = c;
	b->rtu = rtu;
	b->number = r->count++;
	snprintf(link, sizeof(link), "%s/tty%d", r->dir, b->number);
	b->link = xstrdup(link);
}

/* The simulator counts ports first, and so do we. */
static void sim_begin(struct rig *r)
{
	const char *links[BUSES];
	int port[BUSES], ports = 0;

	while (ports < r->count && !r->buses[ports].rtu)
		ports++;
	for (int i = ports; i < r->count; i++)
		links[i - ports] = r->buses[i].link;
	sim_start_faulty(&r->sim, ports, port, links, r->count - ports);
	for (int i = 0; i < r->count; i++) {
		struct bus_case *b = &r->buses[i];

		for (int k = 0; k < SLAVES; k++) {
			snprintf(b->id[k], sizeof(b->id[k]), "%c%d", 'A' + k, i);
			if (b->rtu)
				snprintf(b->address[k], sizeof(b->address[k]), "%d@rtu:%s,19200,8N1", k + 1, b->link);
			else
				snprintf(b->address[k], sizeof(b->address[k]), "%d@127.0.0.1:%d", k + 1, port[i]);
		}
	}
}

static void rig_begin(struct rig *r)
{
	static const struct bus_ops ops = { on_sample };
	struct bus_meter meters[BUSES * SLAVES];
	struct meter_setup setup;
	struct diag d;
	size_t n = 0;

	diag_init(&d);
	sim_begin(r);
	r->p = profile_of_faulty();
	r->loop = loop_new();
	r->deadline = loop_timer_new(r->loop, on_deadline, r);
	r->set = bus_set_new(r->loop, &ops, r);
	for (int i = 0; i < r->count; i++)
		for (int k = 0; k < SLAVES; k++) {
			struct bus_case *b = &r->buses[i];

			meter_setup_init(&setup, b->id[k], r->p);
			setup.frozen_us = 200 * MS;	/* five times that without voltages */
			b->m[k] = meter_new(&setup);
			meters[n++] = (struct bus_meter){ b->id[k], b->address[k], r->p, POLL, TIMEOUT, RETRY };
		}
	if (bus_set_configure(r->set, meters, n, &d) < 0)
		fail_msg("%s", d.text);
	pthread_create(&r->idler, NULL, idle, r);
}

static void rig_end(struct rig *r)
{
	r->ends = true;
	pthread_join(r->idler, NULL);
	bus_set_free(r->set);
	sim_kill(&r->sim);
	for (int i = 0; i < r->count; i++) {
		unlink(r->buses[i].link);
		free(r->buses[i].link);
		for (int k = 0; k < SLAVES; k++)
			meter_free(r->buses[i].m[k]);
	}
	rmdir(r->dir);
	loop_timer_free(r->deadline);
	loop_free(r->loop);
	profile_free(r->p);
}

static struct rig *rig_new(void)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	snprintf(r.dir, sizeof(r.dir), "/tmp/lms-faults-XXXXXX");
	assert_non_null(mkdtemp(r.dir));
	return &r;
}

static bool all_good(const struct rig *r)
{
	for (int i = 0; i < r->count; i++)
		for (int k = 0; k < SLAVES; k++)
			if (r->buses[i].heard[k].good - r->buses[i].at_end[k].good < 3)
				return false;
	return true;
}

static void mark(struct rig *r, bool end)
{
	for (int i = 0; i < r->count; i++)
		memcpy(end ? r->buses[i].at_end : r->buses[i].at_fault, r->buses[i].heard, sizeof(r->buses[i].heard));
}

static const char *name_of(const struct bus_case *b)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s %s %s", b->rtu ? "rtu" : "tcp", b->c ? b->c->fault : "mixture", b->c ? b->c->arg : "");
	return name;
}

/* The machine's own pauses are not the loop's. */
static void the_loop_went_on(const struct rig *r)
{
	int64_t limit = r->noise * 2 > STALL ? r->noise * 2 : STALL;

	if (r->longest > limit)
		fail_msg("the loop stood still for %lld us", (long long)r->longest);
}

static void all_is_well_again(struct rig *r)
{
	turn(r, 12 * US_PER_S, all_good);
	for (int i = 0; i < r->count; i++)
		for (int k = 0; k < SLAVES; k++) {
			const struct bus_case *b = &r->buses[i];

			if (b->heard[k].wrong)
				fail_msg("%s: slave %d: %d wrong values taken for good", name_of(b), k + 1, b->heard[k].wrong);
			if (b->heard[k].good - b->at_end[k].good < 3)
				fail_msg("%s: slave %d does not come back: %s", name_of(b), k + 1, b->heard[k].text);
		}
}

/* ---- tests -------------------------------------------------------------------------------------- */

#define FAULTY_US (2500 * MS)

/* Each miss of slave 1 costs the bus its time-out (twice where it is worth another), no more often than the back-off
 * allows; what is left belongs to slave 2. Half of that is asked for, the machine may be busy. */
static int least_of_the_other(const struct bus_case *b, int misses)
{
	int64_t cost = (b->rtu ? TIMEOUT + LATE : TIMEOUT) * (misses + 1);

	return cost >= FAULTY_US ? 0 : (int)((FAULTY_US - cost) / POLL / 2);
}

static void judge_case(const struct bus_case *b)
{
	const struct heard *was = b->at_fault, *is = b->at_end;
	int failed = is[0].failed - was[0].failed, good = is[0].good - was[0].good, doubted = is[0].doubted - was[0].doubted;
	int other = is[1].good - was[1].good;
	bool adapter = b->rtu && strcmp(b->c->fault, "reset") == 0;	/* which takes slave 2 along */

	switch (b->c->fate) {
	case FAILS:
		if (!failed || good > 1 || !is[0].text[0])
			fail_msg("%s: slave 1 failed %d times, and was good %d times", name_of(b), failed, good);
		break;
	case PASSES:
		if (good < 3)
			fail_msg("%s: slave 1 was good %d times, failed %d times: %s", name_of(b), good, failed, is[0].text);
		break;
	case DOUBTED:
		if (!doubted)
			fail_msg("%s: slave 1 was never doubted", name_of(b));
		break;
	}
	if (!adapter && other < least_of_the_other(b, failed))
		fail_msg("%s: slave 2 was read %d times beside %d misses of slave 1, wanted at least %d", name_of(b), other,
			 failed, least_of_the_other(b, failed));
	if (failed > 4)
		fail_msg("%s: slave 1 was asked without a pause: %d times", name_of(b), failed);
}

static void no_fault_makes_a_wrong_value_good(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	for (int rtu = 0; rtu < 2; rtu++)
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)
			if (rtu ? cases[i].rtu : cases[i].tcp)
				add_bus(r, &cases[i], rtu);
	rig_begin(r);
	turn(r, 15 * US_PER_S, all_good);
	assert_true(all_good(r));
	mark(r, false);
	for (int i = 0; i < r->count; i++) {
		char line[200];

		snprintf(line, sizeof(line), "{\"bus\":%d,\"fault\":\"%s\",\"arg\":%s,\"slaves\":[1]}", i, r->buses[i].c->fault,
			 r->buses[i].c->arg);
		sim_order(&r->sim, line);
	}
	turn(r, FAULTY_US, NULL);
	mark(r, true);
	for (int i = 0; i < r->count; i++) {
		char line[60];

		judge_case(&r->buses[i]);
		snprintf(line, sizeof(line), "{\"bus\":%d,\"fault\":null}", i);
		sim_order(&r->sim, line);
	}
	mark(r, true);
	all_is_well_again(r);
	the_loop_went_on(r);
	rig_end(r);
}

/* Faults on both slaves, each time another. */
static void a_mixture_of_faults_makes_no_wrong_value_good(void **state)
{
	static const char mixture[] =
		"{\"bus\":%d,\"share\":0.4,\"fault\":[[\"mute\",0],[\"late\",0.3],[\"late\",0.4],[\"drip\",0.02],[\"split\",0],"
		"[\"partial\",0],[\"damaged\",0],[\"count\",0],[\"exception\",11],[\"exception\",4],[\"slave\",0],"
		"[\"function\",0],[\"nan\",0],[\"garbage\",0],[\"trailing\",0],[\"previous\",0],[\"twice\",0]%s]}";
	struct rig *r = rig_new();

	(void)state;
	for (int i = 0; i < 8; i++)
		add_bus(r, NULL, i >= 4);
	rig_begin(r);
	turn(r, 15 * US_PER_S, all_good);
	assert_true(all_good(r));
	for (int i = 0; i < r->count; i++) {
		char line[600];

		snprintf(line, sizeof(line), mixture, i, i >= 4 ? "" : ",[\"reset\",0],[\"transaction\",0]");
		sim_order(&r->sim, line);
	}
	turn(r, 6 * US_PER_S, NULL);
	for (int i = 0; i < r->count; i++) {
		char line[60];

		snprintf(line, sizeof(line), "{\"bus\":%d,\"fault\":null}", i);
		sim_order(&r->sim, line);
	}
	mark(r, true);
	turn(r, 40 * US_PER_S, all_good);
	all_is_well_again(r);
	the_loop_went_on(r);
	rig_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_fault_makes_a_wrong_value_good),
		cmocka_unit_test(a_mixture_of_faults_makes_no_wrong_value_good),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
