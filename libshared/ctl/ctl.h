/* ctl/ctl.h - the control protocol, expanded from the tables libshared/ctl/NOUN.def.
 *
 * JSON-RPC 2.0, one object per line, methods are "noun.verb" (lmsd-control(7)). For each noun:
 *   struct ctl_NOUN_keys   what create, set and apply may change; the first key is the identity
 *   struct ctl_NOUN        the record that show and list answer: keys and live fields, flat in JSON
 *   struct ctl_NOUN_VERB_args
 */
#pragma once

#include "base/fields.h"

#define CTL_PROTOCOL_VERSION 1

/* Roles are a set: a person has the union of what the groups give; an administrator has all. */
enum ctl_role {
	CTL_ROLE_VIEW = 1,
	CTL_ROLE_OPERATOR = 2,		/* tags, transactions, start and stop */
	CTL_ROLE_TECHNICIAN = 4,	/* zones, meters, stations */
	CTL_ROLE_ADMIN = 8
};
/* What a verb's least role admits. */
enum ctl_least {
	CTL_VIEW = CTL_ROLE_VIEW | CTL_ROLE_OPERATOR | CTL_ROLE_TECHNICIAN | CTL_ROLE_ADMIN,
	CTL_OPERATOR = CTL_ROLE_OPERATOR | CTL_ROLE_ADMIN,
	CTL_TECHNICIAN = CTL_ROLE_TECHNICIAN | CTL_ROLE_ADMIN,
	CTL_STAFF = CTL_ROLE_OPERATOR | CTL_ROLE_TECHNICIAN | CTL_ROLE_ADMIN,
	CTL_ADMIN = CTL_ROLE_ADMIN
};

enum ctl_result {
	CTL_RECORD,	/* result: one record of the noun */
	CTL_LIST,	/* result: {"items": [records], "next": cursor or null} */
	CTL_DONE,	/* result: {} or {"changed": bool, …} */
	CTL_STATION,	/* result: {"status": station's own answer, …}; exit 6 unless Accepted-like */
	CTL_TEXT	/* result: free JSON, printed as it is */
};

/* C types of the field types */
#define CTL_C_ID	const char *
#define CTL_C_TEXT	const char *
#define CTL_C_ENUM	const char *
#define CTL_C_JSON	const char *
#define CTL_C_BOOL	int64_t
#define CTL_C_INT	int64_t
#define CTL_C_MA	int64_t
#define CTL_C_PHASE_MA	struct phase_ma
#define CTL_C_W		int64_t
#define CTL_C_WH	int64_t
#define CTL_C_MS	int64_t
#define CTL_C_PERMILLE	int64_t
#define CTL_C_TIME	wall_t

/* struct ctl_NOUN_keys */
#define CTL_NOUN(n, help) struct ctl_##n##_keys { uint64_t given; /* bit i: key i was in the input */
#define CTL_KEY(n, name, type, values, flags, help) CTL_C_##type name;
#define CTL_NOUN_END(n) };
#include "ctl/nouns.def"
#include "ctl/undef.h"

/* struct ctl_NOUN */
#define CTL_NOUN(n, help) struct ctl_##n { struct ctl_##n##_keys keys;
#define CTL_FIELD(n, name, type, values, flags, help) CTL_C_##type name;
#define CTL_NOUN_END(n) };
#include "ctl/nouns.def"
#include "ctl/undef.h"

/* struct ctl_NOUN_VERB_args */
#define CTL_VERB(n, v, role, result, help) struct ctl_##n##_##v##_args { uint64_t given;
#define CTL_ARG(n, v, name, type, values, flags, help) CTL_C_##type name;
#define CTL_ARG_KEYS(n, v) struct ctl_##n##_keys keys;
#define CTL_VERB_END(n, v) };
#include "ctl/nouns.def"
#include "ctl/undef.h"

