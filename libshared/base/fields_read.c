/* base/fields_read.c - the reading half of the codec: JSON and words of people into C members.
 *
 * Messages name the field as it was written, and say what to write instead.
 */
#include "base/fields_access.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"

#define TEXT_MAX 500
#define FILE_TEXT_MAX 65536
#define FIELDS_MAX 64
#define KNOWN_MAX 240	/* bytes of names in a message */

/* One value on its way in. */
struct in {
	const struct field *f;
	const char *name;	/* as it was written: for messages */
	bool human, strict;
	struct arena *arena;
	struct diag *diag;
};

static int wrong_type(const struct in *in)
{
	const struct field_type_info *t = &field_types[in->f->type];

	if (!in->human && t->human && field_base_len(in->f) < strlen(in->f->name))
		return diag_set(in->diag, -LMS_EDATA, "%s: must be %s (%.*s takes %s)", in->name,
				t->raw, (int)field_base_len(in->f), in->f->name, t->human);
	return diag_set(in->diag, -LMS_EDATA, "%s: must be %s", in->name,
			in->human && t->human ? t->human : t->raw);
}

/* Moves what a text parser said under the field's name. */
static int pass_on(const struct in *in, const struct diag *said)
{
	return diag_set(in->diag, said->err, "%s: %s", in->name, said->text);
}

static int keep_str(const struct in *in, const char *s, size_t len, void *rec)
{
	char *copy = arena_strndup(in->arena, s, len);

	if (!copy)
		return diag_set(in->diag, -LMS_ENOMEM, "%s: %s", in->name,
				lms_err_text(LMS_ENOMEM));
	*(const char **)field_member(in->f, rec) = copy;
	return 0;
}

#define SUGGEST_MAX 32

/* "a|b|c" as "a, b or c", and the one that was probably meant. */
static int complain_enum(const struct in *in, const char *s)
{
	char words[SUGGEST_MAX][40], list[300] = "", shown[48];
	const char *candidates[SUGGEST_MAX], *nearest;
	size_t count = 0, used = 0;
	struct buf escaped;

	for (const char *v = in->f->values; *v && count < SUGGEST_MAX;) {
		size_t len = strcspn(v, "|");
		const char *joint = count == 0 ? "" : v[len] ? ", " : " or ";

		snprintf(words[count], sizeof(words[count]), "%.*s", (int)len, v);
		candidates[count] = words[count];
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", joint,
						 words[count]);
		count++;
		v += len + (v[len] == '|');
	}
	buf_init(&escaped);
	text_escape(&escaped, s, strnlen(s, 40));
	snprintf(shown, sizeof(shown), "%s", buf_cstr(&escaped));
	buf_fini(&escaped);
	nearest = text_nearest(s, candidates, count);
	if (nearest)
		return diag_set(in->diag, -LMS_EDATA,
				"%s: '%s' is not one of %s (did you mean '%s'?)", in->name, shown,
				list, nearest);
	return diag_set(in->diag, -LMS_EDATA, "%s: '%s' is not one of %s", in->name, shown, list);
}

static int take_string(const struct in *in, const char *s, size_t len, void *rec)
{
	struct diag said;
	const char *canonical;

	diag_init(&said);
	if (memchr(s, '\0', len) || !utf8_valid(s, len))
		return diag_set(in->diag, -LMS_EDATA, "%s: is not valid UTF-8 text", in->name);
	if (in->f->type == FIELD_ENUM) {
		canonical = field_enum_find(in->f->values, s, true, NULL);
		if (canonical)
			return keep_str(in, canonical, len, rec);
		return in->strict ? complain_enum(in, s) : keep_str(in, s, len, rec);
	}
	if (in->strict && len > (in->f->flags & FIELD_FILE ? FILE_TEXT_MAX : TEXT_MAX))
		return diag_set(in->diag, -LMS_ERANGE, "%s: is longer than %d bytes", in->name,
				in->f->flags & FIELD_FILE ? FILE_TEXT_MAX : TEXT_MAX);
	if (in->strict && in->f->type == FIELD_ID && id_check(s, "an identity", &said))
		return pass_on(in, &said);
	return keep_str(in, s, len, rec);
}

static int take_json(const struct in *in, const struct json *j, void *rec)
{
	struct json_writer w;
	struct buf text;
	int ret;

	buf_init(&text);
	jw_init(&w, &text);
	jw_copy(&w, j);
	ret = keep_str(in, buf_cstr(&text), text.len, rec);
	buf_fini(&text);
	return ret;
}

/* A quantity as a person writes it. */
static int parse_human(enum field_type type, const char *text, int64_t *out, struct diag *d)
{
	int ret;

	switch (type) {
	case FIELD_MA:
		return parse_ma(text, out, d);
	case FIELD_W:
		return parse_w(text, out, d);
	case FIELD_WH:
		return parse_wh(text, out, d);
	case FIELD_PERMILLE:
		return parse_permille(text, out, d);
	case FIELD_MS:
		ret = parse_span_us(text, out, d);
		if (ret == 0)
			*out /= US_PER_MS;
		return ret;
	case FIELD_ID:
	case FIELD_TEXT:
	case FIELD_ENUM:
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_PHASE_MA:
	case FIELD_TIME:
	case FIELD_JSON:
		break;
	}
	return parse_int(text, INT64_MIN + 1, INT64_MAX, out, d);
}

