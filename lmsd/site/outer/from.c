/* site/outer/from.c - the grammar of where a state comes from. */
#include "site/outer/from.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"
#include "base/types.h"

#define HOW "write modbus:SLAVE@HOST:PORT,holding:ADDRESS; coil, discrete, input; bit:N or mask:0xNN behind it"

static const struct {
	const char *word;
	uint8_t fc;
} kinds[] = { { "coil:", 1 }, { "discrete:", 2 }, { "holding:", 3 }, { "input:", 4 } };

/* Digits, or 0x and hexadecimal ones, at the beginning of text; how many characters, 0 = none or too large. */
static size_t take_number(const char *text, int64_t most, int64_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? "0123456789abcdef" : "0123456789";
	size_t at = hex ? 2 : 0, begin = at;
	int64_t v = 0;

	for (; text[at]; at++) {
		char c = text[at] >= 'A' && text[at] <= 'F' ? (char)(text[at] | 0x20) : text[at];
		const char *d = strchr(digits, c);

		if (!d)
			break;
		v = v * (hex ? 16 : 10) + (d - digits);
		if (v > most)
			return 0;
	}
	*out = v;
	return at > begin ? at : 0;
}

/* ---- from ------------------------------------------------------------------------------------------- */

static int take_topic(const char *topic, struct state_from *out, struct diag *diag)
{
	size_t len = strlen(topic);

	if (len == 0 || len > FROM_TOPIC_MAX)
		return diag_set(diag, -LMS_EDATA, "the topic is %s (write mqtt:TOPIC, at most %d bytes)",
				len ? "too long" : "missing", FROM_TOPIC_MAX);
	if (strpbrk(topic, "+#"))
		return diag_set(diag, -LMS_EDATA, "'%.60s' names many topics (write one, without + and #)", topic);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)topic[i] < 0x20 || topic[i] == 0x7f)
			return diag_set(diag, -LMS_EDATA, "the topic has control characters (write mqtt:TOPIC)");
	if (!utf8_valid(topic, len))
		return diag_set(diag, -LMS_EDATA, "the topic is not UTF-8 (write mqtt:TOPIC)");
	memcpy(out->topic, topic, len + 1);
	return 0;
}

/* The last ",KIND:" of the text: what is before it is the device, which may have commas of its own. */
static const char *find_point(const char *text, uint8_t *fc, size_t *skip)
{
	for (const char *at = text + strlen(text); at > text; at--)
		for (size_t i = 0; at[-1] == ',' && i < ARRAY_LEN(kinds); i++)
			if (strncasecmp(at, kinds[i].word, strlen(kinds[i].word)) == 0) {
				*fc = kinds[i].fc;
				*skip = strlen(kinds[i].word);
				return at;
			}
	return NULL;
}

/* ",bit:3" or ",mask:0x00f0", or nothing. */
static int take_part(const char *text, struct state_from *out, struct diag *diag)
{
	bool bit = strncasecmp(text, ",bit:", 5) == 0, mask = strncasecmp(text, ",mask:", 6) == 0;
	int64_t number = 0;
	size_t len;

	out->mask = UINT16_MAX;
	if (!*text)
		return 0;
	if (!bit && !mask)
		return diag_set(diag, -LMS_EDATA, "at '%.40s': is not understood (%s)", text, HOW);
	if (out->fc <= 2)
		return diag_set(diag, -LMS_EDATA, "a coil or discrete input has no bits (leave out '%.40s')", text);
	text += bit ? 5 : 6;
	len = take_number(text, bit ? 15 : UINT16_MAX, &number);
	if (len == 0 || text[len] || (mask && number == 0))
		return diag_set(diag, -LMS_EDATA, "'%.40s' is not a %s", text,
				bit ? "bit (write bit:0 to bit:15)" : "mask (write mask:0x0001 to mask:0xffff)");
	out->mask = (uint16_t)(bit ? 1 << number : number);
	return 0;
}

static int take_modbus(const char *text, struct state_from *out, struct diag *diag)
{
	char device[ADDRESS_TEXT_MAX];
	size_t skip, len;
	const char *at = find_point(text, &out->fc, &skip);
	int64_t addr;
	int ret;

	if (!at)
		return diag_set(diag, -LMS_EDATA, "'%.60s' does not say what is read there (%s)", text, HOW);
	if ((size_t)(at - text) > sizeof(device))
		return diag_set(diag, -LMS_EDATA, "the address of the device is too long (%s)", HOW);
	memcpy(device, text, (size_t)(at - text - 1));
	device[at - text - 1] = '\0';
	ret = address_parse(device, &out->device, diag);
	if (ret)
		return ret;
	at += skip;
	len = take_number(at, UINT16_MAX, &addr);
	if (len == 0)
		return diag_set(diag, -LMS_EDATA, "'%.40s' is not an address of a register (0 to 65535; %s)", at, HOW);
	out->addr = (uint16_t)addr;
	return take_part(at + len, out, diag);
}

