/* lmsctl/grid.h - cells in columns, fitted to the terminal. */
#pragma once

#include "lmsctl/lmsctl.h"

struct grid {
	struct arena arena;	/* for the cells too */
	size_t rows, cols;
	size_t shown;		/* columns, from the left */
	const char **cells;	/* rows x cols, safe to print; row 0 is the header */
	size_t *width;
	bool *right;		/* numbers */
};

void grid_init(struct grid *g, size_t rows, size_t cols);
void grid_fini(struct grid *g);
void grid_set(struct grid *g, size_t row, size_t col, const char *cell);	/* borrowed */
/* may_drop: columns that do not fit may be left out, and are named below. */
void grid_print(struct grid *g, const struct lmsctl *l, bool may_drop);
/* "cap_why" (len bytes of it) as "CAP WHY". */
const char *grid_heading(const char *name, size_t len, struct arena *arena);
/* Which SGR code a word is painted with, or NULL. */
const char *grid_paint(const struct lmsctl *l, const char *cell);
