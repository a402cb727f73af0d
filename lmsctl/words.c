/* lmsctl/words.c - the command line: options anywhere, the command, and what follows it.
 *
 * What an unknown --option after the command means is asked from the command's own arguments first,
 * so every argument of the tables is an option too.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/local/local.h"

const struct option_row option_rows[] = {
	{ 's', "socket", "PATH",
	  "lmsd's control socket (else $LMS_SOCKET, else " CLIENT_SOCKET_DEFAULT ")" },
	{ 'o', "output", "FORMAT", "table, wide, json, ndjson, csv, tsv or value" },
	{ 'f', "fields", "FIELD,…", "only these fields, in this order" },
	{ 0, "sort", "FIELD", "by this field; -FIELD turns the order" },
	{ 0, "limit", "N", "at most this many records" },
	{ 'w', "watch", NULL, "stay, and show what changes" },
	{ 0, "wait", NULL, "with firmware update, diagnostics and log: stay until it has ended" },
	{ 'O', "out", "FILE", "write the file that comes there; - is standard output" },
	{ 0, "explain", NULL, "with zone show and connector show: why it is so (their explain)" },
	{ 'n', "dry-run", NULL, "check and show, change nothing" },
	{ 'y', "yes", NULL, "do not ask" },
	{ 0, "no-wait", NULL, "of what is asked of stations: print the number of a job, and do not wait for it" },
	{ 'q', "quiet", NULL, "say nothing when all is well" },
	{ 0, "utc", NULL, "times in UTC" },
	{ 0, "tz", "ZONE", "times in this time zone, e.g. Europe/Paris" },
	{ 0, "color", "WHEN", "auto, always or never (NO_COLOR is respected)" },
	{ 'h', "help", NULL, "help, also for a noun or a command" },
	{ 'V', "version", NULL, "version of lmsctl" },
};
const size_t option_row_count = ARRAY_LEN(option_rows);

const struct alias aliases[] = {
	{ "status", "system", "status", SPECIAL_NONE, "",
	  "what works, what is missing; exit 3 when lmsd is down" },
	{ "apply", "config", "apply", SPECIAL_APPLY, "-f FILE [--prune] [-n]",
	  "make the site as a document says" },
	{ "diff", "config", "apply", SPECIAL_DIFF, "-f FILE [--prune]", "what apply would change" },
	{ "events", "event", "list", SPECIAL_EVENTS, "[-f]", "what happened; -f follows" },
	{ "raw", NULL, NULL, SPECIAL_RAW, "METHOD [JSON]",
	  "one request as it is, the answer as it is" },
	{ "schema", NULL, NULL, SPECIAL_SCHEMA, "", "the control protocol as JSON Schema" },
	{ "whoami", "system", "whoami", SPECIAL_NONE, "",
	  "who the kernel says you are, and your roles" },
	{ "version", "system", "version", SPECIAL_VERSION, "", "versions of lmsctl and lmsd" },
	{ "help", NULL, NULL, SPECIAL_HELP, "[NOUN [VERB]]", "this" },
	{ "__doc", NULL, NULL, SPECIAL_DOC, NULL, NULL },
	{ "__complete", NULL, NULL, SPECIAL_COMPLETE, NULL, NULL },
};
const size_t alias_count = ARRAY_LEN(aliases);

const struct ctl_noun_desc *words_noun(const char *word)
{
	size_t len = strlen(word);
	const struct ctl_noun_desc *n =
		ctl_noun_find(strcmp(word, "tx") == 0 ? "transaction" : word);
	char singular[40];

	if (n || len < 2 || len >= sizeof(singular) || word[len - 1] != 's')
		return n;
	snprintf(singular, sizeof(singular), "%.*s", (int)len - 1, word);
	return ctl_noun_find(singular);
}

/* "config_get" is the verb get of a group; these are one word with a hyphen in it. */
static const char *const hyphenated[] = { "local_list", "data_transfer" };

static size_t words_first(const char *verb)
{
	for (size_t i = 0; i < ARRAY_LEN(hyphenated); i++) {
		size_t len = strlen(hyphenated[i]);

		if (strncmp(verb, hyphenated[i], len) == 0 && (verb[len] == '_' || verb[len] == '\0'))
			return len;
	}
	return strcspn(verb, "_");
}

const char *words_verb(const struct ctl_verb_desc *v, char joint, struct arena *arena)
{
	char *text = arena_strdup(arena, v->name);
	size_t first = words_first(text);

	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '_')
			text[i] = i < first ? '-' : joint;
	}
	return text;
}

