/* hall/commission/probe.c - which question comes next, on the bus's thread. */
#include "hall/commission/probe.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"

#define SILENT_MAX 2

static mono_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

bool probe_is_silence(const struct errand_reply *r)
{
	return r->err == -LMS_EREFUSED && (r->exception == 10 || r->exception == 11);
}

/* Singles are asked for only where their block was refused. */
static bool is_due(const struct probe *p, const struct probe_question *q)
{
	return q->kind != PROBE_SINGLE || p->list[q->part_of].reply.err == -LMS_EREFUSED;
}

/* The walk's questions are known one at a time. */
static void walk_on(struct probe *p)
{
	uint16_t addr;

	if (!p->walk_fc || p->at < p->count || p->left)
		return;
	if (sunspec_next(&p->walk, &addr) && probe_add(p, PROBE_WALK, (uint8_t)p->walk_fc, addr, 2, -1))
		return;
	p->walk_fc = 0;
	p->walked(p);
}

static bool ask(struct errand *e, struct errand_question *q)
{
	struct probe *p = (struct probe *)e;
	const struct probe_question *next;

	if (!p->began)
		p->began = clock_now();
	p->ended = clock_now();
	walk_on(p);
	while (p->at < p->count && !is_due(p, &p->list[p->at]))
		p->at++;
	if (p->at == p->count || p->left)
		return false;
	next = &p->list[p->at];
	*q = (struct errand_question){ p->slave, next->fc, next->addr, next->count, p->timeout_us, p->silence_us };
	return true;
}

static void reply(struct errand *e, const struct errand_question *q, const struct errand_reply *r)
{
	struct probe *p = (struct probe *)e;
	struct probe_question *now = &p->list[p->at];
	bool heard = r->err == 0 || (r->err == -LMS_EREFUSED && !probe_is_silence(r));

	(void)q;
	now->reply = *r;
	now->asked = true;
	now->tries++;
	if (heard && now->kind == PROBE_WALK)
		sunspec_take(&p->walk, r->err == 0 ? r->words : NULL);
	if (heard) {
		p->answered = true;
		p->silent = 0;
		p->at++;
		return;
	}
	/* What keeps the bus from being opened keeps all questions from being asked. */
	if (!r->opened) {
		p->left = true;
		return;
	}
	if (now->tries < PROBE_TRIES)
		return;
	if (now->kind == PROBE_WALK)
		sunspec_silent(&p->walk);
	p->silent++;
	p->at++;
	p->left = !p->answered || p->silent >= SILENT_MAX;
}

void probe_init(struct probe *p, const struct meter_address *a, int64_t timeout_us, int64_t silence_us)
{
	memset(p, 0, sizeof(*p));
	p->e.ask = ask;
	p->e.reply = reply;
	p->slave = a->slave;
	p->timeout_us = timeout_us;
	p->silence_us = silence_us;
	p->list = xcalloc(PROBE_MAX, sizeof(*p->list));
}

void probe_fini(struct probe *p)
{
	free(p->list);
	p->list = NULL;
}

bool probe_add(struct probe *p, enum probe_kind kind, uint8_t fc, uint16_t addr, uint16_t count, int part_of)
{
	if (p->count == PROBE_MAX)
		return false;
	p->list[p->count++] = (struct probe_question){ .kind = kind, .fc = fc, .addr = addr, .count = count,
						       .part_of = part_of };
	return true;
}

const struct probe_question *probe_find(const struct probe *p, uint8_t fc, unsigned addr, int words)
{
	const struct probe_question *refused = NULL;

	for (int i = 0; i < p->count; i++) {
		const struct probe_question *q = &p->list[i];

		if (!q->asked || q->kind > PROBE_SINGLE || q->fc != fc || addr < q->addr ||
		    addr + (unsigned)words > (unsigned)q->addr + q->count)
			continue;
		if (q->reply.err == 0)
			return q;
		refused = q;
	}
	return refused;
}

const struct probe_question *probe_failed(const struct probe *p)
{
	const struct probe_question *last = NULL;

	for (int i = 0; i < p->count; i++)
		if (p->list[i].asked && p->list[i].reply.err < 0 &&
		    (p->list[i].reply.err != -LMS_EREFUSED || probe_is_silence(&p->list[i].reply)))
			last = &p->list[i];
	return last;
}
