/* balance/reason.h - the reasons of reason.def as codes, and as sentences. */
#pragma once

#include "balance/balance.h"

enum bal_reason_code {
#define REASON(code, name, sentence) BAL_WHY_##code,
#include "balance/reason.def"
#undef REASON
	BAL_WHY_COUNT
};

/* A reason without zone, phase, other and value. */
struct bal_reason reason_make(enum bal_reason_code code);
