/* site/tags/ctl_tag_import.c - control handler: many tags, in pieces that lmsctl makes of a file. */
#include <string.h>

#include "site/control/ctl_site_util.h"
#include "site/tags/import.h"

#define PIECE_ROWS 1000

static void write_errors(struct ctl_call *c, struct tag_import *im, const struct json *tags, const struct json *lines)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	const struct json *line = lines ? lines->first : NULL;
	int64_t index = 0;

	jw_key(&c->w, "errors");
	jw_array(&c->w);
	for (const struct json *obj = tags ? tags->first : NULL; obj; obj = obj->next, index++) {
		struct ctl_tag_keys k;
		struct diag said;
		int64_t at = 0;

		if (line && json_int(line, &at))
			at = 0;
		line = line ? line->next : NULL;
		diag_init(&said);
		if (!fields_read(n->keys, n->key_count, obj, true, c->arena, &k, &k.given, &said))
			import_row(c->hall->site, im, &k, at, &said);
		if (!diag_failed(&said))
			continue;
		jw_object(&c->w);
		jw_kint(&c->w, "index", index);
		jw_kstr(&c->w, "text", said.text);
		jw_object_end(&c->w);
	}
	jw_array_end(&c->w);
}

static int write_commit(struct ctl_call *c, bool dry)
{
	struct import_counts n;
	int ret = import_commit(c->hall->site, dry, arena_printf(c->arena, "uid %u", c->uid), c->wall, &n, c->fx, &c->diag);

	if (ret)
		return ret;
	jw_kint(&c->w, "added", n.added);
	jw_kint(&c->w, "changed", n.changed);
	jw_kint(&c->w, "unchanged", n.unchanged);
	jw_kint(&c->w, "deleted", n.deleted);
	return 0;
}

static struct json *read_list(struct ctl_call *c, const char *text, const char *what)
{
	struct json *j = text ? json_parse(c->arena, text, strlen(text), &JSON_CAPS_DEFAULT, &c->diag) : NULL;

	if (j && (j->type != JSON_ARRAY || j->count > PIECE_ROWS)) {
		diag_set(&c->diag, -LMS_EDATA, "%s: is not a list of at most %d", what, PIECE_ROWS);
		return NULL;
	}
	return j;
}

int ctl_tag_import(struct ctl_call *c, const struct ctl_tag_import_args *a)
{
	struct json *tags = read_list(c, a->tags, "tags"), *lines = read_list(c, a->lines, "lines");
	static const char modes[] = "merge|insert|replace";
	struct site *s = c->hall->site;
	struct tag_import *im;
	int ret = c->diag.err;

	if (!ret && a->import == NUM_NONE)
		ret = import_begin(s, a->mode ? (enum import_mode)enum_index(modes, a->mode) : IMPORT_MERGE, c->uid, c->now, &c->diag);
	if (ret)
		return ret;
	im = import_find(s, a->import == NUM_NONE ? s->import->number : a->import, c->uid, c->now, &c->diag);
	if (!im)
		return c->diag.err;
	jw_object(&c->w);
	jw_kint(&c->w, "import", im->number);
	write_errors(c, im, tags, lines);
	if (a->commit == 1)
		ret = write_commit(c, a->dry_run == 1);
	jw_object_end(&c->w);
	return ret;
}
