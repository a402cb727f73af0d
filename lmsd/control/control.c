/* control/control.c - requests in, answers out, by token.
 *
 * A token is the peer's serial number and the request's: an answer that comes late finds its client
 * or nobody. Requests that wait for a station or for the disk stay in the peer's list of open ones.
 */
#include "control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "base/err.h"
#include "base/log.h"
#include "control/dispatch.h"
#include "control/jobs.h"
#include "control/roles.h"

#define OPEN_MAX 64	/* unanswered requests per peer */
#define WATCH_MAX 32	/* watches per peer */
#define BACKLOG_MAX ((size_t)2 << 20)	/* bytes of requests behind a change that is not durable yet */

struct open_request {
	uint32_t number;
	char *id;		/* raw JSON of the request's id; NULL: a notification, not answered */
	const struct ctl_verb_desc *show;	/* answer with what this says of the object by then, or NULL */
	char *object;
};

struct control_peer {
	struct control *control;
	struct ctl_peer *peer;
	uint32_t serial;
	UT_hash_handle hh;
	const struct ctl_peer_cred *cred;
	struct open_request open[OPEN_MAX];
	size_t open_count;
	uint32_t next_number;
	uint32_t barrier;	/* a change whose answer waits for the disk: later requests wait behind it */
	struct buf backlog;	/* these, as lines */
	struct watch *watches[WATCH_MAX];
	size_t watch_count;
	int64_t next_watch;
};

struct control {
	struct ctl_listener *listener;
	const struct control_ops *ops;
	void *ctx;
	struct control_peer *peers;	/* hash by serial */
	uint32_t next_serial;	/* 0 is the jobs' */
	struct jobs *jobs;
};

void control_peer_line(struct control_peer *peer, const char *line, size_t len)
{
	ctl_peer_send(peer->peer, line, len);
}

bool control_peer_congested(const struct control_peer *peer)
{
	return ctl_peer_queued(peer->peer) > CTL_QUEUE_HIGH;
}

/* ---- answers ---------------------------------------------------------------------------- */

static void peer_send(struct control_peer *p, const char *id, const char *member, const char *json,
		      size_t len)
{
	struct json_writer w;
	struct buf b;

	if (id == NULL)
		return;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "jsonrpc", "2.0");
	jw_key(&w, "id");
	jw_raw(&w, id, strlen(id));
	jw_key(&w, member);
	jw_raw(&w, json, len);
	jw_object_end(&w);
	control_peer_line(p, b.data, b.len);
	buf_fini(&b);
}

static void peer_send_error(struct control_peer *p, const char *id, int err, const char *text)
{
	struct arena arena;
	struct effects fx;

	arena_init(&arena);
	effects_init(&fx, &arena);
	fx_reply_error(&fx, 0, err, text);
	peer_send(p, id, "error", fx.first->u.reply.json, fx.first->u.reply.len);
	arena_fini(&arena);
}

static void peer_close_request(struct control_peer *p, size_t i)
{
	free(p->open[i].id);
	free(p->open[i].object);
	p->open[i] = p->open[--p->open_count];
}

static void peer_resume(struct control_peer *p);

/* A change was answered before it was in force: the record as it is now. False: it cannot be shown. */
static bool peer_show(struct control_peer *p, const struct open_request *r)
{
	const struct ctl_noun_desc *noun = &ctl_nouns[r->show->noun];
	struct ctl_call call = { 0 };
	struct json id = { .type = JSON_STRING, .key = noun->keys[0].name, .text = r->object,
			   .len = strlen(r->object) };
	const struct json params = { .type = JSON_OBJECT, .first = &id, .count = 1 };
	struct buf out;
	bool shown;

	buf_init(&out);
	call.out = &out;
	shown = control_run(p->control, p, r->show, &params, &call) == 0;
	if (shown)
		peer_send(p, r->id, "result", buf_cstr(&out), out.len);
	buf_fini(&out);
	return shown;
}

void control_reply(struct control *c, uint64_t token, bool error, const char *json, size_t len)
{
	uint32_t serial = (uint32_t)(token >> 32), number = (uint32_t)token;
	struct control_peer *p;

	if (serial == 0) {
		jobs_reply(c->jobs, number, error, json, len);
		return;
	}
	HASH_FIND(hh, c->peers, &serial, sizeof(serial), p);
	for (size_t i = 0; p != NULL && i < p->open_count; i++) {
		if (p->open[i].number != number)
			continue;
		if (error || p->open[i].show == NULL || !peer_show(p, &p->open[i]))
			peer_send(p, p->open[i].id, error ? "error" : "result", json, len);
		peer_close_request(p, i);
		if (p->barrier == number)
			peer_resume(p);
		return;
	}
}

