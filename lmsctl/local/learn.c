/* local/learn.c - `tag learn`: each tag that is shown at a station, or that a reader types, as it comes.
 *
 * lmsd learns as long as this asks: a watch on tag.learn, which ends with the connection.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/local/local.h"
#include "lmsctl/output.h"

#define LINE_SIZE 256

struct learn {
	struct lmsctl *l;
	struct rows rows;
	int64_t left;			/* NUM_NONE = for ever */
	bool began;
	int ret;
};

static void print_row(const struct ctl_shown_tag *t)
{
	output_text(t->uid, strlen(t->uid));
	if (t->station) {
		fputs("  at ", stdout);
		output_text(t->station, strlen(t->station));
	}
	fputs(t->known == 1 ? "  known" : "  pending", stdout);
	if (t->holder) {
		fputs(": ", stdout);
		output_text(t->holder, strlen(t->holder));
	}
	putchar('\n');
}

static void show(struct learn *n, const struct json *item)
{
	struct rows *r = &n->rows;
	const struct lmsctl *l = n->l;

	if (n->left == 0 || n->ret)
		return;
	n->ret = rows_add(r, n->l, item);
	if (n->ret)
		return;
	if (l->opt.format == FORMAT_TABLE && !l->opt.fields) {
		print_row(r->items[0].rec);
	} else {
		if (!n->began && l->opt.format != FORMAT_TABLE && l->opt.format != FORMAT_WIDE)
			output_begin(r, n->l);
		n->began = true;
		output_part(r, n->l);
	}
	rows_clear(r);
	if (n->left > 0)
		n->left--;
	if (fflush(stdout) != 0)
		n->ret = -LMS_EIO;
}

static void on_push(void *ctx, const char *method, const struct json *params)
{
	struct learn *n = ctx;
	const struct json *ended = json_get(params, "ended"), *items = json_get(params, "snapshot");

	if (strcmp(method, "watch") != 0)
		return;
	if (ended) {
		client_read_error(ended, &n->l->diag);
		n->ret = n->l->diag.err;
		return;
	}
	if (!items)
		items = json_get(params, "changed");
	for (const struct json *j = items ? items->first : NULL; j; j = j->next)
		show(n, j);
}

static int learn_at_stations(struct learn *n, const char *station)
{
	struct lmsctl *l = n->l;
	int ret;

	ret = call_watch(l, "tag.learn", "station", station);
	if (ret == 0 && !l->opt.quiet)
		fprintf(stderr, "show tags %s%s; nothing starts there meanwhile\n", station ? "at station " : "at any station",
			station ? station : "");
	while (ret >= 0 && n->ret == 0 && n->left != 0)
		ret = client_wait(l->client, -1, &l->diag);
	return ret < 0 ? ret : 0;
}

/* One that a reader has typed; what is none is said, and the next one is waited for. */
static int collect(struct learn *n, const char *uid)
{
	struct lmsctl *l = n->l;
	const struct json *result;
	struct json_writer w;
	struct buf b;
	int ret;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "uid", uid);
	jw_object_end(&w);
	ret = client_call(l->client, "tag.collect", buf_cstr(&b), &result, &l->diag);
	buf_fini(&b);
	if (ret == 0)
		show(n, result);
	if (ret != -LMS_EDATA)
		return ret;
	fprintf(stderr, "lmsctl: %s: %s\n", l->label, l->diag.text);
	diag_init(&l->diag);
	return 0;
}

static int learn_from_stdin(struct learn *n)
{
	char line[LINE_SIZE];
	int ret = 0;

	while (ret == 0 && n->ret == 0 && n->left != 0 && fgets(line, sizeof(line), stdin)) {
		size_t len = strcspn(line, "\r\n");

		if (len + 1 == sizeof(line) && !strchr(line, '\n'))
			return diag_set(&n->l->diag, -LMS_EDATA, "standard input: a line is longer than %d characters: that is no "
					"reader", LINE_SIZE - 2);
		while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
			len--;
		line[len] = '\0';
		if (!utf8_valid(line, len))
			fprintf(stderr, "lmsctl: %s: a line that is no text was passed over\n", n->l->label);
		else if (line[strspn(line, " \t")])
			ret = collect(n, line + strspn(line, " \t"));
	}
	return ret;
}

int learn_tags(struct lmsctl *l, const char *station, int64_t count, bool from_stdin)
{
	static const struct client_ops ops = { .notify = on_push };
	struct learn n = { .l = l, .left = count };
	int ret;

	if (count != NUM_NONE && count < 1)
		return diag_set(&l->diag, -LMS_EUSAGE, "--count: must be at least 1");
	if (station && from_stdin)
		return diag_set(&l->diag, -LMS_EUSAGE, "--station: not together with --stdin");
	/* An array that never ends is no JSON. */
	if (l->opt.format == FORMAT_JSON)
		l->opt.format = FORMAT_NDJSON;
	ret = rows_init(&n.rows, l, &ctl_nouns[CTL_NOUN_shown_tag], false);
	if (ret == 0)
		ret = call_connect(l, &ops, &n);
	if (ret == 0)
		ret = from_stdin ? learn_from_stdin(&n) : learn_at_stations(&n, station);
	rows_fini(&n.rows);
	return ret ? ret : n.ret;
}
