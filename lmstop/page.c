/* lmstop/page.c - lines and items of a view. */
#include "lmstop/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void page_init(struct page *p, const struct ui *ui, int width, const struct look *look)
{
	memset(p, 0, sizeof(*p));
	p->ui = ui;
	arena_init(&p->arena);
	canvas_init(&p->canvas, width, 0, look);
}

void page_fini(struct page *p)
{
	canvas_fini(&p->canvas);
	arena_fini(&p->arena);
	free(p->items);
}

int page_line(struct page *p)
{
	canvas_set_height(&p->canvas, p->y + 1);
	return p->y++;
}

void page_end_head(struct page *p)
{
	p->head_lines = p->y;
}

void page_item(struct page *p, enum item_kind kind, const char *id, int y, int height)
{
	struct item *i;

	if (p->item_count == p->item_cap) {
		p->item_cap = p->item_cap ? p->item_cap * 2 : 32;
		p->items = xrealloc(p->items, p->item_cap * sizeof(*p->items));
	}
	i = &p->items[p->item_count++];
	*i = (struct item){ .kind = kind, .y = y, .height = height };
	snprintf(i->id, sizeof(i->id), "%s", id ? id : "");
}

void page_hint(struct page *p, const char *text)
{
	p->items[p->item_count - 1].hint = arena_strdup(&p->arena, text);
}

void page_rule(struct page *p, int indent, enum style style, const char *left, const char *right)
{
	struct canvas *c = &p->canvas;
	int y = page_line(p), room = c->width - indent, used, tail;

	canvas_fill(c, y, indent, room, STYLE_RULE, glyph(c->look, GLYPH_HLINE));
	used = canvas_putf(c, y, indent + 2, room - 4, style, " %s ", left);
	tail = right && *right ? canvas_text_width(right) + 2 : 0;
	if (tail && used + tail + 6 <= room)
		canvas_putf(c, y, c->width - tail - 2, tail, STYLE_NORMAL, " %s ", right);
}

void page_note(struct page *p, int indent, enum style style, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	int y = page_line(p);

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	canvas_put(&p->canvas, y, indent, p->canvas.width - indent, style, text);
}
