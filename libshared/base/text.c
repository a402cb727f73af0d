/* base/text.c - quantities and identities: one parser and one formatter for each unit.
 *
 * Invariant: what a formatter writes, the parser of that unit reads (up to the rounding shown).
 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

struct unit {
	const char *name;
	int64_t scale; /* in base units: a power of ten, except in spans */
};

struct quantity {
	const char *noun; /* "a current" */
	const char *remedy; /* "write 30 or 30A" */
	const struct unit *units; /* the first one is what a bare number means; ends with NULL */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_word(const char *s, size_t len, const char *word)
{
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '\0' || lower(s[i]) != lower(word[i]))
			return false;
	}
	return word[len] == '\0';
}

static void trim(const char **s, size_t *len)
{
	while (*len > 0 && is_blank(**s)) {
		(*s)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*s)[*len - 1]))
		(*len)--;
}

/* What the person wrote goes into the message escaped and cut: it may be anything. */
__attribute__((format(printf, 5, 6)))
static int complain(struct diag *d, int err, const char *s, size_t len, const char *fmt, ...)
{
	char why[200];
	struct buf shown;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	buf_init(&shown);
	text_escape(&shown, s, len < 60 ? len : 60);
	err = diag_set(d, err, "'%s' %s", buf_cstr(&shown), why);
	buf_fini(&shown);
	return err;
}

static int complain_about(struct diag *d, int err, const char *s, size_t len,
			  const struct quantity *q)
{
	if (err == -LMS_ERANGE)
		return complain(d, err, s, len, "is out of range for %s (%s)", q->noun, q->remedy);
	return complain(d, err, s, len, "is not %s (%s)", q->noun, q->remedy);
}

static const struct unit *find_unit(const struct unit *units, const char *s, size_t len)
{
	if (len == 0)
		return &units[0];
	for (const struct unit *u = units; u->name; u++) {
		if (same_word(s, len, u->name))
			return u;
	}
	return NULL;
}

static size_t number_len(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (is_digit(s[n]) || s[n] == '.' || s[n] == '+' || s[n] == '-'))
		n++;
	return n;
}

/* One number with an optional unit, not negative and at most `max`. */
static int parse_quantity(const char *s, size_t len, const struct quantity *q, int64_t max,
			  int64_t *out, struct diag *d)
{
	const char *whole = s, *unit_name;
	size_t whole_len = len, digits, unit_len;
	const struct unit *unit;
	int64_t value;
	int err;

	trim(&s, &len);
	digits = number_len(s, len);
	unit_name = s + digits;
	unit_len = len - digits;
	trim(&unit_name, &unit_len);
	unit = find_unit(q->units, unit_name, unit_len);
	err = unit ? text_fixed(s, digits, unit->scale, &value) : -LMS_EDATA;
	if (err == 0 && (value < 0 || value > max))
		err = -LMS_ERANGE;
	if (err)
		return complain_about(d, err, whole, whole_len, q);
	*out = value;
	return 0;
}

static const struct unit current_units[] = {
	{ "A", 1000 }, { "mA", 1 }, { "kA", 1000000 }, { NULL, 0 }
};
static const struct unit power_units[] = {
	{ "W", 1 }, { "kW", 1000 }, { "MW", 1000000 }, { "GW", 1000000000 }, { NULL, 0 }
};
static const struct unit energy_units[] = {
	{ "Wh", 1 }, { "kWh", 1000 }, { "MWh", 1000000 }, { "GWh", 1000000000 }, { NULL, 0 }
};
static const struct quantity current_quantity = { "a current", "write 30 or 30A, 6300A at most", current_units };
static const struct quantity power_quantity = { "a power", "write 11000 or 11kW", power_units };
static const struct quantity energy_quantity = { "an energy", "write 500 or 20kWh", energy_units };

int parse_ma(const char *s, int64_t *ma, struct diag *d)
{
	return parse_quantity(s, strlen(s), &current_quantity, LIMIT_MAX_MA, ma, d);
}

