/* lmsctl/cmd/cmd_config.c - apply, diff and check: a document in a file, and what it changes or would change.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/output.h"

/* The file as the `document` argument; its own mistakes are told with line and column. */
static int take_document(struct lmsctl *l)
{
	const char *name = l->opt.file;
	struct buf text;
	int ret;

	for (size_t i = 0; i < l->word_count && !name; i++) {
		if (l->words[i].name)
			continue;
		name = l->words[i].value;
		l->words[i] = l->words[--l->word_count];
	}
	if (!name)
		return diag_set(&l->diag, -LMS_EUSAGE,
				"which file? (write -f FILE, or -f - for standard input)");
	buf_init_max(&text, JSON_CAPS_DOCUMENT.max_bytes);
	ret = file_read(l, name, &text);
	if (ret == 0 &&
	    !json_parse(&l->arena, buf_cstr(&text), text.len, &JSON_CAPS_DOCUMENT, &l->diag)) {
		snprintf(l->diag.file, sizeof(l->diag.file), "%s",
			 strcmp(name, "-") == 0 ? "stdin" : name);
		ret = l->diag.err;
	}
	if (ret == 0)
		words_add(l, "document", arena_strdup(&l->arena, buf_cstr(&text)));
	buf_fini(&text);
	return ret;
}

static bool is_nothing(const struct json *j)
{
	return !j || j->type == JSON_NULL || (j->type == JSON_STRING && j->len == 0);
}

/* A raw value of a change as people read it; what is no key of the noun stays as it is. */
static void print_value(const struct field *f, const struct json *j, void *scratch,
			struct arena *arena)
{
	struct buf out;

	buf_init(&out);
	if (is_nothing(j)) {
		buf_putc(&out, '-');
	} else if (!f || !j->text || field_parse(f, j->text, false, arena, scratch, NULL)) {
		struct json_writer w;

		jw_init(&w, &out);
		if (j->type == JSON_STRING)
			buf_puts(&out, j->text);
		else
			jw_copy(&w, j);
	} else {
		field_format(f, scratch, true, NULL, &out);
	}
	output_text(buf_cstr(&out), out.len);
	buf_fini(&out);
}

static bool is_identity(const struct ctl_noun_desc *n, const char *key)
{
	/* The site has no identity: its first key is one like the others. */
	return n && n->key_count && (n->keys[0].flags & FIELD_REQUIRED) &&
	       strcmp(n->keys[0].name, key) == 0;
}

static const char *text_of(const struct json *c, const char *key)
{
	return json_str(json_get(c, key), "");
}

static bool same_object(const struct json *a, const struct json *b)
{
	return a && b && strcmp(text_of(a, "kind"), text_of(b, "kind")) == 0 &&
	       strcmp(text_of(a, "id"), text_of(b, "id")) == 0;
}

static void print_key(struct lmsctl *l, const struct json *c, bool new)
{
	const struct ctl_noun_desc *n = ctl_noun_find(text_of(c, "kind"));
	const char *key = text_of(c, "key");
	const struct field *f = n ? field_find(n->keys, n->key_count, key, NULL) : NULL;
	void *scratch = n ? arena_alloc(&l->arena, n->keys_size) : NULL;

	output_text(key, f ? field_base_len(f) : strlen(key));
	fputs(new ? "=" : ": ", stdout);
	if (!new) {
		print_value(f, json_get(c, "from"), scratch, &l->arena);
		fputs(" -> ", stdout);
	}
	print_value(f, json_get(c, "to"), scratch, &l->arena);
}

/* One difference, or a new object whole; returns the last row that it used. */
static const struct json *print_change(struct lmsctl *l, const struct json *c)
{
	const char *kind = text_of(c, "kind"), *id = text_of(c, "id");
	bool object = is_identity(ctl_noun_find(kind), text_of(c, "key"));

	output_text(kind, strlen(kind));
	if (strcmp(kind, id) != 0) {
		putchar(' ');
		output_text(id, strlen(id));
	}
	if (!object) {
		putchar(' ');
		print_key(l, c, false);
	} else if (is_nothing(json_get(c, "to"))) {
		fputs(": deleted", stdout);
	} else {
		fputs(": new", stdout);
		for (; same_object(c, c->next); c = c->next) {
			fputs(", ", stdout);
			print_key(l, c->next, true);
		}
	}
	putchar('\n');
	return c;
}

static int show_changes(struct lmsctl *l, const struct json *result)
{
	const struct json *changes = json_get(result, "changes");

	if (l->opt.format != FORMAT_TABLE && l->opt.format != FORMAT_WIDE) {
		output_json_line(l, result);
		return 0;
	}
	if (l->opt.quiet)
		return 0;
	if (!changes || changes->type != JSON_ARRAY) {
		output_json(l, result);
		return 0;
	}
	for (const struct json *c = changes->first; c; c = c->next)
		c = print_change(l, c);
	if (changes->count == 0)
		puts("no difference");
	return 0;
}

static int64_t count_of(const struct json *result, const char *key)
{
	int64_t n;

	return json_int(json_get(result, key), &n) == 0 ? n : 0;
}

static int show_verdict(struct lmsctl *l, const struct json *result)
{
	if (l->opt.format != FORMAT_TABLE && l->opt.format != FORMAT_WIDE) {
		output_json_line(l, result);
		return 0;
	}
	if (l->opt.quiet)
		return 0;
	if (json_get(result, "changes"))
		printf("good: it would add %lld, change %lld and delete %lld (lmsctl diff tells which)\n",
		       (long long)count_of(result, "objects_added"), (long long)count_of(result, "objects_changed"),
		       (long long)count_of(result, "objects_deleted"));
	else
		printf("good: generation %lld, which is in force\n", (long long)count_of(result, "generation"));
	return 0;
}

int cmd_check(struct lmsctl *l)
{
	const struct json *result;
	const char *params;
	int ret = l->opt.file || l->word_count ? take_document(l) : 0;

	if (ret == 0)
		ret = args_build(l, &params);
	if (ret == 0)
		ret = call_connect(l, NULL, NULL);
	if (ret == 0)
		ret = client_call(l->client, l->verb->method, params, &result, &l->diag);
	return ret ? ret : show_verdict(l, result);
}

int cmd_apply(struct lmsctl *l, bool diff)
{
	const struct json *result;
	const char *params;
	int ret;

	if (diff)
		l->opt.dry_run = true;
	ret = take_document(l);
	if (ret == 0)
		ret = args_build(l, &params);
	if (ret == 0)
		ret = call_confirm(l, params);
	if (ret == 0)
		ret = call_connect(l, NULL, NULL);
	if (ret == 0)
		ret = client_call(l->client, l->verb->method, params, &result, &l->diag);
	return ret ? ret : show_changes(l, result);
}
