/* lmsctl/cmd/cmd_bulk.c - one command to many stations: `station restart zone=P1`, and what their job tells.
 *
 * lmsd carries it out as a job, so that it goes on whatever becomes of this program; here its results are
 * fetched and shown as they come. The exit status is 0 when all said yes, that of all when they failed
 * alike, else 1.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/output.h"

struct selector {
	const char *ids;		/* with commas; NULL = all */
	const char *zone, *state, *parallel;
	int64_t parallel_count;
	bool many;			/* not one station by its name */
};

/* ---- which stations ---------------------------------------------------------------------- */

static bool takes(const struct lmsctl *l, const char *name)
{
	return field_find(l->verb->args, l->verb->arg_count, name, NULL) != NULL;
}

/* Words of the selection, which are no arguments of the command itself. */
static const char **chosen_by(struct lmsctl *l, struct selector *sel, const struct word *w)
{
	if (!w->name || takes(l, w->name))
		return NULL;
	return strcmp(w->name, "zone") == 0 ? &sel->zone : strcmp(w->name, "state") == 0 ? &sel->state :
		strcmp(w->name, "parallel") == 0 ? &sel->parallel : NULL;
}

static bool is_many(const char *id)
{
	return strcmp(id, "all") == 0 || strchr(id, ',') != NULL;
}

/* Takes the selection out of the words; a name that stands for all is left, for the command's own check. What
 * says nothing (`zone=$ZONE` of a script, or no id at all) must not mean all. */
static int select_stations(struct lmsctl *l, struct selector *sel)
{
	struct word *kept = arena_array(&l->arena, l->word_count + 1, sizeof(*kept));
	const char *id = NULL;
	size_t count = 1;

	for (size_t i = 0; i < l->word_count; i++) {
		const char **at = chosen_by(l, sel, &l->words[i]);

		if (at && *l->words[i].value == '\0')
			return diag_set(&l->diag, -LMS_EUSAGE, "%s: needs a value (all stations are: all)", l->words[i].name);
		if (at)
			*at = l->words[i].value;
	}
	sel->many = sel->zone || sel->state;
	for (size_t i = 0; i < l->word_count; i++) {
		const struct word *w = &l->words[i];
		bool names = w->name ? strcmp(w->name, "id") == 0 : !id && (!sel->many || is_many(w->value));

		if (chosen_by(l, sel, w))
			continue;
		if (names)
			id = w->value;
		else
			kept[count++] = *w;
	}
	sel->many = sel->many || (id && is_many(id));
	if (!sel->many && (!l->opt.no_wait || !id))
		return 0;
	sel->ids = id && strcmp(id, "all") != 0 ? id : NULL;
	kept[0] = (struct word){ NULL, sel->ids && !is_many(sel->ids) ? sel->ids : "all" };
	l->words = kept;
	l->word_count = count;
	return 0;
}

static void write_ids(struct json_writer *w, const char *ids)
{
	jw_key(w, "stations");
	jw_array(w);
	for (const char *p = ids; *p; p += strspn(p, ", ")) {
		size_t len = strcspn(p, ",");

		if (len)
			jw_strn(w, p, len);
		p += len;
	}
	jw_array_end(w);
}

