/* local/tag_export.c - `tag export`: all tags as a CSV that `tag import` reads again. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/export/out_file.h"
#include "lmsctl/local/local.h"

#define PAGE_ITEMS 500

/* What a spreadsheet would calculate is kept from it by ' in front, which the import takes off again. */
static void put_cell(FILE *f, const char *s)
{
	bool formula = *s && strchr("=+-@", *s);

	if (!formula && !strpbrk(s, ",;\"\r\n\t") && *s != '\'') {
		fputs(s, f);
		return;
	}
	fputs(formula ? "\"'" : "\"", f);
	for (; *s; s++) {
		if (*s == '"')
			putc('"', f);
		putc(*s, f);
	}
	putc('"', f);
}

static void put_tag(FILE *f, const struct ctl_noun_desc *n, const void *rec)
{
	struct buf b;

	buf_init(&b);
	for (size_t i = 0; i < n->field_count; i++) {
		buf_clear(&b);
		if (field_present(&n->fields[i], rec))
			field_format(&n->fields[i], rec, false, NULL, &b);
		if (i)
			putc(',', f);
		/* A number is no formula. */
		if (n->fields[i].type == FIELD_WH || n->fields[i].type == FIELD_MA || n->fields[i].type == FIELD_INT)
			fputs(buf_cstr(&b), f);
		else
			put_cell(f, buf_cstr(&b));
	}
	fputs("\r\n", f);
	buf_fini(&b);
}

/* One page; *cursor is where the next begins, "" after the last. */
static int put_page(struct lmsctl *l, FILE *f, char *cursor, size_t size)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	const struct json *result, *items;
	struct arena arena;
	struct json_writer w;
	struct buf b;
	void *rec;
	int ret;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "limit", PAGE_ITEMS);
	if (*cursor)
		jw_kstr(&w, "cursor", cursor);
	jw_object_end(&w);
	ret = client_call(l->client, "tag.list", buf_cstr(&b), &result, &l->diag);
	buf_fini(&b);
	items = ret ? NULL : json_get(result, "items");
	arena_init(&arena);
	for (const struct json *j = items ? items->first : NULL; j && ret == 0; j = j->next) {
		ret = ctl_record_read(n, j, &arena, &rec, &l->diag);
		if (ret == 0)
			put_tag(f, n, rec);
	}
	arena_fini(&arena);
	snprintf(cursor, size, "%s", ret ? "" : json_str(json_get(result, "next"), ""));
	return ret;
}

static int put_all(struct lmsctl *l, FILE *f)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	char cursor[80] = "";
	int ret;

	for (size_t i = 0; i < n->field_count; i++)
		fprintf(f, "%s%s", i ? "," : "", n->fields[i].name);
	fputs("\r\n", f);
	do
		ret = put_page(l, f, cursor, sizeof(cursor));
	while (ret == 0 && *cursor);
	return ret;
}

int tags_export(struct lmsctl *l)
{
	bool std = !l->opt.out || strcmp(l->opt.out, "-") == 0;
	struct out_file out;
	FILE *f = stdout;
	int ret = call_connect(l, NULL, NULL), kept;

	if (ret == 0 && !std)
		ret = out_file_begin(&out, l->opt.out, &l->diag);
	if (ret)
		return ret;
	if (!std)
		f = fopen(out.part, "we");
	ret = f ? put_all(l, f) : -LMS_EIO;
	if (std)
		return ret;
	if (f && (ferror(f) | fclose(f)) && ret == 0)
		ret = -LMS_EIO;
	kept = out_file_end(&out, ret == 0, &l->diag);
	if (ret == -LMS_EIO && !l->diag.text[0])
		diag_set(&l->diag, ret, "%s: cannot be written (is the disk full?)", l->opt.out);
	return ret ? ret : kept;
}
