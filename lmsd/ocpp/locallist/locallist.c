/* ocpp/locallist/locallist.c - see locallist.h.
 *
 * A station that is offline decides by its list alone: that a tag was blocked meanwhile, or charges
 * elsewhere, it cannot know. One call at a time, behind everything else. A list in step is told by three
 * numbers that are stored: the version that the station accepted, the change of tags up to which it goes,
 * and, where the station has no room for all of them, what those are that it has.
 */
#include "ocpp/locallist/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/control/ctl_call.h"
#include "ocpp/locallist/listable.h"

#define SOON_US US_PER_S		/* several changes together are one message */
#define SPREAD_US (10 * US_PER_MS)	/* for each station that there is: not all in one turn */
#define PORTION 100			/* entries in a message, where the station does not say */
#define PORTION_MAX 500

bool locallist_wanted(const struct ocpp_session *s, const struct station *st)
{
	const struct station_conf *conf = site_station_conf(s->o->site, st);

	return conf && conf->local_list;
}

/* Nobody keeps it in step any more: whoever is in it could charge for ever while the station is offline. */
static bool to_empty(const struct ocpp_session *s, const struct station *st)
{
	return st->conf >= 0 && st->list.kept && !locallist_wanted(s, st);
}

static struct list_sync *sync_get(struct ocpp_session *s)
{
	if (!s->list)
		s->list = xcalloc(1, sizeof(*s->list));
	return s->list;
}

void list_forget_todo(struct list_sync *l)
{
	free(l->todo);
	l->todo = NULL;
	l->todo_count = l->at = 0;
}

void locallist_free(struct ocpp_session *s)
{
	if (!s->list)
		return;
	list_forget_todo(s->list);
	free(s->list);
	s->list = NULL;
}

void locallist_closed(struct ocpp_session *s)
{
	if (!s->list)
		return;
	s->list->asked = s->list->none = false;
	s->list->tries = 0;
}

void locallist_wake(struct ocpp_session *s, const struct turn *t)
{
	const struct station *st = session_station(s);
	uint64_t all = (uint64_t)HASH_COUNT(s->o->by_id) * SPREAD_US;

	if (st && s->link && (locallist_wanted(s, st) || to_empty(s, st)))
		session_timer(s, TIMER_LIST, t->now + SOON_US + (int64_t)(rpc_hash(RPC_HASH_START, s->id, strlen(s->id)) % all));
}

static bool has_room(const struct list_sync *l, size_t count)
{
	return l->max <= 0 || count <= (size_t)l->max;
}

/* ---- calls ---- */

static void push(struct ocpp_session *s, const char *action, int step, struct buf *b, uint64_t token, int64_t version,
		 const struct turn *t)
{
	struct call *c = call_new(CALL_LIST, token ? RANK_ORDER : RANK_BACKGROUND, action);

	c->step = step;
	c->token = token;
	c->version = version;
	call_payload(c, b);
	if (step != STEP_RAW)
		s->list->busy = true;
	queue_push(s, c, t);
}

static void ask_keys(struct ocpp_session *s, const struct turn *t)
{
	static const char *const keys[] = { "LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength" };
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "key");
	jw_array(&w);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		jw_str(&w, keys[i]);
	jw_array_end(&w);
	jw_object_end(&w);
	push(s, "GetConfiguration", STEP_KEYS, &b, 0, 0, t);
}

void list_enable(struct ocpp_session *s, const struct turn *t)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "key", "LocalAuthListEnabled");
	jw_kstr(&w, "value", "true");
	jw_object_end(&w);
	push(s, "ChangeConfiguration", STEP_ENABLE, &b, 0, 0, t);
}

void list_ask_version(struct ocpp_session *s, const struct turn *t)
{
	struct buf b;

	buf_init(&b);
	buf_puts(&b, "{}");
	push(s, "GetLocalListVersion", STEP_VERSION, &b, 0, 0, t);
}

/* The next tags of a full list; how many are left decides whether another message follows. */
static void write_full(struct ocpp_session *s, size_t portion, wall_t wall, struct json_writer *w)
{
	const struct listable *all = listable_of(s->o);
	struct list_sync *l = s->list;
	size_t i = listable_after(all, l->last), n = 0;

	for (; i < all->count && n < portion && has_room(l, l->sent + 1); i++, n++, l->sent++) {
		listable_write(s->o->site, w, all->tags[i]->k.uid, all->tags[i], wall);
		memcpy(l->last, all->tags[i]->k.uid, strlen(all->tags[i]->k.uid) + 1);
	}
	l->more = i < all->count && has_room(l, l->sent + 1);
}

