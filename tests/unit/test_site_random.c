/* Random edits on random sites: what is refused changes nothing, what is taken fits and survives a
 * restart. SEED=… replays a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_site.h"

#define STEPS 1500

static uint64_t seed;

/* xorshift64*: the same on every machine */
static unsigned pick(unsigned n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* Adds ", 'key': value" now and then, so that most edits touch few keys. */
static void maybe(struct buf *b, const char *key, const char *const *values, unsigned count)
{
	if (pick(3) == 0)
		buf_printf(b, ", '%s': %s", key, values[pick(count)]);
}

#define MAYBE(b, key, ...)                                                    \
	do {                                                                  \
		static const char *const values_[] = { __VA_ARGS__ };         \
		maybe(b, key, values_, (unsigned)ARRAY_LEN(values_));         \
	} while (0)

static const char *zone_edit(struct buf *b)
{
	buf_printf(b, "{'id': 'Z%u'", pick(6));
	MAYBE(b, "parent", "'Z0'", "'Z1'", "'Z2'", "'Z3'", "'Z4'", "'Z9'", "null");
	MAYBE(b, "phases", "1", "3", "null", "2");
	MAYBE(b, "fuse", "16", "32", "63", "0", "null");
	MAYBE(b, "derate", "'20%'", "'100%'", "null");
	MAYBE(b, "static", "10", "40", "'20,16,12'", "'20,-,-'", "6301", "null");
	MAYBE(b, "dynamic", "50", "'40,40,39'", "null");
	MAYBE(b, "meter", "'M0'", "'M1'", "'M2'", "null");
	MAYBE(b, "meter_lost", "0", "10", "'8,8,8'", "99", "null");
	MAYBE(b, "min", "6", "8", "5", "null");
	buf_puts(b, "}");
	return pick(3) ? "zone.set" : "zone.create";
}

static const char *station_edit(struct buf *b)
{
	buf_printf(b, "{'id': 'S%u'", pick(6));
	MAYBE(b, "zone", "'Z0'", "'Z1'", "'Z2'", "'Z3'", "'Z4'", "'Z9'", "null");
	MAYBE(b, "connectors", "1", "2", "3", "0", "null");
	MAYBE(b, "wiring", "'RST'", "'STR'", "'L1'", "'L2'", "'unknown'", "null");
	MAYBE(b, "max", "16", "32", "10", "null");
	MAYBE(b, "idle", "0", "6", "8", "3", "null");
	MAYBE(b, "manageable", "true", "false", "null");
	MAYBE(b, "step_ma", "100", "1000", "250", "null");
	buf_puts(b, "}");
	return pick(3) ? "station.set" : "station.add";
}

static const char *other_edit(struct buf *b)
{
	static const char *const verbs[] = { "zone.delete", "station.delete", "meter.delete" };
	unsigned what = pick(6);

	if (what < 3) {
		buf_printf(b, "{'id': '%c%u'}", "ZSM"[what], pick(6));
		return verbs[what];
	}
	if (what == 3) {
		buf_printf(b, "{'id': 'M%u', 'profile': 'p', 'address': 'a'", pick(3));
		MAYBE(b, "scope", "'grid'", "'pv'", "null");
		buf_puts(b, "}");
		return "meter.add";
	}
	buf_printf(b, "{'id': 'S%u/%u'", pick(6), 1 + pick(3));
	MAYBE(b, "wiring", "'TRS'", "'L3'", "null");
	MAYBE(b, "max", "16", "20", "null");
	MAYBE(b, "min", "6", "18", "null");
	MAYBE(b, "manageable", "false", "null");
	buf_puts(b, "}");
	return "connector.set";
}

/* The sums once more, by the definition: for each zone and phase, over all connectors below. */
static void check_fits(const struct site_conf *c)
{
	for (size_t z = 0; z < c->zone_count; z++) {
		int64_t sum[PHASES] = { 0 };

		assert_true(c->zones[z].parent < (int)z);
		for (size_t i = 0; i < c->station_count; i++) {
			const struct station_conf *st = &c->stations[i];

			assert_true(st->zone >= 0);
			for (size_t j = 0; site_conf_zone_below(c, st->zone, (int)z) && j < st->connector_count; j++) {
				const struct connector_conf *k = &st->connectors[j];
				int64_t ma = k->manageable ? st->idle_ma : k->max_ma;

				for (int p = 0; p < PHASES; p++) {
					bool uses = k->wiring[0] != 'L' || k->wiring[1] == '1' + p;

					if (c->zones[z].phases == 1)
						uses = p == 0;
					sum[p] += uses ? ma : 0;
				}
			}
		}
		for (int p = 0; p < c->zones[z].phases; p++) {
			const struct zone_conf *zone = &c->zones[z];

			assert_true(zone->cap.l[p] == NUM_NONE || sum[p] <= zone->cap.l[p]);
			if (zone->k.dynamic_ma.l[0] == NUM_NONE)
				continue;
			assert_true(zone->meter >= 0);
			assert_true(zone->k.meter_lost_ma.l[p] >= sum[p]);
			assert_true(zone->k.meter_lost_ma.l[p] <= zone->k.dynamic_ma.l[p]);
		}
	}
}

static void check_live(struct desk *d)
{
	for (size_t i = 0; i < d->site->conf->station_count; i++) {
		const struct station_conf *k = &d->site->conf->stations[i];
		const struct station *st = site_station(d->site, k->k.id);

		assert_non_null(st);
		assert_int_equal(st->conf, i);
		assert_true(st->connector_count >= k->connector_count);
		for (size_t j = 0; j < st->connector_count; j++)
			assert_int_equal(st->connectors[j]->conf, j < k->connector_count ? (int)j : -1);
	}
	assert_int_equal(HASH_COUNT(d->site->stations), d->site->conf->station_count);
}

static void random_edits_keep_the_configuration_sound(void **state)
{
	const char *env = getenv("SEED"), *before;
	unsigned taken = 0, refused = 0;
	struct desk d;

	(void)state;
	seed = env ? strtoull(env, NULL, 10) : 20260501;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	desk_init(&d);
	before = desk_document(&d);
	for (int i = 0; i < STEPS; i++) {
		struct buf b;
		unsigned kind = pick(10);
		const char *verb;
		int ret;

		buf_init(&b);
		verb = kind < 4 ? zone_edit(&b) : kind < 8 ? station_edit(&b) : other_edit(&b);
		ret = desk_call(&d, verb, buf_cstr(&b));
		buf_fini(&b);
		if (ret) {
			refused++;
			assert_string_equal(desk_document(&d), before);
			continue;
		}
		taken++;
		before = desk_document(&d);
		check_fits(d.site->conf);
		check_live(&d);
		if (taken % 8 == 0) {
			uint64_t generation = d.site->conf->generation;

			desk_restart(&d);
			assert_false(diag_failed(&d.diag));
			assert_int_equal(d.site->conf->generation, generation);
			assert_string_equal(desk_document(&d), before);
		}
	}
	print_message("# %u taken, %u refused\n", taken, refused);
	assert_true(taken > STEPS / 10);
	assert_true(refused > STEPS / 10);
	desk_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_edits_keep_the_configuration_sound),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
