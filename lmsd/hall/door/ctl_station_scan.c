/* hall/door/ctl_station_scan.c - station scan: who on the local networks may be a station, and the URL
 * to type in there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "base/err.h"
#include "hall/background.h"
#include "net/scan.h"

#define WAIT_MS      3000
#define WAIT_MAX_MS  30000
#define OUI_ROWS_MAX 2000
#define VENDOR_MAX   48

struct oui {
	char digits[10];
	char vendor[VENDOR_MAX];
};

struct search {
	struct job job; /* first */
	struct app *app;
	uint64_t token;
	char oui_path[300];
	struct oui *oui;
	size_t oui_count;
	bool all;
	struct scan scan;
	struct diag diag;
};

/* ---- in the thread ---- */

static bool is_cancelled(void *ctx)
{
	return job_cancelled(ctx);
}

/* "0060B5 KEBA": digits of the address, the maker. What is no such line is none. */
static void read_makers(struct search *s)
{
	FILE *f = fopen(s->oui_path, "re");
	char line[120];

	s->oui = xcalloc(OUI_ROWS_MAX, sizeof(*s->oui));
	while (f && s->oui_count < OUI_ROWS_MAX && fgets(line, sizeof(line), f)) {
		struct oui *o = &s->oui[s->oui_count];

		if (*line != '#' &&
		    sscanf(line, "%9[0-9A-Fa-f] %47[^\n]", o->digits, o->vendor) == 2)
			s->oui_count++;
	}
	if (f)
		fclose(f);
}

static void run(struct job *job)
{
	struct search *s = (struct search *)job;

	read_makers(s);
	s->scan.cancelled = is_cancelled;
	s->scan.ctx = job;
	scan_run(&s->scan, &s->diag);
}

/* ---- on the loop ---- */

static void drop(struct job *job)
{
	struct search *s = (struct search *)job;

	free(s->oui);
	free(s);
}

/* The longest row that fits. */
static const char *maker(const struct search *s, const char *mac)
{
	char digits[13];
	const char *found = NULL;
	size_t best = 0, n = 0;

	for (const char *p = mac; *p && n < sizeof(digits) - 1; p++)
		if (*p != ':')
			digits[n++] = *p;
	digits[n] = '\0';
	for (size_t i = 0; n && i < s->oui_count; i++) {
		size_t len = strlen(s->oui[i].digits);

		if (len > best && strncasecmp(digits, s->oui[i].digits, len) == 0) {
			best = len;
			found = s->oui[i].vendor;
		}
	}
	return found;
}

static const struct station *connected_from(const struct site *site, const char *address)
{
	for (const struct station *st = site->stations; st != NULL; st = st->hh.next)
		if (st->link && strcmp(st->address, address) == 0)
			return st;
	return NULL;
}

/* As seen from there; the identity is the installer's to choose. */
static const char *url_for(const struct app *app, const struct scan_host *h, char out[120])
{
	const struct site_conf *conf = app->hall.site->conf;
	bool tls = app->ws == NULL || (app->wss != NULL && conf->site.security_min >= 2);
	const struct boot_addr *at = tls ? &app->boot.listen_wss : &app->boot.listen_ws;
	bool any = strcmp(at->host, "0.0.0.0") == 0 || strcmp(at->host, "::") == 0;

	snprintf(out, 120, "%s://%s:%d/ID", tls ? "wss" : "ws", any ? h->own : at->host,
		 ws_server_port(tls ? app->wss : app->ws));
	return out;
}

static void write_host(const struct search *s, const struct scan_host *h, struct json_writer *w)
{
	const struct station *st = connected_from(s->app->hall.site, h->address);
	struct ctl_candidate rec;
	char url[120];

	ctl_record_clear(&ctl_nouns[CTL_NOUN_candidate], &rec);
	rec.address = h->address;
	rec.mac = *h->mac ? h->mac : NULL;
	rec.vendor = *h->mac ? maker(s, h->mac) : NULL;
	rec.name = *h->said.name ? h->said.name : NULL;
	rec.ocpp = h->said.ocpp ? 1 : NUM_NONE;
	rec.station = st != NULL ? st->id : NULL;
	rec.interface = h->interface;
	rec.url = url_for(s->app, h, url);
	ctl_record_write(&ctl_nouns[CTL_NOUN_candidate], &rec, w);
}

/* Who says so, then who is made by a maker of stations, then the rest. */
static int rank(const struct search *s, const struct scan_host *h)
{
	return h->said.ocpp ? 0 : maker(s, h->mac) != NULL ? 1 : 2;
}

static void answer(struct search *s)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "items");
	jw_array(&w);
	for (int r = 0; r <= (s->all ? 2 : 1); r++)
		for (size_t i = 0; i < s->scan.count; i++)
			if (rank(s, &s->scan.hosts[i]) == r)
				write_host(s, &s->scan.hosts[i], &w);
	jw_array_end(&w);
	jw_kstr(&w, "next", NULL);
	jw_object_end(&w);
	fx_reply(&s->app->fx, FX_NOW, s->token, b.data, b.len);
	buf_fini(&b);
}

static void done(struct job *job)
{
	struct search *s = (struct search *)job;

	s->app->turn_open = true;
	if (diag_failed(&s->diag))
		fx_reply_error(&s->app->fx, s->token, s->diag.err, s->diag.text);
	else
		answer(s);
	drop(job);
}

int ctl_station_scan(struct ctl_call *c, const struct ctl_station_scan_args *a)
{
	struct app *app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	int64_t wait_ms = a->wait_ms == NUM_NONE ? WAIT_MS : a->wait_ms;
	struct search *s;

	if (wait_ms < 100 || wait_ms > WAIT_MAX_MS)
		return diag_set(&c->diag, -LMS_ERANGE, "wait: from 100ms to 30s");
	s = xcalloc(1, sizeof(*s));
	s->job = (struct job){.run = run, .done = done, .drop = drop};
	s->app = app;
	s->token = c->token;
	s->all = a->all == 1;
	s->scan.wait_ms = (int)wait_ms;
	s->scan.sweep = a->sweep == 1;
	snprintf(s->oui_path, sizeof(s->oui_path), "%s/OUI", app->boot.stations_directory);
	diag_init(&s->diag);
	if (background_take(app->background, &s->job))
		return CTL_LATER;
	drop(&s->job);
	return diag_set(&c->diag, -LMS_ECONFLICT,
			"too much else is being worked on (try again later)");
}
