/* meter/plausible.c - whether what a meter says can be true.
 *
 * A wrong current is worse than none: none leads to the zone's meter_lost current, a wrong one to a
 * blown fuse. So currents are refused at the first contradiction; where measuring at slightly
 * different moments can explain one, at the second in a row.
 */
#include "meter/state.h"

#define VOLTAGE_MISSING_MV 50000	/* below: the phase is off */
#define VOLTAGE_MIN_MV	   90000
#define VOLTAGE_MAX_MV	   300000
#define CURRENT_NOISE_MA   1000
#define CARS_DRAW_MA	   3000
#define SUM_TOLERANCE_W	   300
#define JUMP_CONFIRMED	   3
#define SUM_CONFIRMED	   2
#define ENERGY_CONFIRMED   3
#define COUNTING_GAP_US	   (60 * US_PER_S)

static int64_t magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

static bool good(const struct meter_state *m, int var)
{
	return m->value[var].quality == METER_Q_GOOD;
}

static bool has(const struct meter_state *m, int var)
{
	return m->has & METER_BIT(var);
}

static void set_fault(struct meter_state *m, unsigned fault, bool on)
{
	m->faults = on ? m->faults | fault : m->faults & ~fault;
}

/* Everything that steering needs was read just now. */
static bool complete(const struct meter_state *m, uint64_t renewed)
{
	for (int i = 0; i < PHASES; i++) {
		int var = METER_current_l1 + i;

		if (has(m, var) && (!(renewed & METER_BIT(var)) || !good(m, var)))
			return false;
	}
	return true;
}

static void judge_voltage(struct meter_state *m, mono_t at, int64_t cars_ma)
{
	int voltages = 0, missing = 0, flowing = 0;
	bool wrong = false;

	for (int i = 0; i < PHASES; i++) {
		int64_t mv = m->value[METER_voltage_l1n + i].v;
		bool flows = good(m, METER_current_l1 + i) && m->value[METER_current_l1 + i].v != 0;

		flowing += flows;
		if (m->value[METER_voltage_l1n + i].quality == METER_Q_RANGE)
			wrong = true;
		if (!good(m, METER_voltage_l1n + i))
			continue;
		voltages++;
		if (mv < VOLTAGE_MISSING_MV) {
			missing++;
			if (flows && magnitude(m->value[METER_current_l1 + i].v) > CURRENT_NOISE_MA)
				wrong = true;
		} else if (mv < VOLTAGE_MIN_MV || mv > VOLTAGE_MAX_MV) {
			wrong = true;
		}
	}
	set_fault(m, METER_FAULT_VOLTAGE, wrong);
	if (flowing)
		m->zero_since = MONO_NEVER;
	else if (m->zero_since == MONO_NEVER)
		m->zero_since = at;
	set_fault(m, METER_FAULT_ZERO, !flowing && ((voltages && voltages == missing) || cars_ma >= CARS_DRAW_MA));
}

/* The total counts only when it was read together with the phases. */
static void judge_power_sum(struct meter_state *m, uint64_t renewed)
{
	int64_t total = m->value[METER_power_total].v, sum = 0, tolerance;
	uint64_t need = METER_BIT(METER_power_total);

	for (int i = 0; i < PHASES; i++) {
		need |= METER_BIT(METER_power_l1 + i);
		sum += good(m, METER_power_l1 + i) ? m->value[METER_power_l1 + i].v : 0;
	}
	if ((renewed & need) != need || !good(m, METER_power_total))
		return;
	for (int i = 0; i < PHASES; i++)
		if (!good(m, METER_power_l1 + i))
			return;
	tolerance = SUM_TOLERANCE_W + magnitude(sum) / 7;
	m->sum_count = magnitude(sum - total) > tolerance ? m->sum_count + 1 : 0;
	set_fault(m, METER_FAULT_POWER_SUM, m->sum_count >= SUM_CONFIRMED);
}

static bool far(const struct phase_ma *a, const struct phase_ma *b, int64_t limit)
{
	for (int i = 0; i < PHASES; i++)
		if (a->l[i] != NUM_NONE && b->l[i] != NUM_NONE &&
		    magnitude(a->l[i] - b->l[i]) > limit)
			return true;
	return false;
}

