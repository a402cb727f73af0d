/* ctl/schema.c - the control protocol as JSON Schema: what `lmsctl schema` prints. */
#include <string.h>

#include "ctl/ctl.h"

static void write_type(struct json_writer *w, const char *type, bool nullable)
{
	jw_key(w, "type");
	if (!nullable) {
		jw_str(w, type);
		return;
	}
	jw_array(w);
	jw_str(w, type);
	jw_str(w, "null");
	jw_array_end(w);
}

static void write_enum(struct json_writer *w, const char *values, bool nullable)
{
	jw_key(w, "enum");
	jw_array(w);
	for (const char *v = values; *v;) {
		size_t len = strcspn(v, "|");

		jw_strn(w, v, len);
		v += len + (v[len] == '|');
	}
	if (nullable)
		jw_null(w);
	jw_array_end(w);
}

static void write_phases(struct json_writer *w, bool nullable)
{
	write_type(w, "array", nullable);
	jw_key(w, "items");
	jw_object(w);
	write_type(w, "integer", true);
	jw_object_end(w);
	jw_kint(w, "minItems", PHASES);
	jw_kint(w, "maxItems", PHASES);
}

static void write_field(struct json_writer *w, const struct field *f)
{
	bool nullable = !(f->flags & FIELD_REQUIRED);

	jw_key(w, f->name);
	jw_object(w);
	switch (f->type) {
	case FIELD_ID:
		write_type(w, "string", nullable);
		jw_kint(w, "minLength", 1);
		jw_kint(w, "maxLength", ID_MAX);
		break;
	case FIELD_TEXT:
		write_type(w, "string", nullable);
		break;
	case FIELD_ENUM:
		write_enum(w, f->values, nullable);
		break;
	case FIELD_BOOL:
		write_type(w, "boolean", nullable);
		break;
	case FIELD_PHASE_MA:
		write_phases(w, nullable);
		break;
	case FIELD_TIME:
		write_type(w, "string", nullable);
		jw_kstr(w, "format", "date-time");
		break;
	case FIELD_INT:
	case FIELD_MA:
	case FIELD_W:
	case FIELD_WH:
	case FIELD_MS:
	case FIELD_PERMILLE:
		write_type(w, "integer", nullable);
		break;
	case FIELD_JSON:
		break;
	}
	jw_kstr(w, "description", f->help);
	jw_object_end(w);
}

static void write_required(struct json_writer *w, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fields[i].flags & FIELD_REQUIRED)
			jw_str(w, fields[i].name);
	}
}

static void write_params(struct json_writer *w, const struct ctl_verb_desc *v)
{
	const struct ctl_noun_desc *n = &ctl_nouns[v->noun];

	jw_key(w, "params");
	jw_object(w);
	jw_kstr(w, "type", "object");
	jw_key(w, "properties");
	jw_object(w);
	for (size_t i = 0; v->takes_keys && i < n->key_count; i++)
		write_field(w, &n->keys[i]);
	for (size_t i = 0; i < v->arg_count; i++)
		write_field(w, &v->args[i]);
	jw_object_end(w);
	jw_key(w, "required");
	jw_array(w);
	if (v->takes_keys)
		write_required(w, n->keys, n->key_count > 0);
	write_required(w, v->args, v->arg_count);
	jw_array_end(w);
	jw_kbool(w, "additionalProperties", false);
	jw_object_end(w);
}

static void write_roles(struct json_writer *w, enum ctl_least least)
{
	static const struct { enum ctl_role role; const char *name; } roles[] = {
		{ CTL_ROLE_VIEW, "view" }, { CTL_ROLE_OPERATOR, "operator" },
		{ CTL_ROLE_TECHNICIAN, "technician" }, { CTL_ROLE_ADMIN, "admin" },
	};

	jw_key(w, "roles");
	jw_array(w);
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if ((unsigned)least & (unsigned)roles[i].role)
			jw_str(w, roles[i].name);
	}
	jw_array_end(w);
}

static void write_ref(struct json_writer *w, const char *noun)
{
	struct buf ref;

	buf_init(&ref);
	buf_printf(&ref, "#/$defs/%s", noun);
	jw_kstr(w, "$ref", buf_cstr(&ref));
	buf_fini(&ref);
}

static void write_result(struct json_writer *w, const struct ctl_verb_desc *v)
{
	const char *noun = ctl_nouns[v->records].name;

	jw_key(w, "result");
	jw_object(w);
	if (v->result == CTL_RECORD) {
		write_ref(w, noun);
	} else if (v->result == CTL_LIST) {
		jw_kstr(w, "type", "object");
		jw_key(w, "properties");
		jw_object(w);
		jw_key(w, "items");
		jw_object(w);
		jw_kstr(w, "type", "array");
		jw_key(w, "items");
		jw_object(w);
		write_ref(w, noun);
		jw_object_end(w);
		jw_object_end(w);
		jw_key(w, "next");
		jw_object(w);
		write_type(w, "string", true);
		jw_object_end(w);
		if (ctl_noun_is_log(v->records)) {
			jw_key(w, "seen");
			jw_object(w);
			write_type(w, "string", false);
			jw_object_end(w);
			jw_key(w, "lagged");
			jw_object(w);
			write_type(w, "boolean", false);
			jw_object_end(w);
		}
		jw_object_end(w);
	} else if (v->result == CTL_STATION || v->result == CTL_DONE) {
		jw_kstr(w, "type", "object");
	}
	jw_object_end(w);
}

void ctl_schema_write(struct json_writer *w)
{
	jw_object(w);
	jw_kstr(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
	jw_kstr(w, "title", "lmsd control protocol");
	jw_kint(w, "protocol", CTL_PROTOCOL_VERSION);
	jw_key(w, "$defs");
	jw_object(w);
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++) {
		jw_key(w, ctl_nouns[i].name);
		jw_object(w);
		jw_kstr(w, "type", "object");
		jw_kstr(w, "description", ctl_nouns[i].help);
		jw_key(w, "properties");
		jw_object(w);
		for (size_t k = 0; k < ctl_nouns[i].field_count; k++)
			write_field(w, &ctl_nouns[i].fields[k]);
		jw_object_end(w);
		jw_object_end(w);
	}
	jw_object_end(w);
	jw_key(w, "methods");
	jw_object(w);
	for (size_t i = 0; i < CTL_VERB_COUNT; i++) {
		jw_key(w, ctl_verbs[i].method);
		jw_object(w);
		jw_kstr(w, "description", ctl_verbs[i].help);
		write_roles(w, ctl_verbs[i].role);
		write_params(w, &ctl_verbs[i]);
		write_result(w, &ctl_verbs[i]);
		jw_object_end(w);
	}
	jw_object_end(w);
	jw_object_end(w);
}
