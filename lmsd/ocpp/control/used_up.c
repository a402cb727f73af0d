/* ocpp/control/used_up.c - ends what tags charge whose credit has fallen below 0.
 *
 * By RemoteStopTransaction, again every minute as long as it runs and its station is there: one may refuse,
 * or be away.
 */
#include "ocpp/session.h"

#define AGAIN_US (60 * US_PER_S)
#define LOOK_US  (10 * US_PER_S)

static void ask(struct ocpp_session *s, struct tx *tx, const struct turn *t)
{
	struct json_writer w;
	struct call *c;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "transactionId", tx->id);
	jw_object_end(&w);
	c = call_new(CALL_USED_UP, RANK_ORDER, "RemoteStopTransaction");
	c->tx = tx->id;
	call_payload(c, &b);
	tx->stop_asked = t->now;
	queue_push(s, c, t);
}

void ocpp_credit_used_up(struct ocpp *o, mono_t now, wall_t wall, struct effects *fx)
{
	const struct turn t = { now, wall, fx };
	bool any = false;

	for (struct tx *tx = o->site->running; tx; tx = tx->hh.next) {
		const struct tag *tag = tx->free ? NULL : site_tag(o->site, tx->tag);
		int64_t credit_wh = tag ? site_tag_credit(o->site, tag, wall) : NUM_NONE;
		struct ocpp_session *s;

		if (credit_wh == NUM_NONE || credit_wh >= 0)
			continue;
		any = true;
		s = session_by_station(o, tx->station);
		if (s && s->link && (tx->stop_asked == 0 || now - tx->stop_asked >= AGAIN_US))
			ask(s, tx, &t);
	}
	o->site->credit_out = any;
	o->site->credit_look_at = now + LOOK_US;
}
