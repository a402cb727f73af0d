/* site/ledger/tx.c - the ledger's rules: what a StartTransaction and a StopTransaction make of the
 * records.
 *
 * Invariants: an id is given once, for ever; energy is never negative; what a station reports is
 * recorded whatever is odd about it, with a note; the same message again changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "site/access.h"
#include "site/generation/draft.h"
#include "site/ledger/ledger.h"
#include "site/price/price.h"
#include "site/reserve/reservation.h"
#include "site/tag.h"
#include "site/tags/credit.h"

#define VOLTAGE        INT64_C(230)
/* No register counts further: 1 TWh. Keeps sums of whatever a station says from overflowing. */
#define REGISTER_MAX_WH INT64_C(1000000000000)

struct tx *site_tx(struct site *s, int32_t id)
{
	struct tx *tx;

	HASH_FIND(hh, s->running, &id, sizeof(id), tx);
	return tx;
}

bool tx_is_register(int64_t wh)
{
	return wh >= 0 && wh <= REGISTER_MAX_WH;
}

static void set_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

/* What was sent is kept, as far as it can be shown. */
static void note_time(struct tx *tx, const char *which, const char *sent)
{
	char note[120], plain[40];
	size_t n = 0;

	for (; sent && *sent && n < sizeof(plain) - 1; sent++)
		plain[n++] = *sent >= ' ' && *sent <= '~' ? *sent : '?';
	plain[n] = '\0';
	snprintf(note, sizeof(note), "%s time as received%s%s%s", which, n ? " (" : "", plain, n ? " was sent)" : "");
	tx_note(tx, note);
}

/* ---- ends ---- */

/* What its connector can deliver in that time and a tenth; NUM_NONE = who knows. */
static int64_t possible_wh(const struct site *s, const struct tx *tx, int64_t seconds)
{
	int index = site_conf_station(s->conf, tx->station);
	const struct station_conf *st = index < 0 ? NULL : &s->conf->stations[index];
	const struct connector_conf *c;
	phase_mask_t mask;
	int64_t rated_w;

	if (!st || tx->connector < 1 || (size_t)tx->connector > st->connector_count || seconds < 0 ||
	    seconds > INT64_C(86400) * 366)
		return NUM_NONE;
	c = &st->connectors[tx->connector - 1];
	mask = wiring_phases(c->wiring);
	rated_w = c->max_ma * VOLTAGE / 1000 * ((mask & 1) + (mask >> 1 & 1) + (mask >> 2 & 1));
	return rated_w * seconds / 3600 * 11 / 10;
}

bool tx_is_impossible(const struct site *s, const struct tx *tx, wall_t until)
{
	/* While it runs the station's clock is compared with ours: the longer time counts. */
	wall_t start = tx->start < tx->start_received ? tx->start : tx->start_received;
	int64_t possible = tx->start == WALL_NONE ? NUM_NONE : possible_wh(s, tx, (until - start) / US_PER_S);

	return possible != NUM_NONE && tx->energy_wh > possible;
}

/* More than the socket can deliver: a meter with another unit, or a register that jumped. */
static void flag_impossible(const struct site *s, struct tx *tx)
{
	int64_t possible = tx->start == WALL_NONE ? NUM_NONE : possible_wh(s, tx, (tx->stop - tx->start) / US_PER_S);

	if (possible == NUM_NONE)
		return;
	tx->implausible = tx->energy_wh > possible;
	if (!tx->implausible)
		return;
	tx_note(tx, "more energy than the connector can deliver in that time");
	log_station(WARNING, tx->station, "transaction_implausible", "transaction=%d energy_wh=%lld possible_wh=%lld", tx->id,
		    (long long)tx->energy_wh, (long long)possible);
}

/* The energy up to this register. Differences that are negative are no energy: the register began
 * anew (some do with every session), and only what it then counts upwards is known. */
