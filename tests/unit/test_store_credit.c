/* The ledger of credits, the ledger of transactions and the counters of tags agree, whatever moment lmsd dies in.
 *
 * A child runs a site on a store: transactions begin, are metered, end, end twice, end without a stop that comes
 * later; credits are changed by hand and recharged over days. It tells a pipe what was acknowledged, and is killed
 * at a moment that the seed chooses. Then the records are looked at, by themselves: the site's code is not asked.
 * What meters count lies in memory that outlives the child, as meters do. SEED= and OPERATIONS= replay and extend.
 *
 * timeout: 120
 */
#include "store_rig.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "site/edit.h"
#include "site/site.h"
#include "site/tag.h"
#include "site/tags/credit.h"

#define CONNECTORS 4
#define TAGS       5
#define TX_MAX     20000
#define HOUR       (3600 * US_PER_S)
#define WALL       (INT64_C(1777622400) * US_PER_S)

/* RICH is unlimited now and then; NOBODY is no tag. */
static const char *const uids[TAGS] = { "ANN", "BOB", "CAT", "RICH", "NOBODY" };

/* What there is outside of lmsd: it goes on when lmsd has died. */
struct world {
	uint64_t seed;
	wall_t wall;
	uint64_t hash;
	int64_t meter_wh[CONNECTORS];
	struct { int32_t id; int connector; int64_t end_wh; } last;	/* that was ended without its stop, or stopped last */
};
static struct world *world;

static uint32_t draw(uint32_t below)
{
	world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(world->seed >> 33) % below;
}

/* ---- the child: a site on a store ---------------------------------------------------------- */

struct child {
	struct rig rig;
	struct site *site;
	struct arena arena;
	struct effects fx;
	int pipe;
	uint32_t in_flight;
	uint64_t submitted;
};

static const void *keys(struct child *c, enum ctl_noun_id noun, const char *json)
{
	const struct ctl_noun_desc *n = &ctl_nouns[noun];
	uint64_t *k = arena_alloc(&c->arena, n->keys_size);
	struct json *obj = json_parse(&c->arena, json, strlen(json), &JSON_CAPS_DEFAULT, NULL);

	lms_assert(obj && fields_read(n->keys, n->key_count, obj, true, &c->arena, k, k, NULL) == 0);
	return k;
}

static void commit(struct child *c, struct site_edit *e)
{
	site_edit_at(e, world->wall, "a test");
	lms_assert(site_edit_commit(e, &c->fx, false, NULL, NULL, &c->arena, NULL) == 0);
	site_edit_free(e);
}

/* The configuration is always the same: it is not what this is about. */
static void configure(struct child *c)
{
	struct site_edit *e = site_edit_new(c->site);

	site_edit_site(e, keys(c, CTL_NOUN_site, "{\"access\":\"rfid\"}"));
	site_edit_zone(e, keys(c, CTL_NOUN_zone, "{\"id\":\"Z\",\"static_ma\":[100000,100000,100000]}"), SITE_CREATE);
	site_edit_station(e, keys(c, CTL_NOUN_station, "{\"id\":\"S\",\"zone\":\"Z\",\"connectors\":4,\"wiring\":\"RST\"}"),
			  SITE_CREATE);
	commit(c, e);
	for (const struct effect *f = c->fx.first; f; f = f->next)
		if (f->kind == FX_CONFIG)
			site_attach(c->site, f->u.config.conf);
	effects_init(&c->fx, &c->arena);
}

static void add_tags(struct child *c)
{
	static const char *const given[] = {
		"{\"uid\":\"ANN\",\"credit_wh\":50000}",
		"{\"uid\":\"BOB\",\"credit_wh\":1000,\"recharge_wh\":7000,\"every\":\"day\",\"credit_max_wh\":40000}",
		"{\"uid\":\"CAT\",\"credit_wh\":0,\"recharge_wh\":30000,\"every\":\"week\"}",
		"{\"uid\":\"RICH\"}",
	};
	struct site_edit *e = site_edit_new(c->site);

	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		site_edit_tag(e, keys(c, CTL_NOUN_tag, given[i]), SITE_CREATE);
	commit(c, e);
}

