/* meter/findings.c - the examinations of findings.def, one function for each thing that one can get wrong
 * when installing a meter. */
#include "meter/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define VOLTAGE_MISSING_MV 50000
#define VOLTAGE_MIN_MV	   90000
#define VOLTAGE_MAX_MV	   300000
#define LINE_VOLTAGE_MV	   340000	/* and more: between two phases */
#define LOAD_MA		   500		/* less is no load to judge by */
#define RATIO_MA	   2000		/* so much current makes a ratio of powers meaningful */
#define EXPORT_W	   50
#define CAR_MA		   5500		/* less is no car that charges */
#define SECONDARY_MA	   6500		/* most that comes out of a transformer's secondary side */
#define UNCOUNTED_WH	   3000		/* coarser than that counts no meter */

struct look {
	const struct findings_in *in;
	const struct meter_setup *setup;
	struct findings *out;
	phase_mask_t wired;		/* grid phases */
	phase_mask_t twisted;		/* whose direction says nothing, for a graver reason */
};

static const struct {
	const char *name;
	enum finding_severity severity;
} codes[] = {
#define FINDING(code, severity, text) { #code, FINDING_##severity },
#include "meter/findings.def"
};

enum finding_severity finding_severity(enum finding_code code)
{
	return codes[code].severity;
}

const char *finding_name(enum finding_code code)
{
	return codes[code].name;
}

const char *finding_severity_name(enum finding_severity s)
{
	static const char *const names[] = { "wrong", "odd", "note" };

	return names[s];
}

const struct finding *findings_worst(const struct findings *f)
{
	return f->count && finding_severity(f->list[0].code) != FINDING_NOTE ? &f->list[0] : NULL;
}

/* In its place by urgency. */
static __attribute__((format(printf, 4, 5))) void add(struct look *l, enum finding_code code, int phase,
						      const char *fmt, ...)
{
	struct findings *f = l->out;
	size_t at = f->count;
	va_list ap;

	if (f->count == FINDINGS_MAX)
		return;
	while (at > 0 && f->list[at - 1].code > code) {
		f->list[at] = f->list[at - 1];
		at--;
	}
	f->count++;
	f->list[at].code = code;
	f->list[at].phase = phase;
	va_start(ap, fmt);
	vsnprintf(f->list[at].text, sizeof(f->list[at].text), fmt, ap);
	va_end(ap);
}

/* ---- values ---------------------------------------------------------------------------------- */

static int64_t magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

static int64_t value(const struct look *l, int var)
{
	return meter_quality(l->in->m, (enum meter_var)var, l->in->now) == METER_Q_GOOD
		       ? meter_value(l->in->m, (enum meter_var)var)->v
		       : NUM_NONE;
}

static int64_t current(const struct look *l, int k)
{
	return value(l, METER_current_l1 + k);
}

static bool wired(const struct look *l, int k)
{
	return l->wired >> k & 1;
}

static int64_t cars(const struct look *l, int k)
{
	return l->in->cars.l[k] == NUM_NONE ? 0 : l->in->cars.l[k];
}

static bool is_scope(const struct look *l, const char *scope)
{
	return l->in->scope && strcmp(l->in->scope, scope) == 0;
}

/* Cars behind it are part of what it measures. */
static bool feeds_cars(const struct look *l)
{
	return !is_scope(l, "pv") && !is_scope(l, "storage");
}

struct words { char t[40]; };	/* a quantity or phase, for one argument of add() */

static struct words amperes(int64_t ma)
{
	struct words w;

	snprintf(w.t, sizeof(w.t), "%s%lld.%lld A", ma < 0 && ma > -1000 ? "-" : "",
		 (long long)(ma / 1000), (long long)(magnitude(ma) % 1000 / 100));
	return w;
}

static struct words watts(int64_t w)
{
	struct words out;
	struct buf b;

	buf_init(&b);
	fmt_w(&b, w);
	snprintf(out.t, sizeof(out.t), "%s", buf_cstr(&b));
	buf_fini(&b);
	return out;
}

static struct words volts(int64_t mv)
{
	struct words w;

	snprintf(w.t, sizeof(w.t), "%lld.%lld V", (long long)(mv / 1000), (long long)(mv % 1000 / 100));
	return w;
}

