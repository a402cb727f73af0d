/* lmsctl/doc.c - the tables of the manual pages, in mdoc: prose lives in man/, rows come from here.
 *
 * `lmsctl __doc PART` prints one of them; the pages name the parts in lines `.\" @lmsctl __doc PART@`.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/help.h"
#include "lmsctl/local/local.h"

/* One character as roff prints it unchanged; answers how many more bytes it took. */
static size_t put_char(const char *s)
{
	if (strncmp(s, "…", strlen("…")) == 0) {
		fputs("...", stdout);
		return strlen("…") - 1;
	}
	if (*s == '\\')
		fputs("\\e", stdout);
	else if (*s == '`')
		fputs("\\(ga", stdout);
	else if (*s == '\'')
		fputs("\\(aq", stdout);
	else
		putchar(*s);
	return 0;
}

/* Text for mdoc: no line may begin with a control character. */
static void put_text(const char *s)
{
	if (*s == '.')
		fputs("\\&", stdout);
	for (; *s; s++)
		s += put_char(s);
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
		else
			s += put_char(s);
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

/* "a|b|c" with room to break the line. */
static void put_values(const char *values)
{
	for (; *values; values++) {
		if (*values == '|')
			fputs(" | ", stdout);
		else
			putchar(*values);
	}
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
		if (value) {
			fputs(" [", stdout);
			put_values(value);
			fputs("]", stdout);
		}
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

/* "a meter, read by Modbus" as a sentence under the noun's name. */
static void put_noun_head(const struct ctl_noun_desc *n)
{
	char first[2] = { n->help[0], '\0' };

	if (first[0] >= 'a' && first[0] <= 'z')
		first[0] = (char)(first[0] - ('a' - 'A'));
	printf(".Ss %s\n%s", n->name, first);
	put_text(n->help + 1);
	puts(".");
}

static void put_noun(struct lmsctl *l, const struct ctl_noun_desc *n)
{
	const struct ctl_verb_desc *v;

	put_noun_head(n);
	if (help_has_verbs(n))
		puts(".Bl -tag -width Ds");
	for (size_t i = 0; (v = command_at(i)) != NULL; i++) {
		if (v->noun != n->id || !help_lists(v))
			continue;
		fputs(".It Ic ", stdout);
		put_quoted(help_synopsis(v, &l->arena));
		putchar('\n');
		put_text(v->help);
		printf(" (%s)\n", help_roles(v->role, &l->arena));
	}
	if (help_has_verbs(n))
		puts(".El");
	if (n->key_count) {
		puts(".Pp\nKeys:");
		put_fields(n->keys, n->key_count, DOC_KEYS);
	}
	if (n->field_count > n->key_count) {
		puts(n->key_count ? ".Pp\nFurther fields:" : ".Pp\nFields:");
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

/* The first declared field of a type stands for how all of it are written. */
static const struct field *field_of_type(enum field_type type)
{
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++) {
		for (size_t k = 0; k < ctl_nouns[i].field_count; k++) {
			if (ctl_nouns[i].fields[k].type == type)
				return &ctl_nouns[i].fields[k];
		}
	}
	return NULL;
}

static void put_units(void)
{
	puts(".Bl -column \"_permille\" \"mA of L1, L2, L3\" \"A or L1,L2,L3\" \"static_ma, static\"\n"
	     ".It Em suffix Ta Em JSON Ta Em people write Ta Em example");
	for (int type = FIELD_ID; type <= FIELD_JSON; type++) {
		const struct field *f = field_of_type((enum field_type)type);
		size_t base = f ? field_base_len(f) : 0;

		if (!f || f->name[base] == '\0')
			continue;
		printf(".It %s Ta %s Ta %s Ta %s , %.*s\n", f->name + base, help_raw(f),
		       help_value(f), f->name, (int)base, f->name);
	}
	puts(".El");
}

static void put_errors(void)
{
	puts(".Bl -column \"-32700\" \"CANTCREAT\" \"exit\" \"text\"\n"
	     ".It Em code Ta Em name Ta Em exit Ta Em meaning");
	for (int i = 1; i < LMS_ERR_COUNT; i++)
		printf(".It %d Ta %s Ta %d Ta %s\n", lms_err_rpc_code(i), lms_err_name(i),
		       lms_err_exit_status(i), lms_err_text(i));
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
	printf(".\nRole: %s.\nResult: %s", help_roles(v->role, &l->arena), results[v->result]);
	if (v->records != v->noun)
		printf(", of the noun %s", ctl_nouns[v->records].name);
	puts(".");
	if (v->takes_keys)
		puts("Takes the keys of its noun.");
	if (v->arg_count)
		put_fields(v->args, v->arg_count, DOC_RAW);
}

static void put_control(struct lmsctl *l)
{
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++) {
		const struct ctl_noun_desc *n = &ctl_nouns[i];

		put_noun_head(n);
		if (n->key_count) {
			puts(".Pp\nKeys:");
			put_fields(n->keys, n->key_count, DOC_RAW);
		}
		if (n->field_count > n->key_count) {
			puts(".Pp\nFurther members of its records:");
			put_fields(n->fields + n->key_count, n->field_count - n->key_count,
				   DOC_RAW);
		}
		if (!help_has_verbs(n))
			continue;
		puts(".Pp\nMethods:\n.Bl -tag -width Ds");
		for (size_t k = 0; k < CTL_VERB_COUNT; k++) {
			if (ctl_verbs[k].noun == n->id)
				put_control_method(l, &ctl_verbs[k]);
		}
		puts(".El");
	}
}

static void put_commands(struct lmsctl *l)
{
	put_aliases(l);
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++)
		put_noun(l, &ctl_nouns[i]);
}

int cmd_doc(struct lmsctl *l)
{
	const char *part = l->word_count ? l->words[0].value : "";

	if (strcmp(part, "control") == 0)
		put_control(l);
	else if (strcmp(part, "errors") == 0)
		put_errors();
	else if (strcmp(part, "units") == 0)
		put_units();
	else if (strcmp(part, "options") == 0)
		put_options();
	else if (strcmp(part, "exit") == 0)
		put_exit_codes();
	else if (strcmp(part, "commands") == 0)
		put_commands(l);
	else
		return diag_set(&l->diag, -LMS_EUSAGE,
				"one of commands, options, exit, units, control, errors");
	return 0;
}
