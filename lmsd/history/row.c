/* history/row.c */
#include "history/row.h"

#include "base/err.h"

#define ROW_VERSION 1
#define STEP_MAX_S  86400

void history_row_write(struct buf *b, unsigned step_s, const struct history_sample *s, size_t n, const uint8_t *stored)
{
	lms_assert(n <= HISTORY_ROW_SAMPLES);
	buf_putc(b, ROW_VERSION);
	history_uint_write(b, step_s);
	history_uint_write(b, n);
	for (size_t i = 0; i < n; i++) {
		buf_putc(b, (char)stored[s[i].var]);
		buf_putc(b, (char)(s[i].quality << 1 | (s[i].v != NUM_NONE)));
		if (s[i].v != NUM_NONE)
			history_uint_write(b, history_zigzag(s[i].v));
	}
}

int history_row_read(const void *data, size_t len, struct history_row *out)
{
	struct history_in in = { .at = data, .end = (const uint8_t *)data + len };
	uint64_t step, count;

	if (history_byte_read(&in) != ROW_VERSION)
		return -LMS_EDATA;
	step = history_uint_read(&in);
	count = history_uint_read(&in);
	if (in.bad || step < 1 || step > STEP_MAX_S || count > HISTORY_ROW_SAMPLES)
		return -LMS_EDATA;
	out->step_s = (unsigned)step;
	out->count = (unsigned)count;
	for (unsigned i = 0; i < out->count; i++) {
		struct history_sample *s = &out->s[i];
		uint8_t flags;

		s->var = history_byte_read(&in);
		flags = history_byte_read(&in);
		s->quality = flags >> 1;
		s->v = flags & 1 ? history_unzigzag(history_uint_read(&in)) : NUM_NONE;
		in.bad = in.bad || s->quality >= HISTORY_QUALITIES;
	}
	return in.bad || in.at != in.end ? -LMS_EDATA : 0;
}
