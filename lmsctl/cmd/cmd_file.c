/* lmsctl/cmd/cmd_file.c - files to and from lmsd's file server, piece by piece; and arguments that are @PATH. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/err.h"
#include "lmsctl/export/out_file.h"
#include "lmsctl/output.h"

#define PIECE ((size_t)96 << 10)
#define SIGNATURE_MAX ((size_t)4 << 10)

static void progress(const struct lmsctl *l, int64_t done, int64_t size)
{
	if (!l->opt.quiet && isatty(STDERR_FILENO) && size > (int64_t)PIECE)
		fprintf(stderr, "\r%lld %%%s", (long long)(done * 100 / size), done == size ? "\n" : "");
}

/* ---- to lmsd ---- */

/* What may stand in the name that stations see. */
static const char *name_of(struct lmsctl *l, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = arena_strndup(&l->arena, slash ? slash + 1 : path, 64);

	for (char *p = name; *p; p++) {
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-", *p) ||
		    (p == name && *p == '.'))
			*p = '_';
	}
	return name;
}

static int send_piece(struct lmsctl *l, const char *name, int64_t size, int64_t upload, int64_t offset, const char *data,
		      size_t len, const struct json **result)
{
	struct json_writer w;
	struct buf b, text;
	int ret;

	buf_init(&b);
	buf_init(&text);
	base64_write(&text, data, len);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "name", name);
	jw_kint(&w, "size", size);
	if (upload)
		jw_kint(&w, "upload", upload);
	jw_kint(&w, "offset", offset);
	jw_key(&w, "data");
	jw_strn(&w, text.len ? text.data : "", text.len);
	jw_object_end(&w);
	ret = client_call(l->client, "file.add", buf_cstr(&b), result, &l->diag);
	buf_fini(&text);
	buf_fini(&b);
	return ret;
}

static int send_all(struct lmsctl *l, int fd, const char *path, const struct json **result)
{
	const char *name = name_of(l, path);
	char *data = arena_alloc(&l->arena, PIECE);
	int64_t upload = 0, offset = 0;
	struct stat st;
	int ret = 0;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return diag_set(&l->diag, -LMS_ENOINPUT, "%s: is not a file with something in it", path);
	while (ret == 0 && offset < st.st_size) {
		ssize_t n = read(fd, data, PIECE);

		if (n <= 0)
			return diag_set(&l->diag, -LMS_ENOINPUT, "%s: %s", path, n < 0 ? strerror(errno) : "became shorter");
		ret = send_piece(l, name, st.st_size, upload, offset, data, (size_t)n, result);
		if (ret == 0 && upload == 0)
			json_int(json_get(*result, "upload"), &upload);
		offset += n;
		progress(l, ret == 0 ? offset : 0, st.st_size);
	}
	return ret;
}

int file_send(struct lmsctl *l, const char *path, const struct json **result)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return diag_set(&l->diag, -LMS_ENOINPUT, "%s: %s", path, strerror(errno));
	ret = send_all(l, fd, path, result);
	close(fd);
	return ret;
}

int cmd_file_add(struct lmsctl *l, const char *params)
{
	struct json *args = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, NULL);
	const char *path = json_str(json_get(args, "name"), "");
	const struct json *result;
	int ret = call_connect(l, NULL, NULL);

	if (ret == 0)
		ret = file_send(l, *path == '@' ? path + 1 : path, &result);
	return ret ? ret : call_show_record(l, result);
}

/* ---- from lmsd ---- */

static int ask_piece(struct lmsctl *l, const char *id, int64_t offset, struct buf *data, int64_t *size)
{
	const struct json *result, *text;
	struct json_writer w;
	struct buf b;
	int ret;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "id", id);
	jw_kint(&w, "offset", offset);
	jw_object_end(&w);
	ret = client_call(l->client, "file.get", buf_cstr(&b), &result, &l->diag);
	buf_fini(&b);
	if (ret)
		return ret;
	text = json_get(result, "data");
	buf_clear(data);
	if (!text || text->type != JSON_STRING || json_int(json_get(result, "size"), size) ||
	    base64_read(data, text->text, text->len) || (data->len == 0 && offset < *size))
		return diag_set(&l->diag, -LMS_EPROTOCOL, "lmsd answered no piece of the file");
	return 0;
}