static int take_human(const struct in *in, const char *text, int64_t *out)
{
	struct diag said;

	if (in->f->type == FIELD_WH && strcasecmp(text, "unlimited") == 0) {
		*out = NUM_NONE;
		return 0;
	}
	diag_init(&said);
	return parse_human(in->f->type, text, out, &said) ? pass_on(in, &said) : 0;
}

static int take_time(const struct in *in, const char *s, size_t len, int64_t *out)
{
	struct buf shown;

	if (rfc3339_parse(s, len, out) == 0)
		return 0;
	buf_init(&shown);
	text_escape(&shown, s, len < 40 ? len : 40);
	diag_set(in->diag, -LMS_EDATA, "%s: '%s' is not a time (write 2026-05-31T23:59:59Z)",
		 in->name, buf_cstr(&shown));
	buf_fini(&shown);
	return -LMS_EDATA;
}

/* One current of a PHASE_MA array. */
static int take_phase(const struct in *in, const struct json *j, int64_t *out)
{
	struct in one = *in;
	struct field as_ma = *in->f;

	if (j->type == JSON_NULL) {
		*out = NUM_NONE;
		return 0;
	}
	as_ma.type = FIELD_MA;
	one.f = &as_ma;
	if (!in->human)
		return json_int(j, out) ? wrong_type(in) : 0;
	if (j->type != JSON_NUMBER && j->type != JSON_STRING)
		return wrong_type(in);
	return take_human(&one, j->text, out);
}

static int read_phases(const struct in *in, const struct json *j, struct phase_ma *out)
{
	struct phase_ma p;
	struct diag said;
	int ret;

	diag_init(&said);
	if (j->type == JSON_STRING && in->human) {
		ret = parse_phase_ma(j->text, &p, &said);
		if (ret)
			return pass_on(in, &said);
	} else if (j->type == JSON_NUMBER) {
		ret = take_phase(in, j, &p.l[0]);
		if (ret)
			return ret;
		p.l[1] = p.l[2] = p.l[0];
	} else if (j->type == JSON_ARRAY && j->count == PHASES) {
		for (size_t i = 0; i < PHASES; i++) {
			ret = take_phase(in, json_at(j, i), &p.l[i]);
			if (ret)
				return ret;
		}
	} else {
		return wrong_type(in);
	}
	*out = p;
	return 0;
}

/* j is not null. */
static int read_number(const struct in *in, const struct json *j, int64_t *out)
{
	if (in->f->type == FIELD_TIME)
		return j->type == JSON_STRING ? take_time(in, j->text, j->len, out)
					      : wrong_type(in);
	if (in->f->type == FIELD_BOOL) {
		if (j->type != JSON_BOOL)
			return wrong_type(in);
		*out = j->boolean;
		return 0;
	}
	if (!in->human)
		return json_int(j, out) ? wrong_type(in) : 0;
	if (j->type != JSON_NUMBER && j->type != JSON_STRING)
		return wrong_type(in);
	return take_human(in, j->text, out);
}

static int read_member(const struct in *in, const struct json *j, void *rec)
{
	field_clear(in->f, rec);
	if (j->type == JSON_NULL)
		return 0;
	if (in->f->type == FIELD_JSON)
		return take_json(in, j, rec);
	if (in->f->type == FIELD_PHASE_MA)
		return read_phases(in, j, field_member(in->f, rec));
	if (!field_is_string(in->f))
		return read_number(in, j, field_member(in->f, rec));
	if (j->type == JSON_ARRAY && j->count > 1)
		return diag_set(in->diag, -LMS_EDATA, "%s: takes one value, not a list of %zu (choose one)", in->name, (size_t)j->count);
	if (j->type != JSON_STRING)
		return wrong_type(in);
	return take_string(in, j->text, j->len, rec);
}

/* Those that there are, as far as a line holds them. */
static void put_known(struct buf *b, const struct field *fields, size_t count)
{
	buf_puts(b, count > 0 ? "there are " : "it takes none");
	for (size_t i = 0; i < count; i++) {
		if (b->len > KNOWN_MAX) {
			buf_puts(b, " …");
			return;
		}
		buf_printf(b, "%s%.*s", i > 0 ? ", " : "", (int)field_base_len(&fields[i]), fields[i].name);
	}
}

