/* base/err.c - the error table: one row of err.def per code, looked up by either sign. */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/types.h"

struct err_row {
	const char *name;
	int exit_status;
	int rpc_code;
	const char *text;
};

static const struct err_row rows[LMS_ERR_COUNT] = {
	[LMS_OK] = { "OK", 0, 0, "no error" },
#define ERR(name, status, rpc, text) [LMS_E##name] = { #name, status, rpc, text },
#include "err.def"
#undef ERR
};

static const struct err_row *row_of(int err)
{
	/* Both bounds are checked before the sign is turned: -INT_MIN does not exist. */
	if (err <= -LMS_ERR_COUNT || err >= LMS_ERR_COUNT)
		return &rows[LMS_EINTERNAL];
	return &rows[err < 0 ? -err : err];
}

const char *lms_err_text(int err)
{
	return row_of(err)->text;
}

const char *lms_err_name(int err)
{
	return row_of(err)->name;
}

int lms_err_exit_status(int err)
{
	return row_of(err)->exit_status;
}

int lms_err_rpc_code(int err)
{
	return row_of(err)->rpc_code;
}

int lms_err_from_rpc_code(int rpc_code)
{
	for (int i = 1; i < LMS_ERR_COUNT; i++) {
		if (rows[i].rpc_code == rpc_code)
			return -i;
	}
	return -LMS_EINTERNAL;
}

_Noreturn void lms_assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "lms: %s:%d: assertion failed: %s\n", file, line, expr);
	abort();
}
