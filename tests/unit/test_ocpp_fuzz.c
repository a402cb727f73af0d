/* test_ocpp_fuzz.c - frames that were damaged in every way: nothing breaks, and what we say stays OCPP.
 *
 * Deterministic: the same seed makes the same frames. SEED=n in the environment tries another one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ocpp/message.h"
#include "tests/unit/helper_ocpp.h"

#define ROUNDS 60000
#define FRAME_MAX_LEN 4000

static const char *const corpus[] = {
	"[2,\"1\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":\"One\",\"iccid\":\"8\"}]",
	"[2,\"2\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Preparing\","
	"\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	"[2,\"3\",\"StatusNotification\",{\"connectorId\":2,\"errorCode\":\"NoError\",\"status\":\"Available\"}]",
	"[2,\"4\",\"StatusNotification\",{\"connectorId\":0,\"errorCode\":\"GroundFailure\",\"status\":\"Faulted\",\"info\":\"x\"}]",
	"[2,\"5\",\"Authorize\",{\"idTag\":\"GOOD\"}]",
	"[2,\"6\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":100,"
	"\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	"[2,\"7\",\"StartTransaction\",{\"connectorId\":2,\"idTag\":\"VIP\",\"meterStart\":7,"
	"\"timestamp\":\"2026-11-20T06:00:00Z\"}]",
	"[2,\"8\",\"StopTransaction\",{\"transactionId\":1,\"idTag\":\"GOOD\",\"meterStop\":1100,"
	"\"timestamp\":\"2026-11-21T06:30:00Z\",\"reason\":\"Local\",\"transactionData\":[]}]",
	"[2,\"9\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":1,\"meterValue\":[{\"timestamp\":"
	"\"2026-11-21T06:00:00Z\",\"sampledValue\":[{\"value\":\"16.5\",\"measurand\":\"Current.Import\",\"phase\":\"L1\","
	"\"unit\":\"A\"},{\"value\":\"3\",\"measurand\":\"Power.Active.Import\",\"unit\":\"kW\"},{\"value\":\"150\"}]}]}]",
	"[2,\"8\",\"StopTransaction\",{\"transactionId\":1,\"meterStop\":1100,\"timestamp\":\"2026-11-21T06:30:00Z\","
	"\"transactionData\":[{\"timestamp\":\"2026-11-21T06:10:00Z\",\"sampledValue\":[{\"value\":\"300\"},{\"value\":"
	"\"OCMF|{}|x\",\"format\":\"SignedData\",\"context\":\"Transaction.End\"}]},{\"timestamp\":"
	"\"2026-11-21T06:20:00Z\",\"sampledValue\":[{\"value\":\"600\"}]}]}]",
	"[2,\"9\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":-1,\"meterValue\":[{\"timestamp\":"
	"\"2026-11-21T06:00:00Z\",\"sampledValue\":[{\"value\":\"ab\",\"format\":\"SignedData\",\"context\":"
	"\"Transaction.Begin\"}]},{\"timestamp\":\"2026-11-21T06:01:00Z\",\"sampledValue\":[{\"value\":\"160\"}]}]}]",
	"[2,\"10\",\"DataTransfer\",{\"vendorId\":\"acme\",\"messageId\":\"m\",\"data\":\"x\"}]",
	"[2,\"11\",\"Heartbeat\",{}]",
	"[2,\"12\",\"SecurityEventNotification\",{\"type\":\"t\",\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	"[2,\"13\",\"SignCertificate\",{\"csr\":\"c\"}]",
	"[3,\"ID\",{\"status\":\"Accepted\"}]",
	"[3,\"ID\",{\"configurationKey\":[{\"key\":\"NumberOfConnectors\",\"readonly\":true,\"value\":\"3\"},"
	"{\"key\":\"MeterValueSampleInterval\",\"readonly\":false,\"value\":\"10\"}],\"unknownKey\":[\"k\"]}]",
	"[4,\"ID\",\"InternalError\",\"text\",{}]",
};

static const char *const tokens[] = {
	"null", "true", "-1", "0", "65", "4294967296", "99999999999999999999", "1e999", "1.5", "\"\"", "{}", "[]", "[[[[]]]]",
	"\"\\u0000\"", "\"\\ud800\"", "\"%s%n\"", "\xff\xfe", "\"\xc3\xa9\"", "\"2022-02-29T00:00:00Z\"", "\"Charging\"", "\"GOOD\"",
	"\"kWh\"", "\"L3\"", ",", ":", "\"", "\\", "]", "}", "\"x\":1,", "2", "3", "4",
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 11) % below;
}

static void replace(char *frame, size_t at, size_t cut, const char *with)
{
	size_t len = strlen(frame), add = strlen(with);

	if (at > len)
		at = len;
	if (cut > len - at)
		cut = len - at;
	if (len - cut + add >= FRAME_MAX_LEN)
		return;
	memmove(frame + at + add, frame + at + cut, len - at - cut + 1);
	memcpy(frame + at, with, add);
}

/* Where a value begins or ends: damage there is more often read as something. */
static size_t place(const char *frame)
{
	size_t len = strlen(frame), at = len ? draw((uint32_t)len) : 0;

	if (draw(3) == 0)
		return at;
	while (at < len && !strchr(":,[{]}", frame[at]))
		at++;
	return at < len ? at + 1 : len;
}

