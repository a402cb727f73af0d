/* site/generation/check_range.c - values of single keys that cannot be meant: one row per key and bound. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/check.h"

#define MS_PER_S    INT64_C(1000)
#define MS_PER_DAY  (24 * 3600 * MS_PER_S)
#define MA_PER_A    INT64_C(1000)
#define METER_LOST_MAX_MS (8 * MS_PER_S)
#define POWER_MAX_W INT64_C(10000000) /* 6,300 A on three phases at 400 V are 4.4 MW */

struct range {
	enum ctl_noun_id noun;
	const char *key;
	size_t offset;
	bool phases;
	int64_t min, max;
	const char *rule; /* what is right, for people */
};

#define LIMIT "a limit is above 0 A and at most 6300 A"

#define R(noun, key, min, max, rule) \
	{ CTL_NOUN_##noun, #key, offsetof(struct ctl_##noun##_keys, key), \
	  sizeof(((struct ctl_##noun##_keys *)0)->key) == sizeof(struct phase_ma), min, \
	  max, rule }

static const struct range ranges[] = {
	R(zone, phases, 1, 3, "a zone has 1 or 3 phases"),
	R(zone, fuse_ma, 1, LIMIT_MAX_MA, LIMIT),
	R(zone, static_ma, 1, LIMIT_MAX_MA, LIMIT),
	R(zone, dynamic_ma, 1, LIMIT_MAX_MA, LIMIT),
	/* 0 A is a choice: nobody charges while the meter is silent. */
	R(zone, meter_lost_ma, 0, LIMIT_MAX_MA, "0 A to 6300 A"),
	R(zone, grid_reduced_ma, 0, LIMIT_MAX_MA, "0 A to 6300 A"),
	R(zone, grid_reduced_factor_permille, 0, 1000, "0 % to 100 %: a reduced mode is not above normal"),
	R(zone, grid_reduced_sessions, 1, 100000, "1 car and more; for none, the signal is stop"),
	R(zone, derate_permille, 0, 900, "0 % to 90 %"),
	R(zone, margin_ma, 0, 1000 * MA_PER_A, "0 A to 1000 A"),
	R(zone, power_w, 1, POWER_MAX_W, "above 0 W, at most 10 MW"),
	R(zone, min_ma, 6 * MA_PER_A, 80 * MA_PER_A,
		"IEC 61851 knows no current below 6 A; at most 80 A"),
	R(zone, rotate_ms, 60 * MS_PER_S, MS_PER_DAY, "1 minute to 24 hours"),
	R(zone, min_on_ms, MS_PER_S, MS_PER_DAY, "1 second to 24 hours"),
	R(zone, min_off_ms, MS_PER_S, MS_PER_DAY, "1 second to 24 hours"),
	R(zone, welcome_ms, 10 * MS_PER_S, MS_PER_DAY, "10 seconds to 24 hours"),
	R(zone, wake_ms, 20 * MS_PER_S, MS_PER_DAY, "20 seconds to 24 hours"),
	/* Cars ramp: what they draw in the first seconds says nothing. */
	R(zone, reclaim_ms, 20 * MS_PER_S, MS_PER_DAY, "20 seconds to 24 hours"),
	R(zone, raise_ms, 5 * MS_PER_S, MS_PER_DAY, "5 seconds to 24 hours"),
	R(zone, raise_after_cut_ms, 10 * MS_PER_S, MS_PER_DAY, "10 seconds to 24 hours"),
	R(zone, start_permille, 1000, 5000, "100 % to 500 %"),
	R(zone, small_raise_ma, 100, 32 * MA_PER_A, "0.1 A to 32 A"),
	R(zone, meter_stale_after_ms, 2 * MS_PER_S, METER_LOST_MAX_MS, "2 to 8 seconds"),
	/* Stations must have settled 15 seconds after the last good value. */
	R(zone, meter_lost_after_ms, 2 * MS_PER_S, METER_LOST_MAX_MS, "2 to 8 seconds"),
	R(zone, pv_min_w, 1, POWER_MAX_W, "above 0 W, at most 10 MW"),
	R(zone, pv_start_ms, 10 * MS_PER_S, MS_PER_DAY, "10 seconds to 24 hours"),
	R(zone, pv_stop_ms, 10 * MS_PER_S, MS_PER_DAY, "10 seconds to 24 hours"),
	R(meter, stale_after_ms, 500, 300 * MS_PER_S, "0.5 seconds to 5 minutes"),
	R(meter, poll_ms, 100, 300 * MS_PER_S, "0.1 seconds to 5 minutes"),
	R(source, stale_after_ms, 1000, MS_PER_DAY, "1 second to 24 hours"),
	R(station, connectors, 1, 64, "1 to 64"),
	R(station, security, 0, 3, "0 to 3, the profiles of the OCPP security whitepaper"),
	R(station, limit_ma, 6 * MA_PER_A, LIMIT_MAX_MA, "6 A to 6300 A"),
	R(station, max_ma, 6 * MA_PER_A, LIMIT_MAX_MA, "6 A to 6300 A"),
	R(station, min_ma, 6 * MA_PER_A, LIMIT_MAX_MA, "IEC 61851 knows no current below 6 A"),
	R(station, step_ma, 100, 1000, "0.1 A or 1 A"),
	R(station, idle_ma, 0, LIMIT_MAX_MA, "0 A, or the least current (6 A) and more"),
	R(station, settle_ms, 1 * MS_PER_S, 60 * MS_PER_S, "1 to 60 seconds"),
	R(station, profile_id, 1, 870, "1 to 870, as there are two for each of up to 64 connectors"),
	R(station, profile_stack, 0, 100, "0 to 100"),
	R(station, max_power_w, 500, POWER_MAX_W, "500 W to 10 MW"),
	R(station, min_power_w, 0, POWER_MAX_W, "0 W to 10 MW"),
	R(connector, max_power_w, 500, POWER_MAX_W, "500 W to 10 MW"),
	R(connector, min_power_w, 0, POWER_MAX_W, "0 W to 10 MW"),
	R(connector, max_ma, 6 * MA_PER_A, LIMIT_MAX_MA, "6 A to 6300 A"),
	R(connector, min_ma, 6 * MA_PER_A, LIMIT_MAX_MA, "IEC 61851 knows no current below 6 A"),
	R(tag, min_ma, 6 * MA_PER_A, 80 * MA_PER_A, "IEC 61851 knows no current below 6 A; at most 80 A"),
	R(tag, credit_wh, -INT64_C(1000000000000), 1000000000, "at most 1 GWh"),
	R(tag, recharge_wh, 1, 1000000000, "above 0 Wh, at most 1 GWh"),
	R(tag, credit_max_wh, 1, 1000000000, "above 0 Wh, at most 1 GWh"),
	R(connector, priority, -1000, 1000, "-1000 to 1000"),
};

static bool inside(const struct range *r, const void *keys)
{
	const char *at = (const char *)keys + r->offset;
	struct phase_ma p;
	int64_t v;

	if (!r->phases) {
		memcpy(&v, at, sizeof(v));
		return v == NUM_NONE || (v >= r->min && v <= r->max);
	}
	memcpy(&p, at, sizeof(p));
	for (int i = 0; i < PHASES; i++)
		if (p.l[i] != NUM_NONE && (p.l[i] < r->min || p.l[i] > r->max))
			return false;
	return true;
}

static const char *identity(const struct ctl_noun_desc *n, const void *keys)
{
	const char *id;

	memcpy(&id, (const char *)keys + n->keys[0].offset, sizeof(id));
	return id;
}

static int complain(const struct ctl_noun_desc *n, const struct range *r, const void *keys,
		    struct diag *diag)
{
	const struct field *f = field_find(n->keys, n->key_count, r->key, NULL);
	struct buf value;
	int ret;

	buf_init(&value);
	field_format(f, keys, true, NULL, &value);
	ret =
	    diag_set(diag, -LMS_ERANGE, "%s %s: %.*s: %s is out of range (%s)", n->name,
		     identity(n, keys), (int)field_base_len(f), f->name, buf_cstr(&value), r->rule);
	buf_fini(&value);
	return ret;
}

int check_ranges(const struct ctl_noun_desc *n, const void *keys, struct diag *diag)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (ranges[i].noun == n->id && !inside(&ranges[i], keys))
			return complain(n, &ranges[i], keys, diag);
	return 0;
}
