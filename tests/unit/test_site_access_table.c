/* Every combination of what decides on a tag, against a table of first matches (ocpp.md "Authorization").
 *
 * A row of the table names some of the circumstances; the first row that fits says the answer. The test goes
 * through all 18,432 combinations and makes each of them at a real site.
 */
#include "ledger_rig.h"

#include "site/tags/credit.h"

enum { STATION, ACTIVE, AUTH, GROUP, EXPIRY, PLACE, CREDIT, BUSY, PURPOSE, ASPECTS };

static const char *const names[ASPECTS][5] = {
	[STATION] = { "rfid", "free" },
	[ACTIVE] = { "active", "inactive" },
	[AUTH] = { "allow", "deny", "open", "closed" },	/* the latter two by schedule */
	[GROUP] = { "alone", "group", "group-out", "group-old" },
	[EXPIRY] = { "never", "later", "last-moment", "past" },
	[PLACE] = { "anywhere", "here", "elsewhere" },
	[CREDIT] = { "unlimited", "some", "none", "below" },
	[BUSY] = { "idle", "charges-there", "charges-here" },
	[PURPOSE] = { "start", "shown" },
};

/* Words that are not there do not matter. */
static const struct { const char *when; enum auth_status answer; } table[] = {
	{ "inactive", AUTH_BLOCKED },
	{ "deny", AUTH_BLOCKED },
	{ "group-out", AUTH_BLOCKED },
	{ "free", AUTH_ACCEPTED },
	{ "past", AUTH_EXPIRED },
	{ "group-old", AUTH_EXPIRED },
	{ "shown charges-here", AUTH_ACCEPTED },
	{ "closed", AUTH_BLOCKED },
	{ "elsewhere", AUTH_BLOCKED },
	{ "none", AUTH_BLOCKED },
	{ "below", AUTH_BLOCKED },
	{ "start charges-here", AUTH_CONCURRENT },
	{ "start charges-there", AUTH_CONCURRENT },
	{ "", AUTH_ACCEPTED },
};

static bool fits(const char *when, const int *is)
{
	char words[100], *at = words, *word;

	snprintf(words, sizeof(words), "%s", when);
	while ((word = strtok_r(at, " ", &at))) {
		bool found = false;

		for (int i = 0; i < ASPECTS; i++)
			found = found || strcmp(names[i][is[i]], word) == 0;
		if (!found)
			return false;
	}
	return true;
}

static enum auth_status expected(const int *is)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (fits(table[i].when, is))
			return table[i].answer;
	fail_msg("the table has no end");
	return AUTH_INVALID;
}

static void give(struct desk *d, const int *is)
{
	static const char *const auths[] = { NULL, "deny", "schedule", "schedule" };
	static const char *const schedules[] = { NULL, NULL, "fr 08:00-09:00", "fr 08:01-24:00; sa-th 00:00-24:00" };
	static const char *const groups[] = { NULL, "FINE", "OUT", "OLD" };
	const wall_t expiries[] = { WALL_NONE, DESK_WALL + 1, DESK_WALL, DESK_WALL - 1 };
	static const int64_t credits[] = { NUM_NONE, 1, 0, -1 };
	struct tag *t = site_tag(d->site, "T");

	t->k.active = is[ACTIVE] == 1 ? 0 : NUM_NONE;
	t->k.auth = auths[is[AUTH]];
	t->k.schedule = schedules[is[AUTH]];
	t->k.group = groups[is[GROUP]];
	t->k.expires = expiries[is[EXPIRY]];
	t->k.zones = is[PLACE] == 0 ? NULL : is[PLACE] == 1 ? "HERE" : "THERE";
	t->k.credit_wh = credits[is[CREDIT]];
}

static const char *station_of(const int *is)
{
	return is[STATION] == 0 ? "CARD" : "OPEN";
}

static void charge(struct desk *d, const int *is)
{
	struct tx_start in = { .tag = "T", .time = d->wall, .hash = 1 };
	struct auth auth;
	int32_t id;

	if (is[BUSY] == 0)
		return;
	in.conn = site_connector(site_station(d->site, is[BUSY] == 1 ? "AWAY" : station_of(is)), 1);
	assert_non_null(site_tx_start(d->site, &in, d->now, d->wall, &id, &auth, &d->fx));
	desk_settle(d);
}

static size_t ask(struct desk *d, const int *is)
{
	bool start = is[PURPOSE] == 0;
	struct auth a;

	give(d, is);
	a = site_authorize(d->site, site_station(d->site, station_of(is)), "T", start ? 2 : 0, start, DESK_WALL);
	if (a.status == expected(is) && !a.why == (a.status == AUTH_ACCEPTED))
		return 0;
	print_message("#");
	for (int i = 0; i < ASPECTS; i++)
		print_message(" %s", names[i][is[i]]);
	print_message(": %s (%s), not %s\n", auth_status_text(a.status), a.why ? a.why : "", auth_status_text(expected(is)));
	return 1;
}

/* The next combination of those aspects that need no other site; false after the last. */
static bool next(int *is)
{
	for (int i = ACTIVE; i < ASPECTS; i++) {
		if (i == BUSY)
			continue;
		if (names[i][++is[i]] && is[i] < 5)
			return true;
		is[i] = 0;
	}
	return false;
}

static void every_combination_has_the_answer_of_the_table(void **state)
{
	size_t asked = 0, wrong = 0;

	(void)state;
	for (int station = 0; station < 2; station++)
		for (int busy = 0; busy < 3; busy++) {
			int is[ASPECTS] = { [STATION] = station, [BUSY] = busy };
			struct desk d;

			desk_init(&d);
			desk_must(&d, "config.apply",
				  "{'document': {'zones': [{'id': 'HERE', 'static': 60}, {'id': 'THERE', 'static': 60}],"
				  "'tag_groups': [{'id': 'FINE'}, {'id': 'OUT', 'active': false},"
				  "               {'id': 'OLD', 'expires': '2026-05-01T07:59:59Z'}],"
				  "'stations': [{'id': 'CARD', 'zone': 'HERE', 'connectors': 2},"
				  "  {'id': 'OPEN', 'zone': 'HERE', 'connectors': 2, 'access': 'free'},"
				  "  {'id': 'AWAY', 'zone': 'THERE'}], 'tags': [{'uid': 'T'}]}}");
			charge(&d, is);
			do {
				asked++;
				if (wrong < 20)
					wrong += ask(&d, is);
			} while (next(is));
			/* what was given are constants, which the site must not free */
			give(&d, (int[ASPECTS]){ 0 });
			desk_fini(&d);
		}
	assert_int_equal(asked, 18432);
	assert_int_equal(wrong, 0);
}

/* A row that decides nothing would be a rule that nobody needs. */
static void each_row_of_the_table_is_needed(void **state)
{
	bool used[ARRAY_LEN(table)] = { false };
	int is[ASPECTS] = { 0 };

	(void)state;
	for (is[STATION] = 0; is[STATION] < 2; is[STATION]++)
		for (is[BUSY] = 0; is[BUSY] < 3; is[BUSY]++)
			do {
				size_t i = 0;

				while (!fits(table[i].when, is))
					i++;
				used[i] = true;
			} while (next(is));
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!used[i])
			fail_msg("row '%s' is never reached", table[i].when);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_has_the_answer_of_the_table),
		cmocka_unit_test(each_row_of_the_table_is_needed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
