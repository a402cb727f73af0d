/* hall/control/ctl_file.c - control handlers: the files of lmsd's file server, in and out in pieces.
 *
 * A piece is answered when the server's thread has it, so that nobody can hold more of the loop or of memory than
 * a piece.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/base64.h"
#include "base/err.h"
#include "files/files.h"
#include "site/transfer.h"

#define PAGE_DEFAULT 200
#define PAGE_MAX 1000

struct asked {
	struct app *app;
	uint64_t token;
};

static struct app *app_of(const struct ctl_call *c)
{
	return (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
}

static int check_on(struct ctl_call *c)
{
	if (app_of(c)->files != NULL)
		return 0;
	return diag_set(&c->diag, -LMS_ECONFLICT, "lmsd serves no files here (set files.listen in lmsd.conf)");
}

static struct asked *asked_new(const struct ctl_call *c)
{
	struct asked *a = xcalloc(1, sizeof(*a));

	a->app = app_of(c);
	a->token = c->token;
	return a;
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static void to_record(const struct file_info *f, struct ctl_file *out)
{
	ctl_record_clear(&ctl_nouns[CTL_NOUN_file], out);
	out->id = f->id;
	out->what = f->what;
	out->name = or_null(f->name);
	out->station = or_null(f->station);
	out->size = f->size;
	out->created = f->created / US_PER_S * US_PER_S;
	out->request = f->job ? f->job : NUM_NONE;
	out->sha256 = f->sha256;
}

/* The file that is meant, or the error. */
static const struct file_info *find(struct ctl_call *c, const char *id)
{
	const struct file_info *f = check_on(c) == 0 ? files_find(app_of(c)->files, id) : NULL;

	if (f == NULL && c->diag.err == 0)
		diag_set(&c->diag, -LMS_ENOTFOUND, "file '%.64s' is not there (lmsctl file list)", id);
	return f;
}

