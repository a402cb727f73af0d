/* site/mail/compose.c - alerts as mails: one per recipient, with all that has to be told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/alert/alert.h"
#include "site/mail/mail_parts.h"

#define RECIPIENTS_MAX (ALERT_KINDS * MAIL_RECIPIENTS_MAX)

struct letter {
	struct buf body;
	size_t begun, over, left_out;
	const struct alert *first;
	int level;
};

static const char *const words[] = { "debug", "info", "notice", "WARNING", "ERROR" };

static void put_time(struct buf *b, const struct time_zone *tz, wall_t t)
{
	struct civil c;

	civil_from_wall(t, tz_offset_s(tz, t), &c);
	buf_printf(b, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

static void put_alert(const struct site *s, struct letter *l, const struct alert *a)
{
	bool over = a->until != WALL_NONE;

	if (!l->first)
		l->first = a;
	l->begun += !over;
	l->over += over;
	if (a->level > l->level && !over)
		l->level = a->level;
	if (l->begun + l->over > MAIL_LINES_MAX) {
		l->left_out++;
		return;
	}
	buf_printf(&l->body, "%-8s %s %s\n         ", over ? "over" : words[a->level], alert_kinds[a->kind].name, a->object);
	put_time(&l->body, &s->tz, a->since);
	if (over) {
		buf_puts(&l->body, " to ");
		put_time(&l->body, &s->tz, a->until);
	}
	buf_printf(&l->body, "\n         %s\n\n", a->text);
}

static bool is_for(const struct site *s, const struct alert *a, const char *address)
{
	const struct ctl_alert_rule_keys *k = alert_rule_keys(s, a->kind);
	char to[MAIL_ADDRESS_MAX + 1];

	for (size_t i = 0; k && mail_address_at(k->mail, i, to); i++)
		if (strcmp(to, address) == 0)
			return true;
	return false;
}

/* What is to be told: of all alerts, the oldest first. */
struct due {
	const struct alert **rows;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const struct alert *x = *(const struct alert *const *)a, *y = *(const struct alert *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static struct due collect(const struct site *s)
{
	struct due d = { .rows = xcalloc(alert_count(s) + 1, sizeof(*d.rows)) };

	for (const struct alert *a = alert_each(s, NULL); a; a = alert_each(s, a))
		if (a->mail_due)
			d.rows[d.count++] = a;
	qsort(d.rows, d.count, sizeof(*d.rows), compare);
	return d;
}

static void post(struct site *s, const struct due *due, const char *to, mono_t now, wall_t wall, struct effects *fx)
{
	const char *title = s->conf->site.title ? s->conf->site.title : "lms";
	struct letter l = { .level = 0 };
	char subject[160];

	buf_init(&l.body);
	buf_printf(&l.body, "%s\n\n", title);
	for (size_t i = 0; i < due->count; i++)
		if (is_for(s, due->rows[i], to))
			put_alert(s, &l, due->rows[i]);
	if (!l.first) {
		buf_fini(&l.body);
		return;
	}
	if (l.left_out)
		buf_printf(&l.body, "… and %zu more.\n\n", l.left_out);
	buf_puts(&l.body, "lmsctl alert list shows what is open; lmsctl alert ack NUMBER takes one in hand.\n");
	if (l.begun + l.over == 1)
		snprintf(subject, sizeof(subject), "%.60s: %s%s %s", title, l.over ? "over: " : "",
			 alert_kinds[l.first->kind].name, l.first->object);
	else
		snprintf(subject, sizeof(subject), "%.60s: %zu alert%s, %zu over", title, l.begun, l.begun == 1 ? "" : "s",
			 l.over);
	mail_new(s, to, subject, buf_take(&l.body, NULL), now, wall, fx);
}

/* Everybody who is to be told of anything now, each once. */
static size_t recipients(const struct site *s, char (*to)[MAIL_ADDRESS_MAX + 1])
{
	char one[MAIL_ADDRESS_MAX + 1];
	size_t count = 0;

	for (int kind = 0; kind < ALERT_KINDS; kind++) {
		const struct ctl_alert_rule_keys *k = alert_rule_keys(s, (enum alert_kind)kind);

		for (size_t i = 0; k && mail_address_at(k->mail, i, one); i++) {
			size_t at = 0;

			while (at < count && strcmp(to[at], one) != 0)
				at++;
			if (at == count && count < RECIPIENTS_MAX)
				memcpy(to[count++], one, sizeof(one));
		}
	}
	return count;
}

void mail_alerts(struct site *s, mono_t now, wall_t wall, struct effects *fx)
{
	struct mails *q = mails_of(s);
	char (*to)[MAIL_ADDRESS_MAX + 1];
	struct due due;
	size_t count;

	if (!alert_mail_is_due(s)) {
		q->tell_due = 0;
		return;
	}
	if (!q->tell_due) {
		q->tell_due = now + MAIL_GATHER_US;
		if (q->told_last && q->told_last + MAIL_GAP_US > q->tell_due)
			q->tell_due = q->told_last + MAIL_GAP_US;
	}
	if (now < q->tell_due)
		return;
	to = xcalloc(RECIPIENTS_MAX, sizeof(*to));
	count = recipients(s, to);
	due = collect(s);
	for (size_t i = 0; i < count; i++)
		post(s, &due, to[i], now, wall, fx);
	free(due.rows);
	free(to);
	alert_mailed(s, fx);
	q->tell_due = 0;
	q->told_last = now;
}
