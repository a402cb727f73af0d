/* site/control/ctl_event.c - control handler: the latest events. */
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "site/control/ctl_site_util.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

int ctl_event_list(struct ctl_call *c, const struct ctl_event_list_args *a)
{
	const struct event_ring *ring = c->hall->site->events;
	size_t limit = ctl_page_limit(a->limit);
	uint64_t after = event_ring_last(ring) > limit ? event_ring_last(ring) - limit : 0;
	const struct site_event *e;
	char next[24];
	bool lagged = false;
	int64_t cursor;

	if (a->cursor) {
		int ret = parse_int(a->cursor, 0, INT64_MAX, &cursor, NULL);

		if (ret)
			return diag_set(&c->diag, -LMS_EUSAGE,
					"cursor: '%.60s' is not of a page before", a->cursor);
		after = (uint64_t)cursor;
		e = event_ring_next(ring, after);
		lagged = e != NULL && e->seq > after + 1;
	}
	ctl_answer_list(c);
	for (; limit > 0 && (e = event_ring_next(ring, after)); limit--) {
		struct ctl_event rec = { .seq = (int64_t)e->seq,
					.time = e->time,
					.subject = or_null(e->subject),
					.object = or_null(e->object),
					.event = or_null(e->event),
					.text = or_null(e->text)};

		rec.level = log_level_name(e->level);
		ctl_answer_item(c, &rec);
		after = e->seq;
	}
	snprintf(next, sizeof(next), "%llu", (unsigned long long)after);
	return ctl_answer_log_end(c, next, event_ring_next(ring, after) != NULL, lagged);
}
