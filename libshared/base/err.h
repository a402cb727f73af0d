/* base/err.h - error codes: functions return 0 or a negative LMS_E…; err.def is their table. */
#pragma once

enum lms_err {
	LMS_OK,
#define ERR(name, status, rpc, text) LMS_E##name,
#include "err.def"
#undef ERR
	LMS_ERR_COUNT
};

/* All three accept the code with either sign; an unknown one reads as INTERNAL. */
const char *lms_err_text(int err);	/* "no such object" */
const char *lms_err_name(int err);	/* "NOTFOUND" */
int lms_err_exit_status(int err);	/* 4; 0 for LMS_OK */
int lms_err_rpc_code(int err);		/* -32004 */
int lms_err_from_rpc_code(int rpc_code);/* the negative LMS_E… */

/* Always on, for invariants only: peer input must never reach it. Prints and aborts. */
#define lms_assert(expr) ((expr) ? (void)0 : lms_assert_failed(#expr, __FILE__, __LINE__))
_Noreturn void lms_assert_failed(const char *expr, const char *file, int line);
