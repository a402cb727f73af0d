/* Energy credit of tags: asked, charged, recharged, and kept over restarts. */
#include "ledger_rig.h"

#include "site/generation/draft.h"
#include "site/tags/credit.h"

static int64_t credit(struct ledger_desk *l, const char *uid)
{
	return site_tag_credit(l->d.site, site_tag(l->d.site, uid), l->d.wall);
}

/* A member of the row of the ledger with this number; NUM_NONE. */
static int64_t row(struct ledger_desk *l, const char *uid, int seq, const char *member)
{
	char key[80];
	const char *json;
	int64_t v;

	snprintf(key, sizeof(key), "%s/%012d", uid, seq);
	json = desk_stored(&l->d, STORE_CREDIT, key);
	assert_non_null(json);
	return json_int(json_get(json_parse(&l->d.arena, json, strlen(json), &JSON_CAPS_DEFAULT, NULL), member), &v) ? NUM_NONE : v;
}

static void cause(struct ledger_desk *l, const char *uid, int seq, const char *is)
{
	char key[80], text[40];

	snprintf(key, sizeof(key), "%s/%012d", uid, seq);
	snprintf(text, sizeof(text), "\"cause\":\"%s\"", is);
	if (!desk_stored(&l->d, STORE_CREDIT, key) || !strstr(desk_stored(&l->d, STORE_CREDIT, key), text))
		fail_msg("%s is not %s: %s", key, is, desk_stored(&l->d, STORE_CREDIT, key));
}

static void a_transaction_is_charged_once_and_a_late_stop_corrects_it(void **state)
{
	struct ledger_desk l;
	struct tx *tx;

	(void)state;
	begin(&l);
	desk_must(&l.d, "tag.set", "{'uid': 'ANN', 'credit': '10kWh'}");
	cause(&l, "ANN", 1, "set");
	assert_int_equal(row(&l, "ANN", 1, "change_wh"), NUM_NONE);	/* from unlimited */
	assert_int_equal(row(&l, "ANN", 1, "credit_wh"), 10000);
	tx = start(&l, "S1/1", "ANN", 1000, 1);
	l.d.wall += HOUR;
	sample(&l, tx, 4000);
	assert_int_equal(credit(&l, "ANN"), 7000);
	/* nothing of it is booked yet, and a restart knows it all the same */
	assert_int_equal(desk_stored_count(&l.d, STORE_CREDIT), 1);
	desk_restart(&l.d);
	assert_int_equal(credit(&l, "ANN"), 7000);
	assert_int_equal(stop(&l, "S1", l.id, 5000, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), 6000);
	cause(&l, "ANN", 2, "transaction");
	assert_int_equal(row(&l, "ANN", 2, "change_wh"), -4000);
	assert_int_equal(row(&l, "ANN", 2, "credit_wh"), 6000);
	assert_int_equal(row(&l, "ANN", 2, "transaction"), 1);
	/* the same stop again */
	assert_int_equal(stop(&l, "S1", l.id, 5000, l.d.wall), 0);
	assert_int_equal(desk_stored_count(&l.d, STORE_CREDIT), 2);
	/* one that is taken as ended, and whose stop comes after a restart */
	tx = start(&l, "S1/1", "ANN", 5000, 2);
	l.d.wall += HOUR;
	sample(&l, tx, 6000);
	site_tx_close(l.d.site, tx, "Other", NULL, l.d.wall, &l.d.fx);
	desk_settle(&l.d);
	assert_int_equal(credit(&l, "ANN"), 5000);
	cause(&l, "ANN", 3, "transaction");
	desk_restart(&l.d);
	assert_int_equal(stop(&l, "S1", l.id, 6500, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), 4500);
	cause(&l, "ANN", 4, "correction");
	assert_int_equal(row(&l, "ANN", 4, "change_wh"), -500);
	desk_restart(&l.d);
	assert_int_equal(credit(&l, "ANN"), 4500);
	desk_fini(&l.d);
}

