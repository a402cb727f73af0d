/* lmstop/view_tags.c - screen 5: the tags that were used last, and unknown ones that were shown; and one tag. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lmstop/view.h"

static const struct grid_column columns[] = {
	{ "tag", 20, false, 0, true, 0, 0 },	   { "holder", 24, false, 0, true, 0, 0 },
	{ "type", 8, false, 3, true, 0, 0 },	   { "state", 8, false, 0, true, 0, 0 },
	{ "credit left", 12, true, 1, true, 0, 0 }, { "group", 16, false, 4, true, 0, 0 },
	{ "last use", 11, true, 0, true, 0, 0 },   { "transactions", 12, true, 2, true, 0, 0 },
	{ "comment", 0, false, 5, true, 16, 0 },
};

static const char *state_of(const struct ui *ui, const struct ctl_tag *t)
{
	if (t->keys.active == 0 || (t->keys.auth && strcmp(t->keys.auth, "deny") == 0))
		return "blocked";
	return t->keys.expires != WALL_NONE && t->keys.expires < ui_wall(ui) ? "expired" : "active";
}

static enum style style_of(const char *state)
{
	return strcmp(state, "active") == 0 ? STYLE_OK : strcmp(state, "expired") == 0 ? STYLE_WARN : STYLE_BAD;
}

/* Those used last first; those never used by their uid. */
static int compare(const void *a, const void *b)
{
	const struct ctl_tag *x = *(const struct ctl_tag *const *)a, *y = *(const struct ctl_tag *const *)b;

	if (x->last_use != y->last_use)
		return x->last_use > y->last_use ? -1 : 1;
	return strcmp(x->keys.uid, y->keys.uid);
}

static void add(struct grid *g, const struct ctl_tag *t)
{
	const char *state = state_of(g->ui, t);
	int64_t credit = t->keys.credit_wh;

	grid_row(g, ITEM_TAG, t->keys.uid);
	grid_text(g, STYLE_BOLD, t->keys.uid);
	grid_text(g, STYLE_NORMAL, t->keys.holder);
	grid_text(g, STYLE_NORMAL, t->keys.type);
	grid_text(g, style_of(state), state);
	if (credit == NUM_NONE)
		grid_text(g, STYLE_DIM, "unlimited");
	else
		grid_wh(g, credit <= 0 ? STYLE_BAD : STYLE_NORMAL, credit);
	grid_text(g, STYLE_NORMAL, t->keys.group);
	grid_time(g, STYLE_NORMAL, t->last_use);
	grid_int(g, STYLE_NORMAL, t->transactions);
	grid_text(g, STYLE_NORMAL, t->keys.comment);
}

static void draw_known(struct page *p, const struct model *m)
{
	size_t count = model_count(m, MODEL_TAGS);
	const struct ctl_tag **rows = xcalloc(count + 1, sizeof(*rows));
	const struct ctl_system *s = model_system(m, NULL);
	struct grid g;

	for (size_t i = 0; i < count; i++)
		rows[i] = model_tag(m, i);
	qsort(rows, count, sizeof(*rows), compare);
	grid_init(&g, p->ui, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < count; i++)
		add(&g, rows[i]);
	grid_draw(&g, p, 1, true);
	if (count == 0)
		page_note(p, 1, STYLE_DIM, "there are no tags: lmsctl tag add, or lmsctl tag learn");
	/* The count comes with another watch, a second earlier or later. */
	else if (count >= MODEL_TAGS_MAX && s && s->tags != NUM_NONE && s->tags > (int64_t)count)
		page_note(p, 1, STYLE_DIM, "%lld more, used longer ago: lmsctl tag list",
			  (long long)(s->tags - (int64_t)count));
	grid_fini(&g);
	free(rows);
}

static const struct grid_column pending_columns[] = {
	{ "tag", 20, false, 0, false, 0, 0 },	   { "times", 6, true, 0, false, 0, 0 },
	{ "last", 11, true, 1, false, 0, 0 },	   { "station", 24, false, 0, false, 0, 0 },
	{ "connector", 9, true, 3, false, 0, 0 }, { "first", 11, true, 2, false, 0, 0 },
};

