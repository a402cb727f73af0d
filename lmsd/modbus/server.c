/* modbus/server.c - the thread of the server, and what passes between it and the loop. */
#include "modbus/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "modbus/lowfd.h"
#include "modbus/server_client.h"
#include "net/loop.h"
#include "net/sock.h"

#define ACCEPTS_PER_TURN 16
#define ACCEPT_PAUSE_US	 US_PER_S	/* when descriptors are short */
#define YIELDS_US	 (10 * US_PER_S)	/* so long silent, a client makes room for another */
#define TELL_US		 (60 * US_PER_S)
#define WRITES_MAX	 SERVER_CLIENTS_MAX

/* What is told to people: counted in the thread, told on the loop now and then. */
enum notice { NOTICE_STRANGER, NOTICE_FULL, NOTICE_GARBAGE, NOTICES };

static const struct {
	const char *event, *what;
} notices[NOTICES] = {
	[NOTICE_STRANGER] = { "bms_stranger", "connections were refused: their address is not in bms.allow" },
	[NOTICE_FULL] = { "bms_full", "connections were refused: too many are open (bms.clients)" },
	[NOTICE_GARBAGE] = { "bms_garbage", "connections were closed: what they sent is not Modbus TCP" },
};

struct write_note {
	uint64_t token;
	char peer[NET_ADDR_MAX];
	uint16_t addr, value;
	int exception;		/* on the way back */
};

struct modbus_server {
	struct modbus_server_conf conf;
	struct modbus_server_ops ops;
	void *ctx;
	struct loop *loop;
	struct loop_wake *wake;
	struct lowfd *low;
	int listen_fd, port, kick;
	pthread_t thread;
	bool running;

	pthread_mutex_t lock;		/* guards all below, up to the thread's own */
	bool stop, wanted;
	struct bms_image *next;		/* NULL = none newer than the thread has */
	struct write_note asked[WRITES_MAX], decided[WRITES_MAX];
	int asked_count, decided_count;
	struct { uint64_t count; char latest[NET_ADDR_MAX]; } notes[NOTICES];
	struct modbus_server_counts counts;

	/* the loop's */
	mono_t told_at[NOTICES];

	/* the thread's own */
	struct server_clients clients;
	struct bms_image *image;
	mono_t accept_from;
};

static mono_t now_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static void kick(struct modbus_server *s)
{
	uint64_t one = 1;

	/* A counter that is full wakes as well. */
	if (write(s->kick, &one, sizeof(one)) < 0)
		return;
}

static void note(struct modbus_server *s, enum notice what, const char *peer)
{
	pthread_mutex_lock(&s->lock);
	s->notes[what].count++;
	snprintf(s->notes[what].latest, sizeof(s->notes[what].latest), "%s", peer);
	s->counts.refused++;
	pthread_mutex_unlock(&s->lock);
	loop_wake_send(s->wake);
}

/* ---- in the thread: clients come ----------------------------------------------------------------------- */

/* The place of one that has been silent for long goes to the newcomer; of the same address where that has its
 * share. False: there is none. */
static bool make_room(struct modbus_server *s, const char *peer, mono_t now)
{
	int share = (s->conf.clients + 1) / 2, own = 0;
	struct client *oldest = NULL;

	for (int i = 0; i < s->clients.count; i++)
		own += strcmp(s->clients.items[i].peer, peer) == 0;
	if (own < share && s->clients.count < s->conf.clients)
		return true;
	for (int i = 0; i < s->clients.count; i++) {
		struct client *c = &s->clients.items[i];

		if (own >= share && strcmp(c->peer, peer) != 0)
			continue;
		if (oldest == NULL || c->asked_at < oldest->asked_at)
			oldest = c;
	}
	if (oldest == NULL || now - oldest->asked_at < YIELDS_US)
		return false;
	client_drop(&s->clients, oldest);
	return true;
}

