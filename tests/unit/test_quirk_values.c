/* test_quirk_values.c - ocpp.md "Transactions": the meter values of a transaction, kept as its curve, with what
 * is signed, however and whenever they come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "tests/unit/helper_ocpp.h"

#define MINUTE (60 * US_PER_S)
#define HOUR   (60 * MINUTE)

static struct bench b;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

static void holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static size_t stored_count(enum store_table table)
{
	size_t n = 0;

	for (const struct effect *e = b.fx.first; e; e = e->next)
		n += e->kind == FX_PUT && e->u.put.table == table;
	return n;
}

static const char *now(void)
{
	static char time[RFC3339_MAX];

	return rfc3339_format(b.wall, time);
}

static const struct curve *curve(int32_t id)
{
	return &site_tx(b.site, id)->curve;
}

static void values_are_its_curve(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");
	const struct curve_point *p;

	(void)state;
	bench_pass(&b, MINUTE);
	bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":\"%s\","
		   "\"sampledValue\":[{\"value\":\"1200\"},{\"value\":\"16\",\"measurand\":\"Current.Import\",\"phase\":\"L1\"},"
		   "{\"value\":\"0\",\"measurand\":\"Current.Import\",\"phase\":\"L2\"},{\"value\":\"0\",\"measurand\":"
		   "\"Current.Import\",\"phase\":\"L3\"},{\"value\":\"3.7\",\"unit\":\"kW\",\"measurand\":"
		   "\"Power.Active.Import\"}]}]}]", id, now());
	assert_int_equal(curve(id)->count, 1);
	p = &curve(id)->points[0];
	assert_int_equal(p->t_s, 60);
	assert_int_equal(p->register_wh, 1200);
	assert_int_equal(p->w, 3700);
	/* STR: its L1 is the grid's L2. */
	assert_int_equal(p->ma[1], 16000);
	assert_int_equal(p->ma[0], 0);
}

/* A station gathers for an hour, and sends all at once. */
static void gathered_values(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");
	wall_t begun = b.wall;

	(void)state;
	bench_pass(&b, HOUR);
	bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":["
		   "{\"timestamp\":\"2026-11-21T06:20:06Z\",\"sampledValue\":[{\"value\":\"2000\"}]},"
		   "{\"timestamp\":\"2026-11-21T06:40:06Z\",\"sampledValue\":[{\"value\":\"3000\"}]},"
		   "{\"timestamp\":\"2026-11-21T07:00:06Z\",\"sampledValue\":[{\"value\":\"4000\"}]}]}]", id);
	assert_int_equal(curve(id)->count, 3);
	assert_int_equal(curve(id)->points[1].t_s, (1795240800 + 2406) - begun / US_PER_S);
	assert_int_equal(curve(id)->points[1].register_wh, 3000);
	assert_int_equal(site_tx(b.site, id)->energy_wh, 3000);
}

static void data_of_the_stop(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_pass(&b, HOUR);
	bench_sayf(&b, 1, "[2,\"s\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":4000,\"timestamp\":\"%s\","
		   "\"transactionData\":[{\"timestamp\":\"2026-11-21T06:20:06Z\",\"sampledValue\":[{\"value\":\"2000\"}]},"
		   "{\"timestamp\":\"2026-11-21T06:40:06Z\",\"sampledValue\":[{\"value\":\"3000\"}]}]}]", id, now());
	holds(bench_stored(&b, STORE_CURVE), "{\"curve\":\"1200,1000,-,-,-,-;1200,1000,,,,;\"}");
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":3000");
}

/* What had come before, once more: neither energy nor points count twice. */
static void data_that_is_known_already(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	for (int i = 1; i <= 3; i++) {
		bench_pass(&b, 20 * MINUTE);
		bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":"
			   "\"%s\",\"sampledValue\":[{\"value\":\"%d\"}]}]}]", id, now(), 1000 + i * 1000);
	}
	bench_sayf(&b, 1, "[2,\"s\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":500,\"timestamp\":\"%s\","
		   "\"transactionData\":[{\"timestamp\":\"2026-11-21T06:20:06Z\",\"sampledValue\":[{\"value\":\"2000\"}]},"
		   "{\"timestamp\":\"2026-11-21T06:40:06Z\",\"sampledValue\":[{\"value\":\"3000\"}]}]}]", id, now());
	holds(bench_stored(&b, STORE_CURVE), "{\"curve\":\"1200,1000,-,-,-,-;1200,1000,,,,;1200,1000,,,,;\"}");
	/* meterStop is below meterStart: the increments that were seen, once. */
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":3000");
}

/* The only values of a session that was charged offline: their increments are its energy. */
static void a_register_that_is_only_in_the_data(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_pass(&b, HOUR);
	bench_sayf(&b, 1, "[2,\"s\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":700,\"timestamp\":\"%s\","
		   "\"transactionData\":[{\"timestamp\":\"2026-11-21T06:20:06Z\",\"sampledValue\":[{\"value\":\"0\"}]},"
		   "{\"timestamp\":\"2026-11-21T06:40:06Z\",\"sampledValue\":[{\"value\":\"400\"}]}]}]", id, now());
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":700");
	holds(bench_stored(&b, STORE_TX), "\"estimated\":true");
}

