/* helper_modbus_sim.h - tests/sim/meter.py as a child, with 10, 11 and 12 A in its building. */
#pragma once

#include <stdio.h>
#include <sys/types.h>

struct sim {
	pid_t pid;
	FILE *orders, *says;
	int port;
};

/* Both fail the test when the simulator does not start; it dies with the test. */
void sim_start_tcp(struct sim *s, int port, const char *profile);	/* 0 = any port */
void sim_start_rtu(struct sim *s, const char *device, const char *slaves);	/* an SDM630 */
/* tests/sim/faulty.py with `ports` TCP buses (their numbers into port[]) and a serial line behind each link. */
void sim_start_faulty(struct sim *s, int ports, int *port, const char *const *links, int link_count);
void sim_order(struct sim *s, const char *line);	/* one JSON object */
void sim_kill(struct sim *s);

/* Any program of a test; stdin and stdout are pipes unless NULL. */
pid_t child_start(char *const argv[], FILE **in, FILE **out);
void child_kill(pid_t pid);
