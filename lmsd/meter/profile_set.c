/* meter/profile_set.c - the profiles of an installation, found by model or alias. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "meter/profile.h"

void profile_set_init(struct profile_set *set)
{
	*set = (struct profile_set){ 0 };
}

void profile_set_fini(struct profile_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		profile_free(set->items[i]);
	free(set->items);
	profile_set_init(set);
}

const struct meter_profile *profile_set_find(const struct profile_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (profile_is_named(set->items[i], name))
			return set->items[i];
	return NULL;
}

static int refuse_taken(const struct profile_set *set, const struct meter_profile *p,
			const char *name, struct diag *d)
{
	const struct meter_profile *other = profile_set_find(set, name);

	if (!other)
		return 0;
	return diag_set_at(
		d, -LMS_ECONFLICT, p->file, p->line, 0,
		"model: '%s' is already defined in %s (give this file's model another name)", name,
		other->file);
}

static int by_model(const void *a, const void *b)
{
	const struct meter_profile *const *pa = a, *const *pb = b;

	return strcasecmp((*pa)->model, (*pb)->model);
}

int profile_set_take(struct profile_set *set, struct meter_profile *p, struct diag *d)
{
	int ret = refuse_taken(set, p, p->model, d);

	for (int i = 0; i < p->alias_count && ret == 0; i++)
		ret = refuse_taken(set, p, p->alias[i], d);
	if (ret < 0)
		return ret;
	set->items = xrealloc(set->items, (set->count + 1) * sizeof(*set->items));
	set->items[set->count++] = p;
	qsort(set->items, set->count, sizeof(*set->items), by_model);
	return 0;
}

/* The installer's profile of that name, or NULL. */
static struct meter_profile *of_site(const struct profile_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i]->site && profile_is_named(set->items[i], name))
			return set->items[i];
	return NULL;
}

int profile_set_take_shipped(struct profile_set *set, struct meter_profile *p, struct diag *d)
{
	struct meter_profile *his = of_site(set, p->model);
	int kept = 0;

	if (his) {
		memcpy(his->replaces, p->file, sizeof(his->replaces));
		return -LMS_ECONFLICT;
	}
	for (int i = 0; i < p->alias_count; i++)
		if (!of_site(set, p->alias[i]))
			memmove(p->alias[kept++], p->alias[i], sizeof(p->alias[i]));
	p->alias_count = kept;
	return profile_set_take(set, p, d);
}

const char *profile_set_nearest(const struct profile_set *set, const char *name)
{
	const char **names = xcalloc(set->count + 1, sizeof(*names));
	const char *near;

	for (size_t i = 0; i < set->count; i++)
		names[i] = set->items[i]->model;
	near = text_nearest(name, names, set->count);
	free(names);
	return near;
}
