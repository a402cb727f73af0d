/* helper_ocpp.h - a bench for the ocpp room: a small site, stations as text frames, effects as text.
 *
 * Stations CP1 (two connectors, wiring STR, 0.1 A steps), CP2 (one, 1 A steps), FREE (free access),
 * WATT (limits in watts). Tags GOOD, VIP (vip, group FLEET), BLOCKED. Time begins at 2026-11-21T06:00:00Z
 * and moves only by bench_pass().
 */
#pragma once

#include "hall.h"
#include "ocpp/ocpp.h"

/* A test that is named after what real stations do (ocpp.md "What real stations do"). */
#define QUIRK(sentence, test) { "quirk: " sentence, test, set_up, tear_down, NULL }

#define BENCH_WALL (INT64_C(1795240800) * US_PER_S)

struct bench {
	struct site *site;
	struct ocpp *ocpp;
	mono_t now;
	wall_t wall;
	struct arena arena;	/* of the latest turn */
	struct effects fx;
	uint64_t next_token;
	struct hall hall;	/* with this site and its ocpp; what else a command needs, the test sets */
	struct ctl_call call;	/* of the latest bench_command() */
};

void bench_init(struct bench *b);
void bench_fini(struct bench *b);
void bench_configure(struct bench *b, const char *station, const char *keys);	/* adds or replaces one */
/* Each begins a turn: the effects of the turn before are gone. */
void bench_turn(struct bench *b);
void bench_open(struct bench *b, uint64_t link, const char *id);
void bench_close(struct bench *b, uint64_t link);
void bench_say(struct bench *b, uint64_t link, const char *frame);
void bench_sayf(struct bench *b, uint64_t link, const char *format, ...) __attribute__((format(printf, 3, 4)));
void bench_pass(struct bench *b, int64_t us);
/* StatusNotification without a time, with NoError. */
void bench_status(struct bench *b, uint64_t link, int connector, const char *status);
/* StopTransaction of now. */
void bench_stop(struct bench *b, uint64_t link, int64_t tx, int64_t meter_wh);
/* What the turn stored last in this table, as JSON; "" = nothing. */
const char *bench_stored(const struct bench *b, enum store_table table);
/* The same for a transaction whose limit falls after 300 s; it raises nothing. */
uint64_t bench_order_falls(struct bench *b, const char *station, int connector, int64_t limit_ma, int64_t fallback_ma);
uint64_t bench_order(struct bench *b, const char *station, int connector, bool idle, int64_t limit_ma, bool raises);
#define BENCH_TOKEN 555
/* A command of an administrator, who waits with BENCH_TOKEN. */
struct ctl_call *bench_command(struct bench *b);
/* Connects, boots, says Available everywhere, and lets the set-up end in CALLERRORs. */
void bench_boot(struct bench *b, uint64_t link, const char *id);
/* A transaction on the connector; its id. */
int32_t bench_start(struct bench *b, uint64_t link, int connector, const char *tag);

/* The nth frame of the turn, "" if there are fewer. `when` may be NULL. */
const char *bench_frame(const struct bench *b, size_t n);
const struct effect *bench_effect(const struct bench *b, enum effect_kind kind, size_t n);
/* Is there a frame that contains the text? The frame or NULL. */
const char *bench_find(const struct bench *b, const char *text);
/* The message id of the call of ours that contains the text, and answers to it. */
bool bench_call_id(const struct bench *b, const char *text, char *id, size_t size);
void bench_answer(struct bench *b, uint64_t link, const char *text, const char *payload);
void bench_refuse(struct bench *b, uint64_t link, const char *text, const char *code);
/* The answer to a token in this turn, -1 if there is none, -2 if there are several. */
int bench_token(const struct bench *b, uint64_t token);
struct connector *bench_conn(struct bench *b, const char *station, int number);
