/* bms/numbers.h - which number an object has in the map of the building management system.
 *
 * Given at first sight and kept for ever, so that what an engineer has programmed stays true whatever is added or
 * deleted: an object that comes back under its id finds its old number. Only when all numbers of a kind are given, one
 * whose object is gone is given anew.
 */
#pragma once

#include "bms/map.h"
#include "base/diag.h"
#include "effect.h"

struct bms_numbers;

struct bms_numbers *bms_numbers_new(void);
void bms_numbers_free(struct bms_numbers *n);
/* A stored one: `key` is "zone P1", "connector A/1". 0, or an error with diag. */
int bms_numbers_load(struct bms_numbers *n, const char *key, const char *json, size_t len, struct diag *diag);

/* 0 = it has none. */
int bms_number(const struct bms_numbers *n, enum bms_kind kind, const char *id);
/* The one that it has, or a new one, which is stored; 0 = all are given to objects that are there. */
int bms_number_give(struct bms_numbers *n, enum bms_kind kind, const char *id,
		    bool (*is_there)(void *ctx, enum bms_kind kind, const char *id), void *ctx, struct effects *fx);
/* Whose it is; NULL = nobody's. */
const char *bms_number_id(const struct bms_numbers *n, enum bms_kind kind, int number);
/* The highest that was ever given. */
int bms_number_top(const struct bms_numbers *n, enum bms_kind kind);
