/* site/tags/import.h - private to the site room: tags that come in pieces, and become the site's at once or not at all.
 *
 * Rows wait here, checked one by one as they come, until the last piece; then they are one edit of one turn and
 * one batch of the store. One import at a time; IMPORT_WAIT_US after its latest piece it is forgotten.
 */
#pragma once

#include "site/edit.h"

#define IMPORT_ROWS_MAX  200000
#define IMPORT_BYTES_MAX ((size_t)256 << 20)
#define IMPORT_WAIT_US   (60 * US_PER_S)

enum import_mode { IMPORT_MERGE, IMPORT_INSERT, IMPORT_REPLACE };

struct import_row {
	UT_hash_handle hh;		/* by keys.uid, in the order of the rows */
	struct ctl_tag_keys k;		/* in the import's arena */
	int64_t line;			/* of the file, for people */
};

struct tag_import {
	int64_t number;			/* names it in the calls that follow */
	unsigned owner;			/* uid of who began it */
	mono_t until;
	enum import_mode mode;
	struct arena arena;
	struct import_row *rows;
};

struct import_counts { int64_t added, changed, unchanged, deleted; };

/* A new one; -LMS_ECONFLICT with diag while another is under way. */
int import_begin(struct site *s, enum import_mode mode, unsigned owner, mono_t now, struct diag *diag);
/* The one that is meant, and it goes on; NULL with diag. */
struct tag_import *import_find(struct site *s, int64_t number, unsigned owner, mono_t now, struct diag *diag);
/* One more row, or why not; it is left out then. */
int import_row(struct site *s, struct tag_import *im, const struct ctl_tag_keys *k, int64_t line, struct diag *diag);
/* All of it; the import is over, whatever comes of it. */
int import_commit(struct site *s, bool dry, const char *by, wall_t wall, struct import_counts *out, struct effects *fx,
		  struct diag *diag);
void import_free(struct site *s);
