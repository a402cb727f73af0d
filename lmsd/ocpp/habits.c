/* ocpp/habits.c - reads etc/stations files and finds the entry that fits a station. */
#include "ocpp/habits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/fields.h"
#include "base/text.h"
#include "site/site.h"

/* Whole amperes and Absolute suit most; nobody is hurt by a limit that is 0.9 A lower. */
static const struct ocpp_habits defaults = { .absolute = true, .step_ma = NUM_NONE,
					      .shedding = { .unit = HABITS_A, .min = 6, .max = NUM_NONE } };

/* Words in configuration keys that name a limit of current ("OperatorCurrentLimit", "MaxPower"), or
 * that may switch profiles off ("SmartChargingEnabled"). Too many keys are safe, too few are not. */
static const char *const quantity_words[] = { "current", "ampere", "amperage", "power", "watt", "chargerate" };
static const char *const limit_words[] = { "max", "limit", "default", "offered", "allowed" };
static const char *const profile_words[] = { "smartcharg", "chargingprofile", "chargeprofile", "loadmanag", "loadbalanc" };

static bool set_choice(const char *value, const char *choices, bool *out)
{
	int i = enum_index(choices, value);

	*out = i == 1;
	return i >= 0;
}

static bool set_text(const char *value, char *out, size_t size)
{
	if (strlen(value) >= size)
		return false;
	snprintf(out, size, "%s", value);
	return true;
}

static bool set_number(const char *value, int64_t min, int64_t max, int64_t *out)
{
	struct diag d;

	diag_init(&d);
	return parse_int(value, min, max, out, &d) == 0;
}

/* config.KEY = value: what the station's own configuration shall be. */
static bool add_config(struct ocpp_habits *h, const char *key, const char *value)
{
	if (!*key || strlen(key) > 50 || strlen(value) > 500 || h->config_count == HABITS_CONFIG_MAX)
		return false;
	h->config[h->config_count].key = arena_strdup(&h->arena, key);
	h->config[h->config_count++].value = arena_strdup(&h->arena, value);
	return true;
}

/* propose.KEY = value: a key of lmsctl station, in the words of people. */
static int add_proposal(struct ocpp_habits *h, const char *key, const char *value, struct diag *d)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_station];
	bool human;
	const struct field *f = field_find(n->keys, n->key_count, key, &human);

	if (!f || f == n->keys)
		return -1;
	if (field_parse(f, value, human || f->type == FIELD_TEXT, &h->arena, &h->proposes, d))
		return 0;
	h->proposes.given |= UINT64_C(1) << (f - n->keys);
	return 1;
}

/* Whole amperes from 6 up, and 0 to pause, is what most of them mean. */
const struct habits_key habits_key_default = { .unit = HABITS_A, .min = 6, .max = NUM_NONE };

static int set_shedding(struct habits_key *k, const char *key, const char *value)
{
	int unit;

	if (strcmp(key, "key") == 0) {
		snprintf(k->way, sizeof(k->way), "config:%.50s", value);
		return *value && set_text(value, k->name, sizeof(k->name) - 1);
	}
	if (strcmp(key, "min") == 0)
		return set_number(value, 1, 1000000, &k->min);
	if (strcmp(key, "max") == 0)
		return set_number(value, 1, 1000000, &k->max);
	if (strcmp(key, "pause") == 0 && strcmp(value, "no") == 0) {
		k->pause = NUM_NONE;
		return 1;
	}
	if (strcmp(key, "pause") == 0)
		return set_number(value, 0, 1000000, &k->pause);
	if (strcmp(key, "unit") != 0)
		return -1;
	unit = enum_index("A|mA|W", value);
	k->unit = unit == 1 ? HABITS_MA : unit == 2 ? HABITS_W : HABITS_A;
	if (k->min == habits_key_default.min && unit == 1)
		k->min = 6000;
	return unit >= 0;
}

