/* local/query.h - a history asked for, page by page. */
#pragma once

#include "base/period.h"
#include "ctl/history.h"
#include "lmsctl/local/local.h"

struct query {
	struct lmsctl *l;
	const char *method;
	const struct series_args *a;
	struct period period;
	const struct time_zone *tz;	/* NULL = UTC */
	int64_t step_ms;		/* NUM_NONE = lmsd's choice */
};

/* Connects, and reads PERIOD ("24h" if none was given) in the zone of the site. */
int query_begin(struct query *q, struct lmsctl *l, const char *method, const struct series_args *a);
/* Every page in order; a callback's error ends it. */
int query_pages(struct query *q, int (*page)(void *ctx, struct history_page *p), void *ctx);
