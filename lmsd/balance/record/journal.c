/* balance/record/journal.c - one row per input: its kind as a byte, then its arguments as varints.
 *
 * Times are told as differences to the one before in the same chunk, so that most rows take 5 to 20
 * bytes. A turn's row comes after it and holds a hash of what it answered: a replay proves itself.
 */
#include "balance/record/journal.h"

#include <stdlib.h>
#include <string.h>

#include "balance/model.h"
#include "balance/record/snapshot.h"
#include "base/err.h"

enum row_kind {
	ROW_SNAPSHOT = 1, ROW_TURN,
#define INPUT1(name, ...) ROW_##name,
#define INPUT2(name, ...) ROW_##name,
#define INPUT3(name, ...) ROW_##name,
#define INPUT4(name, ...) ROW_##name,
#define INPUT5(name, ...) ROW_##name,
#include "balance/record/journal.def"
#undef INPUT1
#undef INPUT2
#undef INPUT3
#undef INPUT4
#undef INPUT5
	ROW_KINDS
};

struct journal {
	struct buf rows;
	mono_t first, last, snapshot;	/* of this chunk; see struct journal_chunk */
};

/* ---- writing ------------------------------------------------------------------------------------- */

static void put_varint(struct journal *j, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(&j->rows, (char)(v | 0x80));
	buf_putc(&j->rows, (char)v);
}

