/* test_control_jobs.c - jobs: who may, which stations, how many at a time, what is told and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "control/jobs.h"
#include "tests/unit/helper_ocpp.h"

static struct bench b;
static struct hall hall;
static struct ctl_call call;
static struct jobs *js;
static struct buf out;

/* In the place of control.c: what was asked, and what was answered to those who wait. */
static struct { char station[ID_MAX + 1]; uint32_t number; } asked[200];
static size_t asked_count;
static char answered[4096];
static uint64_t answered_token;

struct jobs *control_jobs(struct control *c)
{
	(void)c;
	return js;
}

void control_run_job(struct control *c, const struct ctl_verb_desc *verb, const struct json *params, unsigned roles,
		     unsigned uid, uint32_t number)
{
	(void)c;
	(void)verb;
	assert_int_equal(uid, 1000);
	assert_true(roles & CTL_ROLE_TECHNICIAN);
	snprintf(asked[asked_count].station, sizeof(asked[0].station), "%s", json_str(json_get(params, "id"), ""));
	asked[asked_count++].number = number;
}

void control_reply(struct control *c, uint64_t token, bool error, const char *json, size_t len)
{
	(void)c;
	assert_false(error);
	answered_token = token;
	snprintf(answered, sizeof(answered), "%.*s", (int)len, json);
}

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	memset(&hall, 0, sizeof(hall));
	hall.site = b.site;
	js = jobs_new(NULL);
	asked_count = 0;
	answered_token = 0;
	buf_init(&out);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	jobs_free(js);
	buf_fini(&out);
	bench_fini(&b);
	return 0;
}

#define HANDLER(name) static int do_##name(struct ctl_call *c, const void *a) { return ctl_job_##name(c, a); }
HANDLER(run)
HANDLER(wait)
HANDLER(show)
HANDLER(list)
HANDLER(cancel)

static int as(unsigned roles, const char *method, int (*handler)(struct ctl_call *, const void *), const char *params)
{
	const struct ctl_verb_desc *v = ctl_verb_find(method);
	const struct json *j;
	void *args;
	int ret;

	bench_turn(&b);
	buf_clear(&out);
	memset(&call, 0, sizeof(call));
	call = (struct ctl_call){ .hall = &hall, .verb = v, .token = 77, .roles = roles, .uid = 1000, .now = b.now, .wall = b.wall,
				  .arena = &b.arena, .fx = &b.fx, .out = &out };
	diag_init(&call.diag);
	jw_init(&call.w, &out);
	j = json_parse(&b.arena, params, strlen(params), &JSON_CAPS_DEFAULT, &call.diag);
	ret = j ? ctl_args_read(v, j, &b.arena, &args, &call.diag) : call.diag.err;
	return ret ? ret : handler(&call, args);
}

#define TECHNICIAN CTL_ROLE_TECHNICIAN

static void run(const char *params)
{
	if (as(TECHNICIAN, "job.run", do_run, params))
		fail_msg("%s: %s", params, call.diag.text);
}

static const char *show(int id)
{
	char params[40];

	snprintf(params, sizeof(params), "{\"id\":%d}", id);
	assert_int_equal(as(TECHNICIAN, "job.show", do_show, params), 0);
	return buf_cstr(&out);
}

static void says(size_t i, const char *status)
{
	char json[60];

	snprintf(json, sizeof(json), "{\"status\":\"%s\"}", status);
	jobs_reply(js, asked[i].number, false, json, strlen(json));
}

static void a_job_asks_so_many_at_a_time_in_the_order_of_their_ids(void **state)
{
	static const char away[] = "{\"code\":-32075,\"message\":\"away\",\"data\":{\"err\":\"OFFLINE\"}}";

	(void)state;
	run("{\"method\":\"station.restart\",\"parallel\":2}");
	assert_string_equal(buf_cstr(&out), "{\"job\":1,\"stations\":4}");
	assert_int_equal(asked_count, 0);
	assert_true(jobs_next_due(js) == 0);
	jobs_turn(js, b.now);
	assert_int_equal(asked_count, 2);
	assert_string_equal(asked[0].station, "CP1");
	assert_string_equal(asked[1].station, "CP2");
	assert_true(jobs_next_due(js) == MONO_NEVER);
	says(1, "Accepted");
	jobs_turn(js, b.now);
	assert_int_equal(asked_count, 3);
	says(0, "Rejected");
	says(2, "Scheduled");
	jobs_turn(js, b.now);
	assert_int_equal(asked_count, 4);
	assert_non_null(strstr(show(1), "\"state\":\"running\",\"total\":4,\"accepted\":2,\"refused\":1,\"offline\":0,\"failed\":0,\"left\":1"));
	jobs_reply(js, asked[3].number, true, away, sizeof(away) - 1);
	assert_non_null(strstr(show(1), "\"state\":\"done\",\"total\":4,\"accepted\":2,\"refused\":1,\"offline\":1,\"failed\":0,\"left\":0"));
	/* A second answer to the same question is nobody's. */
	says(3, "Accepted");
	assert_non_null(strstr(show(1), "\"accepted\":2"));
}

