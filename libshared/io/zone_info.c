/* io/zone_info.c - see zone_info.h. */
#include "io/zone_info.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

#define FROM_S INT64_C(946684800)	/* 2000-01-01 */
#define TO_S   INT64_C(2840140800)	/* 2060-01-01 */
#define STEP_S INT64_C(86400)

bool tz_known(const char *name)
{
	char path[200];

	if (strcmp(name, "UTC") == 0)
		return true;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && strchr("/_+-", *p) == NULL)
			return false;
	if (snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name) >= (int)sizeof(path))
		return false;
	return name[0] != '/' && isalpha((unsigned char)name[0]) && access(path, R_OK) == 0;
}

static int32_t offset_at(int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;

	return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* The first second after `from` with another offset, known to lie at or before `to`. */
static int64_t find_change(int64_t from, int64_t to)
{
	int32_t before = offset_at(from);

	while (to - from > 1) {
		int64_t mid = from + (to - from) / 2;

		if (offset_at(mid) == before)
			from = mid;
		else
			to = mid;
	}
	return to;
}

struct utc_offset *tz_table_local(size_t *count)
{
	struct utc_offset *rows = NULL;
	size_t n = 0, cap = 0;

	for (int64_t s = FROM_S; s < TO_S; s += STEP_S) {
		int64_t change;

		if (n > 0 && offset_at(s) == offset_at(s + STEP_S))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 128;
			rows = xrealloc(rows, cap * sizeof(*rows));
		}
		change = n == 0 ? s : find_change(s, s + STEP_S);
		rows[n].from = n == 0 ? INT64_MIN : change * US_PER_S;
		rows[n++].offset_s = offset_at(change);
	}
	*count = n;
	return rows;
}

struct utc_offset *tz_table(const char *name, size_t *count)
{
	const char *old = getenv("TZ");
	struct utc_offset *rows;
	char *saved;

	if (!tz_known(name))
		return NULL;
	saved = old ? xstrdup(old) : NULL;
	setenv("TZ", name, 1);
	tzset();
	rows = tz_table_local(count);
	if (saved != NULL)
		setenv("TZ", saved, 1);
	else
		unsetenv("TZ");
	tzset();
	free(saved);
	return rows;
}