static const struct tag *tag_listed(struct ocpp_session *s, const char *uid)
{
	const struct tag *tag = site_tag(s->o->site, uid);

	return tag && site_tag_listable(s->o->site, &tag->k) ? tag : NULL;
}

static void write_changes(struct ocpp_session *s, size_t portion, wall_t wall, struct json_writer *w)
{
	struct list_sync *l = s->list;

	for (size_t n = 0; l->at < l->todo_count && n < portion; l->at++, l->sent++, n++)
		listable_write(s->o->site, w, l->todo[l->at], tag_listed(s, l->todo[l->at]), wall);
	l->more = l->at < l->todo_count;
}

void list_send_portion(struct ocpp_session *s, const struct turn *t)
{
	struct list_sync *l = s->list;
	size_t portion = l->portion > 0 ? (size_t)l->portion : PORTION;
	struct json_writer w;
	struct buf b;

	if (portion > PORTION_MAX)
		portion = PORTION_MAX;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "listVersion", l->version + 1);
	jw_key(&w, "localAuthorizationList");
	jw_array(&w);
	if (l->full)
		write_full(s, portion, t->wall, &w);
	else
		write_changes(s, portion, t->wall, &w);
	jw_array_end(&w);
	jw_kstr(&w, "updateType", l->full && l->messages == 0 ? "Full" : "Differential");
	jw_object_end(&w);
	push(s, "SendLocalList", STEP_SEND, &b, l->token, l->version + 1, t);
}

/* ---- what is to be sent ---- */

static void reply_end(struct ocpp_session *s, const struct turn *t)
{
	struct list_sync *l = s->list;
	struct json_writer w;
	struct buf b;

	if (l->token == 0)
		return;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "status", "Accepted");
	jw_kint(&w, "listVersion", l->version);
	jw_kint(&w, "entries", (int64_t)l->sent);
	jw_kint(&w, "messages", (int64_t)l->messages);
	jw_object_end(&w);
	fx_reply(t->fx, FX_AFTER_COMMIT, l->token, b.data, b.len);
	buf_fini(&b);
	l->token = 0;
}

void list_in_step(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	struct list_sync *l = s->list;

	if (!st->list.whole || st->list.seq != l->goal || st->list.version != l->version || st->list.cut != l->cut) {
		st->list.version = l->version;
		st->list.whole = true;
		st->list.seq = l->goal;
		st->list.cut = l->cut;
		site_list_store(st, t->fx);
	}
	if (l->messages)
		log_station(INFO, s->id, "local_list", "version=%lld entries=%zu messages=%zu update=%s", (long long)l->version,
			    l->sent, l->messages, l->full ? "Full" : "Differential");
	list_forget_todo(l);
	reply_end(s, t);
}

static void begin_full(struct ocpp_session *s, const struct turn *t)
{
	struct list_sync *l = s->list;

	list_forget_todo(l);
	l->full = true;
	l->last[0] = '\0';
	l->sent = l->messages = 0;
	list_send_portion(s, t);
}

static bool noted(const struct list_sync *l, const char *uid)
{
	for (size_t i = 0; i < l->todo_count; i++)
		if (strcmp(l->todo[i], uid) == 0)
			return true;
	return false;
}

/* Those to be taken off come first: a list that is full has room for the others then. */
static void collect_changes(struct ocpp_session *s, int64_t after)
{
	struct list_sync *l = s->list;

	list_forget_todo(l);
	l->todo = xcalloc((size_t)(l->goal - after), sizeof(*l->todo));
	for (int pass = 0; pass < 2; pass++) {
		for (int64_t seq = after + 1; seq <= l->goal; seq++) {
			const char *uid = site_tag_log_at(s->o->site, seq);

			if ((tag_listed(s, uid) != NULL) != (pass == 1) || strlen(uid) > TAG_LIST_UID_MAX || noted(l, uid))
				continue;
			memcpy(l->todo[l->todo_count++], uid, strlen(uid) + 1);
		}
	}
}

void list_decide(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	const struct listable *all = listable_of(s->o);
	struct list_sync *l = s->list;
	bool fits = has_room(l, all->count);

	if (!st->list.kept) {
		st->list.kept = true;
		site_list_store(st, t->fx);
	}
	l->goal = s->o->site->tag_seq;
	l->sent = l->messages = 0;
	l->cut = fits ? 0 : listable_cut(s->o->site, all, (size_t)l->max);
	if (!fits && !l->no_room)
		log_station(WARNING, s->id, "local_list_too_short", "tags=%zu room=%lld", all->count, (long long)l->max);
	l->no_room = !fits;
	if (!st->list.whole || st->list.cut != l->cut) {
		begin_full(s, t);
	} else if (!fits || st->list.seq == l->goal) {
		list_in_step(s, st, t);
	} else if (!site_tag_log_reaches(s->o->site, st->list.seq)) {
		begin_full(s, t);
	} else {
		l->full = false;
		collect_changes(s, st->list.seq);
		if (l->todo_count)
			list_send_portion(s, t);
		else
			list_in_step(s, st, t);
	}
}

