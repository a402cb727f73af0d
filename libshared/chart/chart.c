/* chart/chart.c - see chart.h.
 *
 * Every curve is drawn on a grid of its own, of 2 x 4 dots a character or of one; then the grids are laid over
 * each other. Where values are denser than dots, the line goes up and down within a dot's column, so that a short
 * peak stays to be seen.
 */
#include "chart/chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "chart/scale.h"

#define MARKS_LEAST 3	/* of a curve, where there is room */
#define TICKS_MAX 64

struct plot {
	const struct chart *c;
	struct chart_picture *p;
	struct scale scale;
	int x, y, columns, rows;	/* of the characters where curves are */
	int fine_x, fine_y;		/* dots of a character */
	unsigned char *dots[CHART_CURVES_MAX];	/* one per character: its dots */
	int *middle[CHART_CURVES_MAX];	/* per column: the row of the latest value in it, or -1 */
};

/* ---- cells ---- */

const struct chart_cell *chart_cell(const struct chart_picture *p, int y, int x)
{
	return &p->cells[y * p->width + x];
}

static void put_cell(struct chart_picture *p, int y, int x, int ink, const char *text)
{
	struct chart_cell *cell;

	if (y < 0 || x < 0 || y >= p->height || x >= p->width)
		return;
	cell = &p->cells[y * p->width + x];
	cell->ink = (signed char)ink;
	memset(cell->text, 0, sizeof(cell->text));
	memcpy(cell->text, text, strnlen(text, sizeof(cell->text) - 1));
}

/* Text of one-column characters; answers the column behind it. */
static int put_text(struct chart_picture *p, int y, int x, int ink, const char *text)
{
	char one[5];
	uint32_t code;

	while (*text) {
		size_t len = utf8_decode(text, strlen(text), &code);

		len = len ? len : 1;
		memcpy(one, text, len);
		one[len] = '\0';
		put_cell(p, y, x++, ink, one);
		text += len;
	}
	return x;
}

/* ---- dots ---- */

static void set_dot(struct plot *t, size_t curve, int x, int y)
{
	/* Unicode numbers the dots of a braille character down its left side first, the lowest row last. */
	static const unsigned char braille[4][2] = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };
	int column = x / t->fine_x, row = y / t->fine_y;

	t->dots[curve][row * t->columns + column] |= t->fine_x == 1 ? 1 : braille[y % 4][x % 2];
}

static void draw_line(struct plot *t, size_t curve, int x0, int y0, int x1, int y1)
{
	int dx = x1 - x0, dy = y1 > y0 ? y1 - y0 : y0 - y1, step = y1 > y0 ? 1 : -1, rest = dx - dy;

	for (;;) {
		int twice = 2 * rest;

		set_dot(t, curve, x0, y0);
		if (x0 == x1 && y0 == y1)
			return;
		if (twice > -dy) {
			rest -= dy;
			x0++;
		}
		if (twice < dx) {
			rest += dx;
			y0 += step;
		}
	}
}

static int dot_x(const struct plot *t, wall_t at)
{
	return (int)((__int128)(at - t->c->from) * (t->columns * t->fine_x) / (t->c->until - t->c->from));
}

static int dot_y(const struct plot *t, int64_t value)
{
	int last = t->rows * t->fine_y - 1;
	__int128 range = t->scale.high - t->scale.low;

	return last - (int)(((__int128)(value - t->scale.low) * last + range / 2) / range);
}

static void draw_curve(struct plot *t, size_t curve)
{
	const struct chart *c = t->c;
	const int64_t *v = c->curves[curve].values;
	size_t last = SIZE_MAX;

	for (size_t i = 0; i < c->count; i++) {
		int x, y;

		if (v[i] == NUM_NONE) {
			last = SIZE_MAX;
			continue;
		}
		if (c->times[i] < c->from || c->times[i] >= c->until)
			continue;
		x = dot_x(t, c->times[i]);
		y = dot_y(t, v[i]);
		if (last != SIZE_MAX && (c->gap_us == 0 || c->times[i] - c->times[last] <= c->gap_us))
			draw_line(t, curve, dot_x(t, c->times[last]), dot_y(t, v[last]), x, y);
		else
			set_dot(t, curve, x, y);
		t->middle[curve][x / t->fine_x] = y / t->fine_y;
		last = i;
	}
}

/* ---- laying over ---- */

/* Where no value falls into the column, its mark stands where the line passes. */
static int mark_row(const struct plot *t, size_t curve, int column)
{
	if (t->middle[curve][column] >= 0)
		return t->middle[curve][column];
	for (int row = 0; row < t->rows; row++) {
		if (t->dots[curve][row * t->columns + column])
			return row;
	}
	return -1;
}

