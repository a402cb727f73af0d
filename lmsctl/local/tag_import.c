/* local/tag_import.c - `tag import FILE`: rows of a CSV become tags, all or none of them.
 *
 * The file is read here and goes to lmsd in pieces, which checks each row; only when all are good, or those that
 * are not shall be skipped, they become tags, at once. Every complaint names file, line and cell.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/export/out_file.h"
#include "lmsctl/local/csv_in.h"
#include "lmsctl/local/local.h"
#include "lmsctl/output.h"

#define PIECE_ROWS  500
#define PIECE_BYTES ((size_t)256 << 10)
#define SHOWN_MAX   20

struct column { const struct field *f; bool human; };	/* f NULL: passed over */

struct import {
	struct lmsctl *l;
	const struct tag_import_args *a;
	struct csv_in in;
	const struct time_zone *tz;
	struct column columns[CSV_IN_CELLS_MAX];
	size_t column_count;
	struct arena arena;		/* of a row */
	struct buf tags, lines;		/* the piece */
	struct { int64_t line; size_t from, until; } rows[PIECE_ROWS];	/* where its rows stand */
	size_t row_count;
	int64_t number;			/* that lmsd gave; NUM_NONE */
	int64_t rejected;
	struct buf rejects;
	int percent;
};

/* ---- complaints ---- */

static void reject(struct import *im, int64_t line, size_t from, size_t until, size_t cell, const char *text)
{
	struct buf safe;

	if (im->rejected++ < SHOWN_MAX) {
		buf_init(&safe);
		text_escape(&safe, text, strlen(text));
		if (cell)
			fprintf(stderr, "lmsctl: %s:%lld:%zu: %s\n", im->in.path, (long long)line, cell, buf_cstr(&safe));
		else
			fprintf(stderr, "lmsctl: %s:%lld: %s\n", im->in.path, (long long)line, buf_cstr(&safe));
		buf_fini(&safe);
	}
	if (im->a->rejects) {
		buf_add(&im->rejects, im->in.text.data + from, until - from);
		buf_puts(&im->rejects, "\r\n");
	}
}

static size_t cell_of(const struct import *im, const char *key)
{
	size_t len = strcspn(key, ":");

	for (size_t i = 0; i < im->column_count; i++) {
		const struct field *f = im->columns[i].f;

		if (f && (strlen(f->name) == len || field_base_len(f) == len) && strncmp(f->name, key, len) == 0)
			return i + 1;
	}
	return 0;
}

/* "tag 04AA: zones: …" is about the cell of zones; "tag '…': is not a uid" about that of uid. */
static size_t cell_of_text(const struct import *im, const char **text)
{
	const char *colon = strncmp(*text, "tag ", 4) == 0 ? strstr(*text, ": ") : NULL;
	size_t cell;

	if (!colon)
		cell = cell_of(im, *text);
	else if ((cell = cell_of(im, colon + 2)) != 0)
		*text = colon + 2;
	return cell ? cell : cell_of(im, "uid:");
}

/* ---- the head ---- */

static const struct { const char *name, *key; } others[] = {
	{ "badgeid", "uid" }, { "expirationdate", "expires" }, { "expiration_date", "expires" },
};

static bool is_shown_only(const char *name)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	const struct field *f = field_find(n->fields, n->field_count, name, NULL);

	return f && (size_t)(f - n->fields) >= n->key_count;
}

static int read_column(struct import *im, size_t i)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	struct column *c = &im->columns[i];
	const char *candidates[64], *near;
	char name[64];
	size_t count = 0;

	snprintf(name, sizeof(name), "%s", im->in.cells[i]);
	for (char *p = name; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	for (size_t k = 0; k < ARRAY_LEN(others); k++)
		if (strcmp(name, others[k].name) == 0)
			snprintf(name, sizeof(name), "%s", others[k].key);
	c->f = field_find(n->keys, n->key_count, name, &c->human);
	if (!c->f && is_shown_only(name))
		return 0;
	for (; !c->f && count < n->key_count; count++)
		candidates[count] = n->keys[count].name;
	near = c->f ? NULL : text_nearest(name, candidates, count);
	if (!c->f)
		return csv_in_complain(&im->in, im->in.row_line, i + 1, &im->l->diag, "'%.40s' is no key of a tag (%s%s%s`lmsctl help tag` "
				       "lists them)", im->in.cells[i], near ? "did you mean '" : "", near ? near : "", near ? "'?; " : "");
	for (size_t k = 0; k < i; k++)
		if (im->columns[k].f == c->f)
			return csv_in_complain(&im->in, im->in.row_line, i + 1, &im->l->diag, "%s: is column %zu already", c->f->name, k + 1);
	return 0;
}

