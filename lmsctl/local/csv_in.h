/* local/csv_in.h - a CSV file that a person made, row by row, each with its place.
 *
 * UTF-8 with or without BOM, else cp1252; separator ',' ';' or TAB by the first line, or as a line "sep=;" says.
 * Quotes by RFC 4180, and strictly: what is wrong is said with line and cell, never guessed.
 */
#pragma once

#include <csv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

#define CSV_IN_BYTES_MAX ((size_t)64 << 20)
#define CSV_IN_CELLS_MAX 64

struct csv_in {
	const char *path;		/* borrowed; for messages */
	struct buf text;		/* all of it, as UTF-8 */
	size_t at;
	int64_t line;			/* of `at`, from 1 */
	bool wide;			/* no UTF-8: read as cp1252 */
	struct csv_parser parser;
	struct arena arena;		/* of the row */
	/* the row, good until the next one */
	char *cells[CSV_IN_CELLS_MAX];
	size_t count;
	int64_t row_line;		/* where it begins */
	size_t from, until;		/* in text, its end of line left out */
	bool done, too_many;
};

/* encoding: "utf-8", "cp1252", NULL = find out. "-" is standard input. 0, or -LMS_ENOINPUT, -LMS_EDATA. */
int csv_in_open(struct csv_in *in, const char *path, const char *encoding, struct diag *d);
/* 1, 0 at the end, or -LMS_EDATA. */
int csv_in_next(struct csv_in *in, struct diag *d);
void csv_in_close(struct csv_in *in);
/* "tags.csv:17:3: …" */
int csv_in_complain(const struct csv_in *in, int64_t line, size_t cell, struct diag *d, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
