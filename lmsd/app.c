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
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "hall/alerts.h"
#include "hall/background.h"
#include "hall/broker/broker.h"
#include "base/err.h"
#include "base/log.h"
#include "crypto/pki.h"
#include "hall/door/certificate.h"
#include "hall/door/door.h"
#include "files/files.h"
#include "hall/history/keeper.h"
#include "hall/hours.h"
#include "hall/post/post.h"
#include "hall/door/rival.h"
#include "hall/door/sign.h"
#include "io/zone_info.h"
#include "modbus/bus.h"
#include "net/tls.h"
#include "ocpp/frames/frame_log.h"

#define EXIT_STORE_FAILED 70
#define WATCHDOG_US (10 * US_PER_S)	/* a third of the unit's WatchdogSec */

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
		sense_time(app, ev->now, ev->wall);
		feed_limit_expire(app, ev->now);
		feed_outer_time(app, ev->now, ev->wall);
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

static size_t connections(const struct app *app)
{
	return (app->ws != NULL ? ws_server_count(app->ws) : 0) + (app->wss != NULL ? ws_server_count(app->wss) : 0);
}

static int on_upgrade(void *ctx, const struct ws_upgrade *u)
{
	struct app *app = ctx;
	int status;

	app->turn_open = true;
	status = door_ask(app->door, u);
	if (status == 0 && connections(app) >= (size_t)app->boot.limits_connections) {
		log_lmsd(WARNING, "connections", "limit=%lld reached (limits.connections in lmsd.conf)",
			 (long long)app->boot.limits_connections);
		status = 503;
	}
	if (status == 0)
		return rival_ask(app->rivals, u, door_proven(app->door));
	rival_refused(app->rivals, u);
	return status;
}

static void *on_opened(void *ctx, struct ws_conn *conn, const struct ws_upgrade *u)
{
	struct app *app = ctx;
	struct wire *l = wire_open(app, conn, u->identity);
	struct event ev = event_now(app, EV_STATION_OPENED);

	ev.u.opened.link = l->id;
	ev.u.opened.identity = u->identity;
	ev.u.opened.address = u->peer_addr;
	ev.u.opened.tls = u->tls;
	door_opened(app->door, u);
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
	rival_heard(l->app->rivals, l);
	frame_log_add(l->app->hall.frames, ev.wall, l->station, l->station_len, true, text, len);
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
	rival_gone(l->app->rivals, l);
	wire_gone(l->app, l);
}

static void on_pong(void *user)
{
	const struct wire *l = user;

	rival_heard(l->app->rivals, l);
}

static void on_slowed(void *user)
{
	const struct wire *l = user;

	log_station(WARNING, l->station, "station_floods",
		    "limit=%lld messages a second: it is read more slowly (limits.messages in lmsd.conf)",
		    (long long)l->app->boot.limits_messages);
}

static const struct ws_server_ops ws_ops = {
	.upgrade = on_upgrade,
	.opened = on_opened,
	.message = on_message,
	.closed = on_closed,
	.pong = on_pong,
	.slowed = on_slowed,
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
	feed_views(app, call->now);
}

/* A verb that stored something is answered when that is durable. */
static bool call_stored(const struct app *app)
{
	for (const struct effect *e = *app->call_first; e != NULL; e = e->next)
		if (e->kind == FX_PUT || e->kind == FX_DEL || e->kind == FX_CONFIG)
			return true;
	return false;
}

