/* ocpp/inbound/meter_values.c - quirks of meter values, one small function each. */
#include "ocpp/inbound/meter_values.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "ocpp/message.h"

#define VOLTAGE_NOMINAL_MV 230000
#define CURRENT_SEEN_MA 1000
#define POWER_MAX_W INT64_C(10000000)

enum measure { MEASURE_CURRENT, MEASURE_POWER, MEASURE_REGISTER, MEASURE_VOLTAGE, MEASURE_NONE };

/* Values of one message: as a total (or without a phase), and per label. */
struct collected {
	int64_t total[MEASURE_NONE];
	int64_t phase[MEASURE_NONE][PHASES];
	bool nonsense;		/* a current is no number */
};

struct unit {
	enum measure measure;
	const char *name;
	int64_t scale;		/* of the number, to W, Wh, mA, mV */
};

/* The first of each measure is its default. */
static const struct unit units[] = {
	{ MEASURE_CURRENT, "A", 1000 }, { MEASURE_CURRENT, "mA", 1 },
	{ MEASURE_POWER, "W", 1 }, { MEASURE_POWER, "kW", 1000 },
	{ MEASURE_REGISTER, "Wh", 1 }, { MEASURE_REGISTER, "kWh", 1000 },
	{ MEASURE_VOLTAGE, "V", 1000 },
};

/* Most words differ in their first letter. */
static bool is_word(const char *a, const char *b)
{
	return ((a[0] ^ b[0]) & ~0x20) == 0 && strcasecmp(a, b) == 0;
}

static enum measure measure_of(const char *measurand)
{
	/* OCPP 1.6, 7.43: the default. */
	if (!measurand || is_word(measurand, "Energy.Active.Import.Register"))
		return MEASURE_REGISTER;
	if (is_word(measurand, "Power.Active.Import"))
		return MEASURE_POWER;
	if (is_word(measurand, "Current.Import"))
		return MEASURE_CURRENT;
	if (is_word(measurand, "Voltage"))
		return MEASURE_VOLTAGE;
	return MEASURE_NONE;
}

/* -1: no phase named, -2: one that says nothing here (N, L1-L2). */
static int phase_of(const char *phase)
{
	if (!phase || !*phase)
		return -1;
	if ((phase[0] != 'L' && phase[0] != 'l') || phase[1] < '1' || phase[1] > '3')
		return -2;
	return phase[2] == '\0' || strcasecmp(phase + 2, "-N") == 0 ? phase[1] - '1' : -2;
}

static int64_t scale_of(enum measure measure, const char *unit)
{
	const struct unit *first = NULL;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (units[i].measure != measure)
			continue;
		if (!first)
			first = &units[i];
		if (unit && is_word(units[i].name, unit))
			return units[i].scale;
	}
	return unit && *unit ? 0 : first->scale;
}

/* "16,5" is a number to some; blanks around it are text_fixed's. */
static bool read_value(const struct json *j, int64_t scale, int64_t *out)
{
	char text[40];
	char *comma;

	if (!ocpp_read_text(j) || j->len >= sizeof(text))
		return false;
	memcpy(text, j->text, j->len + 1);
	comma = strchr(text, ',');
	if (comma && !strchr(text, '.') && !strchr(comma + 1, ','))
		*comma = '.';
	return text_fixed(text, strlen(text), scale, out) == 0;
}

/* A current beyond all belief is told as the largest there is: who judges the station shall see it. */
static int64_t bounded(enum measure measure, int64_t v)
{
	if (measure != MEASURE_CURRENT)
		return v;
	return v > LIMIT_MAX_MA ? LIMIT_MAX_MA : v < -LIMIT_MAX_MA ? -LIMIT_MAX_MA : v;
}

static bool plausible(enum measure measure, int64_t v)
{
	switch (measure) {
	case MEASURE_CURRENT:
		return true;	/* bounded() */
	case MEASURE_POWER:
		return v >= -POWER_MAX_W && v <= POWER_MAX_W;
	case MEASURE_REGISTER:
		return v >= 0;
	case MEASURE_VOLTAGE:
		return v >= 0 && v <= 1000 * VOLTAGE_NOMINAL_MV;
	case MEASURE_NONE:
		break;
	}
	return false;
}

static void collect_one(const struct json *sample, struct collected *c)
{
	enum measure measure = measure_of(json_str(json_get(sample, "measurand"), NULL));
	const char *location = json_str(json_get(sample, "location"), "Outlet");
	int phase = phase_of(json_str(json_get(sample, "phase"), NULL));
	int64_t scale, value;

	/* The car's own view, and the inlet of the whole station, are not what this connector draws. */
	if (measure == MEASURE_NONE || phase == -2 || meter_value_is_signed(sample) || is_word(location, "EV") ||
	    is_word(location, "Inlet"))
		return;
	scale = scale_of(measure, json_str(json_get(sample, "unit"), NULL));
	if (scale == 0)
		return;
	if (!read_value(json_get(sample, "value"), scale, &value)) {
		c->nonsense |= measure == MEASURE_CURRENT && *json_str(json_get(sample, "value"), "");
		return;
	}
	if (!plausible(measure, value))
		return;
	value = bounded(measure, value);
	if (phase < 0)
		c->total[measure] = value;
	else
		c->phase[measure][phase] = value;
}

