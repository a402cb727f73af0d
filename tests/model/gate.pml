/* gate.pml - acknowledgement gating as a model: can what stations obey ever exceed the cap?
 *
 * One station with all that can go wrong: lmsd's account of it (lmsd/balance/gate.c, orders.c), the
 * frames to it (lmsd/carry.c and a TCP connection: in order, but lost, late, refused, answered late or
 * never), crashes of lmsd with what is on disk, and its truth. And a neighbour, standing for all other
 * stations, which at once takes and obeys whatever the first one's W leaves of CAP: nothing that W
 * forgets goes unnoticed. Targets are any: the allocator is not trusted. Time is one tick, the settle
 * time: an accepted limit is obeyed one tick later at the latest.
 *
 * Names in capitals that #ifdef or #ifndef asks for break one rule each; tests/integration/test_model.sh asserts that
 * spin finds the error then, and none without.
 */
#ifndef MAX
#define MAX 3		/* limits are 0 … MAX */
#endif
#define CAP MAX
#ifndef SESSIONS
#define SESSIONS 2	/* transactions, one after the other */
#endif
#ifndef CRASHES
#define CRASHES 2	/* of lmsd */
#endif

#define K 3		/* frames under way or unanswered, the oldest first */
#define FREE    0
#define QUEUED  1	/* waits for the commit of its W */
#define LEFT    2	/* in the channel */
#define DONE    3	/* carried out by the station */
#define REFUSED 4	/* by it, or lost: it never will be */
byte state[K], limit[K], for_tx[K];
bool open_[K];		/* lmsd waits for its answer: struct pending */
bool older[K];		/* a later one has been answered, or given up: p->token < cl->token */

/* struct claim of BAL_LIMIT_TX; the default limit is 0 and acknowledged */
byte hold, fall;
byte told;		/* the transaction that lmsd knows of, 0 = none */
bool online = true;

/* On disk, and on its way there; commits keep their order. */
#define NONE 99
byte stored, writing = NONE;
byte crashes;

/* the truth */
byte obeyed, lag;	/* limit in force; a higher one that is not obeyed yet */
byte session, sessions;
byte neighbour;		/* what the others may be obeying, and do */

byte k, j, w, to;	/* of the step that runs */

#define OBEYS  (lag > obeyed -> lag : obeyed)
#define ANY(s) (state[0] == s || state[1] == s || state[2] == s)
#define OPEN   (open_[0] || open_[1] || open_[2])

/* What is no more than what stands anyway is the same as nothing: fewer states. */
inline check()
{
	if
	:: lag <= obeyed -> lag = 0
	:: else
	fi;
	if
	:: fall <= hold -> fall = 0
	:: else
	fi;
	assert(OBEYS + neighbour <= CAP);
	k = 0; j = 0; w = 0; to = 0
}

/* gate_claim(): accepted or unclear, lowered less than a settle time ago, or on its way */
inline find_w()
{
	w = hold;
#ifndef NO_SETTLE
	if
	:: fall > w -> w = fall
	:: else
	fi;
#endif
#ifndef NO_PENDING
	for (j : 0 .. K - 1) {
		if
		:: open_[j] && limit[j] > w -> w = limit[j]
		:: else
		fi
	}
#endif
}

inline clear(f)
{
	state[f] = FREE; limit[f] = 0; for_tx[f] = 0; older[f] = false; open_[f] = false
}

/* Frames that are answered and at their end are forgotten. */
inline tidy()
{
	for (j : 0 .. K - 1) {
		if
		:: state[K - 1 - j] >= DONE && !open_[K - 1 - j] ->
			for (k : K - 1 - j .. K - 2) {
				state[k] = state[k + 1]; limit[k] = limit[k + 1];
				for_tx[k] = for_tx[k + 1]; older[k] = older[k + 1];
				open_[k] = open_[k + 1]
			}
			clear(K - 1)
		:: else
		fi
	}
}

/* ---- what leaves -------------------------------------------------------------------------------- */

inline add_frame(how)
{
	k = 0;
	do
	:: state[k] != FREE -> k++
	:: else -> break
	od;
	state[k] = how; limit[k] = to; for_tx[k] = told; open_[k] = true;
#ifndef OVERTAKEN_LEAVES
	/* carry_frame(): what waits for its commit and has been overtaken does not leave any more */
	for (j : 0 .. K - 1) {
		if
		:: how == LEFT && state[j] == QUEUED -> state[j] = REFUSED
		:: else
		fi
	}
#endif
}

/* orders.c issue(), and balance_admit_manual(): what W covers already, and a raise that fits with what the
 * others have (find_room()). Both leave at once if what is on disk covers them, whichever of the writes
 * under way a crash may meet; else after the commit (run_stores(), feed.c give_order()). That orders of
 * ours follow others only downwards is left out: by hand anything may follow anything. */
#define ON_DISK (writing < stored -> writing : stored)

inline order()
{
	select (to : 0 .. MAX);
	find_w();
	if
	:: to <= w ->
		if
#ifndef PENDING_COVERS
		:: crashes < CRASHES && to > ON_DISK && writing != NONE -> add_frame(QUEUED)
#endif
		:: else -> add_frame(LEFT)
		fi
	:: to > w && writing == NONE && to + neighbour <= CAP ->
#ifdef RAISE_BEFORE_STORE
		add_frame(LEFT);
#else
		add_frame(QUEUED);
#endif
		find_w();
		writing = (crashes < CRASHES -> w : 0)
	:: else
	fi
}