static bool on_finish(void *ctx, struct ctl_call *call, int ret)
{
	struct app *app = ctx;
	bool waits = ret == 0 && call_stored(app);

	if (ret < 0)
		fx_reply_error(&app->fx, call->token, ret, call->diag.text);
	else if (ret == 0)
		fx_reply(&app->fx, waits ? FX_AFTER_COMMIT : FX_NOW, call->token, buf_cstr(call->out),
			 call->out->len);
	return waits;
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
		if (app->hall.site->tags_changed) {
			app->hall.site->tags_changed = false;
			ocpp_tags_changed(app->hall.ocpp, now, loop_wall(), &app->fx);
		}
		if (app->hall.site->credit_out && now >= app->hall.site->credit_look_at)
			ocpp_credit_used_up(app->hall.ocpp, now, loop_wall(), &app->fx);
		if (app->hall.site->outer_changed)
			feed_outer(app, now, loop_wall());
		if (app->hall.site->cert_asked)
			sign_turn(app, now, loop_wall());
		feed_turn(app, now, loop_wall());
		broker_turn(app->broker, now, loop_wall());
		hours_turn(app, now, loop_wall());
		alerts_turn(app, now, loop_wall());
		keeper_turn(app, now, loop_wall());
		post_turn(app, now, loop_wall());
		record_turn(app, now, loop_wall());
		carry_turn(app);
	}
	bms_turn(app->bms, now);
	if (now >= control_next_due(app->control)) {
		feed_views(app, now);
		control_push(app->control, now);
	}
	if (now >= app->watchdog_due) {
		sd_notify(0, "WATCHDOG=1");
		app->watchdog_due = now + WATCHDOG_US;
	}
	due = earliest(app->watchdog_due, balance_next_due(app->hall.balance));
	due = earliest(due, ocpp_next_due(app->hall.ocpp));
	due = earliest(due, control_next_due(app->control));
	due = earliest(due, app->flush_due);
	due = earliest(due, hours_due(app));
	due = earliest(due, alerts_due(app));
	due = earliest(due, keeper_due(app));
	due = earliest(due, post_due(app));
	due = earliest(due, feed_outer_due(app));
	due = earliest(due, sense_due(app));
	due = earliest(due, broker_due(app->broker));
	due = earliest(due, bms_due(app->bms));
	for (const struct limit_until *l = app->limits; l != NULL; l = l->next)
		due = earliest(due, l->until);
	loop_timer_at(app->timer, app->turn_open ? now : due);
}

/* ---- start --------------------------------------------------------------------------------- */

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

