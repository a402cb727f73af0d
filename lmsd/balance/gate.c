/* balance/gate.c - the accounting of W.
 *
 * What is never done here: crediting a station with a lower limit before it has accepted it and
 * its settle time has passed; cancelling what is on its way. An order that was refused or not
 * answered may have been carried out all the same: it stays in W until a later order of that kind
 * is accepted.
 */
#include "balance/record/journal.h"
#include "balance/model.h"

enum { UNCONTROLLABLE_STRIKES = 3 };

#define REFUSED_WAIT_US (2 * US_PER_S)
#define DROPPED_WAIT_US (1 * US_PER_S)
/* A station that just came may take this long to acknowledge before others have to give way. */
#define GRACE_US        (10 * US_PER_S)
#define BACKOFF_US      (10 * US_PER_S)
#define BACKOFF_MAX_US  (300 * US_PER_S)
#define IGNORED_WAIT_US (60 * US_PER_S)
/* A remote start's profile waits this long for its transaction. */
#define REMOTE_START_US (600 * US_PER_S)

/* ---- what may be obeyed ------------------------------------------------------------------- */

void gate_init(struct conn *c)
{
	c->gate = (struct gate){ .stored_ma = NUM_NONE, .again_ma = NUM_NONE, .wanted_ma = NUM_NONE };
	c->gate.claims[BAL_LIMIT_IDLE] =
		(struct claim){ .now_ma = NUM_NONE, .hold_ma = c->conf.max_ma };
	c->gate.claims[BAL_LIMIT_TX] = (struct claim){ .now_ma = NUM_NONE, .sure = true };
}

void gate_restore(struct conn *c, int64_t w_ma, bool idle_acked)
{
	struct claim *idle = &c->gate.claims[BAL_LIMIT_IDLE], *tx = &c->gate.claims[BAL_LIMIT_TX];

	if (w_ma < 0)
		return;
	c->gate.stored_ma = w_ma;
	c->gate.stored_acked = idle_acked;
	if (idle_acked || c->conf.proven)
		idle->hold_ma = w_ma > c->idle_ma ? w_ma : c->idle_ma;
	if (w_ma > idle->hold_ma)
		idle->hold_ma = w_ma;
	tx->hold_ma = w_ma;
	tx->sure = false;
	c->gate.fall_ma = w_ma;
}

static void claim_fall(struct claim *cl, int64_t ma, mono_t until)
{
	if (ma <= 0)
		return;
	if (cl->fall_count == GATE_FALLS) {
		if (ma > cl->falls[GATE_FALLS - 1].ma)
			cl->falls[GATE_FALLS - 1].ma = ma;
		if (until > cl->falls[GATE_FALLS - 1].until)
			cl->falls[GATE_FALLS - 1].until = until;
		return;
	}
	cl->falls[cl->fall_count].ma = ma;
	cl->falls[cl->fall_count++].until = until;
}

static int64_t claim_max(const struct claim *cl)
{
	int64_t w = cl->hold_ma;

	for (int i = 0; i < cl->fall_count; i++)
		if (cl->falls[i].ma > w)
			w = cl->falls[i].ma;
	return w;
}

static void claim_may_have(struct claim *cl, int64_t given_ma)
{
	if (given_ma > cl->hold_ma)
		cl->hold_ma = given_ma;
	cl->sure = false;
}

void gate_settle(struct conn *c, mono_t now, mono_t *due)
{
	for (int k = 0; k < GATE_KINDS; k++) {
		struct claim *cl = &c->gate.claims[k];
		int n = 0;

		for (int i = 0; i < cl->fall_count; i++) {
			if (cl->falls[i].until <= now)
				continue;
			if (cl->falls[i].until < *due)
				*due = cl->falls[i].until;
			cl->falls[n++] = cl->falls[i];
		}
		cl->fall_count = n;
	}
}

