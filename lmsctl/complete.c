/* lmsctl/complete.c - `lmsctl __complete WORD…`: candidates for the last word, one per line.
 *
 * The words are those of the command line after "lmsctl"; the last one is being written and may be
 * empty. Identities come from lmsd; when it does not answer there are none, and nothing is said.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/help.h"
#include "lmsctl/local/local.h"

static void offer(const char *prefix, const char *candidate)
{
	if (strncmp(candidate, prefix, strlen(prefix)) == 0)
		puts(candidate);
}

static void offer_commands(const char *prefix)
{
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++) {
		if (help_has_verbs(&ctl_nouns[i]))
			offer(prefix, ctl_nouns[i].name);
	}
	for (size_t i = 0; i < alias_count; i++) {
		if (aliases[i].help)
			offer(prefix, aliases[i].word);
	}
}

/* First words of the noun's verbs; after such a first word ("config"), the second ones. */
static void offer_verbs(struct lmsctl *l, const struct ctl_noun_desc *n, const char *first, const char *prefix)
{
	const struct ctl_verb_desc *v;
	const char *last = "";

	for (size_t i = 0; (v = command_at(i)) != NULL; i++) {
		const char *text = words_verb(v, ' ', &l->arena);
		size_t len = strcspn(text, " ");

		if (v->noun != n->id || !help_lists(v))
			continue;
		if (first) {
			if (text[len] && strlen(first) == len && strncmp(first, text, len) == 0)
				offer(prefix, text + len + 1);
			continue;
		}
		text = arena_strndup(&l->arena, text, len);
		if (strcmp(last, text) != 0)
			offer(prefix, text);
		last = text;
	}
}

/* Which noun's identities a field wants. */
static const struct ctl_noun_desc *noun_of(const struct ctl_verb_desc *v, const struct field *f)
{
	const struct ctl_noun_desc *own = &ctl_nouns[v->noun];

	if (v->noun == CTL_NOUN_pv)
		return ctl_noun_find("zone");
	if (strcmp(f->name, "id") == 0 ||
	    (own->key_count && strcmp(f->name, own->keys[0].name) == 0))
		return own;
	if (strcmp(f->name, "parent") == 0)
		return ctl_noun_find("zone");
	if (strcmp(f->name, "free_tag") == 0 || strcmp(f->name, "group") == 0)
		return ctl_noun_find("tag");
	return ctl_noun_find(f->name);
}

static void offer_ids(struct lmsctl *l, const struct ctl_verb_desc *v, const struct field *f,
		      const char *before, const char *prefix)
{
	const struct ctl_noun_desc *n = noun_of(v, f);
	/* What is to be accepted is in another list than what was. */
	bool pending = v->id == CTL_VERB_station_accept && n && n->id == CTL_NOUN_station;
	const struct ctl_verb_desc *list =
		n ? ctl_verb_find_words(n->name, pending ? "pending" : "list") : NULL;
	const struct json *result, *items;

	if (!list || call_connect(l, NULL, NULL))
		return;
	if (ctl_is_for_stations(v) && strcmp(f->name, "id") == 0)
		offer(prefix, "all");
	if (client_call(l->client, list->method,
			field_find(list->args, list->arg_count, "limit", NULL) ? "{\"limit\":1000}"
									       : "{}",
			&result, &l->diag))
		return;
	items = json_get(result, "items");
	for (const struct json *j = items ? items->first : NULL; j; j = j->next) {
		const char *id = j->first && j->first->text ? j->first->text : "";

		if (strncmp(id, prefix, strlen(prefix)) == 0)
			printf("%s%s\n", before, id);
	}
}

static void offer_values(struct lmsctl *l, const struct ctl_verb_desc *v, const struct field *f,
			 const char *before, const char *prefix)
{
	static const char periods[] = "today|yesterday|this-week|last-week|this-month|last-month|this-year|last-year|24h|7d|30d";
	const char *values = f->type == FIELD_TEXT && strcmp(f->name, "period") == 0 ? periods
			     : f->type == FIELD_ENUM ? f->values
			     : f->type == FIELD_BOOL ? "yes|no"
						     : "";

	if (f->type == FIELD_ID || (f->type == FIELD_TEXT && values != periods) ||
	    (f->type == FIELD_INT && strcmp(f->name, "id") == 0)) {
		offer_ids(l, v, f, before, prefix);
		return;
	}
	while (*values) {
		size_t len = strcspn(values, "|");

		if (strlen(prefix) <= len && strncmp(values, prefix, strlen(prefix)) == 0)
			printf("%s%.*s\n", before, (int)len, values);
		values += len + (values[len] == '|');
	}
}

static void offer_arguments(struct lmsctl *l, const struct lmsctl *line, const char *prefix)
{
	const struct ctl_verb_desc *v = line->verb;
	size_t count, bare = 0;
	struct field *all = ctl_all_args(v, &l->arena, &count);
	const char *equals = strchr(prefix, '=');
	const struct field *f;

	if (equals) {
		f = field_find(all, count,
			       arena_strndup(&l->arena, prefix, (size_t)(equals - prefix)), NULL);
		if (f)
			offer_values(
				l, v, f,
				arena_strndup(&l->arena, prefix, (size_t)(equals - prefix) + 1),
				equals + 1);
		return;
	}
	for (size_t i = 0; i < line->word_count; i++)
		bare += line->words[i].name == NULL;
	f = args_positional(v, all, count, bare);
	if (f && (f->flags & FIELD_REQUIRED)) {
		offer_values(l, v, f, "", prefix);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		char *name =
			arena_printf(&l->arena, "%.*s=", (int)field_base_len(&all[i]), all[i].name);

		if (strcmp(all[i].name, "cursor") != 0 && strcmp(all[i].name, "dry_run") != 0)
			offer(prefix, name);
	}
}

static void offer_options(const char *prefix)
{
	for (size_t i = 0; i < option_row_count; i++) {
		char name[40];

		snprintf(name, sizeof(name), "--%s", option_rows[i].name);
		offer(prefix, name);
	}
}

int cmd_complete(struct lmsctl *l)
{
	struct lmsctl line = { .arena = l->arena };
	size_t count = l->word_count;
	const char *last = count ? l->words[count - 1].value : "";
	char **argv = arena_array(&line.arena, count + 2, sizeof(*argv));
	int ret, argc = 1;

	for (size_t i = 0; i + 1 < count; i++)
		argv[argc++] = arena_strdup(&line.arena, l->words[i].value);
	ret = words_read(&line, argc, argv);
	l->opt.socket = line.opt.socket;
	l->arena = line.arena;
	diag_init(&l->diag);
	if (last[0] == '-')
		offer_options(last);
	else if (line.verb && ret == 0)
		offer_arguments(l, &line, last);
	else if (ret == 0 && line.noun)
		offer_verbs(l, line.noun, NULL, last);
	else if (ret == 0 && line.special == SPECIAL_NONE)
		offer_commands(last);
	else if (line.noun && count >= 2)
		offer_verbs(l, line.noun, l->words[count - 2].value, last);
	diag_init(&l->diag);
	return 0;
}