static void nobody_gets_by_a_job_what_his_role_does_not_give(void **state)
{
	(void)state;
	assert_int_equal(as(CTL_ROLE_OPERATOR, "job.run", do_run, "{\"method\":\"station.restart\"}"), -LMS_EROLE);
	assert_non_null(strstr(call.diag.text, "station.restart needs membership of group lms-technician"));
	assert_int_equal(as(CTL_ROLE_OPERATOR, "job.run", do_run, "{\"method\":\"station.unlock\",\"dry_run\":true}"), 0);
	assert_int_equal(as(TECHNICIAN, "job.run", do_run, "{\"method\":\"station.unlock\"}"), -LMS_EROLE);
	assert_string_equal(buf_cstr(&out), "");
}

struct refusal { const char *params; int err; const char *says; };

static const struct refusal refusals[] = {
	{ "{\"method\":\"zone.delete\"}", -LMS_EUSAGE, "asks no station" },
	{ "{\"method\":\"station.list\"}", -LMS_EUSAGE, "asks no station" },
	{ "{\"method\":\"nonsense\"}", -LMS_EUSAGE, "asks no station" },
	{ "{\"method\":\"station.restart\",\"params\":{\"id\":\"CP1\"}}", -LMS_EDATA, "without id" },
	{ "{\"method\":\"station.restart\",\"params\":[]}", -LMS_EDATA, "must be an object" },
	{ "{\"method\":\"station.restart\",\"params\":{\"soft\":1}}", -LMS_EDATA, "soft: unknown" },
	{ "{\"method\":\"station.trigger\"}", -LMS_EDATA, "message: missing" },
	{ "{\"method\":\"station.restart\",\"stations\":\"CP1\"}", -LMS_EDATA, "must be a list" },
	{ "{\"method\":\"station.restart\",\"stations\":[\"CP1\",\"NOPE\"]}", -LMS_ENOTFOUND, "station NOPE" },
	{ "{\"method\":\"station.restart\",\"stations\":[]}", -LMS_ENOTFOUND, "no station is meant" },
	{ "{\"method\":\"station.restart\",\"stations\":[\"CP1\"],\"zone\":\"P1\"}", -LMS_EUSAGE, "named already" },
	{ "{\"method\":\"station.restart\",\"zone\":null}", -LMS_EUSAGE, "zone: is null" },
	{ "{\"method\":\"station.restart\",\"stations\":null}", -LMS_EUSAGE, "stations: is null" },
	{ "{\"method\":\"station.restart\",\"zone\":\"P9\"}", -LMS_ENOTFOUND, "zone 'P9'" },
	{ "{\"method\":\"station.restart\",\"state\":\"online\"}", -LMS_ENOTFOUND, "no station is meant" },
	{ "{\"method\":\"station.restart\",\"parallel\":0}", -LMS_ERANGE, "parallel:" },
};

static void what_cannot_be_is_refused_before_any_station_is_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		int ret = as(TECHNICIAN, "job.run", do_run, refusals[i].params);

		if (ret != refusals[i].err || !strstr(call.diag.text, refusals[i].says))
			fail_msg("%s: %d %s", refusals[i].params, ret, call.diag.text);
	}
	jobs_turn(js, b.now);
	assert_int_equal(asked_count, 0);
	assert_int_equal(as(TECHNICIAN, "job.list", do_list, "{}"), 0);
	assert_string_equal(buf_cstr(&out), "{\"items\":[],\"next\":null}");
}

static void stations_are_chosen_by_name_zone_and_state(void **state)
{
	(void)state;
	bench_boot(&b, 1, "CP2");
	run("{\"method\":\"station.restart\",\"dry_run\":true,\"stations\":[\"WATT\",\"CP1\",\"WATT\"]}");
	assert_string_equal(buf_cstr(&out), "{\"stations\":2,\"ids\":[\"CP1\",\"WATT\"]}");
	run("{\"method\":\"station.restart\",\"dry_run\":true,\"zone\":\"P1\"}");
	assert_string_equal(buf_cstr(&out), "{\"stations\":4,\"ids\":[\"CP1\",\"CP2\",\"FREE\",\"WATT\"]}");
	run("{\"method\":\"station.restart\",\"dry_run\":true,\"state\":\"online\"}");
	assert_string_equal(buf_cstr(&out), "{\"stations\":1,\"ids\":[\"CP2\"]}");
	jobs_turn(js, b.now);
	assert_int_equal(asked_count, 0);
}