/* The latest first. */
static int compare_pending(const void *a, const void *b)
{
	const struct ctl_pending_tag *x = *(const struct ctl_pending_tag *const *)a,
				     *y = *(const struct ctl_pending_tag *const *)b;

	return (x->last < y->last) - (x->last > y->last);
}

static void add_pending(struct grid *g, const struct ctl_pending_tag *t)
{
	grid_row(g, ITEM_PENDING_TAG, t->uid);
	grid_text(g, STYLE_BUSY, t->uid);
	grid_int(g, STYLE_NORMAL, t->count);
	grid_time(g, STYLE_NORMAL, t->last);
	grid_text(g, STYLE_NORMAL, t->station ? t->station : "a reader of lmsctl");
	grid_int(g, STYLE_NORMAL, t->connector);
	grid_time(g, STYLE_NORMAL, t->first);
}

static void draw_pending(struct page *p, const struct model *m)
{
	size_t count = model_count(m, MODEL_TAGS_PENDING);
	int sort_columns = p->sort_columns;
	const char *sort_name = p->sort_name;
	const struct ctl_pending_tag **rows = xcalloc(count + 1, sizeof(*rows));
	struct grid g;

	for (size_t i = 0; i < count; i++)
		rows[i] = model_pending_tag(m, i);
	qsort(rows, count, sizeof(*rows), compare_pending);
	grid_init(&g, p->ui, pending_columns, ARRAY_LEN(pending_columns));
	for (size_t i = 0; i < count; i++)
		add_pending(&g, rows[i]);
	/* The filter is for both lists, the order for the first. */
	grid_arrange(&g, p);
	p->sort_columns = sort_columns;
	p->sort_name = sort_name;
	if (g.row_count) {
		page_rule(p, 0, STYLE_BOLD, "shown, but unknown", "lmsctl tag accept");
		grid_layout(&g, p->canvas.width - 1);
		grid_draw_head(&g, p, 1);
	}
	for (size_t i = 0; i < g.row_count; i++)
		grid_draw_row(&g, i, p, 1);
	grid_fini(&g);
	free(rows);
}

static bool may_see(struct page *p)
{
	if (ui_may_see_tags(p->ui) || p->ui->link == UI_CONNECTING)
		return true;
	page_note(p, 1, STYLE_WARN, "tags are for operators, technicians and administrators: your role is another");
	return false;
}

static void draw(struct page *p)
{
	const struct model *m = ui_model(p->ui);

	if (!may_see(p))
		return;
	if (!m->lists[MODEL_TAGS].arrived) {
		page_note(p, 1, STYLE_DIM, "asking for the tags …");
		return;
	}
	draw_known(p, m);
	draw_pending(p, m);
}

/* ---- one tag ---- */

static const struct grid_column credit_columns[] = {
	{ "time", 11, true, 0, false, 0, 0 },	     { "cause", 12, false, 0, false, 0, 0 },
	{ "change", 12, true, 0, false, 0, 0 },	     { "credit", 12, true, 0, false, 0, 0 },
	{ "transaction", 12, true, 1, false, 0, 0 }, { "by", 16, false, 2, false, 0, 0 },
	{ "why", 0, false, 3, false, 16, 0 },
};

static void draw_credit(struct page *p, const struct model *m)
{
	struct grid g;

	if (model_count(m, MODEL_TAG_CREDIT) == 0)
		return;
	page_rule(p, 0, STYLE_BOLD, "latest changes of its credit", NULL);
	grid_init(&g, p->ui, credit_columns, ARRAY_LEN(credit_columns));
	for (size_t i = model_count(m, MODEL_TAG_CREDIT); i > 0; i--) {
		const struct ctl_credit_change *c = model_credit_change(m, i - 1);

		grid_row(&g, ITEM_NONE, "");
		grid_time(&g, STYLE_NORMAL, c->time);
		grid_text(&g, STYLE_NORMAL, c->cause);
		grid_wh(&g, STYLE_NORMAL, c->change_wh);
		if (c->credit_wh == NUM_NONE)
			grid_text(&g, STYLE_DIM, "unlimited");
		else
			grid_wh(&g, c->credit_wh <= 0 ? STYLE_BAD : STYLE_NORMAL, c->credit_wh);
		grid_int(&g, STYLE_NORMAL, c->transaction);
		grid_text(&g, STYLE_NORMAL, c->by);
		grid_text(&g, STYLE_NORMAL, c->text);
	}
	grid_layout(&g, p->canvas.width - 1);
	grid_draw_head(&g, p, 1);
	for (size_t i = 0; i < g.row_count; i++)
		grid_draw_row(&g, i, p, 1);
	grid_fini(&g);
}

