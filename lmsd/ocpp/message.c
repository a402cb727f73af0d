/* ocpp/message.c - checks payloads against the table, and writes them in its order.
 *
 * The OCPP-J error codes are chosen as section 4.2.3 defines them: a wrong JSON type is a
 * TypeConstraintViolation, a missing member an OccurenceConstraintViolation (spelled so there),
 * a wrong value a PropertyConstraintViolation.
 */
#include "ocpp/message.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/fields.h"
#include "base/timefmt.h"

#define REQ OCPP_REQ
#define ODD OCPP_ODD
#define SOFT OCPP_SOFT
#define OCPP_TYPE(name) static const struct ocpp_field fields_##name[] = {
#define OCPP_TYPE_END(t) { .name = NULL } }; \
	static const struct ocpp_type type_##t = { #t, fields_##t };
#define OCPP_STR(n, most, fl) { .name = #n, .kind = OCPP_KIND_STR, .flags = fl, .max = most },
#define OCPP_STRS(n, most, fl) { .name = #n, .kind = OCPP_KIND_STRS, .flags = fl, .max = most },
#define OCPP_ENUM(n, words, fl) { .name = #n, .kind = OCPP_KIND_ENUM, .flags = fl, .values = words },
#define OCPP_INT(n, fl) { .name = #n, .kind = OCPP_KIND_INT, .flags = fl },
#define OCPP_DEC(n, fl) { .name = #n, .kind = OCPP_KIND_DEC, .flags = fl },
#define OCPP_BOOL(n, fl) { .name = #n, .kind = OCPP_KIND_BOOL, .flags = fl },
#define OCPP_TIME(n, fl) { .name = #n, .kind = OCPP_KIND_TIME, .flags = fl },
#define OCPP_OBJ(n, t, fl) { .name = #n, .kind = OCPP_KIND_OBJ, .flags = fl, .type = &type_##t },
#define OCPP_LIST(n, t, fl) { .name = #n, .kind = OCPP_KIND_LIST, .flags = fl, .type = &type_##t },
#define OCPP_MESSAGE(action, sender, profile)
#include "ocpp/ocpp16.def"
#undef REQ
#undef ODD
#undef SOFT

#define OCPP_TYPE(name)
#define OCPP_TYPE_END(name)
#define OCPP_STR(name, most, flags)
#define OCPP_STRS(name, most, flags)
#define OCPP_ENUM(name, words, flags)
#define OCPP_INT(name, flags)
#define OCPP_DEC(name, flags)
#define OCPP_BOOL(name, flags)
#define OCPP_TIME(name, flags)
#define OCPP_OBJ(name, type, flags)
#define OCPP_LIST(name, type, flags)
#define OCPP_MESSAGE(a, s, p) { #a, OCPP_FROM_##s, OCPP_##p, &type_##a##_req, &type_##a##_conf },
const struct ocpp_message ocpp_messages[OCPP_ACTION_COUNT] = {
#include "ocpp/ocpp16.def"
};

static const char TYPE[] = "TypeConstraintViolation";
static const char OCCURENCE[] = "OccurenceConstraintViolation";
static const char PROPERTY[] = "PropertyConstraintViolation";

const struct ocpp_message *ocpp_message_find(const char *action)
{
	for (size_t i = 0; i < OCPP_ACTION_COUNT; i++) {
		if (ocpp_messages[i].action[0] == action[0] && strcmp(ocpp_messages[i].action, action) == 0)
			return &ocpp_messages[i];
	}
	return NULL;
}

const char *ocpp_read_text(const struct json *j)
{
	return j && (j->type == JSON_STRING || j->type == JSON_NUMBER) ? j->text : NULL;
}

int ocpp_read_int(const struct json *j, int64_t *out)
{
	return json_int(j, out) == 0 ? 0 : json_fixed(j, 1, out);
}

static bool violate(struct ocpp_violation *v, const char *code, const char *name, const char *what)
{
	v->code = code;
	snprintf(v->text, sizeof(v->text), "%s: %s", name, what);
	return false;
}

/* Continuation bytes are no characters. */
static size_t characters(const struct json *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->len; i++)
		n += ((unsigned char)j->text[i] & 0xc0) != 0x80;
	return n;
}

static bool check_text(const struct ocpp_field *f, const struct json *j, struct ocpp_violation *v)
{
	bool odd = f->flags & OCPP_ODD;
	wall_t time;

	if (j->type != JSON_STRING)
		return (odd && j->type == JSON_NUMBER) || violate(v, TYPE, f->name, "must be a string");
	if (odd)
		return true;
	if (f->kind == OCPP_KIND_TIME)
		return rfc3339_parse(j->text, j->len, &time) == 0 ||
			violate(v, PROPERTY, f->name, "is not a date and time");
	if (f->kind == OCPP_KIND_ENUM)
		return enum_index(f->values, j->text) >= 0 ||
			violate(v, PROPERTY, f->name, "is none of the values that OCPP 1.6 knows");
	return f->max == 0 || characters(j) <= f->max || violate(v, PROPERTY, f->name, "is too long");
}

