/* modbus/server_client.h - the connections of the server: frames are gathered, judged, answered. Its thread only. */
#pragma once

#include <modbus/modbus.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/types.h"
#include "modbus/server.h"
#include "net/sock.h"

struct lowfd;

#define SERVER_FRAME_MAX MODBUS_TCP_MAX_ADU_LENGTH

struct client {
	int fd;
	char peer[NET_ADDR_MAX];
	mono_t asked_at;		/* its last whole frame, or its coming */
	uint8_t data[SERVER_FRAME_MAX];	/* of the frame that comes; the next one is left with the kernel */
	int len;
	mono_t began_at;		/* the first byte of it */
	mono_t held_since;		/* a whole frame waits for an image; 0 = none does */
	uint64_t token;			/* of the write that it waits for; 0 = none */
	mono_t wrote_at;
	int64_t credit_us;		/* of its rate */
	mono_t credit_at;
};

struct server_clients {
	struct client items[SERVER_CLIENTS_MAX];
	int count;
	struct lowfd *low;
	modbus_t *modbus;
	bool writes;
	const struct bms_image *image;	/* borrowed; NULL = none yet */
	uint64_t tokens, requests, exceptions;
	bool (*ask_write)(void *ctx, struct client *c, uint16_t addr, uint16_t value);
	void (*want_image)(void *ctx);
	void *ctx;
};

bool server_clients_init(struct server_clients *all, struct lowfd *low, bool writes,
			 bool (*ask_write)(void *ctx, struct client *c, uint16_t addr, uint16_t value),
			 void (*want_image)(void *ctx), void *ctx);
void server_clients_fini(struct server_clients *all);	/* of a zeroed one, too */
void client_add(struct server_clients *all, int fd, const char *peer, mono_t now);
/* Closes it; the last one takes its place. */
void client_drop(struct server_clients *all, struct client *c);

/* Does it want more bytes now? */
bool client_reads(const struct client *c, mono_t now);
/* Takes what is there; false: it has gone. */
bool client_read(struct client *c, int revents, mono_t now);
enum client_end { CLIENT_STAYS, CLIENT_GONE, CLIENT_GARBAGE };
/* Answers the frame that is whole; sends away who is too slow. */
enum client_end client_serve(struct server_clients *all, struct client *c, mono_t now);
/* A write is decided. */
void client_decided(struct server_clients *all, uint64_t token, int exception, mono_t now);
/* When client_serve() has to be called at the latest. */
mono_t client_due(const struct client *c, mono_t now);
