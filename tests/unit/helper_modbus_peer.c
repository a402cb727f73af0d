/* helper_modbus_peer.c - speaks just enough Modbus TCP to be asked for registers. */
#include "helper_modbus_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/types.h"

#define CONNS 8
#define LATES 64

struct peer {
	pthread_t thread;
	int listener, stop_fd, port;
	atomic_int fault, arg, slave, from, connections, alike;
	_Atomic int64_t gap[2];	/* 0: the same slave, 1: another */
	int64_t said_at;
	int last_slave;
	int shape[256];		/* of each slave's latest request */
	atomic_int requests[256];
	int conns[CONNS];
	struct { int64_t due; int fd; uint8_t frame[260]; size_t len; } lates[LATES];
	int late_count;
};

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static uint16_t word_of(int fc, int addr)
{
	return (uint16_t)(addr + 1000 * fc);
}

bool peer_word_is_right(int fc, int addr, uint16_t word)
{
	return word == word_of(fc, addr);
}

static void put16(uint8_t *p, int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static size_t answer(const uint8_t *q, uint8_t *out)
{
	int fc = q[7], addr = q[8] << 8 | q[9], count = q[10] << 8 | q[11];

	memcpy(out, q, 8);
	put16(out + 4, 3 + 2 * count);
	out[8] = (uint8_t)(2 * count);
	for (int i = 0; i < count; i++)
		put16(out + 9 + 2 * i, word_of(fc, addr + i));
	return (size_t)(9 + 2 * count);
}

static size_t refusal(const uint8_t *q, int exception, uint8_t *out)
{
	memcpy(out, q, 8);
	put16(out + 4, 3);
	out[7] |= 0x80;
	out[8] = (uint8_t)exception;
	return 9;
}

static void say(int fd, const uint8_t *frame, size_t len)
{
	/* A reader that is gone is the test's own doing. */
	if (send(fd, frame, len, MSG_NOSIGNAL) < 0)
		return;
}

static void hang_up(struct peer *p, int i)
{
	for (int k = 0; k < p->late_count; k++)
		if (p->lates[k].fd == p->conns[i])
			p->lates[k].fd = -1;
	close(p->conns[i]);
	p->conns[i] = -1;
}

static void note_gap(struct peer *p, int slave)
{
	int64_t gap = now_us() - p->said_at;
	bool other = slave != p->last_slave;

	if (p->said_at && gap < p->gap[other])
		p->gap[other] = gap;
	p->last_slave = slave;
}

static void serve(struct peer *p, int i, const uint8_t *q)
{
	int fd = p->conns[i], slave = q[6], addr = q[8] << 8 | q[9], arg = p->arg;
	bool hit = slave >= p->slave && addr >= p->from;
	enum peer_fault fault = hit ? (enum peer_fault)p->fault : PEER_FINE;
	uint8_t frame[260];
	size_t len = answer(q, frame);

	note_gap(p, slave);
	p->requests[slave]++;
	p->alike += p->shape[slave] == (q[7] << 16 | q[10] << 8 | q[11]);
	p->shape[slave] = q[7] << 16 | q[10] << 8 | q[11];
	switch (fault) {
	case PEER_MUTE:
		return;
	case PEER_LATE:
		if (p->late_count == LATES)
			return;
		p->lates[p->late_count].due = now_us() + arg * US_PER_MS;
		p->lates[p->late_count].fd = fd;
		memcpy(p->lates[p->late_count].frame, frame, len);
		p->lates[p->late_count++].len = len;
		return;
	case PEER_EXCEPTION:
		len = refusal(q, arg, frame);
		break;
	case PEER_WRONG_ID:
		frame[1] = (uint8_t)(frame[1] + 1);
		break;
	case PEER_WRONG_UNIT:
		frame[6]++;
		break;
	case PEER_WRONG_LENGTH:
		frame[5]++;
		break;
	case PEER_SHORT:
		len /= 2;
		break;
	case PEER_CLOSE:
		hang_up(p, i);
		return;
	case PEER_TWICE:
		say(fd, frame, len);
		break;
	case PEER_FINE:
		break;
	}
	p->said_at = now_us();	/* before: the answer may be there before we are back */
	say(fd, frame, len);
}

static void accept_one(struct peer *p)
{
	int fd = accept(p->listener, NULL, NULL), on = 1;

	if (fd < 0)
		return;
	p->connections++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (int i = 0; i < CONNS; i++) {
		if (p->conns[i] < 0) {
			p->conns[i] = fd;
			return;
		}
	}
	close(fd);
}

static int send_late(struct peer *p)
{
	int64_t now = now_us(), next = 100 * US_PER_MS;

	for (int k = 0; k < p->late_count; k++) {
		if (p->lates[k].due > now) {
			next = p->lates[k].due - now < next ? p->lates[k].due - now : next;
			continue;
		}
		if (p->lates[k].fd >= 0)
			say(p->lates[k].fd, p->lates[k].frame, p->lates[k].len);
		p->lates[k--] = p->lates[--p->late_count];
	}
	return (int)(next / US_PER_MS) + 1;
}

static void *run(void *arg)
{
	struct peer *p = arg;

	for (;;) {
		struct pollfd fds[CONNS + 2] = { { .fd = p->stop_fd, .events = POLLIN },
						 { .fd = p->listener, .events = POLLIN } };

		for (int i = 0; i < CONNS; i++)
			fds[i + 2] = (struct pollfd){ .fd = p->conns[i], .events = POLLIN };
		poll(fds, CONNS + 2, send_late(p));
		if (fds[0].revents)
			return NULL;
		if (fds[1].revents)
			accept_one(p);
		for (int i = 0; i < CONNS; i++) {
			uint8_t q[12];

			if (!fds[i + 2].revents || p->conns[i] < 0)
				continue;
			if (recv(p->conns[i], q, sizeof(q), MSG_WAITALL) == (ssize_t)sizeof(q))
				serve(p, i, q);
			else
				hang_up(p, i);
		}
	}
}

struct peer *peer_start(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	struct peer *p = xcalloc(1, sizeof(*p));
	int on = 1;

	for (int i = 0; i < CONNS; i++)
		p->conns[i] = -1;
	p->slave = -1;
	p->gap[0] = p->gap[1] = INT64_MAX;
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(p->listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(p->listener, 8) < 0) {
		close(p->listener);
		free(p);
		return NULL;
	}
	getsockname(p->listener, (struct sockaddr *)&sa, &len);
	p->port = ntohs(sa.sin_port);
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	pthread_create(&p->thread, NULL, run, p);
	return p;
}

void peer_stop(struct peer *p)
{
	uint64_t one = 1;

	if (!p)
		return;
	if (write(p->stop_fd, &one, sizeof(one)) > 0)
		pthread_join(p->thread, NULL);
	for (int i = 0; i < CONNS; i++)
		if (p->conns[i] >= 0)
			close(p->conns[i]);
	close(p->listener);
	close(p->stop_fd);
	free(p);
}

int peer_port(const struct peer *p)
{
	return p->port;
}

void peer_set(struct peer *p, enum peer_fault fault, int arg, int slave, int from)
{
	p->arg = arg;
	p->slave = slave;
	p->from = from;
	p->fault = (int)fault;
}

int peer_requests(const struct peer *p, int slave)
{
	return p->requests[slave];
}

int64_t peer_gap(const struct peer *p, bool other_slave)
{
	return p->gap[other_slave];
}

int peer_alike(const struct peer *p)
{
	return p->alike;
}

int peer_connections(const struct peer *p)
{
	return p->connections;
}
