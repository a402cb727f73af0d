/* net/scan.c - the sockets of a scan, one per network, and /proc/self/net/arp. */
#include "net/scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

#define NETWORKS_MAX    16
#define PACKET_MAX      9000 /* RFC 6762, 17 */
#define PACKETS_MAX     4096 /* taken in all */
#define SLICE_MS        100
#define SWEEP_PER_SLICE 64
#define PORT_DISCARD    9
#define ARP_COMPLETE    2

struct network {
	char name[16];
	uint32_t own, mask; /* host order */
	int fd;
	uint32_t next; /* of the sweep */
};

struct look {
	struct scan *s;
	struct network net[NETWORKS_MAX];
	int count, packets, knocks;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static uint32_t broadcast_of(const struct network *n)
{
	return n->own | ~n->mask;
}

/* Somebody else's address in this network. */
static bool inside(const struct network *n, uint32_t a)
{
	return (a & n->mask) == (n->own & n->mask) && a != n->own && a != (n->own & n->mask) &&
	       a != broadcast_of(n);
}

static void text_of(uint32_t a, char out[INET_ADDRSTRLEN])
{
	struct in_addr in = {htonl(a)};

	inet_ntop(AF_INET, &in, out, INET_ADDRSTRLEN);
}

static struct scan_host *host_get(struct look *l, const struct network *n, uint32_t a)
{
	struct scan *s = l->s;
	char address[INET_ADDRSTRLEN];
	struct scan_host *h;

	text_of(a, address);
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->hosts[i].address, address) == 0)
			return &s->hosts[i];
	if (s->count == SCAN_HOSTS_MAX) {
		s->full = true;
		return NULL;
	}
	h = &s->hosts[s->count++];
	memset(h, 0, sizeof(*h));
	memcpy(h->address, address, sizeof(h->address));
	text_of(n->own, h->own);
	memcpy(h->interface, n->name, sizeof(h->interface));
	return h;
}

/* ---- sockets ---- */

static int open_network(struct network *n)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(n->own)};
	unsigned char ttl = 255, loop = 0;

	n->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd < 0)
		return -1;
	/* From an ephemeral port: answers come to it alone (RFC 6762, 6.7). */
	if (bind(n->fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    setsockopt(n->fd, IPPROTO_IP, IP_MULTICAST_IF, &at.sin_addr, sizeof(at.sin_addr)) ==
		0 &&
	    setsockopt(n->fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) == 0 &&
	    setsockopt(n->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof(loop)) == 0)
		return 0;
	close(n->fd);
	return -1;
}

static uint32_t address_in(const struct sockaddr *a)
{
	struct sockaddr_in in;

	memcpy(&in, a, sizeof(in));
	return ntohl(in.sin_addr.s_addr);
}

static int find_networks(struct look *l, struct diag *diag)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) != 0)
		return diag_set(diag, -LMS_EIO, "cannot list the interfaces of this machine: %s",
				strerror(errno));
	for (const struct ifaddrs *i = all; i && l->count < NETWORKS_MAX; i = i->ifa_next) {
		struct network *n = &l->net[l->count];

		if (!i->ifa_addr || !i->ifa_netmask || i->ifa_addr->sa_family != AF_INET ||
		    !(i->ifa_flags & IFF_UP) || !(i->ifa_flags & IFF_BROADCAST) ||
		    i->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT))
			continue;
		*n = (struct network){.own = address_in(i->ifa_addr),
				      .mask = address_in(i->ifa_netmask)};
		snprintf(n->name, sizeof(n->name), "%.15s", i->ifa_name);
		n->next = (n->own & n->mask) + 1;
		if (n->mask != 0xffffffff && open_network(n) == 0)
			l->count++;
	}
	freeifaddrs(all);
	return 0;
}

static void ask(const struct network *n)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
	uint8_t query[256];
	size_t len = mdns_query(query, sizeof(query));

	inet_pton(AF_INET, MDNS_GROUP, &to.sin_addr);
	/* What cannot be asked does not answer; the neighbours are there all the same. */
	(void)!sendto(n->fd, query, len, 0, (struct sockaddr *)&to, sizeof(to));
}

