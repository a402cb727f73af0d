/* hall/commission/probe.h - the questions of a `meter check`, put to one slave as an errand of its bus.
 *
 * A question that was not answered is put again, up to PROBE_TRIES; when the first one is not answered at
 * all, or two in a row later on, the rest is left: nobody is there.
 */
#pragma once

#include "meter/sunspec.h"
#include "modbus/errand.h"

#define PROBE_MAX   400
#define PROBE_TRIES 3

enum probe_kind {
	PROBE_BLOCK,		/* as a poll reads it */
	PROBE_SINGLE,		/* of a block that was refused as a whole */
	PROBE_IDENTITY,
	PROBE_OTHER_IDENTITY,	/* of another model */
	PROBE_WALK		/* where a SunSpec device has its models */
};

struct probe_question {
	enum probe_kind kind;
	uint8_t fc;
	uint16_t addr, count;
	int part_of;		/* PROBE_SINGLE: index of its block */
	bool asked;
	int tries;
	struct errand_reply reply;
};

struct probe {
	struct errand e;	/* first */
	int slave;
	int64_t timeout_us, silence_us;
	struct probe_question *list;	/* owned */
	int count, at;
	int silent;		/* questions in a row without an answer */
	struct sunspec_walk walk;
	int walk_fc;		/* 0: there is nothing to be looked for (any more) */
	/* On the bus's thread: the walk is over, questions may be added. */
	void (*walked)(struct probe *p);
	bool answered;		/* something came from the slave, be it a refusal */
	bool left;		/* the rest was not asked */
	mono_t began, ended;
};

/* Then bus_set_errand(&p->e); done and drop are the caller's to set. */
void probe_init(struct probe *p, const struct meter_address *a, int64_t timeout_us, int64_t silence_us);
void probe_fini(struct probe *p);
/* Appends one; false: there are too many. */
bool probe_add(struct probe *p, enum probe_kind kind, uint8_t fc, uint16_t addr, uint16_t count, int part_of);
/* The question that brought these registers, else the last one that asked for them, or NULL. */
const struct probe_question *probe_find(const struct probe *p, uint8_t fc, unsigned addr, int words);
/* The last that failed otherwise than by a refusal, or NULL. */
const struct probe_question *probe_failed(const struct probe *p);
/* A gateway answers in the place of a slave that is silent. */
bool probe_is_silence(const struct errand_reply *r);
