/* site/door/security.h - who may come in as a station: keys, security profiles, and what is remembered.
 *
 * Pure: the hall looks at keys and certificates (crypto/, net/tls.h) and tells what it saw; the rules
 * are here. Profiles are those of the OCPP security whitepaper: 0 nothing, 1 key, 2 key over TLS,
 * 3 client certificate. What a station must show is the most of: its own `security` or else the site's
 * `security_min`; the highest profile that it has shown; 1 once it has a key. So it cannot fall back,
 * and nobody can in its name.
 *
 * Keys of a station are in the order in which they were given. One that was sent to it opens at once,
 * beside those before; when the station has returned with it, those before are forgotten.
 */
#pragma once

#include "base/diag.h"
#include "base/types.h"

struct site;
struct site_conf;
struct station;
struct effects;

#define STATION_KEY_MIN 16	/* bytes */
#define STATION_KEY_MAX 40
#define SEALED_SALT 16
#define SEALED_HASH 32
#define STATION_KEYS_MAX 4

struct sealed_key { uint8_t salt[SEALED_SALT], hash[SEALED_HASH]; };	/* crypto/station_key.h */

/* Part of struct station. */
struct security {
	int had;			/* highest profile that it has shown, remembered */
	size_t key_count;
	struct sealed_key keys[STATION_KEYS_MAX];
	uint32_t key_ids[STATION_KEYS_MAX];	/* name a key while its order may change; never reused */
	uint32_t next_key_id;
	bool key_shown;			/* it has come with keys[0], or that was typed in: none else opens */
	int profile;			/* of its connection */
	char home[46];			/* address where it was let in with a key last (guess.h) */
	mono_t guesses_paid;
	mono_t signed_at;		/* the hall's: when its latest request was signed (sign.h); 0 = never */
	char refused[160];		/* why it was turned away last; "" = it came in since */
};

/* What somebody shows who says that he is a station. */
struct evidence {
	const char *identity, *address;
	bool tls;
	bool user_given, user_is_identity;
	int key;			/* index of the key that opens, -1 = none does or none was given */
	enum { CERT_NONE, CERT_BAD, CERT_OTHER, CERT_NAMED } cert;
	const char *cert_name, *cert_why;
};

struct verdict {
	int status;			/* 0 = may come in, else 401 */
	int profile;
	bool known;			/* it is registered */
	char why[160], remedy[240];	/* of a refusal, for people */
};

/* The least profile that a station must show; st NULL: one that is not registered. */
int security_needs(const struct site *s, const struct station *st);
/* Would the candidate ask more of a station than it shows now, and so shut it out? -LMS_ECONFLICT with the
 * remedy: a person who raises the minimum means that the stations shall show more, not that they be gone. */
int security_check_change(const struct site *s, const struct site_conf *candidate, struct diag *diag);
/* The rule. Changes nothing. st is NULL or not registered: a stranger. */
void security_judge(const struct site *s, const struct station *st, const struct evidence *e, struct verdict *v);
/* A registered station has come in so: what it showed is remembered. */
void security_came(struct station *st, const struct evidence *e, const struct verdict *v, struct effects *fx);

/* Only this one from now on; NULL: none. Whoever is connected must come again. */
void security_key_set(struct station *st, const struct sealed_key *key, struct effects *fx);
/* One more, that the station is being told. Its id; 0: STATION_KEYS_MAX wait to be shown already. */
uint32_t security_key_offer(struct station *st, const struct sealed_key *key, struct effects *fx);
/* The station refused it. */
void security_key_withdraw(struct station *st, uint32_t id, struct effects *fx);
/* "none", "set", "changing": a new one was sent and not shown yet. */
const char *security_key_state(const struct station *st);
/* A person lets the station come in with less again. */
void security_lower(struct station *st, int64_t profile, struct effects *fx);
/* Closes the connections of stations that show less than they must: after every change of that. */
void security_enforce(struct site *s, struct effects *fx);
/* Forgets what was known of a station that is registered no more. */
void security_forget(struct station *st);
/* json NULL: its record is damaged. What cannot be read opens to nobody, until a key is set. */
int security_load(struct site *s, const char *id, const char *json, size_t len, struct diag *diag);