int parse_w(const char *s, int64_t *w, struct diag *d)
{
	return parse_quantity(s, strlen(s), &power_quantity, INT64_MAX, w, d);
}

int parse_wh(const char *s, int64_t *wh, struct diag *d)
{
	const char *number = s;
	int ret;

	/* A change of a credit may take some off. */
	while (is_blank(*number))
		number++;
	if (*number != '-')
		return parse_quantity(s, strlen(s), &energy_quantity, INT64_MAX, wh, d);
	ret = parse_quantity(number + 1, strlen(number + 1), &energy_quantity, INT64_MAX, wh, d);
	if (ret == 0)
		*wh = -*wh;
	return ret;
}

/* "-", and the "- A" at the end of what fmt_phase_ma writes. */
static bool is_absent(const char *s, size_t len)
{
	trim(&s, &len);
	if (len == 0 || *s != '-')
		return false;
	s++;
	len--;
	trim(&s, &len);
	return len == 0 || same_word(s, len, current_units[0].name);
}

int parse_phase_ma(const char *s, struct phase_ma *p, struct diag *d)
{
	static const struct quantity phases = { "a current per phase",
						"write 60, 20,16,20 or 20,-,- in A, 6300 at most",
						current_units };
	struct phase_ma parsed = { { NUM_NONE, NUM_NONE, NUM_NONE } };
	const char *rest = s;
	bool present = false;
	int count = 0;

	for (;;) {
		size_t len = strcspn(rest, ",/");

		if (count == PHASES)
			return complain_about(d, -LMS_EDATA, s, strlen(s), &phases);
		if (!is_absent(rest, len)) {
			int err = parse_quantity(rest, len, &phases, LIMIT_MAX_MA, &parsed.l[count],
						 d);

			if (err)
				return err;
			present = true;
		}
		count++;
		if (rest[len] == '\0')
			break;
		rest += len + 1;
	}
	if (!present || (count != 1 && count != PHASES))
		return complain_about(d, -LMS_EDATA, s, strlen(s), &phases);
	if (count == 1)
		parsed.l[1] = parsed.l[2] = parsed.l[0];
	*p = parsed;
	return 0;
}

/* Spans: "1h30m" is a sum, and minutes are no power of ten, so a part is read in millionths of
 * its unit and then multiplied. */
static const struct unit span_units[] = {
	{ "s", 1000000 },    { "sec", 1000000 },   { "ms", 1000 },
	{ "us", 1 },	     { "m", 60000000 },	   { "min", 60000000 },
	{ "h", 3600000000 }, { "d", 86400000000 }, { "w", 604800000000 },
	{ NULL, 0 },
};
static const struct quantity span = { "a time span", "write 90s, 5m, 2h, 1h30m or 7d", span_units };

static size_t unit_name_len(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && lower(s[n]) >= 'a' && lower(s[n]) <= 'z')
		n++;
	return n;
}

static int span_part(const char **s, size_t *len, int64_t *us, bool *bare)
{
	size_t digits = number_len(*s, *len), name_len;
	const struct unit *unit;
	int64_t millionths, factor;
	int err;

	err = text_fixed(*s, digits, 1000000, &millionths);
	*s += digits;
	*len -= digits;
	trim(s, len);
	name_len = unit_name_len(*s, *len);
	unit = find_unit(span_units, *s, name_len);
	if (err || !unit)
		return err ? err : -LMS_EDATA;
	if (millionths < 0)
		return -LMS_ERANGE;
	*bare = name_len == 0;
	*s += name_len;
	*len -= name_len;
	trim(s, len);
	/* Whole units and their fraction apart: the product of both at once would overflow. */
	factor = unit->scale;
	if (__builtin_mul_overflow(millionths / 1000000, factor, us) ||
	    __builtin_add_overflow(*us, millionths % 1000000 * (factor / 1000) / 1000, us))
		return -LMS_ERANGE;
	return 0;
}

