/* site/control/ctl_transfer.c - control handlers: what stations fetch and send, live. */
#include <string.h>

#include "site/control/ctl_site_util.h"
#include "site/transfer.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static void write_record(struct ctl_call *c, const struct station *st, enum transfer_kind kind,
			 struct ctl_transfer *out)
{
	const struct transfer *t = st->transfer[kind];
	bool lapsed = transfer_lapsed(t, c->wall);
	char id[TRANSFER_ID_MAX];

	ctl_record_clear(&ctl_nouns[CTL_NOUN_transfer], out);
	out->id = arena_strdup(c->arena, transfer_id(st, kind, id));
	out->station = st->id;
	out->what = t->what;
	out->state = lapsed ? "failed" : transfer_state_text(t);
	out->status = lapsed ? "Expired" : or_null(t->status);
	out->time = t->at;
	out->begun = t->begun;
	out->request = t->job ? t->job : NUM_NONE;
	out->file = or_null(t->file);
	out->before = or_null(t->before);
	out->firmware = kind == TRANSFER_FIRMWARE ? or_null(st->firmware) : NULL;
}

/* Of the registered stations by id, from the one behind the cursor on; a page never ends within a station. */
int ctl_transfer_list(struct ctl_call *c, const struct ctl_transfer_list_args *a)
{
	struct site *s = c->hall->site;
	size_t limit = ctl_page_limit(a->limit);
	const char *last = NULL, *next = NULL;
	struct ctl_transfer rec;

	if (a->station && ctl_find_station(c, s->conf, a->station) < 0)
		return c->diag.err;
	ctl_answer_list(c);
	for (size_t i = 0; i < s->conf->station_count && !next; i++) {
		const struct station *st = site_station(s, s->conf->stations[i].k.id);

		if ((a->cursor && strcmp(st->id, a->cursor) <= 0) || (a->station && strcmp(st->id, a->station) != 0))
			continue;
		for (int k = 0; k < TRANSFER_KINDS; k++) {
			if (!st->transfer[k])
				continue;
			if (limit == 0) {
				next = last;
				break;
			}
			write_record(c, st, (enum transfer_kind)k, &rec);
			ctl_answer_item(c, &rec);
		}
		if (st->transfer[0] || st->transfer[1])
			limit -= limit > 0;
		last = st->id;
	}
	return ctl_answer_list_end(c, next);
}

int ctl_transfer_show(struct ctl_call *c, const struct ctl_transfer_show_args *a)
{
	const struct transfer *t = transfer_by_id(c->hall->site, a->id);
	const struct station *st;
	struct ctl_transfer rec;

	if (!t)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "transfer '%.70s' is not known (write STATION/firmware or "
				"STATION/upload; lmsctl transfer list)", a->id);
	st = site_station(c->hall->site, arena_strndup(c->arena, a->id, strcspn(a->id, "/")));
	write_record(c, st, t == st->transfer[TRANSFER_FIRMWARE] ? TRANSFER_FIRMWARE : TRANSFER_UPLOAD, &rec);
	return ctl_answer_record(c, &rec);
}
