/* lmsctl/output.c - records as json, ndjson, csv, tsv and bare values; the choice of fields.
 *
 * Invariant: JSON leaves as it was received; other machine formats hold raw integers and RFC 3339.
 */
#include "lmsctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static bool for_people(const struct lmsctl *l)
{
	return l->opt.format == FORMAT_TABLE || l->opt.format == FORMAT_WIDE;
}

/* ---- which fields ---- */

static int unknown_field(struct lmsctl *l, const struct ctl_noun_desc *n, const char *option,
			 const char *name)
{
	const char *candidates[64], *nearest;
	size_t count = 0;

	for (size_t i = 0; i < n->field_count && count < ARRAY_LEN(candidates); i++)
		candidates[count++] =
			arena_strndup(&l->arena, n->fields[i].name, field_base_len(&n->fields[i]));
	nearest = text_nearest(name, candidates, count);
	if (nearest)
		return diag_set(&l->diag, -LMS_EUSAGE,
				"%s: field '%.60s' is unknown (did you mean '%s'?)", option, name,
				nearest);
	return diag_set(&l->diag, -LMS_EUSAGE,
			"%s: field '%.60s' is unknown (`lmsctl help %s` lists them)", option, name,
			n->name);
}

static int choose_fields(struct rows *r, struct lmsctl *l)
{
	const char *rest = l->opt.fields;

	r->cols.chosen = true;
	for (;;) {
		size_t len = strcspn(rest, ",");
		const char *name = arena_strndup(&l->arena, rest, len);
		const struct field *f =
			field_find(r->noun->fields, r->noun->field_count, name, NULL);

		if (!f)
			return unknown_field(l, r->noun, "-f", name);
		if (r->cols.count == ARRAY_LEN(r->cols.f))
			return diag_set(&l->diag, -LMS_EUSAGE, "-f: more than %zu fields",
					r->cols.count);
		r->cols.f[r->cols.count++] = f;
		if (rest[len] == '\0')
			return 0;
		rest += len + 1;
	}
}

static bool shown_by_itself(const struct rows *r, const struct lmsctl *l, const struct field *f)
{
	if (l->opt.format == FORMAT_VALUE)
		return r->cols.count == 0;
	/* A record has room for all of it; a machine can skip what it does not need. */
	if (r->record || l->opt.format != FORMAT_TABLE)
		return f->type != FIELD_JSON || r->record || !for_people(l);
	return !(f->flags & FIELD_WIDE);
}

int rows_init(struct rows *r, struct lmsctl *l, const struct ctl_noun_desc *noun, bool record)
{
	memset(r, 0, sizeof(*r));
	r->noun = noun;
	r->record = record;
	arena_init(&r->arena);
	if (l->opt.sort) {
		const char *name = l->opt.sort + (*l->opt.sort == '-');

		if (!field_find(noun->fields, noun->field_count, name, NULL))
			return unknown_field(l, noun, "--sort", name);
	}
	if (l->opt.fields)
		return choose_fields(r, l);
	for (size_t i = 0; i < noun->field_count; i++) {
		if (shown_by_itself(r, l, &noun->fields[i]))
			r->cols.f[r->cols.count++] = &noun->fields[i];
	}
	return 0;
}

void rows_fini(struct rows *r)
{
	free(r->items);
	arena_fini(&r->arena);
}

void rows_clear(struct rows *r)
{
	r->count = 0;
	arena_reset(&r->arena);
}

/* What only a table or a line of cells shows needs no JSON: a large list would hold it many times. */
static bool keeps_json(const struct rows *r, const struct lmsctl *l)
{
	return r->record || l->opt.watch || l->opt.format == FORMAT_JSON ||
	       l->opt.format == FORMAT_NDJSON;
}

/* The client's tree is gone with the next page, so a row that needs one keeps its own. */
static const struct json *own_copy(struct rows *r, struct lmsctl *l, const struct json *item)
{
	static const struct json_caps caps = { CLIENT_LINE_MAX, 39 };
	const char *text = arena_copy(&r->arena, item->raw, item->raw_len);

	return json_parse(&r->arena, text, item->raw_len, &caps, &l->diag);
}

