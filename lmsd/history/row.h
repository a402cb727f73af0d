/* history/row.h - what was read of one meter, zone or connector at one step, before an hour of it becomes blocks. */
#pragma once

#include "history/block.h"

#define HISTORY_ROW_SAMPLES 255

struct history_row {
	unsigned step_s, count;
	struct history_sample s[HISTORY_ROW_SAMPLES];	/* `var` as it is stored, ascending or not */
};

/* n up to HISTORY_ROW_SAMPLES; `stored` maps enum history_var to what is written. */
void history_row_write(struct buf *b, unsigned step_s, const struct history_sample *s, size_t n, const uint8_t *stored);
/* 0 or -LMS_EDATA. */
int history_row_read(const void *data, size_t len, struct history_row *out);
