/* meter/meter.c - from blocks of registers to the values of one installed meter. */
#include "meter/meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "meter/state.h"

_Static_assert(METER_VAR_COUNT <= 64, "sets of variables are 64-bit masks");

/* The values of one reading while they still are by the device's phases. */
struct intake {
	struct meter_value value[METER_VAR_COUNT];
	uint64_t set;
	uint64_t multiplied;	/* by the ratio of the transformers, already */
};

static const enum meter_var line_voltage[PHASES] = { METER_voltage_l12, METER_voltage_l23,
						     METER_voltage_l31 };

static bool is_line_voltage(enum meter_var var)
{
	return var >= METER_voltage_l12 && var <= METER_voltage_l31;
}

int meter_to_grid(const struct meter_setup *s, enum meter_var var)
{
	int phase = meter_var_info(var)->phase;
	int a, b;

	if (phase < 0)
		return (int)var;
	a = s->phase[phase];
	if (!is_line_voltage(var))
		return a < 0 ? -1 : (int)var - phase + a;
	b = s->phase[(phase + 1) % PHASES];
	if (a < 0 || b < 0)
		return -1;
	for (int i = 0; i < PHASES; i++)
		if ((a == i && b == (i + 1) % PHASES) || (b == i && a == (i + 1) % PHASES))
			return (int)line_voltage[i];
	return -1;
}

/* What there is to know, and how often. */
static void learn_profile(struct meter_state *m)
{
	const struct meter_profile *p = m->setup.profile;
	struct meter_plan plan;

	m->has = m->fast = 0;
	for (size_t i = 0; i < p->reg_count && !p->pushed; i++) {
		int var = meter_to_grid(&m->setup, p->regs[i].var);

		if (var < 0)
			continue;
		m->has |= METER_BIT(var);
		if (p->regs[i].group == METER_FAST)
			m->fast |= METER_BIT(var);
	}
	m->slow_stale_us = m->setup.stale_us;
	if (!p->pushed && plan_make(p, &plan, NULL) == 0)
		m->slow_stale_us += (m->setup.poll_us ? m->setup.poll_us : m->setup.stale_us) * 2 *
				    (plan.count - plan.fast_count);
}

/* The device has other models than before: what it has no more is not known any more. */
static void learn_models(struct meter_state *m, uint32_t models)
{
	if (!m->models_of || models == m->models)
		return;
	m->models = models;
	profile_free(m->own);
	m->setup.profile = m->own = profile_resolve(m->models_of, models);
	learn_profile(m);
	for (int i = 0; i < METER_VAR_COUNT; i++)
		if (!(m->has & METER_BIT(i)))
			m->value[i] = (struct meter_value){ NUM_NONE, INT64_MIN, WALL_NONE, METER_Q_NONE };
	m->raw_known = 0;
}

/* The phases that an inverter has are those whose current it tells. */
static void learn_phases(struct meter_state *m, const struct intake *in)
{
	for (int i = 0; i < PHASES && m->setup.profile->power_suffices; i++) {
		enum meter_var var = (enum meter_var)(METER_current_l1 + i);
		int at = meter_to_grid(&m->setup, var);

		if (at < 0 || !(in->set & METER_BIT(var)))
			continue;
		if (in->value[var].quality == METER_Q_INVALID || in->value[var].quality == METER_Q_NAN)
			m->has &= ~METER_BIT(at);
		else
			m->has |= METER_BIT(at);
	}
}

struct meter_state *meter_new(const struct meter_setup *setup)
{
	struct meter_state *m = xcalloc(1, sizeof(*m));

	m->setup = *setup;
	snprintf(m->id, sizeof(m->id), "%s", setup->id ? setup->id : "");
	m->setup.id = m->id;
	for (int i = 0; i < METER_VAR_COUNT; i++)
		m->value[i] = (struct meter_value){ NUM_NONE, INT64_MIN, WALL_NONE, METER_Q_NONE };
	for (int i = 0; i < PHASES; i++)
		m->last.l[i] = m->jump_to.l[i] = NUM_NONE;
	if (setup->profile->model_count) {
		m->models_of = setup->profile;
		m->setup.profile = m->own = profile_resolve(m->models_of, 0);
	}
	learn_profile(m);
	m->answered_at = m->changed_at = m->good_at = INT64_MIN;
	m->zero_since = MONO_NEVER;
	m->counting.v = NUM_NONE;
	m->counting.at = INT64_MIN;
	m->good_wall = WALL_NONE;
	m->latency_us = NUM_NONE;
	return m;
}

