/* control/jobs.c - see jobs.h. */
#include "control/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "control/pick.h"
#include "control/roles.h"
#include "net/loop.h"
#include "site/site.h"

#define JOBS_MAX 32
#define PARALLEL 16
#define PARALLEL_MAX 256
#define PAGE_RESULTS 500
#define ANSWERS_MAX ((size_t)4 << 20)	/* bytes of one job; later answers are kept as their status only */
#define GATHER_US (100 * US_PER_MS)	/* results that come together are told together */
#define WAIT_US (30 * US_PER_S)
#define WAIT_MAX_US (600 * US_PER_S)
#define WAITERS_MAX 256			/* who went away counts until his time is over */
#define EXIT_REFUSED 6
#define EXIT_OFFLINE 75

enum job_state { JOB_RUNNING, JOB_DONE, JOB_CANCELLED };

struct job {
	struct job *next;
	int64_t id;
	const struct ctl_verb_desc *verb;
	char *params;			/* the members of an object, without its brackets */
	char stations[120];		/* which, for people */
	char **ids;			/* in the order in which they are asked */
	size_t total, asked;		/* asked: of ids, the first so many */
	char **results;			/* JSON objects, in the order in which they came */
	size_t done, bytes;
	size_t parallel;
	enum job_state state;
	int64_t accepted, refused, offline, failed;
	unsigned roles, uid;
	wall_t began, ended;
};

struct item {			/* one station that was asked */
	UT_hash_handle hh;
	uint32_t number;
	struct job *job;
	const char *station;
};

struct waiter {
	struct waiter *next;
	uint64_t token;
	struct job *job;
	size_t after;
	mono_t ready, until;
};

struct jobs {
	struct control *control;
	struct job *list;		/* the oldest first */
	struct item *items;
	struct waiter *waiters;
	int64_t last_id;
	uint32_t last_number;
};

struct jobs *jobs_new(struct control *c)
{
	struct jobs *js = xcalloc(1, sizeof(*js));

	js->control = c;
	return js;
}

static bool is_over(const struct job *j)
{
	return j->state != JOB_RUNNING && j->done == j->asked;
}

static void job_free(struct job *j)
{
	for (size_t i = 0; i < j->total; i++)
		free(j->ids[i]);
	for (size_t i = 0; i < j->done; i++)
		free(j->results[i]);
	free(j->ids);
	free(j->results);
	free(j->params);
	free(j);
}

void jobs_free(struct jobs *js)
{
	struct item *it, *tmp;
	struct waiter *w;
	struct job *j;

	HASH_ITER(hh, js->items, it, tmp) {
		HASH_DEL(js->items, it);
		free(it);
	}
	while ((w = js->waiters) != NULL) {
		js->waiters = w->next;
		free(w);
	}
	while ((j = js->list) != NULL) {
		js->list = j->next;
		job_free(j);
	}
	free(js);
}

/* ---- records ---------------------------------------------------------------------------- */

static void fill(const struct job *j, struct ctl_job *out)
{
	static const char *const states[] = { "running", "done", "cancelled" };

	ctl_record_clear(&ctl_nouns[CTL_NOUN_job], out);
	out->id = j->id;
	out->command = j->verb->method;
	out->stations = j->stations;
	out->state = states[j->state];
	out->total = (int64_t)j->total;
	out->accepted = j->accepted;
	out->refused = j->refused;
	out->offline = j->offline;
	out->failed = j->failed;
	out->left = (int64_t)((j->state == JOB_CANCELLED ? j->asked : j->total) - j->done);
	out->uid = j->uid;
	out->began = j->began;
	out->ended = j->ended;
}

/* The record, and the results from the `after`th on, as many as a page has. */
static void write_results(const struct job *j, size_t after, struct json_writer *w)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_job];
	size_t end = j->done - after > PAGE_RESULTS ? after + PAGE_RESULTS : j->done;
	struct ctl_job rec;

	fill(j, &rec);
	jw_object(w);
	fields_write(n->fields, n->field_count, &rec, false, w);
	jw_key(w, "results");
	jw_array(w);
	for (size_t i = after; i < end; i++)
		jw_raw(w, j->results[i], strlen(j->results[i]));
	jw_array_end(w);
	jw_kint(w, "next", (int64_t)end);
	jw_kbool(w, "over", is_over(j) && end == j->done);
	jw_object_end(w);
}

/* ---- what a station has answered -------------------------------------------------------- */

static int count(struct job *j, int status)
{
	switch (status) {
	case 0:
		j->accepted++;
		break;
	case EXIT_REFUSED:
		j->refused++;
		break;
	case EXIT_OFFLINE:
		j->offline++;
		break;
	default:
		j->failed++;
		break;
	}
	return status;
}

