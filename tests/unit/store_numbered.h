/* store_numbered.h - numbered batches, by which a store shows what it kept of them.
 *
 * Batch n puts tx_run n, moves n - NUMBERED_RUN to tx, and counts in meta; so one that is there in
 * part, missing, or there before its predecessor shows.
 */
#pragma once

#include "store_rig.h"

#define NUMBERED_RUN 5

static inline struct store_batch *numbered_batch(uint64_t n)
{
	struct store_batch *b = store_batch_new();
	char key[32], json[64];

	snprintf(key, sizeof(key), "%010llu", (unsigned long long)n);
	snprintf(json, sizeof(json), "{\"n\":%llu}", (unsigned long long)n);
	rig_put(b, STORE_TX_RUN, key, json);
	rig_put(b, STORE_META, "last", json);
	if (n > NUMBERED_RUN) {
		snprintf(key, sizeof(key), "%010llu", (unsigned long long)(n - NUMBERED_RUN));
		snprintf(json, sizeof(json), "{\"n\":%llu}", (unsigned long long)(n - NUMBERED_RUN));
		store_batch_del(b, STORE_TX_RUN, key);
		rig_put(b, STORE_TX, key, json);
	}
	return b;
}

struct numbered {
	uint64_t run_first, run_last, ended_last, meta;
	bool gap;
};

static inline uint64_t numbered_number(const char *json)
{
	return strtoull(json + strlen("{\"n\":"), NULL, 10);
}

static inline int numbered_run(void *ctx, const char *key, const char *json, size_t len)
{
	struct numbered *f = ctx;
	uint64_t n = numbered_number(json);

	(void)len;
	f->gap |= strtoull(key, NULL, 10) != n || (f->run_last && n != f->run_last + 1);
	if (!f->run_last)
		f->run_first = n;
	f->run_last = n;
	return 0;
}

static inline int numbered_ended(void *ctx, const char *key, const char *json, size_t len)
{
	struct numbered *f = ctx;

	(void)len;
	f->gap |= strtoull(key, NULL, 10) != numbered_number(json) ||
		  numbered_number(json) != f->ended_last + 1;
	f->ended_last = numbered_number(json);
	return 0;
}

static inline int numbered_meta(void *ctx, const char *key, const char *json, size_t len)
{
	(void)len;
	if (strcmp(key, "last") == 0)
		((struct numbered *)ctx)->meta = numbered_number(json);
	return 0;
}

/* The number of the last batch in an open store: 0 if there is none. */
static inline uint64_t numbered_last(struct store *s, struct diag *d)
{
	struct numbered f = { 0 };

	return store_load(s, STORE_META, numbered_meta, &f, d) == 0 ? f.meta : 0;
}

/* Opens the store, and looks whether all batches up to some number not below `acked` are there,
 * each whole, and none else: NULL and the number in *last, or what is wrong. */
static inline const char *numbered_look(struct rig *r, uint64_t acked, uint64_t *last)
{
	struct numbered f = { 0 };
	struct store_stat st;
	struct diag *d = &r->diag;
	bool failed, loaded;

	if (rig_open(r) < 0)
		return "it does not open";
	failed = store_is_failed(r->store);
	loaded = store_load(r->store, STORE_TX_RUN, numbered_run, &f, d) == 0 &&
		 store_load(r->store, STORE_TX, numbered_ended, &f, d) == 0 &&
		 store_load(r->store, STORE_META, numbered_meta, &f, d) == 0 &&
		 store_stat(r->store, &st) == 0;
	rig_close(r);
	*last = f.meta;
	if (failed || !loaded)
		return "it cannot be used";
	if (st.bad_records)
		return "there are damaged records";
	if (f.meta < acked)
		return "something that was acknowledged is missing";
	if (f.gap || f.run_last != f.meta)
		return "a batch is there in part";
	if (f.meta && (f.run_first != f.ended_last + 1 ||
		       f.ended_last != (f.meta > NUMBERED_RUN ? f.meta - NUMBERED_RUN : 0)))
		return "a move is there in part";
	return NULL;
}
