/* local/draw.h - series as charts on the terminal, and as rows for programs. */
#pragma once

#include "chart/series.h"
#include "lmsctl/lmsctl.h"

/* All charts of the series, one below the other; `head` is what stands over each. */
void draw_charts(struct lmsctl *l, const struct series *s, wall_t from, wall_t until, const struct time_zone *tz,
		 const char *head);

int draw_width(const struct lmsctl *l);	/* of a chart, in columns */

/* Rows in -o json, ndjson, csv, tsv, value and wide: one per time, a column per variable. */
struct data {
	struct lmsctl *l;
	const struct time_zone *tz;	/* of -o wide */
	const struct history_column *columns;	/* borrowed until the end */
	size_t count;
	bool with_quality;
	size_t rows;
};
void data_begin(struct data *d);
/* False: enough (--limit). */
bool data_row(struct data *d, const struct history_row *row);
void data_end(struct data *d);
/* Is a chart wanted, or rows? */
bool data_is_chart(const struct lmsctl *l);
/* Options that would do nothing here. */
int data_check_options(struct lmsctl *l);
