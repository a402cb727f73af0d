/* history/rollup.c - sums of 128 bits, because a register times a day of seconds is more than 64 hold. */
#include "history/rollup.h"

#include "base/err.h"

#define ROLLUP_VERSION 1
#define FLAG_REGISTER  0x80

void history_bucket_begin(struct history_bucket *k, int64_t t_s)
{
	*k = (struct history_bucket){ .p = { .t_s = t_s, .mean = NUM_NONE, .min = NUM_NONE, .max = NUM_NONE,
					     .last = NUM_NONE } };
}

struct history_point history_reading(int64_t t_s, int64_t v)
{
	return (struct history_point){ .t_s = t_s, .count = 1, .mean = v, .min = v, .max = v, .last = v };
}

void history_bucket_add(struct history_bucket *k, const struct history_point *p)
{
	__int128 sum = (__int128)k->sum_high * ((__int128)1 << 64) + k->sum_low;

	if (p->count == 0)
		return;
	sum += (__int128)p->mean * p->count;
	k->sum_low = (uint64_t)sum;
	k->sum_high = (int64_t)(sum >> 64);
	k->p.min = k->p.count && k->p.min < p->min ? k->p.min : p->min;
	k->p.max = k->p.count && k->p.max > p->max ? k->p.max : p->max;
	k->p.last = p->last;
	k->p.count += p->count;
}

/* In 32-bit digits: the compiler's own division of 128 bits is a call out of the pure rooms. */
static int64_t divide(uint64_t low, int64_t high, unsigned by)
{
	bool negative = high < 0;
	uint64_t digit[4], quotient[4], rest = 0, magnitude;

	if (negative) {
		low = ~low + 1;
		high = (int64_t)(~(uint64_t)high + (low == 0));
	}
	digit[0] = (uint64_t)high >> 32;
	digit[1] = (uint64_t)high & UINT32_MAX;
	digit[2] = low >> 32;
	digit[3] = low & UINT32_MAX;
	for (int i = 0; i < 4; i++) {
		uint64_t part = rest << 32 | digit[i];

		quotient[i] = part / by;
		rest = part % by;
	}
	magnitude = quotient[2] << 32 | quotient[3];
	magnitude += rest >= by - rest;
	return (int64_t)(negative ? ~magnitude + 1 : magnitude);
}

struct history_point history_bucket_point(const struct history_bucket *k)
{
	struct history_point p = k->p;

	if (p.count > 0)
		p.mean = divide(k->sum_low, k->sum_high, p.count);
	return p;
}

/* ---- roll-ups ---- */

void history_rollup_init(struct history_rollup *r, int64_t start_s, unsigned step_s, unsigned count, bool is_register)
{
	lms_assert(count >= 1 && count <= HISTORY_ROLLUP_SLOTS);
	r->start_s = start_s;
	r->step_s = step_s;
	r->count = count;
	r->is_register = is_register;
	for (unsigned i = 0; i < count; i++)
		history_bucket_begin(&r->k[i], start_s + (int64_t)i * step_s);
}

void history_rollup_add(struct history_rollup *r, const struct history_block *block)
{
	for (unsigned i = 0; i < block->count; i++) {
		int64_t t = block->start_s + (int64_t)i * block->step_s;
		int64_t slot = (history_step_of_reading(t, r->step_s) - r->start_s) / (int64_t)r->step_s;
		struct history_point p;

		if (block->quality[i] != HISTORY_GOOD || t <= r->start_s || slot >= r->count)
			continue;
		p = history_reading(t, block->v[i]);
		history_bucket_add(&r->k[slot], &p);
	}
}

void history_rollup_keep(struct history_rollup *r, const struct history_rollup *old)
{
	for (unsigned i = 0; i < r->count && i < old->count; i++)
		if (old->k[i].p.count > r->k[i].p.count)
			r->k[i] = old->k[i];
}

bool history_rollup_empty(const struct history_rollup *r)
{
	for (unsigned i = 0; i < r->count; i++)
		if (r->k[i].p.count > 0)
			return false;
	return true;
}

