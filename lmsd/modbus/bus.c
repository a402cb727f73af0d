/* modbus/bus.c - workers by bus, and the queue from them to the loop.
 *
 * A worker that is no longer needed is told to end and joined later, when it has: the loop never
 * waits for a peer.
 */
#include "modbus/bus.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "modbus/errand.h"
#include "modbus/lowfd.h"
#include "modbus/worker.h"
#include "net/loop.h"

#define QUEUE_MAX 1024	/* a loop that stands still gets the latest, not all */

struct bus_set {
	struct bus_ops ops;
	void *ctx;
	struct lowfd *low;
	struct loop_wake *wake;
	struct bus_task *tasks;		/* in force */
	size_t task_count;
	uint64_t serial;
	struct worker **workers, **retired;
	size_t worker_count, retired_count;
	struct errand *errands[ERRANDS_MAX];	/* under way; NULL = a place is free */

	pthread_mutex_t lock;
	struct bus_result *first, **last;
	size_t queued;
	struct errand *over;	/* errands that are */
};

void bus_sample_reading(const struct bus_sample *s, struct meter_reading *out)
{
	*out = (struct meter_reading){
		.err = s->err,
		.text = s->text,
		.at = s->at,
		.wall = s->wall,
		.latency_us = s->latency_us,
		.identity = s->identity,
		.models = s->models,
		.blocks = s->blocks,
		.block_count = s->block_count,
	};
}

/* ---- the queue ------------------------------------------------------------------------------ */

/* On a worker's thread. */
static void enqueue(void *ctx, struct bus_result *r)
{
	struct bus_set *set = ctx;
	struct bus_result *dropped = NULL;

	pthread_mutex_lock(&set->lock);
	r->next = NULL;
	*set->last = r;
	set->last = &r->next;
	if (++set->queued > QUEUE_MAX) {
		dropped = set->first;
		set->first = dropped->next;
		set->queued--;
	}
	pthread_mutex_unlock(&set->lock);
	free(dropped);
	loop_wake_send(set->wake);
}

static struct bus_result *dequeue_all(struct bus_set *set)
{
	struct bus_result *list;

	pthread_mutex_lock(&set->lock);
	list = set->first;
	set->first = NULL;
	set->last = &set->first;
	set->queued = 0;
	pthread_mutex_unlock(&set->lock);
	return list;
}

static const struct bus_task *find_task(const struct bus_set *set, uint64_t serial)
{
	for (size_t i = 0; i < set->task_count; i++)
		if (set->tasks[i].serial == serial)
			return &set->tasks[i];
	return NULL;
}

static void reap(struct bus_set *set)
{
	for (size_t i = 0; i < set->retired_count;) {
		if (!worker_ended(set->retired[i])) {
			i++;
			continue;
		}
		worker_free(set->retired[i]);
		set->retired[i] = set->retired[--set->retired_count];
	}
}

static void deliver_errands(struct bus_set *set);

static void deliver_all(void *ctx)
{
	struct bus_set *set = ctx;
	struct bus_result *r = dequeue_all(set), *next;

	for (; r; r = next) {
		const struct bus_task *t = find_task(set, r->serial);

		next = r->next;
		if (t) {
			/* The callback may configure anew, which frees the task. */
			char id[ID_MAX + 1];

			memcpy(id, t->id, sizeof(id));
			r->sample.meter_id = id;
			set->ops.sample(set->ctx, &r->sample);
		}
		free(r);
	}
	deliver_errands(set);
	reap(set);
}

/* ---- configuration -------------------------------------------------------------------------- */

static int make_task(const struct bus_meter *m, struct bus_task *t, struct diag *d)
{
	const struct meter_profile *p = m->profile;
	int ret;

	memset(t, 0, sizeof(*t));
	snprintf(t->id, sizeof(t->id), "%s", m->id);
	ret = address_parse(m->address, &t->addr, d);
	if (ret < 0)
		return ret;
	address_bus(&t->addr, t->bus);
	ret = plan_make(p, &t->plan, d);
	if (ret < 0)
		return ret;
	sunspec_wish(p, &t->wish);
	t->identity.fc = p->identity.fc;
	t->identity.addr = p->identity.addr;
	t->identity.count = p->identity.count;
	memcpy(t->identity.words, p->identity.words, sizeof(t->identity.words));
	t->poll_us = m->poll_us ? m->poll_us : US_PER_S;
	t->timeout_us = m->timeout_us ? m->timeout_us : p->timeout_ms * US_PER_MS;
	t->retry_us = m->retry_us ? m->retry_us : 2 * US_PER_S;
	t->inter_request_us = p->inter_request_ms * US_PER_MS;
	t->slave_switch_us = p->after_slave_switch_ms * US_PER_MS;
	if (t->poll_us < BUS_POLL_MIN_US)
		return diag_set(d, -LMS_EDATA,
				"meter %s: poll: %lld ms is too fast (at least 100 ms)", m->id,
				(long long)(t->poll_us / US_PER_MS));
	if (t->timeout_us < 10 * US_PER_MS || t->timeout_us > 5 * US_PER_S)
		return diag_set(d, -LMS_EDATA,
				"meter %s: a time-out of %lld ms is not within 10 to 5000", m->id,
				(long long)(t->timeout_us / US_PER_MS));
	return 0;
}

