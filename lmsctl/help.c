/* lmsctl/help.c - help for people: all of it is read from the tables. */
#include "lmsctl/help.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/local/local.h"

const char *help_value(const struct field *f)
{
	switch (f->type) {
	case FIELD_ENUM:
		return f->values;
	case FIELD_BOOL:
		return "yes|no";
	case FIELD_INT:
		return "number";
	case FIELD_MA:
		return "A";
	case FIELD_PHASE_MA:
		return "A or L1,L2,L3";
	case FIELD_W:
		return "W, kW";
	case FIELD_WH:
		return "Wh, kWh";
	case FIELD_MS:
		return "90s, 5m, 2h";
	case FIELD_PERMILLE:
		return "%";
	case FIELD_TIME:
		return "time";
	case FIELD_JSON:
		return "JSON";
	case FIELD_ID:
	case FIELD_TEXT:
		break;
	}
	return "text";
}

const char *help_raw(const struct field *f)
{
	static const char *const raw[] = {
		[FIELD_ID] = "text",
		[FIELD_TEXT] = "text",
		[FIELD_BOOL] = "true or false",
		[FIELD_INT] = "integer",
		[FIELD_MA] = "mA",
		[FIELD_PHASE_MA] = "mA of L1, L2, L3",
		[FIELD_W] = "W",
		[FIELD_WH] = "Wh",
		[FIELD_MS] = "ms",
		[FIELD_PERMILLE] = "thousandths",
		[FIELD_TIME] = "RFC 3339",
		[FIELD_JSON] = "JSON",
	};

	return f->type == FIELD_ENUM ? f->values : raw[f->type];
}

bool help_lists(const struct ctl_verb_desc *v)
{
	return v->id != CTL_VERB_system_watch && v->id != CTL_VERB_system_unwatch;
}

bool help_has_verbs(const struct ctl_noun_desc *n)
{
	for (size_t i = 0; i < CTL_VERB_COUNT; i++) {
		if (ctl_verbs[i].noun == n->id && help_lists(&ctl_verbs[i]))
			return true;
	}
	return false;
}

const char *help_roles(enum ctl_least role, struct arena *arena)
{
	static const struct { enum ctl_role role; const char *name;
	} names[] = {
		{ CTL_ROLE_OPERATOR, "operator" },
		{ CTL_ROLE_TECHNICIAN, "technician" },
		{ CTL_ROLE_ADMIN, "admin" },
	};
	const char *text = NULL;

	if ((unsigned)role & CTL_ROLE_VIEW)
		return "view";
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!((unsigned)role & (unsigned)names[i].role) ||
		    (text && names[i].role == CTL_ROLE_ADMIN))
			continue;
		text = text ? arena_printf(arena, "%s or %s", text, names[i].name) : names[i].name;
	}
	return text;
}

static const char *upper(const struct field *f, struct arena *arena)
{
	char *s = arena_strndup(arena, f->name, field_base_len(f));

	for (char *p = s; *p; p++) {
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - ('a' - 'A'));
	}
	return s;
}

const char *help_synopsis(const struct ctl_verb_desc *v, struct arena *arena)
{
	const struct ctl_noun_desc *n = &ctl_nouns[v->noun];
	size_t count;
	struct field *all = ctl_all_args(v, arena, &count);
	const struct field *f;
	const char *text;
	struct buf b;

	/* Its document comes from a file. */
	if (v->id == CTL_VERB_config_apply)
		return "config apply -f FILE [--prune] [-n]";
	if (v->id == CTL_VERB_config_check)
		return "config check [-f FILE] [--prune]";
	buf_init(&b);
	buf_printf(&b, "%s %s", n->name, words_verb(v, ' ', arena));
	for (size_t i = 0; (f = args_positional(v, all, count, i)) != NULL; i++) {
		if (f->flags & FIELD_REQUIRED)
			buf_printf(&b, " %s", upper(f, arena));
		else
			buf_printf(&b, " [%s]", upper(f, arena));
	}
	if (v->takes_keys)
		buf_puts(&b, " [KEY=VALUE…]");
	for (size_t i = 0; i < v->arg_count; i++) {
		if (v->args[i].type == FIELD_BOOL && strcmp(v->args[i].name, "dry_run") != 0)
			buf_printf(&b, " [--%s]", v->args[i].name);
	}
	if (field_find(v->args, v->arg_count, "dry_run", NULL))
		buf_puts(&b, " [-n]");
	text = arena_strdup(arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

static void print_options(void)
{
	puts("Options, anywhere on the line:");
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *o = &option_rows[i];
		char left[40];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			 o->value ? " " : "", o->value ? o->value : "");
		/* Two bytes of "…" are not columns. */
		printf("  %-*s %s\n", strstr(left, "…") ? 24 : 22, left, o->help);
	}
}

