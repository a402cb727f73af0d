/* modbus/errand.h - questions asked once, between the polls of a bus: `meter check`, `meter scan`.
 *
 * An errand goes over the connection that polls its bus, never over a second one; a bus that nobody
 * polls is opened for it and closed afterwards. Polls that are due go first, but an errand gets one
 * question in each second however busy the bus is.
 */
#pragma once

#include <stdatomic.h>

#include "meter/address.h"
#include "modbus/link.h"

struct bus_set;
struct worker;

#define ERRANDS_MAX 4	/* at a time, of all buses */

struct errand_question {
	int slave;
	uint8_t fc;
	uint16_t addr, count;
	int64_t timeout_us;
	int64_t silence_us;	/* on the bus before it */
};

struct errand_reply {
	int err;		/* 0, or as link_open() and link_read() say */
	int exception;
	enum link_cause cause;
	bool opened;		/* the bus could be opened: the rest is about the slave */
	char text[LINK_TEXT_MAX];
	mono_t at;		/* when it was asked */
	int64_t latency_us;
	uint16_t words[MODBUS_READ_WORDS];
};

/* Embedded first in what its maker needs. From bus_set_errand() to done() it belongs to the bus. */
struct errand {
	struct errand *next;		/* private, as are these: */
	struct bus_set *set;
	struct worker *worker;
	atomic_bool cancelled;
	bool cut;

	/* On the bus's thread: the next question; false = that was all. */
	bool (*ask)(struct errand *e, struct errand_question *q);
	/* On the bus's thread: the reply to it. */
	void (*reply)(struct errand *e, const struct errand_question *q, const struct errand_reply *r);
	/* On the loop, once. cut: it was called off, or the bus had to end. */
	void (*done)(struct errand *e, bool cut);
	/* Instead of done(), when lmsd ends first. */
	void (*drop)(struct errand *e);
};

/* 0; or, the errand staying the caller's, -LMS_ECONFLICT (too many errands; the same device is in use
 * with other settings) or -LMS_EIO (no thread). The slave in `bus` does not matter. */
int bus_set_errand(struct bus_set *set, const struct meter_address *bus, struct errand *e,
		   struct diag *d);
/* It ends soon, done() follows. */
void errand_cancel(struct errand *e);
