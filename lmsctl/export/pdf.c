/* export/pdf.c - the same table for people, on A4 pages, by libharu with an embedded font that knows their names.
 *
 * Widths are those of the column's title and of what is expected in it; text that is longer is cut at the width,
 * with a mark.
 */
#include <errno.h>
#include <hpdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "lmsctl/export/back.h"

#define FONT_DIR "/usr/share/fonts/truetype/dejavu"
#define MARGIN	 36.f
#define SIZE	 7.f
#define LINE	 11.f
#define GAP	 6.f
#define CELL_MAX 200

struct pdf {
	const struct sheet_layout *layout;
	const char *path;
	HPDF_Doc doc;
	HPDF_Page page;
	HPDF_Font font, bold;
	float *width;			/* per column */
	float y;
	int pages;
	char why[100];			/* what libharu complained of first */
};

static void on_error(HPDF_STATUS error, HPDF_STATUS detail, void *ctx)
{
	struct pdf *p = ctx;

	if (!p->why[0])
		snprintf(p->why, sizeof(p->why), "libharu error 0x%04x (%lu)", (unsigned)error, (unsigned long)detail);
}

static int failed(const struct pdf *p, struct diag *d)
{
	return p->why[0] ? diag_set(d, -LMS_EIO, "%s: %s", p->path, p->why) : 0;
}

/* ---- cells ---- */

static void put_number(char *out, size_t size, int64_t v, int decimals)
{
	int64_t unit = 1, abs = v < 0 ? -v : v;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	if (decimals == 0)
		snprintf(out, size, "%lld", (long long)v);
	else
		snprintf(out, size, "%s%lld.%0*lld", v < 0 ? "-" : "", (long long)(abs / unit), decimals, (long long)(abs % unit));
}

static void put_text(const struct pdf *p, size_t i, const struct sheet_cell *cell, char out[CELL_MAX])
{
	const struct sheet_column *c = &p->layout->columns[i];
	struct civil t;

	out[0] = '\0';
	if (c->type == SHEET_TEXT) {
		snprintf(out, CELL_MAX, "%s", cell->text ? cell->text : "");
	} else if (cell->number == NUM_NONE) {
		return;
	} else if (c->type == SHEET_TIME) {
		civil_from_wall(cell->number, tz_offset_s(p->layout->tz, cell->number), &t);
		snprintf(out, CELL_MAX, "%04d-%02d-%02d %02d:%02d", t.year, t.month, t.day, t.hour, t.minute);
	} else {
		put_number(out, CELL_MAX, cell->number, c->type == SHEET_ENERGY ? 3 : c->decimals);
	}
}

static float text_width(HPDF_Page page, HPDF_Font font, const char *text)
{
	HPDF_Page_SetFontAndSize(page, font, SIZE);
	return HPDF_Page_TextWidth(page, text);
}

/* Cut at a character, with a mark. */
static void fit(struct pdf *p, HPDF_Font font, char text[CELL_MAX], float width)
{
	size_t len = strlen(text);

	if (text_width(p->page, font, text) <= width)
		return;
	while (len > 0) {
		do {
			len--;
		} while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80);
		snprintf(text + len, CELL_MAX - len, "…");
		if (text_width(p->page, font, text) <= width)
			return;
	}
	text[0] = '\0';
}

static void put_at(struct pdf *p, HPDF_Font font, float size, float x, float y, const char *text)
{
	HPDF_Page_BeginText(p->page);
	HPDF_Page_SetFontAndSize(p->page, font, size);
	HPDF_Page_TextOut(p->page, x, y, text);
	HPDF_Page_EndText(p->page);
}

static bool is_right(const struct sheet_column *c)
{
	return c->type == SHEET_NUMBER || c->type == SHEET_ENERGY;
}

/* ---- pages ---- */

static void put_title(const struct sheet_column *c, char out[CELL_MAX])
{
	bool unit = c->unit && *c->unit;

	snprintf(out, CELL_MAX, unit ? "%s [%s]" : "%s%s", c->name, unit ? c->unit : "");
}

static float expected_width(const struct pdf *p, const struct sheet_column *c)
{
	static const char *const samples[] = {
		[SHEET_TEXT] = "a name of some length", [SHEET_NUMBER] = "000000", [SHEET_ENERGY] = "00000.000",
		[SHEET_TIME] = "0000-00-00 00:00",
	};
	float sample = text_width(p->page, p->font, samples[c->type]), title;
	char text[CELL_MAX];

	put_title(c, text);
	title = text_width(p->page, p->bold, text);
	return title > sample ? title : sample;
}

/* All columns side by side; text gives way where the page is too narrow. */
static void make_widths(struct pdf *p)
{
	float room = HPDF_Page_GetWidth(p->page) - 2 * MARGIN, sum = 0, texts = 0, spare;

	for (size_t i = 0; i < p->layout->count; i++) {
		p->width[i] = expected_width(p, &p->layout->columns[i]);
		sum += p->width[i] + GAP;
		texts += p->layout->columns[i].type == SHEET_TEXT ? p->width[i] : 0;
	}
	spare = room - sum;
	for (size_t i = 0; i < p->layout->count && texts > 0; i++)
		if (p->layout->columns[i].type == SHEET_TEXT)
			p->width[i] += spare * p->width[i] / texts;
}

