/* bms/map.h - the site as Modbus registers, for a building management system: map.def laid out in an image. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

#define BMS_WORDS 65536

enum bms_kind {
#define BMS_BLOCK(kind, base, stride, count, what) BMS_##kind,
#include "bms/map.def"
	BMS_KINDS
};

/* The values of one object, a member per register: struct bms_site, struct bms_zone, … */
#define BMS_BLOCK(kind, base, stride, count, what) struct bms_##kind {
#define BMS_REG(kind, offset, type, member, unit, help) int64_t member;
#define BMS_BLOCK_END(kind) };
#include "bms/map.def"

enum bms_type { BMS_U16, BMS_S16, BMS_U32, BMS_S32 };

struct bms_block {
	const char *name;
	uint16_t base, stride, count;
	const char *what;
};

struct bms_reg {
	enum bms_kind kind;
	uint16_t offset;
	enum bms_type type;
	const char *name;
	size_t member;			/* where it lies in the struct of its kind */
	const char *unit, *help;
};

extern const struct bms_block bms_blocks[BMS_KINDS];
extern const struct bms_reg bms_regs[];		/* by kind, then as in map.def */
extern const size_t bms_reg_count;

const char *bms_type_name(enum bms_type type);
int bms_type_words(enum bms_type type);
/* The first address of an object, numbers from 1. */
unsigned bms_address(enum bms_kind kind, int number);
/* May this be written at all, and is it one of its values? 0, 2 (illegal address) or 3 (illegal value): as an
 * exception of the protocol. */
int bms_write_check(unsigned addr, uint16_t value);
bool bms_reg_writable(const struct bms_reg *r);

/* What a reader gets: made by the loop, handed over, and never changed again. */
struct bms_image {
	mono_t at;
	uint32_t top[BMS_KINDS];	/* of each kind: addresses from its base to below this one can be read */
	uint16_t words[BMS_WORDS];
};

/* Without any object; the site and the grid signal can be read at once, all of it absent. */
void bms_image_init(struct bms_image *img, mono_t at);
/* Objects 1 to `number` can be read: absent until they are put. */
void bms_image_reach(struct bms_image *img, enum bms_kind kind, int number);
/* `values` is the struct of the kind. The number is within reach. */
void bms_image_put(struct bms_image *img, enum bms_kind kind, int number, const void *values);
/* Can all of these be read? */
bool bms_image_has(const struct bms_image *img, unsigned addr, unsigned count);
