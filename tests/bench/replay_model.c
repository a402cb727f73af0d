/* The site of the sessions: from a document of the site, or the plainest one that they fit on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "ctl/ctl.h"
#include "hall.h"
#include "site/edit.h"
#include "tests/bench/replay.h"

#define SETTLE_US US_PER_S
#define LEAST_MA  INT64_C(6000)
#define DOCUMENT_MAX (16 << 20)

static const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };

/* ---- sessions to connectors ------------------------------------------------------------------ */

static enum bal_wiring wiring_for(phase_mask_t phases)
{
	return phases == 1 ? BAL_L1 : phases == 2 ? BAL_L2 : phases == 4 ? BAL_L3 : BAL_RST;
}

/* In the order of arrival each session takes the first free connector of its station, of those wired as
 * its car where `wired_alike`; a connector is made where `may_add`. */
static int assign(struct model *m, struct sessions *s, bool may_add, bool wired_alike, struct diag *d)
{
	int64_t *free_at = xcalloc(m->conn_count + s->count + 1, sizeof(*free_at));
	int ret = 0;

	for (size_t i = 0; i < s->count && !ret; i++) {
		struct session *one = &s->list[i];
		uint32_t c;
		int number = 1;

		for (c = 0; c < m->conn_count; c++) {
			if (strcmp(m->conns[c].station, one->station) != 0)
				continue;
			if (free_at[c] <= one->arrival_us &&
			    (!wired_alike || m->conns[c].wiring == wiring_for(one->phases)))
				break;
			number++;
		}
		if (c == m->conn_count && !may_add) {
			ret = diag_set_at(d, -LMS_EDATA, s->path, one->line, 0, "station: '%s' %s",
					  one->station,
					  number > 1 ? "has no free connector then" : "is not in the site");
			break;
		}
		if (c == m->conn_count)
			m->conns[m->conn_count++] = (struct bal_conn_conf){
				.id = arena_printf(&m->arena, "%s/%d", one->station, number),
				.station = one->station, .wiring = wiring_for(one->phases), .min_ma = LEAST_MA, .max_ma = LEAST_MA,
				.step_ma = 100, .settle_us = SETTLE_US, .manageable = true, .proven = true,
			};
		one->conn = c;
		free_at[c] = one->departure_us;
	}
	free(free_at);
	return ret;
}

int model_from_sessions(struct model *m, struct sessions *s, enum bal_policy policy, bool wired_alike,
			struct diag *d)
{
	phase_mask_t *phases = xcalloc(s->count + 1, sizeof(*phases));
	int ret;

	memset(m, 0, sizeof(*m));
	arena_init(&m->arena);
	m->zone_count = 1;
	m->zones = arena_array(&m->arena, 1, sizeof(*m->zones));
	m->zones[0] = (struct bal_zone_conf){ .id = "site", .parent = -1, .phases = PHASES, .cap = none,
					      .cap_w = NUM_NONE, .dynamic = none, .meter_lost = none,
					      .min_ma = NUM_NONE, .policy = policy };
	m->conns = arena_array(&m->arena, s->count + 1, sizeof(*m->conns));
	ret = assign(m, s, true, wired_alike, d);
	for (size_t i = 0; i < s->count && !ret; i++) {
		struct bal_conn_conf *c = &m->conns[s->list[i].conn];

		phases[s->list[i].conn] |= s->list[i].phases;
		c->wiring = wiring_for(phases[s->list[i].conn]);
		if (s->list[i].max_ma > c->max_ma)
			c->max_ma = s->list[i].max_ma;
	}
	free(phases);
	return ret;
}

/* ---- a document ------------------------------------------------------------------------------ */

static int read_file(struct arena *arena, const char *path, char **text, struct diag *d)
{
	FILE *f = fopen(path, "re");
	size_t len = 0;
	int ret = 0;

	if (!f)
		return diag_set(d, -LMS_ENOINPUT, "%s: %s", path, strerror(errno));
	*text = arena_alloc(arena, DOCUMENT_MAX + 1);
	len = fread(*text, 1, DOCUMENT_MAX + 1, f);
	if (ferror(f))
		ret = diag_set(d, -LMS_ENOINPUT, "%s: %s", path, strerror(errno));
	else if (len > DOCUMENT_MAX)
		ret = diag_set(d, -LMS_EDATA, "%s: is larger than 16 MiB", path);
	else
		(*text)[len] = '\0';
	fclose(f);
	return ret;
}

/* As the daemon makes it of the configuration, but for what a month of sessions knows nothing of: meters, the sun,
 * the grid's signal, and stations that forget. */
static int take_conf(struct model *m, const struct site_conf *conf, const char *path, struct diag *d)
{
	struct bal_conf made;

	for (size_t i = 0; i < conf->station_count; i++)
		if (conf->stations[i].zone < 0)
			return diag_set(d, -LMS_EDATA, "%s: station %s: is in no zone", path, conf->stations[i].k.id);
	feed_model(conf, &m->arena, &made);
	m->zones = arena_copy(&m->arena, made.zones, (made.zone_count + 1) * sizeof(*m->zones));
	m->conns = arena_copy(&m->arena, made.conns, (made.conn_count + 1) * sizeof(*m->conns));
	m->zone_count = made.zone_count;
	m->conn_count = made.conn_count;
	for (size_t i = 0; i < made.zone_count; i++) {
		m->zones[i].id = arena_strdup(&m->arena, m->zones[i].id);
		m->zones[i].dynamic = m->zones[i].meter_lost = none;
		m->zones[i].grid = false;
		m->zones[i].pv = (struct bal_pv_conf){ 0 };
	}
	for (size_t i = 0; i < made.conn_count; i++) {
		m->conns[i].id = arena_strdup(&m->arena, m->conns[i].id);
		m->conns[i].station = arena_strdup(&m->arena, m->conns[i].station);
		m->conns[i].settle_us = SETTLE_US;
		m->conns[i].proven = true;
	}
	return 0;
}

/* Through the daemon's own command, so that a document means here what it means there. */
static int apply(struct site *site, struct arena *arena, char *text, struct diag *d)
{
	struct ctl_config_apply_args args = { .document = text, .prune = 1, .dry_run = 0,
					      .if_generation = NUM_NONE };
	struct hall hall = { .site = site };
	struct effects fx;
	struct buf out;
	struct ctl_call call = { .hall = &hall, .arena = arena, .fx = &fx, .out = &out };
	int ret;

	effects_init(&fx, arena);
	buf_init(&out);
	jw_init(&call.w, &out);
	diag_init(&call.diag);
	ret = ctl_config_apply(&call, &args);
	if (ret)
		*d = call.diag;
	buf_fini(&out);
	return ret;
}

int model_from_site(struct model *m, const char *path, struct sessions *s, struct diag *d)
{
	struct site *site = site_new();
	struct arena arena;
	struct diag said;
	char *text = NULL;
	int ret;

	memset(m, 0, sizeof(*m));
	arena_init(&m->arena);
	arena_init(&arena);
	diag_init(&said);
	ret = read_file(&arena, path, &text, d);
	if (!ret && apply(site, &arena, text, &said)) {
		ret = diag_set_at(d, -LMS_EDATA, path, said.line, said.column, "%s", said.text);
		goto out;
	}
	if (!ret && site->staged)
		site_attach(site, site->staged);
	if (!ret)
		ret = take_conf(m, site->conf, path, d);
	if (!ret)
		ret = assign(m, s, false, false, d);
out:
	arena_fini(&arena);
	site_free(site);
	return ret;
}

void model_free(struct model *m)
{
	arena_fini(&m->arena);
}