static void put_dots(const struct plot *t, int row, int column)
{
	unsigned char all = 0;
	int ink = CHART_INK_NONE, here = 0, turn = 0;
	char text[5] = "";

	for (size_t k = 0; k < t->c->curve_count; k++)
		here += t->dots[k][row * t->columns + column] != 0;
	/* Curves that lie on one another take turns to be the one that is seen. */
	turn = here ? column % here : 0;
	for (size_t k = 0; k < t->c->curve_count; k++) {
		unsigned char dots = t->dots[k][row * t->columns + column];

		if (dots && turn-- == 0) {
			ink = t->c->curves[k].ink;
			text[0] = t->c->curves[k].mark;
		}
		all |= dots;
	}
	if (!here)
		return;
	if (!t->c->ascii) {
		text[0] = (char)0xe2;
		text[1] = (char)(0xa0 | all >> 6);
		text[2] = (char)(0x80 | (all & 0x3f));
		text[3] = '\0';
	}
	put_cell(t->p, t->y + row, t->x + column, ink, text);
}

static void put_marks(const struct plot *t)
{
	size_t n = t->c->curve_count, k = 0;
	int every = n ? t->columns / (MARKS_LEAST * (int)n) : 0;	/* from one curve's mark to the next one's */

	every = every < 4 ? 4 : every > 9 ? 9 : every;
	/* One curve needs none. */
	for (int column = every / 2; n > 1 && column < t->columns; column += every, k = (k + 1) % n) {
		char text[2] = { t->c->curves[k].mark, '\0' };
		int row = mark_row(t, k, column);

		if (row >= 0)
			put_cell(t->p, t->y + row, t->x + column, t->c->curves[k].ink, text);
	}
}

/* ---- axes ---- */

static void draw_value_axis(struct plot *t)
{
	const struct scale *s = &t->scale;
	bool ascii = t->c->ascii;
	struct buf b;

	buf_init(&b);
	for (int row = 0; row < t->rows; row++)
		put_cell(t->p, t->y + row, t->x - 1, CHART_INK_NONE, ascii ? "|" : "│");
	for (int64_t v = s->first; v <= s->high; v += s->step) {
		int row = dot_y(t, v) / t->fine_y;

		buf_clear(&b);
		scale_put(s, v, s->decimals, &b);
		put_text(t->p, t->y + row, t->x - 2 - (int)b.len, CHART_INK_NONE, buf_cstr(&b));
		put_cell(t->p, t->y + row, t->x - 1, CHART_INK_NONE, ascii ? "+" : "┤");
		for (int x = 0; v == 0 && s->low < 0 && x < t->columns; x++)
			put_cell(t->p, t->y + row, t->x + x, CHART_INK_NONE, ascii ? "-" : "╌");
	}
	buf_fini(&b);
}

static void draw_time_axis(const struct plot *t)
{
	struct time_tick ticks[TICKS_MAX];
	size_t n = scale_times(t->c->from, t->c->until, t->columns, t->c->tz, ticks, TICKS_MAX);
	int y = t->y + t->rows, free_from = 0;

	put_cell(t->p, y, t->x - 1, CHART_INK_NONE, t->c->ascii ? "+" : "└");
	for (int x = 0; x < t->columns; x++)
		put_cell(t->p, y, t->x + x, CHART_INK_NONE, t->c->ascii ? "-" : "─");
	for (size_t i = 0; i < n; i++) {
		int x = t->x + dot_x(t, ticks[i].at) / t->fine_x, len = (int)strlen(ticks[i].label);
		int left = x - len / 2;

		put_cell(t->p, y, x, CHART_INK_NONE, t->c->ascii ? "+" : "┬");
		if (left + len > t->p->width)
			left = t->p->width - len;
		if (left < free_from)
			continue;
		put_text(t->p, y + 1, left, CHART_INK_NONE, ticks[i].label);
		free_from = left + len + 1;
	}
}

static void least_and_greatest(const struct chart *c, const int64_t *v, int64_t *least, int64_t *greatest)
{
	for (size_t i = 0; i < c->count; i++) {
		if (v[i] == NUM_NONE || c->times[i] < c->from || c->times[i] >= c->until)
			continue;
		if (*least == NUM_NONE || v[i] < *least)
			*least = v[i];
		if (*greatest == NUM_NONE || v[i] > *greatest)
			*greatest = v[i];
	}
}

/* Three digits that count are enough to read. */
static int legend_decimals(const struct scale *s)
{
	int more = s->decimals + 1, most = s->unit_decimals + s->shift;

	return more < most ? more : most;
}

/* "A   1 L1 0.0..15.9   2 L2 …": as many as there is room for. */
static void draw_legend(const struct plot *t)
{
	int x = put_text(t->p, 0, t->x - 1 - (int)strlen(t->scale.unit) > 0 ? t->x - 1 - (int)strlen(t->scale.unit) : 0,
			 CHART_INK_NONE, t->scale.unit) + 2;
	struct buf b;

	buf_init(&b);
	for (size_t k = 0; k < t->c->curve_count; k++) {
		const struct chart_curve *curve = &t->c->curves[k];
		int64_t least = NUM_NONE, greatest = NUM_NONE;

		buf_clear(&b);
		if (t->c->curve_count > 1 || t->c->ascii)
			buf_printf(&b, "%c ", curve->mark);
		buf_printf(&b, "%s ", curve->label);
		least_and_greatest(t->c, curve->values, &least, &greatest);
		scale_put(&t->scale, least, legend_decimals(&t->scale), &b);
		if (least != greatest) {
			buf_puts(&b, "..");
			scale_put(&t->scale, greatest, legend_decimals(&t->scale), &b);
		}
		if (x + (int)utf8_width(buf_cstr(&b)) > t->p->width)
			break;
		x = put_text(t->p, 0, x, curve->ink, buf_cstr(&b)) + 3;
	}
	buf_fini(&b);
}

