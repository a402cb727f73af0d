/* lmstop/view_overview.c - screen 0: tiles, and a card per zone with its gauges and connectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lmstop/view.h"

/* ---- tiles ---- */

struct tile {
	const char *title;
	enum style style;
	char lines[2][48];
	char mark[4];
};

static void tile_counts(struct tile *t, int64_t good, int64_t total, const char *word)
{
	bool all = good == total;

	t->style = total <= 0 ? STYLE_DIM : all ? STYLE_OK : STYLE_WARN;
	snprintf(t->mark, sizeof(t->mark), "%s", total <= 0 ? "" : all ? "ok" : "!");
	snprintf(t->lines[0], sizeof(t->lines[0]), "%lld/%lld %s", (long long)(good < 0 ? 0 : good),
		 (long long)(total < 0 ? 0 : total), word);
}

static void put_quantity(char *out, size_t size, const char *label, int64_t v,
			 void (*format)(struct buf *b, int64_t v))
{
	struct buf b;

	buf_init(&b);
	format(&b, v);
	snprintf(out, size, "%s %s", label, buf_cstr(&b));
	buf_fini(&b);
}

static void put_number(char *out, size_t size, const char *label, int64_t n)
{
	if (n == NUM_NONE)
		snprintf(out, size, "%s -", label);
	else
		snprintf(out, size, "%s %lld", label, (long long)n);
}

#define TILES 4

/* Which meter is not as it should be; when all are, what the grid supplies. */
static void put_meters(struct tile *t, const struct model *m)
{
	int64_t grid_w = NUM_NONE;

	for (size_t i = 0; i < model_count(m, MODEL_METERS); i++) {
		const struct ctl_meter *meter = model_meter(m, i, NULL);

		if (meter->state && strcmp(meter->state, "ok") != 0) {
			snprintf(t->lines[1], sizeof(t->lines[1]), "%.30s %.15s", meter->keys.id,
				 meter->state);
			return;
		}
		if (meter->keys.scope && strcmp(meter->keys.scope, "grid") == 0 &&
		    meter->power_w != NUM_NONE)
			grid_w = (grid_w == NUM_NONE ? 0 : grid_w) + meter->power_w;
	}
	if (grid_w != NUM_NONE)
		put_quantity(t->lines[1], sizeof(t->lines[1]), "grid", grid_w, fmt_w);
}

static void make_tiles(const struct model *m, const struct ctl_system *s, struct tile *t)
{
	memset(t, 0, TILES * sizeof(*t));
	t[0].title = "Stations";
	tile_counts(&t[0], s->stations_online, s->stations, "connected");
	if (s->stations_pending > 0)
		snprintf(t[0].lines[1], sizeof(t[0].lines[1]), "%lld pending, ",
			 (long long)s->stations_pending);
	if (s->charging != NUM_NONE)
		snprintf(t[0].lines[1] + strlen(t[0].lines[1]),
			 sizeof(t[0].lines[1]) - strlen(t[0].lines[1]), "%lld charging",
			 (long long)s->charging);
	t[1].title = "Meters";
	tile_counts(&t[1], s->meters_ok, s->meters, "good");
	put_meters(&t[1], m);
	t[2].title = "Energy";
	put_quantity(t[2].lines[0], sizeof(t[2].lines[0]), "week ", s->energy_week_wh, fmt_wh);
	put_quantity(t[2].lines[1], sizeof(t[2].lines[1]), "month", s->energy_month_wh, fmt_wh);
	t[3].title = "Sessions";
	put_number(t[3].lines[0], sizeof(t[3].lines[0]), "week ", s->sessions_week);
	put_number(t[3].lines[1], sizeof(t[3].lines[1]), "month", s->sessions_month);
}

