/* lmstop/view_stations.c - screen 2: stations, those that wait first; one station; one connector.
 */
#include <stdio.h>
#include <string.h>

#include "lmstop/view.h"

static const struct grid_column columns[] = {
	{ "station", 24, false, 0, true, 0, 0 },   { "title", 20, false, 3, true, 0, 0 },
	{ "state", 10, false, 0, true, 0, 0 },	    { "zone", 16, false, 1, true, 0, 0 },
	{ "charging", 8, true, 2, true, 0, 0 },    { "vip", 3, false, 8, true, 0, 0 },
	{ "vendor", 14, false, 5, true, 0, 0 },    { "model", 16, false, 4, true, 0, 0 },
	{ "firmware", 16, false, 6, true, 0, 0 },  { "address", 21, false, 7, true, 0, 0 },
	{ "last seen", 11, true, 1, true, 0, 0 },  { "trouble", 0, false, 0, true, 24, 0 },
};

static void add_station(struct grid *g, const struct ctl_station *s, enum item_kind kind)
{
	grid_row(g, kind, s->keys.id);
	grid_text(g, STYLE_BOLD, s->keys.id);
	grid_text(g, STYLE_NORMAL, s->keys.title);
	grid_text(g, style_of_station(s->state), station_state(s));
	grid_text(g, STYLE_NORMAL, s->keys.zone);
	if (s->charging == NUM_NONE || s->keys.connectors == NUM_NONE)
		grid_int(g, STYLE_NORMAL, s->charging);
	else
		grid_textf(g, s->charging ? STYLE_OK : STYLE_NORMAL, "%lld/%lld",
			   (long long)s->charging, (long long)s->keys.connectors);
	grid_text(g, STYLE_NORMAL, s->keys.vip == 1 ? "yes" : NULL);
	grid_text(g, STYLE_NORMAL, s->vendor);
	grid_text(g, STYLE_NORMAL, s->model);
	grid_text(g, STYLE_NORMAL, s->firmware);
	grid_text(g, STYLE_NORMAL, s->address);
	grid_time(g, STYLE_NORMAL, s->last_seen);
	grid_text(g, kind == ITEM_PENDING ? STYLE_BUSY : STYLE_WARN,
		  kind == ITEM_PENDING ? "waits for: lmsctl station accept" : s->fault);
}

static void draw(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	struct grid g;

	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < model_count(m, MODEL_PENDING); i++)
		add_station(&g, model_pending(m, i), ITEM_PENDING);
	for (size_t i = 0; i < model_count(m, MODEL_STATIONS); i++)
		add_station(&g, model_station(m, i), ITEM_STATION);
	grid_draw(&g, p, 1, true);
	if (g.row_count == 0)
		page_note(p, 1, STYLE_DIM, "no station to show");
	grid_fini(&g);
}

/* ---- one station ---- */

static bool of_station(const struct model *m, const struct ctl_connector *c, const char *id)
{
	(void)m;
	return c->station && strcmp(c->station, id) == 0;
}

static const struct grid_column tx_columns[] = {
	{ "transaction", 12, true, 0, false, 0, 0 }, { "connector", 9, true, 0, false, 0, 0 },
	{ "tag", 20, false, 0, false, 0, 0 },	      { "holder", 24, false, 1, false, 0, 0 },
	{ "start", 11, true, 1, false, 0, 0 },	      { "duration", 11, true, 0, false, 0, 0 },
	{ "energy", 12, true, 0, false, 0, 0 },
};

static void draw_transactions(struct page *p, const char *station)
{
	const struct model *m = ui_model(p->ui);
	struct grid g;

	grid_init(&g, p->ui, tx_columns, ARRAY_LEN(tx_columns));
	for (size_t i = 0; i < model_count(m, MODEL_TRANSACTIONS); i++) {
		mono_t received;
		const struct ctl_transaction *t = model_transaction(m, i, &received);
		char id[24];

		if (!t->station || strcmp(t->station, station) != 0)
			continue;
		snprintf(id, sizeof(id), "%lld", (long long)t->id);
		grid_row(&g, ITEM_TRANSACTION, id);
		grid_int(&g, STYLE_NORMAL, t->id);
		grid_int(&g, STYLE_NORMAL, t->connector);
		grid_text(&g, STYLE_NORMAL, t->tag);
		grid_text(&g, STYLE_NORMAL, t->holder);
		grid_time(&g, STYLE_NORMAL, t->start);
		grid_span_ms(&g, STYLE_NORMAL, ui_grown_ms(p->ui, t->duration_ms, received));
		grid_wh(&g, STYLE_NORMAL, t->energy_wh);
	}
	if (g.row_count) {
		page_rule(p, 0, STYLE_BOLD, "running transactions", NULL);
		grid_layout(&g, p->canvas.width - 1);
		grid_draw_head(&g, p, 1);
		for (size_t i = 0; i < g.row_count; i++)
			grid_draw_row(&g, i, p, 1);
	}
	grid_fini(&g);
}