void gate_tx_begin(struct conn *c)
{
	struct claim *tx = &c->gate.claims[BAL_LIMIT_TX];

	/* A remote start's profile was accepted before its transaction existed. */
	tx->hold_ma = claim_max(tx);
	tx->fall_count = 0;
	c->gate.fall_ma = tx->hold_ma;
	c->gate.renew_at = 0;
	if (c->gate.strikes >= UNCONTROLLABLE_STRIKES)
		c->gate.strikes = UNCONTROLLABLE_STRIKES - 1;
	c->gate.again_ma = NUM_NONE;
}

/* A limit of a transaction is for that alone: the power on its way meets its car or none. As a
 * power that may meet any car it would count on one phase all at once, and nothing has left to make room. */
static void pending_tx_end(struct conn *c)
{
	for (int i = 0; i < c->gate.pending_count && c->watts && !c->conf.one_limit; i++) {
		struct pending *p = &c->gate.pending[i];

		if (p->kind != BAL_LIMIT_TX || !p->session || p->session != c->session)
			continue;
		p->spread = watts_spread(c, true);
		p->phases |= model_phases(c);
	}
}

void gate_tx_end(struct conn *c)
{
	/* Pending orders stay in W until they are answered. */
	pending_tx_end(c);
	c->gate.claims[BAL_LIMIT_TX] = (struct claim){
		.now_ma = NUM_NONE, .sure = true, .token = c->gate.claims[BAL_LIMIT_TX].token,
	};
	c->gate.fall_ma = 0;
	c->gate.beneath_ma = 0;
	c->gate.again_ma = NUM_NONE;
}

void gate_booted(struct conn *c, mono_t now)
{
	c->gate.came_at = now;
	for (int k = 0; k < GATE_KINDS; k++)
		c->gate.claims[k].sure = false;
	if (!c->conf.proven && c->gate.claims[BAL_LIMIT_IDLE].hold_ma < watts_full(c))
		c->gate.claims[BAL_LIMIT_IDLE].hold_ma = watts_full(c);
	for (int i = 0; i < c->gate.pending_count; i++)
		c->gate.pending[i].stale = true;
	c->gate.retry_at = 0;
	if (c->gate.strikes >= UNCONTROLLABLE_STRIKES)
		c->gate.strikes = UNCONTROLLABLE_STRIKES - 1;
}

void gate_other_method(struct conn *c, bool had_one_limit)
{
	/* At the station the limit of the transaction goes before any default, and so does one of a higher level before
	 * what has another id: what is told from now on may lower nothing until the transaction is over. */
	if (c->session && !had_one_limit) {
		c->gate.beneath_ma = gate_claim(c);
	} else if (!c->conf.one_limit && c->gate.beneath_ma > 0) {
		claim_may_have(&c->gate.claims[BAL_LIMIT_TX], c->gate.beneath_ma);
		c->gate.beneath_ma = 0;
	}
	for (int k = 0; k < GATE_KINDS; k++)
		c->gate.claims[k].sure = false;
	if (c->gate.claims[BAL_LIMIT_IDLE].hold_ma < watts_full(c))
		c->gate.claims[BAL_LIMIT_IDLE].hold_ma = watts_full(c);
	for (int i = 0; i < c->gate.pending_count; i++)
		c->gate.pending[i].stale = true;
	c->gate.retry_at = 0;
}

void gate_online(struct conn *c, bool online, mono_t now)
{
	if (!online)
		return;
	c->gate.came_at = now;
	c->gate.retry_at = 0;
	if (c->gate.strikes >= UNCONTROLLABLE_STRIKES)
		c->gate.strikes = UNCONTROLLABLE_STRIKES - 1;
	if (c->conf.proven)
		return;
	/* It may have lost power meanwhile and not say so. */
	for (int k = 0; k < GATE_KINDS; k++)
		c->gate.claims[k].sure = false;
	if (c->conf.one_limit && c->gate.claims[BAL_LIMIT_IDLE].hold_ma < watts_full(c))
		c->gate.claims[BAL_LIMIT_IDLE].hold_ma = watts_full(c);
}

