/* base/json_number.c - decimals as text to scaled integers, exactly: no floating point anywhere. */
#include "base/json.h"

#include <string.h>

#include "base/err.h"
#include "base/types.h"

/* Where an exponent stops mattering; far beyond any int64 and any text length that gets here. */
#define EXPONENT_MAX INT64_C(1000000000)

/* value = 0.DIGITS x 10^point, where DIGITS skips the dot in the text. */
struct decimal {
	const char *digits; /* first significant digit; may be followed by one dot */
	const char *end;
	int64_t point;
	bool negative;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool scan_exponent(const char **p, const char *end, int64_t *exponent)
{
	bool negative = false;
	int64_t value = 0;

	if (*p < end && (**p == '+' || **p == '-'))
		negative = *(*p)++ == '-';
	if (*p == end || !is_digit(**p))
		return false;
	for (; *p < end && is_digit(**p); (*p)++) {
		if (value < EXPONENT_MAX)
			value = value * 10 + (**p - '0');
	}
	*exponent = negative ? -value : value;
	return true;
}

/* Reads [+-]digits[.digits][e[+-]digits], the whole of s. */
static bool decimal_scan(const char *s, size_t len, struct decimal *d)
{
	const char *p = s, *end = s + len;
	bool digit_seen = false, dot_seen = false;
	int64_t exponent = 0;

	memset(d, 0, sizeof(*d));
	if (p < end && (*p == '+' || *p == '-'))
		d->negative = *p++ == '-';
	for (; p < end && (is_digit(*p) || (*p == '.' && !dot_seen)); p++) {
		if (*p == '.') {
			dot_seen = true;
			continue;
		}
		digit_seen = true;
		if (!d->digits && *p != '0')
			d->digits = p;
		if (d->digits && !dot_seen)
			d->point++;
		else if (!d->digits && dot_seen)
			d->point--;
	}
	d->end = p;
	if (!digit_seen)
		return false;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (!scan_exponent(&p, end, &exponent))
			return false;
	}
	d->point += exponent;
	return p == end;
}

/* The decimal times 10^shift. `exact` refuses what would need rounding, with -LMS_EDATA. */
static int decimal_value(const struct decimal *d, int shift, bool exact, int64_t *out)
{
	int64_t wanted = d->point + shift, value = 0;
	const char *p = d->digits;

	*out = 0;
	if (!p)
		return 0;
	for (; wanted > 0; wanted--) {
		int digit = 0;

		if (p < d->end && *p == '.')
			p++;
		if (p < d->end)
			digit = *p++ - '0';
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -LMS_ERANGE;
	}
	if (p < d->end && *p == '.')
		p++;
	if (exact) {
		for (; p < d->end; p++) {
			if (*p != '0' && *p != '.')
				return -LMS_EDATA;
		}
	} else if (wanted == 0 && p < d->end && *p >= '5') {
		/* Half away from zero looks at one digit only. */
		if (value == INT64_MAX)
			return -LMS_ERANGE;
		value++;
	}
	*out = d->negative ? -value : value;
	return 0;
}

static int power_of_ten(int64_t scale)
{
	int power = 0;

	for (; scale > 1 && scale % 10 == 0; scale /= 10)
		power++;
	lms_assert(scale == 1);
	return power;
}

int text_fixed(const char *s, size_t len, int64_t scale, int64_t *out)
{
	struct decimal d;

	while (len > 0 && is_blank(*s)) {
		s++;
		len--;
	}
	while (len > 0 && is_blank(s[len - 1]))
		len--;
	if (!decimal_scan(s, len, &d))
		return -LMS_EDATA;
	return decimal_value(&d, power_of_ten(scale), false, out);
}

int json_fixed(const struct json *j, int64_t scale, int64_t *out)
{
	if (!j || (j->type != JSON_NUMBER && j->type != JSON_STRING))
		return -LMS_EDATA;
	return text_fixed(j->text, j->len, scale, out);
}

int json_int(const struct json *j, int64_t *out)
{
	struct decimal d;
	int64_t value;

	if (!j || j->type != JSON_NUMBER || !decimal_scan(j->text, j->len, &d) ||
	    decimal_value(&d, 0, true, &value) != 0)
		return -LMS_EDATA;
	*out = value;
	return 0;
}
