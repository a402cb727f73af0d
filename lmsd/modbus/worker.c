/* modbus/worker.c - one bus, one thread. */
#include "modbus/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "modbus/link.h"

#define BACK_OFF_MAX_US	     (60 * US_PER_S)
#define BACK_OFF_ALONE_US    (10 * US_PER_S)
#define LATE_WINDOW_US	     (200 * US_PER_MS)	/* in which a serial slave may still speak */
#define CONNECT_TIMEOUT_US   (3 * US_PER_S)
#define ERRAND_WAIT_US	     US_PER_S		/* longer, polls do not keep an errand from its next question */
#define SAME_LENGTH_US	     (50 * US_PER_MS)	/* more silence where the answer before looks like the next */

struct slot {
	struct bus_task task;
	mono_t due;
	int fails;		/* polls in a row without an answer */
	mono_t answered_at;	/* the last time that it did; 0 = never */
	struct plan_block asked;	/* latest request, answered or not: its answer may still come */
	int slow_next;
	int identity;		/* as in bus_sample */
	bool identified;	/* the question has been asked since it came back */
	char identity_text[80];
};

struct worker {
	char bus[ADDRESS_TEXT_MAX];
	void (*deliver)(void *ctx, struct bus_result *r);
	void *ctx;
	pthread_t thread;
	int wake_fd;		/* eventfd: new tasks */
	int stop_fd;		/* eventfd, never drained: the end */

	pthread_mutex_t lock;
	struct bus_task *tasks;	/* handed over, NULL = nothing new */
	size_t task_count;
	bool fresh_tasks, stop;
	struct errand *errands;	/* handed over, in their order; the first one is under way */
	void (*errand_ended)(struct errand *e);
	atomic_bool ended;

	/* of the thread alone */
	struct link *link;
	struct meter_address addr;
	mono_t errand_at;	/* its latest question */
	int errand_slave;	/* was asked last of those that nobody polls */
	struct plan_block errand_asked;
	struct slot *slots;
	size_t slot_count;
	int link_fails;
	bool probed;		/* a silent slave was tried since the last answer of another */
	bool missed;		/* the latest poll was not answered */
	mono_t quiet_since;	/* end of the last exchange */
	int last_slave;
};

static mono_t now_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static wall_t now_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static bool stopping(struct worker *w)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return stop;
}

/* False when the end came first. With `tasks` it also returns as soon as there are new ones. */
static bool sleep_until(struct worker *w, mono_t until, bool tasks)
{
	struct pollfd p[2] = { { .fd = w->stop_fd, .events = POLLIN },
			       { .fd = tasks ? w->wake_fd : -1, .events = POLLIN } };

	for (;;) {
		int64_t left = until - now_mono();

		if (left <= 0)
			return true;
		if (left > 60 * US_PER_S)
			left = 60 * US_PER_S;
		if (poll(p, 2, (int)((left + US_PER_MS - 1) / US_PER_MS)) > 0)
			return !p[0].revents;
	}
}

/* ---- tasks --------------------------------------------------------------------------------- */

static const struct slot *find_slot(const struct worker *w, uint64_t serial)
{
	for (size_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].task.serial == serial)
			return &w->slots[i];
	return NULL;
}

static void take_tasks(struct worker *w)
{
	struct bus_task *tasks = NULL;
	struct slot *slots;
	size_t count = 0;
	uint64_t drained;
	bool fresh;

	if (read(w->wake_fd, &drained, sizeof(drained)) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&w->lock);
	fresh = w->fresh_tasks;
	if (fresh) {
		tasks = w->tasks;
		count = w->task_count;
		w->tasks = NULL;
		w->fresh_tasks = false;
	}
	pthread_mutex_unlock(&w->lock);
	if (!fresh)
		return;
	slots = xcalloc(count + 1, sizeof(*slots));
	for (size_t i = 0; i < count; i++) {
		const struct slot *old = find_slot(w, tasks[i].serial);

		if (old) {
			slots[i] = *old;
		} else {
			slots[i].task = tasks[i];
			slots[i].due = now_mono();
		}
	}
	free(w->slots);
	free(tasks);
	w->slots = slots;
	w->slot_count = count;
}

/* After a request that nobody answered comes the one that answered last: many may have gone silent at once, and
 * their time-outs must not add up for those who have not. */