void tx_register(struct site *s, struct tx *tx, int64_t register_wh)
{
	int64_t before = tx->energy_wh;

	if (register_wh >= tx->meter_stop_wh) {
		tx->energy_wh += register_wh - tx->meter_stop_wh;
		if (tx->energy_wh > REGISTER_MAX_WH)
			tx->energy_wh = REGISTER_MAX_WH;
	} else {
		tx->reset = true;
		tx->estimated = true;
	}
	tx->meter_stop_wh = register_wh;
	totals_add(s, tx->start, 0, tx->energy_wh - before);
}

static void register_finish(struct site *s, struct tx *tx, int64_t register_wh)
{
	int64_t before;

	tx_register(s, tx, register_wh);
	before = tx->energy_wh;
	/* The two registers of the transaction itself outweigh whatever was seen in between. */
	if (register_wh >= tx->meter_start_wh) {
		tx->energy_wh = register_wh - tx->meter_start_wh;
		tx->estimated = false;
		if (tx->reset)
			tx_note(tx, "the energy register ran backwards in between");
	} else {
		tx->estimated = true;
		tx_note(
		    tx,
		    "meterStop is below meterStart: energy is what the register counted upwards");
	}
	totals_add(s, tx->start, 0, tx->energy_wh - before);
}

/* From the running ones to those that ended, in memory and in the store. */
static void tx_end(struct site *s, struct tx *tx, wall_t wall, struct effects *fx)
{
	credit_book(s, tx, wall, fx);
	ledger_unrun(s, tx);
	ledger_end(s, tx);
	tx_forget_running(tx, fx);
	tx_store_curve(tx, fx);
	tx_store(tx, STORE_TX, fx);
}

/* Somebody may want to look at it: lmsctl transaction list state=orphan. */
static void tell_orphan(const struct tx *tx)
{
	log_station(NOTICE, tx->station, "transaction_orphan", "transaction=%d why=%s", tx->id, log_text(tx->note));
}

void site_tx_close(struct site *s, struct tx *tx, const char *reason, const char *note, wall_t wall,
		   struct effects *fx)
{
	/* Its stop is not known: that is what an orphan is. */
	set_text(tx->state, sizeof(tx->state), "orphan");
	set_text(tx->reason, sizeof(tx->reason), reason);
	tx->stop = wall;
	tx->assumed = true;
	if (note)
		tx_note(tx, note);
	flag_impossible(s, tx);
	tell_orphan(tx);
	tx_end(s, tx, wall, fx);
}

int site_tx_close_by_hand(struct site *s, struct tx *tx, const char *why, const char *by, int64_t register_wh,
			  wall_t wall, struct effects *fx, struct diag *diag)
{
	char note[200];

	if (register_wh != NUM_NONE && (!tx_is_register(register_wh) || register_wh < tx->meter_stop_wh))
		return diag_set(diag, -LMS_EDATA, "meter_stop: %lld Wh is below the last register that is known, %lld Wh "
				"(leave it out to take that)", (long long)register_wh, (long long)tx->meter_stop_wh);
	if (register_wh != NUM_NONE)
		tx_register(s, tx, register_wh);
	set_text(tx->state, sizeof(tx->state), "ended");
	set_text(tx->reason, sizeof(tx->reason), "Other");
	set_text(tx->closed_by, sizeof(tx->closed_by), by);
	snprintf(note, sizeof(note), "closed by hand: %s", why);
	tx_note(tx, note);
	tx->stop = wall;
	tx->assumed = tx->estimated = true;
	flag_impossible(s, tx);
	tx_end(s, tx, wall, fx);
	return 0;
}

struct tx *site_tx_ended(struct site *s, int32_t id)
{
	return ledger_ended(s, id);
}

void site_tx_adopt(struct site *s, struct tx *tx)
{
	struct station *st = site_station(s, tx->station);
	struct connector *c = st ? site_connector(st, tx->connector) : NULL;

	if (!c || c->tx)
		return;
	s->ledger->replays -= tx->replay;
	tx->replay = false;
	c->tx = tx;
	c->tag_vip = tx->vip;
	c->register_wh = tx->meter_stop_wh;
	site_touch(s, c);
}

