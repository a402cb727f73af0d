/* store/page.h - one page of a table, read by the reader thread. */
#pragma once

#include "base/arena.h"
#include "store/env.h"
#include "store/store.h"

struct page_job {
	enum store_table table;
	char after[STORE_KEY_MAX + 1];	/* "" = from the start, or the end */
	bool backwards;
	size_t limit;
	void (*done)(void *ctx, const struct store_page *page);
	void *ctx;

	struct arena arena;		/* all that page points to */
	struct store_page page;
	uint64_t bad_records;
	struct page_job *next;
};

struct page_job *page_job_new(enum store_table table, const char *after_key, bool backwards,
			      size_t limit);
void page_job_free(struct page_job *job);

/* Fills job->page in one transaction that ends before this returns. */
void page_read(struct env *e, struct page_job *job);
