/* ocpp/frames/ctl_station_messages.c - control handler: the latest OCPP frames. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "hall.h"
#include "ocpp/frames/frame_log.h"

#define PAGE_DEFAULT 200
#define PAGE_MAX 1000

#define STATIONS_MAX 64

struct filter {
	size_t count;		/* 0 = all */
	struct { const char *name; size_t len; uint32_t hash; } of[STATIONS_MAX];
};

/* "CP1,CP2" */
static int read_filter(struct ctl_call *c, const char *list, struct filter *f)
{
	f->count = 0;
	for (const char *p = list ? list : ""; *p; p += *p == ',') {
		size_t len = strcspn(p, ",");

		if (len && f->count == STATIONS_MAX)
			return diag_set(&c->diag, -LMS_ERANGE, "id: more than %d stations (leave it out for all)",
					STATIONS_MAX);
		if (len) {
			f->of[f->count].name = p;
			f->of[f->count].len = len;
			f->of[f->count++].hash = frame_log_hash(p, len);
		}
		p += len;
	}
	return 0;
}

static bool wanted(const struct frame_log *l, const struct filter *f, uint64_t seq)
{
	uint32_t station = f->count ? frame_log_station(l, seq) : 0;
	struct frame_seen frame;

	for (size_t i = 0; i < f->count; i++) {
		if (f->of[i].hash == station && frame_log_get(l, seq, &frame) && frame.station_len == f->of[i].len &&
		    memcmp(frame.station, f->of[i].name, f->of[i].len) == 0)
			return true;
	}
	return f->count == 0;
}

/* The first of the latest `count` that are wanted. */
static uint64_t latest(const struct frame_log *l, const struct filter *f, int64_t count)
{
	uint64_t seq = frame_log_last(l) + 1;

	while (count > 0 && seq > frame_log_first(l)) {
		seq--;
		count -= wanted(l, f, seq);
	}
	return seq;
}

static int begin(struct ctl_call *c, const struct ctl_station_messages_args *a, const struct filter *filter,
		 size_t limit, uint64_t *seq, bool *lagged)
{
	const struct frame_log *l = c->hall->frames;
	int64_t cursor;

	if (a->last != NUM_NONE && a->last < 1)
		return diag_set(&c->diag, -LMS_ERANGE, "last: must be at least 1");
	if (a->last != NUM_NONE && a->since != WALL_NONE)
		return diag_set(&c->diag, -LMS_EUSAGE, "last: not together with since (leave one of them out)");
	if (a->cursor) {
		if (parse_int(a->cursor, 0, INT64_MAX - 1, &cursor, NULL))
			return diag_set(&c->diag, -LMS_EUSAGE, "cursor: '%.60s' is not of a page before", a->cursor);
		*seq = (uint64_t)cursor + 1;
		*lagged = *seq < frame_log_first(l);
		if (*lagged)
			*seq = frame_log_first(l);
	} else if (a->since != WALL_NONE) {
		*seq = frame_log_since(l, a->since);
	} else {
		*seq = latest(l, filter, a->last != NUM_NONE ? a->last : (int64_t)limit);
	}
	return 0;
}

static void put(struct ctl_call *c, const struct frame_seen *f)
{
	struct ctl_message rec = { .seq = (int64_t)f->seq, .time = f->time, .bytes = (int64_t)f->len,
				   .direction = f->in ? "in" : "out",
				   .station = arena_strndup(c->arena, f->station, f->station_len) };
	struct buf text;

	buf_init(&text);
	frame_mask(&text, f->text, f->kept);
	rec.text = buf_cstr(&text);
	ctl_answer_item(c, &rec);
	buf_fini(&text);
}

int ctl_station_messages(struct ctl_call *c, const struct ctl_station_messages_args *a)
{
	const struct frame_log *l = c->hall->frames;
	size_t limit = a->limit == NUM_NONE || a->limit < 1 ? PAGE_DEFAULT
			       : a->limit > PAGE_MAX ? PAGE_MAX : (size_t)a->limit;
	bool lagged = false;
	struct filter filter;
	struct frame_seen f;
	char seen[24];
	uint64_t seq = 0;
	int ret = read_filter(c, a->id, &filter);

	if (ret == 0)
		ret = begin(c, a, &filter, limit, &seq, &lagged);
	if (ret)
		return ret;
	ctl_answer_list(c);
	for (; limit > 0 && seq <= frame_log_last(l); seq++) {
		if (!wanted(l, &filter, seq) || !frame_log_get(l, seq, &f))
			continue;
		put(c, &f);
		limit--;
	}
	snprintf(seen, sizeof(seen), "%llu", (unsigned long long)(seq - 1));
	return ctl_answer_log_end(c, seen, seq <= frame_log_last(l), lagged);
}
