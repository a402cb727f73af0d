/* The history on disk against a list of all that was put in: nothing is lost, nothing is invented, whatever the
 * clock does, and whichever level answers.
 */
#include "archive_rig.h"

#include "tests/scenario/helper_random.h"

#define DAY_S  86400
#define NOON_S INT64_C(1764158400)	/* 2025-11-26T12:00:00Z */
#define VARS   3			/* current_l1, power_total, energy_import_total */

static const uint8_t vars[VARS] = { METER_current_l1, METER_power_total, METER_energy_import_total };
#define NAMES "current_l1,power_total,energy_import_total"

struct told {			/* all that was put in, in that order */
	int64_t t_s, v[VARS];
	uint8_t quality[VARS];
};

struct oracle {
	struct told *row;
	size_t count, cap;
	int64_t energy;
};

static void oracle_fini(struct oracle *o)
{
	free(o->row);
}

static void tell(struct oracle *o, struct batch *b, struct rng *r, const char *id, int64_t t_s, unsigned step_s)
{
	struct history_sample s[VARS];
	struct told *row;
	size_t n = 0;

	if (o->count == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 1024;
		o->row = xrealloc(o->row, o->cap * sizeof(o->row[0]));
	}
	row = &o->row[o->count++];
	row->t_s = t_s;
	o->energy += rng_below(r, 100);
	for (int i = 0; i < VARS; i++) {
		row->v[i] = i == 2 ? o->energy : rng_range(r, -20000, 20000);
		row->quality[i] = rng_below(r, 20) ? HISTORY_GOOD : (uint8_t)rng_below(r, HISTORY_QUALITIES);
		if (row->quality[i] != HISTORY_GOOD && row->quality[i] != HISTORY_DOUBTFUL)
			row->v[i] = NUM_NONE;
		if (row->quality[i] != HISTORY_GAP)
			s[n++] = (struct history_sample){ .v = row->v[i], .var = vars[i], .quality = row->quality[i] };
	}
	assert_true(batch_add(b, HISTORY_METER, id, t_s, step_s, s, n));
}

/* Minutes of rows of a meter and of others beside it, with holes in them. */
static int64_t live(struct archive_rig *rig, struct oracle *o, struct rng *r, int64_t t_s, int64_t until_s)
{
	struct oracle others = { 0 };

	while (t_s < until_s) {
		struct batch *b = batch_new();

		for (int i = 0; i < 6; i++, t_s += 10) {
			tell(&others, b, r, "another", t_s, 10);
			tell(o, b, r, "main", t_s, 10);
			tell(&others, b, r, "third", t_s, 10);
		}
		rig_store(rig, b);
		if (rng_below(r, 300) == 0)
			t_s += 10 * rng_below(r, 1000);	/* lmsd was not there */
	}
	oracle_fini(&others);
	return t_s;
}

/* ---- as stored ---- */

static char letter(const struct told *t, int i)
{
	return "-giis"[t->quality[i]];
}

static bool is_row(const struct told *t)
{
	return t->v[0] != NUM_NONE || t->v[1] != NUM_NONE || t->v[2] != NUM_NONE;
}

static void compare_row(const struct archive_rig *rig, size_t at, const struct told *t)
{
	const char *letters = json_str(json_at(rig->row[at], 1 + VARS), NULL);
	bool odd = false;

	if (rig_cell(rig, at, 0) != t->t_s * 1000)
		fail_msg("row %zu is of %lld, not of %lld", at, (long long)rig_cell(rig, at, 0) / 1000, (long long)t->t_s);
	for (int i = 0; i < VARS; i++) {
		if (rig_cell(rig, at, 1 + (size_t)i) != t->v[i])
			fail_msg("row %zu column %d", at, i);
		odd = odd || (letter(t, i) != 'g' && letter(t, i) != '-');
		assert_true(!letters || letters[i] == letter(t, i));
	}
	assert_int_equal(odd, letters != NULL);
}

