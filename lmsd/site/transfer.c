/* site/transfer.c - jobs of stations with files, moved on by what they say. */
#include "site/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static const char *const kind_names[TRANSFER_KINDS] = { "firmware", "upload" };

/* Words that end a job; every other one says that it goes on. */
static const struct {
	const char *status;
	enum transfer_state state;
} ends[] = {
	{ "Installed", TRANSFER_DONE },
	{ "Uploaded", TRANSFER_DONE },
	{ "DownloadFailed", TRANSFER_FAILED },
	{ "InstallationFailed", TRANSFER_FAILED },
	{ "InstallVerificationFailed", TRANSFER_FAILED },
	{ "InvalidSignature", TRANSFER_FAILED },
	{ "UploadFailed", TRANSFER_FAILED },
	{ "UploadFailure", TRANSFER_FAILED },
	{ "BadMessage", TRANSFER_FAILED },
	{ "NotSupportedOperation", TRANSFER_FAILED },
	{ "PermissionDenied", TRANSFER_FAILED },
	{ "NotAsked", TRANSFER_FAILED },
};

static enum transfer_state state_of(const char *status)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (strcmp(ends[i].status, status) == 0)
			return ends[i].state;
	}
	return TRANSFER_RUNNING;
}

const char *transfer_state_text(const struct transfer *t)
{
	switch (t->state) {
	case TRANSFER_RUNNING:
		return "running";
	case TRANSFER_DONE:
		return "done";
	case TRANSFER_FAILED:
		return "failed";
	}
	return "running";
}

bool transfer_lapsed(const struct transfer *t, wall_t wall)
{
	return t->state == TRANSFER_RUNNING && t->until && wall > t->until &&
	       (strcmp(t->status, "Asked") == 0 || strcmp(t->status, "NoAnswer") == 0 ||
		strncmp(t->status, "Accepted", 8) == 0);
}

static enum transfer_kind kind_of(const char *what)
{
	return strcmp(what, "firmware") == 0 ? TRANSFER_FIRMWARE : TRANSFER_UPLOAD;
}

static struct transfer *transfer_new(struct station *st, const char *what, wall_t wall)
{
	struct transfer **at = &st->transfer[kind_of(what)];

	if (!*at)
		*at = xcalloc(1, sizeof(**at));
	memset(*at, 0, sizeof(**at));
	snprintf((*at)->what, sizeof((*at)->what), "%s", what);
	(*at)->begun = (*at)->at = wall;
	return *at;
}

/* Seconds make a number that no job before a loss of our records had, as long as the clock is right. */
static int64_t next_job(const struct station *st, wall_t wall)
{
	int64_t job = wall / US_PER_S & INT32_MAX;

	for (int k = 0; k < TRANSFER_KINDS; k++) {
		if (st->transfer[k] && st->transfer[k]->job >= job)
			job = st->transfer[k]->job + 1;
	}
	return job;
}

struct transfer *transfer_begin(struct station *st, const char *what, wall_t wall)
{
	int64_t job = next_job(st, wall);
	struct transfer *t = transfer_new(st, what, wall);

	t->job = job;
	snprintf(t->status, sizeof(t->status), "Asked");
	if (strcmp(what, "firmware") == 0)
		snprintf(t->before, sizeof(t->before), "%s", st->firmware);
	return t;
}

/* ---- moved on ---- */

static void tell(const struct station *st, const struct transfer *t)
{
	bool failed = t->state == TRANSFER_FAILED;
	const char *event = strcmp(t->what, "firmware") == 0 ? failed ? "firmware_failed" : "firmware_status" :
		failed ? "upload_failed" : "upload_status";

	log_event(failed ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, "station", st->id, event, "what=%s status=%s job=%lld",
		  t->what, log_text(t->status), (long long)t->job);
}

static void move(const struct station *st, struct transfer *t, const char *status, wall_t wall, struct effects *fx)
{
	bool same = strcmp(t->status, status) == 0;

	t->at = wall;
	if (same)
		return;
	snprintf(t->status, sizeof(t->status), "%s", status);
	t->state = state_of(t->status);
	tell(st, t);
	transfer_store(st, t, fx);
}

void transfer_said(struct station *st, enum transfer_kind kind, int64_t request, const char *status, wall_t wall,
		   struct effects *fx)
{
	struct transfer *t = st->transfer[kind];

	if (t && t->job && request != NUM_NONE && request != t->job) {
		log_station(INFO, st->id, "transfer_of_another_job", "what=%s status=%s request=%lld job=%lld", t->what,
			    log_text(status), (long long)request, (long long)t->job);
		return;
	}
	/* OCPP 1.6, 7.25 and 7.24: only an answer to TriggerMessage while nothing goes on. What became of the
	 * latest job must not be hidden by it. */
	if (strcmp(status, "Idle") == 0) {
		if (t)
			t->at = wall;
		return;
	}
	if (!t)
		t = transfer_new(st, kind == TRANSFER_FIRMWARE ? "firmware" : "diagnostics", wall);
	move(st, t, status, wall, fx);
}

static struct transfer *find_job(struct station *st, int64_t job)
{
	for (int k = 0; k < TRANSFER_KINDS; k++) {
		if (st->transfer[k] && st->transfer[k]->job == job)
			return st->transfer[k];
	}
	return NULL;
}