static int open_ws(struct app *app, const struct boot_addr *addr, bool tls, struct ws_server **out,
		   char *text, size_t size, struct diag *diag)
{
	struct ws_server_conf conf = {
		.address = addr->host,
		.port = addr->port,
		.tls = tls,
		.cert_file = tls ? app->boot.tls_certificate : NULL,
		.key_file = tls ? app->boot.tls_key : NULL,
		.pace = app->boot.limits_messages,
		.idle_ping_us = app->boot.limits_silence ? app->boot.limits_silence * US_PER_S : -1,
		.ca_file = tls && *app->boot.tls_client_ca ? app->boot.tls_client_ca : NULL,
		.crl_file = tls && *app->boot.tls_client_crl ? app->boot.tls_client_crl : NULL,
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

	if ((app->boot.listen_wss.on || (app->boot.files_listen.on && app->boot.files_tls == BOOT_FILES_TLS_ON)) &&
	    access(app->boot.tls_certificate, F_OK) != 0 && access(app->boot.tls_key, F_OK) != 0)
		ret = tls_self_signed(app->boot.tls_certificate, app->boot.tls_key, "lmsd", diag);
	if (ret == 0)
		ret = open_ws(app, &app->boot.listen_ws, false, &app->ws, app->listen_ws,
			      sizeof(app->listen_ws), diag);
	if (ret == 0)
		ret = open_ws(app, &app->boot.listen_wss, true, &app->wss, app->listen_wss,
			      sizeof(app->listen_wss), diag);
	if (ret == 0)
		ret = control_new(app->loop, app->boot.control_socket, &control_ops, app, &app->control, diag);
	if (ret == 0 && *app->boot.tls_station_ca)
		ret = pki_check_ca(app->boot.tls_station_ca, app->boot.tls_station_ca_key, diag);
	app->hall.listen_ws = app->listen_ws;
	app->hall.listen_wss = app->listen_wss;
	app->hall.control = app->control;
	return ret;
}

/* What no single object shows: last of all checks. */
static int whole_check(void *ctx, const struct site_conf *candidate, struct diag *d)
{
	int ret = sense_check_buses(candidate, d);

	return ret ? ret : feed_check(ctx, candidate, d);
}

int app_new(const struct boot_conf *boot, struct app **out, struct diag *diag)
{
	struct app *app = xcalloc(1, sizeof(*app));
	int ret;

	app->boot = *boot;
	arena_init(&app->arena);
	effects_init(&app->fx, &app->arena);
	app->parcels_last = &app->parcels;
	app->viewed = MONO_NEVER;
	app->loop = loop_new();
	app->hall.site = site_new();
	app->hall.balance = balance_new();
	app->hall.ocpp = ocpp_new(app->hall.site);
	app->hall.frames = frame_log_new(FRAME_LOG_SIZE);
	app->hall.way_trouble = way_trouble;
	app->hall.started = loop_now(app->loop);
	app->hall.site->outside = (struct site_outside){ app, tz_known, sense_check, whole_check };
	app->timer = loop_timer_new(app->loop, on_timer, app);
	app->rivals = rivals_new(app);
	ocpp_set_gate(app->hall.ocpp, feed_admit, app);
	habits_load(app);
	app->door = door_new(app);

	ret = store_open(app->loop, boot->state_directory, &store_ops, app, &app->store, diag);
	app->background = background_new(app->loop);
	if (ret == 0)
		record_open(app);
	if (ret == 0)
		ret = sense_new(app, diag);
	if (ret == 0)
		ret = bms_open(app, diag);
	if (ret == 0)
		ret = load_site(app, diag);
	if (ret == 0)
		ret = app_listen(app, diag);
	if (ret == 0)
		ret = file_jobs_open(app, diag);
	if (ret == 0)
		ret = broker_open(app, diag);
	if (ret < 0) {
		app_free(app);
		return ret;
	}
	sense_configure(app);
	broker_configure(app->broker);
	bms_configure(app->bms);
	hours_open(app, loop_wall());
	keeper_open(app, loop_now(app->loop), loop_wall());
	app->certificate = certificate_new(app);
	app->post = post_new(app);
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

void app_reload(struct app *app)
{
	struct diag diag;

	diag_init(&diag);
	if (certificate_is_shown(app))
		certificate_reload(app, &diag);
	profiles_reload(app, NULL);
}

int app_exit_status(const struct app *app)
{
	return app->exit_status;
}

const char *app_ready_line(const struct app *app, char *out, size_t size)
{
	snprintf(out, size, "ready ws=%d wss=%d control=%s", app->ws ? ws_server_port(app->ws) : 0,
		 app->wss ? ws_server_port(app->wss) : 0, app->boot.control_socket);
	if (app->files != NULL) {
		size_t len = strlen(out);

		snprintf(out + len, size - len, " files=%d", files_port(app->files));
	}
	if (bms_port(app->bms) != 0) {
		size_t len = strlen(out);

		snprintf(out + len, size - len, " bms=%d", bms_port(app->bms));
	}
	return out;
}

void app_free(struct app *app)
{
	struct limit_until *l;

	loop_off_turn(app->loop, app);
	post_free(app->post);
	background_free(app->background);
	files_free(app->files);
	broker_close(app->broker);
	bms_close(app->bms);
	control_free(app->control);
	if (app->ws != NULL)
		ws_server_free(app->ws);
	if (app->wss != NULL)
		ws_server_free(app->wss);
	sense_free(app->sense);
	profile_set_fini(&app->profiles);
	/* Commits what is queued; what waited for it must not leave any more. */
	app->control = NULL;
	record_close(app);
	hours_close(app, loop_now(app->loop));
	keeper_close(app);
	store_close(app->store);
	carry_fini(app);
	while ((l = app->limits) != NULL) {
		app->limits = l->next;
		free(l);
	}
	certificate_free(app->certificate);
	rivals_free(app->rivals);
	loop_timer_free(app->timer);
	ocpp_free(app->hall.ocpp);
	frame_log_free(app->hall.frames);
	balance_free(app->hall.balance);
	free(app->hall.site->zone_views);
	free(app->hall.site->meter_views);
	site_free(app->hall.site);
	loop_free(app->loop);
	arena_fini(&app->arena);
	door_free(app->door);
	free(app->slots);
	free(app->alerts);
	free(app->tz_rows);
	free(app);
}
