#include "helper_recording.h"

#include <stdlib.h>
#include <string.h>

void recording_init(struct recording *r)
{
	*r = (struct recording){ 0 };
	buf_init(&r->problem);
}

static void forget(struct recording *r)
{
	for (size_t i = 0; i < r->count; i++)
		buf_fini(&r->chunks[i]);
	r->count = 0;
}

void recording_fini(struct recording *r)
{
	forget(r);
	free(r->chunks);
	buf_fini(&r->problem);
}

void recording_drain(struct recording *r, struct balance *b)
{
	struct journal_chunk c;

	balance_journal_peek(b, &c);
	if (c.len == 0)
		return;
	if (c.snapshot != MONO_NEVER && c.snapshot == c.first)
		forget(r);
	r->chunks = realloc(r->chunks, (r->count + 1) * sizeof(*r->chunks));
	buf_init(&r->chunks[r->count]);
	buf_add(&r->chunks[r->count++], c.rows, c.len);
	balance_journal_drop(b);
}

static bool same_conn(const struct balance *a, const struct balance *b, uint32_t conn)
{
	struct bal_conn_view x, y;
	struct bal_cause cx[8], cy[8];
	size_t n = balance_explain(a, conn, cx, 8, 0);

	balance_conn_view(a, conn, &x);
	balance_conn_view(b, conn, &y);
	if (x.target_ma != y.target_ma || x.limit_ma != y.limit_ma || x.w_ma != y.w_ma ||
	    x.pending_ma != y.pending_ma || x.phases != y.phases || x.max_ma != y.max_ma ||
	    x.admitted != y.admitted || n != balance_explain(b, conn, cy, 8, 0))
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(cx[i].text, cy[i].text) != 0)
			return false;
	return true;
}

static bool same_zone(const struct balance *a, const struct balance *b, int zone)
{
	struct bal_zone_view x, y;

	balance_zone_view(a, zone, &x);
	balance_zone_view(b, zone, &y);
	return memcmp(&x.cap, &y.cap, sizeof(x.cap)) == 0 && memcmp(&x.sum_w, &y.sum_w, sizeof(x.sum_w)) == 0 &&
	       memcmp(&x.load, &y.load, sizeof(x.load)) == 0 && memcmp(&x.non_ev, &y.non_ev, sizeof(x.non_ev)) == 0 &&
	       memcmp(&x.budget, &y.budget, sizeof(x.budget)) == 0 && strcmp(x.cap_why, y.cap_why) == 0 &&
	       x.competing == y.competing && x.admitted == y.admitted && x.seconds_over == y.seconds_over;
}

static void compare(struct recording *r, const struct replay *p, const struct balance *b)
{
	if (p->b == NULL)
		return buf_puts(&r->problem, "nothing to replay");
	if (p->differ)
		return buf_printf(&r->problem, "%llu of %llu turns differ, the first at %.1f s",
				  (unsigned long long)p->differ, (unsigned long long)p->turns,
				  (double)p->differs_at / 1e6);
	for (size_t i = 0; i < balance_conn_count(b); i++)
		if (!same_conn(b, p->b, (uint32_t)i))
			buf_printf(&r->problem, "connector %zu differs. ", i);
	for (size_t i = 0; i < balance_zone_count(b); i++)
		if (!same_zone(b, p->b, (int)i))
			buf_printf(&r->problem, "zone %zu differs. ", i);
	if (balance_next_due(b) != balance_next_due(p->b))
		buf_puts(&r->problem, "is due at another time");
}

bool recording_same(struct recording *r, const struct balance *b)
{
	struct replay p = { .stop_after = UINT64_MAX };
	struct diag d;
	int ret = 0;

	diag_init(&d);
	buf_clear(&r->problem);
	for (size_t i = 0; i < r->count && ret == 0; i++)
		ret = replay_chunk(&p, r->chunks[i].data, r->chunks[i].len, &d);
	if (ret < 0)
		buf_puts(&r->problem, d.text);
	else
		compare(r, &p, b);
	balance_free(p.b);
	return r->problem.len == 0;
}
