/* modbus/link.c - libmodbus behind our own descriptors. */
#include "modbus/link.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "modbus/connect.h"
#include "modbus/lowfd.h"

#define BYTE_TIMEOUT_US 300000	/* between the parts of one answer */

struct link {
	struct meter_address addr;
	struct lowfd *low;
	int cancel_fd;
	modbus_t *ctx;
	pthread_mutex_t lock;	/* fd and broken, which link_break() looks at */
	int fd;			/* -1 = closed */
	bool broken;
	enum link_cause cause;
};

struct link *link_new(const struct meter_address *a, struct lowfd *low, int cancel_fd)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->addr = *a;
	l->low = low;
	l->cancel_fd = cancel_fd;
	l->fd = -1;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	link_close(l);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

bool link_is_open(const struct link *l)
{
	return l->fd >= 0;
}

enum link_cause link_cause(const struct link *l)
{
	return l->cause;
}

void link_break(struct link *l)
{
	pthread_mutex_lock(&l->lock);
	l->broken = true;
	if (l->fd >= 0 && !l->addr.rtu)
		shutdown(l->fd, SHUT_RDWR);
	pthread_mutex_unlock(&l->lock);
}

/* False when the link was broken meanwhile. */
static bool publish(struct link *l, int fd)
{
	bool broken;

	pthread_mutex_lock(&l->lock);
	l->fd = fd;
	broken = l->broken;
	pthread_mutex_unlock(&l->lock);
	return !broken;
}

void link_close(struct link *l)
{
	int fd = l->fd;

	publish(l, -1);
	if (l->ctx && l->addr.rtu && fd >= 0) {
		/* Puts the line's settings back, and closes; so it gets a number of its own to
		 * close. */
		int own = dup(fd);

		if (own >= 0) {
			modbus_set_socket(l->ctx, own);
			modbus_close(l->ctx);
		}
	}
	if (l->ctx) {
		modbus_set_socket(l->ctx, -1);
		modbus_free(l->ctx);
		l->ctx = NULL;
	}
	lowfd_give_back(l->low, fd);
}

static enum link_cause cause_of_open(int err)
{
	switch (err) {
	case EADDRNOTAVAIL:
		return LINK_NO_NAME;
	case ECONNREFUSED:
		return LINK_REFUSED;
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return LINK_NO_WAY;
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return LINK_NO_DEVICE;
	case EACCES:
	case EPERM:
		return LINK_FORBIDDEN;
	case EBUSY:
	case EWOULDBLOCK:
		return LINK_TAKEN;
	default:
		return LINK_UNUSABLE;
	}
}

static int open_tcp(struct link *l, int64_t timeout_us, char *text)
{
	int fd = connect_host(l->addr.host, l->addr.port, timeout_us, l->cancel_fd, text,
			      LINK_TEXT_MAX);

	if (fd < 0) {
		l->cause = cause_of_open(errno);
		return fd;
	}
	l->ctx = modbus_new_tcp("127.0.0.1", l->addr.port);	/* never used to connect */
	if (!l->ctx) {
		close(fd);
		snprintf(text, LINK_TEXT_MAX, "out of memory");
		return -LMS_EIO;
	}
	return fd;
}

static int open_rtu(struct link *l, char *text)
{
	int fd, own;

	l->ctx = modbus_new_rtu(l->addr.device, l->addr.baud, l->addr.parity, l->addr.data_bits,
				l->addr.stop_bits);
	if (!l->ctx || modbus_connect(l->ctx) < 0) {
		l->cause = cause_of_open(errno);
		snprintf(text, LINK_TEXT_MAX, "%s cannot be opened: %s", l->addr.device,
			 l->ctx ? modbus_strerror(errno) : "out of memory");
		return -LMS_EIO;
	}
	own = modbus_get_socket(l->ctx);
	/* Two programs on one line would read each other's answers. */
	if (flock(own, LOCK_EX | LOCK_NB) < 0) {
		l->cause = LINK_TAKEN;
		snprintf(text, LINK_TEXT_MAX, "%s is in use by another program", l->addr.device);
		modbus_close(l->ctx);
		return -LMS_EIO;
	}
	ioctl(own, TIOCEXCL);
	fd = dup(own);
	modbus_set_socket(l->ctx, -1);
	close(own);
	if (fd < 0)
		snprintf(text, LINK_TEXT_MAX, "%s: %s", l->addr.device, strerror(errno));
	return fd < 0 ? -LMS_EIO : fd;
}

