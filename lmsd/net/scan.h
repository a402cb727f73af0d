/* net/scan.h - who is there on the networks of this machine: multicast DNS, and the kernel's neighbours.
 *
 * Needs no privilege. Only networks of its own interfaces are asked (no loopback, no tunnels), and only who is
 * inside them counts. Bounded in time, packets and results. Blocks: for a thread.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "net/mdns.h"

#define SCAN_HOSTS_MAX 512
#define SCAN_SWEEP_MAX 1024	/* addresses, over all networks */

struct scan_host {
	char address[INET_ADDRSTRLEN];
	char own[INET_ADDRSTRLEN];	/* of this machine on the same network */
	char interface[16];
	char mac[18];			/* "00:60:b5:12:34:56"; "" = not known */
	struct mdns_said said;
};

struct scan {
	int wait_ms;			/* for answers */
	bool sweep;			/* knock at every address too, so that the kernel learns who is there: one
					 * UDP byte to the discard port */
	bool (*cancelled)(void *ctx);	/* asked a few times a second */
	void *ctx;
	struct scan_host hosts[SCAN_HOSTS_MAX];
	size_t count;
	bool full;			/* there were more */
	int networks;			/* that were looked at */
};

/* 0, or -LMS_EIO with diag. */
int scan_run(struct scan *s, struct diag *diag);
