/* local/csv_in.c - a CSV file that a person made, row by row, each with its place. */
#include "lmsctl/local/csv_in.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"

int csv_in_complain(const struct csv_in *in, int64_t line, size_t cell, struct diag *d, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_set(d, -LMS_EDATA, "%s", text);
	snprintf(d->file, sizeof(d->file), "%s", in->path);
	d->line = (int)line;
	d->column = (int)cell;
	return -LMS_EDATA;
}

/* ---- characters ---- */

/* 0x80 to 0x9f of cp1252; 0 = there is none. */
static const uint16_t cp1252[32] = {
	0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
	0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

static int64_t line_of(const char *s, size_t at)
{
	int64_t line = 1;

	for (size_t i = 0; i < at; i++)
		line += s[i] == '\n' || (s[i] == '\r' && s[i + 1] != '\n');
	return line;
}

static void put_utf8(struct buf *b, unsigned code)
{
	if (code < 0x800) {
		buf_putc(b, (char)(0xc0 | code >> 6));
	} else {
		buf_putc(b, (char)(0xe0 | code >> 12));
		buf_putc(b, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	buf_putc(b, (char)(0x80 | (code & 0x3f)));
}

static int widen(struct csv_in *in, struct diag *d)
{
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < in->text.len; i++) {
		unsigned char c = (unsigned char)in->text.data[i];
		unsigned code = c >= 0x80 && c < 0xa0 ? cp1252[c - 0x80] : c;

		if (c >= 0x80 && code == 0) {
			int64_t line = line_of(in->text.data, i);

			buf_fini(&out);
			return csv_in_complain(in, line, 0, d, "is neither UTF-8 nor cp1252: byte 0x%02x (save it as CSV UTF-8)", c);
		}
		if (code < 0x80)
			buf_putc(&out, (char)code);
		else
			put_utf8(&out, code);
	}
	buf_fini(&in->text);
	in->text = out;
	in->wide = true;
	return 0;
}

static size_t first_invalid(const char *s, size_t len)
{
	size_t i = 0, n;
	uint32_t code;

	while (i < len && (n = utf8_decode(s + i, len - i, &code)) > 0)
		i += n;
	return i;
}

static int decode(struct csv_in *in, const char *encoding, struct diag *d)
{
	const char *s = buf_cstr(&in->text);
	bool bom = in->text.len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0;
	size_t bad;

	if (in->text.len >= 2 && (memcmp(s, "\xff\xfe", 2) == 0 || memcmp(s, "\xfe\xff", 2) == 0))
		return csv_in_complain(in, 1, 0, d, "is UTF-16 (save it as CSV UTF-8)");
	if (memchr(s, '\0', in->text.len))
		return csv_in_complain(in, line_of(s, strlen(s)), 0, d, "holds a NUL: it is no text");
	if (bom) {
		memmove(in->text.data, in->text.data + 3, in->text.len - 3);
		in->text.len -= 3;
		s = buf_cstr(&in->text);
	}
	if (encoding && strcmp(encoding, "cp1252") == 0)
		return widen(in, d);
	if (utf8_valid(s, in->text.len))
		return 0;
	if (!bom && !encoding)
		return widen(in, d);
	bad = first_invalid(s, in->text.len);
	return csv_in_complain(in, line_of(s, bad), 0, d, "is not UTF-8 (encoding=cp1252 reads what older spreadsheets write)");
}

/* ---- the file ---- */

static int read_all(struct csv_in *in, struct diag *d)
{
	bool std = strcmp(in->path, "-") == 0;
	FILE *f = std ? stdin : fopen(in->path, "re");
	char piece[65536];
	size_t n;
	int ret = 0;

	if (!f)
		return diag_set(d, -LMS_ENOINPUT, "%s: %s", in->path, strerror(errno));
	while (ret == 0 && (n = fread(piece, 1, sizeof(piece), f)) > 0) {
		if (in->text.len + n > CSV_IN_BYTES_MAX)
			ret = diag_set(d, -LMS_EDATA, "%s: is larger than 64 MiB (split it)", in->path);
		else
			buf_add(&in->text, piece, n);
	}
	if (ret == 0 && ferror(f))
		ret = diag_set(d, -LMS_ENOINPUT, "%s: %s", in->path, strerror(errno));
	if (!std)
		fclose(f);
	return ret;
}

/* The one of the three that the first line has most of, outside of quotes. */
static char find_separator(struct csv_in *in)
{
	static const char candidates[] = ",;\t";
	const char *s = buf_cstr(&in->text);
	size_t count[3] = { 0 }, best = 0;
	bool quoted = false;

	if (strncasecmp(s, "sep=", 4) == 0 && s[4] && strchr(candidates, s[4]) && (s[5] == '\n' || s[5] == '\r')) {
		in->at = 5;
		return s[4];
	}
	for (; *s && (quoted || (*s != '\n' && *s != '\r')); s++) {
		const char *at = strchr(candidates, *s);

		quoted ^= *s == '"';
		if (at && !quoted)
			count[at - candidates]++;
	}
	for (size_t i = 1; i < 3; i++)
		if (count[i] > count[best])
			best = i;
	return candidates[best];
}

int csv_in_open(struct csv_in *in, const char *path, const char *encoding, struct diag *d)
{
	int ret;

	memset(in, 0, sizeof(*in));
	in->path = path;
	in->line = 1;
	buf_init(&in->text);
	arena_init(&in->arena);
	if (csv_init(&in->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
		return diag_set(d, -LMS_EINTERNAL, "no memory");
	ret = read_all(in, d);
	if (ret == 0)
		ret = decode(in, encoding, d);
	if (ret == 0)
		csv_set_delim(&in->parser, (unsigned char)find_separator(in));
	return ret;
}

void csv_in_close(struct csv_in *in)
{
	csv_free(&in->parser);
	buf_fini(&in->text);
	arena_fini(&in->arena);
}

/* ---- rows ---- */

static void on_cell(void *cell, size_t len, void *ctx)
{
	struct csv_in *in = ctx;

	if (in->count == CSV_IN_CELLS_MAX)
		in->too_many = true;
	else
		in->cells[in->count++] = arena_strndup(&in->arena, len ? cell : "", len);
}

static void on_row(int end, void *ctx)
{
	struct csv_in *in = ctx;

	(void)end;
	in->done = true;
}

static void skip_newlines(struct csv_in *in)
{
	const char *s = buf_cstr(&in->text);

	for (; in->at < in->text.len && (s[in->at] == '\n' || s[in->at] == '\r'); in->at++)
		in->line += s[in->at] == '\n' || s[in->at + 1] != '\n';
}

/* Byte by byte, so that the place is known where something is wrong. */
int csv_in_next(struct csv_in *in, struct diag *d)
{
	const char *s = buf_cstr(&in->text);

	arena_fini(&in->arena);
	arena_init(&in->arena);
	in->count = 0;
	in->done = in->too_many = false;
	skip_newlines(in);
	in->row_line = in->line;
	in->from = in->at;
	if (in->at == in->text.len)
		return 0;
	for (; in->at < in->text.len && !in->done; in->at++) {
		if (csv_parse(&in->parser, s + in->at, 1, on_cell, on_row, in) != 1)
			return csv_in_complain(in, in->line, in->count + 1, d, "a quote stands where none can (write it twice inside of "
					       "quotes)");
		in->line += s[in->at] == '\n' || (s[in->at] == '\r' && s[in->at + 1] != '\n');
	}
	in->until = in->at;
	if (!in->done && csv_fini(&in->parser, on_cell, on_row, in) != 0)
		return csv_in_complain(in, in->row_line, in->count + 1, d, "a quote is opened and never closed");
	while (in->until > in->from && (s[in->until - 1] == '\n' || s[in->until - 1] == '\r'))
		in->until--;
	if (in->too_many)
		return csv_in_complain(in, in->row_line, CSV_IN_CELLS_MAX, d, "has more than %d cells", CSV_IN_CELLS_MAX);
	return 1;
}
