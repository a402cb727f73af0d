/* hall/door/rival.c - who waits for an older connection of his identity to show whether it is alive.
 *
 * Invariant: a claim ends with the second upgrade of its connection, or with the server. So long the
 * connection waits unread and cannot go away.
 */
#include "hall/door/rival.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "app.h"
#include "base/log.h"

/* A modem may need seconds for its first packet; stations wait some ten for their upgrade. */
#define ANSWER_US (3 * US_PER_S)

enum finding { UNKNOWN, ALIVE, DEAD, PASSED };	/* by a newer connection that waits as well */

struct claim {
	LIST_ENTRY(claim) all;
	struct ws_conn *by;
	uint64_t old;		/* link */
	mono_t asked;
	enum finding finding;
};

struct rivals {
	struct app *app;
	struct loop_timer *timer;
	LIST_HEAD(, claim) claims;
};

static mono_t now_of(const struct rivals *r)
{
	return loop_now(r->app->loop);
}

static void find(struct claim *c, enum finding finding)
{
	if (c->finding != UNKNOWN)
		return;
	c->finding = finding;
	ws_server_resume(c->by);
}

static void on_time(void *ctx)
{
	struct rivals *r = ctx;
	mono_t due = MONO_NEVER;
	struct claim *c;

	LIST_FOREACH(c, &r->claims, all) {
		const struct wire *old = wire_find(r->app, c->old);

		if (c->finding != UNKNOWN)
			continue;
		if (old == NULL || now_of(r) >= c->asked + ANSWER_US)
			find(c, old != NULL && ws_conn_last_heard(old->conn) > c->asked ? ALIVE : DEAD);
		else if (c->asked + ANSWER_US < due)
			due = c->asked + ANSWER_US;
	}
	loop_timer_at(r->timer, due);
}

struct rivals *rivals_new(struct app *app)
{
	struct rivals *r = xcalloc(1, sizeof(*r));

	r->app = app;
	r->timer = loop_timer_new(app->loop, on_time, r);
	return r;
}

static void claim_free(struct claim *c)
{
	LIST_REMOVE(c, all);
	free(c);
}

void rivals_free(struct rivals *r)
{
	struct claim *c;

	if (r == NULL)
		return;
	while ((c = LIST_FIRST(&r->claims)) != NULL)
		claim_free(c);
	loop_timer_free(r->timer);
	free(r);
}

static struct claim *claim_of(struct rivals *r, const struct ws_conn *by)
{
	struct claim *c;

	LIST_FOREACH(c, &r->claims, all)
		if (c->by == by)
			return c;
	return NULL;
}

static int begin(struct rivals *r, const struct ws_upgrade *u, struct wire *old)
{
	struct claim *c = xcalloc(1, sizeof(*c)), *other;

	c->by = u->conn;
	c->old = old->id;
	c->asked = now_of(r);
	/* Who connects again has given the attempt before up. */
	LIST_FOREACH(other, &r->claims, all) {
		if (other->old != c->old || other->finding != UNKNOWN)
			continue;
		c->asked = other->asked;
		find(other, PASSED);
	}
	LIST_INSERT_HEAD(&r->claims, c, all);
	ws_conn_ping(old->conn);
	on_time(r);
	return WS_UPGRADE_WAIT;
}

int rival_ask(struct rivals *r, const struct ws_upgrade *u, bool proven)
{
	const struct station *st = site_station(r->app->hall.site, u->identity);
	struct wire *old = st != NULL && st->link ? wire_find(r->app, st->link) : NULL;
	struct claim *c = claim_of(r, u->conn);
	enum finding finding = c != NULL && old != NULL && c->old == old->id ? c->finding : UNKNOWN;

	if (c != NULL && finding == UNKNOWN && old != NULL && c->old == old->id)
		return WS_UPGRADE_WAIT;
	if (c != NULL)
		claim_free(c);
	if (old == NULL || proven || finding == DEAD)
		return 0;
	if (finding == UNKNOWN)
		return begin(r, u, old);
	if (finding == PASSED)
		return 409;
	log_station(WARNING, st->id, "station_twice",
		    "address=%s refused, the connection from %s is alive; what two stations share is no identity, and "
		    "a key (profile 1 up) shows which of them is meant", log_text(u->peer_addr), ws_conn_peer_addr(old->conn));
	return 409;
}

void rival_refused(struct rivals *r, const struct ws_upgrade *u)
{
	struct claim *c = claim_of(r, u->conn);

	if (c != NULL)
		claim_free(c);
}

static void tell(struct rivals *r, const struct wire *old, enum finding finding)
{
	struct claim *c;

	LIST_FOREACH(c, &r->claims, all)
		if (c->old == old->id)
			find(c, finding);
}

void rival_heard(struct rivals *r, const struct wire *old)
{
	tell(r, old, ALIVE);
}

void rival_gone(struct rivals *r, const struct wire *old)
{
	tell(r, old, DEAD);
}
