/* net/mdns.h - a question to all on a network segment by multicast DNS, and what answers say. No I/O.
 *
 * Answers come from anybody: every read is bounded, names are followed at most a few steps back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MDNS_GROUP "224.0.0.251"
#define MDNS_PORT 5353
#define MDNS_NAME_MAX 63

struct mdns_said {
	char name[MDNS_NAME_MAX + 1];	/* of the device, as it calls itself; "" = nothing; any bytes but NUL */
	bool ocpp;			/* it offers a service with that name */
};

/* Asks for services named ocpp, for web servers, and for all services. Its length; 0 = no room. */
size_t mdns_query(uint8_t *out, size_t size);
/* False: it is no answer. */
bool mdns_read(const uint8_t *packet, size_t len, struct mdns_said *out);
