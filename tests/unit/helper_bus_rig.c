#include "helper_bus_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void on_sample(void *ctx, const struct bus_sample *s)
{
	struct bus_rig *r = ctx;
	int n = s->meter_id[1] - '0';
	struct bus_heard *h = &r->meter[n < 0 || n > 3 ? 0 : n];

	if (s->meter_id[0] != 'M')
		r->strangers++;
	assert_true(s->at > h->at || (s->err && s->at >= h->at));
	if (h->at && s->at - h->at > h->longest_gap)
		h->longest_gap = s->at - h->at;
	h->at = s->at;
	h->last_err = s->err;
	h->identity = s->identity;
	h->latency_us = s->latency_us;
	snprintf(h->text, sizeof(h->text), "%s", s->text);
	if (s->err) {
		h->failed++;
		assert_int_equal(s->block_count, 0);
	} else {
		h->good++;
	}
	for (size_t i = 0; i < s->block_count; i++) {
		const struct meter_block *b = &s->blocks[i];

		if (b->err) {
			h->refused_blocks++;
			h->last_exception = b->exception;
			assert_null(b->words);
			continue;
		}
		h->slow_blocks += b->addr >= 100;
		for (int k = 0; k < b->count; k++)
			h->wrong_words += !peer_word_is_right(b->fc, b->addr + k, b->words[k]);
	}
	if (r->watched && *r->watched >= r->until)
		loop_stop(r->loop);
}

static void on_deadline(void *ctx)
{
	struct bus_rig *r = ctx;

	loop_stop(r->loop);
}

bool bus_rig_wait(struct bus_rig *r, int *counter, int until, int64_t limit)
{
	if (*counter >= until)
		return true;
	r->watched = counter;
	r->until = until;
	loop_now_update(r->loop);
	loop_timer_at(r->deadline, loop_now(r->loop) + limit);
	loop_run(r->loop);
	loop_timer_at(r->deadline, MONO_NEVER);
	r->watched = NULL;
	return *counter >= until;
}

static int never;

void bus_rig_pass(struct bus_rig *r, int64_t us)
{
	assert_false(bus_rig_wait(r, &never, 1, us));
}

static struct meter_profile *profile_of_words(void)
{
	struct meter_profile *p = profile_new();

	snprintf(p->model, sizeof(p->model), "words");
	p->timeout_ms = (int)(TIMEOUT / MS);
	for (int i = 0; i < 6; i++) {
		struct meter_reg *reg = profile_add_reg(p, (enum meter_var)(i < 3 ? METER_current_l1 + i :
									  METER_voltage_l1n + i - 3));

		reg->fc = 3;
		reg->addr = (uint16_t)(i < 3 ? 10 + i : 100 * i);
		reg->type = REG_U16;
	}
	return p;
}

void bus_rig_start(struct bus_rig *r)
{
	static const struct bus_ops ops = { on_sample };

	memset(r, 0, sizeof(*r));
	r->loop = loop_new();
	r->set = bus_set_new(r->loop, &ops, r);
	r->deadline = loop_timer_new(r->loop, on_deadline, r);
	r->peer = peer_start(0);
	r->p = profile_of_words();
	assert_non_null(r->peer);
}

void bus_rig_end(struct bus_rig *r)
{
	bus_set_free(r->set);
	peer_stop(r->peer);
	loop_timer_free(r->deadline);
	loop_free(r->loop);
	profile_free(r->p);
}

void bus_rig_configure(struct bus_rig *r, int n, int64_t timeout_us)
{
	struct bus_meter meters[3];
	char ids[3][16], addresses[3][64];
	struct diag d;

	diag_init(&d);
	for (int i = 0; i < n; i++) {
		snprintf(ids[i], sizeof(ids[i]), "M%d", i + 1);
		snprintf(addresses[i], sizeof(addresses[i]), "%d@127.0.0.1:%d", i + 1, peer_port(r->peer));
		meters[i] = (struct bus_meter){ ids[i], addresses[i], r->p, POLL, timeout_us, RETRY };
	}
	if (bus_set_configure(r->set, meters, (size_t)n, &d) < 0)
		fail_msg("%s", d.text);
}

mono_t bus_rig_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}
