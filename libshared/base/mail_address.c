/* base/mail_address.c - see mail_address.h. */
#include "base/mail_address.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

static bool is_address(const char *s, size_t len)
{
	const char *at = memchr(s, '@', len);

	if (!at || at == s || at == s + len - 1 || len > MAIL_ADDRESS_MAX || memchr(at + 1, '@', (size_t)(s + len - at - 1)))
		return false;
	/* What has a meaning in SMTP or in a header is none of an address that anybody here has (RFC 5321, 4.1.2). */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 127 || strchr("<>()[]\\,;:\"", s[i]))
			return false;
	return true;
}

static const char *next_address(const char *list, size_t *len)
{
	list += strspn(list, ", ");
	*len = strcspn(list, ", ");
	return *len ? list : NULL;
}

int mail_addresses_check(const char *list, struct diag *diag)
{
	size_t len, count = 0;

	for (const char *a = next_address(list, &len); a; a = next_address(a + len, &len)) {
		if (!is_address(a, len))
			return diag_set(diag, -LMS_EDATA, "mail: '%.*s' is not an address (write name@example.org, more with commas)",
					(int)(len < 60 ? len : 60), a);
		count++;
	}
	if (count > MAIL_RECIPIENTS_MAX)
		return diag_set(diag, -LMS_EDATA, "mail: %zu addresses are too many (%d; a list at your mail server takes more)",
				count, MAIL_RECIPIENTS_MAX);
	return 0;
}

bool mail_address_at(const char *list, size_t n, char out[MAIL_ADDRESS_MAX + 1])
{
	size_t len;

	for (const char *a = list ? next_address(list, &len) : NULL; a; a = next_address(a + len, &len)) {
		if (n-- > 0)
			continue;
		snprintf(out, MAIL_ADDRESS_MAX + 1, "%.*s", (int)len, a);
		return true;
	}
	return false;
}
