/* meter/sunspec.h - where a SunSpec device has its models: found by questions, one at a time.
 *
 * Pure: who asks hands in what was answered. The map begins with "SunS" at one of a few addresses; then
 * come models, each a number, a length and that many registers, until the number 0xFFFF. What a device
 * answers cannot make it take more than SUNSPEC_BLOCKS_MAX models, a step back, or an address beyond the
 * last register.
 */
#pragma once

#include "meter/plan.h"

#define SUNSPEC_BLOCKS_MAX 64

struct sunspec_block {
	uint16_t id;
	uint16_t addr;		/* of the register that holds the number */
	uint16_t length;	/* registers behind number and length */
};

struct sunspec_walk {
	int base;		/* which of the addresses is tried, or was found */
	bool marked;		/* "SunS" was there */
	bool answered;		/* something came, be it a refusal */
	bool over;
	uint32_t silent_at;	/* where it was not answered, and how often in a row */
	int silences;
	uint32_t at;		/* the next question's address */
	struct sunspec_block blocks[SUNSPEC_BLOCKS_MAX];
	int count;
};

/* Zeroed is the same as started. */
void sunspec_start(struct sunspec_walk *w);
/* The next question: two registers at *addr. False when all is known. */
bool sunspec_next(const struct sunspec_walk *w, uint16_t *addr);
/* Its answer: two words, or NULL when the device refused it. */
void sunspec_take(struct sunspec_walk *w, const uint16_t *words);
/* It was not answered at all: a place where there is no map may be passed over like that, and where nothing
 * ever answers the walk does not end. A map must not be believed in part, so it is walked again from its
 * beginning; what is silent at the same place for the third time, though it answered before it, ends there. */
void sunspec_silent(struct sunspec_walk *w);

/* Which models of a profile are wanted of a device; self-contained. */
struct sunspec_wish {
	int count;		/* 0 = a fixed map, nothing is looked for */
	int instance;
	int fc;
	uint16_t id[PROFILE_MODEL_MAX];
	uint32_t covers[PROFILE_MODEL_MAX];	/* models any of which makes this one unnecessary */
};
void sunspec_wish(const struct meter_profile *p, struct sunspec_wish *wish);

/* Where they are in this device. */
struct sunspec_layout {
	uint32_t models;	/* bit i: id[i] is there and read; 0 = not known */
	struct sunspec_block block[PROFILE_MODEL_MAX];
	struct meter_plan plan;	/* of what is there */
};
/* From a walk that is over and the profile's plan. False when nothing that is wanted is there. */
bool sunspec_lay_out(const struct sunspec_walk *w, const struct sunspec_wish *wish,
		     const struct meter_plan *plan, struct sunspec_layout *out);
/* What the walk found, for people: "1 103 120", or that there was no map. Always terminated. */
const char *sunspec_text(const struct sunspec_walk *w, char *out, size_t size);
/* The address in the device of one in the profile. */
uint16_t sunspec_addr(const struct sunspec_layout *l, uint16_t addr);
/* Whether what was read from there still is that model: blocks that begin with it tell. */
bool sunspec_fits(const struct sunspec_layout *l, const struct plan_block *b, const uint16_t *words);
