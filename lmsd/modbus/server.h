/* modbus/server.h - serves an image of registers by Modbus TCP, to a few clients that are let in.
 *
 * One thread owns all connections and reads images that the loop hands over; it never sees live data. Requests are
 * gathered without blocking, so no client delays another: whoever is slow to finish a frame, to read, or to say
 * anything is dropped, whoever asks too often is read more slowly. Functions 3 and 4 read the same map, 6 and 16
 * write a single register; all else is exception 1, at once.
 * An image that nobody renews is not served for long: then the answer is exception 6.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "bms/map.h"
#include "net/nets.h"

struct loop;
struct modbus_server;

#define SERVER_CLIENTS_MAX 32

struct modbus_server_conf {
	const char *address;
	int port;
	struct nets allow;
	int clients;		/* at a time, 1 to SERVER_CLIENTS_MAX; of one address half of them */
	bool writes;
};

/* On the loop. */
struct modbus_server_ops {
	/* Somebody is there and the image is old: modbus_server_publish() soon. */
	void (*wanted)(void *ctx);
	/* A register is written, with a value that its map takes; modbus_server_written() must follow, at once. */
	void (*write)(void *ctx, uint64_t token, const char *peer, uint16_t addr, uint16_t value);
	/* What somebody should know: refused strangers and the like, told rarely, with their number. */
	void (*told)(void *ctx, const char *event, const char *text);
};

struct modbus_server_counts {
	int clients;
	uint64_t requests, refused, exceptions, writes;
};

/* Early, while low descriptors are free. 0, or a negative LMS_E… with diag. */
int modbus_server_new(struct loop *loop, const struct modbus_server_conf *conf, const struct modbus_server_ops *ops,
		      void *ctx, struct modbus_server **out, struct diag *diag);
void modbus_server_free(struct modbus_server *s);	/* NULL is fine */
int modbus_server_port(const struct modbus_server *s);
void modbus_server_publish(struct modbus_server *s, struct bms_image *take_img);
/* 0, or the exception that the client gets. */
void modbus_server_written(struct modbus_server *s, uint64_t token, int exception);
void modbus_server_counts(struct modbus_server *s, struct modbus_server_counts *out);
