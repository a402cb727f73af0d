/* ocpp/rpc.h - OCPP-J frames: [2,id,action,payload], [3,id,payload], [4,id,code,description,details]. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "ocpp/message.h"

#define RPC_ID_MAX 255		/* the standard says 36; longer ones are seen and harmless */

enum frame_kind {
	FRAME_IGNORED,		/* no frame that could be answered: counted */
	FRAME_MALFORMED,	/* a call whose id can be told: answer a CALLERROR */
	FRAME_CALL = 2, FRAME_RESULT = 3, FRAME_ERROR = 4
};

struct frame {
	enum frame_kind kind;
	char id[RPC_ID_MAX + 1];
	const char *action;
	const struct json *payload;
	const char *code, *description;	/* FRAME_ERROR */
};

/* Strings live in the arena. `v` says what is wrong with a malformed or ignored one. */
void rpc_parse(struct arena *arena, const char *text, size_t len, struct frame *f, struct ocpp_violation *v);

/* Whole frames, appended to an empty buffer. The payload is JSON text. */
void rpc_write_call(struct buf *b, const char *id, const char *action, const char *payload, size_t len);
void rpc_write_result(struct buf *b, const char *id, const char *payload, size_t len);
void rpc_write_error(struct buf *b, const char *id, const char *code, const char *description);
/* FNV-1a over the bytes, continued from `hash`; never 0. */
#define RPC_HASH_START UINT64_C(14695981039346656037)
uint64_t rpc_hash(uint64_t hash, const void *p, size_t len);
