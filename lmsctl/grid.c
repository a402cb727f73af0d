/* lmsctl/grid.c - tables for people: as wide as their content, no wider than the terminal. */
#include "lmsctl/grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define GAP 2
#define NARROWEST 8
#define READABLE 24

/* ---- colour: an extra, the words alone say it all ---- */

struct paint {
	const char *words;
	const char *code;
};

static const struct paint paints[] = {
	{ "ok|online|operational|Available|Accepted|Charging|running", "32" },
	{ "pending|stale|degraded|Preparing|SuspendedEV|SuspendedEVSE|Finishing|Reserved|warning|"
	  "orphan",
	  "33" },
	{ "silent|implausible|failed|not_operational|offline|Faulted|Unavailable|error|refused",
	  "31" },
};

const char *grid_paint(const struct lmsctl *l, const char *cell)
{
	if (l->opt.color != COLOR_ALWAYS)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(paints); i++) {
		if (enum_index(paints[i].words, cell) >= 0)
			return paints[i].code;
	}
	return NULL;
}

/* ---- cells ---- */

const char *grid_heading(const char *name, size_t len, struct arena *arena)
{
	char *s = arena_strndup(arena, name, len);

	for (char *p = s; *p; p++)
		*p = *p == '_' ? ' ' : *p >= 'a' && *p <= 'z' ? (char)(*p - ('a' - 'A')) : *p;
	return s;
}

void grid_init(struct grid *g, size_t rows, size_t cols)
{
	arena_init(&g->arena);
	g->rows = rows;
	g->cols = g->shown = cols;
	g->cells = arena_array(&g->arena, rows * cols, sizeof(*g->cells));
	g->width = arena_array(&g->arena, cols, sizeof(*g->width));
	g->right = arena_array(&g->arena, cols, sizeof(*g->right));
}

void grid_fini(struct grid *g)
{
	arena_fini(&g->arena);
}

void grid_set(struct grid *g, size_t row, size_t col, const char *cell)
{
	size_t width = utf8_width(cell);

	g->cells[row * g->cols + col] = cell;
	if (width > g->width[col])
		g->width[col] = width;
}

/* What the columns that are shown take, when texts longer than `cut` are cut. */
static size_t grid_width(const struct grid *g, size_t cut)
{
	size_t total = 0;

	for (size_t i = 0; i < g->shown; i++) {
		size_t width = g->right[i] || g->width[i] < cut ? g->width[i] : cut;

		total += width + (i ? GAP : 0);
	}
	return total;
}

/* Drops columns from the right, unless the person chose them, until the others have room to be
 * read; then narrows the widest texts: a wrapped table cannot be read at all. */
static void grid_fit(struct grid *g, int terminal, bool may_drop)
{
	size_t room = (size_t)terminal, least = may_drop ? READABLE : NARROWEST;

	if (terminal <= 0)
		return;
	while (may_drop && g->shown > 1 && grid_width(g, least) > room)
		g->shown--;
	while (grid_width(g, SIZE_MAX) > room) {
		size_t widest = g->shown;

		for (size_t i = 0; i < g->shown; i++) {
			if (!g->right[i] &&
			    (widest == g->shown || g->width[i] > g->width[widest]))
				widest = i;
		}
		if (widest == g->shown || g->width[widest] <= NARROWEST)
			return;
		g->width[widest]--;
	}
}

/* As much of s as `width` columns hold; *used says how many that took. */
static void print_cut(const char *s, size_t width, size_t *used)
{
	size_t len = strlen(s);

	*used = utf8_width(s);
	if (*used <= width) {
		fputs(s, stdout);
		return;
	}
	*used = 0;
	while (len > 0) {
		char one[8];
		uint32_t code;
		size_t n = utf8_decode(s, len, &code), columns;

		if (n == 0 || n >= sizeof(one))
			break;
		memcpy(one, s, n);
		one[n] = '\0';
		columns = utf8_width(one);
		if (*used + columns > width - 1)
			break;
		fputs(one, stdout);
		*used += columns;
		s += n;
		len -= n;
	}
	fputs(MB_CUR_MAX > 1 ? "…" : "~", stdout);
	(*used)++;
}

static void print_spaces(size_t n)
{
	printf("%*s", (int)n, "");
}

static void grid_print_row(const struct grid *g, const struct lmsctl *l, size_t row)
{
	for (size_t i = 0; i < g->shown; i++) {
		const char *cell = g->cells[row * g->cols + i];
		const char *code = row == 0 ? (l->opt.color == COLOR_ALWAYS ? "1" : NULL)
					    : grid_paint(l, cell);
		size_t width = g->width[i], own = utf8_width(cell), used;
		bool last = i + 1 == g->shown;

		if (g->right[i] && own < width)
			print_spaces(width - own);
		if (code)
			printf("\033[%sm", code);
		print_cut(cell, width, &used);
		if (code)
			fputs("\033[0m", stdout);
		if (!last)
			print_spaces((g->right[i] || used >= width ? 0 : width - used) + GAP);
	}
	putchar('\n');
}

void grid_print(struct grid *g, const struct lmsctl *l, bool may_drop)
{
	grid_fit(g, l->opt.width, may_drop);
	for (size_t i = 0; i < g->rows; i++)
		grid_print_row(g, l, i);
	if (g->shown == g->cols)
		return;
	fputs("(too narrow for", stdout);
	for (size_t i = g->shown; i < g->cols; i++)
		printf("%s %s", i > g->shown ? "," : "", g->cells[i]);
	puts("; -f chooses)");
}