void meter_free(struct meter_state *m)
{
	if (m)
		profile_free(m->own);
	free(m);
}

const struct meter_setup *meter_setup(const struct meter_state *m)
{
	return &m->setup;
}

/* ---- reading ------------------------------------------------------------------------------ */

static const struct meter_block *find_block(const struct meter_reading *r, uint8_t fc,
					    unsigned addr, int words)
{
	for (size_t i = 0; i < r->block_count; i++) {
		const struct meter_block *b = &r->blocks[i];

		if (b->fc == fc && addr >= b->addr &&
		    addr + (unsigned)words <= (unsigned)b->addr + b->count)
			return b;
	}
	return NULL;
}

static void note_raw(struct meter_state *m, enum meter_var var, uint64_t raw, mono_t at)
{
	if (!(m->raw_known & METER_BIT(var)) || m->raw[var] != raw)
		m->changed_at = at;
	m->raw[var] = raw;
	m->raw_known |= METER_BIT(var);
}

static bool flows(enum meter_dim dim)
{
	return dim == METER_DIM_CURRENT || dim == METER_DIM_POWER || dim == METER_DIM_REACTIVE ||
	       dim == METER_DIM_APPARENT || dim == METER_DIM_ENERGY;
}

/* The register behind its transformers: multiplied before it is rounded, as far as the numbers allow; half a watt of
 * the secondary side is 3 kW behind 6000/1. True if it was. */
static bool through_ct(const struct meter_setup *s, const struct meter_reg *reg, struct meter_reg *out)
{
	int64_t by = s->ct_secondary == 5 ? 2 * s->ct_primary : s->ct_primary;

	*out = *reg;
	if (s->ct != METER_CT_RATIO || !flows(meter_var_info(reg->var)->dim) || reg->has_sf ||
	    reg->scale * by > METER_SCALE_MAX || reg->exp10 <= METER_EXP10_MIN)
		return false;
	out->scale = reg->scale * by;
	out->exp10 = reg->exp10 - (s->ct_secondary == 5);
	return true;
}

static void read_reg(struct meter_state *m, const struct meter_reading *r,
		     const struct meter_reg *reg, struct intake *in)
{
	const struct meter_block *b = find_block(r, reg->fc, reg->addr, reg_type_words(reg->type));
	const struct meter_block *sf = b;
	struct meter_value *v = &in->value[reg->var];
	struct meter_reg behind;
	const uint16_t *words;

	if (!b)
		return;
	if (reg->has_sf)
		sf = find_block(r, reg->fc, reg->sf_addr, 1);
	in->set |= METER_BIT(reg->var);
	v->at = b->at;
	v->wall = r->wall;
	v->quality = METER_Q_ERROR;
	if (b->err || !sf || sf->err)
		return;
	words = &b->words[reg->addr - b->addr];
	if (through_ct(&m->setup, reg, &behind))
		in->multiplied |= METER_BIT(reg->var);
	v->quality = meter_decode(&behind, words, reg->has_sf ? sf->words[reg->sf_addr - sf->addr] : 0,
				  &v->v);
	note_raw(m, reg->var, meter_raw(reg, words), b->at);
}

static bool usable(const struct intake *in, enum meter_var var)
{
	return in->set & METER_BIT(var) && in->value[var].quality == METER_Q_GOOD;
}

/* ---- the installation: transformers, directions, phases ------------------------------------ */

static int64_t times_ratio(int64_t v, int64_t primary, int64_t secondary)
{
	int64_t half = v < 0 ? -(secondary / 2) : secondary / 2;

	return (v * primary + half) / secondary;
}

static void multiply(const struct meter_setup *s, enum meter_dim dim, struct meter_value *v)
{
	const struct meter_dim_info *info = meter_dim_info(dim);
	int64_t max = INT64_MAX / s->ct_primary - s->ct_secondary;

	if (v->v > max || v->v < -max) {
		v->quality = METER_Q_RANGE;
		return;
	}
	v->v = times_ratio(v->v, s->ct_primary, s->ct_secondary);
	if (v->v < info->min || v->v > info->max)
		v->quality = METER_Q_RANGE;
}

