/* test_ocpp_frames.c - the latest OCPP frames: what the ring holds, what is masked, what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"
#include "hall.h"
#include "ocpp/frames/frame_log.h"

#define SMALL 8192

static const char *text_of(const struct frame_log *l, uint64_t seq)
{
	static char text[FRAME_KEPT_MAX + 1];
	struct frame_seen f;

	if (!frame_log_get(l, seq, &f))
		return NULL;
	snprintf(text, sizeof(text), "%.*s %s %.*s", (int)f.station_len, f.station, f.in ? "in" : "out", (int)f.kept,
		 f.text);
	return text;
}

static void what_comes_is_held_with_its_station_and_direction(void **state)
{
	struct frame_log *l = frame_log_new(SMALL);
	struct frame_seen f;

	(void)state;
	assert_int_equal(frame_log_first(l), 1);
	assert_int_equal(frame_log_last(l), 0);
	assert_false(frame_log_get(l, 1, &f));
	frame_log_add(l, 5, "CP 1|a", 6, true, "[2]", 3);
	frame_log_add(l, 6, "CP2", 3, false, "", 0);
	assert_string_equal(text_of(l, 1), "CP 1|a in [2]");
	assert_string_equal(text_of(l, 2), "CP2 out ");
	assert_true(frame_log_get(l, 1, &f));
	assert_int_equal(f.time, 5);
	assert_false(frame_log_get(l, 0, &f));
	assert_false(frame_log_get(l, 3, &f));
	frame_log_free(l);
}

static void a_long_frame_is_kept_by_its_beginning_and_never_cut_inside_a_character(void **state)
{
	struct frame_log *l = frame_log_new(SMALL);
	char *text = malloc(3 * FRAME_KEPT_MAX);
	struct frame_seen f;

	(void)state;
	memset(text, 'x', 3 * FRAME_KEPT_MAX);
	memcpy(text + FRAME_KEPT_MAX - 2, "\xe2\x82\xac", 3);
	frame_log_add(l, 0, "CP1", 3, true, text, 3 * FRAME_KEPT_MAX);
	assert_true(frame_log_get(l, 1, &f));
	assert_int_equal(f.len, 3 * FRAME_KEPT_MAX);
	assert_int_equal(f.kept, FRAME_KEPT_MAX - 2);
	frame_log_free(l);
	free(text);
}

/* Against a plain list: what is held is the latest, unbroken and unchanged, and little room is lost. */
static void the_oldest_make_room_and_the_rest_stays_as_it_was(void **state)
{
	enum { COUNT = 20000 };
	struct frame_log *l = frame_log_new(SMALL);
	size_t *lens = calloc(COUNT + 1, sizeof(*lens));
	char text[3000], want[3000];
	uint32_t seed = 4711;

	(void)state;
	for (uint64_t seq = 1; seq <= COUNT; seq++) {
		size_t held = 0, len;

		seed = seed * 1664525 + 1013904223;
		len = seed >> 30 ? (seed >> 16) % 60 : (seed >> 16) % sizeof(text);
		memset(text, 'a' + (int)(seq % 26), len);
		lens[seq] = len;
		frame_log_add(l, (wall_t)seq, "S", 1, seq & 1, text, len);
		assert_int_equal(frame_log_last(l), seq);
		for (uint64_t s = frame_log_first(l); s <= seq; s++) {
			struct frame_seen f;

			assert_true(frame_log_get(l, s, &f));
			assert_int_equal(f.kept, lens[s]);
			assert_int_equal(f.time, s);
			memset(want, 'a' + (int)(s % 26), f.kept);
			assert_memory_equal(f.text, want, f.kept);
			held += f.kept + 25;
		}
		assert_true(held <= SMALL);
		if (frame_log_first(l) > 1 && len > 60)
			assert_true(held >= SMALL / 4 || seq - frame_log_first(l) >= SMALL / 110);
	}
	frame_log_free(l);
	free(lens);
}