/* The meter's own input for a grid phase. */
static int own_input(const struct look *l, int k)
{
	for (int i = 0; i < PHASES; i++)
		if (l->setup->phase[i] == k)
			return i;
	return k;
}

static struct words phase(const struct look *l, int k)
{
	int own = own_input(l, k);
	struct words w;

	if (own == k)
		snprintf(w.t, sizeof(w.t), "L%d", k + 1);
	else
		snprintf(w.t, sizeof(w.t), "L%d (the meter's L%d)", k + 1, own + 1);
	return w;
}

/* ---- examinations ---------------------------------------------------------------------------- */

static void look_identity(struct look *l)
{
	if (l->in->other_model)
		add(l, FINDING_other_model, -1, "the device says that it is %s: set profile=%s, or check the slave number",
		    l->in->other_model, l->in->other_model);
	else if (l->in->identity_text && *l->in->identity_text)
		add(l, FINDING_other_model, -1, "the device is another model than %s (%s): choose its profile (lmsctl meter profiles)",
		    l->setup->profile->model, l->in->identity_text);
}

static void look_missing(struct look *l)
{
	for (int k = 0; k < PHASES; k++) {
		enum meter_quality q = meter_quality(l->in->m, (enum meter_var)(METER_current_l1 + k), l->in->now);

		if (!wired(l, k) || q == METER_Q_GOOD || q == METER_Q_RANGE)
			continue;
		if (q == METER_Q_NAN || q == METER_Q_INVALID)
			add(l, FINDING_current_missing, k,
			    "%s: the meter says that it has no value for this current: is the phase connected (else set phases=), is it this model?",
			    phase(l, k).t);
		else
			add(l, FINDING_current_missing, k,
			    "%s: the current, or the power that tells its direction, was not answered: is it this model?",
			    phase(l, k).t);
	}
	if (l->in->refused > 0)
		add(l, FINDING_not_all, -1, "%d register%s of the profile %s not answered: %s", l->in->refused,
		    l->in->refused == 1 ? "" : "s", l->in->refused == 1 ? "is" : "are", l->in->refused_names);
	if (l->in->blocks_apart > 0)
		add(l, FINDING_block_refused, -1,
		    "%d block%s of registers refused as a whole and answered one by one: the profile asks for more at once than this device gives (max_regs, allow_holes)",
		    l->in->blocks_apart, l->in->blocks_apart == 1 ? " was" : "s were");
}

static void look_range(struct look *l)
{
	char names[120] = "";
	size_t len = 0;

	for (int v = 0; v < METER_VAR_COUNT && len < sizeof(names); v++) {
		const char *name = meter_var_info((enum meter_var)v)->name;
		bool fits = len + strlen(name) + sizeof(", , …") <= sizeof(names);

		if (meter_quality(l->in->m, (enum meter_var)v, l->in->now) != METER_Q_RANGE)
			continue;
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", fits ? name : "…");
		if (!fits)
			break;
	}
	if (len)
		add(l, FINDING_range, -1, "%s: no such value can be: the profile is of another model, or its order of words or scale is wrong",
		    names);
}

static void look_voltage(struct look *l)
{
	for (int k = 0; k < PHASES; k++) {
		int64_t mv = value(l, METER_voltage_l1n + k);

		if (!wired(l, k) || mv == NUM_NONE)
			continue;
		if (mv < VOLTAGE_MISSING_MV)
			add(l, FINDING_no_voltage, k, "no voltage on %s (%s): connect its voltage input, look at its fuse",
			    phase(l, k).t, volts(mv).t);
		else if (mv >= LINE_VOLTAGE_MV)
			add(l, FINDING_voltage, k, "%s reads %s, which lies between two phases: connect the meter's neutral",
			    phase(l, k).t, volts(mv).t);
		else if (mv < VOLTAGE_MIN_MV || mv > VOLTAGE_MAX_MV)
			add(l, FINDING_voltage, k, "%s reads %s, which is no grid's voltage: check its wiring and the profile",
			    phase(l, k).t, volts(mv).t);
	}
}

