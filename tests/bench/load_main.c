/* tests/bench/load_main.c - lms-load HOST PORT PREFIX [--tls] [--resume] [--ca FILE --ca-key FILE]
 *
 *   come N STEPS    stations up to N connect and take STEPS of their script (1 boots, 5 charges); answers when
 *                   all have
 *   call KIND SECONDS ACTIVE PACE_MS
 *                   the first ACTIVE ones call Heartbeat (h) or MeterValues (m), at once again when answered or
 *                   every PACE_MS, until the time is over or another line comes; answers {"calls":…,"seconds":…,"p50_us":…,"p99_us":…,"max_us":…,"errors":…}
 *   storm           all drop their connection without a word and come again, at once and whenever they are turned
 *                   away, as often as it takes; answers when all are served, {"seconds":…,"resumed":…,"lost":…}
 *   stop            nothing: ends a call before its time
 *   end
 *
 * Between commands it answers what it is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load.h"

#define PATIENCE_US 120000000
#define STATIONS_MAX 20000

int64_t load_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void turn(struct load *l, int wait_ms)
{
	static struct epoll_event events[512];
	int n = epoll_wait(l->epoll, events, 512, wait_ms);

	for (int i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			l->told = true;
		else
			station_io(l, events[i].data.ptr, events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR),
				   events[i].events & EPOLLOUT);
	}
}

/* Dials again for those that are not connected, so many at a time. */
static void redial(struct load *l, int at_a_time)
{
	for (int i = 0; i < l->count && at_a_time > 0; i++) {
		if (l->stations[i].state != ST_IDLE)
			continue;
		station_dial(l, &l->stations[i]);
		at_a_time--;
	}
}

static bool all_ready(struct load *l, int at_a_time)
{
	int64_t end = load_now_us() + PATIENCE_US;

	while (l->scripted < l->count && load_now_us() < end) {
		redial(l, at_a_time);
		turn(l, 10);
	}
	return l->scripted == l->count;
}

static void come(struct load *l, int count, int steps)
{
	int64_t began = load_now_us();
	bool all;

	if (count > STATIONS_MAX)
		count = STATIONS_MAX;
	for (int i = l->count; i < count; i++)
		l->stations[i].index = i;
	l->count = count > l->count ? count : l->count;
	for (int i = 0; i < count; i++) {
		struct station *s = &l->stations[i];

		s->until = (enum station_script)steps;
		if (s->ready && s->script < s->until) {
			s->ready = false;
			l->scripted--;
			if (!s->calling)
				station_step(l, s);
		}
	}
	all = all_ready(l, 100);
	printf("{\"ready\":%d,\"all\":%s,\"seconds\":%.3f}\n", l->scripted, all ? "true" : "false",
	       (double)(load_now_us() - began) / 1e6);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double part(const struct load *l, double q)
{
	return l->calls ? l->latency_us[(size_t)((double)(l->calls - 1) * q)] : 0.;
}

static bool calling(const struct load *l)
{
	for (int i = 0; i < l->active; i++)
		if (l->stations[i].calling)
			return true;
	return false;
}

static void call_phase(struct load *l, char kind, double seconds, int active, int pace_ms)
{
	int64_t began = load_now_us(), ended;

	l->kind = kind;
	l->active = active < l->count ? active : l->count;
	l->pace_us = pace_ms * INT64_C(1000);
	l->calls = 0;
	l->errors = 0;
	l->deadline_us = began + (int64_t)(seconds * 1e6);
	for (int i = 0; i < l->active; i++) {
		/* Spread over the first interval. */
		l->stations[i].due_us = began + (pace_ms ? l->pace_us * i / l->active : 0);
		station_call(l, &l->stations[i]);
	}
	l->told = false;
	while (!l->told && load_now_us() < l->deadline_us) {
		turn(l, pace_ms ? 1 : 10);
		for (int i = 0; pace_ms && i < l->active; i++)
			station_call(l, &l->stations[i]);
	}
	/* What was called is waited for: a server that stalls shall not look fast. */
	ended = load_now_us();
	l->deadline_us = ended;
	while (calling(l) && load_now_us() < ended + PATIENCE_US)
		turn(l, 10);
	l->deadline_us = 0;
	qsort(l->latency_us, l->calls, sizeof(*l->latency_us), compare);
	printf("{\"calls\":%zu,\"seconds\":%.3f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f,\"errors\":%llu}\n", l->calls,
	       (double)(ended - began) / 1e6, part(l, .5), part(l, .99), part(l, 1.), (unsigned long long)l->errors);
}

static void storm(struct load *l)
{
	int64_t began;
	bool all;

	for (int i = 0; i < l->count; i++)
		station_drop(l, &l->stations[i]);
	l->lost = l->resumed = 0;
	began = load_now_us();
	all = all_ready(l, l->count);
	printf("{\"served\":%d,\"all\":%s,\"seconds\":%.3f,\"resumed\":%llu,\"lost\":%llu}\n", l->scripted,
	       all ? "true" : "false", (double)(load_now_us() - began) / 1e6, (unsigned long long)l->resumed,
	       (unsigned long long)l->lost);
}

static void command(struct load *l, const char *line)
{
	int n, active, steps, pace_ms;
	double seconds;
	char kind;

	if (sscanf(line, "come %d %d", &n, &steps) == 2)
		come(l, n, steps);
	else if (sscanf(line, "call %c %lf %d %d", &kind, &seconds, &active, &pace_ms) == 4)
		call_phase(l, kind, seconds, active, pace_ms);
	else if (strncmp(line, "storm", 5) == 0)
		storm(l);
	else if (strncmp(line, "end", 3) == 0)
		exit(0);
	else if (strncmp(line, "stop", 4) == 0)
		return;
	else
		fprintf(stderr, "lms-load: what is '%s'?\n", line);
	fflush(stdout);
}

/* Serves its stations until a line has come. */
static bool read_line(struct load *l, char *line, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		ssize_t n = read(STDIN_FILENO, line + len, 1);

		if (n == 0)
			return false;
		if (n < 0) {
			if (errno != EAGAIN)
				return false;
			turn(l, 50);
			continue;
		}
		if (line[len++] == '\n')
			break;
	}
	line[len] = '\0';
	return true;
}

static SSL_CTX *tls_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
	return ctx;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct epoll_event in = { .events = EPOLLIN };
	struct load l = { 0 };
	const char *cert = NULL, *key = NULL;
	bool tls = false;
	char line[200];

	if (argc < 4) {
		fputs("usage: lms-load HOST PORT PREFIX [--tls] [--resume] [--ca FILE --ca-key FILE]\n", stderr);
		return 64;
	}
	l.host = argv[1];
	l.port = atoi(argv[2]);
	l.prefix = argv[3];
	for (int i = 4; i < argc; i++) {
		tls |= strcmp(argv[i], "--tls") == 0;
		l.resume |= strcmp(argv[i], "--resume") == 0;
		if (strcmp(argv[i], "--ca") == 0 && i + 1 < argc)
			cert = argv[++i];
		else if (strcmp(argv[i], "--ca-key") == 0 && i + 1 < argc)
			key = argv[++i];
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	l.tls = tls ? tls_context() : NULL;
	l.authority = cert && key ? authority_new(cert, key) : NULL;
	l.stations = calloc(STATIONS_MAX, sizeof(*l.stations));
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(l.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &in);
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	puts("ready");
	fflush(stdout);
	while (read_line(&l, line, sizeof(line)))
		command(&l, line);
	return 0;
}
