/* lmstop/view_common.c - what several screens show alike: gauges, fields, connectors, events. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "lmstop/view.h"

const struct view_ops *view_of_item(enum item_kind kind)
{
	switch (kind) {
	case ITEM_ZONE:
		return &view_zone;
	case ITEM_STATION:
	case ITEM_PENDING:
		return &view_station;
	case ITEM_CONNECTOR:
		return &view_connector;
	case ITEM_METER:
		return &view_meter;
	case ITEM_TRANSACTION:
		return &view_transaction;
	case ITEM_ALERT:
		return &view_alert;
	case ITEM_TAG:
		return &view_tag;
	case ITEM_EVENT:
	case ITEM_PENDING_TAG:
	case ITEM_NONE:
		break;
	}
	return NULL;
}

/* ---- words and their styles ---- */

enum style style_of_status(const char *status)
{
	static const struct { const char *status; enum style style;
	} rows[] = {
	    {"Charging", STYLE_OK},      {"Available", STYLE_NORMAL},   {"Preparing", STYLE_BUSY},
	    {"SuspendedEV", STYLE_BUSY}, {"SuspendedEVSE", STYLE_WARN}, {"Finishing", STYLE_BUSY},
	    {"Reserved", STYLE_BUSY},    {"Unavailable", STYLE_WARN},   {"Faulted", STYLE_BAD},
	    {"offline", STYLE_WARN},
	};

	for (size_t i = 0; status && i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].status, status) == 0)
			return rows[i].style;
	}
	return STYLE_NORMAL;
}

enum style style_of_station(const char *state)
{
	if (!state)
		return STYLE_DIM;
	if (strcmp(state, "online") == 0)
		return STYLE_OK;
	return strcmp(state, "pending") == 0 ? STYLE_BUSY : STYLE_WARN;
}

const char *station_state(const struct ctl_station *s)
{
	return s->state && strcmp(s->state, "never_seen") == 0 ? "never seen" : s->state;
}

const char *connector_status(const struct ctl_connector *c)
{
	if (c->online == 0)
		return "offline";
	return c->status ? c->status : "not known";
}

int64_t connector_current(const struct ctl_connector *c)
{
	int64_t most = NUM_NONE;

	for (int k = 0; k < PHASES; k++)
		most = c->current_ma.l[k] > most ? c->current_ma.l[k] : most;
	return most;
}

enum style style_of_limit(const struct ctl_connector *c)
{
	if (c->limit_ma != NUM_NONE && c->target_ma != NUM_NONE && c->limit_ma != c->target_ma)
		return STYLE_BUSY;
	return STYLE_NORMAL;
}

void put_phases(struct buf *b, const struct phase_ma *p)
{
	int present = 0, last = 0;

	for (int k = 0; k < PHASES; k++) {
		if (p->l[k] == NUM_NONE)
			continue;
		present++;
		last = k;
	}
	if (present != 1) {
		fmt_phase_ma(b, p);
		return;
	}
	fmt_ma(b, p->l[last]);
	buf_printf(b, " L%d", last + 1);
}

/* ---- gauges ---- */

/* Thousandths, or NUM_NONE where nothing can be said. */
static int64_t load_permille(const struct gauge *g)
{
	if (g->value_ma == NUM_NONE || g->limit_ma == NUM_NONE)
		return NUM_NONE;
	if (g->limit_ma <= 0)
		return g->value_ma > 0 ? 1000 : 0;
	return g->value_ma <= 0 ? 0 : g->value_ma * 1000 / g->limit_ma;
}

static void draw_bar(struct canvas *c, int y, int x, int width, enum style style, int64_t permille)
{
	int full = permille == NUM_NONE ? 0
		   : permille >= 1000   ? width
					: (int)(permille * width / 1000);

	if (full == 0 && permille > 0)
		full = 1;
	canvas_fill(c, y, x, full, style, glyph(c->look, GLYPH_FULL));
	canvas_fill(c, y, x + full, width - full, STYLE_DIM, glyph(c->look, GLYPH_EMPTY));
}

