/* control/listener.c - the control socket's transport.
 *
 * A peer is freed by the reaper only (a timer of the next turn), so no call frees one under its
 * caller. Reading stops while answers pile up, while lines wait for the next turn, and once the
 * peer is closing.
 */
#include "control/listener.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "control/ctl_socket.h"

#define BYTES_PER_TURN ((size_t)64 << 10)
#define LINES_PER_TURN 64
#define ACCEPTS_PER_TURN 16
/* Above it the peer is dropped: dispatch pages what is long and coalesces what is repeated. */
#define QUEUE_MAX ((size_t)32 << 20)
/* A peer that has shut its side, or that is being closed, gets its answers within this. */
#define FAREWELL_US (10 * US_PER_S)
#define ACCEPT_PAUSE_US (200 * US_PER_MS)

struct ctl_peer {
	LIST_ENTRY(ctl_peer) all;
	TAILQ_ENTRY(ctl_peer) ready, dirty, reap;
	struct ctl_listener *listener;
	int fd;
	struct loop_io *io;
	struct ctl_peer_cred cred;
	void *user;
	struct buf in, out;
	size_t in_off, out_off;
	size_t line_max;
	bool is_ready, is_dirty, is_reaped;
	bool skipping;		/* the rest of an overlong line */
	bool choked;		/* the queue is above the high mark */
	bool eof, closing, dead, want_write;
	mono_t farewell; /* ends then at the latest; MONO_NEVER while not eof nor closing */
};

TAILQ_HEAD(peer_list, ctl_peer);

struct ctl_listener {
	struct loop *loop;
	struct ctl_listener_ops ops;
	void *ctx;
	int fd;
	char *path;
	dev_t dev;		/* of our socket: somebody else's is not ours to unlink */
	ino_t ino;
	struct loop_io *io;
	struct loop_timer *accept_again, *ready_timer, *reap_timer, *farewell_timer;
	LIST_HEAD(, ctl_peer) all;
	struct peer_list ready, dirty, reap;
	char chunk[BYTES_PER_TURN];
};

size_t ctl_peer_queued(const struct ctl_peer *p)
{
	return p->out.len - p->out_off;
}

static void watch(struct ctl_peer *p)
{
	bool rd = !p->dead && !p->eof && !p->closing && !p->choked && !p->is_ready;

	loop_io_set(p->io, rd, !p->dead && p->want_write);
}

static void mark_ready(struct ctl_peer *p)
{
	struct ctl_listener *l = p->listener;

	if (!p->is_ready) {
		p->is_ready = true;
		TAILQ_INSERT_TAIL(&l->ready, p, ready);
		loop_timer_at(l->ready_timer, loop_now(l->loop));
	}
}

static void mark_dirty(struct ctl_peer *p)
{
	if (!p->is_dirty) {
		p->is_dirty = true;
		TAILQ_INSERT_TAIL(&p->listener->dirty, p, dirty);
	}
}

void ctl_peer_kill(struct ctl_peer *p)
{
	struct ctl_listener *l = p->listener;

	if (p->dead)
		return;
	p->dead = true;
	watch(p);
	if (!p->is_reaped) {
		p->is_reaped = true;
		TAILQ_INSERT_TAIL(&l->reap, p, reap);
		loop_timer_at(l->reap_timer, loop_now(l->loop));
	}
}

static void set_farewell(struct ctl_peer *p)
{
	struct ctl_listener *l = p->listener;

	if (p->farewell == MONO_NEVER) {
		p->farewell = loop_now(l->loop) + FAREWELL_US;
		loop_timer_at(l->farewell_timer, loop_now(l->loop) + US_PER_S);
	}
}

void ctl_peer_close(struct ctl_peer *p)
{
	if (p->dead || p->closing)
		return;
	p->closing = true;
	set_farewell(p);
	watch(p);
	mark_dirty(p);
}

