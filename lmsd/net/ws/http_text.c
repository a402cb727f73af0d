/* net/ws/http_text.c - the pieces of HTTP that both directions of an upgrade need. */
#include "net/ws/http_text.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

size_t http_header_end(const char *data, size_t len)
{
	/* An empty line ends it: "\n\r\n", or "\n\n" from stations that send bare newlines. */
	for (size_t i = 0; i + 1 < len; i++) {
		if (data[i] != '\n')
			continue;
		if (data[i + 1] == '\n')
			return i + 2;
		if (i + 2 < len && data[i + 1] == '\r' && data[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

struct slice http_trim(char *p, size_t len)
{
	while (len && (*p == ' ' || *p == '\t')) {
		p++;
		len--;
	}
	while (len && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	return (struct slice){ p, len };
}

bool slice_is(struct slice s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.p, word, s.len) == 0;
}

bool http_next_token(struct slice *list, struct slice *token)
{
	while (list->len) {
		char *comma = memchr(list->p, ',', list->len);
		size_t n = comma ? (size_t)(comma - list->p) : list->len;

		*token = http_trim(list->p, n);
		list->p += n + (comma ? 1 : 0);
		list->len -= n + (comma ? 1 : 0);
		if (token->len)
			return true;
	}
	return false;
}

bool http_next_line(struct slice *text, struct slice *line)
{
	char *nl;
	size_t n;

	if (!text->len)
		return false;
	nl = memchr(text->p, '\n', text->len);
	n = nl ? (size_t)(nl - text->p) : text->len;
	*line = (struct slice){ text->p, n && text->p[n - 1] == '\r' ? n - 1 : n };
	n += nl ? 1 : 0;
	text->p += n;
	text->len -= n;
	return true;
}

bool http_split_line(struct slice line, struct slice *name, struct slice *value)
{
	char *colon = memchr(line.p, ':', line.len);

	if (!colon || colon == line.p || colon[-1] == ' ' || colon[-1] == '\t' || *line.p == ' ' ||
	    *line.p == '\t')
		return false;
	*name = (struct slice){ line.p, (size_t)(colon - line.p) };
	*value = http_trim(colon + 1, line.len - name->len - 1);
	return true;
}

void http_accept_key(const char *key, char out[HTTP_ACCEPT_MAX])
{
	unsigned char text[WS_KEY_LEN + sizeof(WS_GUID) - 1], sum[SHA_DIGEST_LENGTH];

	memcpy(text, key, WS_KEY_LEN);
	memcpy(text + WS_KEY_LEN, WS_GUID, sizeof(WS_GUID) - 1);
	SHA1(text, sizeof(text), sum);
	EVP_EncodeBlock((unsigned char *)out, sum, sizeof(sum));
}