static int help_all(struct lmsctl *l)
{
	const struct ctl_verb_desc *v;
	char left[60];

	puts("lmsctl [OPTION…] NOUN VERB [ID] [KEY=VALUE…]\n");
	for (size_t i = 0; i < alias_count; i++) {
		if (!aliases[i].help)
			continue;
		snprintf(left, sizeof(left), "%s %s", aliases[i].word, aliases[i].synopsis);
		printf("  %-35s %s\n", left, aliases[i].help);
	}
	puts("");
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++) {
		const char *separator = "";

		if (!help_has_verbs(&ctl_nouns[i]))
			continue;
		printf("  %-12s %s\n  %-12s ", ctl_nouns[i].name, ctl_nouns[i].help, "");
		for (size_t k = 0; (v = command_at(k)) != NULL; k++) {
			if (v->noun != ctl_nouns[i].id || !help_lists(v))
				continue;
			printf("%s%s", separator, words_verb(v, ' ', &l->arena));
			separator = ", ";
		}
		puts("");
	}
	puts("");
	print_options();
	puts("\n`lmsctl help NOUN` tells its commands and keys, `lmsctl help NOUN VERB` more.");
	return 0;
}

static void print_fields(const struct field *fields, size_t count, bool values)
{
	int width = 16;

	for (size_t i = 0; i < count; i++)
		if ((int)field_base_len(&fields[i]) > width)
			width = (int)field_base_len(&fields[i]);
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		/* Paging is done for people, -n is in the synopsis, and a document comes from a file. */
		if (strcmp(f->name, "cursor") == 0 || strcmp(f->name, "dry_run") == 0 || strcmp(f->name, "document") == 0)
			continue;
		printf("  %-*.*s %s%s", width, (int)field_base_len(f), f->name, f->help,
		       values && (f->flags & FIELD_REQUIRED) ? " (required)" : "");
		if ((values || f->type == FIELD_ENUM) && strcmp(help_value(f), "text") != 0)
			printf(" [%s]", help_value(f));
		puts("");
	}
}

static bool help_has_arguments(const struct ctl_verb_desc *v)
{
	return v->arg_count > 1 || (v->arg_count == 1 && strcmp(v->args[0].name, "dry_run") != 0);
}

static int help_verb(struct lmsctl *l, const struct ctl_verb_desc *v)
{
	const struct ctl_noun_desc *n = &ctl_nouns[v->noun], *shown = &ctl_nouns[v->records];

	printf("lmsctl %s\n\n%s (role: %s)\n", help_synopsis(v, &l->arena), v->help,
	       help_roles(v->role, &l->arena));
	if (help_has_arguments(v)) {
		puts("\nArguments:");
		print_fields(v->args, v->arg_count, true);
	}
	if (ctl_is_for_stations(v))
		puts("\nID may be several with commas, or all; or choose by zone=ZONE and state=online|offline|never_seen.\n"
		     "parallel=N asks so many at a time (16), -n tells which they are, --no-wait does not wait.");
	if (v->takes_keys) {
		puts("\nKeys (KEY= without a value clears):");
		print_fields(n->keys, n->key_count, true);
	}
	if ((v->result == CTL_LIST || v->result == CTL_RECORD) && shown->field_count > shown->key_count) {
		printf("\nIt shows (%s chooses, -o wide shows all):\n",
		       ctl_noun_is_log(shown->id) ? "--fields" : "-f");
		print_fields(shown->fields + (v->takes_keys ? n->key_count : 0),
			     shown->field_count - (v->takes_keys ? n->key_count : 0), false);
	}
	return 0;
}

static int help_noun(struct lmsctl *l, const struct ctl_noun_desc *n)
{
	const struct ctl_verb_desc *v;

	printf("%s: %s\n\n", n->name, n->help);
	for (size_t i = 0; (v = command_at(i)) != NULL; i++) {
		if (v->noun == n->id && help_lists(v))
			printf("  lmsctl %s\n      %s (%s)\n", help_synopsis(v, &l->arena), v->help,
			       help_roles(v->role, &l->arena));
	}
	if (n->key_count) {
		puts("\nKeys:");
		print_fields(n->keys, n->key_count, true);
	}
	if (n->field_count > n->key_count) {
		puts(n->key_count ? "\nFurther fields that it shows:" : "\nFields that it shows:");
		print_fields(n->fields + n->key_count, n->field_count - n->key_count, false);
	}
	return 0;
}

static int help_alias(const char *word)
{
	for (size_t i = 0; i < alias_count; i++) {
		if (!aliases[i].help || strcmp(aliases[i].word, word) != 0 ||
		    aliases[i].special == SPECIAL_HELP || aliases[i].special == SPECIAL_NONE)
			continue;
		printf("lmsctl %s %s\n\n%s\n", word, aliases[i].synopsis, aliases[i].help);
		return 0;
	}
	return -LMS_ENOTFOUND;
}

int cmd_help(struct lmsctl *l)
{
	const struct ctl_noun_desc *noun = l->noun;
	const struct ctl_verb_desc *verb = l->verb;

	if (l->special == SPECIAL_HELP && l->word_count > 0) {
		struct lmsctl inner = { .arena = l->arena };
		char *argv[5] = { NULL };
		int argc = 1, ret;

		if (help_alias(l->words[0].value) == 0)
			return 0;
		for (size_t i = 0; i < l->word_count && argc < 4; i++)
			argv[argc++] = arena_strdup(&inner.arena, l->words[i].value);
		ret = words_read(&inner, argc, argv);
		l->arena = inner.arena;
		if (ret)
			return diag_set(&l->diag, ret, "%s", inner.diag.text);
		noun = inner.noun;
		verb = inner.verb;
	} else if (l->verb && !strchr(l->label, ' ') && help_alias(l->label) == 0) {
		return 0;
	}
	if (verb)
		return help_verb(l, verb);
	return noun ? help_noun(l, noun) : help_all(l);
}
