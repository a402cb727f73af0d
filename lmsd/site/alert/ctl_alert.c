/* site/alert/ctl_alert.c - control handlers: alerts and their rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "site/alert/alert.h"
#include "site/control/ctl_site_util.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static void fill(const struct alert *a, struct ctl_alert *out)
{
	ctl_record_clear(&ctl_nouns[CTL_NOUN_alert], out);
	out->id = (int64_t)a->id;
	out->alert = alert_kinds[a->kind].name;
	out->severity = log_level_name(a->level);
	out->subject = alert_kinds[a->kind].subject;
	out->object = or_null(a->object);
	out->state = a->until != WALL_NONE ? "over" : a->acked != WALL_NONE ? "acknowledged" : "open";
	out->since = a->since;
	out->until = a->until;
	out->text = or_null(a->text);
	out->acknowledged = a->acked;
	out->by = or_null(a->acked_by);
	out->note = or_null(a->note);
}

static int no_such_kind(struct ctl_call *c, const char *name)
{
	const char *names[ALERT_KINDS];

	for (int i = 0; i < ALERT_KINDS; i++)
		names[i] = alert_kinds[i].name;
	return ctl_not_found(c, "alert_rule", name, names, ALERT_KINDS);
}

int ctl_alert_list(struct ctl_call *c, const struct ctl_alert_list_args *a)
{
	const struct site *s = c->hall->site;
	size_t limit = ctl_page_limit(a->limit);
	uint64_t after = a->cursor ? strtoull(a->cursor, NULL, 10) : 0, last = after;
	int kind = a->alert ? alert_kind_find(a->alert) : -1;
	struct ctl_alert rec;
	char next[24] = "";

	if (a->alert && kind < 0)
		return no_such_kind(c, a->alert);
	ctl_answer_list(c);
	for (const struct alert *r = alert_next(s, after, a->all == 1); r; r = alert_next(s, r->id, a->all == 1)) {
		if ((kind >= 0 && (int)r->kind != kind) || (a->object && strcmp(r->object, a->object) != 0))
			continue;
		if (limit-- == 0) {
			snprintf(next, sizeof(next), "%llu", (unsigned long long)last);
			break;
		}
		last = r->id;
		fill(r, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, *next ? next : NULL);
}

static int answer(struct ctl_call *c, int64_t id)
{
	const struct alert *a = id > 0 ? alert_find(c->hall->site, (uint64_t)id) : NULL;
	struct ctl_alert rec;

	if (!a)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "alert %lld: does not exist (lmsctl alert list all=yes)", (long long)id);
	fill(a, &rec);
	return ctl_answer_record(c, &rec);
}

int ctl_alert_show(struct ctl_call *c, const struct ctl_alert_show_args *a)
{
	return answer(c, a->id);
}

int ctl_alert_ack(struct ctl_call *c, const struct ctl_alert_ack_args *a)
{
	char by[40];
	int ret;

	snprintf(by, sizeof(by), "uid %u", c->uid);
	ret = alert_ack(c->hall->site, a->id > 0 ? (uint64_t)a->id : 0, by, a->note, c->wall, c->fx, &c->diag);
	return ret ? ret : answer(c, a->id);
}

/* ---- rules ---- */

static void fill_rule(const struct site *s, enum alert_kind kind, struct ctl_alert_rule *out)
{
	struct alert_rule r;

	alert_rule(s, kind, &r);
	ctl_record_clear(&ctl_nouns[CTL_NOUN_alert_rule], out);
	out->keys.alert = alert_kinds[kind].name;
	out->keys.on = !r.off;
	out->keys.severity = log_level_name(r.level);
	out->keys.delay_ms = r.delay_us / US_PER_MS;
	out->keys.repeat_ms = r.repeat_us / US_PER_MS;
	out->subject = alert_kinds[kind].subject;
	out->meaning = alert_kinds[kind].text;
}

int ctl_alert_rule_list(struct ctl_call *c, const struct ctl_alert_rule_list_args *a)
{
	size_t limit = ctl_page_limit(a->limit);
	struct ctl_alert_rule rec;
	int i = a->cursor ? alert_kind_find(a->cursor) + 1 : 0;

	ctl_answer_list(c);
	for (; i < ALERT_KINDS && limit > 0; i++, limit--) {
		fill_rule(c->hall->site, (enum alert_kind)i, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, i < ALERT_KINDS ? alert_kinds[i - 1].name : NULL);
}

static int answer_rule(struct ctl_call *c, const char *name)
{
	int kind = alert_kind_find(name);
	struct ctl_alert_rule rec;

	if (kind < 0)
		return no_such_kind(c, name);
	fill_rule(c->hall->site, (enum alert_kind)kind, &rec);
	return ctl_answer_record(c, &rec);
}

int ctl_alert_rule_show(struct ctl_call *c, const struct ctl_alert_rule_show_args *a)
{
	return answer_rule(c, a->alert);
}

int ctl_alert_rule_set(struct ctl_call *c, const struct ctl_alert_rule_set_args *a)
{
	int kind = alert_kind_find(a->keys.alert), ret;

	if (kind < 0)
		return no_such_kind(c, a->keys.alert);
	ret = alert_rule_set(c->hall->site, (enum alert_kind)kind, &a->keys, c->fx, &c->diag);
	return ret ? ret : answer_rule(c, a->keys.alert);
}
