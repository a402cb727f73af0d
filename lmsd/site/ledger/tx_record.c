/* site/ledger/tx_record.c - transactions as they are stored and as people see them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/ledger/ledger.h"
#include "site/price/price.h"
#include "site/tags/credit.h"

#define KEY_MAX 32

/* The texts of a record by their storage names. */
struct tx_text {
	const char *key;
	size_t offset, size;
};
#define TX_TEXT(member) \
	{ #member, offsetof(struct tx, member), sizeof(((struct tx *)0)->member) }
static const struct tx_text tx_texts[] = {
	TX_TEXT(station), TX_TEXT(zone),   TX_TEXT(tag),      TX_TEXT(group), TX_TEXT(holder),
	TX_TEXT(state),   TX_TEXT(reason), TX_TEXT(stop_tag), TX_TEXT(note),  TX_TEXT(closed_by),
	TX_TEXT(currency),
};

struct tx_int {
	const char *key;
	size_t offset;
	int64_t dflt;
};
#define TX_INT(member, dflt) \
	{ #member, offsetof(struct tx, member), dflt }
static const struct tx_int tx_ints[] = {
	TX_INT(start, WALL_NONE),  TX_INT(stop, WALL_NONE),  TX_INT(start_received, WALL_NONE),
	TX_INT(meter_start_wh, 0), TX_INT(meter_stop_wh, 0), TX_INT(energy_wh, 0),
	TX_INT(curve_rows, 0),     TX_INT(signed_rows, 0),   TX_INT(credit_wh, 0),
	TX_INT(price_e4, NUM_NONE),
};

struct tx_flag {
	const char *key;
	size_t offset;
};
#define TX_FLAG(member) \
	{ #member, offsetof(struct tx, member) }
static const struct tx_flag tx_flags[] = {
	TX_FLAG(estimated), TX_FLAG(vip), TX_FLAG(assumed), TX_FLAG(reset), TX_FLAG(replay),
	TX_FLAG(implausible), TX_FLAG(free),     TX_FLAG(remote),
};

void tx_note(struct tx *tx, const char *text)
{
	size_t used = strlen(tx->note);

	if (!strstr(tx->note, text))
		snprintf(tx->note + used, sizeof(tx->note) - used, "%s%s", used ? "; " : "", text);
}

static void tx_key(const struct tx *tx, char *out)
{
	snprintf(out, KEY_MAX, "%010d", tx->id);
}

/* ---- writing ---- */

static void write_curve(const struct tx *tx, struct json_writer *w)
{
	struct buf text;

	buf_init(&text);
	curve_write(&tx->curve, tx->meter_start_wh, &text);
	jw_kstr(w, "curve", buf_cstr(&text));
	buf_fini(&text);
}

void tx_store(const struct tx *tx, enum store_table table, struct effects *fx)
{
	char key[KEY_MAX], hash[24];
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "id", tx->id);
	jw_kint(&w, "connector", tx->connector);
	for (size_t i = 0; i < ARRAY_LEN(tx_texts); i++) {
		const char *text = (const char *)tx + tx_texts[i].offset;

		if (*text)
			jw_kstr(&w, tx_texts[i].key, text);
	}
	for (size_t i = 0; i < ARRAY_LEN(tx_ints); i++) {
		int64_t v;

		memcpy(&v, (const char *)tx + tx_ints[i].offset, sizeof(v));
		if (v != NUM_NONE)
			jw_kint(&w, tx_ints[i].key, v);
	}
	for (size_t i = 0; i < ARRAY_LEN(tx_flags); i++)
		if (*(const bool *)((const char *)tx + tx_flags[i].offset))
			jw_kbool(&w, tx_flags[i].key, true);
	if (table == STORE_TX_RUN && tx->curve.count > 0)
		write_curve(tx, &w);
	/* A whole 64-bit number does not survive every JSON reader. */
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)tx->start_hash);
	jw_kstr(&w, "start_hash", hash);
	jw_object_end(&w);
	tx_key(tx, key);
	fx_put(fx, table, key, b.data, b.len);
	buf_fini(&b);
}

void tx_forget_running(const struct tx *tx, struct effects *fx)
{
	char key[KEY_MAX];

	tx_key(tx, key);
	fx_del(fx, STORE_TX_RUN, key);
}

void tx_store_curve(struct tx *tx, struct effects *fx)
{
	char key[KEY_MAX];
	struct json_writer w;
	struct buf b;

	/* After a restart of ours the curve of one that ended before is on disk alone. */
	if (tx->curve.count == 0 || (int64_t)tx->curve.count < tx->curve_rows)
		return;
	tx->curve_rows = (int64_t)tx->curve.count;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	write_curve(tx, &w);
	jw_object_end(&w);
	tx_key(tx, key);
	fx_put(fx, STORE_CURVE, key, b.data, b.len);
	buf_fini(&b);
}

