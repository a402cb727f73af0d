/* conf/boot_table.c - one value of the boot file: from text, to text. */
#include "conf/boot_table.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

const struct boot_row boot_rows[BOOT_KEY_COUNT] = {
#define BOOT_KEY(member, key, type, least, most, dflt, help) \
	{ key, BOOT_##type, offsetof(struct boot_conf, member), least, most, dflt, help },
#define BOOT_CHOICE(member, value, word, help)
#include "conf/conf_schema.def"
#undef BOOT_KEY
#undef BOOT_CHOICE
};

const struct boot_word boot_words[] = {
#define BOOT_KEY(member, key, type, least, most, dflt, help)
#define BOOT_CHOICE(member, value, word, help) { BOOT_KEY_##member, value, word, help },
#include "conf/conf_schema.def"
#undef BOOT_KEY
#undef BOOT_CHOICE
};
const size_t boot_word_count = ARRAY_LEN(boot_words);

enum boot_key boot_find(const char *key)
{
	enum boot_key k = 0;

	while (k < BOOT_KEY_COUNT && strcmp(boot_rows[k].key, key) != 0)
		k++;
	return k;
}

const char *boot_suggest(const char *key, char *out, size_t out_size)
{
	const char *keys[BOOT_KEY_COUNT], *near;

	for (size_t i = 0; i < BOOT_KEY_COUNT; i++)
		keys[i] = boot_rows[i].key;
	near = text_nearest(key, keys, BOOT_KEY_COUNT);
	if (near)
		snprintf(out, out_size, "did you mean '%s'?", near);
	else
		snprintf(out, out_size, "lmsd.conf(5) lists the keys; zones, stations, the time zone "
			 "and the like are set by lmsctl");
	return out;
}

int boot_addr_parse(const char *text, struct boot_addr *addr, struct diag *diag)
{
	struct boot_addr a = { .on = true };
	const char *colon = strrchr(text, ':'), *host = text;
	size_t len = colon ? (size_t)(colon - text) : 0;
	bool v6 = len >= 2 && text[0] == '[' && colon[-1] == ']';
	unsigned char bin[16];
	int64_t port;

	if (strcmp(text, "off") == 0) {
		*addr = (struct boot_addr){ .on = false };
		return 0;
	}
	if (v6) {
		host++;
		len -= 2;
	}
	if (!colon || len == 0 || len >= sizeof(a.host))
		goto bad;
	memcpy(a.host, host, len);
	if (inet_pton(v6 ? AF_INET6 : AF_INET, a.host, bin) != 1)
		goto bad;
	if (parse_int(colon + 1, 0, 65535, &port, NULL) < 0)
		return diag_set(diag, -LMS_EDATA, "'%s': the port is a number from 0 to 65535",
				text);
	a.port = (int)port;
	*addr = a;
	return 0;
bad:
	return diag_set(diag, -LMS_EDATA, "'%s' is not an IP address and a port (write 0.0.0.0:9000, "
			"[::]:9000 for IPv6, or off)", text);
}

void boot_addr_format(const struct boot_addr *addr, struct buf *out)
{
	if (!addr->on)
		buf_puts(out, "off");
	else if (strchr(addr->host, ':'))
		buf_printf(out, "[%s]:%d", addr->host, addr->port);
	else
		buf_printf(out, "%s:%d", addr->host, addr->port);
}

static int set_path(const struct boot_row *row, const char *text, char *out, struct diag *diag)
{
	size_t len = strlen(text);

	while (len > 1 && text[len - 1] == '/')
		len--;
	if (len == 0 && row->least > 0)
		return diag_set(diag, -LMS_EDATA, "may not be empty (the default is %s)", row->dflt);
	if (len > 0 && text[0] != '/')
		return diag_set(diag, -LMS_EDATA, "'%s' is not an absolute path (begin with /)", text);
	if (len > (size_t)row->most)
		return diag_set(diag, -LMS_EDATA, "the path has more than %d bytes (choose a shorter "
				"one)", (int)row->most);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return diag_set(diag, -LMS_EDATA, "control characters in the path");
	}
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

/* What stands before the path: scheme, host, perhaps a port. */
static int set_url(const struct boot_row *row, const char *text, char *out, struct diag *diag)
{
	size_t len = strlen(text), scheme = strncmp(text, "https://", 8) == 0 ? 8 : 7;

	if (len > 0 && ((strncmp(text, "http://", 7) != 0 && scheme == 7) || len == scheme))
		return diag_set(diag, -LMS_EDATA, "'%s' is not a URL (write http://HOST:PORT or https://HOST:PORT)", text);
	while (len > scheme && text[len - 1] == '/')
		len--;
	if (len > (size_t)row->most)
		return diag_set(diag, -LMS_EDATA, "the URL has more than %d bytes (choose a shorter one)", (int)row->most);
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>\\?#", text[i]))
			return diag_set(diag, -LMS_EDATA, "'%s' has characters that no such URL has", text);
	}
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

static int set_word(const struct boot_row *row, const char *text, char *out, struct diag *diag)
{
	size_t len = strlen(text);

	if (len < (size_t)row->least)
		return diag_set(diag, -LMS_EDATA, "empty (leave the key out for '%s')", row->dflt);
	if (len > (size_t)row->most)
		return diag_set(diag, -LMS_EDATA, "more than %d bytes (choose a shorter one)", (int)row->most);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] <= ' ' || text[i] == 127)
			return diag_set(diag, -LMS_EDATA, "'%s' has blanks or control characters", text);
	}
	memcpy(out, text, len + 1);
	return 0;
}

