/* Random records of every noun survive JSON and raw text; random params are taken or refused in words.
 * The seed is fixed and printed; SEED= replays another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "ctl/ctl.h"

#define ROUNDS 300

static uint64_t random_state;

static uint64_t any(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static int seed(void **state)
{
	const char *text = getenv("SEED");

	(void)state;
	random_state = text ? strtoull(text, NULL, 0) : 20261121;
	print_message("# SEED=%llu\n", (unsigned long long)random_state);
	return 0;
}

static const char *pick(const char *const *texts, size_t count)
{
	return texts[any(count)];
}

static int64_t any_number(void)
{
	static const int64_t edges[] = { 0,	    1,		   -1,	     6300000,  6300001,
					 INT32_MAX, INT64_MAX - 1, INT64_MAX, INT32_MIN, -999999 };

	return any(3) ? (int64_t)any(10000000) - 1000000 : edges[any(ARRAY_LEN(edges))];
}

static void fill(const struct field *f, void *rec, struct arena *arena)
{
	static const char *const texts[] = { "x", "two words", "\"quoted\\\"", "é€🚗", "tab\tand\nline",
					     "=1+1", "-", "null", "0" };
	static const char *const ids[] = { "P1", "CP 1", "04A1B2C3", "a=b|c@d*e+f-g.h_i:j" };
	static const char *const jsons[] = { "{}", "[1,2.50,\"x\"]", "\"text\"", "7", "false" };
	char *place = (char *)rec + f->offset;
	struct phase_ma p;
	int64_t v;

	if (any(4) == 0)
		return;
	switch (f->type) {
	case FIELD_ID:
		*(const char **)(void *)place = pick(ids, ARRAY_LEN(ids));
		return;
	case FIELD_TEXT:
		*(const char **)(void *)place = pick(texts, ARRAY_LEN(texts));
		return;
	case FIELD_JSON:
		*(const char **)(void *)place = pick(jsons, ARRAY_LEN(jsons));
		return;
	case FIELD_ENUM:
		*(const char **)(void *)place = arena_strndup(arena, f->values, strcspn(f->values, "|"));
		return;
	case FIELD_PHASE_MA:
		for (int i = 0; i < PHASES; i++)
			p.l[i] = any(4) ? any_number() : NUM_NONE;
		memcpy(place, &p, sizeof(p));
		return;
	case FIELD_BOOL:
		v = (int64_t)any(2);
		break;
	case FIELD_TIME:
		/* JSON has milliseconds. */
		v = (int64_t)any(4000000000) * US_PER_S + (int64_t)any(1000) * US_PER_MS;
		break;
	case FIELD_INT:
	case FIELD_MA:
	case FIELD_W:
	case FIELD_WH:
	case FIELD_MS:
	case FIELD_PERMILLE:
		v = any_number();
		break;
	default:
		return;
	}
	memcpy(place, &v, sizeof(v));
}

static void *any_record(const struct ctl_noun_desc *n, struct arena *arena)
{
	void *rec = arena_alloc(arena, n->record_size);

	ctl_record_clear(n, rec);
	for (size_t i = 0; i < n->field_count; i++)
		fill(&n->fields[i], rec, arena);
	return rec;
}

static void every_record_survives_json(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		const struct ctl_noun_desc *n = &ctl_nouns[any(CTL_NOUN_COUNT)];
		struct json_writer w;
		struct arena arena;
		struct diag diag;
		struct json *j;
		struct buf text;
		void *rec, *back;

		arena_init(&arena);
		diag_init(&diag);
		buf_init(&text);
		jw_init(&w, &text);
		rec = any_record(n, &arena);
		ctl_record_write(n, rec, &w);
		assert_null(memchr(buf_cstr(&text), '\n', text.len));
		j = json_parse(&arena, buf_cstr(&text), text.len, &JSON_CAPS_DEFAULT, &diag);
		if (!j || ctl_record_read(n, j, &arena, &back, &diag))
			fail_msg("%s: %s", buf_cstr(&text), diag.text);
		for (size_t i = 0; i < n->field_count; i++) {
			if (!field_equal(&n->fields[i], rec, back))
				fail_msg("%s of %s", n->fields[i].name, buf_cstr(&text));
		}
		buf_fini(&text);
		arena_fini(&arena);
	}
}

static void every_value_survives_raw_text(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		const struct ctl_noun_desc *n = &ctl_nouns[any(CTL_NOUN_COUNT)];
		struct arena arena;
		void *rec, *back;
		struct buf text;

		arena_init(&arena);
		buf_init(&text);
		rec = any_record(n, &arena);
		back = any_record(n, &arena);
		for (size_t i = 0; i < n->field_count; i++) {
			const struct field *f = &n->fields[i];
			struct diag diag;

			diag_init(&diag);
			buf_clear(&text);
			field_format(f, rec, false, NULL, &text);
			if (field_parse(f, buf_cstr(&text), false, &arena, back, &diag))
				fail_msg("%s", diag.text);
			if (!field_equal(f, rec, back))
				fail_msg("%s=%s", f->name, buf_cstr(&text));
		}
		buf_fini(&text);
		arena_fini(&arena);
	}
}

static void any_value(struct json_writer *w)
{
	static const char *const texts[] = { "", "x", "P1", "16A", "16,16,16", "-5", "NaN", "1e99", "20%", "5m",
					     "2026-05-31", "\x01", "a/b", "yes", "T2" };

	switch (any(7)) {
	case 0:
		jw_null(w);
		return;
	case 1:
		jw_bool(w, any(2));
		return;
	case 2:
		jw_int(w, any_number());
		return;
	case 3:
		jw_array(w);
		for (uint64_t i = any(5); i > 0; i--)
			jw_int(w, any_number());
		jw_array_end(w);
		return;
	case 4:
		jw_object(w);
		jw_object_end(w);
		return;
	default:
		jw_str(w, pick(texts, ARRAY_LEN(texts)));
	}
}

static void any_params_are_taken_or_refused_in_words(void **state)
{
	size_t taken = 0;

	(void)state;
	for (int round = 0; round < 10 * ROUNDS; round++) {
		const struct ctl_verb_desc *v = &ctl_verbs[any(CTL_VERB_COUNT)];
		struct json_writer w;
		struct arena arena;
		struct field *all;
		struct diag diag;
		struct json *j;
		struct buf text;
		size_t count;
		void *args;
		int ret;

		arena_init(&arena);
		diag_init(&diag);
		buf_init(&text);
		jw_init(&w, &text);
		all = ctl_all_args(v, &arena, &count);
		jw_object(&w);
		for (size_t i = 0; i < count; i++) {
			if (any(count) > 2)
				continue;
			jw_key(&w, any(2) ? all[i].name : arena_strndup(&arena, all[i].name, field_base_len(&all[i])));
			any_value(&w);
		}
		jw_object_end(&w);
		j = json_parse(&arena, buf_cstr(&text), text.len, &JSON_CAPS_DEFAULT, &diag);
		if (!j)
			fail_msg("%s: %s", buf_cstr(&text), diag.text);
		ret = ctl_args_read(v, j, &arena, &args, &diag);
		taken += ret == 0;
		if (ret && (diag.err != ret || !strchr(diag.text, ':') || diag.text[0] == ':'))
			fail_msg("%s %s: %d '%s'", v->method, buf_cstr(&text), ret, diag.text);
		buf_fini(&text);
		arena_fini(&arena);
	}
	assert_true(taken > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_survives_json),
		cmocka_unit_test(every_value_survives_raw_text),
		cmocka_unit_test(any_params_are_taken_or_refused_in_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, seed, NULL);
}