static const struct grid_column message_columns[] = {
	{ "time", 11, true, 0, false, 0, 0 }, { "", 3, false, 0, true, 0, 0 }, { "frame", 0, false, 0, false, 24, 0 },
};

/* The latest first. */
static void draw_messages(struct page *p, size_t most)
{
	const struct model *m = ui_model(p->ui);
	size_t count = model_count(m, MODEL_MESSAGES);
	struct grid g;

	if (!ui_messages_wanted(p->ui))
		return;
	page_rule(p, 0, STYLE_BOLD, "latest OCPP frames", NULL);
	grid_init(&g, p->ui, message_columns, ARRAY_LEN(message_columns));
	for (size_t i = count; i > 0 && g.row_count < most; i--) {
		const struct ctl_message *f = model_message(m, i - 1);
		bool in = f->direction && strcmp(f->direction, "in") == 0;

		grid_row(&g, ITEM_NONE, "");
		grid_time(&g, STYLE_NORMAL, f->time);
		grid_text(&g, in ? STYLE_NORMAL : STYLE_DIM, f->direction);
		grid_text(&g, in ? STYLE_NORMAL : STYLE_DIM, f->text);
	}
	if (g.row_count == 0)
		page_note(p, 1, STYLE_DIM, "none is held");
	else
		grid_layout(&g, p->canvas.width - 1);
	for (size_t i = 0; i < g.row_count; i++)
		grid_draw_row(&g, i, p, 1);
	grid_fini(&g);
}

static void draw_one(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	const char *id = ui_level(p->ui)->id;
	const struct model_row *r = model_find(m, MODEL_STATIONS, id);

	if (!r)
		r = model_find(m, MODEL_PENDING, id);
	if (!r) {
		page_note(p, 1, STYLE_WARN, "station %s is gone", id);
		return;
	}
	page_rule(p, 0, STYLE_BOLD, "connectors", NULL);
	draw_connectors(p, 1, of_station, id);
	draw_transactions(p, id);
	page_rule(p, 0, STYLE_BOLD, "information", NULL);
	draw_fields(p, 1, &ctl_nouns[CTL_NOUN_station], r->rec, r->received);
	page_rule(p, 0, STYLE_BOLD, "latest events", NULL);
	draw_events_of(p, 1, id, 12);
	draw_messages(p, 20);
}

/* Each cause stands below what it is the cause of. */
static void draw_causes(struct page *p, const char *id)
{
	const struct ui_causes *c = &p->ui->causes;

	if (c->count == 0 || strcmp(c->connector, id) != 0)
		return;
	page_rule(p, 0, STYLE_BOLD, "why it has its limit", NULL);
	for (size_t i = 0; i < c->count; i++)
		page_note(p, 1 + 2 * (int)i, STYLE_NORMAL, "%s%s",
			  i ? glyph(p->canvas.look, GLYPH_CHILD) : "", c->text[i]);
}

static void draw_connector(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	const char *id = ui_level(p->ui)->id;
	const struct model_row *r = model_find(m, MODEL_CONNECTORS, id);

	if (!r) {
		page_note(p, 1, STYLE_WARN, "connector %s is gone", id);
		return;
	}
	draw_causes(p, id);
	graph_draw(p);
	page_rule(p, 0, STYLE_BOLD, "all values", NULL);
	draw_fields(p, 1, &ctl_nouns[CTL_NOUN_connector], r->rec, r->received);
}

const struct view_ops view_stations = { "stations", "Stations", '2', draw };
const struct view_ops view_station = { "station", "Station", 0, draw_one };
const struct view_ops view_connector = { "connector", "Connector", 0, draw_connector };
