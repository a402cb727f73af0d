/* balance/record/snapshot.c - structures as they lie in memory, their pointers taken out.
 *
 * Elements of an array are written as their difference (XOR) to the one before, because connectors
 * of a site are much alike, and runs of zero bytes are counted: 1200 connectors take less than 100 kB.
 */
#include "balance/record/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "balance/model.h"
#include "base/err.h"
#include "engine_id.h"

static const char magic[8] = "lmsbal1";

/* ---- what is not plain bytes ------------------------------------------------------------------ */

static const size_t zone_texts[] = { offsetof(struct zone, conf.id) };
static const size_t conn_texts[] = { offsetof(struct conn, conf.id), offsetof(struct conn, conf.station) };
static const size_t station_texts[] = { offsetof(struct station, id) };
/* Names of reasons are constant text, found again by their code. */
static const size_t conn_reasons[] = { offsetof(struct conn, why), offsetof(struct conn, held) };

/* Arrays that a balance owns. */
static const struct part {
	size_t array, count, size;	/* offsets in struct balance; bytes of an element */
	const size_t *texts;
	size_t text_count;
	const size_t *reasons;
	size_t reason_count;
} parts[] = {
	{ offsetof(struct balance, zones), offsetof(struct balance, zone_count), sizeof(struct zone),
	  zone_texts, ARRAY_LEN(zone_texts), NULL, 0 },
	{ offsetof(struct balance, conns), offsetof(struct balance, conn_count), sizeof(struct conn),
	  conn_texts, ARRAY_LEN(conn_texts), conn_reasons, ARRAY_LEN(conn_reasons) },
	{ offsetof(struct balance, stations), offsetof(struct balance, station_count), sizeof(struct station),
	  station_texts, ARRAY_LEN(station_texts), NULL, 0 },
	{ offsetof(struct balance, by_station), offsetof(struct balance, conn_count), sizeof(uint32_t),
	  NULL, 0, NULL, 0 },
	{ offsetof(struct balance, order), offsetof(struct balance, conn_count), sizeof(uint32_t),
	  NULL, 0, NULL, 0 },
};

static void forget_own(struct balance *b)
{
	arena_init(&b->scratch);
	b->journal = NULL;
}

/* ---- access by offset ---------------------------------------------------------------------------- */

static void *get_pointer(const void *base, size_t offset)
{
	void *p;

	memcpy(&p, (const char *)base + offset, sizeof(p));
	return p;
}

static void set_pointer(void *base, size_t offset, const void *p)
{
	memcpy((char *)base + offset, &p, sizeof(p));
}

static size_t get_count(const struct balance *b, const struct part *part)
{
	size_t n;

	memcpy(&n, (const char *)b + part->count, sizeof(n));
	return n;
}

static void clear_pointers(void *element, const struct part *part)
{
	for (size_t i = 0; i < part->text_count; i++)
		set_pointer(element, part->texts[i], NULL);
	for (size_t i = 0; i < part->reason_count; i++)
		set_pointer(element, part->reasons[i] + offsetof(struct bal_reason, name), NULL);
}

static void name_reasons(void *element, const struct part *part)
{
	for (size_t i = 0; i < part->reason_count; i++) {
		struct bal_reason *r = (void *)((char *)element + part->reasons[i]);

		r->name = reason_make((enum bal_reason_code)r->code).name;
	}
}

/* ---- packing ---------------------------------------------------------------------------------------- */

static void put_varint(struct buf *out, size_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(out, (char)(v | 0x80));
	buf_putc(out, (char)v);
}

static size_t zeros_at(const unsigned char *p, size_t i, size_t len)
{
	static const unsigned char none[8];
	size_t from = i;

	while (len - i >= sizeof(none) && !memcmp(p + i, none, sizeof(none)))
		i += sizeof(none);
	while (i < len && !p[i])
		i++;
	return i - from;
}

/* Pairs of: how many zeros, how many other bytes; then those. Less than 3 zeros are no run. */
static void pack(struct buf *out, const unsigned char *p, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t zeros = zeros_at(p, i, len), from = i + zeros, z;

		for (i = from; i < len; i += z ? z : 1) {
			z = zeros_at(p, i, len);
			if (z >= 3 || (z && i + z == len))
				break;
		}
		put_varint(out, zeros);
		put_varint(out, i - from);
		buf_add(out, p + from, i - from);
	}
}

struct reader {
	const unsigned char *at, *end;
	bool bad;
};

