/* carry.c - effects leave: what needs a commit waits for it, everything else goes at once.
 *
 * Invariants: an effect marked FX_AFTER_COMMIT leaves only when everything stored up to and in its
 * turn is durable; answers to one station keep their order, so a later answer queues behind one
 * that waits. A decrease of a limit never waits, but for the answer that tells the station the number of
 * the transaction that it is for. When the store fails, nothing that waits leaves.
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hall/broker/broker.h"
#include "ocpp/frames/frame_log.h"
#include "site/tag_log.h"

/* ---- links -------------------------------------------------------------------------------- */

struct wire *wire_open(struct app *app, struct ws_conn *conn, const char *station)
{
	struct wire *l = xcalloc(1, sizeof(*l));

	l->app = app;
	l->id = ++app->next_wire;
	l->conn = conn;
	snprintf(l->station, sizeof(l->station), "%s", station);
	l->station_len = (unsigned)strlen(l->station);
	app->latest[l->id % LINKS_LATEST] = l;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, app->wires, &l->id, sizeof(l->id), (unsigned)l->id, l);
	return l;
}

struct wire *wire_find(struct app *app, uint64_t id)
{
	struct wire *l = app->latest[id % LINKS_LATEST];

	if (l != NULL && l->id == id)
		return l;
	/* Numbered one by one: no hash spreads them better. */
	HASH_FIND_BYHASHVALUE(hh, app->wires, &id, sizeof(id), (unsigned)id, l);
	return l;
}

void wire_gone(struct app *app, struct wire *l)
{
	if (app->latest[l->id % LINKS_LATEST] == l)
		app->latest[l->id % LINKS_LATEST] = NULL;
	HASH_DEL(app->wires, l);
	free(l);
}

/* ---- one effect --------------------------------------------------------------------------- */

static void carry_config(struct app *app, struct site_conf *conf)
{
	struct site *site = app->hall.site;
	struct site_conf *old = (struct site_conf *)(uintptr_t)site->conf;
	struct diag diag;

	site->conf = conf;
	if (site->staged == conf)
		site->staged = NULL;
	file_jobs_forget(app, old, conf);
	site_attach(site, conf);
	site_tag_groups_note(site, old, conf, &app->fx);
	app_time_zone(app);
	diag_init(&diag);
	if (feed_configure(app, loop_now(app->loop), &diag) < 0)
		log_lmsd(ERROR, "configuration", "balance: %s", diag.text);
	sense_configure(app);
	broker_configure(app->broker);
	bms_configure(app->bms);
	ocpp_reconfigured(app->hall.ocpp, loop_now(app->loop), loop_wall(), &app->fx);
	security_enforce(site, &app->fx);
	app->turn_open = true;
	site_conf_free(old);
	log_lmsd(NOTICE, "configuration", "generation=%llu", (unsigned long long)conf->generation);
}

static bool is_call(const struct effect *e)
{
	return e->kind == FX_FRAME && e->u.frame.len > 1 && e->u.frame.text[1] == '2';
}

/* A CALL that waited for its commit until a later one had left is out of date: its sender has given it
 * up by then, and a raise that arrived after a newer decrease would undo it. */
static void carry_frame(struct app *app, struct wire *l, struct effect *e)
{
	if (l == NULL)
		return;
	if (is_call(e)) {
		if (e->u.frame.place < l->left)
			return;
		l->left = e->u.frame.place;
	}
	if (ws_conn_send(l->conn, e->u.frame.text, e->u.frame.len) == 0)
		frame_log_add(app->hall.frames, loop_wall(), l->station, l->station_len, false, e->u.frame.text, e->u.frame.len);
}

/* l: whom it is for, where that is a station that is still there. */
static void carry_one(struct app *app, struct wire *l, struct effect *e)
{
	switch (e->kind) {
	case FX_FRAME:
		carry_frame(app, l, e);
		break;
	case FX_CLOSE:
		if (l != NULL)
			ws_conn_close(l->conn, e->u.close.code, e->u.close.why);
		break;
	case FX_REPLY:
		control_reply(app->control, e->u.reply.token, e->u.reply.error, e->u.reply.json,
			      e->u.reply.len);
		break;
	case FX_CONFIG:
		carry_config(app, e->u.config.conf);
		break;
	case FX_ANSWER:	/* the feed took it during the turn */
	case FX_PUT:	/* in the batch */
	case FX_DEL:
		break;
	}
}

/* ---- the turn ----------------------------------------------------------------------------- */

static bool is_answer(const struct effect *e)
{
	return e->kind == FX_FRAME && e->u.frame.len > 1 &&
	       (e->u.frame.text[1] == '3' || e->u.frame.text[1] == '4');
}

static struct wire *effect_wire(struct app *app, const struct effect *e)
{
	return e->kind == FX_FRAME ? wire_find(app, e->u.frame.link)
	       : e->kind == FX_CLOSE ? wire_find(app, e->u.close.link) : NULL;
}

