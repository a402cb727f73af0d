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

struct link;
struct lowfd;

/* `low` is borrowed; `cancel_fd` is borrowed too: readable = stop waiting. */
struct link *link_new(const struct meter_address *a, struct lowfd *low, int cancel_fd);
void link_free(struct link *l);		/* closes; NULL is fine */

/* 0, or -LMS_EOFFLINE, -LMS_EIO, -LMS_EFAILED (called off) with text. */
int link_open(struct link *l, int64_t timeout_us, char *text);
void link_close(struct link *l);
bool link_is_open(const struct link *l);
/* From another thread: ends what the owner waits for, as far as the transport allows. */
void link_break(struct link *l);

struct link_request {
	int slave;
	uint8_t fc;		/* 3 or 4 */
	uint16_t addr, count;
	int64_t timeout_us;	/* of the whole answer; on a serial line besides the time that it is on the wire */
};

/* Reads registers into words[count].
 * -LMS_EREFUSED: the slave answered with *exception, the link is fine.
 * -LMS_EOFFLINE: no answer in time; -LMS_EIO: the connection ended; -LMS_EPROTOCOL: the answer is
 * not that of the request. After these the link must be closed. text says it for people. */
int link_read(struct link *l, const struct link_request *q, uint16_t *words, int *exception,
	      char *text);