static int error_of(const struct json *error)
{
	const char *name = json_str(json_get(json_get(error, "data"), "err"), "");

	for (int i = 1; i < LMS_ERR_COUNT; i++)
		if (strcmp(lms_err_name(i), name) == 0)
			return -i;
	return -LMS_EINTERNAL;
}

static void write_error(struct job *j, const struct json *error, struct json_writer *w)
{
	int err = error_of(error);

	jw_kint(w, "exit", count(j, lms_err_exit_status(err)));
	jw_kstr(w, "error", lms_err_name(-err));
	jw_kstr(w, "text", json_str(json_get(error, "message"), lms_err_text(err)));
}

static void write_success(struct job *j, const struct json *result, size_t len, struct json_writer *w)
{
	const struct json *status = json_get(result, "status");

	jw_kint(w, "exit", count(j, lms_err_exit_status(ctl_verdict(j->verb, result))));
	if (status)
		jw_kstr(w, "status", json_str(status, ""));
	if (result && result->count > (status ? 1U : 0U) && j->bytes + len <= ANSWERS_MAX) {
		jw_key(w, "answer");
		jw_copy(w, result);
	}
}

static void job_end(struct job *j)
{
	if (j->state == JOB_RUNNING && j->done == j->total)
		j->state = JOB_DONE;
	if (!is_over(j) || j->ended != WALL_NONE)
		return;
	j->ended = loop_wall();
	log_ctl(NOTICE, j->verb->method, "job_ended", "job=%lld uid=%u state=%s accepted=%lld refused=%lld offline=%lld failed=%lld",
		(long long)j->id, j->uid, j->state == JOB_DONE ? "done" : "cancelled", (long long)j->accepted,
		(long long)j->refused, (long long)j->offline, (long long)j->failed);
}

void jobs_reply(struct jobs *js, uint32_t number, bool error, const char *json, size_t len)
{
	struct json_writer w;
	struct arena arena;
	struct json *j;
	struct item *it;
	struct buf b;

	HASH_FIND(hh, js->items, &number, sizeof(number), it);
	if (it == NULL)
		return;
	arena_init(&arena);
	j = json_parse(&arena, json, len, &JSON_CAPS_DOCUMENT, NULL);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "station", it->station);
	if (error)
		write_error(it->job, j, &w);
	else
		write_success(it->job, j, len, &w);
	jw_object_end(&w);
	it->job->bytes += b.len;
	it->job->results[it->job->done++] = xstrdup(buf_cstr(&b));
	job_end(it->job);
	HASH_DEL(js->items, it);
	free(it);
	buf_fini(&b);
	arena_fini(&arena);
}

/* ---- asking ------------------------------------------------------------------------------ */

/* {"id": station, what else it takes}; in the arena. */
static struct json *params_for(const struct job *j, const char *station, struct arena *arena, struct diag *diag)
{
	struct json_writer w;
	const char *text;
	struct json *out;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_str(&w, station);
	text = arena_printf(arena, "{\"id\":%s%s%s}", buf_cstr(&b), *j->params ? "," : "", j->params);
	out = json_parse(arena, text, strlen(text), &JSON_CAPS_DOCUMENT, diag);
	buf_fini(&b);
	return out;
}

static void ask(struct jobs *js, struct job *j)
{
	struct item *it = xcalloc(1, sizeof(*it));
	struct arena arena;

	it->number = ++js->last_number;
	it->job = j;
	it->station = j->ids[j->asked++];
	HASH_ADD(hh, js->items, number, sizeof(it->number), it);
	arena_init(&arena);
	control_run_job(js->control, j->verb, params_for(j, it->station, &arena, NULL), j->roles, j->uid, it->number);
	arena_fini(&arena);
}

static bool may_ask(const struct job *j)
{
	return j->state == JOB_RUNNING && j->asked < j->total && j->asked - j->done < j->parallel;
}

static bool is_ready(const struct waiter *w, mono_t now)
{
	return is_over(w->job) || now >= w->until || (w->job->done > w->after && now >= w->ready);
}

static void answer_waiter(struct jobs *js, const struct waiter *w)
{
	struct json_writer jw;
	struct buf b;

	buf_init(&b);
	jw_init(&jw, &b);
	write_results(w->job, w->after, &jw);
	control_reply(js->control, w->token, false, buf_cstr(&b), b.len);
	buf_fini(&b);
}

