/* lmsctl/time.c - local time. The pure rooms know time zones as tables; here the C library knows
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "io/zone_info.h"
#include "lmsctl/lmsctl.h"

int local_time_setup(struct lmsctl *l)
{
	char path[300];

	if (l->opt.tz && !l->opt.utc) {
		/* The C library takes an unknown zone for UTC without a word. */
		snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", l->opt.tz);
		if (strstr(l->opt.tz, "..") || access(path, R_OK) != 0)
			return diag_set(
				&l->diag, -LMS_EUSAGE,
				"--tz: '%s' is not a time zone (write one such as Europe/Paris)",
				l->opt.tz);
		setenv("TZ", l->opt.tz, 1);
	}
	tzset();
	return 0;
}

const struct time_zone *local_zone_at(const struct lmsctl *l, wall_t t)
{
	/* A table of one row: good for the moment that it was asked for. */
	static struct utc_offset row;
	static struct time_zone zone = { &row, 1, "" };
	time_t seconds = (time_t)(t / US_PER_S);
	struct tm tm;

	if (l->opt.utc || !localtime_r(&seconds, &tm))
		return NULL;
	row = (struct utc_offset){ INT64_MIN, (int32_t)tm.tm_gmtoff };
	return &zone;
}

int local_site_zone(struct lmsctl *l, const struct time_zone **out)
{
	static struct time_zone zone;
	const char *name = l->opt.tz;
	const struct json *site;
	int ret;

	*out = NULL;
	if (l->opt.utc)
		return 0;
	if (!name) {
		ret = client_call(l->client, "site.show", "{}", &site, &l->diag);
		if (ret)
			return ret;
		name = arena_strdup(&l->arena, json_str(json_get(site, "timezone"), ""));
	}
	if (!*name || strcmp(name, "UTC") == 0)
		return 0;
	zone.rows = tz_table(name, &zone.count);
	zone.name = name;
	if (!zone.rows)
		return diag_set(&l->diag, -LMS_EFAILED, "the site's time zone %s is unknown here (add --tz ZONE or --utc)", name);
	*out = &zone;
	return 0;
}

static bool has_zone(const char *clock)
{
	return strpbrk(clock, "Zz+-") != NULL;
}

/* "14:30" is today's: the text with the date before it. */
static const char *with_date(const struct lmsctl *l, const char *text, char out[40])
{
	time_t now = time(NULL);
	struct tm tm;

	if (strlen(text) < 4 || strlen(text) > 8 || strspn(text, "0123456789:") != strlen(text) || !strchr(text, ':') ||
	    !(l->opt.utc ? gmtime_r(&now, &tm) : localtime_r(&now, &tm)))
		return text;
	snprintf(out, 40, "%04d-%02d-%02d %s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, text);
	return out;
}

const char *local_time_read(struct lmsctl *l, const char *words)
{
	struct tm tm = { .tm_isdst = -1 };
	char dated[40];
	const char *text = with_date(l, words, dated), *rest = strptime(text, "%Y-%m-%d", &tm);
	char *out;

	if (!rest || (*rest && has_zone(rest)))
		return NULL;
	if (*rest == '\0') {
		tm.tm_hour = 23;
		tm.tm_min = tm.tm_sec = 59;
	} else {
		if (*rest != 'T' && *rest != 't' && *rest != ' ')
			return NULL;
		out = strptime(rest + 1, "%H:%M:%S", &tm);
		if (!out)
			out = strptime(rest + 1, "%H:%M", &tm);
		if (!out || *out)
			return NULL;
	}
	out = arena_alloc(&l->arena, RFC3339_MAX);
	/* The reader refuses dates that do not exist; mktime would move them. */
	{
		struct tm asked = tm;
		time_t t = l->opt.utc ? timegm(&tm) : mktime(&tm);

		if (tm.tm_mday != asked.tm_mday)
			return NULL;
		rfc3339_format((wall_t)t * US_PER_S, out);
	}
	return out;
}
