/* bms/map.c - the map as tables, and values as registers. */
#include "bms/map.h"

#include <string.h>

#include "base/err.h"

const struct bms_block bms_blocks[BMS_KINDS] = {
#define BMS_BLOCK(kind, base, stride, count, what) { #kind, base, stride, count, what },
#include "bms/map.def"
};

const struct bms_reg bms_regs[] = {
#define BMS_REG(kind, offset, type, member, unit, help) \
	{ BMS_##kind, offset, BMS_##type, #member, offsetof(struct bms_##kind, member), unit, help },
#include "bms/map.def"
};
const size_t bms_reg_count = ARRAY_LEN(bms_regs);

static const struct {
	enum bms_kind kind;
	uint16_t offset, least, most;
} writes[] = {
#define BMS_WRITE(kind, offset, least, most) { BMS_##kind, offset, least, most },
#include "bms/map.def"
};

static const struct {
	const char *name;
	int words;
	int64_t least, most;
	uint32_t absent;
} types[] = {
	[BMS_U16] = { "u16", 1, 0, 0xfffe, 0xffff },
	[BMS_S16] = { "s16", 1, -0x7fff, 0x7fff, 0x8000 },
	[BMS_U32] = { "u32", 2, 0, 0xfffffffe, 0xffffffff },
	[BMS_S32] = { "s32", 2, -INT64_C(0x7fffffff), 0x7fffffff, 0x80000000 },
};

const char *bms_type_name(enum bms_type type)
{
	return types[type].name;
}

int bms_type_words(enum bms_type type)
{
	return types[type].words;
}

unsigned bms_address(enum bms_kind kind, int number)
{
	return bms_blocks[kind].base + (unsigned)(number - 1) * bms_blocks[kind].stride;
}

int bms_write_check(unsigned addr, uint16_t value)
{
	for (size_t i = 0; i < ARRAY_LEN(writes); i++)
		if (addr == (unsigned)bms_blocks[writes[i].kind].base + writes[i].offset)
			return value < writes[i].least || value > writes[i].most ? 3 : 0;
	return 2;
}

bool bms_reg_writable(const struct bms_reg *r)
{
	for (size_t i = 0; i < ARRAY_LEN(writes); i++)
		if (writes[i].kind == r->kind && writes[i].offset == r->offset)
			return true;
	return false;
}

/* ---- the image --------------------------------------------------------------------------------------- */

static void put_word(struct bms_image *img, unsigned addr, enum bms_type type, int64_t v)
{
	uint32_t raw = types[type].absent;

	if (v != NUM_NONE) {
		v = v < types[type].least ? types[type].least : v > types[type].most ? types[type].most : v;
		raw = (uint32_t)v;
	}
	if (types[type].words == 2)
		img->words[addr++] = (uint16_t)(raw >> 16);
	img->words[addr] = (uint16_t)raw;
}

static const void *absent(void)
{
	static const int64_t none[32] = {
		NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE,
		NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE,
		NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE,
		NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE,
	};

#define BMS_BLOCK(kind, base, stride, count, what) \
	_Static_assert(sizeof(struct bms_##kind) <= sizeof(none), "an object has more registers than `none`");
#include "bms/map.def"
	return none;
}

void bms_image_init(struct bms_image *img, mono_t at)
{
	memset(img, 0, sizeof(*img));
	img->at = at;
	for (int kind = 0; kind < BMS_KINDS; kind++)
		img->top[kind] = bms_blocks[kind].base;
	bms_image_reach(img, BMS_site, 1);
	bms_image_reach(img, BMS_grid, 1);
}

void bms_image_reach(struct bms_image *img, enum bms_kind kind, int number)
{
	int has = (int)((img->top[kind] - bms_blocks[kind].base) / bms_blocks[kind].stride);

	lms_assert(number <= bms_blocks[kind].count);
	for (int i = has + 1; i <= number; i++) {
		img->top[kind] = bms_address(kind, i) + bms_blocks[kind].stride;
		bms_image_put(img, kind, i, absent());
	}
}

void bms_image_put(struct bms_image *img, enum bms_kind kind, int number, const void *values)
{
	unsigned base = bms_address(kind, number);

	lms_assert(number >= 1 && base + bms_blocks[kind].stride <= img->top[kind]);
	for (size_t i = 0; i < bms_reg_count; i++) {
		const struct bms_reg *r = &bms_regs[i];
		int64_t v;

		if (r->kind != kind)
			continue;
		memcpy(&v, (const char *)values + r->member, sizeof(v));
		put_word(img, base + r->offset, r->type, v);
	}
}

bool bms_image_has(const struct bms_image *img, unsigned addr, unsigned count)
{
	for (int kind = 0; kind < BMS_KINDS; kind++)
		if (addr >= bms_blocks[kind].base && addr + count <= img->top[kind])
			return true;
	return false;
}
