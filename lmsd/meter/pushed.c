/* meter/pushed.c - what is told of a meter: read, judged, and laid out as registers. */
#include "meter/pushed.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "base/timefmt.h"

#define FC    3
#define WORDS 4		/* of an s64 */
#define HOW   "write command, mqtt:TOPIC or mqtt:TOPIC#PATH,UNIT"

struct meter_profile *pushed_profile(void)
{
	struct meter_profile *p = profile_new();

	snprintf(p->model, sizeof(p->model), "%s", PUSHED_MODEL);
	snprintf(p->manufacturer, sizeof(p->manufacturer), "%s", "lms");
	snprintf(p->note, sizeof(p->note), "%s", "values are told by command or MQTT, not read");
	snprintf(p->file, sizeof(p->file), "%s", "part of lmsd");
	p->verified = p->pushed = p->ct_in_meter = true;
	p->direction = METER_DIRECTION_REGISTER;
	for (int var = 0; var < METER_VAR_COUNT; var++) {
		struct meter_reg *r = profile_add_reg(p, (enum meter_var)var);

		r->fc = FC;
		r->addr = (uint16_t)(var * WORDS);
		r->type = REG_S64;
		r->group = METER_FAST;
		r->verified = true;
	}
	return p;
}

/* ---- addresses -------------------------------------------------------------------------------- */

bool pushed_is_address(const char *text)
{
	return strcmp(text, "command") == 0 || strncmp(text, "mqtt:", 5) == 0;
}

int topic_check(const char *topic, const char *what, struct diag *d)
{
	size_t len = strlen(topic);

	if (len == 0 || len > PUSHED_TOPIC_MAX)
		return diag_set(d, -LMS_EDATA, "%s: the topic is %s", what, len ? "too long (at most 200 bytes)" : "missing");
	for (size_t i = 0; i < len; i++) {
		if (topic[i] == '+' || topic[i] == '#')
			return diag_set(d, -LMS_EDATA, "%s: '%.60s' has a wildcard (name one topic)", what, topic);
		if ((unsigned char)topic[i] < ' ' || topic[i] == 127)
			return diag_set(d, -LMS_EDATA, "%s: the topic has control characters", what);
	}
	return 0;
}

static int parse_part(const char *part, struct pushed_address *a, struct diag *d)
{
	size_t len = strcspn(part, ",");
	bool quadrant;

	if (len > PUSHED_PATH_MAX)
		return diag_set(d, -LMS_EDATA, "address: the path is longer than %d bytes", PUSHED_PATH_MAX);
	snprintf(a->path, sizeof(a->path), "%.*s", (int)len, part);
	a->is_power = true;
	if (part[len] == '\0')
		return 0;
	if (!meter_unit_find(part + len + 1, METER_DIM_POWER, &a->exp10, &quadrant))
		return diag_set(d, -LMS_EDATA, "address: '%.20s' is no unit of power (W, kW or MW)", part + len + 1);
	return 0;
}

int pushed_address_parse(const char *text, struct pushed_address *out, struct diag *d)
{
	const char *topic = text + 5;
	size_t len;

	*out = (struct pushed_address){ .by = PUSHED_COMMAND };
	if (strcmp(text, "command") == 0)
		return 0;
	if (!pushed_is_address(text))
		return diag_set(d, -LMS_EDATA, "address: '%.60s' does not go with profile=" PUSHED_MODEL " (" HOW ")", text);
	out->by = PUSHED_MQTT;
	len = strcspn(topic, "#");
	if (len > PUSHED_TOPIC_MAX)
		return diag_set(d, -LMS_EDATA, "address: the topic is too long (at most %d bytes)", PUSHED_TOPIC_MAX);
	snprintf(out->topic, sizeof(out->topic), "%.*s", (int)len, topic);
	/* A '#' of a wildcard is a whole level of its own. */
	if (topic[len] == '#' && (len == 0 || topic[len - 1] == '/'))
		return topic_check(topic, "address", d);
	if (topic_check(out->topic, "address", d) < 0)
		return -LMS_EDATA;
	return topic[len] == '#' ? parse_part(topic + len + 1, out, d) : 0;
}

