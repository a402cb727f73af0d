/* base/fields_access.h - a field's place in its record: for the files of the codec only. */
#pragma once

#include "base/fields.h"

struct field_type_info {
	const char *suffix;
	const char *raw;	/* what JSON must hold under the full name */
	const char *human;	/* … under the name without suffix; NULL = there is no suffix */
};
extern const struct field_type_info field_types[];

static inline bool field_is_string(const struct field *f)
{
	return f->type == FIELD_ID || f->type == FIELD_TEXT || f->type == FIELD_ENUM ||
	       f->type == FIELD_JSON;
}

static inline void *field_member(const struct field *f, void *rec)
{
	return (char *)rec + f->offset;
}

static inline const void *field_member_const(const struct field *f, const void *rec)
{
	return (const char *)rec + f->offset;
}

static inline const char *field_str(const struct field *f, const void *rec)
{
	return *(const char *const *)field_member_const(f, rec);
}

static inline int64_t field_num(const struct field *f, const void *rec)
{
	return *(const int64_t *)field_member_const(f, rec);
}

static inline const struct phase_ma *field_phases(const struct field *f, const void *rec)
{
	return field_member_const(f, rec);
}

void field_clear(const struct field *f, void *rec);
/* Where in `values` s stands, with its length; NULL if it does not. */
const char *field_enum_find(const char *values, const char *s, bool any_case, int *index);