static int complain_unknown(const struct field *fields, size_t count, const char *name,
			    struct diag *diag)
{
	char words[FIELDS_MAX][48];
	const char *candidates[2 * FIELDS_MAX] = { NULL }, *nearest;
	struct buf shown, known;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		snprintf(words[i], sizeof(words[i]), "%.*s", (int)field_base_len(&fields[i]),
			 fields[i].name);
		candidates[n++] = words[i];
		candidates[n++] = fields[i].name;
	}
	nearest = text_nearest(name, candidates, n);
	buf_init(&shown);
	text_escape(&shown, name, strnlen(name, 60));
	if (nearest)
		diag_set(diag, -LMS_EDATA, "%s: unknown (did you mean '%s'?)", buf_cstr(&shown),
			 nearest);
	buf_init(&known);
	put_known(&known, fields, count);
	if (!nearest)
		diag_set(diag, -LMS_EDATA, "%s: unknown (%s)", buf_cstr(&shown), buf_cstr(&known));
	buf_fini(&known);
	buf_fini(&shown);
	return -LMS_EDATA;
}

int fields_read(const struct field *fields, size_t count, const struct json *obj, bool strict,
		struct arena *arena, void *rec, uint64_t *given, struct diag *diag)
{
	uint64_t seen = 0;

	lms_assert(count <= FIELDS_MAX);
	fields_clear(fields, count, rec);
	if (given)
		*given = 0;
	if (!obj || obj->type != JSON_OBJECT)
		return diag_set(diag, -LMS_EDATA, "must be an object");
	for (const struct json *j = obj->first; j; j = j->next) {
		struct in in = { NULL, j->key, false, strict, arena, diag };
		uint64_t bit;
		int ret;

		in.f = field_find(fields, count, j->key, &in.human);
		if (!in.f && !strict)
			continue;
		if (!in.f)
			return complain_unknown(fields, count, j->key, diag);
		bit = UINT64_C(1) << (in.f - fields);
		if (seen & bit)
			return diag_set(diag, -LMS_EDATA,
					"%s: given twice, with and without its unit", j->key);
		seen |= bit;
		ret = read_member(&in, j, rec);
		if (ret)
			return ret;
	}
	if (given)
		*given = seen;
	return 0;
}

/* "16000" on all phases, "16000,16000,-" or with '/'. */
static int parse_phases_raw(const struct in *in, const char *text, struct phase_ma *out)
{
	const char *rest = text;
	struct phase_ma p;
	int count = 0;

	for (;;) {
		size_t len = strcspn(rest, ",/");
		char part[32];
		int ret;

		if (count == PHASES || len >= sizeof(part))
			return wrong_type(in);
		memcpy(part, rest, len);
		part[len] = '\0';
		p.l[count] = NUM_NONE;
		ret = strcmp(part, "-") == 0
			      ? 0
			      : parse_int(part, INT64_MIN + 1, INT64_MAX, &p.l[count], NULL);
		if (ret)
			return wrong_type(in);
		count++;
		if (rest[len] == '\0')
			break;
		rest += len + 1;
	}
	if (count != 1 && count != PHASES)
		return wrong_type(in);
	if (count == 1)
		p.l[1] = p.l[2] = p.l[0];
	*out = p;
	return 0;
}

static int parse_json_text(const struct in *in, const char *text, void *rec)
{
	struct arena scratch;
	struct diag said;
	struct json *j;
	int ret;

	diag_init(&said);
	arena_init(&scratch);
	j = json_parse(&scratch, text, strlen(text), &JSON_CAPS_DOCUMENT, &said);
	ret = j ? take_json(in, j, rec) : pass_on(in, &said);
	arena_fini(&scratch);
	return ret;
}

static int parse_number(const struct in *in, const char *text, int64_t *out)
{
	struct diag said;
	bool yes;

	diag_init(&said);
	if (in->f->type == FIELD_TIME)
		return take_time(in, text, strlen(text), out);
	if (in->f->type == FIELD_BOOL) {
		if (parse_bool(text, &yes, &said))
			return pass_on(in, &said);
		*out = yes;
		return 0;
	}
	if (in->human)
		return take_human(in, text, out);
	return parse_int(text, INT64_MIN + 1, INT64_MAX, out, &said) ? pass_on(in, &said) : 0;
}

int field_parse(const struct field *f, const char *text, bool human, struct arena *arena, void *rec,
		struct diag *diag)
{
	char name[64];
	struct in in = { f, name, human, true, arena, diag };
	struct diag said;

	snprintf(name, sizeof(name), "%.*s", human ? (int)field_base_len(f) : (int)strlen(f->name),
		 f->name);
	field_clear(f, rec);
	if (*text == '\0')
		return 0;
	if (f->type == FIELD_JSON)
		return parse_json_text(&in, text, rec);
	if (field_is_string(f))
		return take_string(&in, text, strlen(text), rec);
	if (f->type != FIELD_PHASE_MA)
		return parse_number(&in, text, field_member(f, rec));
	if (!human)
		return parse_phases_raw(&in, text, field_member(f, rec));
	diag_init(&said);
	return parse_phase_ma(text, field_member(f, rec), &said) ? pass_on(&in, &said) : 0;
}
