/* app.c - the hall: start-up order, events in, one turn, effects out.
 *
 * A shell room calls app_event() for what it sees; the pure rooms change the site and append
 * effects. When the loop's turn ends, the balance decides on all of it at once, what is to be
 * stored goes to the store thread as one batch, and the effects leave (carry.c).
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "modbus/bus.h"
#include "net/tls.h"

#define EXIT_STORE_FAILED 70

/* ---- events -------------------------------------------------------------------------------- */

void app_event(struct app *app, const struct event *ev)
{
	struct ocpp *ocpp = app->hall.ocpp;
	struct effects *fx = &app->fx;

	app->turn_open = true;
	switch (ev->kind) {
	case EV_STATION_OPENED:
		ocpp_opened(ocpp, ev->u.opened.link, ev->u.opened.identity, ev->u.opened.address,
			    ev->u.opened.tls, ev->now, ev->wall, fx);
		break;
	case EV_STATION_FRAME:
		ocpp_frame(ocpp, ev->u.frame.link, ev->u.frame.text, ev->u.frame.len, ev->now, ev->wall, fx);
		break;
	case EV_STATION_CLOSED:
		ocpp_closed(ocpp, ev->u.closed.link, ev->now, ev->wall, fx);
		break;
	case EV_METER_SAMPLE:
		sense_sample(app, ev->u.meter.sample, ev->now);
		break;
	case EV_COMMITTED:
		carry_committed(app, ev->u.store.seq);
		break;
	case EV_STORE_FAILED:
		/* LMDB would let the next commit succeed after this one failed: start over and look. */
		log_lmsd(ERROR, "store_failed", "seq=%llu why=%s", (unsigned long long)ev->u.store.seq,
			 ev->u.store.why);
		balance_store_failed(app->hall.balance, true);
		app->hall.store_failed = true;
		app->exit_status = EXIT_STORE_FAILED;
		loop_stop(app->loop);
		break;
	case EV_TIME:
		if (ev->now >= ocpp_next_due(ocpp))
			ocpp_time(ocpp, ev->now, ev->wall, fx);
		feed_limit_expire(app, ev->now);
		break;
	case EV_COMMAND:	/* ran inside control_run(): its effects are in this turn already */
		break;
	}
}

static struct event event_now(struct app *app, enum event_kind kind)
{
	struct event ev = { .kind = kind, .now = loop_now(app->loop), .wall = loop_wall() };

	return ev;
}

/* ---- stations ------------------------------------------------------------------------------ */

static int on_upgrade(void *ctx, const struct ws_upgrade *u)
{
	struct app *app = ctx;
	const struct station *st = site_station(app->hall.site, u->identity);

	if (app->hall.site->registration == REG_CLOSED && (st == NULL || st->conf < 0))
		return 401;
	return 0;
}

static void *on_opened(void *ctx, struct ws_conn *conn, const struct ws_upgrade *u)
{
	struct app *app = ctx;
	struct wire *l = wire_open(app, conn);
	struct event ev = event_now(app, EV_STATION_OPENED);

	ev.u.opened.link = l->id;
	ev.u.opened.identity = u->identity;
	ev.u.opened.address = u->peer_addr;
	ev.u.opened.tls = u->tls;
	app_event(app, &ev);
	return l;
}

static void on_message(void *user, const char *text, size_t len)
{
	struct wire *l = user;
	struct event ev = event_now(l->app, EV_STATION_FRAME);

	ev.u.frame.link = l->id;
	ev.u.frame.text = text;
	ev.u.frame.len = len;
	app_event(l->app, &ev);
}

static void on_closed(void *user, int code, const char *why)
{
	struct wire *l = user;
	struct event ev = event_now(l->app, EV_STATION_CLOSED);

	(void)code;
	ev.u.closed.link = l->id;
	ev.u.closed.why = why;
	app_event(l->app, &ev);
	wire_gone(l->app, l);
}

static const struct ws_server_ops ws_ops = {
	.upgrade = on_upgrade,
	.opened = on_opened,
	.message = on_message,
	.closed = on_closed,
};

/* ---- store --------------------------------------------------------------------------------- */

