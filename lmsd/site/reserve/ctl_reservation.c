/* site/reserve/ctl_reservation.c - control handlers: which reservations there are. */
#include <stdio.h>
#include <stdlib.h>

#include "site/control/ctl_site_util.h"
#include "site/reserve/reservation.h"

static void fill(const struct reservation *r, struct ctl_reservation *out)
{
	static const char *const states[] = { "asked", "held", "cancelling" };

	ctl_record_clear(&ctl_nouns[CTL_NOUN_reservation], out);
	out->id = r->id;
	out->station = r->station;
	out->connector = r->connector;
	out->tag = r->tag;
	out->group = *r->group ? r->group : NULL;
	out->state = states[r->state];
	out->expires = r->expires;
	out->created = r->created;
}

int ctl_reservation_list(struct ctl_call *c, const struct ctl_reservation_list_args *a)
{
	const struct site *s = c->hall->site;
	int64_t after = a->cursor ? strtoll(a->cursor, NULL, 10) : 0;
	size_t limit = ctl_page_limit(a->limit);
	struct ctl_reservation rec;
	char next[16] = "";
	int64_t last = after;

	if (a->station && ctl_find_station(c, s->conf, a->station) < 0)
		return c->diag.err;
	ctl_answer_list(c);
	for (const struct reservation *r = s->reservations; r; r = r->next) {
		if (r->id <= after || (a->station && strcmp(r->station, a->station) != 0))
			continue;
		if (limit-- == 0) {
			snprintf(next, sizeof(next), "%lld", (long long)last);
			break;
		}
		last = r->id;
		fill(r, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, *next ? next : NULL);
}

int ctl_reservation_show(struct ctl_call *c, const struct ctl_reservation_show_args *a)
{
	const struct reservation *r = site_reservation(c->hall->site, a->id);
	struct ctl_reservation rec;

	if (!r)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "reservation %lld: does not exist (reservation list shows all)",
				(long long)a->id);
	fill(r, &rec);
	return ctl_answer_record(c, &rec);
}