/* One number of each point that is there, in their order. */
enum part { PART_COUNT, PART_LAST, PART_MEAN, PART_BELOW, PART_ABOVE, PARTS };

static const enum part of_register[] = { PART_COUNT, PART_LAST, PARTS };
static const enum part of_others[] = { PART_COUNT, PART_MEAN, PART_BELOW, PART_ABOVE, PARTS };

static int64_t minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t part_of(const struct history_bucket *k, enum part part)
{
	struct history_point p = history_bucket_point(k);

	switch (part) {
	case PART_COUNT:
		return p.count;
	case PART_LAST:
		return p.last;
	case PART_MEAN:
		return p.mean;
	case PART_BELOW:
		return minus(p.mean, p.min);
	case PART_ABOVE:
		return minus(p.max, p.mean);
	case PARTS:
		break;
	}
	return 0;
}

static void set_part(struct history_point *p, enum part part, int64_t v, struct history_in *in)
{
	switch (part) {
	case PART_COUNT:
		in->bad = in->bad || v < 1 || v > INT32_MAX;
		p->count = (unsigned)v;
		break;
	case PART_LAST:
		p->mean = p->min = p->max = p->last = v;
		break;
	case PART_MEAN:
		p->mean = p->last = v;
		break;
	case PART_BELOW:
		p->min = minus(p->mean, v);
		break;
	case PART_ABOVE:
		p->max = minus(v, minus(0, p->mean));
		break;
	case PARTS:
		break;
	}
}

void history_rollup_write(struct buf *b, const struct history_rollup *r)
{
	uint8_t q[HISTORY_ROLLUP_SLOTS];
	int64_t v[HISTORY_ROLLUP_SLOTS];

	buf_putc(b, (char)(ROLLUP_VERSION | (r->is_register ? FLAG_REGISTER : 0)));
	for (unsigned i = 0; i < r->count; i++)
		q[i] = r->k[i].p.count ? HISTORY_GOOD : HISTORY_GAP;
	history_qualities_write(b, q, r->count);
	for (const enum part *part = r->is_register ? of_register : of_others; *part != PARTS; part++) {
		size_t n = 0;

		for (unsigned i = 0; i < r->count; i++)
			if (q[i] == HISTORY_GOOD)
				v[n++] = part_of(&r->k[i], *part);
		history_ints_write(b, v, n);
	}
}

static void read_part(struct history_in *in, enum part part, const uint8_t *q, size_t there, struct history_point *p,
		      unsigned count)
{
	int64_t v[HISTORY_ROLLUP_SLOTS];
	size_t n = 0;

	history_ints_read(in, v, there);
	for (unsigned i = 0; i < count && !in->bad; i++)
		if (q[i] == HISTORY_GOOD)
			set_part(&p[i], part, v[n++], in);
}

int history_rollup_read(const void *data, size_t len, struct history_rollup *r)
{
	struct history_in in = { .at = data, .end = (const uint8_t *)data + len };
	struct history_point p[HISTORY_ROLLUP_SLOTS] = { 0 };
	uint8_t q[HISTORY_ROLLUP_SLOTS], head = history_byte_read(&in);
	size_t there = 0;

	history_qualities_read(&in, q, r->count, HISTORY_GOOD + 1);
	for (unsigned i = 0; i < r->count; i++)
		there += q[i] == HISTORY_GOOD;
	if (in.bad || (head & ~FLAG_REGISTER) != ROLLUP_VERSION || there == 0)
		return -LMS_EDATA;
	for (const enum part *part = head & FLAG_REGISTER ? of_register : of_others; *part != PARTS; part++)
		read_part(&in, *part, q, there, p, r->count);
	if (in.bad || in.at != in.end)
		return -LMS_EDATA;
	for (unsigned i = 0; i < r->count; i++)
		history_bucket_add(&r->k[i], &p[i]);
	return 0;
}
