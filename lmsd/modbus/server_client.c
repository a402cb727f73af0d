/* modbus/server_client.c - one request of one client: gathered without waiting, judged before libmodbus sees it.
 *
 * libmodbus answers, and it is asked nothing that it would wait or flush for: functions, lengths, addresses and values
 * are checked here first (its own exception for a function that it does not know sleeps for the response time-out).
 */
#include "modbus/server_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "modbus/lowfd.h"

#define HEADER		7	/* transaction, protocol, length, unit */
#define FRAME_US	(5 * US_PER_S)		/* from its first byte to its last */
#define IDLE_US		(120 * US_PER_S)
#define HOLD_US		US_PER_S		/* for an image that is new enough */
#define OLD_US		(3 * US_PER_S)		/* an image older than that is not served */
#define WRITE_US	(2 * US_PER_S)		/* for the loop to decide */
#define PACE_US		(20 * US_PER_MS)	/* a request: 50 a second for long … */
#define BURST		100			/* … and so many at once */
#define EXCEPTION_BUSY	6

bool server_clients_init(struct server_clients *all, struct lowfd *low, bool writes,
			 bool (*ask_write)(void *ctx, struct client *c, uint16_t addr, uint16_t value),
			 void (*want_image)(void *ctx), void *ctx)
{
	all->low = low;
	all->writes = writes;
	all->ask_write = ask_write;
	all->want_image = want_image;
	all->ctx = ctx;
	all->modbus = modbus_new_tcp("127.0.0.1", 1502);	/* never used to connect */
	/* Whatever it flushes, it sleeps for this long before. */
	return all->modbus && modbus_set_response_timeout(all->modbus, 0, 1000) == 0;
}

void server_clients_fini(struct server_clients *all)
{
	while (all->count > 0)
		client_drop(all, &all->items[all->count - 1]);
	if (all->modbus) {
		modbus_set_socket(all->modbus, -1);
		modbus_free(all->modbus);
	}
}

void client_add(struct server_clients *all, int fd, const char *peer, mono_t now)
{
	struct client *c = &all->items[all->count++];

	*c = (struct client){ .fd = fd, .asked_at = now, .credit_us = BURST * PACE_US, .credit_at = now };
	snprintf(c->peer, sizeof(c->peer), "%s", peer);
}

void client_drop(struct server_clients *all, struct client *c)
{
	lowfd_give_back(all->low, c->fd);
	*c = all->items[--all->count];
}

/* ---- bytes ------------------------------------------------------------------------------------------------- */

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Of the frame whose beginning is there; 0 = not known yet, -1 = it is none. */
static int frame_len(const struct client *c)
{
	unsigned rest;

	if (c->len >= 4 && get16(c->data + 2) != 0)
		return -1;
	if (c->len < 6)
		return 0;
	rest = get16(c->data + 4);	/* unit, function, the rest */
	return rest < 2 || rest > SERVER_FRAME_MAX - 6 ? -1 : 6 + (int)rest;
}

static bool is_whole(const struct client *c)
{
	int want = frame_len(c);

	return want > 0 && c->len == want;
}

static int64_t credit_us(const struct client *c, mono_t now)
{
	int64_t us = c->credit_us + (now - c->credit_at);

	return us < BURST * PACE_US ? us : BURST * PACE_US;
}

bool client_reads(const struct client *c, mono_t now)
{
	return !is_whole(c) && credit_us(c, now) >= PACE_US;
}

bool client_read(struct client *c, int revents, mono_t now)
{
	int want;

	if (revents & (POLLERR | POLLNVAL))
		return false;
	/* Never beyond the end of a frame: what follows waits in the kernel. */
	while (!is_whole(c) && (want = frame_len(c)) >= 0) {
		ssize_t n = recv(c->fd, c->data + c->len, (size_t)((want ? want : 6) - c->len), 0);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		if (c->len == 0)
			c->began_at = now;
		c->len += (int)n;
	}
	return true;
}

/* ---- answers ------------------------------------------------------------------------------------------------- */

/* The frame is done with; false: the answer did not go out whole, which says that the client does not read. */
static bool answered(struct client *c, int sent, mono_t now)
{
	c->credit_us = credit_us(c, now) - PACE_US;
	c->credit_at = now;
	c->asked_at = now;
	c->len = 0;
	c->held_since = 0;
	c->token = 0;
	return sent > 0;
}

static bool except(struct server_clients *all, struct client *c, int exception, mono_t now)
{
	int want = HEADER + 2, sent;

	all->exceptions++;
	modbus_set_socket(all->modbus, c->fd);
	sent = modbus_reply_exception(all->modbus, c->data, (unsigned)exception);
	return answered(c, sent == want ? sent : -1, now);
}

static bool reply(struct server_clients *all, struct client *c, modbus_mapping_t *map, int want, mono_t now)
{
	int sent;

	modbus_set_socket(all->modbus, c->fd);
	sent = modbus_reply(all->modbus, c->data, c->len, map);
	return answered(c, sent == want ? sent : -1, now);
}