/* Rows of [from, until) are those that were put in, sorted by time. */
static void compare(struct archive_rig *rig, struct oracle *o, int64_t from_s, int64_t until_s)
{
	size_t at = 0;

	rig_read(rig, rig_query("main", NAMES, from_s, until_s, 0), NULL);
	for (size_t i = 0; i < o->count; i++) {
		const struct told *t = &o->row[i];

		if (t->t_s < from_s || t->t_s >= until_s || !is_row(t))
			continue;
		if (at == rig->rows)
			fail_msg("there are %zu rows only", at);
		compare_row(rig, at++, t);
	}
	assert_int_equal(at, rig->rows);
}

static void all_that_was_read_comes_back(void **state)
{
	struct rng r = rng_seed(random_first_seed());
	struct oracle o = { 0 };
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	int64_t end;

	(void)state;
	rig_init(rig);
	end = live(rig, &o, &r, NOON_S + 10, NOON_S + 30 * 3600);
	compare(rig, &o, 0, end + DAY_S);
	for (int i = 0; i < 20; i++) {
		int64_t from = rng_range(&r, NOON_S, end), until = rng_range(&r, from + 1, end + 100);

		compare(rig, &o, from, until);
	}
	rig_close(rig);
	rig_open_max(rig, INT64_C(1) << 30);
	compare(rig, &o, 0, end + DAY_S);
	rig_fini(rig);
	oracle_fini(&o);
	free(rig);
}

/* Back by minutes and by days, far ahead and back again. The rows of one time come in any order, so times are told
 * apart by their values: as a bag. */
static void a_clock_that_jumps_costs_nothing(void **state)
{
	static const int64_t jumps[] = { -120, 3600, -3 * 3600, 40 * DAY_S, -40 * DAY_S, -7, 365 * DAY_S, -365 * DAY_S, 0 };
	struct rng r = rng_seed(random_first_seed() + 1);
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	int64_t t = NOON_S, sum[2] = { 0 };
	struct oracle o = { 0 };
	size_t numbers[2] = { 0 };

	(void)state;
	rig_init(rig);
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++)
		t = live(rig, &o, &r, t, t + 1800 + 600 * (int64_t)i) + jumps[i];
	rig_read(rig, rig_query("main", NAMES, 0, NOON_S + 1000 * DAY_S, 0), NULL);
	for (size_t i = 0; i < o.count; i++)
		for (int k = 0; k < VARS; k++)
			if (o.row[i].v[k] != NUM_NONE) {
				numbers[0]++;
				sum[0] += o.row[i].v[k];
			}
	for (size_t i = 0; i < rig->rows; i++) {
		assert_true(i == 0 || rig_cell(rig, i, 0) >= rig_cell(rig, i - 1, 0));
		for (size_t k = 1; k <= VARS; k++)
			if (rig_cell(rig, i, k) != NUM_NONE) {
				numbers[1]++;
				sum[1] += rig_cell(rig, i, k);
			}
	}
	assert_int_equal(numbers[0], numbers[1]);
	assert_true(sum[0] == sum[1]);
	rig_fini(rig);
	oracle_fini(&o);
	free(rig);
}

/* ---- by steps ---- */

struct plain {
	int64_t sum, last;
	size_t count;
};

static void plain_step(const struct oracle *o, int64_t at_s, int64_t step_s, int k, struct plain *out)
{
	*out = (struct plain){ 0 };
	for (size_t i = 0; i < o->count; i++) {
		const struct told *t = &o->row[i];

		if (t->t_s <= at_s || t->t_s > at_s + step_s || t->quality[k] != HISTORY_GOOD)
			continue;
		out->sum += t->v[k];
		out->last = t->v[k];
		out->count++;
	}
}

static int64_t round_half_away(int64_t sum, int64_t n)
{
	return sum < 0 ? -((-sum + n / 2) / n) : (sum + n / 2) / n;
}

static bool near(int64_t a, int64_t b, int64_t by)
{
	return a == b || (a != NUM_NONE && b != NUM_NONE && a - b <= by && b - a <= by);
}

