/* ocpp/control/ctl_station_transfer.c - station firmware update and status, diagnostics, log.
 *
 * Each begins a job (site/transfer.h) whose file lies at another server's URL or at lmsd's own. The answer of the
 * station only says that it will; how it went comes later, by its notifications.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "ocpp/control/ctl_call.h"
#include "ocpp/control/told.h"
#include "site/transfer.h"

#define URL_MAX 512		/* OCPP 1.6 security whitepaper, LogParametersType */
#define RETRIES_MAX 100
#define CERTIFICATE_MAX 5500	/* OCPP 1.6 security whitepaper, FirmwareType */
#define INTERVAL_MAX_S INT64_C(86400)
#define BEGUN_US (INT64_C(24) * 3600 * US_PER_S)	/* from when the station is to begin */
#define AHEAD_MAX_US (INT64_C(60) * 24 * 3600 * US_PER_S)

/* What all four have in common. */
struct ask {
	struct ctl_call *c;
	struct ocpp_session *s;
	struct station *st;
	const char *what;
	int64_t retries, interval_ms;
	wall_t begin;		/* when the station is to begin; WALL_NONE = now */
	const char *file;	/* of lmsd that it fetches; NULL */
	char url[URL_MAX + 1];
	struct transfer *job;
};

/* Out of a file it comes with the end of its line. */
static const char *trim(struct ctl_call *c, const char *url)
{
	size_t len = url ? strlen(url) : 0;

	while (len > 0 && (url[len - 1] == '\n' || url[len - 1] == '\r'))
		len--;
	return url ? arena_strndup(c->arena, url, len) : NULL;
}

static int check_url(struct ctl_call *c, const char *url)
{
	static const char *const schemes[] = { "http://", "https://", "ftp://", "ftps://", "sftp://" };
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		known |= strncmp(url, schemes[i], strlen(schemes[i])) == 0 && url[strlen(schemes[i])] != '\0';
	if (!known)
		return diag_set(&c->diag, -LMS_EDATA, "url: must begin with http://, https://, ftp://, ftps:// or sftp:// "
				"and name a server");
	if (strlen(url) > URL_MAX)
		return diag_set(&c->diag, -LMS_ERANGE, "url: is longer than %d bytes", URL_MAX);
	for (const char *p = url; *p; p++) {
		if (*p <= ' ' || *p > '~' || *p == '"' || *p == '<' || *p == '>' || *p == '\\')
			return diag_set(&c->diag, -LMS_EDATA, "url: has characters that no URL has (write them as %%XX)");
	}
	return 0;
}

static int check_tries(const struct ask *a)
{
	if (a->retries != NUM_NONE && (a->retries < 0 || a->retries > RETRIES_MAX))
		return diag_set(&a->c->diag, -LMS_ERANGE, "retries: must be from 0 to %d", RETRIES_MAX);
	if (a->interval_ms != NUM_NONE && (a->interval_ms < 0 || a->interval_ms > INTERVAL_MAX_S * 1000))
		return diag_set(&a->c->diag, -LMS_ERANGE, "interval: must be at most a day");
	return 0;
}

static int check_span(struct ctl_call *c, const char *name, wall_t from, wall_t to)
{
	if (from == WALL_NONE || to == WALL_NONE || from <= to)
		return 0;
	return diag_set(&c->diag, -LMS_EDATA, "%s: is before the other end of the span (give the earlier one first)", name);
}

