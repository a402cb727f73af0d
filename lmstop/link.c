/* lmstop/link.c - watches over one connection.
 *
 * Invariant: a push is believed only while its watch's number is in the table, so nothing of an
 * earlier connection, or of a meter that is no longer looked at, reaches the model.
 */
#include "lmstop/link.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

#define DELAY_MAX_S 10
#define EXPLAIN_EVERY_US (2 * US_PER_S)
#define TAG_PAGE_EVERY_US (5 * US_PER_S)
#define TAG_PAGE_ROWS 12

static const struct { const char *verb, *args; int every_ms; } lists[MODEL_LISTS] = {
	[MODEL_SYSTEM] = { "system.status", "{}", 1000 },
	[MODEL_ZONES] = { "zone.list", "{}", 500 },
	[MODEL_STATIONS] = { "station.list", "{}", 1000 },
	[MODEL_PENDING] = { "station.pending", "{}", 1000 },
	[MODEL_CONNECTORS] = { "connector.list", "{}", 500 },
	[MODEL_METERS] = { "meter.list", "{}", 500 },
	[MODEL_TRANSACTIONS] = { "transaction.list", "{\"state\":\"running\"}", 1000 },
	[MODEL_ALERTS] = { "alert.list", "{}", 1000 },
	[MODEL_EVENTS] = { "event.list", "{}", 500 },
};

mono_t link_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

wall_t link_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (wall_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

/* ---- what lmsd says ---- */

static void watch_list(struct link *l, enum model_list_id list, const char *verb, const char *args,
		       int every_ms)
{
	char params[300];

	snprintf(params, sizeof(params), "{\"verb\":\"%s\",\"args\":%s,\"every_ms\":%d}", verb,
		 args, every_ms);
	l->watches[list] =
	    (struct link_watch){.request = client_send(l->client, "system.watch", params)};
}

static unsigned read_roles(const char *text)
{
	static const struct { const char *name; unsigned role; } names[] = {
		{ "admin", CTL_ROLE_ADMIN }, { "operator", CTL_ROLE_OPERATOR },
		{ "technician", CTL_ROLE_TECHNICIAN }, { "view", CTL_ROLE_VIEW },
	};
	unsigned roles = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strstr(text, names[i].name))
			roles |= names[i].role;
	}
	return roles;
}

static void on_ready(void *ctx, const struct json *hello)
{
	struct link *l = ctx;

	l->ui->roles = read_roles(json_str(json_get(hello, "roles"), ""));
	l->ui->link = UI_UP;
	l->ui->dirty = true;
	l->delay_s = 1;
	for (int i = 0; i < MODEL_LISTS; i++) {
		if (lists[i].verb)
			watch_list(l, (enum model_list_id)i, lists[i].verb, lists[i].args,
				   lists[i].every_ms);
	}
}

static void watch_answered(struct link *l, struct link_watch *w, const struct json *result,
			   const struct diag *error)
{
	w->request = 0;
	if (!error && json_int(json_get(result, "watch"), &w->number) == 0)
		return;
	w->failed = true;
	if (!error)
		return;
	l->error = error->err;
	snprintf(l->ui->link_text, sizeof(l->ui->link_text), "%s", error->text);
	ui_say(l->ui, STYLE_BAD, "%s", error->text);
}

/* A page of a list about the tag that is looked at; false: not that. */
static bool page_answered(struct link *l, struct link_page *page, enum model_list_id list, int64_t id,
			  const struct json *result, const struct diag *error)
{
	if (page->request != id)
		return false;
	page->request = 0;
	if (error)
		ui_say(l->ui, STYLE_BAD, "%s", error->text);
	model_take(l->model, list, json_get(result, "items"), link_now());
	l->ui->dirty = true;
	return true;
}

static void on_reply(void *ctx, int64_t id, const struct json *result, const struct diag *error)
{
	struct link *l = ctx;

	for (int i = 0; i < MODEL_LISTS; i++) {
		if (l->watches[i].request == id) {
			watch_answered(l, &l->watches[i], result, error);
			return;
		}
	}
	if (link_graph_reply(l, id, result, error))
		return;
	if (page_answered(l, &l->credit, MODEL_TAG_CREDIT, id, result, error) ||
	    page_answered(l, &l->tag_transactions, MODEL_TAG_TRANSACTIONS, id, result, error))
		return;
	if (id == l->explain) {
		l->explain = 0;
		ui_causes_set(l->ui, l->explained, result);
		return;
	}
	for (int i = 0; i < LINK_REQUESTS; i++) {
		if (l->requests[i].id != id)
			continue;
		l->requests[i].id = 0;
		ui_answer(l->ui, l->requests[i].label,
			  l->requests[i].of_station ? json_str(json_get(result, "status"), NULL)
						    : NULL,
			  error ? error->text : NULL);
	}
}

