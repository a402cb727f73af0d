/* ocpp/setup/abilities.h - what a station says of itself in GetConfiguration, and what that proposes. */
#pragma once

#include "ocpp/session.h"

/* The keys that tell what a station can do; one GetConfiguration. */
#define ABILITY_KEYS "NumberOfConnectors,ChargingScheduleAllowedChargingRateUnit," \
	"ChargeProfileMaxStackLevel,ChargingScheduleMaxPeriods,SupportedFeatureProfiles,ConnectorPhaseRotation,ReserveConnectorZeroSupported"

/* Takes one item of configurationKey. */
void abilities_learn(struct ocpp_session *s, struct station *st, const struct json *entry);
/* Renews what station accept fills in: from etc/stations, and from what the station has told. */
void abilities_propose(struct ocpp_session *s, struct station *st);
/* Is the word one of the comma-separated list? Case is ignored. */
bool lists_word(const char *list, const char *word, size_t len);