static void draw_boxes(struct page *p, const struct tile *t)
{
	struct canvas *c = &p->canvas;
	int width = c->width / TILES, y = page_line(p), x = 0;

	for (int i = 0; i < 3; i++)
		page_line(p);
	for (int i = 0; i < TILES; i++, x += width) {
		int w = i == TILES - 1 ? c->width - x : width;

		canvas_box(c, y, x, 4, w, t[i].style == STYLE_NORMAL ? STYLE_RULE : t[i].style,
			   t[i].title);
		canvas_put(c, y + 1, x + 2, w - 4, t[i].style, t[i].lines[0]);
		canvas_put(c, y + 2, x + 2, w - 4, STYLE_NORMAL, t[i].lines[1]);
		canvas_put_right(c, y + 1, x + w - 5, 3, t[i].style, t[i].mark);
	}
}

static void draw_line_of_tiles(struct page *p, const struct tile *t)
{
	struct canvas *c = &p->canvas;
	int y = page_line(p), x = 0;

	for (int i = 0; i < TILES; i++) {
		size_t need = strlen(t[i].title) + strlen(t[i].lines[0]) + strlen(t[i].mark) + 2;

		if (x > 0 && x + (int)need > c->width) {
			y = page_line(p);
			x = 0;
		}
		x += canvas_putf(c, y, x, c->width - x, STYLE_HEAD, "%s ", t[i].title);
		x += canvas_putf(c, y, x, c->width - x, t[i].style, "%s %s", t[i].lines[0],
				 t[i].mark);
		x += 1 + (t[i].mark[0] != '\0');
	}
}

static void draw_tiles(struct page *p, const struct ctl_system *s)
{
	struct tile tiles[TILES];

	make_tiles(ui_model(p->ui), s, tiles);
	if (p->ui->height >= 20 && p->canvas.width >= 76)
		draw_boxes(p, tiles);
	else
		draw_line_of_tiles(p, tiles);
	if (s->alerts > 0)
		page_note(p, 1, STYLE_WARN, "%lld alert%s that nobody has in hand (6 shows %s)", (long long)s->alerts,
			  s->alerts == 1 ? "" : "s", s->alerts == 1 ? "it" : "them");
	if (s->state && strcmp(s->state, "operational") != 0)
		page_note(p, 1, STYLE_WARN, "%s: %s",
			  strcmp(s->state, "not_operational") == 0 ? "not operational" : s->state,
			  s->missing ? s->missing : "");
	if (s->store && strcmp(s->store, "ok") != 0)
		page_note(p, 1, STYLE_BAD,
			  "the store has failed: limits only fall, nothing is acknowledged");
}

/* ---- cards ---- */

#define INDENT_MAX 8	/* of the connectors: all stand below each other */

static const struct grid_column columns[] = {
	{ "connector", 24, false, 0, true, 0, 0 }, { "name", 16, false, 2, false, 0, 0 },
	{ "type", 7, false, 1, false, 0, 0 },	     { "status", 14, false, 0, true, 0, 13 },
	{ "current", 7, true, 0, true, 0, 7 },     { "limit", 7, true, 0, true, 0, 6 },
	{ "phases", 8, false, 4, false, 0, 0 },     { "energy", 10, true, 3, true, 0, 9 },
	{ "reason", 0, false, 0, false, 44, 0 },
};

static const struct ctl_station *station_of(const struct model *m, const char *id)
{
	const struct model_row *r = id ? model_find(m, MODEL_STATIONS, id) : NULL;

	return r ? r->rec : NULL;
}

static void add_connector(struct grid *g, const struct model *m, const struct ctl_connector *c)
{
	const struct ctl_station *st = station_of(m, c->station);
	bool vip = c->keys.vip == 1 || (c->keys.vip == NUM_NONE && st && st->keys.vip == 1);
	const char *status = connector_status(c), *phases = c->phases ? c->phases : "";

	grid_row(g, ITEM_CONNECTOR, c->keys.id);
	grid_textf(g, vip ? STYLE_BOLD : STYLE_NORMAL, "%s%s%s", c->keys.id, vip ? " " : "",
		   vip ? glyph(&g->ui->look, GLYPH_STAR) : "");
	grid_text(g, STYLE_NORMAL, st ? st->keys.title : NULL);
	grid_text(g, STYLE_NORMAL, c->keys.type ? c->keys.type : st ? st->keys.type : NULL);
	grid_text(g, style_of_status(status), status);
	grid_ma(g, STYLE_NORMAL, c->online == 0 ? NUM_NONE : connector_current(c));
	grid_ma(g, style_of_limit(c), c->limit_ma);
	grid_text(g, STYLE_NORMAL, strcmp(phases, "L1,L2,L3") == 0 ? "L1-L3" : phases);
	grid_wh(g, STYLE_NORMAL, c->energy_wh);
	grid_text(g, c->online == 0 ? STYLE_WARN : STYLE_NORMAL, c->reason);
}

