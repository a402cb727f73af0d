/* meter/setup.c - how a meter is installed, from the keys that people write. */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "meter/meter.h"

#define CT_PRIMARY_MIN 75
#define CT_PRIMARY_MAX 6000

static bool measures_phase(const struct meter_profile *p, int i)
{
	return profile_reg(p, (enum meter_var)(METER_current_l1 + i)) ||
	       profile_reg(p, (enum meter_var)(METER_power_l1 + i));
}

void meter_setup_init(struct meter_setup *s, const char *id, const struct meter_profile *profile)
{
	*s = (struct meter_setup){
		.id = id,
		.profile = profile,
		.ct = METER_CT_METER,
		.ct_primary = 1,
		.ct_secondary = 1,
		.breaker_ma = NUM_NONE,
		.stale_us = 5 * US_PER_S,
		.frozen_us = 60 * US_PER_S,
	};
	for (int i = 0; i < PHASES; i++)
		s->phase[i] = i == 0 || measures_phase(profile, i) ? i : -1;
}

/* One item of a list of phases; moves *s behind its comma. -1 if it is none. */
static int next_phase(const char **s)
{
	const char *p = *s;
	int phase;

	p += strspn(p, " ");
	if ((p[0] != 'L' && p[0] != 'l') || p[1] < '1' || p[1] > '3')
		return -1;
	phase = p[1] - '1';
	p += 2;
	p += strspn(p, " ");
	if (*p != ',' && *p != '\0')
		return -1;
	*s = *p == ',' ? p + 1 : p;
	return *p == ',' && p[1] == '\0' ? -1 : phase;
}

int meter_setup_phases(struct meter_setup *s, const char *text, struct diag *d)
{
	int phase[PHASES] = { -1, -1, -1 };
	phase_mask_t seen = 0;
	const char *p = text;
	int n = 0, conductors = 0;

	if (!text || !*text)
		return 0;
	for (int i = 0; i < PHASES; i++)
		conductors += s->phase[i] >= 0;
	while (*p) {
		int at = next_phase(&p);

		if (at < 0 || n == PHASES || seen >> at & 1)
			return diag_set(
				d, -LMS_EDATA,
				"phases: '%s' is not a list of grid phases (write L1,L2,L3 or L2)",
				text);
		seen |= (phase_mask_t)(1 << at);
		phase[n++] = at;
	}
	if (n > conductors)
		return diag_set(d, -LMS_EDATA, "phases: '%s' names %d phases, but %s measures %d",
				text, n, s->profile->model, conductors);
	memcpy(s->phase, phase, sizeof(phase));
	return 0;
}

int meter_setup_invert(struct meter_setup *s, const char *text, struct diag *d)
{
	phase_mask_t invert = 0;
	const char *p = text;

	if (!text || !*text)
		return 0;
	if (strcasecmp(text, "no") == 0 || strcasecmp(text, "none") == 0) {
		s->invert = 0;
		return 0;
	}
	if (strcasecmp(text, "all") == 0 || strcasecmp(text, "yes") == 0) {
		s->invert = PHASE_ALL;
		return 0;
	}
	while (*p) {
		int at = next_phase(&p);

		if (at < 0)
			return diag_set(d, -LMS_EDATA,
					"invert: '%s' is not a list of the meter's phases "
					"(write L1,L3, all or no)",
					text);
		invert |= (phase_mask_t)(1 << at);
	}
	s->invert = invert;
	return 0;
}

static bool amperes(const char **s, int64_t *out)
{
	int64_t v = 0;
	int digits = 0;

	for (; **s >= '0' && **s <= '9' && digits < 6; (*s)++, digits++)
		v = v * 10 + (**s - '0');
	*out = v;
	return digits > 0;
}

static int parse_ratio(struct meter_setup *s, const char *text, struct diag *d)
{
	const char *p = text;
	int64_t primary, secondary;

	if (!amperes(&p, &primary) || *p++ != '/' || !amperes(&p, &secondary) ||
	    (*p != '\0' && strcasecmp(p, "a") != 0))
		return diag_set(d, -LMS_EDATA,
				"ct: '%s' is not meter, direct or a ratio such as 250/5", text);
	if (secondary != 1 && secondary != 5)
		return diag_set(d, -LMS_EDATA,
				"ct: the secondary side is 1 or 5 A, not %lld (write 250/5)",
				(long long)secondary);
	if (primary < CT_PRIMARY_MIN || primary > CT_PRIMARY_MAX)
		return diag_set(d, -LMS_EDATA,
				"ct: a primary side of %lld A is not within 75 to 6000 (write ct=250/5)",
				(long long)primary);
	if (s->profile->ct_in_meter)
		return diag_set(d, -LMS_EDATA,
				"ct: the %s multiplies by its ratio itself (write ct=meter and set "
				"the ratio in the device)",
				s->profile->model);
	s->ct = METER_CT_RATIO;
	s->ct_primary = primary;
	s->ct_secondary = secondary;
	return 0;
}

int meter_setup_ct(struct meter_setup *s, const char *text, int64_t fuse_ma, struct diag *d)
{
	if (!text || !*text)
		return 0;
	if (strcasecmp(text, "meter") == 0) {
		s->ct = METER_CT_METER;
		return 0;
	}
	if (strcasecmp(text, "direct") == 0) {
		if (fuse_ma != NUM_NONE && fuse_ma > METER_DIRECT_MAX_MA)
			return diag_set(d, -LMS_EDATA,
					"ct: direct measurement ends at 63 A, the fuse is %lld A "
					"(use current transformers)",
					(long long)(fuse_ma / 1000));
		s->ct = METER_CT_DIRECT;
		return 0;
	}
	return parse_ratio(s, text, d);
}