static void put_current(struct buf *b, int64_t ma)
{
	struct buf one;

	buf_init(&one);
	fmt_ma(&one, ma);
	/* "54.2 A" without its unit: the limit behind it has one. */
	buf_add(b, one.data, ma == NUM_NONE ? one.len : one.len - 2);
	buf_fini(&one);
}

#define GAUGE_NUMBERS 13	/* "123.4/123.4 A" */

void draw_gauge(struct canvas *c, int y, int x, int width, const struct gauge *g)
{
	int64_t pm = load_permille(g);
	const char *mark = g->old || pm == NUM_NONE ? "?" : pm < 900 ? "ok" : pm < 950 ? "!" : "!!";
	enum style style = g->old || pm == NUM_NONE ? STYLE_DIM :
			   pm < 900 ? STYLE_OK : pm < 950 ? STYLE_WARN : STYLE_BAD;
	bool percent = width >= 34;
	int label = canvas_text_width(g->label) + 1;
	int bar = width - label - GAUGE_NUMBERS - 4 - (percent ? 6 : 0);
	struct buf b;

	buf_init(&b);
	canvas_put(c, y, x, label, STYLE_NORMAL, g->label);
	if (bar < 3)
		bar = 0;
	draw_bar(c, y, x + label, bar, style, g->old ? NUM_NONE : pm);
	put_current(&b, g->value_ma);
	buf_putc(&b, '/');
	fmt_ma(&b, g->limit_ma);
	canvas_put_right(c, y, x + label + bar + 1, GAUGE_NUMBERS,
			 g->old ? STYLE_DIM : STYLE_NORMAL, buf_cstr(&b));
	x += label + bar + 1 + GAUGE_NUMBERS;
	buf_clear(&b);
	if (percent && pm != NUM_NONE && !g->old) {
		buf_printf(&b, "%lld %%", (long long)((pm + 5) / 10));
		canvas_put_right(c, y, x + 1, 5, style, buf_cstr(&b));
	}
	canvas_put(c, y, x + 1 + (percent ? 6 : 0), 2, style, mark);
	buf_fini(&b);
}

static int64_t gauge_limit(const struct ctl_zone *z, int k)
{
	if (z->keys.dynamic_ma.l[k] != NUM_NONE)
		return z->keys.dynamic_ma.l[k];
	/* What its meter sees is more than its cars: of all that there is, only the fuse is for both. */
	if (z->keys.meter)
		return z->cap_ma.l[k] == NUM_NONE ? NUM_NONE : z->keys.fuse_ma;
	if (z->keys.static_ma.l[k] != NUM_NONE)
		return z->keys.static_ma.l[k];
	return z->cap_ma.l[k];
}

void draw_zone_gauges(struct page *p, int indent, const struct ctl_zone *z)
{
	static const char *const labels[] = { "L1", "L2", "L3" };
	int room = p->canvas.width - indent, shown = 0, each, y = 0;
	bool side_by_side;

	for (int k = 0; k < PHASES; k++)
		shown += gauge_limit(z, k) != NUM_NONE;
	if (shown == 0)
		return;
	each = (room - 2 * (shown - 1)) / shown;
	side_by_side = each >= 24;
	if (!side_by_side)
		each = room;
	else if (each > 48)
		each = 48;
	for (int k = 0, n = 0; k < PHASES; k++) {
		const struct gauge g = {labels[k], z->load_ma.l[k], gauge_limit(z, k),
					z->load_ok == 0};

		if (g.limit_ma == NUM_NONE)
			continue;
		if (n == 0 || !side_by_side)
			y = page_line(p);
		draw_gauge(&p->canvas, y, indent + (side_by_side ? n * (each + 2) : 0), each, &g);
		n++;
	}
}

/* ---- everything about a record ---- */

static void field_label(const struct field *f, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)field_base_len(f), f->name);
	for (char *s = out; *s; s++) {
		if (*s == '_')
			*s = ' ';
	}
}

static void field_text(const struct ui *ui, const struct field *f, const void *rec, mono_t received,
		       struct buf *b)
{
	int64_t number;

