/* lmsctl/args.c - words to params: every value is checked here, so that a mistake costs no round
 * trip.
 *
 * Quantities go out as they were written, under their short name; lmsd reads them by the same
 * codec.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/lmsctl.h"

static bool is_word_argument(const struct ctl_verb_desc *v, const struct field *f)
{
	static const char *const never[] = { "dry_run", "cursor", "if_generation" };

	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		if (strcmp(f->name, never[i]) == 0)
			return false;
	}
	return f->type != FIELD_BOOL && !(v->result == CTL_LIST && strcmp(f->name, "limit") == 0);
}

const struct field *args_positional(const struct ctl_verb_desc *v, const struct field *all,
				    size_t count, size_t index)
{
	/* Of the keys only the identity; the others are many, and named. */
	if (v->takes_keys && count > v->arg_count && (all[v->arg_count].flags & FIELD_REQUIRED)) {
		if (index == 0)
			return &all[v->arg_count];
		index--;
	}
	for (size_t i = 0; i < v->arg_count; i++) {
		if (is_word_argument(v, &all[i]) && index-- == 0)
			return &all[i];
	}
	return NULL;
}

static int unknown_key(struct lmsctl *l, const char *name, const struct field *all, size_t count)
{
	const char *candidates[64], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < count && n < ARRAY_LEN(candidates); i++)
		candidates[n++] = arena_strndup(&l->arena, all[i].name, field_base_len(&all[i]));
	nearest = text_nearest(name, candidates, n);
	if (nearest)
		return diag_set(&l->diag, -LMS_EUSAGE, "%s: unknown (did you mean '%s'?)", name,
				nearest);
	return diag_set(&l->diag, -LMS_EUSAGE, "%s: unknown (`lmsctl %s --help` lists the keys)",
			name, l->label);
}

struct build {
	struct lmsctl *l;
	struct field *all;
	size_t count, positional;
	void *scratch;
	uint64_t seen;
	struct json_writer w;
};

static int add_value(struct build *b, const struct field *f, bool human, const char *text)
{
	uint64_t bit = UINT64_C(1) << (f - b->all);
	const char *time = f->type == FIELD_TIME ? local_time_read(b->l, text) : NULL;
	int ret = file_word(b->l, f, &text);

	if (ret)
		return ret;

	if (b->seen & bit)
		return diag_set(&b->l->diag, -LMS_EUSAGE, "%.*s: given twice",
				(int)field_base_len(f), f->name);
	b->seen |= bit;
	ret = field_parse(f, time ? time : text, human, &b->l->arena, b->scratch, &b->l->diag);
	if (ret)
		return ret;
	if (human && *text)
		jw_kstr(&b->w, arena_strndup(&b->l->arena, f->name, field_base_len(f)), text);
	else
		fields_write(f, 1, b->scratch, true, &b->w);
	return 0;
}

static int add_word(struct build *b, const struct word *word)
{
	const struct field *f;
	bool human = true;

	if (word->name) {
		f = field_find(b->all, b->count, word->name, &human);
		/* limit=10 of a list that pages is --limit 10. */
		if (f && b->l->verb->result == CTL_LIST && strcmp(f->name, "limit") == 0)
			return parse_int(word->value, 0, INT64_MAX, &b->l->opt.limit, &b->l->diag);
		if (!f)
			return unknown_key(b->l, word->name, b->all, b->count);
	} else {
		f = args_positional(b->l->verb, b->all, b->count, b->positional++);
		if (!f)
			return diag_set(&b->l->diag, -LMS_EUSAGE,
					"'%.60s' is too much (`lmsctl %s --help`)", word->value,
					b->l->label);
		human = field_base_len(f) != strlen(f->name);
	}
	return add_value(b, f, human, word->value);
}

static int add_dry_run(struct build *b)
{
	const struct field *f = field_find(b->all, b->count, "dry_run", NULL);

	if (!f)
		return diag_set(&b->l->diag, -LMS_EUSAGE, "has no dry run");
	if (b->seen & UINT64_C(1) << (f - b->all))
		return 0;
	return add_value(b, f, false, "yes");
}

/* What lmsd would refuse for its form is refused here, as wrong usage. */
static int check_complete(struct lmsctl *l, const char *params)
{
	struct json *j =
		json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, &l->diag);
	void *args;

	if (j && ctl_args_read(l->verb, j, &l->arena, &args, &l->diag) == 0)
		return 0;
	l->diag.err = -LMS_EUSAGE;
	return -LMS_EUSAGE;
}

int args_build(struct lmsctl *l, const char **params)
{
	struct build b = { .l = l };
	struct buf text;
	int ret = 0;

	buf_init(&text);
	jw_init(&b.w, &text);
	b.all = ctl_all_args(l->verb, &l->arena, &b.count);
	b.scratch = arena_alloc(&l->arena, l->verb->args_size);
	jw_object(&b.w);
	for (size_t i = 0; i < l->word_count && ret == 0; i++)
		ret = add_word(&b, &l->words[i]);
	if (ret == 0 && l->opt.dry_run)
		ret = add_dry_run(&b);
	if (ret == 0) {
		jw_object_end(&b.w);
		*params = arena_strdup(&l->arena, buf_cstr(&text));
		ret = check_complete(l, *params);
	}
	buf_fini(&text);
	return ret;
}
