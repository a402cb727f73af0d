/* modbus/bus.h - reads meters: a worker thread per bus, results on the loop.
 *
 * A bus is a host:port or a serial device; its slaves share one connection and are asked in turn.
 * Workers share nothing with the loop but a queue. Decoding happens on the loop (meter/meter.h):
 * a sample carries registers as they were read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/types.h"
#include "meter/meter.h"

struct loop;
struct bus_set;

/* One poll of one meter. Borrowed for the call. */
struct bus_sample {
	const char *meter_id;
	int err;			/* 0, or -LMS_E…: nothing was read */
	char text[200];			/* what went wrong, for people; "" */
	bool bus_down;			/* the bus itself cannot be opened: nobody on it is asked */
	mono_t at;			/* CLOCK_MONOTONIC before the first request */
	wall_t wall;			/* the same moment */
	int64_t latency_us;		/* of the first answer, NUM_NONE = none */
	int identity;			/* 1 as expected, 0 not known, -1 another (see text) */
	uint32_t models;		/* of a profile with models: those that the device has */
	const struct meter_block *blocks;	/* refused ones are there with their err */
	size_t block_count;
};

/* The sample as meter_take() wants it. */
void bus_sample_reading(const struct bus_sample *s, struct meter_reading *out);

struct bus_ops {
	void (*sample)(void *ctx, const struct bus_sample *s);	/* on the loop */
};

struct bus_meter {
	const char *id;
	const char *address;			/* "3@192.0.2.10:502" */
	const struct meter_profile *profile;	/* read during the call only */
	int64_t poll_us;			/* 0 = 1 s */
	int64_t timeout_us;			/* 0 = the profile's */
	int64_t retry_us;			/* first pause after silence, 0 = 2 s; it grows */
};

#define BUS_POLL_MIN_US (100 * US_PER_MS)
#define BUS_MAX 250	/* connections that poll: so many low descriptors, and some, are set aside by bus_set_new() */

/* Early at start, before sockets take the low descriptors. */
struct bus_set *bus_set_new(struct loop *loop, const struct bus_ops *ops, void *ctx);
/* Replaces what is read, without blocking. Meters that stay as they are go on undisturbed; a sample
 * of a meter that is gone or changed is never delivered afterwards. 0; or, with nothing changed,
 * -LMS_EDATA (address, times), -LMS_ECONFIG (profile), -LMS_ERANGE (more than BUS_MAX buses);
 * -LMS_EIO when a bus could not get a thread, the others being read. */
int bus_set_configure(struct bus_set *set, const struct bus_meter *meters, size_t n,
		      struct diag *d);
/* Ends all workers, within a second even when a TCP peer is mute. Not from within sample(). */
void bus_set_free(struct bus_set *set);