/* The neighbour, by the same rules and without faults. Its raise leaves after a commit, and run_stores()
 * writes all that has changed in one batch: what W fell to is on disk by then. */
#ifdef NEIGHBOUR_FIRST
#define WRITTEN true
#else
#define WRITTEN (crashes == CRASHES || (writing == NONE && stored == w))
#endif
inline take()
{
	select (to : 0 .. MAX);
	find_w();
	if
	:: to <= neighbour || (to + w <= CAP && WRITTEN) -> neighbour = to
	:: else
	fi
}

/* carry_committed() */
inline commit()
{
	stored = (crashes < CRASHES -> writing : 0);
	writing = NONE;
	for (k : 0 .. K - 1) {
		if
		:: state[k] == QUEUED -> state[k] = LEFT
		:: else
		fi
	}
}

/* run_stores(): W is written whenever it has changed */
inline write()
{
	find_w();
	if
	:: stored != w -> writing = w
	:: else
	fi
}

/* ---- answers: balance_answer() ------------------------------------------------------------------- */

inline keep()
{
	if
	:: limit[k] > hold -> hold = limit[k]
	:: else
	fi
}

/* cl->token: answers to what was sent earlier say no more what is in force */
inline outdate()
{
	for (j : 0 .. K - 1) {
		if
		:: j < k && open_[j] -> older[j] = true
		:: else
		fi
	}
}

inline accepted()
{
	if
	:: told == 0			/* its transaction is over */
	:: told != 0 && (older[k] || for_tx[k] != told) -> keep()
	:: else ->
		if
		:: limit[k] < hold && hold > fall -> fall = hold	/* claim_fall() */
		:: else
		fi;
		hold = limit[k];
#ifndef OLD_ANSWERS
		outdate()
#endif
	fi
}

inline not_accepted()
{
#ifndef REFUSED_IS_UNDONE
	if
	:: told != 0 ->
		keep();
#ifndef OLD_TIMEOUTS
		outdate()
#endif
	:: else
	fi
#else
	skip
#endif
}

/* Answers come in any order, or there is none in time. */
inline answer()
{
	select (k : 0 .. K - 1);
	if
	:: open_[k] && state[k] == DONE -> accepted(); open_[k] = false
	:: open_[k] -> not_accepted(); open_[k] = false
	:: else
	fi
}

/* ---- channel, station, connection, lmsd ------------------------------------------------------------ */

/* The oldest frame in the channel arrives, or is lost, or the station says no. (Without carry_frame()'s
 * rule, one that left late is read after what overtook it, which has been carried out by then.) */
inline arrive()
{
	k = 0;
	do
	:: state[k] != LEFT -> k++
	:: else -> break
	od;
	if
	:: state[k] = REFUSED
	:: for_tx[k] == session ->
		if
		:: limit[k] < obeyed && obeyed > lag -> lag = obeyed
		:: else
		fi;
		obeyed = limit[k];
		state[k] = DONE
	fi
}

/* What has not left never does (BAL_DROPPED); what has may still be read. */
inline drop()
{
	online = false;
	for (k : 0 .. K - 1) {
		if
		:: open_[k] -> not_accepted(); open_[k] = false
		:: else
		fi;
		if
		:: state[k] == QUEUED -> state[k] = REFUSED
		:: else
		fi
	}
}

/* What lmsd knew is gone, but for what is on disk: gate_restore(). */
inline crash()
{
	crashes++;
	for (k : 0 .. K - 1) {
		open_[k] = false;
		if
		:: state[k] == QUEUED -> state[k] = REFUSED
		:: else
		fi
	}
	online = false;
	writing = NONE;
	hold = stored;
	fall = 0;
	if
	:: crashes == CRASHES -> stored = 0	/* nobody will ask for it */
	:: else
	fi
}

active proctype gate()
{
	do
	:: atomic { online && told != 0 && state[K - 1] == FREE -> order(); check() }
	:: atomic { writing != NONE -> commit(); tidy(); check() }
	:: atomic { writing == NONE && crashes < CRASHES -> write(); check() }
	:: atomic { OPEN -> answer(); tidy(); check() }
	:: atomic { ANY(LEFT) -> arrive(); tidy(); check() }
	:: atomic { take(); check() }
	:: atomic { online -> drop(); tidy(); check() }
	:: atomic { !online && !ANY(LEFT) -> online = true }
	:: atomic { crashes < CRASHES -> crash(); tidy(); check() }
	/* the settle time passes: limits are obeyed, falls are over (gate_settle()) */
	:: atomic { lag = 0; fall = 0 }
	/* cars come and go; without a transaction the default holds, which is 0 */
	:: atomic { session == 0 && sessions < SESSIONS -> sessions++; session = sessions }
	:: atomic { session != 0 -> session = 0; obeyed = 0; lag = 0 }
	/* change_session(): gate_tx_end(), gate_tx_begin() */
	:: atomic { online && told != session -> told = session; hold = 0; fall = 0 }
	od
}
