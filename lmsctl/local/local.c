/* local/local.c - the tables that local.def expands to, and the way from a row to what carries it out. */
#include "lmsctl/local/local.h"

#include <string.h>

#include "base/err.h"
#include "base/period.h"

/* Each use of local.def says what a verb, an argument and the end are to it. */
#define CTL_VERB(n, v, role, result, help) struct local_##n##_##v##_args { uint64_t given;
#define CTL_ARG(n, v, name, type, values, flags, help) CTL_C_##type name;
#define CTL_VERB_END(n, v) };
#include "lmsctl/local/local.def"
#include "ctl/undef.h"

#define CTL_VERB(n, v, role, result, help) static const struct field n##_##v##_args[] = {
#define CTL_ARG(n, v, name, type, values, flags, help) \
	{ #name, FIELD_##type, offsetof(struct local_##n##_##v##_args, name), flags, values, help },
#define CTL_VERB_END(n, v) };
#include "lmsctl/local/local.def"
#include "ctl/undef.h"

enum {
#define CTL_VERB(n, v, role, result, help) LOCAL_##n##_##v,
#define CTL_ARG(n, v, name, type, values, flags, help)
#define CTL_VERB_END(n, v)
#include "lmsctl/local/local.def"
#include "ctl/undef.h"
	LOCAL_COUNT
};

/* Their ids begin behind those of the protocol. */
static const struct ctl_verb_desc locals[LOCAL_COUNT] = {
#define CTL_VERB(n, v, role, result, help) { (enum ctl_verb_id)(CTL_VERB_COUNT + LOCAL_##n##_##v), CTL_NOUN_##n, \
		CTL_NOUN_##n, #v, help, #n "." #v, CTL_##role, CTL_##result, n##_##v##_args, \
		ARRAY_LEN(n##_##v##_args), false, false, 0, sizeof(struct local_##n##_##v##_args) },
#define CTL_ARG(n, v, name, type, values, flags, help)
#define CTL_VERB_END(n, v)
#include "lmsctl/local/local.def"
#include "ctl/undef.h"
};

/* ---- what carries them out ---- */

#define HISTORY(n) \
	static int n##_history(struct lmsctl *l, const void *args) \
	{ \
		const struct local_##n##_history_args *a = args; \
		struct series_args s = { a->id, a->period, a->variables, a->stat, NULL, NULL, a->step_ms }; \
\
		return history_show(l, #n ".history", &s); \
	}
#define EXPORT(n) \
	static int n##_export(struct lmsctl *l, const void *args) \
	{ \
		const struct local_##n##_export_args *a = args; \
		struct series_args s = { a->id, a->period, a->variables, a->stat, a->format, a->dialect, a->step_ms }; \
\
		return history_export(l, #n ".history", &s); \
	}
HISTORY(zone)
EXPORT(zone)
HISTORY(meter)
EXPORT(meter)
HISTORY(pv)
EXPORT(pv)
HISTORY(connector)
EXPORT(connector)

static int transaction_graph(struct lmsctl *l, const void *args)
{
	const struct local_transaction_graph_args *a = args;

	return graph_show(l, a->id);
}

static int transaction_export(struct lmsctl *l, const void *args)
{
	const struct local_transaction_export_args *a = args;
	const struct ledger_args q = { a->period, a->station, a->tag, a->zone, a->group, a->type };

	return bill_export(l, &q, a->format, a->dialect);
}

static int transaction_stats(struct lmsctl *l, const void *args)
{
	const struct local_transaction_stats_args *a = args;
	const struct ledger_args q = { .period = a->period, .station = a->station, .tag = a->tag, .zone = a->zone };

	return stats_show(l, &q, a->by);
}

static int tag_import(struct lmsctl *l, const void *args)
{
	const struct local_tag_import_args *a = args;
	const struct tag_import_args i = { a->file, a->mode, a->on_error, a->rejects, a->encoding, a->template == 1, a->dry_run };

	return tags_import(l, &i);
}

static int tag_export(struct lmsctl *l, const void *args)
{
	(void)args;
	return tags_export(l);
}

static int tag_learn(struct lmsctl *l, const void *args)
{
	const struct local_tag_learn_args *a = args;

	return learn_tags(l, a->station, a->count, a->stdin == 1);
}

static int (*const runs[LOCAL_COUNT])(struct lmsctl *l, const void *args) = {
#define CTL_VERB(n, v, role, result, help) n##_##v,
#define CTL_ARG(n, v, name, type, values, flags, help)
#define CTL_VERB_END(n, v)
#include "lmsctl/local/local.def"
#include "ctl/undef.h"
};

bool local_is(const struct ctl_verb_desc *v)
{
	return v >= locals && v < locals + LOCAL_COUNT;
}

int local_run(struct lmsctl *l, const char *params)
{
	const struct json *j = json_parse(&l->arena, params, strlen(params), &JSON_CAPS_DOCUMENT, &l->diag);
	void *args;
	int ret = j ? ctl_args_read(l->verb, j, &l->arena, &args, &l->diag) : l->diag.err;

	return ret ? ret : runs[l->verb - locals](l, args);
}

/* ---- all commands ---- */

static const struct ctl_verb_desc *local_find(enum ctl_noun_id noun, const char *name)
{
	for (size_t i = 0; i < LOCAL_COUNT; i++) {
		if (locals[i].noun == noun && strcmp(locals[i].name, name) == 0)
			return &locals[i];
	}
	return NULL;
}

static bool is_of_protocol(const struct ctl_verb_desc *v)
{
	return ctl_verb_find_words(ctl_nouns[v->noun].name, v->name) != NULL;
}

/* Where a noun's own commands end its local ones follow. */
static size_t list_commands(const struct ctl_verb_desc *out[CTL_VERB_COUNT + LOCAL_COUNT])
{
	size_t n = 0;

	for (size_t i = 0; i < CTL_VERB_COUNT; i++) {
		const struct ctl_verb_desc *v = &ctl_verbs[i], *instead = local_find(v->noun, v->name);

		out[n++] = instead ? instead : v;
		if (i + 1 < CTL_VERB_COUNT && ctl_verbs[i + 1].noun == v->noun)
			continue;
		for (size_t k = 0; k < LOCAL_COUNT; k++) {
			if (locals[k].noun == v->noun && !is_of_protocol(&locals[k]))
				out[n++] = &locals[k];
		}
	}
	return n;
}

const struct ctl_verb_desc *command_at(size_t i)
{
	static const struct ctl_verb_desc *all[CTL_VERB_COUNT + LOCAL_COUNT];
	static size_t count;

	if (count == 0)
		count = list_commands(all);
	return i < count ? all[i] : NULL;
}

const struct ctl_verb_desc *command_find(const char *noun, const char *verb)
{
	const struct ctl_noun_desc *n = ctl_noun_find(noun);
	const struct ctl_verb_desc *v = n ? local_find(n->id, verb) : NULL;

	return v ? v : ctl_verb_find_words(noun, verb);
}
