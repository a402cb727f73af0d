/* site/generation/check_clock.c - the times of a zone that a meter steers must fit each other and the meter's.
 *
 * A zone without a time of its own has that of the zone above, so both sides of a contradiction may
 * stand in different zones: each is named.
 */
#include <stdio.h>

#include "base/text.h"
#include "site/generation/check.h"

#define STALE_AFTER_MS INT64_C(5000)
#define LOST_AFTER_MS  INT64_C(8000)
#define POLL_MS        INT64_C(1000)

/* A time in force, and the zone that says so; from->k.id is NULL for the default. */
struct in_force {
	int64_t ms;
	const char *zone;
};

static struct in_force find(const struct site_conf *c, const struct zone_conf *z, size_t key, int64_t dflt)
{
	for (;;) {
		int64_t ms = *(const int64_t *)(const void *)((const char *)&z->k + key);

		if (ms != NUM_NONE)
			return (struct in_force){ ms, z->k.id };
		if (z->parent < 0)
			return (struct in_force){ dflt, NULL };
		z = &c->zones[z->parent];
	}
}

static void span(int64_t ms, char *out, size_t size)
{
	struct buf b;

	buf_init(&b);
	fmt_span(&b, ms * US_PER_MS);
	snprintf(out, size, "%s", buf_cstr(&b));
	buf_fini(&b);
}

static int stale_after_lost(const struct zone_conf *z, struct in_force lost, struct diag *diag)
{
	char stale_text[40], lost_text[40], whose[ID_MAX + 16] = "";

	span(z->k.meter_stale_after_ms, stale_text, sizeof(stale_text));
	span(lost.ms, lost_text, sizeof(lost_text));
	if (lost.zone && lost.zone != z->k.id)
		snprintf(whose, sizeof(whose), " of zone %s", lost.zone);
	return diag_set(diag, -LMS_EDATA,
			"zone %s: meter_stale_after: %s is above its meter_lost_after of %s%s (lower "
			"meter_stale_after, or raise meter_lost_after)",
			z->k.id, stale_text, lost_text, whose);
}

static int too_soon(const struct zone_conf *z, const char *key, int64_t ms, const struct ctl_meter_keys *m,
		    int64_t poll_ms, struct diag *diag)
{
	char own[40], poll[40];

	span(ms, own, sizeof(own));
	span(poll_ms, poll, sizeof(poll));
	return diag_set(diag, -LMS_EDATA,
			"zone %s: %s: %s is less than two readings of meter %s, which is read every %s "
			"(raise %s, or lower the meter's poll)",
			z->k.id, key, own, m->id, poll, key);
}

int check_clock(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	struct in_force lost = find(c, z, offsetof(struct ctl_zone_keys, meter_lost_after_ms), LOST_AFTER_MS);
	struct in_force stale = find(c, z, offsetof(struct ctl_zone_keys, meter_stale_after_ms), STALE_AFTER_MS);
	const struct ctl_meter_keys *m;
	int64_t poll_ms;

	if (z->k.meter_stale_after_ms > lost.ms)
		return stale_after_lost(z, lost, diag);
	if (z->meter < 0 || z->k.dynamic_ma.l[0] == NUM_NONE)
		return 0;
	m = &c->meters[z->meter].k;
	poll_ms = m->poll_ms == NUM_NONE ? POLL_MS : m->poll_ms;
	if (stale.ms < 2 * poll_ms)
		return too_soon(z, "meter_stale_after", stale.ms, m, poll_ms, diag);
	if (lost.ms < 2 * poll_ms)
		return too_soon(z, "meter_lost_after", lost.ms, m, poll_ms, diag);
	return 0;
}
