/* load.c - the site at start, from what is stored: configuration, tags, transactions, limits.
 *
 * A record that cannot be used is told and skipped: a strange old one must not keep a site from
 * starting. Limits come last: every connector counts with the most that it may have been obeying.
 */
#include "app.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "site/alert/alert.h"
#include "site/door/cert_request.h"
#include "site/door/security_log.h"
#include "site/mail/mail.h"
#include "site/outer/grid.h"
#include "site/outer/override.h"
#include "site/outer/source.h"
#include "site/reserve/reservation.h"
#include "site/tag_log.h"
#include "site/tags/pending.h"
#include "site/transfer.h"

struct load_ctx {
	struct app *app;
	struct site_conf *conf;
	enum store_table table;
};

static void bad_record(const struct load_ctx *l, const char *key, const struct diag *diag)
{
	log_lmsd(ERROR, "bad_record", "table=%s key=%s why=%s", store_table_name(l->table), log_text(key),
		 diag->text);
}

static int load_conf_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct load_ctx *l = ctx;
	struct diag diag;

	diag_init(&diag);
	if (site_conf_load_row(l->conf, l->table, key, json, len, &diag) < 0)
		bad_record(l, key, &diag);
	return 0;
}

/* "grid", "grid way", "source ID" or "way ID". */
static int load_signal(struct app *app, const char *key, const char *json, size_t len, struct diag *diag)
{
	mono_t now = loop_now(app->loop);

	if (strncmp(key, "grid", 4) == 0)
		return site_grid_load(app->hall.site, key, json, len, now, loop_wall(), diag);
	return site_source_load(app->hall.site, key, json, len, now, loop_wall(), diag);
}

static int load_live_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct load_ctx *l = ctx;
	struct site *site = l->app->hall.site;
	struct diag diag;
	int ret;

	diag_init(&diag);
	if (l->table == STORE_META)
		ret = site_meta_load(site, key, json, len, &diag);
	else if (l->table == STORE_TAG)
		ret = site_tag_load(site, json, len, &diag);
	else if (l->table == STORE_OVERRIDE)
		ret = site_override_load(site, key, json, len, loop_now(l->app->loop), loop_wall(), &diag);
	else if (l->table == STORE_SIGNAL)
		ret = load_signal(l->app, key, json, len, &diag);
	else if (l->table == STORE_GRID_LOG)
		ret = site_grid_load_change(site, key, json, len, &diag);
	else if (l->table == STORE_ALERT)
		ret = alert_load(site, key, json, len, loop_now(l->app->loop), &diag);
	else if (l->table == STORE_MAIL)
		ret = mail_load(site, json, len, loop_now(l->app->loop), &diag);
	else if (l->table == STORE_ALERT_RULE)
		ret = alert_rule_load(site, key, json, len, &diag);
	else if (l->table == STORE_BMS)
		ret = bms_load(l->app->bms, key, json, len, &diag);
	else if (l->table == STORE_TRANSFER)
		ret = site_transfer_load(site, key, json, len, &diag);
	else if (l->table == STORE_RESERVATION)
		ret = site_reservation_load(site, json, len, &diag);
	else if (l->table == STORE_SECURITY_EVENT)
		ret = security_log_load(site, key, json, len, &diag);
	else if (l->table == STORE_CERT_REQUEST)
		ret = cert_request_load(site, key, json, len, &diag);
	else if (l->table == STORE_SECURITY)
		ret = security_load(site, key, json, len, &diag);
	else if (l->table == STORE_PENDING_TAG)
		ret = pending_load(site, key, json, len, &diag);
	else if (l->table == STORE_TAG_LOG)
		ret = site_tag_log_load(site, json, len, &diag);
	else if (l->table == STORE_LOCAL_LIST)
		ret = site_list_load(site, key, json, len, &diag);
	else if (l->table == STORE_BOOT)
		ret = site_boot_load(site, key, json, len, &diag);
	else
		ret = site_tx_load(site, json, len, l->table == STORE_TX_RUN, &diag);
	if (ret < 0)
		bad_record(l, key, &diag);
	return ret > 0;		/* no older one is needed */
}

static int load_conf(struct app *app, struct diag *diag)
{
	static const enum store_table tables[] = {
		STORE_META, STORE_SITE, STORE_ZONE, STORE_METER, STORE_SOURCE, STORE_GROUP, STORE_TAG_GROUP, STORE_STATION,
		STORE_CONNECTOR,
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
	static const enum store_table tables[] = {
		STORE_META, STORE_SECURITY_EVENT, STORE_CERT_REQUEST, STORE_OVERRIDE, STORE_SIGNAL, STORE_GRID_LOG, STORE_ALERT_RULE, STORE_ALERT, STORE_MAIL,
		STORE_BMS, STORE_BOOT, STORE_TRANSFER,
		STORE_TAG, STORE_PENDING_TAG, STORE_TAG_LOG, STORE_LOCAL_LIST, STORE_RESERVATION, STORE_TX_RUN,
	};
	struct load_ctx l = { .app = app };
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(tables) && ret == 0; i++) {
		l.table = tables[i];
		ret = store_load(app->store, tables[i], load_live_row, &l, diag);
	}
	l.table = STORE_SECURITY;
	if (ret == 0)
		ret = store_load_strict(app->store, STORE_SECURITY, load_live_row, &l, diag);
	l.table = STORE_TX;
	if (ret == 0)
		ret = store_load_backwards(app->store, STORE_TX, load_live_row, &l, diag);
	return ret < 0 ? ret : 0;
}

static void load_balance(struct app *app)
{
	struct diag complaint;

	diag_init(&complaint);
	if (feed_configure(app, loop_now(app->loop), &complaint) < 0)
		log_lmsd(ERROR, "configuration", "balance: %s", complaint.text);
	feed_restore(app);
	if (!store_is_failed(app->store))
		return;
	log_lmsd(ERROR, "store_failed", "why=%s", store_why_failed(app->store));
	app->hall.store_failed = true;
	balance_store_failed(app->hall.balance, true);
}

int load_site(struct app *app, struct diag *diag)
{
	struct site *site = app->hall.site;
	int ret;

	switch ((enum boot_registration)app->boot.registration) {
	case BOOT_REGISTRATION_PENDING:
		site->registration = REG_PENDING;
		break;
	case BOOT_REGISTRATION_CLOSED:
		site->registration = REG_CLOSED;
		break;
	case BOOT_REGISTRATION_ACCEPT:
		site->registration = REG_ACCEPT;
		break;
	}
	ret = load_conf(app, diag);
	if (ret < 0)
		return ret;
	app_time_zone(app);
	site_grid_begin(site, loop_now(app->loop));
	site_totals_roll(site, loop_wall());
	ret = load_live(app, diag);
	if (ret == 0)
		load_balance(app);
	return ret;
}