/* ---- requests --------------------------------------------------------------------------- */

static unsigned peer_roles(const struct control_peer *p)
{
	return roles_of_peer(p->cred, geteuid(), p->control->ops->dashboard_public(p->control->ctx));
}

static int run(struct control *c, const struct ctl_verb_desc *verb, const struct json *params, struct ctl_call *call)
{
	void *args;
	int ret;

	call->verb = verb;
	diag_init(&call->diag);
	jw_init(&call->w, call->out);
	c->ops->prepare(c->ctx, call);
	ret = roles_check(verb, call->roles, call->uid, &call->diag);
	if (ret == 0)
		ret = ctl_args_read(verb, params, call->arena, &args, &call->diag);
	if (ret == 0)
		ret = ctl_dispatch(call, args);
	return ret;
}

int control_run(struct control *c, struct control_peer *peer, const struct ctl_verb_desc *verb,
		const struct json *params, struct ctl_call *call)
{
	call->roles = peer_roles(peer);
	call->uid = (unsigned)peer->cred->uid;
	return run(c, verb, params, call);
}

void control_run_job(struct control *c, const struct ctl_verb_desc *verb, const struct json *params, unsigned roles,
		     unsigned uid, uint32_t number)
{
	struct ctl_call call = { .token = number, .roles = roles, .uid = uid };
	struct buf out;

	buf_init(&out);
	call.out = &out;
	c->ops->finish(c->ctx, &call, run(c, verb, params, &call));
	buf_fini(&out);
}

/* What the command is about: its first argument, or the identity among the keys; nothing else, since
 * values may be secret. */
static const char *call_object(const struct ctl_verb_desc *verb, const struct json *params)
{
	const struct ctl_noun_desc *noun = &ctl_nouns[verb->noun];
	const struct json *v = NULL;

	if (verb->takes_keys && noun->key_count > 0 && noun->keys[0].flags & FIELD_REQUIRED)
		v = json_get(params, noun->keys[0].name);
	if (v == NULL && verb->arg_count > 0)
		v = json_get(params, verb->args[0].name);
	return v != NULL && (v->type == JSON_STRING || v->type == JSON_NUMBER) ? log_text(v->text) : "-";
}

static void peer_audit(const struct ctl_call *call, const struct json *params, int ret)
{
	struct buf roles;

	/* Who follows what was begun asks every second, and begins nothing. */
	if (!call->verb->changes || json_bool(json_get(params, "follow"), false))
		return;
	buf_init(&roles);
	roles_text(call->roles, &roles);
	log_ctl(NOTICE, call->verb->method, "command", "uid=%u role=%s object=%s result=%s", call->uid,
		buf_cstr(&roles), call_object(call->verb, params),
		ret < 0 ? lms_err_name(ret) : ret == CTL_LATER ? "asked" : "ok");
	buf_fini(&roles);
}

/* What the request changes is answered as it is when the change is in force. */
static void remember_object(struct open_request *r, const struct ctl_verb_desc *verb, const struct json *params)
{
	const struct ctl_noun_desc *noun = &ctl_nouns[verb->noun];
	const char *object = verb->takes_keys ? json_str(json_get(params, noun->keys[0].name), NULL) : NULL;

	if (object == NULL || verb->result != CTL_RECORD)
		return;
	r->show = ctl_verb_find_words(noun->name, "show");
	r->object = r->show != NULL ? xstrdup(object) : NULL;
}

static void peer_call(struct control_peer *p, const char *id, const struct ctl_verb_desc *verb,
		      const struct json *params)
{
	struct ctl_call call = { .token = (uint64_t)p->serial << 32 | ++p->next_number };
	struct buf out;
	int ret;

	if (p->open_count == OPEN_MAX) {
		peer_send_error(p, id, -LMS_ECONFLICT,
				"too many unanswered requests on this connection (wait for answers)");
		return;
	}
	p->open[p->open_count++] = (struct open_request){
		.number = p->next_number, .id = id != NULL ? xstrdup(id) : NULL,
	};
	buf_init(&out);
	call.out = &out;
	ret = control_run(p->control, p, verb, params, &call);
	peer_audit(&call, params, ret);
	if (p->control->ops->finish(p->control->ctx, &call, ret)) {
		p->barrier = (uint32_t)call.token;
		remember_object(&p->open[p->open_count - 1], verb, params);
	}
	buf_fini(&out);
}

