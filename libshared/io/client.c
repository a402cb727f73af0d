/* io/client.c - lines to and from lmsd's control socket.
 *
 * Invariants: in.data[start..] is what was read and not handed out yet; the line that was handed
 * out last lies before `start` and is not moved until more is read, so its JSON tree may point into
 * it.
 */
#include "io/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "ctl/ctl.h"

static const struct json_caps caps = { CLIENT_LINE_MAX, 39 };

struct client {
	int fd;
	const struct client_ops *ops;
	void *ctx;
	char *path;
	struct buf in, out;
	size_t start;		/* of what is not handed out yet */
	size_t scanned;		/* no newline before this */
	bool eof, ready;
	int64_t last_id;
	struct arena arena;	/* tree of the latest line */
	int64_t awaited;	/* by client_call; 0 = none */
	const struct json *result;
	struct diag error;
};

const char *client_socket_path(const char *path)
{
	const char *env = getenv("LMS_SOCKET");

	if (path)
		return path;
	return env && *env ? env : CLIENT_SOCKET_DEFAULT;
}

int client_open(const char *path, const struct client_ops *ops, void *ctx, struct client **out,
		struct diag *diag)
{
	static const struct client_ops no_ops;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct client *c;
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return diag_set(diag, -LMS_EUSAGE,
				"%s: the socket's path is too long (at most %zu bytes)", path,
				sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return diag_set(diag, -LMS_EIO, "socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		diag_set(diag, -LMS_ENODAEMON, "lmsd does not answer at %s: %s%s", path,
			 strerror(errno),
			 errno == ENOENT || errno == ECONNREFUSED ? " (is it running?)" : "");
		close(fd);
		return -LMS_ENODAEMON;
	}
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	c->ops = ops ? ops : &no_ops;
	c->ctx = ctx;
	c->path = xstrdup(path);
	/* The buffer holds one whole line and what came behind it. */
	buf_init_max(&c->in, 2 * CLIENT_LINE_MAX);
	buf_init(&c->out);
	arena_init(&c->arena);
	*out = c;
	return 0;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c->path);
	buf_fini(&c->in);
	buf_fini(&c->out);
	arena_fini(&c->arena);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->fd;
}

bool client_wants_write(const struct client *c)
{
	return c->out.len > 0;
}

bool client_ready(const struct client *c)
{
	return c->ready;
}

/* ---- bytes ---- */

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void flush(struct client *c)
{
	while (c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && would_block())
			return;
		if (n < 0) {
			/* What lmsd said before it closed can still be read: the reader reports the
			 * end. */
			buf_clear(&c->out);
			return;
		}
		buf_drop_front(&c->out, (size_t)n);
	}
}

static int fill(struct client *c, struct diag *diag)
{
	char chunk[65536];

	while (!c->eof) {
		ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

		if (n < 0 && would_block())
			return 0;
		if (n <= 0) {
			c->eof = true;
			return 0;
		}
		if (c->start > 0) {
			buf_drop_front(&c->in, c->start);
			c->scanned -= c->start;
			c->start = 0;
		}
		buf_add(&c->in, chunk, (size_t)n);
		if (c->in.failed)
			return diag_set(diag, -LMS_EPROTOCOL, "%s: a line is longer than %zu bytes",
					c->path, CLIENT_LINE_MAX);
		/* Hand lines out between reads, else a fast writer fills the memory. */
		if ((size_t)n < sizeof(chunk) || memchr(chunk, '\n', (size_t)n))
			return 0;
	}
	return 0;
}

static bool take_line(struct client *c, const char **line, size_t *len)
{
	const char *data = c->in.data, *end;

	if (c->scanned >= c->in.len)
		return false;
	end = memchr(data + c->scanned, '\n', c->in.len - c->scanned);
	if (!end) {
		c->scanned = c->in.len;
		return false;
	}
	*line = data + c->start;
	*len = (size_t)(end - *line);
	c->start = c->scanned = (size_t)(end - data) + 1;
	return true;
}

/* ---- messages ---- */

void client_read_error(const struct json *error, struct diag *out)
{
	const char *name = json_str(
		json_get(error, "data") ? json_get(json_get(error, "data"), "err") : NULL, "");
	int64_t code = 0;
	int err = 0;

	diag_init(out);
	/* Several names may share a code, so the name is asked first. */
	for (int i = 1; i < LMS_ERR_COUNT && !err; i++) {
		if (strcmp(lms_err_name(i), name) == 0)
			err = -i;
	}
	if (!err && json_int(json_get(error, "code"), &code) == 0 && code >= INT32_MIN &&
	    code <= INT32_MAX)
		err = lms_err_from_rpc_code((int)code);
	if (!err)
		err = -LMS_EINTERNAL;
	diag_set(out, err, "%s", json_str(json_get(error, "message"), lms_err_text(err)));
}

static int greet(struct client *c, const struct json *params, struct diag *diag)
{
	const struct json *version = json_get(params, "protocol");
	int64_t protocol;

	if (json_int(version, &protocol) || protocol != CTL_PROTOCOL_VERSION)
		return diag_set(diag, -LMS_EPROTOCOL,
				"%s speaks protocol version %.20s, this program speaks %d (install "
				"both from one release)",
				c->path, version && version->text ? version->text : "?",
				CTL_PROTOCOL_VERSION);
	c->ready = true;
	if (c->ops->ready)
		c->ops->ready(c->ctx, params);
	return 0;
}

