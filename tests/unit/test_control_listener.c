/* The control socket's transport against raw Unix sockets. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "control/listener.h"

/* Sessions live in their host: a connection may be accepted as late as the test ends, and what is
 * open when the listener goes is not announced any more. */
#define SESSIONS_MAX 256

struct session {
	struct host *h;
	struct ctl_peer *peer;
};

struct host {
	struct loop *loop;
	struct loop_wake *stop;
	struct ctl_listener *listener;
	pthread_t thread;
	char dir[32], path[64];
	atomic_int opened, lines, overlong, writable, closed;
	atomic_int uid, groups, lines_at_hi;
	struct session sessions[SESSIONS_MAX];
};

static void *on_opened(void *ctx, struct ctl_peer *p, const struct ctl_peer_cred *cred)
{
	struct host *h = ctx;
	struct session *s = &h->sessions[h->opened];

	lms_assert(h->opened < SESSIONS_MAX);
	s->h = h;
	s->peer = p;
	s->h->uid = (int)cred->uid;
	s->h->groups = (int)cred->group_count;
	s->h->opened++;
	return s;
}

/* Echoes; "quit" answers "bye" and closes, "flood N" answers N bytes, "die" kills. */
static void on_line(void *user, const char *line, size_t len)
{
	struct session *s = user;

	s->h->lines++;
	if (strcmp(line, "hi") == 0)
		s->h->lines_at_hi = s->h->lines;
	lms_assert(strlen(line) == len);
	if (strcmp(line, "quit") == 0) {
		ctl_peer_send(s->peer, "bye", 3);
		ctl_peer_close(s->peer);
		ctl_peer_send(s->peer, "late", 4);
	} else if (strcmp(line, "die") == 0) {
		ctl_peer_kill(s->peer);
	} else if (strncmp(line, "flood ", 6) == 0) {
		size_t n = (size_t)atol(line + 6);
		char *text = malloc(n);

		memset(text, 'x', n);
		ctl_peer_send(s->peer, text, n);
		free(text);
	} else {
		ctl_peer_send(s->peer, line, len);
	}
}

static void on_overlong(void *user)
{
	struct session *s = user;

	s->h->overlong++;
	ctl_peer_send(s->peer, "overlong", 8);
}

static void on_writable(void *user)
{
	struct session *s = user;

	lms_assert(ctl_peer_queued(s->peer) <= CTL_QUEUE_LOW);
	s->h->writable++;
}

static void on_closed(void *user)
{
	struct session *s = user;

	s->h->closed++;
}

static const struct ctl_listener_ops ops = {
	on_opened, on_line, on_overlong, on_writable, on_closed
};

static void on_stop(void *ctx)
{
	struct host *h = ctx;

	loop_stop(h->loop);
}

static void *run(void *arg)
{
	struct host *h = arg;

	loop_run(h->loop);
	return NULL;
}

