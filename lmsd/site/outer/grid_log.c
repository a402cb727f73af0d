/* site/outer/grid_log.c - what the grid signal has done to the zones: a ring in memory, the same ring stored. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "site/outer/grid.h"

struct grid_log {
	uint64_t last;				/* seq of the newest, 0 = none yet */
	struct grid_change rows[GRID_LOG_ROWS];	/* seq at seq % GRID_LOG_ROWS; seq 0 = empty */
};

static struct grid_log *log_of(struct site *s)
{
	if (!s->grid_log)
		s->grid_log = xcalloc(1, sizeof(*s->grid_log));
	return s->grid_log;
}

static void write_phases(struct json_writer *w, const char *key, const struct phase_ma *p)
{
	jw_key(w, key);
	jw_array(w);
	for (int k = 0; k < PHASES; k++)
		jw_int(w, p->l[k]);
	jw_array_end(w);
}

/* The row of a change is its record, so that old ones are overwritten. */
static void store(const struct grid_change *r, struct effects *fx)
{
	struct json_writer w;
	struct buf b;
	char key[24];

	snprintf(key, sizeof(key), "%05u", (unsigned)(r->seq % GRID_LOG_ROWS));
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "seq", (int64_t)r->seq);
	jw_kint(&w, "time", r->time);
	jw_kstr(&w, "state", r->state);
	jw_kstr(&w, "by", r->by);
	jw_kstr(&w, "zone", r->zone[0] ? r->zone : NULL);
	write_phases(&w, "before_ma", &r->before);
	write_phases(&w, "after_ma", &r->after);
	jw_kint(&w, "sessions_before", r->sessions_before);
	jw_kint(&w, "sessions_after", r->sessions_after);
	jw_object_end(&w);
	fx_put(fx, STORE_GRID_LOG, key, b.data, b.len);
	buf_fini(&b);
}

void site_grid_note(struct site *s, struct grid_change *change, wall_t wall, struct effects *fx)
{
	struct grid_log *l = log_of(s);

	change->seq = ++l->last;
	change->time = wall;
	snprintf(change->state, sizeof(change->state), "%s", grid_state_name(site_grid_state(s)));
	snprintf(change->by, sizeof(change->by), "%s", site_grid_signal(s)->by);
	l->rows[change->seq % GRID_LOG_ROWS] = *change;
	store(change, fx);
}

const struct grid_change *site_grid_next_change(const struct site *s, uint64_t after)
{
	const struct grid_log *l = s->grid_log;
	uint64_t oldest = l && l->last > GRID_LOG_ROWS ? l->last - GRID_LOG_ROWS + 1 : 1;

	for (uint64_t seq = after < oldest ? oldest : after + 1; l && seq <= l->last; seq++)
		if (l->rows[seq % GRID_LOG_ROWS].seq == seq)
			return &l->rows[seq % GRID_LOG_ROWS];
	return NULL;
}

static void read_phases(const struct json *j, struct phase_ma *out)
{
	for (size_t k = 0; k < PHASES; k++) {
		out->l[k] = NUM_NONE;
		json_int(json_at(j, k), &out->l[k]);
	}
}

static int read_sessions(const struct json *j)
{
	int64_t n;

	return json_int(j, &n) || n < 0 || n > INT32_MAX ? 0 : (int)n;
}

int site_grid_load_change(struct site *s, const char *key, const char *json, size_t len, struct diag *diag)
{
	struct grid_log *l = log_of(s);
	struct grid_change r = { 0 };
	const struct json *rec;
	struct arena arena;
	int64_t seq;
	int ret = 0;

	(void)key;
	arena_init(&arena);
	rec = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	if (json_int(json_get(rec, "seq"), &seq) || seq <= 0 || json_int(json_get(rec, "time"), &r.time)) {
		ret = diag_set(diag, -LMS_EDATA, "is no change of the grid signal");
		goto out;
	}
	r.seq = (uint64_t)seq;
	snprintf(r.state, sizeof(r.state), "%s", json_str(json_get(rec, "state"), ""));
	snprintf(r.by, sizeof(r.by), "%s", json_str(json_get(rec, "by"), ""));
	snprintf(r.zone, sizeof(r.zone), "%s", json_str(json_get(rec, "zone"), ""));
	read_phases(json_get(rec, "before_ma"), &r.before);
	read_phases(json_get(rec, "after_ma"), &r.after);
	r.sessions_before = read_sessions(json_get(rec, "sessions_before"));
	r.sessions_after = read_sessions(json_get(rec, "sessions_after"));
	/* One that a smaller ring has left may be too old for this one. */
	if (r.seq > l->rows[r.seq % GRID_LOG_ROWS].seq)
		l->rows[r.seq % GRID_LOG_ROWS] = r;
	if (r.seq > l->last)
		l->last = r.seq;
out:
	arena_fini(&arena);
	return ret;
}

void site_grid_free(struct site *s)
{
	free(s->grid_log);
	s->grid_log = NULL;
}
