/* base/fields.c - the codec of field tables: JSON and text to C members and back.
 *
 * Invariant: what fields_write() or field_format(raw) writes, the reader of that field reads back
 * to the same value. Input from people is strict; what lmsd or the store wrote is taken leniently,
 * for a newer writer may know more names and enum values than this reader.
 */
#include "base/fields_access.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

const struct field_type_info field_types[] = {
	[FIELD_ID] = { "", "a string", NULL },
	[FIELD_TEXT] = { "", "a string", NULL },
	[FIELD_ENUM] = { "", "a string", NULL },
	[FIELD_BOOL] = { "", "true or false", NULL },
	[FIELD_INT] = { "", "a whole number", NULL },
	[FIELD_MA] = { "_ma", "a whole number of mA", "a current such as \"30A\" or 30" },
	[FIELD_PHASE_MA] = { "_ma", "whole numbers of mA such as [16000,16000,null], or one for all",
			     "currents such as \"16,16,20\", [16,16,null] or 16" },
	[FIELD_W] = { "_w", "a whole number of W", "a power such as \"11kW\" or 11000" },
	[FIELD_WH] = { "_wh", "a whole number of Wh", "an energy such as \"20kWh\" or 20000" },
	[FIELD_MS] = { "_ms", "a whole number of ms", "a time span such as \"5m\", or seconds" },
	[FIELD_PERMILLE] = { "_permille", "a whole number of thousandths",
			     "a share such as \"20%\" or 0.2" },
	[FIELD_TIME] = { "", "a time such as \"2026-05-31T23:59:59Z\"", NULL },
	[FIELD_JSON] = { "", "JSON", NULL },
};

void field_clear(const struct field *f, void *rec)
{
	if (f->type == FIELD_PHASE_MA)
		*(struct phase_ma *)field_member(f, rec) =
			(struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	else if (field_is_string(f))
		*(const char **)field_member(f, rec) = NULL;
	else
		*(int64_t *)field_member(f, rec) = NUM_NONE;
}

/* ---- names ---- */

size_t field_base_len(const struct field *f)
{
	const char *suffix = field_types[f->type].suffix;
	size_t len = strlen(f->name), suffix_len = strlen(suffix);

	if (suffix_len < len && strcmp(f->name + len - suffix_len, suffix) == 0)
		return len - suffix_len;
	return len;
}

const struct field *field_find(const struct field *fields, size_t count, const char *name,
			       bool *human)
{
	size_t len = strlen(name);

	if (human)
		*human = false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	}
	for (size_t i = 0; i < count; i++) {
		if (field_base_len(&fields[i]) != len || strncmp(fields[i].name, name, len) != 0)
			continue;
		if (human)
			*human = true;
		return &fields[i];
	}
	return NULL;
}

void fields_clear(const struct field *fields, size_t count, void *rec)
{
	for (size_t i = 0; i < count; i++)
		field_clear(&fields[i], rec);
}

bool field_present(const struct field *f, const void *rec)
{
	const struct phase_ma *p;

	if (field_is_string(f))
		return field_str(f, rec) != NULL;
	if (f->type != FIELD_PHASE_MA)
		return field_num(f, rec) != NUM_NONE;
	p = field_phases(f, rec);
	return p->l[0] != NUM_NONE || p->l[1] != NUM_NONE || p->l[2] != NUM_NONE;
}

/* ---- enumerations ---- */

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_word(const char *a, const char *b, size_t len, bool any_case)
{
	for (size_t i = 0; i < len; i++) {
		if (a[i] != b[i] && (!any_case || fold(a[i]) != fold(b[i])))
			return false;
	}
	return true;
}

const char *field_enum_find(const char *values, const char *s, bool any_case, int *index)
{
	size_t s_len = strlen(s);
	int i = 0;

	for (const char *v = values; *v; i++) {
		size_t len = strcspn(v, "|");

		if (len == s_len && same_word(v, s, len, any_case)) {
			if (index)
				*index = i;
			return v;
		}
		v += len + (v[len] == '|');
	}
	return NULL;
}

int enum_index(const char *values, const char *s)
{
	int index = -1;

	if (values && s)
		field_enum_find(values, s, false, &index);
	return index;
}

/* ---- writing ---- */

static void write_value(const struct field *f, const void *rec, struct json_writer *w)
{
	char time[RFC3339_MAX];

	if (!field_present(f, rec)) {
		jw_null(w);
	} else if (f->type == FIELD_JSON) {
		jw_raw(w, field_str(f, rec), strlen(field_str(f, rec)));
	} else if (field_is_string(f)) {
		jw_str(w, field_str(f, rec));
	} else if (f->type == FIELD_BOOL) {
		jw_bool(w, field_num(f, rec) != 0);
	} else if (f->type == FIELD_TIME) {
		jw_str(w, rfc3339_format(field_num(f, rec), time));
	} else if (f->type == FIELD_PHASE_MA) {
		jw_array(w);
		for (int i = 0; i < PHASES; i++)
			jw_int(w, field_phases(f, rec)->l[i]);
		jw_array_end(w);
	} else {
		jw_int(w, field_num(f, rec));
	}
}