static int load_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct { struct child *c; enum store_table table; } *l = ctx;
	struct site *s = l->c->site;

	if (l->table == STORE_META)
		return site_meta_load(s, key, json, len, NULL);
	if (l->table == STORE_TAG)
		return site_tag_load(s, json, len, NULL);
	return site_tx_load(s, json, len, l->table == STORE_TX_RUN, NULL);
}

static void load(struct child *c)
{
	static const enum store_table tables[] = { STORE_META, STORE_TAG, STORE_TX_RUN };
	struct { struct child *c; enum store_table table; } l = { .c = c };

	site_totals_roll(c->site, world->wall);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		l.table = tables[i];
		lms_assert(store_load(c->rig.store, l.table, load_row, &l, &c->rig.diag) == 0);
	}
	l.table = STORE_TX;
	lms_assert(store_load_backwards(c->rig.store, STORE_TX, load_row, &l, &c->rig.diag) >= 0);
}

/* ---- what may happen ----------------------------------------------------------------------- */

static struct connector *plug(struct child *c, uint32_t i)
{
	return site_connector(site_station(c->site, "S"), (int)i + 1);
}

static void start(struct child *c, uint32_t i)
{
	struct tx_start in = { .conn = plug(c, i), .tag = uids[draw(TAGS)], .time = world->wall,
			       .meter_wh = world->meter_wh[i], .hash = ++world->hash };
	struct auth auth;
	int32_t id;

	if (!in.conn->tx)
		site_tx_start(c->site, &in, world->wall, world->wall, &id, &auth, &c->fx);
}

/* Now and then more than can be: that is charged to nobody. */
static void meter(struct child *c, uint32_t i)
{
	struct tx *tx = plug(c, i)->tx;

	if (!tx)
		return;
	world->meter_wh[i] += draw(200) == 0 ? 900000 : draw(3000);
	site_tx_sample(c->site, tx, &(struct tx_sample){ .time = WALL_NONE, .register_wh = world->meter_wh[i],
		       .power_w = NUM_NONE, .current = { { NUM_NONE, NUM_NONE, NUM_NONE } } }, world->wall, &c->fx);
}

static void stop_as(struct child *c, int32_t id, int64_t wh)
{
	struct tx_stop in = { .station = site_station(c->site, "S"), .id = id, .reason = "Local", .time = world->wall,
			      .meter_wh = wh };
	struct auth auth;

	site_tx_stop(c->site, &in, world->wall, &auth, &c->fx);
}

static void stop(struct child *c, uint32_t i)
{
	struct tx *tx = plug(c, i)->tx;

	if (!tx)
		return;
	world->meter_wh[i] += draw(500);
	world->last.id = tx->id;
	world->last.connector = (int)i;
	world->last.end_wh = world->meter_wh[i];
	stop_as(c, tx->id, world->meter_wh[i]);
}

/* The connector is Available, and the stop comes later, or never. */
static void lose(struct child *c, uint32_t i)
{
	struct tx *tx = plug(c, i)->tx;

	if (!tx)
		return;
	world->last.id = tx->id;
	world->last.connector = (int)i;
	world->last.end_wh = world->meter_wh[i] + draw(400);
	site_tx_close(c->site, tx, "Other", NULL, world->wall, &c->fx);
}

/* A station repeats what it is not sure of, and sends what it has kept. */
static void stop_again(struct child *c)
{
	if (world->last.id && (site_tx(c->site, world->last.id) || site_tx_ended(c->site, world->last.id)))
		stop_as(c, world->last.id, world->last.end_wh);
}

