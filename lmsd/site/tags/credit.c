/* site/tags/credit.c - energy that a tag may still charge. */
#include "site/tags/credit.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "site/ledger/ledger.h"
#include "site/tag.h"

#define S_PER_DAY INT64_C(86400)

/* ---- recharges ---- */

enum period { PERIOD_DAYS, PERIOD_WEEK, PERIOD_MONTH };

static bool period_parse(const char *text, enum period *period, int64_t *days)
{
	size_t len = strlen(text);
	char number[8];

	*days = 1;
	*period = strcmp(text, "week") == 0 ? PERIOD_WEEK : strcmp(text, "month") == 0 ? PERIOD_MONTH : PERIOD_DAYS;
	if (*period != PERIOD_DAYS || strcmp(text, "day") == 0)
		return true;
	if (len < 2 || len > 4 || text[len - 1] != 'd')
		return false;
	memcpy(number, text, len - 1);
	number[len - 1] = '\0';
	return parse_int(number, 1, 366, days, NULL) == 0;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days since 1970 on the site's calendar: they change at its midnight, however long the day is. */
static int64_t day_of(const struct site *s, wall_t wall)
{
	return floor_div(floor_div(wall, US_PER_S) + tz_offset_s(&s->tz, wall), S_PER_DAY);
}

static int64_t month_of(int64_t day)
{
	struct civil c;

	civil_from_wall(day * S_PER_DAY * US_PER_S, 0, &c);
	return c.year * INT64_C(12) + c.month;
}

/* How many recharges lie between the day up to which they are booked and today; *day: that they are booked
 * up to then. */
static int64_t recharges_due(const struct site *s, const struct tag *t, wall_t wall, int64_t *day)
{
	int64_t today = day_of(s, wall), since = t->recharge_day, days, count;
	enum period period;

	*day = since;
	if (t->k.recharge_wh == NUM_NONE || !t->k.every || t->k.credit_wh == NUM_NONE || since == NUM_NONE ||
	    !period_parse(t->k.every, &period, &days))
		return 0;
	/* The clock was far ahead, and is right again. */
	if (since > today + 2)
		*day = today;
	if (today <= since)
		return 0;
	/* 1970-01-01 was a Thursday. */
	count = period == PERIOD_MONTH ? month_of(today) - month_of(since) :
		period == PERIOD_WEEK  ? floor_div(today + 3, 7) - floor_div(since + 3, 7) :
					 (today - since) / days;
	if (count > 0)
		*day = period == PERIOD_DAYS ? since + count * days : today;
	return count;
}

/* What `count` of them add: never above the cap, and never less than nothing. */
static int64_t recharge_gain(const struct tag *t, int64_t has_wh, int64_t count)
{
	int64_t cap = t->k.credit_max_wh == NUM_NONE ? CREDIT_MOST_WH : t->k.credit_max_wh;

	if (count <= 0 || has_wh >= cap)
		return 0;
	/* No sum of them can overflow: count is at most some hundred thousand days. */
	return has_wh + count * t->k.recharge_wh > cap ? cap - has_wh : count * t->k.recharge_wh;
}

void credit_begin_recharge(const struct site *s, struct tag *t, wall_t wall)
{
	t->recharge_day = wall == WALL_NONE ? NUM_NONE : day_of(s, wall);
}

/* ---- what it has ---- */

int64_t credit_now(const struct site *s, const struct tag *t, wall_t wall)
{
	int64_t has = t->k.credit_wh, day;

	if (has == NUM_NONE)
		return NUM_NONE;
	has -= t->pending_wh;
	return wall == WALL_NONE ? has : has + recharge_gain(t, has, recharges_due(s, t, wall, &day));
}

static void write_row(struct site *s, const struct tag *t, const struct credit_row *row, wall_t wall, struct effects *fx)
{
	struct json_writer w;
	char key[ID_MAX + 16], next[40];
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "seq", ++s->credit_seq);
	jw_kint(&w, "time", wall);
	jw_kstr(&w, "cause", row->cause);
	if (row->change_wh != NUM_NONE)
		jw_kint(&w, "change_wh", row->change_wh);
	if (t->k.credit_wh != NUM_NONE)
		jw_kint(&w, "credit_wh", t->k.credit_wh);
	if (row->tx)
		jw_kint(&w, "transaction", row->tx);
	if (row->by)
		jw_kstr(&w, "by", row->by);
	if (row->text)
		jw_kstr(&w, "text", row->text);
	jw_object_end(&w);
	snprintf(key, sizeof(key), "%s/%012lld", t->k.uid, (long long)s->credit_seq);
	fx_put(fx, STORE_CREDIT, key, b.data, b.len);
	buf_fini(&b);
	/* Numbers go on after a deleted tag has come back: its rows of before stay. */
	snprintf(next, sizeof(next), "{\"next_id\":%lld}", (long long)s->credit_seq + 1);
	fx_put(fx, STORE_META, "credit", next, strlen(next));
}