static bool same_plan(const struct meter_plan *a, const struct meter_plan *b)
{
	if (a->count != b->count || a->fast_count != b->fast_count)
		return false;
	for (int i = 0; i < a->count; i++)
		if (a->blocks[i].fc != b->blocks[i].fc || a->blocks[i].addr != b->blocks[i].addr ||
		    a->blocks[i].count != b->blocks[i].count)
			return false;
	return true;
}

static bool same_task(const struct bus_task *a, const struct bus_task *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->bus, b->bus) == 0 && a->addr.slave == b->addr.slave &&
	       same_plan(&a->plan, &b->plan) && memcmp(&a->wish, &b->wish, sizeof(a->wish)) == 0 &&
	       a->identity.fc == b->identity.fc &&
	       a->identity.addr == b->identity.addr && a->identity.count == b->identity.count &&
	       memcmp(a->identity.words, b->identity.words, sizeof(a->identity.words)) == 0 &&
	       a->poll_us == b->poll_us && a->timeout_us == b->timeout_us &&
	       a->retry_us == b->retry_us && a->inter_request_us == b->inter_request_us &&
	       a->slave_switch_us == b->slave_switch_us;
}

static void number_task(struct bus_set *set, struct bus_task *t)
{
	for (size_t i = 0; i < set->task_count; i++)
		if (same_task(t, &set->tasks[i])) {
			t->serial = set->tasks[i].serial;
			return;
		}
	t->serial = ++set->serial;
}

/* The tasks of one bus; out has room for all. */
static size_t tasks_of(const struct bus_task *tasks, size_t n, const char *bus,
		       struct bus_task *out)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(tasks[i].bus, bus) == 0)
			out[count++] = tasks[i];
	return count;
}

/* Distinct buses among the tasks: index of the first task of each. */
static size_t buses_of(const struct bus_task *tasks, size_t n, size_t *first)
{
	size_t count = 0, j;

	for (size_t i = 0; i < n; i++) {
		for (j = 0; j < count; j++)
			if (strcmp(tasks[i].bus, tasks[first[j]].bus) == 0)
				break;
		if (j == count)
			first[count++] = i;
	}
	return count;
}

static struct worker *take_worker(struct bus_set *set, const char *bus)
{
	for (size_t i = 0; i < set->worker_count; i++) {
		struct worker *w = set->workers[i];

		if (strcmp(worker_bus(w), bus) == 0) {
			set->workers[i] = set->workers[--set->worker_count];
			return w;
		}
	}
	return NULL;
}

static void retire(struct bus_set *set, struct worker *w)
{
	set->retired = xrealloc(set->retired, (set->retired_count + 1) * sizeof(struct worker *));
	worker_stop(w);
	set->retired[set->retired_count++] = w;
}

static void retire_workers(struct bus_set *set)
{
	for (size_t i = 0; i < set->worker_count; i++)
		retire(set, set->workers[i]);
	set->worker_count = 0;
}

static bool has_errand(const struct bus_set *set, const struct worker *w)
{
	for (int i = 0; i < ERRANDS_MAX; i++)
		if (set->errands[i] && set->errands[i]->worker == w)
			return true;
	return false;
}

/* One worker per bus; those that have nothing to do any more are retired. */
static int assign(struct bus_set *set, const struct bus_task *tasks, size_t n, const size_t *first,
		  size_t buses, struct diag *d)
{
	struct worker **workers =
		xcalloc(buses + set->worker_count + 1, sizeof(struct worker *));
	struct bus_task *own = xcalloc(n + 1, sizeof(*own));
	size_t kept = 0;
	int ret = 0;

	for (size_t i = 0; i < buses; i++) {
		const char *name = tasks[first[i]].bus;
		struct worker *w = take_worker(set, name);

		if (!w)
			w = worker_new(&tasks[first[i]].addr, set->low, enqueue, set);
		if (!w) {
			ret = diag_set(d, -LMS_EIO, "no thread can be started for bus %s", name);
			continue;
		}
		worker_set_tasks(w, own, tasks_of(tasks, n, name, own));
		workers[kept++] = w;
	}
	for (size_t i = 0; i < set->worker_count;) {
		struct worker *w = set->workers[i];

		if (!has_errand(set, w)) {
			i++;
			continue;
		}
		worker_set_tasks(w, own, 0);
		workers[kept++] = w;
		set->workers[i] = set->workers[--set->worker_count];
	}
	retire_workers(set);
	free(set->workers);
	set->workers = workers;
	set->worker_count = kept;
	free(own);
	return ret;
}