/* As tag.credit_add, tag.set, and whoever looks after midnight. */
static void by_hand(struct child *c)
{
	struct tag *t = site_tag(c->site, uids[draw(4)]);
	struct site_edit *e;
	char json[80];

	if (draw(2)) {
		credit_settle(c->site, t, world->wall, &c->fx);
		if (t->k.credit_wh != NUM_NONE)
			credit_put(c->site, t, credit_now(c->site, t, world->wall) + draw(20000), "add", "a test", NULL,
				   world->wall, &c->fx);
		tag_store(t, &c->fx);
		return;
	}
	if (strcmp(t->k.uid, "RICH") == 0 && draw(2))
		snprintf(json, sizeof(json), "{\"uid\":\"RICH\",\"credit_wh\":null}");
	else
		snprintf(json, sizeof(json), "{\"uid\":\"%s\",\"credit_wh\":%u}", t->k.uid, draw(60000));
	e = site_edit_new(c->site);
	site_edit_tag(e, keys(c, CTL_NOUN_tag, json), SITE_CHANGE);
	commit(c, e);
}

static void operate(struct child *c)
{
	uint32_t i = draw(CONNECTORS);

	world->wall += draw(30) == 0 ? draw(40) * HOUR : draw(600) * US_PER_S;
	switch (draw(12)) {
	case 0: case 1: case 2:
		start(c, i);
		break;
	case 3: case 4: case 5: case 6:
		meter(c, i);
		break;
	case 7: case 8:
		stop(c, i);
		break;
	case 9:
		lose(c, i);
		break;
	case 10:
		stop_again(c);
		break;
	default:
		by_hand(c);
	}
}

/* ---- one turn ------------------------------------------------------------------------------ */

static void submit(struct child *c)
{
	struct store_batch *b = store_batch_new();

	for (const struct effect *f = c->fx.first; f; f = f->next) {
		if (f->kind == FX_PUT)
			store_batch_put(b, f->u.put.table, f->u.put.key, f->u.put.json, f->u.put.len);
		if (f->kind == FX_DEL)
			store_batch_del(b, f->u.del.table, f->u.del.key);
	}
	c->submitted = store_submit(c->rig.store, b);
	arena_fini(&c->arena);
	arena_init(&c->arena);
	effects_init(&c->fx, &c->arena);
}

static void child_committed(void *ctx, uint64_t seq)
{
	struct child *c = ctx;

	if (write(c->pipe, &seq, sizeof(seq)) != sizeof(seq))
		_exit(3);
	while (c->submitted < seq + c->in_flight) {
		operate(c);
		submit(c);
	}
}

static void child_failed(void *ctx, uint64_t seq, const char *why)
{
	(void)ctx;
	(void)seq;
	(void)why;
	_exit(4);
}

static _Noreturn void child_run(const char *dir, int fd)
{
	static const struct store_ops ops = { child_committed, child_failed };
	struct child *c = xcalloc(1, sizeof(*c));

	c->pipe = fd;
	c->in_flight = 1 + draw(40);
	arena_init(&c->arena);
	effects_init(&c->fx, &c->arena);
	diag_init(&c->rig.diag);
	c->rig.loop = loop_new();
	if (store_open(c->rig.loop, dir, &ops, c, &c->rig.store, &c->rig.diag) < 0)
		_exit(2);
	c->site = site_new();
	configure(c);
	load(c);
	if (!c->site->tags)
		add_tags(c);
	submit(c);
	loop_run(c->rig.loop);
	_exit(5);
}

/* ---- what the records say ------------------------------------------------------------------ */

struct books {
	struct { bool there, folded_limited; int64_t credit_wh, folded_wh, counted, started; } tag[TAGS];
	struct { int tag; int64_t credit_wh, rows_wh; } tx[TX_MAX];	/* tag: index + 2, 0 = not there */
	int64_t rows, seq_max, next_seq, next_tx, tx_max;
	struct arena arena;
	enum store_table table;
	char wrong[300];
};

static int64_t number(const struct json *obj, const char *key, int64_t dflt)
{
	int64_t v;

	return json_int(json_get(obj, key), &v) ? dflt : v;
}

static int tag_index(const char *uid)
{
	for (int i = 0; i < TAGS; i++)
		if (strcmp(uids[i], uid) == 0)
			return i;
	return -1;
}