int link_open(struct link *l, int64_t timeout_us, char *text)
{
	int fd, low;

	l->cause = LINK_UNUSABLE;
	fd = l->addr.rtu ? open_rtu(l, text) : open_tcp(l, timeout_us, text);
	if (fd < 0) {
		link_close(l);
		return fd;
	}
	low = lowfd_move(l->low, fd);
	if (low < 0) {
		snprintf(text, LINK_TEXT_MAX, "too many buses: no descriptor is left for another");
		link_close(l);
		return -LMS_EIO;
	}
	modbus_set_socket(l->ctx, low);
	modbus_set_error_recovery(l->ctx, MODBUS_ERROR_RECOVERY_NONE);
	modbus_set_byte_timeout(l->ctx, 0, BYTE_TIMEOUT_US);
	if (!publish(l, low)) {
		link_close(l);
		return -LMS_EFAILED;
	}
	l->cause = LINK_FINE;
	return 0;
}

static const char *exception_text(int exception)
{
	static const char *const texts[] = { "?",
					     "illegal function",
					     "illegal data address",
					     "illegal data value",
					     "slave failure",
					     "acknowledge",
					     "slave busy",
					     "negative acknowledge",
					     "memory parity",
					     "?",
					     "gateway path unavailable",
					     "gateway target does not answer" };

	return exception > 0 && exception < (int)ARRAY_LEN(texts) ? texts[exception] : "?";
}

static enum link_cause cause_of_read(const struct link *l, int err)
{
	if (err > MODBUS_ENOBASE && err <= EMBXGTAR)
		return LINK_EXCEPTION;
	if (err == ETIMEDOUT)
		return LINK_MUTE;
	if (err == EMBBADCRC || (err > EMBXGTAR && l->addr.rtu && err != EMBBADSLAVE))
		return LINK_GARBLED;
	return err > EMBXGTAR ? LINK_FOREIGN : LINK_ENDED;
}

static int explain(const struct link_request *q, int err, int *exception, char *text)
{
	if (err > MODBUS_ENOBASE && err <= EMBXGTAR) {
		*exception = err - MODBUS_ENOBASE;
		snprintf(text, LINK_TEXT_MAX,
			 "slave %d refused registers %u to %u: exception %d (%s)", q->slave,
			 q->addr, q->addr + q->count - 1U, *exception, exception_text(*exception));
		return -LMS_EREFUSED;
	}
	if (err == ETIMEDOUT) {
		snprintf(text, LINK_TEXT_MAX, "slave %d does not answer within %lld ms", q->slave,
			 (long long)(q->timeout_us / US_PER_MS));
		return -LMS_EOFFLINE;
	}
	if (err > EMBXGTAR) {
		snprintf(text, LINK_TEXT_MAX, "slave %d: the answer is not that of the request: %s",
			 q->slave, modbus_strerror(err));
		return -LMS_EPROTOCOL;
	}
	snprintf(text, LINK_TEXT_MAX, "slave %d: the connection ended: %s", q->slave,
		 modbus_strerror(err));
	return -LMS_EIO;
}

int link_read(struct link *l, const struct link_request *q, uint16_t *words, int *exception,
	      char *text)
{
	int n;

	*exception = 0;
	/* Whatever lies there answers no question of ours any more; on TCP a part of it may still
	 * be under way, and only a new connection is clean. */
	n = modbus_flush(l->ctx);
	if (n > 0 && !l->addr.rtu) {
		l->cause = LINK_FOREIGN;
		snprintf(text, LINK_TEXT_MAX, "slave %d: a late answer came; connecting anew",
			 q->slave);
		return -LMS_EPROTOCOL;
	}
	if (modbus_set_slave(l->ctx, q->slave) < 0) {
		snprintf(text, LINK_TEXT_MAX, "slave %d is not a slave number", q->slave);
		return -LMS_EPROTOCOL;
	}
	modbus_set_response_timeout(l->ctx, (uint32_t)(q->timeout_us / US_PER_S),
				    (uint32_t)(q->timeout_us % US_PER_S));
	errno = 0;
	n = q->fc == 4 ? modbus_read_input_registers(l->ctx, q->addr, q->count, words) :
			 modbus_read_registers(l->ctx, q->addr, q->count, words);
	l->cause = n == q->count ? LINK_FINE : cause_of_read(l, n < 0 ? errno : EMBBADDATA);
	if (n == q->count)
		return 0;
	return explain(q, n < 0 ? errno : EMBBADDATA, exception, text);
}
