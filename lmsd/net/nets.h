/* net/nets.h - who may connect: a list of addresses and networks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/diag.h"

#define NETS_MAX 32

struct nets {
	struct { uint8_t addr[16]; int bits; } items[NETS_MAX];	/* IPv4 as ::ffff:a.b.c.d */
	size_t count;
};

/* "192.0.2.7,198.51.100.0/24,2001:db8::/32": 0, or -LMS_EDATA with diag. "" is nobody. */
int nets_parse(const char *text, struct nets *out, struct diag *diag);
bool nets_has(const struct nets *n, const struct sockaddr_storage *peer);
/* All of them addresses of this machine itself? */
bool nets_loopback(const struct nets *n);
