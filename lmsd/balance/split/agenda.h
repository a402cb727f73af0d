/* balance/split/agenda.h - what happens next while the water level rises.
 *
 * Inside of level.h. Turns of connectors are pushed; when a cell will be full follows from its members and
 * is kept here.
 */
#pragma once

#include "balance/split/level.h"

/* At one level who leaves comes first, since he cannot make the cell full; then who starts, then those
 * of full cells one by one: on fewer phases first, since the same step costs the site less. */
enum turn_kind { TURN_STOP, TURN_START, TURN_SETTLE };

struct turn {
	int64_t at_ma;
	uint64_t rank;			/* kind, phases, connector: what goes first at one level */
};

static inline enum turn_kind turn_kind(struct turn t)
{
	return (enum turn_kind)(t.rank >> 40);
}

static inline uint32_t turn_conn(struct turn t)
{
	return (uint32_t)t.rank;
}

void agenda_push(struct level *lv, int64_t at_ma, uint32_t conn, enum turn_kind kind);
/* The next turn; there is one. */
struct turn agenda_pop(struct level *lv);

/* The current or the members of a cell are others. */
void agenda_update(struct level *lv, uint32_t cell);
/* The cell that is full next, at its key_ma, or -1. */
int64_t agenda_peek_full(struct level *lv);
/* Takes that cell out until its members change. */
void agenda_drop_full(struct level *lv);
/* Which of its members a full cell holds up: the coarse ones (1 A), or the fine ones. */
bool agenda_holds_coarse(const struct cell *c);
