/* modbus/errand.c - questions that are asked once, between the polls of a bus. */
#include "modbus/worker_parts.h"

#include "base/err.h"

struct errand *errand_first(struct worker *w)
{
	struct errand *e;

	pthread_mutex_lock(&w->lock);
	e = w->errands;
	pthread_mutex_unlock(&w->lock);
	return e;
}

void errand_end(struct worker *w, bool cut)
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
	r->err = line_ensure_open(w, &s, r->text);
	for (int attempt = 0; r->err == 0; attempt++) {
		r->opened = true;
		line_keep_silence(w, &s, &b);
		r->at = worker_now();
		r->err = line_exchange(w, &s, &b, r->words, &r->exception, r->text);
		r->cause = link_cause(w->link);
		r->latency_us = w->quiet_since - r->at;
		*latest = b;
		if (r->err == 0 || r->err == -LMS_EREFUSED)
			return;
		line_clear(w, &s, r->err);
		if (attempt || !line_worth_another(w, &s, r->err, was_open))
			return;
		r->text[0] = '\0';
		r->err = line_ensure_open(w, &s, r->text);
	}
	r->cause = link_cause(w->link);
}

void errand_step(struct worker *w, struct errand *e)
{
	struct errand_question q = { 0 };
	struct errand_reply r = { .latency_us = NUM_NONE };

	if (atomic_load(&e->cancelled)) {
		errand_end(w, true);
		return;
	}
	if (!e->ask(e, &q)) {
		errand_end(w, false);
		return;
	}
	put_question(w, &q, &r);
	w->errand_at = worker_now();
	if (!worker_stopping(w))
		e->reply(e, &q, &r);
}
