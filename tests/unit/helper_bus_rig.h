/* helper_bus_rig.h - workers of the Modbus room on a loop, against a peer with every fault (helper_modbus_peer.h). */
#pragma once

#include "helper_modbus_peer.h"
#include "modbus/bus.h"
#include "net/loop.h"

#define MS	US_PER_MS
#define POLL	(100 * MS)
#define TIMEOUT (150 * MS)
#define RETRY	(200 * MS)

/* What came of one meter. */
struct bus_heard {
	int good, failed, refused_blocks, wrong_words, slow_blocks;
	int last_err, last_exception, identity;
	char text[200];
	mono_t at;
	int64_t latency_us, longest_gap;
};

struct bus_rig {
	struct loop *loop;
	struct bus_set *set;
	struct peer *peer;
	struct meter_profile *p;
	struct bus_heard meter[4];	/* ids "M0".. */
	int strangers;
	int *watched, until;	/* stops the loop when the counter gets there */
	struct loop_timer *deadline;
};

void bus_rig_start(struct bus_rig *r);
void bus_rig_end(struct bus_rig *r);
/* Slaves 1..n as M1..Mn on the peer; a timeout of 0 is the profile's. */
void bus_rig_configure(struct bus_rig *r, int n, int64_t timeout_us);
/* Turns the loop until the counter has got there; false after `limit`. */
bool bus_rig_wait(struct bus_rig *r, int *counter, int until, int64_t limit);
void bus_rig_pass(struct bus_rig *r, int64_t us);
mono_t bus_rig_clock(void);
