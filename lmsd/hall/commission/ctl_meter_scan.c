/* hall/commission/ctl_meter_scan.c - meter scan: a sweep of one bus at one or several speeds, one scan at a time.
 *
 * It takes minutes, so whoever began it asks how far it is. When nobody asks any more it ends by itself:
 * that is how an interrupted lmsctl calls it off, however it went.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "hall/commission/scan.h"
#include "hall/commission/sweep.h"
#include "modbus/bus.h"
#include "sense_meters.h"

#define LEASE_US	(5 * US_PER_S)	/* nobody has asked for so long: it ends */
#define WAITERS_MAX	8
#define BAUDS_MAX	8
#define TIMEOUT_RTU_US	(300 * US_PER_MS)
#define TIMEOUT_TCP_US	(700 * US_PER_MS)
#define SILENCE_RTU_US	(60 * US_PER_MS)	/* what the most sensitive of the known models wants */
#define SILENCE_TCP_US	(20 * US_PER_MS)	/* gateways keep their own */
#define ALL_RTU		"1..247"
#define ALL_TCP		"255,247,246,1..245"	/* that every number answers shows in the first three */

enum scan_state { SCAN_RUNNING, SCAN_DONE, SCAN_CANCELLED };

struct found {
	struct sweep_slave s;
	struct meter_address address;
};

struct waiter {
	uint64_t token;
	mono_t until;
};

struct meter_scan {
	struct app *app;
	struct loop_timer *timer;
	struct sweep *sweep;		/* under way; NULL = none */
	enum scan_state state;
	struct meter_address address;	/* at the speed that is tried */
	char slaves[80];
	bool all;			/* of TCP, and nothing was said */
	int bauds[BAUDS_MAX], baud_count, baud_at;
	int64_t timeout_us;
	struct found *found;
	size_t found_count;
	int garbled, total, asked;
	bool any;
	char trouble[300];		/* why a speed could not be tried, "" */
	mono_t asked_at;		/* the last time that somebody asked */
	struct waiter waiters[WAITERS_MAX];
	int waiter_count;
};

/* ---- the answer --------------------------------------------------------------------------------- */

static const char *configured_as(const struct app *app, const struct meter_address *a)
{
	const struct site_conf *conf = app->hall.site->conf;
	char bus[ADDRESS_TEXT_MAX], other[ADDRESS_TEXT_MAX];
	struct meter_address b;

	address_bus(a, bus);
	for (size_t i = 0; i < conf->meter_count; i++)
		if (address_parse(conf->meters[i].k.address, &b, NULL) == 0 && b.slave == a->slave &&
		    strcmp(address_bus(&b, other), bus) == 0)
			return conf->meters[i].k.id;
	return NULL;
}

static void write_found(const struct meter_scan *sc, const struct found *f, struct json_writer *w)
{
	static const char *const hows[] = { "unknown", "identity", "sunspec", "values" };
	char address[ADDRESS_TEXT_MAX], fits[SWEEP_FITS * (PROFILE_NAME_MAX + 2)] = "";
	size_t len = 0;

	for (int i = 0; i < f->s.fit_count && len < sizeof(fits); i++)
		len += (size_t)snprintf(fits + len, sizeof(fits) - len, "%s%s", i ? ", " : "", f->s.fits[i]);
	jw_object(w);
	jw_kint(w, "slave", f->s.slave);
	jw_kstr(w, "address", address_text(&f->address, address));
	jw_kstr(w, "state", f->s.garbled ? "garbled" : "answers");
	jw_kstr(w, "profiles", *fits ? fits : NULL);
	jw_kstr(w, "known_by", f->s.garbled ? NULL : hows[f->s.how]);
	jw_kstr(w, "meter", configured_as(sc->app, &f->address));
	jw_key(w, "latency_ms");
	jw_fixed(w, f->s.latency_us == NUM_NONE ? 0 : f->s.latency_us, US_PER_MS);
	jw_object_end(w);
}