static int set_choice(enum boot_key key, const char *text, int *out, struct diag *diag)
{
	char list[160] = "";

	for (size_t i = 0; i < boot_word_count; i++) {
		size_t at = strlen(list);

		if (boot_words[i].key != key)
			continue;
		if (strcmp(boot_words[i].word, text) == 0) {
			*out = boot_words[i].value;
			return 0;
		}
		snprintf(list + at, sizeof(list) - at, "%s%s", at ? ", " : "", boot_words[i].word);
	}
	return diag_set(diag, -LMS_EDATA, "'%s' is not a choice (one of %s)", text, list);
}

int boot_set(struct boot_conf *conf, enum boot_key key, const char *text, struct diag *diag)
{
	const struct boot_row *row = &boot_rows[key];
	void *member = (char *)conf + row->offset;
	int ret;

	switch (row->type) {
	case BOOT_ADDR:
		return boot_addr_parse(text, member, diag);
	case BOOT_PATH:
		return set_path(row, text, member, diag);
	case BOOT_URL:
		return set_url(row, text, member, diag);
	case BOOT_WORD:
		return set_word(row, text, member, diag);
	case BOOT_CHOICE:
		return set_choice(key, text, member, diag);
	case BOOT_INT:
		ret = parse_int(text, row->least, row->most, member, NULL);
		if (ret < 0)
			return diag_set(diag, -LMS_EDATA, "'%s' is not a whole number from %lld to %lld",
					text, (long long)row->least, (long long)row->most);
		return 0;
	}
	return diag_set(diag, -LMS_EINTERNAL, "no such type");
}

static const char *choice_word(enum boot_key key, int value)
{
	for (size_t i = 0; i < boot_word_count; i++) {
		if (boot_words[i].key == key && boot_words[i].value == value)
			return boot_words[i].word;
	}
	return "?";
}

void boot_value_format(const struct boot_conf *conf, enum boot_key key, struct buf *out)
{
	const struct boot_row *row = &boot_rows[key];
	const void *member = (const char *)conf + row->offset;

	switch (row->type) {
	case BOOT_ADDR:
		boot_addr_format(member, out);
		break;
	case BOOT_PATH:
	case BOOT_URL:
	case BOOT_WORD:
		buf_puts(out, member);
		break;
	case BOOT_CHOICE:
		buf_puts(out, choice_word(key, *(const int *)member));
		break;
	case BOOT_INT:
		buf_printf(out, "%lld", (long long)*(const int64_t *)member);
		break;
	}
}

int boot_refuse(const struct boot_conf *conf, enum boot_key key, int err, struct diag *diag,
		const char *fmt, ...)
{
	const struct boot_origin *from = &conf->origin[key];
	char what[DIAG_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (from->file[0])
		return diag_set_at(diag, err, from->file, from->line, 0, "%s: %s",
				   boot_rows[key].key, what);
	return diag_set(diag, err, "%s%s: %s", from->option ? "-o " : "", boot_rows[key].key, what);
}