static int suggest(struct lmsctl *l, const char *what, const char *word,
		   const char *const *candidates, size_t count, const char *remedy)
{
	const char *nearest = text_nearest(word, candidates, count);
	struct buf shown;

	buf_init(&shown);
	text_escape(&shown, word, strnlen(word, 60));
	if (nearest)
		diag_set(&l->diag, -LMS_EUSAGE, "%s '%s' is unknown (did you mean '%s'?)", what,
			 buf_cstr(&shown), nearest);
	else
		diag_set(&l->diag, -LMS_EUSAGE, "%s '%s' is unknown (%s)", what, buf_cstr(&shown),
			 remedy);
	buf_fini(&shown);
	return -LMS_EUSAGE;
}

/* ---- the command ---- */

static int unknown_command(struct lmsctl *l, const char *word)
{
	const char *candidates[CTL_NOUN_COUNT + ARRAY_LEN(aliases)];
	size_t n = 0;

	for (size_t i = 0; i < CTL_NOUN_COUNT; i++)
		candidates[n++] = ctl_nouns[i].name;
	for (size_t i = 0; i < alias_count; i++) {
		if (aliases[i].help)
			candidates[n++] = aliases[i].word;
	}
	return suggest(l, "command", word, candidates, n, "`lmsctl help` lists them");
}

static int unknown_verb(struct lmsctl *l, const char *word)
{
	const char *candidates[CTL_VERB_COUNT];
	const struct ctl_verb_desc *v;
	char remedy[80];
	size_t n = 0;

	for (size_t i = 0; n < ARRAY_LEN(candidates) && (v = command_at(i)) != NULL; i++) {
		if (v->noun == l->noun->id)
			candidates[n++] = words_verb(v, ' ', &l->arena);
	}
	snprintf(remedy, sizeof(remedy), "`lmsctl help %s` lists them", l->noun->name);
	snprintf(l->label, sizeof(l->label), "%s", l->noun->name);
	return suggest(l, "command", word, candidates, n, remedy);
}

static const struct alias *find_alias(const char *word)
{
	for (size_t i = 0; i < alias_count; i++) {
		if (strcmp(aliases[i].word, word) == 0)
			return &aliases[i];
	}
	return NULL;
}

/* -f is a document, not fields. */
static bool words_take_file(const struct lmsctl *l)
{
	return l->special == SPECIAL_APPLY || l->special == SPECIAL_DIFF || l->special == SPECIAL_CHECK;
}

static int take_alias(struct lmsctl *l, const struct alias *a)
{
	l->special = a->special;
	/* `lmsctl -f FILE apply`: what -f means is known only now. */
	if (words_take_file(l)) {
		l->opt.file = l->opt.fields;
		l->opt.fields = NULL;
	}
	snprintf(l->label, sizeof(l->label), "%s", a->word);
	if (a->noun)
		l->verb = ctl_verb_find_words(a->noun, a->verb);
	if (l->verb)
		l->noun = &ctl_nouns[l->verb->noun];
	return 0;
}

/* The verb that the next words name, the most of them that do ("config get", "local list send"); *used of
 * them. */
static const struct ctl_verb_desc *find_verb(const struct ctl_noun_desc *n, char *const *words, int count, int *used)
{
	const struct ctl_verb_desc *v;
	const char *word = words[0];

	for (*used = count < 3 ? count : 3; *used > 1; (*used)--) {
		char joined[80] = "";
		size_t len = 0;

		for (int i = 0; i < *used && len < sizeof(joined); i++)
			len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%s%s", i ? "_" : "", words[i]);
		v = len < sizeof(joined) ? command_find(n->name, joined) : NULL;
		if (v)
			return v;
	}
	/* `meter watch` is `meter list -w`. */
	return command_find(n->name, strcmp(word, "watch") == 0 ? "list" : word);
}

static int take_verb(struct lmsctl *l, char *const *words, int count, int *used)
{
	const char *word = words[0], *next = count > 1 ? words[1] : NULL;

	l->verb = find_verb(l->noun, words, count, used);
	if (!l->verb) {
		if (next && next[0] != '-' && strchr(word, '=') == NULL) {
			/* "config gte": the first word alone tells little. */
			char both[64];

			snprintf(both, sizeof(both), "%s_", word);
			for (size_t i = 0; i < CTL_VERB_COUNT; i++) {
				if (ctl_verbs[i].noun == l->noun->id &&
				    strncmp(ctl_verbs[i].name, both, strlen(both)) == 0)
					return unknown_verb(
						l, arena_printf(&l->arena, "%s %s", word, next));
			}
		}
		return unknown_verb(l, word);
	}
	if (strcmp(word, "watch") == 0 && strcmp(l->verb->name, "list") == 0)
		l->opt.watch = true;
	/* These differ from what a row can say, under whichever name they are called. */
	if (l->verb->id == CTL_VERB_config_apply)
		l->special = SPECIAL_APPLY;
	if (l->verb->id == CTL_VERB_config_check)
		l->special = SPECIAL_CHECK;
	/* `lmsctl -f FILE config check` */
	if (words_take_file(l) && l->opt.fields) {
		l->opt.file = l->opt.fields;
		l->opt.fields = NULL;
	}
	snprintf(l->label, sizeof(l->label), "%s %s", l->noun->name,
		 words_verb(l->verb, ' ', &l->arena));
	return 0;
}

