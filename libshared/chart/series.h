/* chart/series.h - a history kept to be drawn: its rows by column, and the charts that it makes. Pure.
 *
 * What is not good is a gap here: an implausible reading is not drawn.
 */
#pragma once

#include "chart/chart.h"
#include "ctl/history.h"

struct series {
	struct history_column columns[HISTORY_COLUMNS_MAX];
	size_t column_count;
	wall_t *times;
	int64_t *values[HISTORY_COLUMNS_MAX];
	size_t count, cap;
	int64_t step_ms;	/* the longest of its pages */
};

void series_init(struct series *s);
void series_fini(struct series *s);
void series_clear(struct series *s);
#define SERIES_ROWS_MAX 2000000
/* Reads what is left of the page. 0, or -LMS_EPROTOCOL; -LMS_ERANGE beyond SERIES_ROWS_MAX. */
int series_add(struct series *s, struct history_page *page, struct diag *d);
/* The items of transaction.curve: power, currents and energy; moments of their own, of which all are joined. */
int series_add_curve(struct series *s, const struct json *items, struct diag *d);

/* The index-th chart: columns of one kind ("current_l1" and "current_l2") make one. Fills curves, unit, times and
 * gap; the rest is the caller's. Its title ("current") goes into `title`. False: there is no such chart. */
bool series_chart(const struct series *s, size_t index, struct chart *out, char *title, size_t size);

/* A step of the daemon's with which a span makes at most about `points` of them, in ms; 0 = as stored. */
int64_t series_step_ms(int64_t span_us, int points);
