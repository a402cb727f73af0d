/* site/outer/sun.c - what the PV keys of a zone mean: strategies, and who is exempt. */
#include "site/outer/sun.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool sun_shares(const struct zone_conf *z)
{
	return z->k.pv && (strcmp(z->k.pv, "surplus") == 0 || strcmp(z->k.pv, "min+surplus") == 0);
}

bool sun_boosts(const struct zone_conf *z)
{
	return z->k.pv && strcmp(z->k.pv, "boost") == 0;
}

bool sun_boosts_dynamic(const struct site_conf *c, const struct zone_conf *z)
{
	const char *scope = z->meter >= 0 ? c->meters[z->meter].k.scope : NULL;

	return sun_boosts(z) && z->k.dynamic_ma.l[0] != NUM_NONE && scope && strcmp(scope, "load") == 0;
}

static int take_name(struct exempt *out, const char *from, size_t len, struct diag *d)
{
	char uid[ID_MAX + 1];

	if (len == 0 || len >= sizeof(out->name))
		return diag_set(d, -LMS_EDATA, "'%.*s' names nobody (write station:ID, tag:UID or holder:NAME)",
				(int)(len < 60 ? len : 60), from);
	snprintf(out->name, sizeof(out->name), "%.*s", (int)len, from);
	if (out->kind != EXEMPT_TAG)
		return 1;
	if (tag_normalize(out->name, uid) < 0)
		return diag_set(d, -LMS_EDATA, "'%.60s' is not a tag's uid", out->name);
	snprintf(out->name, sizeof(out->name), "%s", uid);
	return 1;
}

int exempt_next(const char **at, struct exempt *out, struct diag *d)
{
	static const char *const kinds[] = {
		[EXEMPT_STATION] = "station:", [EXEMPT_TAG] = "tag:", [EXEMPT_HOLDER] = "holder:",
	};
	const char *from = *at + strspn(*at, " ,");
	size_t len = strcspn(from, ",");

	*at = from + len;
	while (len > 0 && from[len - 1] == ' ')
		len--;
	if (len == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t head = strlen(kinds[i]);

		if (strncmp(from, kinds[i], head) != 0)
			continue;
		while (head < len && from[head] == ' ')
			head++;
		out->kind = (enum exempt_kind)i;
		return take_name(out, from + head, len - head, d);
	}
	return diag_set(d, -LMS_EDATA, "'%.*s' is no exemption (write station:ID, tag:UID or holder:NAME)",
			(int)(len < 60 ? len : 60), from);
}

static bool is_same(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

bool exempt_has(const char *list, const char *station, const char *tag, const char *holder)
{
	struct exempt e;
	struct diag d;
	int ret;

	diag_init(&d);
	while (list && (ret = exempt_next(&list, &e, &d)) != 0) {
		if (ret < 0)
			diag_init(&d);
		else if (is_same(e.kind == EXEMPT_STATION ? station : e.kind == EXEMPT_TAG ? tag : holder, e.name))
			return true;
	}
	return false;
}
