/* test_ocpp_credit.c - what is charged on a credit that is used up is ended at its station. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/helper_ocpp.h"

static struct bench b;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	site_tag(b.site, "GOOD")->k.credit_wh = 1000;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

/* As the hall does at the end of a turn. */
static void look(void)
{
	if (b.site->credit_out && b.now >= b.site->credit_look_at)
		ocpp_credit_used_up(b.ocpp, b.now, b.wall, &b.fx);
}

static void meter(int32_t tx, int wh)
{
	bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":"
		   "\"2026-11-21T06:00:00Z\",\"sampledValue\":[{\"value\":\"%d\"}]}]}]", tx, wh);
	look();
}

static bool asked(int32_t tx)
{
	char text[80];

	snprintf(text, sizeof(text), "\"RemoteStopTransaction\",{\"transactionId\":%d}", tx);
	return bench_find(&b, text) != NULL;
}

static void a_transaction_is_stopped_when_the_credit_of_its_tag_falls_below_nothing(void **state)
{
	int32_t tx = bench_start(&b, 1, 1, "GOOD");
	int64_t begun = site_tx(b.site, tx)->meter_start_wh;

	(void)state;
	bench_pass(&b, 3600 * US_PER_S);
	meter(tx, (int)begun + 1000);
	assert_false(asked(tx));
	meter(tx, (int)begun + 1001);
	assert_true(asked(tx));
	bench_answer(&b, 1, "RemoteStopTransaction", "{\"status\":\"Rejected\"}");
	/* one that goes on is asked again, though not with every value */
	bench_pass(&b, 20 * US_PER_S);
	meter(tx, (int)begun + 1002);
	assert_false(asked(tx));
	bench_pass(&b, 45 * US_PER_S);
	meter(tx, (int)begun + 1003);
	assert_true(asked(tx));
	bench_answer(&b, 1, "RemoteStopTransaction", "{\"status\":\"Accepted\"}");
	bench_stop(&b, 1, tx, begun + 1004);
	look();
	bench_pass(&b, 65 * US_PER_S);
	look();
	assert_false(asked(tx));
	assert_false(b.site->credit_out);
	assert_int_equal(site_tag_credit(b.site, site_tag(b.site, "GOOD"), b.wall), -4);
}

static void a_station_that_was_away_is_asked_when_it_is_back(void **state)
{
	int32_t tx = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_pass(&b, 3600 * US_PER_S);
	bench_close(&b, 1);
	site_tag(b.site, "GOOD")->k.credit_wh = -1;
	b.site->credit_out = true;
	look();
	assert_true(b.site->credit_out);
	bench_pass(&b, 15 * US_PER_S);
	look();
	assert_int_equal(site_tx(b.site, tx)->stop_asked, 0);
	bench_pass(&b, 15 * US_PER_S);
	bench_open(&b, 2, "CP1");
	look();
	/* behind what it is asked when it comes */
	assert_int_equal(site_tx(b.site, tx)->stop_asked, b.now);
}

static void other_tags_go_on(void **state)
{
	int32_t tx = bench_start(&b, 1, 1, "GOOD"), other = bench_start(&b, 1, 2, "VIP");
	int64_t begun = site_tx(b.site, tx)->meter_start_wh;

	(void)state;
	bench_pass(&b, 3600 * US_PER_S);
	meter(tx, (int)begun + 1500);
	assert_true(asked(tx));
	assert_false(asked(other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_transaction_is_stopped_when_the_credit_of_its_tag_falls_below_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_station_that_was_away_is_asked_when_it_is_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_tags_go_on, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