static void put_cells(struct pdf *p, HPDF_Font font, char (*texts)[CELL_MAX])
{
	float x = MARGIN;

	for (size_t i = 0; i < p->layout->count; i++) {
		float shift = 0;

		fit(p, font, texts[i], p->width[i]);
		if (is_right(&p->layout->columns[i]))
			shift = p->width[i] - text_width(p->page, font, texts[i]);
		put_at(p, font, SIZE, x + shift, p->y, texts[i]);
		x += p->width[i] + GAP;
	}
	p->y -= LINE;
}

static void rule(struct pdf *p)
{
	HPDF_Page_SetLineWidth(p->page, 0.5f);
	HPDF_Page_MoveTo(p->page, MARGIN, p->y + LINE - 2.5f);
	HPDF_Page_LineTo(p->page, HPDF_Page_GetWidth(p->page) - MARGIN, p->y + LINE - 2.5f);
	HPDF_Page_Stroke(p->page);
}

static void begin_page(struct pdf *p)
{
	char (*titles)[CELL_MAX] = xcalloc(p->layout->count, sizeof(*titles)), number[24];
	const char *heading = p->layout->heading ? p->layout->heading : p->layout->title;

	p->page = HPDF_AddPage(p->doc);
	if (p->page) {
		HPDF_Page_SetSize(p->page, HPDF_PAGE_SIZE_A4, HPDF_PAGE_LANDSCAPE);
		if (p->pages++ == 0)
			make_widths(p);
		p->y = HPDF_Page_GetHeight(p->page) - MARGIN;
		put_at(p, p->bold, 10, MARGIN, p->y, heading);
		snprintf(number, sizeof(number), "%d", p->pages);
		put_at(p, p->font, SIZE, HPDF_Page_GetWidth(p->page) - MARGIN - 12, MARGIN / 2, number);
		p->y -= 2 * LINE;
		for (size_t i = 0; i < p->layout->count; i++)
			put_title(&p->layout->columns[i], titles[i]);
		put_cells(p, p->bold, titles);
		rule(p);
	}
	free(titles);
}

/* ---- the file ---- */

static void free_state(struct pdf *p)
{
	if (p->doc)
		HPDF_Free(p->doc);
	free(p->width);
	free(p);
}

static HPDF_Font load_font(struct pdf *p, const char *file)
{
	char path[200];
	const char *name;

	snprintf(path, sizeof(path), "%s/%s", FONT_DIR, file);
	name = HPDF_LoadTTFontFromFile(p->doc, path, HPDF_TRUE);
	return name ? HPDF_GetFont(p->doc, name, "UTF-8") : NULL;
}

static void *open_pdf(const char *path, const struct sheet_layout *layout, struct diag *d)
{
	struct pdf *p = xcalloc(1, sizeof(*p));

	p->layout = layout;
	p->path = path;
	p->width = xcalloc(layout->count, sizeof(p->width[0]));
	p->doc = HPDF_New(on_error, p);
	if (p->doc) {
		HPDF_SetCompressionMode(p->doc, HPDF_COMP_ALL);
		HPDF_UseUTFEncodings(p->doc);
		p->font = load_font(p, "DejaVuSansCondensed.ttf");
		p->bold = load_font(p, "DejaVuSansCondensed-Bold.ttf");
	}
	if (!p->font || !p->bold) {
		diag_set(d, -LMS_ECANTCREAT, "%s: no font (install fonts-dejavu-core: %s)", path, FONT_DIR);
		free_state(p);
		return NULL;
	}
	begin_page(p);
	if (failed(p, d)) {
		free_state(p);
		return NULL;
	}
	return p;
}

static int put_row(struct pdf *p, HPDF_Font font, const struct sheet_cell *cells, struct diag *d)
{
	char (*texts)[CELL_MAX];

	if (p->y < MARGIN)
		begin_page(p);
	if (failed(p, d))
		return d->err;
	texts = xcalloc(p->layout->count, sizeof(*texts));
	for (size_t i = 0; i < p->layout->count; i++)
		put_text(p, i, &cells[i], texts[i]);
	put_cells(p, font, texts);
	free(texts);
	return failed(p, d);
}

static int row(void *state, const struct sheet_cell *cells, struct diag *d)
{
	struct pdf *p = state;

	return put_row(p, p->font, cells, d);
}

static int totals(void *state, const struct sheet_cell *cells, struct diag *d)
{
	struct pdf *p = state;
	int ret = put_row(p, p->bold, cells, d);

	p->y += LINE;
	rule(p);
	p->y -= LINE;
	return ret;
}

static int close_pdf(void *state, bool whole, struct diag *d)
{
	struct pdf *p = state;
	int ret = 0;

	if (whole && HPDF_SaveToFile(p->doc, p->path) != HPDF_OK)
		ret = failed(p, d) ? d->err : diag_set(d, -LMS_EIO, "%s: %s", p->path, strerror(errno));
	free_state(p);
	return ret;
}

const struct sheet_back sheet_pdf = { open_pdf, row, totals, close_pdf };
