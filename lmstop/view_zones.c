/* lmstop/view_zones.c - screen 1: the zones as a tree; and one zone with all its numbers. */
#include <stdio.h>
#include <string.h>

#include "lmstop/view.h"

static const struct grid_column columns[] = {
	{ "zone", 24, false, 0, true, 0, 0 },	   { "title", 24, false, 3, true, 0, 0 },
	{ "limit", 17, true, 0, true, 0, 0 },	   { "why", 10, false, 2, true, 0, 0 },
	{ "load", 20, true, 0, true, 0, 0 },	   { "cars may draw", 20, true, 4, true, 0, 0 },
	{ "others", 17, true, 6, true, 0, 0 },	   { "served", 7, true, 1, true, 0, 0 },
	{ "stations", 8, true, 5, true, 0, 0 },   { "meter", 14, false, 5, true, 0, 0 },
	{ "s over", 7, true, 7, true, 0, 0 },	   { "policy", 0, false, 8, true, 24, 0 },
};

static void add_zone(struct grid *g, const struct ctl_zone *z, int depth)
{
	enum style load = z->load_ok == 0 ? STYLE_DIM : STYLE_NORMAL;

	grid_row(g, ITEM_ZONE, z->keys.id);
	/* The tree is lost when sorted by something else; so are the branches then. */
	if (depth > 0 && ui_level(g->ui)->sort == 0)
		grid_textf(g, STYLE_BOLD, "%*s%s%s", (depth - 1) * 2, "",
			   glyph(&g->ui->look, GLYPH_CHILD), z->keys.id);
	else
		grid_text(g, STYLE_BOLD, z->keys.id);
	grid_text(g, STYLE_NORMAL, z->keys.title);
	grid_phases(g, STYLE_NORMAL, &z->cap_ma);
	grid_text(g, z->cap_why && strcmp(z->cap_why, "meter_lost") == 0 ? STYLE_BAD : STYLE_NORMAL,
		  z->cap_why);
	grid_phases(g, load, &z->load_ma);
	grid_phases(g, STYLE_NORMAL, &z->sum_ma);
	grid_phases(g, load, &z->building_ma);
	grid_textf(g, STYLE_NORMAL, "%lld/%lld", (long long)(z->admitted < 0 ? 0 : z->admitted),
		   (long long)(z->competing < 0 ? 0 : z->competing));
	grid_int(g, STYLE_NORMAL, z->stations);
	grid_text(g, z->load_ok == 0 ? STYLE_WARN : STYLE_NORMAL, z->keys.meter);
	grid_int(g, z->seconds_over > 0 ? STYLE_WARN : STYLE_NORMAL, z->seconds_over);
	grid_text(g, STYLE_NORMAL, z->keys.policy);
}

static void draw(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	size_t count = model_count(m, MODEL_ZONES), *order;
	struct grid g;
	int *depth;

	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	order = arena_array(&g.arena, count + 1, sizeof(*order));
	depth = arena_array(&g.arena, count + 1, sizeof(*depth));
	model_zone_tree(m, order, depth);
	for (size_t i = 0; i < count; i++)
		add_zone(&g, model_zone(m, order[i]), depth[i]);
	grid_draw(&g, p, 1, true);
	grid_fini(&g);
}

/* Is `zone` that one, or below it? Bounded, as a tree from outside may hold a loop. */
static bool is_below(const struct model *m, const char *zone, const char *id)
{
	for (size_t i = 0; zone && i <= model_count(m, MODEL_ZONES); i++) {
		const struct model_row *r = model_find(m, MODEL_ZONES, zone);

		if (strcmp(zone, id) == 0)
			return true;
		zone = r ? ((const struct ctl_zone *)r->rec)->keys.parent : NULL;
	}
	return false;
}

static bool in_zone(const struct model *m, const struct ctl_connector *c, const char *id)
{
	return is_below(m, c->zone, id);
}

static void draw_children(struct page *p, const char *id)
{
	const struct model *m = ui_model(p->ui);
	struct grid g;

	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < model_count(m, MODEL_ZONES); i++) {
		const struct ctl_zone *z = model_zone(m, i);

		if (z->keys.parent && strcmp(z->keys.parent, id) == 0)
			add_zone(&g, z, 0);
	}
	if (g.row_count) {
		page_rule(p, 0, STYLE_BOLD, "zones that it feeds", NULL);
		grid_layout(&g, p->canvas.width - 1);
		grid_draw_head(&g, p, 1);
	}
	for (size_t i = 0; i < g.row_count; i++)
		grid_draw_row(&g, i, p, 1);
	grid_fini(&g);
}

static void draw_one(struct page *p)
{
	const char *id = ui_level(p->ui)->id;
	const struct model_row *r = model_find(ui_model(p->ui), MODEL_ZONES, id);

	if (!r) {
		page_note(p, 1, STYLE_WARN, "zone %s is gone", id);
		return;
	}
	draw_zone_gauges(p, 1, r->rec);
	page_end_head(p);
	draw_children(p, id);
	page_rule(p, 0, STYLE_BOLD, "connectors below", NULL);
	draw_connectors(p, 1, in_zone, id);
	graph_draw(p);
	page_rule(p, 0, STYLE_BOLD, "all values", NULL);
	draw_fields(p, 1, &ctl_nouns[CTL_NOUN_zone], r->rec, r->received);
}

const struct view_ops view_zones = { "zones", "Zones", '1', draw };
const struct view_ops view_zone = { "zone", "Zone", 0, draw_one };