void ctl_peer_send(struct ctl_peer *p, const char *line, size_t len)
{
	if (p->dead || p->closing)
		return;
	if (len > QUEUE_MAX || ctl_peer_queued(p) > QUEUE_MAX - len) {
		log_event(LOG_LEVEL_WARNING, "control", "", "peer.dropped",
			  "why=\"does not read its answers\" uid=%u", (unsigned)p->cred.uid);
		ctl_peer_kill(p);
		return;
	}
	buf_add(&p->out, line, len);
	buf_putc(&p->out, '\n');
	if (ctl_peer_queued(p) > CTL_QUEUE_HIGH)
		p->choked = true;
	mark_dirty(p);
}

static void flush(struct ctl_peer *p)
{
	if (p->dead)
		return;
	while (p->out_off < p->out.len) {
		ssize_t n = send(p->fd, p->out.data + p->out_off, p->out.len - p->out_off,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
			ctl_peer_kill(p);
			return;
		}
		if (n < 0)
			break;
		p->out_off += (size_t)n;
	}
	p->want_write = p->out_off < p->out.len;
	if (!p->want_write) {
		buf_fini(&p->out);
		p->out_off = 0;
	} else if (p->out_off >= p->out.len / 2) {
		buf_drop_front(&p->out, p->out_off);
		p->out_off = 0;
	}
	if (p->closing && !p->want_write) {
		ctl_peer_kill(p);
		return;
	}
	/* From the next turn: flushing happens where no callback may come. */
	if (p->choked && ctl_peer_queued(p) <= CTL_QUEUE_LOW)
		mark_ready(p);
	watch(p);
}

/* The next line of p->in, or NULL; terminates it. */
static char *next_line(struct ctl_peer *p, size_t *len)
{
	char *start, *nl;

	if (p->in_off >= p->in.len)
		return NULL;
	start = p->in.data + p->in_off;
	nl = memchr(start, '\n', p->in.len - p->in_off);
	if (!nl)
		return NULL;
	p->in_off += (size_t)(nl - start) + 1;
	*len = (size_t)(nl - start);
	if (*len && start[*len - 1] == '\r')
		(*len)--;
	start[*len] = '\0';
	return start;
}

static void lines_out(struct ctl_peer *p)
{
	const struct ctl_listener_ops *ops = &p->listener->ops;
	char *line = NULL;
	size_t len;

	for (int n = 0; n < LINES_PER_TURN && !p->dead && !p->closing && !p->choked; n++) {
		line = next_line(p, &len);
		if (!line)
			break;
		if (p->skipping)
			p->skipping = false;
		else if (len > p->line_max)
			ops->overlong(p->user);
		else if (len)
			ops->line(p->user, line, len);
	}
	if (p->in_off) {
		buf_drop_front(&p->in, p->in_off);
		p->in_off = 0;
	}
	if (line && !p->choked)
		mark_ready(p);	/* there may be more */
	if (!line && !p->choked && (p->in.len > p->line_max || p->skipping)) {
		if (!p->skipping && !p->dead && !p->closing)
			ops->overlong(p->user);
		p->skipping = true;
		buf_clear(&p->in);
	}
	if (!p->in.len)
		buf_fini(&p->in);
}

/* Gone for good, or only done with asking (`printf … | socat`)? */
static bool is_hung_up(const struct ctl_peer *p)
{
	struct pollfd pfd = { .fd = p->fd };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR));
}

static void at_eof(struct ctl_peer *p)
{
	p->eof = true;
	if (is_hung_up(p))
		ctl_peer_kill(p);
	else
		set_farewell(p);
}

static void read_some(struct ctl_peer *p)
{
	struct ctl_listener *l = p->listener;
	ssize_t n = recv(p->fd, l->chunk, sizeof(l->chunk), MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			ctl_peer_kill(p);
		return;
	}
	if (n == 0) {
		at_eof(p);
		return;
	}
	buf_add(&p->in, l->chunk, (size_t)n);
	if (p->in.failed)
		ctl_peer_kill(p);
	else
		lines_out(p);
}