	if (f->type == FIELD_TIME || f->type == FIELD_MS)
		memcpy(&number, (const char *)rec + f->offset, sizeof(number));
	if (f->type == FIELD_TIME)
		ui_time_full(ui, number, b);
	else if (f->type == FIELD_MS &&
		 (strcmp(f->name, "age_ms") == 0 || strcmp(f->name, "duration_ms") == 0))
		fmt_span(b, ui_grown_ms(ui, number, received) * US_PER_MS);
	else if (f->type == FIELD_PHASE_MA)
		put_phases(b,
			   (const struct phase_ma *)(const void *)((const char *)rec + f->offset));
	else
		field_format(f, rec, true, NULL, b);
}

#define LABEL_WIDTH 16
#define VALUE_WIDTH 38

void draw_fields(struct page *p, int indent, const struct ctl_noun_desc *noun, const void *rec,
		 mono_t received)
{
	struct canvas *c = &p->canvas;
	int x = indent + LABEL_WIDTH;
	bool help = c->width - x > VALUE_WIDTH + 20;
	struct buf b;

	buf_init(&b);
	for (size_t i = 0; i < noun->field_count; i++) {
		const struct field *f = &noun->fields[i];
		char label[60];
		int y, used;

		if (!field_present(f, rec) || f->type == FIELD_JSON)
			continue;
		buf_clear(&b);
		field_text(p->ui, f, rec, received, &b);
		field_label(f, label, sizeof(label));
		y = page_line(p);
		canvas_put(c, y, indent, LABEL_WIDTH - 1, STYLE_HEAD, label);
		used = canvas_put(c, y, x, c->width - x, STYLE_NORMAL, buf_cstr(&b));
		if (help && used < VALUE_WIDTH)
			canvas_put(c, y, x + VALUE_WIDTH, c->width - x - VALUE_WIDTH, STYLE_DIM,
				   f->help);
	}
	buf_fini(&b);
	p->live = true;
}

/* ---- lists inside other screens ---- */

static const struct grid_column connector_columns[] = {
	{ "connector", 24, false, 0, true, 0, 0 }, { "type", 7, false, 5, true, 0, 0 },
	{ "status", 14, false, 0, true, 0, 13 }, { "L1/L2/L3", 20, true, 0, true, 0, 0 },
	{ "power", 9, true, 3, true, 0, 0 }, { "limit", 7, true, 0, true, 0, 6 },
	{ "target", 7, true, 2, true, 0, 0 }, { "obeys", 7, true, 6, true, 0, 0 },
	{ "energy", 10, true, 4, true, 0, 9 }, { "tag", 16, false, 4, true, 0, 0 },
	{ "reason", 0, false, 0, true, 24, 0 },
};

void draw_connectors(struct page *p, int indent,
		     bool (*wanted)(const struct model *m, const struct ctl_connector *c,
				    const char *id),
		     const char *id)
{
	const struct model *m = ui_model(p->ui);
	struct grid g;

	grid_init(&g, p->ui, connector_columns, ARRAY_LEN(connector_columns));
	for (size_t i = 0; i < model_count(m, MODEL_CONNECTORS); i++) {
		const struct ctl_connector *c = model_connector(m, i);

		if (!wanted(m, c, id))
			continue;
		grid_row(&g, ITEM_CONNECTOR, c->keys.id);
		grid_text(&g, STYLE_NORMAL, c->keys.id);
		grid_text(&g, STYLE_NORMAL, c->keys.type);
		grid_text(&g, style_of_status(connector_status(c)), connector_status(c));
		grid_phases(&g, STYLE_NORMAL, &c->current_ma);
		grid_w(&g, STYLE_NORMAL, c->power_w);
		grid_ma(&g, style_of_limit(c), c->limit_ma);
		grid_ma(&g, STYLE_NORMAL, c->target_ma);
		grid_ma(&g, STYLE_NORMAL, c->w_ma);
		grid_wh(&g, STYLE_NORMAL, c->energy_wh);
		grid_text(&g, STYLE_NORMAL, c->tag);
		grid_text(&g, STYLE_NORMAL, c->reason);
		if (c->online == 0)
			grid_row_old(&g);
	}
	if (g.row_count)
		grid_draw(&g, p, indent, false);
	else
		page_note(p, indent, STYLE_DIM, "no connectors are known");
	grid_fini(&g);
}