/* 1: set, 0: the value is wrong, -1: no such key. */
static int set_key(struct ocpp_habits *h, const char *key, const char *value)
{
	struct diag d;
	int64_t number = 0;

	diag_init(&d);
	if (strncmp(key, "config.", 7) == 0)
		return add_config(h, key + 7, value);
	if (strncmp(key, "propose.", 8) == 0)
		return add_proposal(h, key + 8, value, &d);
	if (strcmp(key, "vendor") == 0)
		return set_text(value, h->vendor, sizeof(h->vendor));
	if (strcmp(key, "model") == 0)
		return set_text(value, h->model, sizeof(h->model));
	if (strcmp(key, "unit") == 0) {
		h->unit_said = true;
		return set_choice(value, "A|W", &h->watts);
	}
	if (strcmp(key, "power_at") == 0)
		return set_choice(value, "input|output", &h->output);
	if (strcmp(key, "kind") == 0)
		return set_choice(value, "Relative|Absolute", &h->absolute);
	if (strcmp(key, "number_phases") == 0)
		return set_choice(value, "no|yes", &h->number_phases);
	if (strncmp(key, "shedding_", 9) == 0)
		return set_shedding(&h->shedding, key + 9, value);
	if (strcmp(key, "tag_serial") == 0)
		return set_choice(value, "no|yes", &h->tag_serial);
	if (strcmp(key, "periods") == 0)
		return set_choice(value, "2|1", &h->one_period);
	if (strcmp(key, "limit_keys") == 0)
		return set_text(value, h->limit_keys, sizeof(h->limit_keys));
	if (strcmp(key, "limit_transfers") == 0)
		return set_text(value, h->limit_transfers, sizeof(h->limit_transfers));
	if (strcmp(key, "note") == 0)
		return set_text(value, h->note, sizeof(h->note));
	if (strcmp(key, "step_ma") == 0)
		return set_number(value, 100, 1000, &h->step_ma) && h->step_ma % 900 == 100;
	if (strcmp(key, "stack_level") != 0)
		return -1;
	if (!set_number(value, 0, 100, &number))
		return 0;
	h->stack_level = (int)number;
	return 1;
}

static char *trim(char *s)
{
	size_t len;

	s += strspn(s, " \t\r");
	for (len = strlen(s); len > 0 && strchr(" \t\r", s[len - 1]); len--)
		s[len - 1] = '\0';
	return s;
}

static int read_line(struct ocpp_habits *h, char *line, const char *file, int number, struct diag *diag)
{
	char *value = strchr(line, '='), *key;
	size_t before = h->config_count;
	int ok;

	key = trim(line);
	if (*key == '\0' || *key == '#')
		return 0;
	if (!value)
		return diag_set_at(diag, -LMS_EDATA, file, number, 1, "a line must be: key = value");
	*value++ = '\0';
	key = trim(line);
	value = trim(value);
	ok = set_key(h, key, value);
	if (ok < 0)
		return diag_set_at(diag, -LMS_EDATA, file, number, 1,
				   "'%s' is no key (known are vendor, model, unit, power_at, kind, number_phases, "
				   "periods, tag_serial, shedding_key, shedding_unit, shedding_min, shedding_max, shedding_pause, "
				   "stack_level, step_ma, limit_keys, limit_transfers, config.KEY, propose.KEY of "
				   "lmsctl station, note)", key);
	if (ok == 0)
		return diag_set_at(diag, -LMS_EDATA, file, number, 1, "%s: '%s' is no value for it", key, value);
	if (h->config_count > before)
		h->config[before].line = number;
	return 0;
}

/* Set at each boot, past the gate of the balance and behind the back of the door. */
static int check_config(const struct ocpp_habits *h, const char *file, struct diag *diag)
{
	for (size_t i = 0; i < h->config_count; i++) {
		const char *key = h->config[i].key;

		if (habits_limit_key(h, key))
			return diag_set_at(diag, -LMS_EDATA, file, h->config[i].line, 1, "config.%s: may raise a limit, and "
					   "limits are set by lmsd alone (leave it out; lmsctl station set ID shedding=config:%s lets "
					   "lmsd set it)", key, key);
		if (strcasecmp(key, "AuthorizationKey") == 0)
			return diag_set_at(diag, -LMS_EDATA, file, h->config[i].line, 1, "config.%s: each station has a key of its "
					   "own (leave it out; lmsctl station key rotate ID sends one)", key);
	}
	return 0;
}

