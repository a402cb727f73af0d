/* Who may charge, who may stop what (ocpp.md "Authorization"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_site.h"

static const char document[] =
	"{'document': {'zones': [{'id': 'Z', 'static': 60}],"
	"'stations': [{'id': 'PLAIN', 'zone': 'Z'}, {'id': 'CARD', 'zone': 'Z', 'access': 'rfid'},"
	"             {'id': 'OPEN', 'zone': 'Z', 'access': 'free'},"
	"             {'id': 'GUEST', 'zone': 'Z', 'access': 'free:04:gg'}],"
	"'tags': [{'uid': '04AA', 'vip': true, 'group': 'FLEET'}, {'uid': '04BB', 'group': 'FLEET'},"
	"         {'uid': '04CC', 'active': false}, {'uid': '04DD', 'auth': 'deny'},"
	"         {'uid': '04EE', 'expires': '2026-05-01T08:00:00Z'},"
	"         {'uid': '04FF', 'expires': '2026-05-01T07:59:59Z'},"
	"         {'uid': '0455', 'type': 'super'}, {'uid': '0466', 'type': 'super', 'active': false},"
	"         {'uid': 'FREE'}]}}";

struct auth_case {
	const char *name;
	const char *site_access, *station, *uid;
	bool for_start;
	enum auth_status status;
	bool known;
};

static const struct auth_case auths[] = {
	{ "a known tag", "rfid", "CARD", "04AA", true, AUTH_ACCEPTED, true },
	{ "in another writing", "rfid", "CARD", "04:aa", true, AUTH_ACCEPTED, true },
	{ "an unknown tag", "rfid", "CARD", "0499", true, AUTH_INVALID, false },
	{ "no tag", "rfid", "CARD", "", true, AUTH_INVALID, false },
	{ "NULL", "rfid", "CARD", NULL, false, AUTH_INVALID, false },
	{ "nonsense", "rfid", "CARD", "a;b", true, AUTH_INVALID, false },
	{ "longer than any", "rfid", "CARD", "1234567890123456789012345678901234567890123456789", true,
	  AUTH_INVALID, false },
	{ "an inactive tag", "rfid", "CARD", "04CC", true, AUTH_BLOCKED, true },
	{ "a denied tag", "rfid", "CARD", "04DD", true, AUTH_BLOCKED, true },
	{ "through its last moment", "rfid", "CARD", "04EE", true, AUTH_ACCEPTED, true },
	{ "after it", "rfid", "CARD", "04FF", true, AUTH_EXPIRED, true },
	{ "the site is free, the station is not", "free", "CARD", "0499", true, AUTH_INVALID, false },
	{ "the site is free", "free", "PLAIN", "0499", true, AUTH_ACCEPTED, false },
	{ "the site asks for tags", "rfid", "PLAIN", "0499", true, AUTH_INVALID, false },
	{ "the site says nothing", NULL, "PLAIN", "0499", true, AUTH_INVALID, false },
	{ "a free station", "rfid", "OPEN", "0499", true, AUTH_ACCEPTED, false },
	{ "a free station, no tag", "rfid", "OPEN", "", true, AUTH_ACCEPTED, true },
	{ "a free station, nonsense", "rfid", "OPEN", "a;b", true, AUTH_ACCEPTED, false },
	{ "a free station, an expired tag", "rfid", "OPEN", "04FF", true, AUTH_ACCEPTED, true },
	{ "a free station, a blocked tag", "rfid", "OPEN", "04CC", true, AUTH_BLOCKED, true },
	{ "free on one tag", "rfid", "GUEST", "0499", true, AUTH_ACCEPTED, false },
	{ "a tag that charges elsewhere starts", "rfid", "CARD", "04BB", true, AUTH_CONCURRENT, true },
	{ "a tag that charges elsewhere is shown", "rfid", "CARD", "04BB", false, AUTH_ACCEPTED, true },
	{ "the same where it is free", "rfid", "OPEN", "04BB", true, AUTH_ACCEPTED, true },
	{ "the tag for free charging may run twice", "rfid", "CARD", "FREE", true, AUTH_ACCEPTED, true },
	{ "a tag that charges elsewhere and is blocked", "rfid", "CARD", "04CC", true, AUTH_BLOCKED, true },
};

static int32_t begin_on(struct desk *d, const char *station, const char *tag, uint64_t hash)
{
	struct tx_start in = { .tag = tag, .time = d->wall, .meter_wh = 0, .hash = hash };
	struct auth auth;
	int32_t id;

	in.conn = site_connector(site_station(d->site, station), 1);
	site_tx_start(d->site, &in, d->now, d->wall, &id, &auth, &d->fx);
	desk_settle(d);
	return id;
}

static void the_table_of_access(void **state)
{
	struct desk d;
	size_t failed = 0;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	desk_must(&d, "site.set", "{'free_tag': 'free'}");
	begin_on(&d, "PLAIN", "04BB", 1);
	begin_on(&d, "CARD", "FREE", 2);
	for (size_t i = 0; i < ARRAY_LEN(auths); i++) {
		const struct auth_case *c = &auths[i];
		char params[60];
		struct auth a;

		snprintf(params, sizeof(params), c->site_access ? "{'access': '%s'}" : "{'access': null}",
			 c->site_access ? c->site_access : "");
		desk_must(&d, "site.set", params);
		a = site_authorize(d.site, site_station(d.site, c->station), c->uid, 1, c->for_start, DESK_WALL);
		if (a.status == c->status && !a.tag == !c->known)
			continue;
		print_message("# %s: %s, %s\n", c->name, auth_status_text(a.status), a.tag ? "known" : "not known");
		failed++;
	}
	assert_int_equal(failed, 0);
	desk_fini(&d);
}

static void an_accepted_tag_brings_its_group_expiry_and_rank(void **state)
{
	struct desk d;
	struct auth a;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	a = site_authorize(d.site, site_station(d.site, "CARD"), "04aa", 1, true, DESK_WALL);
	assert_true(a.vip);
	assert_string_equal(a.group, "FLEET");
	assert_int_equal(a.expires, WALL_NONE);
	a = site_authorize(d.site, site_station(d.site, "CARD"), "04EE", 1, true, DESK_WALL);
	assert_false(a.vip);
	assert_null(a.group);
	assert_int_equal(a.expires, DESK_WALL);
	desk_fini(&d);
}

/* What is booked on which tag. */
static void free_charging_is_booked_on_the_tag_that_was_shown_else_on_the_free_one(void **state)
{
	static const struct {
		const char *station, *shown, *booked;
	} cases[] = {
		{ "OPEN", "", "FREE" },	    { "OPEN", "0499", "0499" },   { "OPEN", "04:bb", "04BB" },
		{ "GUEST", "", "04GG" },    { "GUEST", "0499", "0499" },  { "CARD", "04aa", "04AA" },
	};
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	desk_must(&d, "site.set", "{'free_tag': 'free'}");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *booked;

		begin_on(&d, cases[i].station, cases[i].shown, i + 1);
		booked = site_connector(site_station(d.site, cases[i].station), 1)->tx->tag;
		assert_string_equal(booked, cases[i].booked);
	}
	desk_fini(&d);
}

