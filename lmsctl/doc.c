/* lmsctl/doc.c - the tables of the manual pages, in mdoc: prose lives in man/, rows come from here.
 *
 * `lmsctl __doc` prints those of lmsctl(1), `lmsctl __doc control` those of lmsd-control(7).
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/help.h"

/* Text for mdoc: no line may begin with a control character, backslashes are escapes. */
static void put_text(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\e", stdout);
		else if ((unsigned char)*s == 0xe2 && strncmp(s, "…", 3) == 0) {
			fputs("...", stdout);
			s += 2;
		} else
			putchar(*s);
	}
}

static void put_line(const char *s)
{
	put_text(s);
	putchar('\n');
}

/* An argument of a macro: quoted, for it may hold blanks or a word that is a macro's name. */
static void put_quoted(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"')
			fputs("\"\"", stdout);
		else if (*s == '\\')
			fputs("\\e", stdout);
		else if ((unsigned char)*s == 0xe2 && strncmp(s, "…", 3) == 0) {
			fputs("...", stdout);
			s += 2;
		} else
			putchar(*s);
	}
	putchar('"');
}

enum manner { DOC_KEYS, DOC_SHOWN, DOC_RAW };

static const char *value_of(const struct field *f, enum manner manner)
{
	if (manner == DOC_RAW)
		return help_raw(f);
	/* What is only shown needs no advice on how to write it. */
	if (f->type == FIELD_ENUM || (manner == DOC_KEYS && strcmp(help_value(f), "text") != 0))
		return help_value(f);
	return NULL;
}

static void put_fields(const struct field *fields, size_t count, enum manner manner)
{
	puts(".Bl -tag -width 16n -compact");
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		const char *value = value_of(f, manner);

		printf(".It Cm %.*s\n",
		       manner == DOC_RAW ? (int)strlen(f->name) : (int)field_base_len(f), f->name);
		put_text(f->help);
		if (value)
			printf(" (%s)", value);
		puts(f->flags & FIELD_REQUIRED ? ", required" : "");
	}
	puts(".El");
}

static void put_options(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *o = &option_rows[i];

		if (o->letter)
			printf(".It Fl %c , Fl -%s", o->letter, o->name);
		else
			printf(".It Fl -%s", o->name);
		if (o->value) {
			fputs(" Ar ", stdout);
			put_quoted(o->value);
		}
		putchar('\n');
		put_line(o->help);
	}
	puts(".El");
}

static void put_aliases(struct lmsctl *l)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < alias_count; i++) {
		if (!aliases[i].help)
			continue;
		fputs(".It Ic ", stdout);
		put_quoted(arena_printf(&l->arena, "%s%s%s", aliases[i].word,
					*aliases[i].synopsis ? " " : "", aliases[i].synopsis));
		putchar('\n');
		put_line(aliases[i].help);
	}
	puts(".El");
}

static void put_noun(struct lmsctl *l, const struct ctl_noun_desc *n)
{
	printf(".Ss %s: %s\n.Bl -tag -width Ds\n", n->name, n->help);
	for (size_t i = 0; i < CTL_VERB_COUNT; i++) {
		const struct ctl_verb_desc *v = &ctl_verbs[i];

		if (v->noun != n->id || !help_lists(v))
			continue;
		fputs(".It Ic ", stdout);
		put_quoted(help_synopsis(v, &l->arena));
		putchar('\n');
		put_text(v->help);
		printf(" (%s)\n", help_roles(v->role, &l->arena));
	}
	puts(".El");
	if (n->key_count) {
		puts(".Pp\nKeys:");
		put_fields(n->keys, n->key_count, DOC_KEYS);
	}
	if (n->field_count > n->key_count) {
		puts(".Pp\nFurther fields:");
		put_fields(n->fields + n->key_count, n->field_count - n->key_count, DOC_SHOWN);
	}
}

static void put_exit_codes(void)
{
	static const struct { const char *name, *text; } rows[] = {
#define ERR(name, status, rpc, text) { #name, text },
#include "err.def"
#undef ERR
	};

	puts(".Bl -tag -width 4n -compact\n.It 0\nall is well");
	for (int status = 1; status < 128; status++) {
		bool first = true;

		if (status == 3)
			puts(".It 3\n.Ic status ,\nand lmsd does not answer");
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			if (lms_err_exit_status((int)i + 1) != status)
				continue;
			if (first)
				printf(".It %d\n%s", status, rows[i].text);
			else
				printf("; %s", rows[i].text);
			first = false;
		}
		if (!first)
			putchar('\n');
	}
	puts(".El");
}

static void put_control_method(struct lmsctl *l, const struct ctl_verb_desc *v)
{
	static const char *const results[] = {
		[CTL_RECORD] = "a record",
		[CTL_LIST] = "{\"items\": [records], \"next\": cursor or null}",
		[CTL_DONE] = "{\"changed\": true or false}",
		[CTL_STATION] = "{\"status\": the station's answer}",
		[CTL_TEXT] = "free JSON"
	};

	printf(".It Ic %s\n", v->method);
	put_text(v->help);
	printf(".\nRole: %s.\nResult: %s.\n", help_roles(v->role, &l->arena), results[v->result]);
	if (v->takes_keys)
		puts("Takes the keys of its noun.");
	if (v->arg_count)
		put_fields(v->args, v->arg_count, DOC_RAW);
}

static void put_control(struct lmsctl *l)
{
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++) {
		const struct ctl_noun_desc *n = &ctl_nouns[i];

		printf(".Ss %s: %s\n", n->name, n->help);
		if (n->key_count) {
			puts("Keys:");
			put_fields(n->keys, n->key_count, DOC_RAW);
		}
		if (n->field_count > n->key_count) {
			puts("Further members of its records:");
			put_fields(n->fields + n->key_count, n->field_count - n->key_count,
				   DOC_RAW);
		}
		puts("Methods:\n.Bl -tag -width Ds");
		for (size_t k = 0; k < CTL_VERB_COUNT; k++) {
			if (ctl_verbs[k].noun == n->id)
				put_control_method(l, &ctl_verbs[k]);
		}
		puts(".El");
	}
	puts(".Ss error codes\n.Bl -column \"-32700\" \"NODAEMON\" \"text\"");
	for (int i = 1; i < LMS_ERR_COUNT; i++)
		printf(".It %d Ta %s Ta %s\n", lms_err_rpc_code(i), lms_err_name(i),
		       lms_err_text(i));
	puts(".El");
}

int cmd_doc(struct lmsctl *l)
{
	const char *part = l->word_count ? l->words[0].value : "commands";

	if (strcmp(part, "control") == 0) {
		put_control(l);
	} else if (strcmp(part, "options") == 0) {
		put_options();
	} else if (strcmp(part, "exit") == 0) {
		put_exit_codes();
	} else if (strcmp(part, "commands") == 0) {
		put_aliases(l);
		for (size_t i = 0; i < CTL_NOUN_COUNT; i++)
			put_noun(l, &ctl_nouns[i]);
	} else {
		return diag_set(&l->diag, -LMS_EUSAGE, "one of commands, options, exit, control");
	}
	return 0;
}
