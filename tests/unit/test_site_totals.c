/* Weeks and months in site time, over changes of the clock; the ring of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "helper_site.h"

#define HOUR (3600 * US_PER_S)
#define DAY  (24 * HOUR)

static wall_t at(const char *text)
{
	wall_t t;

	assert_int_equal(rfc3339_parse(text, strlen(text), &t), 0);
	return t;
}

/* Europe/Paris in 2026: summer time from 29 March 01:00 to 25 October 01:00 UTC. */
static struct time_zone paris(struct utc_offset rows[3])
{
	rows[0] = (struct utc_offset){ INT64_MIN, 3600 };
	rows[1] = (struct utc_offset){ at("2026-03-29T01:00:00Z"), 7200 };
	rows[2] = (struct utc_offset){ at("2026-10-25T01:00:00Z"), 3600 };
	return (struct time_zone){ rows, 3, "Europe/Paris" };
}

static void periods_begin_at_local_midnight(void **state)
{
	static const struct {
		const char *now, *week, *month;
	} cases[] = {
		{ "2026-05-01T08:00:00Z", "2026-04-26T22:00:00Z", "2026-04-30T22:00:00Z" },
		/* the last second of a Sunday, and the first of a Monday */
		{ "2026-05-03T21:59:59Z", "2026-04-26T22:00:00Z", "2026-04-30T22:00:00Z" },
		{ "2026-05-03T22:00:00Z", "2026-05-03T22:00:00Z", "2026-04-30T22:00:00Z" },
		/* local midnight of the first, still the 30th in UTC */
		{ "2026-04-30T22:00:00Z", "2026-04-26T22:00:00Z", "2026-04-30T22:00:00Z" },
		{ "2026-04-30T21:59:59Z", "2026-04-26T22:00:00Z", "2026-03-31T22:00:00Z" },
		/* a week that loses an hour: it began in winter time, and so did the month */
		{ "2026-03-29T12:00:00Z", "2026-03-22T23:00:00Z", "2026-02-28T23:00:00Z" },
		{ "2026-03-31T21:59:59Z", "2026-03-29T22:00:00Z", "2026-02-28T23:00:00Z" },
		{ "2026-03-31T22:00:00Z", "2026-03-29T22:00:00Z", "2026-03-31T22:00:00Z" },
		/* a week that gains one */
		{ "2026-10-25T22:59:59Z", "2026-10-18T22:00:00Z", "2026-09-30T22:00:00Z" },
		{ "2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z", "2026-09-30T22:00:00Z" },
		{ "2026-10-31T23:00:00Z", "2026-10-25T23:00:00Z", "2026-10-31T23:00:00Z" },
		/* over the new year, and a leap day far away */
		{ "2027-01-01T00:30:00Z", "2026-12-27T23:00:00Z", "2026-12-31T23:00:00Z" },
		{ "2028-02-29T12:00:00Z", "2028-02-27T23:00:00Z", "2028-01-31T23:00:00Z" },
	};
	struct utc_offset rows[3];
	struct site *s = site_new();

	(void)state;
	s->tz = paris(rows);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char week[RFC3339_MAX], month[RFC3339_MAX];

		site_totals_roll(s, at(cases[i].now));
		rfc3339_format(s->totals.week_start, week);
		rfc3339_format(s->totals.month_start, month);
		if (strcmp(week, cases[i].week) != 0 || strcmp(month, cases[i].month) != 0)
			fail_msg("%s: %s %s", cases[i].now, week, month);
	}
	site_free(s);
}

static void charge(struct desk *d, uint64_t hash, int64_t wh, wall_t span)
{
	struct tx_start in = { .tag = "T", .time = d->wall, .meter_wh = 0, .hash = hash };
	struct tx_stop out = { .station = site_station(d->site, "S"), .meter_wh = wh };
	struct auth auth;

	in.conn = site_connector(out.station, 1);
	site_tx_start(d->site, &in, d->now, d->wall, &out.id, &auth, &d->fx);
	d->wall += span;
	site_totals_roll(d->site, d->wall);
	out.time = d->wall;
	site_tx_stop(d->site, &out, d->wall, &auth, &d->fx);
	desk_settle(d);
}

static void expect(const struct desk *d, int64_t week, int64_t month, int64_t week_wh, int64_t month_wh)
{
	const struct site_totals *t = &d->site->totals;

	assert_int_equal(t->sessions_week, week);
	assert_int_equal(t->sessions_month, month);
	assert_int_equal(t->energy_week_wh, week_wh);
	assert_int_equal(t->energy_month_wh, month_wh);
}