void tx_store_next(const struct site *s, struct effects *fx)
{
	char json[48];
	int len = snprintf(json, sizeof(json), "{\"next_id\":%d}", s->next_tx);

	fx_put(fx, STORE_META, "transaction", json, (size_t)len);
}

/* ---- reading ---- */

static int64_t read_int(const struct json *obj, const char *key, int64_t dflt)
{
	int64_t v;

	return json_int(json_get(obj, key), &v) ? dflt : v;
}

static int tx_read(struct tx *tx, const struct json *obj, struct diag *diag)
{
	const char *hash = json_str(json_get(obj, "start_hash"), "0");
	int64_t id = read_int(obj, "id", 0);

	if (id <= 0 || id > INT32_MAX)
		return diag_set(diag, -LMS_EDATA, "stored transaction without an id");
	tx->id = (int32_t)id;
	tx->connector = (int)(read_int(obj, "connector", 0) & 0xffff);
	for (size_t i = 0; i < ARRAY_LEN(tx_texts); i++)
		snprintf((char *)tx + tx_texts[i].offset, tx_texts[i].size, "%s",
			 json_str(json_get(obj, tx_texts[i].key), ""));
	for (size_t i = 0; i < ARRAY_LEN(tx_ints); i++) {
		int64_t v = read_int(obj, tx_ints[i].key, tx_ints[i].dflt);

		memcpy((char *)tx + tx_ints[i].offset, &v, sizeof(v));
	}
	for (size_t i = 0; i < ARRAY_LEN(tx_flags); i++)
		*(bool *)((char *)tx + tx_flags[i].offset) =
		    json_bool(json_get(obj, tx_flags[i].key), false);
	curve_read(&tx->curve, json_str(json_get(obj, "curve"), ""), tx->meter_start_wh);
	tx->start_hash = strtoull(hash, NULL, 16);
	tx->start_key = ledger_key(tx->station, tx->start_hash);
	tx->stored = tx->signed_at = tx->start;
	return 0;
}

static int tx_parse(struct tx *tx, const char *json, size_t len, struct diag *diag)
{
	struct arena arena;
	const struct json *obj;
	int ret;

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	ret = obj ? tx_read(tx, obj, diag) : -LMS_EPARSE;
	arena_fini(&arena);
	return ret;
}

static void load_running(struct site *s, struct tx *tx)
{
	struct station *st = site_station(s, tx->station);
	struct connector *c = st ? site_connector(st, tx->connector) : NULL;

	ledger_run(s, tx);
	credit_follow(s, tx, WALL_NONE, NULL);
	if (!c || tx->replay || (c->tx && c->tx->id > tx->id))
		return;
	c->tx = tx;
	c->tag_vip = tx->vip;
	c->register_wh = tx->meter_stop_wh;
	site_touch(s, c);
}

int site_tx_load(struct site *s, const char *json, size_t len, bool running, struct diag *diag)
{
	struct tx *tx = xcalloc(1, sizeof(*tx));
	int ret = tx_parse(tx, json, len, diag);
	wall_t received;

	if (!ret && (site_tx(s, tx->id) || ledger_ended(s, tx->id)))
		ret = diag_set(diag, -LMS_ECONFLICT, "transaction %d is stored twice", tx->id);
	if (ret) {
		tx_free(tx);
		return ret;
	}
	if (tx->id >= s->next_tx)
		s->next_tx = tx->id + 1;
	if (strcmp(tx->state, "refused") != 0)
		totals_add(s, tx->start, 1, tx->energy_wh);
	if (running) {
		load_running(s, tx);
		return 0;
	}
	received = tx->start_received;
	ledger_end_before(s, tx);
	/* Ids rise with our own clock, so that what is older still was received earlier still. */
	return s->ledger->count == ENDED_KEPT && received < s->totals.week_start &&
	       received < s->totals.month_start;
}

int site_meta_load(struct site *s, const char *key, const char *json, size_t len, struct diag *diag)
{
	struct arena arena;
	const struct json *obj;
	int64_t next;

	if (strcmp(key, "reservation") != 0 && strcmp(key, "transaction") != 0 && strcmp(key, "credit") != 0)
		return 0;
	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	next = read_int(obj, "next_id", 0);
	if (*key == 'c' && next > s->credit_seq)
		s->credit_seq = next - 1;
	else if (*key == 'r' && next > s->next_reservation && next < INT32_MAX)
		s->next_reservation = (int32_t)next;
	else if (*key == 't' && next > s->next_tx && next < INT32_MAX)
		s->next_tx = (int32_t)next;
	arena_fini(&arena);
	return obj ? 0 : -LMS_EPARSE;
}