int parse_span_us(const char *s, int64_t *us, struct diag *d)
{
	const char *rest = s;
	size_t len = strlen(s);
	int64_t sum = 0, part = 0;
	bool bare = false;
	int parts = 0, err = 0;

	trim(&rest, &len);
	do {
		err = span_part(&rest, &len, &part, &bare);
		if (err == 0 && __builtin_add_overflow(sum, part, &sum))
			err = -LMS_ERANGE;
		parts++;
		/* "1h30" could be minutes or seconds. */
		if (err == 0 && bare && (parts > 1 || len > 0))
			err = -LMS_EDATA;
	} while (err == 0 && len > 0);
	if (err)
		return complain_about(d, err, s, strlen(s), &span);
	*us = sum;
	return 0;
}

int parse_permille(const char *s, int64_t *pm, struct diag *d)
{
	static const struct unit units[] = { { "", 1000 }, { "%", 10 }, { NULL, 0 } };
	static const struct quantity share = { "a share", "write 20% or 0.2, at most 100%", units };

	return parse_quantity(s, strlen(s), &share, 1000, pm, d);
}

int parse_bool(const char *s, bool *b, struct diag *d)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
	const char *word = s;
	size_t len = strlen(s);

	trim(&word, &len);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (same_word(word, len, words[i])) {
			*b = i % 2 == 1;
			return 0;
		}
	}
	return complain(d, -LMS_EDATA, s, strlen(s), "is neither yes nor no (write yes or no)");
}

int parse_int(const char *s, int64_t min, int64_t max, int64_t *v, struct diag *d)
{
	const char *digits = s;
	size_t len = strlen(s), sign;
	int64_t value;
	int err;

	trim(&digits, &len);
	sign = len > 0 && (*digits == '-' || *digits == '+');
	for (size_t i = sign; i < len; i++) {
		if (!is_digit(digits[i]))
			return complain(d, -LMS_EDATA, s, strlen(s), "is not a whole number");
	}
	err = text_fixed(digits, len, 1, &value);
	if (err == -LMS_EDATA)
		return complain(d, err, s, strlen(s), "is not a whole number");
	if (err || value < min || value > max)
		return complain(d, -LMS_ERANGE, s, strlen(s), "is out of range (%lld to %lld)",
				(long long)min, (long long)max);
	*v = value;
	return 0;
}

/* ---- formatters ---- */

struct step {
	int64_t unit;
	int decimals;
	const char *name;
};

static int64_t power_of_ten(int decimals)
{
	int64_t power = 1;

	while (decimals-- > 0)
		power *= 10;
	return power;
}

/* Rounded half away from zero, to `decimals` of `unit`, in the last decimal shown. */
static uint64_t rounded(uint64_t magnitude, const struct step *step)
{
	uint64_t grain = (uint64_t)(step->unit / power_of_ten(step->decimals));

	return magnitude / grain + (magnitude % grain >= grain - grain / 2);
}

static void put_fixed(struct buf *b, bool negative, uint64_t value, int decimals)
{
	uint64_t unit = (uint64_t)power_of_ten(decimals);

	buf_printf(b, "%s%llu", negative && value ? "-" : "", (unsigned long long)(value / unit));
	if (decimals)
		buf_printf(b, ".%0*llu", decimals, (unsigned long long)(value % unit));
}

static uint64_t magnitude_of(int64_t v)
{
	return v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
}

/* The largest unit of which there is at least one - after rounding: 999.96 kW is 1.00 MW. */
static void put_scaled(struct buf *b, int64_t v, const struct step *steps, size_t count)
{
	uint64_t magnitude = magnitude_of(v);
	size_t i = 0;

	if (v == NUM_NONE) {
		buf_putc(b, '-');
		return;
	}
	while (i + 1 < count) {
		uint64_t next = (uint64_t)(steps[i + 1].unit / steps[i].unit);

		if (rounded(magnitude, &steps[i]) <
		    next * (uint64_t)power_of_ten(steps[i].decimals))
			break;
		i++;
	}
	put_fixed(b, v < 0, rounded(magnitude, &steps[i]), steps[i].decimals);
	buf_printf(b, " %s", steps[i].name);
}

