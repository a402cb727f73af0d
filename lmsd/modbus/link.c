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
#include "modbus/lowfd.h"
#include "net/connect.h"

#define TCP_HEADER 7		/* transaction, protocol, length, unit */
#define RTU_CHAR_BITS 11

struct link {
	struct meter_address addr;
	struct lowfd *low;
	int cancel_fd;
	modbus_t *ctx;
	pthread_mutex_t lock;	/* fd and broken, which link_break() looks at */
	int fd;			/* -1 = closed */
	bool broken;
	enum link_cause cause;
	uint16_t transaction;	/* of the latest TCP request */
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
		 * close. A pseudo-terminal would stay exclusive. */
		int own = dup(fd);

		ioctl(fd, TIOCNXCL);
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

/* What to do about a line that does not open. */
static const char *open_remedy(int err)
{
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case EIO:
		return " (is it plugged in? its name in /dev/serial/by-id never changes)";
	case EACCES:
	case EPERM:
		return " (the user of lmsd must be in the group of the device, dialout)";
	case ENOTTY:
		return " (it is no serial device)";
	default:
		return "";
	}
}

static int open_failed(const struct link *l, char *text)
{
	int err = l->ctx ? errno : ENOMEM;
	int n = snprintf(text, LINK_TEXT_MAX, "%s cannot be opened: %s", l->addr.device, modbus_strerror(err));

	if (n > 0 && n < LINK_TEXT_MAX)
		snprintf(text + n, LINK_TEXT_MAX - (size_t)n, "%s", open_remedy(err));
	return -LMS_EIO;
}

static int in_use(const struct link *l, char *text)
{
	snprintf(text, LINK_TEXT_MAX, "%s is in use by another program (fuser -v names it; stop it)", l->addr.device);
	return -LMS_EIO;
}

