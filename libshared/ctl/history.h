/* ctl/history.h - pages of a record `history` (history.def) as lmsd sends them, row by row. Pure. */
#pragma once

#include "base/diag.h"
#include "base/json.h"
#include "base/types.h"

#define HISTORY_COLUMNS_MAX 120

struct history_column {
	char variable[40], unit[8], stat[8];
	int decimals;			/* a number n means n / 10^decimals units */
};

struct history_page {
	struct history_column columns[HISTORY_COLUMNS_MAX];
	size_t count;
	int64_t step_ms;
	const struct json *rows, *next;	/* of the answer: the next row to read */
	const char *cursor;		/* NULL = the last page */
};

struct history_row {
	wall_t time;
	int64_t values[HISTORY_COLUMNS_MAX];	/* NUM_NONE = a gap */
	const char *quality;		/* a letter for each column, or NULL: all are good */
};

/* What the answer of a *.history request holds; it is borrowed. 0, or -LMS_EPROTOCOL. */
int history_page_read(const struct json *answer, struct history_page *out, struct diag *d);
/* The next row: 1, 0 after the last one, or -LMS_EPROTOCOL. */
int history_page_next(struct history_page *p, struct history_row *out, struct diag *d);
/* "current_l1_ma": the name with the unit that raw numbers are in; stat other than value, mean and last in
 * front of it. */
void history_column_name(const struct history_column *c, char *out, size_t size);
