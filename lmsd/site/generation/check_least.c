/* site/generation/check_least.c - a least current that can never be given is a contradiction.
 *
 * Minimum, maximum and step of a connector may each come from itself, its station or a zone above, and
 * each zone above has limits: whoever contradicts whom is named, with both values. Only what somebody
 * has set is a contradiction: the 6 A that every car needs may well exceed the fuse of a small board,
 * where then nobody charges.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/check.h"
#include "site/generation/draft.h"

/* A value in force, and whose key says so. */
struct said {
	int64_t ma;
	const char *noun, *id;	/* NULL = nobody: a default */
	int64_t power_w;	/* it was said as a power; NUM_NONE */
};

/* What a connector or station says of one bound; of DC the power counts where there is one. */
struct pair {
	int64_t ma, power_w;
};

static bool is_set(const struct pair *p, bool dc)
{
	return p->ma != NUM_NONE || (dc && p->power_w != NUM_NONE);
}

static struct said own_or_station(int64_t in_force, struct pair own, const struct connector_conf *conn,
				  struct pair of_station, const struct station_conf *st)
{
	struct said s = { in_force, NULL, NULL, NUM_NONE };

	if (is_set(&own, conn->dc)) {
		s.noun = "connector";
		s.id = conn->k.id;
		s.power_w = conn->dc ? own.power_w : NUM_NONE;
	} else if (is_set(&of_station, conn->dc)) {
		s.noun = "station";
		s.id = st->k.id;
		s.power_w = conn->dc ? of_station.power_w : NUM_NONE;
	}
	return s;
}

/* The largest least current of connector, station and the zones above. */
static struct said least_of(const struct site_conf *c, const struct station_conf *st,
			    const struct connector_conf *conn)
{
	struct said least = own_or_station(conn->min_ma, (struct pair){ conn->k.min_ma, conn->k.min_power_w }, conn,
					   (struct pair){ st->k.min_ma, st->k.min_power_w }, st);

	/* What a zone says is for the pilot of a car. */
	for (int z = conn->dc ? -1 : st->zone; z >= 0; z = c->zones[z].parent)
		if (c->zones[z].k.min_ma > least.ma)
			least = (struct said){ c->zones[z].k.min_ma, "zone", c->zones[z].k.id, NUM_NONE };
	return least;
}

/* "16 A of station S1", "22.0 kW (35.4 A) of station S2" */
static void words(const struct said *s, char *out, size_t size)
{
	struct buf b;

	buf_init(&b);
	if (s->power_w != NUM_NONE) {
		fmt_w(&b, s->power_w);
		buf_puts(&b, " (");
	}
	fmt_ma(&b, s->ma);
	if (s->power_w != NUM_NONE)
		buf_puts(&b, ")");
	if (s->id)
		snprintf(out, size, "%s of %s %s", buf_cstr(&b), s->noun, s->id);
	else
		snprintf(out, size, "%s, which is the default", buf_cstr(&b));
	buf_fini(&b);
}

static int complain(const struct connector_conf *conn, const struct said *least, const struct said *most,
		    const char *what, const char *remedy, struct diag *diag)
{
	char min[ID_MAX + 60], max[ID_MAX + 60];

	words(least, min, sizeof(min));
	words(most, max, sizeof(max));
	return diag_set(diag, -LMS_EDATA, "connector %s: %s: %s is above %s %s, so it could never charge (%s)",
			conn->k.id, least->power_w != NUM_NONE ? "min_power" : "min", min, what, max, remedy);
}

static int check_step(const struct station_conf *st, const struct connector_conf *conn, const struct said *least,
		      const struct said *most, struct diag *diag)
{
	int64_t up = (least->ma + st->step_ma - 1) / st->step_ma * st->step_ma;
	char min[ID_MAX + 60], max[ID_MAX + 60];

	if (up <= most->ma / st->step_ma * st->step_ma)
		return 0;
	words(least, min, sizeof(min));
	words(most, max, sizeof(max));
	return diag_set(diag, -LMS_EDATA,
			"connector %s: no multiple of the step of station %s lies between its min, %s, and its max, "
			"%s, so it could never charge (lower min, or raise max)",
			conn->k.id, st->k.id, min, max);
}

static bool counts_in(const struct zone_conf *z, const struct connector_conf *conn, int phase)
{
	return z->phases == 1 ? phase == 0 : wiring_phases(conn->wiring) >> phase & 1;
}

