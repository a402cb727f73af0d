/* lmstop/look.h - how things look: styles by meaning, themes, and glyphs with an ASCII stand-in.
 *
 * Views name styles and glyphs; what they are on a terminal is decided here, once.
 */
#pragma once

#include <stdbool.h>

enum style {
	STYLE_NORMAL,
	STYLE_DIM,	/* of less weight */
	STYLE_BOLD,
	STYLE_BAR,	/* title and help bar */
	STYLE_BAR_KEY,	/* a key, the current screen in the bar */
	STYLE_HEAD,	/* column titles */
	STYLE_RULE,	/* lines between parts */
	STYLE_OK,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_BUSY,	/* something goes on: preparing, waiting */
	STYLE_BANNER,	/* must be seen: lost daemon */
	STYLE_L1,	/* curves */
	STYLE_L2,
	STYLE_L3,
	STYLE_TOTAL,
	STYLE_COUNT
};

enum theme { THEME_DARK, THEME_LIGHT, THEME_MONO, THEME_COUNT };

/* The first eight are ANSI's. The oranges are for terminals of 256 colours; see look_color. */
enum color {
	COLOR_NONE = -1,
	COLOR_K,
	COLOR_R,
	COLOR_G,
	COLOR_Y,
	COLOR_B,
	COLOR_M,
	COLOR_C,
	COLOR_W,
	COLOR_ORANGE,
	COLOR_ORANGE_DARK
};

struct paint {
	enum color fg, bg;
	bool bold, dim, reverse;
};

struct look {
	enum theme theme;
	bool ascii_glyphs;	/* the terminal has no line drawing */
	bool ascii_text;	/* the locale has no UTF-8 */
};

enum glyph {
	GLYPH_HLINE,
	GLYPH_VLINE,
	GLYPH_TOP_LEFT,
	GLYPH_TOP_RIGHT,
	GLYPH_BOTTOM_LEFT,
	GLYPH_BOTTOM_RIGHT,
	GLYPH_FULL,
	GLYPH_EMPTY,
	GLYPH_ELLIPSIS,
	GLYPH_UP,
	GLYPH_DOWN,
	GLYPH_STAR,
	GLYPH_DOT,
	GLYPH_CHILD,
	GLYPH_POINTER,
	GLYPH_COUNT
};

const char *glyph(const struct look *l, enum glyph g);
struct paint look_paint(enum theme t, enum style s);
/* Its number on a terminal of so many colours. */
int look_color(enum color c, int colors);
const char *theme_name(enum theme t);
/* THEME_COUNT if there is none of this name. */
enum theme theme_find(const char *name);