static void the_first_since_a_moment_is_found(void **state)
{
	struct frame_log *l = frame_log_new(SMALL);

	(void)state;
	assert_int_equal(frame_log_since(l, 0), 1);
	for (int i = 0; i < 500; i++)
		frame_log_add(l, 10 * i, "S", 1, true, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 30);
	assert_int_equal(frame_log_since(l, 0), frame_log_first(l));
	assert_int_equal(frame_log_since(l, 4985), 500);
	assert_int_equal(frame_log_since(l, 4990), 500);
	assert_int_equal(frame_log_since(l, 4991), 501);
	frame_log_free(l);
}

static const struct { const char *what, *text, *shown; } masks[] = {
	{ "nothing secret", "[2,\"1\",\"Heartbeat\",{}]", "[2,\"1\",\"Heartbeat\",{}]" },
	{ "the key that we set", "[2,\"1\",\"ChangeConfiguration\",{\"key\":\"AuthorizationKey\",\"value\":\"30313233\"}]",
	  "[2,\"1\",\"ChangeConfiguration\",{\"key\":\"AuthorizationKey\",\"value\":\"***\"}]" },
	{ "in any case and order", "[2,\"1\",\"ChangeConfiguration\",{\"value\" : \"s\", \"key\" : \"authorizationkey\"}]",
	  "[2,\"1\",\"ChangeConfiguration\",{\"value\" : \"***\", \"key\" : \"authorizationkey\"}]" },
	{ "among others", "[3,\"1\",{\"configurationKey\":[{\"key\":\"A\",\"readonly\":false,\"value\":\"1\"},"
	  "{\"key\":\"AuthorizationKey\",\"readonly\":false,\"value\":\"q\\\"q\"},{\"key\":\"B\",\"value\":\"2\"}]}]",
	  "[3,\"1\",{\"configurationKey\":[{\"key\":\"A\",\"readonly\":false,\"value\":\"1\"},"
	  "{\"key\":\"AuthorizationKey\",\"readonly\":false,\"value\":\"***\"},{\"key\":\"B\",\"value\":\"2\"}]}]" },
	{ "short words for it", "{\"key\":\"WiFi_PSK\",\"value\":\"s\",\"key\":\"ApnPwd\"}", "{\"key\":\"WiFi_PSK\",\"value\":\"***\",\"key\":\"ApnPwd\"}" },
	{ "a vendor's", "{\"key\":\"WifiPassword\",\"value\":\"s\"}", "{\"key\":\"WifiPassword\",\"value\":\"***\"}" },
	{ "a name that hides itself", "{\"key\":\"Authorization\\u004bey\",\"value\":\"s\"}",
	  "{\"key\":\"Authorization\\u004bey\",\"value\":\"***\"}" },
	{ "a member of that name", "{\"password\":\"s\",\"x\":\"y\"}", "{\"password\":\"***\",\"x\":\"y\"}" },
	{ "in a URL", "{\"location\":\"ftp://user:pass@10.0.0.1/d\",\"retries\":3}",
	  "{\"location\":\"ftp://user:***@10.0.0.1/d\",\"retries\":3}" },
	{ "a path that nobody can guess", "{\"location\":\"http://h:90/f/0123456789abcdef0123456789abcdef01234567/fw.bin\"}",
	  "{\"location\":\"http://h:90/f/***/fw.bin\"}" },
	{ "cut inside such a path", "{\"location\":\"http://h:90/f/0123456789abcdef01", "{\"location\":\"http://h:90/f/***" },
	{ "no password in a URL", "{\"location\":\"http://10.0.0.1:80/a@b:c\"}", "{\"location\":\"http://10.0.0.1:80/a@b:c\"}" },
	{ "found after what lies behind it", "{\"value\":\"s\",\"u\":\"ftp://a:b@c\",\"key\":\"AuthorizationKey\"}",
	  "{\"value\":\"***\",\"u\":\"ftp://a:***@c\",\"key\":\"AuthorizationKey\"}" },
	{ "cut inside the value", "{\"key\":\"AuthorizationKey\",\"value\":\"303", "{\"key\":\"AuthorizationKey\",\"value\":\"***" },
	{ "cut before the key", "{\"value\":\"303132\",\"ke", "{\"value\":\"***\",\"ke" },
	{ "cut, the key is harmless", "{\"key\":\"A\",\"value\":\"1", "{\"key\":\"A\",\"value\":\"1" },
	{ "cut behind a backslash", "{\"a\":\"x\\", "{\"a\":\"x\\" },
	{ "no JSON", "}}}\"{:", "}}}\"{:" },
	{ "empty", "", "" },
};