bool gate_idle_known(const struct conn *c)
{
	const struct claim *idle = &c->gate.claims[BAL_LIMIT_IDLE];

	return idle->sure || (c->conf.one_limit && idle->hold_ma < watts_full(c));
}

int64_t gate_claim(const struct conn *c)
{
	int64_t w = c->gate.beneath_ma;

	for (int k = 0; k < GATE_KINDS; k++) {
		int64_t m = claim_max(&c->gate.claims[k]);

		if (m > w)
			w = m;
	}
	for (int i = 0; i < c->gate.pending_count; i++)
		if (c->gate.pending[i].given_ma > w)
			w = c->gate.pending[i].given_ma;
	return w;
}

bool gate_was_given(const struct conn *c)
{
	if (claim_max(&c->gate.claims[BAL_LIMIT_TX]) > 0)
		return true;
	for (int i = 0; i < c->gate.pending_count; i++)
		if (c->gate.pending[i].kind == BAL_LIMIT_TX && c->gate.pending[i].given_ma > 0)
			return true;
	return false;
}

static bool assume_max(const struct conn *c, bool online)
{
	return !c->conf.manageable ||
	       (!c->conf.proven && (!online || !gate_idle_known(c)));
}

/* A pending order for a transaction that is not the present one may meet any car. */
static bool known_car(const struct conn *c, const struct pending *p)
{
	return p->kind == BAL_LIMIT_TX && p->session == c->session;
}

static int64_t pending_ma(const struct conn *c, const struct pending *p, int64_t given_ma)
{
	return p->spread ? watts_over(c, p->spread, given_ma) : watts_phase(c, known_car(c, p), given_ma);
}

int64_t gate_pending_ma(const struct conn *c, const struct pending *p)
{
	return pending_ma(c, p, p->given_ma);
}

int64_t gate_hold(const struct conn *c, enum bal_limit_kind kind)
{
	return watts_phase(c, kind == BAL_LIMIT_TX, c->gate.claims[kind].hold_ma);
}

static int64_t claim_w(const struct conn *c, enum bal_limit_kind kind)
{
	int64_t given = claim_max(&c->gate.claims[kind]);

	if (kind == BAL_LIMIT_TX && c->gate.beneath_ma > given)
		given = c->gate.beneath_ma;
	return watts_phase(c, kind == BAL_LIMIT_TX, given);
}

int64_t gate_may(const struct conn *c, bool online)
{
	int64_t w = assume_max(c, online) ? c->conf.max_ma : 0;

	for (int k = 0; k < GATE_KINDS; k++)
		if (claim_w(c, (enum bal_limit_kind)k) > w)
			w = claim_w(c, (enum bal_limit_kind)k);
	for (int i = 0; i < c->gate.pending_count; i++)
		if (gate_pending_ma(c, &c->gate.pending[i]) > w)
			w = gate_pending_ma(c, &c->gate.pending[i]);
	return w;
}

int64_t gate_w(const struct conn *c, bool online)
{
	int64_t w = gate_may(c, online);

	for (int k = 0; k < PHASES; k++)
		if (trust_drawn(c, k) > w)
			w = trust_drawn(c, k);
	return w;
}

static int64_t gate_idle_w(const struct conn *c, bool online)
{
	int64_t w = claim_w(c, BAL_LIMIT_IDLE);

	return assume_max(c, online) && w < c->conf.max_ma ? c->conf.max_ma : w;
}

int64_t gate_floor(const struct conn *c, bool online, mono_t now, mono_t *due)
{
	bool known = c->gate.claims[BAL_LIMIT_IDLE].sure;

	if (!c->conf.manageable || !online || gate_uncontrollable(c) || trust_doubted(c))
		return gate_w(c, online);
	if (!known && now >= c->gate.came_at + GRACE_US)
		return gate_idle_w(c, online);
	if (!known && c->gate.came_at + GRACE_US < *due)
		*due = c->gate.came_at + GRACE_US;
	return c->idle_ma;
}