static void look_frequency(struct look *l)
{
	int64_t mhz = value(l, METER_frequency);

	if (mhz == NUM_NONE || (mhz >= 47000 && mhz <= 53000) || (mhz >= 57000 && mhz <= 63000))
		return;
	add(l, FINDING_frequency, -1, "the frequency reads %lld.%02lld Hz: no grid, or not this model", (long long)(mhz / 1000),
	    (long long)(mhz % 1000 / 10));
}

/* A phase's power in thousandths of its voltage times its current; NUM_NONE: nothing to tell it by. */
static int64_t power_ratio(const struct look *l, int k)
{
	int64_t mv = value(l, METER_voltage_l1n + k), ma = current(l, k), w = value(l, METER_power_l1 + k);
	int64_t va;

	if (!wired(l, k) || mv == NUM_NONE || ma == NUM_NONE || w == NUM_NONE || magnitude(ma) < RATIO_MA ||
	    mv < VOLTAGE_MIN_MV)
		return NUM_NONE;
	va = mv / 1000 * (magnitude(ma) / 100) / 10;
	return va ? w * 1000 / va : NUM_NONE;
}

/* A current that belongs to the voltage of the next phase makes about minus half of its power, whatever
 * the load, as long as that has a good power factor. */
static bool is_shifted(int64_t ratio)
{
	return ratio != NUM_NONE && ratio >= -750 && ratio <= -250;
}

static void look_power(struct look *l)
{
	int64_t ratio[PHASES];
	int shifted = 0, straight = -1, known = 0;

	for (int k = 0; k < PHASES; k++) {
		ratio[k] = power_ratio(l, k);
		known += ratio[k] != NUM_NONE;
		shifted += is_shifted(ratio[k]);
		if (ratio[k] != NUM_NONE && ratio[k] >= 700)
			straight = k;
		if (ratio[k] != NUM_NONE && magnitude(ratio[k]) > 1150)
			add(l, FINDING_power_mismatch, k,
			    "%s: %s is more than its voltage and current make (%s, %s): current and power are not of the same phase, or scaled differently (profile, ct=)",
			    phase(l, k).t, watts(value(l, METER_power_l1 + k)).t, volts(value(l, METER_voltage_l1n + k)).t,
			    amperes(magnitude(current(l, k))).t);
	}
	if (known == PHASES && shifted == PHASES) {
		add(l, FINDING_ct_swapped, -1,
		    "on all phases the power is about minus half of voltage times current: the transformers are shifted by one phase against the voltages (put each on the next phase)");
		l->twisted = PHASE_ALL;
	} else if (known == PHASES && shifted == 2 && straight >= 0) {
		int a = (straight + 1) % PHASES, b = (straight + 2) % PHASES;

		add(l, FINDING_ct_swapped, -1,
		    "on %s and %s the power is about minus half of voltage times current: their transformers sit on each other's phase (exchange the two)",
		    phase(l, a).t, phase(l, b).t);
		l->twisted = (phase_mask_t)(1 << a | 1 << b);
	}
}

static void look_sum(struct look *l)
{
	int64_t total = value(l, METER_power_total), sum = 0;

	for (int k = 0; k < PHASES; k++) {
		int64_t w = value(l, METER_power_l1 + k);

		if (w == NUM_NONE)
			return;
		sum += w;
	}
	if (total == NUM_NONE || magnitude(sum - total) <= 300 + magnitude(sum) / 7)
		return;
	add(l, FINDING_power_sum, -1, "the powers of the phases make %s, the total reads %s: it is another model, or was read while the load changed (check again)",
	    watts(sum).t, watts(total).t);
}

static void look_production(struct look *l)
{
	int64_t w = value(l, METER_power_total);

	if (w != NUM_NONE && w < -EXPORT_W)
		add(l, FINDING_ct_reversed, -1, "production reads %s, it must be positive: set invert=all", watts(w).t);
}

