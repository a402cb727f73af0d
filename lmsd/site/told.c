/* site/told.c - what stations told us about themselves: kept over restarts, and taken over where a
 * person said nothing.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "site/generation/draft.h"

#define UNREGISTERED_MAX 64

/* ---- what a station told us at its last boot ---- */

struct boot_text {
	const char *key;
	size_t offset, size;
};

#define BOOT_TEXT(member) \
	{ #member, offsetof(struct station, member), sizeof(((struct station *)0)->member) }
static const struct boot_text boot_texts[] = {
	BOOT_TEXT(vendor),   BOOT_TEXT(model),        BOOT_TEXT(serial), BOOT_TEXT(box_serial),
	BOOT_TEXT(firmware), BOOT_TEXT(iccid),        BOOT_TEXT(imsi),   BOOT_TEXT(meter_type),
	BOOT_TEXT(address),  BOOT_TEXT(meter_serial),
};

void site_boot_store(const struct station *st, struct effects *fx)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	for (size_t i = 0; i < ARRAY_LEN(boot_texts); i++) {
		const char *text = (const char *)st + boot_texts[i].offset;

		if (*text)
			jw_kstr(&w, boot_texts[i].key, text);
	}
	jw_kint(&w, "booted", st->booted);
	jw_kint(&w, "connectors", (int64_t)st->connector_count);
	jw_object_end(&w);
	fx_put(fx, STORE_BOOT, st->id, b.data, b.len);
	buf_fini(&b);
}

static size_t unregistered(const struct site *s)
{
	size_t count = 0;

	for (const struct station *st = s->stations; st; st = st->hh.next)
		count += st->conf < 0;
	return count;
}

int site_boot_load(struct site *s, const char *id, const char *json, size_t len, struct diag *diag)
{
	struct arena arena;
	const struct json *obj;
	struct station *st;
	int64_t v;
	int ret = 0;

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	if (!obj) {
		ret = -LMS_EPARSE;
		goto out;
	}
	/* Strangers that connected once must not fill the memory for ever. */
	if (!site_station(s, id) && unregistered(s) >= UNREGISTERED_MAX)
		goto out;
	st = site_station_get(s, id);
	if (st->state == STATION_NEVER_SEEN)
		st->state = STATION_OFFLINE;
	for (size_t i = 0; i < ARRAY_LEN(boot_texts); i++) {
		const char *text = json_str(json_get(obj, boot_texts[i].key), NULL);

		if (text)
			snprintf((char *)st + boot_texts[i].offset, boot_texts[i].size, "%s", text);
	}
	if (json_int(json_get(obj, "booted"), &v) == 0)
		st->booted = v;
	if (json_int(json_get(obj, "connectors"), &v) == 0 && v > 0)
		site_station_grow(s, st, (size_t)v);
out:
	arena_fini(&arena);
	return ret;
}

/* ---- connectors ---- */

static bool has_more(struct site *s, const struct station_conf *k, size_t *count)
{
	const struct station *st = site_station(s, k->k.id);

	if (k->k.connectors != NUM_NONE || !st || st->connector_count <= k->connector_count)
		return false;
	*count = st->connector_count;
	return true;
}

static void edit_connectors(struct site_edit *e, const char *id, size_t count)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_station];
	const struct field *f = field_find(n->keys, n->key_count, "connectors", NULL);
	struct ctl_station_keys keys;

	ctl_keys_clear(n, &keys);
	keys.id = id;
	keys.connectors = (int64_t)count;
	keys.given = UINT64_C(1) << (f - n->keys);
	site_edit_station(e, &keys, SITE_CHANGE);
}

/* Of all stations, or of the one at `only`. */
static int adopt(struct site *s, int only, struct effects *fx, struct diag *diag)
{
	struct site_edit *e = site_edit_new(s);
	const struct site_conf *c = site_conf_newest(s);
	size_t count;
	int ret;

	for (size_t i = 0; i < c->station_count; i++)
		if ((only < 0 || only == (int)i) && has_more(s, &c->stations[i], &count))
			edit_connectors(e, c->stations[i].k.id, count);
	ret = site_edit_commit(e, fx, false, NULL, NULL, fx->arena, diag);
	site_edit_free(e);
	return ret;
}

void site_adopt_connectors(struct site *s, struct effects *fx)
{
	const struct site_conf *c = site_conf_newest(s);
	struct diag diag;
	size_t count;

	s->grown = false;
	diag_init(&diag);
	if (adopt(s, -1, fx, &diag) == 0)
		return;
	/* One that does not fit must not keep the others out. */
	for (size_t i = 0; i < c->station_count; i++) {
		if (!has_more(s, &c->stations[i], &count))
			continue;
		diag_init(&diag);
		if (adopt(s, (int)i, fx, &diag))
			log_station(WARNING, c->stations[i].k.id, "connectors_refused", "count=%zu why=\"%s\"",
				    count, diag.text);
		c = site_conf_newest(s);
	}
}