static void knock(struct look *l)
{
	for (int i = 0; i < l->count; i++) {
		struct network *n = &l->net[i];

		for (int k = 0;
		     k < SWEEP_PER_SLICE && n->next < broadcast_of(n) && l->knocks < SCAN_SWEEP_MAX;
		     n->next++) {
			struct sockaddr_in to = {.sin_family = AF_INET,
						 .sin_port = htons(PORT_DISCARD),
						 .sin_addr.s_addr = htonl(n->next)};

			if (!inside(n, n->next))
				continue;
			k++;
			l->knocks++;
			(void)!sendto(n->fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&to,
				      sizeof(to));
		}
	}
}

static void hear(struct look *l, const struct network *n)
{
	static const struct mdns_said nothing;

	while (l->packets < PACKETS_MAX) {
		uint8_t packet[PACKET_MAX];
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		struct mdns_said said;
		struct scan_host *h;
		ssize_t len =
		    recvfrom(n->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);

		/* A knock that found a closed port comes back as an error: the next one may be an
		 * answer. */
		if (len < 0 && errno == ECONNREFUSED)
			continue;
		if (len < 0)
			return;
		l->packets++;
		if (from_len < sizeof(from) || from.sin_port != htons(MDNS_PORT) ||
		    !inside(n, ntohl(from.sin_addr.s_addr)) ||
		    !mdns_read(packet, (size_t)len, &said))
			continue;
		h = host_get(l, n, ntohl(from.sin_addr.s_addr));
		if (h && (said.ocpp || memcmp(&h->said, &nothing, sizeof(nothing)) == 0))
			h->said = said;
	}
}

static void listen_for(struct look *l, int wait_ms)
{
	int64_t end = now_ms() + wait_ms, left;

	while ((left = end - now_ms()) > 0 && !(l->s->cancelled && l->s->cancelled(l->s->ctx))) {
		struct pollfd fds[NETWORKS_MAX];

		if (l->s->sweep)
			knock(l);
		for (int i = 0; i < l->count; i++)
			fds[i] = (struct pollfd){.fd = l->packets < PACKETS_MAX ? l->net[i].fd : -1,
						 .events = POLLIN};
		if (poll(fds, (nfds_t)l->count, (int)(left < SLICE_MS ? left : SLICE_MS)) <= 0)
			continue;
		for (int i = 0; i < l->count; i++)
			if (fds[i].revents)
				hear(l, &l->net[i]);
	}
}

/* ---- neighbours ---- */

/* "10.0.0.7  0x1  0x2  00:60:b5:12:34:56  *  eth0" */
static void take_neighbour(struct look *l, const char *line)
{
	char address[64], mac[32], interface[32];
	unsigned type, flags;
	struct in_addr in;

	if (sscanf(line, "%63s 0x%x 0x%x %31s %*31s %31s", address, &type, &flags, mac,
		   interface) != 5 ||
	    !(flags & ARP_COMPLETE) || strlen(mac) != 17 || inet_pton(AF_INET, address, &in) != 1)
		return;
	for (int i = 0; i < l->count; i++) {
		const struct network *n = &l->net[i];
		struct scan_host *h;

		if (strcmp(n->name, interface) != 0 || !inside(n, ntohl(in.s_addr)))
			continue;
		h = host_get(l, n, ntohl(in.s_addr));
		if (h)
			memcpy(h->mac, mac, sizeof(h->mac));
		return;
	}
}

static void read_neighbours(struct look *l)
{
	FILE *f = fopen("/proc/self/net/arp", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		take_neighbour(l, line);
	if (f)
		fclose(f);
}

int scan_run(struct scan *s, struct diag *diag)
{
	struct look l = {.s = s};
	int ret = find_networks(&l, diag);

	if (ret < 0)
		return ret;
	s->networks = l.count;
	for (int i = 0; i < l.count; i++)
		ask(&l.net[i]);
	listen_for(&l, s->wait_ms);
	for (int i = 0; i < l.count; i++)
		close(l.net[i].fd);
	read_neighbours(&l);
	return 0;
}
