/* lmstop/view_transactions.c - screen 4: the transactions that run; and one of them. */
#include <stdio.h>
#include <string.h>

#include "lmstop/view.h"

static const struct grid_column columns[] = {
	{ "id", 12, true, 0, true, 0, 0 },     { "connector", 26, false, 0, true, 0, 0 },
	{ "tag", 20, false, 1, true, 0, 0 },   { "holder", 24, false, 2, true, 0, 0 },
	{ "start", 11, true, 3, true, 0, 0 },  { "duration", 11, true, 0, true, 0, 0 },
	{ "energy", 12, true, 0, true, 0, 0 }, { "cost", 14, true, 3, true, 0, 0 }, { "current", 8, true, 2, true, 0, 0 },
	{ "power", 9, true, 4, true, 0, 0 },   { "limit", 7, true, 2, true, 0, 0 },
	{ "zone", 16, false, 5, true, 0, 0 },  { "reason for the limit", 0, false, 1, true, 24, 0 },
};

static const struct ctl_connector *
connector_of(const struct model *m, const struct ctl_transaction *t, char *id, size_t size)
{
	const struct model_row *r;

	snprintf(id, size, "%.48s/%lld", t->station ? t->station : "?", (long long)t->connector);
	r = model_find(m, MODEL_CONNECTORS, id);
	return r ? r->rec : NULL;
}

void grid_cost(struct grid *g, const struct ctl_transaction *t)
{
	if (t->cost)
		grid_textf(g, STYLE_NORMAL, "%s %s", t->cost, t->currency ? t->currency : "");
	else
		grid_text(g, STYLE_NORMAL, NULL);
}

static void add_transaction(struct grid *g, const struct model *m, const struct ctl_transaction *t,
			    mono_t received)
{
	char number[24], id[80];
	const struct ctl_connector *c = connector_of(m, t, id, sizeof(id));

	snprintf(number, sizeof(number), "%lld", (long long)t->id);
	grid_row(g, ITEM_TRANSACTION, number);
	grid_int(g, STYLE_NORMAL, t->id);
	grid_text(g, STYLE_BOLD, id);
	grid_text(g, STYLE_NORMAL, t->tag);
	grid_text(g, STYLE_NORMAL, t->holder);
	grid_time(g, STYLE_NORMAL, t->start);
	grid_span_ms(g, STYLE_NORMAL, ui_grown_ms(g->ui, t->duration_ms, received));
	grid_wh(g, STYLE_NORMAL, t->energy_wh);
	grid_cost(g, t);
	grid_ma(g, STYLE_NORMAL, c && c->online != 0 ? connector_current(c) : NUM_NONE);
	grid_w(g, STYLE_NORMAL, c && c->online != 0 ? c->power_w : NUM_NONE);
	grid_ma(g, STYLE_NORMAL, c ? c->limit_ma : NUM_NONE);
	grid_text(g, STYLE_NORMAL, t->zone);
	grid_text(g, STYLE_NORMAL, c ? c->reason : NULL);
}

static void draw(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	struct grid g;

	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < model_count(m, MODEL_TRANSACTIONS); i++) {
		mono_t received;
		const struct ctl_transaction *t = model_transaction(m, i, &received);

		add_transaction(&g, m, t, received);
	}
	grid_draw(&g, p, 1, true);
	if (g.row_count == 0)
		page_note(p, 1, STYLE_DIM, "no transaction is running");
	grid_fini(&g);
	p->live = true;
}

static void draw_one(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	const char *id = ui_level(p->ui)->id;
	const struct model_row *r = model_find(m, MODEL_TRANSACTIONS, id);
	const struct model_row *conn;
	char of[80];

	if (!r)		/* come from its tag: one that is over, too */
		r = model_find(m, MODEL_TAG_TRANSACTIONS, id);
	if (!r) {
		page_note(p, 1, STYLE_WARN, "transaction %s has ended: lmsctl transaction show %s",
			  id, id);
		graph_draw(p);
		return;
	}
	graph_draw(p);
	page_rule(p, 0, STYLE_BOLD, "information", NULL);
	draw_fields(p, 1, &ctl_nouns[CTL_NOUN_transaction], r->rec, r->received);
	if (((const struct ctl_transaction *)r->rec)->stop != WALL_NONE || !connector_of(m, r->rec, of, sizeof(of)))
		return;
	conn = model_find(m, MODEL_CONNECTORS, of);
	page_rule(p, 0, STYLE_BOLD, of, NULL);
	draw_fields(p, 1, &ctl_nouns[CTL_NOUN_connector], conn->rec, conn->received);
}

const struct view_ops view_transactions = { "transactions", "Transactions", '4', draw };
const struct view_ops view_transaction = { "transaction", "Transaction", 0, draw_one };
