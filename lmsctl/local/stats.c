/* local/stats.c - `transaction stats`: sums of the transactions of a period. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/local/ledger.h"
#include "lmsctl/output.h"

#define uthash_fatal(msg) lms_assert_failed(msg, __FILE__, __LINE__)
#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

struct sum {
	UT_hash_handle hh;		/* by of */
	char of[ID_MAX + 1], name[120], currency[4];
	int64_t sessions, running, energy_wh, duration_ms, cost_e2;
	bool mixed;			/* currencies differ: there is no sum */
};

struct stats {
	struct ledger ledger;
	const char *by;
	struct sum *sums;
};

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static const char *key_of(const struct stats *s, const struct ctl_transaction *t, const char **name)
{
	*name = "";
	if (strcmp(s->by, "zone") == 0)
		return or_empty(t->zone);
	if (strcmp(s->by, "group") == 0)
		return or_empty(t->group);
	if (strcmp(s->by, "station") == 0) {
		*name = or_empty(t->station_title);
		return or_empty(t->station);
	}
	if (strcmp(s->by, "tag") == 0) {
		*name = t->holder ? t->holder : or_empty(t->comment);
		return or_empty(t->tag);
	}
	return "all";
}

static struct sum *sum_of(struct stats *s, const char *key, const char *name)
{
	struct sum *u;

	HASH_FIND_STR(s->sums, key, u);
	if (u)
		return u;
	u = xcalloc(1, sizeof(*u));
	snprintf(u->of, sizeof(u->of), "%s", key);
	/* The newest transaction comes first: the name is the latest. */
	snprintf(u->name, sizeof(u->name), "%s", name);
	HASH_ADD_STR(s->sums, of, u);
	return u;
}

static void add_cost(struct sum *u, const struct ctl_transaction *t)
{
	int64_t e2 = ledger_decimal(t->cost, 2);

	if (e2 == NUM_NONE)
		return;
	if (!*u->currency)
		snprintf(u->currency, sizeof(u->currency), "%s", or_empty(t->currency));
	u->mixed |= strcmp(u->currency, or_empty(t->currency)) != 0;
	u->cost_e2 += e2;
}

static int add(void *ctx, const struct ctl_transaction *t)
{
	struct stats *s = ctx;
	const char *name, *key = key_of(s, t, &name);
	struct sum *u = sum_of(s, key, name);

	u->sessions++;
	u->running += t->stop == WALL_NONE;
	u->energy_wh += t->energy_wh == NUM_NONE ? 0 : t->energy_wh;
	u->duration_ms += t->duration_ms == NUM_NONE ? 0 : t->duration_ms;
	add_cost(u, t);
	return 0;
}

static int by_energy(const struct sum *a, const struct sum *b)
{
	if (a->energy_wh != b->energy_wh)
		return a->energy_wh < b->energy_wh ? 1 : -1;
	return strcmp(a->of, b->of);
}

static int put(struct rows *rows, struct lmsctl *l, const struct sum *u)
{
	struct ctl_usage r;
	struct json_writer w;
	char cost[32];
	struct buf b;
	int ret;

	ctl_record_clear(&ctl_nouns[CTL_NOUN_usage], &r);
	r.of = *u->of ? u->of : "-";
	r.name = *u->name ? u->name : NULL;
	r.sessions = u->sessions;
	r.running = u->running;
	r.energy_wh = u->energy_wh;
	r.duration_ms = u->duration_ms;
	if (*u->currency && !u->mixed) {
		snprintf(cost, sizeof(cost), "%lld.%02lld", (long long)(u->cost_e2 / 100), (long long)(u->cost_e2 % 100));
		r.cost = cost;
		r.currency = u->currency;
	}
	buf_init(&b);
	jw_init(&w, &b);
	ctl_record_write(&ctl_nouns[CTL_NOUN_usage], &r, &w);
	ret = rows_add(rows, l, json_parse(&l->arena, buf_cstr(&b), b.len, &JSON_CAPS_DOCUMENT, &l->diag));
	buf_fini(&b);
	return ret;
}

static int print(struct stats *s, struct lmsctl *l)
{
	struct rows rows;
	int ret = rows_init(&rows, l, &ctl_nouns[CTL_NOUN_usage], false);

	HASH_SORT(s->sums, by_energy);
	for (const struct sum *u = s->sums; u && ret == 0; u = u->hh.next)
		ret = put(&rows, l, u);
	if (ret == 0) {
		rows_sort(&rows, l);
		output_begin(&rows, l);
		output_part(&rows, l);
		output_end(&rows, l);
	}
	rows_fini(&rows);
	return ret;
}

int stats_show(struct lmsctl *l, const struct ledger_args *a, const char *by)
{
	const char *period = a->period ? a->period : "this-month";
	struct stats s = { .by = by ? by : "all" };
	struct sum *u, *tmp;
	int ret = ledger_init(&s.ledger, l, a, period);

	if (ret == 0)
		ret = ledger_begin(&s.ledger, period);
	if (ret == 0)
		ret = ledger_each(&s.ledger, add, &s);
	if (ret == 0)
		ret = print(&s, l);
	HASH_ITER(hh, s.sums, u, tmp) {
		HASH_DEL(s.sums, u);
		free(u);
	}
	return ret;
}
