/* hall/door/ctl_station_key.c - the keys of stations: given, made, sent, taken away. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "crypto/station_key.h"
#include "hall.h"
#include "ocpp/control/ctl_key.h"
#include "site/site.h"

static int find(struct ctl_call *c, const char *id, struct station **out)
{
	*out = site_station(c->hall->site, id);
	if (*out != NULL && (*out)->conf >= 0)
		return 0;
	return diag_set(
	    &c->diag, -LMS_ENOTFOUND,
	    "station %s: is not registered (lmsctl station add registers it before it comes)", id);
}

static int no_randomness(struct ctl_call *c)
{
	return diag_set(&c->diag, -LMS_EINTERNAL,
			"the system gives no random numbers: no key was made");
}

/* Makes a key, and seals it. */
static int make(struct ctl_call *c, struct sealed_key *sealed, char hex[2 * STATION_KEY_MADE + 1])
{
	uint8_t key[STATION_KEY_MADE];
	bool ok = station_key_make(key) && station_key_seal(key, sizeof(key), sealed);

	hex_encode(key, sizeof(key), hex);
	OPENSSL_cleanse(key, sizeof(key));
	return ok ? 0 : no_randomness(c);
}

static int set_made(struct ctl_call *c, struct station *st)
{
	char hex[2 * STATION_KEY_MADE + 1];
	struct sealed_key sealed;
	int ret = make(c, &sealed, hex);

	if (ret == 0) {
		security_key_set(st, &sealed, c->fx);
		jw_object(&c->w);
		jw_kstr(&c->w, "id", st->id);
		jw_kstr(&c->w, "key", hex);
		jw_object_end(&c->w);
	}
	OPENSSL_cleanse(hex, sizeof(hex));
	return ret;
}

static int set_given(struct ctl_call *c, struct station *st, const char *hex)
{
	uint8_t key[STATION_KEY_MAX];
	long len = hex_decode(hex, strlen(hex), key, sizeof(key));
	struct sealed_key sealed;

	if (len < STATION_KEY_MIN)
		return diag_set(&c->diag, -LMS_EDATA,
				"key: must be %d to %d bytes, or their hexadecimal digits "
				"(lmsctl station key set %s --generate makes one)",
				STATION_KEY_MIN, STATION_KEY_MAX, st->id);
	if (!station_key_seal(key, (size_t)len, &sealed)) {
		OPENSSL_cleanse(key, sizeof(key));
		return no_randomness(c);
	}
	OPENSSL_cleanse(key, sizeof(key));
	security_key_set(st, &sealed, c->fx);
	jw_object(&c->w);
	jw_kstr(&c->w, "id", st->id);
	jw_object_end(&c->w);
	return 0;
}

int ctl_station_key_set(struct ctl_call *c, const struct ctl_station_key_set_args *a)
{
	struct station *st;
	int ret = find(c, a->id, &st);

	if (ret)
		return ret;
	if ((a->key != NULL) == (a->generate == 1))
		return diag_set(&c->diag, -LMS_EUSAGE,
				"key: give one (@FILE, or - for standard input), or --generate");
	return a->key != NULL ? set_given(c, st, a->key) : set_made(c, st);
}

int ctl_station_key_delete(struct ctl_call *c, const struct ctl_station_key_delete_args *a)
{
	struct station *st;
	int ret = find(c, a->id, &st);
	bool changed;

	if (ret)
		return ret;
	changed = st->security.key_count > 0 || st->security.key_shown;
	if (changed)
		security_key_set(st, NULL, c->fx);
	return ctl_answer_done(c, changed);
}

int ctl_station_key_rotate(struct ctl_call *c, const struct ctl_station_key_rotate_args *a)
{
	char hex[2 * STATION_KEY_MADE + 1];
	struct sealed_key sealed;
	struct ocpp_session *s;
	struct station *st;
	int ret = find(c, a->id, &st);
	uint32_t id;

	if (ret == 0)
		ret = ctl_session(c, a->id, &s);
	if (ret == 0)
		ret = make(c, &sealed, hex);
	if (ret)
		return ret;
	id = security_key_offer(st, &sealed, c->fx);
	if (id == 0)
		ret = diag_set(&c->diag, -LMS_ECONFLICT,
			       "station %s: was sent several keys and has come with none of them "
			       "(lmsctl station restart %s, or give it one by hand: lmsctl station "
			       "key set %s)",
			       a->id, a->id, a->id);
	else
		ret = ctl_key_send(c, s, hex, id);
	if (ret < 0 && id != 0)
		security_key_withdraw(st, id, c->fx);
	OPENSSL_cleanse(hex, sizeof(hex));
	return ret;
}