enum ctl_noun_id {
#define CTL_NOUN(n, help) CTL_NOUN_##n,
#include "ctl/nouns.def"
#include "ctl/undef.h"
	CTL_NOUN_COUNT
};

enum ctl_verb_id {
#define CTL_VERB(n, v, role, result, help) CTL_VERB_##n##_##v,
#include "ctl/nouns.def"
#include "ctl/undef.h"
	CTL_VERB_COUNT
};

struct ctl_noun_desc {
	enum ctl_noun_id id;
	const char *name, *help;
	const struct field *keys;	size_t key_count;	/* offsets into ctl_NOUN_keys */
	const struct field *fields;	size_t field_count;	/* offsets into ctl_NOUN, keys first */
	size_t keys_size, record_size;
};

struct ctl_verb_desc {
	enum ctl_verb_id id;
	enum ctl_noun_id noun;
	enum ctl_noun_id records;	/* what it answers are records of: `noun`, mostly */
	const char *name, *help;	/* "set" */
	const char *method;		/* "zone.set" */
	enum ctl_least role;
	enum ctl_result result;
	const struct field *args;	size_t arg_count;	/* offsets into the args struct */
	bool changes;			/* not only reads: who did it is recorded, and it cannot be watched */
	bool takes_keys;		/* the noun's keys are arguments too */
	size_t keys_offset, args_size;
};

/* Records of such a noun are things that happened: numbered, never changed, followed from a number on. */
bool ctl_noun_is_log(enum ctl_noun_id noun);

extern const struct ctl_noun_desc ctl_nouns[CTL_NOUN_COUNT];
extern const struct ctl_verb_desc ctl_verbs[CTL_VERB_COUNT];

/* NULL if unknown. `method` is "noun.verb"; "-" and "_" in verbs are the same to people. */
const struct ctl_verb_desc *ctl_verb_find(const char *method);
const struct ctl_verb_desc *ctl_verb_find_words(const char *noun, const char *verb);
const struct ctl_noun_desc *ctl_noun_find(const char *noun);

/* The verb's own arguments and then, if it takes them, the noun's keys, as one table with offsets into
 * the args struct; in the arena (NULL when its budget is spent). */
struct field *ctl_all_args(const struct ctl_verb_desc *v, struct arena *arena, size_t *count);
/* Decodes "params" (NULL = none) into an args struct in the arena; unknown or missing ones are refused
 * by name. Keys that the verb takes are read into its `keys` with their `given` bits. */
int ctl_args_read(const struct ctl_verb_desc *v, const struct json *params, struct arena *arena,
		  void **args, struct diag *diag);
/* Appends one record as an object. */
void ctl_record_write(const struct ctl_noun_desc *n, const void *rec, struct json_writer *w);
/* Reads a record that lmsd sent; unknown fields are ignored. The struct lives in the arena. */
int ctl_record_read(const struct ctl_noun_desc *n, const struct json *obj, struct arena *arena,
		    void **rec, struct diag *diag);
/* An empty record: everything absent. */
void ctl_record_clear(const struct ctl_noun_desc *n, void *rec);
void ctl_keys_clear(const struct ctl_noun_desc *n, void *keys);
/* to := to overlaid with those keys of `from` that are given. Strings are copied into the arena.
 * Returns whether anything changed. */
bool ctl_keys_overlay(const struct ctl_noun_desc *n, void *to, const void *from, struct arena *arena);
/* May a job give this verb to many stations? It asks one, named by its first argument, and tells its answer. */
bool ctl_is_for_stations(const struct ctl_verb_desc *v);
/* OCPP 1.6 says yes in several words: Accepted, Scheduled, Unlocked … */
bool ctl_status_is_yes(const char *status);
/* How the answer of a verb that asks a station is meant: 0, or -LMS_EREFUSED. */
int ctl_verdict(const struct ctl_verb_desc *v, const struct json *result);
/* JSON Schema of methods and records, for `lmsctl schema`. */
void ctl_schema_write(struct json_writer *w);