/* ---- payloads --------------------------------------------------------------------------------- */

static int64_t scale_of(enum meter_var var)
{
	int64_t scale = 1;

	for (int i = meter_dim_info(meter_var_info(var)->dim)->decimals; i > 0; i--)
		scale *= 10;
	return scale;
}

int push_set(struct meter_push *p, enum meter_var var, int64_t v, struct diag *d)
{
	const struct meter_var_info *info = meter_var_info(var);
	const struct meter_dim_info *dim = meter_dim_info(info->dim);

	if (v < dim->min || v > dim->max)
		return diag_set(d, -LMS_ERANGE, "%s: is out of range (%lld to %lld %s)", info->name,
				(long long)(dim->min / scale_of(var)), (long long)(dim->max / scale_of(var)), dim->unit);
	p->v[var] = v;
	p->set |= UINT64_C(1) << var;
	return 0;
}

static int no_number(const char *name, const char *text, size_t len, struct diag *d)
{
	return diag_set(d, -LMS_EDATA, "%s: '%.*s' is no number", name, (int)(len < 40 ? len : 40), text ? text : "");
}

static int take_power(struct meter_push *out, const char *text, size_t len, int exp10, struct diag *d)
{
	int64_t scale = 1, v;

	for (int i = 0; i < exp10; i++)
		scale *= 10;
	if (text == NULL || text_fixed(text, len, scale, &v) < 0)
		return no_number("power_total", text, len, d);
	return push_set(out, METER_power_total, v, d);
}

static int take_time(const struct json *j, wall_t wall, struct meter_push *out, struct diag *d)
{
	wall_t at;

	if (j->type == JSON_STRING ? rfc3339_parse(j->text, j->len, &at) != 0
				   : j->type != JSON_NUMBER || json_fixed(j, US_PER_S, &at) != 0)
		return diag_set(d, -LMS_EDATA, "time: '%.40s' is no time (write RFC 3339, or seconds since 1970)",
				j->text ? j->text : "");
	/* A clock that is ahead of ours makes nothing fresher than its arrival. */
	out->age_us = wall > at ? wall - at : 0;
	return 0;
}

static const struct json *follow(const struct json *j, const char *path)
{
	char step[PUSHED_PATH_MAX + 1];

	while (*path && j != NULL) {
		size_t len = strcspn(path, "."), index = 0;

		snprintf(step, sizeof(step), "%.*s", (int)len, path);
		for (size_t i = 0; j->type == JSON_ARRAY && i < len; i++) {
			if (step[i] < '0' || step[i] > '9' || index > PUSHED_TEXT_MAX)
				return NULL;
			index = index * 10 + (size_t)(step[i] - '0');
		}
		j = j->type == JSON_ARRAY ? json_at(j, index) : json_get(j, step);
		path += len;
		path += *path == '.';
	}
	return j;
}

static int take_member(const struct json *m, bool strict, wall_t wall, struct meter_push *out, struct diag *d)
{
	const char *near;
	int var = meter_var_find(m->key);
	int64_t v;

	if (strcmp(m->key, "time") == 0)
		return take_time(m, wall, out, d);
	if (var < 0 && !strict)
		return 0;
	if (var < 0) {
		near = meter_var_nearest(m->key);
		return diag_set(d, -LMS_EDATA, "%.40s: is no variable%s%s%s", m->key, near ? " (did you mean '" : "",
				near ? near : "", near ? "'?)" : "");
	}
	if ((m->type != JSON_NUMBER && m->type != JSON_STRING) || json_fixed(m, scale_of((enum meter_var)var), &v) != 0)
		return no_number(m->key, m->text, m->len, d);
	return push_set(out, (enum meter_var)var, v, d);
}

static int take_object(const struct pushed_address *a, const struct json *root, bool strict, wall_t wall,
		       struct meter_push *out, struct diag *d)
{
	int ret = 0;

