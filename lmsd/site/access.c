/* site/access.c - may this tag charge here, may it end that transaction (ocpp.md "Authorization").
 *
 * Order: the station's rule (free or by tag), the state of the tag and of its group, expiry, schedule,
 * place, credit, and whether it charges elsewhere already. From schedule on they are for beginnings: whoever charges
 * may always end it. One tag runs one transaction at a time: a card that was copied or lent
 * would otherwise go unnoticed. Free charging is exempt, as there one tag stands for everybody.
 */
#include "site/access.h"

#include <string.h>

#include "site/outer/week.h"
#include "site/tag.h"
#include "site/tags/credit.h"
#include "site/tags/where.h"

const char *auth_status_text(enum auth_status st)
{
	switch (st) {
	case AUTH_ACCEPTED:
		return "Accepted";
	case AUTH_BLOCKED:
		return "Blocked";
	case AUTH_EXPIRED:
		return "Expired";
	case AUTH_INVALID:
		return "Invalid";
	case AUTH_CONCURRENT:
		return "ConcurrentTx";
	}
	return "Invalid";
}

bool access_is_free(const struct site *s, const struct station *st, const char **free_tag)
{
	const struct station_conf *conf = site_station_conf(s, st);
	const char *rule = conf ? conf->k.access : NULL;

	*free_tag = s->conf->site.free_tag;
	if (!rule)
		rule = s->conf->site.access;
	if (rule && strncmp(rule, "free:", 5) == 0)
		*free_tag = rule + 5;
	return rule && strncmp(rule, "free", 4) == 0;
}

static bool is_same_tag(const char *a, const char *b)
{
	char x[ID_MAX + 1], y[ID_MAX + 1];

	return a && b && tag_normalize(a, x) == 0 && tag_normalize(b, y) == 0 && strcmp(x, y) == 0;
}

/* ---- one rule each ---- */

static const struct ctl_tag_group_keys *group_of(const struct site *s, const struct tag *t)
{
	int index = t->k.group ? site_conf_tag_group(s->conf, t->k.group) : -1;

	return index < 0 ? NULL : &s->conf->tag_groups[index];
}

static bool is_blocked(const struct site *s, const struct tag *t, const char **why)
{
	const struct ctl_tag_group_keys *g = group_of(s, t);

	*why = t->k.active == 0 ? "it is not active" : "it is denied";
	if (t->k.active == 0 || (t->k.auth && strcmp(t->k.auth, "deny") == 0))
		return true;
	*why = "its group is not active";
	return g && g->active == 0;
}

wall_t site_tag_expires(const struct site *s, const struct ctl_tag_keys *k)
{
	int index = k->group ? site_conf_tag_group(s->conf, k->group) : -1;
	wall_t group = index < 0 ? WALL_NONE : s->conf->tag_groups[index].expires;

	return group != WALL_NONE && (k->expires == WALL_NONE || group < k->expires) ? group : k->expires;
}

static bool is_expired(const struct site *s, const struct tag *t, wall_t wall)
{
	wall_t expires = site_tag_expires(s, &t->k);

	return expires != WALL_NONE && wall > expires;
}

/* A schedule that cannot be read admits nobody. */
static bool is_outside_schedule(const struct site *s, const struct tag *t, wall_t wall)
{
	struct schedule schedule;

	if (!t->k.auth || strcmp(t->k.auth, "schedule") != 0)
		return false;
	return !t->k.schedule || schedule_parse(t->k.schedule, &schedule, NULL) ||
	       !schedule_is_open(&schedule, &s->tz, wall);
}

static bool is_good(const struct site *s, const struct tag *t, wall_t wall)
{
	const char *why;

	return !is_blocked(s, t, &why) && !is_expired(s, t, wall);
}

/* ---- all of them, in order ---- */

/* It is shown to end something: where and when it may begin does not matter. */
bool site_may_stop_at(struct site *s, const struct station *st, const char *uid, wall_t wall)
{
	for (size_t i = 0; i < st->connector_count; i++)
		if (st->connectors[i]->tx && site_may_stop(s, st->connectors[i]->tx, uid, wall))
			return true;
	return false;
}

static enum auth_status judge(struct site *s, const struct station *st, const struct tag *t, int connector,
			      bool for_start, wall_t wall, const char **why)
{
	if (is_blocked(s, t, why))
		return AUTH_BLOCKED;
	*why = "it has expired";
	if (is_expired(s, t, wall))
		return AUTH_EXPIRED;
	if (!for_start && site_may_stop_at(s, st, t->k.uid, wall)) {
		*why = NULL;
		return AUTH_ACCEPTED;
	}
	*why = "its schedule does not allow it now";
	if (is_outside_schedule(s, t, wall))
		return AUTH_BLOCKED;
	*why = "it may not charge at this place";
	if (!where_allows(&t->k, s->conf, st->conf, connector))
		return AUTH_BLOCKED;
	*why = "its credit is used up";
	if (credit_now(s, t, wall) <= 0 && t->k.credit_wh != NUM_NONE)
		return AUTH_BLOCKED;
	*why = "it charges elsewhere";
	if (for_start && t->running > 0 && !is_same_tag(t->k.uid, s->conf->site.free_tag))
		return AUTH_CONCURRENT;
	*why = NULL;
	return AUTH_ACCEPTED;
}

struct auth site_authorize(struct site *s, const struct station *st, const char *uid, int connector,
			   bool for_start, wall_t wall)
{
	struct auth a = { .status = AUTH_INVALID, .expires = WALL_NONE, .why = "it is not known" };
	const char *free_tag;
	bool is_free = access_is_free(s, st, &free_tag);

	if ((!uid || !*uid) && is_free)
		uid = free_tag;
	a.tag = site_tag(s, uid);
	if (a.tag) {
		a.expires = site_tag_expires(s, &a.tag->k);
		a.vip = a.tag->k.vip == 1;
		a.group = a.tag->k.group;
	}
	if (is_free) {
		/* Whoever may not charge at all may not charge for free; all others may. */
		a.status = a.tag && is_blocked(s, a.tag, &a.why) ? AUTH_BLOCKED : AUTH_ACCEPTED;
		if (a.status == AUTH_ACCEPTED)
			a.why = NULL;
	} else if (a.tag) {
		a.status = judge(s, st, a.tag, connector, for_start, wall, &a.why);
	}
	return a;
}

int64_t site_tag_credit(const struct site *s, const struct tag *t, wall_t wall)
{
	return credit_now(s, t, wall);
}

bool site_may_stop(struct site *s, const struct tx *tx, const char *uid, wall_t wall)
{
	const struct tag *t;

	if (!uid)
		return false;
	if (is_same_tag(uid, tx->tag))
		return true;
	t = site_tag(s, uid);
	if (!t || !is_good(s, t, wall))
		return false;
	if (t->k.type && strcmp(t->k.type, "super") == 0)
		return true;
	return t->k.group && *tx->group && strcmp(t->k.group, tx->group) == 0;
}
