/* lmstop/view_meters.c - screen 3: the meters; and one meter with all its variables.
 *
 * Values of a meter that is not ok are never shown as if they were fresh: dim, with their age.
 */
#include <string.h>

#include "base/text.h"
#include "lmstop/view.h"

static const struct grid_column columns[] = {
	{ "meter", 20, false, 0, true, 0, 0 },	  { "title", 20, false, 3, true, 0, 0 },
	{ "state", 11, false, 0, true, 0, 0 },	  { "age", 11, true, 0, true, 0, 0 },
	{ "L1/L2/L3", 22, true, 0, true, 0, 0 }, { "power", 10, true, 1, true, 0, 0 },
	{ "volts", 18, true, 6, true, 0, 0 },	  { "import", 12, true, 2, true, 0, 0 },
	{ "zones", 16, false, 4, true, 0, 0 },	  { "profile", 16, false, 5, true, 0, 0 },
	{ "address", 24, false, 7, true, 0, 0 }, { "trouble", 0, false, 0, true, 24, 0 },
};

static bool is_good(const struct ctl_meter *m)
{
	return m->state && strcmp(m->state, "ok") == 0;
}

static void add_meter(struct grid *g, const struct ctl_meter *m, mono_t received)
{
	enum style value = is_good(m) ? STYLE_NORMAL : STYLE_DIM;

	grid_row(g, ITEM_METER, m->keys.id);
	grid_text(g, STYLE_BOLD, m->keys.id);
	grid_text(g, STYLE_NORMAL, m->keys.title);
	grid_text(g, is_good(m) ? STYLE_OK : STYLE_WARN, m->state);
	grid_span_ms(g, is_good(m) ? STYLE_NORMAL : STYLE_WARN,
		     ui_grown_ms(g->ui, m->age_ms, received));
	grid_phases(g, value, &m->current_ma);
	grid_w(g, value, m->power_w);
	grid_text(g, value, m->voltage_v);
	grid_wh(g, value, m->energy_import_wh);
	grid_text(g, STYLE_NORMAL, m->zones);
	grid_text(g, STYLE_NORMAL, m->keys.profile);
	grid_text(g, STYLE_NORMAL, m->keys.address);
	grid_text(g, STYLE_WARN, m->error);
}

static void draw(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	struct grid g;

	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < model_count(m, MODEL_METERS); i++) {
		mono_t received;
		const struct ctl_meter *meter = model_meter(m, i, &received);

		add_meter(&g, meter, received);
	}
	grid_draw(&g, p, 1, true);
	if (g.row_count == 0)
		page_note(p, 1, STYLE_DIM, "no meter to show");
	grid_fini(&g);
	p->live = true;
}

/* ---- one meter ---- */

static const struct grid_column value_columns[] = {
	{ "variable", 24, false, 0, true, 0, 0 }, { "value", 16, true, 0, true, 0, 0 },
	{ "unit", 6, false, 0, false, 0, 0 },	   { "quality", 10, false, 0, true, 0, 0 },
	{ "sampled", 11, true, 1, true, 0, 0 },	   { "age", 11, true, 0, true, 0, 0 },
};

static void add_value(struct grid *g, const struct json *v)
{
	const struct json *value = json_get(v, "value"), *time = json_get(v, "time");
	const char *quality = json_str(json_get(v, "quality"), "?");
	bool good = strcmp(quality, "good") == 0;
	enum style style = good ? STYLE_NORMAL : STYLE_DIM;
	wall_t sampled = WALL_NONE, now = ui_wall(g->ui);

	grid_row(g, ITEM_NONE, NULL);
	grid_text(g, STYLE_NORMAL, json_str(json_get(v, "name"), "?"));
	grid_text(g, style, value && value->type != JSON_NULL ? value->text : NULL);
	grid_text(g, style, json_str(json_get(v, "unit"), ""));
	grid_text(g, good ? STYLE_OK : STYLE_WARN, quality);
	if (time && time->text)
		rfc3339_parse(time->text, time->len, &sampled);
	grid_time(g, style, sampled);
	grid_span_ms(g, style,
		     sampled == WALL_NONE || now < sampled ? NUM_NONE
							   : (now - sampled) / US_PER_MS);
}

static void draw_values(struct page *p, const struct ctl_meter *m)
{
	struct json *values;
	struct grid g;

	grid_init(&g, p->ui, value_columns, ARRAY_LEN(value_columns));
	values = m->values
		     ? json_parse(&g.arena, m->values, strlen(m->values), &JSON_CAPS_DEFAULT, NULL)
		     : NULL;
	for (const struct json *v = values ? values->first : NULL; v; v = v->next)
		add_value(&g, v);
	if (g.row_count)
		grid_draw(&g, p, 1, false);
	else
		page_note(p, 1, STYLE_DIM, "no values yet");
	grid_fini(&g);
}

static void draw_phases(struct page *p, const struct ctl_meter *m, mono_t received)
{
	struct canvas *c = &p->canvas;
	int y = page_line(p), x = 1;
	struct buf b;

	buf_init(&b);
	x += canvas_put(c, y, x, 12, is_good(m) ? STYLE_OK : STYLE_WARN,
			m->state ? m->state : "unknown") +
	     2;
	if (!is_good(m) && m->age_ms != NUM_NONE) {
		buf_puts(&b, "since ");
		fmt_span(&b, ui_grown_ms(p->ui, m->age_ms, received) * US_PER_MS);
		x += canvas_put(c, y, x, 20, STYLE_WARN, buf_cstr(&b)) + 2;
		buf_clear(&b);
	}
	if (m->current_ma.l[0] != NUM_NONE || m->current_ma.l[1] != NUM_NONE ||
	    m->current_ma.l[2] != NUM_NONE) {
		put_phases(&b, &m->current_ma);
		buf_puts(&b, "   ");
	}
	if (m->power_w != NUM_NONE)
		fmt_w(&b, m->power_w);
	if (b.len)
		x += canvas_put(c, y, x, c->width - x, is_good(m) ? STYLE_BOLD : STYLE_DIM,
				buf_cstr(&b)) +
		     2;
	if (m->error)
		canvas_put(c, y, x, c->width - x, STYLE_WARN, m->error);
	buf_fini(&b);
}

static void draw_one(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	const char *id = ui_level(p->ui)->id;
	const struct model_row *listed = model_find(m, MODEL_METERS, id),
			       *r = model_find(m, MODEL_METER, id);

	if (!listed) {
		page_note(p, 1, STYLE_WARN, "meter %s is gone", id);
		return;
	}
	if (!r)
		r = listed;
	draw_phases(p, r->rec, r->received);
	page_end_head(p);
	graph_draw(p);
	page_rule(p, 0, STYLE_BOLD, "variables", NULL);
	draw_values(p, r->rec);
	page_rule(p, 0, STYLE_BOLD, "information", NULL);
	draw_fields(p, 1, &ctl_nouns[CTL_NOUN_meter], r->rec, r->received);
}

const struct view_ops view_meters = { "meters", "Meters", '3', draw };
const struct view_ops view_meter = { "meter", "Meter", 0, draw_one };