static int write_all(struct lmsctl *l, const char *id, FILE *out, const char *path)
{
	int64_t offset = 0, size = 1;
	struct buf data;
	int ret = 0;

	buf_init(&data);
	while (ret == 0 && offset < size) {
		ret = ask_piece(l, id, offset, &data, &size);
		if (ret == 0 && data.len && fwrite(data.data, 1, data.len, out) != data.len)
			ret = diag_set(&l->diag, -LMS_EIO, "%s: %s", path, strerror(errno));
		offset += (int64_t)data.len;
		progress(l, offset, size);
	}
	buf_fini(&data);
	return ret;
}

static int write_part(struct lmsctl *l, const char *id, const char *part)
{
	FILE *out = fopen(part, "we");
	int ret;

	if (!out)
		return diag_set(&l->diag, -LMS_ECANTCREAT, "%s: %s", part, strerror(errno));
	ret = write_all(l, id, out, part);
	if (fclose(out) != 0 && ret == 0)
		ret = diag_set(&l->diag, -LMS_EIO, "%s: %s", part, strerror(errno));
	return ret;
}

int file_fetch(struct lmsctl *l, const char *id, const char *path)
{
	struct out_file file;
	int ret, ended;

	if (strcmp(path, "-") == 0)
		return write_all(l, id, stdout, "standard output");
	ret = out_file_begin(&file, path, &l->diag);
	if (ret)
		return ret;
	ret = write_part(l, id, file.part);
	ended = out_file_end(&file, ret == 0, &l->diag);
	return ret ? ret : ended;
}

int cmd_file_get(struct lmsctl *l, const char *params)
{
	struct json *args = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, NULL);
	int ret;

	if (!l->opt.out)
		return diag_set(&l->diag, -LMS_EUSAGE, "where to? (-O FILE; -O - is standard output)");
	ret = call_connect(l, NULL, NULL);
	return ret ? ret : file_fetch(l, json_str(json_get(args, "id"), ""), l->opt.out);
}

/* ---- @PATH ---- */

/* As base64, whichever the file holds: openssl writes bytes. */
static int read_signature(struct lmsctl *l, struct word *word)
{
	struct buf text, bytes, file;
	int ret;

	buf_init_max(&file, SIGNATURE_MAX);
	buf_init(&bytes);
	buf_init(&text);
	ret = file_read(l, word->value + 1, &file);
	if (ret == 0) {
		bool is_text = file.len && base64_read(&bytes, file.data, file.len) == 0 && bytes.len > 0;
		const struct buf *b = is_text ? &bytes : &file;

		base64_write(&text, b->data, b->len);
		word->value = arena_strdup(&l->arena, buf_cstr(&text));
	}
	buf_fini(&text);
	buf_fini(&bytes);
	buf_fini(&file);
	return ret;
}

int file_signature(struct lmsctl *l)
{
	int ret = 0;

	for (size_t i = 0; i < l->word_count && ret == 0; i++) {
		struct word *w = &l->words[i];

		if (l->verb->id == CTL_VERB_station_firmware_update && w->name && strcmp(w->name, "signature") == 0 &&
		    w->value[0] == '@')
			ret = read_signature(l, w);
	}
	return ret;
}

const char *file_params(struct lmsctl *l, const char *params)
{
	struct json *args = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, NULL);
	const char *path = json_str(json_get(args, "file"), "");
	const struct json *result;
	struct json_writer w;
	const char *id, *text;
	struct buf b;

	if (l->verb->id != CTL_VERB_station_firmware_update || *path != '@')
		return params;
	if (file_send(l, path + 1, &result))
		return NULL;
	id = arena_strdup(&l->arena, json_str(json_get(result, "id"), ""));
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	for (const struct json *m = args->first; m; m = m->next) {
		jw_key(&w, m->key);
		if (strcmp(m->key, "file") == 0)
			jw_str(&w, id);
		else
			jw_copy(&w, m);
	}
	jw_object_end(&w);
	text = arena_strdup(&l->arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}
