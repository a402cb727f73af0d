/* site/generation/check.c - what a configuration must fulfil as a whole. Every refusal names place and remedy.
 *
 * The order is from the small to the large: values, references, then sums; the first complaint
 * wins.
 */
#include "site/generation/check.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/draft.h"
#include "site/price/price.h"
#include "site/tags/where.h"

static bool phase_any(const struct phase_ma *p)
{
	return p->l[0] != NUM_NONE || p->l[1] != NUM_NONE || p->l[2] != NUM_NONE;
}

/* ---- zones ---- */

int check_phases(const struct zone_conf *z, const char *key, const struct phase_ma *p, struct diag *diag)
{
	if (!phase_any(p))
		return 0;
	for (int k = 0; k < PHASES; k++) {
		if (k >= z->phases && p->l[k] != NUM_NONE)
			return diag_set(diag, -LMS_EDATA,
					"zone %s: %s: names L%d, but the zone has one phase (write "
					"one current, or phases=3)",
					z->k.id, key, k + 1);
		if (k < z->phases && p->l[k] == NUM_NONE)
			return diag_set(diag, -LMS_EDATA,
					"zone %s: %s: L%d is missing (write one current for all "
					"phases, or L1,L2,L3)",
					z->k.id, key, k + 1);
	}
	return 0;
}

static int meter_lost_above(const struct zone_conf *z, int phase, const char *what, int64_t lost_ma, int64_t limit_ma,
			    struct diag *diag)
{
	struct buf lost, limit;

	buf_init(&lost);
	buf_init(&limit);
	fmt_ma(&lost, lost_ma);
	fmt_ma(&limit, limit_ma);
	diag_set(diag, -LMS_EDATA, "zone %s: meter_lost: %s on L%d is above its %s of %s (lower it)", z->k.id,
		 buf_cstr(&lost), phase + 1, what, buf_cstr(&limit));
	buf_fini(&lost);
	buf_fini(&limit);
	return -LMS_EDATA;
}

/* meter_lost must not allow more than what holds while the meter speaks. */
static int zone_check_meter_lost(const struct zone_conf *z, struct diag *diag)
{
	for (int k = 0; k < z->phases; k++) {
		int64_t lost = z->k.meter_lost_ma.l[k];

		if (lost == NUM_NONE)
			continue;
		if (z->cap.l[k] != NUM_NONE && lost > z->cap.l[k])
			return meter_lost_above(z, k, "fuse or static limit", lost, z->cap.l[k], diag);
		if (z->k.dynamic_ma.l[k] != NUM_NONE && lost > z->k.dynamic_ma.l[k])
			return meter_lost_above(z, k, "dynamic limit", lost, z->k.dynamic_ma.l[k], diag);
	}
	return 0;
}

/* Less of nothing would be believed to be less of something. */
static int zone_check_derate(const struct zone_conf *z, struct diag *diag)
{
	if (z->k.derate_permille == NUM_NONE || z->k.derate_permille == 0 || z->k.fuse_ma != NUM_NONE)
		return 0;
	return diag_set(diag, -LMS_EDATA,
			"zone %s: derate: is taken off a fuse that the zone does not have (write fuse=…, or clear "
			"derate)", z->k.id);
}

static int zone_check_dynamic(const struct site_conf *c, const struct zone_conf *z,
			      struct diag *diag)
{
	const struct ctl_meter_keys *m;

	if (!phase_any(&z->k.dynamic_ma))
		return 0;
	if (!z->k.meter)
		return diag_set(diag, -LMS_EDATA,
				"zone %s: dynamic: needs a meter (add meter=…; lmsctl meter list)",
				z->k.id);
	if (!phase_any(&z->k.meter_lost_ma))
		return diag_set(diag, -LMS_EDATA,
				"zone %s: dynamic: needs meter_lost, the current that is safe "
				"while the meter is silent (add meter_lost=…)",
				z->k.id);
	m = &c->meters[z->meter].k;
	if (m->scope && (strcmp(m->scope, "pv") == 0 || strcmp(m->scope, "storage") == 0))
		return diag_set(diag, -LMS_EDATA,
				"zone %s: meter: '%s' measures scope=%s and cannot feed a dynamic "
				"limit (use scope=grid, load or sub)",
				z->k.id, m->id, m->scope);
	if (m->poll_ms > 2000)
		return diag_set(diag, -LMS_EDATA,
				"zone %s: meter: '%s' is read every %lld ms, too slow for a "
				"dynamic limit (poll=2s or less)",
				z->k.id, m->id, (long long)m->poll_ms);
	for (int k = 0; k < z->phases; k++)
		if (z->k.margin_ma != NUM_NONE && z->k.margin_ma >= z->k.dynamic_ma.l[k])
			return diag_set(diag, -LMS_EDATA,
					"zone %s: margin: leaves nothing of the dynamic limit on "
					"L%d (lower it)",
					z->k.id, k + 1);
	return 0;
}