static void collect_begin(struct collected *c, wall_t *time)
{
	for (int m = 0; m < MEASURE_NONE; m++) {
		c->total[m] = NUM_NONE;
		for (int k = 0; k < PHASES; k++)
			c->phase[m][k] = NUM_NONE;
	}
	c->nonsense = false;
	*time = WALL_NONE;
}

static void collect(const struct json *mv, struct collected *c, wall_t *time)
{
	const struct json *samples = json_get(mv, "sampledValue"), *stamp = json_get(mv, "timestamp");

	if (json_str(stamp, NULL) && rfc3339_parse(stamp->text, stamp->len, time) != 0)
		*time = WALL_NONE;
	for (const struct json *v = samples ? samples->first : NULL; v; v = v->next)
		collect_one(v, c);
}

static int64_t total_or_sum(const struct collected *c, enum measure m)
{
	int64_t sum = NUM_NONE;

	if (c->total[m] != NUM_NONE)
		return c->total[m];
	for (int k = 0; k < PHASES; k++) {
		if (c->phase[m][k] != NUM_NONE)
			sum = (sum == NUM_NONE ? 0 : sum) + c->phase[m][k];
	}
	return sum;
}

static bool silent(int64_t ma)
{
	return ma == NUM_NONE || ma == 0;
}

/* Stations with one current transformer send L1 and zeros: the power says that all three are used. */
static void undo_placeholders(const struct collected *c, struct meter_reading *out)
{
	int64_t *l = out->current.l, volt_mv = c->phase[MEASURE_VOLTAGE][0], three_w;

	if (volt_mv == NUM_NONE)
		volt_mv = c->total[MEASURE_VOLTAGE];
	if (volt_mv == NUM_NONE || volt_mv < VOLTAGE_NOMINAL_MV / 2)
		volt_mv = VOLTAGE_NOMINAL_MV;
	if (out->power_w == NUM_NONE || l[0] == NUM_NONE || l[0] < CURRENT_SEEN_MA || !silent(l[1]) ||
	    !silent(l[2]))
		return;
	three_w = 3 * l[0] * volt_mv / 1000000;
	if (out->power_w * 10 < three_w * 8 || out->power_w * 10 > three_w * 12)
		return;
	l[1] = l[2] = l[0];
}

static void conclude(const struct collected *c, struct meter_reading *out)
{
	bool any = false;

	out->power_w = total_or_sum(c, MEASURE_POWER);
	out->register_wh = total_or_sum(c, MEASURE_REGISTER);
	for (int k = 0; k < PHASES; k++) {
		out->current.l[k] = c->phase[MEASURE_CURRENT][k];
		any = any || out->current.l[k] != NUM_NONE;
	}
	for (int k = 0; !any && k < PHASES; k++)
		out->current.l[k] = c->total[MEASURE_CURRENT];
	undo_placeholders(c, out);
	out->nonsense = c->nonsense;
}

void meter_values_read(const struct json *list, struct meter_reading *out)
{
	struct collected c;

	collect_begin(&c, &out->time);
	for (const struct json *mv = list && list->type == JSON_ARRAY ? list->first : NULL; mv; mv = mv->next)
		collect(mv, &c, &out->time);
	conclude(&c, out);
}

void meter_value_read(const struct json *mv, struct meter_reading *out)
{
	struct collected c;

	collect_begin(&c, &out->time);
	collect(mv, &c, &out->time);
	conclude(&c, out);
}

bool meter_value_is_signed(const struct json *sample)
{
	return strcasecmp(json_str(json_get(sample, "format"), ""), "SignedData") == 0;
}

static int64_t largest(const struct phase_ma *p)
{
	int64_t max = NUM_NONE;

	for (int k = 0; k < PHASES; k++) {
		if (p->l[k] > max)
			max = p->l[k];
	}
	return max;
}

void meter_values_to_grid(const struct phase_ma *labelled, const char *wiring, struct phase_ma *grid)
{
	static const char letters[] = "RST";

	for (int k = 0; k < PHASES; k++)
		grid->l[k] = NUM_NONE;
	if (!wiring || strcmp(wiring, "unknown") == 0) {
		/* It counts on all three phases, so what it draws on any does. */
		for (int k = 0; k < PHASES; k++)
			grid->l[k] = largest(labelled);
		return;
	}
	if (wiring[0] == 'L') {
		if (wiring[1] >= '1' && wiring[1] <= '3')
			grid->l[wiring[1] - '1'] = labelled->l[0] != NUM_NONE ? labelled->l[0] : largest(labelled);
		return;
	}
	for (int k = 0; k < PHASES && wiring[k]; k++) {
		const char *letter = strchr(letters, wiring[k]);

		if (letter && *letter)
			grid->l[letter - letters] = labelled->l[k];
	}
}
