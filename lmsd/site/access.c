/* site/access.c - may this tag charge here, may it end that transaction (ocpp.md "Authorization").
 *
 * Order: the station's rule (free or by tag), the tag's own state, its expiry, and whether it
 * charges elsewhere already. One tag runs one transaction at a time: a card that was copied or lent
 * would otherwise go unnoticed. Free charging is exempt, as there one tag stands for everybody.
 */
#include "site/access.h"

#include <string.h>

#include "site/tag.h"

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

struct auth site_authorize(struct site *s, const struct station *st, const char *uid,
			   bool for_start, wall_t wall)
{
	struct auth a = { .status = AUTH_INVALID, .expires = WALL_NONE};
	const char *free_tag;
	bool is_free = access_is_free(s, st, &free_tag);

	if ((!uid || !*uid) && is_free)
		uid = free_tag;
	a.tag = site_tag(s, uid);
	if (a.tag) {
		a.status = tag_status(a.tag, wall);
		a.expires = a.tag->k.expires;
		a.vip = a.tag->k.vip == 1;
		a.group = a.tag->k.group;
	}
	if (is_free) {
		/* Whoever may not charge at all may not charge for free; all others may. */
		if (!a.tag || a.status != AUTH_BLOCKED)
			a.status = AUTH_ACCEPTED;
		return a;
	}
	if (a.status == AUTH_ACCEPTED && for_start && a.tag->running > 0 &&
	    !is_same_tag(uid, s->conf->site.free_tag))
		a.status = AUTH_CONCURRENT;
	return a;
}

bool site_may_stop(struct site *s, const struct tx *tx, const char *uid, wall_t wall)
{
	const struct tag *t;

	if (!uid)
		return false;
	if (is_same_tag(uid, tx->tag))
		return true;
	t = site_tag(s, uid);
	if (!t || tag_status(t, wall) != AUTH_ACCEPTED)
		return false;
	if (t->k.type && strcmp(t->k.type, "super") == 0)
		return true;
	return t->k.group && *tx->group && strcmp(t->k.group, tx->group) == 0;
}