void fields_write(const struct field *fields, size_t count, const void *rec, bool nulls,
		  struct json_writer *w)
{
	for (size_t i = 0; i < count; i++) {
		if (!nulls && !field_present(&fields[i], rec))
			continue;
		jw_key(w, fields[i].name);
		write_value(&fields[i], rec, w);
	}
}

static void format_raw(const struct field *f, const void *rec, struct buf *out)
{
	char time[RFC3339_MAX];

	if (!field_present(f, rec))
		return;
	if (field_is_string(f)) {
		buf_puts(out, field_str(f, rec));
	} else if (f->type == FIELD_BOOL) {
		buf_puts(out, field_num(f, rec) ? "true" : "false");
	} else if (f->type == FIELD_TIME) {
		buf_puts(out, rfc3339_format(field_num(f, rec), time));
	} else if (f->type == FIELD_PHASE_MA) {
		for (int i = 0; i < PHASES; i++) {
			int64_t ma = field_phases(f, rec)->l[i];

			if (i)
				buf_putc(out, '/');
			if (ma == NUM_NONE)
				buf_putc(out, '-');
			else
				buf_printf(out, "%lld", (long long)ma);
		}
	} else {
		buf_printf(out, "%lld", (long long)field_num(f, rec));
	}
}

static void format_local_time(wall_t t, const struct time_zone *tz, struct buf *out)
{
	struct civil c;

	civil_from_wall(t, tz_offset_s(tz, t), &c);
	buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d%s", c.year, c.month, c.day, c.hour, c.minute,
		   c.second, tz ? "" : "Z");
}

static void format_ms(int64_t ms, struct buf *out)
{
	int64_t us;

	if (ms > -1000 && ms < 1000)
		buf_printf(out, "%lld ms", (long long)ms);
	else if (!__builtin_mul_overflow(ms, US_PER_MS, &us))
		fmt_span(out, us);
	else
		buf_printf(out, "%lld s", (long long)(ms / 1000));
}

static void format_permille(int64_t pm, struct buf *out)
{
	buf_printf(out, "%s%lld", pm < 0 ? "-" : "", (long long)(pm < 0 ? -(pm / 10) : pm / 10));
	if (pm % 10)
		buf_printf(out, ".%lld", (long long)(pm < 0 ? -(pm % 10) : pm % 10));
	buf_putc(out, '%');
}

void field_format(const struct field *f, const void *rec, bool human, const struct time_zone *tz,
		  struct buf *out)
{
	if (!human) {
		format_raw(f, rec, out);
		return;
	}
	if (!field_present(f, rec)) {
		buf_putc(out, '-');
		return;
	}
	switch (f->type) {
	case FIELD_BOOL:
		buf_puts(out, field_num(f, rec) ? "yes" : "no");
		return;
	case FIELD_MA:
		fmt_ma(out, field_num(f, rec));
		return;
	case FIELD_PHASE_MA:
		fmt_phase_ma(out, field_phases(f, rec));
		return;
	case FIELD_W:
		fmt_w(out, field_num(f, rec));
		return;
	case FIELD_WH:
		fmt_wh(out, field_num(f, rec));
		return;
	case FIELD_MS:
		format_ms(field_num(f, rec), out);
		return;
	case FIELD_PERMILLE:
		format_permille(field_num(f, rec), out);
		return;
	case FIELD_TIME:
		format_local_time(field_num(f, rec), tz, out);
		return;
	case FIELD_ID:
	case FIELD_TEXT:
	case FIELD_ENUM:
	case FIELD_INT:
	case FIELD_JSON:
		format_raw(f, rec, out);
		return;
	}
}

/* ---- comparing and copying ---- */

bool field_equal(const struct field *f, const void *a, const void *b)
{
	const char *x, *y;

	if (f->type == FIELD_PHASE_MA)
		return memcmp(field_phases(f, a), field_phases(f, b), sizeof(struct phase_ma)) == 0;
	if (!field_is_string(f))
		return field_num(f, a) == field_num(f, b);
	x = field_str(f, a);
	y = field_str(f, b);
	return x == y || (x && y && strcmp(x, y) == 0);
}

void fields_copy(const struct field *fields, size_t count, void *to, const void *from,
		 struct arena *arena)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		if (f->type == FIELD_PHASE_MA)
			*(struct phase_ma *)field_member(f, to) = *field_phases(f, from);
		else if (field_is_string(f))
			*(const char **)field_member(f, to) =
				arena_strdup(arena, field_str(f, from));
		else
			*(int64_t *)field_member(f, to) = field_num(f, from);
	}
}