static void at_nothing_nobody_starts_and_below_it_who_charges_is_stopped(void **state)
{
	struct ledger_desk l;
	struct tx *tx;

	(void)state;
	begin(&l);
	desk_must(&l.d, "tag.set", "{'uid': 'ANN', 'credit_wh': 2000}");
	desk_must(&l.d, "tag.set", "{'uid': 'BOB', 'credit_wh': 0}");
	assert_null(start(&l, "S2/1", "BOB", 0, 1));
	assert_int_equal(l.auth.status, AUTH_BLOCKED);
	assert_string_equal(l.auth.why, "its credit is used up");
	desk_must(&l.d, "tag.credit_add", "{'uid': 'BOB', 'change_wh': 1}");
	assert_non_null(start(&l, "S2/1", "BOB", 0, 2));
	tx = start(&l, "S1/1", "ANN", 0, 3);
	l.d.wall += HOUR;
	sample(&l, tx, 2000);
	assert_int_equal(credit(&l, "ANN"), 0);
	assert_false(l.d.site->credit_out);	/* at 0 it goes on */
	assert_int_equal(site_authorize(l.d.site, site_station(l.d.site, "S2"), "ANN", 0, false, l.d.wall).status, AUTH_BLOCKED);
	/* to end it, it may be shown */
	assert_int_equal(site_authorize(l.d.site, site_station(l.d.site, "S1"), "ANN", 0, false, l.d.wall).status, AUTH_ACCEPTED);
	sample(&l, tx, 2001);
	assert_true(l.d.site->credit_out);
	desk_restart(&l.d);
	assert_false(l.d.site->credit_out);	/* that Wh was not stored: the next sample tells it again */
	sample(&l, site_tx(l.d.site, l.id), 2002);
	assert_true(l.d.site->credit_out);
	assert_int_equal(stop(&l, "S1", l.id, 2002, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), -2);
	desk_fini(&l.d);
}

static void free_charging_and_impossible_energy_cost_nothing(void **state)
{
	struct ledger_desk l;
	struct tx *tx;

	(void)state;
	begin(&l);
	desk_must(&l.d, "station.set", "{'id': 'S2', 'access': 'free'}");
	desk_must(&l.d, "tag.set", "{'uid': 'ANN', 'credit_wh': 2000}");
	tx = start(&l, "S2/1", "ANN", 0, 1);
	l.d.wall += HOUR;
	sample(&l, tx, 5000);
	assert_int_equal(credit(&l, "ANN"), 2000);
	desk_restart(&l.d);
	assert_int_equal(credit(&l, "ANN"), 2000);
	assert_int_equal(stop(&l, "S2", l.id, 6000, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), 2000);
	/* 32 A on three phases give 24 kWh in an hour and a tenth */
	tx = start(&l, "S1/1", "ANN", 0, 2);
	l.d.wall += HOUR;
	sample(&l, tx, 30000);
	assert_int_equal(credit(&l, "ANN"), 2000);
	assert_false(l.d.site->credit_out);
	assert_int_equal(stop(&l, "S1", l.id, 30000, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), 2000);
	/* booked when it looked right, and given back when its stop shows that it cannot be */
	tx = start(&l, "S1/1", "ANN", 0, 3);
	l.d.wall += HOUR;
	sample(&l, tx, 1500);
	site_tx_close(l.d.site, tx, "Other", NULL, l.d.wall, &l.d.fx);
	desk_settle(&l.d);
	assert_int_equal(credit(&l, "ANN"), 500);
	assert_int_equal(stop(&l, "S1", l.id, 900000, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), 2000);
	desk_fini(&l.d);
}

static void several_at_once_are_charged_to_one_credit(void **state)
{
	struct ledger_desk l;
	struct tx *a, *b;

	(void)state;
	begin(&l);
	/* the tag of free charging may run more than one where it is shown */
	desk_must(&l.d, "site.set", "{'free_tag': 'ANN'}");
	desk_must(&l.d, "tag.set", "{'uid': 'ANN', 'credit_wh': 5000}");
	a = start(&l, "S1/1", "ANN", 0, 1);
	b = start(&l, "S1/2", "ANN", 0, 2);
	l.d.wall += HOUR;
	sample(&l, a, 3000);
	sample(&l, b, 1000);
	assert_int_equal(credit(&l, "ANN"), 1000);
	assert_int_equal(stop(&l, "S1", a->id, 3500, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), 500);
	assert_int_equal(site_tag(l.d.site, "ANN")->k.credit_wh, 1500);	/* booked: the other one is not */
	desk_restart(&l.d);
	assert_int_equal(credit(&l, "ANN"), 500);
	assert_int_equal(stop(&l, "S1", 2, 1600, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), -100);
	assert_int_equal(row(&l, "ANN", 3, "credit_wh"), -100);
	desk_fini(&l.d);
}

/* ---- recharges ---- */