/* ---- options ---- */

static int add_word(struct lmsctl *l, const char *name, const char *value)
{
	l->words[l->word_count++] = (struct word){ name, value };
	return 0;
}

static int read_format(struct lmsctl *l, const char *value)
{
	static const char formats[] = "table|wide|json|ndjson|csv|tsv|value";
	int index = enum_index(formats, value);

	if (index < 0)
		return diag_set(&l->diag, -LMS_EUSAGE,
				"-o: '%s' is not one of table, wide, json, ndjson, csv, tsv, value",
				value);
	l->opt.format = (enum format)index;
	return 0;
}

/* `zone show P1 --explain` is `zone explain P1`. */
static int explain_instead(struct lmsctl *l)
{
	const struct ctl_verb_desc *v = l->noun ? ctl_verb_find_words(l->noun->name, "explain") : NULL;

	if (v == NULL || l->verb == NULL || strcmp(l->verb->name, "show") != 0)
		return diag_set(&l->diag, -LMS_EUSAGE,
				"--explain: goes with `zone show` and `connector show`");
	l->verb = v;
	snprintf(l->label, sizeof(l->label), "%s explain", l->noun->name);
	return 0;
}

static int set_option(struct lmsctl *l, const struct option_row *row, const char *value)
{
	struct options *o = &l->opt;
	int color;

	switch (row->letter ? row->letter : row->name[0]) {
	case 's':
		*(row->letter ? &o->socket : &o->sort) = value;
		return 0;
	case 'o':
		return read_format(l, value);
	case 'O':
		o->out = value;
		return 0;
	case 'f':
		*(words_take_file(l) ? &o->file : &o->fields) = value;
		return 0;
	case 'e':
		return explain_instead(l);
	case 'l':
		return parse_int(value, 0, INT64_MAX, &o->limit, &l->diag) ? -LMS_EUSAGE : 0;
	case 'w':
		*(row->letter ? &o->watch : &o->wait) = true;
		return 0;
	case 'n':
		*(row->letter ? &o->dry_run : &o->no_wait) = true;
		return 0;
	case 'y':
		o->yes = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case 'u':
		o->utc = true;
		return 0;
	case 't':
		o->tz = value;
		return 0;
	case 'c':
		color = enum_index("auto|always|never", value);
		if (color < 0)
			return diag_set(&l->diag, -LMS_EUSAGE,
					"--color: '%s' is not auto, always or never", value);
		o->color = color == 0 ? COLOR_AUTO : color == 1 ? COLOR_ALWAYS : COLOR_NEVER;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

static const struct option_row *find_option(const char *name, char letter)
{
	for (size_t i = 0; i < option_row_count; i++) {
		if (name ? strcmp(option_rows[i].name, name) == 0 : option_rows[i].letter == letter)
			return &option_rows[i];
	}
	return NULL;
}

/* People may write profile.stack and min-current: names have '_' in all of these places. */
static char *plain_name(struct lmsctl *l, const char *text, size_t len)
{
	char *name = arena_strndup(&l->arena, text, len);

	for (char *p = name; *p; p++) {
		if (*p == '-' || *p == '.')
			*p = '_';
	}
	return name;
}

/* The command's own argument of that name. Options of lists that page are not. */
static const struct field *find_argument(struct lmsctl *l, const char *option, bool *human)
{
	const char *name = plain_name(l, option, strlen(option));
	struct field *all;
	size_t count;

	if (!l->verb || (l->verb->result == CTL_LIST && strcmp(name, "limit") == 0))
		return NULL;
	all = ctl_all_args(l->verb, &l->arena, &count);
	return field_find(all, count, name, human);
}

static int unknown_option(struct lmsctl *l, const char *name)
{
	const char *candidates[ARRAY_LEN(option_rows) + 64];
	struct field *all;
	size_t n = 0, count = 0;

	for (size_t i = 0; i < option_row_count; i++)
		candidates[n++] = option_rows[i].name;
	all = l->verb ? ctl_all_args(l->verb, &l->arena, &count) : NULL;
	for (size_t i = 0; i < count && n < ARRAY_LEN(candidates); i++)
		candidates[n++] = arena_strndup(&l->arena, all[i].name, field_base_len(&all[i]));
	return suggest(l, "option", name, candidates, n, "`lmsctl help` lists them");
}

struct scan {
	char **argv;
	int argc, i;
};

static const char *next_value(struct scan *s)
{
	return s->i + 1 < s->argc ? s->argv[++s->i] : NULL;
}

static int long_option(struct lmsctl *l, struct scan *s)
{
	const char *text = s->argv[s->i] + 2, *value = strchr(text, '=');
	char *name = arena_strndup(&l->arena, text, value ? (size_t)(value - text) : strlen(text));
	const struct option_row *row;
	const struct field *arg;
	bool human;

	value = value ? value + 1 : NULL;
	arg = find_argument(l, name, &human);
	row = find_option(name, 0);
	if (arg && !(row && arg->type == FIELD_BOOL)) {
		if (!value)
			value = arg->type == FIELD_BOOL ? "yes" : next_value(s);
		if (!value)
			return diag_set(&l->diag, -LMS_EUSAGE, "--%s needs a value", name);
		return add_word(l,
				arena_strndup(&l->arena, arg->name,
					      human ? field_base_len(arg) : strlen(arg->name)),
				value);
	}
	if (!row)
		return unknown_option(l, name);
	if (!row->value && value)
		return diag_set(&l->diag, -LMS_EUSAGE, "--%s takes no value", name);
	if (row->value && !value)
		value = next_value(s);
	if (row->value && !value)
		return diag_set(&l->diag, -LMS_EUSAGE, "--%s needs a value (%s)", name, row->value);
	return set_option(l, row, value);
}

/* "-n", "-yq", "-ojson", "-o json". */
static int short_options(struct lmsctl *l, struct scan *s)
{
	for (const char *p = s->argv[s->i] + 1; *p; p++) {
		const struct option_row *row = find_option(NULL, *p);
		const char *value;

		if (*p == 'f' && l->verb && ctl_noun_is_log(l->verb->records)) {
			l->opt.follow = true;
			continue;
		}
		if (!row)
			return diag_set(&l->diag, -LMS_EUSAGE,
					"option '-%.1s' is unknown (`lmsctl help` lists them)", p);
		if (!row->value) {
			set_option(l, row, NULL);
			continue;
		}
		value = p[1] ? p + 1 : next_value(s);
		if (!value)
			return diag_set(&l->diag, -LMS_EUSAGE, "-%c needs a value (%s)", *p,
					row->value);
		return set_option(l, row, value);
	}
	return 0;
}

/* key=value, where the key looks like one; anything else is a bare word: identities may hold '='.
 */
static int plain_word(struct lmsctl *l, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : 0;

	if (len == 0 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.") < len ||
	    l->special == SPECIAL_RAW)
		return add_word(l, NULL, text);
	return add_word(l, plain_name(l, text, len), equals + 1);
}

static int command_word(struct lmsctl *l, struct scan *s)
{
	const char *word = s->argv[s->i];
	const struct alias *a;
	int used = 1, ret;

	if (l->noun && strcmp(word, "help") == 0) {
		l->opt.help = true;
		return 0;
	}
	if (l->noun) {
		ret = take_verb(l, &s->argv[s->i], s->argc - s->i, &used);
		s->i += used - 1;
		return ret;
	}
	a = find_alias(word);
	if (a)
		return take_alias(l, a);
	l->noun = words_noun(word);
	if (!l->noun)
		return unknown_command(l, word);
	snprintf(l->label, sizeof(l->label), "%s", l->noun->name);
	return 0;
}

void words_add(struct lmsctl *l, const char *name, const char *value)
{
	struct word *words = arena_array(&l->arena, l->word_count + 1, sizeof(*words));

	if (l->word_count)
		memcpy(words, l->words, l->word_count * sizeof(*words));
	words[l->word_count++] = (struct word){ name, value };
	l->words = words;
}

int words_read(struct lmsctl *l, int argc, char **argv)
{
	struct scan s = { argv, argc, 1 };
	bool bare = false;
	int ret = 0;

	l->words = arena_array(&l->arena, (size_t)argc, sizeof(*l->words));
	l->opt.limit = NUM_NONE;
	for (; s.i < argc && ret == 0; s.i++) {
		const char *arg = argv[s.i];
		bool command = l->verb || l->special != SPECIAL_NONE;

		/* Completion gets the words of another command line: none is an option of this one.
		 */
		if (bare || l->special == SPECIAL_COMPLETE)
			ret = add_word(l, NULL, arg);
		else if (strcmp(arg, "--") == 0)
			bare = true;
		else if (arg[0] == '-' && arg[1] == '-')
			ret = long_option(l, &s);
		else if (arg[0] == '-' && arg[1] != '\0')
			ret = short_options(l, &s);
		else if (!command)
			ret = command_word(l, &s);
		else
			ret = plain_word(l, arg);
	}
	return ret;
}
