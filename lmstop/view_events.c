/* lmstop/view_events.c - screen 7: what happened, the latest first. */
#include <stdio.h>
#include <string.h>

#include "lmstop/view.h"

static const struct grid_column columns[] = {
	{ "time", 11, true, 0, false, 0, 0 },	   { "level", 7, false, 1, true, 0, 0 },
	{ "subject", 8, false, 2, true, 0, 0 },   { "object", 24, false, 0, true, 0, 0 },
	{ "event", 24, false, 0, true, 0, 0 },	   { "details", 0, false, 0, false, 24, 0 },
};

static enum style style_of_level(const char *level)
{
	if (!level || strcmp(level, "debug") == 0)
		return STYLE_DIM;
	if (strcmp(level, "warning") == 0)
		return STYLE_WARN;
	return strcmp(level, "error") == 0 ? STYLE_BAD : STYLE_NORMAL;
}

static void add_event(struct grid *g, const struct ctl_event *e, enum item_kind kind)
{
	char seq[24];

	snprintf(seq, sizeof(seq), "%lld", (long long)e->seq);
	grid_row(g, kind, seq);
	grid_time(g, STYLE_NORMAL, e->time);
	grid_text(g, style_of_level(e->level), e->level);
	grid_text(g, STYLE_NORMAL, e->subject);
	grid_text(g, STYLE_BOLD, e->object);
	grid_text(g, style_of_level(e->level), e->event);
	grid_text(g, STYLE_NORMAL, e->text);
}

static void draw(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	size_t count = model_count(m, MODEL_EVENTS);
	struct grid g;

	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	for (size_t i = count; i > 0; i--)
		add_event(&g, model_event(m, i - 1), ITEM_EVENT);
	grid_draw(&g, p, 1, true);
	if (g.row_count == 0)
		page_note(p, 1, STYLE_DIM, "nothing has happened");
	grid_fini(&g);
}

void draw_events_of(struct page *p, int indent, const char *object, size_t most)
{
	const struct model *m = ui_model(p->ui);
	struct grid g;

	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	for (size_t i = model_count(m, MODEL_EVENTS); i > 0 && g.row_count < most; i--) {
		const struct ctl_event *e = model_event(m, i - 1);

		if (e->object && strcmp(e->object, object) == 0)
			add_event(&g, e, ITEM_NONE);
	}
	if (g.row_count == 0)
		page_note(p, indent, STYLE_DIM, "none of the last %zu events is about it",
			  model_count(m, MODEL_EVENTS));
	else
		grid_layout(&g, p->canvas.width - indent);
	for (size_t i = 0; i < g.row_count; i++)
		grid_draw_row(&g, i, p, indent);
	grid_fini(&g);
}

const struct view_ops view_events = { "events", "Events", '7', draw };
