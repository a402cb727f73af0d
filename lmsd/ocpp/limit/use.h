/* ocpp/limit/use.h - the one table that says what a connector needs from the balance (balance.md, "Who competes"). */
#pragma once

#include "site/site.h"

enum use_tx {
	USE_TX_NONE,
	USE_TX_AUTHORIZED,	/* a tag was accepted, its transaction has not begun */
	USE_TX_RUNNING,
	USE_TX_COUNT
};

/* `drew`: it drew current within the last minute; only SuspendedEV asks. */
enum conn_use use_of(const char *status, enum use_tx tx, bool drew);