/* Checks, finds the station, and begins the job with a URL to give. What is refused by a check changes nothing. */
static int begin(struct ask *a, const char *id, const char *url, struct buf *b, struct json_writer *w)
{
	const struct hall_files *files = a->c->hall->files;
	struct transfer *t;
	int ret = check_tries(a);

	url = trim(a->c, url);
	if (ret == 0 && url)
		ret = check_url(a->c, url);
	if (ret == 0 && !url && !(files && files->grant))
		ret = diag_set(&a->c->diag, -LMS_ECONFLICT, "lmsd serves no files here (give url=, or set files.listen in "
			       "lmsd.conf)");
	if (ret == 0 && a->begin != WALL_NONE && a->begin > a->c->wall + AHEAD_MAX_US)
		ret = diag_set(&a->c->diag, -LMS_ERANGE, "retrieve_at: is more than 60 days ahead");
	if (ret == 0)
		ret = ctl_session(a->c, id, &a->s);
	if (ret)
		return ret;
	if (queue_full(a->s))
		return diag_set(&a->c->diag, -LMS_ECONFLICT, "station %s: %d calls wait already (try again)", id, QUEUE_MAX);
	a->st = session_station(a->s);
	a->job = t = transfer_begin(a->st, a->what, a->c->wall);
	t->until = (a->begin != WALL_NONE && a->begin > a->c->wall ? a->begin : a->c->wall) + BEGUN_US;
	if (url) {
		snprintf(a->url, sizeof(a->url), "%s", url);
	} else {
		if (a->file)
			snprintf(t->file, sizeof(t->file), "%s", a->file);
		ret = files->grant(files->ctx, a->st, t, a->url, sizeof(a->url), &a->c->diag);
		if (ret)
			snprintf(t->status, sizeof(t->status), "NotAsked");
		t->state = ret ? TRANSFER_FAILED : TRANSFER_RUNNING;
	}
	transfer_store(a->st, t, a->c->fx);
	if (ret)
		return ret;
	buf_init(b);
	jw_init(w, b);
	jw_object(w);
	return 0;
}

static void write_time(struct json_writer *w, const char *key, wall_t time)
{
	char text[RFC3339_MAX];

	if (time != WALL_NONE)
		jw_kstr(w, key, rfc3339_format(time / US_PER_S * US_PER_S, text));
}

static void write_count(struct json_writer *w, const char *key, int64_t n)
{
	if (n != NUM_NONE)
		jw_kint(w, key, n);
}

static int64_t seconds(int64_t ms)
{
	return ms == NUM_NONE ? NUM_NONE : ms / 1000;
}

/* ---- firmware ---- */

static void write_update(const struct ask *a, struct json_writer *w)
{
	jw_kstr(w, "location", a->url);
	write_count(w, "retries", a->retries);
	write_time(w, "retrieveDate", a->begin == WALL_NONE ? a->c->wall : a->begin);
	write_count(w, "retryInterval", seconds(a->interval_ms));
}

static void write_signed_update(const struct ask *a, const struct ctl_station_firmware_update_args *args,
				struct json_writer *w)
{
	write_count(w, "retries", a->retries);
	write_count(w, "retryInterval", seconds(a->interval_ms));
	jw_kint(w, "requestId", a->job->job);
	jw_key(w, "firmware");
	jw_object(w);
	jw_kstr(w, "location", a->url);
	write_time(w, "retrieveDateTime", a->begin == WALL_NONE ? a->c->wall : a->begin);
	write_time(w, "installDateTime", args->install_at);
	jw_kstr(w, "signingCertificate", args->certificate);
	jw_kstr(w, "signature", args->signature);
	jw_object_end(w);
}

static int check_signed(struct ctl_call *c, const struct ctl_station_firmware_update_args *a, const char *file)
{
	const struct hall_files *files = c->hall->files;

	if (!a->signature != !a->certificate)
		return diag_set(&c->diag, -LMS_EDATA, "%s: is missing (signature and certificate belong together)",
				a->signature ? "certificate" : "signature");
	if (!a->signature && a->install_at != WALL_NONE)
		return diag_set(&c->diag, -LMS_EDATA, "install_at: goes with a signed update only (add signature and "
				"certificate)");
	if (!a->signature)
		return 0;
	if (strlen(a->certificate) > CERTIFICATE_MAX)
		return diag_set(&c->diag, -LMS_ERANGE, "certificate: is longer than %d bytes (leave its chain out)",
				CERTIFICATE_MAX);
	if (files && files->check_signed)
		return files->check_signed(files->ctx, file, a->certificate, a->signature, c->wall, &c->diag);
	return 0;
}

