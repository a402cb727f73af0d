/* export/sheet.h - a table written row by row into a file for spreadsheets: CSV, JSON or XLSX in
 * constant memory, or PDF.
 *
 * The file appears under its name when it is whole (out_file.h). Absent cells are empty, never 0. Text that a
 * spreadsheet would take for a formula gets an apostrophe in CSV, and is text in XLSX anyway.
 */
#pragma once

#include "base/diag.h"
#include "base/timefmt.h"

enum sheet_format { SHEET_CSV, SHEET_CSV_EXCEL, SHEET_XLSX, SHEET_PDF, SHEET_JSON };

enum sheet_type {
	SHEET_TEXT,
	SHEET_NUMBER,	/* 10^-decimals units */
	SHEET_ENERGY,	/* Wh, shown as kWh with three decimals */
	SHEET_TIME	/* wall_t, in the zone of the sheet */
};

struct sheet_column {
	const char *name;	/* as it stands in the header */
	const char *unit;	/* behind it in brackets; NULL or "" = none */
	enum sheet_type type;
	int decimals;
};

struct sheet_cell {
	const char *text;	/* NULL = empty */
	int64_t number;		/* also of SHEET_TIME; NUM_NONE = empty */
};

struct sheet_layout {
	const char *title;	/* of an XLSX sheet: at most 25 bytes of it */
	const struct sheet_column *columns;
	size_t count;
	const struct time_zone *tz;	/* NULL = UTC */
	const char *heading;		/* of a PDF: what it is, and of when; NULL = the title */
};

struct sheet;

/* What was asked for ("xlsx"), else what the name ends with, else CSV; `all`: PDF and JSON, too. The dialect is one of
 * CSV: "excel". 0, or -LMS_EUSAGE. */
int sheet_choose(const char *path, const char *format, const char *dialect, bool all, enum sheet_format *out,
		 struct diag *d);
/* All of the layout is borrowed until close. `path` "-" is standard output, for CSV alone. 0, or -LMS_ECANTCREAT …. */
int sheet_open(struct sheet **out, enum sheet_format format, const char *path, const struct sheet_layout *layout,
	       struct diag *d);
/* One cell for each column. The first error stays, and sheet_close tells it. */
void sheet_row(struct sheet *s, const struct sheet_cell *cells);
/* The last row: sums. What is for programs (CSV) has none. */
void sheet_totals(struct sheet *s, const struct sheet_cell *cells);
bool sheet_failed(const struct sheet *s);
/* keep: the file gets its name, unless something failed; else it is gone. Frees. NULL is fine. */
int sheet_close(struct sheet *s, bool keep, struct diag *d);
