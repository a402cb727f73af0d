/* Who comes in as a station: the rule, what is remembered, and that no stranger ever does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_site.h"
#include "site/door/cert_request.h"
#include "site/door/guess.h"
#include "site/door/security_log.h"

static const char site_text[] =
	"{'document': {'zones': [{'id': 'Z', 'static': 60}], 'stations': [{'id': 'CP', 'zone': 'Z'}]}}";

static void desk_site(struct desk *r)
{
	desk_init(r);
	desk_must(r, "config.apply", site_text);
}

static struct station *cp(struct desk *r)
{
	return site_station(r->site, "CP");
}

static struct sealed_key key_number(int n)
{
	struct sealed_key k;

	memset(&k, n, sizeof(k));
	return k;
}

static int shows(struct desk *r, const char *id, struct evidence e, struct verdict *v)
{
	struct station *st = site_station(r->site, id);

	e.identity = id;
	e.address = "10.0.0.1";
	e.user_is_identity = e.user_given = e.user_given || e.key >= 0;
	security_judge(r->site, st, &e, v);
	if (v->status == 0 && v->known)
		security_came(st, &e, v, &r->fx);
	desk_settle(r);
	return v->status;
}

/* ---- the rule ---- */

static void each_rule_has_its_profile_and_its_remedy(void **state)
{
	enum { PLAIN = 0, TLS = 1 };
	static const struct {
		const char *name;
		const char *min, *own;	/* of site and station */
		int had;
		bool has_key;
		struct evidence e;	/* key 0 opens */
		int profile;		/* that it comes in with; -1 = refused */
		const char *remedy;
	} cases[] = {
		{ "nothing is needed, nothing is shown", NULL, NULL, 0, false, { .key = -1 }, 0, NULL },
		{ "a key that nobody asked for", NULL, NULL, 0, false, { .key = -1, .user_given = true }, 0, NULL },
		{ "its key", NULL, NULL, 0, true, { .key = 0 }, 1, NULL },
		{ "a wrong key", NULL, NULL, 0, true, { .key = -1, .user_given = true }, -1, "station key set CP" },
		{ "no key where it has one", NULL, NULL, 0, true, { .key = -1 }, -1, "type in its key" },
		{ "an exception for the site does not open to one without its key", NULL, "0", 0, true, { .key = -1 }, -1,
		  "type in its key" },
		{ "its key over TLS", NULL, NULL, 0, true, { .key = 0, .tls = true }, 2, NULL },
		{ "TLS alone is nothing", NULL, NULL, 0, false, { .key = -1, .tls = true }, 0, NULL },
		{ "a certificate", NULL, NULL, 0, false, { .key = -1, .tls = true, .cert = CERT_NAMED }, 3, NULL },
		{ "a certificate beside an old key", NULL, NULL, 0, true,
		  { .key = -1, .user_given = true, .tls = true, .cert = CERT_NAMED }, 3, NULL },
		{ "a certificate of another, whatever else", NULL, NULL, 0, true,
		  { .key = 0, .tls = true, .cert = CERT_OTHER, .cert_name = "X" }, -1, "certificate" },
		{ "the same where nothing is needed", NULL, NULL, 0, false,
		  { .key = -1, .tls = true, .cert = CERT_OTHER, .cert_name = "X" }, -1, "certificate" },
		{ "a bad certificate does not help", NULL, "3", 0, true, { .key = 0, .tls = true, .cert = CERT_BAD }, -1,
		  "security=2" },
		{ "nor hurt where none is needed", NULL, "2", 0, true, { .key = 0, .tls = true, .cert = CERT_BAD }, 2, NULL },
		{ "the site wants a key", "1", NULL, 0, false, { .key = -1 }, -1, "station key set CP" },
		{ "the site wants TLS", "2", NULL, 0, true, { .key = 0 }, -1, "security=1" },
		{ "the station is an exception", "2", "1", 0, true, { .key = 0 }, 1, NULL },
		{ "the station wants more", "1", "2", 0, true, { .key = 0 }, -1, "security=1" },
		{ "it had more once", NULL, NULL, 2, true, { .key = 0 }, -1, "security=1" },
		{ "it had a certificate once", NULL, NULL, 3, true, { .key = 0, .tls = true }, -1, "security=2" },
		{ "what it had is more than what it must", NULL, "1", 2, true, { .key = 0 }, -1, "security=1" },
		{ "as much as it had", NULL, "1", 2, true, { .key = 0, .tls = true }, 2, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sealed_key key = key_number(1);
		struct verdict v;
		char text[100];
		struct desk r;

		desk_site(&r);
		snprintf(text, sizeof(text), "{'security_min': %s}", cases[i].min ? cases[i].min : "null");
		desk_must(&r, "site.set", text);
		snprintf(text, sizeof(text), "{'id': 'CP', 'security': %s}", cases[i].own ? cases[i].own : "null");
		desk_must(&r, "station.set", text);
		if (cases[i].has_key)
			security_key_set(cp(&r), &key, &r.fx);
		cp(&r)->security.had = cases[i].had;
		shows(&r, "CP", cases[i].e, &v);
		if ((v.status ? -1 : v.profile) != cases[i].profile || (v.status && v.status != 401))
			fail_msg("%s: status %d, profile %d", cases[i].name, v.status, v.profile);
		if (cases[i].remedy && !strstr(v.remedy, cases[i].remedy))
			fail_msg("%s: says \"%s\" (%s)", cases[i].name, v.remedy, v.why);
		desk_fini(&r);
	}
}

static void a_stranger_waits_only_where_nothing_is_needed(void **state)
{
	static const struct evidence nothing = { .key = -1 }, all = { .key = -1, .tls = true, .cert = CERT_NAMED };
	struct verdict v;
	struct desk r;

	(void)state;
	desk_site(&r);
	assert_int_equal(shows(&r, "NEW", nothing, &v), 0);
	assert_int_equal(v.profile, 0);
	assert_false(v.known);
	desk_must(&r, "site.set", "{'security_min': 1}");
	assert_int_equal(shows(&r, "NEW", nothing, &v), 401);
	assert_int_equal(shows(&r, "NEW", all, &v), 401);
	desk_must(&r, "site.set", "{'security_min': null}");
	r.site->registration = REG_CLOSED;
	assert_int_equal(shows(&r, "NEW", nothing, &v), 401);
	assert_int_equal(shows(&r, "CP", nothing, &v), 0);
	desk_fini(&r);
}

static void values_that_are_no_profile_are_refused(void **state)
{
	struct desk r;

	(void)state;
	desk_site(&r);
	assert_true(desk_call(&r, "site.set", "{'security_min': 4}") < 0);
	assert_true(desk_call(&r, "site.set", "{'security_min': -1}") < 0);
	assert_true(desk_call(&r, "station.set", "{'id': 'CP', 'security': 4}") < 0);
	desk_fini(&r);
}

/* ---- keys ---- */

static void a_new_key_opens_beside_the_old_until_it_was_shown(void **state)
{
	struct sealed_key k[6];
	struct verdict v;
	struct desk r;

	(void)state;
	for (int i = 0; i < 6; i++)
		k[i] = key_number(i + 1);
	desk_site(&r);
	security_key_set(cp(&r), &k[0], &r.fx);
	assert_true(security_key_offer(cp(&r), &k[1], &r.fx) > 0);
	assert_true(security_key_offer(cp(&r), &k[2], &r.fx) > 0);
	assert_string_equal(security_key_state(cp(&r)), "changing");
	desk_restart(&r);
	assert_int_equal(cp(&r)->security.key_count, 3);
	/* With the old one nothing is decided: the station may be slow. */
	assert_int_equal(shows(&r, "CP", (struct evidence){ .key = 0 }, &v), 0);
	assert_int_equal(cp(&r)->security.key_count, 3);
	/* With one of the new ones those before it are gone; one that was sent later may still come. */
	assert_int_equal(shows(&r, "CP", (struct evidence){ .key = 1 }, &v), 0);
	desk_restart(&r);
	assert_int_equal(cp(&r)->security.key_count, 2);
	assert_memory_equal(&cp(&r)->security.keys[0], &k[1], sizeof(k[1]));
	/* As many as there is room for, and what was refused makes room. */
	assert_true(security_key_offer(cp(&r), &k[3], &r.fx) > 0);
	uint32_t last = security_key_offer(cp(&r), &k[4], &r.fx);
	assert_true(last > 0);
	assert_int_equal(security_key_offer(cp(&r), &k[5], &r.fx), 0);
	security_key_withdraw(cp(&r), last, &r.fx);
	assert_true(security_key_offer(cp(&r), &k[5], &r.fx) > 0);
	/* The key that it uses cannot be withdrawn. */
	security_key_withdraw(cp(&r), cp(&r)->security.key_ids[0], &r.fx);
	assert_memory_equal(&cp(&r)->security.keys[0], &k[1], sizeof(k[1]));
	desk_fini(&r);
}

static void a_first_key_binds_when_the_station_has_shown_it(void **state)
{
	struct sealed_key k = key_number(1);
	struct verdict v;
	struct desk r;

	(void)state;
	desk_site(&r);
	assert_true(security_key_offer(cp(&r), &k, &r.fx) > 0);
	desk_settle(&r);
	assert_int_equal(shows(&r, "CP", (struct evidence){ .key = -1 }, &v), 0);
	assert_int_equal(shows(&r, "CP", (struct evidence){ .key = -1, .user_given = true }, &v), 0);
	assert_int_equal(shows(&r, "CP", (struct evidence){ .key = 0 }, &v), 0);
	desk_restart(&r);
	assert_int_equal(shows(&r, "CP", (struct evidence){ .key = -1 }, &v), 401);
	assert_string_equal(security_key_state(cp(&r)), "set");
	desk_fini(&r);
}

static void a_deleted_station_leaves_nothing_to_its_successor(void **state)
{
	struct sealed_key k = key_number(1);
	struct verdict v;
	struct desk r;

	(void)state;
	desk_site(&r);
	security_key_set(cp(&r), &k, &r.fx);
	shows(&r, "CP", (struct evidence){ .key = 0, .tls = true }, &v);
	/* While it is connected: the object itself stays. */
	desk_connect(&r, "CP", 1);
	desk_must(&r, "station.delete", "{'id': 'CP'}");
	assert_null(desk_stored(&r, STORE_SECURITY, "CP"));
	desk_must(&r, "station.add", "{'id': 'CP', 'zone': 'Z'}");
	assert_int_equal(cp(&r)->security.key_count, 0);
	assert_int_equal(cp(&r)->security.had, 0);
	assert_int_equal(shows(&r, "CP", (struct evidence){ .key = -1 }, &v), 0);
	desk_fini(&r);
}

static void a_record_that_cannot_be_read_opens_to_nobody(void **state)
{
	static const char *const records[] = {
		NULL, "", "{", "[]", "{'keys': [{'salt': '00', 'hash': '00'}]}", "{'had': 0, 'keys': [7]}",
	};
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		struct diag d;
		struct desk r;

		desk_site(&r);
		diag_init(&d);
		assert_true(security_load(r.site, "CP", records[i], records[i] ? strlen(records[i]) : 0, &d) < 0);
		assert_int_equal(shows(&r, "CP", (struct evidence){ .key = -1 }, &v), 401);
		desk_fini(&r);
	}
}

