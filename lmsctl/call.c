/* lmsctl/call.c - a command of the tables, from the question whether it is meant to the result. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/local/local.h"
#include "lmsctl/output.h"

#define PAGE_ITEMS 500

int call_connect(struct lmsctl *l, const struct client_ops *ops, void *ctx)
{
	int ret = client_open(client_socket_path(l->opt.socket), ops, ctx, &l->client, &l->diag);

	return ret ? ret : client_wait_ready(l->client, &l->diag);
}

/* ---- destructive commands ---- */

static const char *member(struct lmsctl *l, const char *params, const char *key)
{
	struct json *j = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, NULL);
	const struct json *m = json_get(j, key);

	return m && m->text ? m->text : json_bool(m, false) ? "yes" : NULL;
}

const char *call_destroys(struct lmsctl *l, const char *params)
{
	switch ((int)l->verb->id) {
	case CTL_VERB_zone_delete:
	case CTL_VERB_meter_delete:
	case CTL_VERB_station_delete:
	case CTL_VERB_tag_delete:
	case CTL_VERB_group_delete:
	case CTL_VERB_tag_group_delete:
	case CTL_VERB_file_delete:
		return "forgets it";
	case CTL_VERB_station_firmware_update:
		return "replaces its firmware";
	case CTL_VERB_station_restart:
		return "ends its sessions";
	case CTL_VERB_station_unlock:
		return "releases the cable";
	case CTL_VERB_station_key_delete:
		return "what must be shown there is its security alone";
	case CTL_VERB_station_cert_delete:
		return "it trusts it no more";
	case CTL_VERB_connector_stop:
	case CTL_VERB_transaction_stop:
		return "ends the session";
	case CTL_VERB_transaction_close:
		return "ends it in the ledger only";
	case CTL_VERB_station_availability:
		return strcmp(member(l, params, "type"), "Inoperative") == 0
			       ? "nobody can charge there"
			       : NULL;
	case CTL_VERB_config_apply:
		return member(l, params, "prune") ? "deletes what the document does not name"
						  : NULL;
	default:
		return NULL;
	}
}

int call_ask(struct lmsctl *l, const char *what, const char *id)
{
	char answer[16];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return diag_set(&l->diag, -LMS_EUSAGE,
				"%s%s%s; nobody can be asked here (add -y if it is meant)",
				id ? id : "", id ? ": " : "", what);
	fprintf(stderr, "%s%s%s: %s. Go on? [y/N] ", l->label, id ? " " : "", id ? id : "", what);
	if (fgets(answer, sizeof(answer), stdin) && (strcasecmp(answer, "y\n") == 0 ||
						     strcasecmp(answer, "yes\n") == 0))
		return 0;
	return diag_set(&l->diag, -LMS_EFAILED, "left as it was");
}

int call_confirm(struct lmsctl *l, const char *params)
{
	const char *what = call_destroys(l, params), *id;

	if (!what || l->opt.yes || member(l, params, "dry_run"))
		return 0;
	id = member(l, params, "id");
	return call_ask(l, what, id ? id : member(l, params, "uid"));
}

/* ---- what goes on ---- */

int call_watch(struct lmsctl *l, const char *verb, const char *arg, const char *value)
{
	const struct json *result;
	struct json_writer w;
	struct buf b;
	int ret;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "verb", verb);
	jw_key(&w, "args");
	jw_object(&w);
	if (value)
		jw_kstr(&w, arg, value);
	jw_object_end(&w);
	jw_object_end(&w);
	ret = client_call(l->client, "system.watch", buf_cstr(&b), &result, &l->diag);
	buf_fini(&b);
	return ret;
}

/* ---- lists ---- */

