/* history/block.c - qualities as runs or as digits, then the numbers that there are. */
#include "history/block.h"

#include <string.h>

#include "base/err.h"

#define BLOCK_VERSION 1
#define FLAG_WHOLE    0x40		/* it begins one step behind its base, and ends with that hour */
#define FLAG_ALL_GOOD 0x80		/* every slot has a good number */
#define STEP_MAX_S    86400
#define HOUR_S	      3600

enum form { FORM_ALL_GOOD, FORM_RUNS, FORM_BITS, FORM_DIGITS };

static bool has_number(uint8_t quality)
{
	return quality == HISTORY_GOOD || quality == HISTORY_DOUBTFUL;
}

/* ---- qualities ---- */

static size_t run_at(const uint8_t *q, size_t i, size_t n)
{
	size_t run = 1;

	while (i + run < n && q[i + run] == q[i])
		run++;
	return run;
}

static enum form form_of(const uint8_t *q, size_t n)
{
	size_t runs = 0, good = 0, gaps = 0;

	for (size_t i = 0; i < n; i += run_at(q, i, n))
		runs++;
	for (size_t i = 0; i < n; i++) {
		good += q[i] == HISTORY_GOOD;
		gaps += q[i] == HISTORY_GAP;
	}
	if (good == n)
		return FORM_ALL_GOOD;
	if (2 * runs * 8 <= n)
		return FORM_RUNS;
	return good + gaps == n ? FORM_BITS : FORM_DIGITS;
}

void history_qualities_write(struct buf *b, const uint8_t *q, size_t n)
{
	enum form form = form_of(q, n);
	unsigned per = form == FORM_BITS ? 8 : 2, bits = 8 / per;

	buf_putc(b, (char)form);
	if (form == FORM_RUNS) {
		for (size_t i = 0; i < n; i += run_at(q, i, n)) {
			buf_putc(b, (char)q[i]);
			history_uint_write(b, run_at(q, i, n));
		}
	} else if (form != FORM_ALL_GOOD) {
		for (size_t i = 0; i < n; i += per) {
			unsigned byte = 0;

			for (size_t k = 0; k < per && i + k < n; k++)
				byte |= (unsigned)q[i + k] << k * bits;
			buf_putc(b, (char)byte);
		}
	}
}

static void read_runs(struct history_in *in, uint8_t *q, size_t n)
{
	for (size_t i = 0; i < n && !in->bad;) {
		uint8_t quality = history_byte_read(in);
		uint64_t run = history_uint_read(in);

		if (run == 0 || run > n - i) {
			in->bad = true;
			return;
		}
		memset(q + i, quality, (size_t)run);
		i += (size_t)run;
	}
}

void history_qualities_read(struct history_in *in, uint8_t *q, size_t n, unsigned kinds)
{
	uint8_t form = history_byte_read(in);
	unsigned per = form == FORM_BITS ? 8 : 2, bits = 8 / per;

	memset(q, HISTORY_GOOD, n);
	if (form > FORM_DIGITS)
		in->bad = true;
	else if (form == FORM_RUNS)
		read_runs(in, q, n);
	else if (form != FORM_ALL_GOOD)
		for (size_t i = 0; i < n; i += per) {
			unsigned byte = history_byte_read(in);

			for (size_t k = 0; k < per && i + k < n; k++)
				q[i + k] = (uint8_t)(byte >> k * bits & ((1U << bits) - 1));
		}
	for (size_t i = 0; i < n; i++)
		in->bad = in->bad || q[i] >= kinds;
}

/* ---- blocks ---- */

static void write_head(struct buf *b, const struct history_block *block, int64_t base_s, bool all_good)
{
	bool whole = block->start_s - base_s == block->step_s && block->count * block->step_s == HOUR_S;

	buf_putc(b, (char)(BLOCK_VERSION | (whole ? FLAG_WHOLE : 0) | (all_good ? FLAG_ALL_GOOD : 0)));
	history_uint_write(b, block->step_s);
	if (whole)
		return;
	history_uint_write(b, (uint64_t)(block->start_s - base_s));
	history_uint_write(b, block->count);
}

void history_block_write(struct buf *b, const struct history_block *block, int64_t base_s)
{
	int64_t v[HISTORY_BLOCK_SLOTS];
	uint8_t q[HISTORY_BLOCK_SLOTS];
	size_t n = 0;

	lms_assert(block->count >= 1 && block->count <= HISTORY_BLOCK_SLOTS);
	lms_assert(block->step_s >= 1 && block->step_s <= STEP_MAX_S && block->start_s >= base_s);
	for (unsigned i = 0; i < block->count; i++) {
		q[i] = block->quality[i];
		if (has_number(q[i]) && block->v[i] == NUM_NONE)
			q[i] = q[i] == HISTORY_GOOD ? HISTORY_GAP : HISTORY_REFUSED;
		if (has_number(q[i]))
			v[n++] = block->v[i];
	}
	write_head(b, block, base_s, form_of(q, block->count) == FORM_ALL_GOOD);
	if (form_of(q, block->count) != FORM_ALL_GOOD) {
		history_uint_write(b, n);
		history_qualities_write(b, q, block->count);
	}
	if (n > 0)
		history_ints_write(b, v, n);
}

struct head {
	uint64_t step, offset, count, numbers;
	bool all_good;
};

/* False: this is no block of ours. */
static bool read_head(struct history_in *in, struct head *h)
{
	uint8_t flags = history_byte_read(in);

	h->all_good = flags & FLAG_ALL_GOOD;
	h->step = history_uint_read(in);
	if (in->bad || (flags & ~(FLAG_WHOLE | FLAG_ALL_GOOD)) != BLOCK_VERSION || h->step < 1 || h->step > STEP_MAX_S)
		return false;
	h->offset = flags & FLAG_WHOLE ? h->step : history_uint_read(in);
	h->count = flags & FLAG_WHOLE ? HOUR_S / h->step : history_uint_read(in);
	h->numbers = h->all_good ? h->count : history_uint_read(in);
	return !in->bad && h->offset <= STEP_MAX_S && h->count >= 1 && h->count <= HISTORY_BLOCK_SLOTS &&
	       h->numbers <= h->count;
}

int history_block_read(const void *data, size_t len, int64_t base_s, struct history_block *out)
{
	struct history_in in = { .at = data, .end = (const uint8_t *)data + len };
	int64_t v[HISTORY_BLOCK_SLOTS];
	struct head h;
	size_t n = 0;

	if (!read_head(&in, &h))
		return -LMS_EDATA;
	out->start_s = base_s + (int64_t)h.offset;
	out->step_s = (unsigned)h.step;
	out->count = (unsigned)h.count;
	if (h.all_good)
		memset(out->quality, HISTORY_GOOD, out->count);
	else
		history_qualities_read(&in, out->quality, out->count, HISTORY_QUALITIES);
	for (unsigned i = 0; i < out->count; i++)
		n += has_number(out->quality[i]);
	if (in.bad || n != h.numbers)
		return -LMS_EDATA;
	if (n > 0)
		history_ints_read(&in, v, n);
	if (in.bad || in.at != in.end)
		return -LMS_EDATA;
	n = 0;
	for (unsigned i = 0; i < out->count; i++)
		out->v[i] = has_number(out->quality[i]) ? v[n++] : NUM_NONE;
	return 0;
}

unsigned history_block_samples(const void *data, size_t len)
{
	struct history_in in = { .at = data, .end = (const uint8_t *)data + len };
	struct head h;

	return read_head(&in, &h) ? (unsigned)h.numbers : 0;
}
