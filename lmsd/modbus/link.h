/* modbus/link.h - one connection to a bus, TCP or serial: opening, one read at a time, closing.
 *
 * Owns its libmodbus context. Used by one thread; link_break() alone may come from another.
 * libmodbus's recovery flags stay off: after a time-out or an answer that belongs to nothing the
 * caller closes the link, and the next request begins on a clean one. libmodbus sends and receives; whether an
 * answer is that of the request is judged here, by every field that says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/types.h"
#include "meter/address.h"

#define LINK_TEXT_MAX 200
#define MODBUS_READ_WORDS 125	/* in one answer, by the protocol */

/* What lay behind the last failure, as far as somebody can do something about it. */
enum link_cause {
	LINK_FINE,
	LINK_NO_NAME,		/* the host resolves to nothing */
	LINK_REFUSED,		/* nothing listens there */
	LINK_NO_WAY,		/* no answer to the connection, no route */
	LINK_NO_DEVICE,
	LINK_FORBIDDEN,
	LINK_TAKEN,		/* by another program */
	LINK_UNUSABLE,		/* opening failed for another reason */
	LINK_MUTE,
	LINK_GARBLED,		/* bytes that are no frame: noise, or another baud rate */
	LINK_FOREIGN,		/* a frame, but not the answer */
	LINK_ENDED,		/* the other side closed, or the device has gone */
	LINK_EXCEPTION		/* the slave refused */
};

struct link;
struct lowfd;

/* `low` is borrowed; `cancel_fd` is borrowed too: readable = stop waiting. */
struct link *link_new(const struct meter_address *a, struct lowfd *low, int cancel_fd);
void link_free(struct link *l);		/* closes; NULL is fine */

/* 0, or -LMS_EOFFLINE, -LMS_EIO, -LMS_EFAILED (called off) with text. */
int link_open(struct link *l, int64_t timeout_us, char *text);
void link_close(struct link *l);
bool link_is_open(const struct link *l);
enum link_cause link_cause(const struct link *l);	/* of the last link_open() or link_read() */
/* From another thread: ends what the owner waits for, as far as the transport allows. */
void link_break(struct link *l);

struct link_request {
	int slave;
	uint8_t fc;		/* 3 or 4; 1 or 2: each coil or input is a word, 0 or 1 */
	uint16_t addr, count;
	int64_t timeout_us;	/* of the whole answer; on a serial line besides the time that it is on the wire */
};

/* Reads registers into words[count].
 * -LMS_EREFUSED: the slave answered with *exception, the link is fine.
 * -LMS_EOFFLINE: no answer in time; -LMS_EIO: the connection ended; -LMS_EPROTOCOL: the answer is
 * not that of the request. After these the link must be closed. text says it for people. */
int link_read(struct link *l, const struct link_request *q, uint16_t *words, int *exception,
	      char *text);
