/* lmsctl/cmd/cmd_zone.c - zone explain, replay and simulate, for people: the limits of a zone, then its connectors. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "lmsctl/grid.h"
#include "lmsctl/output.h"

static void put_current(struct buf *b, const struct json *j)
{
	int64_t ma;

	if (json_int(j, &ma) || ma == NUM_NONE)
		buf_puts(b, "-");
	else
		fmt_ma(b, ma);
}

/* A current (KEY_ma), one per phase or once if all are the same; a number, or text. */
static const char *cell(const struct json *row, const char *key, struct arena *arena)
{
	const struct json *j = json_get(row, key);
	bool is_current = strlen(key) > 3 && strcmp(key + strlen(key) - 3, "_ma") == 0;
	const struct json *first = json_at(j, 0);
	bool same = true;
	const char *text;
	struct buf b;

	buf_init(&b);
	if (j && j->type == JSON_ARRAY) {
		for (const struct json *p = first; p; p = p->next)
			same = same && p->type == first->type && p->len == first->len &&
			       memcmp(p->text ? p->text : "", first->text ? first->text : "", p->len) == 0;
		for (const struct json *p = first; p && (p == first || !same); p = p->next) {
			buf_puts(&b, p == first ? "" : ", ");
			put_current(&b, p);
		}
	} else if (j && j->type == JSON_NUMBER && is_current) {
		put_current(&b, j);
	} else if (j && j->type == JSON_NUMBER) {
		buf_puts(&b, j->text);
	} else {
		text = json_str(j, "-");
		text_escape(&b, text, strlen(text));
	}
	text = arena_strdup(arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

struct column {
	const char *key, *heading;
};

static void print_table(struct lmsctl *l, const struct json *rows, const struct column *cols, size_t count)
{
	struct grid g;
	size_t row = 1;

	if (!rows || rows->count == 0)
		return;
	grid_init(&g, rows->count + 1, count);
	for (size_t c = 0; c < count; c++)
		grid_set(&g, 0, c, cols[c].heading);
	for (const struct json *o = rows->first; o; o = o->next, row++)
		for (size_t c = 0; c < count; c++)
			grid_set(&g, row, c, strcmp(cols[c].key, "holds") != 0 ?
				 cell(o, cols[c].key, &g.arena) :
				 json_bool(json_get(o, "holds"), false) ? "least" : "");
	grid_print(&g, l, false);
	grid_fini(&g);
}

int cmd_zone_explain(struct lmsctl *l, const struct json *result)
{
	static const struct column limits[] = {
		{ "zone", "ZONE" }, { "limit", "LIMIT" }, { "current_ma", "CURRENT" }, { "holds", "" },
		{ "text", "WHY" },
	};
	static const struct column connectors[] = {
		{ "id", "CONNECTOR" }, { "wants", "WANTS" }, { "class", "CLASS" }, { "min_ma", "MIN" },
		{ "max_ma", "MAX" }, { "target_ma", "TARGET" }, { "limit_ma", "LIMIT" }, { "w_ma", "COUNTED" },
		{ "reason", "REASON" },
	};
	const struct json *below = json_get(result, "connectors");

	print_table(l, json_get(result, "limits"), limits, ARRAY_LEN(limits));
	if (!below || below->count == 0)
		return 0;
	putchar('\n');
	print_table(l, below, connectors, ARRAY_LEN(connectors));
	return 0;
}

/* A moment in the time zone that was asked for. */
static const char *moment(struct lmsctl *l, const struct json *j)
{
	const char *text = json_str(j, "");
	const struct time_zone *tz;
	struct civil c;
	wall_t t;

	if (rfc3339_parse(text, strlen(text), &t) < 0)
		return "-";
	tz = local_zone_at(l, t);
	civil_from_wall(t, tz ? tz_offset_s(tz, t) : 0, &c);
	return arena_printf(&l->arena, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
			    c.second);
}

int cmd_zone_replay(struct lmsctl *l, const struct json *result)
{
	int64_t turns = 0, orders = 0;

	json_int(json_get(result, "turns"), &turns);
	json_int(json_get(result, "orders"), &orders);
	printf("%s at %s, as decided at %s\n", json_str(json_get(result, "id"), "-"),
	       moment(l, json_get(result, "at")), moment(l, json_get(result, "decided")));
	printf("run again from %s: %lld decisions, %lld orders", moment(l, json_get(result, "from")),
	       (long long)turns, (long long)orders);
	if (json_bool(json_get(result, "same"), false))
		puts(", the same as then\n");
	else
		printf(", NOT the same as then from %s on\n\n", moment(l, json_get(result, "differs_at")));
	return cmd_zone_explain(l, result);
}

int cmd_zone_simulate(struct lmsctl *l, const struct json *result)
{
	static const struct column zones[] = {
		{ "zone", "ZONE" }, { "cap_before_ma", "LIMIT" }, { "cap_after_ma", "THEN" }, { "cap_why_after", "BY" },
		{ "sum_before_ma", "COUNTED" }, { "sum_after_ma", "THEN" }, { "load_before_ma", "LOAD" },
		{ "load_after_ma", "THEN" }, { "charging_before", "CHARGING" }, { "charging_after", "THEN" },
	};
	static const struct column connectors[] = {
		{ "id", "CONNECTOR" }, { "car", "CAR" }, { "before_ma", "LIMIT" }, { "after_ma", "THEN" },
		{ "after_reason", "REASON" },
	};
	int64_t for_ms = 0, last_ms = 0, orders = 0;

	json_int(json_get(result, "for_ms"), &for_ms);
	json_int(json_get(result, "last_order_ms"), &last_ms);
	json_int(json_get(result, "orders"), &orders);
	printf("%s in %lld s: %lld orders to stations, the last after %lld s\n\n", json_str(json_get(result, "id"), "-"),
	       (long long)for_ms / 1000, (long long)orders, (long long)last_ms / 1000);
	print_table(l, json_get(result, "zones"), zones, ARRAY_LEN(zones));
	if (json_get(result, "connectors") && json_get(result, "connectors")->count > 0)
		putchar('\n');
	print_table(l, json_get(result, "connectors"), connectors, ARRAY_LEN(connectors));
	return 0;
}