static int open_rtu(struct link *l, char *text)
{
	int fd, own;

	l->ctx = modbus_new_rtu(l->addr.device, l->addr.baud, l->addr.parity, l->addr.data_bits,
				l->addr.stop_bits);
	if (!l->ctx || modbus_connect(l->ctx) < 0) {
		int err = l->ctx ? errno : ENOMEM;

		l->cause = cause_of_open(err);
		errno = err;
		return l->ctx && err == EBUSY ? in_use(l, text) : open_failed(l, text);
	}
	own = modbus_get_socket(l->ctx);
	/* Two programs on one line would read each other's answers. */
	if (flock(own, LOCK_EX | LOCK_NB) < 0) {
		l->cause = LINK_TAKEN;
		modbus_close(l->ctx);
		return in_use(l, text);
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
	/* The whole answer comes within the response time-out: a device that drips must not hold the bus. */
	modbus_set_byte_timeout(l->ctx, 0, 0);
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
	if (err == ETIMEDOUT)
		return LINK_MUTE;
	if (err == EMBBADCRC || (err > EMBXGTAR && l->addr.rtu && err != EMBBADSLAVE))
		return LINK_GARBLED;
	return err > EMBXGTAR ? LINK_FOREIGN : LINK_ENDED;
}

static int explain(struct link *l, const struct link_request *q, int err, char *text)
{
	l->cause = cause_of_read(l, err);
	if (err == ETIMEDOUT) {
		snprintf(text, LINK_TEXT_MAX, "slave %d does not answer within %lld ms", q->slave,
			 (long long)(q->timeout_us / US_PER_MS));
		return -LMS_EOFFLINE;
	}
	if (err > MODBUS_ENOBASE) {
		snprintf(text, LINK_TEXT_MAX, "slave %d: the answer is damaged: %s", q->slave, modbus_strerror(err));
		return -LMS_EPROTOCOL;
	}
	snprintf(text, LINK_TEXT_MAX, "slave %d: the connection ended: %s", q->slave,
		 modbus_strerror(err));
	return -LMS_EIO;
}

/* ---- one request ------------------------------------------------------------------------------ */

/* Coils and inputs come as bits. */
static int answer_bytes(const struct link_request *q)
{
	return q->fc <= 2 ? (q->count + 7) / 8 : 2 * q->count;
}

/* How long the two messages are on the line. */
static int64_t wire_us(const struct link *l, const struct link_request *q)
{
	return l->addr.rtu ? (8 + 5 + answer_bytes(q)) * RTU_CHAR_BITS * US_PER_S / l->addr.baud : 0;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* 0, or -1 with errno. libmodbus numbers the transactions of raw requests with 0, all of them: those of TCP are
 * numbered and sent here. */
static int send_request(struct link *l, const struct link_request *q)
{
	uint8_t frame[TCP_HEADER + 5], *pdu = frame + TCP_HEADER - 1;

	pdu[0] = (uint8_t)q->slave;
	pdu[1] = q->fc;
	put16(pdu + 2, q->addr);
	put16(pdu + 4, q->count);
	if (l->addr.rtu)
		return modbus_send_raw_request(l->ctx, pdu, 6) < 0 ? -1 : 0;
	put16(frame, ++l->transaction);
	put16(frame + 2, 0);
	put16(frame + 4, 6);
	if (send(l->fd, frame, sizeof(frame), MSG_NOSIGNAL) == (ssize_t)sizeof(frame))
		return 0;
	if (errno == 0)
		errno = ECONNRESET;
	return -1;
}

/* A device that is alone behind its address is asked as 255 or 0, and some name themselves otherwise: there the
 * transaction is enough. */
static bool unit_fits(int asked, int unit)
{
	return unit == asked || asked == 255 || asked == 0;
}

/* What shows that the frame does not answer the request; NULL when it does, be it by a refusal. libmodbus compares
 * the transaction and the function; another unit's answer it would take. */
static const char *mismatch(const struct link *l, const struct link_request *q, const uint8_t *rsp, int len)
{
	const uint8_t *pdu = l->addr.rtu ? rsp + 1 : rsp + TCP_HEADER;
	int pdu_len = l->addr.rtu ? len - 3 : len - TCP_HEADER;

	if (pdu_len < 2)
		return "it is too short";
	if (!l->addr.rtu && get16(rsp) != l->transaction)
		return "another transaction's number";
	if (!l->addr.rtu && (get16(rsp + 2) != 0 || (int)get16(rsp + 4) != len - TCP_HEADER + 1))
		return "its length is wrong";
	if (l->addr.rtu ? rsp[0] != q->slave : !unit_fits(q->slave, rsp[TCP_HEADER - 1]))
		return "it comes from another slave";
	if (pdu[0] == (q->fc | 0x80))
		return pdu_len == 2 && pdu[1] != 0 ? NULL : "its length is wrong";
	if (pdu[0] != q->fc)
		return "another function";
	if (pdu[1] != answer_bytes(q) || pdu_len != 2 + answer_bytes(q))
		return "another number of registers";
	return NULL;
}

static int take_answer(struct link *l, const struct link_request *q, const uint8_t *rsp, int len,
		       uint16_t *words, int *exception, char *text)
{
	/* On RTU libmodbus passes over frames of others, and says 0. */
	const char *wrong = len > 0 ? mismatch(l, q, rsp, len) : "it comes from another slave";
	const uint8_t *pdu = l->addr.rtu ? rsp + 1 : rsp + TCP_HEADER;

	l->cause = wrong ? LINK_FOREIGN : pdu[0] & 0x80 ? LINK_EXCEPTION : LINK_FINE;
	if (wrong) {
		snprintf(text, LINK_TEXT_MAX, "slave %d: the answer is not that of the request: %s", q->slave, wrong);
		return -LMS_EPROTOCOL;
	}
	if (pdu[0] & 0x80) {
		*exception = pdu[1];
		snprintf(text, LINK_TEXT_MAX,
			 "slave %d refused registers %u to %u: exception %d (%s)", q->slave,
			 q->addr, q->addr + q->count - 1U, *exception, exception_text(*exception));
		return -LMS_EREFUSED;
	}
	for (int i = 0; i < q->count; i++)
		words[i] = (uint16_t)(q->fc <= 2 ? (unsigned)pdu[2 + i / 8] >> (i % 8) & 1 : (unsigned)get16(pdu + 2 + 2 * i));
	return 0;
}

int link_read(struct link *l, const struct link_request *q, uint16_t *words, int *exception,
	      char *text)
{
	uint8_t rsp[MODBUS_TCP_MAX_ADU_LENGTH] = { 0 };
	int64_t limit = q->timeout_us + wire_us(l, q);
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
	modbus_set_response_timeout(l->ctx, (uint32_t)(limit / US_PER_S),
				    (uint32_t)(limit % US_PER_S));
	errno = 0;
	if (send_request(l, q) < 0)
		return explain(l, q, errno, text);
	n = modbus_receive_confirmation(l->ctx, rsp);
	if (n < 0)
		return explain(l, q, errno, text);
	return take_answer(l, q, rsp, n, words, exception, text);
}