static void a_transaction_may_be_stopped_by_its_tag_its_group_and_super_tags(void **state)
{
	static const struct {
		const char *uid;
		bool may;
	} cases[] = {
		{ "04AA", true },   { "04:aa", true }, { "04BB", true },  { "04EE", false }, { "0499", false },
		{ "0455", true },   { "0466", false }, { NULL, false },	  { "", false },     { "a;b", false },
	};
	struct desk d;
	const struct tx *tx;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	tx = site_tx(d.site, begin_on(&d, "CARD", "04AA", 1));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (site_may_stop(d.site, tx, cases[i].uid, DESK_WALL) != cases[i].may)
			fail_msg("%s", cases[i].uid);
	/* blocked since: it may still stop what it began */
	desk_must(&d, "tag.set", "{'uid': '04AA', 'active': false}");
	assert_true(site_may_stop(d.site, tx, "04AA", DESK_WALL));
	/* its group does not reach tags without one */
	tx = site_tx(d.site, begin_on(&d, "OPEN", "04EE", 2));
	assert_false(site_may_stop(d.site, tx, "04BB", DESK_WALL));
	desk_fini(&d);
}

static void uids_are_kept_as_one_writing(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} cases[] = {
		{ "04:a2:b3", "04A2B3" }, { "0007", "0007" }, { "DE-ABC*12", "DE-ABC*12" },
		{ "", NULL },		  { ":::", NULL },    { "\x01", NULL },
		{ "a/b", NULL },	  { " x", NULL },
		{ "12345678901234567890123456789012345678901234567", "12345678901234567890123456789012345678901234567" },
		{ "1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0", "123456789012345678901234567890" },
		{ "1234567890123456789012345678901234567890123456789", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[ID_MAX + 1];
		int ret = tag_normalize(cases[i].in, out);

		if (!cases[i].out ? ret != -LMS_EDATA : ret || strcmp(out, cases[i].out) != 0)
			fail_msg("'%s' -> %d '%s'", cases[i].in, ret, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_access),
		cmocka_unit_test(an_accepted_tag_brings_its_group_expiry_and_rank),
		cmocka_unit_test(free_charging_is_booked_on_the_tag_that_was_shown_else_on_the_free_one),
		cmocka_unit_test(a_transaction_may_be_stopped_by_its_tag_its_group_and_super_tags),
		cmocka_unit_test(uids_are_kept_as_one_writing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