int bus_set_configure(struct bus_set *set, const struct bus_meter *meters, size_t n, struct diag *d)
{
	struct bus_task *tasks = xcalloc(n + 1, sizeof(*tasks));
	size_t *first = xcalloc(n + 1, sizeof(*first));
	size_t buses;
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++) {
		ret = make_task(&meters[i], &tasks[i], d);
		if (ret == 0)
			number_task(set, &tasks[i]);
	}
	if (ret < 0)
		goto out;
	buses = buses_of(tasks, n, first);
	if (buses > BUS_MAX) {
		ret = diag_set(d, -LMS_ERANGE,
			       "%zu buses are more than %d (let meters share a gateway)", buses,
			       BUS_MAX);
		goto out;
	}
	free(set->tasks);
	set->tasks = tasks;
	set->task_count = n;
	tasks = NULL;
	ret = assign(set, set->tasks, n, first, buses, d);
	reap(set);
out:
	free(tasks);
	free(first);
	return ret;
}

/* ---- errands -------------------------------------------------------------------------------- */

/* On a worker's thread. */
static void errand_ended(struct errand *e)
{
	struct bus_set *set = e->set;

	pthread_mutex_lock(&set->lock);
	e->next = set->over;
	set->over = e;
	pthread_mutex_unlock(&set->lock);
	loop_wake_send(set->wake);
}

static struct errand *take_over(struct bus_set *set)
{
	struct errand *e;

	pthread_mutex_lock(&set->lock);
	e = set->over;
	set->over = NULL;
	pthread_mutex_unlock(&set->lock);
	for (struct errand *o = e; o; o = o->next)
		for (int i = 0; i < ERRANDS_MAX; i++)
			if (set->errands[i] == o)
				set->errands[i] = NULL;
	return e;
}

static bool has_tasks(const struct bus_set *set, const struct worker *w)
{
	for (size_t i = 0; i < set->task_count; i++)
		if (strcmp(set->tasks[i].bus, worker_bus(w)) == 0)
			return true;
	return false;
}

static void deliver_errands(struct bus_set *set)
{
	struct errand *e = take_over(set), *next;

	for (; e; e = next) {
		struct worker *w = e->worker;

		next = e->next;
		if (!has_tasks(set, w) && !has_errand(set, w) && take_worker(set, worker_bus(w)))
			retire(set, w);
		e->done(e, e->cut);
	}
}

/* A serial line has one speed at a time, and one program that opens it. */
static int check_device(const struct bus_set *set, const struct meter_address *bus, struct diag *d)
{
	char name[ADDRESS_TEXT_MAX];
	size_t len;

	address_bus(bus, name);
	len = strcspn(name, ",");
	for (size_t i = 0; bus->rtu && i < set->worker_count; i++) {
		const char *other = worker_bus(set->workers[i]);

		if (strncmp(other, name, len) == 0 && other[len] == ',' && strcmp(other, name) != 0)
			return diag_set(d, -LMS_ECONFLICT,
					"address: %s is in use with other settings (as %s)",
					bus->device, other);
	}
	return 0;
}

int bus_set_errand(struct bus_set *set, const struct meter_address *bus, struct errand *e,
		   struct diag *d)
{
	char name[ADDRESS_TEXT_MAX];
	struct worker *w;
	int place = 0;

	while (place < ERRANDS_MAX && set->errands[place])
		place++;
	if (place == ERRANDS_MAX)
		return diag_set(d, -LMS_ECONFLICT,
				"%d checks and scans are under way already (try again later)",
				ERRANDS_MAX);
	if (check_device(set, bus, d) < 0)
		return d ? d->err : -LMS_ECONFLICT;
	w = take_worker(set, address_bus(bus, name));
	if (!w)
		w = worker_new(bus, set->low, enqueue, set);
	if (!w)
		return diag_set(d, -LMS_EIO, "no thread can be started for bus %s", name);
	set->workers = xrealloc(set->workers, (set->worker_count + 1) * sizeof(struct worker *));
	set->workers[set->worker_count++] = w;
	e->set = set;
	e->worker = w;
	atomic_store(&e->cancelled, false);
	set->errands[place] = e;
	worker_take_errand(w, e, errand_ended);
	return 0;
}

void errand_cancel(struct errand *e)
{
	atomic_store(&e->cancelled, true);
}

struct bus_set *bus_set_new(struct loop *loop, const struct bus_ops *ops, void *ctx)
{
	struct bus_set *set = xcalloc(1, sizeof(*set));

	set->ops = *ops;
	set->ctx = ctx;
	set->low = lowfd_new(BUS_MAX + ERRANDS_MAX);
	set->last = &set->first;
	pthread_mutex_init(&set->lock, NULL);
	set->wake = loop_wake_new(loop, deliver_all, set);
	return set;
}

void bus_set_free(struct bus_set *set)
{
	struct bus_result *r, *next;

	if (!set)
		return;
	retire_workers(set);
	for (size_t i = 0; i < set->retired_count; i++)
		worker_free(set->retired[i]);
	for (r = dequeue_all(set); r; r = next) {
		next = r->next;
		free(r);
	}
	for (struct errand *e = take_over(set), *after; e; e = after) {
		after = e->next;
		e->drop(e);
	}
	loop_wake_free(set->wake);
	lowfd_free(set->low);
	pthread_mutex_destroy(&set->lock);
	free(set->retired);
	free(set->workers);
	free(set->tasks);
	free(set);
}
