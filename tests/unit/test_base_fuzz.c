/* The readers of peer text under random damage. SEED=N repeats a run; a failure prints its input.
 *
 * Inputs lie on the heap in exactly their size, so the sanitizers see any read beyond them.
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
#include "base/json.h"
#include "base/text.h"
#include "base/timefmt.h"

#define INPUT_MAX 4096

static uint64_t seed, random_state;

/* The document that is being tried; still set when its test has failed. */
static char in_hand[INPUT_MAX];
static size_t in_hand_len;

static uint32_t random_below(uint32_t n)
{
	/* xorshift64*: the same numbers on every machine. */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static int restart(void **state)
{
	(void)state;
	random_state = seed;
	return 0;
}

static int show_input(void **state)
{
	struct buf b;
	(void)state;

	buf_init(&b);
	text_escape(&b, in_hand, in_hand_len);
	if (in_hand_len)
		printf("# input: %s\n", buf_cstr(&b));
	buf_fini(&b);
	in_hand_len = 0;
	return 0;
}

/* Enough for the reader to sort them. */
#define MANY_MEMBERS \
	" { \"k1\" :1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9," \
	"\"k10\":10,\"k11\":11,\"k12\":12,\"k13\":13,\"k14\":14,\"k15\":15,\"k16\":16,\"k17\":17," \
	"\"k18\":[{ }] }\n"

static const char *const documents[] = {
	"[2,\"19223201\",\"BootNotification\",{\"chargePointVendor\":\"V\\u00e9\",\"chargePointModel\":\"M\"}]",
	"[3,\"1\",{\"idTagInfo\":{\"status\":\"Accepted\",\"expiryDate\":\"2026-11-21T04:30:00Z\"}}]",
	"[4,\"1\",\"InternalError\",\"\",{}]",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"zone.show\",\"params\":{\"id\":\"P1\",\"n\":[1,2.5,-3e+7]}}",
	"{\"a\":{\"b\":[null,true,false,\"\\ud83d\\ude00\",\"\\\\\\\"\\/\\b\"]},\"c\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	MANY_MEMBERS,
	"-0.00e-5",
};

/* What tends to matter more than random bytes. */
static const char *const fragments[] = {
	"\"", "\\", "\\u0000", "\\ud800", "\\udc00", "\\u", "{", "}", "[", "]", ",", ":", "\"k1\":", "\n",
	"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "1e999", "-", "0", ".", "e", "null", "{\"a\":1}",
	" ", "\t", "/**/",
};

static void insert(char *text, size_t *len, const char *what, size_t what_len)
{
	size_t at = random_below((uint32_t)*len + 1);

	if (*len + what_len > INPUT_MAX)
		return;
	memmove(text + at + what_len, text + at, *len - at);
	memcpy(text + at, what, what_len);
	*len += what_len;
}

static void damage(char *text, size_t *len)
{
	size_t from = *len ? random_below((uint32_t)*len) : 0, count = random_below(16);
	const char *fragment = fragments[random_below(ARRAY_LEN(fragments))];
	char copy[16];

	if (count > *len - from)
		count = *len - from;
	switch (random_below(6)) {
	case 0:
		if (*len)
			text[from] = (char)random_below(256);
		break;
	case 1:
		if (*len)
			text[from] = (char)(text[from] ^ (1 << random_below(8)));
		break;
	case 2:
		memmove(text + from, text + from + count, *len - from - count);
		*len -= count;
		break;
	case 3:
		memcpy(copy, text + from, count);
		insert(text, len, copy, count);
		break;
	case 4:
		insert(text, len, fragment, strlen(fragment));
		break;
	default:
		if (random_below(8) == 0)
			*len = from;
		break;
	}
}

/* Depth of the tree; checks what a tree always is on the way. */
static int check_tree(const struct json *j, bool in_object, const char *text, size_t len)
{
	size_t count = 0;
	int deepest = 0;

	assert_int_equal(j->key != NULL, in_object);
	if (j->type == JSON_STRING || j->type == JSON_NUMBER) {
		assert_int_equal(strlen(j->text), j->len);
		assert_true(utf8_valid(j->text, j->len));
	}
	if (j->type != JSON_ARRAY && j->type != JSON_OBJECT)
		return 0;
	assert_true(j->raw >= text && j->raw + j->raw_len <= text + len && j->raw_len >= 2);
	assert_int_equal(j->raw[0], j->type == JSON_OBJECT ? '{' : '[');
	assert_int_equal(j->raw[j->raw_len - 1], j->type == JSON_OBJECT ? '}' : ']');
	for (const struct json *child = j->first; child; child = child->next, count++) {
		int depth = check_tree(child, j->type == JSON_OBJECT, text, len);

		if (depth > deepest)
			deepest = depth;
		if (child->key)
			assert_ptr_equal(json_get(j, child->key), child);
	}
	assert_int_equal(count, j->count);
	return deepest + 1;
}

static void copy_tree(struct buf *out, const struct json *j)
{
	struct json_writer w;

	buf_clear(out);
	jw_init(&w, out);
	jw_copy(&w, j);
	assert_false(out->failed);
}

/* Returns whether the text was accepted. */
static bool try_document(const char *text, size_t len)
{
	struct arena a, again;
	struct buf first, second;
	struct diag d;
	struct json *j;

	arena_init_budget(&a, 64 * 1024);
	arena_init(&again);
	buf_init(&first);
	buf_init(&second);
	diag_init(&d);
	j = json_parse(&a, text, len, NULL, &d);
	assert_int_equal(diag_failed(&d), j == NULL);
	if (j) {
		assert_true(utf8_valid(text, len));
		assert_null(memchr(text, '\0', len));
		assert_true(check_tree(j, false, text, len) <= 32);
		/* What we write of it reads back as the same. */
		copy_tree(&first, j);
		j = json_parse(&again, first.data, first.len, NULL, &d);
		assert_non_null(j);
		copy_tree(&second, j);
		assert_string_equal(first.data, second.data);
	} else {
		assert_true(d.err == -LMS_EPARSE || d.err == -LMS_ERANGE);
		assert_true(d.line >= 1 && d.column >= 1 && d.text[0]);
	}
	buf_fini(&first);
	buf_fini(&second);
	arena_fini(&a);
	arena_fini(&again);
	return j != NULL;
}

static void damaged_documents_are_parsed_or_refused_cleanly(void **state)
{
	int accepted = 0, runs = 60000;
	(void)state;

	for (int i = 0; i < runs; i++) {
		const char *document = documents[random_below(ARRAY_LEN(documents))];
		size_t len = strlen(document);
		char *exact;

		memcpy(in_hand, document, len);
		for (uint32_t n = random_below(4); n > 0; n--)
			damage(in_hand, &len);
		in_hand_len = len;
		exact = malloc(len ? len : 1);
		assert_non_null(exact);
		memcpy(exact, in_hand, len);
		accepted += try_document(exact, len);
		free(exact);
	}
	in_hand_len = 0;
	/* Else the damage is so great, or so small, that nothing is tried. */
	assert_in_range(accepted, runs / 10, runs * 9 / 10);
}

static void random_words(char *out, size_t *len, const char *alphabet)
{
	uint32_t letters = (uint32_t)strlen(alphabet);

	*len = random_below(24);
	for (size_t i = 0; i < *len; i++)
		out[i] = alphabet[random_below(letters)];
	out[*len] = '\0';
}

static void random_text_does_no_harm_to_any_parser(void **state)
{
	static const char *const alphabets[] = {
		"0123456789.-+eE ", "0123456789-:T.Z+ ", "0123456789 kMWhAms%,/-.d",
		"\x01\x7f\x80\xc2\x9b\xe2\x80\xae\xf0\x9f\xed\xa0xy",
	};
	char text[32];
	struct buf b;
	(void)state;

	buf_init(&b);
	for (int i = 0; i < 100000; i++) {
		struct phase_ma p;
		struct diag d;
		int64_t v;
		wall_t t;
		size_t len;
		char *exact;

		random_words(text, &len, alphabets[i % 4]);
		diag_init(&d);
		parse_ma(text, &v, &d);
		parse_phase_ma(text, &p, NULL);
		parse_w(text, &v, NULL);
		parse_wh(text, &v, NULL);
		parse_span_us(text, &v, NULL);
		parse_permille(text, &v, NULL);
		parse_int(text, -5, 5, &v, NULL);
		id_check(text, "an id", NULL);
		utf8_width(text);
		exact = malloc(len ? len : 1);
		assert_non_null(exact);
		memcpy(exact, text, len);
		text_fixed(exact, len, 1000, &v);
		rfc3339_parse(exact, len, &t);
		buf_clear(&b);
		text_escape(&b, exact, len);
		assert_true(utf8_valid(buf_cstr(&b), b.len));
		free(exact);
	}
	buf_fini(&b);
}

static void rounding_agrees_with_integer_arithmetic(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		int64_t micro = (int64_t)random_below(UINT32_MAX) * random_below(1000), expected, v;
		bool negative = random_below(2);
		char text[64];
		int len;

		if (i % 3 == 0)
			micro = micro / 500 * 500;	/* halves are the interesting ones */
		len = snprintf(text, sizeof(text), "%s%lld.%06lld", negative ? "-" : "",
			       (long long)(micro / 1000000), (long long)(micro % 1000000));
		if (i % 2)
			len = snprintf(text, sizeof(text), "%s%llde-6", negative ? "-" : "", (long long)micro);
		expected = (micro + 500) / 1000;
		assert_int_equal(text_fixed(text, (size_t)len, 1000, &v), 0);
		if (v != (negative ? -expected : expected))
			fail_msg("%s gave %lld", text, (long long)v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(damaged_documents_are_parsed_or_refused_cleanly, restart,
						show_input),
		cmocka_unit_test_setup(random_text_does_no_harm_to_any_parser, restart),
		cmocka_unit_test_setup(rounding_agrees_with_integer_arithmetic, restart),
	};
	const char *given = getenv("SEED");

	seed = given && *given ? strtoull(given, NULL, 10) : 20261121;
	if (seed == 0)
		seed = 1;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