void jobs_turn(struct jobs *js, mono_t now)
{
	struct waiter **at = &js->waiters;

	for (struct job *j = js->list; j; j = j->next)
		while (may_ask(j))
			ask(js, j);
	while (*at) {
		struct waiter *w = *at;

		if (!is_ready(w, now)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		answer_waiter(js, w);
		free(w);
	}
}

mono_t jobs_next_due(const struct jobs *js)
{
	mono_t due = MONO_NEVER;

	for (const struct job *j = js->list; j; j = j->next)
		if (may_ask(j))
			return 0;
	for (const struct waiter *w = js->waiters; w; w = w->next) {
		mono_t at = is_over(w->job) ? 0 : w->job->done > w->after && w->ready < w->until ? w->ready : w->until;

		if (at < due)
			due = at;
	}
	return due;
}

/* ---- handlers ---------------------------------------------------------------------------- */

static struct jobs *jobs_of(const struct ctl_call *call)
{
	return control_jobs(call->hall->control);
}

static struct job *find_job(struct ctl_call *call, int64_t id)
{
	struct job *j = jobs_of(call)->list;

	while (j && j->id != id)
		j = j->next;
	if (!j)
		diag_set(&call->diag, -LMS_ENOTFOUND, "job %lld: does not exist (job list shows those that run, and the "
			 "latest)", (long long)id);
	return j;
}

/* Room for one more: the oldest that is over goes. */
static bool make_room(struct jobs *js)
{
	size_t jobs = 0;

	for (struct job *j = js->list; j; j = j->next)
		jobs++;
	if (jobs < JOBS_MAX)
		return true;
	for (struct job **at = &js->list; *at; at = &(*at)->next) {
		struct job *j = *at;
		bool watched = false;

		for (const struct waiter *w = js->waiters; w; w = w->next)
			watched = watched || w->job == j;
		if (!is_over(j) || watched)
			continue;
		*at = j->next;
		job_free(j);
		return true;
	}
	return false;
}

static int check_run(struct ctl_call *call, const struct ctl_job_run_args *a, const struct ctl_verb_desc **verb,
		     const struct json **params)
{
	*verb = ctl_verb_find(a->method);
	*params = NULL;
	if (!*verb || !ctl_is_for_stations(*verb))
		return diag_set(&call->diag, -LMS_EUSAGE, "method: '%s' asks no station (station.restart does)", log_text(a->method));
	if (a->parallel != NUM_NONE && (a->parallel < 1 || a->parallel > PARALLEL_MAX))
		return diag_set(&call->diag, -LMS_ERANGE, "parallel: must be a number from 1 to %d", PARALLEL_MAX);
	if (a->params) {
		*params = json_parse(call->arena, a->params, strlen(a->params), &JSON_CAPS_DOCUMENT, &call->diag);
		if (!*params || (*params)->type != JSON_OBJECT || json_get(*params, "id"))
			return diag_set(&call->diag, -LMS_EDATA, "params: must be an object without id");
	}
	return roles_check(*verb, call->roles, call->uid, &call->diag);
}

static char *members_of(const struct json *params)
{
	struct json_writer w;
	struct buf b;
	char *text;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	for (const struct json *m = params ? params->first : NULL; m; m = m->next) {
		jw_key(&w, m->key);
		jw_copy(&w, m);
	}
	text = xstrdup(buf_cstr(&b) + 1);
	buf_fini(&b);
	return text;
}

static void answer_run(struct ctl_call *call, const struct pick *p, const struct job *j)
{
	jw_object(&call->w);
	if (j)
		jw_kint(&call->w, "job", j->id);
	jw_kint(&call->w, "stations", (int64_t)p->count);
	if (!j) {
		jw_key(&call->w, "ids");
		jw_array(&call->w);
		for (size_t i = 0; i < p->count; i++)
			jw_str(&call->w, p->ids[i]);
		jw_array_end(&call->w);
	}
	jw_object_end(&call->w);
}

static struct job *job_new(struct ctl_call *call, const struct ctl_job_run_args *a, const struct ctl_verb_desc *verb,
			   const struct json *params, const struct pick *p)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->verb = verb;
	j->params = members_of(params);
	j->parallel = a->parallel == NUM_NONE ? PARALLEL : (size_t)a->parallel;
	j->roles = call->roles;
	j->uid = call->uid;
	j->began = call->wall;
	j->ended = WALL_NONE;
	pick_describe(a, p, j->stations, sizeof(j->stations));
	j->ids = xcalloc(p->count, sizeof(*j->ids));
	j->results = xcalloc(p->count, sizeof(*j->results));
	for (j->total = 0; j->total < p->count; j->total++)
		j->ids[j->total] = xstrdup(p->ids[j->total]);
	return j;
}