static void send_empty(struct ocpp_session *s, const struct station *st, const struct turn *t)
{
	int64_t version = (s->list->version > st->list.version ? s->list->version : st->list.version) + 1;
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "listVersion", version);
	jw_key(&w, "localAuthorizationList");
	jw_array(&w);
	jw_array_end(&w);
	jw_kstr(&w, "updateType", "Full");
	jw_object_end(&w);
	push(s, "SendLocalList", STEP_EMPTY, &b, 0, version, t);
}

void locallist_timer(struct ocpp_session *s, const struct turn *t)
{
	struct station *st = session_station(s);

	if (!st || !s->link || s->state != SESSION_READY || !(locallist_wanted(s, st) || to_empty(s, st)))
		return;
	/* First what balancing needs. */
	if (s->setup || sync_get(s)->busy) {
		session_timer(s, TIMER_LIST, t->now + SOON_US);
		return;
	}
	if (s->list->none || s->list->tries >= TRIES)
		return;
	if (to_empty(s, st))
		send_empty(s, st, t);
	else if (s->list->asked)
		list_decide(s, st, t);
	else
		ask_keys(s, t);
}

/* ---- by hand ---- */

int locallist_send(struct ocpp_session *s, bool full, int64_t version, uint64_t token, const struct turn *t,
		   struct diag *d)
{
	struct station *st = session_station(s);
	struct list_sync *l = sync_get(s);

	if (l->busy)
		return diag_set(d, -LMS_ECONFLICT, "station %s: its list is being sent already (try again)", s->id);
	if (!full && (!st->list.whole || st->list.cut || !site_tag_log_reaches(s->o->site, st->list.seq)))
		return diag_set(d, -LMS_ECONFLICT, "station %s: what it has is not known well enough (send all: local-list send %s)",
				s->id, s->id);
	/* Who sends it by hand looks after it, too. */
	st->list.kept = st->list.kept && locallist_wanted(s, st);
	l->token = token;
	l->version = version != NUM_NONE ? version - 1 : l->asked && l->version > st->list.version ? l->version : st->list.version;
	l->goal = s->o->site->tag_seq;
	l->cut = has_room(l, listable_of(s->o)->count) ? 0 : listable_cut(s->o->site, listable_of(s->o), (size_t)l->max);
	if (full) {
		begin_full(s, t);
		return 0;
	}
	l->full = false;
	l->sent = l->messages = 0;
	collect_changes(s, st->list.seq);
	if (l->todo_count)
		list_send_portion(s, t);
	else
		list_in_step(s, st, t);
	return 0;
}

void locallist_send_raw(struct ocpp_session *s, const char *update, int64_t version, const struct json *list, uint64_t token,
			const struct turn *t)
{
	const struct ocpp_message *m = ocpp_message_find("SendLocalList");
	const struct station *st = session_station(s);
	struct json_writer w;
	struct buf b;

	if (version == NUM_NONE)
		version = st->list.version + 1;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "listVersion", version);
	jw_key(&w, "localAuthorizationList");
	jw_array(&w);
	for (const struct json *e = list->first; e; e = e->next) {
		if (e->type == JSON_OBJECT)
			ocpp_payload_write(m->req->fields[1].type, e, &w);
		else
			jw_copy(&w, e);
	}
	jw_array_end(&w);
	jw_kstr(&w, "updateType", update);
	jw_object_end(&w);
	push(s, "SendLocalList", STEP_RAW, &b, token, version, t);
}

void locallist_write(const struct ocpp_session *s, const struct station *st, struct json_writer *w)
{
	const struct listable *all = listable_of(s->o);
	const struct list_sync *l = s->list;
	bool step = st->list.whole && st->list.seq == s->o->site->tag_seq;

	jw_kstr(w, "kept", locallist_wanted(s, st) ? "yes" : "no");
	jw_kstr(w, "state", l && l->none ? "the station keeps none" : l && l->busy ? "being sent" : to_empty(s, st) ? "to be emptied" : step ? "as the tags are" :
		st->list.version ? "behind" : "never sent");
	jw_kint(w, "version", st->list.version);
	jw_kint(w, "tags", (int64_t)all->count);
	jw_kint(w, "room", l && l->max ? l->max : NUM_NONE);
	jw_kint(w, "room_in_message", l && l->portion ? l->portion : NUM_NONE);
}
