/* Records as bytes, and records.def against the control tables. */
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
#include "store/record.h"

/* ---- bytes ------------------------------------------------------------------------------- */

static void the_sum_is_crc_32c(void **state)
{
	unsigned char zeros[32] = { 0 };

	(void)state;
	/* RFC 3720 B.4, and the usual check value */
	assert_int_equal(record_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(record_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(record_crc32c(record_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	assert_int_equal(record_crc32c(0, "", 0), 0);
}

static void a_record_comes_back_as_it_was_packed(void **state)
{
	unsigned char v[64];
	const char *json;
	size_t len;

	(void)state;
	record_pack(v, "key", "{\"a\":1}", 7);
	assert_int_equal(v[0], RECORD_VERSION);
	assert_int_equal(record_unpack("key", v, RECORD_HEADER_SIZE + 7, &json, &len), 0);
	assert_int_equal(len, 7);
	assert_memory_equal(json, "{\"a\":1}", 7);
}

static void every_flipped_bit_is_noticed(void **state)
{
	unsigned char v[64];
	const size_t size = RECORD_HEADER_SIZE + 7;
	const char *json;
	size_t len;

	(void)state;
	for (size_t bit = 0; bit < 8 * size; bit++) {
		record_pack(v, "key", "{\"a\":1}", 7);
		v[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_int_equal(record_unpack("key", v, size, &json, &len), -LMS_EDATA);
	}
	record_pack(v, "key", "{\"a\":1}", 7);
	assert_int_equal(record_unpack("kez", v, size, &json, &len), -LMS_EDATA);
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(record_unpack("key", v, cut, &json, &len), -LMS_EDATA);
}

/* ---- fields ------------------------------------------------------------------------------ */

static void records_are_checked_for_the_types_of_their_fields(void **state)
{
	static const struct { const char *json; int ret; const char *says; } cases[] = {
		{ "{}", 0, NULL },
		{ "{\"id\":\"P1\",\"phases\":3,\"static_ma\":[60000,null,0],\"margin_ma\":-1}", 0, NULL },
		{ "{\"id\":null,\"static_ma\":null,\"static_ma2\":[{}]}", 0, NULL },
		{ "{\"static_ma\":32000}", 0, NULL },
		{ "{\"id\":1}", -LMS_EDATA, "id: not of the type 'text'" },
		{ "{\"phases\":\"3\"}", -LMS_EDATA, "phases: not of the type 'whole number'" },
		{ "{\"phases\":1.5}", -LMS_EDATA, "phases: " },
		{ "{\"static_ma\":[1,2]}", -LMS_EDATA, "static_ma: " },
		{ "{\"static_ma\":[1,2,\"3\"]}", -LMS_EDATA, "static_ma: " },
		{ "{\"static_ma\":\"60 A\"}", -LMS_EDATA, "static_ma: " },
		{ "[]", -LMS_EPARSE, "not an object" },
		{ "{\"id\":\"a\",\"id\":\"b\"}", -LMS_EPARSE, "id" },
		{ "{", -LMS_EPARSE, "" },
	};
	struct arena arena;
	struct diag d;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *json = cases[i].json;
		int ret;

		diag_init(&d);
		ret = record_check(STORE_ZONE, json, strlen(json), &arena, &d);
		if (ret != cases[i].ret ||
		    (cases[i].says && !strstr(d.text, cases[i].says)))
			fail_msg("%s: %d %s", json, ret, d.text);
	}
	arena_fini(&arena);
}

static const struct record_field *find(enum store_table table, const char *name)
{
	size_t count;
	const struct record_field *f = record_fields(&count);

	for (size_t i = 0; i < count; i++) {
		if (f[i].table == table && strcmp(f[i].name, name) == 0)
			return &f[i];
	}
	return NULL;
}

static void no_field_is_declared_twice_and_tables_stay_together(void **state)
{
	size_t count;
	const struct record_field *f = record_fields(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(find(f[i].table, f[i].name), &f[i]);
		assert_true(i == 0 || f[i - 1].table <= f[i].table);
	}
}

static enum record_type stored_type(enum field_type type)
{
	switch (type) {
	case FIELD_ID:
	case FIELD_TEXT:
	case FIELD_ENUM:
		return RECORD_STR;
	case FIELD_BOOL:
		return RECORD_BOOL;
	case FIELD_INT:
	case FIELD_MA:
	case FIELD_W:
	case FIELD_WH:
	case FIELD_MS:
	case FIELD_PERMILLE:
		return RECORD_INT;
	case FIELD_PHASE_MA:
		return RECORD_PHASE;
	case FIELD_TIME:
		return RECORD_TIME;
	case FIELD_JSON:
		return RECORD_ANY;
	}
	return RECORD_ANY;
}

/* Configuration is stored under the names of the control keys. */
static const struct { enum store_table table; enum ctl_noun_id noun; } configs[] = {
	{ STORE_SITE, CTL_NOUN_site }, { STORE_ZONE, CTL_NOUN_zone },
	{ STORE_METER, CTL_NOUN_meter }, { STORE_STATION, CTL_NOUN_station },
	{ STORE_SOURCE, CTL_NOUN_source }, { STORE_GROUP, CTL_NOUN_group },
	{ STORE_TAG_GROUP, CTL_NOUN_tag_group },
	{ STORE_CONNECTOR, CTL_NOUN_connector }, { STORE_TAG, CTL_NOUN_tag },
};

static void every_control_key_has_a_stored_field_of_its_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
		const struct ctl_noun_desc *noun = &ctl_nouns[configs[i].noun];

		for (size_t k = 0; k < noun->key_count; k++) {
			const struct field *key = &noun->keys[k];
			const struct record_field *f = find(configs[i].table, key->name);

			if (!f)
				fail_msg("records.def lacks %s.%s", noun->name, key->name);
			else if (f->type != stored_type(key->type))
				fail_msg("records.def: %s.%s has another type", noun->name, key->name);
		}
	}
}

static void what_control_writes_passes_the_check(void **state)
{
	struct arena arena;
	struct diag d;
	struct buf b;

	(void)state;
	arena_init(&arena);
	buf_init(&b);
	for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
		const struct ctl_noun_desc *noun = &ctl_nouns[configs[i].noun];
		void *keys = calloc(1, noun->keys_size);
		struct json_writer w;

		ctl_keys_clear(noun, keys);
		for (size_t k = 0; k < noun->key_count; k++) {
			void *member = (char *)keys + noun->keys[k].offset;

			if (stored_type(noun->keys[k].type) == RECORD_STR)
				*(const char **)member = "x";
			else if (noun->keys[k].type == FIELD_PHASE_MA)
				*(struct phase_ma *)member = (struct phase_ma){ { 1, 2, NUM_NONE } };
			else if (noun->keys[k].type != FIELD_JSON)
				*(int64_t *)member = 1;
		}
		for (int nulls = 0; nulls < 2; nulls++) {
			buf_clear(&b);
			jw_init(&w, &b);
			jw_object(&w);
			fields_write(noun->keys, noun->key_count, keys, nulls, &w);
			jw_object_end(&w);
			diag_init(&d);
			if (record_check(configs[i].table, buf_cstr(&b), b.len, &arena, &d) < 0)
				fail_msg("%s: %s: %s", noun->name, buf_cstr(&b), d.text);
		}
		free(keys);
	}
	buf_fini(&b);
	arena_fini(&arena);
}

static void the_manual_names_every_table_and_field(void **state)
{
	size_t count;
	const struct record_field *f = record_fields(&count);
	char want[80];
	struct buf b;

	(void)state;
	buf_init(&b);
	record_doc(&b);
	for (enum store_table t = 0; t < STORE_TABLE_COUNT; t++) {
		snprintf(want, sizeof(want), ".It Sy %s\n", store_table_name(t));
		assert_non_null(strstr(buf_cstr(&b), want));
	}
	for (size_t i = 0; i < count; i++) {
		snprintf(want, sizeof(want), ".It Va %s\n", f[i].name);
		assert_non_null(strstr(buf_cstr(&b), want));
	}
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sum_is_crc_32c),
		cmocka_unit_test(a_record_comes_back_as_it_was_packed),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(records_are_checked_for_the_types_of_their_fields),
		cmocka_unit_test(no_field_is_declared_twice_and_tables_stay_together),
		cmocka_unit_test(every_control_key_has_a_stored_field_of_its_type),
		cmocka_unit_test(what_control_writes_passes_the_check),
		cmocka_unit_test(the_manual_names_every_table_and_field),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
