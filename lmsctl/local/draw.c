/* local/draw.c - charts of the terminal's width; ASCII where the terminal or the locale has no more. */
#include "lmsctl/local/draw.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WIDTH_DEFAULT 80
#define HEIGHT_FEW 15	/* of one or two charts */
#define HEIGHT_MANY 11

/* Told apart on dark and on light ground. */
static const char *const inks[CHART_INKS] = {
	[CHART_INK_L1] = "33", [CHART_INK_L2] = "36", [CHART_INK_L3] = "35", [CHART_INK_TOTAL] = "32", [CHART_INK_OTHER] = "34",
};

int draw_width(const struct lmsctl *l)
{
	return l->opt.terminal && l->opt.width > 0 ? l->opt.width : WIDTH_DEFAULT;
}

static bool is_ascii(void)
{
	const char *term = getenv("TERM");

	return strcmp(nl_langinfo(CODESET), "UTF-8") != 0 || (term && strcmp(term, "linux") == 0);
}

static void put_line(const struct lmsctl *l, const struct chart_picture *p, int y)
{
	int width = p->width, ink = CHART_INK_NONE;

	while (width > 0 && strcmp(chart_cell(p, y, width - 1)->text, " ") == 0)
		width--;
	for (int x = 0; x < width; x++) {
		const struct chart_cell *cell = chart_cell(p, y, x);

		if (l->opt.color == COLOR_ALWAYS && cell->ink != ink) {
			printf("\033[%sm", cell->ink >= 0 ? inks[cell->ink] : "0");
			ink = cell->ink;
		}
		fputs(cell->text, stdout);
	}
	puts(ink != CHART_INK_NONE ? "\033[0m" : "");
}

void draw_charts(struct lmsctl *l, const struct series *s, wall_t from, wall_t until, const struct time_zone *tz,
		 const char *head)
{
	struct chart c = { .from = from, .until = until, .tz = tz, .ascii = is_ascii() };
	struct chart_picture p;
	size_t count = 0;
	char title[60];

	while (series_chart(s, count, &c, title, sizeof(title)))
		count++;
	c.width = draw_width(l);
	c.height = count > 2 ? HEIGHT_MANY : HEIGHT_FEW;
	for (size_t i = 0; series_chart(s, i, &c, title, sizeof(title)); i++) {
		if (i)
			putchar('\n');
		printf("%s  ", title);
		puts(head);
		chart_draw(&c, &p);
		for (int y = 0; y < p.height; y++)
			put_line(l, &p, y);
		chart_picture_fini(&p);
	}
}
