/* site/events.c - the latest events, for people: a ring that overwrites the oldest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/site.h"

struct event_ring {
	size_t size;
	uint64_t last;              /* seq of the newest, 0 = none yet */
	struct site_event events[]; /* seq at seq % size */
};

struct event_ring *event_ring_new(size_t count)
{
	struct event_ring *r = xcalloc(1, sizeof(*r) + count * sizeof(r->events[0]));

	r->size = count;
	return r;
}

void event_ring_free(struct event_ring *r)
{
	free(r);
}

void event_ring_add(struct event_ring *r, wall_t time, int level, const char *subject,
		    const char *object, const char *event, const char *text)
{
	struct site_event *e = &r->events[++r->last % r->size];

	e->seq = r->last;
	e->time = time;
	e->level = level;
	snprintf(e->subject, sizeof(e->subject), "%s", subject ? subject : "");
	snprintf(e->object, sizeof(e->object), "%s", object ? object : "");
	snprintf(e->event, sizeof(e->event), "%s", event ? event : "");
	snprintf(e->text, sizeof(e->text), "%s", text ? text : "");
}

uint64_t event_ring_last(const struct event_ring *r)
{
	return r->last;
}

const struct site_event *event_ring_next(const struct event_ring *r, uint64_t after)
{
	uint64_t oldest = r->last > r->size ? r->last - r->size + 1 : 1;
	uint64_t seq = after < oldest ? oldest : after + 1;

	return seq > r->last || seq == 0 ? NULL : &r->events[seq % r->size];
}
