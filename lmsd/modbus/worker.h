/* modbus/worker.h - the thread of one bus: whom to ask, when, and what to do about who is silent.
 *
 * - A meter is asked every poll_us; a late poll is not made up for.
 * - A slave that does not answer is asked again after retry_us, twice that … up to 60 s (10 s where
 *   it is alone on its bus), and at most one such attempt is made between two rounds of the others.
 * - Where a SunSpec device has its models is asked before its first poll, after it was silent for long,
 *   when it refuses a question, and when a model's number is not where it was any more; a few questions
 *   at a time, so that its neighbours are polled meanwhile.
 */
#pragma once

#include <stdbool.h>

#include "meter/address.h"
#include "meter/plan.h"
#include "meter/sunspec.h"
#include "modbus/bus.h"
#include "modbus/errand.h"

struct lowfd;
struct worker;

/* What to read of one meter: self-contained, so that no profile is shared between threads. */
struct bus_task {
	char id[ID_MAX + 1];
	uint64_t serial;		/* changes whenever the rest does */
	struct meter_address addr;
	char bus[ADDRESS_TEXT_MAX];	/* of addr */
	struct meter_plan plan;
	struct sunspec_wish wish;	/* with models: the plan's addresses are those of profile_resolve() */
	struct {
		uint8_t fc;
		uint16_t addr;
		int count;
		uint16_t words[8];
	} identity;
	int64_t poll_us, timeout_us, retry_us, inter_request_us, slave_switch_us;
};

/* A sample on its way to the loop, one allocation for itself and free() for it. */
struct bus_result {
	struct bus_result *next;
	uint64_t serial;
	struct bus_sample sample;
	struct meter_block blocks[PLAN_BLOCK_MAX];
	uint16_t words[];
};

/* Starts the thread. `deliver` is called on it and takes the result. NULL: no thread to be had. */
struct worker *worker_new(const struct meter_address *addr, struct lowfd *low,
			  void (*deliver)(void *ctx, struct bus_result *r), void *ctx);
/* The tasks are copied; those whose serial is known go on undisturbed. */
void worker_set_tasks(struct worker *w, const struct bus_task *tasks, size_t count);
const char *worker_bus(const struct worker *w);
/* Carries the errand out and hands it to `ended`, on its thread; when it must end before, then too. */
void worker_take_errand(struct worker *w, struct errand *take_e, void (*ended)(struct errand *e));

void worker_stop(struct worker *w);	/* asks it to end, at once; does not wait */
bool worker_ended(const struct worker *w);	/* then worker_free() does not wait */
void worker_free(struct worker *w);	/* stops, joins */