static const struct grid_column tx_columns[] = {
	{ "transaction", 12, true, 0, false, 0, 0 }, { "connector", 26, false, 0, false, 0, 0 },
	{ "state", 8, false, 1, false, 0, 0 },	     { "start", 11, true, 0, false, 0, 0 },
	{ "stop", 11, true, 3, false, 0, 0 },	     { "duration", 11, true, 2, false, 0, 0 },
	{ "energy", 12, true, 0, false, 0, 0 },	     { "cost", 14, true, 1, false, 0, 0 },
};

static void draw_transactions(struct page *p, const struct model *m)
{
	struct grid g;

	page_rule(p, 0, STYLE_BOLD, "latest transactions", NULL);
	grid_init(&g, p->ui, tx_columns, ARRAY_LEN(tx_columns));
	for (size_t i = model_count(m, MODEL_TAG_TRANSACTIONS); i > 0; i--) {
		mono_t received;
		const struct ctl_transaction *t = model_tag_transaction(m, i - 1, &received);
		bool runs = t->stop == WALL_NONE;
		char id[24];

		snprintf(id, sizeof(id), "%lld", (long long)t->id);
		grid_row(&g, ITEM_TRANSACTION, id);
		grid_int(&g, STYLE_NORMAL, t->id);
		grid_textf(&g, STYLE_BOLD, "%.48s/%lld", t->station ? t->station : "?", (long long)t->connector);
		grid_text(&g, runs ? STYLE_OK : STYLE_NORMAL, t->state);
		grid_time(&g, STYLE_NORMAL, t->start);
		grid_time(&g, STYLE_NORMAL, t->stop);
		grid_span_ms(&g, STYLE_NORMAL, runs ? ui_grown_ms(p->ui, t->duration_ms, received) : t->duration_ms);
		grid_wh(&g, STYLE_NORMAL, t->energy_wh);
		grid_cost(&g, t);
	}
	if (g.row_count == 0) {
		page_note(p, 1, STYLE_DIM, m->lists[MODEL_TAG_TRANSACTIONS].arrived ? "none" : "asking for them …");
	} else {
		grid_layout(&g, p->canvas.width - 1);
		grid_draw_head(&g, p, 1);
	}
	for (size_t i = 0; i < g.row_count; i++)
		grid_draw_row(&g, i, p, 1);
	grid_fini(&g);
}

static void draw_one(struct page *p)
{
	const struct model *m = ui_model(p->ui);
	const char *id = ui_level(p->ui)->id;
	const struct model_row *r = model_find(m, MODEL_TAG, id);

	if (!may_see(p))
		return;
	if (!r)
		r = model_find(m, MODEL_TAGS, id);
	page_rule(p, 0, STYLE_BOLD, "information", NULL);
	if (r) {
		const char *state = state_of(p->ui, r->rec);

		page_note(p, 1, style_of(state), "%s", state);
		draw_fields(p, 1, &ctl_nouns[CTL_NOUN_tag], r->rec, r->received);
	} else if (!m->lists[MODEL_TAG].arrived) {
		page_note(p, 1, STYLE_DIM, "asking for it …");
	} else {
		page_note(p, 1, STYLE_WARN, "tag %s is not known (any more); what was charged with it stays", id);
	}
	draw_transactions(p, m);
	draw_credit(p, m);
}

const struct view_ops view_tags = { "tags", "Tags", '5', draw };
const struct view_ops view_tag = { "tag", "Tag", 0, draw_one };