static void on_notify(void *ctx, const char *method, const struct json *params)
{
	struct link *l = ctx;
	int64_t number;

	if (strcmp(method, "watch") != 0 || json_int(json_get(params, "watch"), &number))
		return;
	for (int i = 0; i < MODEL_LISTS; i++) {
		if (l->watches[i].number != number || number <= 0)
			continue;
		if (json_get(params, "ended")) {
			l->watches[i].failed = true;
			/* A tag that is deleted while it is looked at is not shown as if it were there. */
			if (i == MODEL_TAG)
				model_take(l->model, MODEL_TAG, NULL, link_now());
			l->ui->dirty = true;
		}
		if (model_apply(l->model, (enum model_list_id)i, params, link_now()))
			l->ui->dirty = true;
	}
}

/* ---- coming and going ---- */

static void lose(struct link *l, const struct diag *why)
{
	struct ui *ui = l->ui;

	ev_io_stop(l->loop, &l->io);
	client_close(l->client);
	l->client = NULL;
	memset(l->watches, 0, sizeof(l->watches));
	for (int i = 0; i < LINK_REQUESTS; i++) {
		if (l->requests[i].id)
			ui_say(ui, STYLE_BAD, "%s: no answer, lmsd went away",
			       l->requests[i].label);
		l->requests[i].id = 0;
	}
	l->meter[0] = l->station[0] = l->tags[0] = l->pending[0] = l->tag[0] = '\0';
	memset(&l->credit, 0, sizeof(l->credit));
	memset(&l->tag_transactions, 0, sizeof(l->tag_transactions));
	l->explain = 0;
	link_graph_lose(l);
	l->error = why->err;
	if (ui->link != UI_LOST)
		ui->lost_at = link_now();
	ui->link = UI_LOST;
	ui->retry_at = link_now() + l->delay_s * US_PER_S;
	snprintf(ui->link_text, sizeof(ui->link_text), "%s", why->text);
	ui->dirty = true;
	ev_timer_set(&l->retry, (double)l->delay_s, 0.);
	ev_timer_start(l->loop, &l->retry);
	l->delay_s = l->delay_s * 2 > DELAY_MAX_S ? DELAY_MAX_S : l->delay_s * 2;
}

