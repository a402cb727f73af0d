/* tests/bench/load.h - a thousand stations in one process, to load a server that is measured from outside.
 *
 * Commands come by standard input, one a line, answers go by standard output, one JSON object a line
 * (load_main.c). Stations have one outstanding call each, as OCPP demands, and answer what they are asked.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum station_state { ST_IDLE, ST_CONNECT, ST_TLS, ST_UPGRADE, ST_OPEN };

/* What it does next by itself once its call is answered. */
enum station_script { SCRIPT_BOOT, SCRIPT_PREPARE, SCRIPT_AUTHORIZE, SCRIPT_START, SCRIPT_CHARGE, SCRIPT_DONE };

struct station {
	int index, fd;
	enum station_state state;
	enum station_script script, until;	/* the next step; the first that it does not take */
	bool want_write, calling, ready;	/* ready: its script is done */
	SSL *ssl;
	SSL_SESSION *session;		/* for a resumed handshake */
	char *in, *out;
	size_t in_len, in_cap, out_len, out_cap;
	int64_t called_us;		/* when the outstanding call left */
	int64_t due_us;			/* paced: when the next one leaves */
	uint32_t next_id;
	int transaction;
	int64_t energy_wh;
};

struct load {
	const char *host, *prefix;
	int port, epoll;
	SSL_CTX *tls;			/* NULL = plain */
	struct authority *authority;	/* signs a certificate for each station; NULL = they show none */
	bool resume;
	struct station *stations;
	int count;			/* that were told to come */
	int open, scripted;		/* upgraded; at the end of their script */
	int64_t deadline_us;		/* of the phase; 0 = none runs */
	char kind;			/* 'h' Heartbeat, 'm' MeterValues */
	int active;			/* stations 0 … active-1 call */
	int64_t pace_us;		/* between two calls of one station; 0 = at once */
	uint32_t *latency_us;
	size_t calls, latency_cap;
	uint64_t errors, resumed, lost;
	bool told;			/* a line waits at standard input */
};

int64_t load_now_us(void);

/* load_conn.c */
bool station_dial(struct load *l, struct station *s);
void station_drop(struct load *l, struct station *s);	/* as a lost network would: without a word */
void station_io(struct load *l, struct station *s, bool readable, bool writable);
void station_send(struct load *l, struct station *s, const char *text, size_t len);

/* load_cert.c */
struct authority *authority_new(const char *cert_file, const char *key_file);	/* exits when it cannot */
void authority_sign(struct authority *a, SSL *ssl, const char *name);		/* the station shows it */

/* load_station.c */
void station_opened(struct load *l, struct station *s);
void station_text(struct load *l, struct station *s, const char *text, size_t len);
void station_call(struct load *l, struct station *s);	/* the phase's next one */
void station_step(struct load *l, struct station *s);	/* the script's next one, unless it is ready */
