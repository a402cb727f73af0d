/* lmstop/view_alerts.c - screen 6: what somebody should look after, the worst first; and one of them. */
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

/* ---- one alert ---- */

/* What has a screen of its own; ITEM_NONE: it has none. */
static enum item_kind kind_of(const char *subject)
{
	static const struct { const char *subject; enum item_kind kind; } rows[] = {
		{ "station", ITEM_STATION }, { "connector", ITEM_CONNECTOR }, { "meter", ITEM_METER },
		{ "zone", ITEM_ZONE }, { "tag", ITEM_TAG }, { "transaction", ITEM_TRANSACTION },
	};

	for (size_t i = 0; subject && i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].subject, subject) == 0)
			return rows[i].kind;
	}
	return ITEM_NONE;
}

/* Events of a connector are told of its station. */
static void events_object(const struct ctl_alert *a, char *out, size_t size)
{
	char *slash;

	snprintf(out, size, "%s", a->object);
	slash = strrchr(out, '/');
	if (slash && kind_of(a->subject) == ITEM_CONNECTOR)
		*slash = '\0';
}

static void draw_one(struct page *p)
{
	const char *id = ui_level(p->ui)->id;
	const struct model_row *r = model_find(ui_model(p->ui), MODEL_ALERTS, id);
	const struct ctl_alert *a = r ? r->rec : NULL;
	char object[ITEM_ID_MAX];

	if (!a) {
		page_note(p, 1, STYLE_WARN, "alert %s is over: lmsctl alert show %s", id, id);
		return;
	}
	/* Two lines to choose from: x is about the alert on the first, Enter opens the object on the second. */
	page_note(p, 1, style_of(a), "%s: %s", a->alert ? a->alert : "alert", a->text ? a->text : "");
	page_item(p, ITEM_ALERT, id, p->y - 1, 1);
	if (a->object && kind_of(a->subject) != ITEM_NONE) {
		page_note(p, 1, STYLE_BOLD, "%s %s", a->subject, a->object);
		page_item(p, kind_of(a->subject), a->object, p->y - 1, 1);
	}
	page_rule(p, 0, STYLE_BOLD, "information", NULL);
	draw_fields(p, 1, &ctl_nouns[CTL_NOUN_alert], a, r->received);
	if (!a->object)
		return;
	events_object(a, object, sizeof(object));
	page_rule(p, 0, STYLE_BOLD, "latest events", object);
	draw_events_of(p, 1, object, 12);
}

const struct view_ops view_alerts = { "alerts", "Alerts", '6', draw };
const struct view_ops view_alert = { "alert", "Alert", 0, draw_one };
