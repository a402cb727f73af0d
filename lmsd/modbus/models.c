/* modbus/models.c - where a SunSpec device has the models of its profile; the walk itself is meter/sunspec.h's. */
#include "modbus/worker_parts.h"

#include <stdio.h>

#include "base/err.h"

#define FORGET_US (30 * US_PER_S)	/* silent for longer, it may be another device */
#define DOUBT_US  (60 * US_PER_S)	/* a device that goes on refusing is not walked more often */
#define QUESTIONS 8			/* at a time: a poll has about as many */

const struct meter_plan *models_plan(const struct slot *s)
{
	return s->task.wish.count ? &s->layout.plan : &s->task.plan;
}

static void forget(struct slot *s)
{
	s->layout.models = 0;
	sunspec_start(&s->walk);
}

static int walk_over(struct slot *s, char *text)
{
	char found[120];

	s->walked_at = worker_now();
	s->models_read = 0;
	if (sunspec_lay_out(&s->walk, &s->task.wish, &s->task.plan, &s->layout))
		return 0;
	snprintf(text, LINK_TEXT_MAX, "slave %d: %s%s", s->task.addr.slave, sunspec_text(&s->walk, found, sizeof(found)),
		 s->walk.marked ? ", none of them in the profile" : "");
	sunspec_start(&s->walk);
	return -LMS_EREFUSED;
}

/* Busy, or a gateway that reaches nobody: it says nothing about the registers. */
static bool says_nothing(int err, int exception)
{
	return err < 0 && (err != -LMS_EREFUSED || line_is_silence(exception) || exception == 5 || exception == 6);
}

/* Silent for long, or ever since it was walked. */
static bool is_old(const struct slot *s)
{
	return (s->answered_at && worker_now() - s->answered_at > FORGET_US + 2 * s->task.poll_us) ||
	       (s->fails && !s->models_read);
}

int models_find(struct worker *w, struct slot *s, char *text)
{
	struct plan_block q = { .fc = (uint8_t)s->task.wish.fc, .count = 2 };
	uint16_t words[2];
	int exception, ret;

	if (s->layout.models && is_old(s))
		forget(s);
	if (!s->task.wish.count || s->layout.models)
		return 0;
	for (int asked = 0; asked < QUESTIONS; asked++) {
		if (!sunspec_next(&s->walk, &q.addr))
			return walk_over(s, text);
		ret = line_exchange(w, s, &q, words, &exception, text);
		if (says_nothing(ret, exception)) {
			sunspec_silent(&s->walk);
			return ret;
		}
		sunspec_take(&s->walk, ret == 0 ? words : NULL);
	}
	return MODELS_GO_ON;
}

/* What was answered before should be; what never was may be missing in the device, and is no reason to look
 * again and again. */
static bool is_doubtful(const struct slot *s, uint64_t block)
{
	return s->models_read & block || worker_now() - s->walked_at > DOUBT_US;
}

static int exchange_there(struct worker *w, struct slot *s, const struct plan_block *b, uint16_t *words,
			  int *exception, char *text)
{
	uint64_t block = UINT64_C(1) << (b - s->layout.plan.blocks);
	struct plan_block there = *b;
	int ret;

	there.addr = sunspec_addr(&s->layout, b->addr);
	ret = line_exchange(w, s, &there, words, exception, text);
	if (ret == -LMS_EREFUSED && !says_nothing(ret, *exception) && is_doubtful(s, block))
		forget(s);
	if (ret == 0 && !sunspec_fits(&s->layout, b, words)) {
		snprintf(text, LINK_TEXT_MAX, "slave %d: the SunSpec model at %u is not there any more (it reads %u)",
			 s->task.addr.slave, there.addr, words[0]);
		forget(s);
		ret = -LMS_EPROTOCOL;
	}
	if (ret == 0)
		s->models_read |= block;
	return ret;
}

int models_exchange(struct worker *w, struct slot *s, const struct plan_block *b, uint16_t *words, int *exception,
		    char *text)
{
	return s->task.wish.count ? exchange_there(w, s, b, words, exception, text) :
				    line_exchange(w, s, b, words, exception, text);
}
