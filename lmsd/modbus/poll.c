/* modbus/poll.c - one poll of one meter: its blocks, its identity, and a result for the loop. */
#include "modbus/worker_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"

static wall_t now_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static struct bus_result *result_new(const struct slot *s, mono_t at)
{
	const struct meter_plan *plan = models_plan(s);
	size_t words = 0;
	struct bus_result *r;

	for (int i = 0; i < plan->count; i++)
		words += plan->blocks[i].count;
	r = xcalloc(1, sizeof(*r) + words * sizeof(r->words[0]));
	r->serial = s->task.serial;
	r->sample.at = at;
	r->sample.wall = now_wall();
	r->sample.latency_us = NUM_NONE;
	r->sample.models = s->layout.models;
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

static int read_block(struct worker *w, struct slot *s, const struct plan_block *b,
		      struct bus_result *r, uint16_t **words, char *text)
{
	struct meter_block *out = &r->blocks[r->sample.block_count];
	mono_t at = worker_now();
	int ret = models_exchange(w, s, b, *words, &out->exception, text);

	if (ret < 0 && (ret != -LMS_EREFUSED || line_is_silence(out->exception)))
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
	ret = line_exchange(w, s, &b, words, &exception, text);
	if (ret == -LMS_EREFUSED && !line_is_silence(exception))
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

/* All fast blocks and the slow one whose turn it is. */
static int read_blocks(struct worker *w, struct slot *s, struct bus_result *r, char *text)
{
	const struct meter_plan *plan = models_plan(s);
	bool wanted[PLAN_BLOCK_MAX] = { false }, done[PLAN_BLOCK_MAX] = { false };
	int slow = plan->count - plan->fast_count, i;
	uint16_t *words = r->words;
	int ret = 0;

	for (i = 0; i < plan->fast_count; i++)
		wanted[i] = true;
	if (slow)
		wanted[plan->fast_count + s->slow_next % slow] = true;
	while (ret == 0 && (i = turns_block(s, wanted, done)) >= 0) {
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
	retry = worker_now() + turns_back_off(s, w->link_fails, BACK_OFF_ALONE_US);
	for (size_t i = 0; i < w->slot_count; i++) {
		deliver_error(w, &w->slots[i], at, err, true, text);
		w->slots[i].identified = false;
		if (w->slots[i].due < retry)
			w->slots[i].due = retry;
	}
}

static int poll_once(struct worker *w, struct slot *s, struct bus_result **r, char *text)
{
	int ret = line_ensure_open(w, s, text);

	if (ret == 0)
		ret = models_find(w, s, text);
	if (ret != 0)
		return ret;
	free(*r);
	*r = result_new(s, worker_now());
	return read_all(w, s, *r, text);
}

void poll_slot(struct worker *w, struct slot *s)
{
	char text[LINK_TEXT_MAX] = "";
	bool was_open = link_is_open(w->link);
	struct bus_result *r = NULL;
	mono_t at = worker_now();
	int ret = poll_once(w, s, &r, text);

	if (line_worth_another(w, s, ret, was_open)) {
		line_clear(w, s, ret);
		ret = poll_once(w, s, &r, text);
	}
	if (ret == MODELS_GO_ON) {
		free(r);
		s->due = worker_now();
		return;
	}
	if (ret == 0) {
		w->probed = w->missed = false;
		w->deliver(w->ctx, r);
		turns_answered(s, worker_now());
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
		line_clear(w, s, ret);
	if (ret == -LMS_EFAILED)
		return;
	deliver_error(w, s, at, ret, false, text);
	turns_missed(w, s, worker_now());
}
