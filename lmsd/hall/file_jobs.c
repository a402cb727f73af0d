/* hall/file_jobs.c - jobs of stations at lmsd's own file server: paths are opened for them, what comes ends them.
 *
 * The secret of a path is told to the station alone; kept, over restarts too, is its SHA-256 only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "base/log.h"
#include "files/files.h"
#include "files/signed.h"
#include "site/transfer.h"

#define MIB ((int64_t)1 << 20)
#define KEEP_FREE (256 * MIB)	/* above what the recording leaves: the ledger may need it */

static void allow(struct app *app, const struct station *st, const struct transfer *t)
{
	struct files_grant g = { .job = t->job };

	snprintf(g.digest, sizeof(g.digest), "%s", t->digest);
	snprintf(g.what, sizeof(g.what), "%s", t->what);
	snprintf(g.station, sizeof(g.station), "%s", st->id);
	if (strcmp(t->what, "firmware") == 0)
		snprintf(g.file, sizeof(g.file), "%s", t->file);
	g.until = loop_now(app->loop) + (t->until - loop_wall());
	files_allow(app->files, &g);
}

/* What stations are told before a path. */
static void note_url(struct app *app)
{
	const struct boot_addr *a = &app->boot.files_listen;
	bool v6 = strchr(a->host, ':') != NULL;

	if (app->boot.files_url[0])
		snprintf(app->files_url, sizeof(app->files_url), "%s", app->boot.files_url);
	else
		snprintf(app->files_url, sizeof(app->files_url), "%s://%s%s%s:%d",
			 app->boot.files_tls == BOOT_FILES_TLS_ON ? "https" : "http", v6 ? "[" : "", a->host, v6 ? "]" : "",
			 files_port(app->files));
	app->hall.files_url = app->files_url;
}

/* ---- for the handlers of stations ---- */

static int grant(void *ctx, const struct station *st, struct transfer *t, char *url, size_t size, struct diag *diag)
{
	char secret[FILES_SECRET_MAX + 1];
	struct app *app = ctx;
	const struct file_info *f = t->file[0] ? files_find(app->files, t->file) : NULL;

	if (files_secret(secret, t->digest) < 0)
		return diag_set(diag, -LMS_EINTERNAL, "no random numbers");
	/* Where stations send to, they take for a directory and add a name of their own. */
	if (f != NULL)
		snprintf(url, size, "%s/f/%s/%s", app->files_url, secret, f->name);
	else
		snprintf(url, size, "%s/d/%s/", app->files_url, secret);
	allow(app, st, t);
	return 0;
}

static int no_file(const char *name, struct diag *diag)
{
	return diag_set(diag, -LMS_ENOTFOUND, "file '%.64s' is not there (lmsctl file list; lmsctl takes one of yours as "
			"@PATH)", name);
}

static int find(void *ctx, const char *name, char id[], struct diag *diag)
{
	const struct app *app = ctx;
	const struct file_info *f = files_find(app->files, name);

	if (f == NULL)
		return no_file(name, diag);
	if (strcmp(f->what, "firmware") != 0)
		return diag_set(diag, -LMS_EDATA, "file '%.64s' is no firmware (lmsctl file list)", name);
	memcpy(id, f->id, sizeof(f->id));
	return 0;
}

static int check_signed(void *ctx, const char *file, const char *certificate, const char *signature, wall_t wall,
			struct diag *diag)
{
	const struct app *app = ctx;
	const struct file_info *f = file && app->files ? files_find(app->files, file) : NULL;
	const char *signers = app->boot.files_signers;

	if (file && !f)
		return no_file(file, diag);
	return signed_check(certificate, signature, f ? f->sha256 : NULL, *signers ? signers : NULL, wall, diag);
}

/* ---- what happens at the server ---- */

static void on_kept(void *ctx, const struct file_info *f)
{
	struct app *app = ctx;
	struct station *st = site_station(app->hall.site, f->station);

	log_event(LOG_LEVEL_NOTICE, "station", f->station, "file_received", "what=%s file=%s bytes=%lld", f->what, f->id,
		  (long long)f->size);
	app->turn_open = true;
	if (st != NULL)
		transfer_received(st, f->job, f->id, loop_wall(), &app->fx);
}

static void on_told(void *ctx, const char *event, const char *text)
{
	(void)ctx;
	log_event(LOG_LEVEL_WARNING, "files", "", event, "%s", text);
}

static const struct files_ops ops = { on_kept, on_told };

static void go_on(struct app *app)
{
	struct station *st, *tmp;

	HASH_ITER(hh, app->hall.site->stations, st, tmp) {
		for (int k = 0; k < TRANSFER_KINDS; k++) {
			const struct transfer *t = st->transfer[k];

			if (t != NULL && t->digest[0] && t->until > loop_wall())
				allow(app, st, t);
		}
	}
}

void file_jobs_forget(struct app *app, const struct site_conf *old, const struct site_conf *conf)
{
	for (size_t i = 0; i < old->station_count; i++) {
		const char *id = old->stations[i].k.id;
		struct station *st = site_conf_station(conf, id) < 0 ? site_station(app->hall.site, id) : NULL;

		for (int k = 0; st != NULL && k < TRANSFER_KINDS; k++) {
			struct transfer *t = st->transfer[k];

			if (t != NULL && t->digest[0] && app->files != NULL)
				files_revoke(app->files, t->digest);
			free(t);
			st->transfer[k] = NULL;
		}
	}
}

int file_jobs_open(struct app *app, struct diag *diag)
{
	const struct boot_conf *boot = &app->boot;
	char directory[BOOT_TEXT_MAX + 8];
	struct files_conf conf = {
		.directory = directory, .address = boot->files_listen.host, .port = boot->files_listen.port,
		.certificate = boot->files_tls == BOOT_FILES_TLS_ON ? boot->tls_certificate : NULL,
		.key = boot->files_tls == BOOT_FILES_TLS_ON ? boot->tls_key : NULL,
		.file_max = boot->files_max_size * MIB, .store_max = boot->files_store * MIB, .keep_free = KEEP_FREE,
	};
	int ret;

	app->file_jobs = (struct hall_files){ app, NULL, NULL, check_signed };
	app->hall.files = &app->file_jobs;
	if (!boot->files_listen.on)
		return 0;
	snprintf(directory, sizeof(directory), "%s/files", boot->state_directory);
	ret = files_new(app->loop, &conf, &ops, app, &app->files, diag);
	if (ret < 0)
		return ret;
	note_url(app);
	app->file_jobs.grant = grant;
	app->file_jobs.find = find;
	go_on(app);
	return 0;
}