static void look_direction(struct look *l)
{
	if (is_scope(l, "storage"))
		return;
	if (is_scope(l, "pv")) {
		look_production(l);
		return;
	}
	for (int k = 0; k < PHASES; k++) {
		int64_t w = value(l, METER_power_l1 + k), ma = current(l, k);
		int own = own_input(l, k) + 1;

		if (!wired(l, k) || l->twisted >> k & 1 || w == NUM_NONE || ma == NUM_NONE || w >= -EXPORT_W)
			continue;
		if (is_scope(l, "load"))
			add(l, FINDING_ct_reversed, k,
			    "%s reads %s, and a load takes power: turn its transformer round (arrow to the load), or set invert=L%d",
			    phase(l, k).t, watts(w).t, own);
		else if (cars(l, k) >= CAR_MA && !l->in->may_export)
			add(l, FINDING_ct_reversed, k,
			    "%s reads %s while cars draw %s there: turn its transformer round (arrow to the load), or set invert=L%d",
			    phase(l, k).t, amperes(ma).t, amperes(cars(l, k)).t, own);
		else if (!l->in->may_export)
			add(l, FINDING_sign, k,
			    "%s exports %s, and nothing here is known to produce: turn its transformer round (or set invert=L%d), or declare what produces (pv_meter of a zone)",
			    phase(l, k).t, watts(-w).t, own);
	}
}

/* The phase on which the meter sees what cars draw on k, beside what they draw there; -1 = none. */
static int seen_elsewhere(const struct look *l, int k)
{
	for (int j = 0; j < PHASES; j++)
		if (j != k && wired(l, j) && current(l, j) != NUM_NONE &&
		    current(l, j) - cars(l, j) >= cars(l, k) * 8 / 10 - 1000)
			return j;
	return -1;
}

static int64_t largest_current(const struct look *l)
{
	int64_t most = 0;

	for (int k = 0; k < PHASES; k++)
		if (wired(l, k) && current(l, k) != NUM_NONE && magnitude(current(l, k)) > most)
			most = magnitude(current(l, k));
	return most;
}

static bool may_lack_ratio(const struct look *l)
{
	return l->setup->ct == METER_CT_METER && !l->setup->profile->ct_in_meter && largest_current(l) <= SECONDARY_MA;
}

static void add_unseen(struct look *l, int k)
{
	int other = seen_elsewhere(l, k);

	if (other >= 0)
		add(l, FINDING_phases_swapped, k,
		    "cars draw %s on L%d where the meter sees %s, and it sees %s on L%d: put right phases= of the meter or the wiring of the stations",
		    amperes(cars(l, k)).t, k + 1, amperes(current(l, k)).t, amperes(current(l, other)).t, other + 1);
	else if (may_lack_ratio(l))
		add(l, FINDING_ct_missing, k,
		    "cars draw %s on L%d, the meter reads %s: that is the secondary side of a transformer: set its ratio (ct=250/5)",
		    amperes(cars(l, k)).t, k + 1, amperes(current(l, k)).t);
	else
		add(l, FINDING_cars_unseen, k,
		    "cars draw %s on L%d, the meter sees %s: it does not measure the line that feeds them, or ct= is not the transformers' ratio",
		    amperes(cars(l, k)).t, k + 1, amperes(current(l, k)).t);
}

static void look_cars(struct look *l)
{
	if (!feeds_cars(l) || l->in->may_export)
		return;
	for (int k = 0; k < PHASES; k++) {
		int64_t ma = current(l, k);

		if (!wired(l, k) || l->twisted >> k & 1 || cars(l, k) < CAR_MA || ma == NUM_NONE)
			continue;
		/* What flows backwards is a transformer's direction, said elsewhere. */
		if (ma > -LOAD_MA && ma < cars(l, k) * 8 / 10 - 1000)
			add_unseen(l, k);
	}
}

static void look_transformers(struct look *l)
{
	const struct meter_setup *s = l->setup;
	int64_t fuse = l->in->fuse_ma, limit = l->in->limit_ma, most = largest_current(l);
	int64_t line = fuse != NUM_NONE ? fuse : limit;

	if (line == NUM_NONE || (limit != NUM_NONE && limit > line))
		line = limit;
	if (s->ct == METER_CT_DIRECT && ((line != NUM_NONE && line > METER_DIRECT_MAX_MA) || most > METER_DIRECT_MAX_MA))
		add(l, FINDING_ct_direct, -1,
		    "direct measurement ends at 63 A, and this line carries %s: use current transformers (ct=250/5, or ct=meter where the meter knows them)",
		    amperes(most > METER_DIRECT_MAX_MA ? most : line).t);
	if (s->ct == METER_CT_METER && !s->profile->ct_in_meter && line != NUM_NONE && line > METER_DIRECT_MAX_MA)
		add(l, FINDING_ct_unset, -1,
		    "the line is for %s and the %s does not multiply by a transformer's ratio: if it has transformers, set ct=250/5 or what they are",
		    amperes(line).t, s->profile->model);
	if (s->ct == METER_CT_RATIO && fuse != NUM_NONE && s->ct_primary * 1000 < fuse)
		add(l, FINDING_ct_small, -1, "the transformers are for %lld A, the breaker for %s: above their size they measure too little",
		    (long long)s->ct_primary, amperes(fuse).t);
}