static void on_committed(void *ctx, uint64_t seq)
{
	struct event ev = event_now(ctx, EV_COMMITTED);

	ev.u.store.seq = seq;
	app_event(ctx, &ev);
}

static void on_store_failed(void *ctx, uint64_t seq, const char *why)
{
	struct event ev = event_now(ctx, EV_STORE_FAILED);

	ev.u.store.seq = seq;
	ev.u.store.why = why;
	app_event(ctx, &ev);
}

static const struct store_ops store_ops = { .committed = on_committed, .failed = on_store_failed };

/* ---- control ------------------------------------------------------------------------------- */

static void on_prepare(void *ctx, struct ctl_call *call)
{
	struct app *app = ctx;

	app->turn_open = true;
	call->hall = &app->hall;
	call->now = loop_now(app->loop);
	call->wall = loop_wall();
	call->arena = &app->arena;
	call->fx = &app->fx;
	app->call_first = app->fx.last;
	feed_views(app);
	sense_views(app, call->now);
}

/* A verb that stored something is answered when that is durable. */
static bool call_stored(const struct app *app)
{
	for (const struct effect *e = *app->call_first; e != NULL; e = e->next)
		if (e->kind == FX_PUT || e->kind == FX_DEL || e->kind == FX_CONFIG)
			return true;
	return false;
}

static void on_finish(void *ctx, struct ctl_call *call, int ret)
{
	struct app *app = ctx;

	if (ret == CTL_LATER)
		return;
	if (ret < 0)
		fx_reply_error(&app->fx, call->token, ret, call->diag.text);
	else
		fx_reply(&app->fx, call_stored(app) ? FX_AFTER_COMMIT : FX_NOW, call->token,
			 buf_cstr(call->out), call->out->len);
}

static bool on_dashboard_public(void *ctx)
{
	const struct app *app = ctx;
	const char *dashboard = app->hall.site->conf->site.dashboard;

	return dashboard != NULL && strcmp(dashboard, "public") == 0;
}

static const struct control_ops control_ops = {
	.prepare = on_prepare,
	.finish = on_finish,
	.dashboard_public = on_dashboard_public,
};

/* ---- the turn ------------------------------------------------------------------------------ */

static mono_t earliest(mono_t a, mono_t b)
{
	return a < b ? a : b;
}

static void on_timer(void *ctx)
{
	struct event ev = event_now(ctx, EV_TIME);

	app_event(ctx, &ev);
}

static void on_turn_end(void *ctx)
{
	struct app *app = ctx;
	mono_t now = loop_now(app->loop), due;

	if (app->turn_open || now >= balance_next_due(app->hall.balance)) {
		app->turn_open = false;
		if (app->hall.site->grown)
			site_adopt_connectors(app->hall.site, &app->fx);
		site_totals_roll(app->hall.site, loop_wall());
		feed_turn(app, now, loop_wall());
		carry_turn(app);
	}
	if (now >= control_next_due(app->control)) {
		feed_views(app);
		sense_views(app, now);
		control_push(app->control, now);
	}
	due = earliest(ocpp_next_due(app->hall.ocpp), balance_next_due(app->hall.balance));
	due = earliest(due, control_next_due(app->control));
	for (const struct limit_until *l = app->limits; l != NULL; l = l->next)
		due = earliest(due, l->until);
	loop_timer_at(app->timer, app->turn_open ? now : due);
}

/* ---- start --------------------------------------------------------------------------------- */

struct load_ctx {
	struct app *app;
	struct site_conf *conf;
	enum store_table table;
};

static int load_conf_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct load_ctx *l = ctx;
	struct diag diag;

	diag_init(&diag);
	if (site_conf_load_row(l->conf, l->table, key, json, len, &diag) < 0)
		log_lmsd(ERROR, "bad_record", "table=%s key=%s why=%s", store_table_name(l->table),
			 log_text(key), diag.text);
	return 0;
}