static void apply_ct(const struct meter_setup *s, struct intake *in)
{
	if (s->ct != METER_CT_RATIO)
		return;
	for (int i = 0; i < METER_VAR_COUNT; i++) {
		enum meter_dim dim = meter_var_info((enum meter_var)i)->dim;

		if (usable(in, (enum meter_var)i) && flows(dim) && !(in->multiplied >> i & 1))
			multiply(s, dim, &in->value[i]);
	}
}

/* A magnitude gets its direction from the power of its phase; a single-phase meter, or one that
 * gives only the total, from that. Without any power it counts as import, the safe side. */
static void apply_direction(const struct meter_profile *p, struct intake *in)
{
	if (p->direction != METER_DIRECTION_POWER)
		return;
	for (int i = 0; i < PHASES; i++) {
		struct meter_value *current = &in->value[METER_current_l1 + i];
		int power = METER_power_l1 + i;

		if (!usable(in, (enum meter_var)(METER_current_l1 + i)))
			continue;
		/* What a SunSpec model has no value for, the device does not measure. */
		if (!profile_reg(p, (enum meter_var)power) ||
		    (p->resolved && in->value[power].quality == METER_Q_INVALID))
			power = METER_power_total;
		if (!profile_reg(p, (enum meter_var)power))
			continue;
		if (!usable(in, (enum meter_var)power)) {
			current->quality = METER_Q_ERROR;	/* half of it is missing */
			continue;
		}
		current->v = current->v < 0 ? -current->v : current->v;
		if (in->value[power].v < 0)
			current->v = -current->v;
	}
}

static void negate(struct intake *in, int var)
{
	if (usable(in, (enum meter_var)var))
		in->value[var].v = -in->value[var].v;
}

static void swap(struct intake *in, int a, int b)
{
	uint64_t has_a = in->set >> a & 1, has_b = in->set >> b & 1;
	struct meter_value v = in->value[a];

	in->value[a] = in->value[b];
	in->value[b] = v;
	in->set &= ~(METER_BIT(a) | METER_BIT(b));
	in->set |= has_a << b | has_b << a;
}

/* Only some phases turned: the device's own total is then of no use, ours is the sum. */
static void invert_total(phase_mask_t invert, phase_mask_t wired, struct intake *in)
{
	int64_t sum = 0;

	if ((invert & wired) == wired) {
		negate(in, METER_power_total);
		negate(in, METER_reactive_total);
		negate(in, METER_pf_total);
		swap(in, METER_energy_import_total, METER_energy_export_total);
		return;
	}
	if (!usable(in, METER_power_total))
		return;
	for (int i = 0; i < PHASES; i++) {
		if (!(wired >> i & 1))
			continue;
		if (!usable(in, (enum meter_var)(METER_power_l1 + i))) {
			in->value[METER_power_total].quality = METER_Q_ERROR;
			return;
		}
		sum += in->value[METER_power_l1 + i].v;
	}
	in->value[METER_power_total].v = sum;
}

static void apply_invert(const struct meter_setup *s, struct intake *in)
{
	phase_mask_t wired = 0;

	if (!s->invert)
		return;
	for (int i = 0; i < PHASES; i++) {
		if (profile_reg(s->profile, (enum meter_var)(METER_current_l1 + i)))
			wired |= (phase_mask_t)(1 << i);
		if (!(s->invert >> i & 1))
			continue;
		negate(in, METER_current_l1 + i);
		negate(in, METER_power_l1 + i);
		negate(in, METER_reactive_l1 + i);
		negate(in, METER_pf_l1 + i);
		swap(in, METER_energy_import_l1 + i, METER_energy_export_l1 + i);
	}
	invert_total(s->invert, wired, in);
}