static bool goes_before(const struct worker *w, const struct slot *a, const struct slot *b)
{
	if ((a->fails != 0) != (b->fails != 0))
		return b->fails != 0;
	if (w->missed && a->answered_at != b->answered_at)
		return a->answered_at > b->answered_at;
	return a->due < b->due;
}

/* The slot to serve next; NULL and *due when none is due. Living slaves go before silent ones. */
static struct slot *next_slot(struct worker *w, mono_t now, mono_t *due)
{
	struct slot *best = NULL;
	bool any_living = false;

	*due = MONO_NEVER;
	for (size_t i = 0; i < w->slot_count; i++)
		any_living = any_living || w->slots[i].fails == 0;
	for (size_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		if (s->fails && any_living && w->probed)
			continue;
		if (s->due < *due)
			*due = s->due;
		if (s->due > now)
			continue;
		if (!best || goes_before(w, s, best))
			best = s;
	}
	return best;
}

static int64_t back_off(const struct slot *s, int fails, int64_t max)
{
	int64_t pause = fails * s->task.retry_us;

	return pause < max ? pause : max;
}

static void schedule_ok(struct slot *s, mono_t now)
{
	s->fails = 0;
	s->answered_at = now;
	s->due += s->task.poll_us;
	if (s->due <= now)	/* too slow: go on at the next beat, what was missed is missed */
		s->due = now + s->task.poll_us - (now - s->due) % s->task.poll_us;
}

static void schedule_failed(struct worker *w, struct slot *s, mono_t now)
{
	s->fails++;
	s->identified = false;
	s->due = now +
		 back_off(s, s->fails, w->slot_count > 1 ? BACK_OFF_MAX_US : BACK_OFF_ALONE_US);
}

/* ---- one poll ------------------------------------------------------------------------------ */

static struct bus_result *result_new(const struct slot *s, mono_t at)
{
	size_t words = 0;
	struct bus_result *r;

	for (int i = 0; i < s->task.plan.count; i++)
		words += s->task.plan.blocks[i].count;
	r = xcalloc(1, sizeof(*r) + words * sizeof(r->words[0]));
	r->serial = s->task.serial;
	r->sample.at = at;
	r->sample.wall = now_wall();
	r->sample.latency_us = NUM_NONE;
	r->sample.blocks = r->blocks;
	return r;
}

static void deliver_error(struct worker *w, const struct slot *s, mono_t at, int err, bool bus_down,
			  const char *text)
{
	struct bus_result *r = result_new(s, at);

	r->sample.err = err;
	r->sample.bus_down = bus_down;
	snprintf(r->sample.text, sizeof(r->sample.text), "%s", text);
	w->deliver(w->ctx, r);
}

/* Between the frames of a serial line: 3.5 characters, 1750 us at high speeds. */
static int64_t frame_gap_us(const struct meter_address *a)
{
	return !a->rtu ? 0 : a->baud > 19200 ? 1750 : 35 * 11 * US_PER_S / (10 * a->baud);
}

static bool same_shape(const struct plan_block *a, const struct plan_block *b)
{
	return a->fc == b->fc && a->count == b->count;
}

/* Keeps the bus silent for as long as the device wants; false when called off. */
static bool keep_silence(struct worker *w, const struct slot *s, const struct plan_block *b)
{
	const struct bus_task *t = &s->task;
	int64_t silence = t->inter_request_us, gap = frame_gap_us(&t->addr);

	if (silence < gap)
		silence = gap;
	if (w->last_slave >= 0 && w->last_slave != t->addr.slave)
		silence += t->slave_switch_us;
	if (t->addr.rtu && same_shape(&s->asked, b))
		silence += SAME_LENGTH_US;
	return sleep_until(w, w->quiet_since + silence, false);
}

static int exchange(struct worker *w, struct slot *s, const struct plan_block *b, uint16_t *words, int *exception,
		    char *text)
{
	const struct bus_task *t = &s->task;
	struct link_request q = { t->addr.slave, b->fc, b->addr, b->count, t->timeout_us };
	int ret;

	*exception = 0;
	if (!keep_silence(w, s, b)) {
		snprintf(text, LINK_TEXT_MAX, "stopped");
		return -LMS_EFAILED;
	}
	s->asked = *b;
	ret = link_read(w->link, &q, words, exception, text);
	w->quiet_since = now_mono();
	w->last_slave = t->addr.slave;
	return ret;
}

