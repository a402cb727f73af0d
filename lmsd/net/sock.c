/* net/sock.c - descriptors and listening sockets. */
#include "net/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define LISTEN_BACKLOG 4096	/* the kernel caps it; a storm of reconnects waits here */

void net_raise_nofile(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
}

int net_fd_high(int fd)
{
	int high;

	if (fd < 0 || fd >= NET_FD_HIGH)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, NET_FD_HIGH);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

static int listen_error(const char *shown, int port, int err, struct diag *diag)
{
	switch (err) {
	case EADDRINUSE:
		return diag_set(diag, -LMS_ECONFLICT,
				"%s:%d is in use by another program: stop it ('ss -ltnp' names "
				"it) or choose another port", shown, port);
	case EADDRNOTAVAIL:
		return diag_set(diag, -LMS_ECONFIG,
				"%s:%d: this machine has no such address: use one that 'ip addr' "
				"shows, or '*' for all", shown, port);
	case EACCES:
		return diag_set(diag, -LMS_ECONFIG,
				"%s:%d: ports below 1024 need the right CAP_NET_BIND_SERVICE: "
				"choose a port from 1024 up or grant it", shown, port);
	default:
		return diag_set(diag, -LMS_EIO, "%s:%d: cannot listen: %s", shown, port,
				strerror(err));
	}
}

/* Returns the listening socket or -errno. */
static int listen_on(const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	/* Answers of a hundred bytes fill no window: the accepted sockets inherit what costs least for them. */
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno"));
	if (bind(fd, sa, len) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static int socket_port(int fd)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return 0;
	if (ss.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)&ss)->sin6_port);
	return ntohs(((const struct sockaddr_in *)(const void *)&ss)->sin_port);
}

static bool is_any(const char *address)
{
	return !address || !*address || strcmp(address, "*") == 0;
}

int net_listen(const char *address, int port, int *out_fd, int *bound_port, struct diag *diag)
{
	const char *shown = is_any(address) ? "*" : address;
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		/* Numeric only: resolving a name would block the loop. */
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct addrinfo *ai = NULL;
	char service[16];
	int fd;

	if (port < 0 || port > 65535)
		return diag_set(diag, -LMS_ECONFIG, "%s:%d: a port is 0 (any free one) to 65535",
				shown, port);
	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(is_any(address) ? "::" : address, service, &hints, &ai) != 0)
		return diag_set(diag, -LMS_ECONFIG,
				"'%s' is not a numeric address: write one like 192.168.1.2 or ::1, "
				"or '*' for all", shown);
	fd = listen_on(ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && is_any(address)) {
		struct sockaddr_in v4 = {
			.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
		};

		fd = listen_on((const struct sockaddr *)&v4, sizeof(v4));
	}
	if (fd < 0)
		return listen_error(shown, port, -fd, diag);
	*out_fd = fd;
	*bound_port = socket_port(fd);
	return 0;
}

void net_peer_addr(int fd, char out[NET_ADDR_MAX])
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	const char *text = NULL;

	(void)getpeername(fd, (struct sockaddr *)&ss, &len);
	if (ss.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)&ss;

		text = inet_ntop(AF_INET, &v4->sin_addr, out, NET_ADDR_MAX);
	} else if (ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)&ss;

		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
			text = inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], out, NET_ADDR_MAX);
		else
			text = inet_ntop(AF_INET6, &v6->sin6_addr, out, NET_ADDR_MAX);
	}
	if (!text)
		memcpy(out, "?", 2);
}
