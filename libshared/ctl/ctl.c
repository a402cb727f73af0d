/* ctl/ctl.c - the tables of the control protocol and the codec of arguments and records.
 *
 * Everything here is expanded from ctl/nouns.def: a new row needs no line of code.
 */
#include "ctl/ctl.h"

#include <string.h>

#include "base/err.h"

#define ROW(s, name, type, values, flags, help) \
	{ #name, FIELD_##type, offsetof(s, name), flags, values, help },
/* The tables end with an empty row that no count includes: some have no other. */
#define LAST_ROW { .help = "" }

#define CTL_NOUN(n, help) static const struct field n##_keys[] = {
#define CTL_KEY(n, name, type, values, flags, help) \
	ROW(struct ctl_##n##_keys, name, type, values, flags, help)
#define CTL_NOUN_END(n) LAST_ROW };
#include "ctl/nouns.def"
#include "ctl/undef.h"

#define CTL_NOUN(n, help) static const struct field n##_fields[] = {
#define CTL_KEY(n, name, type, values, flags, help) \
	{ #name, FIELD_##type, offsetof(struct ctl_##n, keys.name), flags, values, help },
#define CTL_FIELD(n, name, type, values, flags, help) \
	ROW(struct ctl_##n, name, type, values, flags, help)
#define CTL_NOUN_END(n) LAST_ROW };
#include "ctl/nouns.def"
#include "ctl/undef.h"

const struct ctl_noun_desc ctl_nouns[CTL_NOUN_COUNT] = {
#define CTL_NOUN(n, help) { CTL_NOUN_##n, #n, help, n##_keys, ARRAY_LEN(n##_keys) - 1, n##_fields, \
			    ARRAY_LEN(n##_fields) - 1, sizeof(struct ctl_##n##_keys), sizeof(struct ctl_##n) },
#include "ctl/nouns.def"
#include "ctl/undef.h"
};

#define CTL_VERB(n, v, role, result, help) static const struct field n##_##v##_args[] = {
#define CTL_ARG(n, v, name, type, values, flags, help) \
	ROW(struct ctl_##n##_##v##_args, name, type, values, flags, help)
#define CTL_VERB_END(n, v) LAST_ROW };
#include "ctl/nouns.def"
#include "ctl/undef.h"

/* Where the keys lie in an args struct; 0 (where `given` lies) when the verb does not take them. */
#define CTL_VERB(n, v, role, result, help) enum { n##_##v##_keys_at = 0
#define CTL_ARG_KEYS(n, v) + offsetof(struct ctl_##n##_##v##_args, keys)
#define CTL_VERB_END(n, v) };
#include "ctl/nouns.def"
#include "ctl/undef.h"

/* What everybody may do is to look. */
#define CTL_VERB(n, v, role, result, help) enum { n##_##v##_reads = ((int)CTL_##role == (int)CTL_VIEW)
#define CTL_READS(n, v) + 1
#define CTL_VERB_END(n, v) };
#include "ctl/nouns.def"
#include "ctl/undef.h"

#define CTL_VERB(n, v, role, result, help) enum { n##_##v##_others = 0
#define CTL_ANSWERS(n, v, other) + 1 + CTL_NOUN_##other
#define CTL_VERB_END(n, v) };
#include "ctl/nouns.def"
#include "ctl/undef.h"

const struct ctl_verb_desc ctl_verbs[CTL_VERB_COUNT] = {
#define CTL_VERB(n, v, role, result, help) { CTL_VERB_##n##_##v, CTL_NOUN_##n, \
		n##_##v##_others > 0 ? (enum ctl_noun_id)(n##_##v##_others - 1) : CTL_NOUN_##n, #v, help, #n "." #v, \
		CTL_##role, CTL_##result, n##_##v##_args, ARRAY_LEN(n##_##v##_args) - 1, \
		n##_##v##_reads == 0, n##_##v##_keys_at > 0, n##_##v##_keys_at, \
		sizeof(struct ctl_##n##_##v##_args) },
#include "ctl/nouns.def"
#include "ctl/undef.h"
};

bool ctl_noun_is_log(enum ctl_noun_id noun)
{
	const struct ctl_noun_desc *n = &ctl_nouns[noun];

	return n->field_count > 0 && strcmp(n->fields[0].name, "seq") == 0;
}

static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	}
	return *a == *b;
}

const struct ctl_verb_desc *ctl_verb_find(const char *method)
{
	for (size_t i = 0; i < CTL_VERB_COUNT; i++) {
		if (same_name(ctl_verbs[i].method, method))
			return &ctl_verbs[i];
	}
	return NULL;
}

const struct ctl_verb_desc *ctl_verb_find_words(const char *noun, const char *verb)
{
	const struct ctl_noun_desc *n = ctl_noun_find(noun);

	for (size_t i = 0; n && i < CTL_VERB_COUNT; i++) {
		if (ctl_verbs[i].noun == n->id && same_name(ctl_verbs[i].name, verb))
			return &ctl_verbs[i];
	}
	return NULL;
}

const struct ctl_noun_desc *ctl_noun_find(const char *noun)
{
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++) {
		if (same_name(ctl_nouns[i].name, noun))
			return &ctl_nouns[i];
	}
	return NULL;
}

/* ---- arguments ---- */

/* A verb that makes an object needs all that the object cannot be without; others name it only. */
static bool key_needed(const struct ctl_verb_desc *v, const struct ctl_noun_desc *n,
		       const struct field *key)
{
	bool makes = strcmp(v->name, "create") == 0 || strcmp(v->name, "add") == 0;

	return (key->flags & FIELD_REQUIRED) && (makes || key == &n->keys[0]);
}

static int complain_missing(const struct field *f, struct diag *diag)
{
	return diag_set(diag, -LMS_EDATA, "%.*s: missing (%s%s%s)", (int)field_base_len(f),
			f->name, f->help, f->type == FIELD_ENUM ? ": " : "", f->type == FIELD_ENUM ? f->values : "");
}

static int check_required(const struct ctl_verb_desc *v, const void *args, struct diag *diag)
{
	const struct ctl_noun_desc *n = &ctl_nouns[v->noun];

	for (size_t i = 0; v->takes_keys && i < n->key_count; i++) {
		if (key_needed(v, n, &n->keys[i]) &&
		    !field_present(&n->keys[i], (const char *)args + v->keys_offset))
			return complain_missing(&n->keys[i], diag);
	}
	for (size_t i = 0; i < v->arg_count; i++) {
		if ((v->args[i].flags & FIELD_REQUIRED) && !field_present(&v->args[i], args))
			return complain_missing(&v->args[i], diag);
	}
	return 0;
}

struct field *ctl_all_args(const struct ctl_verb_desc *v, struct arena *arena, size_t *count)
{
	const struct ctl_noun_desc *n = &ctl_nouns[v->noun];
	size_t key_count = v->takes_keys ? n->key_count : 0;
	struct field *all = arena_array(arena, v->arg_count + key_count, sizeof(*all));

	*count = v->arg_count + key_count;
	if (!all)
		return NULL;
	memcpy(all, v->args, v->arg_count * sizeof(*all));
	for (size_t i = 0; i < key_count; i++) {
		all[v->arg_count + i] = n->keys[i];
		all[v->arg_count + i].offset += v->keys_offset;
	}
	return all;
}

int ctl_args_read(const struct ctl_verb_desc *v, const struct json *params, struct arena *arena,
		  void **args, struct diag *diag)
{
	static const struct json nothing = { .type = JSON_OBJECT };
	void *out = arena_alloc(arena, v->args_size);
	struct field *all;
	uint64_t given;
	size_t count;
	int ret;

	all = ctl_all_args(v, arena, &count);
	if (!out || !all)
		return diag_set(diag, -LMS_ENOMEM, "%s", lms_err_text(LMS_ENOMEM));
	if (!params || params->type == JSON_NULL)
		params = &nothing;
	if (params->type != JSON_OBJECT)
		return diag_set(diag, -LMS_EDATA, "params: must be an object");
	ret = fields_read(all, count, params, true, arena, out, &given, diag);
	if (ret)
		return ret;
	*(uint64_t *)out = v->arg_count ? given & (UINT64_MAX >> (64 - v->arg_count)) : 0;
	if (v->takes_keys)
		*(uint64_t *)(void *)((char *)out + v->keys_offset) = given >> v->arg_count;
	*args = out;
	return check_required(v, out, diag);
}

/* ---- records ---- */

void ctl_record_write(const struct ctl_noun_desc *n, const void *rec, struct json_writer *w)
{
	jw_object(w);
	fields_write(n->fields, n->field_count, rec, false, w);
	jw_object_end(w);
}

int ctl_record_read(const struct ctl_noun_desc *n, const struct json *obj, struct arena *arena,
		    void **rec, struct diag *diag)
{
	void *out = arena_alloc(arena, n->record_size);

	if (!out)
		return diag_set(diag, -LMS_ENOMEM, "%s", lms_err_text(LMS_ENOMEM));
	*rec = out;
	return fields_read(n->fields, n->field_count, obj, false, arena, out, NULL, diag);
}

void ctl_record_clear(const struct ctl_noun_desc *n, void *rec)
{
	memset(rec, 0, n->record_size);
	fields_clear(n->fields, n->field_count, rec);
}

void ctl_keys_clear(const struct ctl_noun_desc *n, void *keys)
{
	memset(keys, 0, n->keys_size);
	fields_clear(n->keys, n->key_count, keys);
}

bool ctl_keys_overlay(const struct ctl_noun_desc *n, void *to, const void *from,
		      struct arena *arena)
{
	uint64_t given = *(const uint64_t *)from;
	bool changed = false;

	for (size_t i = 0; i < n->key_count; i++) {
		if (!(given >> i & 1) || field_equal(&n->keys[i], to, from))
			continue;
		fields_copy(&n->keys[i], 1, to, from, arena);
		changed = true;
	}
	*(uint64_t *)to |= given;
	return changed;
}