/* The store cannot make anything durable any more: what depends on it never leaves. */
static void refuse_one(struct app *app, struct effect *e)
{
	static const char text[] = "{\"code\":-32074,\"message\":\"the store failed: nothing can be changed "
				   "until the disk is repaired\",\"data\":{\"err\":\"IO\"}}";

	if (e->kind == FX_REPLY)
		control_reply(app->control, e->u.reply.token, true, text, sizeof(text) - 1);
	if (e->kind == FX_CONFIG) {
		if (app->hall.site->staged == e->u.config.conf)
			app->hall.site->staged = NULL;
		site_conf_free(e->u.config.conf);
	}
}

/* To the station this transaction does not exist yet: it would refuse its profile, and be taken for one that wants
 * another kind. Numbers only rise: those that it knows are lower.
 */
static bool names_untold(const struct wire *l, const struct effect *e)
{
	return is_call(e) && e->u.frame.tx != 0 && l->starts > 0 && e->u.frame.tx >= l->first_start;
}

static bool must_wait(const struct wire *l, const struct effect *e, bool durable)
{
	if (e->when == FX_AFTER_COMMIT)
		return !durable;
	if (l == NULL || l->held == 0)
		return false;
	return is_answer(e) || e->kind == FX_CLOSE || names_untold(l, e);
}

static void hold(struct wire *l, const struct effect *e, int by)
{
	if (l == NULL || !is_answer(e))
		return;
	l->held = by > 0 ? l->held + 1 : l->held - 1;
	if (e->u.frame.tx == 0)
		return;
	if (by > 0 && (l->starts == 0 || e->u.frame.tx < l->first_start))
		l->first_start = e->u.frame.tx;
	l->starts = by > 0 ? l->starts + 1 : l->starts - 1;
}

static void number_call(struct wire *l, struct effect *e)
{
	if (l != NULL && is_call(e))
		e->u.frame.place = ++l->places;
}

static void submit_stores(struct app *app)
{
	struct store_batch *batch = NULL;

	for (const struct effect *e = app->fx.first; e != NULL; e = e->next) {
		if (e->kind != FX_PUT && e->kind != FX_DEL)
			continue;
		if (batch == NULL)
			batch = store_batch_new();
		if (e->kind == FX_PUT)
			store_batch_put(batch, e->u.put.table, e->u.put.key, e->u.put.json, e->u.put.len);
		else
			store_batch_del(batch, e->u.del.table, e->u.del.key);
	}
	if (batch != NULL)
		app->submitted = store_submit(app->store, batch);
}

void carry_turn(struct app *app)
{
	struct effect *e, *next, *wait = NULL, **wait_last = &wait;
	struct parcel *p;
	bool durable;

	submit_stores(app);
	durable = app->committed >= app->submitted && !store_is_failed(app->store);
	e = app->fx.first;
	/* What carrying out appends (a swap of the configuration) belongs to the next turn. */
	struct arena arena = app->arena;
	app->arena = app->spare;
	arena_init(&app->spare);
	effects_init(&app->fx, &app->arena);
	for (; e != NULL; e = next) {
		struct wire *l = effect_wire(app, e);

		next = e->next;
		number_call(l, e);
		if (store_is_failed(app->store) && e->when == FX_AFTER_COMMIT) {
			refuse_one(app, e);
			continue;
		}
		if (!must_wait(l, e, durable)) {
			carry_one(app, l, e);
			continue;
		}
		hold(l, e, 1);
		e->next = NULL;
		*wait_last = e;
		wait_last = &e->next;
	}
	if (wait == NULL) {
		arena_reset(&arena);
		app->spare = arena;
		return;
	}
	p = xcalloc(1, sizeof(*p));
	p->seq = app->submitted;
	p->arena = arena;
	p->first = wait;
	*app->parcels_last = p;
	app->parcels_last = &p->next;
}

void carry_committed(struct app *app, uint64_t seq)
{
	struct parcel *p;
	struct effect *next;

	app->committed = seq;
	while ((p = app->parcels) != NULL && p->seq <= seq) {
		app->parcels = p->next;
		if (app->parcels == NULL)
			app->parcels_last = &app->parcels;
		for (struct effect *e = p->first; e != NULL; e = next) {
			struct wire *l = effect_wire(app, e);

			next = e->next;
			hold(l, e, -1);
			carry_one(app, l, e);
		}
		arena_fini(&p->arena);
		free(p);
	}
}

void carry_fini(struct app *app)
{
	struct parcel *p;
	struct wire *l, *tmp;

	while ((p = app->parcels) != NULL) {
		app->parcels = p->next;
		for (struct effect *e = p->first; e != NULL; e = e->next)
			if (e->kind == FX_CONFIG)
				site_conf_free(e->u.config.conf);
		arena_fini(&p->arena);
		free(p);
	}
	arena_fini(&app->spare);
	HASH_ITER(hh, app->wires, l, tmp)
		wire_gone(app, l);
}
