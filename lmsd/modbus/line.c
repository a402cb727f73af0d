/* modbus/line.c - one exchange on a bus: silence before it, one question, and a clean line after what went wrong. */
#include "modbus/worker_parts.h"

#include <stdio.h>

#include "base/err.h"

#define LATE_WINDOW_US	   (200 * US_PER_MS)	/* in which a serial slave may still speak */
#define CONNECT_TIMEOUT_US (3 * US_PER_S)
#define SAME_LENGTH_US	   (50 * US_PER_MS)	/* more silence where the answer before looks like the next */

/* Between the frames of a serial line: 3.5 characters, 1750 us at high speeds. */
static int64_t frame_gap_us(const struct meter_address *a)
{
	return !a->rtu ? 0 : a->baud > 19200 ? 1750 : 35 * 11 * US_PER_S / (10 * a->baud);
}

bool line_same_shape(const struct plan_block *a, const struct plan_block *b)
{
	return a->fc == b->fc && a->count == b->count;
}

bool line_keep_silence(struct worker *w, const struct slot *s, const struct plan_block *b)
{
	const struct bus_task *t = &s->task;
	int64_t silence = t->inter_request_us, gap = frame_gap_us(&t->addr);

	if (silence < gap)
		silence = gap;
	if (w->last_slave >= 0 && w->last_slave != t->addr.slave)
		silence += t->slave_switch_us;
	if (t->addr.rtu && line_same_shape(&s->asked, b))
		silence += SAME_LENGTH_US;
	return worker_sleep_until(w, w->quiet_since + silence, false);
}

int line_exchange(struct worker *w, struct slot *s, const struct plan_block *b, uint16_t *words, int *exception,
		    char *text)
{
	const struct bus_task *t = &s->task;
	struct link_request q = { t->addr.slave, b->fc, b->addr, b->count, t->timeout_us };
	int ret;

	*exception = 0;
	if (!line_keep_silence(w, s, b)) {
		snprintf(text, LINK_TEXT_MAX, "stopped");
		return -LMS_EFAILED;
	}
	s->asked = *b;
	ret = link_read(w->link, &q, words, exception, text);
	w->quiet_since = worker_now();
	w->last_slave = t->addr.slave;
	return ret;
}

int line_ensure_open(struct worker *w, const struct slot *s, char *text)
{
	int64_t limit =
		s->task.timeout_us < CONNECT_TIMEOUT_US ? CONNECT_TIMEOUT_US : s->task.timeout_us;
	int ret;

	if (link_is_open(w->link))
		return 0;
	ret = link_open(w->link, limit, text);
	if (ret == 0)
		w->link_fails = 0;
	return ret;
}

void line_clear(struct worker *w, const struct slot *s, int err)
{
	if (s->task.addr.rtu && err != -LMS_EIO)
		worker_sleep_until(w, worker_now() + LATE_WINDOW_US, false);
	else
		link_close(w->link);
}

/* Whether the failure says little about the meter, so that it is asked once more at once: a connection that the other
 * side closed meanwhile, noise on a line, another slave's late answer. Silence is no such thing. */
bool line_worth_another(struct worker *w, const struct slot *s, int err, bool was_open)
{
	if (worker_stopping(w) || (err != -LMS_EIO && err != -LMS_EPROTOCOL))
		return false;
	return s->task.addr.rtu ? err == -LMS_EPROTOCOL && s->fails == 0 : was_open;
}

bool line_is_silence(int exception)
{
	return exception == 10 || exception == 11;
}
