/* ocpp/limit/use.c - OCPP status x transaction -> enum conn_use. */
#include "ocpp/limit/use.h"

#include <string.h>

/* Not a use of its own: SuspendedEV competes while it still draws, then it has what is left. */
#define IF_DREW (-1)

struct row {
	const char *status;
	int use[USE_TX_COUNT];
};

static const struct row rows[] = {
	/* status		  no transaction	tag accepted	transaction running */
	/* Available ends a transaction: one that runs nevertheless began after it was said. */
	{ "Available",		{ USE_NONE,		USE_NONE,	USE_CHARGING } },
	{ "Preparing",		{ USE_WELCOME,		USE_WAITS,	USE_CHARGING } },
	/* Charging without a transaction: its start is on the way, or was lost. */
	{ "Charging",		{ USE_WELCOME,		USE_WAITS,	USE_CHARGING } },
	{ "SuspendedEVSE",	{ USE_WELCOME,		USE_WAITS,	USE_CHARGING } },
	{ "SuspendedEV",	{ USE_WELCOME,		USE_WAITS,	IF_DREW } },
	{ "Finishing",		{ USE_STOPPED,		USE_STOPPED,	USE_STOPPED } },
	{ "Reserved",		{ USE_NONE,		USE_NONE,	USE_CHARGING } },
	{ "Unavailable",	{ USE_NONE,		USE_NONE,	USE_STOPPED } },
	{ "Faulted",		{ USE_NONE,		USE_NONE,	USE_STOPPED } },
	/* Never said; and after a restart of lmsd, when only the transaction is known. */
	{ "",			{ USE_NONE,		USE_WAITS,	USE_CHARGING } },
};
/* Words of other versions ("Occupied"): something is plugged in. */
static const struct row other = { NULL, { USE_WELCOME, USE_WAITS, USE_CHARGING } };

enum conn_use use_of(const char *status, enum use_tx tx, bool drew)
{
	const struct row *row = &other;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].status, status) == 0)
			row = &rows[i];
	}
	if (row->use[tx] == IF_DREW)
		return drew ? USE_CHARGING : USE_FULL;
	return (enum conn_use)row->use[tx];
}
