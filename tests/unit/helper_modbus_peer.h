/* helper_modbus_peer.h - a Modbus TCP device in a thread, with the faults of real ones.
 *
 * Register N of function F reads N + 1000 * F (modulo 65536), so that a mix-up shows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct peer;

enum peer_fault {
	PEER_FINE,
	PEER_MUTE,		/* takes requests and says nothing */
	PEER_LATE,		/* answers after `arg` ms */
	PEER_EXCEPTION,		/* refuses with exception `arg` */
	PEER_WRONG_ID,		/* answers with another transaction */
	PEER_WRONG_UNIT,	/* answers as another slave */
	PEER_WRONG_LENGTH,	/* a header that counts one byte more */
	PEER_SHORT,		/* half an answer, and nothing more */
	PEER_CLOSE,		/* closes instead of answering */
	PEER_TWICE		/* every answer comes twice */
};

struct peer *peer_start(int port);	/* 0 = any; NULL if the port cannot be had */
void peer_stop(struct peer *p);		/* closes everything */
int peer_port(const struct peer *p);

/* The fault applies to `slave` and those after it (-1 = all), for addresses from `from` on. */
void peer_set(struct peer *p, enum peer_fault fault, int arg, int slave, int from);
int peer_requests(const struct peer *p, int slave);	/* so far */
/* Requests that had the function and the length of the slave's request before. */
int peer_alike(const struct peer *p);
/* The shortest time from an answer to the next request, of the same slave or of another; us. */
int64_t peer_gap(const struct peer *p, bool other_slave);
int peer_connections(const struct peer *p);		/* accepted so far */
bool peer_word_is_right(int fc, int addr, uint16_t word);