int rows_add(struct rows *r, struct lmsctl *l, const struct json *item)
{
	const struct json *own = NULL;
	const char *id;
	void *rec;
	int ret;

	if (item->type != JSON_OBJECT)
		return diag_set(&l->diag, -LMS_EPROTOCOL,
				"lmsd answered a record that is not an object");
	if (keeps_json(r, l)) {
		own = own_copy(r, l, item);
		if (!own)
			return l->diag.err;
	}
	ret = ctl_record_read(r->noun, item, &r->arena, &rec, &l->diag);
	if (ret)
		return ret;
	if (r->count == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->items = xrealloc(r->items, r->cap * sizeof(*r->items));
	}
	id = item->first && item->first->text ? item->first->text : "";
	r->items[r->count++] = (struct row){ arena_strdup(&r->arena, id), rec, own };
	return 0;
}

/* ---- sorting ---- */

struct order {
	const struct field *f;
	int sign;
};

static int compare_values(const struct field *f, const void *a, const void *b)
{
	bool has_a = field_present(f, a), has_b = field_present(f, b);
	const char *x, *y;
	int64_t m, n;

	if (!has_a || !has_b)
		return has_a - has_b;
	if (f->type == FIELD_ID || f->type == FIELD_TEXT || f->type == FIELD_ENUM ||
	    f->type == FIELD_JSON) {
		memcpy(&x, (const char *)a + f->offset, sizeof(x));
		memcpy(&y, (const char *)b + f->offset, sizeof(y));
		/* CP2 before CP10 */
		return strverscmp(x, y);
	}
	/* Of phases, the first one decides: it lies where a number would. */
	memcpy(&m, (const char *)a + f->offset, sizeof(m));
	memcpy(&n, (const char *)b + f->offset, sizeof(n));
	return (m > n) - (m < n);
}

static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct order *o = ctx;

	return o->sign *
	       compare_values(o->f, ((const struct row *)a)->rec, ((const struct row *)b)->rec);
}

void rows_sort(struct rows *r, const struct lmsctl *l)
{
	struct order o = { .sign = 1 };
	const char *name = l->opt.sort;

	if (!name || r->count < 2)
		return;
	if (*name == '-') {
		o.sign = -1;
		name++;
	}
	o.f = field_find(r->noun->fields, r->noun->field_count, name, NULL);
	if (o.f)
		qsort_r(r->items, r->count, sizeof(*r->items), compare_rows, &o);
}

/* ---- machine formats ---- */

/* What JSON may carry as it is but a terminal would obey: DEL, C1 controls, bidi controls. */
static bool harmful(uint32_t code)
{
	return (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static void put_json(const struct lmsctl *l, const char *s, size_t len)
{
	while (len > 0 && l->opt.terminal) {
		uint32_t code = 0;
		size_t used = utf8_decode(s, len, &code);

		if (used == 0)
			used = 1;
		if (harmful(code))
			printf("\\u%04x", (unsigned)code);
		else
			fwrite(s, 1, used, stdout);
		s += used;
		len -= used;
	}
	fwrite(s, 1, len, stdout);
}

void output_json_line(struct lmsctl *l, const struct json *j)
{
	struct json_writer w;
	struct buf text;

	buf_init(&text);
	jw_init(&w, &text);
	jw_copy(&w, j);
	put_json(l, buf_cstr(&text), text.len);
	putchar('\n');
	buf_fini(&text);
}

static void print_json_row(const struct rows *r, struct lmsctl *l, const struct row *row)
{
	struct json_writer w;
	struct buf text;

	buf_init(&text);
	jw_init(&w, &text);
	if (r->cols.chosen) {
		jw_object(&w);
		for (size_t i = 0; i < r->cols.count; i++) {
			jw_key(&w, r->cols.f[i]->name);
			jw_copy(&w, json_get(row->json, r->cols.f[i]->name));
		}
		jw_object_end(&w);
	} else {
		jw_copy(&w, row->json);
	}
	put_json(l, buf_cstr(&text), text.len);
	buf_fini(&text);
}

static bool is_text(const struct field *f)
{
	return f->type == FIELD_ID || f->type == FIELD_TEXT || f->type == FIELD_ENUM ||
	       f->type == FIELD_JSON;
}

/* RFC 4180. Text that a spreadsheet would take for a formula gets an apostrophe in front. */
static void print_csv_cell(const struct field *f, const char *s)
{
	bool formula = f && is_text(f) && *s && strchr("=+-@\t\r", *s);

	if (!formula && strpbrk(s, ",\"\r\n") == NULL) {
		fputs(s, stdout);
		return;
	}
	putchar('"');
	if (formula)
		putchar('\'');
	for (; *s; s++) {
		if (*s == '"')
			putchar('"');
		putchar(*s);
	}
	putchar('"');
}

static void print_tsv_cell(const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '\t':
			fputs("\\t", stdout);
			break;
		case '\n':
			fputs("\\n", stdout);
			break;
		case '\r':
			fputs("\\r", stdout);
			break;
		case '\\':
			fputs("\\\\", stdout);
			break;
		default:
			putchar(*s);
		}
	}
}

