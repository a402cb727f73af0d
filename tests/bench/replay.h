/* replay.h - charging sessions of a month, played to the real engine under a virtual clock.
 *
 * Stations acknowledge and obey at once; cars draw the least of limit and their own maximum until
 * they have their energy or leave. Times are microseconds since the first arrival; energies are
 * counted in mA x us summed over phases, which 230 V makes Wh.
 */
#pragma once

#include "balance/balance.h"

#define REPLAY_VOLT 230

struct session {
	int line;			/* of the file */
	int64_t arrival_us, departure_us;
	int64_t energy_mwh;
	char station[ID_MAX + 1];
	phase_mask_t phases;		/* grid phases */
	int64_t max_ma;
	uint32_t conn;			/* of the model */
};

struct sessions {
	const char *path;
	struct session *list;		/* by arrival */
	size_t count;
};

/* Reads `arrival_s,departure_s,energy_wh,station,phases,max_a`, columns in any order under a header.
 * 0, or -LMS_ENOINPUT / -LMS_EDATA with file, line and column in diag. */
int sessions_read(const char *path, struct sessions *s, struct diag *d);
void sessions_free(struct sessions *s);

/* The site that the sessions happen on; root zones get the cap of each run. */
struct model {
	struct arena arena;
	struct bal_zone_conf *zones;	size_t zone_count;
	struct bal_conn_conf *conns;	size_t conn_count;
};

/* One zone, and for each station as many connectors as it has sessions at one time; with `wired_alike`
 * one per way of wiring, so that the engine knows the phases of every car from the start. */
int model_from_sessions(struct model *m, struct sessions *s, enum bal_policy policy, bool wired_alike,
			struct diag *d);
/* The zones and stations of a document that `lmsctl apply` takes; meters are left out. Every session
 * must find a free connector of its station. */
int model_from_site(struct model *m, const char *path, struct sessions *s, struct diag *d);
void model_free(struct model *m);

struct replay_result {
	int64_t demand_mwh, delivered_mwh;
	int64_t over_us;		/* what stations obeyed, or W, was above a cap */
	int64_t messages, on_off, reversals;
	int64_t plugged_us;		/* connector time with a car */
	int64_t span_us;
};

/* `cap` replaces the limit of the root zones. */
int replay_run(const struct model *m, const struct sessions *s, int64_t cap_ma, int64_t step_us,
	       struct replay_result *out, struct diag *d);
