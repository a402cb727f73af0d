/* archive/page.h - one page of an answer, read by the archive's reader thread. For this room only. */
#pragma once

#include "archive/writer.h"

struct page_job {
	struct archive_query q;
	struct batch pending;		/* rows of the series that may not be on the disk yet */
	void (*done)(void *ctx, struct archive_page *page);
	void *ctx;
	struct archive_page page;
	int64_t bad;			/* damaged blocks */
	struct page_job *next;
};

struct page_job *page_job_new(const struct archive_query *q);
void page_job_free(struct page_job *job);

/* Fills job->page, hour by hour, each in a transaction of its own. */
void page_read(const struct vault *v, struct page_job *job);
