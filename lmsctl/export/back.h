/* export/back.h - between sheet.c and the formats. */
#pragma once

#include "lmsctl/export/sheet.h"

struct sheet_back {
	/* State of its own, or NULL with diag. It writes to `path`, a file that is there and empty; "-" = stdout. */
	void *(*open)(const char *path, const struct sheet_layout *layout, struct diag *d);
	/* 0, or -LMS_EIO with diag. */
	int (*row)(void *state, const struct sheet_cell *cells, struct diag *d);
	/* The same for the row of sums; NULL: such a file has none. */
	int (*totals)(void *state, const struct sheet_cell *cells, struct diag *d);
	/* Ends the file and frees; `whole` = it is to be one. */
	int (*close)(void *state, bool whole, struct diag *d);
};

extern const struct sheet_back sheet_csv, sheet_csv_excel, sheet_xlsx, sheet_pdf, sheet_json;