int ctl_job_run(struct ctl_call *call, const struct ctl_job_run_args *a)
{
	struct jobs *js = jobs_of(call);
	struct job **end = &js->list, *j;
	const struct ctl_verb_desc *verb;
	const struct json *params, *first;
	struct pick p = { NULL, 0 };
	void *args;
	int ret;

	ret = check_run(call, a, &verb, &params);
	if (ret == 0)
		ret = pick_stations(call, a, &p);
	if (ret)
		return ret;
	j = job_new(call, a, verb, params, &p);
	/* What every station would refuse for its form is refused here, once. */
	first = params_for(j, j->ids[0], call->arena, &call->diag);
	ret = first ? ctl_args_read(verb, first, call->arena, &args, &call->diag) : call->diag.err;
	if (ret == 0 && a->dry_run != 1 && !make_room(js))
		ret = diag_set(&call->diag, -LMS_ECONFLICT, "%d jobs run already (job list; job cancel ends one)", JOBS_MAX);
	if (ret || a->dry_run == 1) {
		job_free(j);
		if (ret == 0)
			answer_run(call, &p, NULL);
		return ret;
	}
	j->id = ++js->last_id;
	while (*end)
		end = &(*end)->next;
	*end = j;
	log_ctl(NOTICE, verb->method, "job", "job=%lld uid=%u stations=%s count=%zu", (long long)j->id, call->uid,
		log_text(j->stations), j->total);
	answer_run(call, &p, j);
	return 0;
}

int ctl_job_list(struct ctl_call *call, const struct ctl_job_list_args *a)
{
	struct ctl_job rec;

	(void)a;
	ctl_answer_list(call);
	for (const struct job *j = jobs_of(call)->list; j; j = j->next) {
		fill(j, &rec);
		ctl_answer_item(call, &rec);
	}
	return ctl_answer_list_end(call, NULL);
}

static int answer(struct ctl_call *call, const struct job *j)
{
	struct ctl_job rec;

	fill(j, &rec);
	return ctl_answer_record(call, &rec);
}

int ctl_job_show(struct ctl_call *call, const struct ctl_job_show_args *a)
{
	const struct job *j = find_job(call, a->id);

	return j ? answer(call, j) : call->diag.err;
}

/* What stations answered is for whoever may ask them; so is calling it off. */
static int may_have(struct ctl_call *call, const struct job *j)
{
	return roles_check(j->verb, call->roles, call->uid, &call->diag);
}

int ctl_job_cancel(struct ctl_call *call, const struct ctl_job_cancel_args *a)
{
	struct job *j = find_job(call, a->id);

	if (!j || may_have(call, j))
		return call->diag.err;
	if (j->state != JOB_RUNNING)
		return diag_set(&call->diag, -LMS_ECONFLICT, "job %lld: is over already", (long long)j->id);
	j->state = JOB_CANCELLED;
	job_end(j);
	return answer(call, j);
}

static bool too_many_wait(const struct jobs *js)
{
	size_t n = 0;

	for (const struct waiter *w = js->waiters; w; w = w->next)
		n++;
	return n >= WAITERS_MAX;
}

int ctl_job_wait(struct ctl_call *call, const struct ctl_job_wait_args *a)
{
	struct jobs *js = jobs_of(call);
	struct job *j = find_job(call, a->id);
	int64_t wait_us = a->wait_ms == NUM_NONE ? WAIT_US : a->wait_ms * US_PER_MS;
	struct waiter *w;

	if (!j || may_have(call, j))
		return call->diag.err;
	if (a->after != NUM_NONE && (a->after < 0 || a->after > (int64_t)j->done))
		return diag_set(&call->diag, -LMS_ERANGE, "after: there are %zu results yet", j->done);
	if (a->wait_ms != NUM_NONE && (a->wait_ms < 0 || wait_us > WAIT_MAX_US))
		return diag_set(&call->diag, -LMS_ERANGE, "wait: must be at most 10 min");
	if (is_over(j) || wait_us == 0) {
		write_results(j, a->after == NUM_NONE ? 0 : (size_t)a->after, &call->w);
		return 0;
	}
	if (too_many_wait(js))
		return diag_set(&call->diag, -LMS_ECONFLICT, "%d wait for jobs already (job show tells how it stands, without "
				"waiting)", WAITERS_MAX);
	w = xcalloc(1, sizeof(*w));
	w->token = call->token;
	w->job = j;
	w->after = a->after == NUM_NONE ? 0 : (size_t)a->after;
	w->ready = call->now + GATHER_US;
	w->until = call->now + wait_us;
	w->next = js->waiters;
	js->waiters = w;
	return CTL_LATER;
}