/* A limit of a zone above that it could never fit below. */
static int check_caps(const struct site_conf *c, const struct station_conf *st, const struct connector_conf *conn,
		      const struct said *least, const char *remedy, struct diag *diag)
{
	for (int i = st->zone; i >= 0; i = c->zones[i].parent) {
		const struct zone_conf *z = &c->zones[i];

		for (int k = 0; k < z->phases; k++) {
			struct said cap = { z->cap.l[k], "zone", z->k.id, NUM_NONE };

			if (z->k.dynamic_ma.l[k] != NUM_NONE && (cap.ma == NUM_NONE || z->k.dynamic_ma.l[k] < cap.ma))
				cap.ma = z->k.dynamic_ma.l[k];
			if (cap.ma != NUM_NONE && counts_in(z, conn, k) && least->ma > cap.ma)
				return complain(conn, least, &cap, "the limit", remedy, diag);
		}
	}
	return 0;
}

static const char *type_rule(const struct connector_conf *conn, int64_t *most)
{
	*most = conn->dc ? LIMIT_MAX_MA : strcmp(conn->type, "TE") == 0 ? TYPE_MAX_MA_TE : TYPE_MAX_MA_T2;
	return *most == TYPE_MAX_MA_TE ? "a TE socket takes 16 A at most" : "a T2 connector takes 80 A at most";
}

/* Of the connector itself; the station's counts where all of its connectors are of the type that it names. */
int check_types(const struct station_conf *st, struct diag *diag)
{
	int64_t most;

	for (size_t i = 0; i < st->connector_count; i++) {
		const struct connector_conf *conn = &st->connectors[i];
		bool own = conn->k.max_ma != NUM_NONE;
		bool stations = !own && st->k.max_ma != NUM_NONE && !conn->k.type;
		const char *rule = type_rule(conn, &most);

		if ((!own || conn->k.max_ma <= most) && (!stations || st->k.max_ma <= most))
			continue;
		return diag_set(diag, -LMS_ERANGE, "%s %s: max: %lld A is too much for its type (%s)",
				own ? "connector" : "station", own ? conn->k.id : st->k.id,
				(long long)((own ? conn->k.max_ma : st->k.max_ma) / 1000), rule);
	}
	return 0;
}

int check_powers(const struct station_conf *st, struct diag *diag)
{
	bool any = false;

	for (size_t i = 0; i < st->connector_count; i++) {
		const struct connector_conf *conn = &st->connectors[i];

		any |= conn->dc;
		if (!conn->dc && (conn->k.max_power_w != NUM_NONE || conn->k.min_power_w != NUM_NONE))
			return diag_set(diag, -LMS_EDATA,
					"connector %s: max_power: is for DC, but its type is %s (write max and min, or "
					"type=CCS)", conn->k.id, conn->type);
	}
	if (!any && (st->k.max_power_w != NUM_NONE || st->k.min_power_w != NUM_NONE || st->k.power_at))
		return diag_set(diag, -LMS_EDATA,
				"station %s: max_power: is for DC, but none of its connectors is (write max and min, or "
				"type=CCS)", st->k.id);
	return 0;
}

int check_least(const struct site_conf *c, const struct station_conf *st, const struct connector_conf *conn,
		struct diag *diag)
{
	struct said least = least_of(c, st, conn);
	struct said most = own_or_station(conn->max_ma, (struct pair){ conn->k.max_ma, conn->k.max_power_w }, conn,
					  (struct pair){ st->k.max_ma, st->k.max_power_w }, st);
	const char *lower = least.power_w != NUM_NONE ? "lower min_power, or raise the limit" : "lower min, or raise the limit";
	int ret;

	if (!conn->manageable)
		return 0;	/* a reservation of its maximum */
	if (least.ma > most.ma)
		return complain(conn, &least, &most, "the max",
				conn->dc ? "lower min_power, or raise max_power" : "lower min, or raise max", diag);
	if (st->k.limit_ma != NUM_NONE && least.ma > st->k.limit_ma && least.id)
		return complain(conn, &least, &(struct said){ st->k.limit_ma, "station", st->k.id, NUM_NONE }, "the limit",
				lower, diag);
	ret = check_step(st, conn, &least, &most, diag);
	if (ret)
		return ret;
	/* A socket without pilot takes all or nothing. */
	if (strcmp(conn->type, "TE") == 0)
		return most.id ? check_caps(c, st, conn, &most, "it has no pilot and takes its max or nothing: lower "
					    "max, or raise the limit", diag) : 0;
	return least.id ? check_caps(c, st, conn, &least, lower, diag) : 0;
}