static void compare_steps(struct archive_rig *rig, const struct oracle *o, int64_t from_s, int64_t until_s, int64_t step_s)
{
	size_t at = 0;

	rig_read(rig, rig_query("main", NAMES, from_s, until_s, step_s), NULL);
	for (int64_t t = from_s - from_s % step_s; t < until_s; t += step_s) {
		struct plain p[VARS];

		for (int k = 0; k < VARS; k++)
			plain_step(o, t, step_s, k, &p[k]);
		if (p[0].count + p[1].count + p[2].count == 0)
			continue;
		if (at == rig->rows || rig_cell(rig, at, 0) != t * 1000)
			fail_msg("step %lld: no row of %lld", (long long)step_s, (long long)t);
		for (int k = 0; k < VARS; k++) {
			int64_t want = p[k].count == 0 ? NUM_NONE : k == 2 ? p[k].last :
				       round_half_away(p[k].sum, (int64_t)p[k].count);

			/* A mean of rounded means is half a unit off at most. */
			if (!near(rig_cell(rig, at, 1 + (size_t)k), want, step_s % 900 ? 0 : k < 2))
				fail_msg("step %lld, %lld, column %d: %lld, not %lld", (long long)step_s, (long long)t, k,
					 (long long)rig_cell(rig, at, 1 + (size_t)k), (long long)want);
		}
		at++;
	}
	assert_int_equal(at, rig->rows);
}

static void steps_are_what_a_plain_sum_says(void **state)
{
	static const int64_t steps[] = { 60, 900, 3600, 6 * 3600, DAY_S };
	struct rng r = rng_seed(random_first_seed() + 2);
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	struct oracle o = { 0 };
	int64_t end;

	(void)state;
	rig_init(rig);
	end = live(rig, &o, &r, NOON_S + 10, NOON_S + 40 * 3600);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		compare_steps(rig, &o, NOON_S - 3600, end + 3600, steps[i]);
		for (int n = 0; n < 3; n++) {
			int64_t from = rng_range(&r, NOON_S, end), until = rng_range(&r, from + 1, end + 100);

			compare_steps(rig, &o, from, until, steps[i]);
		}
	}
	rig_fini(rig);
	oracle_fini(&o);
	free(rig);
}

static void least_and_most_come_beside_the_mean(void **state)
{
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	struct batch *b = batch_new();
	struct archive_query q;

	(void)state;
	rig_init(rig);
	for (int64_t i = 1; i <= 12; i++) {
		struct history_sample s = { .v = i * i, .var = METER_power_total, .quality = HISTORY_GOOD };

		batch_add(b, HISTORY_METER, "main", NOON_S + 10 * i, 10, &s, 1);
	}
	rig_store(rig, b);
	q = rig_query("main", "power_total,current_l1", NOON_S, NOON_S + 600, 60);
	q.stats = HISTORY_MEAN | HISTORY_MIN | HISTORY_MAX;
	rig_read(rig, q, NULL);
	assert_int_equal(rig->rows, 2);
	assert_int_equal(rig_cell(rig, 0, 1), 15);	/* (1 + 4 + 9 + 16 + 25 + 36) / 6 */
	assert_int_equal(rig_cell(rig, 0, 2), 1);
	assert_int_equal(rig_cell(rig, 0, 3), 36);
	assert_true(rig_cell(rig, 0, 4) == NUM_NONE && rig_cell(rig, 0, 6) == NUM_NONE);
	assert_int_equal(rig_cell(rig, 1, 3), 144);
	rig_fini(rig);
	free(rig);
}

/* ---- names, and what is not committed ---- */

static void a_series_that_never_was_is_not_found_unless_it_is_configured(void **state)
{
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	struct archive_query q = rig_query("nobody", NULL, NOON_S, NOON_S + 10, 0);

	(void)state;
	rig_init(rig);
	rig_read(rig, q, NULL);
	assert_int_equal(rig->err, -LMS_ENOTFOUND);
	q.configured = true;
	rig_read(rig, q, NULL);
	assert_int_equal(rig->err, 0);
	assert_int_equal(rig->rows, 0);
	assert_int_equal(rig->step_ms[0], 10000);
	rig_fini(rig);
	free(rig);
}