/* Closed with a reset: nothing of it stays behind. */
static void refuse(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void want_image(void *ctx)
{
	struct modbus_server *s = ctx;

	pthread_mutex_lock(&s->lock);
	s->wanted = true;
	pthread_mutex_unlock(&s->lock);
	loop_wake_send(s->wake);
}

static void admit(struct modbus_server *s, int fd, const struct sockaddr_storage *from, mono_t now)
{
	char peer[NET_ADDR_MAX];
	int one = 1, low;

	net_peer_addr(fd, peer);
	if (!nets_has(&s->conf.allow, from)) {
		refuse(fd);
		note(s, NOTICE_STRANGER, peer);
		return;
	}
	if (!make_room(s, peer, now)) {
		refuse(fd);
		note(s, NOTICE_FULL, peer);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	low = lowfd_move(s->low, fd);
	if (low < 0) {
		note(s, NOTICE_FULL, peer);
		return;
	}
	client_add(&s->clients, low, peer, now);
	/* While nobody reads nobody renews it. */
	if (!s->image || now - s->image->at > US_PER_S)
		want_image(s);
}

static void accept_all(struct modbus_server *s, mono_t now)
{
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		int fd = accept4(s->listen_fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(s, fd, &from, now);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			s->accept_from = now + ACCEPT_PAUSE_US;
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

/* ---- in the thread: requests ------------------------------------------------------------------------------ */

static bool ask_write(void *ctx, struct client *c, uint16_t addr, uint16_t value)
{
	struct modbus_server *s = ctx;
	bool room;

	pthread_mutex_lock(&s->lock);
	room = s->asked_count < WRITES_MAX;
	if (room) {
		struct write_note *w = &s->asked[s->asked_count++];

		*w = (struct write_note){ .token = c->token, .addr = addr, .value = value };
		snprintf(w->peer, sizeof(w->peer), "%s", c->peer);
		s->counts.writes++;
	}
	pthread_mutex_unlock(&s->lock);
	loop_wake_send(s->wake);
	return room;
}

/* What has come from the loop. True: it is over. */
static bool take_over(struct modbus_server *s, mono_t now)
{
	struct write_note decided[WRITES_MAX];
	struct bms_image *old = NULL;
	uint64_t drained;
	bool stop;
	int n;

	if (read(s->kick, &drained, sizeof(drained)) < 0 && errno != EAGAIN)
		return true;
	pthread_mutex_lock(&s->lock);
	if (s->next) {
		old = s->image;
		s->image = s->next;
		s->next = NULL;
	}
	n = s->decided_count;
	memcpy(decided, s->decided, (size_t)n * sizeof(decided[0]));
	s->decided_count = 0;
	s->counts.clients = s->clients.count;
	s->counts.requests = s->clients.requests;
	s->counts.exceptions = s->clients.exceptions;
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	free(old);
	s->clients.image = s->image;
	for (int i = 0; i < n; i++)
		client_decided(&s->clients, decided[i].token, decided[i].exception, now);
	return stop;
}

/* Sends away who is done, and serves the others. */
static void serve_all(struct modbus_server *s, mono_t now)
{
	for (int i = s->clients.count; i-- > 0;) {
		struct client *c = &s->clients.items[i];
		enum client_end end = client_serve(&s->clients, c, now);

		if (end == CLIENT_STAYS)
			continue;
		if (end == CLIENT_GARBAGE)
			note(s, NOTICE_GARBAGE, c->peer);
		client_drop(&s->clients, c);
	}
}

static void *thread_main(void *arg)
{
	struct modbus_server *s = arg;
	struct pollfd p[2 + SERVER_CLIENTS_MAX];

	for (;;) {
		mono_t now = now_mono();
		int64_t wait_us = US_PER_S;
		int n = 2;

		if (take_over(s, now))
			return NULL;
		serve_all(s, now);
		p[0] = (struct pollfd){ .fd = s->kick, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = now >= s->accept_from ? s->listen_fd : -1, .events = POLLIN };
		for (int i = 0; i < s->clients.count; i++) {
			int64_t due = client_due(&s->clients.items[i], now) - now;

			p[n++] = (struct pollfd){ .fd = s->clients.items[i].fd,
						  .events = client_reads(&s->clients.items[i], now) ? POLLIN : 0 };
			wait_us = due < wait_us ? due : wait_us;
		}
		if (poll(p, (nfds_t)n, wait_us <= 0 ? 0 : (int)(wait_us / US_PER_MS + 1)) < 0 && errno != EINTR)
			continue;
		now = now_mono();
		for (int i = s->clients.count; i-- > 0;)
			if (p[2 + i].revents && !client_read(&s->clients.items[i], p[2 + i].revents, now))
				client_drop(&s->clients, &s->clients.items[i]);
		if (p[1].revents)
			accept_all(s, now);
	}
}

/* ---- on the loop ------------------------------------------------------------------------------------------- */

static void tell(struct modbus_server *s, enum notice what, uint64_t count, const char *latest)
{
	char text[200];

	snprintf(text, sizeof(text), "count=%llu latest=%s %s", (unsigned long long)count, latest, notices[what].what);
	s->ops.told(s->ctx, notices[what].event, text);
}

static void on_wake(void *ctx)
{
	struct modbus_server *s = ctx;
	struct write_note asked[WRITES_MAX];
	struct { uint64_t count; char latest[NET_ADDR_MAX]; } said[NOTICES] = { { 0 } };
	mono_t now = loop_now(s->loop);
	bool wanted;
	int n;

	pthread_mutex_lock(&s->lock);
	n = s->asked_count;
	memcpy(asked, s->asked, (size_t)n * sizeof(asked[0]));
	s->asked_count = 0;
	wanted = s->wanted;
	s->wanted = false;
	for (int i = 0; i < NOTICES; i++) {
		if (!s->notes[i].count || now < s->told_at[i])
			continue;
		said[i].count = s->notes[i].count;
		memcpy(said[i].latest, s->notes[i].latest, sizeof(said[i].latest));
		s->notes[i].count = 0;
		s->told_at[i] = now + TELL_US;
	}
	pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < NOTICES; i++)
		if (said[i].count)
			tell(s, (enum notice)i, said[i].count, said[i].latest);
	for (int i = 0; i < n; i++)
		s->ops.write(s->ctx, asked[i].token, asked[i].peer, asked[i].addr, asked[i].value);
	if (wanted)
		s->ops.wanted(s->ctx);
}

void modbus_server_publish(struct modbus_server *s, struct bms_image *take_img)
{
	struct bms_image *unread;

	pthread_mutex_lock(&s->lock);
	unread = s->next;
	s->next = take_img;
	pthread_mutex_unlock(&s->lock);
	free(unread);
	kick(s);
}

void modbus_server_written(struct modbus_server *s, uint64_t token, int exception)
{
	pthread_mutex_lock(&s->lock);
	/* As many as clients at most, who each wait for one; what is too much is a time-out for its client. */
	if (s->decided_count < WRITES_MAX)
		s->decided[s->decided_count++] = (struct write_note){ .token = token, .exception = exception };
	pthread_mutex_unlock(&s->lock);
	kick(s);
}

void modbus_server_counts(struct modbus_server *s, struct modbus_server_counts *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->counts;
	pthread_mutex_unlock(&s->lock);
}

int modbus_server_port(const struct modbus_server *s)
{
	return s->port;
}

static int start(struct modbus_server *s, struct diag *diag)
{
	sigset_t all, before;
	int rc;

	s->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->kick < 0)
		return diag_set(diag, -LMS_EIO, "bms.listen: %s", strerror(errno));
	if (!server_clients_init(&s->clients, s->low, s->conf.writes, ask_write, want_image, s))
		return diag_set(diag, -LMS_EIO, "bms.listen: libmodbus gives no context");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->thread, NULL, thread_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return diag_set(diag, -LMS_EIO, "bms.listen: no thread can be started: %s", strerror(rc));
	pthread_setname_np(s->thread, "lmsd-bms");
	s->running = true;
	return 0;
}

int modbus_server_new(struct loop *loop, const struct modbus_server_conf *conf, const struct modbus_server_ops *ops,
		      void *ctx, struct modbus_server **out, struct diag *diag)
{
	struct modbus_server *s = xcalloc(1, sizeof(*s));
	int ret;

	s->conf = *conf;
	s->ops = *ops;
	s->ctx = ctx;
	s->loop = loop;
	s->kick = s->listen_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	s->low = lowfd_new(conf->clients);
	s->wake = loop_wake_new(loop, on_wake, s);
	ret = net_listen(conf->address, conf->port, &s->listen_fd, &s->port, diag);
	if (ret == 0)
		ret = start(s, diag);
	if (ret < 0) {
		modbus_server_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void modbus_server_free(struct modbus_server *s)
{
	if (!s)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_mutex_unlock(&s->lock);
		kick(s);
		pthread_join(s->thread, NULL);
	}
	server_clients_fini(&s->clients);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->kick >= 0)
		close(s->kick);
	loop_wake_free(s->wake);
	lowfd_free(s->low);
	free(s->image);
	free(s->next);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