static bool check_int(const struct ocpp_field *f, const struct json *j, struct ocpp_violation *v)
{
	int64_t value;
	int ret = f->flags & OCPP_ODD ? ocpp_read_int(j, &value) : json_int(j, &value);

	if (ret)
		return violate(v, TYPE, f->name, "must be an integer");
	if (value < INT32_MIN || value > INT64_C(0xffffffff))
		return violate(v, PROPERTY, f->name, "is out of range");
	return true;
}

static bool check_list(const struct ocpp_field *f, const struct json *j, struct ocpp_violation *v)
{
	struct ocpp_field item = { .name = f->name, .kind = OCPP_KIND_STR, .max = f->max, .flags = f->flags };

	if (j->type != JSON_ARRAY)
		return violate(v, TYPE, f->name, "must be an array");
	if (j->count == 0 && f->flags & OCPP_REQ)
		return violate(v, OCCURENCE, f->name, "must have an item");
	for (const struct json *i = j->first; i; i = i->next) {
		if (f->kind == OCPP_KIND_STRS ? !check_text(&item, i, v) : !ocpp_payload_check(f->type, i, v))
			return false;
	}
	return true;
}

static bool check_value(const struct ocpp_field *f, const struct json *j, struct ocpp_violation *v)
{
	int64_t value;

	switch (f->kind) {
	case OCPP_KIND_STR:
	case OCPP_KIND_ENUM:
	case OCPP_KIND_TIME:
		return check_text(f, j, v);
	case OCPP_KIND_INT:
		return check_int(f, j, v);
	case OCPP_KIND_DEC:
		return (j->type == JSON_NUMBER && json_fixed(j, 1000, &value) == 0) ||
			violate(v, TYPE, f->name, "must be a number");
	case OCPP_KIND_BOOL:
		return j->type == JSON_BOOL || violate(v, TYPE, f->name, "must be true or false");
	case OCPP_KIND_OBJ:
		return j->type == JSON_OBJECT ? ocpp_payload_check(f->type, j, v) :
			violate(v, TYPE, f->name, "must be an object");
	case OCPP_KIND_STRS:
	case OCPP_KIND_LIST:
		break;
	}
	return check_list(f, j, v);
}

bool ocpp_payload_check(const struct ocpp_type *type, const struct json *payload, struct ocpp_violation *v)
{
	if (payload->type != JSON_OBJECT)
		return violate(v, TYPE, type->name, "must be an object");
	for (const struct ocpp_field *f = type->fields; f->name; f++) {
		const struct json *j = f->flags & OCPP_SOFT ? NULL : json_get(payload, f->name);

		if (f->flags & OCPP_SOFT)
			continue;
		if (!j || j->type == JSON_NULL) {
			/* null for an optional member is a habit of some stations. */
			if (f->flags & OCPP_REQ)
				return violate(v, OCCURENCE, f->name, "is missing");
		} else if (!check_value(f, j, v)) {
			return false;
		}
	}
	return true;
}

static bool knows(const struct ocpp_type *type, const char *name)
{
	for (const struct ocpp_field *f = type->fields; f->name; f++) {
		if (strcmp(f->name, name) == 0)
			return true;
	}
	return false;
}

static void write_value(const struct ocpp_field *f, const struct json *j, struct json_writer *w)
{
	if (f->kind == OCPP_KIND_OBJ && j->type == JSON_OBJECT) {
		ocpp_payload_write(f->type, j, w);
	} else if (f->kind == OCPP_KIND_LIST && j->type == JSON_ARRAY) {
		jw_array(w);
		for (const struct json *i = j->first; i; i = i->next) {
			if (i->type == JSON_OBJECT)
				ocpp_payload_write(f->type, i, w);
			else
				jw_copy(w, i);
		}
		jw_array_end(w);
	} else {
		jw_copy(w, j);
	}
}

void ocpp_payload_write(const struct ocpp_type *type, const struct json *payload, struct json_writer *w)
{
	jw_object(w);
	for (const struct ocpp_field *f = type->fields; f->name; f++) {
		const struct json *j = json_get(payload, f->name);

		if (!j)
			continue;
		jw_key(w, f->name);
		write_value(f, j, w);
	}
	for (const struct json *j = payload->first; j; j = j->next) {
		if (knows(type, j->key))
			continue;
		jw_key(w, j->key);
		jw_copy(w, j);
	}
	jw_object_end(w);
}
