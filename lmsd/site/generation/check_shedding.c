/* site/generation/check_shedding.c - how connectors are told their limits: every one has a key of its own. */
#include <string.h>
#include <strings.h>

#include "site/generation/check.h"

#define KEY_MAX 50 /* OCPP 1.6, 7.1: CiString50 */

static bool is_key(const char *key)
{
	size_t len = strlen(key);

	for (const char *s = key; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == ',' || *s == '"' || *s == '\\')
			return false;
	return len > 0 && len <= KEY_MAX;
}

static int check_text(const char *noun, const char *id, const char *shedding, struct diag *diag)
{
	if (!shedding || strcmp(shedding, "profile") == 0 || strcmp(shedding, "none") == 0 ||
	    (strncmp(shedding, "config:", 7) == 0 && is_key(shedding + 7)))
		return 0;
	return diag_set(diag, -LMS_EDATA,
			"%s %s: shedding: '%.80s' is none of profile, none, and config:KEY with a configuration key of "
			"up to 50 characters", noun, id, shedding);
}

int check_shedding(const struct station_conf *st, struct diag *diag)
{
	int ret = check_text("station", st->k.id, st->k.shedding, diag);

	for (size_t i = 0; i < st->connector_count && !ret; i++) {
		const struct connector_conf *c = &st->connectors[i];

		ret = check_text("connector", c->k.id, c->k.shedding, diag);
		for (size_t k = 0; k < i && !ret && c->shedding_key; k++)
			if (st->connectors[k].shedding_key &&
			    strcasecmp(st->connectors[k].shedding_key, c->shedding_key) == 0)
				ret = diag_set(diag, -LMS_EDATA,
					       "connector %s: shedding: key %s is that of connector %s already (write # in "
					       "it for the number of the connector, or set it for each)",
					       c->k.id, c->shedding_key, st->connectors[k].k.id);
	}
	return ret;
}
