/* meter/address.h - where a meter is: "3@192.0.2.10:1502", "[2001:db8::1]", "7@rtu:/dev/ttyS0". */
#pragma once

#include <stdbool.h>

#include "base/diag.h"

#define ADDRESS_TEXT_MAX 320

struct meter_address {
	bool rtu;
	int slave;		/* TCP: 0..247 or 255 (default); RTU: 1..247 */
	/* TCP */
	char host[256];		/* name or number, without brackets */
	int port;		/* 502 by default */
	/* RTU */
	char device[108];
	int baud;		/* 9600 by default */
	int data_bits, stop_bits;
	char parity;		/* 'N' 'E' 'O' */
};

/* 0, or -LMS_EDATA with what is wrong and how to write it. */
int address_parse(const char *text, struct meter_address *a, struct diag *d);

/* The bus, without the slave: meters with the same text share one connection. Both write up to
 * ADDRESS_TEXT_MAX bytes; address_text() is the full form that address_parse() takes. */
const char *address_bus(const struct meter_address *a, char *out);
const char *address_text(const struct meter_address *a, char *out);