/* A gateway says so when the slave behind it is silent. */
static bool is_silence(int exception)
{
	return exception == 10 || exception == 11;
}

static int read_block(struct worker *w, struct slot *s, const struct plan_block *b,
		      struct bus_result *r, uint16_t **words, char *text)
{
	struct meter_block *out = &r->blocks[r->sample.block_count];
	mono_t at = now_mono();
	int ret = exchange(w, s, b, *words, &out->exception, text);

	if (ret < 0 && (ret != -LMS_EREFUSED || is_silence(out->exception)))
		return ret;
	*out = (struct meter_block){ b->fc,          b->addr, b->count,           ret,
				     out->exception, at,      ret ? NULL : *words };
	if (ret < 0 && !r->sample.text[0])
		snprintf(r->sample.text, sizeof(r->sample.text), "%s", text);
	if (r->sample.latency_us == NUM_NONE)
		r->sample.latency_us = w->quiet_since - at;
	*words += b->count;
	r->sample.block_count++;
	return 0;
}

/* A slave that does not know the question stays unknown: old firmware lacks the register. */
static int identify(struct worker *w, struct slot *s, char *text)
{
	struct plan_block b = { s->task.identity.fc, s->task.identity.addr,
				(uint16_t)s->task.identity.count, METER_SLOW };
	uint16_t words[ARRAY_LEN(s->task.identity.words)];
	int exception, ret;

	s->identity_text[0] = '\0';
	s->identity = 0;
	s->identified = true;
	if (b.count == 0)
		return 0;
	ret = exchange(w, s, &b, words, &exception, text);
	if (ret == -LMS_EREFUSED && !is_silence(exception))
		return 0;
	if (ret < 0)
		return ret;
	s->identity = 1;
	if (memcmp(words, s->task.identity.words, b.count * sizeof(words[0])) != 0) {
		s->identity = -1;
		snprintf(s->identity_text, sizeof(s->identity_text),
			 "identity register %u reads 0x%04X, the profile expects 0x%04X", b.addr,
			 words[0], s->task.identity.words[0]);
	}
	return 0;
}

/* The next of the wanted blocks. On a serial line only the slave, the function and the length tell what an answer
 * belongs to, and gateways hand on what comes: neighbours differ in length, after a miss too, if need be by reading
 * another slow block in between. -1 when all wanted ones are read. */
static int pick_block(const struct slot *s, const bool *wanted, const bool *done)
{
	const struct meter_plan *plan = &s->task.plan;
	int first = -1, extra = -1;

	for (int i = plan->count - 1; i >= 0; i--) {
		bool differs = !same_shape(&s->asked, &plan->blocks[i]);

		if (done[i])
			continue;
		if (wanted[i] && (first < 0 || differs || same_shape(&s->asked, &plan->blocks[first])))
			first = i;
		else if (!wanted[i] && differs)
			extra = i;
	}
	if (first >= 0 && extra >= 0 && same_shape(&s->asked, &plan->blocks[first]))
		return extra;
	return first;
}

/* All fast blocks and the slow one whose turn it is. */
static int read_blocks(struct worker *w, struct slot *s, struct bus_result *r, char *text)
{
	const struct meter_plan *plan = &s->task.plan;
	bool wanted[PLAN_BLOCK_MAX] = { false }, done[PLAN_BLOCK_MAX] = { false };
	int slow = plan->count - plan->fast_count, i;
	uint16_t *words = r->words;
	int ret = 0;

	for (i = 0; i < plan->fast_count; i++)
		wanted[i] = true;
	if (slow)
		wanted[plan->fast_count + s->slow_next] = true;
	while (ret == 0 && (i = pick_block(s, wanted, done)) >= 0) {
		ret = read_block(w, s, &plan->blocks[i], r, &words, text);
		done[i] = true;
	}
	if (ret == 0 && slow)
		s->slow_next = (s->slow_next + 1) % slow;
	return ret;
}

static int read_all(struct worker *w, struct slot *s, struct bus_result *r, char *text)
{
	int ret = read_blocks(w, s, r, text);

	if (ret == 0 && !s->identified)
		ret = identify(w, s, text);
	r->sample.identity = s->identity;
	if (ret == 0 && !r->sample.text[0])
		snprintf(r->sample.text, sizeof(r->sample.text), "%s", s->identity_text);
	return ret;
}