static void say(const struct meter_scan *sc, char *text, size_t size)
{
	char bus[ADDRESS_TEXT_MAX];
	int so_far = (int)sc->found_count;

	address_bus(&sc->address, bus);
	if (sc->state == SCAN_RUNNING)
		snprintf(text, size, "%s: %d of %d numbers asked, %d found", bus, sc->asked + atomic_load(&sc->sweep->asked),
			 sc->total, so_far + atomic_load(&sc->sweep->found_now));
	else if (*sc->trouble && !so_far)
		snprintf(text, size, "%s", sc->trouble);
	else if (sc->any)
		snprintf(text, size, "%s answers to every slave number: one device, take 255", bus);
	else if (sc->garbled && sc->garbled == so_far)
		snprintf(text, size, "what comes is no frame: another speed or parity (--baud 9600,19200,38400), or two slaves of one number");
	else if (!so_far)
		snprintf(text, size, "nobody answers%s: check %s", sc->state == SCAN_CANCELLED ? " so far, and the scan was called off" : "",
			 sc->address.rtu ? "A and B, the supply of the slaves, speed and parity (--baud 9600,19200)" :
					   "that it is a Modbus gateway, and the slaves behind it");
	else
		snprintf(text, size, "%d found%s%s%s", so_far, sc->state == SCAN_CANCELLED ? "; called off before the end" : "",
			 *sc->trouble ? "; " : "", sc->trouble);
}

static void write_state(const struct meter_scan *sc, struct json_writer *w)
{
	static const char *const states[] = { "running", "done", "cancelled" };
	char text[500];

	say(sc, text, sizeof(text));
	jw_object(w);
	jw_kstr(w, "status", states[sc->state]);
	jw_kstr(w, "text", text);
	jw_kint(w, "asked", sc->asked + (sc->sweep ? atomic_load(&sc->sweep->asked) : 0));
	jw_kint(w, "total", sc->total);
	jw_kstr(w, "trouble", *sc->trouble ? sc->trouble : NULL);
	jw_key(w, "found");
	jw_array(w);
	for (size_t i = 0; i < sc->found_count; i++)
		write_found(sc, &sc->found[i], w);
	jw_array_end(w);
	jw_object_end(w);
}

/* All whose time has come, or all of them. */
static void answer_waiters(struct meter_scan *sc, mono_t now)
{
	int kept = 0;

	for (int i = 0; i < sc->waiter_count; i++) {
		struct waiter wt = sc->waiters[i];
		struct json_writer w;
		struct buf b;

		if (sc->state == SCAN_RUNNING && now < wt.until) {
			sc->waiters[kept++] = wt;
			continue;
		}
		buf_init(&b);
		jw_init(&w, &b);
		write_state(sc, &w);
		fx_reply(&sc->app->fx, FX_NOW, wt.token, b.data, b.len);
		buf_fini(&b);
		sc->asked_at = now;
		sc->app->turn_open = true;
	}
	sc->waiter_count = kept;
}

static void set_timer(struct meter_scan *sc)
{
	mono_t due = sc->state == SCAN_RUNNING && !sc->waiter_count ? sc->asked_at + LEASE_US : MONO_NEVER;

	for (int i = 0; i < sc->waiter_count; i++)
		if (sc->waiters[i].until < due)
			due = sc->waiters[i].until;
	loop_timer_at(sc->timer, due);
}

static void on_timer(void *ctx)
{
	struct meter_scan *sc = ctx;
	mono_t now = loop_now(sc->app->loop);

	answer_waiters(sc, now);
	if (sc->state == SCAN_RUNNING && !sc->waiter_count && now - sc->asked_at >= LEASE_US)
		errand_cancel(&sc->sweep->e);
	set_timer(sc);
}

/* ---- its course ---------------------------------------------------------------------------------- */

static void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	sweep_fini(s);
	free(s);
}

/* lmsd ends: the scan itself goes with sense. */
static void drop(struct errand *e)
{
	struct meter_scan *sc = ((struct sweep *)e)->ctx;

	sweep_free(sc->sweep);
	sc->sweep = NULL;
}