/* ---- for people ---- */

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static void put_price(const struct tx *tx, struct arena *arena, struct ctl_transaction *out)
{
	char text[PRICE_TEXT_MAX];

	if (tx->price_e4 == NUM_NONE)
		return;
	out->price = arena_strdup(arena, price_text(tx->price_e4, text));
	out->cost = arena_strdup(arena, price_cost_text(price_cost_e2(tx->energy_wh, tx->price_e4), text));
	out->currency = or_null(tx->currency);
}

void site_tx_to_record(const struct site *s, const struct tx *tx, wall_t wall, struct arena *arena,
		       struct ctl_transaction *out)
{
	wall_t end = tx->stop == WALL_NONE ? wall : tx->stop;
	int station = site_conf_station(s->conf, tx->station);
	struct tag *tag = NULL;

	ctl_record_clear(&ctl_nouns[CTL_NOUN_transaction], out);
	out->id = tx->id;
	out->station = tx->station;
	out->station_title = station >= 0 ? s->conf->stations[station].k.title : NULL;
	HASH_FIND_STR(s->tags, tx->tag, tag);
	out->comment = tag ? tag->k.comment : NULL;
	out->connector = tx->connector;
	out->zone = or_null(tx->zone);
	out->tag = or_null(tx->tag);
	out->holder = or_null(tx->holder);
	out->state = or_null(tx->state);
	out->start = tx->start;
	out->received = tx->start_received;
	out->stop = tx->stop;
	if (tx->start != WALL_NONE && end != WALL_NONE)
		out->duration_ms = end > tx->start ? (end - tx->start) / US_PER_MS : 0;
	out->meter_start_wh = tx->meter_start_wh;
	out->meter_stop_wh = tx->meter_stop_wh;
	out->energy_wh = tx->energy_wh;
	out->estimated = tx->estimated;
	put_price(tx, arena, out);
	out->type = tx->remote ? "remote" : "local";
	out->group = or_null(tx->group);
	out->zombie = strcmp(tx->state, "running") == 0 ? site_tx_zombie(s, tx, wall) : NULL;
	if (out->zombie)
		out->state = "zombie";
	out->reason = or_null(tx->reason);
	out->implausible = tx->implausible;
	out->signed_values = tx->signed_rows;
	out->stop_tag = or_null(tx->stop_tag);
	out->closed_by = or_null(tx->closed_by);
	out->note = or_null(tx->note);
}

int site_tx_record(const struct site *s, const char *json, size_t len, struct arena *arena,
		   struct ctl_transaction *out, struct diag *diag)
{
	struct tx *tx = arena_alloc(arena, sizeof(*tx));
	int ret = tx_parse(tx, json, len, diag);

	curve_free(&tx->curve);
	if (!ret)
		site_tx_to_record(s, tx, tx->stop, arena, out);
	return ret;
}

struct tx *site_tx_read(const char *json, size_t len, const char *curve, size_t curve_len, struct diag *diag)
{
	struct tx *tx = xcalloc(1, sizeof(*tx));
	struct arena arena;
	const struct json *obj;

	if (tx_parse(tx, json, len, diag)) {
		tx_free(tx);
		return NULL;
	}
	if (!curve)
		return tx;
	arena_init(&arena);
	obj = json_parse(&arena, curve, curve_len, &JSON_CAPS_DEFAULT, NULL);
	curve_free(&tx->curve);
	curve_read(&tx->curve, json_str(json_get(obj, "curve"), ""), tx->meter_start_wh);
	arena_fini(&arena);
	return tx;
}

int site_tx_signed_record(const char *json, size_t len, struct arena *arena, struct ctl_signed_value *out,
			  struct diag *diag)
{
	const struct json *obj = json_parse(arena, arena_strndup(arena, json, len), len, &JSON_CAPS_DEFAULT, diag);
	const struct json *sample = json_get(obj, "sample");

	if (!obj || !sample || sample->type != JSON_OBJECT)
		return diag_set(diag, -LMS_EDATA, "stored signed value without a sample");
	ctl_record_clear(&ctl_nouns[CTL_NOUN_signed_value], out);
	out->number = read_int(obj, "number", NUM_NONE);
	out->received = read_int(obj, "received", WALL_NONE);
	out->time = json_str(json_get(obj, "time"), NULL);
	out->context = json_str(json_get(sample, "context"), NULL);
	out->measurand = json_str(json_get(sample, "measurand"), NULL);
	out->value = json_str(json_get(sample, "value"), NULL);
	out->sample = arena_strndup(arena, sample->raw, sample->raw_len);
	return 0;
}