static int read_head(struct import *im)
{
	struct lmsctl *l = im->l;
	int ret = csv_in_next(&im->in, &l->diag);

	if (ret < 0)
		return ret;
	if (ret == 0)
		return csv_in_complain(&im->in, 1, 0, &l->diag, "is empty (`lmsctl tag import --template` prints a head)");
	im->column_count = im->in.count;
	for (size_t i = 0; i < im->column_count; i++) {
		ret = read_column(im, i);
		if (ret)
			return ret;
	}
	if (!cell_of(im, "uid:"))
		return csv_in_complain(&im->in, im->in.row_line, 0, &l->diag, "no column is the uid (uid, or badgeId)");
	if (im->a->rejects) {
		buf_add(&im->rejects, im->in.text.data + im->in.from, im->in.until - im->in.from);
		buf_puts(&im->rejects, "\r\n");
	}
	return 0;
}

/* ---- cells ---- */

/* 30.01.2023 or 2023-01-30: through its last second, in the time zone of the site. Else it is a moment, or none. */
static const char *read_date(struct import *im, const char *text)
{
	struct civil c = { 0 };
	char iso[40], *out;
	wall_t t, end;
	int n = 0;

	if (sscanf(text, "%2d.%2d.%4d%n", &c.day, &c.month, &c.year, &n) != 3 || text[n])
		if (sscanf(text, "%4d-%2d-%2d%n", &c.year, &c.month, &c.day, &n) != 3 || text[n])
			return rfc3339_parse(text, strlen(text), &t) == 0 ? text : NULL;
	snprintf(iso, sizeof(iso), "%04d-%02d-%02dT00:00:00Z", c.year, c.month, c.day);
	if (rfc3339_parse(iso, strlen(iso), &t))
		return NULL;
	c.day++;
	end = wall_from_civil(&c, tz_offset_s(im->tz, t));
	end = wall_from_civil(&c, tz_offset_s(im->tz, end)) - US_PER_S;
	out = arena_alloc(&im->arena, RFC3339_MAX);
	return rfc3339_format(end, out);
}

/* STANDARD, SUPER and SUPERVISOR are other products' words. */
static const char *read_type(const char *text)
{
	if (strcasecmp(text, "supervisor") == 0 || strcasecmp(text, "super") == 0)
		return "super";
	return strcasecmp(text, "standard") == 0 ? "standard" : text;
}

static const char *read_text(const struct field *f, const char *text, const char **why)
{
	bool phone = strcmp(f->name, "phone") == 0;

	*why = NULL;
	/* So an export keeps a spreadsheet from calculating. */
	if (*text == '\'' && text[1] && strchr("=+-@", text[1]))
		return text + 1;
	if (*text == '=' || *text == '@' || (*text == '+' && !phone && f->type == FIELD_TEXT))
		*why = "begins as a formula does (write ' in front of it if it is meant)";
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*why = "holds a control character";
	return text;
}

/* One cell into the object of the row; false: why is said. */
static bool put_cell(struct import *im, size_t i, struct json_writer *w, const char **why)
{
	const struct column *c = &im->columns[i];
	const char *text = i < im->in.count ? im->in.cells[i] : "";
	struct ctl_tag_keys scratch;
	static char said[400];
	struct diag d;

	if (!c->f)
		return true;
	if (!*text) {
		if (im->a->mode && strcmp(im->a->mode, "replace") == 0 && strcmp(c->f->name, "uid") != 0) {
			jw_key(w, c->f->name);
			jw_null(w);
		}
		return true;
	}
	text = read_text(c->f, text, why);
	if (*why) {
		snprintf(said, sizeof(said), "%.*s: %s", (int)field_base_len(c->f), c->f->name, *why);
		*why = said;
		return false;
	}
	if (strcmp(c->f->name, "type") == 0)
		text = read_type(text);
	if (c->f->type == FIELD_TIME && !read_date(im, text)) {
		snprintf(said, sizeof(said), "%s: '%.60s' is not a date (use YYYY-MM-DD)", c->f->name, text);
		*why = said;
		return false;
	}
	if (c->f->type == FIELD_TIME)
		text = read_date(im, text);
	diag_init(&d);
	ctl_keys_clear(&ctl_nouns[CTL_NOUN_tag], &scratch);
	/* ':' is no part of a uid as it is kept, and lmsd takes it out. */
	if (strcmp(c->f->name, "uid") == 0) {
		jw_kstr(w, "uid", text);
		return true;
	}
	if (field_parse(c->f, text, c->human, &im->arena, &scratch, &d)) {
		snprintf(said, sizeof(said), "%s", d.text);
		*why = said;
		return false;
	}
	fields_write(c->f, 1, &scratch, true, w);
	return true;
}