/* ---- starts ---- */

static int32_t next_id(struct site *s, struct effects *fx)
{
	int32_t id = s->next_tx++;

	lms_assert(id > 0 && s->next_tx > 0);
	tx_store_next(s, fx);
	return id;
}

/* What runs on this connector is over when another one begins. A replayed start is only weighed
 * against other replayed ones: it says nothing about now. */
static void close_others(struct site *s, const struct tx_start *in, wall_t wall, struct effects *fx)
{
	static const char note[] = "no stop came before the next start on this connector";
	const char *station = in->conn->station->id;
	struct tx *tx, *next;

	if (!in->replay && in->conn->tx)
		site_tx_close(s, in->conn->tx, "Other", note, wall, fx);
	for (tx = s->ledger->replays ? s->running : NULL; tx; tx = next) {
		next = tx->hh.next;
		if (tx->replay && tx->connector == in->conn->number &&
		    strcmp(tx->station, station) == 0)
			site_tx_close(s, tx, "Other", note, wall, fx);
	}
}

static const char *zone_of(const struct site *s, const struct station *st)
{
	const struct station_conf *conf = site_station_conf(s, st);

	return conf && conf->k.zone ? conf->k.zone : "";
}

/* Of its zone or the nearest above that has one, else of the site: fixed from now on. */
static void fix_price(const struct site *s, struct tx *tx)
{
	const struct site_conf *c = s->conf;
	const char *text = c->site.price;
	struct price_list list;

	for (int z = site_conf_zone(c, tx->zone); z >= 0; z = c->zones[z].parent) {
		if (!c->zones[z].k.price)
			continue;
		text = c->zones[z].k.price;
		break;
	}
	tx->price_e4 = NUM_NONE;
	if (!text || price_parse(text, &list, NULL))
		return;
	tx->price_e4 = price_at(&list, &s->tz, tx->start);
	if (tx->price_e4 != NUM_NONE)
		set_text(tx->currency, sizeof(tx->currency), c->site.currency);
}

/* What it is booked on: the tag that was shown, or the one that stands for free charging. */
static void book(const struct site *s, struct tx *tx, const struct tx_start *in,
		 const struct auth *auth)
{
	const char *free_tag, *uid = in->tag;

	tx->free = access_is_free(s, in->conn->station, &free_tag);
	if ((!uid || !*uid) && tx->free)
		uid = free_tag;
	if (!uid || tag_normalize(uid, tx->tag))
		set_text(tx->tag, sizeof(tx->tag), uid);
	set_text(tx->group, sizeof(tx->group), auth->group);
	set_text(tx->holder, sizeof(tx->holder), auth->tag ? auth->tag->k.holder : NULL);
	tx->vip = auth->vip;
}

static struct tx *tx_new(struct site *s, const struct tx_start *in, const struct auth *auth,
			 wall_t wall, struct effects *fx)
{
	struct tx *tx = xcalloc(1, sizeof(*tx));

	tx->id = next_id(s, fx);
	set_text(tx->station, sizeof(tx->station), in->conn->station->id);
	tx->connector = in->conn->number;
	set_text(tx->zone, sizeof(tx->zone), zone_of(s, in->conn->station));
	book(s, tx, in, auth);
	tx->start = in->time;
	tx->stop = WALL_NONE;
	tx->start_received = wall;
	if (in->time == WALL_NONE) {
		tx->start = wall;
		note_time(tx, "start", in->time_sent);
	}
	tx->remote = in->remote;
	fix_price(s, tx);
	tx->meter_start_wh = in->meter_wh;
	if (!tx_is_register(in->meter_wh)) {
		tx->meter_start_wh = 0;
		tx_note(tx, "meterStart was not a register");
	}
	tx->meter_stop_wh = tx->meter_start_wh;
	tx->start_hash = in->hash;
	tx->start_key = ledger_key(tx->station, in->hash);
	tx->stored = wall;
	return tx;
}