/* A jump must be seen again to be believed; a level that no breaker carries is never believed. */
static void judge_jump(struct meter_state *m)
{
	int64_t limit = m->setup.breaker_ma;
	struct phase_ma now;
	bool beyond = false;

	if (limit == NUM_NONE)
		return;
	for (int i = 0; i < PHASES; i++) {
		now.l[i] =
			has(m, METER_current_l1 + i) ? m->value[METER_current_l1 + i].v : NUM_NONE;
		beyond = beyond || (now.l[i] != NUM_NONE && magnitude(now.l[i]) > 2 * limit);
	}
	if (!beyond && far(&now, &m->last, 2 * limit)) {
		m->jump_count =
			m->jump_count && !far(&now, &m->jump_to, limit) ? m->jump_count + 1 : 1;
		m->jump_to = now;
	} else {
		m->jump_count = 0;
	}
	if (m->jump_count >= JUMP_CONFIRMED)
		m->jump_count = 0;
	set_fault(m, METER_FAULT_JUMP, beyond || m->jump_count > 0);
	if (!(m->faults & METER_FAULT_JUMP))
		m->last = now;
}

/* Voltage and frequency never stand still to the last digit; without them it takes longer to be
 * sure. */
static void judge_frozen(struct meter_state *m, mono_t at)
{
	int64_t limit = m->setup.frozen_us;
	bool loaded = false;

	for (int i = 0; i < PHASES; i++)
		loaded =
			loaded || (good(m, METER_current_l1 + i) &&
				   magnitude(m->value[METER_current_l1 + i].v) >= CURRENT_NOISE_MA);
	if (!good(m, METER_voltage_l1n) && !good(m, METER_frequency))
		limit *= 5;
	set_fault(m, METER_FAULT_FROZEN, limit && loaded && at - m->changed_at > limit);
}

/* Wh that the line can carry in the time, at 300 V and twice the breaker. */
static int64_t energy_possible(const struct meter_state *m, int64_t us)
{
	int64_t amperes = 2 * m->setup.breaker_ma / 1000 + 1;

	return amperes * PHASES * 300 * (us / US_PER_S + 1) / 3600 + 1000;
}

static void judge_counter(struct meter_state *m, int var, mono_t at)
{
	int64_t v = m->value[var].v, old = m->energy[var].v;
	int64_t grain = 20 + (old >> 21);	/* what 24 bits of an f32 can still tell apart */
	bool wrong = false;

	if (m->energy[var].known) {
		wrong = v < old - grain;
		if (m->setup.breaker_ma != NUM_NONE)
			wrong = wrong ||
				v - old > grain + energy_possible(m, at - m->energy[var].at);
	}
	if (wrong && ++m->energy[var].count < ENERGY_CONFIRMED) {
		m->value[var].quality = METER_Q_SUSPECT;
		return;
	}
	m->energy[var].known = true;
	m->energy[var].v = v;	/* a counter that stays there was reset, or the meter replaced */
	m->energy[var].at = at;
	m->energy[var].count = 0;
}

static void judge_energy(struct meter_state *m, uint64_t renewed, mono_t at)
{
	bool any = false;

	for (int var = 0; var < METER_VAR_COUNT; var++) {
		if (meter_var_info((enum meter_var)var)->dim != METER_DIM_ENERGY)
			continue;
		if (renewed & METER_BIT(var) && good(m, var))
			judge_counter(m, var, at);
		any = any || m->energy[var].count > 0;
	}
	set_fault(m, METER_FAULT_ENERGY, any);
}

/* Adds up what goes by until the import counter moves. A gap between powers is not guessed at. */
static void note_counting(struct meter_state *m, uint64_t renewed, mono_t at)
{
	int64_t wh = m->value[METER_energy_import_total].v, w = m->value[METER_power_total].v;

	if (renewed & METER_BIT(METER_energy_import_total) && good(m, METER_energy_import_total) &&
	    wh != m->counting.v) {
		m->counting.v = wh;
		m->counting.passed_ws = 0;
	}
	if (!good(m, METER_power_total))
		return;
	if (m->counting.at != INT64_MIN && at - m->counting.at < COUNTING_GAP_US && w > 0)
		m->counting.passed_ws += w * (at - m->counting.at) / US_PER_S;
	m->counting.at = at;
}

void meter_judge(struct meter_state *m, uint64_t renewed, mono_t at, int64_t cars_ma)
{
	const uint64_t currents =
		METER_BIT(METER_current_l1) | METER_BIT(METER_current_l2) | METER_BIT(METER_current_l3);

	judge_energy(m, renewed, at);
	note_counting(m, renewed, at);
	/* Who tells a meter's values may tell its energy apart from them. */
	if (!(m->setup.profile->pushed ? renewed & currents : m->has & currents)) {
		if (!(m->has & currents))	/* an inverter that has stopped telling them */
			m->faults &= ~(unsigned)METER_FAULTS_OF_CURRENT;
		return;
	}
	set_fault(m, METER_FAULT_READ, !complete(m, renewed));
	if (m->faults & METER_FAULT_READ)
		return;
	judge_voltage(m, at, cars_ma);
	judge_power_sum(m, renewed);
	judge_jump(m);
	judge_frozen(m, at);
}