/* ---- pieces ---- */

static void show_progress(struct import *im, bool end)
{
	const struct lmsctl *l = im->l;
	int percent = im->in.text.len ? (int)(im->in.at * 100 / im->in.text.len) : 100;

	if (l->opt.quiet || !isatty(STDERR_FILENO) || (!end && percent == im->percent))
		return;
	im->percent = percent;
	if (end)
		fputs("\r\033[K", stderr);
	else
		fprintf(stderr, "\r[%-40.*s] %d %%", percent * 40 / 100, "########################################", percent);
	fflush(stderr);
}

static void take_errors(struct import *im, const struct json *errors)
{
	for (const struct json *e = errors ? errors->first : NULL; e; e = e->next) {
		const char *text = json_str(json_get(e, "text"), "");
		size_t cell = cell_of_text(im, &text);
		int64_t i;

		if (json_int(json_get(e, "index"), &i) == 0 && i >= 0 && (size_t)i < im->row_count)
			reject(im, im->rows[i].line, im->rows[i].from, im->rows[i].until, cell, text);
	}
}

static int send(struct import *im, bool commit, const struct json **result)
{
	struct lmsctl *l = im->l;
	struct json_writer w;
	struct buf b;
	int ret;

	buf_puts(&im->tags, "]");
	buf_puts(&im->lines, "]");
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "tags");
	jw_raw(&w, im->tags.data, im->tags.len);
	jw_key(&w, "lines");
	jw_raw(&w, im->lines.data, im->lines.len);
	if (im->number != NUM_NONE)
		jw_kint(&w, "import", im->number);
	else if (im->a->mode)
		jw_kstr(&w, "mode", im->a->mode);
	if (commit) {
		jw_kbool(&w, "commit", true);
		jw_kbool(&w, "dry_run", im->a->dry_run == 1);
	}
	jw_object_end(&w);
	ret = client_call(l->client, "tag.import", buf_cstr(&b), result, &l->diag);
	buf_fini(&b);
	if (ret)
		return ret;
	json_int(json_get(*result, "import"), &im->number);
	take_errors(im, json_get(*result, "errors"));
	im->row_count = 0;
	buf_clear(&im->tags);
	buf_clear(&im->lines);
	buf_puts(&im->tags, "[");
	buf_puts(&im->lines, "[");
	show_progress(im, false);
	return 0;
}

static bool is_empty(const struct csv_in *in)
{
	for (size_t i = 0; i < in->count; i++)
		if (*in->cells[i])
			return false;
	return true;
}

static int take_row(struct import *im)
{
	const struct csv_in *in = &im->in;
	const struct json *result;
	const char *why = NULL;
	struct json_writer w;
	struct buf obj;
	size_t i = 0;

	if (is_empty(in))
		return 0;
	if (in->count > im->column_count) {
		reject(im, in->row_line, in->from, in->until, im->column_count + 1, "there are more cells than columns in the head");
		return 0;
	}
	buf_init(&obj);
	jw_init(&w, &obj);
	jw_object(&w);
	while (i < im->column_count && put_cell(im, i, &w, &why))
		i++;
	jw_object_end(&w);
	if (i < im->column_count) {
		reject(im, in->row_line, in->from, in->until, i + 1, why);
	} else {
		buf_printf(&im->tags, "%s%s", im->row_count ? "," : "", buf_cstr(&obj));
		buf_printf(&im->lines, "%s%lld", im->row_count ? "," : "", (long long)in->row_line);
		im->rows[im->row_count].line = in->row_line;
		im->rows[im->row_count].from = in->from;
		im->rows[im->row_count++].until = in->until;
	}
	buf_fini(&obj);
	arena_fini(&im->arena);
	arena_init(&im->arena);
	return im->row_count == PIECE_ROWS || im->tags.len > PIECE_BYTES ? send(im, false, &result) : 0;
}

/* ---- the whole ---- */

