/* lmstop/grid.c - tables that fit. */
#include "lmstop/grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lmstop/view.h"

#define GAP 2
#define REST_READABLE 16

void grid_init(struct grid *g, const struct ui *ui, const struct grid_column *columns, int count)
{
	*g = (struct grid){ .columns = columns, .count = count, .ui = ui, .sorted_by = -1 };
	arena_init(&g->arena);
	g->widths = arena_array(&g->arena, (size_t)count, sizeof(int));
}

void grid_fini(struct grid *g)
{
	free(g->rows);
	arena_fini(&g->arena);
}

void grid_row(struct grid *g, enum item_kind kind, const char *id)
{
	if (g->row_count == g->row_cap) {
		g->row_cap = g->row_cap ? g->row_cap * 2 : 32;
		g->rows = xrealloc(g->rows, g->row_cap * sizeof(*g->rows));
	}
	g->rows[g->row_count++] = (struct grid_row){
		.cells = arena_array(&g->arena, (size_t)g->count, sizeof(struct grid_cell)),
		.kind = kind, .id = arena_strdup(&g->arena, id),
	};
	g->next = 0;
}

void grid_row_old(struct grid *g)
{
	g->rows[g->row_count - 1].old = true;
}

void grid_row_group(struct grid *g, const char *group)
{
	g->rows[g->row_count - 1].group = group;
}

/* ---- cells ---- */

static void cell(struct grid *g, enum style style, const char *text, int64_t key)
{
	if (g->next < g->count)
		g->rows[g->row_count - 1].cells[g->next++] =
			(struct grid_cell){ arena_strdup(&g->arena, text), key, style };
}

static void cell_take(struct grid *g, enum style style, struct buf *b, int64_t key)
{
	cell(g, style, buf_cstr(b), key);
	buf_fini(b);
}

void grid_text(struct grid *g, enum style style, const char *text)
{
	cell(g, style, text, NUM_NONE);
}

void grid_textf(struct grid *g, enum style style, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cell(g, style, text, NUM_NONE);
}

void grid_int(struct grid *g, enum style style, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	cell(g, style, v == NUM_NONE ? NULL : text, v);
}

typedef void (*format_fn)(struct buf *b, int64_t v);

static void quantity(struct grid *g, enum style style, format_fn format, int64_t shown, int64_t key)
{
	struct buf b;

	buf_init(&b);
	if (shown != NUM_NONE)
		format(&b, shown);
	cell_take(g, style, &b, key);
}

void grid_ma(struct grid *g, enum style style, int64_t ma)
{
	quantity(g, style, fmt_ma, ma, ma);
}

void grid_w(struct grid *g, enum style style, int64_t w)
{
	quantity(g, style, fmt_w, w, w);
}

void grid_wh(struct grid *g, enum style style, int64_t wh)
{
	quantity(g, style, fmt_wh, wh, wh);
}

void grid_span_ms(struct grid *g, enum style style, int64_t ms)
{
	quantity(g, style, fmt_span, ms == NUM_NONE ? ms : ms * US_PER_MS, ms);
}

void grid_phases(struct grid *g, enum style style, const struct phase_ma *p)
{
	int64_t largest = NUM_NONE;
	struct buf b;

	buf_init(&b);
	for (int k = 0; k < PHASES; k++)
		largest = p->l[k] > largest ? p->l[k] : largest;
	if (largest != NUM_NONE)
		put_phases(&b, p);
	cell_take(g, style, &b, largest);
}

void grid_time(struct grid *g, enum style style, wall_t t)
{
	struct buf b;

	buf_init(&b);
	ui_time(g->ui, t, &b);
	cell_take(g, style, &b, t);
}

/* ---- which rows, and in which order ---- */

static int lower(int ch)
{
	return ch >= 'A' && ch <= 'Z' ? ch - 'A' + 'a' : ch;
}

static bool contains(const char *text, const char *what)
{
	for (; *text; text++) {
		size_t i = 0;

		while (what[i] && lower((unsigned char)text[i]) == lower((unsigned char)what[i]))
			i++;
		if (!what[i])
			return true;
	}
	return false;
}