static void update_io(struct link *l)
{
	int events = EV_READ | (client_wants_write(l->client) ? EV_WRITE : 0);

	if (ev_is_active(&l->io) && (l->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(l->loop, &l->io);
	ev_io_set(&l->io, client_fd(l->client), events);
	ev_io_start(l->loop, &l->io);
}

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	struct link *l = w->data;
	struct diag d;

	(void)loop;
	(void)events;
	diag_init(&d);
	if (client_step(l->client, &d))
		lose(l, &d);
	else
		update_io(l);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	link_connect(w->data);
}

void link_init(struct link *l, struct ev_loop *loop, const char *path, struct ui *ui,
	       struct model *model)
{
	memset(l, 0, sizeof(*l));
	l->loop = loop;
	l->path = path;
	l->ui = ui;
	l->model = model;
	l->delay_s = 1;
	ev_init(&l->io, on_io);
	ev_init(&l->retry, on_retry);
	l->io.data = l->retry.data = l;
}

void link_fini(struct link *l)
{
	ev_io_stop(l->loop, &l->io);
	ev_timer_stop(l->loop, &l->retry);
	client_close(l->client);
	l->client = NULL;
	link_graph_lose(l);
}

void link_connect(struct link *l)
{
	static const struct client_ops ops = {
	    .ready = on_ready, .reply = on_reply, .notify = on_notify};
	struct diag d;

	diag_init(&d);
	if (client_open(l->path, &ops, l, &l->client, &d)) {
		lose(l, &d);
		return;
	}
	l->error = 0;
	update_io(l);
}

/* ---- what the user wants ---- */

static void write_args(struct json_writer *jw, enum model_list_id list, const char *wanted)
{
	if (list == MODEL_TAGS)
		jw_kint(jw, "last", MODEL_TAGS_MAX);
	else if (list != MODEL_TAGS_PENDING)
		jw_kstr(jw, list == MODEL_TAG ? "uid" : "id", wanted);
	if (list == MODEL_MESSAGES)
		jw_kint(jw, "last", MODEL_MESSAGES_MAX);
}

/* A watch of the one object that is looked at: `now` is what it is about, "" = none. */
static void follow_object(struct link *l, enum model_list_id list, const char *verb, const char *wanted,
			  char now[ITEM_ID_MAX])
{
	struct link_watch *w = &l->watches[list];
	char params[200];
	struct json_writer jw;
	struct buf args;

	if (strcmp(wanted ? wanted : "", now) == 0)
		return;
	if (w->request)
		return;		/* its number is not known yet: ended when it is */
	if (w->number) {
		snprintf(params, sizeof(params), "{\"watch\":%lld}", (long long)w->number);
		client_send(l->client, "system.unwatch", params);
	}
	memset(w, 0, sizeof(*w));
	model_clear(l->model, list);
	snprintf(now, ITEM_ID_MAX, "%s", wanted ? wanted : "");
	if (!wanted)
		return;
	buf_init(&args);
	jw_init(&jw, &args);
	jw_object(&jw);
	write_args(&jw, list, wanted);
	jw_object_end(&jw);
	watch_list(l, list, verb, buf_cstr(&args), list == MODEL_TAGS || list == MODEL_TAGS_PENDING ? 1000 : 500);
	buf_fini(&args);
}

/* What explains a limit is no list and cannot be watched: asked every other second. */
static void follow_causes(struct link *l)
{
	const char *wanted = ui_causes_wanted(l->ui);
	struct json_writer w;
	struct buf params;

	if (!wanted || l->explain)
		return;
	if (strcmp(wanted, l->explained) == 0 && link_now() - l->explain_at < EXPLAIN_EVERY_US)
		return;
	buf_init(&params);
	jw_init(&w, &params);
	jw_object(&w);
	jw_kstr(&w, "id", wanted);
	jw_object_end(&w);
	snprintf(l->explained, sizeof(l->explained), "%s", wanted);
	l->explain = client_send(l->client, "connector.explain", buf_cstr(&params));
	l->explain_at = link_now();
	buf_fini(&params);
}

/* Of a tag that is used every day there may be thousands of rows: the latest are asked for, no watch of
 * them all. */
static void follow_page(struct link *l, struct link_page *page, enum model_list_id list, const char *verb,
			const char *key)
{
	const char *wanted = ui_tag_wanted(l->ui);
	struct json_writer w;
	struct buf params;

	if (page->request)
		return;
	if (strcmp(wanted ? wanted : "", page->of) != 0)
		model_clear(l->model, list);
	else if (!wanted || link_now() - page->asked_at < TAG_PAGE_EVERY_US)
		return;
	snprintf(page->of, sizeof(page->of), "%s", wanted ? wanted : "");
	if (!wanted)
		return;
	buf_init(&params);
	jw_init(&w, &params);
	jw_object(&w);
	jw_kstr(&w, key, wanted);
	jw_kint(&w, "limit", TAG_PAGE_ROWS);
	jw_object_end(&w);
	page->request = client_send(l->client, verb, buf_cstr(&params));
	page->asked_at = link_now();
	buf_fini(&params);
}

static void follow_tags(struct link *l)
{
	const char *list = ui_tags_wanted(l->ui) ? "*" : NULL;

	follow_object(l, MODEL_TAGS, "tag.list", list, l->tags);
	follow_object(l, MODEL_TAGS_PENDING, "tag.pending", list, l->pending);
	follow_object(l, MODEL_TAG, "tag.show", ui_tag_wanted(l->ui), l->tag);
	follow_page(l, &l->credit, MODEL_TAG_CREDIT, "tag.credit_show", "uid");
	follow_page(l, &l->tag_transactions, MODEL_TAG_TRANSACTIONS, "transaction.list", "tag");
}

static void send_request(struct link *l)
{
	struct ui_request *r = &l->ui->request;
	int i = 0;

	r->set = false;
	while (i < LINK_REQUESTS && l->requests[i].id)
		i++;
	if (i == LINK_REQUESTS) {
		ui_say(l->ui, STYLE_BAD, "%s: too many requests wait for their answer", r->label);
		return;
	}
	snprintf(l->requests[i].label, sizeof(l->requests[i].label), "%s", r->label);
	l->requests[i].of_station = r->of_station;
	l->requests[i].id = client_send(l->client, r->method, r->params);
}

void link_follow(struct link *l)
{
	if (!l->client || !client_ready(l->client)) {
		l->ui->request.set = false;
		return;
	}
	follow_object(l, MODEL_METER, "meter.show", ui_meter_wanted(l->ui), l->meter);
	follow_object(l, MODEL_MESSAGES, "station.messages", ui_messages_wanted(l->ui), l->station);
	follow_tags(l);
	follow_causes(l);
	link_graph_follow(l);
	if (l->ui->request.set)
		send_request(l);
	update_io(l);
}

static bool tags_complete(const struct link *l)
{
	const struct model_list *lists_of = l->model->lists;

	if (ui_tags_wanted(l->ui) && !(lists_of[MODEL_TAGS].arrived && lists_of[MODEL_TAGS_PENDING].arrived))
		return false;
	if (!ui_tag_wanted(l->ui) || l->watches[MODEL_TAG].failed)
		return true;
	return lists_of[MODEL_TAG].arrived && lists_of[MODEL_TAG_CREDIT].arrived &&
	       lists_of[MODEL_TAG_TRANSACTIONS].arrived;
}

bool link_complete(const struct link *l)
{
	const char *meter = ui_meter_wanted(l->ui);

	if (!l->client)
		return false;
	for (int i = 0; i < MODEL_LISTS; i++) {
		if (lists[i].verb && (!l->model->lists[i].arrived || l->watches[i].failed))
			return false;
	}
	/* Of a meter that is not there nothing more will come. */
	if (meter && model_find(l->model, MODEL_METERS, meter) && !l->model->lists[MODEL_METER].arrived)
		return false;
	return tags_complete(l) && link_graph_complete(l);
}