static void record_refused(struct site *s, struct tx *tx, const struct auth *auth, struct effects *fx)
{
	set_text(tx->state, sizeof(tx->state), "refused");
	set_text(tx->reason, sizeof(tx->reason), auth_status_text(auth->status));
	if (auth->why && auth->tag)
		tx_note(tx, auth->why);
	tx->stop = tx->start;
	tx->assumed = true; /* the station may have begun all the same, and then stops it */
	ledger_end(s, tx);
	tx_store(tx, STORE_TX, fx);
}

static void use_tag(struct tag *t, wall_t wall, struct effects *fx)
{
	t->transactions++;
	t->last_use = wall;
	tag_store(t, fx);
}

static enum auth_status status_from_text(const char *text)
{
	for (enum auth_status st = AUTH_ACCEPTED; st <= AUTH_CONCURRENT; st++)
		if (strcmp(text, auth_status_text(st)) == 0)
			return st;
	return AUTH_INVALID;
}

/* The same StartTransaction again: the same answer, even if the tag was changed meanwhile. */
static struct tx *start_again(struct site *s, struct tx *tx, int32_t *id, struct auth *auth)
{
	struct tag *t = site_tag(s, tx->tag);

	*id = tx->id;
	*auth =
	    (struct auth){ .status = AUTH_ACCEPTED, .tag = t, .expires = WALL_NONE, .vip = tx->vip};
	if (t) {
		auth->expires = site_tag_expires(s, &t->k);
		auth->group = t->k.group;
	}
	if (strcmp(tx->state, "refused") == 0)
		auth->status = status_from_text(tx->reason);
	return strcmp(tx->state, "running") == 0 ? tx : NULL;
}

struct tx *site_tx_start(struct site *s, const struct tx_start *in, mono_t now, wall_t wall,
			 int32_t *id, struct auth *auth, struct effects *fx)
{
	struct connector *c = in->conn;
	struct tx *tx = ledger_same(s, ledger_key(c->station->id, in->hash));

	if (tx)
		return start_again(s, tx, id, auth);
	close_others(s, in, wall, fx);
	/* A replayed one is past: what counts is whether the tag was good then, not what runs now.
	 */
	*auth = site_authorize(s, c->station, in->tag, c->number, !in->replay,
			       in->replay && in->time != WALL_NONE ? in->time : wall);
	if (auth->status == AUTH_ACCEPTED && in->learning) {
		auth->status = AUTH_BLOCKED;
		auth->why = "tags are being learned at this station";
	}
	if (auth->status == AUTH_ACCEPTED && !in->replay && site_reserved_for_other(s, c, in->tag)) {
		auth->status = AUTH_BLOCKED;
		auth->why = "the connector is reserved for another";
	}
	tx = tx_new(s, in, auth, wall, fx);
	*id = tx->id;
	if (auth->status != AUTH_ACCEPTED) {
		record_refused(s, tx, auth, fx);
		return NULL;
	}
	set_text(tx->state, sizeof(tx->state), "running");
	tx->started_mono = now;
	tx->replay = in->replay;
	ledger_run(s, tx);
	totals_add(s, tx->start, 1, 0);
	tx_store(tx, STORE_TX_RUN, fx);
	if (auth->tag) {
		credit_settle(s, auth->tag, wall, fx);
		use_tag(auth->tag, wall, fx);
	}
	if (!in->replay) {
		c->tx = tx;
		c->status_old = true;
		c->tag_vip = auth->vip;
		c->register_wh = tx->meter_start_wh;
		site_touch(s, c);
	}
	return tx;
}

/* ---- stops ---- */

static uint64_t stop_hash(const struct tx_stop *in)
{
	const uint64_t parts[] = {(uint64_t)in->id, (uint64_t)in->time, (uint64_t)in->meter_wh};
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		h = (h ^ parts[i]) * UINT64_C(1099511628211);
	return h;
}