static void at_least(int64_t w[PHASES], phase_mask_t phases, int64_t ma)
{
	for (int k = 0; k < PHASES; k++)
		if ((phases >> k & 1) && w[k] < ma)
			w[k] = ma;
}

static void sum_phases(const struct conn *c, bool online, bool fallen, int64_t w[PHASES])
{
	phase_mask_t used = model_phases(c), wired = model_wired(c);

	w[0] = w[1] = w[2] = 0;
	at_least(w, wired, claim_w(c, BAL_LIMIT_IDLE));
	at_least(w, used, fallen ? watts_phase(c, true, c->gate.fall_ma) : claim_w(c, BAL_LIMIT_TX));
	at_least(w, used, watts_phase(c, true, c->gate.beneath_ma));
	for (int i = 0; i < c->gate.pending_count; i++) {
		const struct pending *p = &c->gate.pending[i];
		phase_mask_t phases = p->kind == BAL_LIMIT_IDLE ? wired : p->phases;

		if (p->session == c->session)
			phases |= used;
		at_least(w, phases, pending_ma(c, p, fallen ? p->fall_ma : p->given_ma));
	}
	if (assume_max(c, online))
		at_least(w, wired, c->conf.max_ma);
	for (int k = 0; k < PHASES; k++)
		at_least(w, (phase_mask_t)(1 << k), trust_drawn(c, k));
}

void gate_phases_w(const struct conn *c, bool online, int64_t w[PHASES])
{
	sum_phases(c, online, false, w);
}

void gate_phases_fallen(const struct conn *c, bool online, int64_t w[PHASES])
{
	sum_phases(c, online, true, w);
}

void gate_keeps(struct conn *c)
{
	c->gate.fall_ma = claim_max(&c->gate.claims[BAL_LIMIT_TX]);
	c->gate.renew_at = 0;
	for (int i = 0; i < c->gate.pending_count; i++)
		c->gate.pending[i].fall_ma = c->gate.pending[i].given_ma;
}

int64_t gate_limit(const struct conn *c)
{
	const struct claim *tx = &c->gate.claims[BAL_LIMIT_TX];

	if (c->session && tx->now_ma != NUM_NONE)
		return watts_phase(c, true, tx->now_ma);
	return watts_phase(c, false, c->gate.claims[BAL_LIMIT_IDLE].now_ma);
}

bool gate_uncontrollable(const struct conn *c)
{
	return c->gate.strikes >= UNCONTROLLABLE_STRIKES || c->trust.state == TRUST_IGNORES;
}

/* ---- answers -------------------------------------------------------------------------------- */

static struct conn *find_pending(struct balance *b, uint32_t conn, uint64_t token, int *at)
{
	/* Indices may have changed with a new configuration while the answer was under way. */
	for (size_t n = 0; n <= b->conn_count; n++) {
		size_t i = n ? n - 1 : conn;

		if (i >= b->conn_count)
			continue;
		for (*at = 0; *at < b->conns[i].gate.pending_count; ++*at)
			if (b->conns[i].gate.pending[*at].token == token)
				return &b->conns[i];
	}
	return NULL;
}

/* It was not surely taken, nor surely not. */
static void may_have(struct conn *c, const struct pending *p)
{
	claim_may_have(&c->gate.claims[p->kind], p->given_ma);
	if (p->kind == BAL_LIMIT_TX && p->fall_ma > c->gate.fall_ma)
		c->gate.fall_ma = p->fall_ma;
}

static void claim_set(const struct conn *c, struct claim *cl, bool idle, const struct pending *p, mono_t settled)
{
	/* Until now an unproven one counted at its maximum: it may really have had that. */
	if (idle && !gate_idle_known(c) && !c->conf.proven)
		claim_fall(cl, watts_full(c), settled);
	if (p->given_ma < cl->hold_ma)
		claim_fall(cl, cl->hold_ma, settled);
	cl->now_ma = cl->hold_ma = p->given_ma;
	cl->sure = true;
	cl->token = p->token;
}

/* A limit of the transaction is the one limit, also when that is over by now. By hand somebody may have set
 * something else beside it: that proves nothing. */
