/* effect.h - what the pure rooms want done: appended during a turn, carried out by the hall at its end.
 *
 * Everything an effect points to lives in the turn's arena (struct effects.arena). Order matters
 * only towards one peer: effects for one link or one control token leave in the order appended.
 */
#pragma once

#include "base/arena.h"
#include "base/types.h"
#include "store/table.h"

enum effect_kind {
	FX_FRAME,	/* send this text to a station */
	FX_CLOSE,	/* close a station's connection */
	FX_PUT,		/* store a record */
	FX_DEL,		/* delete a record */
	FX_REPLY,	/* answer a control call: result or error, as JSON text */
	FX_ANSWER,	/* a station answered, refused or ignored an order of the balance */
	FX_CONFIG	/* swap to a new configuration generation (site/edit.h) */
};

enum effect_when {
	FX_NOW,
	FX_AFTER_COMMIT	/* after everything stored so far, this turn's records included, is durable */
};

struct site_conf;

struct effect {
	struct effect *next;
	enum effect_kind kind;
	enum effect_when when;
	union {
		struct { uint64_t link; const char *text; size_t len; uint64_t place; int32_t tx; } frame;
		struct { uint64_t link; int code; const char *why; } close;
		struct { enum store_table table; const char *key; const char *json; size_t len; } put;
		struct { enum store_table table; const char *key; } del;
		struct { uint64_t token; bool error; const char *json; size_t len; } reply;
		struct { uint32_t conn; uint64_t token; int answer; /* enum order_answer */ } answer;
		struct { struct site_conf *conf; /* taken */ } config;
	} u;
};

/* How a station took an order; the hall hands it to the balance. */
enum order_answer { ORDER_ACCEPTED, ORDER_REFUSED, ORDER_TIMEOUT, ORDER_DROPPED };

struct effects {
	struct arena *arena;
	struct effect *first, **last;
	size_t count;
};

void effects_init(struct effects *fx, struct arena *arena);
/* Text is copied into the arena. */
void fx_frame(struct effects *fx, enum effect_when when, uint64_t link, const char *text, size_t len);
/* One that tells the station the number of a transaction (an answer), or names one (a call): a call that names one
 * does not overtake the answer that tells it. */
void fx_frame_of_tx(struct effects *fx, enum effect_when when, uint64_t link, const char *text, size_t len, int32_t tx);
void fx_close(struct effects *fx, enum effect_when when, uint64_t link, int code, const char *why);
void fx_put(struct effects *fx, enum store_table table, const char *key, const char *json, size_t len);
void fx_del(struct effects *fx, enum store_table table, const char *key);
void fx_answer(struct effects *fx, uint32_t conn, uint64_t token, enum order_answer answer);
void fx_config(struct effects *fx, struct site_conf *conf);
/* Replies to a control call; `err` is 0 with the result's JSON, or negative with a text. */
void fx_reply(struct effects *fx, enum effect_when when, uint64_t token, const char *json, size_t len);
void fx_reply_error(struct effects *fx, uint64_t token, int err, const char *text);
