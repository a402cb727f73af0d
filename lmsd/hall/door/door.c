/* hall/door/door.c - evidence from TLS and HTTP to the rule of site/door, and its answer to people.
 *
 * A refusal is one answer for all: unknown identity, wrong key and too little look the same and
 * take the same time from outside. What it was, and what to do, is in the events and at the
 * station.
 */
#include "hall/door/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "app.h"
#include "base/log.h"
#include "crypto/station_key.h"
#include "site/door/cert_request.h"
#include "site/door/guess.h"

struct door {
	struct app *app;
	struct guesses *guesses;
	struct evidence evidence; /* of the upgrade that is being answered */
	struct verdict verdict;
};

struct door *door_new(struct app *app)
{
	struct door *d = xcalloc(1, sizeof(*d));
	uint64_t seed = 0;

	/* Without randomness the pairs only collide where somebody wants them to. */
	if (RAND_bytes((unsigned char *)&seed, sizeof(seed)) != 1)
		seed = (uint64_t)loop_now(app->loop);
	d->app = app;
	d->guesses = guesses_new(seed);
	return d;
}

void door_free(struct door *d)
{
	if (d == NULL)
		return;
	guesses_free(d->guesses);
	free(d);
}

/* The user name ends at the first colon, but an identity may hold some ("AA:BB:CC"): then the rest
 * of it stands before the key. Whether user name and identity are the same; *password is moved to
 * the key. */
static bool is_identity(const struct ws_upgrade *u, const uint8_t **password, size_t *len)
{
	size_t whole = strlen(u->identity), rest;

	*password = u->password;
	*len = u->password_len;
	/* A user name may hold anything, NULs too. */
	if (u->user == NULL || u->user_len > whole ||
	    memcmp(u->identity, u->user, u->user_len) != 0)
		return false;
	rest = whole - u->user_len;
	if (rest == 0)
		return true;
	/* ":BB:CC" of the identity, "BB:CC:" of the password */
	if (u->identity[u->user_len] != ':' || u->password == NULL || u->password_len < rest ||
	    memcmp(u->identity + u->user_len + 1, u->password, rest - 1) != 0 ||
	    u->password[rest - 1] != ':')
		return false;
	*password += rest;
	*len -= rest;
	return true;
}

static int try_key(struct door *d, struct station *st, const struct ws_upgrade *u,
		   struct evidence *e)
{
	const uint8_t *password;
	size_t len;

	const struct security *m = st != NULL && st->conf >= 0 ? &st->security : NULL;
	mono_t now = loop_now(d->app->loop);
	bool may = m == NULL || guesses_may(d->guesses, st, u->peer_addr, now);
	int key;

	e->user_is_identity = is_identity(u, &password, &len);
	key = station_key_try(m != NULL ? m->keys : NULL, m != NULL ? m->key_count : 0, password,
			      len);
	if (key >= 0 && may && e->user_is_identity) {
		guesses_right(d->guesses, st, u->peer_addr);
		return key;
	}
	if (m == NULL || m->key_count == 0)
		return -1;
	if (!may) {
		log_station(WARNING, st->id, "station_guessing",
			    "address=%s too many wrong keys: the next is looked at in some seconds",
			    log_text(u->peer_addr));
	} else {
		guesses_wrong(d->guesses, st, u->peer_addr, now);
	}
	return -1;
}

static void look(struct door *d, struct station *st, const struct ws_upgrade *u, struct evidence *e)
{
	*e = (struct evidence){
	    .identity = u->identity, .address = u->peer_addr, .tls = u->tls, .key = -1};
	e->user_given = u->user != NULL;
	if (u->cert != NULL) {
		e->cert_name = u->cert->name;
		e->cert_why = u->cert->why;
		switch (u->cert->state) {
		case TLS_PEER_NONE:
			e->cert = CERT_NONE;
			break;
		case TLS_PEER_BAD:
			e->cert = CERT_BAD;
			break;
		case TLS_PEER_OTHER:
			e->cert = CERT_OTHER;
			break;
		case TLS_PEER_NAMED:
			e->cert = CERT_NAMED;
			break;
		}
	}
	if (u->password != NULL)
		e->key = try_key(d, st, u, e);
}

static void tell_refused(struct station *st, const struct ws_upgrade *u, const struct verdict *v)
{
	/* Any name can be made up: what floods is held back per name, and strangers share one. */
	log_station(WARNING, v->known ? st->id : "", "station_refused",
		    "identity=%s address=%s why=\"%s\" remedy=\"%s\"", log_text(u->identity),
		    log_text(u->peer_addr), log_text(v->why), v->remedy);
	if (v->known)
		snprintf(st->security.refused, sizeof(st->security.refused), "%.40s: %.110s",
			 u->peer_addr, v->why);
}

int door_ask(struct door *d, const struct ws_upgrade *u)
{
	struct site *site = d->app->hall.site;
	struct station *st = site_station(site, u->identity);

	look(d, st, u, &d->evidence);
	security_judge(site, st, &d->evidence, &d->verdict);
	if (d->verdict.status)
		tell_refused(st, u, &d->verdict);
	return d->verdict.status;
}

bool door_proven(const struct door *d)
{
	return d->verdict.status == 0 && d->verdict.profile > 0;
}

void door_opened(struct door *d, const struct ws_upgrade *u)
{
	struct station *st = d->verdict.known ? site_station(d->app->hall.site, u->identity) : NULL;

	if (st == NULL)
		return;
	security_came(st, &d->evidence, &d->verdict, &d->app->fx);
	cert_request_again(d->app->hall.site, st);
}
