/* hall/split.c - asks the balance alone: the site may have changed since. */
#include "hall/split.h"

#include "base/text.h"
#include "base/timefmt.h"

void split_phases(struct json_writer *w, const char *key, const struct phase_ma *p)
{
	jw_key(w, key);
	jw_array(w);
	for (int k = 0; k < PHASES; k++)
		jw_int(w, p->l[k]);
	jw_array_end(w);
}

void split_time(struct json_writer *w, const char *key, wall_t t)
{
	char text[RFC3339_MAX];

	jw_kstr(w, key, t == WALL_NONE ? NULL : rfc3339_format(t / US_PER_MS * US_PER_MS, text));
}

void split_phases_text(struct buf *b, const struct phase_ma *p, int phases)
{
	bool same = true;

	for (int k = 1; k < phases; k++)
		same = same && p->l[k] == p->l[0];
	for (int k = 0; k < (same ? 1 : phases); k++) {
		buf_puts(b, k ? ", " : "");
		if (p->l[k] == NUM_NONE)
			buf_puts(b, "-");
		else
			fmt_ma(b, p->l[k]);
	}
}

static const char *wants(enum bal_use use)
{
	switch (use) {
	case BAL_NONE:
	case BAL_STOPPED:
		return "nothing";
	case BAL_WELCOME:
		return "a place";
	case BAL_WAITS:
		return "to begin";
	case BAL_CHARGING:
		return "to charge";
	case BAL_FULL:
		return "what is left";
	}
	return "nothing";
}

void split_connector(struct json_writer *w, const struct balance *b, uint32_t conn)
{
	struct bal_conn_view v;
	char reason[200];

	balance_conn_view(b, conn, &v);
	balance_reason_text(b, &v.reason, reason, sizeof(reason));
	jw_object(w);
	jw_kstr(w, "id", balance_conn_id(b, conn));
	jw_kstr(w, "wants", wants(balance_conn_use(b, conn)));
	jw_kstr(w, "class", v.vip ? "VIP" : NULL);
	jw_kbool(w, "admitted", v.admitted);
	jw_kint(w, "min_ma", v.min_ma);
	jw_kint(w, "max_ma", v.max_ma);
	jw_kint(w, "target_ma", v.target_ma);
	jw_kint(w, "limit_ma", v.limit_ma);
	jw_kint(w, "w_ma", v.w_ma);
	jw_kstr(w, "reason_code", v.reason.name);
	jw_kstr(w, "reason", reason);
}

static void put_limit(struct json_writer *w, const struct balance *b, int zone)
{
	struct bal_zone_view v;
	struct buf text;
	bool measured;

	balance_zone_view(b, zone, &v);
	measured = v.meter_ok && v.non_ev.l[0] != NUM_NONE;
	buf_init(&text);
	buf_puts(&text, "counted ");
	split_phases_text(&text, &v.sum_w, PHASES);
	buf_puts(&text, measured ? ", measured " : ", cars draw ");
	split_phases_text(&text, &v.load, PHASES);
	if (!v.meter_ok)
		buf_puts(&text, " (no fresh value of the meter)");
	if (measured) {
		buf_puts(&text, " of which not cars ");
		split_phases_text(&text, &v.non_ev, PHASES);
	}
	buf_printf(&text, "; %d of %d charge", v.admitted, v.competing);
	jw_object(w);
	jw_kstr(w, "zone", balance_zone_id(b, zone));
	jw_kstr(w, "limit", v.cap_why);
	split_phases(w, "current_ma", &v.cap);
	jw_kbool(w, "holds", true);
	split_phases(w, "sum_ma", &v.sum_w);
	split_phases(w, "load_ma", &v.load);
	split_phases(w, "building_ma", &v.non_ev);
	jw_kstr(w, "text", buf_cstr(&text));
	jw_object_end(w);
	buf_fini(&text);
}

void split_zone(struct json_writer *w, const struct balance *b, int zone)
{
	struct bal_zone_view v;

	balance_zone_view(b, zone, &v);
	split_phases(w, "cap_ma", &v.cap);
	jw_kstr(w, "cap_why", v.cap_why);
	split_phases(w, "sum_ma", &v.sum_w);
	jw_key(w, "limits");
	jw_array(w);
	for (int z = zone; z >= 0; z = balance_zone_parent(b, z))
		put_limit(w, b, z);
	jw_array_end(w);
	jw_key(w, "connectors");
	jw_array(w);
	for (uint32_t i = 0; i < balance_conn_count(b); i++) {
		if (!balance_conn_below(b, i, zone))
			continue;
		split_connector(w, b, i);
		jw_object_end(w);
	}
	jw_array_end(w);
}