/* The file of lmsd that is meant, into `file`; "" when another server has it. */
static int find_file(struct ctl_call *c, const struct ctl_station_firmware_update_args *a,
		     char file[TRANSFER_FILE_MAX + 1])
{
	const struct hall_files *files = c->hall->files;

	file[0] = '\0';
	if (!a->file == !a->url)
		return diag_set(&c->diag, -LMS_EDATA, "%s", a->file ? "file and url: give one of them" :
				"file: missing (a file that lmsd keeps, or url=)");
	return a->file && files && files->find ? files->find(files->ctx, a->file, file, &c->diag) : 0;
}

int ctl_station_firmware_update(struct ctl_call *c, const struct ctl_station_firmware_update_args *a)
{
	struct ask ask = { .c = c, .what = "firmware", .retries = a->retries, .interval_ms = a->interval_ms,
			   .begin = a->retrieve_at };
	char file[TRANSFER_FILE_MAX + 1];
	struct json_writer w;
	struct buf b;
	int ret = find_file(c, a, file);

	if (ret == 0)
		ret = check_signed(c, a, *file ? file : NULL);
	if (ret == 0)
		ret = check_span(c, "install_at", a->retrieve_at, a->install_at);
	ask.file = *file ? file : NULL;
	if (ret == 0)
		ret = begin(&ask, a->id, a->url, &b, &w);
	if (ret)
		return ret;
	if (a->certificate)
		write_signed_update(&ask, a, &w);
	else
		write_update(&ask, &w);
	jw_object_end(&w);
	return ctl_call_send_job(c, ask.s, a->certificate ? "SignedUpdateFirmware" : "UpdateFirmware", &b,
				 a->certificate ? STYLE_STATION : STYLE_TAKEN, ask.job->job);
}

int ctl_station_firmware_status(struct ctl_call *c, const struct ctl_station_firmware_status_args *a)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_session(c, a->id, &s);

	if (ret)
		return ret;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "requestedMessage", "FirmwareStatusNotification");
	jw_object_end(&w);
	/* Before it leaves: whatever becomes of it ends there. */
	told_over(s, &t);
	told_expect(s, c->token);
	ret = ctl_call_send(c, s, "TriggerMessage", &b, STYLE_STATION);
	if (ret != CTL_LATER)
		told_expect(s, 0);
	return ret;
}

/* ---- diagnostics and logs ---- */

int ctl_station_diagnostics(struct ctl_call *c, const struct ctl_station_diagnostics_args *a)
{
	struct ask ask = { .c = c, .what = "diagnostics", .retries = a->retries, .interval_ms = a->interval_ms,
			   .begin = WALL_NONE };
	struct json_writer w;
	struct buf b;
	int ret = check_span(c, "until", a->since, a->until);

	if (ret == 0)
		ret = begin(&ask, a->id, a->url, &b, &w);
	if (ret)
		return ret;
	jw_kstr(&w, "location", ask.url);
	write_count(&w, "retries", a->retries);
	write_count(&w, "retryInterval", seconds(a->interval_ms));
	write_time(&w, "startTime", a->since);
	write_time(&w, "stopTime", a->until);
	jw_object_end(&w);
	return ctl_call_send_job(c, ask.s, "GetDiagnostics", &b, STYLE_TAKEN, ask.job->job);
}

int ctl_station_log(struct ctl_call *c, const struct ctl_station_log_args *a)
{
	struct ask ask = { .c = c, .what = "log", .retries = a->retries, .interval_ms = a->interval_ms,
			   .begin = WALL_NONE };
	struct json_writer w;
	struct buf b;
	int ret = check_span(c, "latest", a->oldest, a->latest);

	if (ret == 0)
		ret = begin(&ask, a->id, a->url, &b, &w);
	if (ret)
		return ret;
	jw_key(&w, "log");
	jw_object(&w);
	jw_kstr(&w, "remoteLocation", ask.url);
	write_time(&w, "oldestTimestamp", a->oldest);
	write_time(&w, "latestTimestamp", a->latest);
	jw_object_end(&w);
	jw_kstr(&w, "logType", a->type);
	jw_kint(&w, "requestId", ask.job->job);
	write_count(&w, "retries", a->retries);
	write_count(&w, "retryInterval", seconds(a->interval_ms));
	jw_object_end(&w);
	return ctl_call_send_job(c, ask.s, "GetLog", &b, STYLE_STATION, ask.job->job);
}
