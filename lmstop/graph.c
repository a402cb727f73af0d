/* lmstop/graph.c - see graph.h. */
#include "lmstop/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lmstop/view.h"

#define DOTS_PER_COLUMN 2
#define HEIGHT_LEAST 8
#define HEIGHT_MOST 18
#define EVERY_LEAST_US (2 * US_PER_S)
#define EVERY_MOST_US (60 * US_PER_S)

static const struct {
	const char *name;
	int64_t span_s;
} zooms[] = {
	{ "5 min", 300 },  { "15 min", 900 }, { "1 h", 3600 },	   { "6 h", 6 * 3600 },
	{ "1 d", 86400 },  { "7 d", 7 * 86400 }, { "30 d", 30 * 86400 },
};
#define ZOOM_FIRST 2

#define CHOICES_MAX 4
#define PHASES_OF(name) name "_l1," name "_l2," name "_l3"

/* What is drawn of a thing. A transaction is asked for whole; its charts are those of series_add_curve(). */
static const struct {
	const struct view_ops *view;
	const char *method;
	struct {
		const char *name, *variables;
	} choices[CHOICES_MAX];
} kinds[GRAPH_KINDS] = {
	[GRAPH_METER] = { &view_meter, "meter.history", {
		{ "currents", PHASES_OF("current") }, { "powers", PHASES_OF("power") ",power_total" },
		{ "voltages", "voltage_l1n,voltage_l2n,voltage_l3n" } } },
	[GRAPH_ZONE] = { &view_zone, "zone.history", {
		{ "currents", PHASES_OF("current") }, { "cars", PHASES_OF("ev_current") }, { "limits", PHASES_OF("limit") },
		{ "power", "power_total" } } },
	[GRAPH_CONNECTOR] = { &view_connector, "connector.history", {
		{ "currents", PHASES_OF("current") }, { "limit", "limit" }, { "power", "power_total" } } },
	[GRAPH_TRANSACTION] = { &view_transaction, "transaction.curve", {
		{ "power", NULL }, { "currents", NULL }, { "energy", NULL } } },
};

static int choices_of(enum graph_kind kind)
{
	int n = 0;

	while (n < CHOICES_MAX && kinds[kind].choices[n].name)
		n++;
	return n;
}

void graph_init(struct graph *g)
{
	memset(g, 0, sizeof(*g));
	g->zoom = ZOOM_FIRST;
	series_init(&g->series);
}

void graph_fini(struct graph *g)
{
	series_fini(&g->series);
}

/* ---- what is wanted ---- */

static enum graph_kind kind_of(const struct ui *ui)
{
	for (int k = GRAPH_NONE + 1; k < GRAPH_KINDS; k++) {
		if (kinds[k].view == ui_level(ui)->view)
			return (enum graph_kind)k;
	}
	return GRAPH_NONE;
}

void graph_wanted(const struct ui *ui, struct graph_what *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = kind_of(ui);
	if (out->kind == GRAPH_NONE)
		return;
	snprintf(out->id, sizeof(out->id), "%s", ui_level(ui)->id);
	if (out->kind != GRAPH_TRANSACTION) {
		out->zoom = ui->graph.zoom;
		out->choice = ui->graph.choice[out->kind];
	}
}

bool graph_same(const struct graph_what *a, const struct graph_what *b)
{
	return a->kind == b->kind && strcmp(a->id, b->id) == 0 && a->zoom == b->zoom && a->choice == b->choice;
}

int64_t graph_span_us(const struct graph_what *what)
{
	return zooms[what->zoom].span_s * US_PER_S;
}

int64_t graph_every_us(const struct graph_what *what)
{
	int64_t every = what->kind == GRAPH_TRANSACTION ? 10 * US_PER_S : graph_span_us(what) / 150;

	return every < EVERY_LEAST_US ? EVERY_LEAST_US : every > EVERY_MOST_US ? EVERY_MOST_US : every;
}

const char *graph_request(const struct ui *ui, const struct graph_what *what, wall_t from, wall_t until, const char *cursor,
			  struct buf *params)
{
	char time[RFC3339_MAX];
	struct json_writer w;

	jw_init(&w, params);
	jw_object(&w);
	if (what->kind == GRAPH_TRANSACTION) {
		jw_kint(&w, "id", strtoll(what->id, NULL, 10));
		jw_object_end(&w);
		return kinds[what->kind].method;
	}
	jw_kstr(&w, "id", what->id);
	jw_kstr(&w, "variables", kinds[what->kind].choices[what->choice].variables);
	jw_kstr(&w, "from", rfc3339_format(from, time));
	jw_kstr(&w, "until", rfc3339_format(until, time));
	jw_kint(&w, "step_ms", series_step_ms(until - from, ui->width * DOTS_PER_COLUMN));
	if (cursor)
		jw_kstr(&w, "cursor", cursor);
	jw_object_end(&w);
	return kinds[what->kind].method;
}

void graph_take(struct ui *ui, const struct graph_what *what, wall_t from, wall_t until, struct series *s, const char *error)
{
	struct graph *g = &ui->graph;

	series_fini(&g->series);
	g->series = *s;
	series_init(s);
	g->shown = *what;
	g->from = from;
	g->until = until;
	snprintf(g->error, sizeof(g->error), "%s", error ? error : "");
	/* Its own moments are all there is to a transaction. */
	if (what->kind == GRAPH_TRANSACTION && g->series.count) {
		g->from = g->series.times[0];
		g->until = g->series.times[g->series.count - 1] + US_PER_S;
		if (g->until - g->from < 10 * US_PER_S)
			g->until = g->from + 10 * US_PER_S;
	}
	ui->dirty = true;
}

/* ---- keys ---- */

