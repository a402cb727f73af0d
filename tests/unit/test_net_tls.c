/* The WebSocket server over TLS, and the certificates that it starts with. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_net_echo.h"
#include "helper_pki.h"
#include "net/sock.h"
#include "net/tls.h"

struct files {
	char dir[40], cert[64], key[64], client_cert[64], client_key[64], ca_cert[64], ca_key[64], crl[64];
};

static int setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));
	struct diag d;

	strcpy(f->dir, "/tmp/lms-tls-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->cert, sizeof(f->cert), "%s/cert.pem", f->dir);
	snprintf(f->key, sizeof(f->key), "%s/key.pem", f->dir);
	snprintf(f->client_cert, sizeof(f->client_cert), "%s/ccert.pem", f->dir);
	snprintf(f->client_key, sizeof(f->client_key), "%s/ckey.pem", f->dir);
	snprintf(f->ca_cert, sizeof(f->ca_cert), "%s/ca.pem", f->dir);
	snprintf(f->ca_key, sizeof(f->ca_key), "%s/cakey.pem", f->dir);
	snprintf(f->crl, sizeof(f->crl), "%s/crl.pem", f->dir);
	diag_init(&d);
	if (tls_self_signed(f->cert, f->key, "127.0.0.1", &d) != 0)
		fail_msg("%s", d.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct files *f = *state;

	unlink(f->cert);
	unlink(f->key);
	unlink(f->client_cert);
	unlink(f->client_key);
	unlink(f->ca_cert);
	unlink(f->ca_key);
	unlink(f->crl);
	rmdir(f->dir);
	free(f);
	return 0;
}

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

/* version 0: the best. True when the handshake worked (TLS 1.3: as far as this side can tell). */
static bool client_connect(struct client *c, const struct echo *e, int version,
			   const struct files *as)
{
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (version) {
		SSL_CTX_set_min_proto_version(c->ctx, version);
		SSL_CTX_set_max_proto_version(c->ctx, version);
		SSL_CTX_set_security_level(c->ctx, version < TLS1_2_VERSION ? 0 : 1);
	}
	if (as) {
		assert_int_equal(SSL_CTX_use_certificate_file(c->ctx, as->client_cert,
				SSL_FILETYPE_PEM), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(c->ctx, as->client_key,
				SSL_FILETYPE_PEM), 1);
	}
	c->fd = raw_connect(e->port);
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	ERR_clear_error();
	return SSL_connect(c->ssl) == 1;
}

