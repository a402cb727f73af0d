/* balance/trust.c - catches connectors that draw more than they may, or report what cannot be.
 *
 * ocpp.md: "Accepted" and then ignored: verify by meter values, send again, then treat as
 * uncontrollable. Cars ramp, and stations report averages: a sample counts only when W has stood
 * for a while at what it is, which already includes the settle time (gate.c).
 */
#include "balance/model.h"

#define TOLERANCE_MA	  INT64_C(1000)		/* or a tenth, whichever is more */
#define NEGATIVE_NOISE_MA INT64_C(500)
#define AVERAGE_US	  (10 * US_PER_S)	/* of MeterValueSampleInterval, over which some average */
#define APART_US	  (4 * US_PER_S)	/* samples that are closer say the same */

enum { CAUGHT_ROW = 2, STRANGE_ROW = 2, GOOD_ROW = 3, LONGEST = 5 };

bool trust_doubted(const struct conn *c)
{
	return c->trust.state != TRUST_OBEYS;
}

int64_t trust_drawn(const struct conn *c, int phase)
{
	return c->trust.counts ? c->trust.drawn[phase] : 0;
}

/* No cable and no contactor of it carries more. */
static int64_t most_possible(const struct conn *c)
{
	return c->conf.max_ma + c->conf.max_ma / 4;
}

/* ---- what may be believed ------------------------------------------------------------------------ */

static bool believe(const struct conn *c, struct phase_ma *draw, int64_t *strange_ma)
{
	bool plain = true;

	for (int k = 0; k < PHASES; k++) {
		int64_t ma = draw->l[k];

		if (ma == NUM_NONE)
			continue;
		if (ma >= -NEGATIVE_NOISE_MA && ma <= most_possible(c)) {
			draw->l[k] = ma > 0 ? ma : 0;
			continue;
		}
		*strange_ma = ma;
		plain = false;
		draw->l[k] = ma > 0 ? most_possible(c) : NUM_NONE;
	}
	return plain;
}

static void count_strange(struct balance *b, struct trust *t, bool plain)
{
	t->strange_now = !plain;
	t->strange_row = plain ? 0 : t->strange_row + 1;
	t->plain_row = plain ? t->plain_row + 1 : 0;
	if (t->strange ? t->plain_row < GOOD_ROW : t->strange_row < STRANGE_ROW)
		return;
	t->strange = !t->strange;
	t->plain_row = t->strange_row = 0;
	b->dirty = true;
}

/* ---- does it obey? ---------------------------------------------------------------------------------- */

static bool is_over(const struct conn *c, const struct phase_ma *draw)
{
	int64_t may = c->trust.may_ma;
	int64_t most = may + (may / 10 > TOLERANCE_MA ? may / 10 : TOLERANCE_MA);

	for (int k = 0; k < PHASES; k++)
		if (draw->l[k] != NUM_NONE && draw->l[k] > most)
			return true;
	return false;
}

static void reserve(struct trust *t, const struct phase_ma *draw)
{
	t->counts = true;
	for (int k = 0; k < PHASES; k++)
		if (draw->l[k] != NUM_NONE && draw->l[k] > t->drawn[k])
			t->drawn[k] = draw->l[k];
}

static void caught(struct balance *b, struct conn *c, const struct phase_ma *draw, mono_t at)
{
	struct trust *t = &c->trust;

	t->state = t->state == TRUST_OBEYS ? TRUST_ASKED : TRUST_IGNORES;
	if (t->state == TRUST_ASKED) {
		t->lies++;
		/* It may have lost them: they are sent again. */
		for (int kind = 0; kind < GATE_KINDS; kind++)
			c->gate.claims[kind].sure = false;
	}
	t->over_row = t->good_row = 0;
	t->caught_at = at;
	reserve(t, draw);
	b->dirty = b->urgent = true;
}

/* It obeys as far as can be seen, for longer each time that it had been caught. */
static bool proven(const struct trust *t)
{
	int times = t->lies - 1 < LONGEST ? t->lies - 1 : LONGEST;

	return t->accepted_at > t->caught_at && t->good_row >= GOOD_ROW << times;
}

static void forgive(struct balance *b, struct trust *t)
{
	t->state = TRUST_OBEYS;
	t->counts = false;
	for (int k = 0; k < PHASES; k++)
		t->drawn[k] = 0;
	b->dirty = b->urgent = true;
}

static void count_over(struct balance *b, struct conn *c, const struct phase_ma *draw, mono_t at)
{
	struct trust *t = &c->trust;

	t->good_row = 0;
	if (trust_doubted(c)) {
		reserve(t, draw);
		b->dirty = b->urgent = true;
		/* It is given time to obey what it is told again. */
		if (t->state == TRUST_IGNORES || t->accepted_at <= t->caught_at ||
		    at < t->accepted_at + c->conf.settle_us + AVERAGE_US)
			return;
	}
	if (++t->over_row >= CAUGHT_ROW)
		caught(b, c, draw, at);
}

static void count_good(struct balance *b, struct conn *c)
{
	struct trust *t = &c->trust;

	t->over_row = 0;
	t->good_row++;
	if (trust_doubted(c) && proven(t))
		forgive(b, t);
}

bool trust_sample(struct balance *b, struct conn *c, struct phase_ma *draw, bool nonsense, mono_t at)
{
	struct trust *t = &c->trust;
	int64_t strange_ma = NUM_NONE;
	bool plain = believe(c, draw, &strange_ma) && !nonsense, known = false;

	for (int k = 0; k < PHASES; k++)
		known |= draw->l[k] != NUM_NONE;
	if (!known && plain)
		return true;	/* says nothing */
	if (!plain)
		t->strange_ma = strange_ma;
	count_strange(b, t, plain);
	if (!known || at < t->counted_at + APART_US || at < t->fell_at + AVERAGE_US)
		return plain;
	t->counted_at = at;
	if (is_over(c, draw))
		count_over(b, c, draw, at);
	else if (plain)
		count_good(b, c);
	return plain;
}

/* ---- what happens besides --------------------------------------------------------------------------- */

void trust_turn(struct conn *c, bool online, mono_t now)
{
	int64_t may = gate_may(c, online);

	if (may < c->trust.may_ma)
		c->trust.fell_at = now;
	c->trust.may_ma = may;
}

/* One that was caught is given another chance, but what it drew stays reserved from the beginning. */
void trust_tx_begin(struct conn *c)
{
	if (!trust_doubted(c))
		return;
	c->trust.state = TRUST_ASKED;
	c->trust.counts = true;
}

/* No car, no draw. */
void trust_tx_end(struct conn *c)
{
	c->trust.counts = false;
	c->trust.over_row = c->trust.good_row = 0;
}

void trust_accepted(struct conn *c, mono_t now)
{
	c->trust.accepted_at = now;
}
