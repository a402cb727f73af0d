/* archive/pull.h - one page of an answer, read by the archive's reader thread. For this room only. */
#pragma once

#include "archive/writer.h"

struct pull {
	struct archive_query q;
	struct batch pending;		/* rows of the series that may not be on the disk yet */
	void (*done)(void *ctx, struct archive_page *page);
	void *ctx;
	struct archive_page page;
	int64_t bad;			/* damaged blocks */
	struct pull *next;
};

struct pull *pull_new(const struct archive_query *q);
void pull_free(struct pull *job);

/* Fills job->page, hour by hour, each in a transaction of its own. */
void pull_page(const struct vault *v, struct pull *job);
