/* history/ints.c - prediction, and bits. All arithmetic is modulo 2^64, so that no value is special. */
#include "history/ints.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

/* A quotient that long is written as it is: one outlier must not cost thousands of bits. */
#define RICE_ESCAPE 20
#define MODE_BITS   7
#define MODE_RICE   65		/* modes: 0 all zero, 1..64 width, 65.. Rice parameter 0.. */
#define RICE_MAX    62

_Static_assert(HISTORY_CHUNK <= UINT8_MAX, "a chunk is counted in bytes");

enum predictor { PREDICT_NONE, PREDICT_LAST, PREDICT_LINE, PREDICT_MEAN, PREDICTORS };

#define HEAD_UNIT 4		/* bit of the first byte: a unit follows */

/* ---- bytes ---- */

void history_uint_write(struct buf *b, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		buf_putc(b, (char)(v | 0x80));
	buf_putc(b, (char)v);
}

uint8_t history_byte_read(struct history_in *in)
{
	if (in->at == in->end) {
		in->bad = true;
		return 0;
	}
	return *in->at++;
}

uint64_t history_uint_read(struct history_in *in)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = history_byte_read(in);

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	in->bad = true;
	return 0;
}

/* ---- bits, the lowest of a byte first ---- */

struct bits_out {
	struct buf *b;
	uint64_t held;
	unsigned count;			/* below 8 between calls */
};

static void put_bits(struct bits_out *o, uint64_t v, unsigned n)
{
	while (n > 0) {
		unsigned take = n < 32 ? n : 32;

		o->held |= (v & ((UINT64_C(1) << take) - 1)) << o->count;
		o->count += take;
		for (; o->count >= 8; o->count -= 8, o->held >>= 8)
			buf_putc(o->b, (char)(o->held & 0xff));
		v >>= take;
		n -= take;
	}
}

static void put_end(struct bits_out *o)
{
	if (o->count > 0)
		buf_putc(o->b, (char)(o->held & 0xff));
}

struct bits_in {
	struct history_in *in;
	uint64_t held;
	unsigned count;
};

static void fill(struct bits_in *i, unsigned n)
{
	while (i->count < n) {
		i->held |= (uint64_t)history_byte_read(i->in) << i->count;
		i->count += 8;
	}
}

static uint64_t get_few(struct bits_in *i, unsigned n)
{
	uint64_t v;

	fill(i, n);
	v = i->held & ((UINT64_C(1) << n) - 1);
	i->held >>= n;
	i->count -= n;
	return v;
}

static uint64_t get_bits(struct bits_in *i, unsigned n)
{
	uint64_t low = n > 32 ? get_few(i, 32) : 0;

	return n > 32 ? low | get_few(i, n - 32) << 32 : get_few(i, n);
}

/* ---- prediction ---- */

static uint64_t predict(enum predictor how, const uint64_t *u, size_t i)
{
	switch (how) {
	case PREDICT_NONE:
	case PREDICTORS:
		break;
	case PREDICT_LAST:
		return u[i - 1];
	case PREDICT_LINE:
		return i > 1 ? 2 * u[i - 1] - u[i - 2] : u[i - 1];
	case PREDICT_MEAN:
		/* Of differences from the latest, so that large values do not overflow. */
		if (i < 4)
			return u[i - 1];
		return u[i - 1] + (uint64_t)((int64_t)(u[i - 2] + u[i - 3] + u[i - 4] - 3 * u[i - 1]) / 4);
	}
	return 0;
}

static unsigned width_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Bits of a chunk by the mode that suits it best. The Rice parameters that are tried lie around the width of the value
 * in the middle, which outliers do not move. */
static size_t chunk_cost(const uint64_t *z, size_t n, unsigned *mode)
{
	uint8_t widths[65] = { 0 };
	unsigned width = 0, middle = 0;
	size_t best, below = 0;

	for (size_t i = 0; i < n; i++)
		widths[width_of(z[i])]++;
	for (unsigned w = 0; w <= 64; w++) {
		if (widths[w])
			width = w;
		if (2 * below < n)
			middle = w;
		below += widths[w];
	}
	*mode = width;
	best = n * width;
	for (unsigned k = middle > 2 ? middle - 2 : 0; k <= middle + 1 && k <= RICE_MAX; k++) {
		size_t cost = 0;

		for (size_t i = 0; i < n && cost < best; i++) {
			uint64_t q = z[i] >> k;

			cost += q < RICE_ESCAPE ? (size_t)q + 1 + k : RICE_ESCAPE + 64;
		}
		if (cost < best) {
			best = cost;
			*mode = MODE_RICE + k;
		}
	}
	return best + MODE_BITS;
}

/* What is left of u[1..n) after the prediction and its mean error, as z[0..n-1); returns that error. */
static uint64_t residuals(enum predictor how, const uint64_t *u, size_t n, uint64_t *z)
{
	uint64_t first = u[1] - predict(how, u, 1), mean;
	int64_t sum = 0;

	for (size_t i = 1; i < n; i++) {
		int64_t off;

		z[i - 1] = u[i] - predict(how, u, i);
		off = (int64_t)(z[i - 1] - first);
		/* Only a hint: wild values do not take part in it. */
		if (off < INT64_C(1) << 48 && off > -(INT64_C(1) << 48))
			sum += off;
	}
	mean = first + (uint64_t)(sum / (int64_t)(n - 1));
	for (size_t i = 0; i < n - 1; i++)
		z[i] = history_zigzag((int64_t)(z[i] - mean));
	return mean;
}

