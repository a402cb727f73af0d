/* hall/commission/verdict.h - one line on what a check of a meter comes to: "good", or what to do. */
#pragma once

#include "hall/commission/probe.h"
#include "meter/findings.h"

#define VERDICT_MAX 500

enum check_verdict { VERDICT_GOOD, VERDICT_FINDINGS, VERDICT_NO_ANSWER };

struct verdict_in {
	const struct meter_address *address;
	const struct meter_profile *profile;
	const struct probe_question *failed;	/* the last, NULL = none */
	bool answered;
	const struct findings *findings;
	int registers;				/* that were read */
	const struct meter_currents *currents;
	int64_t took_us;
};

enum check_verdict verdict_of(const struct verdict_in *in, char *text, size_t size);
/* What stands between us and the slave, and what to do about it. */
void verdict_cause(const struct meter_address *a, const struct errand_reply *r, char *text, size_t size);