bool graph_zoom(struct ui *ui, int direction)
{
	int to = ui->graph.zoom + direction;

	if (!graph_has_key(ui, '+'))
		return false;
	if (to >= 0 && to < (int)ARRAY_LEN(zooms))
		ui->graph.zoom = to;
	return true;
}

bool graph_next_choice(struct ui *ui)
{
	enum graph_kind kind = kind_of(ui);

	if (kind == GRAPH_NONE)
		return false;
	ui->graph.choice[kind] = (ui->graph.choice[kind] + 1) % choices_of(kind);
	return true;
}

bool graph_toggle_phase(struct ui *ui, int phase)
{
	if (kind_of(ui) == GRAPH_NONE)
		return false;
	ui->graph.hidden ^= (phase_mask_t)(1 << phase);
	return true;
}

bool graph_has_key(const struct ui *ui, uint32_t key)
{
	enum graph_kind kind = kind_of(ui);

	return kind != GRAPH_NONE && (kind != GRAPH_TRANSACTION || (key != '+' && key != '-'));
}

/* ---- picture ---- */

static enum style style_of(int ink)
{
	static const enum style styles[CHART_INKS] = {
		[CHART_INK_L1] = STYLE_L1,	 [CHART_INK_L2] = STYLE_L2,	  [CHART_INK_L3] = STYLE_L3,
		[CHART_INK_TOTAL] = STYLE_TOTAL, [CHART_INK_OTHER] = STYLE_TOTAL,
	};

	return ink < 0 ? STYLE_DIM : styles[ink];
}

static bool has_values(const struct chart *c, size_t k)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->curves[k].values[i] != NUM_NONE)
			return true;
	}
	return false;
}

/* Phases that are switched off, or that the meter does not have, are left out. */
static void choose_curves(const struct graph *g, struct chart *c)
{
	size_t kept = 0;

	for (size_t k = 0; k < c->curve_count; k++) {
		int ink = c->curves[k].ink;

		if ((ink <= CHART_INK_L3 && (g->hidden >> ink & 1)) || !has_values(c, k))
			continue;
		c->curves[kept++] = c->curves[k];
	}
	c->curve_count = kept;
}

static void put_picture(struct page *p, const struct chart *c)
{
	struct chart_picture picture;

	chart_draw(c, &picture);
	for (int y = 0; y < picture.height; y++) {
		int line = page_line(p);

		for (int x = 0; x < picture.width; x++) {
			const struct chart_cell *cell = chart_cell(&picture, y, x);

			if (strcmp(cell->text, " ") != 0)
				canvas_put(&p->canvas, line, 1 + x, 1, style_of(cell->ink), cell->text);
		}
	}
	chart_picture_fini(&picture);
}

/* "[currents] powers voltages", and the spans likewise. */
static void put_names(struct buf *b, const char *const *names, size_t count, int chosen)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(b, "%s%s%s%s", i ? " " : "", (int)i == chosen ? "[" : "", names[i], (int)i == chosen ? "]" : "");
}

static void put_head(struct page *p, enum graph_kind kind)
{
	const struct graph *g = &p->ui->graph;
	const char *names[CHOICES_MAX], *spans[ARRAY_LEN(zooms)];
	struct buf left, right;

	for (int i = 0; i < choices_of(kind); i++)
		names[i] = kinds[kind].choices[i].name;
	for (size_t i = 0; i < ARRAY_LEN(zooms); i++)
		spans[i] = zooms[i].name;
	buf_init(&left);
	buf_init(&right);
	put_names(&left, names, (size_t)choices_of(kind), g->choice[kind]);
	if (kind != GRAPH_TRANSACTION)
		put_names(&right, spans, ARRAY_LEN(spans), g->zoom);
	for (int k = 0; k < PHASES; k++) {
		if (g->hidden >> k & 1)
			buf_printf(&left, "  L%d is off", k + 1);
	}
	page_rule(p, 0, STYLE_BOLD, buf_cstr(&left), buf_cstr(&right));
	buf_fini(&left);
	buf_fini(&right);
}

/* Of another zoom, until the new one has come; of another thing never. */
static bool is_about(const struct graph *g, const struct graph_what *what)
{
	return g->shown.kind == what->kind && strcmp(g->shown.id, what->id) == 0 && g->shown.choice == what->choice;
}

/* As high as the chart, so that what stands below does not jump when it comes. */
static void put_note(struct page *p, enum style style, const char *text, int height)
{
	int y = p->y;

	page_note(p, 1, style, "%s", text);
	while (p->y < y + height)
		page_line(p);
}

void graph_draw(struct page *p)
{
	const struct ui *ui = p->ui;
	const struct graph *g = &ui->graph;
	int half = ui->height / 2, height = half < HEIGHT_LEAST ? HEIGHT_LEAST : half > HEIGHT_MOST ? HEIGHT_MOST : half;
	struct chart c = { .from = g->from, .until = g->until, .tz = ui->tz, .width = p->canvas.width - 2, .height = height,
			   .ascii = ui->look.ascii_glyphs || ui->look.ascii_text };
	struct graph_what what;
	char title[60];

	graph_wanted(ui, &what);
	put_head(p, what.kind);
	if (!is_about(g, &what)) {
		put_note(p, STYLE_DIM, "waits for what lmsd has kept", height);
	} else if (g->error[0]) {
		put_note(p, STYLE_WARN, g->error, height);
	} else if (!series_chart(&g->series, what.kind == GRAPH_TRANSACTION ? (size_t)g->choice[what.kind] : 0, &c, title, sizeof(title)) ||
		   c.from >= c.until) {
		put_note(p, STYLE_DIM, "no values yet", height);
	} else {
		choose_curves(g, &c);
		put_picture(p, &c);
	}
}