/* A transaction counts where it began, so a restart finds the same sums. */
static void sums_go_with_the_periods_and_survive_restarts(void **state)
{
	struct utc_offset rows[3];
	struct desk d;

	(void)state;
	desk_init(&d);
	d.site->tz = paris(rows);
	d.wall = at("2026-04-30T21:00:00Z");
	desk_must(&d, "config.apply",
		  "{'document': {'zones': [{'id': 'Z'}], 'stations': [{'id': 'S', 'zone': 'Z'}], 'tags': [{'uid': 'T'}]}}");
	site_totals_roll(d.site, d.wall);
	charge(&d, 1, 1000, HOUR / 2);
	expect(&d, 1, 1, 1000, 1000);
	/* begun in April, ended in May: April's, and the week's */
	charge(&d, 2, 2000, HOUR);
	expect(&d, 2, 0, 3000, 0);
	charge(&d, 3, 4000, HOUR);
	expect(&d, 3, 1, 7000, 4000);
	desk_restart(&d);
	expect(&d, 3, 1, 7000, 4000);
	/* the next week, the same month */
	d.wall += 4 * DAY;
	site_totals_roll(d.site, d.wall);
	expect(&d, 0, 1, 0, 4000);
	charge(&d, 4, 8000, HOUR);
	expect(&d, 1, 2, 8000, 12000);
	desk_restart(&d);
	expect(&d, 1, 2, 8000, 12000);
	desk_fini(&d);
}

static void another_time_zone_keeps_the_sums(void **state)
{
	struct utc_offset rows[3];
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply",
		  "{'document': {'zones': [{'id': 'Z'}], 'stations': [{'id': 'S', 'zone': 'Z'}], 'tags': [{'uid': 'T'}]}}");
	site_totals_roll(d.site, d.wall);
	for (uint64_t i = 1; i <= 300; i++)
		charge(&d, i, 10, US_PER_S);
	expect(&d, 300, 300, 3000, 3000);
	d.site->tz = paris(rows);
	site_totals_roll(d.site, d.wall);
	expect(&d, 300, 300, 3000, 3000);
	desk_fini(&d);
}

/* From the newest on, a start reads 1024 and this month, and then stops. */
static void loading_stops_where_nothing_older_is_needed(void **state)
{
	struct desk d;
	char json[200];

	(void)state;
	desk_init(&d);
	site_totals_roll(d.site, d.wall);
	for (int i = 0; i < 1200; i++) {
		wall_t t = d.wall - i * HOUR / 12;
		int len = snprintf(json, sizeof(json),
				   "{\"id\":%d,\"start\":%lld,\"start_received\":%lld,\"energy_wh\":1,\"state\":\"ended\"}",
				   3000 - i, (long long)t, (long long)t);
		/* the week began on 27 April, 104 hours ago: 1248 times 5 min */
		assert_int_equal(site_tx_load(d.site, json, (size_t)len, false, NULL), 0);
	}
	for (int i = 1200; i < 1260; i++) {
		wall_t t = d.wall - i * HOUR / 12;
		int len = snprintf(json, sizeof(json),
				   "{\"id\":%d,\"start\":%lld,\"start_received\":%lld,\"energy_wh\":1,\"state\":\"ended\"}",
				   3000 - i, (long long)t, (long long)t);

		assert_int_equal(site_tx_load(d.site, json, (size_t)len, false, NULL), i > 1248);
	}
	assert_int_equal(d.site->totals.sessions_week, 1249);
	assert_int_equal(d.site->next_tx, 3001);
	desk_fini(&d);
}

static void a_running_transaction_counts_as_it_goes(void **state)
{
	struct tx_start in = { .tag = "T", .meter_wh = 100, .hash = 1 };
	struct auth auth;
	struct tx *tx;
	struct desk d;
	int32_t id;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply",
		  "{'document': {'zones': [{'id': 'Z'}], 'stations': [{'id': 'S', 'zone': 'Z'}], 'tags': [{'uid': 'T'}]}}");
	site_totals_roll(d.site, d.wall);
	in.conn = site_connector(site_station(d.site, "S"), 1);
	in.time = d.wall;
	tx = site_tx_start(d.site, &in, d.now, d.wall, &id, &auth, &d.fx);
	expect(&d, 1, 1, 0, 0);
	desk_sample(d.site, tx, 600, d.wall + HOUR, &d.fx);
	expect(&d, 1, 1, 500, 500);
	desk_restart(&d);
	expect(&d, 1, 1, 500, 500);
	desk_fini(&d);
}

static void the_ring_keeps_the_latest_events_in_order(void **state)
{
	struct event_ring *r = event_ring_new(4);
	const struct site_event *e;
	uint64_t after = 0;
	char name[20];

	(void)state;
	assert_null(event_ring_next(r, 0));
	assert_int_equal(event_ring_last(r), 0);
	for (int i = 1; i <= 10; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		event_ring_add(r, i, LOG_LEVEL_INFO, "station", "S1", name, NULL);
	}
	assert_int_equal(event_ring_last(r), 10);
	for (uint64_t seq = 7; (e = event_ring_next(r, after)); seq++) {
		assert_int_equal(e->seq, seq);
		assert_int_equal(e->time, seq);
		after = e->seq;
	}
	assert_int_equal(after, 10);
	assert_int_equal(event_ring_next(r, 8)->seq, 9);
	assert_null(event_ring_next(r, 10));
	assert_null(event_ring_next(r, UINT64_MAX));
	event_ring_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_begin_at_local_midnight),
		cmocka_unit_test(sums_go_with_the_periods_and_survive_restarts),
		cmocka_unit_test(another_time_zone_keeps_the_sums),
		cmocka_unit_test(a_running_transaction_counts_as_it_goes),
		cmocka_unit_test(loading_stops_where_nothing_older_is_needed),
		cmocka_unit_test(the_ring_keeps_the_latest_events_in_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
