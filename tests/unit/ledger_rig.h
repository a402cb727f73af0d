/* A site with a ledger at a desk: charges begin, are sampled, and end. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_site.h"

#define MINUTE (60 * US_PER_S)
#define HOUR   (60 * MINUTE)

struct ledger_desk {
	struct desk d;
	int32_t id;
	struct auth auth;
};

static inline void begin(struct ledger_desk *l)
{
	desk_init(&l->d);
	desk_must(&l->d, "config.apply",
		  "{'document': {'zones': [{'id': 'Z', 'static': 60}],"
		  "'stations': [{'id': 'S1', 'zone': 'Z', 'connectors': 2, 'wiring': 'RST'},"
		  "             {'id': 'S2', 'zone': 'Z'}],"
		  "'tags': [{'uid': 'ANN', 'holder': 'Ann', 'group': 'FLEET', 'vip': true},"
		  "         {'uid': 'BOB'}, {'uid': 'CAT', 'active': false},"
		  "         {'uid': 'DAN', 'expires': '2026-05-01T07:59:59Z'}]}}");
	site_totals_roll(l->d.site, l->d.wall);
}

static inline struct connector *conn(struct ledger_desk *l, const char *id)
{
	return site_connector_by_id(l->d.site, id, NULL);
}

static inline struct tx *start_as(struct ledger_desk *l, const struct tx_start *in)
{
	struct tx *tx = site_tx_start(l->d.site, in, l->d.now, l->d.wall, &l->id, &l->auth, &l->d.fx);

	desk_settle(&l->d);
	assert_true(l->id > 0);
	return tx;
}

static inline struct tx *start(struct ledger_desk *l, const char *id, const char *tag, int64_t wh, uint64_t hash)
{
	struct tx_start in = { .conn = conn(l, id), .tag = tag, .time = l->d.wall, .meter_wh = wh, .hash = hash };

	return start_as(l, &in);
}

static inline int stop(struct ledger_desk *l, const char *station, int32_t id, int64_t wh, wall_t time)
{
	struct tx_stop in = { .station = site_station(l->d.site, station), .id = id, .tag = "ANN",
			      .reason = "Local", .time = time, .meter_wh = wh };
	int ret = site_tx_stop(l->d.site, &in, l->d.wall, &l->auth, &l->d.fx);

	desk_settle(&l->d);
	return ret;
}

static inline void sample(struct ledger_desk *l, struct tx *tx, int64_t wh)
{
	desk_sample(l->d.site, tx, wh, l->d.wall, &l->d.fx);
	desk_settle(&l->d);
}

static inline const char *key10(int32_t id)
{
	static char key[16];

	snprintf(key, sizeof(key), "%010d", id);
	return key;
}

/* The stored record of an ended transaction. */
static inline struct ctl_transaction ended(struct ledger_desk *l, int32_t id)
{
	struct ctl_transaction rec;
	const char *json = desk_stored(&l->d, STORE_TX, key10(id));

	assert_int_equal(site_tx_record(l->d.site, json, strlen(json), &l->d.arena, &rec, NULL), 0);
	assert_int_equal(rec.id, id);
	return rec;
}
