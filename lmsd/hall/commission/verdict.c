/* hall/commission/verdict.c - causes to remedies. */
#include "hall/commission/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

static void cause_of_silence(const struct meter_address *a, char *text, size_t size)
{
	char bus[ADDRESS_TEXT_MAX];

	address_bus(a, bus);
	if (a->rtu)
		snprintf(text, size,
			 "slave %d on %s does not answer: check its number, A and B, and that it speaks %d,%d%c%d (lmsctl meter scan %s finds who is there)",
			 a->slave, a->device, a->baud, a->data_bits, a->parity, a->stop_bits, bus);
	else
		snprintf(text, size,
			 "slave %d at %s does not answer, though the connection stands: check its number, 1 and 255 are usual (lmsctl meter scan %s finds who is there)",
			 a->slave, bus, bus);
}

void verdict_cause(const struct meter_address *a, const struct errand_reply *r, char *text, size_t size)
{
	char bus[ADDRESS_TEXT_MAX];

	address_bus(a, bus);
	/* What keeps a bus from being opened says itself what to do. */
	if (!r->opened)
		snprintf(text, size, "%s", r->text);
	else if (probe_is_silence(r))
		snprintf(text, size, "the gateway at %s has no answer from slave %d: check its number and the wiring behind the gateway (lmsctl meter scan %s)",
			 bus, a->slave, bus);
	else if (r->cause == LINK_MUTE)
		cause_of_silence(a, text, size);
	else if (r->cause == LINK_GARBLED)
		snprintf(text, size,
			 "what slave %d sends on %s is no frame: its speed or parity is not %d,%d%c%d (lmsctl meter scan %s --baud 9600,19200,38400), two slaves have that number, or the line is disturbed",
			 a->slave, a->device, a->baud, a->data_bits, a->parity, a->stop_bits, bus);
	else if (r->cause == LINK_ENDED)
		snprintf(text, size, "%s closes the connection when slave %d is asked: it serves too few clients, or not that slave",
			 bus, a->slave);
	else
		snprintf(text, size, "%s", r->text);
}

static void good(const struct verdict_in *in, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "good: %d registers of %s in %lld ms", in->registers, in->profile->model,
				      (long long)(in->took_us / US_PER_MS));

	for (int k = 0; k < PHASES && len < size; k++) {
		int64_t ma = in->currents->current.l[k];

		if (ma != NUM_NONE)
			len += (size_t)snprintf(text + len, size - len, "%sL%d %s%lld.%lld A", k ? ", " : "; ", k + 1,
						ma < 0 ? "-" : "", (long long)((ma < 0 ? -ma : ma) / 1000),
						(long long)((ma < 0 ? -ma : ma) % 1000 / 100));
	}
	if (in->findings->count && len < size)
		snprintf(text + len, size - len, "; %s", in->findings->list[0].text);
}

enum check_verdict verdict_of(const struct verdict_in *in, char *text, size_t size)
{
	const struct finding *worst = findings_worst(in->findings);
	size_t more = 0;

	if (!in->answered && in->failed) {
		verdict_cause(in->address, &in->failed->reply, text, size);
		return VERDICT_NO_ANSWER;
	}
	/* It answers, but not to anything that the profile asks. */
	if (in->registers == 0 && (!worst || worst->code != FINDING_other_model)) {
		snprintf(text, size, "slave %d answers, but refuses every register of %s: it is another model (lmsctl meter profiles)",
			 in->address->slave, in->profile->model);
		return VERDICT_FINDINGS;
	}
	if (in->failed && !worst) {
		verdict_cause(in->address, &in->failed->reply, text, size);
		return VERDICT_FINDINGS;
	}
	if (!worst) {
		good(in, text, size);
		return VERDICT_GOOD;
	}
	for (size_t i = 0; i < in->findings->count; i++)
		more += finding_severity(in->findings->list[i].code) != FINDING_NOTE;
	if (more > 1)
		snprintf(text, size, "%s (and %zu more)", worst->text, more - 1);
	else
		snprintf(text, size, "%s", worst->text);
	return VERDICT_FINDINGS;
}
