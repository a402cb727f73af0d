/* history/ints.h - a row of integers in few bits: what neighbouring readings have in common is said once.
 *
 * Values are told as multiples of what they all are multiples of (a meter with 0.1 V tells mV in hundreds),
 * as differences from a prediction (none, the value before, the line through two before, the mean of four),
 * zigzag, packed in chunks of HISTORY_CHUNK, each with the width or the Rice parameter that suits it. Exact for
 * every int64. Whatever bytes are read, reading ends, within them, with an answer or a refusal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HISTORY_CHUNK 120

/* Appends n values, n at least 1. */
void history_ints_write(struct buf *b, const int64_t *v, size_t n);

struct history_in {
	const uint8_t *at, *end;
	bool bad;			/* sticky: something was cut short or senseless */
};

/* Reads n values as history_ints_write() wrote them; what it leaves is undefined once in->bad is set. */
void history_ints_read(struct history_in *in, int64_t *v, size_t n);

/* 7 bits to a byte, the lowest first. */
void history_uint_write(struct buf *b, uint64_t v);
uint64_t history_uint_read(struct history_in *in);
uint8_t history_byte_read(struct history_in *in);

static inline uint64_t history_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t history_unzigzag(uint64_t u)
{
	return (int64_t)((u >> 1) ^ (0 - (u & 1)));
}
