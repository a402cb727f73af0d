/* test_quirk_meter.c - ocpp.md "Meter values": each quirk of real stations has a test that is named after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "tests/unit/helper_ocpp.h"

static struct bench b;
static struct connector *c;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_configure(&b, "Q", "{\"id\":\"Q\",\"zone\":\"P1\",\"connectors\":1,\"wiring\":\"RST\"}");
	bench_boot(&b, 1, "Q");
	c = bench_conn(&b, "Q", 1);
	bench_start(&b, 1, 1, "GOOD");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

/* The samples with ' for ". */
static void says(const char *samples)
{
	char text[2000];

	snprintf(text, sizeof(text), "%s", samples);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	bench_pass(&b, 10 * US_PER_S);
	bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":1,\"meterValue\":[{\"timestamp\":"
		   "\"2026-11-21T06:00:06Z\",\"sampledValue\":[%s]}]}]", text);
	assert_string_equal(bench_frame(&b, 0), "[3,\"m\",{}]");
}

static void draws(int64_t l1, int64_t l2, int64_t l3)
{
	assert_int_equal(c->draw.l[0], l1);
	assert_int_equal(c->draw.l[1], l2);
	assert_int_equal(c->draw.l[2], l3);
}

#define AMPS(value, more) "{'value':'" value "','measurand':'Current.Import'" more "}"
#define WATTS(value, more) "{'value':'" value "','measurand':'Power.Active.Import'" more "}"

static void omitted_means_default(void **state)
{
	(void)state;
	says("{'value':'1500'}");	/* Energy.Active.Import.Register in Wh, Sample.Periodic, at the outlet */
	assert_int_equal(c->register_wh, 1500);
	assert_int_equal(c->tx->energy_wh, 500);
	says(AMPS("16", "") "," WATTS("11000", ""));	/* A, W, on all phases, or in all */
	draws(16000, 16000, 16000);
	assert_int_equal(c->power_w, 11000);
}

static void kilo(void **state)
{
	(void)state;
	says("{'value':'1.7','unit':'kWh'}," WATTS("11.04", ",'unit':'kW'"));
	assert_int_equal(c->register_wh, 1700);
	assert_int_equal(c->power_w, 11040);
}

static void blanks(void **state)
{
	(void)state;
	says("{'value':' 1600 '}," AMPS("  16.5 ", ",'phase':'L1'") "," WATTS("3,8", ",'unit':'kW'"));
	assert_int_equal(c->register_wh, 1600);
	assert_int_equal(c->draw.l[0], 16500);
	assert_int_equal(c->power_w, 3800);
}

static void l1_n(void **state)
{
	(void)state;
	says(AMPS("10", ",'phase':'L1-N'") "," AMPS("11", ",'phase':'L2-N'") "," AMPS("12", ",'phase':'L3-N'"));
	draws(10000, 11000, 12000);
}

static void neutral(void **state)
{
	(void)state;
	says(AMPS("10", ",'phase':'L1'") "," AMPS("0", ",'phase':'L2'") "," AMPS("0", ",'phase':'L3'") ","
	     AMPS("10", ",'phase':'N'") "," WATTS("2300", ""));
	draws(10000, 0, 0);
}

static void line_to_line(void **state)
{
	(void)state;
	/* 400 V between lines are no 400 V to neutral: 16 A and 11 kW are three phases. */
	says(AMPS("16", ",'phase':'L1'") ",{'value':'400','measurand':'Voltage','phase':'L1-L2','unit':'V'}," WATTS("11040", ""));
	draws(16000, 16000, 16000);
}

static void placeholders(void **state)
{
	(void)state;
	says(AMPS("16", ",'phase':'L1'") "," AMPS("0", ",'phase':'L2'") "," AMPS("0", ",'phase':'L3'") "," WATTS("11040", ""));
	draws(16000, 16000, 16000);
	/* By its power it is one phase indeed. */
	says(AMPS("16", ",'phase':'L1'") "," AMPS("0", ",'phase':'L2'") "," AMPS("0", ",'phase':'L3'") "," WATTS("3680", ""));
	draws(16000, 0, 0);
}

static void no_total(void **state)
{
	(void)state;
	says(WATTS("2300", ",'phase':'L1'") "," WATTS("2200", ",'phase':'L2'") "," WATTS("2100", ",'phase':'L3'")
	     ",{'value':'500','phase':'L1'},{'value':'500','phase':'L2'},{'value':'600','phase':'L3'}");
	assert_int_equal(c->power_w, 6600);
	assert_int_equal(c->register_wh, 1600);
}

static void no_offered(void **state)
{
	(void)state;
	says(AMPS("16", ",'phase':'L1'"));
	assert_int_equal(c->draw.l[0], 16000);
	/* And where it is there, it is not what is drawn. */
	says("{'value':'32','measurand':'Current.Offered'}," AMPS("8", ",'phase':'L1'"));
	assert_int_equal(c->draw.l[0], 8000);
}

/* What a station sends for the whole of itself is not what a connector draws. */
static void connector_0(void **state)
{
	(void)state;
	bench_pass(&b, 10 * US_PER_S);
	bench_say(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":0,\"meterValue\":[{\"timestamp\":\"2026-11-21T06:00:06Z\","
		  "\"sampledValue\":[{\"value\":\"99999\"},{\"value\":\"63\",\"measurand\":\"Current.Import\"}]}]}]");
	assert_string_equal(bench_frame(&b, 0), "[3,\"m\",{}]");
	assert_int_equal(c->draw.l[0], NUM_NONE);
	assert_int_equal(c->tx->energy_wh, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUIRK("omitted measurand, unit, phase and context mean their defaults", omitted_means_default),
		QUIRK("kW and kWh", kilo),
		QUIRK("spaces in values, and commas", blanks),
		QUIRK("L1-N for currents", l1_n),
		QUIRK("N is no phase", neutral),
		QUIRK("L1-L2 voltages", line_to_line),
		QUIRK("zero placeholders for L2 and L3", placeholders),
		QUIRK("no total: the phases are summed", no_total),
		QUIRK("Current.Offered absent", no_offered),
		QUIRK("values of connector 0 are the station's", connector_0),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
