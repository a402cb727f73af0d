/* Records to model: snapshots, changes, what goes, order, the tree of zones, the copy for `p`. */
#include "lmstop_rig.h"

#define PUSH(list, text) rig_push(&m, list, "{'watch':1,'seq':1," text "}", 2 * US_PER_S)

static void test_nothing_counts_before_the_snapshot(void **state)
{
	struct model m;

	(void)state;
	model_init(&m);
	assert_false(PUSH(MODEL_STATIONS, "'changed':[{'id':'CP1'}],'gone':[]"));
	assert_int_equal(model_count(&m, MODEL_STATIONS), 0);
	rig_snapshot(&m, MODEL_STATIONS, "", 0);
	assert_true(m.lists[MODEL_STATIONS].arrived);
	assert_true(PUSH(MODEL_STATIONS, "'changed':[{'id':'CP1'}],'gone':[]"));
	assert_int_equal(model_count(&m, MODEL_STATIONS), 1);
	model_fini(&m);
}

static void test_changes_replace_and_gone_removes(void **state)
{
	struct model m;

	(void)state;
	model_init(&m);
	rig_snapshot(&m, MODEL_STATIONS, "{'id':'CP2','title':'two'},{'id':'CP10'},{'id':'CP1'}",
		     0);
	assert_string_equal(model_station(&m, 0)->keys.id, "CP1");
	assert_string_equal(model_station(&m, 2)->keys.id, "CP10");
	PUSH(MODEL_STATIONS, "'changed':[{'id':'CP2','title':'zwei','future':{'x':[1]}},{'id':'CP3'"
			     "}],'gone':['CP1','CP99']");
	assert_int_equal(model_count(&m, MODEL_STATIONS), 3);
	assert_string_equal(model_station(&m, 0)->keys.title, "zwei");
	assert_string_equal(model_station(&m, 1)->keys.id, "CP3");
	rig_snapshot(&m, MODEL_STATIONS, "{'id':'CP7'}", 0);
	assert_int_equal(model_count(&m, MODEL_STATIONS), 1);
	model_fini(&m);
}

static void test_numbers_are_identities_too(void **state)
{
	mono_t received;
	struct model m;

	(void)state;
	model_init(&m);
	rig_snapshot(&m, MODEL_TRANSACTIONS,
		     "{'id':10,'state':'running'},{'id':9,'state':'running'}", 7);
	assert_int_equal(model_transaction(&m, 0, &received)->id, 9);
	assert_int_equal(received, 7);
	PUSH(MODEL_TRANSACTIONS, "'changed':[],'gone':['9']");
	assert_int_equal(model_transaction(&m, 0, NULL)->id, 10);
	assert_null(model_transaction(&m, 1, NULL));
	model_fini(&m);
}

static void test_garbage_changes_nothing(void **state)
{
	struct model m;

	(void)state;
	model_init(&m);
	rig_snapshot(&m, MODEL_ZONES, "{'id':'main'}", 0);
	PUSH(MODEL_ZONES,
	     "'changed':[7,null,'x',{},{'id':{}},{'id':'P1','cap_ma':'much'}],'gone':[1,null]");
	assert_int_equal(model_count(&m, MODEL_ZONES), 1);
	PUSH(MODEL_ZONES, "'changed':7");
	assert_int_equal(model_count(&m, MODEL_ZONES), 1);
	model_fini(&m);
}

static void test_only_the_latest_events_are_kept(void **state)
{
	struct model m;
	struct buf b;

	(void)state;
	model_init(&m);
	buf_init(&b);
	for (int i = 1; i <= MODEL_EVENTS_MAX + 20; i++)
		buf_printf(&b, "%s{'seq':%d,'event':'e'}", i > 1 ? "," : "", i);
	rig_snapshot(&m, MODEL_EVENTS, buf_cstr(&b), 0);
	assert_int_equal(model_count(&m, MODEL_EVENTS), MODEL_EVENTS_MAX);
	assert_int_equal(model_event(&m, 0)->seq, 21);
	buf_fini(&b);
	model_fini(&m);
}

static void check_tree(const char *zones, const char *want)
{
	size_t order[20];
	int depth[20];
	struct model m;
	struct buf b;

	model_init(&m);
	buf_init(&b);
	rig_snapshot(&m, MODEL_ZONES, zones, 0);
	model_zone_tree(&m, order, depth);
	for (size_t i = 0; i < model_count(&m, MODEL_ZONES); i++)
		buf_printf(&b, "%s%s%d", i ? " " : "", model_zone(&m, order[i])->keys.id, depth[i]);
	assert_string_equal(buf_cstr(&b), want);
	buf_fini(&b);
	model_fini(&m);
}

static void test_zones_are_told_as_a_tree(void **state)
{
	(void)state;
	check_tree("", "");
	check_tree(
	    "{'id':'a'},{'id':'b','parent':'a'},{'id':'c','parent':'a'},{'id':'d','parent':'b'}",
	    "a0 b1 d2 c1");
	check_tree("{'id':'d','parent':'b'},{'id':'b','parent':'a'},{'id':'a'}", "a0 b1 d2");
	check_tree("{'id':'x','parent':'gone'},{'id':'y','parent':'x'}", "x0 y1");
	check_tree("{'id':'a','parent':'b'},{'id':'b','parent':'a'},{'id':'s','parent':'s'}",
		   "a0 b0 s0");
}

static void test_a_copy_shares_nothing(void **state)
{
	struct model m, copy;

	(void)state;
	model_init(&m);
	model_init(&copy);
	rig_snapshot(&m, MODEL_STATIONS, "{'id':'CP1','title':'one'}", 5);
	model_copy(&copy, &m);
	model_copy(&copy, &m);
	model_fini(&m);
	assert_int_equal(model_count(&copy, MODEL_STATIONS), 1);
	assert_string_equal(model_station(&copy, 0)->keys.title, "one");
	assert_true(copy.lists[MODEL_STATIONS].arrived);
	assert_false(copy.lists[MODEL_ZONES].arrived);
	model_fini(&copy);
}

static void test_identities_are_ordered_as_people_count(void **state)
{
	static const char *const ascending[] = {"",       "A",      "A-1",     "A-2", "A-10",
						"A-10/1", "A-10/2", "A-10/10", "B",   "a"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ascending); i++) {
		for (size_t k = 0; k < ARRAY_LEN(ascending); k++) {
			int got = model_id_compare(ascending[i], ascending[k]);

			assert_int_equal((got > 0) - (got < 0), (i > k) - (i < k));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_counts_before_the_snapshot),
		cmocka_unit_test(test_changes_replace_and_gone_removes),
		cmocka_unit_test(test_numbers_are_identities_too),
		cmocka_unit_test(test_garbage_changes_nothing),
		cmocka_unit_test(test_only_the_latest_events_are_kept),
		cmocka_unit_test(test_zones_are_told_as_a_tree),
		cmocka_unit_test(test_a_copy_shares_nothing),
		cmocka_unit_test(test_identities_are_ordered_as_people_count),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