int check_no_meter(const struct site_conf *c, const struct zone_conf *z, const char *key, const char *id,
		   struct diag *diag)
{
	const char *near = NULL, *names[64];
	size_t count = 0;

	for (size_t i = 0; i < c->meter_count && count < ARRAY_LEN(names); i++)
		names[count++] = c->meters[i].k.id;
	near = text_nearest(id, names, count);
	return diag_set(diag, -LMS_EDATA,
			"zone %s: %s: '%s' does not exist (%s%s%slmsctl meter list)", z->k.id,
			key, id, near ? "did you mean '" : "", near ? near : "",
			near ? "'?; " : "");
}

static int check_zone(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	const struct zone_conf *parent = z->parent < 0 ? NULL : &c->zones[z->parent];
	int ret = id_check(z->k.id, "a zone's id", diag);

	if (ret)
		return ret;
	ret = check_ranges(&ctl_nouns[CTL_NOUN_zone], &z->k, diag);
	if (ret)
		return ret;
	if (z->k.phases == 2)
		return diag_set(diag, -LMS_ERANGE,
				"zone %s: phases: 2 is out of range (a zone has 1 or 3 phases)",
				z->k.id);
	if (parent && z->phases > parent->phases)
		return diag_set(
		    diag, -LMS_EDATA,
		    "zone %s: phases: has 3 phases below zone %s, which has 1 (write phases=1)",
		    z->k.id, parent->k.id);
	if (z->k.meter && z->meter < 0)
		return check_no_meter(c, z, "meter", z->k.meter, diag);
	ret = zone_check_derate(z, diag);
	if (!ret)
		ret = check_phases(z, "static", &z->k.static_ma, diag);
	if (!ret)
		ret = check_phases(z, "dynamic", &z->k.dynamic_ma, diag);
	if (!ret)
		ret = check_phases(z, "meter_lost", &z->k.meter_lost_ma, diag);
	if (!ret)
		ret = zone_check_dynamic(c, z, diag);
	if (!ret)
		ret = zone_check_meter_lost(z, diag);
	if (!ret)
		ret = check_outer(c, z, diag);
	if (!ret)
		ret = check_pv(c, z, diag);
	return ret ? ret : check_clock(c, z, diag);
}

/* ---- meters ---- */

/* The largest fuse that the meter sits behind, as far as zones say: so much may flow through it. */
static int64_t meter_fuse_ma(const struct site_conf *c, size_t meter)
{
	int64_t fuse = NUM_NONE;

	for (size_t z = 0; z < c->zone_count; z++) {
		int64_t ma = c->zones[z].k.fuse_ma;

		if (c->zones[z].meter == (int)meter && ma > fuse)
			fuse = ma;
	}
	return fuse;
}

static int check_meter(const struct site_conf *c, size_t index, const struct site_outside *outside,
		       struct diag *diag)
{
	const struct meter_conf *m = &c->meters[index];
	struct diag said;
	int ret = id_check(m->k.id, "a meter's id", diag);

	if (ret)
		return ret;
	if (!m->k.profile)
		return diag_set(diag, -LMS_EDATA,
				"meter %s: profile: is missing (lmsctl meter profiles)", m->k.id);
	if (!m->k.address)
		return diag_set(diag, -LMS_EDATA,
				"meter %s: address: is missing (write slave@host:port)", m->k.id);
	ret = check_ranges(&ctl_nouns[CTL_NOUN_meter], &m->k, diag);
	if (ret || !outside || !outside->meter_check)
		return ret;
	diag_init(&said);
	if (outside->meter_check(outside->ctx, &m->k, meter_fuse_ma(c, index), &said))
		return diag_set(diag, said.err, "meter %s: %s", m->k.id, said.text);
	return 0;
}

/* ---- stations ---- */