static int load_live_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct load_ctx *l = ctx;
	struct site *site = l->app->hall.site;
	struct diag diag;
	int ret = 0;

	diag_init(&diag);
	if (l->table == STORE_TAG)
		ret = site_tag_load(site, json, len, &diag);
	else if (l->table == STORE_BOOT)
		ret = site_boot_load(site, key, json, len, &diag);
	else
		ret = site_tx_load(site, json, len, l->table == STORE_TX_RUN, &diag);
	if (ret < 0)
		log_lmsd(ERROR, "bad_record", "table=%s key=%s why=%s", store_table_name(l->table),
			 log_text(key), diag.text);
	return ret > 0 ? 1 : 0;	/* 1: no older one is needed */
}

static int load_meta_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct app *app = ctx;

	site_meta_load(app->hall.site, key, json, len, NULL);
	return 0;
}

static int load_conf(struct app *app, struct diag *diag)
{
	static const enum store_table tables[] = {
		STORE_META, STORE_SITE, STORE_ZONE, STORE_METER, STORE_STATION, STORE_CONNECTOR,
	};
	struct load_ctx l = { .app = app, .conf = site_conf_load_begin() };
	struct diag complaint;
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(tables) && ret == 0; i++) {
		l.table = tables[i];
		ret = store_load(app->store, tables[i], load_conf_row, &l, diag);
	}
	if (ret < 0) {
		site_conf_free(l.conf);
		return ret;
	}
	diag_init(&complaint);
	if (site_conf_load_end(l.conf, &complaint) < 0)
		log_lmsd(ERROR, "configuration", "taken although: %s", complaint.text);
	app->hall.site->conf = l.conf;
	site_attach(app->hall.site, l.conf);
	return 0;
}

static int load_live(struct app *app, struct diag *diag)
{
	static const enum store_table tables[] = { STORE_BOOT, STORE_TAG, STORE_TX_RUN };
	struct load_ctx l = { .app = app };
	int ret = store_load(app->store, STORE_META, load_meta_row, app, diag);

	for (size_t i = 0; i < ARRAY_LEN(tables) && ret == 0; i++) {
		l.table = tables[i];
		ret = store_load(app->store, tables[i], load_live_row, &l, diag);
	}
	if (ret != 0)
		return ret;
	/* From the newest on, and only as many as are needed: there may be a million. */
	l.table = STORE_TX;
	ret = store_load_backwards(app->store, STORE_TX, load_live_row, &l, diag);
	return ret < 0 ? ret : 0;
}

void app_time_zone(struct app *app)
{
	struct site *site = app->hall.site;
	const char *name = site->conf->site.timezone;
	size_t count = 0;
	struct utc_offset *rows = tz_table(name ? name : "UTC", &count);

	if (rows == NULL) {
		log_lmsd(WARNING, "time_zone", "name=%s unknown here, UTC is used", log_text(name));
		name = NULL;
		rows = tz_table("UTC", &count);
	}
	free(app->tz_rows);
	app->tz_rows = rows;
	site->tz = (struct time_zone){ .rows = rows, .count = count, .name = name ? name : "UTC" };
}

static int app_load(struct app *app, struct diag *diag)
{
	struct diag complaint;
	int ret;

	app->hall.site->registration = (int)app->boot.registration == BOOT_REGISTRATION_CLOSED ? REG_CLOSED :
				       (int)app->boot.registration == BOOT_REGISTRATION_ACCEPT ? REG_ACCEPT :
												REG_PENDING;
	ret = load_conf(app, diag);
	if (ret < 0)
		return ret;
	app_time_zone(app);
	/* Before transactions are loaded: what is summed depends on when week and month began. */
	site_totals_roll(app->hall.site, loop_wall());
	ret = load_live(app, diag);
	if (ret < 0)
		return ret;
	diag_init(&complaint);
	if (feed_configure(app, loop_now(app->loop), &complaint) < 0)
		log_lmsd(ERROR, "configuration", "balance: %s", complaint.text);
	feed_restore(app);
	if (store_is_failed(app->store)) {
		log_lmsd(ERROR, "store_failed", "why=%s", store_why_failed(app->store));
		app->hall.store_failed = true;
		balance_store_failed(app->hall.balance, true);
	}
	return 0;
}

