/* meter/address.c - parses and prints meter addresses. */
#include "meter/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/types.h"

#define TCP_SLAVE 255
#define TCP_PORT  502
#define HOW	  "write [SLAVE@]HOST[:PORT] or SLAVE@rtu:/dev/DEVICE,9600,8N1"

static bool number(const char *s, size_t len, int max, int *out)
{
	int v = 0;

	if (len == 0 || len > 9)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*out = v;
	return v <= max;
}

static bool host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-' || c == '_';
}

static int parse_host(const char *s, size_t len, struct meter_address *a, bool v6, struct diag *d)
{
	if (len == 0 || len >= sizeof(a->host))
		return diag_set(d, -LMS_EDATA, "address: the host is %s (%s)",
				len ? "too long" : "missing", HOW);
	for (size_t i = 0; i < len; i++) {
		bool ok = v6 ? (s[i] == ':' || s[i] == '%' || host_char(s[i])) : host_char(s[i]);

		if (!ok)
			return diag_set(d, -LMS_EDATA, "address: '%.*s' is not a host (%s)",
					(int)len, s, HOW);
	}
	memcpy(a->host, s, len);
	a->host[len] = '\0';
	return 0;
}

static int parse_tcp(const char *s, struct meter_address *a, struct diag *d)
{
	const char *end, *colon;
	bool v6 = *s == '[';
	int ret;

	if (v6) {
		end = strchr(s, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return diag_set(d, -LMS_EDATA,
					"address: '%s' lacks its ']' (write [2001:db8::1]:502)", s);
		ret = parse_host(s + 1, (size_t)(end - s - 1), a, true, d);
		colon = end[1] ? end + 1 : NULL;
	} else {
		colon = strchr(s, ':');
		if (colon && strchr(colon + 1, ':'))
			return diag_set(d, -LMS_EDATA,
					"address: IPv6 needs brackets (write [%s]:502)", s);
		ret = parse_host(s, colon ? (size_t)(colon - s) : strlen(s), a, false, d);
	}
	if (ret < 0)
		return ret;
	if (colon && (!number(colon + 1, strlen(colon + 1), 65535, &a->port) || a->port == 0))
		return diag_set(d, -LMS_EDATA, "address: port '%s' is not 1 to 65535", colon + 1);
	return 0;
}

static bool known_baud(int baud)
{
	static const int bauds[] = { 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200 };

	for (size_t i = 0; i < ARRAY_LEN(bauds); i++)
		if (bauds[i] == baud)
			return true;
	return false;
}

static int parse_rtu(const char *s, struct meter_address *a, struct diag *d)
{
	size_t len = strcspn(s, ",");
	const char *p = s + len;

	if (s[0] != '/' || len >= sizeof(a->device) || strstr(s, ".."))
		return diag_set(d, -LMS_EDATA, "address: '%.*s' is not a serial device (%s)",
				(int)len, s, HOW);
	memcpy(a->device, s, len);
	a->device[len] = '\0';
	if (*p == ',') {
		p++;
		len = strcspn(p, ",");
		if (!number(p, len, 115200, &a->baud) || !known_baud(a->baud))
			return diag_set(d, -LMS_EDATA,
					"address: '%.*s' is not a baud rate (1200 to 115200)",
					(int)len, p);
		p += len;
	}
	if (*p == ',') {
		p++;
		if (strlen(p) != 3 || (p[0] != '7' && p[0] != '8') || !strchr("NEOneo", p[1]) ||
		    (p[2] != '1' && p[2] != '2'))
			return diag_set(d, -LMS_EDATA,
					"address: '%s' is not a serial format (8N1, 8E1, 8O1, 8N2)",
					p);
		a->data_bits = p[0] - '0';
		a->parity = (char)(p[1] & ~0x20);
		a->stop_bits = p[2] - '0';
	}
	return 0;
}

int address_parse(const char *text, struct meter_address *a, struct diag *d)
{
	const char *at = strchr(text, '@');
	const char *rest = at ? at + 1 : text;

	*a = (struct meter_address){ .slave = TCP_SLAVE, .port = TCP_PORT, .baud = 9600,
				     .data_bits = 8, .stop_bits = 1, .parity = 'N' };
	if (at && (!number(text, (size_t)(at - text), 255, &a->slave) ||
		   (a->slave > 247 && a->slave != TCP_SLAVE)))
		return diag_set(d, -LMS_EDATA, "address: slave '%.*s' is not 0 to 247 or 255",
				(int)(at - text), text);
	a->rtu = strncasecmp(rest, "rtu:", 4) == 0;
	if (!a->rtu)
		return parse_tcp(rest, a, d);
	if (a->slave < 1 || a->slave > 247)
		return diag_set(d, -LMS_EDATA,
				"address: a serial bus needs a slave of 1 to 247 (%s)", HOW);
	return parse_rtu(rest + 4, a, d);
}

const char *address_bus(const struct meter_address *a, char *out)
{
	if (a->rtu)
		snprintf(out, ADDRESS_TEXT_MAX, "rtu:%s,%d,%d%c%d", a->device, a->baud,
			 a->data_bits, a->parity, a->stop_bits);
	else
		snprintf(out, ADDRESS_TEXT_MAX, strchr(a->host, ':') ? "[%s]:%d" : "%s:%d", a->host,
			 a->port);
	return out;
}

const char *address_text(const struct meter_address *a, char *out)
{
	char bus[ADDRESS_TEXT_MAX];

	snprintf(out, ADDRESS_TEXT_MAX, "%d@%s", a->slave, address_bus(a, bus));
	return out;
}