static const char *run_params(struct lmsctl *l, const struct selector *sel, const char *params, bool dry)
{
	const struct json *own = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, NULL);
	struct json_writer w;
	const char *text;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "method", l->verb->method);
	jw_key(&w, "params");
	jw_object(&w);
	for (const struct json *m = own->first; m; m = m->next) {
		if (strcmp(m->key, "id") == 0)
			continue;
		jw_key(&w, m->key);
		jw_copy(&w, m);
	}
	jw_object_end(&w);
	if (sel->ids)
		write_ids(&w, sel->ids);
	if (sel->zone)
		jw_kstr(&w, "zone", sel->zone);
	if (sel->state)
		jw_kstr(&w, "state", sel->state);
	if (sel->parallel)
		jw_kint(&w, "parallel", sel->parallel_count);
	if (dry)
		jw_kbool(&w, "dry_run", true);
	jw_object_end(&w);
	text = arena_strdup(&l->arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

/* ---- what they say ----------------------------------------------------------------------- */

struct tally {
	struct lmsctl *l;
	bool progress, shown;		/* a line on stderr that counts; it stands there now */
	size_t printed;
	int64_t same;			/* exit of all so far; -1 they differ, NUM_NONE none yet */
};

static void clear_progress(struct tally *t)
{
	if (t->shown)
		fputs("\r\033[K", stderr);
	t->shown = false;
}

static void show_progress(struct tally *t, const struct json *job)
{
	int64_t total = 0, left = 0;

	if (!t->progress || json_int(json_get(job, "total"), &total) || json_int(json_get(job, "left"), &left))
		return;
	fflush(stdout);
	fprintf(stderr, "\r\033[K%lld of %lld", (long long)(total - left), (long long)total);
	fflush(stderr);
	t->shown = true;
}

static void put_text(const char *s)
{
	output_text(s, strlen(s));
}

/* Some answers have a shape that fits a line. */
static void put_answer(struct lmsctl *l, const char *station, const struct json *answer)
{
	const struct json *keys = json_get(answer, "configurationKey"), *unknown = json_get(answer, "unknownKey");

	if (!keys && !unknown) {
		put_text(station);
		fputs(": ", stdout);
		output_json_line(l, answer);
		return;
	}
	for (const struct json *k = keys ? keys->first : NULL; k; k = k->next) {
		put_text(station);
		fputs(": ", stdout);
		put_text(json_str(json_get(k, "key"), ""));
		putchar('=');
		put_text(json_str(json_get(k, "value"), ""));
		putchar('\n');
	}
	for (const struct json *k = unknown ? unknown->first : NULL; k; k = k->next) {
		put_text(station);
		fputs(": ", stdout);
		put_text(json_str(k, ""));
		puts(": unknown to the station");
	}
}

/* What lmsd says names the station already: "station CP1 is offline". */
static void put_words(const char *station, const char *text)
{
	size_t len = strlen(station);

	if (strncmp(text, "station ", 8) == 0 && strncmp(text + 8, station, len) == 0) {
		put_text(text + 8);
	} else {
		put_text(station);
		fputs(": ", stdout);
		put_text(text);
	}
	putchar('\n');
}

static void put_line(struct tally *t, const struct json *r, int64_t status)
{
	const char *station = json_str(json_get(r, "station"), ""), *word = json_str(json_get(r, "status"), NULL);
	const struct json *answer = json_get(r, "answer");

	if (t->l->opt.quiet && status == 0)
		return;
	if (word || !answer) {
		put_words(station, word ? word : json_str(json_get(r, "text"), "Accepted"));
		return;
	}
	put_answer(t->l, station, answer);
}

static void put_result(struct tally *t, const struct json *r)
{
	const char *word = json_str(json_get(r, "status"), json_str(json_get(r, "error"), "Accepted"));
	int64_t status = 1;

	json_int(json_get(r, "exit"), &status);
	t->same = t->same == NUM_NONE || t->same == status ? status : -1;
	switch (t->l->opt.format) {
	case FORMAT_JSON:
		fputs(t->printed ? ",\n" : "[", stdout);
		fwrite(r->raw, 1, r->raw_len, stdout);
		break;
	case FORMAT_NDJSON:
		output_json_line(t->l, r);
		break;
	case FORMAT_CSV:
	case FORMAT_TSV:
	case FORMAT_VALUE:
		put_text(json_str(json_get(r, "station"), ""));
		putchar(t->l->opt.format == FORMAT_CSV ? ',' : '\t');
		put_text(word);
		putchar('\n');
		break;
	case FORMAT_TABLE:
	case FORMAT_WIDE:
		put_line(t, r, status);
		break;
	}
	t->printed++;
}

static void put_total(const struct tally *t, const struct json *job)
{
	static const struct { const char *field, *text; } parts[] = {
		{ "accepted", "accepted" }, { "refused", "refused" }, { "offline", "offline or without an answer" },
		{ "failed", "not asked" },
	};
	const char *separator = ":";
	int64_t total = 0, n;

	if (t->l->opt.format == FORMAT_JSON)
		puts(t->printed ? "]" : "[]");
	if ((t->l->opt.format != FORMAT_TABLE && t->l->opt.format != FORMAT_WIDE) || t->l->opt.quiet)
		return;
	json_int(json_get(job, "total"), &total);
	printf("%lld station%s", (long long)total, total == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (json_int(json_get(job, parts[i].field), &n) || n == 0)
			continue;
		printf("%s %lld %s", separator, (long long)n, parts[i].text);
		separator = ",";
	}
	if (strcmp(json_str(json_get(job, "state"), ""), "cancelled") == 0)
		printf("%s cancelled", separator);
	putchar('\n');
}

/* The error that exits with this status. */
static int error_of(int64_t status)
{
	for (int i = 1; i < LMS_ERR_COUNT; i++)
		if (lms_err_exit_status(-i) == status)
			return -i;
	return -LMS_EFAILED;
}

static int follow(struct lmsctl *l, int64_t job)
{
	struct tally t = { .l = l, .same = NUM_NONE, .progress = !l->opt.quiet && isatty(STDERR_FILENO) };
	const struct json *result;
	int64_t after = 0;
	int ret;

	if (l->opt.format == FORMAT_CSV || l->opt.format == FORMAT_TSV)
		puts(l->opt.format == FORMAT_CSV ? "station,status" : "station\tstatus");
	do {
		ret = client_call(l->client, "job.wait", arena_printf(&l->arena, "{\"id\":%lld,\"after\":%lld}",
				  (long long)job, (long long)after), &result, &l->diag);
		if (ret)
			break;
		clear_progress(&t);
		for (const struct json *r = json_get(result, "results") ? json_get(result, "results")->first : NULL; r; r = r->next)
			put_result(&t, r);
		if (json_int(json_get(result, "next"), &after))
			ret = diag_set(&l->diag, -LMS_EPROTOCOL, "lmsd answered no results");
		if (!json_bool(json_get(result, "over"), false))
			show_progress(&t, result);
	} while (ret == 0 && !json_bool(json_get(result, "over"), false));
	clear_progress(&t);
	if (ret)
		return ret;
	put_total(&t, result);
	if (strcmp(json_str(json_get(result, "state"), ""), "cancelled") == 0 && t.same == 0)
		return -LMS_EFAILED;
	return t.same == 0 ? 0 : t.same > 0 ? error_of(t.same) : -LMS_EFAILED;
}

/* ---- the command ------------------------------------------------------------------------- */

static int show_dry(struct lmsctl *l, const struct json *result)
{
	const struct json *ids = json_get(result, "ids");

	if (l->opt.format == FORMAT_JSON || l->opt.format == FORMAT_NDJSON) {
		output_json_line(l, ids);
		return 0;
	}
	for (const struct json *j = ids ? ids->first : NULL; j; j = j->next) {
		put_text(json_str(j, ""));
		putchar('\n');
	}
	return 0;
}

static int show_number(struct lmsctl *l, const struct json *result, int64_t job)
{
	if (l->opt.format == FORMAT_TABLE || l->opt.format == FORMAT_WIDE)
		printf("job %lld\n", (long long)job);
	else if (l->opt.format == FORMAT_JSON || l->opt.format == FORMAT_NDJSON)
		output_json_line(l, result);
	else
		printf("%lld\n", (long long)job);
	return 0;
}

/* Asks how many they are, and then whoever sits there. */
static int confirm(struct lmsctl *l, const struct selector *sel, const char *params)
{
	const struct json *result;
	int64_t count = 0;
	int ret;

	if (l->opt.yes || !call_destroys(l, params))
		return 0;
	ret = client_call(l->client, "job.run", run_params(l, sel, params, true), &result, &l->diag);
	if (ret)
		return ret;
	json_int(json_get(result, "stations"), &count);
	return call_ask(l, call_destroys(l, params), arena_printf(&l->arena, "%lld station%s", (long long)count,
			count == 1 ? "" : "s"));
}

int cmd_bulk(struct lmsctl *l, bool *taken)
{
	struct selector sel = { .ids = NULL };
	bool dry = l->opt.dry_run;
	const struct json *result;
	const char *params;
	int64_t job = 0;
	int ret;

	*taken = false;
	if (!ctl_is_for_stations(l->verb) || l->opt.watch)
		return l->opt.no_wait ? diag_set(&l->diag, -LMS_EUSAGE, "--no-wait: goes with what is asked of stations") : 0;
	ret = select_stations(l, &sel);
	if (ret)
		return ret;
	if (!sel.many && !l->opt.no_wait)
		return 0;
	*taken = true;
	if (l->opt.wait || l->opt.out)
		return diag_set(&l->diag, -LMS_EUSAGE, "--wait and -O go with one station (lmsctl transfer list -w shows all)");
	l->opt.dry_run = false;
	ret = sel.parallel ? parse_int(sel.parallel, 1, INT32_MAX, &sel.parallel_count, &l->diag) : 0;
	if (ret == 0)
		ret = args_build(l, &params);
	if (ret == 0)
		ret = call_connect(l, NULL, NULL);
	if (ret == 0 && !dry)
		ret = confirm(l, &sel, params);
	/* A file of ours is handed over once, for all of them. */
	if (ret == 0 && !dry && !(params = file_params(l, params)))
		ret = l->diag.err;
	if (ret == 0)
		ret = client_call(l->client, "job.run", run_params(l, &sel, params, dry), &result, &l->diag);
	if (ret)
		return ret;
	if (dry)
		return show_dry(l, result);
	if (json_int(json_get(result, "job"), &job))
		return diag_set(&l->diag, -LMS_EPROTOCOL, "lmsd answered no job");
	if (l->opt.no_wait)
		return show_number(l, result, job);
	snprintf(interrupt_note, sizeof(interrupt_note), "\njob %lld goes on (lmsctl job wait %lld shows it, job cancel %lld "
		 "ends it)\n", (long long)job, (long long)job, (long long)job);
	return follow(l, job);
}

int cmd_job_wait(struct lmsctl *l, const char *params)
{
	const struct json *own = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, NULL);
	int64_t job = 0;
	int ret = json_int(json_get(own, "id"), &job);

	if (ret == 0)
		ret = call_connect(l, NULL, NULL);
	return ret ? ret : follow(l, job);
}
