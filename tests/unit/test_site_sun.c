/* Who is exempt from the sun: the list as people write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "site/outer/sun.h"

static void entries_are_read_one_by_one(void **state)
{
	static const struct exempt want[] = {
		{ EXEMPT_STATION, "CP 7" }, { EXEMPT_TAG, "04A1B2" }, { EXEMPT_HOLDER, "Ann: Example" },
	};
	const char *at = " station: CP 7 ,tag:04:a1:b2,, holder:Ann: Example , ";
	struct exempt e;
	struct diag d;

	(void)state;
	diag_init(&d);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(exempt_next(&at, &e, &d), 1);
		assert_int_equal(e.kind, want[i].kind);
		assert_string_equal(e.name, want[i].name);
	}
	assert_int_equal(exempt_next(&at, &e, &d), 0);
	assert_int_equal(exempt_next(&at, &e, &d), 0);
}

static void what_is_no_entry_is_refused(void **state)
{
	static const char *const lists[] = {
		"CP7", "station:", "tag: ", "tag:a b!", "stations:CP7", "Station:CP7", ":", "holder:,",
	};
	struct exempt e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const char *at = lists[i];
		struct diag d;

		diag_init(&d);
		assert_int_equal(exempt_next(&at, &e, &d), -LMS_EDATA);
		assert_true(d.text[0]);
	}
}

static void only_who_is_named_is_exempt(void **state)
{
	const char *list = "nonsense, station:CP7, tag:04a1, holder:Ann";

	(void)state;
	assert_true(exempt_has(list, "CP7", NULL, NULL));
	assert_true(exempt_has(list, "CP1", "04A1", NULL));
	assert_true(exempt_has(list, "CP1", "04A2", "Ann"));
	assert_false(exempt_has(list, "CP1", "04A2", "Anna"));
	assert_false(exempt_has(list, "Ann", "CP7", "04A1"));
	assert_false(exempt_has(list, NULL, NULL, NULL));
	assert_false(exempt_has(NULL, "CP7", "04A1", "Ann"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read_one_by_one),
		cmocka_unit_test(what_is_no_entry_is_refused),
		cmocka_unit_test(only_who_is_named_is_exempt),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