static bool row_matches(const struct grid *g, const struct grid_row *r, const char *filter)
{
	if (!*filter)
		return true;
	for (int i = 0; i < g->count; i++) {
		if (r->cells[i].text && contains(r->cells[i].text, filter))
			return true;
	}
	return r->id && contains(r->id, filter);
}

/* The n-th column that can be sorted by, from 1; -1 = none. */
static int sort_column(const struct grid *g, int n)
{
	for (int i = 0; i < g->count; i++) {
		if (g->columns[i].sort && --n == 0)
			return i;
	}
	return -1;
}

static int compare_cells(const struct grid_cell *a, const struct grid_cell *b)
{
	bool no_a = !a->text || !*a->text, no_b = !b->text || !*b->text;

	/* What is empty goes last; numbers begin with the largest. */
	if (no_a || no_b)
		return (int)no_a - (int)no_b;
	if (a->key != NUM_NONE || b->key != NUM_NONE)
		return a->key < b->key ? 1 : a->key > b->key ? -1 : 0;
	return model_id_compare(a->text, b->text);
}

/* Insertion sort: stable, and lists are short or nearly sorted. */
static void sort_rows(struct grid *g, int column)
{
	for (size_t i = 1; i < g->row_count; i++) {
		struct grid_row r = g->rows[i];
		size_t k = i;

		while (k > 0 &&
		       compare_cells(&g->rows[k - 1].cells[column], &r.cells[column]) > 0) {
			g->rows[k] = g->rows[k - 1];
			k--;
		}
		g->rows[k] = r;
	}
}

void grid_arrange(struct grid *g, struct page *p)
{
	const struct ui_level *level = ui_level(g->ui);
	size_t kept = 0;
	int offered = 0;

	for (size_t i = 0; i < g->row_count; i++) {
		if (row_matches(g, &g->rows[i], level->filter))
			g->rows[kept++] = g->rows[i];
	}
	g->row_count = kept;
	for (int i = 0; i < g->count; i++)
		offered += g->columns[i].sort;
	p->sort_columns = offered;
	g->sorted_by = sort_column(g, level->sort);
	p->sort_name = g->sorted_by >= 0 ? g->columns[g->sorted_by].title : NULL;
	if (g->sorted_by >= 0)
		sort_rows(g, g->sorted_by);
}

/* ---- widths ---- */

static int natural_width(const struct grid *g, int column)
{
	const struct grid_column *col = &g->columns[column];
	int width = canvas_text_width(col->title) + (column == g->sorted_by ? 1 : 0);
	bool any = !col->drop;

	for (size_t i = 0; i < g->row_count; i++) {
		const char *text = g->rows[i].cells[column].text;
		int w = text ? canvas_text_width(text) : 0;

		any |= w > 0;
		width = w > width ? w : width;
	}
	/* A column that may go and says nothing goes. */
	if (!any)
		return 0;
	width = width < col->min ? col->min : width;
	return col->max && width > col->max ? col->max : width;
}

static int total_width(const struct grid *g, int rest_width)
{
	int total = 0;

	for (int i = 0; i < g->count; i++) {
		int w = g->columns[i].rest && g->widths[i] > rest_width ? rest_width : g->widths[i];

		if (g->widths[i])
			total += w + (total ? GAP : 0);
	}
	return total;
}

void grid_layout(struct grid *g, int width)
{
	int rest = -1;

	for (int i = 0; i < g->count; i++) {
		g->widths[i] = natural_width(g, i);
		if (g->columns[i].rest)
			rest = i;
	}
	while (total_width(g, rest < 0 ? 0 : g->columns[rest].rest) > width) {
		int victim = -1;

		for (int i = 0; i < g->count; i++) {
			if (g->widths[i] && g->columns[i].drop &&
			    (victim < 0 || g->columns[i].drop > g->columns[victim].drop))
				victim = i;
		}
		if (victim < 0)
			break;
		g->widths[victim] = 0;
	}
	if (rest >= 0 && g->widths[rest]) {
		int others = total_width(g, 0);

		g->widths[rest] = width - others > 1 ? width - others : 1;
	}
}

