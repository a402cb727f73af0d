/* balance/record/snapshot.h - the whole state of a balance as bytes, and back: for the recording, and for clones.
 *
 * Structures are copied whole, so a new member needs nothing here unless it is a pointer; those are
 * listed in snapshot.c. Bytes belong to the build that wrote them: the engine's own text (all of
 * lmsd/balance) is part of their name, and those of another build are refused.
 */
#pragma once

#include "balance/balance.h"
#include "base/buf.h"

/* Appends. Nothing of the balance changes. */
void balance_snapshot(const struct balance *b, struct buf *out);
/* A new balance that goes on where the other was. NULL with diag: -LMS_EPROTOCOL if another build
 * wrote it, -LMS_EDATA if it is damaged. */
struct balance *balance_from_snapshot(const void *data, size_t len, struct diag *d);
/* The same without the bytes in between; is not recorded, even where the original is. */
struct balance *balance_clone(const struct balance *b);
/* Names this build's engine: what other recordings are told apart by. */
const char *balance_engine(void);