	if (a->is_power) {
		const struct json *at = follow(root, a->path);

		if (at == NULL || (at->type != JSON_NUMBER && at->type != JSON_STRING))
			return diag_set(d, -LMS_EDATA, "%s: there is no number in the payload", a->path[0] ? a->path : "power");
		return take_power(out, at->text, at->len, a->exp10, d);
	}
	if (root->type != JSON_OBJECT)
		return diag_set(d, -LMS_EDATA, "is neither a number nor an object with variables");
	for (const struct json *m = root->first; m != NULL && ret == 0; m = m->next)
		ret = take_member(m, strict, wall, out, d);
	return ret;
}

int push_parse(const struct pushed_address *a, const char *text, size_t len, bool strict, wall_t wall,
	       struct meter_push *out, struct diag *d)
{
	struct arena arena;
	const struct json *root;
	struct diag said;
	int ret;

	memset(out, 0, sizeof(*out));
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) && text[len - 1] != '\0')
		len--;
	while (len > 0 && strchr(" \t\r\n", text[0]) && text[0] != '\0')
		text++, len--;
	if (len == 0 || len > PUSHED_TEXT_MAX)
		return diag_set(d, -LMS_EDATA, "the payload is %s", len ? "larger than 4096 bytes" : "empty");
	if (text[0] != '{' && text[0] != '[')
		return a->path[0] ? diag_set(d, -LMS_EDATA, "%s: the payload is no JSON object", a->path)
				  : take_power(out, text, len, a->exp10, d);
	arena_init(&arena);
	diag_init(&said);
	root = json_parse(&arena, text, len, &JSON_CAPS_DEFAULT, &said);
	if (root == NULL)
		ret = diag_set(d, -LMS_EDATA, "is no JSON: %s", said.text);
	else
		ret = take_object(a, root, strict, wall, out, d);
	arena_fini(&arena);
	return ret;
}

int push_check(const struct meter_push *p, const struct meter_setup *s, bool produces, int64_t last_age_us, struct diag *d)
{
	bool turned = (s->invert & PHASE_ALL) == PHASE_ALL;
	int64_t w = p->v[METER_power_total];

	if (p->set == 0)
		return diag_set(d, -LMS_EDATA, "no variable that lmsd knows is in it (power_total …)");
	if (p->age_us > s->stale_us)
		return diag_set(d, -LMS_EDATA, "time: the values are %lld s old, older than stale_after",
				(long long)(p->age_us / US_PER_S));
	if (last_age_us != NUM_NONE && p->age_us > last_age_us)
		return diag_set(d, -LMS_EDATA, "time: the values are older than those that were told last, by %lld ms (tell "
				"them in their order)", (long long)((p->age_us - last_age_us) / US_PER_MS));
	if (produces && p->set >> METER_power_total & 1 && (turned ? -w : w) < -PUSHED_NIGHT_W)
		return diag_set(d, -LMS_EDATA, "power_total: %lld W are consumed, but a meter with scope=pv sees what is "
				"produced as %s (invert=%s turns it)", (long long)w, turned ? "negative" : "positive",
				turned ? "no" : "all");
	return 0;
}

/* ---- as registers ------------------------------------------------------------------------------ */

void push_reading(const struct meter_push *p, mono_t now, wall_t wall, struct push_room *room, struct meter_reading *out)
{
	*out = (struct meter_reading){
		.at = now - p->age_us, .wall = wall - p->age_us, .latency_us = NUM_NONE, .blocks = room->blocks,
	};
	for (int var = 0; var < METER_VAR_COUNT; var++) {
		uint16_t *w = room->words[out->block_count];

		if (!(p->set >> var & 1))
			continue;
		for (int i = 0; i < WORDS; i++)
			w[i] = (uint16_t)((uint64_t)p->v[var] >> (16 * (WORDS - 1 - i)));
		room->blocks[out->block_count++] = (struct meter_block){
			.fc = FC, .addr = (uint16_t)(var * WORDS), .count = WORDS, .at = out->at, .words = w,
		};
	}
}