static void client_free(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

static size_t read_all(SSL *ssl, char *out, size_t len)
{
	size_t got = 0;

	while (got < len) {
		int n = SSL_read(ssl, out + got, (int)(len - got));

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static bool client_upgrade(struct client *c)
{
	char head[512] = "";
	size_t n = 0;

	SSL_write(c->ssl, RAW_UPGRADE, (int)strlen(RAW_UPGRADE));
	while (n < sizeof(head) - 1 && !strstr(head, "\r\n\r\n") &&
	       read_all(c->ssl, head + n, 1) == 1)
		n++;
	return strncmp(head, "HTTP/1.1 101 ", 13) == 0;
}

static void client_echo(struct client *c, const char *text)
{
	uint8_t out[256];
	char in[256];
	size_t len = strlen(text);

	SSL_write(c->ssl, out, (int)raw_frame(out, 0x81, true, text, len));
	assert_int_equal(read_all(c->ssl, in, len + 2), len + 2);
	assert_memory_equal(in + 2, text, len);
}

static struct echo tls_echo(const struct files *f)
{
	return (struct echo){
		.conf = { .tls = true, .cert_file = f->cert, .key_file = f->key },
	};
}

static void echo_over_every_version_from_1_2(void **state)
{
	static const int versions[] = { 0, TLS1_2_VERSION, TLS1_3_VERSION };
	struct echo e = tls_echo(*state);
	struct client c;

	echo_start(&e);
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		assert_true(client_connect(&c, &e, versions[i], NULL));
		assert_true(client_upgrade(&c));
		client_echo(&c, "over TLS");
		client_free(&c);
	}
	assert_false(client_connect(&c, &e, TLS1_1_VERSION, NULL));
	client_free(&c);
	echo_stop(&e);
	assert_int_equal(e.opened, 3);
}

static void large_messages_and_many_records_arrive(void **state)
{
	size_t big = 300000, n = 0;
	struct echo e = tls_echo(*state);
	struct client c;
	char *text = malloc(big), *in = malloc(big + 10);
	uint8_t *out = malloc(big + 20);

	echo_start(&e);
	assert_true(client_connect(&c, &e, 0, NULL));
	assert_true(client_upgrade(&c));
	for (size_t i = 0; i < big; i++)
		text[i] = (char)('a' + i % 26);
	SSL_write(c.ssl, out, (int)raw_frame(out, 0x81, true, text, big));
	assert_int_equal(read_all(c.ssl, in, big + 10), big + 10);
	assert_memory_equal(in + 10, text, big);
	/* One record of 16 KiB that holds hundreds of messages: poll does not show what is left. */
	while (n < 16000)
		n += raw_frame(out + n, 0x81, true, "0123456789", 10);
	SSL_write(c.ssl, out, (int)n);
	n = n / 16;
	assert_int_equal(read_all(c.ssl, in, n * 12), n * 12);
	assert_true(echo_wait(&e.messages, (int)n + 1));
	client_free(&c);
	echo_stop(&e);
	free(text);
	free(in);
	free(out);
}

static void frames_glued_to_the_upgrade_are_seen(void **state)
{
	struct echo e = tls_echo(*state);
	char out[1024], in[1024] = "";
	size_t n = strlen(RAW_UPGRADE), got = 0;
	struct client c;

	echo_start(&e);
	assert_true(client_connect(&c, &e, 0, NULL));
	memcpy(out, RAW_UPGRADE, n);
	n += raw_frame((uint8_t *)out + n, 0x81, true, "glued", 5);
	SSL_write(c.ssl, out, (int)n);
	while (!strstr(in, "glued") && got < sizeof(in) - 1 && read_all(c.ssl, in + got, 1) == 1)
		got++;
	assert_non_null(strstr(in, "\r\n\r\n"));
	client_free(&c);
	echo_stop(&e);
}

static void the_end_is_announced(void **state)
{
	struct echo e = tls_echo(*state);
	struct client c;
	uint8_t out[64];
	char in[64];
	int n;

	echo_start(&e);
	assert_true(client_connect(&c, &e, 0, NULL));
	assert_true(client_upgrade(&c));
	SSL_write(c.ssl, out, (int)raw_frame(out, 0x81, true, "close", 5));
	assert_int_equal(read_all(c.ssl, in, 7), 7);
	n = SSL_read(c.ssl, in, 1);
	assert_int_equal(SSL_get_error(c.ssl, n), SSL_ERROR_ZERO_RETURN);	/* close_notify */
	client_free(&c);
	echo_stop(&e);
}

static void renegotiation_is_refused(void **state)
{
	struct echo e = tls_echo(*state);
	struct client c;
	char b;

	echo_start(&e);
	assert_true(client_connect(&c, &e, TLS1_2_VERSION, NULL));
	assert_true(client_upgrade(&c));
	assert_int_equal(SSL_renegotiate(c.ssl), 1);
	SSL_do_handshake(c.ssl);
	(void)SSL_read(c.ssl, &b, 1);
	assert_true(SSL_renegotiate_pending(c.ssl) || ERR_peek_error() != 0);
	client_free(&c);
	echo_stop(&e);
}

#define STORM 300	/* more than may wait for their handshake at once */

static void a_storm_of_handshakes_is_served_to_the_last(void **state)
{
	struct echo e = tls_echo(*state);
	static struct client c[STORM];
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	net_raise_nofile();
	e.hold = true;
	echo_start(&e);
	for (int i = 0; i < STORM; i++) {
		c[i].fd = raw_connect(e.port);
		c[i].ssl = SSL_new(ctx);
		SSL_set_fd(c[i].ssl, c[i].fd);
		fcntl(c[i].fd, F_SETFL, O_NONBLOCK);
		assert_int_equal(SSL_connect(c[i].ssl), -1);	/* its hello is on the way */
		fcntl(c[i].fd, F_SETFL, 0);
	}
	echo_go(&e);
	for (int i = 0; i < STORM; i++) {
		assert_int_equal(SSL_connect(c[i].ssl), 1);
		assert_true(client_upgrade(&c[i]));
	}
	for (int i = 0; i < STORM; i++) {
		SSL_free(c[i].ssl);
		close(c[i].fd);
	}
	SSL_CTX_free(ctx);
	echo_stop(&e);
	assert_int_equal(e.opened, STORM);
}

/* Whoever begins handshakes and leaves them there holds no more memory than so many, and only his own up. */
static void of_one_address_only_so_many_handshakes_are_under_way(void **state)
{
	struct echo e = tls_echo(*state);
	struct client late;
	int stalled[2], answered = 1;

	e.conf.max_handshakes_per_addr = 2;
	echo_start(&e);
	for (int i = 0; i < 2; i++) {
		stalled[i] = raw_connect(e.port);
		raw_send(stalled[i], "\x16\x03\x01\x02\x00\x01", 6);	/* the beginning of a hello */
	}
	/* The first of them may overtake those two. */
	for (int i = 0; answered && i < 50; i++) {
		if (i)
			client_free(&late);
		late.ctx = SSL_CTX_new(TLS_client_method());
		late.fd = raw_connect(e.port);
		late.ssl = SSL_new(late.ctx);
		SSL_set_fd(late.ssl, late.fd);
		fcntl(late.fd, F_SETFL, O_NONBLOCK);
		assert_int_equal(SSL_connect(late.ssl), -1);
		answered = poll(&(struct pollfd){ .fd = late.fd, .events = POLLIN }, 1, 200);
	}
	assert_int_equal(answered, 0);
	fcntl(late.fd, F_SETFL, 0);
	close(stalled[0]);
	assert_int_equal(SSL_connect(late.ssl), 1);
	assert_true(client_upgrade(&late));
	client_free(&late);
	close(stalled[1]);
	echo_stop(&e);
}

static void who_does_not_speak_tls_in_time_is_dropped(void **state)
{
	struct echo e = tls_echo(*state);
	char answer[64] = "";
	int silent, plain;

	e.conf.handshake_us = 50 * US_PER_MS;
	echo_start(&e);
	silent = raw_connect(e.port);
	plain = raw_connect(e.port);
	raw_send(plain, RAW_UPGRADE, strlen(RAW_UPGRADE));
	raw_read(plain, answer, sizeof(answer) - 1);
	assert_null(strstr(answer, "101"));
	assert_true(raw_at_eof(silent));
	close(silent);
	close(plain);
	echo_stop(&e);
	assert_int_equal(e.opened, 0);
}

static long serial_of(struct client *c)
{
	X509 *cert = SSL_get1_peer_certificate(c->ssl);
	uint64_t n = 0;

	assert_non_null(cert);
	ASN1_INTEGER_get_uint64(&n, X509_get0_serialNumber(cert));
	X509_free(cert);
	return (long)n;
}

static void a_reload_changes_the_certificate_of_new_connections_only(void **state)
{
	const struct files *f = *state;
	struct echo e = tls_echo(f);
	struct client old, fresh, after;
	struct diag d;
	long serial;
	FILE *out;

	echo_start(&e);
	assert_true(client_connect(&old, &e, 0, NULL));
	assert_true(client_upgrade(&old));
	serial = serial_of(&old);
	diag_init(&d);
	assert_int_equal(tls_self_signed(f->cert, f->key, "127.0.0.1", &d), 0);
	echo_reload(&e);
	assert_int_equal(e.reload_ret, 0);
	assert_true(client_connect(&fresh, &e, 0, NULL));
	assert_true(serial_of(&fresh) != serial);
	client_echo(&old, "still here");

	serial = serial_of(&fresh);
	out = fopen(f->cert, "w");
	fputs("rubbish", out);
	fclose(out);
	echo_reload(&e);
	assert_int_equal(e.reload_ret, -LMS_ECONFIG);
	assert_true(client_connect(&after, &e, 0, NULL));
	assert_int_equal(serial_of(&after), serial);
	client_free(&old);
	client_free(&fresh);
	client_free(&after);
	echo_stop(&e);
}

/* Connects with a certificate, upgrades as the identity of RAW_UPGRADE ("S1"); what the server made of it. */
static struct tls_peer shown(struct echo *e, int version, const struct files *f)
{
	struct client c;
	int before = e->opened;

	memset(&e->cert, 0, sizeof(e->cert));
	assert_true(client_connect(&c, e, version, f));
	assert_true(client_upgrade(&c));
	assert_true(echo_wait(&e->opened, before + 1));
	client_free(&c);
	return e->cert;
}

static void a_client_certificate_says_who_shows_it(void **state)
{
	const struct files *f = *state;
	static const struct {
		struct pki_cert cert;
		enum tls_peer_state is;
	} cases[] = {
		{ { .cn = "S1" }, TLS_PEER_NAMED },
		{ { .cn = "S2" }, TLS_PEER_OTHER },
		{ { .cn = "s1" }, TLS_PEER_OTHER },
		{ { .cn = "S1 " }, TLS_PEER_OTHER },
		{ { .cn = "*" }, TLS_PEER_OTHER },
		{ { .cn = NULL }, TLS_PEER_OTHER },
		{ { .cn = "Maker", .san = "DNS:other,DNS:S1" }, TLS_PEER_NAMED },
		{ { .cn = "Maker", .san = "DNS:xS1" }, TLS_PEER_OTHER },
		{ { .cn = "Maker", .san = "DNS:*" }, TLS_PEER_OTHER },
		{ { .cn = "Maker", .san = "URI:urn:site:S1" }, TLS_PEER_NAMED },
		{ { .cn = "Maker", .san = "URI:https://lms.example/ocpp/S1" }, TLS_PEER_NAMED },
		{ { .cn = "Maker", .san = "URI:https://lms.example/ocpp/XS1" }, TLS_PEER_OTHER },
		{ { .cn = "Maker", .san = "URI:https://lms.example/S1/x" }, TLS_PEER_OTHER },
		{ { .cn = "Maker", .san = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:S1" }, TLS_PEER_NAMED },
		{ { .cn = "Maker", .san = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:S11" }, TLS_PEER_OTHER },
		{ { .cn = "Maker", .san = "IP:10.0.0.1,email:S1@x" }, TLS_PEER_OTHER },
		{ { .cn = "S1", .from_day = -9, .to_day = -1 }, TLS_PEER_BAD },
		{ { .cn = "S1", .from_day = 1, .to_day = 9 }, TLS_PEER_BAD },
		{ { .cn = "S1", .serial = 77 }, TLS_PEER_BAD },	/* revoked */
	};
	struct echo e = tls_echo(f);

	pki_issue(&(struct pki_cert){ .cn = "CA", .ca = true }, f->ca_cert, f->ca_key, NULL, NULL);
	pki_revoke(f->crl, f->ca_cert, f->ca_key, 77, 5);
	e.conf.ca_file = f->ca_cert;
	e.conf.crl_file = f->crl;
	echo_start(&e);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		pki_issue(&cases[i].cert, f->client_cert, f->client_key, f->ca_cert, f->ca_key);
		for (int version = 0; version <= TLS1_2_VERSION; version += TLS1_2_VERSION) {
			struct tls_peer p = shown(&e, version, f);

			if (p.state != cases[i].is || (p.state == TLS_PEER_BAD) != (p.why != NULL))
				fail_msg("case %zu: state %d, not %d (%s)", i, p.state, cases[i].is, p.why);
		}
	}
	/* By a stranger who calls himself as the CA does. */
	pki_issue(&(struct pki_cert){ .cn = "CA", .ca = true, .serial = 2 }, f->ca_cert, f->ca_key, NULL, NULL);
	pki_issue(&(struct pki_cert){ .cn = "S1" }, f->client_cert, f->client_key, f->ca_cert, f->ca_key);
	assert_int_equal(shown(&e, 0, f).state, TLS_PEER_BAD);
	/* None at all: whoever needs none may come in. */
	assert_int_equal(shown(&e, 0, NULL).state, TLS_PEER_NONE);
	assert_int_equal(shown(&e, TLS1_2_VERSION, NULL).state, TLS_PEER_NONE);
	echo_stop(&e);
}

/* Stations that come back all at once cost no certificate's worth of work each. */
static void a_ticket_resumes_a_session_of_either_version(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct echo e = tls_echo(*state);

	echo_start(&e);
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct client first, again;
		SSL_SESSION *session;

		assert_true(client_connect(&first, &e, versions[i], NULL));
		assert_true(client_upgrade(&first));	/* in TLS 1.3 the ticket comes before its answer */
		session = SSL_get1_session(first.ssl);
		again.ctx = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_max_proto_version(again.ctx, versions[i]);
		again.fd = raw_connect(e.port);
		again.ssl = SSL_new(again.ctx);
		SSL_set_fd(again.ssl, again.fd);
		SSL_set_session(again.ssl, session);
		assert_int_equal(SSL_connect(again.ssl), 1);
		assert_int_equal(SSL_session_reused(again.ssl), 1);
		assert_true(client_upgrade(&again));
		SSL_SESSION_free(session);
		client_free(&first);
		client_free(&again);
	}
	echo_stop(&e);
}

/* A ticket of before must not let in what has been revoked since. */
static void a_reload_revokes_resumed_sessions_too(void **state)
{
	const struct files *f = *state;
	struct echo e = tls_echo(f);
	struct client first, again;
	SSL_SESSION *session;

	pki_issue(&(struct pki_cert){ .cn = "CA", .ca = true }, f->ca_cert, f->ca_key, NULL, NULL);
	pki_issue(&(struct pki_cert){ .cn = "S1", .serial = 5 }, f->client_cert, f->client_key, f->ca_cert, f->ca_key);
	pki_revoke(f->crl, f->ca_cert, f->ca_key, 0, 5);
	e.conf.ca_file = f->ca_cert;
	e.conf.crl_file = f->crl;
	echo_start(&e);
	assert_true(client_connect(&first, &e, TLS1_2_VERSION, f));
	assert_true(client_upgrade(&first));
	session = SSL_get1_session(first.ssl);
	for (int revoked = 0; revoked < 2; revoked++) {
		int before = e.opened;

		if (revoked) {
			pki_revoke(f->crl, f->ca_cert, f->ca_key, 5, 5);
			echo_reload(&e);
			assert_int_equal(e.reload_ret, 0);
			/* Who is in with it is cut, as the other one has left by itself. */
			assert_true(echo_wait(&e.closed, 2));
			assert_int_equal(e.last_code, 1008);
		}
		again.ctx = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_max_proto_version(again.ctx, TLS1_2_VERSION);
		SSL_CTX_use_certificate_file(again.ctx, f->client_cert, SSL_FILETYPE_PEM);
		SSL_CTX_use_PrivateKey_file(again.ctx, f->client_key, SSL_FILETYPE_PEM);
		again.fd = raw_connect(e.port);
		again.ssl = SSL_new(again.ctx);
		SSL_set_fd(again.ssl, again.fd);
		SSL_set_session(again.ssl, session);
		assert_int_equal(SSL_connect(again.ssl), 1);
		assert_int_equal(SSL_session_reused(again.ssl), !revoked);
		assert_true(client_upgrade(&again));
		assert_true(echo_wait(&e.opened, before + 1));
		assert_int_equal(e.cert.state, revoked ? TLS_PEER_BAD : TLS_PEER_NAMED);
		client_free(&again);
	}
	/* The list that cannot be read leaves the one before in force. */
	assert_int_equal(truncate(f->crl, 0), 0);
	echo_reload(&e);
	assert_int_equal(e.reload_ret, -LMS_ECONFIG);
	assert_int_equal(shown(&e, 0, f).state, TLS_PEER_BAD);
	SSL_SESSION_free(session);
	client_free(&first);
	echo_stop(&e);
}

static void the_end_of_certificate_and_list_is_known(void **state)
{
	const struct files *f = *state;
	struct tls_files files = { .cert_file = f->client_cert, .key_file = f->client_key };
	const char *what;
	SSL_CTX *ctx;
	struct diag d;
	int64_t days;

	diag_init(&d);
	pki_issue(&(struct pki_cert){ .cn = "CA", .ca = true }, f->ca_cert, f->ca_key, NULL, NULL);
	pki_issue(&(struct pki_cert){ .cn = "lmsd", .from_day = -1, .to_day = 20 }, f->client_cert, f->client_key,
		  f->ca_cert, f->ca_key);
	for (int crl_days = 40; crl_days >= 10; crl_days -= 30) {
		pki_revoke(f->crl, f->ca_cert, f->ca_key, 0, crl_days);
		files.ca_file = f->ca_cert;
		files.crl_file = f->crl;
		ctx = tls_server_ctx(&files, &d);
		assert_non_null(ctx);
		days = (tls_ctx_ends(ctx, &what) - time(NULL) + 3600) / 86400;
		assert_int_equal(days, crl_days < 20 ? crl_days : 20);
		assert_string_equal(what, crl_days < 20 ? "CRL" : "certificate");
		SSL_CTX_free(ctx);
	}
}

static void the_self_signed_certificate_is_for_its_host_and_its_key_is_private(void **state)
{
	const struct files *f = *state;
	struct diag d;
	struct stat st;
	FILE *in = fopen(f->cert, "r");
	X509 *cert = PEM_read_X509(in, NULL, NULL, NULL);
	char text[300], path[80];

	fclose(in);
	assert_non_null(cert);
	assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, "127.0.0.2", 0), 0);
	assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(cert)), -1);
	assert_int_equal(X509_cmp_current_time(X509_get0_notAfter(cert)), 1);
	X509_free(cert);
	assert_int_equal(stat(f->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	diag_init(&d);
	assert_int_equal(tls_self_signed(f->cert, f->key, "lms.example", &d), 0);
	in = fopen(f->cert, "r");
	cert = PEM_read_X509(in, NULL, NULL, NULL);
	fclose(in);
	assert_int_equal(X509_check_host(cert, "lms.example", 0, 0, NULL), 1);
	X509_free(cert);

	diag_init(&d);
	assert_int_equal(tls_self_signed(f->cert, f->key, "a,DNS:b", &d), -LMS_ECONFIG);
	diag_init(&d);
	snprintf(path, sizeof(path), "%s/no/cert.pem", f->dir);
	assert_int_equal(tls_self_signed(path, f->key, "a", &d), -LMS_ECANTCREAT);
	assert_non_null(strstr(d.text, path));
	/* A label above 64 bytes does not fit into a common name, but into the certificate. */
	memset(text, 'a', sizeof(text));
	text[100] = '\0';
	diag_init(&d);
	assert_int_equal(tls_self_signed(f->cert, f->key, text, &d), 0);
}

static void files_that_do_not_fit_are_named(void **state)
{
	const struct files *f = *state;
	struct diag d;

	diag_init(&d);
	assert_null(tls_server_ctx(&(struct tls_files){ "/nonexistent.pem", f->key, NULL, NULL }, &d));
	assert_non_null(strstr(d.text, "/nonexistent.pem"));
	diag_init(&d);
	assert_null(tls_server_ctx(&(struct tls_files){ f->cert, NULL, NULL, NULL }, &d));
	assert_non_null(strstr(d.text, "no path given"));
	diag_init(&d);
	assert_null(tls_server_ctx(&(struct tls_files){ f->cert, f->cert, NULL, NULL }, &d));
	assert_non_null(strstr(d.text, "key"));
	diag_init(&d);
	assert_int_equal(tls_self_signed(f->client_cert, f->client_key, "x", &d), 0);
	assert_null(tls_server_ctx(&(struct tls_files){ f->cert, f->client_key, NULL, NULL }, &d));
	assert_non_null(strstr(d.text, f->client_key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(echo_over_every_version_from_1_2),
		T(large_messages_and_many_records_arrive),
		T(frames_glued_to_the_upgrade_are_seen),
		T(the_end_is_announced),
		T(renegotiation_is_refused),
		T(a_storm_of_handshakes_is_served_to_the_last),
		T(of_one_address_only_so_many_handshakes_are_under_way),
		T(who_does_not_speak_tls_in_time_is_dropped),
		T(a_reload_changes_the_certificate_of_new_connections_only),
		T(a_client_certificate_says_who_shows_it),
		T(a_ticket_resumes_a_session_of_either_version),
		T(a_reload_revokes_resumed_sessions_too),
		T(the_end_of_certificate_and_list_is_known),
		T(the_self_signed_certificate_is_for_its_host_and_its_key_is_private),
		T(files_that_do_not_fit_are_named),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