static void who_shows_less_than_is_needed_now_is_cut(void **state)
{
	struct sealed_key k = key_number(1);
	struct verdict v;
	struct desk r;
	int closes = 0;

	(void)state;
	desk_site(&r);
	security_key_set(cp(&r), &k, &r.fx);
	shows(&r, "CP", (struct evidence){ .key = 0 }, &v);
	desk_connect(&r, "CP", 1);
	security_enforce(r.site, &r.fx);
	assert_null(r.fx.first);
	/* Asked for by name, it would be shut out: told before. */
	assert_int_equal(desk_call(&r, "station.set", "{'id': 'CP', 'security': 2}"), -LMS_ECONFLICT);
	assert_non_null(strstr(r.diag.text, "security upgrade CP 2"));
	assert_int_equal(desk_call(&r, "site.set", "{'security_min': 3}"), -LMS_ECONFLICT);
	assert_int_equal(desk_call(&r, "site.set", "{'security_min': 3, 'dry_run': true}"), -LMS_ECONFLICT);
	desk_must(&r, "station.set", "{'id': 'CP', 'security': 1}");
	desk_must(&r, "site.set", "{'security_min': 3}");
	/* What else is changed does not matter. */
	desk_must(&r, "station.set", "{'id': 'CP', 'note': 'x'}");
	cp(&r)->security.had = 2;
	security_enforce(r.site, &r.fx);
	for (const struct effect *e = r.fx.first; e; e = e->next)
		closes += e->kind == FX_CLOSE && e->u.close.link == cp(&r)->link;
	assert_int_equal(closes, 1);
	desk_fini(&r);
}

