/* Mails: which addresses, how long they are tried, and what alerts write. */
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
#include "site/alert/alert.h"
#include "site/mail/mail.h"

#define S US_PER_S

static void addresses_are_checked(void **state)
{
	static const struct { const char *list; bool good; } rows[] = {
		{ "", true }, { "a@example.org", true }, { "a@example.org, b.c+d@x.example,e@y", true },
		{ "a", false }, { "@x", false }, { "a@", false }, { "a@b@c", false }, { "a b@c", false },
		{ "a@b\r\nBcc: c@d", false }, { "<a@b>", false }, { "a@b>", false }, { "é@b", false },
		{ "1@x,2@x,3@x,4@x,5@x,6@x,7@x,8@x,9@x,10@x", true }, { "1@x,2@x,3@x,4@x,5@x,6@x,7@x,8@x,9@x,10@x,11@x", false },
	};
	char one[MAIL_ADDRESS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((mail_addresses_check(rows[i].list, NULL) == 0) != rows[i].good)
			fail_msg("'%s'", rows[i].list);
	assert_true(mail_address_at(rows[2].list, 2, one));
	assert_string_equal(one, "e@y");
	assert_false(mail_address_at(rows[2].list, 3, one));
	assert_false(mail_address_at(NULL, 0, one));
}

static struct mail *new_mail(struct desk *r)
{
	return mail_new(r->site, "a@x", "s", xstrdup("b"), r->now, r->wall, &r->fx);
}

static void it_is_tried_later_and_later_and_then_given_up(void **state)
{
	mono_t last = 0;
	struct mail *m;
	struct desk r;
	int tries = 0;

	(void)state;
	desk_init(&r);
	m = new_mail(&r);
	while (!m->refused) {
		mono_t wait = m->due - r.now;

		assert_true(wait >= last || wait == MAIL_RETRY_MAX_US);
		assert_null(wait ? mail_to_send(r.site, r.now) : NULL);
		last = wait;
		r.now += wait;
		r.wall += wait;
		assert_ptr_equal(mail_to_send(r.site, r.now), m);
		m->sending = true;
		assert_null(mail_to_send(r.site, r.now));
		mail_done(r.site, m, MAIL_LATER, "no route", r.now, r.wall, &r.fx);
		tries++;
	}
	assert_in_range(tries, 60, 100);
	assert_true(mail_due(r.site) == MONO_NEVER);
	assert_non_null(mail_find(r.site, m->id));
	desk_fini(&r);
}

static void what_was_taken_is_gone_and_what_was_refused_stays(void **state)
{
	struct desk r;

	(void)state;
	desk_init(&r);
	mail_done(r.site, new_mail(&r), MAIL_SENT, "", r.now, r.wall, &r.fx);
	mail_done(r.site, new_mail(&r), MAIL_REFUSED, "550 no such user", r.now, r.wall, &r.fx);
	desk_settle(&r);
	assert_null(mail_find(r.site, 1));
	assert_true(mail_find(r.site, 2)->refused);
	assert_int_equal(desk_stored_count(&r, STORE_MAIL), 1);
	desk_fini(&r);
}

static void a_full_queue_drops_refused_ones_first(void **state)
{
	struct desk r;

	(void)state;
	desk_init(&r);
	for (int i = 0; i < MAIL_QUEUE_MAX; i++)
		assert_non_null(new_mail(&r));
	assert_null(new_mail(&r));
	mail_done(r.site, mail_find(r.site, 7), MAIL_REFUSED, "x", r.now, r.wall, &r.fx);
	assert_non_null(new_mail(&r));
	assert_null(mail_find(r.site, 7));
	assert_null(new_mail(&r));
	desk_fini(&r);
}

static void a_restart_goes_on_with_what_waits(void **state)
{
	const char *json;
	struct mail *m;
	struct desk r;

	(void)state;
	desk_init(&r);
	m = mail_new(r.site, "a@x", "Grüße", xstrdup("line\nü\n"), r.now, r.wall, &r.fx);
	mail_done(r.site, m, MAIL_LATER, "no route", r.now, r.wall, &r.fx);
	desk_settle(&r);
	desk_restart(&r);
	json = desk_stored(&r, STORE_MAIL, "0000000000000001");
	assert_int_equal(mail_load(r.site, json, strlen(json), r.now, &r.diag), 0);
	m = mail_to_send(r.site, r.now);
	assert_non_null(m);
	assert_string_equal(m->body, "line\nü\n");
	assert_string_equal(m->subject, "Grüße");
	assert_int_equal(m->tries, 1);
	assert_true(mail_new(r.site, "b@x", "s", xstrdup("b"), r.now, r.wall, &r.fx)->id == 2);
	assert_int_equal(mail_load(r.site, "{\"id\":3,\"to\":\"no address\"}", 26, r.now, &r.diag), -LMS_EDATA);
	desk_fini(&r);
}

/* ---- alerts ---- */

static void go_over(struct desk *r, int64_t us, int meters)
{
	char id[16];

	for (; us > 0; us -= 2 * S) {
		r->now += 2 * S;
		r->wall += 2 * S;
		alert_sweep_begin(r->site);
		for (int i = 0; i < meters; i++) {
			snprintf(id, sizeof(id), "M%d", i);
			alert_holds(r->site, ALERT_METER_LOST, id, r->now, r->wall, "no answer");
		}
		alert_sweep_end(r->site, r->now, r->wall, &r->fx);
		mail_alerts(r->site, r->now, r->wall, &r->fx);
	}
	desk_settle(r);
}

static void begin(struct desk *r, const char *mail)
{
	char args[160];

	desk_init(r);
	snprintf(args, sizeof(args), "{'alert': 'meter_lost', 'delay': '0s', 'mail': '%s'}", mail);
	desk_must(r, "alert_rule.set", args);
}

static void each_recipient_gets_one_mail_of_begin_and_one_of_end(void **state)
{
	struct desk r;

	(void)state;
	begin(&r, "a@x, b@x");
	go_over(&r, 600 * S, 1);
	assert_true(mail_last(r.site) == 2);
	assert_string_equal(mail_find(r.site, 1)->to, "a@x");
	assert_string_equal(mail_find(r.site, 2)->to, "b@x");
	assert_string_equal(mail_find(r.site, 1)->subject, "lms: meter_lost M0");
	assert_non_null(strstr(mail_find(r.site, 1)->body, "ERROR    meter_lost M0\n         2026-05-01 08:00:02\n         no answer"));
	go_over(&r, 600 * S, 0);
	assert_true(mail_last(r.site) == 4);
	assert_string_equal(mail_find(r.site, 3)->subject, "lms: over: meter_lost M0");
	assert_non_null(strstr(mail_find(r.site, 3)->body, " to 2026-05-01 08:1"));
	go_over(&r, 600 * S, 0);
	assert_true(mail_last(r.site) == 4);
	desk_fini(&r);
}

static void a_storm_is_one_mail(void **state)
{
	struct desk r;

	(void)state;
	begin(&r, "a@x");
	go_over(&r, 4 * S, 1);
	go_over(&r, 280 * S, 2000);
	assert_true(mail_last(r.site) == 1);
	assert_string_equal(mail_find(r.site, 1)->subject, "lms: 2000 alerts, 0 over");
	assert_non_null(strstr(mail_find(r.site, 1)->body, "and 1900 more"));
	assert_true(strlen(mail_find(r.site, 1)->body) < MAIL_BODY_MAX);
	/* What comes within the next minutes waits for their end. */
	go_over(&r, 20 * S, 2001);
	assert_true(mail_last(r.site) == 1);
	go_over(&r, 40 * S, 2001);
	assert_true(mail_last(r.site) == 2);
	desk_fini(&r);
}

static void nobody_is_told_what_is_not_for_him(void **state)
{
	struct desk r;

	(void)state;
	begin(&r, "");
	desk_must(&r, "alert_rule.set", "{'alert': 'grid_lost', 'mail': 'a@x'}");
	go_over(&r, 600 * S, 3);
	assert_true(mail_last(r.site) == 0);
	/* History of before is not told when somebody is named. */
	go_over(&r, 600 * S, 0);
	desk_must(&r, "alert_rule.set", "{'alert': 'meter_lost', 'mail': 'a@x'}");
	go_over(&r, 600 * S, 0);
	assert_true(mail_last(r.site) == 0);
	assert_int_equal(desk_call(&r, "alert_rule.set", "{'alert': 'meter_lost', 'mail': 'nobody'}"), -LMS_EDATA);
	assert_non_null(strstr(r.diag.text, "'nobody' is not an address"));
	desk_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_checked),
		cmocka_unit_test(it_is_tried_later_and_later_and_then_given_up),
		cmocka_unit_test(what_was_taken_is_gone_and_what_was_refused_stays),
		cmocka_unit_test(a_full_queue_drops_refused_ones_first),
		cmocka_unit_test(a_restart_goes_on_with_what_waits),
		cmocka_unit_test(each_recipient_gets_one_mail_of_begin_and_one_of_end),
		cmocka_unit_test(a_storm_is_one_mail),
		cmocka_unit_test(nobody_is_told_what_is_not_for_him),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
