/* lmstop/link_graph.c - the history behind a chart, page by page; the screen goes on meanwhile. */
#include <stdio.h>
#include <string.h>

#include "lmstop/link.h"

static void ask(struct link *l, const char *cursor)
{
	struct link_graph *g = &l->graph;
	const char *method;
	struct buf params;

	buf_init(&params);
	method = graph_request(l->ui, &g->what, g->from, g->until, cursor, &params);
	g->request = client_send(l->client, method, buf_cstr(&params));
	buf_fini(&params);
}

void link_graph_follow(struct link *l)
{
	struct link_graph *g = &l->graph;
	struct graph_what wanted;
	mono_t now = link_now();

	graph_wanted(l->ui, &wanted);
	/* An answer to what is no longer wanted is let come, and dropped. */
	if (wanted.kind == GRAPH_NONE || l->ui->paused || g->request)
		return;
	if (graph_same(&wanted, &g->what) && now - g->asked_at < graph_every_us(&wanted))
		return;
	g->what = wanted;
	g->asked_at = now;
	g->until = link_wall();
	g->from = g->until - graph_span_us(&wanted);
	series_clear(&g->series);
	ask(l, NULL);
}

static int take(struct link *l, const struct json *result, const char **cursor, struct diag *d)
{
	struct link_graph *g = &l->graph;
	static struct history_page page;
	int ret;

	*cursor = NULL;
	if (g->what.kind == GRAPH_TRANSACTION)
		return series_add_curve(&g->series, json_get(result, "items"), d);
	ret = history_page_read(result, &page, d);
	if (ret == 0)
		ret = series_add(&g->series, &page, d);
	*cursor = page.cursor;
	return ret;
}

bool link_graph_reply(struct link *l, int64_t id, const struct json *result, const struct diag *error)
{
	struct link_graph *g = &l->graph;
	const char *cursor = NULL;
	struct graph_what wanted;
	struct diag d;

	if (!g->request || id != g->request)
		return false;
	g->request = 0;
	diag_init(&d);
	graph_wanted(l->ui, &wanted);
	if (!graph_same(&wanted, &g->what))
		return true;
	if (error)
		d = *error;
	else
		take(l, result, &cursor, &d);
	if (!d.err && cursor)
		ask(l, cursor);
	else
		graph_take(l->ui, &g->what, g->from, g->until, &g->series, d.err ? d.text : NULL);
	return true;
}

bool link_graph_complete(const struct link *l)
{
	struct graph_what wanted;

	graph_wanted(l->ui, &wanted);
	return wanted.kind == GRAPH_NONE || graph_same(&wanted, &l->ui->graph.shown);
}

void link_graph_lose(struct link *l)
{
	series_fini(&l->graph.series);
	memset(&l->graph, 0, sizeof(l->graph));
}