static uint64_t store(struct meter_state *m, const struct intake *in)
{
	uint64_t renewed = 0;

	for (int i = 0; i < METER_VAR_COUNT; i++) {
		int var = in->set >> i & 1 ? meter_to_grid(&m->setup, (enum meter_var)i) : -1;

		if (var < 0)
			continue;
		renewed |= METER_BIT(var);
		/* A failed read has no number: the old one stays with its own time. */
		if (in->value[i].quality == METER_Q_ERROR) {
			m->value[var].quality = METER_Q_ERROR;
			continue;
		}
		m->value[var] = in->value[i];
		if (in->value[i].quality == METER_Q_NAN || in->value[i].quality == METER_Q_INVALID)
			m->value[var].v = NUM_NONE;	/* never a 0 that somebody might use */
	}
	return renewed;
}

/* Where the total is read in turns only, between its turns it is the sum of the phases: nobody
 * should see a total of some seconds ago beside the currents of now. */
static void derive_total(struct meter_state *m, uint64_t renewed)
{
	const uint64_t phases = METER_BIT(METER_power_l1) | METER_BIT(METER_power_l2) |
				METER_BIT(METER_power_l3);
	struct meter_value sum = m->value[METER_power_l1];

	if (!(m->has & METER_BIT(METER_power_total)) || renewed & METER_BIT(METER_power_total) ||
	    (renewed & phases) != phases)
		return;
	sum.v = 0;
	for (int i = 0; i < PHASES; i++) {
		if (m->value[METER_power_l1 + i].quality != METER_Q_GOOD)
			return;
		sum.v += m->value[METER_power_l1 + i].v;
	}
	m->value[METER_power_total] = sum;
}

bool meter_has_currents(const struct meter_state *m)
{
	return m->has & (METER_BIT(METER_current_l1) | METER_BIT(METER_current_l2) | METER_BIT(METER_current_l3));
}

bool meter_take(struct meter_state *m, const struct meter_reading *r)
{
	const struct meter_profile *p;
	struct intake in;
	uint64_t renewed;
	bool currents = false;

	snprintf(m->text, sizeof(m->text), "%s",
		 r->text || !r->err ? (r->text ? r->text : "") : lms_err_text(r->err));
	if (r->err) {
		m->faults |= METER_FAULT_SILENT;
		return false;
	}
	m->faults &= ~(unsigned)(METER_FAULT_SILENT | METER_FAULT_IDENTITY);
	if (r->identity < 0 && !m->setup.any_model)
		m->faults |= METER_FAULT_IDENTITY;
	m->latency_us = r->latency_us;
	m->answered_at = r->at;
	learn_models(m, r->models);
	p = m->setup.profile;
	memset(&in, 0, sizeof(in));
	for (size_t i = 0; i < p->reg_count; i++)
		read_reg(m, r, &p->regs[i], &in);
	learn_phases(m, &in);
	apply_ct(&m->setup, &in);
	apply_direction(p, &in);
	apply_invert(&m->setup, &in);
	renewed = store(m, &in);
	if (p->pushed)
		m->has = m->fast = m->has | renewed;
	derive_total(m, renewed);
	for (int i = 0; i < PHASES; i++)
		currents = currents || renewed & m->has & METER_BIT(METER_current_l1 + i);
	meter_judge(m, renewed, r->at, r->cars_ma);
	if (!meter_has_currents(m) && renewed & METER_BIT(METER_power_total) &&
	    m->value[METER_power_total].quality == METER_Q_GOOD) {
		m->good_at = m->value[METER_power_total].at;
		m->good_wall = m->value[METER_power_total].wall;
	} else if (currents && !(m->faults & METER_FAULTS_OF_CURRENT)) {
		m->good_at = r->at;
		m->good_wall = r->wall;
	}
	return currents;
}

/* ---- answers ------------------------------------------------------------------------------- */

const struct meter_value *meter_value(const struct meter_state *m, enum meter_var var)
{
	return &m->value[var];
}

enum meter_quality meter_quality(const struct meter_state *m, enum meter_var var, mono_t now)
{
	const struct meter_value *v = &m->value[var];
	int64_t max = m->fast & METER_BIT(var) ? m->setup.stale_us : m->slow_stale_us;

	if (v->at == INT64_MIN)	/* an error without any value before stays an error */
		return v->quality;
	if (v->quality == METER_Q_GOOD && (now - v->at > max || now - m->answered_at > m->setup.stale_us))
		return METER_Q_STALE;
	if (v->quality == METER_Q_GOOD && m->faults & METER_FAULT_IDENTITY)
		return METER_Q_SUSPECT;
	return v->quality;
}

