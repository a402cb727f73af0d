/* outlet/smtp.c - see smtp.h. Headers and the encoding of the body are libcurl's, too. */
#include "outlet/smtp.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "outlet/secret_line.h"

#define CONNECT_MS   15000L
#define WHOLE_MS     50000L
#define PASSWORD_MAX 512

struct asker {
	bool (*cancelled)(void *ctx);
	void *ctx;
	char said[160];		/* the server's latest "no" */
};

void smtp_init(void)
{
	lms_assert(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static int on_progress(void *ctx, curl_off_t dl_total, curl_off_t dl_now, curl_off_t ul_total, curl_off_t ul_now)
{
	const struct asker *a = ctx;

	(void)dl_total, (void)dl_now, (void)ul_total, (void)ul_now;
	return a->cancelled(a->ctx);
}

/* libcurl's own message has the number only. */
static int on_debug(CURL *curl, curl_infotype type, char *data, size_t len, void *ctx)
{
	struct asker *a = ctx;

	(void)curl;
	if (type == CURLINFO_HEADER_IN && len > 0 && (data[0] == '4' || data[0] == '5')) {
		snprintf(a->said, sizeof(a->said), "%.*s", (int)(len < sizeof(a->said) ? len : sizeof(a->said) - 1), data);
		a->said[strcspn(a->said, "\r\n")] = '\0';
	}
	return 0;
}

/* RFC 2047, where a header is not of ASCII alone; a word takes 45 bytes of text. */
static void put_header_text(char *out, size_t size, const char *text)
{
	size_t len = strlen(text), at = 0;
	bool ascii = true;

	for (const char *s = text; *s; s++)
		ascii = ascii && *s >= ' ' && *s < 127;
	if (ascii) {
		snprintf(out, size, "%s", text);
		return;
	}
	out[0] = '\0';
	while (len > 0) {
		size_t n = len < 45 ? len : 45;
		unsigned char word[64 + 1];

		/* Not within a character. */
		while (n < len && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		EVP_EncodeBlock(word, (const unsigned char *)text, (int)n);
		at += (size_t)snprintf(out + at, at < size ? size - at : 0, "%s=?UTF-8?B?%s?=", at ? "\r\n " : "", word);
		if (at >= size)
			break;
		text += n;
		len -= n;
	}
}

static struct curl_slist *headers(const struct smtp_server *server, const struct smtp_mail *mail)
{
	const char *host = strrchr(server->from, '@');
	time_t t = (time_t)(mail->date / US_PER_S);
	struct curl_slist *list = NULL;
	char line[700], text[600];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm);	/* lmsd has the C locale */
	snprintf(line, sizeof(line), "Date: %s", text);
	list = curl_slist_append(list, line);
	snprintf(line, sizeof(line), "From: %s", server->from);
	list = curl_slist_append(list, line);
	snprintf(line, sizeof(line), "To: %s", mail->to);
	list = curl_slist_append(list, line);
	put_header_text(text, sizeof(text), mail->subject);
	snprintf(line, sizeof(line), "Subject: %s", text);
	list = curl_slist_append(list, line);
	snprintf(line, sizeof(line), "Message-ID: <%s%s>", mail->message_id, host ? host : "@lms");
	list = curl_slist_append(list, line);
	/* RFC 3834: nobody's holiday answers it. */
	return curl_slist_append(list, "Auto-Submitted: auto-generated");
}

static int set_login(CURL *curl, const struct smtp_server *server, char *why, size_t size)
{
	char password[PASSWORD_MAX] = "";

	if (!server->user)
		return 0;
	if (server->password && !secret_line(server->password, password, sizeof(password))) {
		snprintf(why, size, "%.150s: cannot be read, or is empty (mail.password)", server->password);
		return -1;
	}
	curl_easy_setopt(curl, CURLOPT_USERNAME, server->user);
	curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
	OPENSSL_cleanse(password, sizeof(password));
	return 0;
}

/* Is it of no use to try again? What a server refuses for good begins with 5 (RFC 5321, 4.2.1); that it does not
 * know us is mended by the administrator, so the mail waits for that. */
static enum smtp_end judge(CURL *curl, CURLcode rc)
{
	long code = 0;

	if (rc == CURLE_OK)
		return SMTP_SENT;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
	if ((rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR || rc == CURLE_WEIRD_SERVER_REPLY) && code >= 500 &&
	    code != 530 && code != 535)
		return SMTP_REFUSED;
	return SMTP_LATER;
}

static void explain(CURLcode rc, const char *said, const char *detail, char *why, size_t size)
{
	if (rc == CURLE_USE_SSL_FAILED)
		snprintf(why, size, "the server offers no STARTTLS (mail.tls=off sends without)");
	else if (*said)
		snprintf(why, size, "the server says %s", said);
	else
		snprintf(why, size, "%s", *detail ? detail : curl_easy_strerror(rc));
}

enum smtp_end smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, bool (*cancelled)(void *ctx),
			void *ctx, char *why, size_t size)
{
	struct asker asker = { cancelled, ctx, "" };
	struct curl_slist *to = curl_slist_append(NULL, mail->to), *head = headers(server, mail);
	char detail[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	enum smtp_end end = SMTP_LATER;
	curl_mimepart *part;
	curl_mime *mime;
	CURLcode rc;

	lms_assert(curl && to && head);
	why[0] = '\0';
	mime = curl_mime_init(curl);
	part = curl_mime_addpart(mime);
	curl_mime_data(part, mail->body, CURL_ZERO_TERMINATED);
	curl_mime_type(part, "text/plain; charset=utf-8");
	curl_mime_encoder(part, "quoted-printable");
	curl_easy_setopt(curl, CURLOPT_URL, server->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, server->plain ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (server->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &asker);
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, &asker);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, server->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head);
	curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
	if (set_login(curl, server, why, size) == 0) {
		rc = curl_easy_perform(curl);
		end = judge(curl, rc);
		if (end != SMTP_SENT)
			explain(rc, asker.said, detail, why, size);
	}
	curl_easy_cleanup(curl);
	curl_mime_free(mime);
	curl_slist_free_all(head);
	curl_slist_free_all(to);
	return end;
}
