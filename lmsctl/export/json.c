/* export/json.c - the rows as an array of objects, for programs: raw integers, times in UTC. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "lmsctl/export/back.h"

struct out {
	const struct sheet_layout *layout;
	const char *path;
	FILE *file;
	size_t rows;
};

static void *open_json(const char *path, const struct sheet_layout *layout, struct diag *d)
{
	struct out *o = xcalloc(1, sizeof(*o));

	o->layout = layout;
	o->path = path;
	o->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (o->file)
		return o;
	diag_set(d, -LMS_ECANTCREAT, "%s: %s", path, strerror(errno));
	free(o);
	return NULL;
}

static void put_number(struct json_writer *w, const struct sheet_column *c, int64_t v)
{
	char text[40];
	int64_t unit = 1;

	for (int i = 0; i < c->decimals; i++)
		unit *= 10;
	/* What has decimals is money here: a text, so that no reader makes a binary fraction of it. */
	if (c->decimals == 0) {
		jw_kint(w, c->name, v);
		return;
	}
	snprintf(text, sizeof(text), "%lld.%0*lld", (long long)(v / unit), c->decimals, (long long)(v % unit));
	jw_kstr(w, c->name, text);
}

static int row(void *state, const struct sheet_cell *cells, struct diag *d)
{
	struct out *o = state;
	char time[RFC3339_MAX];
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	for (size_t i = 0; i < o->layout->count; i++) {
		const struct sheet_column *c = &o->layout->columns[i];

		if (c->type == SHEET_TEXT)
			jw_kstr(&w, c->name, cells[i].text);
		else if (cells[i].number == NUM_NONE)
			jw_kstr(&w, c->name, NULL);
		else if (c->type == SHEET_TIME)
			jw_kstr(&w, c->name, rfc3339_format(cells[i].number, time));
		else
			put_number(&w, c, cells[i].number);
	}
	jw_object_end(&w);
	fprintf(o->file, "%s%s", o->rows++ ? ",\n" : "[\n", buf_cstr(&b));
	buf_fini(&b);
	return ferror(o->file) ? diag_set(d, -LMS_EIO, "%s: %s", o->path, strerror(errno)) : 0;
}

static int close_json(void *state, bool whole, struct diag *d)
{
	struct out *o = state;
	int ret = 0;

	if (whole)
		fputs(o->rows ? "\n]\n" : "[]\n", o->file);
	if (fflush(o->file) != 0 || ferror(o->file))
		ret = diag_set(d, -LMS_EIO, "%s: %s", o->path, strerror(errno));
	if (o->file != stdout)
		fclose(o->file);
	free(o);
	return ret;
}

const struct sheet_back sheet_json = { open_json, row, NULL, close_json };
