/* base/diag.h - what is wrong with an input, where, and what to do about it: an error as data.
 *
 * The first error wins (later diag_set calls are ignored), so a caller may check once at the end.
 */
#pragma once

#include <stdbool.h>

#define DIAG_TEXT_MAX 400

struct diag {
	int err;		/* 0, or a negative LMS_E… */
	int line, column;	/* 0 = not known */
	char file[200];		/* "" = not a file */
	char text[DIAG_TEXT_MAX];	/* "zone P1: parent: 'X' does not exist (create it first)" */
};

void diag_init(struct diag *d);
bool diag_failed(const struct diag *d);
/* err is negative. Returns the error that d holds afterwards, so `return diag_set(…)` works.
 * d may be NULL: then err is returned. */
int diag_set(struct diag *d, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int diag_set_at(struct diag *d, int err, const char *file, int line, int column, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* "file:line:column: text", the parts that are known; into out, always terminated. */
const char *diag_render(const struct diag *d, char *out, unsigned out_size);