static void on_peer_io(void *ctx, bool readable, bool writable)
{
	struct ctl_peer *p = ctx;

	if (writable)
		flush(p);
	if (readable && !p->dead && !p->eof && !p->closing && !p->choked && !p->is_ready)
		read_some(p);
	watch(p);
}

static void on_ready(void *ctx)
{
	struct ctl_listener *l = ctx;
	struct ctl_peer *last = TAILQ_LAST(&l->ready, peer_list), *p;
	bool was_last = false;

	while (!was_last && (p = TAILQ_FIRST(&l->ready))) {
		was_last = p == last;
		TAILQ_REMOVE(&l->ready, p, ready);
		p->is_ready = false;
		if (p->dead)
			continue;
		if (p->choked && ctl_peer_queued(p) <= CTL_QUEUE_LOW) {
			p->choked = false;
			if (l->ops.writable)
				l->ops.writable(p->user);
		}
		if (!p->choked)
			lines_out(p);
		watch(p);
	}
	if (!TAILQ_EMPTY(&l->ready))
		loop_timer_at(l->ready_timer, loop_now(l->loop));
}

static void on_flush(void *ctx)
{
	struct ctl_listener *l = ctx;
	struct ctl_peer *p;

	while ((p = TAILQ_FIRST(&l->dirty))) {
		TAILQ_REMOVE(&l->dirty, p, dirty);
		p->is_dirty = false;
		flush(p);
	}
}

static void peer_free(struct ctl_peer *p)
{
	struct ctl_listener *l = p->listener;

	if (p->is_ready)
		TAILQ_REMOVE(&l->ready, p, ready);
	if (p->is_dirty)
		TAILQ_REMOVE(&l->dirty, p, dirty);
	if (p->is_reaped)
		TAILQ_REMOVE(&l->reap, p, reap);
	LIST_REMOVE(p, all);
	loop_io_free(p->io);
	close(p->fd);
	buf_fini(&p->in);
	buf_fini(&p->out);
	free(p->cred.groups);
	free(p);
}

static void on_reap(void *ctx)
{
	struct ctl_listener *l = ctx;
	struct ctl_peer *p;

	while ((p = TAILQ_FIRST(&l->reap))) {
		TAILQ_REMOVE(&l->reap, p, reap);
		p->is_reaped = false;
		l->ops.closed(p->user);
		peer_free(p);
	}
}

static void on_farewell(void *ctx)
{
	struct ctl_listener *l = ctx;
	mono_t now = loop_now(l->loop);
	bool more = false;
	struct ctl_peer *p;

	LIST_FOREACH(p, &l->all, all) {
		if (p->farewell == MONO_NEVER || p->dead)
			continue;
		if (p->farewell <= now || (p->eof && is_hung_up(p)))
			ctl_peer_kill(p);
		else
			more = true;
	}
	if (more)
		loop_timer_at(l->farewell_timer, now + US_PER_S);
}

static int read_cred(int fd, struct ctl_peer_cred *c)
{
	struct ucred u;
	socklen_t len = sizeof(u);

	memset(c, 0, sizeof(*c));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) != 0)
		return -LMS_EIO;
	c->uid = u.uid;
	c->gid = u.gid;
	c->pid = u.pid;
	len = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE || !len)
		return 0; /* no supplementary groups, or a kernel that cannot tell: fewer rights */
	c->groups = xmalloc(len);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, c->groups, &len) == 0)
		c->group_count = len / sizeof(gid_t);
	return 0;
}

static bool uid_is_full(const struct ctl_listener *l, uid_t uid)
{
	const struct ctl_peer *p;
	int count = 0;

	LIST_FOREACH(p, &l->all, all)
		count += p->cred.uid == uid && !p->dead;
	return count >= (uid == 0 ? CTL_PEERS_ROOT : CTL_PEERS_PER_UID);
}