int ctl_file_list(struct ctl_call *c, const struct ctl_file_list_args *a)
{
	size_t limit = a->limit == NUM_NONE ? PAGE_DEFAULT : a->limit < 1 ? 1 : a->limit > PAGE_MAX ? PAGE_MAX : (size_t)a->limit;
	const struct file_info *list = NULL;
	const char *last = NULL, *next = NULL;
	bool skip = a->cursor != NULL;
	struct ctl_file rec;
	size_t count = 0;

	if (app_of(c)->files != NULL)
		list = files_list(app_of(c)->files, &count);
	/* Behind one that is gone meanwhile nothing is missed: from the start again. */
	if (skip && (list == NULL || files_find(app_of(c)->files, a->cursor) == NULL))
		skip = false;
	ctl_answer_list(c);
	for (size_t i = 0; i < count; i++) {
		bool behind = skip;

		if (skip && strcmp(list[i].id, a->cursor) == 0)
			skip = false;
		if (behind || (a->station && strcmp(a->station, list[i].station) != 0))
			continue;
		if (limit-- == 0) {
			next = last;
			break;
		}
		last = list[i].id;
		to_record(&list[i], &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, next);
}

int ctl_file_show(struct ctl_call *c, const struct ctl_file_show_args *a)
{
	const struct file_info *f = find(c, a->id);
	struct ctl_file rec;

	if (f == NULL)
		return c->diag.err;
	to_record(f, &rec);
	return ctl_answer_record(c, &rec);
}

/* ---- later ---- */

/* Ends what was asked with the JSON in the buffer, or the error. */
static void reply(struct asked *a, const struct files_answer *answer, struct buf *b)
{
	a->app->turn_open = true;
	if (answer->err)
		fx_reply_error(&a->app->fx, a->token, answer->err, answer->text);
	else
		fx_reply(&a->app->fx, FX_NOW, a->token, buf_cstr(b), b->len);
	buf_fini(b);
	free(a);
}

static void added(void *ctx, const struct files_answer *answer)
{
	struct ctl_file rec;
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	if (answer->whole) {
		to_record(&answer->file, &rec);
		ctl_record_write(&ctl_nouns[CTL_NOUN_file], &rec, &w);
	} else {
		jw_object(&w);
		jw_kint(&w, "upload", (int64_t)answer->upload);
		jw_kint(&w, "offset", answer->offset);
		jw_object_end(&w);
	}
	reply(ctx, answer, &b);
}

static void read_piece(void *ctx, const struct files_answer *answer)
{
	struct json_writer w;
	struct buf b, text;

	buf_init(&b);
	buf_init(&text);
	jw_init(&w, &b);
	base64_write(&text, answer->data, answer->len);
	jw_object(&w);
	jw_kstr(&w, "id", answer->file.id);
	jw_kstr(&w, "name", answer->file.name);
	jw_kint(&w, "size", answer->file.size);
	jw_kint(&w, "offset", answer->offset);
	jw_key(&w, "data");
	jw_strn(&w, text.len ? text.data : "", text.len);
	jw_object_end(&w);
	buf_fini(&text);
	reply(ctx, answer, &b);
}

static void deleted(void *ctx, const struct files_answer *answer)
{
	struct buf b;

	buf_init(&b);
	buf_puts(&b, "{\"changed\":true}");
	reply(ctx, answer, &b);
}

static int bytes_of(struct ctl_call *c, const char *data, struct buf *out)
{
	const struct json *text = data ? json_parse(c->arena, data, strlen(data), &JSON_CAPS_DEFAULT, &c->diag) : NULL;

	if (data == NULL)
		return 0;
	if (text == NULL || text->type != JSON_STRING || base64_read(out, text->text, text->len) < 0)
		return diag_set(&c->diag, -LMS_EDATA, "data: must be base64 in a string");
	if (out->len > FILES_PIECE_MAX)
		return diag_set(&c->diag, -LMS_ERANGE, "data: is more than %zu bytes (send less at a time)", FILES_PIECE_MAX);
	return 0;
}

int ctl_file_add(struct ctl_call *c, const struct ctl_file_add_args *a)
{
	struct files_piece piece = { .name = a->name, .size = a->size };
	struct buf data;
	int ret = check_on(c);

	if (ret == 0 && !files_name_good(a->name))
		ret = diag_set(&c->diag, -LMS_EDATA, "name: letters, digits and ._+- only, up to %d, and no dot at its beginning",
			       FILES_NAME_MAX);
	if (ret == 0 && (a->size == NUM_NONE || a->size < 1))
		ret = diag_set(&c->diag, -LMS_EDATA, "size: must be that of the whole file, at least 1");
	if (ret == 0 && (a->upload != NUM_NONE && a->upload < 1))
		ret = diag_set(&c->diag, -LMS_EDATA, "upload: must be what the answer to the piece before says");
	if (ret)
		return ret;
	piece.upload = a->upload == NUM_NONE ? 0 : (uint64_t)a->upload;
	piece.offset = a->offset == NUM_NONE ? 0 : a->offset;
	buf_init(&data);
	ret = bytes_of(c, a->data, &data);
	piece.data = data.len ? data.data : "";
	piece.len = data.len;
	if (ret == 0)
		files_add(app_of(c)->files, &piece, added, asked_new(c));
	buf_fini(&data);
	return ret ? ret : CTL_LATER;
}

int ctl_file_get(struct ctl_call *c, const struct ctl_file_get_args *a)
{
	const struct file_info *f = find(c, a->id);
	int64_t offset = a->offset == NUM_NONE ? 0 : a->offset;

	if (f == NULL)
		return c->diag.err;
	if (offset < 0 || offset > f->size)
		return diag_set(&c->diag, -LMS_ERANGE, "offset: must be from 0 to %lld", (long long)f->size);
	files_read(app_of(c)->files, f->id, offset, read_piece, asked_new(c));
	return CTL_LATER;
}

/* A station that was told to fetch it would fail. */
static int check_unused(struct ctl_call *c, const struct file_info *f)
{
	const struct station *st;

	for (st = c->hall->site->stations; st != NULL; st = st->hh.next) {
		const struct transfer *t = st->transfer[TRANSFER_FIRMWARE];

		if (t != NULL && t->state == TRANSFER_RUNNING && strcmp(t->file, f->id) == 0 && t->until > c->wall)
			return diag_set(&c->diag, -LMS_ECONFLICT, "file %s: station %s is to fetch it (station firmware update "
					"%s with another one ends that)", f->id, st->id, st->id);
	}
	return 0;
}

int ctl_file_delete(struct ctl_call *c, const struct ctl_file_delete_args *a)
{
	const struct file_info *f = find(c, a->id);
	int ret = f != NULL ? check_unused(c, f) : c->diag.err;

	if (ret)
		return ret;
	files_delete(app_of(c)->files, f->id, deleted, asked_new(c));
	return CTL_LATER;
}