static void who_waits_is_told_what_came_together(void **state)
{
	(void)state;
	run("{\"method\":\"station.restart\",\"stations\":[\"CP1\",\"CP2\",\"FREE\"]}");
	jobs_turn(js, b.now);
	assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":1}"), CTL_LATER);
	assert_true(jobs_next_due(js) == b.now + 30 * US_PER_S);
	says(0, "Accepted");
	jobs_turn(js, b.now);
	assert_int_equal(answered_token, 0);
	assert_true(jobs_next_due(js) == b.now + 100 * US_PER_MS);
	says(1, "Rejected");
	jobs_turn(js, b.now + 100 * US_PER_MS);
	assert_int_equal(answered_token, 77);
	assert_non_null(strstr(answered, "\"results\":[{\"station\":\"CP1\",\"exit\":0,\"status\":\"Accepted\"},"
			       "{\"station\":\"CP2\",\"exit\":6,\"status\":\"Rejected\"}],\"next\":2,\"over\":false}"));
	answered_token = 0;
	assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":1,\"after\":2,\"wait\":\"1s\"}"), CTL_LATER);
	jobs_turn(js, b.now + US_PER_S);
	assert_non_null(strstr(answered, "\"results\":[],\"next\":2,\"over\":false}"));
	answered_token = 0;
	assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":1,\"after\":2}"), CTL_LATER);
	says(2, "Accepted");
	jobs_turn(js, b.now);	/* the end is told at once */
	assert_non_null(strstr(answered, "\"station\":\"FREE\""));
	assert_non_null(strstr(answered, "\"next\":3,\"over\":true}"));
	assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":1}"), 0);
	assert_non_null(strstr(buf_cstr(&out), "\"over\":true"));
	assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":1,\"after\":4}"), -LMS_ERANGE);
	assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":2}"), -LMS_ENOTFOUND);
}

static void a_cancelled_job_asks_no_more_and_hears_those_that_were_asked(void **state)
{
	(void)state;
	run("{\"method\":\"station.restart\",\"parallel\":2}");
	jobs_turn(js, b.now);
	assert_int_equal(as(TECHNICIAN, "job.cancel", do_cancel, "{\"id\":1}"), 0);
	assert_int_equal(as(TECHNICIAN, "job.cancel", do_cancel, "{\"id\":1}"), -LMS_ECONFLICT);
	says(0, "Accepted");
	jobs_turn(js, b.now);
	assert_int_equal(asked_count, 2);
	assert_non_null(strstr(show(1), "\"state\":\"cancelled\",\"total\":4,\"accepted\":1,\"refused\":0,\"offline\":0,\"failed\":0,\"left\":1"));
	says(1, "Accepted");
	assert_non_null(strstr(show(1), "\"left\":0"));
}

/* Answers may be what only a technician may ask for. */
static void the_answers_are_for_who_may_ask(void **state)
{
	(void)state;
	run("{\"method\":\"station.restart\",\"stations\":[\"CP1\"]}");
	assert_int_equal(as(CTL_ROLE_OPERATOR, "job.wait", do_wait, "{\"id\":1,\"wait\":\"0s\"}"), -LMS_EROLE);
	assert_int_equal(as(CTL_ROLE_OPERATOR, "job.cancel", do_cancel, "{\"id\":1}"), -LMS_EROLE);
	assert_int_equal(as(CTL_ROLE_OPERATOR, "job.show", do_show, "{\"id\":1}"), 0);
	assert_non_null(strstr(buf_cstr(&out), "\"state\":\"running\""));
	assert_int_equal(as(TECHNICIAN, "job.run", do_run, "{\"method\":\"station.key_set\",\"params\":{\"generate\":true}}"),
			 -LMS_EUSAGE);
}

static void who_waits_is_counted(void **state)
{
	(void)state;
	run("{\"method\":\"station.restart\",\"stations\":[\"CP1\"]}");
	for (int i = 0; i < 256; i++)
		assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":1}"), CTL_LATER);
	assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":1}"), -LMS_ECONFLICT);
	jobs_turn(js, b.now + 31 * US_PER_S);
	assert_int_equal(as(TECHNICIAN, "job.wait", do_wait, "{\"id\":1}"), CTL_LATER);
}

static void jobs_are_few_and_the_oldest_that_is_over_makes_room(void **state)
{
	(void)state;
	for (int i = 0; i < 32; i++)
		run("{\"method\":\"station.restart\",\"stations\":[\"CP1\"]}");
	jobs_turn(js, b.now);
	assert_int_equal(asked_count, 32);
	assert_int_equal(as(TECHNICIAN, "job.run", do_run, "{\"method\":\"station.restart\"}"), -LMS_ECONFLICT);
	says(3, "Accepted");
	run("{\"method\":\"station.restart\"}");
	assert_int_equal(as(TECHNICIAN, "job.show", do_show, "{\"id\":4}"), -LMS_ENOTFOUND);
	assert_non_null(strstr(show(1), "\"running\""));
	assert_non_null(strstr(show(33), "\"stations\":\"all\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(a_job_asks_so_many_at_a_time_in_the_order_of_their_ids),
		T(nobody_gets_by_a_job_what_his_role_does_not_give),
		T(what_cannot_be_is_refused_before_any_station_is_asked),
		T(stations_are_chosen_by_name_zone_and_state),
		T(who_waits_is_told_what_came_together),
		T(a_cancelled_job_asks_no_more_and_hears_those_that_were_asked),
		T(the_answers_are_for_who_may_ask),
		T(who_waits_is_counted),
		T(jobs_are_few_and_the_oldest_that_is_over_makes_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