int from_parse(const char *text, struct state_from *out, struct diag *diag)
{
	*out = (struct state_from){ .kind = FROM_COMMAND };
	if (strcasecmp(text, "command") == 0)
		return 0;
	if (strcasecmp(text, "bms") == 0) {
		out->kind = FROM_BMS;
		return 0;
	}
	if (strncasecmp(text, "mqtt:", 5) == 0) {
		out->kind = FROM_MQTT;
		return take_topic(text + 5, out, diag);
	}
	if (strncasecmp(text, "modbus:", 7) == 0) {
		out->kind = FROM_MODBUS;
		return take_modbus(text + 7, out, diag);
	}
	return diag_set(diag, -LMS_EDATA, "'%.60s' is nowhere that a state can come from (write command, bms, mqtt:TOPIC "
			"or modbus:SLAVE@HOST:PORT,holding:ADDRESS)", text);
}

int64_t from_number(const struct state_from *from, uint16_t raw)
{
	unsigned mask = from->mask, v = raw & mask;

	if (from->fc <= 2)
		return raw != 0;
	while (!(mask & 1)) {
		mask >>= 1;
		v >>= 1;
	}
	return v;
}

bool from_is_bit(const struct state_from *from)
{
	return from->kind == FROM_MODBUS && (from->fc <= 2 || !(from->mask & (from->mask - 1)));
}

/* ---- values ------------------------------------------------------------------------------------------ */

#define VALUES_HOW "write 0=normal,1=reduced,2..5=stop"

/* A word of the text: what it has in common with a state, so that states can be words, too. */
static size_t word_len(const char *at)
{
	return strcspn(at, " ,=");
}

static int take_left(const char *at, size_t len, struct state_values *v, struct diag *diag)
{
	char word[SIGNAL_STATE_MAX];
	int64_t least, most;
	size_t n;

	if (len == 0 || len >= sizeof(word))
		return diag_set(diag, -LMS_EDATA, "at '%.20s': a value is missing or too long (%s)", *at ? at : "the end",
				VALUES_HOW);
	memcpy(word, at, len);
	word[len] = '\0';
	v->items[v->count].word[0] = '\0';
	n = take_number(word, UINT32_MAX, &least);
	most = least;
	if (n && strncmp(word + n, "..", 2) == 0) {
		size_t to = take_number(word + n + 2, UINT32_MAX, &most);

		n = to ? n + 2 + to : 0;
	}
	if (n == 0 || word[n]) {
		memcpy(v->items[v->count].word, word, len + 1);
		return 0;
	}
	if (most < least)
		return diag_set(diag, -LMS_EDATA, "'%s' runs backwards (write %lld..%lld)", word, (long long)most,
				(long long)least);
	v->items[v->count].least = least;
	v->items[v->count].most = most;
	return 0;
}

/* Does the last item say something of a value that one before it says, too? */
static bool is_twice(const struct state_values *v)
{
	for (size_t i = 0; i < v->count; i++) {
		bool words = v->items[i].word[0] && v->items[v->count].word[0];
		bool numbers = !v->items[i].word[0] && !v->items[v->count].word[0];

		if (words && strcasecmp(v->items[i].word, v->items[v->count].word) == 0)
			return true;
		if (numbers && v->items[i].least <= v->items[v->count].most &&
		    v->items[v->count].least <= v->items[i].most)
			return true;
	}
	return false;
}

static int take_value(const char **text, struct state_values *v, struct diag *diag)
{
	const char *at = *text + strspn(*text, " "), *begin = at;
	size_t len = word_len(at);
	int ret;

	if (v->count == STATE_VALUES_MAX)
		return diag_set(diag, -LMS_EDATA, "are too many (at most %d)", STATE_VALUES_MAX);
	ret = take_left(at, len, v, diag);
	if (ret)
		return ret;
	if (is_twice(v))
		return diag_set(diag, -LMS_EDATA, "says twice what '%.*s' means", (int)len, at);
	at += len;
	at += strspn(at, " ");
	if (*at != '=')
		return diag_set(diag, -LMS_EDATA, "at '%.20s': does not say which state it means (%s)", begin, VALUES_HOW);
	at += 1 + strspn(at + 1, " ");
	len = word_len(at);
	if (len == 0 || len >= sizeof(v->items[0].state))
		return diag_set(diag, -LMS_EDATA, "at '%.20s': does not say which state it means (%s)", begin, VALUES_HOW);
	memcpy(v->items[v->count].state, at, len);
	v->items[v->count++].state[len] = '\0';
	at += len;
	*text = at + strspn(at, " ");
	return 0;
}

