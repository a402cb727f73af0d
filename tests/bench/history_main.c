/* lms-history-bench - what a sample of the history costs on the disk, and how fast a month of it is read.
 *
 * 50 meters of 20 variables every 10 s. Sizes are those of the file's pages. The meters are made up, and honest:
 * their noise is that of grids and loads, at the resolution that the registers of real meters have.
 * HISTORY_DAYS sets the days (3), SEED the random numbers (1). `lms-history-bench month DIR` measures nothing: it
 * leaves the last 30 days of two meters in DIR, for export.py.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive/pull.h"
#include "archive/writer.h"
#include "base/err.h"
#include "tests/scenario/helper_random.h"

#define METERS	50
#define VARS	20
#define STEP_S	10
#define START_S INT64_C(1764115200)	/* 2025-11-26T00:00:00Z */
#define DAY_S	86400
#define MIB	(1024.0 * 1024.0)

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- a site that is measured ---------------------------------------------------------------- */

/* Least steps of what a register can say, in mV, mA, mHz and Wh. */
struct resolution {
	const char *name;
	int64_t mv, ma, mhz, wh;
};

static const struct resolution resolutions[] = {
	{ "f32 registers: 1 mV, 1 mA, 1 mHz, 1 Wh", 1, 1, 1, 1 },
	{ "0.1 V, 1 mA, 0.1 Hz, 100 Wh", 100, 1, 100, 100 },
	{ "0.1 V, 10 mA, 10 mHz, 10 Wh", 100, 10, 10, 10 },
};

struct grid {
	double volts, hertz;		/* slow parts, common to all */
};

struct meter {
	const struct resolution *res;
	bool is_car;			/* of a charging point: nothing for hours, then a steady current */
	double base[3], appliance[3], car;
	int left[3], car_left;		/* steps until that changes */
	double energy, back;
};

static struct rng rng;

static double uniform(void)
{
	return (double)(rng_next(&rng) >> 11) / (double)(UINT64_C(1) << 53);
}

/* Of mean 0 and deviation 1, near enough. */
static double normal(void)
{
	double sum = 0;

	for (int i = 0; i < 6; i++)
		sum += uniform();
	return (sum - 3) * 1.41421356;
}

static void grid_step(struct grid *g)
{
	g->volts += -g->volts / 60 + 0.25 * normal();
	g->hertz += -g->hertz / 12 + 0.008 * normal();
}

static double amperes(struct meter *m, int phase)
{
	if (m->is_car)
		return m->car > 0 ? m->car * (1 + 0.002 * normal()) : 0;
	if (--m->left[phase] < 0) {
		m->left[phase] = (int)(uniform() * 240);
		m->appliance[phase] = uniform() < 0.5 ? 0 : uniform() * 12;
	}
	return (m->base[phase] + m->appliance[phase]) * (1 + 0.004 * normal()) + 0.02 * normal();
}

static int64_t rounded(double v, int64_t unit)
{
	double units = v / (double)unit;

	return (int64_t)(units < 0 ? units - 0.5 : units + 0.5) * unit;
}

static size_t set(struct history_sample *s, size_t n, unsigned var, int64_t v)
{
	s[n] = (struct history_sample){ .v = v, .var = (uint8_t)var, .quality = HISTORY_GOOD };
	return n + 1;
}

static void read_meter(struct meter *m, const struct grid *g, struct history_sample s[VARS])
{
	const struct resolution *r = m->res;
	double watts = 0, vars = 0, neutral = 0;
	size_t n = 0;

	if (m->is_car && --m->car_left < 0) {
		m->car_left = (int)(uniform() * (m->car > 0 ? 6 : 2) * 720) + 100;
		m->car = m->car > 0 ? 0 : 6 + uniform() * 26;
	}
	for (int p = 0; p < 3; p++) {
		double a = amperes(m, p), v = 230 + g->volts + p * 0.7 - 0.05 * a + 0.05 * normal();
		double pf = a > 0.05 ? 0.97 - 0.02 / (0.1 + a) + 0.001 * normal() : 1;
		double w = a * v * pf;

		n = set(s, n, METER_current_l1 + (unsigned)p, rounded(a * 1000, r->ma));
		n = set(s, n, METER_voltage_l1n + (unsigned)p, rounded(v * 1000, r->mv));
		n = set(s, n, METER_power_l1 + (unsigned)p, rounded(w, 1));
		n = set(s, n, METER_pf_l1 + (unsigned)p, rounded(pf * 1000, 1));
		watts += w;
		vars += a * v * 0.2;
		neutral += p == 0 ? a : -a / 2;
	}
	m->energy += watts * STEP_S / 3600;
	m->back += 0;
	n = set(s, n, METER_current_n, rounded((neutral < 0 ? -neutral : neutral) * 1000, r->ma));
	n = set(s, n, METER_power_total, rounded(watts, 1));
	n = set(s, n, METER_reactive_total, rounded(vars, 1));
	n = set(s, n, METER_apparent_total, rounded(watts * 1.03, 1));
	n = set(s, n, METER_pf_total, rounded(970 + normal(), 1));
	n = set(s, n, METER_frequency, rounded((50 + g->hertz) * 1000, r->mhz));
	n = set(s, n, METER_energy_import_total, rounded(m->energy, r->wh));
	n = set(s, n, METER_energy_export_total, rounded(m->back, r->wh));
	lms_assert(n == VARS);
}