static int check_access(const struct station_conf *st, struct diag *diag)
{
	const char *a = st->k.access;
	char uid[ID_MAX + 1];

	if (!a || strcmp(a, "rfid") == 0 || strcmp(a, "free") == 0 ||
	    (strncmp(a, "free:", 5) == 0 && tag_normalize(a + 5, uid) == 0))
		return 0;
	return diag_set(diag, -LMS_EDATA,
			"station %s: access: '%.60s' is not a rule (write rfid, free, or free:TAG)",
			st->k.id, a);
}

static int missing_zone(const struct site_conf *c, const struct station_conf *st, struct diag *diag)
{
	const char *near = NULL, *names[256];
	size_t count = 0;

	if (!st->k.zone)
		return diag_set(diag, -LMS_EDATA,
				"station %s: zone is needed: zone=… (lmsctl zone list)", st->k.id);
	for (size_t i = 0; i < c->zone_count && count < ARRAY_LEN(names); i++)
		names[count++] = c->zones[i].k.id;
	near = text_nearest(st->k.zone, names, count);
	return diag_set(diag, -LMS_EDATA,
			"station %s: zone: '%s' does not exist (%s%s%slmsctl zone list)", st->k.id,
			st->k.zone, near ? "did you mean '" : "", near ? near : "",
			near ? "'?; " : "");
}

static int check_wiring(const struct site_conf *c, const struct station_conf *st,
			const struct connector_conf *conn, struct diag *diag)
{
	const struct zone_conf *z = &c->zones[st->zone], *root = z;
	phase_mask_t mask = wiring_phases(conn->wiring);

	if (z->phases == 3 || strcmp(conn->wiring, "unknown") == 0)
		return 0;
	if (mask == PHASE_ALL)
		return diag_set(diag, -LMS_EDATA,
				"connector %s: wiring: %s uses three phases, but zone %s has one "
				"(write wiring=L1)",
				conn->k.id, conn->wiring, z->k.id);
	while (root->parent >= 0)
		root = &c->zones[root->parent];
	/* Below a three-phase board a single-phase zone may well hang on L2. */
	if (root->phases == 1 && mask != 1)
		return diag_set(diag, -LMS_EDATA,
				"connector %s: wiring: %s does not exist here, zone %s has one "
				"phase (write wiring=L1)",
				conn->k.id, conn->wiring, root->k.id);
	return 0;
}

static int check_connector(const struct site_conf *c, const struct station_conf *st,
			   const struct connector_conf *conn, struct diag *diag)
{
	int ret = check_ranges(&ctl_nouns[CTL_NOUN_connector], &conn->k, diag);

	if (!ret)
		ret = check_least(c, st, conn, diag);
	if (ret)
		return ret;
	/* 0 < x < 6 A is unsafe: cars differ in what they make of it. */
	if (st->idle_ma > 0 && st->idle_ma < conn->min_ma)
		return diag_set(diag, -LMS_EDATA,
				"connector %s: idle: of its station is below its min (write 0, or "
				"min and more)",
				conn->k.id);
	if (st->idle_ma > conn->max_ma)
		return diag_set(diag, -LMS_EDATA,
				"connector %s: idle: of its station is above its max (lower idle)",
				conn->k.id);
	return check_wiring(c, st, conn, diag);
}

static int check_station(const struct site_conf *c, const struct station_conf *st,
			 struct diag *diag)
{
	int ret = id_check(st->k.id, "a station's id", diag);

	if (ret)
		return ret;
	if (st->zone < 0)
		return missing_zone(c, st, diag);
	ret = check_ranges(&ctl_nouns[CTL_NOUN_station], &st->k, diag);
	if (!ret && st->step_ma != 100 && st->step_ma != 1000)
		ret = diag_set(diag, -LMS_ERANGE, "station %s: step: is out of range (0.1 A or 1 A)",
			       st->k.id);
	if (!ret)
		ret = check_access(st, diag);
	if (!ret)
		ret = where_check_groups(c, st, diag);
	if (!ret)
		ret = check_types(st, diag);
	if (!ret)
		ret = check_powers(st, diag);
	if (!ret)
		ret = check_shedding(st, diag);
	for (size_t i = 0; i < st->connector_count && !ret; i++)
		ret = check_connector(c, st, &st->connectors[i], diag);
	return ret;
}