/* Holding and input registers are the same. */
static bool answer_read(struct server_clients *all, struct client *c, mono_t now)
{
	const uint8_t *pdu = c->data + HEADER;
	unsigned addr = get16(pdu + 1), count = get16(pdu + 3);
	uint16_t words[MODBUS_MAX_READ_REGISTERS];
	modbus_mapping_t map = { 0 };

	if (c->len != HEADER + 5 || count < 1 || count > MODBUS_MAX_READ_REGISTERS)
		return except(all, c, 3, now);
	if (!bms_image_has(all->image, addr, count))
		return except(all, c, 2, now);
	memcpy(words, all->image->words + addr, count * sizeof(words[0]));
	map.start_registers = map.start_input_registers = (int)addr;
	map.nb_registers = map.nb_input_registers = (int)count;
	map.tab_registers = map.tab_input_registers = words;
	return reply(all, c, &map, HEADER + 2 + 2 * (int)count, now);
}

/* One register of function 6, or of function 16 with one; 0, or an exception. */
static int read_write(const struct client *c, uint16_t *addr, uint16_t *value)
{
	const uint8_t *pdu = c->data + HEADER;

	if (pdu[0] == 6 ? c->len != HEADER + 5 : c->len < HEADER + 8 || c->len != HEADER + 6 + pdu[5])
		return 3;
	*addr = (uint16_t)get16(pdu + 1);
	*value = (uint16_t)get16(pdu + (pdu[0] == 6 ? 3 : 6));
	if (pdu[0] == 16 && (get16(pdu + 3) < 1 || pdu[5] != 2 * get16(pdu + 3)))
		return 3;
	return pdu[0] == 16 && get16(pdu + 3) != 1 ? 2 : 0;
}

static bool answer_write(struct server_clients *all, struct client *c, mono_t now)
{
	uint16_t addr = 0, value = 0;
	int exception = all->writes ? read_write(c, &addr, &value) : 1;

	if (!exception)
		exception = bms_write_check(addr, value);
	if (exception)
		return except(all, c, exception, now);
	c->token = ++all->tokens;
	c->wrote_at = now;
	if (all->ask_write(all->ctx, c, addr, value))
		return true;
	return except(all, c, EXCEPTION_BUSY, now);
}

void client_decided(struct server_clients *all, uint64_t token, int exception, mono_t now)
{
	modbus_mapping_t map = { .nb_registers = 1 };
	uint16_t word, addr = 0, value = 0;
	bool stays;

	for (int i = 0; i < all->count; i++) {
		struct client *c = &all->items[i];

		if (c->token != token)
			continue;
		read_write(c, &addr, &value);
		map.start_registers = addr;
		map.tab_registers = &word;
		stays = exception ? except(all, c, exception, now) : reply(all, c, &map, HEADER + 5, now);
		if (!stays)
			client_drop(all, c);
		return;
	}
}

static bool serve_frame(struct server_clients *all, struct client *c, mono_t now)
{
	uint8_t function = c->data[HEADER];
	bool reads = function == 3 || function == 4, writes = function == 6 || function == 16;

	if (!reads && !writes) {
		all->requests++;
		return except(all, c, 1, now);
	}
	if (!all->image || now - all->image->at > OLD_US) {
		if (!c->held_since) {
			c->held_since = now;
			all->want_image(all->ctx);
		}
		if (now - c->held_since < HOLD_US)
			return true;
		all->requests++;
		return except(all, c, EXCEPTION_BUSY, now);
	}
	all->requests++;
	return reads ? answer_read(all, c, now) : answer_write(all, c, now);
}

enum client_end client_serve(struct server_clients *all, struct client *c, mono_t now)
{
	if (frame_len(c) < 0)
		return CLIENT_GARBAGE;
	if (c->token) {
		if (now - c->wrote_at < WRITE_US)
			return CLIENT_STAYS;
		return except(all, c, EXCEPTION_BUSY, now) ? CLIENT_STAYS : CLIENT_GONE;
	}
	if (is_whole(c) && (c->data[HEADER] == 0 || c->data[HEADER] > 0x7f))	/* no function has such a number */
		return CLIENT_GARBAGE;
	if (is_whole(c))
		return serve_frame(all, c, now) ? CLIENT_STAYS : CLIENT_GONE;
	if (c->len > 0 ? now - c->began_at > FRAME_US : now - c->asked_at > IDLE_US)
		return CLIENT_GONE;
	return CLIENT_STAYS;
}

mono_t client_due(const struct client *c, mono_t now)
{
	if (c->token)
		return c->wrote_at + WRITE_US;
	if (is_whole(c))
		return c->held_since ? c->held_since + HOLD_US : now;
	if (credit_us(c, now) < PACE_US)
		return now + PACE_US - credit_us(c, now);
	return c->len > 0 ? c->began_at + FRAME_US : c->asked_at + IDLE_US;
}