static int stop_orphan(struct site *s, const struct tx_stop *in, wall_t wall, struct effects *fx)
{
	uint64_t hash = stop_hash(in);
	char note[80];
	struct tx *tx;

	if (ledger_same(s, ledger_key(in->station->id, hash)))
		return 0;
	tx = xcalloc(1, sizeof(*tx));
	tx->id = next_id(s, fx);
	tx->price_e4 = NUM_NONE;
	set_text(tx->station, sizeof(tx->station), in->station->id);
	set_text(tx->zone, sizeof(tx->zone), zone_of(s, in->station));
	if (in->tag && tag_normalize(in->tag, tx->tag))
		set_text(tx->tag, sizeof(tx->tag), in->tag);
	set_text(tx->state, sizeof(tx->state), "orphan");
	set_text(tx->reason, sizeof(tx->reason), in->reason);
	set_text(tx->stop_tag, sizeof(tx->stop_tag), tx->tag);
	tx->start = WALL_NONE;
	tx->start_received = wall;
	tx->stop = in->time == WALL_NONE ? wall : in->time;
	tx->meter_stop_wh = tx_is_register(in->meter_wh) ? in->meter_wh : 0;
	tx->meter_start_wh = tx->meter_stop_wh;
	tx->start_hash = hash;
	tx->start_key = ledger_key(tx->station, hash);
	snprintf(note, sizeof(note), "stop of transaction %d, which is not known", in->id);
	tx_note(tx, note);
	tell_orphan(tx);
	ledger_end(s, tx);
	tx_store(tx, STORE_TX, fx);
	return 0;
}

static void stop_time(struct tx *tx, const struct tx_stop *in, wall_t wall)
{
	tx->stop = in->time;
	if (in->time == WALL_NONE) {
		tx->stop = wall;
		note_time(tx, "stop", in->time_sent);
	}
	if (tx->stop >= tx->start)
		return;
	tx->stop = wall > tx->start ? wall : tx->start;
	tx_note(tx, "the stop time lay before the start time");
}

static void stop_fill(struct site *s, struct tx *tx, const struct tx_stop *in, wall_t wall)
{
	stop_time(tx, in, wall);
	if (tx_is_register(in->meter_wh))
		register_finish(s, tx, in->meter_wh);
	else
		tx_note(tx, "meterStop was not a register");
	if (in->tag && tag_normalize(in->tag, tx->stop_tag))
		set_text(tx->stop_tag, sizeof(tx->stop_tag), in->tag);
	if (strcmp(tx->state, "refused") != 0) {
		set_text(tx->state, sizeof(tx->state), "ended");
		/* OCPP 1.6, 6.49: an omitted reason means Local. */
		set_text(tx->reason, sizeof(tx->reason),
			 in->reason && *in->reason ? in->reason : "Local");
	}
	tx->assumed = false;
	tx->closed_by[0] = '\0';
	flag_impossible(s, tx);
}

int site_tx_stop(struct site *s, const struct tx_stop *in, wall_t wall, struct auth *auth,
		 struct effects *fx)
{
	struct tx *running = in->id > 0 ? site_tx(s, in->id) : NULL;
	struct tx *tx = running || in->id <= 0 ? running : ledger_ended(s, in->id);

	*auth = (struct auth){ .status = AUTH_ACCEPTED, .expires = WALL_NONE};
	if (in->tag && *in->tag)
		*auth = site_authorize(s, in->station, in->tag, 0, false, wall);
	if (!tx)
		return stop_orphan(s, in, wall, fx);
	if (strcmp(tx->station, in->station->id) != 0) {
		log_station(WARNING, in->station->id, "foreign_stop", "transaction=%d station=%s",
			    in->id, tx->station);
		return -LMS_EROLE;
	}
	if (!running && !tx->assumed)
		return 0; /* the same again */
	stop_fill(s, tx, in, wall);
	if (running) {
		tx_end(s, tx, wall, fx);
	} else {
		credit_book(s, tx, wall, fx);
		tx_store_curve(tx, fx);
		tx_store(tx, STORE_TX, fx);
	}
	curve_free(&tx->curve);
	return 0;
}