/* NULL: it has none, so it is a notification. */
static const char *request_id(const struct json *req, struct arena *arena)
{
	const struct json *id = json_get(req, "id");
	struct json_writer w;
	struct buf b;
	const char *text;

	if (id == NULL)
		return NULL;
	if ((id->type != JSON_NUMBER && id->type != JSON_STRING))
		return "null";
	buf_init(&b);
	jw_init(&w, &b);
	jw_copy(&w, id);
	text = arena_strdup(arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

static void peer_request(struct control_peer *p, const struct json *req, const char *id)
{
	const struct json *method = json_get(req, "method"), *params = json_get(req, "params");
	const struct ctl_verb_desc *verb;
	char text[200];

	if (req->type != JSON_OBJECT || strcmp(json_str(json_get(req, "jsonrpc"), ""), "2.0") != 0 ||
	    method == NULL || method->type != JSON_STRING) {
		peer_send_error(p, id != NULL ? id : "null", -LMS_EREQUEST,
				"a request is {\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"noun.verb\", "
				"\"params\": {…}}");
		return;
	}
	if (params != NULL && params->type != JSON_OBJECT) {
		peer_send_error(p, id, -LMS_EUSAGE, "params: write them by name: {\"id\": …}");
		return;
	}
	verb = ctl_verb_find(method->text);
	if (verb == NULL) {
		snprintf(text, sizeof(text), "no method '%s' (lmsctl help lists them)", log_text(method->text));
		peer_send_error(p, id, -LMS_EMETHOD, text);
		return;
	}
	peer_call(p, id, verb, params);
}

static void peer_line(struct control_peer *p, const char *line, size_t len)
{
	struct arena arena;
	struct diag diag;
	struct json *req;
	char place[500], text[600];

	arena_init(&arena);
	diag_init(&diag);
	req = json_parse(&arena, line, len, &JSON_CAPS_DOCUMENT, &diag);
	if (req == NULL) {
		snprintf(text, sizeof(text), "%s (write each request as one JSON object on one line)",
			 diag_render(&diag, place, sizeof(place)));
		peer_send_error(p, "null", diag.err == -LMS_ERANGE ? -LMS_EREQUEST : -LMS_EPARSE, text);
	} else {
		peer_request(p, req, request_id(req, &arena));
	}
	arena_fini(&arena);
}

static void on_line(void *user, const char *line, size_t len)
{
	struct control_peer *p = user;

	if (len == 0)
		return;
	if (p->barrier == 0) {
		peer_line(p, line, len);
		return;
	}
	buf_add(&p->backlog, line, len);
	buf_putc(&p->backlog, '\n');
	if (p->backlog.failed)
		ctl_peer_kill(p->peer);
}

/* Who changed something sees it in what he asks next: answers keep their order. */
static void peer_resume(struct control_peer *p)
{
	const char *end;
	size_t len;
	char *line;

	p->barrier = 0;
	while (p->barrier == 0 && p->backlog.len > 0) {
		end = memchr(p->backlog.data, '\n', p->backlog.len);
		len = (size_t)(end - p->backlog.data);
		line = xmalloc(len + 1);
		memcpy(line, p->backlog.data, len);
		line[len] = '\0';
		buf_drop_front(&p->backlog, len + 1);
		peer_line(p, line, len);
		free(line);
	}
}

static bool peer_is_admin(const struct control_peer *p)
{
	return (peer_roles(p) & CTL_ROLE_ADMIN) != 0;
}

static void on_overlong(void *user)
{
	peer_send_error(user, "null", -LMS_EREQUEST, peer_is_admin(user) ?
			"the line is longer than 16 MiB" : "the line is longer than 1 MiB");
}

/* ---- peers ------------------------------------------------------------------------------ */

static void *on_opened(void *ctx, struct ctl_peer *peer, const struct ctl_peer_cred *cred)
{
	struct control *c = ctx;
	struct control_peer *p = xcalloc(1, sizeof(*p));
	struct json_writer w;
	struct buf b, roles;

	p->control = c;
	p->peer = peer;
	p->cred = cred;
	p->serial = ++c->next_serial;
	buf_init_max(&p->backlog, BACKLOG_MAX);
	/* The configuration of ten thousand stations is one line, and only they may apply it. */
	if (peer_is_admin(p)) {
		ctl_peer_line_max(peer, JSON_CAPS_DOCUMENT.max_bytes);
		p->backlog.max = 2 * JSON_CAPS_DOCUMENT.max_bytes;
	}
	HASH_ADD(hh, c->peers, serial, sizeof(p->serial), p);

	buf_init(&b);
	buf_init(&roles);
	roles_text(peer_roles(p), &roles);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "jsonrpc", "2.0");
	jw_kstr(&w, "method", "hello");
	jw_key(&w, "params");
	jw_object(&w);
	jw_kint(&w, "protocol", CTL_PROTOCOL_VERSION);
	jw_kstr(&w, "version", LMS_VERSION);
	jw_kstr(&w, "roles", buf_cstr(&roles));
	jw_object_end(&w);
	jw_object_end(&w);
	control_peer_line(p, b.data, b.len);
	buf_fini(&roles);
	buf_fini(&b);
	return p;
}

static void on_closed(void *user)
{
	struct control_peer *p = user;

	while (p->open_count > 0)
		peer_close_request(p, p->open_count - 1);
	for (size_t i = 0; i < p->watch_count; i++)
		watch_free(p->watches[i]);
	buf_fini(&p->backlog);
	HASH_DEL(p->control->peers, p);
	free(p);
}

static const struct ctl_listener_ops listener_ops = {
	.opened = on_opened,
	.line = on_line,
	.overlong = on_overlong,
	.closed = on_closed,
};

int control_new(struct loop *loop, const char *path, const struct control_ops *ops, void *ctx,
		struct control **out, struct diag *diag)
{
	struct control *c = xcalloc(1, sizeof(*c));
	int ret;

	c->ops = ops;
	c->ctx = ctx;
	c->jobs = jobs_new(c);
	ret = ctl_listener_new(loop, path, &listener_ops, c, &c->listener, diag);
	if (ret < 0) {
		jobs_free(c->jobs);
		free(c);
		return ret;
	}
	*out = c;
	return 0;
}

void control_free(struct control *c)
{
	struct control_peer *p, *tmp;

	if (c == NULL)
		return;
	HASH_ITER(hh, c->peers, p, tmp)
		on_closed(p);
	ctl_listener_free(c->listener);
	jobs_free(c->jobs);
	free(c);
}

struct jobs *control_jobs(struct control *c)
{
	return c->jobs;
}

/* ---- watches ---------------------------------------------------------------------------- */

static struct control_peer *control_peer_of(struct control *c, uint64_t token)
{
	uint32_t serial = (uint32_t)(token >> 32);
	struct control_peer *p;

	HASH_FIND(hh, c->peers, &serial, sizeof(serial), p);
	return p;
}

static void peer_drop_watch(struct control_peer *p, size_t i)
{
	watch_free(p->watches[i]);
	p->watches[i] = p->watches[--p->watch_count];
}

void control_push(struct control *c, mono_t now)
{
	struct control_peer *p, *tmp;

	jobs_turn(c->jobs, now);

	HASH_ITER(hh, c->peers, p, tmp) {
		for (size_t i = 0; i < p->watch_count;) {
			if (watch_next_due(p->watches[i]) > now || watch_push(p->watches[i], now))
				i++;
			else
				peer_drop_watch(p, i);
		}
	}
}

mono_t control_next_due(const struct control *c)
{
	mono_t due = jobs_next_due(c->jobs);
	struct control_peer *p, *tmp;

	HASH_ITER(hh, c->peers, p, tmp) {
		for (size_t i = 0; i < p->watch_count; i++)
			if (watch_next_due(p->watches[i]) < due)
				due = watch_next_due(p->watches[i]);
	}
	return due;
}

int ctl_system_watch(struct ctl_call *call, const struct ctl_system_watch_args *a)
{
	struct control *c = call->hall->control;
	struct control_peer *p = control_peer_of(c, call->token);
	const struct ctl_verb_desc *verb = ctl_verb_find(a->verb);
	int64_t every_us = (a->every_ms == NUM_NONE ? 250 : a->every_ms) * US_PER_MS;

	if (verb == NULL || verb->changes || (verb->result != CTL_LIST && verb->result != CTL_RECORD))
		return diag_set(&call->diag, -LMS_EUSAGE, "verb: '%s' cannot be watched (watch a list or show verb)",
				log_text(a->verb));
	if (p == NULL || p->watch_count == WATCH_MAX)
		return diag_set(&call->diag, -LMS_ECONFLICT, "at most %d watches per connection", WATCH_MAX);
	if (every_us < 100 * US_PER_MS || every_us > 3600 * US_PER_S)
		return diag_set(&call->diag, -LMS_ERANGE, "every_ms: from 100 to 3600000");
	p->watches[p->watch_count++] =
		watch_new(c, p, ++p->next_watch, verb, a->args ? a->args : "{}", every_us);
	jw_object(&call->w);
	jw_kint(&call->w, "watch", p->next_watch);
	jw_object_end(&call->w);
	return 0;
}

int ctl_system_unwatch(struct ctl_call *call, const struct ctl_system_unwatch_args *a)
{
	struct control_peer *p = control_peer_of(call->hall->control, call->token);

	for (size_t i = 0; p != NULL && i < p->watch_count; i++) {
		if (watch_number(p->watches[i]) != a->watch)
			continue;
		peer_drop_watch(p, i);
		return ctl_answer_done(call, true);
	}
	return diag_set(&call->diag, -LMS_ENOTFOUND, "this connection has no watch %lld", (long long)a->watch);
}
