/* site/tags/import.c - tags that come in pieces, and become the site's at once or not at all. */
#include "site/tags/import.h"

#include <stdlib.h>
#include <string.h>

#include "site/generation/edit_parts.h"

void import_free(struct site *s)
{
	struct tag_import *im = s->import;

	if (!im)
		return;
	HASH_CLEAR(hh, im->rows);
	arena_fini(&im->arena);
	free(im);
	s->import = NULL;
}

int import_begin(struct site *s, enum import_mode mode, unsigned owner, mono_t now, struct diag *diag)
{
	if (s->import && now < s->import->until && s->import->owner != owner)
		return diag_set(diag, -LMS_ECONFLICT, "uid %u imports tags already (try again when that has ended)",
				s->import->owner);
	import_free(s);
	s->import = xcalloc(1, sizeof(*s->import));
	s->import->number = ++s->imports;
	s->import->owner = owner;
	s->import->mode = mode;
	s->import->until = now + IMPORT_WAIT_US;
	arena_init(&s->import->arena);
	return 0;
}

struct tag_import *import_find(struct site *s, int64_t number, unsigned owner, mono_t now, struct diag *diag)
{
	if (!s->import || s->import->number != number || s->import->owner != owner || now >= s->import->until) {
		diag_set(diag, -LMS_ENOTFOUND, "import %lld: is not under way any more (begin anew)", (long long)number);
		return NULL;
	}
	s->import->until = now + IMPORT_WAIT_US;
	return s->import;
}

static enum edit_mode mode_of(struct site *s, const struct tag_import *im, const char *uid)
{
	return im->mode == IMPORT_INSERT || !site_tag(s, uid) ? SITE_CREATE : SITE_CHANGE;
}

int import_row(struct site *s, struct tag_import *im, const struct ctl_tag_keys *k, int64_t line, struct diag *diag)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	char uid[ID_MAX + 1] = "";
	struct import_row *row = NULL;
	struct site_edit *e;
	int ret;

	if (k->uid && tag_normalize(k->uid, uid) == 0)
		HASH_FIND(hh, im->rows, uid, strlen(uid), row);
	if (row)
		return diag_set(diag, -LMS_EDATA, "uid: %s stands in line %lld, too", uid, (long long)row->line);
	if (HASH_COUNT(im->rows) >= IMPORT_ROWS_MAX || im->arena.used > IMPORT_BYTES_MAX)
		return diag_set(diag, -LMS_ERANGE, "uid: is one tag too many (%d in an import)", IMPORT_ROWS_MAX);
	/* Alone, as it would be changed now: so the complaint is about this row. */
	e = site_edit_new(s);
	site_edit_tag(e, k, mode_of(s, im, uid));
	if (!diag_failed(&e->diag))
		edit_check_tags(e);
	*diag = e->diag;
	ret = e->diag.err;
	site_edit_free(e);
	if (ret)
		return ret;
	row = arena_alloc(&im->arena, sizeof(*row));
	ctl_keys_clear(n, &row->k);
	fields_copy(n->keys, n->key_count, &row->k, k, &im->arena);
	row->k.given = k->given;
	row->k.uid = arena_strdup(&im->arena, uid);
	row->line = line;
	HASH_ADD_KEYPTR(hh, im->rows, row->k.uid, strlen(row->k.uid), row);
	return 0;
}

int import_commit(struct site *s, bool dry, const char *by, wall_t wall, struct import_counts *out, struct effects *fx,
		  struct diag *diag)
{
	const struct tag_import *im = s->import;
	struct site_edit *e = site_edit_new(s);
	int ret;

	site_edit_at(e, wall, by);
	for (const struct import_row *row = im->rows; row && !diag_failed(&e->diag); row = row->hh.next)
		site_edit_tag(e, &row->k, mode_of(s, im, row->k.uid));
	if (im->mode == IMPORT_REPLACE)
		edit_prune_tags(e);
	/* The site may have changed since the rows came. */
	if (!diag_failed(&e->diag))
		edit_check_tags(e);
	ret = e->diag.err;
	*diag = e->diag;
	*out = (struct import_counts){ 0 };
	if (!ret)
		edit_count_tags(e, &out->added, &out->changed, &out->unchanged, &out->deleted);
	if (!ret && !dry)
		edit_apply_tags(e, fx);
	site_edit_free(e);
	import_free(s);
	return ret;
}