static void add_bare_station(struct grid *g, const struct ctl_station *st)
{
	grid_row(g, ITEM_STATION, st->keys.id);
	grid_text(g, STYLE_NORMAL, st->keys.id);
	grid_text(g, STYLE_NORMAL, st->keys.title);
	grid_text(g, STYLE_NORMAL, st->keys.type);
	grid_text(g, style_of_station(st->state), station_state(st));
	for (int i = 0; i < 4; i++)
		grid_text(g, STYLE_NORMAL, NULL);
	grid_text(g, STYLE_DIM, st->fault ? st->fault : "no connectors are known");
}

static bool has_connectors(const struct model *m, const char *station)
{
	for (size_t i = 0; i < model_count(m, MODEL_CONNECTORS); i++) {
		const char *of = model_connector(m, i)->station;

		if (of && strcmp(of, station) == 0)
			return true;
	}
	return false;
}

/* All rows of all cards, so that the columns of the cards stand below each other. */
static void collect(struct grid *g, const struct model *m)
{
	for (size_t i = 0; i < model_count(m, MODEL_CONNECTORS); i++) {
		add_connector(g, m, model_connector(m, i));
		grid_row_group(g, model_connector(m, i)->zone);
	}
	for (size_t i = 0; i < model_count(m, MODEL_STATIONS); i++) {
		const struct ctl_station *st = model_station(m, i);

		if (has_connectors(m, st->keys.id))
			continue;
		add_bare_station(g, st);
		grid_row_group(g, st->keys.zone);
	}
}

static const char *why_text(const char *why)
{
	static const struct { const char *code, *text; } rows[] = {
		{ "static", "static" }, { "dynamic", "dynamic" }, { "meter_lost", "METER LOST" },
		{ "override", "override" }, { "parent", "of the parent" }, { "fuse", "fuse" },
		{ "grid", "GRID SIGNAL" }, { "tariff", "tariff" }, { "source", "source" }, { "power", "power" },
	};

	for (size_t i = 0; why && i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].code, why) == 0)
			return rows[i].text;
	}
	return NULL;
}

static void add_phases(struct buf *b, const char *label, const struct phase_ma *ma)
{
	if (ma->l[0] == NUM_NONE && ma->l[1] == NUM_NONE && ma->l[2] == NUM_NONE)
		return;
	buf_printf(b, "%s%s ", b->len ? "  " : "", label);
	put_phases(b, ma);
}

static void add_meter(struct buf *b, const struct page *p, const char *id)
{
	const struct model_row *r = model_find(ui_model(p->ui), MODEL_METERS, id);
	const struct ctl_meter *m = r ? r->rec : NULL;

	buf_printf(b, "%smeter %s %s", b->len ? "  " : "", id, m && m->state ? m->state : "?");
	if (!m || !m->state || strcmp(m->state, "ok") == 0 || m->age_ms == NUM_NONE)
		return;
	buf_puts(b, " for ");
	fmt_span(b, ui_grown_ms(p->ui, m->age_ms, r->received) * US_PER_MS);
}

