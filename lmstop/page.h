/* lmstop/page.h - what a view draws on: as tall as it needs to be, with the parts that can be
 * selected.
 *
 * The frame shows a window of it. The first head_lines stay in place when the rest scrolls.
 */
#pragma once

#include "base/arena.h"
#include "lmstop/canvas.h"

struct ui;

enum item_kind {
	ITEM_NONE,
	ITEM_ZONE,
	ITEM_STATION,
	ITEM_PENDING,
	ITEM_CONNECTOR,
	ITEM_METER,
	ITEM_TRANSACTION,
	ITEM_EVENT,
	ITEM_ALERT,
	ITEM_TAG,
	ITEM_PENDING_TAG
};

#define ITEM_ID_MAX 64

struct item {
	enum item_kind kind;
	char id[ITEM_ID_MAX];
	int y, height;
	const char
	    *hint; /* of the page's arena: said in the status line while it is selected; or NULL */
};

struct page {
	const struct ui *ui;		/* borrowed, for the call */
	struct canvas canvas;
	int y;				/* next free line */
	int head_lines;
	struct arena arena;		/* of hints */
	struct item *items;
	size_t item_count, item_cap;
	int sort_columns;		/* that `s` can choose */
	const char *sort_name;		/* of the chosen one */
	bool live; /* has something whose age is shown: draw again every second */
};

void page_init(struct page *p, const struct ui *ui, int width, const struct look *look);
void page_fini(struct page *p);
/* A blank line; returns its row. */
int page_line(struct page *p);
/* From here on it scrolls. */
void page_end_head(struct page *p);
/* Rows y .. y + height - 1 are one thing that can be selected. */
void page_item(struct page *p, enum item_kind kind, const char *id, int y, int height);
/* What the item added last has to say. */
void page_hint(struct page *p, const char *text);
/* A line of its own across the page: "── left ───── right ──". */
void page_rule(struct page *p, int indent, enum style style, const char *left, const char *right);
/* A whole line of text. */
void page_note(struct page *p, int indent, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