/* ---- drawing ---- */

static void draw_cell(const struct grid *g, struct canvas *c, int y, int x, int column,
		      enum style style, const char *text)
{
	int width = g->widths[column];

	if (g->columns[column].right)
		canvas_put_right(c, y, x, width, style, text);
	else
		canvas_put(c, y, x, width, style, text);
}

void grid_draw_head(const struct grid *g, struct page *p, int indent)
{
	int y = page_line(p), x = indent;

	for (int i = 0; i < g->count; i++) {
		char title[60];

		if (!g->widths[i])
			continue;
		snprintf(title, sizeof(title), "%s%s", g->columns[i].title,
			 i == g->sorted_by ? glyph(p->canvas.look, GLYPH_DOWN) : "");
		draw_cell(g, &p->canvas, y, x, i, STYLE_HEAD, title);
		x += g->widths[i] + GAP;
	}
}

/* The words of a text that fit into `width` columns; at least one. Answers where the rest begins.
 */
static const char *take_words(const char *s, int width, char *out, size_t size)
{
	size_t end = strcspn(s, " ");

	for (size_t next = end; next < size - 1; next += 1 + strcspn(s + next + 1, " ")) {
		snprintf(out, size, "%.*s", (int)next, s);
		if (canvas_text_width(out) > width)
			break;
		end = next;
		if (!s[next])
			break;
	}
	snprintf(out, size, "%.*s", (int)(end < size ? end : size - 1), s);
	s += end;
	return s + strspn(s, " ");
}

/* On paper nothing can be selected to read what was cut: there it goes on below. */
static void draw_overflow(const struct grid *g, const struct grid_row *r, struct page *p,
			  int indent)
{
	const char *text = NULL;
	char line[300];
	int width = 0, x = indent;

	for (int i = 0; i < g->count; i++) {
		if (g->columns[i].rest && g->widths[i]) {
			text = r->cells[i].text;
			width = g->widths[i];
			break;
		}
		x += g->widths[i] ? g->widths[i] + GAP : 0;
	}
	if (!p->ui->still || !text || canvas_text_width(text) <= width || width < REST_READABLE)
		return;
	text = take_words(text, width, line, sizeof(line));
	canvas_fill(&p->canvas, p->y - 1, x, width, STYLE_NORMAL, " ");
	canvas_put(&p->canvas, p->y - 1, x, width, STYLE_NORMAL, line);
	while (*text) {
		text = take_words(text, width, line, sizeof(line));
		canvas_put(&p->canvas, page_line(p), x, width, STYLE_NORMAL, line);
	}
}

void grid_draw_row(const struct grid *g, size_t row, struct page *p, int indent)
{
	const struct grid_row *r = &g->rows[row];
	int y = page_line(p), x = indent;

	for (int i = 0; i < g->count; i++) {
		const struct grid_cell *cl = &r->cells[i];

		if (!g->widths[i])
			continue;
		if (cl->text && *cl->text)
			draw_cell(g, &p->canvas, y, x, i, cl->style, cl->text);
		else if (g->columns[i].right)
			draw_cell(g, &p->canvas, y, x, i, STYLE_DIM, "-");
		x += g->widths[i] + GAP;
	}
	if (r->old)
		canvas_flag(&p->canvas, y, 0, p->canvas.width, CELL_OLD);
	draw_overflow(g, r, p, indent);
	if (r->kind == ITEM_NONE)
		return;
	page_item(p, r->kind, r->id, y, 1);
	for (int i = 0; i < g->count; i++) {
		/* What was cut is told in the status line. */
		if (g->columns[i].rest && r->cells[i].text &&
		    canvas_text_width(r->cells[i].text) > g->widths[i])
			page_hint(p, r->cells[i].text);
	}
}

void grid_draw(struct grid *g, struct page *p, int indent, bool head_stays)
{
	grid_arrange(g, p);
	grid_layout(g, p->canvas.width - indent);
	grid_draw_head(g, p, indent);
	if (head_stays)
		page_end_head(p);
	for (size_t i = 0; i < g->row_count; i++)
		grid_draw_row(g, i, p, indent);
}
