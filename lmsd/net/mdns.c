/* net/mdns.c - the few parts of DNS that a scan needs (RFC 1035, 6762, 6763). */
#include "net/mdns.h"

#include <string.h>
#include <strings.h>

#define TYPE_A      1
#define TYPE_PTR    12
#define TYPE_SRV    33
#define JUMPS_MAX   8
#define RECORDS_MAX 64
#define LABELS_MAX  16

static const char *const services[] = {"_ocpp._tcp.local", "_http._tcp.local",
				       "_services._dns-sd._udp.local"};

static uint8_t *put_name(uint8_t *p, const char *dotted)
{
	while (*dotted) {
		size_t len = strcspn(dotted, ".");

		*p++ = (uint8_t)len;
		memcpy(p, dotted, len);
		p += len;
		dotted += len + (dotted[len] == '.');
	}
	*p++ = 0;
	return p;
}

size_t mdns_query(uint8_t *out, size_t size)
{
	uint8_t *p = out + 12;
	size_t need = 12;

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		need += strlen(services[i]) + 2 + 4;
	if (size < need)
		return 0;
	memset(out, 0, 12);
	out[5] = sizeof(services) / sizeof(services[0]);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		static const uint8_t ptr_in[] = {0, TYPE_PTR, 0, 1};

		p = put_name(p, services[i]);
		memcpy(p, ptr_in, sizeof(ptr_in));
		p += sizeof(ptr_in);
	}
	return (size_t)(p - out);
}

struct reader {
	const uint8_t *p;
	size_t len, at;
	bool bad;
};

static unsigned get(struct reader *r, size_t bytes)
{
	unsigned v = 0;

	if (r->bad || r->len - r->at < bytes) {
		r->bad = true;
		return 0;
	}
	while (bytes-- > 0)
		v = v << 8 | r->p[r->at++];
	return v;
}

/* Of a name only the first label tells something: the service, or whose it is. */
struct name {
	char first[MDNS_NAME_MAX + 1];
};

static void add_label(struct name *n, int count, const uint8_t *p, size_t len)
{
	if (count > 0 || memchr(p, '\0', len))
		return;
	memcpy(n->first, p, len);
	n->first[len] = '\0';
}

/* Moves behind it. */
static void read_name(struct reader *r, struct name *n)
{
	size_t at = r->at, end = 0;
	int jumps = 0, count = 0;

	memset(n, 0, sizeof(*n));
	while (!r->bad) {
		unsigned len;

		if (at >= r->len || count > LABELS_MAX) {
			r->bad = true;
			return;
		}
		len = r->p[at++];
		if (len == 0)
			break;
		if ((len & 0xc0) == 0xc0) {
			if (at >= r->len || ++jumps > JUMPS_MAX) {
				r->bad = true;
				return;
			}
			if (!end)
				end = at + 1;
			at = (size_t)(len & 0x3f) << 8 | r->p[at];
			continue;
		}
		if (len > MDNS_NAME_MAX || r->len - at < len) {
			r->bad = true;
			return;
		}
		add_label(n, count++, r->p + at, len);
		at += len;
	}
	r->at = end ? end : at;
}

static bool is_ocpp(const char *label)
{
	return strcasecmp(label, "_ocpp") == 0 || strcasecmp(label, "_ocpps") == 0;
}

/* How much a name tells: that of a service for OCPP most, that of a host least. */
static void take(struct mdns_said *out, int *best, int worth, const char *name)
{
	if (worth <= *best || !*name || *name == '_')
		return;
	*best = worth;
	memcpy(out->name, name, strlen(name) + 1);
}

static void read_record(struct reader *r, struct mdns_said *out, int *best)
{
	struct name owner, target;
	unsigned type, len;
	size_t end;

	read_name(r, &owner);
	type = get(r, 2);
	get(r, 2);
	get(r, 4);
	len = get(r, 2);
	if (r->bad || r->len - r->at < len) {
		r->bad = true;
		return;
	}
	end = r->at + len;
	if (type == TYPE_PTR) {
		read_name(r, &target);
		if (is_ocpp(owner.first) || is_ocpp(target.first))
			out->ocpp = true;
		if (!r->bad)
			take(out, best, is_ocpp(owner.first) ? 3 : 2, target.first);
	} else if (type == TYPE_A) {
		take(out, best, 1, owner.first);
	} else if (type == TYPE_SRV && len > 6) {
		r->at += 6;
		read_name(r, &target);
		if (!r->bad)
			take(out, best, 1, target.first);
	}
	r->at = end;
}

bool mdns_read(const uint8_t *packet, size_t len, struct mdns_said *out)
{
	struct reader r = {packet, len, 0, false};
	unsigned flags, questions, records;
	struct name ignored;
	int best = 0;

	memset(out, 0, sizeof(*out));
	get(&r, 2);
	flags = get(&r, 2);
	questions = get(&r, 2);
	records = get(&r, 2);
	records += get(&r, 2);
	records += get(&r, 2);
	if (r.bad || !(flags & 0x8000))
		return false;
	for (unsigned i = 0; i < questions && i < RECORDS_MAX && !r.bad; i++) {
		read_name(&r, &ignored);
		get(&r, 4);
	}
	for (unsigned i = 0; i < records && i < RECORDS_MAX && !r.bad; i++)
		read_record(&r, out, &best);
	return true;
}