/* Opening failed: that is everybody's failure on this bus. */
static void link_failed(struct worker *w, const struct slot *s, mono_t at, int err,
			const char *text)
{
	mono_t retry;

	w->link_fails++;
	retry = now_mono() + back_off(s, w->link_fails, BACK_OFF_ALONE_US);
	for (size_t i = 0; i < w->slot_count; i++) {
		deliver_error(w, &w->slots[i], at, err, true, text);
		w->slots[i].identified = false;
		if (w->slots[i].due < retry)
			w->slots[i].due = retry;
	}
}

static int ensure_open(struct worker *w, const struct slot *s, char *text)
{
	int64_t limit =
		s->task.timeout_us < CONNECT_TIMEOUT_US ? CONNECT_TIMEOUT_US : s->task.timeout_us;
	int ret;

	if (link_is_open(w->link))
		return 0;
	ret = link_open(w->link, limit, text);
	if (ret == 0)
		w->link_fails = 0;
	return ret;
}

/* After these a late answer may come: it must find nobody who asked something else. */
static void clear_link(struct worker *w, const struct slot *s, int err)
{
	if (s->task.addr.rtu && err != -LMS_EIO)
		sleep_until(w, now_mono() + LATE_WINDOW_US, false);
	else
		link_close(w->link);
}

/* Whether the failure says little about the meter, so that it is asked once more at once: a connection that the other
 * side closed meanwhile, noise on a line, another slave's late answer. Silence is no such thing. */
static bool worth_another(struct worker *w, const struct slot *s, int err, bool was_open)
{
	if (stopping(w) || (err != -LMS_EIO && err != -LMS_EPROTOCOL))
		return false;
	return s->task.addr.rtu ? err == -LMS_EPROTOCOL && s->fails == 0 : was_open;
}

static int poll_once(struct worker *w, struct slot *s, struct bus_result **r, char *text)
{
	int ret = ensure_open(w, s, text);

	if (ret < 0)
		return ret;
	free(*r);
	*r = result_new(s, now_mono());
	return read_all(w, s, *r, text);
}

static void poll_slot(struct worker *w, struct slot *s)
{
	char text[LINK_TEXT_MAX] = "";
	bool was_open = link_is_open(w->link);
	struct bus_result *r = NULL;
	mono_t at = now_mono();
	int ret = poll_once(w, s, &r, text);

	if (worth_another(w, s, ret, was_open)) {
		clear_link(w, s, ret);
		ret = poll_once(w, s, &r, text);
	}
	if (ret == 0) {
		w->probed = w->missed = false;
		w->deliver(w->ctx, r);
		schedule_ok(s, now_mono());
		return;
	}
	free(r);
	if (!link_is_open(w->link)) {
		if (ret != -LMS_EFAILED)
			link_failed(w, s, at, ret, text);
		return;
	}
	w->probed = s->fails != 0;
	w->missed = true;
	if (ret != -LMS_EREFUSED)
		clear_link(w, s, ret);
	if (ret == -LMS_EFAILED)
		return;
	deliver_error(w, s, at, ret, false, text);
	schedule_failed(w, s, now_mono());
}

/* ---- errands ------------------------------------------------------------------------------- */

static struct errand *first_errand(struct worker *w)
{
	struct errand *e;

	pthread_mutex_lock(&w->lock);
	e = w->errands;
	pthread_mutex_unlock(&w->lock);
	return e;
}

static void end_errand(struct worker *w, bool cut)
{
	struct errand *e;

	pthread_mutex_lock(&w->lock);
	e = w->errands;
	w->errands = e->next;
	pthread_mutex_unlock(&w->lock);
	e->cut = cut;
	/* Nobody polls here: the line must be free for whoever hears that the errand is over. */
	if (w->slot_count == 0)
		link_close(w->link);
	w->errand_ended(e);
}

/* Whose answers may still come: the slot of a slave that is polled, else the one for errands. */
static struct plan_block *latest_request(struct worker *w, int slave)
{
	for (size_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].task.addr.slave == slave)
			return &w->slots[i].asked;
	if (w->errand_slave != slave)
		w->errand_asked.count = 0;
	w->errand_slave = slave;
	return &w->errand_asked;
}

