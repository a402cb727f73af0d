/* lmstop/view_alerts.c - screen 6: what somebody should look after, the worst first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lmstop/view.h"

static const struct grid_column columns[] = {
	{ "id", 5, true, 0, false, 0, 0 },	  { "since", 11, true, 1, true, 0, 0 },
	{ "severity", 8, false, 2, true, 0, 0 },  { "object", 24, false, 0, true, 0, 0 },
	{ "alert", 18, false, 0, true, 0, 0 },	  { "in hand", 10, false, 3, false, 0, 0 },
	{ "what is wrong", 0, false, 0, false, 24, 0 },
};

static enum style style_of(const struct ctl_alert *a)
{
	if (a->state && strcmp(a->state, "open") != 0)
		return STYLE_DIM;
	return a->severity && strcmp(a->severity, "error") == 0 ? STYLE_BAD : STYLE_WARN;
}

/* Open before acknowledged, errors before warnings, then the latest. */
static int rank(const struct ctl_alert *a)
{
	return (a->state && strcmp(a->state, "open") != 0 ? 2 : 0) +
	       (a->severity && strcmp(a->severity, "error") == 0 ? 0 : 1);
}

static int compare(const void *a, const void *b)
{
	const struct ctl_alert *x = *(const struct ctl_alert *const *)a, *y = *(const struct ctl_alert *const *)b;

	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	return (x->id < y->id) - (x->id > y->id);
}

static void add(struct grid *g, const struct ctl_alert *a)
{
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)a->id);
	grid_row(g, ITEM_ALERT, id);
	grid_text(g, STYLE_NORMAL, id);
	grid_time(g, STYLE_NORMAL, a->since);
	grid_text(g, style_of(a), a->severity);
	grid_text(g, STYLE_BOLD, a->object);
	grid_text(g, style_of(a), a->alert);
	grid_text(g, STYLE_NORMAL, a->by);
	grid_text(g, STYLE_NORMAL, a->text);
}

static void draw(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	size_t count = model_count(m, MODEL_ALERTS);
	const struct ctl_alert **rows = xcalloc(count + 1, sizeof(*rows));
	struct grid g;

	for (size_t i = 0; i < count; i++)
		rows[i] = model_alert(m, i);
	qsort(rows, count, sizeof(*rows), compare);
	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < count; i++)
		add(&g, rows[i]);
	grid_draw(&g, p, 1, true);
	if (count == 0)
		page_note(p, 1, STYLE_DIM, "nothing is wrong");
	grid_fini(&g);
	free(rows);
}

const struct view_ops view_alerts = { "alerts", "Alerts", '6', draw };