/* Small ones of either sign are short, and so is "absent". */
static void put_NUM(struct journal *j, int64_t v)
{
	if (v == NUM_NONE)
		put_varint(j, 0);
	else
		put_varint(j, (((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0)) + 1);
}

static void put_TIME(struct journal *j, mono_t at)
{
	if (j->first == MONO_NEVER) {
		j->first = at;
		j->last = 0;
	}
	put_NUM(j, at - j->last);
	j->last = at;
}

static void put_STR(struct journal *j, const char *s)
{
	buf_add(&j->rows, s, strlen(s) + 1);
}

static void put_words(struct journal *j, const void *p, size_t size)
{
	if (p == NULL)
		return buf_putc(&j->rows, 0);
	buf_putc(&j->rows, 1);
	for (size_t i = 0; i < size; i += sizeof(int64_t)) {
		int64_t word = 0;

		memcpy(&word, (const char *)p + i, size - i < sizeof(word) ? size - i : sizeof(word));
		put_NUM(j, word);
	}
}

#define put_U32(j, v)         put_varint(j, v)
#define put_ZONE(j, v)        put_varint(j, (uint64_t)(v))
#define put_TOKEN(j, v)       put_varint(j, v)
#define put_BOOL(j, v)        put_varint(j, v)
#define put_USE(j, v)         put_varint(j, v)
#define put_KIND(j, v)        put_varint(j, v)
#define put_ANSWER(j, v)      put_varint(j, v)
#define put_OUTER(j, v)       put_varint(j, v)
#define put_PHASE(j, p)       put_words(j, p, sizeof(*(p)))
#define put_SAMPLE(j, p)      put_words(j, p, sizeof(*(p)))
#define put_SUN(j, v)         put_varint(j, v)
#define put_SUN_SAMPLE(j, p)  put_words(j, p, sizeof(*(p)))
#define put_OUTER_LIMIT(j, p) put_words(j, p, sizeof(*(p)))

static struct journal *row(struct balance *b, enum row_kind kind)
{
	if (b->journal != NULL)
		buf_putc(&b->journal->rows, (char)kind);
	return b->journal;
}

#define WRITER(name, ...) \
	void journal_##name(struct balance *b, __VA_ARGS__) \
	{ \
		struct journal *j = row(b, ROW_##name); \
\
		if (j == NULL) \
			return;
#define INPUT1(name, f, t1, a1) \
	WRITER(name, J_##t1 a1) \
		put_##t1(j, a1); \
	}
#define INPUT2(name, f, t1, a1, t2, a2) \
	WRITER(name, J_##t1 a1, J_##t2 a2) \
		put_##t1(j, a1); \
		put_##t2(j, a2); \
	}
#define INPUT3(name, f, t1, a1, t2, a2, t3, a3) \
	WRITER(name, J_##t1 a1, J_##t2 a2, J_##t3 a3) \
		put_##t1(j, a1); \
		put_##t2(j, a2); \
		put_##t3(j, a3); \
	}
#define INPUT4(name, f, t1, a1, t2, a2, t3, a3, t4, a4) \
	WRITER(name, J_##t1 a1, J_##t2 a2, J_##t3 a3, J_##t4 a4) \
		put_##t1(j, a1); \
		put_##t2(j, a2); \
		put_##t3(j, a3); \
		put_##t4(j, a4); \
	}
#define INPUT5(name, f, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
	WRITER(name, J_##t1 a1, J_##t2 a2, J_##t3 a3, J_##t4 a4, J_##t5 a5) \
		put_##t1(j, a1); \
		put_##t2(j, a2); \
		put_##t3(j, a3); \
		put_##t4(j, a4); \
		put_##t5(j, a5); \
	}
#include "balance/record/journal.def"
#undef INPUT1
#undef INPUT2
#undef INPUT3
#undef INPUT4
#undef INPUT5

static uint64_t hash_num(uint64_t h, int64_t v)
{
	for (int i = 0; i < 8; i++)
		h = (h ^ ((uint64_t)v >> 8 * i & 0xff)) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t hash_turn(const struct bal_turn *t)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < t->order_count; i++) {
		const struct bal_order *o = &t->orders[i];

		h = hash_num(h, o->conn);
		h = hash_num(h, (int64_t)o->kind);
		h = hash_num(h, o->limit_ma);
		h = hash_num(h, o->given_ma);
		h = hash_num(h, o->raises);
		h = hash_num(h, o->fallback_us);
		h = hash_num(h, o->fallback_ma);
		h = hash_num(h, o->fallback_given_ma);
		h = hash_num(h, (int64_t)o->token);
	}
	for (size_t i = 0; i < t->store_count; i++) {
		h = hash_num(h, t->stores[i].conn);
		h = hash_num(h, t->stores[i].w_ma);
		h = hash_num(h, t->stores[i].idle_acked);
	}
	return h;
}

void journal_turn(struct balance *b, mono_t now, const struct bal_turn *out)
{
	struct journal *j = row(b, ROW_TURN);
	uint64_t hash;

	if (j == NULL)
		return;
	put_TIME(j, now);
	put_varint(j, out->order_count + out->store_count);
	if (out->order_count + out->store_count == 0)
		return;
	hash = hash_turn(out);
	buf_add(&j->rows, &hash, sizeof(hash));
}

void balance_journal_snapshot(struct balance *b, mono_t now)
{
	struct journal *j = row(b, ROW_SNAPSHOT);
	struct buf bytes;

	if (j == NULL)
		return;
	buf_init(&bytes);
	balance_snapshot(b, &bytes);
	put_TIME(j, now);
	put_varint(j, bytes.len);
	buf_add(&j->rows, bytes.data, bytes.len);
	buf_fini(&bytes);
	if (j->snapshot == MONO_NEVER)
		j->snapshot = now;
}

static void begin_chunk(struct journal *j)
{
	buf_clear(&j->rows);
	j->first = j->snapshot = MONO_NEVER;
	j->last = 0;
}

void balance_journal_start(struct balance *b, mono_t now)
{
	if (b->journal == NULL) {
		b->journal = xcalloc(1, sizeof(*b->journal));
		buf_init(&b->journal->rows);
		begin_chunk(b->journal);
	}
	balance_journal_snapshot(b, now);
}

size_t balance_journal_size(const struct balance *b)
{
	return b->journal != NULL ? b->journal->rows.len : 0;
}

void balance_journal_peek(const struct balance *b, struct journal_chunk *out)
{
	const struct journal *j = b->journal;

	*out = (struct journal_chunk){ .first = MONO_NEVER, .last = MONO_NEVER, .snapshot = MONO_NEVER };
	if (j == NULL)
		return;
	*out = (struct journal_chunk){ .rows = j->rows.data, .len = j->rows.len, .first = j->first,
				       .last = j->last, .snapshot = j->snapshot };
}

void balance_journal_drop(struct balance *b)
{
	if (b->journal != NULL)
		begin_chunk(b->journal);
}

void journal_free(struct balance *b)
{
	if (b->journal != NULL)
		buf_fini(&b->journal->rows);
	free(b->journal);
	b->journal = NULL;
}

/* ---- reading --------------------------------------------------------------------------------------- */

struct reader {
	const unsigned char *at, *end;
	mono_t last;
	bool bad;
};

static uint64_t get_varint(struct reader *r)
{
	uint64_t v = 0;

	for (int shift = 0; r->at < r->end && shift < 70; shift += 7) {
		unsigned char c = *r->at++;

		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	r->bad = true;
	return 0;
}

static int64_t get_NUM(struct reader *r)
{
	uint64_t v = get_varint(r);

	if (v-- == 0)
		return NUM_NONE;
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

static mono_t get_TIME(struct reader *r)
{
	r->last = (mono_t)((uint64_t)r->last + (uint64_t)get_NUM(r));
	return r->last;
}

static const char *get_STR(struct reader *r)
{
	const unsigned char *nul = memchr(r->at, 0, (size_t)(r->end - r->at));
	const char *s = (const char *)r->at;

	if (nul == NULL) {
		r->bad = true;
		return "";
	}
	r->at = nul + 1;
	return s;
}

static const void *get_words(struct reader *r, void *p, size_t size)
{
	if (r->at == r->end) {
		r->bad = true;
		return NULL;
	}
	if (*r->at++ == 0)
		return NULL;
	for (size_t i = 0; i < size; i += sizeof(int64_t)) {
		int64_t word = get_NUM(r);

		memcpy((char *)p + i, &word, size - i < sizeof(word) ? size - i : sizeof(word));
	}
	return p;
}

#define get_U32(r)         (uint32_t)get_varint(r)
#define get_ZONE(r)        (int)get_varint(r)
#define get_TOKEN(r)       get_varint(r)
#define get_BOOL(r)        (get_varint(r) != 0)
#define get_USE(r)         (enum bal_use)get_varint(r)
#define get_KIND(r)        (enum bal_limit_kind)get_varint(r)
#define get_ANSWER(r)      (enum bal_answer)get_varint(r)
#define get_OUTER(r)       (enum bal_outer)get_varint(r)
#define get_PHASE(r)       get_words(r, &(struct phase_ma){ { 0 } }, sizeof(struct phase_ma))
#define get_SAMPLE(r)      get_words(r, &(struct bal_sample){ .good = false }, sizeof(struct bal_sample))
#define get_SUN(r)         (enum bal_pv_source)get_varint(r)
#define get_SUN_SAMPLE(r)  get_words(r, &(struct bal_pv_sample){ .good = false }, sizeof(struct bal_pv_sample))
#define get_OUTER_LIMIT(r) \
	get_words(r, &(struct bal_outer_limit){ .limit = { { 0 } } }, sizeof(struct bal_outer_limit))

static void replay_admit_manual(struct balance *b, uint32_t conn, enum bal_limit_kind kind, int64_t limit_ma,
				mono_t now)
{
	struct bal_reason blame;
	uint64_t token;

	balance_admit_manual(b, conn, kind, limit_ma, &token, &blame, now);
}

/* An index that the model does not have is a damaged row: it must not reach the engine. */
static bool fits_U32(const struct balance *b, uint32_t conn)
{
	return conn < b->conn_count;
}

static bool fits_ZONE(const struct balance *b, int zone)
{
	return zone >= 0 && (size_t)zone < b->zone_count;
}

#define fits_NUM(b, v)         true
#define fits_STR(b, v)         true
#define fits_BOOL(b, v)        true
#define fits_TIME(b, v)        true

/* The first argument tells whether the row fits; without a balance it is only passed over. */
#define RUN(t1, a1, call) \
	if (b != NULL && !r->bad && !fits_##t1(b, a1)) \
		r->bad = true; \
	else if (b != NULL && !r->bad) \
		call; \
	break;

static void run_input(struct balance *b, enum row_kind what, struct reader *r)
{
	switch (what) {
#define INPUT1(name, f, t1, a1) \
	case ROW_##name: { \
		J_##t1 a1 = get_##t1(r); \
		RUN(t1, a1, f(b, a1)) \
	}
#define INPUT2(name, f, t1, a1, t2, a2) \
	case ROW_##name: { \
		J_##t1 a1 = get_##t1(r); \
		J_##t2 a2 = get_##t2(r); \
		RUN(t1, a1, f(b, a1, a2)) \
	}
#define INPUT3(name, f, t1, a1, t2, a2, t3, a3) \
	case ROW_##name: { \
		J_##t1 a1 = get_##t1(r); \
		J_##t2 a2 = get_##t2(r); \
		J_##t3 a3 = get_##t3(r); \
		RUN(t1, a1, f(b, a1, a2, a3)) \
	}
#define INPUT4(name, f, t1, a1, t2, a2, t3, a3, t4, a4) \
	case ROW_##name: { \
		J_##t1 a1 = get_##t1(r); \
		J_##t2 a2 = get_##t2(r); \
		J_##t3 a3 = get_##t3(r); \
		J_##t4 a4 = get_##t4(r); \
		RUN(t1, a1, f(b, a1, a2, a3, a4)) \
	}
#define INPUT5(name, f, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
	case ROW_##name: { \
		J_##t1 a1 = get_##t1(r); \
		J_##t2 a2 = get_##t2(r); \
		J_##t3 a3 = get_##t3(r); \
		J_##t4 a4 = get_##t4(r); \
		J_##t5 a5 = get_##t5(r); \
		RUN(t1, a1, f(b, a1, a2, a3, a4, a5)) \
	}
#include "balance/record/journal.def"
#undef INPUT1
#undef INPUT2
#undef INPUT3
#undef INPUT4
#undef INPUT5
	case ROW_SNAPSHOT:
	case ROW_TURN:
	case ROW_KINDS:
	default:
		r->bad = true;
	}
}