__attribute__((format(printf, 2, 3))) static void wrong(struct books *k, const char *fmt, ...)
{
	va_list ap;

	if (k->wrong[0])
		return;
	va_start(ap, fmt);
	vsnprintf(k->wrong, sizeof(k->wrong), fmt, ap);
	va_end(ap);
}

static void look_at_row(struct books *k, const char *key, const struct json *obj)
{
	char uid[ID_MAX + 1];
	int64_t change = number(obj, "change_wh", NUM_NONE), credit = number(obj, "credit_wh", NUM_NONE);
	int64_t tx = number(obj, "transaction", 0), seq = number(obj, "seq", 0);
	int t;

	snprintf(uid, sizeof(uid), "%.*s", (int)strcspn(key, "/"), key);
	t = tag_index(uid);
	if (t < 0 || strtoll(strchr(key, '/') + 1, NULL, 10) != seq)
		return wrong(k, "row %s is of nobody", key);
	if (change != NUM_NONE && (!k->tag[t].folded_limited || k->tag[t].folded_wh + change != credit))
		wrong(k, "row %s: %lld and %lld is not %lld", key, (long long)k->tag[t].folded_wh, (long long)change, (long long)credit);
	if (change == NUM_NONE && k->tag[t].folded_limited && credit != NUM_NONE)
		wrong(k, "row %s: its change is not said", key);
	k->tag[t].folded_limited = credit != NUM_NONE;
	k->tag[t].folded_wh = credit;
	k->rows++;
	k->seq_max = seq > k->seq_max ? seq : k->seq_max;
	if (tx < 0 || tx >= TX_MAX)
		return wrong(k, "row %s: transaction %lld", key, (long long)tx);
	if (tx)
		k->tx[tx].rows_wh += change;
}

static void look_at_tx(struct books *k, const struct json *obj, bool ended)
{
	int64_t id = number(obj, "id", 0), energy = number(obj, "energy_wh", 0), credit = number(obj, "credit_wh", 0);
	const char *state = json_str(json_get(obj, "state"), "");
	int t = tag_index(json_str(json_get(obj, "tag"), ""));
	bool refused = strcmp(state, "refused") == 0, impossible = json_bool(json_get(obj, "implausible"), false);

	if (id <= 0 || id >= TX_MAX || k->tx[id].tag)
		return wrong(k, "transaction %lld is there twice", (long long)id);
	k->tx[id].tag = t + 2;
	k->tx[id].credit_wh = credit;
	k->tx_max = id > k->tx_max ? id : k->tx_max;
	if (t >= 0 && !refused)
		k->tag[t].counted++;
	if (energy < 0 || (ended && credit != (impossible ? 0 : energy)) || (!ended && credit != 0))
		wrong(k, "transaction %lld (%s): %lld Wh, of which %lld are booked", (long long)id, state, (long long)energy,
		      (long long)credit);
}

static int look_at(void *ctx, const char *key, const char *json, size_t len)
{
	struct books *k = ctx;
	const struct json *obj = json_parse(&k->arena, arena_strndup(&k->arena, json, len), len, &JSON_CAPS_DEFAULT, NULL);
	int t;

	assert_non_null(obj);
	if (k->table == STORE_CREDIT) {
		look_at_row(k, key, obj);
	} else if (k->table == STORE_TX || k->table == STORE_TX_RUN) {
		look_at_tx(k, obj, k->table == STORE_TX);
	} else if (k->table == STORE_META) {
		if (strcmp(key, "credit") == 0)
			k->next_seq = number(obj, "next_id", 0);
		if (strcmp(key, "transaction") == 0)
			k->next_tx = number(obj, "next_id", 0);
	} else {
		t = tag_index(key);
		assert_true(t >= 0);
		k->tag[t].there = true;
		k->tag[t].credit_wh = number(obj, "credit_wh", NUM_NONE);
		k->tag[t].started = number(obj, "transactions", 0);
	}
	return 0;
}