static const char *page_params(struct lmsctl *l, const char *params, const char *cursor,
			       int64_t left)
{
	struct json *j = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, NULL);
	struct json_writer w;
	const char *text;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	for (const struct json *m = j->first; m; m = m->next) {
		if (cursor && strcmp(m->key, "cursor") == 0)
			continue;
		jw_key(&w, m->key);
		jw_copy(&w, m);
	}
	if (cursor)
		jw_kstr(&w, "cursor", cursor);
	if (field_find(l->verb->args, l->verb->arg_count, "limit", NULL))
		jw_kint(&w, "limit", left >= 0 && left < PAGE_ITEMS ? left : PAGE_ITEMS);
	jw_object_end(&w);
	text = arena_strdup(&l->arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

/* One page into rows; *cursor is where the next one begins, NULL after the last. */
static int fetch_page(struct lmsctl *l, struct rows *r, const char *params, const char **cursor,
		      int64_t *left)
{
	const struct json *result, *items;
	int ret = client_call(l->client, l->verb->method, page_params(l, params, *cursor, *left),
			      &result, &l->diag);

	if (ret)
		return ret;
	items = json_get(result, "items");
	if (!items || items->type != JSON_ARRAY)
		return diag_set(&l->diag, -LMS_EPROTOCOL, "lmsd answered no list");
	for (const struct json *j = items->first; j && *left != 0; j = j->next) {
		ret = rows_add(r, l, j);
		if (ret)
			return ret;
		l->found_wrong |= strcmp(json_str(json_get(j, "verdict"), "ok"), "ok") != 0;
		if (*left > 0)
			(*left)--;
	}
	*cursor = arena_strdup(&l->arena, json_str(json_get(result, "next"), NULL));
	return 0;
}

static int run_list(struct lmsctl *l, const char *params)
{
	/* --limit of a sorted list counts after sorting. */
	int64_t left = l->opt.limit == NUM_NONE || l->opt.sort ? -1 : l->opt.limit;
	const char *cursor = NULL;
	struct rows rows;
	int ret = rows_init(&rows, l, &ctl_nouns[l->verb->records], false);

	if (ret == 0)
		ret = call_connect(l, NULL, NULL);
	if (ret)
		goto out;
	output_begin(&rows, l);
	do {
		if (left == 0)
			break;
		ret = fetch_page(l, &rows, params, &cursor, &left);
		if (ret == 0 && output_streams(l)) {
			output_part(&rows, l);
			rows_clear(&rows);
		}
	} while (ret == 0 && cursor);
	if (ret == 0 && !output_streams(l)) {
		rows_sort(&rows, l);
		if (l->opt.limit != NUM_NONE && rows.count > (size_t)l->opt.limit)
			rows.count = (size_t)l->opt.limit;
		output_part(&rows, l);
	}
	if (ret == 0)
		output_end(&rows, l);
	if (ret == 0 && l->found_wrong)
		ret = -LMS_EFAILED;
out:
	rows_fini(&rows);
	return ret;
}

/* ---- records ---- */

int call_show_record(struct lmsctl *l, const struct json *result)
{
	struct rows rows;
	int ret = rows_init(&rows, l, &ctl_nouns[l->verb->records], true);

	if (ret == 0)
		ret = rows_add(&rows, l, result);
	if (ret == 0) {
		output_begin(&rows, l);
		output_part(&rows, l);
		output_end(&rows, l);
	}
	rows_fini(&rows);
	return ret;
}

/* The object as it is before a dry run; NULL when there is none yet. */
static void *record_before(struct lmsctl *l, const char *params, struct arena *arena)
{
	const struct ctl_noun_desc *n = &ctl_nouns[l->verb->noun];
	const struct ctl_verb_desc *show = ctl_verb_find_words(n->name, "show");
	const char *key = n->keys[0].name, *id = member(l, params, key);
	const struct json *result;
	struct json_writer w;
	void *rec = NULL;
	struct diag ignored;
	struct buf b;

	diag_init(&ignored);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	if (show->arg_count > 0)
		jw_kstr(&w, key, id);
	jw_object_end(&w);
	if (client_call(l->client, show->method, buf_cstr(&b), &result, &ignored) ||
	    ctl_record_read(n, result, arena, &rec, &ignored))
		rec = NULL;
	buf_fini(&b);
	return rec;
}

static void print_difference(const struct field *f, const void *before, const void *after)
{
	struct buf from, to;

	buf_init(&from);
	buf_init(&to);
	if (before)
		field_format(f, before, true, NULL, &from);
	field_format(f, after, true, NULL, &to);
	printf("%.*s: ", (int)field_base_len(f), f->name);
	output_text(buf_cstr(&from), from.len);
	fputs(before ? " -> " : "", stdout);
	output_text(buf_cstr(&to), to.len);
	putchar('\n');
	buf_fini(&from);
	buf_fini(&to);
}

/* A dry run of a change: which keys would differ. */
static int run_dry(struct lmsctl *l, const char *params)
{
	const struct ctl_noun_desc *n = &ctl_nouns[l->verb->noun];
	const struct json *result;
	void *before, *after;
	size_t differences = 0;
	int ret;

	before = record_before(l, params, &l->arena);
	ret = client_call(l->client, l->verb->method, params, &result, &l->diag);
	if (ret == 0)
		ret = ctl_record_read(n, result, &l->arena, &after, &l->diag);
	if (ret)
		return ret;
	for (size_t i = 0; i < n->key_count; i++) {
		const struct field *f = &n->fields[i];

		if (before ? field_equal(f, before, after) : !field_present(f, after))
			continue;
		print_difference(f, before, after);
		differences++;
	}
	if (differences == 0 && !l->opt.quiet)
		puts("no difference");
	return 0;
}

/* ---- others ---- */

/* What else came of it, a line each. */
static void show_notes(const struct json *notes)
{
	struct buf line;

	buf_init(&line);
	for (const struct json *n = notes ? notes->first : NULL; n; n = n->next) {
		const char *text = json_str(n, "");

		buf_clear(&line);
		text_escape(&line, text, strlen(text));
		puts(buf_cstr(&line));
	}
	buf_fini(&line);
}

static int show_done(struct lmsctl *l, const struct json *result)
{
	if (l->opt.format == FORMAT_TABLE || l->opt.format == FORMAT_WIDE) {
		if (!l->opt.quiet)
			puts(!json_bool(json_get(result, "changed"), true) ? "nothing to change" :
			     l->opt.dry_run ? "can be done" : "done");
		show_notes(json_get(result, "notes"));
		return 0;
	}
	output_json_line(l, result);
	return 0;
}

static int show_text(struct lmsctl *l, const struct json *result)
{
	if (l->verb->id == CTL_VERB_station_call)
		return cmd_station_call(l, result);
	if (l->verb->id == CTL_VERB_meter_check)
		return cmd_meter_check(l, result);
	if (l->verb->id == CTL_VERB_meter_scan)
		return cmd_meter_found(l, result);
	if (l->verb->id == CTL_VERB_station_config_diff || l->verb->id == CTL_VERB_station_config_restore)
		return cmd_config_rows(l, result);
	if (l->verb->id == CTL_VERB_station_local_list_version)
		return cmd_list_version(l, result);
	if (l->opt.format != FORMAT_TABLE && l->opt.format != FORMAT_WIDE)
		output_json_line(l, result);
	else if (l->verb->id == CTL_VERB_connector_explain)
		return cmd_explain(l, result);
	else if (l->verb->id == CTL_VERB_zone_explain)
		return cmd_zone_explain(l, result);
	else if (l->verb->id == CTL_VERB_zone_simulate)
		return cmd_zone_simulate(l, result);
	else if (l->verb->id == CTL_VERB_zone_replay)
		return cmd_zone_replay(l, result);
	else if (l->verb->id == CTL_VERB_station_config_get)
		return cmd_config_get(l, result);
	else
		output_json(l, result);
	return 0;
}

static int show_result(struct lmsctl *l, const struct json *result)
{
	switch (l->verb->result) {
	case CTL_RECORD:
		if (l->opt.quiet && l->verb->role != CTL_VIEW)
			return 0;
		return call_show_record(l, result);
	case CTL_DONE:
		return show_done(l, result);
	case CTL_STATION:
		return cmd_station_answer(l, result);
	case CTL_TEXT:
		return show_text(l, result);
	case CTL_LIST:
		break;
	}
	return 0;
}

static bool watchable(const struct ctl_verb_desc *v)
{
	return !v->changes && (v->result == CTL_LIST || v->result == CTL_RECORD);
}

/* What has ended does not change; of all transactions only those that run can be watched. */
static void watch_running(struct lmsctl *l)
{
	for (size_t i = 0; i < l->word_count; i++) {
		if (!l->words[i].name || strcmp(l->words[i].name, "state") == 0)
			return;
	}
	words_add(l, "state", "running");
}

/* Of a log the latest are wanted. */
static void limit_to_latest(struct lmsctl *l)
{
	if (l->opt.limit == NUM_NONE || l->opt.sort || !field_find(l->verb->args, l->verb->arg_count, "last", NULL))
		return;
	for (size_t i = 0; i < l->word_count; i++) {
		if (l->words[i].name && (strcmp(l->words[i].name, "since") == 0 || strcmp(l->words[i].name, "last") == 0))
			return;
	}
	words_add(l, "last", arena_printf(&l->arena, "%lld", (long long)l->opt.limit));
}

/* An option that would do nothing is a mistake. */
static int check_options(struct lmsctl *l)
{
	bool transfer = cmd_is_transfer(l->verb), export = local_is(l->verb) && strcmp(l->verb->name, "export") == 0;

	if (l->opt.wait && !transfer)
		return diag_set(&l->diag, -LMS_EUSAGE, "--wait: goes with station firmware update, diagnostics and log");
	if (l->opt.out && !transfer && !export && l->verb->id != CTL_VERB_file_get)
		return diag_set(&l->diag, -LMS_EUSAGE, "-O: goes with export, file get, station diagnostics and station log");
	return 0;
}

int call_run(struct lmsctl *l)
{
	const struct json *result;
	const char *params;
	struct rows probe;
	bool many;
	int ret;

	if (l->opt.watch && l->verb->id == CTL_VERB_transaction_list)
		watch_running(l);
	limit_to_latest(l);
	ret = check_options(l);
	if (ret == 0)
		ret = file_signature(l);
	if (ret)
		return ret;
	ret = cmd_bulk(l, &many);
	if (ret || many)
		return ret;
	ret = args_build(l, &params);
	if (ret)
		return ret;
	if (local_is(l->verb))
		return local_run(l, params);
	if (l->opt.watch && !watchable(l->verb))
		return diag_set(&l->diag, -LMS_EUSAGE, "cannot be watched");
	if (l->opt.watch)
		return cmd_watch(l, params);
	if (l->verb->result == CTL_LIST)
		return run_list(l, params);
	if (l->verb->id == CTL_VERB_job_wait)
		return cmd_job_wait(l, params);
	/* A wrong -f is better known before something was changed. */
	if (l->verb->result == CTL_RECORD) {
		ret = rows_init(&probe, l, &ctl_nouns[l->verb->noun], true);
		rows_fini(&probe);
	}
	if (ret == 0)
		ret = call_confirm(l, params);
	if (ret == 0 && cmd_is_transfer(l->verb))
		return cmd_transfer(l, params);
	if (ret == 0 && l->verb->id == CTL_VERB_file_add)
		return cmd_file_add(l, params);
	if (ret == 0 && l->verb->id == CTL_VERB_file_get)
		return cmd_file_get(l, params);
	if (ret == 0)
		ret = call_connect(l, NULL, NULL);
	if (ret)
		return ret;
	if (l->verb->takes_keys && member(l, params, "dry_run") && l->opt.format == FORMAT_TABLE)
		return run_dry(l, params);
	if (l->verb->id == CTL_VERB_station_test)
		ret = cmd_station_test(l, params, &result);
	else if (l->verb->id == CTL_VERB_meter_scan)
		ret = cmd_meter_scan(l, params, &result);
	else
		ret = client_call(l->client, l->verb->method, params, &result, &l->diag);
	return ret ? ret : show_result(l, result);
}