/* What a turn answered, as recorded. */
struct told {
	mono_t now;
	uint64_t count, hash;
};

static struct told get_turn(struct reader *r)
{
	struct told t = { .now = get_TIME(r), .count = get_varint(r) };

	if (t.count == 0 || r->bad)
		return t;
	if ((size_t)(r->end - r->at) < sizeof(t.hash)) {
		r->bad = true;
		return t;
	}
	memcpy(&t.hash, r->at, sizeof(t.hash));
	r->at += sizeof(t.hash);
	return t;
}

/* The bytes of a snapshot; NULL if they are not all there. */
static const void *get_snapshot(struct reader *r, mono_t *at, size_t *len)
{
	const void *bytes;

	*at = get_TIME(r);
	*len = (size_t)get_varint(r);
	if (r->bad || *len > (size_t)(r->end - r->at)) {
		r->bad = true;
		return NULL;
	}
	bytes = r->at;
	r->at += *len;
	return bytes;
}

static int damaged(struct diag *d)
{
	return diag_set(d, -LMS_EDATA, "the recording is damaged here");
}

int64_t replay_count(const void *rows, size_t len, mono_t until, bool *beyond, struct diag *d)
{
	struct reader r = { .at = rows, .end = (const unsigned char *)rows + len };
	int64_t n = 0;
	mono_t at;

	*beyond = false;
	while (r.at < r.end && !r.bad && !*beyond) {
		enum row_kind kind = *r.at++;

		if (kind == ROW_SNAPSHOT) {
			get_snapshot(&r, &at, &len);
		} else if (kind == ROW_TURN) {
			*beyond = get_turn(&r).now > until;
			n += !*beyond;
		} else {
			run_input(NULL, kind, &r);
		}
	}
	return r.bad ? damaged(d) : n;
}

