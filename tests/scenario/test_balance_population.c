/* Invariants 1, 2, 8, 9 and 10 on random sites with stations that fail in every way that they do:
 * lost and late messages, refusals, disconnects, reboots, and crashes of lmsd with what was stored.
 *
 * SITES=n sets how many (helper_random.h), SEED=s replays the one that was reported; a failing site is made smaller
 * before it is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "helper_population.h"

#define SECONDS 1500

static void shrink(struct pop_site *site, int seconds)
{
	struct pop_failure f;

	for (size_t i = 0; i < site->conn_count;) {
		/* A site points to names of its own: those of one that is copied must outlive it. */
		static struct pop_site less;

		less = *site;
		pop_drop_conn(&less, i);
		pop_run(&less, seconds, false, &f);
		if (f.text[0])
			*site = less;
		else
			i++;
	}
}

static void run_sites(enum pop_kind kind, uint64_t usual)
{
	uint64_t first = random_first_seed(), sites = random_site_count(usual);

	print_message("# %llu sites of %d s from SEED=%llu\n", (unsigned long long)sites, SECONDS,
		      (unsigned long long)first);
	for (uint64_t i = 0; i < sites; i++) {
		struct pop_site site;
		struct pop_failure f;

		pop_random(first + i, kind, &site);
		pop_run(&site, SECONDS, false, &f);
		if (!f.text[0])
			continue;
		shrink(&site, SECONDS);
		pop_run(&site, SECONDS, getenv("TRACE") != NULL, &f);
		pop_print(&site);
		fail_msg("%s (replay: SEED=%llu)", f.text, (unsigned long long)(first + i));
	}
}

static void no_sum_ever_exceeds_a_cap_on_proven_sites(void **state)
{
	(void)state;
	run_sites(POP_STATIC, 120);
}

static void w_is_never_below_what_a_station_obeys_on_any_site(void **state)
{
	(void)state;
	run_sites(POP_ANY, 120);
}

static void meter_lost_is_in_force_within_15_s_on_measured_sites(void **state)
{
	(void)state;
	run_sites(POP_DYNAMIC, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_sum_ever_exceeds_a_cap_on_proven_sites),
		cmocka_unit_test(w_is_never_below_what_a_station_obeys_on_any_site),
		cmocka_unit_test(meter_lost_is_in_force_within_15_s_on_measured_sites),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