int state_values_parse(const char *text, struct state_values *out, struct diag *diag)
{
	*out = (struct state_values){ 0 };
	for (;;) {
		int ret = take_value(&text, out, diag);

		if (ret || !*text)
			return ret;
		if (*text != ',')
			return diag_set(diag, -LMS_EDATA, "at '%.20s': is not understood (%s)", text, VALUES_HOW);
		text++;
	}
}

const char *state_of_number(const struct state_values *v, int64_t number)
{
	for (size_t i = 0; i < v->count; i++)
		if (!v->items[i].word[0] && v->items[i].least <= number && number <= v->items[i].most)
			return v->items[i].state;
	return NULL;
}

const char *state_of_word(const struct state_values *v, const char *word)
{
	int64_t number;
	size_t len = take_number(word, UINT32_MAX, &number);

	for (size_t i = 0; i < v->count; i++)
		if (v->items[i].word[0] && strcasecmp(v->items[i].word, word) == 0)
			return v->items[i].state;
	return len && !word[len] ? state_of_number(v, number) : NULL;
}

/* ---- both -------------------------------------------------------------------------------------------- */

/* "grid,island": each is what its own name says. */
static void add_names(const char *states, struct state_values *v)
{
	while (*states && v->count < STATE_VALUES_MAX) {
		size_t len;

		states += strspn(states, " ,");
		len = word_len(states);
		if (len == 0 || len >= SIGNAL_STATE_MAX)
			return;
		v->items[v->count].least = v->items[v->count].most = 0;
		memcpy(v->items[v->count].word, states, len);
		v->items[v->count].word[len] = '\0';
		memcpy(v->items[v->count].state, v->items[v->count].word, len + 1);
		v->count++;
		states += len;
	}
}

static void add_numbers(const char *states, struct state_values *v)
{
	struct state_values names = { 0 };

	add_names(states, &names);
	for (size_t i = 0; i < names.count && v->count < STATE_VALUES_MAX; i++, v->count++) {
		v->items[v->count].least = v->items[v->count].most = (int64_t)i;
		v->items[v->count].word[0] = '\0';
		memcpy(v->items[v->count].state, names.items[i].state, SIGNAL_STATE_MAX);
	}
}

static bool has_name(const struct state_values *names, const char *state)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i].state, state) == 0)
			return true;
	return false;
}

/* "grid_from" has "grid_values", "from" has "values". */
static int values_of(const char *key, const char *values, const char *states, bool numbers, struct state_way *out,
		     struct diag *diag)
{
	const char *grid = strcmp(key, "grid_from") == 0 ? "grid_" : "";
	struct state_values names = { 0 };
	struct diag said;

	diag_init(&said);
	if (values && out->from.kind != FROM_MQTT && out->from.kind != FROM_MODBUS)
		return diag_set(diag, -LMS_EDATA, "%svalues: says what values mean, but nothing tells any (add %s, or "
				"clear it)", grid, key);
	if (!values && out->from.kind == FROM_MODBUS && (!numbers || from_is_bit(&out->from)))
		return diag_set(diag, -LMS_EDATA, "%svalues: is missing: what do the values mean? (write 0=%.*s,1=…)", grid,
				(int)word_len(states), states);
	if (values && state_values_parse(values, &out->values, &said))
		return diag_set(diag, -LMS_EDATA, "%svalues: %s", grid, said.text);
	if (!values && numbers)
		add_numbers(states, &out->values);
	if (!values && out->from.kind == FROM_MQTT)
		add_names(states, &out->values);
	add_names(states, &names);
	add_names("lost", &names);
	for (size_t i = 0; i < out->values.count; i++)
		if (!has_name(&names, out->values.items[i].state))
			return diag_set(diag, -LMS_EDATA, "%svalues: '%s' is not a state (it has %s, and lost)", grid,
					out->values.items[i].state, states);
	return 0;
}

int state_way_parse(const char *key, const char *from, const char *values, const char *states, bool numbers,
		    struct state_way *out, struct diag *diag)
{
	struct diag said;
	int ret;

	diag_init(&said);
	*out = (struct state_way){ .from.kind = FROM_COMMAND };
	snprintf(out->text, sizeof(out->text), "%s", from ? from : "command");
	if (from && from_parse(from, &out->from, &said))
		return diag_set(diag, -LMS_EDATA, "%s: %s", key, said.text);
	ret = values_of(key, values, states, numbers, out, diag);
	return ret ? ret : out->from.kind == FROM_COMMAND;
}