static bool is_code(const char *s, size_t len)
{
	for (size_t i = 0; s[i]; i++)
		if (s[i] < 'A' || s[i] > 'Z')
			return false;
	return strlen(s) == len;
}

static bool voltage_wrong(int64_t v)
{
	return v != NUM_NONE && (v < VOLTAGE_LEAST || v > VOLTAGE_MOST);
}

static int64_t or_volts(int64_t v, int64_t dflt)
{
	return v == NUM_NONE ? dflt : v;
}

int check_price(const char *noun, const char *id, const char *text, struct diag *diag)
{
	struct price_list list;
	struct diag said;

	diag_init(&said);
	if (!text || !price_parse(text, &list, &said))
		return 0;
	return diag_set(diag, -LMS_EDATA, "%s%s%s: price: %s", noun, *id ? " " : "", id, said.text);
}

static int check_site(const struct ctl_site_keys *k, const struct site_outside *outside,
		      struct diag *diag)
{
	char uid[ID_MAX + 1];

	if (k->free_tag && tag_normalize(k->free_tag, uid))
		return diag_set(diag, -LMS_EDATA, "site: free_tag: '%.60s' is not a tag's uid",
				k->free_tag);
	if (k->country && !is_code(k->country, 2))
		return diag_set(diag, -LMS_EDATA,
				"site: country: '%.60s' is not an ISO 3166 code (write one such as CH)",
				k->country);
	if (k->currency && !is_code(k->currency, 3))
		return diag_set(diag, -LMS_EDATA,
				"site: currency: '%.60s' is not an ISO 4217 code (write one such as EUR)",
				k->currency);
	if (check_price("site", "", k->price, diag))
		return -LMS_EDATA;
	if (k->grid_watchdog_ms != NUM_NONE && (k->grid_watchdog_ms < 1000 || k->grid_watchdog_ms > 86400000))
		return diag_set(diag, -LMS_ERANGE,
				"site: grid_watchdog: is out of range (1 second to 24 hours; clear it for a "
				"signal that holds until another is told)");
	if (k->security_min != NUM_NONE && (k->security_min < 0 || k->security_min > 3))
		return diag_set(diag, -LMS_ERANGE, "site: security_min: is out of range (0 to 3, the profiles of the "
				"OCPP security whitepaper)");
	if (voltage_wrong(k->voltage_min) || voltage_wrong(k->voltage_max))
		return diag_set(diag, -LMS_ERANGE,
				"site: %s: is out of range (volts to neutral, %d to %d)",
				voltage_wrong(k->voltage_min) ? "voltage_min" : "voltage_max", (int)VOLTAGE_LEAST,
				(int)VOLTAGE_MOST);
	if (or_volts(k->voltage_min, VOLTAGE_MIN_DEFAULT) > or_volts(k->voltage_max, VOLTAGE_MAX_DEFAULT))
		return diag_set(diag, -LMS_EDATA,
				"site: voltage_min: %lld V is above voltage_max of %lld V (lower one, or raise the "
				"other)", (long long)or_volts(k->voltage_min, VOLTAGE_MIN_DEFAULT),
				(long long)or_volts(k->voltage_max, VOLTAGE_MAX_DEFAULT));
	if (!k->timezone || !outside || !outside->tz_known || outside->tz_known(k->timezone))
		return 0;
	return diag_set(
	    diag, -LMS_EDATA,
	    "site: timezone: '%.60s' is not a time zone (write one such as Europe/Paris)",
	    k->timezone);
}

int conf_check(const struct site_conf *c, const struct site_outside *outside, struct diag *diag)
{
	int ret = check_site(&c->site, outside, diag);

	for (size_t i = 0; i < c->meter_count && !ret; i++)
		ret = check_meter(c, i, outside, diag);
	for (size_t i = 0; i < c->source_count && !ret; i++)
		ret = check_source_keys(&c->sources[i], diag);
	for (size_t i = 0; i < c->zone_count && !ret; i++)
		ret = check_zone(c, &c->zones[i], diag);
	for (size_t i = 0; i < c->station_count && !ret; i++)
		ret = check_station(c, &c->stations[i], diag);
	if (!ret)
		ret = check_external(c, diag);
	if (!ret)
		ret = check_sums(c, diag);
	if (ret || !outside || !outside->model_check)
		return ret;
	return outside->model_check(outside->ctx, c, diag);
}