enum meter_quality meter_quality_told(const struct meter_state *m, enum meter_var var, mono_t now)
{
	enum meter_quality q = meter_quality(m, var, now);
	enum meter_dim dim = meter_var_info(var)->dim;
	bool doubted = (dim == METER_DIM_CURRENT || dim == METER_DIM_POWER) && m->faults & METER_FAULTS_OF_CURRENT;

	return q == METER_Q_GOOD && doubted ? METER_Q_SUSPECT : q;
}

void meter_sample_currents(const struct meter_state *m, mono_t now, struct meter_currents *out)
{
	bool any = false;

	out->at = INT64_MIN;
	for (int i = 0; i < PHASES; i++) {
		const struct meter_value *current = &m->value[METER_current_l1 + i];
		enum meter_var volt = (enum meter_var)(METER_voltage_l1n + i);

		out->current.l[i] = current->quality == METER_Q_GOOD ? current->v : NUM_NONE;
		out->voltage_mv.l[i] =
			meter_quality(m, volt, now) == METER_Q_GOOD ? m->value[volt].v : NUM_NONE;
		if (!(m->has & METER_BIT(METER_current_l1 + i)))
			continue;
		/* The oldest of the three: what is said is true of a time not later than this. */
		if (!any || current->at < out->at)
			out->at = current->at;
		any = true;
	}
	out->good = any && !(m->faults & METER_FAULTS_OF_CURRENT) && out->at != INT64_MIN &&
		    now - out->at <= m->setup.stale_us;
}

/* By its total power, and where it has none, as a storage, by anything. */
static bool has_news(const struct meter_state *m, mono_t now)
{
	if (m->has & METER_BIT(METER_power_total))
		return meter_quality(m, METER_power_total, now) == METER_Q_GOOD;
	for (int i = 0; i < METER_VAR_COUNT; i++)
		if (m->has & METER_BIT(i) && meter_quality(m, (enum meter_var)i, now) == METER_Q_GOOD)
			return true;
	return false;
}

enum meter_status meter_status(const struct meter_state *m, mono_t now)
{
	struct meter_currents c;

	if (m->faults & METER_FAULT_SILENT)
		return METER_SILENT;
	if (m->changed_at == INT64_MIN)
		return m->faults ? METER_IMPLAUSIBLE : METER_UNKNOWN;
	if (m->faults & (METER_FAULTS_OF_CURRENT | METER_FAULT_ENERGY))
		return METER_IMPLAUSIBLE;
	meter_sample_currents(m, now, &c);
	/* A meter without phase currents (totals only) is judged by the age of what it has. */
	if (c.at == INT64_MIN)
		return has_news(m, now) ? METER_OK : METER_STALE;
	return c.good ? METER_OK : METER_STALE;
}

const char *meter_status_name(enum meter_status s)
{
	static const char *const names[] = { "unknown", "ok", "stale", "silent", "implausible" };

	return names[s];
}

mono_t meter_zero_since(const struct meter_state *m)
{
	return m->zero_since;
}

int64_t meter_uncounted_wh(const struct meter_state *m)
{
	return m->counting.v == NUM_NONE || m->counting.at == INT64_MIN ? NUM_NONE : m->counting.passed_ws / 3600;
}

unsigned meter_faults(const struct meter_state *m)
{
	return m->faults;
}

const char *meter_fault_text(const struct meter_state *m, char *out, size_t size)
{
	static const char *const texts[] = {
		"no answer",
		"currents or powers are missing or not numbers",
		"voltage is not that of a grid",
		"all currents read zero without voltage, or while cars draw",
		"phase powers do not add up to the total",
		"current beyond twice the breaker",
		"values do not change any more",
		"an energy counter jumped",
		"the device says that it is another model",
	};
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (m->faults >> i & 1 && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? "; " : "",
						texts[i]);
	/* What the bus said about it, if it did. */
	if (len && m->text[0] && len < size)
		snprintf(out + len, size - len, ": %s", m->text);
	return out;
}

mono_t meter_good_at(const struct meter_state *m)
{
	return m->good_at;
}

wall_t meter_good_wall(const struct meter_state *m)
{
	return m->good_wall;
}

int64_t meter_latency_us(const struct meter_state *m)
{
	return m->latency_us;
}
