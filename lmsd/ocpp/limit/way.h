/* ocpp/limit/way.h - how a connector is told its limits: by a profile for each transaction, by its default
 * profile alone, or by a key of its station's configuration (ocpp.md "Smart charging").
 */
#pragma once

#include "ocpp/habits.h"
#include "ocpp/session.h"

enum limit_way {
	WAY_PROFILE,		/* TxDefaultProfile, and a TxProfile on top of it */
	WAY_DEFAULT,		/* TxDefaultProfile, also while a transaction runs */
	WAY_CONFIG		/* ChangeConfiguration of a vendor's key */
};

/* `cc` may be NULL: what nobody configured has profiles. */
enum limit_way way_of(const struct connector_conf *cc);
/* What is known of the key that limits it; its defaults where the model's file does not name that key. */
struct habits_key way_key(const struct ocpp_habits *h, const struct connector_conf *cc);
/* The value of the key for a limit (as an order of the balance says it). false: the key cannot say it. */
bool way_value(const struct habits_key *k, int64_t limit_ma, int64_t given_ma, int64_t voltage_min, char *out,
	       size_t size);
/* Does a key with this name limit a connector of the station? */
bool way_uses_key(const struct station_conf *sc, const char *key);

/* Ids of the profiles of this station, and whether one of them has this id. */
int way_profile_id(const struct station_conf *sc, int connector, bool idle);
bool way_profile_is_ours(const struct station_conf *sc, int64_t id);
/* Absolute (else Relative) is the kind that the profile of a transaction has. */
bool way_absolute(const struct ocpp_session *s, const struct station *st);
bool way_number_phases(const struct ocpp_session *s, const struct station *st);
