/* modbus/turns.c - whose turn it is on a bus, when, and with which block of registers. No clock, no I/O. */
#include "modbus/worker_parts.h"

#define BACK_OFF_MAX_US (60 * US_PER_S)

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

struct slot *turns_next(struct worker *w, mono_t now, mono_t *due)
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

int64_t turns_back_off(const struct slot *s, int fails, int64_t max)
{
	int64_t pause = fails * s->task.retry_us;

	return pause < max ? pause : max;
}

void turns_answered(struct slot *s, mono_t now)
{
	s->fails = 0;
	s->answered_at = now;
	s->due += s->task.poll_us;
	if (s->due <= now)	/* too slow: go on at the next beat, what was missed is missed */
		s->due = now + s->task.poll_us - (now - s->due) % s->task.poll_us;
}

void turns_missed(struct worker *w, struct slot *s, mono_t now)
{
	s->fails++;
	s->identified = false;
	s->due = now +
		 turns_back_off(s, s->fails, w->slot_count > 1 ? BACK_OFF_MAX_US : BACK_OFF_ALONE_US);
}

/* The next of the wanted blocks. On a serial line only the slave, the function and the length tell what an answer
 * belongs to, and gateways hand on what comes: neighbours differ in length, after a miss too, if need be by reading
 * another slow block in between. -1 when all wanted ones are read. */
int turns_block(const struct slot *s, const bool *wanted, const bool *done)
{
	const struct meter_plan *plan = models_plan(s);
	int first = -1, extra = -1;

	for (int i = plan->count - 1; i >= 0; i--) {
		bool differs = !line_same_shape(&s->asked, &plan->blocks[i]);

		if (done[i])
			continue;
		if (wanted[i] && (first < 0 || differs || line_same_shape(&s->asked, &plan->blocks[first])))
			first = i;
		else if (!wanted[i] && differs)
			extra = i;
	}
	if (first >= 0 && extra >= 0 && line_same_shape(&s->asked, &plan->blocks[first]))
		return extra;
	return first;
}
