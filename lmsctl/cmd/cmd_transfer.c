/* lmsctl/cmd/cmd_transfer.c - firmware update, diagnostics, log: the station's answer, and what becomes of it.
 *
 * lmsd pushes the job's record; each word of the station goes to standard error, the last one to standard output.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/output.h"

#define LATE_MS 10000	/* "Uploaded" may be quicker than the end of the file */

struct follow {
	struct lmsctl *l;
	int64_t request;
	bool want_file;
	char said[40];		/* told already */
	char state[12], status[40], file[64];
	bool ours, replaced;
	int ret;
};

bool cmd_is_transfer(const struct ctl_verb_desc *v)
{
	return v->id == CTL_VERB_station_firmware_update || v->id == CTL_VERB_station_diagnostics ||
	       v->id == CTL_VERB_station_log;
}

static void take(struct follow *f, const struct json *rec)
{
	int64_t request = 0;

	if (json_int(json_get(rec, "request"), &request) || request != f->request) {
		f->replaced = true;
		return;
	}
	f->ours = true;
	snprintf(f->state, sizeof(f->state), "%s", json_str(json_get(rec, "state"), ""));
	snprintf(f->status, sizeof(f->status), "%s", json_str(json_get(rec, "status"), ""));
	snprintf(f->file, sizeof(f->file), "%s", json_str(json_get(rec, "file"), ""));
	if (!f->l->opt.quiet && strcmp(f->state, "running") == 0 && strcmp(f->status, f->said) != 0) {
		fputs(f->status, stderr);
		fputc('\n', stderr);
	}
	snprintf(f->said, sizeof(f->said), "%s", f->status);
}

static void on_push(void *ctx, const char *method, const struct json *params)
{
	const struct json *items = json_get(params, "snapshot"), *ended = json_get(params, "ended");
	struct follow *f = ctx;

	if (strcmp(method, "watch") != 0)
		return;
	if (ended) {
		client_read_error(ended, &f->l->diag);
		f->ret = f->l->diag.err;
	}
	if (!items)
		items = json_get(params, "changed");
	for (const struct json *j = items ? items->first : NULL; j; j = j->next)
		take(f, j);
}

static bool has_ended(const struct follow *f)
{
	return f->ret || f->replaced || (f->ours && strcmp(f->state, "running") != 0);
}

static int follow(struct lmsctl *l, struct follow *f, const char *id)
{
	const char *kind = l->verb->id == CTL_VERB_station_firmware_update ? "firmware" : "upload";
	int ret;

	ret = call_watch(l, "transfer.show", "id", arena_printf(&l->arena, "%s/%s", id, kind));
	while (ret >= 0 && !has_ended(f))
		ret = client_wait(l->client, -1, &l->diag);
	/* What has been sent may still be on its way through lmsd's file server. */
	if (ret >= 0 && f->want_file && strcmp(f->state, "done") == 0)
		for (int i = 0; i < LATE_MS / 100 && ret >= 0 && !f->ret && !f->replaced && !*f->file; i++)
			ret = client_wait(l->client, 100, &l->diag);
	return ret < 0 ? ret : f->ret;
}

static int tell_end(struct lmsctl *l, const struct follow *f, const char *id)
{
	if (f->replaced)
		return diag_set(&l->diag, -LMS_ECONFLICT, "%s: another one has taken the place of this", id);
	if (!l->opt.quiet) {
		output_text(f->status, strlen(f->status));
		putchar('\n');
	}
	if (strcmp(f->state, "done") != 0)
		return diag_set(&l->diag, -LMS_EFAILED, "%s: the station says %s", id, f->status);
	return 0;
}

/* The file that came, where -O says. */
static int fetch(struct lmsctl *l, const struct follow *f, const char *id)
{
	if (!*f->file)
		return diag_set(&l->diag, -LMS_EFAILED, "%s: the station says Uploaded, but nothing has come", id);
	return file_fetch(l, f->file, l->opt.out);
}

int cmd_transfer(struct lmsctl *l, const char *params)
{
	static const struct client_ops ops = { .notify = on_push };
	struct json *args = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, NULL);
	const char *id = json_str(json_get(args, "id"), "");
	struct follow f = { .l = l, .said = "Accepted", .want_file = l->opt.out != NULL };
	const struct json *result;
	int ret;

	if (l->opt.out && (l->verb->id == CTL_VERB_station_firmware_update || json_get(args, "url")))
		return diag_set(&l->diag, -LMS_EUSAGE, "-O: no file comes here (it goes with diagnostics and log without url)");
	ret = call_connect(l, &ops, &f);
	if (ret == 0 && !(params = file_params(l, params)))
		ret = l->diag.err;
	if (ret == 0)
		ret = client_call(l->client, l->verb->method, params, &result, &l->diag);
	if (ret)
		return ret;
	json_int(json_get(result, "request"), &f.request);
	/* The file alone is to be on standard output. */
	if (l->opt.out && strcmp(l->opt.out, "-") == 0) {
		l->opt.quiet = true;
		l->opt.format = FORMAT_TABLE;
	}
	ret = cmd_station_answer(l, result);
	if (ret || (!l->opt.wait && !l->opt.out))
		return ret;
	fflush(stdout);
	ret = follow(l, &f, id);
	if (ret == 0)
		ret = tell_end(l, &f, id);
	return ret == 0 && l->opt.out ? fetch(l, &f, id) : ret;
}
