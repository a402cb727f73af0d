/* net/nets.c - networks, and whether an address is in one. */
#include "net/nets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define V4_BITS 96	/* of ::ffff:0:0/96 */

static void map_v4(const void *v4, uint8_t *out)
{
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, v4, 4);
}

static bool same_bits(const uint8_t *a, const uint8_t *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, (size_t)whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static int take(const char *word, struct nets *out, struct diag *diag)
{
	uint8_t *addr = out->items[out->count].addr, raw[16];
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(word, '/');
	size_t len = slash ? (size_t)(slash - word) : strlen(word);
	int64_t bits, most;

	if (len >= sizeof(host))
		goto bad;
	memcpy(host, word, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, raw) == 1) {
		map_v4(raw, addr);
		most = 32;
	} else if (inet_pton(AF_INET6, host, addr) == 1) {
		most = 128;
	} else {
		goto bad;
	}
	bits = most;
	if (slash && parse_int(slash + 1, 0, most, &bits, NULL))
		goto bad;
	out->items[out->count++].bits = (int)bits + (most == 32 ? V4_BITS : 0);
	return 0;
bad:
	return diag_set(diag, -LMS_EDATA, "'%.60s' is not an address or a network (write 192.0.2.7, 198.51.100.0/24 or "
			"2001:db8::/32, with commas between them)", word);
}

int nets_parse(const char *text, struct nets *out, struct diag *diag)
{
	*out = (struct nets){ 0 };
	while (*text) {
		size_t len = strcspn(text, ",");
		char word[80];
		int ret;

		if (out->count == NETS_MAX)
			return diag_set(diag, -LMS_EDATA, "more than %d networks (join some)", NETS_MAX);
		snprintf(word, sizeof(word), "%.*s", (int)len, text);
		ret = take(word, out, diag);
		if (ret)
			return ret;
		text += len;
		text += *text == ',';
	}
	return 0;
}

bool nets_has(const struct nets *n, const struct sockaddr_storage *peer)
{
	uint8_t addr[16];

	if (peer->ss_family == AF_INET)
		map_v4(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, addr);
	else if (peer->ss_family == AF_INET6)
		memcpy(addr, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, sizeof(addr));
	else
		return false;
	for (size_t i = 0; i < n->count; i++)
		if (same_bits(addr, n->items[i].addr, n->items[i].bits))
			return true;
	return false;
}

bool nets_loopback(const struct nets *n)
{
	static const uint8_t v4[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127 };
	static const uint8_t v6[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

	for (size_t i = 0; i < n->count; i++)
		if (!(n->items[i].bits >= V4_BITS + 8 && same_bits(n->items[i].addr, v4, V4_BITS + 8)) &&
		    !(n->items[i].bits == 128 && same_bits(n->items[i].addr, v6, 128)))
			return false;
	return true;
}