static int answer(struct client *c, const struct json *id, const struct json *msg,
		  struct diag *diag)
{
	const struct json *error = json_get(msg, "error");
	struct diag said;
	int64_t number;

	diag_init(&said);
	if (error)
		client_read_error(error, &said);
	/* An error without id is about the connection itself. */
	if (json_int(id, &number))
		return error ? diag_set(diag, said.err, "%s", said.text) : 0;
	if (number == c->awaited) {
		c->awaited = 0;
		c->result = json_get(msg, "result");
		c->error = said;
	} else if (c->ops->reply) {
		c->ops->reply(c->ctx, number, error ? NULL : json_get(msg, "result"),
			      error ? &said : NULL);
	}
	return 0;
}

static int deliver(struct client *c, const char *line, size_t len, struct diag *diag)
{
	const struct json *msg, *params;
	const char *method;
	struct diag why;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0)
		return 0;
	diag_init(&why);
	arena_reset(&c->arena);
	msg = json_parse(&c->arena, line, len, &caps, &why);
	if (!msg || msg->type != JSON_OBJECT)
		return diag_set(diag, -LMS_EPROTOCOL, "what answers at %s is not lmsd: %s", c->path,
				msg ? "not a JSON object" : why.text);
	method = json_str(json_get(msg, "method"), NULL);
	params = json_get(msg, "params");
	if (!method)
		return answer(c, json_get(msg, "id"), msg, diag);
	if (strcmp(method, "hello") == 0)
		return greet(c, params, diag);
	if (c->ops->notify)
		c->ops->notify(c->ctx, method, params);
	return 0;
}

int64_t client_send(struct client *c, const char *method, const char *params)
{
	struct json_writer w;
	struct buf line;

	buf_init(&line);
	jw_init(&w, &line);
	jw_object(&w);
	jw_kstr(&w, "jsonrpc", "2.0");
	jw_kint(&w, "id", ++c->last_id);
	jw_kstr(&w, "method", method);
	if (params) {
		jw_key(&w, "params");
		jw_raw(&w, params, strlen(params));
	}
	jw_object_end(&w);
	buf_putc(&line, '\n');
	buf_add(&c->out, buf_cstr(&line), line.len);
	buf_fini(&line);
	return c->last_id;
}

static int report_end(struct client *c, struct diag *diag)
{
	if (!c->ready)
		return diag_set(diag, -LMS_ENODAEMON,
				"lmsd at %s closed the connection at once (too many connections of "
				"this user?)",
				c->path);
	return diag_set(diag, -LMS_ENODAEMON, "lmsd at %s closed the connection", c->path);
}

/* Hands out what was read. With `once`, stops when client_call has its answer: what follows must
 * wait, for the answer's tree lives only until the next line. */
static int hand_out(struct client *c, bool once, bool *any, struct diag *diag)
{
	const char *line;
	size_t len;

	while (take_line(c, &line, &len)) {
		int ret = deliver(c, line, len, diag);

		if (ret)
			return ret;
		*any = true;
		if (once && c->awaited == 0)
			return 0;
	}
	return c->eof ? report_end(c, diag) : 0;
}

int client_step(struct client *c, struct diag *diag)
{
	bool any = false;
	int ret;

	flush(c);
	ret = fill(c, diag);
	if (ret == 0)
		ret = hand_out(c, false, &any, diag);
	flush(c);
	return ret;
}

/* ---- blocking ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 1 = the socket is ready, 0 = time is up or a signal came. */
static int poll_socket(struct client *c, int timeout_ms)
{
	struct pollfd p = { c->fd, (short)(POLLIN | (c->out.len ? POLLOUT : 0)), 0 };

	return poll(&p, 1, timeout_ms) > 0;
}

int client_wait(struct client *c, int timeout_ms, struct diag *diag)
{
	bool any = false;
	int ret;

	flush(c);
	ret = hand_out(c, false, &any, diag);
	if (ret || any)
		return ret ? ret : 1;
	if (!poll_socket(c, timeout_ms))
		return 0;
	ret = client_step(c, diag);
	return ret ? ret : 1;
}

int client_wait_ready(struct client *c, struct diag *diag)
{
	int64_t deadline = now_ms() + CLIENT_HELLO_MS;

	while (!c->ready) {
		int64_t left = deadline - now_ms();
		int ret;

		if (left <= 0)
			return diag_set(diag, -LMS_ENODAEMON, "lmsd at %s does not say hello",
					c->path);
		ret = client_wait(c, (int)left, diag);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int client_call(struct client *c, const char *method, const char *params,
		const struct json **result, struct diag *diag)
{
	int64_t deadline = now_ms() + CLIENT_CALL_MS;
	bool any = false;

	c->result = NULL;
	c->awaited = client_send(c, method, params);
	for (;;) {
		int64_t left = deadline - now_ms();
		int ret = hand_out(c, true, &any, diag);

		if (ret)
			return ret;
		if (c->awaited == 0)
			break;
		if (left <= 0)
			return diag_set(diag, -LMS_ENODAEMON,
					"lmsd at %s did not answer %s in time", c->path, method);
		flush(c);
		if (poll_socket(c, (int)left))
			ret = fill(c, diag);
		if (ret)
			return ret;
	}
	if (c->error.err)
		return diag_set(diag, c->error.err, "%s", c->error.text);
	*result = c->result;
	return 0;
}