static void describe_zone(const struct page *p, const struct ctl_zone *z, struct buf *b)
{
	if (z->keys.fuse_ma != NUM_NONE) {
		buf_puts(b, "fuse ");
		fmt_ma(b, z->keys.fuse_ma);
		if (z->keys.derate_permille > 0)
			buf_printf(b, " -%lld %%", (long long)(z->keys.derate_permille / 10));
	}
	add_phases(b, "dynamic", &z->keys.dynamic_ma);
	/* Else it is the limit that the card's first line tells. */
	if (!z->cap_why || strcmp(z->cap_why, "static") != 0)
		add_phases(b, "static", &z->keys.static_ma);
	if (z->keys.meter)
		add_meter(b, p, z->keys.meter);
	if (z->competing != NUM_NONE && z->competing > 0)
		buf_printf(b, "%s%lld of %lld cars get current", b->len ? "  " : "",
			   (long long)z->admitted, (long long)z->competing);
	if (z->sessions != NUM_NONE && z->sessions > 0)
		buf_printf(b, "%sat most %lld at a time", b->len ? "  " : "", (long long)z->sessions);
	if (z->source_state)
		buf_printf(b, "%s%s is %s", b->len ? "  " : "", z->keys.source ? z->keys.source : "source",
			   z->source_state);
}

static void draw_card(struct page *p, const struct ctl_zone *z, int depth, const struct grid *g,
		      int table_indent)
{
	const char *why = why_text(z->cap_why);
	int indent = depth * 2, first = p->y;
	char left[160];
	struct buf right, about;

	buf_init(&right);
	buf_init(&about);
	snprintf(left, sizeof(left), "%s%s%s", z->keys.title ? z->keys.title : z->keys.id,
		 z->keys.title ? " " : "", z->keys.title ? z->keys.id : "");
	add_phases(&right, p->canvas.width < 80 ? "cars" : "limit for cars", &z->cap_ma);
	if (why && right.len)
		buf_printf(&right, " (%s)", why);
	page_rule(p, indent, STYLE_BOLD, left, buf_cstr(&right));
	page_item(p, ITEM_ZONE, z->keys.id, first, 1);
	describe_zone(p, z, &about);
	if (about.len && p->ui->height >= 20)
		page_note(p, indent + 2, z->load_ok == 0 ? STYLE_WARN : STYLE_DIM, "%s",
			  buf_cstr(&about));
	draw_zone_gauges(p, indent + 2, z);
	for (size_t i = 0; i < g->row_count; i++) {
		if (g->rows[i].group && strcmp(g->rows[i].group, z->keys.id) == 0)
			grid_draw_row(g, i, p, table_indent);
	}
	buf_fini(&right);
	buf_fini(&about);
}

static void draw_cards(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	size_t count = model_count(m, MODEL_ZONES), *order;
	int *depth, table_indent = 2;
	struct grid g;

	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	order = arena_array(&g.arena, count + 1, sizeof(*order));
	depth = arena_array(&g.arena, count + 1, sizeof(*depth));
	model_zone_tree(m, order, depth);
	for (size_t i = 0; i < count; i++)
		table_indent = depth[i] * 2 + 2 > table_indent ? depth[i] * 2 + 2 : table_indent;
	if (table_indent > INDENT_MAX)
		table_indent = INDENT_MAX;
	collect(&g, m);
	grid_arrange(&g, p);
	grid_layout(&g, p->canvas.width - table_indent);
	if (g.row_count)
		grid_draw_head(&g, p, table_indent);
	page_end_head(p);
	for (size_t i = 0; i < count; i++)
		draw_card(p, model_zone(m, order[i]), depth[i], &g, table_indent);
	if (count == 0 && m->lists[MODEL_ZONES].arrived)
		page_note(p, 1, STYLE_DIM, "no zone is configured yet: lmsctl help zone create");
	grid_fini(&g);
}

static void draw(struct page *p)
{
	const struct ctl_system *s = model_system(ui_model(p->ui), NULL);

	if (!s) {
		page_note(p, 1, STYLE_DIM, "waiting for lmsd");
		return;
	}
	draw_tiles(p, s);
	draw_cards(p);
	p->live = true;
}

const struct view_ops view_overview = { "overview", "Overview", '0', draw };