static void run_turn(struct replay *p, const struct told *told)
{
	struct bal_turn out;
	struct arena arena;
	uint64_t count;

	p->seen++;
	if (p->b == NULL)
		return;
	arena_init(&arena);
	balance_turn(p->b, told->now, &arena, &out);
	p->ran = told->now;
	p->turns++;
	p->orders += out.order_count;
	count = out.order_count + out.store_count;
	if (count != told->count || (count && hash_turn(&out) != told->hash)) {
		if (p->differ++ == 0)
			p->differs_at = told->now;
	}
	arena_fini(&arena);
}

static int run_snapshot(struct replay *p, struct reader *r, struct diag *d)
{
	mono_t at;
	size_t len;
	const void *bytes = get_snapshot(r, &at, &len);
	struct balance *b = bytes ? balance_from_snapshot(bytes, len, d) : NULL;

	if (bytes == NULL)
		return damaged(d);
	if (b == NULL)
		return d->err;
	balance_free(p->b);
	*p = (struct replay){ .b = b, .stop_after = p->stop_after, .seen = p->seen, .ran = MONO_NEVER };
	return 0;
}

int replay_chunk(struct replay *p, const void *rows, size_t len, struct diag *d)
{
	struct reader r = { .at = rows, .end = (const unsigned char *)rows + len };
	int ret = 0;

	while (r.at < r.end && !r.bad && ret == 0 && p->seen < p->stop_after) {
		enum row_kind kind = *r.at++;
		struct told told;

		if (kind == ROW_SNAPSHOT) {
			ret = run_snapshot(p, &r, d);
		} else if (kind == ROW_TURN) {
			told = get_turn(&r);
			if (!r.bad)
				run_turn(p, &told);
		} else {
			run_input(p->b, kind, &r);
		}
	}
	return r.bad ? damaged(d) : ret;
}