static void recharges_are_due_at_midnights_of_the_site(void **state)
{
	static const struct {
		const char *every, *set, *now;
		int count;
	} cases[] = {
		/* Paris: midnight is 22:00Z in summer, 23:00Z in winter. */
		{ "day", "2026-05-01T08:00:00Z", "2026-05-01T21:59:59Z", 0 },
		{ "day", "2026-05-01T08:00:00Z", "2026-05-01T22:00:00Z", 1 },
		{ "day", "2026-05-01T08:00:00Z", "2026-05-05T12:00:00Z", 4 },
		{ "day", "2026-03-28T22:59:59Z", "2026-03-29T21:59:59Z", 1 },	/* a day of 23 hours */
		{ "day", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 1 },
		{ "day", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", 0 },	/* a day of 25 hours */
		{ "day", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 1 },
		{ "7d", "2026-05-01T08:00:00Z", "2026-05-07T21:59:59Z", 0 },
		{ "7d", "2026-05-01T08:00:00Z", "2026-05-07T22:00:00Z", 1 },
		{ "7d", "2026-05-01T08:00:00Z", "2026-05-21T22:00:00Z", 3 },
		{ "week", "2026-05-01T08:00:00Z", "2026-05-03T21:59:59Z", 0 },	/* Sunday, then Monday */
		{ "week", "2026-05-01T08:00:00Z", "2026-05-03T22:00:00Z", 1 },
		{ "week", "2026-05-03T22:00:00Z", "2026-05-10T22:00:00Z", 1 },
		{ "month", "2026-05-01T08:00:00Z", "2026-05-31T21:59:59Z", 0 },
		{ "month", "2026-05-01T08:00:00Z", "2026-05-31T22:00:00Z", 1 },
		{ "month", "2026-05-01T08:00:00Z", "2027-05-01T08:00:00Z", 12 },
		{ "month", "2026-12-31T22:59:59Z", "2026-12-31T23:00:00Z", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ledger_desk l;
		char params[120];

		begin(&l);
		l.d.site->tz = desk_paris;
		l.d.wall = desk_time(cases[i].set);
		snprintf(params, sizeof(params), "{'uid': 'ANN', 'credit_wh': 100, 'recharge_wh': 1000, 'every': '%s'}", cases[i].every);
		desk_must(&l.d, "tag.set", params);
		assert_int_equal(credit(&l, "ANN"), 100);
		desk_restart(&l.d);	/* also after downtime */
		l.d.wall = desk_time(cases[i].now);
		if (credit(&l, "ANN") != 100 + 1000 * cases[i].count)
			fail_msg("%s from %s to %s: %lld", cases[i].every, cases[i].set, cases[i].now, (long long)credit(&l, "ANN"));
		/* booked when something else changes, once */
		desk_must(&l.d, "tag.credit_add", "{'uid': 'ANN', 'change_wh': 1, 'text': 'a gift'}");
		assert_int_equal(credit(&l, "ANN"), 101 + 1000 * cases[i].count);
		assert_int_equal(desk_stored_count(&l.d, STORE_CREDIT), 2 + (cases[i].count > 0));
		desk_restart(&l.d);
		assert_int_equal(credit(&l, "ANN"), 101 + 1000 * cases[i].count);
		desk_fini(&l.d);
	}
}

static void recharges_fill_up_to_the_cap_and_never_take(void **state)
{
	struct ledger_desk l;
	struct tx *tx;

	(void)state;
	begin(&l);
	desk_must(&l.d, "tag.set", "{'uid': 'ANN', 'credit_wh': 100, 'recharge_wh': 1000, 'every': 'day', 'credit_max_wh': 1500}");
	l.d.wall += 24 * HOUR;
	assert_int_equal(credit(&l, "ANN"), 1100);
	l.d.wall += 24 * HOUR;
	assert_int_equal(credit(&l, "ANN"), 1500);
	l.d.wall += 24 * 300 * HOUR;
	assert_int_equal(credit(&l, "ANN"), 1500);
	/* what a running one has charged leaves room below the cap; it was below it before midnight */
	tx = start(&l, "S1/1", "ANN", 0, 1);
	sample(&l, tx, 0);
	l.d.wall += HOUR;
	sample(&l, tx, 1400);
	assert_int_equal(credit(&l, "ANN"), 100);
	l.d.wall += 24 * HOUR;
	assert_int_equal(credit(&l, "ANN"), 1100);
	sample(&l, tx, 1500);
	assert_int_equal(credit(&l, "ANN"), 1000);
	assert_int_equal(stop(&l, "S1", l.id, 1600, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), 900);
	/* more by hand than the cap stays */
	desk_must(&l.d, "tag.credit_set", "{'uid': 'ANN', 'credit_wh': 9000}");
	l.d.wall += 48 * HOUR;
	assert_int_equal(credit(&l, "ANN"), 9000);
	desk_fini(&l.d);
}

static void a_clock_that_was_wrong_gives_nothing_twice(void **state)
{
	struct ledger_desk l;
	wall_t now;

	(void)state;
	begin(&l);
	now = l.d.wall;
	desk_must(&l.d, "tag.set", "{'uid': 'ANN', 'credit_wh': 0, 'recharge_wh': 10, 'every': 'day'}");
	l.d.wall = now + 24 * HOUR;
	desk_must(&l.d, "tag.credit_add", "{'uid': 'ANN', 'change_wh': 1}");
	l.d.wall = now;	/* a day back, and forward again */
	assert_int_equal(credit(&l, "ANN"), 11);
	desk_must(&l.d, "tag.credit_add", "{'uid': 'ANN', 'change_wh': 1}");
	l.d.wall = now + 24 * HOUR;
	assert_int_equal(credit(&l, "ANN"), 12);
	/* years ahead: capped, and it goes on when it is right again */
	l.d.wall = now + INT64_C(24) * 366 * 70 * HOUR;
	desk_must(&l.d, "tag.credit_set", "{'uid': 'ANN', 'credit_wh': 5}");
	l.d.wall = now + 24 * HOUR;
	desk_must(&l.d, "tag.credit_add", "{'uid': 'ANN', 'change_wh': 1}");
	assert_int_equal(credit(&l, "ANN"), 6);
	l.d.wall += 24 * HOUR;
	assert_int_equal(credit(&l, "ANN"), 16);
	desk_fini(&l.d);
}

/* ---- by hand ---- */

static void changes_by_hand_say_who_and_why(void **state)
{
	struct ledger_desk l;
	const char *document;
	struct tx *tx;

	(void)state;
	begin(&l);
	desk_must(&l.d, "tag.set", "{'uid': 'ANN', 'credit': 'unlimited'}");
	assert_int_equal(desk_stored_count(&l.d, STORE_CREDIT), 0);
	desk_must(&l.d, "tag.credit_set", "{'uid': 'ANN', 'credit_wh': 5000, 'text': 'May'}");
	assert_non_null(strstr(desk_stored(&l.d, STORE_CREDIT, "ANN/000000000001"), "\"by\":\"uid 0\",\"text\":\"May\""));
	tx = start(&l, "S1/1", "ANN", 0, 1);
	l.d.wall += HOUR;
	sample(&l, tx, 2000);
	/* what is set is what it has from now on, whatever charges */
	desk_must(&l.d, "tag.credit_set", "{'uid': 'ANN', 'credit_wh': 4000}");
	assert_int_equal(credit(&l, "ANN"), 4000);
	desk_must(&l.d, "tag.credit_add", "{'uid': 'ANN', 'change': '-1kWh'}");
	assert_int_equal(credit(&l, "ANN"), 3000);
	/* other keys leave it, and so does a document that says what is */
	desk_must(&l.d, "tag.set", "{'uid': 'ANN', 'holder': 'Ada'}");
	document = desk_document(&l.d);
	desk_must(&l.d, "config.apply", arena_printf(&l.d.arena, "{'document': %s}", document));
	assert_int_equal(credit(&l, "ANN"), 3000);
	assert_int_equal(desk_stored_count(&l.d, STORE_CREDIT), 3);
	assert_int_equal(stop(&l, "S1", l.id, 2500, l.d.wall), 0);
	assert_int_equal(credit(&l, "ANN"), 2500);
	/* a tag that comes back does not write over what was */
	desk_must(&l.d, "tag.delete", "{'uid': 'ANN'}");
	assert_int_equal(desk_stored_count(&l.d, STORE_CREDIT), 4);
	desk_must(&l.d, "tag.add", "{'uid': 'ANN', 'credit_wh': 1}");
	assert_int_equal(desk_stored_count(&l.d, STORE_CREDIT), 5);
	desk_restart(&l.d);
	desk_must(&l.d, "tag.credit_set", "{'uid': 'ANN', 'credit_wh': 2}");
	assert_int_equal(desk_stored_count(&l.d, STORE_CREDIT), 6);
	desk_must(&l.d, "tag.credit_set", "{'uid': 'ANN'}");
	assert_int_equal(credit(&l, "ANN"), NUM_NONE);
	desk_fini(&l.d);
}

static void what_does_not_fit_together_is_refused(void **state)
{
	static const struct {
		const char *method, *params;
		int ret;
		const char *says;
	} cases[] = {
		{ "tag.set", "{'uid': 'BOB', 'recharge_wh': 5}", -LMS_EDATA, "tag BOB: recharge: needs a period" },
		{ "tag.set", "{'uid': 'BOB', 'recharge_wh': 5, 'every': 'day'}", -LMS_EDATA, "tag BOB: recharge: its credit is unlimited" },
		{ "tag.set", "{'uid': 'BOB', 'credit_wh': 5, 'every': 'day'}", -LMS_EDATA, "tag BOB: every: needs an energy" },
		{ "tag.set", "{'uid': 'BOB', 'credit_wh': 5, 'every': '0d', 'recharge_wh': 5}", -LMS_EDATA, "every: '0d' is not a period" },
		{ "tag.set", "{'uid': 'BOB', 'credit_wh': 5, 'every': '367d', 'recharge_wh': 5}", -LMS_EDATA, "every: '367d' is not a period" },
		{ "tag.set", "{'uid': 'BOB', 'credit_wh': 5, 'every': 'fortnight', 'recharge_wh': 5}", -LMS_EDATA, "every: 'fortnight'" },
		{ "tag.set", "{'uid': 'BOB', 'credit_wh': 5, 'every': 'd', 'recharge_wh': 5}", -LMS_EDATA, "every: 'd'" },
		{ "tag.set", "{'uid': 'BOB', 'credit_wh': 5, 'credit_max_wh': 5}", -LMS_EDATA, "credit_max: is for recharges" },
		{ "tag.set", "{'uid': 'BOB', 'credit_wh': 5000000000}", -LMS_ERANGE, "tag BOB: credit: 5.000 GWh is out of range" },
		{ "tag.set", "{'uid': 'BOB', 'credit_wh': 5, 'every': 'day', 'recharge_wh': -1}", -LMS_ERANGE, "tag BOB: recharge: " },
		{ "tag.credit_add", "{'uid': 'BOB', 'change_wh': 5}", -LMS_ECONFLICT, "tag BOB: its credit is unlimited" },
		{ "tag.credit_set", "{'uid': 'BOB', 'credit_wh': 2000000000}", -LMS_ERANGE, "out of range" },
		{ "tag.credit_set", "{'uid': 'RICH'}", -LMS_EDATA, "tag RICH: recharge: its credit is unlimited" },
		{ "tag.credit_add", "{'uid': 'RICH', 'change_wh': 1000000000}", -LMS_ERANGE, "out of range" },
		{ "tag.credit_set", "{'uid': 'NOBODY', 'credit_wh': 5}", -LMS_ENOTFOUND, "tag 'NOBODY' does not exist" },
	};
	struct ledger_desk l;
	size_t puts;

	(void)state;
	begin(&l);
	desk_must(&l.d, "tag.add", "{'uid': 'RICH', 'credit_wh': 5, 'every': 'day', 'recharge_wh': 5}");
	puts = l.d.put_count;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int ret = desk_call(&l.d, cases[i].method, cases[i].params);

		if (ret != cases[i].ret || !strstr(l.d.diag.text, cases[i].says))
			fail_msg("%s %s: %d %s", cases[i].method, cases[i].params, ret, l.d.diag.text);
	}
	assert_int_equal(l.d.put_count, puts);
	desk_fini(&l.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transaction_is_charged_once_and_a_late_stop_corrects_it),
		cmocka_unit_test(at_nothing_nobody_starts_and_below_it_who_charges_is_stopped),
		cmocka_unit_test(free_charging_and_impossible_energy_cost_nothing),
		cmocka_unit_test(several_at_once_are_charged_to_one_credit),
		cmocka_unit_test(recharges_are_due_at_midnights_of_the_site),
		cmocka_unit_test(recharges_fill_up_to_the_cap_and_never_take),
		cmocka_unit_test(a_clock_that_was_wrong_gives_nothing_twice),
		cmocka_unit_test(changes_by_hand_say_who_and_why),
		cmocka_unit_test(what_does_not_fit_together_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