static void secrets_are_masked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		struct buf out;

		buf_init(&out);
		frame_mask(&out, masks[i].text, strlen(masks[i].text));
		if (strcmp(buf_cstr(&out), masks[i].shown) != 0)
			fail_msg("%s: %s", masks[i].what, buf_cstr(&out));
		buf_fini(&out);
	}
}

static void no_cut_shows_a_secret(void **state)
{
	static const char text[] = "[3,\"1\",{\"configurationKey\":[{\"key\":\"AuthorizationKey\",\"readonly\":false,"
				   "\"value\":\"TOPSECRET\"},{\"value\":\"TOPSECRET\",\"key\":\"AuthorizationKey\"}]}]";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct buf out;

		buf_init(&out);
		frame_mask(&out, text, len);
		assert_null(strstr(buf_cstr(&out), "TOP"));
		buf_fini(&out);
	}
}

static void however_deep_nothing_breaks(void **state)
{
	char text[2000];
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i += 5)
		memcpy(text + i, "{\"a\":", 5);
	buf_init(&out);
	frame_mask(&out, text, sizeof(text));
	buf_clear(&out);
	memset(text, '}', sizeof(text));
	frame_mask(&out, text, sizeof(text));
	assert_int_equal(out.len, sizeof(text));
	buf_fini(&out);
}

/* ---- the verb ---- */

struct desk {
	struct hall hall;
	struct arena arena;
	struct buf out;
	struct ctl_call call;
};

static struct desk d;

static int desk_open(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	d.hall.frames = frame_log_new(SMALL);
	arena_init(&d.arena);
	buf_init(&d.out);
	for (int i = 0; i < 9; i++) {
		char text[40];

		snprintf(text, sizeof(text), "[2,\"%d\",\"Heartbeat\",{}]", i);
		frame_log_add(d.hall.frames, i * US_PER_S, i % 3 == 0 ? "A" : i % 3 == 1 ? "B" : "C", 1, true, text,
			      strlen(text));
	}
	return 0;
}

static int desk_close(void **state)
{
	(void)state;
	frame_log_free(d.hall.frames);
	arena_fini(&d.arena);
	buf_fini(&d.out);
	return 0;
}

static int ask(const char *params)
{
	const struct ctl_verb_desc *v = ctl_verb_find("station.messages");
	struct json *p = json_parse(&d.arena, params, strlen(params), &JSON_CAPS_DEFAULT, NULL);
	void *args;

	buf_clear(&d.out);
	memset(&d.call, 0, sizeof(d.call));
	diag_init(&d.call.diag);
	d.call.hall = &d.hall;
	d.call.verb = v;
	d.call.arena = &d.arena;
	d.call.out = &d.out;
	jw_init(&d.call.w, &d.out);
	assert_int_equal(ctl_args_read(v, p, &d.arena, &args, &d.call.diag), 0);
	return ctl_station_messages(&d.call, args);
}