void output_text(const char *s, size_t len)
{
	struct buf shown;

	buf_init(&shown);
	text_escape(&shown, s, len);
	fputs(buf_cstr(&shown), stdout);
	buf_fini(&shown);
}

static void print_cells(const struct rows *r, const struct lmsctl *l, const struct row *row)
{
	enum format format = l->opt.format;
	struct buf cell;

	buf_init(&cell);
	for (size_t i = 0; i < r->cols.count; i++) {
		buf_clear(&cell);
		field_format(r->cols.f[i], row->rec, false, NULL, &cell);
		if (i > 0 && format != FORMAT_VALUE)
			putchar(format == FORMAT_CSV ? ',' : '\t');
		if (format == FORMAT_CSV)
			print_csv_cell(r->cols.f[i], buf_cstr(&cell));
		else if (format == FORMAT_TSV)
			print_tsv_cell(buf_cstr(&cell));
		else if (l->opt.terminal)
			output_text(buf_cstr(&cell), cell.len);
		else
			fwrite(buf_cstr(&cell), 1, cell.len, stdout);
		if (format == FORMAT_VALUE)
			putchar('\n');
	}
	if (format == FORMAT_CSV)
		fputs("\r\n", stdout);
	else if (format == FORMAT_TSV)
		putchar('\n');
	buf_fini(&cell);
}

static void print_header(const struct rows *r, char separator, const char *end)
{
	for (size_t i = 0; i < r->cols.count; i++) {
		if (i > 0)
			putchar(separator);
		fputs(r->cols.f[i]->name, stdout);
	}
	fputs(end, stdout);
}

bool output_streams(const struct lmsctl *l)
{
	return !for_people(l) && !l->opt.sort;
}

void output_begin(struct rows *r, struct lmsctl *l)
{
	r->printed = 0;
	if (l->opt.format == FORMAT_JSON && !r->record)
		putchar('[');
	else if (l->opt.format == FORMAT_CSV)
		print_header(r, ',', "\r\n");
	else if (l->opt.format == FORMAT_TSV)
		print_header(r, '\t', "\n");
}

void output_part(struct rows *r, struct lmsctl *l)
{
	if (for_people(l)) {
		if (r->record && r->count > 0)
			table_print_record(r, l);
		else
			table_print(r, l);
		return;
	}
	for (size_t i = 0; i < r->count; i++) {
		if (l->opt.format == FORMAT_JSON && !r->record)
			fputs(r->printed ? ",\n" : "\n", stdout);
		if (l->opt.format == FORMAT_JSON || l->opt.format == FORMAT_NDJSON)
			print_json_row(r, l, &r->items[i]);
		else
			print_cells(r, l, &r->items[i]);
		if (l->opt.format == FORMAT_NDJSON || (l->opt.format == FORMAT_JSON && r->record))
			putchar('\n');
		r->printed++;
	}
}

void output_end(struct rows *r, struct lmsctl *l)
{
	if (l->opt.format == FORMAT_JSON && !r->record)
		fputs(r->printed ? "\n]\n" : "]\n", stdout);
}
