/* lmstop/canvas.c - the cell buffer of canvas.h. */
#include "lmstop/canvas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

static const struct cell blank = { " ", STYLE_NORMAL, 0 };

static size_t area(int width, int height)
{
	return (size_t)width * (size_t)height;
}

void canvas_init(struct canvas *c, int width, int height, const struct look *look)
{
	*c = (struct canvas){ .width = width > 0 ? width : 1, .look = look };
	canvas_set_height(c, height);
}

void canvas_fini(struct canvas *c)
{
	free(c->cells);
	c->cells = NULL;
}

void canvas_clear(struct canvas *c)
{
	for (size_t i = 0; i < area(c->width, c->height); i++)
		c->cells[i] = blank;
}

void canvas_set_height(struct canvas *c, int height)
{
	size_t from = area(c->width, c->height), to = area(c->width, height);

	c->cells = xrealloc(c->cells, (to ? to : 1) * sizeof(*c->cells));
	for (size_t i = from; i < to; i++)
		c->cells[i] = blank;
	c->height = height;
}

static struct cell *at(const struct canvas *c, int y, int x)
{
	if (y < 0 || x < 0 || y >= c->height || x >= c->width)
		return NULL;
	return &c->cells[area(c->width, y) + (size_t)x];
}

const struct cell *canvas_cell(const struct canvas *c, int y, int x)
{
	return at(c, y, x);
}

/* ---- text ---- */

/* One character of safe text: its bytes, and its columns. */
static size_t take_char(const struct canvas *c, const char *s, char *out, int *columns)
{
	uint32_t code;
	size_t len = utf8_decode(s, strlen(s), &code);

	if (len == 0)
		len = 1;
	memcpy(out, s, len);
	out[len] = '\0';
	*columns = (int)utf8_width(out);
	if (c->look->ascii_text && (unsigned char)*s >= 0x80 && *columns > 0)
		strcpy(out, *columns == 2 ? "??" : "?");
	return len;
}

static int safe_width(const char *safe)
{
	return (int)utf8_width(safe);
}

int canvas_text_width(const char *text)
{
	struct buf safe;
	int width;

	buf_init(&safe);
	text_escape(&safe, text, strlen(text));
	width = safe_width(buf_cstr(&safe));
	buf_fini(&safe);
	return width;
}

static void set_cell(struct canvas *c, int y, int x, enum style style, const char *text)
{
	struct cell *cell = at(c, y, x);

	if (!cell)
		return;
	/* Half of a wide character is none: what is left of one becomes blank. */
	if (x > 0 && *text && cell->text[0] == '\0')
		strcpy(cell[-1].text, " ");
	if (x + 1 < c->width && cell[1].text[0] == '\0')
		strcpy(cell[1].text, " ");
	snprintf(cell->text, sizeof(cell->text), "%s", text);
	cell->style = (uint8_t)style;
	cell->flags = 0;
}

/* What combines with the character before it joins that one's cell, as far as there is room. */
static void combine(struct canvas *c, int y, int x, const char *text)
{
	struct cell *cell = at(c, y, x);

	if (!cell || c->look->ascii_text)
		return;
	if (cell->text[0] == '\0' && x > 0)
		cell--;
	if (strlen(cell->text) + strlen(text) < sizeof(cell->text))
		strcat(cell->text, text);
}

static int put_safe(struct canvas *c, int y, int x, int max, enum style style, const char *s)
{
	bool cut = safe_width(s) > max;
	int room = cut ? max - 1 : max, used = 0, columns;
	char one[8];

	while (*s) {
		s += take_char(c, s, one, &columns);
		if (columns == 0) {
			if (used > 0)
				combine(c, y, x + used - 1, one);
			continue;
		}
		if (used + columns > room)
			break;
		if (columns == 2) {
			bool two = one[1] == '?' && one[0] == '?';

			if (two)
				one[1] = '\0';
			set_cell(c, y, x + used, style, one);
			set_cell(c, y, x + used + 1, style, two ? "?" : "");
		} else {
			set_cell(c, y, x + used, style, one);
		}
		used += columns;
	}
	if (cut && max > 0) {
		set_cell(c, y, x + used, style, glyph(c->look, GLYPH_ELLIPSIS));
		used++;
	}
	return used;
}