static void meters_init(struct meter *m, size_t count, int which, bool cars)
{
	memset(m, 0, count * sizeof(*m));
	for (size_t i = 0; i < count; i++) {
		m[i].res = &resolutions[which >= 0 ? (size_t)which : i % ARRAY_LEN(resolutions)];
		m[i].is_car = cars && i % 5 >= 2;
		m[i].energy = uniform() * 1e7;
		m[i].back = uniform() * 1e5;
		for (int p = 0; p < 3; p++)
			m[i].base[p] = 1 + uniform() * 8;
	}
}

/* ---- an archive in a directory that goes again ------------------------------------------------- */

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

struct place {
	struct state_dir dir;
	struct writer w;
	double row_s, seal_s, roll_s, put_s;	/* spent */
	size_t rows, commits, puts;
};

static void fail(const char *what, int rc)
{
	fprintf(stderr, "history: %s: %s\n", what, rc ? mdb_strerror(rc) : "");
	exit(1);
}

static void place_open_in(struct place *p, const char *dir)
{
	bool aside;
	int rc;

	memset(p, 0, sizeof(*p));
	snprintf(p->dir.path, sizeof(p->dir.path), "%s", dir);
	p->dir.fd = open(p->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->w.stop = never;
	rc = vault_open(&p->w.vault, &p->dir, INT64_C(8) << 30, &aside);
	if (rc)
		fail("open", rc);
	mdb_env_set_flags(p->w.vault.mdb, MDB_NOSYNC, 1);	/* thousands of minutes: not with their disk */
}

static void place_open(struct place *p)
{
	const char *tmp = getenv("TMPDIR");
	char dir[200];

	snprintf(dir, sizeof(dir), "%s/lms-history.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		fail(dir, 0);
	place_open_in(p, dir);
}

static void place_leave(struct place *p)
{
	writer_forget(&p->w);
	vault_close(&p->w.vault);
	close(p->dir.fd);
}

static void place_close(struct place *p)
{
	char command[300];

	place_leave(p);
	snprintf(command, sizeof(command), "rm -rf '%s'", p->dir.path);
	if (system(command) != 0)
		fail(p->dir.path, 0);
}

static void commit(struct place *p, struct batch *take_b)
{
	double t0 = now_s(), t1, t2;
	int rc = writer_rows(&p->w, take_b);

	t1 = now_s();
	if (rc == 0)
		rc = writer_seal(&p->w);
	t2 = now_s();
	if (rc == 0)
		rc = writer_roll(&p->w);
	if (rc)
		fail("commit", rc);
	p->row_s += t1 - t0;
	p->seal_s += t2 - t1;
	p->roll_s += now_s() - t2;
	p->commits++;
	p->rows += take_b->count;
	batch_free(take_b);
}

static void live(struct place *p, struct meter *m, size_t count, int64_t from_s, int64_t days)
{
	struct history_sample s[VARS];
	struct grid g = { 0 };

	for (int64_t t = from_s + STEP_S; t <= from_s + days * DAY_S;) {
		struct batch *b = batch_new();

		for (int i = 0; i < 6; i++, t += STEP_S) {
			grid_step(&g);
			for (size_t k = 0; k < count; k++) {
				char id[16];
				double at;

				snprintf(id, sizeof(id), "meter-%02zu", k);
				read_meter(&m[k], &g, s);
				at = now_s();
				batch_add(b, HISTORY_METER, id, t, STEP_S, s, VARS);
				p->put_s += now_s() - at;
				p->puts++;
			}
		}
		commit(p, b);
	}
}

static void sizes(struct place *p, struct vault_size *size, int64_t *samples)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(p->w.vault.mdb, NULL, MDB_RDONLY, &txn);

	if (rc == 0)
		rc = vault_size(txn, &p->w.vault, size);
	if (rc == 0)
		rc = vault_count_get(txn, &p->w.vault, "samples", samples);
	if (rc)
		fail("sizes", rc);
	mdb_txn_abort(txn);
}

/* ---- beside it: a key for each sample ------------------------------------------------------------ */

static double key_per_sample(void)
{
	struct place p;
	struct meter m[METERS];
	struct history_sample s[VARS];
	struct grid g = { 0 };
	struct vault_size size;
	int64_t ignored;
	MDB_txn *txn;
	size_t n = 0;

	place_open(&p);
	meters_init(m, METERS, -1, true);
	if (mdb_txn_begin(p.w.vault.mdb, NULL, 0, &txn))
		fail("begin", 0);
	for (int64_t t = START_S; t < START_S + 3600; t += STEP_S) {
		grid_step(&g);
		for (uint32_t k = 0; k < METERS; k++) {
			read_meter(&m[k], &g, s);
			for (int i = 0; i < VARS; i++, n++) {
				struct { uint32_t time, meter; uint8_t var[2]; } key;
				struct { int64_t v; uint8_t quality[4]; uint32_t crc; } value = { .v = s[i].v };
				MDB_val mk = { 10, &key }, mv = { sizeof(value), &value };

				memset(&key, 0, sizeof(key));
				key.time = __builtin_bswap32((uint32_t)t);
				key.meter = __builtin_bswap32(k);
				key.var[0] = (uint8_t)i;
				if (mdb_put(txn, p.w.vault.dbi[VAULT_HOT], &mk, &mv, 0))
					fail("put", 0);
			}
		}
	}
	if (mdb_txn_commit(txn))
		fail("commit", 0);
	sizes(&p, &size, &ignored);
	place_close(&p);
	return (double)size.table[VAULT_HOT] / (double)n;
}

/* ---- the figures ----------------------------------------------------------------------------------- */

/* Bytes of the minutes that stay of as many days when their readings go. */
static int64_t minutes_of_all(struct place *p, int64_t days)
{
	const int64_t keep[ARCHIVE_LEVELS] = { 0, INT64_C(1) << 32, INT64_C(1) << 32 };
	struct vault_size size;
	int64_t ignored;

	for (int64_t day = 0; day <= days; day++) {
		int rc;

		p->w.pruned_hour = 0;
		rc = writer_prune(&p->w, keep, INT64_MAX);
		if (rc)
			fail("prune", rc);
	}
	sizes(p, &size, &ignored);
	return size.table[VAULT_MINUTE];
}

static void measure_size(int which, bool cars, int64_t days, const char *name)
{
	struct place p;
	struct meter m[METERS];
	struct vault_size size;
	int64_t samples;

	place_open(&p);
	meters_init(m, METERS, which, cars);
	live(&p, m, METERS, START_S, days);
	sizes(&p, &size, &samples);
	printf("  %-58s %5.2f   %5.2f\n", name, (double)size.table[VAULT_RAW] / (double)samples,
	       (double)size.file / (double)samples);
	if (cars) {
		int64_t minutes = minutes_of_all(&p, days);

		printf("  of that: readings %.1f MiB, quarters of an hour %.1f, rows not sealed yet and free pages %.1f\n",
		       (double)size.table[VAULT_RAW] / MIB, (double)size.table[VAULT_QUARTER] / MIB,
		       (double)(size.file - size.table[VAULT_RAW] - size.table[VAULT_QUARTER]) / MIB);
		printf("  a year of 50 x 20 every 10 s: %.2f GB of readings, or %.2f of minutes, and %.2f of quarters\n",
		       (double)size.table[VAULT_RAW] * 365 / (double)days / 1e9, (double)minutes * 365 / (double)days / 1e9,
		       (double)size.table[VAULT_QUARTER] * 365 / (double)days / 1e9);
		printf("time: a step of 50 x 20 on the loop %.0f us; in a thread, a commit of a minute %.1f ms (without the\n"
		       "  disk), an hour sealed %.0f ms, roll-ups %.0f ms an hour\n",
		       p.put_s / (double)p.puts * METERS * 1e6, p.row_s / (double)p.commits * 1e3,
		       p.seal_s / (double)(days * 24) * 1e3, p.roll_s / (double)(days * 24) * 1e3);
	}
	place_close(&p);
}

static void measure_sync(void)
{
	struct place p;
	struct meter m[METERS];
	struct history_sample s[VARS];
	struct grid g = { 0 };
	double worst = 0, sum = 0;

	place_open(&p);
	mdb_env_set_flags(p.w.vault.mdb, MDB_NOSYNC, 0);
	meters_init(m, METERS, -1, true);
	for (int64_t t = START_S + STEP_S, n = 0; n < 30; n++) {
		struct batch *b = batch_new();
		double at;

		for (int i = 0; i < 6; i++, t += STEP_S)
			for (size_t k = 0; k < METERS; k++) {
				char id[16];

				snprintf(id, sizeof(id), "meter-%02zu", k);
				read_meter(&m[k], &g, s);
				batch_add(b, HISTORY_METER, id, t, STEP_S, s, VARS);
			}
		at = now_s();
		if (writer_rows(&p.w, b))
			fail("commit", 0);
		at = now_s() - at;
		sum += at;
		worst = at > worst ? at : worst;
		batch_free(b);
	}
	printf("  a commit of a minute on this disk: %.1f ms, %.1f at most\n", sum / 30 * 1e3, worst * 1e3);
	place_close(&p);
}

static void read_month(struct place *p, int64_t step_s)
{
	struct archive_query q = { .kind = HISTORY_METER, .id = "meter-01", .from = START_S * US_PER_S,
				   .at = START_S * US_PER_S, .until = (START_S + 30 * DAY_S) * US_PER_S,
				   .step_ms = step_s * 1000, .stats = HISTORY_MEAN, .stored_step_ms = STEP_S * 1000 };
	double at = now_s();
	size_t pages = 0, bytes = 0;
	bool more = true;

	q.vars = (struct history_vars){ .count = 1, .var = { METER_power_total } };
	while (more) {
		struct pull *job = pull_new(&q);
		const char *cursor;

		pull_page(&p->w.vault, job);
		if (job->page.err)
			fail(job->page.text, 0);
		pages++;
		bytes += job->page.json.len;
		cursor = strstr(buf_cstr(&job->page.json), "\"cursor\":\"");
		more = cursor != NULL;
		if (more) {
			char text[64] = "";

			sscanf(cursor + 10, "%63[0-9-]", text);
			if (archive_cursor_parse(text, &q.at, &q.until))
				fail("cursor", 0);
		}
		pull_free(job);
	}
	printf("  a month of one variable, step %4lld s: %4.0f ms, %zu pages, %.1f MiB of JSON\n", (long long)step_s,
	       (now_s() - at) * 1e3, pages, (double)bytes / MIB);
}

static void measure_month(void)
{
	struct place p;
	struct meter m[2];

	place_open(&p);
	meters_init(m, 2, -1, false);
	live(&p, m, 2, START_S, 30);
	read_month(&p, 0);
	read_month(&p, 60);
	read_month(&p, 900);
	place_close(&p);
}

static int leave_month(const char *dir)
{
	struct place p;
	struct meter m[2];

	place_open_in(&p, dir);
	meters_init(m, 2, -1, false);
	live(&p, m, 2, time(NULL) / DAY_S * DAY_S - 30 * DAY_S, 30);
	place_leave(&p);
	return 0;
}

int main(int argc, char **argv)
{
	const char *days_text = getenv("HISTORY_DAYS");
	int64_t days = days_text ? atoi(days_text) : 3;

	rng = rng_seed(random_first_seed());
	if (argc == 3 && strcmp(argv[1], "month") == 0)
		return leave_month(argv[2]);
	days = days < 1 ? 1 : days;
	printf("history: bytes per sample, 50 meters x 20 variables every 10 s, %lld days      readings   whole file\n",
	       (long long)days);
	for (size_t i = 0; i < ARRAY_LEN(resolutions); i++) {
		char name[80];

		snprintf(name, sizeof(name), "all busy, %s", resolutions[i].name);
		measure_size((int)i, false, 1, name);
	}
	measure_size(-1, true, days, "a site: 20 feeders, 30 charging points, meters mixed");
	printf("  %-58s %5.2f\n", "a key for each sample", key_per_sample());
	measure_sync();
	measure_month();
	return 0;
}