void transfer_answered(struct station *st, int64_t job, const char *status, wall_t wall, struct effects *fx)
{
	struct transfer *t = find_job(st, job);

	if (!t || strcmp(t->status, "Asked") != 0)
		return;		/* a notification was quicker than the answer */
	move(st, t, status, wall, fx);
	/* Refused in whatever words the station or its message has. */
	if (t->state == TRANSFER_RUNNING && strcmp(status, "NoAnswer") != 0 && strncmp(status, "Accepted", 8) != 0) {
		t->state = TRANSFER_FAILED;
		transfer_store(st, t, fx);
	}
}

void transfer_received(struct station *st, int64_t job, const char *file, wall_t wall, struct effects *fx)
{
	struct transfer *t = find_job(st, job);

	if (!t)
		return;
	snprintf(t->file, sizeof(t->file), "%s", file);
	t->digest[0] = '\0';
	if (strcmp(t->status, "Uploaded") == 0)
		transfer_store(st, t, fx);
	move(st, t, "Uploaded", wall, fx);
}

void transfer_booted(struct station *st, const char *before, wall_t wall, struct effects *fx)
{
	struct transfer *t = st->transfer[TRANSFER_FIRMWARE];

	if (*before && *st->firmware && strcmp(before, st->firmware) != 0)
		log_station(NOTICE, st->id, "firmware_changed", "before=%s now=%s", log_text(before),
			    log_text(st->firmware));
	if (t && t->job && t->state == TRANSFER_RUNNING && *t->before && *st->firmware &&
	    strcmp(t->before, st->firmware) != 0)
		move(st, t, "Installed", wall, fx);
}

/* ---- kept ---- */

const char *transfer_id(const struct station *st, enum transfer_kind kind, char out[TRANSFER_ID_MAX])
{
	snprintf(out, TRANSFER_ID_MAX, "%s/%s", st->id, kind_names[kind]);
	return out;
}

/* The station's name, and the kind, or -1. */
static int split_id(const char *id, char station[ID_MAX + 1])
{
	const char *slash = strrchr(id, '/');

	if (!slash || slash - id > ID_MAX)
		return -1;
	snprintf(station, ID_MAX + 1, "%.*s", (int)(slash - id), id);
	for (int k = 0; k < TRANSFER_KINDS; k++) {
		if (strcmp(kind_names[k], slash + 1) == 0)
			return k;
	}
	return -1;
}

struct transfer *transfer_by_id(struct site *s, const char *id)
{
	char name[ID_MAX + 1];
	int kind = split_id(id, name);
	const struct station *st = kind >= 0 ? site_station(s, name) : NULL;

	return st ? st->transfer[kind] : NULL;
}

void transfer_store(const struct station *st, const struct transfer *t, struct effects *fx)
{
	char id[TRANSFER_ID_MAX];
	struct json_writer w;
	struct buf b;

	if (st->conf < 0)
		return;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "job", t->job);
	jw_kstr(&w, "what", t->what);
	jw_kstr(&w, "status", t->status);
	jw_kstr(&w, "state", transfer_state_text(t));
	jw_kint(&w, "begun", t->begun);
	jw_kint(&w, "at", t->at);
	if (*t->before)
		jw_kstr(&w, "before", t->before);
	if (*t->file)
		jw_kstr(&w, "file", t->file);
	if (*t->digest)
		jw_kstr(&w, "digest", t->digest);
	if (t->until)
		jw_kint(&w, "until", t->until);
	jw_object_end(&w);
	fx_put(fx, STORE_TRANSFER, transfer_id(st, kind_of(t->what), id), b.data, b.len);
	buf_fini(&b);
}

static void read_text(const struct json *obj, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s", json_str(json_get(obj, key), ""));
}

int site_transfer_load(struct site *s, const char *id, const char *json, size_t len, struct diag *diag)
{
	char name[ID_MAX + 1], what[12], state[12];
	int kind = split_id(id, name);
	struct station *st = kind >= 0 ? site_station(s, name) : NULL;
	const struct json *obj;
	struct transfer *t;
	struct arena arena;
	int ret = 0;

	if (!st)
		return 0;
	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	read_text(obj, "what", what, sizeof(what));
	if (!obj || (int)kind_of(what) != kind) {
		ret = -LMS_EPARSE;
		goto out;
	}
	t = transfer_new(st, what, WALL_NONE);
	json_int(json_get(obj, "job"), &t->job);
	json_int(json_get(obj, "begun"), &t->begun);
	json_int(json_get(obj, "at"), &t->at);
	json_int(json_get(obj, "until"), &t->until);
	read_text(obj, "status", t->status, sizeof(t->status));
	read_text(obj, "before", t->before, sizeof(t->before));
	read_text(obj, "file", t->file, sizeof(t->file));
	read_text(obj, "digest", t->digest, sizeof(t->digest));
	read_text(obj, "state", state, sizeof(state));
	t->state = strcmp(state, "done") == 0 ? TRANSFER_DONE :
		strcmp(state, "failed") == 0 ? TRANSFER_FAILED : TRANSFER_RUNNING;
out:
	arena_fini(&arena);
	return ret;
}

void transfer_forget(const char *station, struct effects *fx)
{
	char id[TRANSFER_ID_MAX];

	for (int k = 0; k < TRANSFER_KINDS; k++) {
		snprintf(id, sizeof(id), "%s/%s", station, kind_names[k]);
		fx_del(fx, STORE_TRANSFER, id);
	}
}