int canvas_put(struct canvas *c, int y, int x, int max, enum style style, const char *text)
{
	struct buf safe;
	int used;

	if (max > c->width - x)
		max = c->width - x;
	if (max <= 0 || !text)
		return 0;
	buf_init(&safe);
	text_escape(&safe, text, strlen(text));
	used = put_safe(c, y, x, max, style, buf_cstr(&safe));
	buf_fini(&safe);
	return used;
}

int canvas_putf(struct canvas *c, int y, int x, int max, enum style style, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return canvas_put(c, y, x, max, style, text);
}

void canvas_put_right(struct canvas *c, int y, int x, int width, enum style style, const char *text)
{
	int columns = canvas_text_width(text);

	canvas_put(c, y, columns < width ? x + width - columns : x, width, style, text);
}

void canvas_fill(struct canvas *c, int y, int x, int count, enum style style, const char *text)
{
	for (int i = 0; i < count; i++)
		set_cell(c, y, x + i, style, text);
}

void canvas_flag(struct canvas *c, int y, int x, int count, uint8_t flags)
{
	for (int i = 0; i < count; i++) {
		struct cell *cell = at(c, y, x + i);

		if (cell)
			cell->flags |= flags;
	}
}

void canvas_box(struct canvas *c, int y, int x, int height, int width, enum style style,
		const char *title)
{
	const struct look *l = c->look;

	for (int i = 0; i < height; i++) {
		bool top = i == 0, bottom = i == height - 1;
		enum glyph left = top ? GLYPH_TOP_LEFT : bottom ? GLYPH_BOTTOM_LEFT : GLYPH_VLINE;
		enum glyph right = top      ? GLYPH_TOP_RIGHT
				   : bottom ? GLYPH_BOTTOM_RIGHT
					    : GLYPH_VLINE;

		canvas_fill(c, y + i, x, 1, style, glyph(l, left));
		canvas_fill(c, y + i, x + 1, width - 2, style,
			    top || bottom ? glyph(l, GLYPH_HLINE) : " ");
		canvas_fill(c, y + i, x + width - 1, 1, style, glyph(l, right));
	}
	if (title && width > 6)
		canvas_putf(c, y, x + 2, width - 4, STYLE_BOLD, " %s ", title);
}

void canvas_copy_row(struct canvas *to, int to_y, const struct canvas *from, int from_y)
{
	const struct cell *source = at(from, from_y, 0);
	struct cell *target = at(to, to_y, 0);
	int width = to->width < from->width ? to->width : from->width;

	if (source && target)
		memcpy(target, source, (size_t)width * sizeof(*target));
}

/* ---- as text ---- */

static void print_paint(const struct canvas *c, const struct cell *cell, struct buf *out)
{
	struct paint p = look_paint(c->look->theme, (enum style)cell->style);

	if (cell->flags & CELL_OLD)
		p = (struct paint){ COLOR_NONE, COLOR_NONE, false, true, p.reverse };
	buf_puts(out, "\033[0");
	if (p.bold)
		buf_puts(out, ";1");
	if (p.dim)
		buf_puts(out, ";2");
	if (p.reverse != ((cell->flags & CELL_SELECTED) != 0))
		buf_puts(out, ";7");
	if (p.fg != COLOR_NONE)
		buf_printf(out, ";%d", 30 + look_color(p.fg, 8));
	if (p.bg != COLOR_NONE)
		buf_printf(out, ";%d", 40 + look_color(p.bg, 8));
	buf_putc(out, 'm');
}

static bool is_blank(const struct cell *cell, bool color, const struct look *look)
{
	struct paint p = look_paint(look->theme, (enum style)cell->style);

	if (strcmp(cell->text, " ") != 0)
		return false;
	return !color || (p.bg == COLOR_NONE && !p.reverse && !(cell->flags & CELL_SELECTED));
}

static void print_row(const struct canvas *c, int y, bool color, struct buf *out)
{
	const struct cell *row = at(c, y, 0), *last = NULL;
	int end = c->width;

	while (end > 0 && is_blank(&row[end - 1], color, c->look))
		end--;
	for (int x = 0; x < end; x++) {
		if (color && (!last || last->style != row[x].style || last->flags != row[x].flags))
			print_paint(c, &row[x], out);
		last = &row[x];
		buf_puts(out, row[x].text);
	}
	if (last && color)
		buf_puts(out, "\033[0m");
	buf_putc(out, '\n');
}

void canvas_print(const struct canvas *c, bool color, struct buf *out)
{
	for (int y = 0; y < c->height; y++)
		print_row(c, y, color, out);
}