/* The numbers of the frames that it answered: "1 4 7 next=7". */
static const char *answered(const char *params)
{
	static char text[300];
	const struct json *j;
	size_t n = 0;

	assert_int_equal(ask(params), 0);
	j = json_parse(&d.arena, buf_cstr(&d.out), d.out.len, &JSON_CAPS_DEFAULT, NULL);
	assert_non_null(j);
	text[0] = '\0';
	for (const struct json *i = json_get(j, "items")->first; i; i = i->next)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ", json_get(i, "seq")->text);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "next=%s", json_str(json_get(j, "next"), "null"));
	if (json_bool(json_get(j, "lagged"), false))
		snprintf(text + n, sizeof(text) - n, " lagged");
	return text;
}

static void frames_of_all_of_some_and_since(void **state)
{
	(void)state;
	assert_string_equal(answered("{}"), "1 2 3 4 5 6 7 8 9 next=null");
	assert_string_equal(answered("{\"id\":\"B\"}"), "2 5 8 next=null");
	assert_string_equal(answered("{\"id\":\"A,C\",\"last\":3}"), "6 7 9 next=null");
	assert_string_equal(answered("{\"id\":\"X\"}"), "next=null");
	assert_string_equal(answered("{\"limit\":2}"), "8 9 next=null");
	assert_string_equal(answered("{\"last\":5,\"limit\":2}"), "5 6 next=6");
	assert_string_equal(answered("{\"last\":5,\"limit\":2,\"cursor\":\"6\"}"), "7 8 next=8");
	assert_string_equal(answered("{\"id\":\"B\",\"cursor\":\"5\"}"), "8 next=null");
	assert_string_equal(answered("{\"since\":\"1970-01-01T00:00:06Z\"}"), "7 8 9 next=null");
	assert_non_null(strstr(buf_cstr(&d.out), "{\"seq\":7,\"time\":\"1970-01-01T00:00:06Z\",\"station\":\"A\","
						 "\"direction\":\"in\",\"bytes\":22,\"text\":\"[2,\\\"6\\\""));
}

static void who_falls_behind_is_told(void **state)
{
	char text[200];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 100; i++)
		frame_log_add(d.hall.frames, 0, "A", 1, false, text, sizeof(text));
	assert_null(strstr(answered("{\"id\":\"B\"}"), "lagged"));
	assert_string_equal(answered("{\"id\":\"B\",\"cursor\":\"5\"}"), "next=null lagged");
	assert_non_null(strstr(buf_cstr(&d.out), "\"seen\":\"109\""));
	assert_null(strstr(answered("{\"id\":\"A\",\"cursor\":\"100\"}"), "lagged"));
}

static void what_cannot_be_asked_is_refused(void **state)
{
	char many[400] = "{\"id\":\"A";

	(void)state;
	assert_int_equal(ask("{\"cursor\":\"x\"}"), -LMS_EUSAGE);
	assert_int_equal(ask("{\"last\":0}"), -LMS_ERANGE);
	assert_int_equal(ask("{\"last\":1,\"since\":\"1970-01-01T00:00:06Z\"}"), -LMS_EUSAGE);
	for (int i = 0; i < 64; i++)
		strcat(many, ",A");
	assert_int_equal(ask(strcat(many, "\"}")), -LMS_ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_is_held_with_its_station_and_direction),
		cmocka_unit_test(a_long_frame_is_kept_by_its_beginning_and_never_cut_inside_a_character),
		cmocka_unit_test(the_oldest_make_room_and_the_rest_stays_as_it_was),
		cmocka_unit_test(the_first_since_a_moment_is_found),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(no_cut_shows_a_secret),
		cmocka_unit_test(however_deep_nothing_breaks),
		cmocka_unit_test_setup_teardown(frames_of_all_of_some_and_since, desk_open, desk_close),
		cmocka_unit_test_setup_teardown(who_falls_behind_is_told, desk_open, desk_close),
		cmocka_unit_test_setup_teardown(what_cannot_be_asked_is_refused, desk_open, desk_close),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