static void take_found(struct meter_scan *sc, const struct sweep *s)
{
	sc->found = xrealloc(sc->found, (sc->found_count + (size_t)s->found_count + 1) * sizeof(*sc->found));
	for (int i = 0; i < s->found_count; i++) {
		struct found *f = &sc->found[sc->found_count++];

		f->s = s->found[i];
		f->address = sc->address;
		f->address.slave = s->found[i].slave;
		sc->garbled += s->found[i].garbled;
	}
	sc->asked += atomic_load(&s->asked);
	sc->any = sc->any || s->any;
	if (s->failed)
		snprintf(sc->trouble, sizeof(sc->trouble), "%s", s->text);
}

static void done(struct errand *e, bool cut);

/* The next speed; 0, or why not. */
static int begin(struct meter_scan *sc, struct diag *d)
{
	struct sweep *s = xcalloc(1, sizeof(*s));
	int ret;

	if (sc->baud_count)
		sc->address.baud = sc->bauds[sc->baud_at];
	sweep_init(s, &sc->app->profiles);
	s->e.done = done;
	s->e.drop = drop;
	s->ctx = sc;
	s->timeout_us = sc->timeout_us;
	s->silence_us = sc->address.rtu ? SILENCE_RTU_US : SILENCE_TCP_US;
	s->stop_if_any = sc->all;
	ret = sweep_slaves(sc->slaves, sc->address.rtu, s, d);
	sc->total = s->order_count * (sc->baud_count ? sc->baud_count : 1);
	if (ret == 0)
		ret = bus_set_errand(sc->app->sense->buses, &sc->address, &s->e, d);
	if (ret < 0)
		sweep_free(s);
	else
		sc->sweep = s;
	return ret;
}

static void done(struct errand *e, bool cut)
{
	struct sweep *s = (struct sweep *)e;
	struct meter_scan *sc = s->ctx;
	struct diag d;

	take_found(sc, s);
	sweep_free(s);
	sc->sweep = NULL;
	diag_init(&d);
	if (!cut && ++sc->baud_at < sc->baud_count) {
		if (begin(sc, &d) == 0)
			return;
		snprintf(sc->trouble, sizeof(sc->trouble), "%.290s", d.text);
	}
	sc->state = cut ? SCAN_CANCELLED : SCAN_DONE;
	log_ctl(NOTICE, "meter.scan", "scan_ended", "found=%zu state=%s", sc->found_count, cut ? "cancelled" : "done");
	answer_waiters(sc, loop_now(sc->app->loop));
	set_timer(sc);
}

void meter_scan_free(struct meter_scan *sc)
{
	if (!sc)
		return;
	loop_timer_free(sc->timer);
	free(sc->found);
	free(sc);
}

/* ---- the question -------------------------------------------------------------------------------- */

static int wait_for(struct meter_scan *sc, struct ctl_call *c, int64_t wait_ms)
{
	sc->asked_at = c->now;
	if (sc->state != SCAN_RUNNING || wait_ms == 0) {
		write_state(sc, &c->w);
		set_timer(sc);
		return 0;
	}
	if (sc->waiter_count == WAITERS_MAX)
		return diag_set(&c->diag, -LMS_ECONFLICT, "%d wait for the scan already", WAITERS_MAX);
	sc->waiters[sc->waiter_count++] = (struct waiter){ c->token, wait_ms == NUM_NONE ? MONO_NEVER :
									 c->now + wait_ms * US_PER_MS };
	set_timer(sc);
	return CTL_LATER;
}

static int read_bauds(struct meter_scan *sc, const char *text, struct diag *d)
{
	char one[ADDRESS_TEXT_MAX + 16];
	struct meter_address a;

	if (text && !sc->address.rtu)
		return diag_set(d, -LMS_EDATA, "baud: goes with a serial line (rtu:/dev/…)");
	for (const char *p = text; p && *p; p += strcspn(p, ","), p += *p == ',') {
		if (sc->baud_count == BAUDS_MAX)
			return diag_set(d, -LMS_EDATA, "baud: more than %d speeds", BAUDS_MAX);
		snprintf(one, sizeof(one), "1@rtu:%s,%.*s", sc->address.device, (int)strcspn(p, ","), p);
		if (address_parse(one, &a, NULL) < 0)
			return diag_set(d, -LMS_EDATA, "baud: '%.*s' is not a speed (write 9600,19200)", (int)strcspn(p, ","), p);
		sc->bauds[sc->baud_count++] = a.baud;
	}
	return 0;
}