static void damage(char *frame)
{
	char byte[2] = { (char)(1 + draw(255)), '\0' }, copy[FRAME_MAX_LEN + 1];
	size_t at = place(frame), end;

	switch (draw(6)) {
	case 0:
		replace(frame, at, 1, byte);
		break;
	case 1:
		replace(frame, at, draw(8), "");
		break;
	case 2:
		end = at;
		while (frame[end] && !strchr(",]}", frame[end]))
			end++;
		replace(frame, at, end - at, tokens[draw(ARRAY_LEN(tokens))]);
		break;
	case 3:
		replace(frame, at, 0, tokens[draw(ARRAY_LEN(tokens))]);
		break;
	case 4:
		frame[at] = '\0';
		break;
	default:
		snprintf(copy, sizeof(copy), "%s", frame + place(frame));
		replace(frame, at, 0, copy);
		break;
	}
}

/* The id of our latest call, so that damaged answers reach it. */
static char flight[60];
static unsigned long taken, refused, called;

static void check_said(const struct bench *b, const char *frame)
{
	struct arena arena;
	size_t answers = 0;

	arena_init(&arena);
	for (const struct effect *e = b->fx.first; e; e = e->next) {
		const struct ocpp_message *m;
		struct ocpp_violation v;
		const struct json *j;

		/* Poison would be found at the next start. */
		if (e->kind == FX_PUT && !json_parse(&arena, e->u.put.json, e->u.put.len, &JSON_CAPS_DEFAULT, NULL))
			fail_msg("after %s we stored %s", frame, e->u.put.json);
		if (e->kind != FX_FRAME)
			continue;
		j = json_parse(&arena, e->u.frame.text, e->u.frame.len, &JSON_CAPS_DEFAULT, NULL);
		if (!j)
			fail_msg("after %s we said %s", frame, e->u.frame.text);
		answers += e->u.frame.text[1] != '2';
		taken += e->u.frame.text[1] == '3';
		refused += e->u.frame.text[1] == '4';
		called += e->u.frame.text[1] == '2';
		if (e->u.frame.text[1] != '2')
			continue;
		snprintf(flight, sizeof(flight), "%s", json_str(json_at(j, 1), ""));
		m = ocpp_message_find(json_str(json_at(j, 2), ""));
		if (!m || !(m->sender & OCPP_FROM_CENTRAL) || !ocpp_payload_check(m->req, json_at(j, 3), &v))
			fail_msg("after %s we called %s", frame, e->u.frame.text);
	}
	if (answers > 1)
		fail_msg("%s was answered %zu times", frame, answers);
	arena_fini(&arena);
}

static void check_site(struct bench *b)
{
	for (struct station *st = b->site->stations; st; st = st->hh.next) {
		assert_true(st->connector_count <= 64);
		for (size_t i = 0; i < st->connector_count; i++) {
			const struct connector *c = st->connectors[i];

			assert_true(memchr(c->status, '\0', sizeof(c->status)) != NULL);
			assert_true(!c->tx || site_tx(b->site, c->tx->id) == c->tx);
			assert_true(!c->tx || c->tx->energy_wh >= 0);
			assert_true(!c->tx || c->tx->curve.count <= CURVE_POINTS);
		}
	}
}

static void one_round(struct bench *b)
{
	static char frame[FRAME_MAX_LEN + 1];
	const char *id;

	snprintf(frame, sizeof(frame), "%s", corpus[draw(ARRAY_LEN(corpus))]);
	id = strstr(frame, "\"ID\"");
	if (id)
		replace(frame, (size_t)(id - frame) + 1, 2, flight);
	for (uint32_t n = draw(4); n > 0; n--)
		damage(frame);
	bench_say(b, 1 + draw(3), frame);
	check_said(b, frame);
	if (draw(16) == 0) {
		bench_order(b, "CP1", 1, draw(2), (int64_t)draw(32000), draw(2));
		check_said(b, "an order");
	}
	if (draw(16) == 0) {
		bench_pass(b, (int64_t)draw(20) * US_PER_S);
		check_said(b, "time");
	}
	if (draw(400) == 0)
		bench_open(b, 1, "CP1");
}

static void damaged_frames_break_nothing(void **state)
{
	static const char *const ids[] = { "CP1", "FREE", "STRANGER" };
	struct bench b;

	(void)state;
	bench_init(&b);
	for (uint64_t link = 1; link <= ARRAY_LEN(ids); link++)
		bench_open(&b, link, ids[link - 1]);
	for (int i = 0; i < ROUNDS; i++) {
		one_round(&b);
		if (i % 64 == 0)
			check_site(&b);
	}
	/* Still alive. */
	bench_open(&b, 7, "CP1");
	bench_say(&b, 7, "[2,\"last\",\"Heartbeat\",{}]");
	assert_non_null(bench_find(&b, "[3,\"last\""));
	bench_fini(&b);
	print_message("# %lu calls taken, %lu refused, %lu of ours\n", taken, refused, called);
	/* Damage that nothing survives would test the parser of JSON only. */
	assert_true(taken > ROUNDS / 5 && refused > ROUNDS / 50 && called > ROUNDS / 1000);
}

static void every_prefix_of_every_frame_is_harmless(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_open(&b, 1, "CP1");
	for (size_t i = 0; i < ARRAY_LEN(corpus); i++) {
		for (size_t len = 0; len <= strlen(corpus[i]); len++) {
			char frame[FRAME_MAX_LEN];

			snprintf(frame, sizeof(frame), "%.*s", (int)len, corpus[i]);
			bench_say(&b, 1, frame);
			check_said(&b, frame);
		}
	}
	bench_fini(&b);
}

int main(void)
{
	const char *given = getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_frames_break_nothing),
		cmocka_unit_test(every_prefix_of_every_frame_is_harmless),
	};

	seed = given ? strtoull(given, NULL, 10) : 20261121;
	if (seed == 0)
		seed = 1;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
