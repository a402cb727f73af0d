/* net/ws/ws_frame.h - frames and messages of one WebSocket (RFC 6455), above wslay's frame interface.
 *
 * No I/O: bytes are pulled from a callback, frames are appended to a buffer. A connection holds a
 * lens (wslay's context with its 4 kB of buffer) only while a part of a frame is in it, and a
 * message buffer only while a message is unfinished; both come from the pool of its server.
 *
 * Checked here because wslay's frame interface does not: masking, reserved bits and opcodes,
 * continuation, UTF-8 (as it arrives), close payloads, the size of a message before its bytes are
 * taken, the number of fragments, the sum of all unfinished messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define WS_CONTROL_MAX 125
/* No station sends more; each costs us some hundred instructions for a byte or none. */
#define WS_FRAGMENTS_MAX 65536

enum ws_opcode { WS_CONT = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* Takes up to len bytes; 0 when there are none now. */
typedef size_t (*ws_pull_fn)(void *ctx, uint8_t *data, size_t len);

struct ws_lens;

struct ws_pool {
	bool from_client;		/* what comes in must be masked; else what goes out is */
	struct ws_lens *idle;		/* free list */
	size_t idle_count;
	struct buf spare;		/* memory of the last message, for the next */
	size_t in_flight;		/* bytes of unfinished messages */
	size_t max_in_flight, max_message;
	struct wslay_frame_context *tx;
	struct buf *tx_out;
};

void ws_pool_init(struct ws_pool *p, bool from_client, size_t max_message, size_t max_in_flight);
void ws_pool_fini(struct ws_pool *p);

struct ws_utf8 {
	uint8_t need;		/* continuation bytes to come */
	uint8_t low, high;	/* what the next one may be */
};
/* False once the bytes so far cannot be the start of valid UTF-8. Complete when need is 0. */
bool ws_utf8_feed(struct ws_utf8 *u, const uint8_t *data, size_t len);

/* The receiving side of a connection; zero is its start. */
struct ws_rx {
	struct ws_lens *lens;
	struct buf msg;
	struct ws_utf8 utf8;
	bool in_message;
	uint32_t fragments;
};

enum ws_rx_kind {
	WS_RX_MORE,	/* nothing until more bytes come */
	WS_RX_MESSAGE,	/* text, good until ws_rx_done() */
	WS_RX_PING,	/* data, good until the next call */
	WS_RX_PONG,
	WS_RX_CLOSE,	/* code (1005 = none given) and reason */
	WS_RX_BAD	/* fail the connection with code; reason says why */
};

struct ws_rx_event {
	enum ws_rx_kind kind;
	const char *data;	/* message, control payload or reason, NUL-terminated */
	size_t len;
	int code;
};

/* After CLOSE and BAD only ws_rx_fini() may follow. */
void ws_rx_next(struct ws_rx *rx, struct ws_pool *p, ws_pull_fn pull, void *pull_ctx,
		struct ws_rx_event *ev);
void ws_rx_done(struct ws_rx *rx, struct ws_pool *p);	/* the message is dealt with */
void ws_rx_fini(struct ws_rx *rx, struct ws_pool *p);
/* Part of a frame or message has come, the rest has not. */
bool ws_rx_is_partial(const struct ws_rx *rx);

/* Appends one whole frame. Errors are sticky in out. */
void ws_tx_frame(struct ws_pool *p, struct buf *out, enum ws_opcode op, const void *data,
		 size_t len);
/* code 1005: without payload. The reason is cut to what fits, at a character's boundary. */
void ws_tx_close(struct ws_pool *p, struct buf *out, int code, const char *reason);

/* 0, or the code to fail with; *code and *reason point into the payload. */
int ws_close_check(const uint8_t *payload, size_t len, int *code, const char **reason);