static size_t get_varint(struct reader *r)
{
	size_t v = 0;

	for (int shift = 0; r->at < r->end && shift < 63; shift += 7) {
		unsigned char c = *r->at++;

		v |= (size_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	r->bad = true;
	return 0;
}

static void unpack(struct reader *r, unsigned char *p, size_t len)
{
	memset(p, 0, len);
	for (size_t i = 0; i < len && !r->bad;) {
		size_t zeros = get_varint(r), n = get_varint(r);

		if (zeros > len - i || n > len - i - zeros || n > (size_t)(r->end - r->at) || zeros + n == 0) {
			r->bad = true;
			return;
		}
		memcpy(p + i + zeros, r->at, n);
		r->at += n;
		i += zeros + n;
	}
}

/* Each element as its difference to the one before, or back. */
static void exclusive_or(unsigned char *restrict to, const unsigned char *restrict with, size_t size)
{
	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
		uint64_t a, b;

		memcpy(&a, to, sizeof(a));
		memcpy(&b, with, sizeof(b));
		a ^= b;
		memcpy(to, &a, sizeof(a));
		to += sizeof(a);
		with += sizeof(a);
	}
	while (size--)
		*to++ ^= *with++;
}

static void differ(unsigned char *p, size_t count, size_t size)
{
	for (size_t i = count; i-- > 1;)
		exclusive_or(p + i * size, p + (i - 1) * size, size);
}

static void undiffer(unsigned char *p, size_t count, size_t size)
{
	for (size_t i = 1; i < count; i++)
		exclusive_or(p + i * size, p + (i - 1) * size, size);
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static uint64_t checksum(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325);	/* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static void write_part(struct buf *out, const struct balance *b, const struct part *part)
{
	size_t count = get_count(b, part), len = count * part->size;
	const char *array = get_pointer(b, part->array);
	unsigned char *copy = xmalloc(len + 1);

	if (len)
		memcpy(copy, array, len);
	for (size_t i = 0; i < count; i++)
		clear_pointers(copy + i * part->size, part);
	differ(copy, count, part->size);
	pack(out, copy, len);
	free(copy);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < part->text_count; k++) {
			const char *text = get_pointer(array + i * part->size, part->texts[k]);

			buf_add(out, text, strlen(text) + 1);
		}
}

struct head {
	char magic[8];
	char engine[ENGINE_ID_MAX];
	uint64_t checksum, len;		/* of what follows */
};

static void make_head(struct head *h, const void *data, size_t len)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, magic, sizeof(magic));
	memcpy(h->engine, balance_engine(), strlen(balance_engine()));
	h->checksum = checksum(data, len);
	h->len = len;
}

void balance_snapshot(const struct balance *b, struct buf *out)
{
	struct balance copy = *b;
	struct head head;
	struct buf body;

	buf_init(&body);
	forget_own(&copy);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		set_pointer(&copy, parts[i].array, NULL);
	pack(&body, (const unsigned char *)&copy, sizeof(copy));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		write_part(&body, b, &parts[i]);
	make_head(&head, body.data, body.len);
	buf_add(out, &head, sizeof(head));
	buf_add(out, body.data, body.len);
	buf_fini(&body);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static char *read_text(struct reader *r)
{
	const unsigned char *nul = memchr(r->at, 0, (size_t)(r->end - r->at));
	const char *text = (const char *)r->at;

	if (!nul) {
		r->bad = true;
		return xstrdup("");
	}
	r->at = nul + 1;
	return xstrdup(text);
}

static void read_part(struct reader *r, struct balance *b, const struct part *part)
{
	size_t count = get_count(b, part);
	unsigned char *array = xcalloc(count + 1, part->size);

	unpack(r, array, count * part->size);
	undiffer(array, count, part->size);
	for (size_t i = 0; i < count; i++) {
		unsigned char *element = array + i * part->size;

		name_reasons(element, part);
		for (size_t k = 0; k < part->text_count; k++)
			set_pointer(element, part->texts[k], read_text(r));
	}
	set_pointer(b, part->array, array);
}

static int check_head(const struct head *h, const void *body, size_t len, struct diag *d)
{
	if (memcmp(h->magic, magic, sizeof(magic)) != 0)
		return diag_set(d, -LMS_EDATA, "not a snapshot of the balance");
	if (h->engine[sizeof(h->engine) - 1] || strcmp(h->engine, balance_engine()) != 0)
		return diag_set(d, -LMS_EPROTOCOL, "recorded by another version of lmsd (this is %s)",
				balance_engine());
	if (h->len != len || h->checksum != checksum(body, len))
		return diag_set(d, -LMS_EDATA, "the snapshot is damaged");
	return 0;
}

struct balance *balance_from_snapshot(const void *data, size_t len, struct diag *d)
{
	struct reader r = { .end = (const unsigned char *)data + len };
	struct balance *b;
	struct head head;

	if (len < sizeof(head)) {
		diag_set(d, -LMS_EDATA, "the snapshot is cut short");
		return NULL;
	}
	memcpy(&head, data, sizeof(head));
	r.at = (const unsigned char *)data + sizeof(head);
	if (check_head(&head, r.at, len - sizeof(head), d) < 0)
		return NULL;
	b = xcalloc(1, sizeof(*b));
	unpack(&r, (unsigned char *)b, sizeof(*b));
	for (size_t i = 0; i < ARRAY_LEN(parts) && !r.bad; i++)
		read_part(&r, b, &parts[i]);
	/* Its checksum is right: only a mistake of ours can have made it so. */
	lms_assert(!r.bad && r.at == r.end);
	return b;
}

static void clone_part(struct balance *to, const struct balance *from, const struct part *part)
{
	size_t count = get_count(from, part);
	char *array = xcalloc(count + 1, part->size);

	if (count)
		memcpy(array, get_pointer(from, part->array), count * part->size);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < part->text_count; k++) {
			char *element = array + i * part->size;

			set_pointer(element, part->texts[k],
				    xstrdup(get_pointer(element, part->texts[k])));
		}
	set_pointer(to, part->array, array);
}

struct balance *balance_clone(const struct balance *b)
{
	struct balance *copy = xcalloc(1, sizeof(*copy));

	*copy = *b;
	forget_own(copy);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		clone_part(copy, b, &parts[i]);
	return copy;
}

const char *balance_engine(void)
{
	return ENGINE_ID;
}
