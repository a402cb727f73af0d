/* lmstop/graph.h - the chart of the thing that is looked at: what is chosen, and what has come.
 *
 * Pure: link_graph.c asks lmsd for graph_wanted() and hands in the answers; views draw what is there.
 */
#pragma once

#include "chart/series.h"
#include "lmstop/page.h"

enum graph_kind { GRAPH_NONE, GRAPH_METER, GRAPH_ZONE, GRAPH_CONNECTOR, GRAPH_TRANSACTION, GRAPH_KINDS };

struct graph_what {
	enum graph_kind kind;
	char id[ITEM_ID_MAX];
	int zoom, choice;	/* which span, which variables; 0 of GRAPH_TRANSACTION, where all comes at once */
};

struct graph {
	int zoom, choice[GRAPH_KINDS];	/* chosen, for all things of the kind */
	phase_mask_t hidden;
	struct graph_what shown;	/* what the series is about */
	wall_t from, until;
	struct series series;
	char error[200];	/* why there is none */
};

void graph_init(struct graph *g);
void graph_fini(struct graph *g);
/* kind NONE: no chart is looked at. */
void graph_wanted(const struct ui *ui, struct graph_what *out);
bool graph_same(const struct graph_what *a, const struct graph_what *b);
/* The request for it: method, and params for a span that ends at `until`; `cursor` of the page before, or NULL. */
const char *graph_request(const struct ui *ui, const struct graph_what *what, wall_t from, wall_t until, const char *cursor,
			  struct buf *params);
int64_t graph_span_us(const struct graph_what *what);
/* How long a picture is good. */
int64_t graph_every_us(const struct graph_what *what);
/* All of it has come; takes the series and leaves an empty one. `error` NULL or why there is none. */
void graph_take(struct ui *ui, const struct graph_what *what, wall_t from, wall_t until, struct series *s, const char *error);

/* What keys do. False: the screen has no such chart. */
bool graph_zoom(struct ui *ui, int direction);
bool graph_next_choice(struct ui *ui);
bool graph_toggle_phase(struct ui *ui, int phase);
/* Does the screen have a chart that this key is for: '+', 'c', 'u' …? */
bool graph_has_key(const struct ui *ui, uint32_t key);
/* The chart with its head, where the page is now. */
void graph_draw(struct page *p);