static void look_breaker(struct look *l)
{
	for (int k = 0; k < PHASES; k++) {
		int64_t ma = current(l, k);

		if (!wired(l, k) || ma == NUM_NONE || l->in->fuse_ma == NUM_NONE ||
		    magnitude(ma) <= l->in->fuse_ma * 11 / 10 + 1000)
			continue;
		add(l, FINDING_above_breaker, k, "%s reads %s behind a breaker of %s: check ct= and the profile, or the line is overloaded",
		    phase(l, k).t, amperes(ma).t, amperes(l->in->fuse_ma).t);
	}
}

static void look_running(struct look *l)
{
	const struct meter_state *r = l->in->running;
	enum meter_status status;
	int64_t wh;
	char text[160];

	if (!r)
		return;
	status = meter_status(r, l->in->now);
	wh = meter_uncounted_wh(r);
	if (status != METER_OK && status != METER_UNKNOWN) {
		meter_fault_text(r, text, sizeof(text));
		add(l, FINDING_running, -1, "while it is polled it is %s%s%s", meter_status_name(status), *text ? ": " : "", text);
	}
	if (wh != NUM_NONE && wh >= UNCOUNTED_WH)
		add(l, FINDING_energy_stands, -1,
		    "%lld.%lld kWh were imported and the energy counter has not moved: it is another register, or the meter counts the other way (invert=)",
		    (long long)(wh / 1000), (long long)(wh % 1000 / 100));
}

static void look_pace(struct look *l)
{
	int64_t poll = l->in->poll_us, took = l->in->took_us;

	if (poll != NUM_NONE && took > poll)
		add(l, FINDING_slow, -1, "reading it takes %lld ms, longer than poll=%lldms: raise poll=, or use a faster line",
		    (long long)(took / US_PER_MS), (long long)(poll / US_PER_MS));
	if (poll != NUM_NONE && poll >= l->setup->stale_us)
		add(l, FINDING_poll_stale, -1, "values are stale after %lld ms and come every %lld ms only: raise stale_after= or poll more often",
		    (long long)(l->setup->stale_us / US_PER_MS), (long long)(poll / US_PER_MS));
}

static void look_load(struct look *l)
{
	for (int k = 0; k < PHASES; k++)
		if (wired(l, k) && (current(l, k) == NUM_NONE || magnitude(current(l, k)) >= LOAD_MA || cars(l, k) >= CAR_MA))
			return;
	if (l->wired)
		add(l, FINDING_no_load, -1, "no current flows: directions and phases cannot be judged (check again under load)");
}

void findings_find(const struct findings_in *in, struct findings *out)
{
	struct look l = { in, meter_setup(in->m), out, 0, 0 };

	out->count = 0;
	for (int i = 0; i < PHASES; i++) {
		int k = l.setup->phase[i];

		if (k < 0 || !profile_reg(l.setup->profile, (enum meter_var)(METER_current_l1 + i)))
			continue;
		/* An inverter has the phases whose current it tells. */
		if (!l.setup->profile->power_suffices || current(&l, k) != NUM_NONE)
			l.wired |= (phase_mask_t)(1 << k);
	}
	look_identity(&l);
	look_missing(&l);
	look_range(&l);
	look_voltage(&l);
	look_frequency(&l);
	look_power(&l);
	look_sum(&l);
	look_direction(&l);
	look_cars(&l);
	look_transformers(&l);
	look_breaker(&l);
	look_running(&l);
	look_pace(&l);
	look_load(&l);
}