static void a_zone_and_a_meter_of_one_name_are_two(void **state)
{
	struct history_sample s = { .v = 1, .var = METER_power_total, .quality = HISTORY_GOOD };
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	struct archive_query q = rig_query("main", "power_total", NOON_S, NOON_S + 100, 0);
	struct batch *b = batch_new();

	(void)state;
	rig_init(rig);
	batch_add(b, HISTORY_METER, "main", NOON_S, 10, &s, 1);
	s.v = 2;
	batch_add(b, HISTORY_ZONE, "main", NOON_S, 10, &s, 1);
	rig_store(rig, b);
	rig_read(rig, q, NULL);
	assert_int_equal(rig_cell(rig, 0, 1), 1);
	q.kind = HISTORY_ZONE;
	rig_read(rig, q, NULL);
	assert_int_equal(rig_cell(rig, 0, 1), 2);
	rig_fini(rig);
	free(rig);
}

static void what_is_not_committed_yet_is_told_once(void **state)
{
	struct history_sample s = { .v = 1, .var = METER_power_total, .quality = HISTORY_GOOD };
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	struct archive_query q = rig_query("main", "power_total", 0, NOON_S + 100, 0);
	struct batch *b = batch_new(), *pending = batch_new();

	(void)state;
	rig_init(rig);
	for (int i = 0; i < 4; i++, s.v++)
		batch_add(i < 3 ? b : pending, HISTORY_METER, "main", NOON_S + 10 * i, 10, &s, 1);
	s.v = 3;
	batch_add(pending, HISTORY_METER, "main", NOON_S + 20, 10, &s, 1);	/* it has been committed meanwhile */
	rig_store(rig, b);
	rig_read(rig, q, pending);
	assert_int_equal(rig->rows, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(rig_cell(rig, i, 1), i + 1);
	q.step_ms = 60000;
	rig_read(rig, q, pending);
	assert_int_equal(rig->rows, 2);		/* 12:00:00 is of 11:59 */
	assert_int_equal(rig_cell(rig, 1, 1), 3);
	batch_free(pending);
	rig_fini(rig);
	free(rig);
}

/* ---- old ---- */

static void fill(struct archive_rig *rig, int days, int64_t *t_s, unsigned step_s)
{
	struct rng r = rng_seed(5);

	for (int64_t end = *t_s + days * (int64_t)DAY_S; *t_s < end;) {
		struct batch *b = batch_new();

		for (int i = 0; i < 60; i++, *t_s += step_s) {
			struct history_sample s = { .v = rng_range(&r, 0, 1000000), .var = METER_power_total,
						    .quality = HISTORY_GOOD };

			batch_add(b, HISTORY_METER, "main", *t_s, step_s, &s, 1);
		}
		rig_store(rig, b);
	}
}

static void fill_days(struct archive_rig *rig, int days, int64_t *t_s)
{
	fill(rig, days, t_s, 60);
}

static int64_t used(struct archive_rig *rig, struct vault_size *size)
{
	MDB_txn *txn;

	assert_int_equal(mdb_txn_begin(rig->w.vault.mdb, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(vault_size(txn, &rig->w.vault, size), 0);
	mdb_txn_abort(txn);
	return size->used;
}

static int64_t first_row(struct archive_rig *rig, int64_t step_s)
{
	rig_read(rig, rig_query("main", "power_total", 0, NOON_S + 400 * DAY_S, step_s), NULL);
	return rig->rows ? rig_cell(rig, 0, 0) / 1000 : 0;
}

static void what_is_too_old_is_told_by_the_next_level_only(void **state)
{
	const int64_t keep[ARCHIVE_LEVELS] = { 2 * DAY_S, 4 * DAY_S, 6 * DAY_S };
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	int64_t t = NOON_S - NOON_S % DAY_S + 60, end = t, count;
	MDB_txn *txn;

	(void)state;
	rig_init(rig);
	for (int day = 0; day < 10; day++) {
		fill_days(rig, 1, &end);
		assert_int_equal(writer_prune(&rig->w, keep, INT64_MAX), 0);
	}
	end -= 60;
	/* Readings of two days, then minutes, then quarters, each page of one kind. */
	assert_int_equal(first_row(rig, 0), end - 6 * DAY_S);
	assert_int_equal(rig->step_ms[0], 900000);
	assert_int_equal(rig->rows, 2 * 96 + 2 * 1440 + 2 * 1440);
	assert_int_equal(rig_cell(rig, 2 * 96, 0) / 1000, end - 4 * DAY_S);
	assert_int_equal(rig_cell(rig, 2 * 96 + 1, 0) / 1000, end - 4 * DAY_S + 60);
	for (size_t i = 1; i < rig->rows; i++)
		assert_true(rig_cell(rig, i, 0) > rig_cell(rig, i - 1, 0));
	assert_int_equal(first_row(rig, 60), end - 6 * DAY_S);
	assert_int_equal(first_row(rig, DAY_S), end - 6 * DAY_S);
	assert_int_equal(rig->rows, 6);
	assert_int_equal(mdb_txn_begin(rig->w.vault.mdb, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(vault_count_get(txn, &rig->w.vault, "samples", &count), 0);
	mdb_txn_abort(txn);
	assert_in_range(count, 2 * 1440 - 60, 2 * 1440 + 60);
	rig_fini(rig);
	free(rig);
}

static void a_clock_a_year_ahead_costs_a_day_in_an_hour(void **state)
{
	const int64_t keep[ARCHIVE_LEVELS] = { 2 * DAY_S, 100 * DAY_S, 100 * DAY_S };
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	struct history_sample s = { .v = 1, .var = METER_power_total, .quality = HISTORY_GOOD };
	int64_t t = NOON_S - NOON_S % DAY_S + 60, end = t;
	struct batch *b = batch_new();

	(void)state;
	rig_init(rig);
	fill_days(rig, 2, &end);
	batch_add(b, HISTORY_METER, "main", end + 365 * DAY_S, 60, &s, 1);
	rig_store(rig, b);
	for (int minute = 0; minute < 3; minute++)
		assert_int_equal(writer_prune(&rig->w, keep, INT64_MAX), 0);
	rig_read(rig, rig_query("main", "power_total", end - DAY_S, end, 0), NULL);
	assert_int_equal(rig->rows, 1440);
	assert_int_equal(rig->step_ms[0], 60000);
	assert_int_equal(rig->pages, 1);
	rig_fini(rig);
	free(rig);
}

static void the_oldest_makes_room_when_the_size_is_reached(void **state)
{
	const int64_t keep[ARCHIVE_LEVELS] = { 9999 * DAY_S, 9999 * DAY_S, 9999 * DAY_S };
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	int64_t t = NOON_S - NOON_S % DAY_S + 60, before, first;
	struct vault_size size;

	(void)state;
	rig_init(rig);
	fill(rig, 6, &t, 10);
	before = used(rig, &size);
	assert_int_equal(writer_prune(&rig->w, keep, before * 3 / 4), 0);
	assert_true(used(rig, &size) <= before * 3 / 4);
	assert_true(size.entries[VAULT_RAW] >= 24);
	/* Of readings, whose oldest are gone, minutes or quarters still tell. */
	first = first_row(rig, 0);
	assert_int_equal(first, NOON_S - NOON_S % DAY_S);
	assert_int_not_equal(rig->step_ms[0], 10000);
	assert_int_equal(rig->step_ms[rig->pages - 1], 10000);
	assert_true(size.table[VAULT_MINUTE] <= before / 4);
	/* As much as there can be is dropped: all but the hour that is not over, and what is left is whole. */
	assert_int_equal(writer_prune(&rig->w, keep, 1), 0);
	before = first_row(rig, 0);
	assert_true(before >= t - 3660);
	fill_days(rig, 1, &t);
	assert_int_equal(first_row(rig, 0), before);
	rig_fini(rig);
	free(rig);
}

/* LMDB refuses what would not fit: then rows are not half there, and room can be made. */
static void a_full_map_loses_nothing_that_was_committed(void **state)
{
	const int64_t keep[ARCHIVE_LEVELS] = { 9999 * DAY_S, 9999 * DAY_S, 9999 * DAY_S };
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	struct rng r = rng_seed(3);
	int64_t t = NOON_S + 10;
	int rc = 0;

	(void)state;
	rig_init(rig);
	rig_close(rig);
	rig_open_max(rig, 1);		/* the least map: 16 MiB */
	while (rc == 0) {
		struct batch *b = batch_new();

		for (int i = 0; i < 360; i++, t += 10)
			for (int meter = 0; meter < 20; meter++) {
				struct history_sample s[8];
				char id[16];

				snprintf(id, sizeof(id), "m%d", meter);
				for (int k = 0; k < 8; k++)
					s[k] = (struct history_sample){ .v = (int64_t)rng_next(&r), .var = (uint8_t)k,
									.quality = HISTORY_GOOD };
				batch_add(b, HISTORY_METER, id, t, 10, s, 8);
			}
		rc = writer_rows(&rig->w, b);
		batch_free(b);
		if (rc == 0)
			rc = writer_seal(&rig->w);
	}
	assert_int_equal(rc, MDB_MAP_FULL);
	rig_read(rig, rig_query("m7", "current_l1", NOON_S, NOON_S + 3600, 0), NULL);
	assert_int_equal(rig->rows, 359);
	assert_int_equal(writer_prune(&rig->w, keep, 8 << 20), 0);
	fill_days(rig, 1, &t);
	rig_fini(rig);
	free(rig);
}

/* ---- damage ---- */

static void overwrite(struct archive_rig *rig, off_t at, const void *bytes, size_t len, off_t cut)
{
	int fd = openat(rig->dir.fd, "history/data.mdb", O_RDWR);

	assert_true(fd >= 0);
	if (len)
		assert_int_equal(pwrite(fd, bytes, len, at), len);
	if (cut)
		assert_int_equal(ftruncate(fd, cut), 0);
	close(fd);
}

static void a_file_that_is_no_database_is_put_aside(void **state)
{
	static const char zeros[8192];
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	int64_t t = NOON_S;
	bool aside;

	(void)state;
	rig_init(rig);
	for (int round = 0; round < 2; round++) {
		fill_days(rig, 1, &t);
		rig_close(rig);
		overwrite(rig, 0, zeros, round == 0 ? sizeof(zeros) : 0, round == 0 ? 0 : 20000);
		memset(&rig->w, 0, sizeof(rig->w));
		rig->w.stop = rig_stop;
		rig->w.stop_ctx = rig;
		assert_int_equal(vault_open(&rig->w.vault, &rig->dir, 1 << 30, &aside), 0);
		assert_true(aside);
		assert_int_equal(faccessat(rig->dir.fd, "history.damaged/data.mdb", F_OK, 0), 0);
	}
	fill_days(rig, 1, &t);
	assert_true(first_row(rig, 0) > NOON_S + DAY_S);
	rig_fini(rig);
	free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_was_read_comes_back),
		cmocka_unit_test(a_clock_that_jumps_costs_nothing),
		cmocka_unit_test(steps_are_what_a_plain_sum_says),
		cmocka_unit_test(least_and_most_come_beside_the_mean),
		cmocka_unit_test(a_series_that_never_was_is_not_found_unless_it_is_configured),
		cmocka_unit_test(a_zone_and_a_meter_of_one_name_are_two),
		cmocka_unit_test(what_is_not_committed_yet_is_told_once),
		cmocka_unit_test(what_is_too_old_is_told_by_the_next_level_only),
		cmocka_unit_test(a_clock_a_year_ahead_costs_a_day_in_an_hour),
		cmocka_unit_test(the_oldest_makes_room_when_the_size_is_reached),
		cmocka_unit_test(a_full_map_loses_nothing_that_was_committed),
		cmocka_unit_test(a_file_that_is_no_database_is_put_aside),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
