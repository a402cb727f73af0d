/* base/text.h - quantities and identities as people write them, and text made safe to print. Pure.
 *
 * One formatter for tables, lmstop and reasons; one parser for lmsctl, apply files and boot file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/types.h"

/* Parsers take blanks around and between number and unit, the unit in any case, and answer
 * 0 or -LMS_EDATA / -LMS_ERANGE with a remedy in `diag` ("'30x' is not a current (write 30 or 30A)"). */
int parse_ma(const char *s, int64_t *ma, struct diag *d);		/* "60", "16.5A", "250 mA"; >= 0, <= LIMIT_MAX_MA */
int parse_phase_ma(const char *s, struct phase_ma *p, struct diag *d);	/* "60" = on all; "20,16,20"; "20,-,-" */
int parse_w(const char *s, int64_t *w, struct diag *d);			/* "11000", "11kW" */
int parse_wh(const char *s, int64_t *wh, struct diag *d);		/* "500", "20kWh", "-5kWh" */
int parse_span_us(const char *s, int64_t *us, struct diag *d);		/* "90s", "5m", "2h", "1h30m", "7d"; bare number = s */
int parse_permille(const char *s, int64_t *pm, struct diag *d);		/* "20%", "0.2", "12.5%" */
int parse_bool(const char *s, bool *b, struct diag *d);			/* yes/no true/false on/off 1/0 */
int parse_int(const char *s, int64_t min, int64_t max, int64_t *v, struct diag *d);

/* Formatters append; NUM_NONE is "-". */
void fmt_ma(struct buf *b, int64_t ma);			/* "16.7 A" */
void fmt_phase_ma(struct buf *b, const struct phase_ma *p);	/* "16.7 A" when equal, else "20/16/20 A", absent "-" */
void fmt_w(struct buf *b, int64_t w);			/* "850 W", "11.0 kW", "1.25 MW" */
void fmt_wh(struct buf *b, int64_t wh);			/* "850 Wh", "12.34 kWh", "1.250 MWh", "3.125 GWh" */
void fmt_span(struct buf *b, int64_t us);		/* "12 s", "5 m 03 s", "2 h 04 m", "3 d 02 h" */

/* "MIN_NONE" etc.: identities. [A-Za-z0-9._:@|*+=-] and blank inside, 1..48, no blank at the ends. */
int id_check(const char *s, const char *what, struct diag *d);

/* Appends s with C0, C1, DEL, invalid UTF-8 and bidi controls as \xNN or \u{NNNN}: for logs and terminals. */
void text_escape(struct buf *b, const char *s, size_t len);
bool utf8_valid(const char *s, size_t len);
/* Decodes the first character: its length in bytes, or 0 when s does not begin with a valid one. */
size_t utf8_decode(const char *s, size_t len, uint32_t *code);
/* Columns that valid UTF-8 takes on a terminal, wide characters as 2 and combining ones as 0. */
size_t utf8_width(const char *s);

/* The candidate nearest to s by edit distance, for "did you mean"; NULL if none is near. */
const char *text_nearest(const char *s, const char *const *candidates, size_t count);