/* Amperes with one decimal, which is left out when it is zero. */
static void put_amperes(struct buf *b, int64_t ma)
{
	static const struct step tenths = { 1000, 1, "A" };
	uint64_t value;

	if (ma == NUM_NONE) {
		buf_putc(b, '-');
		return;
	}
	value = rounded(magnitude_of(ma), &tenths);
	if (value % 10)
		put_fixed(b, ma < 0, value, 1);
	else
		put_fixed(b, ma < 0, value / 10, 0);
}

void fmt_ma(struct buf *b, int64_t ma)
{
	put_amperes(b, ma);
	if (ma != NUM_NONE)
		buf_puts(b, " A");
}

void fmt_phase_ma(struct buf *b, const struct phase_ma *p)
{
	if (p->l[0] == p->l[1] && p->l[1] == p->l[2]) {
		fmt_ma(b, p->l[0]);
		return;
	}
	for (int i = 0; i < PHASES; i++) {
		if (i)
			buf_putc(b, '/');
		put_amperes(b, p->l[i]);
	}
	buf_puts(b, " A");
}

void fmt_w(struct buf *b, int64_t w)
{
	static const struct step steps[] = {
		{ 1, 0, "W" }, { 1000, 1, "kW" }, { 1000000, 2, "MW" }
	};

	put_scaled(b, w, steps, ARRAY_LEN(steps));
}

void fmt_wh(struct buf *b, int64_t wh)
{
	static const struct step steps[] = {
		{ 1, 0, "Wh" }, { 1000, 2, "kWh" }, { 1000000, 3, "MWh" }, { 1000000000, 3, "GWh" }
	};

	put_scaled(b, wh, steps, ARRAY_LEN(steps));
}

void fmt_span(struct buf *b, int64_t us)
{
	long long s = (long long)(magnitude_of(us) / (uint64_t)US_PER_S);

	if (us == NUM_NONE) {
		buf_putc(b, '-');
		return;
	}
	if (us < 0 && s > 0)
		buf_putc(b, '-');
	if (s < 60)
		buf_printf(b, "%lld s", s);
	else if (s < 3600)
		buf_printf(b, "%lld m %02lld s", s / 60, s % 60);
	else if (s < 86400)
		buf_printf(b, "%lld h %02lld m", s / 3600, s / 60 % 60);
	else
		buf_printf(b, "%lld d %02lld h", s / 86400, s / 3600 % 24);
}

/* ---- identities and names ---- */

int id_check(const char *s, const char *what, struct diag *d)
{
	static const char punctuation[] = "._:@|*+=- ";
	size_t len = strlen(s);

	if (len == 0)
		return diag_set(d, -LMS_EDATA, "%s is empty (write 1 to %d characters)", what,
				ID_MAX);
	for (size_t i = 0; i < len; i++) {
		char c = lower(s[i]);

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !strchr(punctuation, c))
			return complain(d, -LMS_EDATA, s, len,
					"is not %s (letters, digits, blanks inside, ._:@|*+=-)",
					what);
	}
	if (s[0] == ' ' || s[len - 1] == ' ')
		return complain(d, -LMS_EDATA, s, len, "is not %s (no blank at the ends)", what);
	if (len > ID_MAX)
		return complain(d, -LMS_EDATA, s, len, "is not %s (at most %d characters)", what,
				ID_MAX);
	return 0;
}

#define WORD_MAX 64

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours; capitals count as their letters. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t rows[3][WORD_MAX + 1];

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);

			now[j] = least_of(last[j - 1] + !same, least_of(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				now[j] = least_of(now[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

const char *text_nearest(const char *s, const char *const *candidates, size_t count)
{
	size_t best = 1 + strlen(s) / 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = edit_distance(s, candidates[i]);

		/* A word of which no letter is right is no suggestion. */
		if (distance >= strlen(candidates[i]) || distance > best ||
		    (nearest && distance == best))
			continue;
		best = distance;
		nearest = candidates[i];
	}
	return nearest;
}