static void refuse(int fd, uid_t uid)
{
	struct buf b;

	buf_init(&b);
	buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,\"message\":"
		       "\"this user has %d connections already: close one\"}}\n",
		   lms_err_rpc_code(LMS_ECONFLICT), uid == 0 ? CTL_PEERS_ROOT : CTL_PEERS_PER_UID);
	(void)send(fd, b.data, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_fini(&b);
}

void ctl_peer_line_max(struct ctl_peer *p, size_t max)
{
	p->line_max = max;
	p->in.max = max + 2 * BYTES_PER_TURN;
}

static void peer_new(struct ctl_listener *l, int fd)
{
	struct ctl_peer_cred cred;
	struct ctl_peer *p;

	if (read_cred(fd, &cred) != 0 || uid_is_full(l, cred.uid)) {
		refuse(fd, cred.uid);
		free(cred.groups);
		close(fd);
		return;
	}
	p = xcalloc(1, sizeof(*p));
	p->listener = l;
	p->fd = fd;
	p->cred = cred;
	p->farewell = MONO_NEVER;
	buf_init(&p->in);
	ctl_peer_line_max(p, CTL_LINE_MAX);
	buf_init_max(&p->out, QUEUE_MAX + 4096);
	LIST_INSERT_HEAD(&l->all, p, all);
	p->io = loop_io_new(l->loop, fd, true, false, on_peer_io, p);
	p->user = l->ops.opened(l->ctx, p, &p->cred);
}

static void on_accept(void *ctx, bool readable, bool writable)
{
	struct ctl_listener *l = ctx;

	(void)readable, (void)writable;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			peer_new(l, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The client waits in the backlog; looking at once again would spin. */
			loop_io_set(l->io, false, false);
			loop_timer_at(l->accept_again, loop_now(l->loop) + ACCEPT_PAUSE_US);
		}
		return;
	}
}

static void on_accept_again(void *ctx)
{
	struct ctl_listener *l = ctx;

	loop_io_set(l->io, true, false);
}

int ctl_listener_new(struct loop *loop, const char *path, const struct ctl_listener_ops *ops,
		     void *ctx, struct ctl_listener **out, struct diag *diag)
{
	struct ctl_listener *l = xcalloc(1, sizeof(*l));
	struct stat st;
	int ret;

	l->loop = loop;
	l->ops = *ops;
	l->ctx = ctx;
	l->fd = -1;
	l->path = xstrdup(path);
	LIST_INIT(&l->all);
	TAILQ_INIT(&l->ready);
	TAILQ_INIT(&l->dirty);
	TAILQ_INIT(&l->reap);
	ret = ctl_socket_bind(path, &l->fd, diag);
	if (ret != 0) {
		ctl_listener_free(l);
		return ret;
	}
	if (stat(path, &st) == 0) {
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	l->io = loop_io_new(loop, l->fd, true, false, on_accept, l);
	l->accept_again = loop_timer_new(loop, on_accept_again, l);
	l->ready_timer = loop_timer_new(loop, on_ready, l);
	l->reap_timer = loop_timer_new(loop, on_reap, l);
	l->farewell_timer = loop_timer_new(loop, on_farewell, l);
	loop_on_flush(loop, on_flush, l);
	*out = l;
	return 0;
}

void ctl_listener_free(struct ctl_listener *l)
{
	struct ctl_peer *p;
	struct stat st;

	if (!l)
		return;
	loop_off_turn(l->loop, l);
	while ((p = LIST_FIRST(&l->all)))
		peer_free(p);
	loop_io_free(l->io);
	loop_timer_free(l->accept_again);
	loop_timer_free(l->ready_timer);
	loop_timer_free(l->reap_timer);
	loop_timer_free(l->farewell_timer);
	if (l->fd >= 0)
		close(l->fd);
	if (l->ino && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
	free(l);
}