static void compare(struct books *k)
{
	for (int t = 0; t < TAGS; t++) {
		int64_t folded = k->tag[t].folded_limited ? k->tag[t].folded_wh : NUM_NONE;

		if (!k->tag[t].there)
			continue;
		if (folded != k->tag[t].credit_wh)
			wrong(k, "%s has %lld Wh, its rows say %lld", uids[t], (long long)k->tag[t].credit_wh, (long long)folded);
		if (k->tag[t].counted != k->tag[t].started)
			wrong(k, "%s has started %lld, its transactions are %lld", uids[t], (long long)k->tag[t].started,
			      (long long)k->tag[t].counted);
	}
	for (int64_t id = 1; id <= k->tx_max; id++) {
		int t = k->tx[id].tag - 2;

		/* Unlimited ones have no rows while they are. */
		if (t >= 0 && t < 3 && k->tx[id].rows_wh != -k->tx[id].credit_wh)
			wrong(k, "transaction %lld: %lld Wh are booked, its rows say %lld", (long long)id,
			      (long long)k->tx[id].credit_wh, (long long)-k->tx[id].rows_wh);
		if (k->tx[id].tag == 0)
			wrong(k, "transaction %lld is missing", (long long)id);
	}
	if (k->rows && k->next_seq != k->seq_max + 1)
		wrong(k, "the next row is %lld after %lld", (long long)k->next_seq, (long long)k->seq_max);
	if (k->tx_max >= k->next_tx && k->tx_max > 0)
		wrong(k, "the next transaction is %lld after %lld", (long long)k->next_tx, (long long)k->tx_max);
}

static void look(struct rig *r, struct books *k)
{
	static const enum store_table tables[] = { STORE_META, STORE_TAG, STORE_CREDIT, STORE_TX_RUN, STORE_TX };

	memset(k, 0, sizeof(*k));
	arena_init(&k->arena);
	assert_int_equal(rig_open(r), 0);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		k->table = tables[i];
		assert_int_equal(store_load(r->store, tables[i], look_at, k, &r->diag), 0);
	}
	rig_close(r);
	arena_fini(&k->arena);
	compare(k);
}

/* ---- the parent ---------------------------------------------------------------------------- */

/* Lets a child work until so much was acknowledged, and kills it; how much was. */
static uint64_t run_and_kill(const char *dir, uint64_t wanted)
{
	uint64_t acked = 0, seq;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		child_run(dir, fds[1]);
	}
	close(fds[1]);
	while (acked < wanted) {
		struct pollfd p = { .fd = fds[0], .events = POLLIN };

		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_int_equal(read(fds[0], &seq, sizeof(seq)), sizeof(seq));
		acked = seq;
	}
	kill(pid, SIGKILL);
	while (read(fds[0], &seq, sizeof(seq)) == sizeof(seq))
		acked = seq;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return acked;
}

static void after_10000_operations_and_crashes_all_books_agree(void **state)
{
	const char *seed_text = getenv("SEED"), *operations_text = getenv("OPERATIONS");
	uint64_t wanted = operations_text ? strtoull(operations_text, NULL, 10) : 10000, done = 0;
	struct books *k = calloc(1, sizeof(*k));
	struct rig r;
	int crashes = 0;

	(void)state;
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(world != MAP_FAILED);
	*world = (struct world){ .seed = seed_text ? strtoull(seed_text, NULL, 10) : 20260501, .wall = WALL };
	print_message("# SEED=%llu\n", (unsigned long long)world->seed);
	rig_init(&r);
	while (done < wanted) {
		done += run_and_kill(r.dir, 1 + draw(600));
		crashes++;
		look(&r, k);
		if (k->wrong[0])
			fail_msg("after %d crashes: %s", crashes, k->wrong);
	}
	/* It was worth looking at. */
	assert_true((uint64_t)crashes * 1000 > done);
	assert_true(k->tx_max > (int64_t)done / 20);
	assert_true(k->rows > (int64_t)done / 20);
	rig_fini(&r);
	munmap(world, sizeof(*world));
	free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_10000_operations_and_crashes_all_books_agree),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