static int read_args(struct meter_scan *sc, const struct ctl_meter_scan_args *a, struct diag *d)
{
	char text[ADDRESS_TEXT_MAX + 4];
	bool one = a->address && strchr(a->address, '@');
	struct sweep probe = { .order_count = 0 };
	int64_t timeout_ms = a->timeout_ms;
	int ret;

	if (!a->address)
		return diag_set(d, -LMS_EUSAGE, "address: is missing (rtu:/dev/ttyUSB0,9600,8N1, or host:port)");
	snprintf(text, sizeof(text), "%s%.310s", one ? "" : "1@", a->address);
	ret = address_parse(text, &sc->address, d);
	if (ret == 0)
		ret = read_bauds(sc, a->baud, d);
	if (ret < 0)
		return ret;
	if (timeout_ms != NUM_NONE && (timeout_ms < 20 || timeout_ms > 5000))
		return diag_set(d, -LMS_ERANGE, "timeout: from 20ms to 5s");
	sc->timeout_us = timeout_ms != NUM_NONE ? timeout_ms * US_PER_MS : sc->address.rtu ? TIMEOUT_RTU_US : TIMEOUT_TCP_US;
	sc->all = !sc->address.rtu && !one && !a->slaves;
	if (one && !a->slaves)
		snprintf(sc->slaves, sizeof(sc->slaves), "%d", sc->address.slave);
	else
		snprintf(sc->slaves, sizeof(sc->slaves), "%s", a->slaves ? a->slaves : sc->address.rtu ? ALL_RTU : ALL_TCP);
	if (a->slaves && strlen(a->slaves) >= sizeof(sc->slaves))
		return diag_set(d, -LMS_EDATA, "slaves: is too long");
	return sweep_slaves(sc->slaves, sc->address.rtu, &probe, d);
}

static int start(struct ctl_call *c, struct app *app, const struct ctl_meter_scan_args *a)
{
	struct meter_scan *sc = xcalloc(1, sizeof(*sc));
	int ret;

	sc->app = app;
	ret = read_args(sc, a, &c->diag);
	if (ret == 0)
		ret = begin(sc, &c->diag);
	if (ret < 0) {
		meter_scan_free(sc);
		return ret;
	}
	sc->timer = loop_timer_new(app->loop, on_timer, sc);
	meter_scan_free(app->sense->scan);
	app->sense->scan = sc;
	return wait_for(sc, c, a->wait_ms);
}

int ctl_meter_scan(struct ctl_call *c, const struct ctl_meter_scan_args *a)
{
	struct app *app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	struct meter_scan *sc = app->sense->scan;
	char bus[ADDRESS_TEXT_MAX];

	if (a->wait_ms != NUM_NONE && (a->wait_ms < 0 || a->wait_ms > 3600 * 1000))
		return diag_set(&c->diag, -LMS_ERANGE, "wait: from 0 to 1h");
	if (a->follow == 1 || a->cancel == 1) {
		if (!sc)
			return diag_set(&c->diag, -LMS_ENOTFOUND, "there was no scan since lmsd started (meter scan ADDRESS)");
		if (a->cancel == 1 && sc->sweep)
			errand_cancel(&sc->sweep->e);
		return wait_for(sc, c, a->wait_ms);
	}
	if (sc && sc->state == SCAN_RUNNING)
		return diag_set(&c->diag, -LMS_ECONFLICT, "%s is being scanned already (meter scan --follow shows it, --cancel ends it)",
				address_bus(&sc->address, bus));
	return start(c, app, a);
}
