/* Prices: which one holds when, what it makes of an energy, and that it stays with a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_site.h"
#include "site/price/price.h"

static int64_t price(const char *text, const char *when)
{
	struct price_list l;

	assert_int_equal(price_parse(text, &l, NULL), 0);
	return price_at(&l, &desk_paris, desk_time(when));
}

static void the_last_one_that_holds_is_the_price(void **state)
{
	static const char text[] = "0.35; 2026-07-01 0.38; mon-fri 17:00-20:00 0.45; 2026-07-11..2026-07-12 daily 00:00-24:00 0.3";
	static const struct { const char *when; int64_t e4; } rows[] = {
		{ "2026-05-01T08:00:00Z", 3500 },
		{ "2026-06-30T21:59:59Z", 3500 },	/* 23:59:59 on the wall */
		{ "2026-06-30T22:00:00Z", 3800 },	/* midnight there */
		{ "2026-07-03T14:59:59Z", 3800 }, { "2026-07-03T15:00:00Z", 4500 }, { "2026-07-03T18:00:00Z", 3800 },
		{ "2026-07-10T21:59:59Z", 3800 }, { "2026-07-10T22:00:00Z", 3000 }, { "2026-07-12T21:59:59Z", 3000 },
		{ "2026-07-12T22:00:00Z", 3800 },
		{ "2026-01-02T16:30:00Z", 4500 },	/* a Friday, winter time */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (price(text, rows[i].when) != rows[i].e4)
			fail_msg("%s: %lld", rows[i].when, (long long)price(text, rows[i].when));
	assert_true(price("2030-01-01 1", "2026-01-01T00:00:00Z") == NUM_NONE);
	assert_true(price("0", "2026-01-01T00:00:00Z") == 0);
	assert_true(price("0.3525;", "2026-01-01T00:00:00Z") == 3525);
	/* Before 1970 days count backwards. */
	assert_true(price("1969-12-31..1969-12-31 7", "1969-12-31T12:00:00Z") == 70000);
}

static void what_is_no_price_is_refused_with_its_place(void **state)
{
	static const struct { const char *text, *says; } rows[] = {
		{ "", "needs a price" }, { "x", "" }, { "0.35 0.36", "put ; between" }, { "0.35555", "four decimals" },
		{ "101", "at most 100" }, { "-1", "" }, { "2026-02-30 0.3", "no day of the calendar" },
		{ "2026-07-02..2026-07-01 0.3", "ends before it begins" }, { "2026-07-01..", "needs a day" },
		{ "mon-fri 17:00-20:00", "needs a price" }, { "mon-fri 17:00-30:00 0.3", "" }, { "0.", "needs a price" },
		{ "0.3; 0,3", "needs a price" }, { ".", "" },
	};
	struct price_list l;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		diag_init(&d);
		if (price_parse(rows[i].text, &l, &d) != -LMS_EDATA || !strstr(d.text, rows[i].says) || !strstr(d.text, "character"))
			fail_msg("'%s': %s", rows[i].text, d.text);
	}
}

static void costs_are_rounded_half_up_to_the_hundredth(void **state)
{
	char text[PRICE_TEXT_MAX];

	(void)state;
	assert_true(price_cost_e2(10000, 3500) == 350);
	assert_true(price_cost_e2(8090, 3525) == 285);		/* 2.851725 */
	assert_true(price_cost_e2(100, 5000) == 5);
	assert_true(price_cost_e2(10, 5000) == 1);		/* 0.005 */
	assert_true(price_cost_e2(9, 5000) == 0);
	assert_true(price_cost_e2(10, NUM_NONE) == NUM_NONE);
	assert_true(price_cost_e2(INT64_MAX, 3500) == NUM_NONE);
	assert_string_equal(price_text(3500, text), "0.35");
	assert_string_equal(price_text(3525, text), "0.3525");
	assert_string_equal(price_text(3520, text), "0.352");
	assert_string_equal(price_text(10000, text), "1.00");
	assert_string_equal(price_cost_text(5, text), "0.05");
	assert_string_equal(price_cost_text(123456, text), "1234.56");
	assert_null(price_text(NUM_NONE, text));
}

static struct tx *start(struct desk *r, struct station *st, const char *tag, uint64_t hash)
{
	const struct tx_start in = { .conn = st->connectors[0], .tag = tag, .time = r->wall, .hash = hash };
	struct auth auth;
	int32_t id;
	struct tx *tx = site_tx_start(r->site, &in, r->now, r->wall, &id, &auth, &r->fx);

	assert_non_null(tx);
	desk_settle(r);
	return tx;
}

static void a_transaction_keeps_the_price_of_its_start(void **state)
{
	struct station *st;
	struct desk r;
	struct tx *tx;
	const char *json;

	(void)state;
	desk_init(&r);
	desk_must(&r, "site.set", "{'currency': 'EUR', 'price': '0.30'}");
	desk_must(&r, "zone.create", "{'id': 'TOP', 'static': 60, 'price': '0.40'}");
	desk_must(&r, "zone.create", "{'id': 'LOW', 'parent': 'TOP', 'static': 60}");
	desk_must(&r, "zone.create", "{'id': 'OTHER', 'static': 60}");
	desk_must(&r, "tag.add", "{'uid': 'A'}");
	desk_must(&r, "station.add", "{'id': 'S', 'zone': 'LOW', 'connectors': 1}");
	st = desk_connect(&r, "S", 1);
	tx = start(&r, st, "A", 1);
	assert_true(tx->price_e4 == 4000);
	assert_string_equal(tx->currency, "EUR");
	desk_must(&r, "zone.set", "{'id': 'TOP', 'price': '0.99'}");
	assert_true(tx->price_e4 == 4000);
	json = desk_stored(&r, STORE_TX_RUN, "0000000001");
	assert_non_null(json);
	assert_non_null(strstr(json, "\"price_e4\":4000"));
	desk_must(&r, "station.set", "{'id': 'S', 'zone': 'OTHER'}");
	tx = start(&r, st, "A", 2);
	assert_true(tx->price_e4 == 3000);
	desk_must(&r, "site.set", "{'price': null}");
	tx = start(&r, st, "A", 3);
	assert_true(tx->price_e4 == NUM_NONE);
	assert_int_equal(desk_call(&r, "zone.set", "{'id': 'TOP', 'price': '0,99'}"), -LMS_EDATA);
	assert_non_null(strstr(r.diag.text, "zone TOP: price: at '"));
	assert_int_equal(desk_call(&r, "site.set", "{'price': 'x'}"), -LMS_EDATA);
	desk_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_one_that_holds_is_the_price),
		cmocka_unit_test(what_is_no_price_is_refused_with_its_place),
		cmocka_unit_test(costs_are_rounded_half_up_to_the_hundredth),
		cmocka_unit_test(a_transaction_keeps_the_price_of_its_start),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
