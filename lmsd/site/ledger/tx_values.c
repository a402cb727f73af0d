/* site/ledger/tx_values.c - meter values of transactions: their energy, their curve, and what was signed.
 *
 * The bill comes from the registers of start and stop; a crash may cost a minute of the curve. Signed
 * values are what a bill is proved with: they are stored before they are acknowledged.
 */
#include <stdio.h>
#include <string.h>

#include "site/ledger/ledger.h"
#include "site/tags/credit.h"

#define STORE_EVERY_US  (60 * US_PER_S)
#define SIGNED_EVERY_US (60 * US_PER_S)
#define SIGNED_FIRST    8 /* kept from the beginning; as many of the last */
#define SIGNED_MAX      ((size_t)16384)

/* ---- the curve ---- */

static int32_t fitting(int64_t v)
{
	return v > INT32_MAX || v <= INT32_MIN ? CURVE_NONE : (int32_t)v;
}

/* By the station's clock where that goes on; by ours since the start where it does not. */
static bool find_second(const struct tx *tx, const struct tx_sample *in, wall_t wall, uint32_t *t_s)
{
	const struct curve_point *last = tx->curve.count ? &tx->curve.points[tx->curve.count - 1] : NULL;
	int64_t said = in->time == WALL_NONE || tx->start == WALL_NONE ? -1 : (in->time - tx->start) / US_PER_S;
	int64_t ours = (wall - tx->start_received) / US_PER_S;

	if (said < 0 || (last && said < last->t_s)) {
		if (in->late)
			return false;
		said = ours;
	}
	if (said < 0 || said > UINT32_MAX || (in->late && last && said <= last->t_s))
		return false;
	*t_s = (uint32_t)said;
	return true;
}

static void curve_sample(struct tx *tx, const struct tx_sample *in, uint32_t t_s)
{
	struct curve_point p = { .t_s = t_s, .register_wh = NUM_NONE, .w = fitting(in->power_w) };
	bool any = p.w != CURVE_NONE;

	if (tx_is_register(in->register_wh)) {
		p.register_wh = in->register_wh;
		any = true;
	}
	for (int k = 0; k < PHASES; k++) {
		p.ma[k] = fitting(in->current.l[k]);
		any |= p.ma[k] != CURVE_NONE;
	}
	if (any)
		curve_add(&tx->curve, &p);
}

void site_tx_sample(struct site *s, struct tx *tx, const struct tx_sample *in, wall_t wall, struct effects *fx)
{
	bool running = site_tx(s, tx->id) == tx, news = in->register_wh == NUM_NONE;
	uint32_t t_s;

	if (find_second(tx, in, wall, &t_s))
		curve_sample(tx, in, t_s);
	else if (in->late)
		return;
	if (!running)
		return;
	if (tx_is_register(in->register_wh) && in->register_wh != tx->meter_stop_wh) {
		tx_register(s, tx, in->register_wh);
		credit_follow(s, tx, wall, fx);
		news = true;
	}
	if (!news || in->late || (wall >= tx->stored && wall - tx->stored < STORE_EVERY_US))
		return;
	tx->stored = wall;
	tx_store(tx, STORE_TX_RUN, fx);
}

/* ---- what was signed ---- */

static uint64_t hash_of(const char *json, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)json[i]) * UINT64_C(1099511628211);
	return h;
}

static void store_signed(const struct tx *tx, const char *json, size_t len, const char *time_sent, wall_t wall,
			 struct effects *fx)
{
	int64_t n = tx->signed_rows;
	struct json_writer w;
	char key[32];
	struct buf b;

	if (n >= SIGNED_FIRST)
		n = SIGNED_FIRST + (n - SIGNED_FIRST) % SIGNED_FIRST;
	snprintf(key, sizeof(key), "%010d/%02d", tx->id, (int)n);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "number", tx->signed_rows + 1);
	jw_kint(&w, "received", wall);
	if (time_sent)
		jw_kstr(&w, "time", time_sent);
	jw_key(&w, "sample");
	jw_raw(&w, json, len);
	jw_object_end(&w);
	fx_put(fx, STORE_SIGNED, key, b.data, b.len);
	buf_fini(&b);
}

bool site_tx_signed(struct site *s, struct tx *tx, const char *json, size_t len, const char *time_sent, bool edge,
		    wall_t wall, struct effects *fx)
{
	uint64_t hash = hash_of(json, len);

	if (tx->signed_rows > 0 && (hash == tx->signed_hash ||
				    (!edge && wall >= tx->signed_at && wall - tx->signed_at < SIGNED_EVERY_US)))
		return false;
	if (len > SIGNED_MAX) {
		tx_note(tx, "a signed meter value was too long to be kept");
		return false;
	}
	store_signed(tx, json, len, time_sent, wall, fx);
	tx->signed_hash = hash;
	if (!edge)
		tx->signed_at = wall;
	tx->signed_rows++;
	tx_store(tx, site_tx(s, tx->id) == tx ? STORE_TX_RUN : STORE_TX, fx);
	return true;
}
