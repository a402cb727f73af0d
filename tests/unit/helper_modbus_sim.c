/* helper_modbus_sim.c - starts, orders and ends simulators. */
#include "helper_modbus_sim.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

pid_t child_start(char *const argv[], FILE **in, FILE **out)
{
	int to[2], from[2];
	pid_t pid;

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	if (in)
		*in = fdopen(to[1], "w");
	else
		close(to[1]);
	if (out)
		*out = fdopen(from[0], "r");
	else
		close(from[0]);
	return pid;
}

void child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void start(struct sim *s, const char *option, const char *where, const char *profile,
		  const char *slaves)
{
	const char *args[] = { "tests/sim/meter.py",
			       option,
			       where,
			       "--profile",
			       profile,
			       "--fixed",
			       "10,11,12",
			       "--exit-on-eof",
			       slaves ? "--slaves" : NULL,
			       slaves,
			       NULL };
	char *argv[sizeof(args) / sizeof(args[0])];
	char line[200] = "";

	memcpy(argv, args, sizeof(argv));
	s->pid = child_start(argv, &s->orders, &s->says);
	if (!fgets(line, sizeof(line), s->says) || strncmp(line, "ready ", 6) != 0)
		fail_msg("tests/sim/meter.py does not start (make deps installs what it needs)");
	if (sscanf(line, "ready port=%d", &s->port) != 1)
		s->port = 0;
}

void sim_start_tcp(struct sim *s, int port, const char *profile)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", port);
	start(s, "--port", text, profile, NULL);
}

void sim_start_rtu(struct sim *s, const char *device, const char *slaves)
{
	start(s, "--serial", device, "SDM630", slaves);
}

#define FAULTY_LINKS 64

void sim_start_faulty(struct sim *s, int ports, int *port, const char *const *links, int link_count)
{
	const char *seed = getenv("SEED");
	const char *args[8 + 2 * FAULTY_LINKS] = { "tests/sim/faulty.py", "--exit-on-eof", "--seed", seed ? seed : "1", "--tcp" };
	char *argv[sizeof(args) / sizeof(args[0])], count[16], line[600] = "", *at;
	int n = 5;

	snprintf(count, sizeof(count), "%d", ports);
	args[n++] = count;
	for (int i = 0; i < link_count && i < FAULTY_LINKS; i++) {
		args[n++] = "--rtu";
		args[n++] = links[i];
	}
	memcpy(argv, args, sizeof(argv));
	s->port = 0;
	s->pid = child_start(argv, &s->orders, &s->says);
	if (!fgets(line, sizeof(line), s->says) || strncmp(line, "ready ports=", 12) != 0)
		fail_msg("tests/sim/faulty.py does not start");
	at = line + 12;
	for (int i = 0; i < ports; i++) {
		port[i] = (int)strtol(at, &at, 10);
		at += *at == ',';
	}
}

void sim_order(struct sim *s, const char *line)
{
	fprintf(s->orders, "%s\n", line);
	fflush(s->orders);
}

void sim_kill(struct sim *s)
{
	child_kill(s->pid);
	fclose(s->orders);
	fclose(s->says);
}
