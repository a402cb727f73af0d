/* lmstop/canvas.h - a picture in memory: cells of one character each; no terminal is involved.
 *
 * Whatever is put here is made safe first (text_escape), so that no text of a peer can steer a
 * terminal. Writing outside is clipped. A wide character takes its cell and an empty one after it.
 */
#pragma once

#include <stdarg.h>
#include <stdint.h>

#include "base/buf.h"
#include "lmstop/look.h"

#define CELL_SELECTED 1	/* shown in reverse */
#define CELL_OLD 2	/* shown dim: no longer fresh */

struct cell {
	char text[13]; /* UTF-8 of a character and what combines; "" right of a wide one */
	uint8_t style;		/* enum style */
	uint8_t flags;
};

struct canvas {
	int width, height;
	struct cell *cells;
	const struct look *look;	/* borrowed */
};

void canvas_init(struct canvas *c, int width, int height, const struct look *look);
void canvas_fini(struct canvas *c);
void canvas_clear(struct canvas *c);
void canvas_set_height(struct canvas *c, int height);	/* new rows are blank */
const struct cell *canvas_cell(const struct canvas *c, int y, int x);

/* Columns that the text takes here, made safe. */
int canvas_text_width(const char *text);
/* Writes text from (y, x) in at most `max` columns; what does not fit ends in an ellipsis. Returns
 * the columns written. */
int canvas_put(struct canvas *c, int y, int x, int max, enum style style, const char *text);
int canvas_putf(struct canvas *c, int y, int x, int max, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* The same so that it ends before column x + width. */
void canvas_put_right(struct canvas *c, int y, int x, int width, enum style style,
		      const char *text);
/* `count` times the same one-column text. */
void canvas_fill(struct canvas *c, int y, int x, int count, enum style style, const char *text);
void canvas_flag(struct canvas *c, int y, int x, int count, uint8_t flags);
/* A frame with blank inside. */
void canvas_box(struct canvas *c, int y, int x, int height, int width, enum style style,
		const char *title);
void canvas_copy_row(struct canvas *to, int to_y, const struct canvas *from, int from_y);

/* The picture as lines of text, with ANSI colours when `color`. */
void canvas_print(const struct canvas *c, bool color, struct buf *out);