static void data_of_more_than_16_kb(void **state)
{
	static char frame[200000];
	int32_t id = bench_start(&b, 1, 1, "GOOD");
	size_t n = (size_t)sprintf(frame, "[2,\"s\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":3000,\"timestamp\":"
				   "\"2026-11-21T16:00:06Z\",\"transactionData\":[", id);

	(void)state;
	bench_pass(&b, 10 * HOUR);
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(frame + n, "%s{\"timestamp\":\"2026-11-21T%02d:%02d:%02dZ\",\"sampledValue\":[{\"value\":"
				     "\"%d\",\"context\":\"Sample.Periodic\",\"measurand\":\"Energy.Active.Import.Register\"}]}",
				     i ? "," : "", 7 + i / 120, i / 2 % 60, i % 2 * 30, 1000 + i * 2);
	strcpy(frame + n, "]}]");
	assert_true(strlen(frame) > 100000);
	bench_say(&b, 1, frame);
	assert_string_equal(bench_frame(&b, 0), "[3,\"s\",{}]");
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":2000");
	assert_in_range(strlen(bench_stored(&b, STORE_CURVE)), 500, 2000);
}

/* ---- signed values ---- */

#define SIGNED "{\"value\":\"OCMF|{\\\"FV\\\":\\\"1.0\\\",\\\"RD\\\":[{\\\"RV\\\":1.2}]}|{\\\"SD\\\":\\\"3045\\u00e9\\\"}\",  \"context\":" \
	"\"Transaction.Begin\",\"format\":\"SignedData\" , \"measurand\":\"Energy.Active.Import.Register\",\"x\":1e3}"

static void signed_values_byte_for_byte(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":\"%s\","
		   "\"sampledValue\":[%s]}]}]", id, now(), SIGNED);
	holds(bench_stored(&b, STORE_SIGNED), "\"sample\":" SIGNED "}");
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
	/* It is no register: nobody takes the signature for a number. */
	assert_int_equal(site_tx(b.site, id)->energy_wh, 0);
	/* The same once more is the same. */
	bench_sayf(&b, 1, "[2,\"s\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":1100,\"timestamp\":\"%s\","
		   "\"transactionData\":[{\"timestamp\":\"%s\",\"sampledValue\":[%s,{\"value\":\"END\",\"context\":"
		   "\"Transaction.End\",\"format\":\"SignedData\"}]}]}]", id, now(), now(), SIGNED);
	assert_int_equal(stored_count(STORE_SIGNED), 1);
	holds(bench_stored(&b, STORE_SIGNED), "\"END\"");
	holds(bench_stored(&b, STORE_TX), "\"signed_rows\":2");
}

static void signed_values_after_the_stop(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_stop(&b, 1, id, 1100);
	bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":\"%s\","
		   "\"sampledValue\":[%s]}]}]", id, now(), SIGNED);
	assert_int_equal(stored_count(STORE_SIGNED), 1);
	holds(bench_stored(&b, STORE_TX), "\"signed_rows\":1");
	/* Another station's are nobody's. */
	bench_boot(&b, 2, "CP2");
	bench_sayf(&b, 2, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":\"%s\","
		   "\"sampledValue\":[{\"value\":\"FORGED\",\"format\":\"SignedData\"}]}]}]", id, now());
	assert_int_equal(stored_count(STORE_SIGNED), 0);
}

/* A station that signs every sample: the first and the last are what counts, one in a minute of the rest. */
static void every_sample_is_signed(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");
	size_t rows = 0;

	(void)state;
	for (int i = 0; i < 360; i++) {
		bench_pass(&b, 10 * US_PER_S);
		bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":"
			   "\"%s\",\"sampledValue\":[{\"value\":\"%d\",\"format\":\"SignedData\"}]}]}]", id, now(), i);
		rows += stored_count(STORE_SIGNED);
		for (const struct effect *e = b.fx.first; e; e = e->next)
			if (e->kind == FX_PUT && e->u.put.table == STORE_SIGNED)
				assert_true(strcmp(e->u.put.key, "0000000001/15") <= 0);
	}
	assert_in_range(rows, 59, 61);
}

static void a_signed_value_that_is_too_long(void **state)
{
	static char frame[70000];
	int32_t id = bench_start(&b, 1, 1, "GOOD");
	size_t n = (size_t)sprintf(frame, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{"
				   "\"timestamp\":\"%s\",\"sampledValue\":[{\"format\":\"SignedData\",\"value\":\"", id, now());

	(void)state;
	memset(frame + n, 'A', 60000);
	strcpy(frame + n + 60000, "\"}]}]}]");
	bench_say(&b, 1, frame);
	assert_string_equal(bench_frame(&b, 0), "[3,\"m\",{}]");
	assert_int_equal(stored_count(STORE_SIGNED), 0);
	holds(site_tx(b.site, id)->note, "too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUIRK("meter values are kept as the curve of their transaction", values_are_its_curve),
		QUIRK("MeterValues with many moments at once", gathered_values),
		QUIRK("StopTransaction.transactionData is the curve", data_of_the_stop),
		QUIRK("StopTransaction.transactionData says again what is known", data_that_is_known_already),
		QUIRK("a register that is only in StopTransaction.transactionData", a_register_that_is_only_in_the_data),
		QUIRK("StopTransaction.transactionData of more than 16 kB", data_of_more_than_16_kb),
		QUIRK("signed meter values are kept byte for byte", signed_values_byte_for_byte),
		QUIRK("signed meter values after StopTransaction", signed_values_after_the_stop),
		QUIRK("every sample is signed", every_sample_is_signed),
		QUIRK("a signed meter value that is too long", a_signed_value_that_is_too_long),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