/* ---- no stranger, ever ---- */

static uint64_t seed;

static unsigned pick(unsigned n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* Keys are numbers here; the model knows which the station has and which lmsd must take. What it asserts is
 * written from the outside: who shows no key of the station comes in only where a person left it open. */
struct model {
	int valid[8];
	size_t count;
	bool bound;	/* the first of them was shown or typed in */
	int had, own, min;
};

static int index_of(const struct desk *r, int number)
{
	const struct security *m = &site_station(r->site, "CP")->security;
	struct sealed_key k = key_number(number);

	for (size_t i = 0; i < m->key_count; i++)
		if (memcmp(&m->keys[i], &k, sizeof(k)) == 0)
			return (int)i;
	return -1;
}

static void one_comes(struct desk *r, struct model *m, int next_key)
{
	/* A key of its own, an old one, one that never was, or none. */
	int number = pick(4) == 0 || m->count == 0 ? (int)pick((unsigned)next_key + 2) : m->valid[pick((unsigned)m->count)];
	bool given = pick(4) != 0, right = false;
	struct evidence e = { .tls = pick(2), .user_given = given, .key = given ? index_of(r, number) : -1 };
	int profile, needs = m->own >= 0 ? m->own : m->min;
	struct verdict v;
	size_t at = 0;

	if (e.tls && pick(3) == 0)
		e.cert = pick(4);
	for (size_t i = 0; given && i < m->count; i++)
		if (m->valid[i] == number)
			right = true, at = i;
	profile = e.tls && e.cert == CERT_NAMED ? 3 : !right ? 0 : e.tls ? 2 : 1;
	needs = m->had > needs ? m->had : needs;
	if (m->bound && needs < 1)
		needs = 1;
	shows(r, "CP", e, &v);
	if (v.status == 0 && (profile < needs || v.profile != profile || e.cert == CERT_OTHER))
		fail_msg("came in with profile %d, taken for %d, where %d was needed", profile, v.profile, needs);
	if (v.status != 0 && profile >= needs && e.cert != CERT_OTHER && (!given || right || profile == 3 || !m->bound))
		fail_msg("was refused with profile %d where %d was needed: %s", profile, needs, v.why);
	if (v.status)
		return;
	m->had = profile > m->had ? profile : m->had;
	if (right) {
		memmove(m->valid, m->valid + at, (m->count - at) * sizeof(m->valid[0]));
		m->count -= at;
		m->bound = true;
	}
}

static void one_step(struct desk *r, struct model *m, int *next_key)
{
	struct station *st = site_station(r->site, "CP");
	struct sealed_key k = key_number(*next_key);
	char text[80];
	int p = (int)pick(5) - 1;

	switch (pick(12)) {
	case 0:
		security_key_set(st, &k, &r->fx);
		*m = (struct model){ .valid = { (*next_key)++ }, .count = 1, .bound = true, .had = m->had, .own = m->own, .min = m->min };
		break;
	case 1:
		security_key_set(st, NULL, &r->fx);
		m->count = 0;
		m->bound = false;
		break;
	case 2:
	case 3:
		if (security_key_offer(st, &k, &r->fx))
			m->valid[m->count++] = (*next_key)++;
		break;
	case 4:
		if (m->count > 1) {
			security_key_withdraw(st, st->security.key_ids[m->count - 1], &r->fx);
			m->count--;
		}
		break;
	case 5:
		if (p < 0)
			strcpy(text, "{'id': 'CP', 'security': null}");
		else
			snprintf(text, sizeof(text), "{'id': 'CP', 'security': %d}", p);
		desk_must(r, "station.set", text);
		m->own = p;
		if (p >= 0 && p < m->had)
			m->had = p;
		break;
	case 6:
		p = (int)pick(4);
		snprintf(text, sizeof(text), "{'security_min': %d}", p);
		desk_must(r, "site.set", text);
		m->min = p;
		break;
	case 7:
		desk_restart(r);
		break;
	default:
		one_comes(r, m, *next_key);
		break;
	}
	desk_settle(r);
}

static void whatever_happens_nobody_comes_in_with_less(void **state)
{
	const char *text = getenv("SEED");

	(void)state;
	for (uint64_t run = 1; run <= 60; run++) {
		struct model m = { .own = -1 };
		int next_key = 1;
		struct desk r;

		seed = text ? strtoull(text, NULL, 0) : run * UINT64_C(0x9e3779b97f4a7c15);
		desk_site(&r);
		/* 250 keys are as many as a byte can number. */
		for (int i = 0; i < 400 && next_key < 250; i++)
			one_step(&r, &m, &next_key);
		desk_fini(&r);
	}
}

/* ---- guessing ---- */

static void wrong_keys_slow_down_who_shows_them(void **state)
{
	struct guesses *g = guesses_new(7);
	mono_t now = 1000 * US_PER_S;
	struct desk r;
	int looked = 0;

	(void)state;
	desk_site(&r);
	desk_must(&r, "station.add", "{'id': 'NEXT', 'zone': 'Z'}");
	/* An hour of guessing, a hundred times a second. */
	for (int i = 0; i < 360000; i++, now += 10 * US_PER_MS) {
		if (!guesses_may(g, cp(&r), "10.0.0.66", now))
			continue;
		looked++;
		guesses_wrong(g, cp(&r), "10.0.0.66", now);
	}
	assert_in_range(looked, 360, 360 + GUESS_PAIR_BURST);
	assert_true(guesses_may(g, site_station(r.site, "NEXT"), "10.0.0.66", now));
	assert_true(guesses_may(g, cp(&r), "10.0.0.7", now));
	/* From a thousand addresses: those together are slow, and where it was let in it comes in. */
	guesses_right(g, cp(&r), "10.0.0.7");
	looked = 0;
	for (int i = 0; i < 360000; i++, now += 10 * US_PER_MS) {
		char address[46];

		snprintf(address, sizeof(address), "fe80::%x", pick(1000));
		if (guesses_may(g, cp(&r), address, now)) {
			looked++;
			guesses_wrong(g, cp(&r), address, now);
		}
		assert_true(guesses_may(g, cp(&r), "10.0.0.7", now));
	}
	assert_in_range(looked, 1800, 3600 + GUESS_ALL_BURST);
	/* A new key begins anew: the station may have been the one that was wrong. */
	for (int i = 0; i < 2 * GUESS_ALL_BURST; i++)
		guesses_wrong(g, cp(&r), "10.0.0.66", now);
	assert_false(guesses_may(g, cp(&r), "10.0.0.66", now));
	struct sealed_key k = key_number(9);
	security_key_set(cp(&r), &k, &r.fx);
	assert_true(guesses_may(g, cp(&r), "10.0.0.66", now));
	for (int i = 0; i < GUESS_PAIR_BURST; i++)
		guesses_wrong(g, cp(&r), "10.0.0.66", now);
	assert_false(guesses_may(g, cp(&r), "10.0.0.66", now));
	/* Who stops is free again. */
	now += GUESS_PAIR_US * GUESS_PAIR_BURST;
	assert_true(guesses_may(g, cp(&r), "10.0.0.66", now));
	guesses_free(g);
	desk_fini(&r);
}

/* ---- what stations report ---- */

static void report(struct desk *r, const char *type, int n)
{
	struct security_event e = { .time = r->wall, .received = r->wall };

	snprintf(e.station, sizeof(e.station), "CP");
	snprintf(e.type, sizeof(e.type), "%s", type);
	snprintf(e.tech, sizeof(e.tech), "%d", n);
	security_log_add(r->site, &e, &r->fx);
	desk_settle(r);
}

static void what_is_critical_is_not_pushed_out_by_what_is_not(void **state)
{
	const struct security_event *e;
	uint64_t after = 0;
	int count[2] = { 0 };
	struct desk r;

	(void)state;
	desk_site(&r);
	assert_null(security_log_next(r.site, 0));
	report(&r, "TamperDetectionActivated", -1);
	for (int i = 0; i < 300; i++)
		report(&r, i % 2 ? "InvalidMessages" : "x-vendor", i);
	for (int restart = 0; restart < 2; restart++) {
		if (restart)
			desk_restart(&r);
		after = 0;
		count[0] = count[1] = 0;
		while ((e = security_log_next(r.site, after)) != NULL) {
			assert_true(e->seq > after);
			after = e->seq;
			count[e->critical]++;
			assert_int_equal(atoi(e->tech), (int)e->seq - 2);
		}
		assert_int_equal(after, 301);
		assert_int_equal(count[0], SECURITY_LOG_ROWS);
		assert_int_equal(count[1], 1);
	}
	/* It goes on where it was. */
	report(&r, "InvalidMessages", 300);
	assert_int_equal(security_log_next(r.site, 301)->seq, 302);
	assert_int_equal(desk_stored_count(&r, STORE_SECURITY_EVENT), SECURITY_LOG_ROWS + 1);
	assert_non_null(security_event_text("ResetOrReboot"));
	assert_null(security_event_text("x-vendor"));
	desk_fini(&r);
}

static void a_request_is_kept_until_it_is_answered_or_its_station_is_gone(void **state)
{
	struct desk r;

	(void)state;
	desk_site(&r);
	cert_request_set(r.site, cp(&r), "first", r.wall, &r.fx);
	cert_request_set(r.site, cp(&r), "second", r.wall, &r.fx);
	assert_true(r.site->cert_asked && cp(&r)->cert_request->is_new);
	desk_restart(&r);
	assert_string_equal(cp(&r)->cert_request->csr, "second");
	assert_false(cp(&r)->cert_request->is_new);
	cert_request_drop(cp(&r), &r.fx);
	desk_restart(&r);
	assert_null(cp(&r)->cert_request);
	cert_request_set(r.site, cp(&r), "third", r.wall, &r.fx);
	desk_must(&r, "station.delete", "{'id': 'CP'}");
	assert_null(desk_stored(&r, STORE_CERT_REQUEST, "CP"));
	desk_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_its_profile_and_its_remedy),
		cmocka_unit_test(a_stranger_waits_only_where_nothing_is_needed),
		cmocka_unit_test(values_that_are_no_profile_are_refused),
		cmocka_unit_test(a_new_key_opens_beside_the_old_until_it_was_shown),
		cmocka_unit_test(a_first_key_binds_when_the_station_has_shown_it),
		cmocka_unit_test(a_deleted_station_leaves_nothing_to_its_successor),
		cmocka_unit_test(a_record_that_cannot_be_read_opens_to_nobody),
		cmocka_unit_test(who_shows_less_than_is_needed_now_is_cut),
		cmocka_unit_test(whatever_happens_nobody_comes_in_with_less),
		cmocka_unit_test(wrong_keys_slow_down_who_shows_them),
		cmocka_unit_test(what_is_critical_is_not_pushed_out_by_what_is_not),
		cmocka_unit_test(a_request_is_kept_until_it_is_answered_or_its_station_is_gone),
	};

	seed = 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