static int write_rejects(struct import *im)
{
	struct lmsctl *l = im->l;
	struct out_file out;
	FILE *f;
	int ret;

	if (!im->a->rejects || im->rejected == 0)
		return 0;
	ret = out_file_begin(&out, im->a->rejects, &l->diag);
	if (ret)
		return ret;
	f = fopen(out.part, "we");
	if (f)
		fwrite(im->rejects.data, 1, im->rejects.len, f);
	if (!f || fclose(f) != 0) {
		struct diag ignored;

		diag_init(&ignored);
		out_file_end(&out, false, &ignored);
		return diag_set(&l->diag, -LMS_EIO, "%s: cannot be written", im->a->rejects);
	}
	return out_file_end(&out, true, &l->diag);
}

static void show_result(struct import *im, const struct json *r)
{
	static const char *const words[] = { "added", "changed", "unchanged", "deleted" };
	struct lmsctl *l = im->l;
	int64_t n;

	if (l->opt.format != FORMAT_TABLE && l->opt.format != FORMAT_WIDE) {
		struct json_writer w;
		struct buf b;

		buf_init(&b);
		jw_init(&w, &b);
		jw_object(&w);
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			jw_kint(&w, words[i], json_int(json_get(r, words[i]), &n) ? 0 : n);
		jw_kint(&w, "rejected", im->rejected);
		jw_kbool(&w, "dry_run", im->a->dry_run == 1);
		jw_object_end(&w);
		puts(buf_cstr(&b));
		buf_fini(&b);
		return;
	}
	if (l->opt.quiet)
		return;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		printf("%lld %s, ", (long long)(json_int(json_get(r, words[i]), &n) ? 0 : n), words[i]);
	printf("%lld rejected%s\n", (long long)im->rejected, im->a->dry_run == 1 ? " (nothing was changed: dry run)" : "");
}

static int finish(struct import *im)
{
	struct lmsctl *l = im->l;
	bool skip = im->a->on_error && strcmp(im->a->on_error, "skip") == 0;
	const struct json *result;
	int ret = 0;

	/* What the last rows are is known only when they have been sent; then it is decided. */
	if (im->row_count || im->number == NUM_NONE)
		ret = send(im, false, &result);
	if (ret == 0 && im->rejected > SHOWN_MAX)
		fprintf(stderr, "lmsctl: %s: and %lld more\n", im->in.path, (long long)im->rejected - SHOWN_MAX);
	if (ret == 0)
		ret = write_rejects(im);
	if (ret)
		return ret;
	if (im->rejected && !skip)
		return diag_set(&l->diag, -LMS_EDATA, "%s: nothing was changed: %lld of its rows cannot be taken (--on-error=skip leaves "
				"them out)", im->in.path, (long long)im->rejected);
	ret = send(im, true, &result);
	show_progress(im, true);
	if (ret)
		return ret;
	show_result(im, result);
	return im->rejected ? -LMS_EFAILED : 0;
}

static int run(struct import *im)
{
	struct lmsctl *l = im->l;
	int ret = csv_in_open(&im->in, im->a->file, im->a->encoding, &l->diag);

	if (ret == 0)
		ret = read_head(im);
	if (ret == 0 && im->a->mode && strcmp(im->a->mode, "replace") == 0 && im->a->dry_run != 1 && !l->opt.yes)
		ret = call_ask(l, "deletes the tags that it does not name", im->a->file);
	if (ret == 0)
		ret = call_connect(l, NULL, NULL);
	if (ret == 0)
		ret = local_site_zone(l, &im->tz);
	while (ret == 0 && (ret = csv_in_next(&im->in, &l->diag)) > 0)
		ret = take_row(im);
	return ret ? ret : finish(im);
}

int tags_import(struct lmsctl *l, const struct tag_import_args *a)
{
	struct import *im = arena_alloc(&l->arena, sizeof(*im));
	int ret;

	if (a->template_only) {
		puts("uid,holder,type,active,expires,phone,email,comment,group,vip");
		return 0;
	}
	if (!a->file)
		return diag_set(&l->diag, -LMS_EUSAGE, "which file? (- is standard input; --template prints a head)");
	memset(im, 0, sizeof(*im));
	im->l = l;
	im->a = a;
	im->number = NUM_NONE;
	im->percent = -1;
	arena_init(&im->arena);
	buf_init(&im->tags);
	buf_init(&im->lines);
	buf_init(&im->rejects);
	buf_puts(&im->tags, "[");
	buf_puts(&im->lines, "[");
	ret = run(im);
	csv_in_close(&im->in);
	arena_fini(&im->arena);
	buf_fini(&im->tags);
	buf_fini(&im->lines);
	buf_fini(&im->rejects);
	return ret;
}
