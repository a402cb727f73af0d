/* helper_net_echo.h - a WebSocket echo server in a thread, and raw clients to torment it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ws/ws_server.h"

struct echo {
	struct ws_server_conf conf;	/* set before echo_start(); address: 127.0.0.1 */
	bool abrupt;			/* echo_stop() does not wait; for one connection */
	bool hold;			/* echo_start() listens only, echo_go() starts the loop */
	atomic_int refuse;		/* HTTP status to refuse with, or WS_UPGRADE_WAIT */
	/* What the server saw. */
	atomic_int opened, closed, messages, pongs, last_code, slowed, asked;
	atomic_int his, messages_at_hi;	/* texts "hi", and messages seen by the last */
	char identity[64];
	struct tls_peer cert;
	uint8_t password[64];
	size_t password_len;
	char user[64];
	bool offered;
	int port;
	/* private */
	struct loop *loop;
	struct ws_server *server;
	struct loop_wake *stop, *reload, *resume;
	struct ws_conn *waiting;
	unsigned long thread;
	void *last_peer;
	atomic_int reloads;
	int reload_ret;
};

void echo_start(struct echo *e);
void echo_go(struct echo *e);
void echo_stop(struct echo *e);	/* waits until all that were opened are closed */
void echo_resume(struct echo *e);	/* the last upgrade that was made to wait */
void echo_reload(struct echo *e);	/* returns when done; reload_ret has the result */

/* Texts come back; "close" makes the server close with 1000 "bye", "twice" answers twice. */

/* Waits until *v >= want or two seconds have passed. */
bool echo_wait(const atomic_int *v, int want);

/* Blocking client sockets with a time limit of five seconds on every read. */
int raw_connect(int port);
void raw_send(int fd, const void *data, size_t len);
/* Reads until len bytes are there or the peer closes; returns how many. */
size_t raw_read(int fd, void *data, size_t len);
bool raw_at_eof(int fd);	/* the peer has closed or reset; drops what comes before */
/* Sends an upgrade for path "/ocpp/S1" and reads the answer; true when it is a 101. */
bool raw_upgrade(int fd);
#define RAW_UPGRADE_TEXT \
	"GET /ocpp/S1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
extern const char RAW_UPGRADE[];

/* A client frame: masked unless told. Returns its length. b0 = FIN, RSV and opcode. */
size_t raw_frame(uint8_t *out, unsigned b0, bool masked, const void *payload, size_t len);
struct raw_frame { unsigned b0; size_t len; uint8_t payload[70000]; };
/* Reads one server frame. False at the end of the stream. */
bool raw_read_frame(int fd, struct raw_frame *f);

/* ---- what a test expects ---- */

int echo_client(const struct echo *e);	/* upgraded */
void raw_say(int fd, const char *text);
extern struct raw_frame raw_last;	/* that these two have read */
void raw_expect(int fd, unsigned b0, const char *payload);
void raw_expect_close(int fd, int code);	/* and the end of the stream */
