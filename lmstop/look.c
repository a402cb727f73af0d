/* lmstop/look.c - the tables behind look.h. */
#include "lmstop/look.h"

#include <string.h>

static const char *const glyphs[GLYPH_COUNT][2] = {
	[GLYPH_HLINE] = { "─", "-" },
	[GLYPH_VLINE] = { "│", "|" },
	[GLYPH_TOP_LEFT] = { "┌", "+" },
	[GLYPH_TOP_RIGHT] = { "┐", "+" },
	[GLYPH_BOTTOM_LEFT] = { "└", "+" },
	[GLYPH_BOTTOM_RIGHT] = { "┘", "+" },
	[GLYPH_FULL] = { "█", "#" },
	[GLYPH_EMPTY] = { "░", "." },
	[GLYPH_ELLIPSIS] = { "…", "~" },
	[GLYPH_UP] = { "▲", "^" },
	[GLYPH_DOWN] = { "▼", "v" },
	[GLYPH_STAR] = { "★", "*" },
	[GLYPH_DOT] = { "·", "-" },
	[GLYPH_CHILD] = { "└", "`" },
	[GLYPH_POINTER] = { "▶", ">" },
};

#define PLAIN { COLOR_NONE, COLOR_NONE, false, false, false }

static const struct paint paints[THEME_COUNT][STYLE_COUNT] = {
	[THEME_DARK] = {
		[STYLE_NORMAL] = PLAIN,
		[STYLE_DIM] = { COLOR_NONE, COLOR_NONE, false, true, false },
		[STYLE_BOLD] = { COLOR_NONE, COLOR_NONE, true, false, false },
		[STYLE_BAR] = { COLOR_W, COLOR_B, false, false, false },
		[STYLE_BAR_KEY] = { COLOR_Y, COLOR_B, true, false, false },
		[STYLE_HEAD] = { COLOR_C, COLOR_NONE, false, false, false },
		[STYLE_RULE] = { COLOR_C, COLOR_NONE, false, true, false },
		[STYLE_OK] = { COLOR_G, COLOR_NONE, false, false, false },
		[STYLE_WARN] = { COLOR_ORANGE, COLOR_NONE, true, false, false },
		[STYLE_BAD] = { COLOR_R, COLOR_NONE, true, false, false },
		[STYLE_BUSY] = { COLOR_C, COLOR_NONE, true, false, false },
		[STYLE_BANNER] = { COLOR_W, COLOR_R, true, false, false },
		[STYLE_L1] = { COLOR_Y, COLOR_NONE, false, false, false },
		[STYLE_L2] = { COLOR_C, COLOR_NONE, false, false, false },
		[STYLE_L3] = { COLOR_M, COLOR_NONE, false, false, false },
		[STYLE_TOTAL] = { COLOR_G, COLOR_NONE, false, false, false },
	},
	[THEME_LIGHT] = {
		[STYLE_NORMAL] = PLAIN,
		[STYLE_DIM] = { COLOR_NONE, COLOR_NONE, false, true, false },
		[STYLE_BOLD] = { COLOR_NONE, COLOR_NONE, true, false, false },
		[STYLE_BAR] = { COLOR_K, COLOR_C, false, false, false },
		[STYLE_BAR_KEY] = { COLOR_K, COLOR_C, true, false, false },
		[STYLE_HEAD] = { COLOR_B, COLOR_NONE, false, false, false },
		[STYLE_RULE] = { COLOR_B, COLOR_NONE, false, false, false },
		[STYLE_OK] = { COLOR_G, COLOR_NONE, false, false, false },
		[STYLE_WARN] = { COLOR_ORANGE_DARK, COLOR_NONE, true, false, false },
		[STYLE_BAD] = { COLOR_R, COLOR_NONE, true, false, false },
		[STYLE_BUSY] = { COLOR_B, COLOR_NONE, true, false, false },
		[STYLE_BANNER] = { COLOR_W, COLOR_R, true, false, false },
		[STYLE_L1] = { COLOR_ORANGE_DARK, COLOR_NONE, false, false, false },
		[STYLE_L2] = { COLOR_B, COLOR_NONE, false, false, false },
		[STYLE_L3] = { COLOR_M, COLOR_NONE, false, false, false },
		[STYLE_TOTAL] = { COLOR_G, COLOR_NONE, false, false, false },
	},
	[THEME_MONO] = {
		[STYLE_NORMAL] = PLAIN,
		[STYLE_DIM] = { COLOR_NONE, COLOR_NONE, false, true, false },
		[STYLE_BOLD] = { COLOR_NONE, COLOR_NONE, true, false, false },
		[STYLE_BAR] = { COLOR_NONE, COLOR_NONE, false, false, true },
		[STYLE_BAR_KEY] = { COLOR_NONE, COLOR_NONE, true, false, true },
		[STYLE_HEAD] = { COLOR_NONE, COLOR_NONE, true, false, false },
		[STYLE_RULE] = { COLOR_NONE, COLOR_NONE, false, true, false },
		[STYLE_OK] = PLAIN,
		[STYLE_WARN] = { COLOR_NONE, COLOR_NONE, true, false, false },
		[STYLE_BAD] = { COLOR_NONE, COLOR_NONE, true, false, false },
		[STYLE_BUSY] = PLAIN,
		[STYLE_BANNER] = { COLOR_NONE, COLOR_NONE, true, false, true },
		[STYLE_L1] = PLAIN,
		[STYLE_L2] = PLAIN,
		[STYLE_L3] = PLAIN,
		[STYLE_TOTAL] = { COLOR_NONE, COLOR_NONE, true, false, false },
	},
};

static const char *const theme_names[THEME_COUNT] = { "dark", "light", "mono" };

const char *glyph(const struct look *l, enum glyph g)
{
	return glyphs[g][l->ascii_glyphs || l->ascii_text];
}

struct paint look_paint(enum theme t, enum style s)
{
	return paints[t][s];
}

int look_color(enum color c, int colors)
{
	/* Yellow cannot be read on white. */
	if (c == COLOR_ORANGE)
		return colors >= 256 ? 208 : (int)COLOR_Y;
	if (c == COLOR_ORANGE_DARK)
		return colors >= 256 ? 130 : (int)COLOR_M;
	return (int)c;
}

const char *theme_name(enum theme t)
{
	return theme_names[t];
}

enum theme theme_find(const char *name)
{
	int t = 0;

	while (t < THEME_COUNT && strcmp(theme_names[t], name) != 0)
		t++;
	return (enum theme)t;
}