/* As a poll does, but once: what is wrong is what the errand is for. */
static void put_question(struct worker *w, const struct errand_question *q, struct errand_reply *r)
{
	struct plan_block b = { q->fc, q->addr, q->count, METER_SLOW }, *latest = latest_request(w, q->slave);
	struct slot s = { .task = { .addr = w->addr,
				    .timeout_us = q->timeout_us,
				    .inter_request_us = q->silence_us },
			  .asked = *latest };
	bool was_open = link_is_open(w->link);

	s.task.addr.slave = q->slave;
	r->err = ensure_open(w, &s, r->text);
	for (int attempt = 0; r->err == 0; attempt++) {
		r->opened = true;
		keep_silence(w, &s, &b);
		r->at = now_mono();
		r->err = exchange(w, &s, &b, r->words, &r->exception, r->text);
		r->cause = link_cause(w->link);
		r->latency_us = w->quiet_since - r->at;
		*latest = b;
		if (r->err == 0 || r->err == -LMS_EREFUSED)
			return;
		clear_link(w, &s, r->err);
		if (attempt || !worth_another(w, &s, r->err, was_open))
			return;
		r->text[0] = '\0';
		r->err = ensure_open(w, &s, r->text);
	}
	r->cause = link_cause(w->link);
}

static void errand_step(struct worker *w, struct errand *e)
{
	struct errand_question q = { 0 };
	struct errand_reply r = { .latency_us = NUM_NONE };

	if (atomic_load(&e->cancelled)) {
		end_errand(w, true);
		return;
	}
	if (!e->ask(e, &q)) {
		end_errand(w, false);
		return;
	}
	put_question(w, &q, &r);
	w->errand_at = now_mono();
	if (!stopping(w))
		e->reply(e, &q, &r);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct errand *e;

	for (;;) {
		struct slot *s;
		mono_t due;

		take_tasks(w);
		if (stopping(w))
			break;
		s = next_slot(w, now_mono(), &due);
		e = first_errand(w);
		if (e && (!s || now_mono() - w->errand_at > ERRAND_WAIT_US))
			errand_step(w, e);
		else if (s)
			poll_slot(w, s);
		else
			sleep_until(w, due, true);
	}
	link_close(w->link);
	while (first_errand(w))
		end_errand(w, true);
	atomic_store(&w->ended, true);
	return NULL;
}

/* ---- from the loop's thread ---------------------------------------------------------------- */

static void wake(int fd)
{
	uint64_t one = 1;

	/* A counter that is full wakes as well. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void worker_destroy(struct worker *w)
{
	link_free(w->link);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->stop_fd >= 0)
		close(w->stop_fd);
	pthread_mutex_destroy(&w->lock);
	free(w->tasks);
	free(w->slots);
	free(w);
}

struct worker *worker_new(const struct meter_address *addr, struct lowfd *low,
			  void (*deliver)(void *ctx, struct bus_result *r), void *ctx)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	address_bus(addr, w->bus);
	w->addr = *addr;
	w->deliver = deliver;
	w->ctx = ctx;
	w->last_slave = -1;
	pthread_mutex_init(&w->lock, NULL);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->link = link_new(addr, low, w->stop_fd);
	if (w->wake_fd < 0 || w->stop_fd < 0 || pthread_create(&w->thread, NULL, run, w) != 0) {
		worker_destroy(w);
		return NULL;
	}
	return w;
}

void worker_set_tasks(struct worker *w, const struct bus_task *tasks, size_t count)
{
	struct bus_task *copy = xcalloc(count + 1, sizeof(*copy));

	memcpy(copy, tasks, count * sizeof(*copy));
	pthread_mutex_lock(&w->lock);
	free(w->tasks);
	w->tasks = copy;
	w->task_count = count;
	w->fresh_tasks = true;
	pthread_mutex_unlock(&w->lock);
	wake(w->wake_fd);
}

void worker_take_errand(struct worker *w, struct errand *take_e, void (*ended)(struct errand *e))
{
	struct errand **at = &w->errands;

	take_e->next = NULL;
	pthread_mutex_lock(&w->lock);
	w->errand_ended = ended;
	while (*at)
		at = &(*at)->next;
	*at = take_e;
	pthread_mutex_unlock(&w->lock);
	wake(w->wake_fd);
}

const char *worker_bus(const struct worker *w)
{
	return w->bus;
}

void worker_stop(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	wake(w->stop_fd);
	link_break(w->link);
}

bool worker_ended(const struct worker *w)
{
	return atomic_load(&w->ended);
}

void worker_free(struct worker *w)
{
	worker_stop(w);
	pthread_join(w->thread, NULL);
	worker_destroy(w);
}