static void one_limit_accepted(struct conn *c, const struct pending *p, mono_t settled)
{
	struct claim *one = &c->gate.claims[BAL_LIMIT_IDLE];

	if (p->manual || p->stale || p->token < one->token)
		claim_may_have(one, p->given_ma);
	else
		claim_set(c, one, true, p, settled);
}

static void accepted(struct conn *c, const struct pending *p, mono_t now)
{
	struct claim *cl = &c->gate.claims[p->kind];
	mono_t settled = now + c->conf.settle_us;
	int64_t old = gate_limit(c);

	if (!p->manual) {
		c->gate.strikes = 0;
		/* That it accepts proves nothing of one that does not obey: told again now and then. */
		c->gate.retry_at = c->trust.state == TRUST_IGNORES ? now + IGNORED_WAIT_US : 0;
		trust_accepted(c, now);
	}
	if (c->conf.one_limit)
		one_limit_accepted(c, p, settled);
	if (c->conf.one_limit && p->kind == BAL_LIMIT_IDLE) {
		demand_limit(&c->demand, old, gate_limit(c), now);
		return;
	}
	if (p->spread)
		return;
	if (p->kind == BAL_LIMIT_TX && !c->session) {
		/* Its transaction is over, or is what a remote start asks for. */
		if (!p->session)
			claim_fall(cl, p->given_ma, now + REMOTE_START_US);
		return;
	}
	if (p->stale || p->token < cl->token ||
	    (p->kind == BAL_LIMIT_TX && p->session && p->session != c->session)) {
		may_have(c, p);
		return;
	}
	claim_set(c, cl, p->kind == BAL_LIMIT_IDLE, p, settled);
	if (p->kind == BAL_LIMIT_TX)
		c->gate.fall_ma = p->fall_ma;
	demand_limit(&c->demand, old, gate_limit(c), now);
}

static void not_accepted(struct conn *c, const struct pending *p, enum bal_answer answer, mono_t now)
{
	struct claim *cl = &c->gate.claims[p->kind];
	int64_t wait = answer == BAL_REFUSED ? REFUSED_WAIT_US : 0;

	if (c->conf.one_limit) {
		struct claim *one = &c->gate.claims[BAL_LIMIT_IDLE];

		claim_may_have(one, p->given_ma);
		if (p->token > one->token)
			one->token = p->token;
	}
	if (p->spread)
		return;
	if (p->kind == BAL_LIMIT_TX && !c->session) {
		if (!p->session && answer != BAL_REFUSED)
			claim_fall(cl, p->given_ma, now + REMOTE_START_US);
		return;
	}
	may_have(c, p);
	/* It may be in force all the same: that an earlier one was accepted says nothing any more. */
	if (p->token > cl->token)
		cl->token = p->token;
	if (p->manual)
		return;
	if (answer == BAL_DROPPED) {
		c->gate.retry_at = now + DROPPED_WAIT_US;
		return;
	}
	c->gate.strikes++;
	if (gate_uncontrollable(c)) {
		int n = c->gate.strikes - UNCONTROLLABLE_STRIKES;

		wait = BACKOFF_US << (n < 5 ? n : 5);
		if (wait > BACKOFF_MAX_US)
			wait = BACKOFF_MAX_US;
	}
	c->gate.retry_at = now + wait;
}

void balance_answer(struct balance *b, uint32_t conn, uint64_t token, enum bal_answer answer, mono_t now)
{
	int at;
	struct conn *c = find_pending(b, conn, token, &at);
	struct pending p;

	journal_answer(b, conn, token, answer, now);
	if (!c)
		return;	/* a second answer, or one to an order from before a restart */
	p = c->gate.pending[at];
	c->gate.pending[at] = c->gate.pending[--c->gate.pending_count];
	if (answer == BAL_ACCEPTED)
		accepted(c, &p, now);
	else
		not_accepted(c, &p, answer, now);
	model_soon(b, 0);	/* W never rises by an answer */
}