static bool wait_for(const atomic_int *v, int want)
{
	for (int i = 0; i < 3000; i++) {
		struct timespec ms = { 0, 1000000 };

		if (atomic_load(v) >= want)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static void start(struct host *h)
{
	assert_int_equal(pthread_create(&h->thread, NULL, run, h), 0);
}

/* The socket is there, the loop does not run yet. */
static int setup_still(void **state)
{
	struct host *h = calloc(1, sizeof(*h));
	struct diag d;

	strcpy(h->dir, "/tmp/lms-test-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(h->path, sizeof(h->path), "%s/run/control.sock", h->dir);
	h->loop = loop_new();
	h->stop = loop_wake_new(h->loop, on_stop, h);
	diag_init(&d);
	if (ctl_listener_new(h->loop, h->path, &ops, h, &h->listener, &d) != 0)
		fail_msg("%s", d.text);
	*state = h;
	return 0;
}

static int setup(void **state)
{
	setup_still(state);
	start(*state);
	return 0;
}

static int teardown(void **state)
{
	struct host *h = *state;
	char run_dir[128];

	assert_true(wait_for(&h->closed, h->opened));
	loop_wake_send(h->stop);
	pthread_join(h->thread, NULL);
	ctl_listener_free(h->listener);
	assert_int_not_equal(access(h->path, F_OK), 0);
	loop_wake_free(h->stop);
	loop_free(h->loop);
	snprintf(run_dir, sizeof(run_dir), "%s/run", h->dir);
	rmdir(run_dir);
	rmdir(h->dir);
	free(h);
	return 0;
}

static int client(const struct host *h)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval limit = { 5, 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", h->path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void put(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		assert_true(n > 0);
		p += n;
		len -= (size_t)n;
	}
}

static void say(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

/* Reads len bytes or to the end. */
static size_t get(int fd, char *out, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, out + got, len - got, 0);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static void expect(int fd, const char *text)
{
	char out[256] = "";

	get(fd, out, strlen(text));
	assert_string_equal(out, text);
}

static void lines_come_one_by_one_however_they_are_cut(void **state)
{
	struct host *h = *state;
	struct stat st;
	int fd = client(h);

	say(fd, "o");
	say(fd, "ne\ntwo\r\n\n\nth");
	expect(fd, "one\ntwo\n");
	say(fd, "ree\n");
	expect(fd, "three\n");
	assert_int_equal(h->lines, 3);
	assert_int_equal(h->uid, getuid());
	assert_int_equal(h->groups, getgroups(0, NULL));
	assert_int_equal(stat(h->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	close(fd);
}

static void an_overlong_line_is_reported_once_and_skipped(void **state)
{
	struct host *h = *state;
	size_t len = CTL_LINE_MAX * 2 + 5;
	char *big = malloc(len + 1);
	int fd = client(h);

	memset(big, 'a', len);
	big[len] = '\n';
	put(fd, big, len + 1);
	say(fd, "next\n");
	expect(fd, "overlong\nnext\n");
	assert_int_equal(h->overlong, 1);

	/* Just above the limit, in one line that is complete when it is seen; and just at it. */
	big[CTL_LINE_MAX + 1] = '\n';
	put(fd, big, CTL_LINE_MAX + 2);
	expect(fd, "overlong\n");
	big[CTL_LINE_MAX] = '\n';
	put(fd, big, CTL_LINE_MAX + 1);
	assert_int_equal(get(fd, big, CTL_LINE_MAX + 1), CTL_LINE_MAX + 1);
	assert_int_equal(big[CTL_LINE_MAX - 1], 'a');
	assert_int_equal(h->overlong, 2);
	free(big);
	close(fd);
}

static void closing_delivers_what_is_queued_and_nothing_after(void **state)
{
	struct host *h = *state;
	int fd = client(h);
	char *out = malloc(300001);

	say(fd, "flood 300000\nquit\nnever\n");
	assert_int_equal(get(fd, out, 300001), 300001);
	expect(fd, "bye\n");
	assert_int_equal(get(fd, out, 1), 0);
	assert_true(wait_for(&h->closed, 1));
	assert_int_equal(h->lines, 2);
	free(out);
	close(fd);
}

static void a_killed_peer_is_closed_once(void **state)
{
	struct host *h = *state;
	int fd = client(h);
	char c;

	say(fd, "die\nmore\n");
	assert_int_equal(get(fd, &c, 1), 0);
	assert_true(wait_for(&h->closed, 1));
	assert_int_equal(h->lines, 1);
	close(fd);
}

static void a_client_that_does_not_read_is_not_read_from(void **state)
{
	struct host *h = *state;
	int fd = client(h);
	char *waste = malloc(3 * 400001 + 6);

	/* The answer to the first goes over the high mark: the second waits. */
	say(fd, "flood 400000\nflood 400000\nflood 400000\nhello\n");
	assert_true(wait_for(&h->lines, 1));
	assert_int_equal(h->lines, 1);
	assert_int_equal(get(fd, waste, 3 * 400001 + 6), 3 * 400001 + 6);
	assert_memory_equal(waste + 3 * 400001, "hello\n", 6);
	assert_true(h->writable >= 3);
	assert_int_equal(h->lines, 4);
	free(waste);
	close(fd);
}

static void a_client_that_only_shuts_its_side_gets_its_answer(void **state)
{
	struct host *h = *state;
	int fd = client(h);

	say(fd, "one\ntwo\n");
	shutdown(fd, SHUT_WR);
	expect(fd, "one\ntwo\n");
	close(fd);
}

static void one_user_has_eight_connections(void **state)
{
	struct host *h = *state;
	int most = getuid() == 0 ? CTL_PEERS_ROOT : CTL_PEERS_PER_UID;
	int fds[CTL_PEERS_ROOT], extra;
	char out[256] = "";

	for (int i = 0; i < most; i++)
		fds[i] = client(h);
	assert_true(wait_for(&h->opened, most));
	extra = client(h);
	get(extra, out, sizeof(out) - 1);
	assert_non_null(strstr(out, "\"error\":{\"code\":-32005"));
	assert_int_equal(out[strlen(out) - 1], '\n');
	close(extra);
	close(fds[0]);
	assert_true(wait_for(&h->closed, 1));
	fds[0] = client(h);
	say(fds[0], "again\n");
	expect(fds[0], "again\n");
	for (int i = 0; i < most; i++)
		close(fds[i]);
}

static void a_talker_does_not_starve_the_others(void **state)
{
	struct host *h = *state;
	/* One before it and one behind it, whatever the order in which they are served. */
	int first = client(h), loud = client(h), last = client(h);
	char *many = malloc(60000);

	for (int i = 0; i < 60000; i += 2)
		memcpy(many + i, "x\n", 2);
	put(loud, many, 60000);
	say(first, "hi\n");
	say(last, "hi\n");
	start(h);
	expect(first, "hi\n");
	expect(last, "hi\n");
	assert_true(h->lines_at_hi < 1000);
	assert_int_equal(get(loud, many, 60000), 60000);
	free(many);
	close(first);
	close(loud);
	close(last);
}

static void a_live_socket_is_refused_and_a_dead_one_replaced(void **state)
{
	struct host *h = *state;
	struct ctl_listener *second = NULL;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct loop *loop = loop_new();
	struct diag d;
	char path[80];
	int fd;

	diag_init(&d);
	assert_int_equal(ctl_listener_new(loop, h->path, &ops, h, &second, &d), -LMS_ECONFLICT);
	assert_non_null(strstr(d.text, "another lmsd serves"));
	assert_non_null(strstr(d.text, h->path));
	assert_true(wait_for(&h->opened, 1));	/* its knock */

	snprintf(path, sizeof(path), "%s/dead.sock", h->dir);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
	diag_init(&d);
	assert_int_equal(ctl_listener_new(loop, path, &ops, h, &second, &d), 0);
	/* Somebody else's socket in its place is left alone. */
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ctl_listener_free(second);
	assert_int_equal(unlink(path), 0);
	close(fd);

	diag_init(&d);
	snprintf(path, sizeof(path), "%s/none/deeper/x.sock", h->dir);
	assert_int_equal(ctl_listener_new(loop, path, &ops, h, &second, &d), -LMS_ECANTCREAT);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(lines_come_one_by_one_however_they_are_cut),
		T(an_overlong_line_is_reported_once_and_skipped),
		T(closing_delivers_what_is_queued_and_nothing_after),
		T(a_killed_peer_is_closed_once),
		T(a_client_that_does_not_read_is_not_read_from),
		T(a_client_that_only_shuts_its_side_gets_its_answer),
		T(one_user_has_eight_connections),
		cmocka_unit_test_setup_teardown(a_talker_does_not_starve_the_others, setup_still,
						teardown),
		T(a_live_socket_is_refused_and_a_dead_one_replaced),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
