/* archive/writer.h - how the archive's thread changes the vault: rows in, hours sealed, roll-ups made, old dropped.
 *
 * Each step is a transaction, or several that each leave a whole archive behind: an end at any moment costs
 * nothing but what was not begun. For this room only.
 */
#pragma once

#include "archive/vault.h"

struct series_cache;

/* Rows that are committed together; each is a struct batch_row and its samples. */
struct batch {
	struct batch *next;		/* in the queue of the thread */
	struct batch *next_flying;	/* on the loop, until it is committed */
	bool done;			/* guarded by the archive's lock */
	struct buf rows;
	size_t count;
};

struct batch_row {
	int64_t time_s;
	uint32_t step_s;
	uint8_t kind;
	uint8_t n;			/* struct history_sample that follow */
	char id[ARCHIVE_ID_MAX];
};

struct batch *batch_new(void);
void batch_free(struct batch *b);
/* false: this is no row (n up to 255, a time of this century). */
bool batch_add(struct batch *b, enum history_kind kind, const char *id, int64_t time_s, unsigned step_s,
	       const struct history_sample *s, size_t n);
/* Steps through a batch: NULL at its end. */
const struct batch_row *batch_next(const struct batch *b, size_t *offset, const struct history_sample **s);

struct writer {
	struct vault vault;
	struct series_cache *cache;
	int64_t now_s;			/* time of the newest row */
	int64_t pruned_hour;		/* in which it was looked for what is too old */
	int64_t lost;			/* rows and blocks that found no place */
	bool (*stop)(void *ctx);	/* asked during long work: end it early */
	void *stop_ctx;
};

/* 0, or why nothing of the batch is there. */
int writer_rows(struct writer *w, const struct batch *b);
/* Makes blocks of all hours but the one of now_s. */
int writer_seal(struct writer *w);
/* Makes the roll-ups of days that are over. */
int writer_roll(struct writer *w);
/* Drops what is too old, then the oldest until `limit` bytes are enough; readings become minutes. */
int writer_prune(struct writer *w, const int64_t keep_s[ARCHIVE_LEVELS], int64_t limit);
/* Before the vault is closed. */
void writer_forget(struct writer *w);