static void say_empty(const struct plot *t)
{
	static const char text[] = " no values ";
	int64_t least = NUM_NONE, greatest = NUM_NONE;

	for (size_t k = 0; k < t->c->curve_count; k++)
		least_and_greatest(t->c, t->c->curves[k].values, &least, &greatest);
	if (least == NUM_NONE)
		put_text(t->p, t->y + t->rows / 2, t->x + (t->columns - (int)strlen(text)) / 2, CHART_INK_NONE, text);
}

/* ---- the picture ---- */

static void fit(struct plot *t)
{
	const struct chart *c = t->c;
	int64_t least = NUM_NONE, greatest = NUM_NONE;
	int width = 1;
	struct buf b;

	t->y = 1;
	t->rows = t->p->height - 3;
	for (size_t k = 0; k < c->curve_count; k++)
		least_and_greatest(c, c->curves[k].values, &least, &greatest);
	scale_fit(&t->scale, least, greatest, t->rows / 2, c->unit, c->decimals, c->from_zero);
	buf_init(&b);
	for (int64_t v = t->scale.first; v <= t->scale.high; v += t->scale.step) {
		buf_clear(&b);
		scale_put(&t->scale, v, t->scale.decimals, &b);
		width = (int)b.len > width ? (int)b.len : width;
	}
	buf_fini(&b);
	t->x = width + 2;
	t->columns = t->p->width - t->x;
	t->fine_x = c->ascii ? 1 : 2;
	t->fine_y = c->ascii ? 1 : 4;
}

void chart_draw(const struct chart *c, struct chart_picture *out)
{
	struct plot t = { .c = c, .p = out };
	size_t area;

	out->width = c->width < CHART_WIDTH_MIN ? CHART_WIDTH_MIN : c->width;
	out->height = c->height < CHART_HEIGHT_MIN ? CHART_HEIGHT_MIN : c->height;
	area = (size_t)out->width * (size_t)out->height;
	out->cells = xrealloc(NULL, area * sizeof(*out->cells));
	for (size_t i = 0; i < area; i++)
		out->cells[i] = (struct chart_cell){ " ", CHART_INK_NONE };
	fit(&t);
	draw_value_axis(&t);
	draw_time_axis(&t);
	for (size_t k = 0; k < c->curve_count; k++) {
		t.dots[k] = xcalloc((size_t)t.columns, (size_t)t.rows);
		t.middle[k] = xcalloc((size_t)t.columns, sizeof(int));
		for (int x = 0; x < t.columns; x++)
			t.middle[k][x] = -1;
		draw_curve(&t, k);
	}
	for (int row = 0; row < t.rows; row++) {
		for (int column = 0; column < t.columns; column++)
			put_dots(&t, row, column);
	}
	put_marks(&t);
	draw_legend(&t);
	say_empty(&t);
	for (size_t k = 0; k < c->curve_count; k++) {
		free(t.dots[k]);
		free(t.middle[k]);
	}
}

void chart_picture_fini(struct chart_picture *p)
{
	free(p->cells);
	p->cells = NULL;
}

/* ---- names ---- */

static int phase_of(const char *name)
{
	const char *last = strrchr(name, '_');

	if (!last || (last[1] != 'l' && last[1] != 'L') || last[2] < '1' || last[2] > '3')
		return -1;
	return last[2] - '1';
}

void chart_name_curve(const char *name, struct chart_curve *out)
{
	static const char *const phases[] = { "L1", "L2", "L3" }, *const pairs[] = { "L1-L2", "L2-L3", "L3-L1" };
	const char *last = strrchr(name, '_');
	int phase = phase_of(name);
	bool pair = phase >= 0 && last[3] >= '1' && last[3] <= '3';

	snprintf(out->label, sizeof(out->label), "%s", phase < 0 ? name : pair ? pairs[phase] : phases[phase]);
	out->mark = phase < 0 ? '*' : (char)('1' + phase);
	out->ink = phase < 0 ? CHART_INK_OTHER : CHART_INK_L1 + phase;
	if (phase < 0 && last && strcmp(last, "_total") == 0) {
		out->mark = 'T';
		out->ink = CHART_INK_TOTAL;
	} else if (phase < 0 && last && strcmp(last, "_n") == 0) {
		out->mark = 'N';
	}
}

bool chart_unit_from_zero(const char *unit)
{
	static const char *const zoomed[] = { "V", "Hz", "" };

	for (size_t i = 0; i < ARRAY_LEN(zoomed); i++) {
		if (strcmp(zoomed[i], unit) == 0)
			return false;
	}
	return true;
}
