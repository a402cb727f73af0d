/* net/connect.c - resolves and connects, each with a time limit. */
#include "net/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"

/* Shared by the caller and the resolving thread; the last one frees it. */
struct lookup {
	pthread_mutex_t lock;
	int holders;
	int done_fd[2];		/* pipe: closed at its writing end when the answer is there */
	int err;		/* of getaddrinfo */
	struct addrinfo *found;
	char host[256], port[8];
};

static mono_t clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static void lookup_release(struct lookup *l)
{
	int left;

	pthread_mutex_lock(&l->lock);
	left = --l->holders;
	pthread_mutex_unlock(&l->lock);
	if (left)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	close(l->done_fd[0]);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void *lookup_run(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;
	int err = getaddrinfo(l->host, l->port, &hints, &found);

	pthread_mutex_lock(&l->lock);
	l->err = err;
	l->found = err ? NULL : found;
	pthread_mutex_unlock(&l->lock);
	close(l->done_fd[1]);
	lookup_release(l);
	return NULL;
}

/* 1 = fd is ready, 0 = time is over, -1 = called off. */
static int wait_for(int fd, short events, mono_t until, int cancel_fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = events },
			       { .fd = cancel_fd, .events = POLLIN } };

	for (;;) {
		int64_t left = until - clock_mono();
		int n = poll(p, 2, left <= 0 ? 0 : (int)(left / US_PER_MS) + 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && p[1].revents)
			return -1;
		if (n > 0)
			return 1;
		if (left <= 0)
			return 0;
	}
}

static struct lookup *lookup_start(const char *host, const char *port)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_mutex_init(&l->lock, NULL);
	l->holders = 2;
	snprintf(l->host, sizeof(l->host), "%s", host);
	snprintf(l->port, sizeof(l->port), "%s", port);
	if (pipe2(l->done_fd, O_CLOEXEC) < 0) {
		pthread_mutex_destroy(&l->lock);
		free(l);
		return NULL;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, lookup_run, l);
	pthread_attr_destroy(&attr);
	if (err) {
		close(l->done_fd[1]);
		l->holders = 1;
		lookup_release(l);
		return NULL;
	}
	return l;
}

/* The addresses in *out (freeaddrinfo), or a negative error with text. */
static int resolve(const char *host, const char *port, mono_t until, int cancel_fd,
		   struct addrinfo **out, char *text, size_t size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct lookup *l;
	int ready, err;

	if (getaddrinfo(host, port, &hints, out) == 0)
		return 0;
	l = lookup_start(host, port);
	if (!l) {
		snprintf(text, size, "%s cannot be resolved: %s", host, strerror(errno));
		return -LMS_EOFFLINE;
	}
	ready = wait_for(l->done_fd[0], POLLIN, until, cancel_fd);
	pthread_mutex_lock(&l->lock);
	err = l->err;
	*out = l->found;
	if (ready == 1)
		l->found = NULL;
	pthread_mutex_unlock(&l->lock);
	lookup_release(l);
	if (ready == 1 && err == 0)
		return 0;
	*out = NULL;
	snprintf(text, size, "%s cannot be resolved: %s (check the name, or write the address in numbers)", host,
		 ready == 1 ? gai_strerror(err) : "the name server does not answer");
	return ready < 0 ? -LMS_EFAILED : -LMS_EOFFLINE;
}

static int connect_one(const struct addrinfo *ai, mono_t until, int cancel_fd, int *why)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0, ready, on = 1;
	socklen_t len = sizeof(err);

	if (fd < 0) {
		*why = errno;
		return -LMS_EOFFLINE;
	}
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		err = errno;
	if (err == EINPROGRESS) {
		ready = wait_for(fd, POLLOUT, until, cancel_fd);
		if (ready < 0) {
			close(fd);
			return -LMS_EFAILED;
		}
		err = ETIMEDOUT;
		if (ready)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	}
	if (err) {
		*why = err;
		close(fd);
		return -LMS_EOFFLINE;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

/* An address that leads nowhere must leave time for the others of the name. */
static mono_t share_of(const struct addrinfo *ai, mono_t until)
{
	mono_t now = clock_mono();
	int left = 0;

	for (; ai; ai = ai->ai_next)
		left++;
	return now + (until - now) / left;
}

int connect_host(const char *host, int port, int64_t timeout_us, int cancel_fd, char *text,
		 size_t text_size)
{
	mono_t until = clock_mono() + timeout_us;
	struct addrinfo *found = NULL;
	char service[8];
	int why = EADDRNOTAVAIL, ret;

	snprintf(service, sizeof(service), "%d", port & 0xFFFF);
	ret = resolve(host, service, until, cancel_fd, &found, text, text_size);
	if (ret < 0) {
		errno = EADDRNOTAVAIL;
		return ret;
	}
	ret = -LMS_EOFFLINE;
	for (struct addrinfo *ai = found; ai && ret == -LMS_EOFFLINE; ai = ai->ai_next)
		ret = connect_one(ai, share_of(ai, until), cancel_fd, &why);
	freeaddrinfo(found);
	if (ret < 0)
		snprintf(text, text_size, "cannot connect to %s port %d: %s (is it on, in this network, the port right?)",
			 host, port, strerror(why));
	errno = why;
	return ret;
}
