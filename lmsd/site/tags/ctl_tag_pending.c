/* site/tags/ctl_tag_pending.c - control handlers: tags that were shown, to be learned and accepted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/control/ctl_site_util.h"
#include "site/control/ctl_tag.h"
#include "site/tags/pending.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

/* ---- learning ---- */

static void put_shown(struct ctl_call *c, const struct shown_tag *e)
{
	struct ctl_shown_tag rec;

	ctl_record_clear(&ctl_nouns[CTL_NOUN_shown_tag], &rec);
	rec.seq = e->seq;
	rec.time = e->time;
	rec.uid = e->uid;
	rec.known = e->known;
	rec.holder = or_null(e->holder);
	rec.station = or_null(e->station);
	if (e->connector)
		rec.connector = e->connector;
	ctl_answer_item(c, &rec);
}

int ctl_tag_learn(struct ctl_call *c, const struct ctl_tag_learn_args *a)
{
	struct site *s = c->hall->site;
	size_t limit = ctl_page_limit(a->limit);
	/* What was shown before he came is not what he waits for. */
	int64_t after = tag_shown_last(s);
	const struct shown_tag *e;
	char seen[24];

	if (a->cursor && parse_int(a->cursor, 0, INT64_MAX - 1, &after, NULL))
		return diag_set(&c->diag, -LMS_EUSAGE, "cursor: '%.60s' is not of a page before", a->cursor);
	if (a->station && !site_station(s, a->station) && ctl_find_station(c, s->conf, a->station) < 0)
		return c->diag.err;
	if (tag_learn(s, a->station ? a->station : "", c->now))
		return diag_set(&c->diag, -LMS_ECONFLICT, "%d people learn tags already, each at another station",
				LEARNERS_MAX);
	ctl_answer_list(c);
	for (; limit > 0 && (e = tag_shown_next(s, after)); after = e->seq) {
		if (a->station && strcmp(e->station, a->station) != 0)
			continue;
		put_shown(c, e);
		limit--;
	}
	snprintf(seen, sizeof(seen), "%lld", (long long)after);
	return ctl_answer_log_end(c, seen, tag_shown_next(s, after) != NULL, false);
}

/* A reader at somebody's desk: the same as shown at a station, but that it starts nothing anyway. */
int ctl_tag_collect(struct ctl_call *c, const struct ctl_tag_collect_args *a)
{
	struct site *s = c->hall->site;
	struct ctl_shown_tag rec;
	char uid[ID_MAX + 1];
	const struct tag *t;

	if (tag_normalize(a->uid, uid))
		return diag_set(&c->diag, -LMS_EDATA, "tag '%.60s': is not a uid (letters, digits and ._@|*+=- only, at most "
				"%d)", a->uid, ID_MAX);
	tag_shown(s, uid, NULL, 0, c->now, c->wall, c->fx);
	t = site_tag(s, uid);
	ctl_record_clear(&ctl_nouns[CTL_NOUN_shown_tag], &rec);
	rec.time = c->wall;
	rec.uid = uid;
	rec.known = t != NULL;
	rec.holder = t ? t->k.holder : NULL;
	return ctl_answer_record(c, &rec);
}

/* ---- pending ones ---- */

/* The latest first; what is as late, by name: a page begins where the one before ended. */
static int by_last(const void *a, const void *b)
{
	const struct pending_tag *const *x = a, *const *y = b;

	if ((*x)->last != (*y)->last)
		return (*x)->last > (*y)->last ? -1 : 1;
	return strcmp((*x)->uid, (*y)->uid);
}

int ctl_tag_pending(struct ctl_call *c, const struct ctl_tag_pending_args *a)
{
	const struct pending_tag *list[PENDING_TAGS_MAX];
	size_t count = 0;

	(void)a;
	for (const struct pending_tag *p = pending_first(c->hall->site); p && count < ARRAY_LEN(list); p = p->hh.next)
		list[count++] = p;
	qsort(list, count, sizeof(list[0]), by_last);
	ctl_answer_list(c);
	for (size_t i = 0; i < count; i++) {
		struct ctl_pending_tag rec;

		ctl_record_clear(&ctl_nouns[CTL_NOUN_pending_tag], &rec);
		rec.uid = list[i]->uid;
		rec.count = list[i]->count;
		rec.station = or_null(list[i]->station);
		if (list[i]->connector)
			rec.connector = list[i]->connector;
		rec.first = list[i]->first;
		rec.last = list[i]->last;
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, NULL);
}

int ctl_tag_accept(struct ctl_call *c, const struct ctl_tag_accept_args *a)
{
	const char *names[PENDING_TAGS_MAX], *near;
	char uid[ID_MAX + 1] = "";
	size_t count = 0;

	if (tag_normalize(a->keys.uid, uid) == 0 && (pending_find(c->hall->site, uid) || site_tag(c->hall->site, uid)))
		return ctl_tag_edit(c, &a->keys, SITE_CREATE, a->dry_run);
	for (const struct pending_tag *p = pending_first(c->hall->site); p && count < ARRAY_LEN(names); p = p->hh.next)
		names[count++] = p->uid;
	near = text_nearest(a->keys.uid, names, count);
	return diag_set(&c->diag, -LMS_ENOTFOUND, "tag '%.60s' was not shown (%s%s%slmsctl tag pending; to add it all the "
			"same: lmsctl tag add)", a->keys.uid, near ? "did you mean '" : "", near ? near : "", near ? "'?; " : "");
}
