/* site/control/ctl_grid.c - control handlers: the grid signal, what it means and what it has done. */
#include <stdio.h>

#include "base/period.h"
#include "base/text.h"
#include "site/control/ctl_site_util.h"
#include "site/outer/grid.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

int ctl_grid_show(struct ctl_call *c, const struct ctl_grid_show_args *a)
{
	const struct site *s = c->hall->site;
	const struct signal *g = site_grid_signal(s);
	const struct hearing *h = &s->grid_heard;
	struct ctl_grid rec;

	(void)a;
	ctl_record_clear(&ctl_nouns[CTL_NOUN_grid], &rec);
	rec.state = grid_state_name(site_grid_state(s));
	rec.by = or_null(g->by);
	rec.since = g->since;
	if (g->until != MONO_NEVER)
		rec.until = (c->wall + (g->until - c->now) + US_PER_S / 2) / US_PER_S * US_PER_S;
	rec.age_ms = (c->now - g->told_at) / US_PER_MS;
	rec.sure = site_grid_is_sure(s);
	rec.from = s->conf->site.grid_from ? s->conf->site.grid_from : "command";
	if (s->conf->grid_way) {
		rec.beside = or_null(s->grid.state);
		rec.heard = h->at;
		rec.raw = or_null(h->raw);
		rec.error = or_null(h->error);
	}
	return ctl_answer_record(c, &rec);
}

static const struct grid_change *next_within(const struct site *s, uint64_t after, const struct period *period)
{
	const struct grid_change *g;

	while ((g = site_grid_next_change(s, after)) && (g->time < period->from || g->time >= period->until))
		after = g->seq;
	return g;
}

int ctl_grid_log(struct ctl_call *c, const struct ctl_grid_log_args *a)
{
	const struct site *s = c->hall->site;
	struct period period = { INT64_MIN, INT64_MAX };
	const struct grid_change *g;
	size_t limit = ctl_page_limit(a->limit), skip = 0;
	uint64_t after = 0;
	char next[24];
	int64_t cursor;

	if (a->period && period_parse(a->period, &s->tz, c->wall, &period, &c->diag))
		return c->diag.err;

	if (a->cursor) {
		if (parse_int(a->cursor, 0, INT64_MAX, &cursor, NULL))
			return diag_set(&c->diag, -LMS_EUSAGE, "cursor: '%.60s' is not of a page before", a->cursor);
		after = (uint64_t)cursor;
	} else if (!a->period) {	/* the latest */
		while ((g = site_grid_next_change(s, after)) && (after = g->seq))
			skip++;
		for (after = 0; skip > limit && (g = site_grid_next_change(s, after)); skip--)
			after = g->seq;
	}
	ctl_answer_list(c);
	for (; limit > 0 && (g = next_within(s, after, &period)); limit--) {
		struct ctl_grid rec;

		ctl_record_clear(&ctl_nouns[CTL_NOUN_grid], &rec);
		rec.seq = (int64_t)g->seq;
		rec.since = g->time;
		rec.state = or_null(g->state);
		rec.by = or_null(g->by);
		rec.zone = or_null(g->zone);
		rec.before_ma = g->before;
		rec.after_ma = g->after;
		rec.sessions_before = g->sessions_before ? g->sessions_before : NUM_NONE;
		rec.sessions_after = g->sessions_after ? g->sessions_after : NUM_NONE;
		ctl_answer_item(c, &rec);
		after = g->seq;
	}
	snprintf(next, sizeof(next), "%llu", (unsigned long long)after);
	return ctl_answer_list_end(c, next_within(s, after, &period) ? next : NULL);
}