static size_t total_cost(const uint64_t *z, size_t n)
{
	size_t cost = 0;
	unsigned mode;

	for (size_t i = 0; i < n; i += HISTORY_CHUNK)
		cost += chunk_cost(z + i, n - i < HISTORY_CHUNK ? n - i : HISTORY_CHUNK, &mode);
	return cost;
}

/* ---- units ---- */

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

/* u := how many units v is from the first; returns the unit. */
static uint64_t normalise(const int64_t *v, size_t n, uint64_t *u)
{
	uint64_t unit = 0;

	for (size_t i = 0; i < n; i++) {
		u[i] = (uint64_t)v[i] - (uint64_t)v[0];
		if (unit != 1)
			unit = gcd(magnitude((int64_t)u[i]), unit);
	}
	for (size_t i = 0; unit > 1 && i < n; i++)
		u[i] = (int64_t)u[i] < 0 ? 0 - magnitude((int64_t)u[i]) / unit : u[i] / unit;
	return unit ? unit : 1;
}

/* ---- the whole ---- */

static void write_chunk(struct bits_out *o, const uint64_t *z, size_t n)
{
	unsigned mode;

	chunk_cost(z, n, &mode);
	put_bits(o, mode, MODE_BITS);
	for (size_t i = 0; i < n; i++) {
		unsigned k = mode - MODE_RICE;
		uint64_t q;

		if (mode < MODE_RICE) {
			put_bits(o, z[i], mode);
			continue;
		}
		q = z[i] >> k;
		if (q < RICE_ESCAPE) {
			put_bits(o, (UINT64_C(1) << q) - 1, (unsigned)q + 1);
			put_bits(o, z[i], k);
		} else {
			put_bits(o, UINT64_MAX, RICE_ESCAPE);
			put_bits(o, z[i], 64);
		}
	}
}

void history_ints_write(struct buf *b, const int64_t *v, size_t n)
{
	struct bits_out o = { .b = b };
	uint64_t *u, *z, unit, mean;
	enum predictor best = PREDICT_NONE;
	size_t best_cost = SIZE_MAX;

	lms_assert(n > 0);
	u = xcalloc(2 * n, sizeof(*u));
	z = u + n;
	unit = normalise(v, n, u);
	for (int how = 0; n > 1 && how < PREDICTORS; how++) {
		size_t cost;

		residuals((enum predictor)how, u, n, z);
		cost = total_cost(z, n - 1);
		if (cost < best_cost) {
			best_cost = cost;
			best = (enum predictor)how;
		}
	}
	buf_putc(b, (char)((int)best | (unit > 1 ? HEAD_UNIT : 0)));
	history_uint_write(b, history_zigzag(v[0]));
	if (unit > 1)
		history_uint_write(b, unit);
	if (n > 1) {
		mean = residuals(best, u, n, z);
		history_uint_write(b, history_zigzag((int64_t)mean));
		for (size_t i = 0; i < n - 1; i += HISTORY_CHUNK)
			write_chunk(&o, z + i, n - 1 - i < HISTORY_CHUNK ? n - 1 - i : HISTORY_CHUNK);
		put_end(&o);
	}
	free(u);
}

static uint64_t read_rice(struct bits_in *i, unsigned k)
{
	unsigned q = 0;

	while (q < RICE_ESCAPE) {
		unsigned ones;

		fill(i, 1);
		ones = i->held == UINT64_MAX ? 64 : (unsigned)__builtin_ctzll(~i->held);
		ones = ones < i->count ? ones : i->count;
		if (q + ones >= RICE_ESCAPE)
			ones = RICE_ESCAPE - q;
		q += ones;
		i->held >>= ones;
		i->count -= ones;
		if (i->count > 0 && q < RICE_ESCAPE) {
			i->held >>= 1;	/* the zero that ends it */
			i->count--;
			return (uint64_t)q << k | get_bits(i, k);
		}
		if (i->in->bad)
			return 0;
	}
	return get_bits(i, 64);
}

static void read_chunk(struct bits_in *i, uint64_t *z, size_t n)
{
	unsigned mode = (unsigned)get_few(i, MODE_BITS);

	for (size_t k = 0; k < n && !i->in->bad; k++)
		z[k] = mode < MODE_RICE ? get_bits(i, mode) : read_rice(i, mode - MODE_RICE);
}

void history_ints_read(struct history_in *in, int64_t *v, size_t n)
{
	uint64_t z[HISTORY_CHUNK] = { 0 }, first, unit = 1, mean;
	uint64_t *u = (uint64_t *)v;	/* worked on in place */
	uint8_t head = history_byte_read(in);
	struct bits_in bits = { .in = in };
	enum predictor how = head & 3;

	first = (uint64_t)history_unzigzag(history_uint_read(in));
	if (head & HEAD_UNIT)
		unit = history_uint_read(in);
	in->bad = in->bad || head > 7;
	u[0] = 0;
	if (n > 1) {
		mean = (uint64_t)history_unzigzag(history_uint_read(in));
		for (size_t i = 1; i < n && !in->bad; i++) {
			size_t k = (i - 1) % HISTORY_CHUNK;

			if (k == 0)
				read_chunk(&bits, z, n - i < HISTORY_CHUNK ? n - i : HISTORY_CHUNK);
			u[i] = predict(how, u, i) + mean + (uint64_t)history_unzigzag(z[k]);
		}
	}
	for (size_t i = 0; i < n && !in->bad; i++)
		u[i] = first + u[i] * unit;
}