/* Raised once when it is used up: whoever charges with it is stopped. */
static void look(struct site *s, struct tag *t)
{
	bool out = t->k.credit_wh != NUM_NONE && t->k.credit_wh - t->pending_wh < 0;

	if (out && !t->credit_out) {
		log_lmsd(WARNING, "credit_used_up", "tag=%s credit_wh=%lld", t->k.uid,
			 (long long)(t->k.credit_wh - t->pending_wh));
		s->credit_out = true;
		s->credit_look_at = 0;
	} else if (!out && t->credit_out) {
		log_lmsd(NOTICE, "credit_again", "tag=%s", t->k.uid);
	}
	t->credit_out = out;
}

void credit_settle(struct site *s, struct tag *t, wall_t wall, struct effects *fx)
{
	int64_t day, count, gain;
	char text[60];

	if (wall == WALL_NONE || t->k.credit_wh == NUM_NONE || t->recharge_day == NUM_NONE)
		return;
	count = recharges_due(s, t, wall, &day);
	if (day == t->recharge_day)
		return;
	gain = recharge_gain(t, t->k.credit_wh - t->pending_wh, count);
	t->recharge_day = day;
	t->k.credit_wh += gain;
	snprintf(text, sizeof(text), "%lld of %lld Wh", (long long)count, (long long)t->k.recharge_wh);
	if (gain)
		write_row(s, t, &(struct credit_row){ .cause = "recharge", .change_wh = gain, .text = text }, wall, fx);
	tag_store(t, fx);
	look(s, t);
}

void credit_put(struct site *s, struct tag *t, int64_t credit_wh, const char *cause, const char *by, const char *text,
		wall_t wall, struct effects *fx)
{
	int64_t before = t->k.credit_wh, after = credit_wh == NUM_NONE ? NUM_NONE : credit_wh + t->pending_wh;
	struct credit_row row = { .cause = cause, .by = by, .text = text,
				  .change_wh = before == NUM_NONE || after == NUM_NONE ? NUM_NONE : after - before };

	if (before == after)
		return;
	t->k.credit_wh = after;
	write_row(s, t, &row, wall, fx);
	look(s, t);
}

/* ---- the ledger ---- */

/* What a transaction costs: nothing where charging is free, or where its register cannot be right. */
static int64_t charge_of(const struct site *s, const struct tx *tx, wall_t wall)
{
	if (tx->free || tx->implausible || (tx->stop == WALL_NONE && wall != WALL_NONE && tx_is_impossible(s, tx, wall)))
		return 0;
	return tx->energy_wh;
}

static void set_pending(struct tag *t, struct tx *tx, int64_t pending_wh)
{
	if (t)
		t->pending_wh += pending_wh - tx->pending_wh;
	tx->pending_wh = pending_wh;
}

void credit_follow(struct site *s, struct tx *tx, wall_t wall, struct effects *fx)
{
	struct tag *t = site_tag(s, tx->tag);

	if (t && fx)
		credit_settle(s, t, wall, fx);
	set_pending(t, tx, charge_of(s, tx, wall) - tx->credit_wh);
	if (t)
		look(s, t);
}

void credit_book(struct site *s, struct tx *tx, wall_t wall, struct effects *fx)
{
	int64_t charge = charge_of(s, tx, wall), more = charge - tx->credit_wh;
	struct tag *t = site_tag(s, tx->tag);
	struct credit_row row = { .cause = tx->credit_wh ? "correction" : "transaction", .change_wh = -more, .tx = tx->id };

	if (t)
		credit_settle(s, t, wall, fx);
	set_pending(t, tx, 0);
	tx->credit_wh = charge;
	if (!t || more == 0)
		return;
	if (t->k.credit_wh != NUM_NONE) {
		t->k.credit_wh -= more;
		write_row(s, t, &row, wall, fx);
		tag_store(t, fx);
	}
	look(s, t);
}

int64_t credit_pending(const struct site *s, const char *uid)
{
	int64_t sum = 0;

	for (const struct tx *tx = s->running; tx; tx = tx->hh.next)
		if (strcmp(tx->tag, uid) == 0)
			sum += tx->pending_wh;
	return sum;
}

/* ---- keys ---- */

int credit_check(const struct ctl_tag_keys *k, struct diag *diag)
{
	enum period period;
	int64_t days;

	if (k->every && !period_parse(k->every, &period, &days))
		return diag_set(diag, -LMS_EDATA, "tag %s: every: '%.60s' is not a period (write day, week, month, or a number "
				"of days such as 7d)", k->uid, k->every);
	if (k->recharge_wh != NUM_NONE && !k->every)
		return diag_set(diag, -LMS_EDATA, "tag %s: recharge: needs a period (every=month)", k->uid);
	if (k->every && k->recharge_wh == NUM_NONE)
		return diag_set(diag, -LMS_EDATA, "tag %s: every: needs an energy (recharge=20kWh)", k->uid);
	if (k->recharge_wh != NUM_NONE && k->credit_wh == NUM_NONE)
		return diag_set(diag, -LMS_EDATA, "tag %s: recharge: its credit is unlimited (credit=0, or what it begins with)",
				k->uid);
	if (k->credit_max_wh != NUM_NONE && k->recharge_wh == NUM_NONE)
		return diag_set(diag, -LMS_EDATA, "tag %s: credit_max: is for recharges, and there are none (recharge=20kWh "
				"every=month)", k->uid);
	return 0;
}
