/* site/tags/where.c - where a tag may charge, and lists of names. */
#include "site/tags/where.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/draft.h"
#include "site/outer/week.h"

int names_next(const char **at, char out[NAME_SIZE])
{
	const char *s = *at;
	size_t len;

	while (s && (*s == ',' || *s == ' '))
		s++;
	if (!s || !*s)
		return 0;
	len = strcspn(s, ",");
	*at = s + len;
	while (len > 0 && s[len - 1] == ' ')
		len--;
	if (len >= NAME_SIZE)
		return -1;
	memcpy(out, s, len);
	out[len] = '\0';
	return 1;
}

bool names_have(const char *list, const char *name)
{
	char word[NAME_SIZE];
	int got;

	while ((got = names_next(&list, word)) != 0)
		if (got > 0 && strcmp(word, name) == 0)
			return true;
	return false;
}

/* ---- the rule ---- */

static bool in_groups(const char *wanted, const char *groups)
{
	char word[NAME_SIZE];
	int got;

	while ((got = names_next(&groups, word)) != 0)
		if (got > 0 && names_have(wanted, word))
			return true;
	return false;
}

static bool in_zones(const char *wanted, const struct site_conf *c, int zone)
{
	char word[NAME_SIZE];
	int got;

	while ((got = names_next(&wanted, word)) != 0) {
		int above = got > 0 ? site_conf_zone(c, word) : -1;

		if (above >= 0 && site_conf_zone_below(c, zone, above))
			return true;
	}
	return false;
}

static bool at_connectors(const char *wanted, const char *station, int connector)
{
	char word[NAME_SIZE], name[ID_MAX + 1];
	int got, number;

	while ((got = names_next(&wanted, word)) != 0)
		if (got > 0 && connector_id_split(word, name, &number) && strcmp(name, station) == 0 &&
		    (connector == 0 || connector == number))
			return true;
	return false;
}

bool where_is_bound(const struct ctl_tag_keys *k)
{
	return k->stations || k->station_groups || k->zones || k->connectors;
}

bool where_allows(const struct ctl_tag_keys *k, const struct site_conf *c, int station, int connector)
{
	const struct station_conf *st;

	if (!where_is_bound(k))
		return true;
	if (station < 0)
		return false;
	st = &c->stations[station];
	if ((k->stations || k->station_groups) && !names_have(k->stations, st->k.id) &&
	    !in_groups(k->station_groups, st->k.groups))
		return false;
	if (k->zones && !in_zones(k->zones, c, st->zone))
		return false;
	return !k->connectors || at_connectors(k->connectors, st->k.id, connector);
}

/* ---- checks ---- */

typedef const char *(*name_at_fn)(const struct site_conf *c, size_t i);

static const char *zone_name(const struct site_conf *c, size_t i)
{
	return i < c->zone_count ? c->zones[i].k.id : NULL;
}

static const char *group_name(const struct site_conf *c, size_t i)
{
	return i < c->group_count ? c->groups[i].id : NULL;
}

static const char *station_name(const struct site_conf *c, size_t i)
{
	return i < c->station_count ? c->stations[i].k.id : NULL;
}

static bool connector_exists(const struct site_conf *c, const char *id)
{
	char station[ID_MAX + 1];
	int number, index;

	if (!connector_id_split(id, station, &number))
		return false;
	index = site_conf_station(c, station);
	return index >= 0 && (size_t)number <= c->stations[index].connector_count;
}

static bool zone_exists(const struct site_conf *c, const char *id)
{
	return site_conf_zone(c, id) >= 0;
}

static bool group_exists(const struct site_conf *c, const char *id)
{
	return site_conf_group(c, id) >= 0;
}

static bool station_exists(const struct site_conf *c, const char *id)
{
	return site_conf_station(c, id) >= 0;
}

/* What a list may name. */
struct names_of {
	const char *key, *word;
	bool (*exists)(const struct site_conf *c, const char *id);
	name_at_fn name_at;	/* NULL: nothing to be near to */
};

static int missing(const char *noun, const char *id, const struct names_of *of, const struct site_conf *c,
		   const char *name, struct diag *diag)
{
	const char **names, *near;
	size_t count = 0;

	while (of->name_at && of->name_at(c, count))
		count++;
	names = xcalloc(count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = of->name_at(c, i);
	near = text_nearest(name, names, count);
	free(names);
	return diag_set(diag, -LMS_EDATA, "%s %s: %s: %s '%.60s' does not exist (%s%s%slmsctl %s list)", noun, id, of->key,
			of->word, name, near ? "did you mean '" : "", near ? near : "", near ? "'?; " : "", of->word);
}

static int check_names(const char *noun, const char *id, const struct names_of *of, const char *list,
		       const char *before, const struct site_conf *c, struct diag *diag)
{
	char word[NAME_SIZE];
	size_t count = 0;
	int got;

	if (!list)
		return 0;
	for (; (got = names_next(&list, word)) != 0; count++) {
		if (got < 0)
			return diag_set(diag, -LMS_EDATA, "%s %s: %s: has a name that is too long (separate them by commas)",
					noun, id, of->key);
		if (!of->exists(c, word) && !names_have(before, word))
			return missing(noun, id, of, c, word, diag);
	}
	if (count == 0)
		return diag_set(diag, -LMS_EDATA, "%s %s: %s: names nothing (clear it to admit everywhere)", noun, id, of->key);
	return 0;
}

static int check_schedule(const struct ctl_tag_keys *k, struct diag *diag)
{
	struct schedule s;
	struct diag said;

	if (k->auth && strcmp(k->auth, "schedule") == 0 && !k->schedule)
		return diag_set(diag, -LMS_EDATA, "tag %s: auth: schedule needs one (schedule='mo-fr 08:00-18:00')", k->uid);
	diag_init(&said);
	if (k->schedule && schedule_parse(k->schedule, &s, &said))
		return diag_set(diag, -LMS_EDATA, "tag %s: schedule: %s", k->uid, said.text);
	return 0;
}

int where_check(const struct ctl_tag_keys *k, const struct ctl_tag_keys *before, const struct site_conf *c,
		struct diag *diag)
{
	static const struct names_of stations = { "stations", "station", station_exists, station_name },
				     groups = { "station_groups", "group", group_exists, group_name },
				     zones = { "zones", "zone", zone_exists, zone_name },
				     connectors = { "connectors", "connector", connector_exists, NULL };
	int ret = check_schedule(k, diag);

	if (!ret)
		ret = check_names("tag", k->uid, &stations, k->stations, before ? before->stations : NULL, c, diag);
	if (!ret)
		ret = check_names("tag", k->uid, &groups, k->station_groups, before ? before->station_groups : NULL, c, diag);
	if (!ret)
		ret = check_names("tag", k->uid, &zones, k->zones, before ? before->zones : NULL, c, diag);
	if (!ret)
		ret = check_names("tag", k->uid, &connectors, k->connectors, before ? before->connectors : NULL, c, diag);
	return ret;
}

int where_check_groups(const struct site_conf *c, const struct station_conf *st, struct diag *diag)
{
	static const struct names_of groups = { "groups", "group", group_exists, group_name };

	return check_names("station", st->k.id, &groups, st->k.groups, NULL, c, diag);
}
