/* lmstop/grid.h - tables that fit: columns as wide as their cells, dropped by weight when it gets
 * narrow.
 *
 * Cells are filled in the order of the columns; quantities bring the number that they are sorted
 * by.
 */
#pragma once

#include "base/arena.h"
#include "base/types.h"
#include "lmstop/page.h"

struct grid_column {
	const char *title;
	int max;		/* columns on the screen, 0 = any */
	bool right;		/* numbers */
	int drop;		/* 0 = always shown; the highest goes first */
	bool sort;		/* `s` offers it */
	int rest; /* takes what is left, and should get as much; the row's hint. 0 = no such column
		   */
	int min;		/* for what comes and goes, so that the others stand still */
};

struct grid_cell {
	const char *text;	/* NULL = not given */
	int64_t key;		/* NUM_NONE: sorted as text */
	enum style style;
};

struct grid_row {
	struct grid_cell *cells;
	enum item_kind kind;
	const char *id;
	const char *group;	/* the caller's, kept with the row */
	bool old;		/* its values are no longer fresh */
};

struct grid {
	const struct grid_column *columns;
	int count;
	const struct ui *ui;
	struct arena arena;
	struct grid_row *rows;
	size_t row_count, row_cap;
	int next;		/* cell to fill */
	int *widths;		/* after grid_layout; 0 = dropped */
	int sorted_by;		/* column, or -1 */
};

void grid_init(struct grid *g, const struct ui *ui, const struct grid_column *columns, int count);
void grid_fini(struct grid *g);
void grid_row(struct grid *g, enum item_kind kind, const char *id);
void grid_row_old(struct grid *g);	/* marks the row just begun */
void grid_row_group(struct grid *g, const char *group);

void grid_text(struct grid *g, enum style style, const char *text);
void grid_textf(struct grid *g, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void grid_int(struct grid *g, enum style style, int64_t v);
void grid_ma(struct grid *g, enum style style, int64_t ma);
void grid_phases(struct grid *g, enum style style, const struct phase_ma *p);
void grid_w(struct grid *g, enum style style, int64_t w);
void grid_wh(struct grid *g, enum style style, int64_t wh);
void grid_span_ms(struct grid *g, enum style style, int64_t ms);
void grid_time(struct grid *g, enum style style, wall_t t);

/* Keeps rows in which some cell contains the filter, in the order that the user chose. */
void grid_arrange(struct grid *g, struct page *p);
void grid_layout(struct grid *g, int width);
void grid_draw_head(const struct grid *g, struct page *p, int indent);
void grid_draw_row(const struct grid *g, size_t row, struct page *p, int indent);
/* All of it: arrange, layout, head, rows. With `head_stays` the head line does not scroll. */
void grid_draw(struct grid *g, struct page *p, int indent, bool head_stays);