static int open_ws(struct app *app, const struct boot_addr *addr, bool tls, struct ws_server **out,
		   char *text, size_t size, struct diag *diag)
{
	struct ws_server_conf conf = {
		.address = addr->host,
		.port = addr->port,
		.tls = tls,
		.cert_file = tls ? app->boot.tls_certificate : NULL,
		.key_file = tls ? app->boot.tls_key : NULL,
	};
	int ret;

	if (!addr->on)
		return 0;
	ret = ws_server_new(app->loop, &conf, &ws_ops, app, out, diag);
	if (ret == 0)
		snprintf(text, size, "%s://%s:%d", tls ? "wss" : "ws", addr->host, ws_server_port(*out));
	return ret;
}

static int app_listen(struct app *app, struct diag *diag)
{
	int ret = 0;

	if (app->boot.listen_wss.on && access(app->boot.tls_certificate, F_OK) != 0 &&
	    access(app->boot.tls_key, F_OK) != 0)
		ret = tls_self_signed(app->boot.tls_certificate, app->boot.tls_key, "lmsd", diag);
	if (ret == 0)
		ret = open_ws(app, &app->boot.listen_ws, false, &app->ws, app->listen_ws,
			      sizeof(app->listen_ws), diag);
	if (ret == 0)
		ret = open_ws(app, &app->boot.listen_wss, true, &app->wss, app->listen_wss,
			      sizeof(app->listen_wss), diag);
	if (ret == 0)
		ret = control_new(app->loop, app->boot.control_socket, &control_ops, app, &app->control, diag);
	app->hall.listen_ws = app->listen_ws;
	app->hall.listen_wss = app->listen_wss;
	app->hall.control = app->control;
	return ret;
}

int app_new(const struct boot_conf *boot, struct app **out, struct diag *diag)
{
	struct app *app = xcalloc(1, sizeof(*app));
	int ret;

	app->boot = *boot;
	arena_init(&app->arena);
	effects_init(&app->fx, &app->arena);
	app->parcels_last = &app->parcels;
	app->loop = loop_new();
	app->hall.site = site_new();
	app->hall.balance = balance_new();
	app->hall.ocpp = ocpp_new(app->hall.site);
	app->hall.started = loop_now(app->loop);
	app->hall.site->outside = (struct site_outside){ app, tz_known, sense_check };
	app->timer = loop_timer_new(app->loop, on_timer, app);
	ocpp_set_gate(app->hall.ocpp, feed_admit, app);

	ret = store_open(app->loop, boot->state_directory, &store_ops, app, &app->store, diag);
	if (ret == 0)
		ret = sense_new(app, diag);
	if (ret == 0)
		ret = app_load(app, diag);
	if (ret == 0)
		ret = app_listen(app, diag);
	if (ret < 0) {
		app_free(app);
		return ret;
	}
	sense_configure(app);
	loop_on_turn_end(app->loop, on_turn_end, app);
	*out = app;
	return 0;
}

void app_run(struct app *app)
{
	app->turn_open = true;
	loop_run(app->loop);
}

void app_stop(struct app *app)
{
	loop_stop(app->loop);
}

int app_exit_status(const struct app *app)
{
	return app->exit_status;
}

const char *app_ready_line(const struct app *app, char *out, size_t size)
{
	snprintf(out, size, "ready ws=%d wss=%d control=%s", app->ws ? ws_server_port(app->ws) : 0,
		 app->wss ? ws_server_port(app->wss) : 0, app->boot.control_socket);
	return out;
}

void app_free(struct app *app)
{
	struct limit_until *l;

	loop_off_turn(app->loop, app);
	control_free(app->control);
	if (app->ws != NULL)
		ws_server_free(app->ws);
	if (app->wss != NULL)
		ws_server_free(app->wss);
	sense_free(app->sense);
	/* Commits what is queued; what waited for it must not leave any more. */
	app->control = NULL;
	store_close(app->store);
	carry_fini(app);
	while ((l = app->limits) != NULL) {
		app->limits = l->next;
		free(l);
	}
	loop_timer_free(app->timer);
	ocpp_free(app->hall.ocpp);
	balance_free(app->hall.balance);
	free(app->hall.site->zone_views);
	free(app->hall.site->meter_views);
	site_free(app->hall.site);
	loop_free(app->loop);
	arena_fini(&app->arena);
	free(app->slots);
	free(app->tz_rows);
	free(app);
}