int habits_add(struct ocpp_habits **list, const char *file, const char *text, size_t len, struct diag *diag)
{
	struct ocpp_habits *h = xmalloc(sizeof(*h));
	char *copy = xmalloc(len + 1), *rest = copy, *line;
	int number = 0, ret = 0;

	*h = defaults;
	arena_init(&h->arena);
	ctl_keys_clear(&ctl_nouns[CTL_NOUN_station], &h->proposes);
	memcpy(copy, text, len);
	copy[len] = '\0';
	while (ret == 0 && (line = strsep(&rest, "\n")) != NULL)
		ret = read_line(h, line, file, ++number, diag);
	if (ret == 0 && !h->vendor[0])
		ret = diag_set_at(diag, -LMS_EDATA, file, number, 1, "vendor: is missing (as BootNotification says it)");
	free(copy);
	if (ret == 0)
		ret = check_config(h, file, diag);
	if (ret) {
		arena_fini(&h->arena);
		free(h);
		return ret;
	}
	h->next = *list;
	*list = h;
	return 0;
}

void habits_free(struct ocpp_habits *list)
{
	while (list) {
		struct ocpp_habits *next = list->next;

		arena_fini(&list->arena);
		free(list);
		list = next;
	}
}

/* How many characters of the pattern fit, plus one; 0 = it does not fit. */
static size_t fit(const char *pattern, const char *said)
{
	size_t len = strlen(pattern);

	if (len == 0)
		return 1;
	if (pattern[len - 1] == '*')
		return strncasecmp(pattern, said, len - 1) == 0 ? len : 0;
	return strcasecmp(pattern, said) == 0 ? len + 2 : 0;
}

const struct ocpp_habits *habits_of(const struct ocpp_habits *list, const struct station *st)
{
	const struct ocpp_habits *best = &defaults;
	size_t best_fit = 0;

	for (const struct ocpp_habits *h = list; h; h = h->next) {
		size_t vendor = fit(h->vendor, st->vendor), model = fit(h->model, st->model);

		if (vendor && model && vendor + model * 100 > best_fit) {
			best = h;
			best_fit = vendor + model * 100;
		}
	}
	return best;
}

bool habits_plain_tag(const struct ocpp_habits *h, const char *said, char *out, size_t size)
{
	const char *end = strrchr(said, '_');

	if (!h->tag_serial || !end || end == said || !end[1] || (size_t)(end - said) >= size)
		return false;
	snprintf(out, size, "%.*s", (int)(end - said), said);
	return true;
}

static bool names(const char *keys, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = keys; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");

		if (n == len && strncasecmp(p, key, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static bool holds(const char *key, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasestr(key, words[i]))
			return true;
	}
	return false;
}

static bool sounds_like_limit(const char *word)
{
	return holds(word, profile_words, ARRAY_LEN(profile_words)) ||
		(holds(word, quantity_words, ARRAY_LEN(quantity_words)) && holds(word, limit_words, ARRAY_LEN(limit_words)));
}

bool habits_limit_key(const struct ocpp_habits *list, const char *key)
{
	if (sounds_like_limit(key))
		return true;
	for (const struct ocpp_habits *h = list; h; h = h->next) {
		if (names(h->limit_keys, key) || (*h->shedding.name && strcasecmp(h->shedding.name, key) == 0))
			return true;
	}
	return false;
}

bool habits_limit_transfer(const struct ocpp_habits *list, const char *vendor, const char *message)
{
	char both[320];

	snprintf(both, sizeof(both), "%s/%s", vendor, message);
	if (sounds_like_limit(message))
		return true;
	for (const struct ocpp_habits *h = list; h; h = h->next) {
		if (names(h->limit_transfers, vendor) || names(h->limit_transfers, both))
			return true;
	}
	return false;
}
