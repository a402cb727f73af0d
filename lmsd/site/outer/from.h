/* site/outer/from.h - where a state that is told from outside comes from, and what the values there mean.
 *
 * Site key grid_from, source key from:
 *   command                                  staff tells it (the default)
 *   bms                                      a building management system writes it into our own register
 *   mqtt:TOPIC                               a broker's topic
 *   modbus:[SLAVE@]HOST[:PORT],KIND:ADDRESS[,bit:N | ,mask:0xNNNN]
 *   modbus:SLAVE@rtu:/dev/DEVICE,9600,8N1,KIND:ADDRESS…
 * KIND is coil, discrete, input or holding, ADDRESS counts from 0.
 *
 * Keys grid_values and values: "0=normal,1=reduced,2..5=stop,off=normal": a number, a range of them or a word,
 * and the state that it means; what none of them names means nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "meter/address.h"
#include "site/outer/signal.h"

#define FROM_TOPIC_MAX	 200
#define STATE_VALUES_MAX 32

enum from_kind { FROM_COMMAND, FROM_BMS, FROM_MQTT, FROM_MODBUS };

struct state_from {
	enum from_kind kind;
	char topic[FROM_TOPIC_MAX + 1];	/* FROM_MQTT */
	/* FROM_MODBUS */
	struct meter_address device;
	uint8_t fc;			/* 1 coil, 2 discrete input, 3 holding register, 4 input register */
	uint16_t addr;
	uint16_t mask;			/* of the register: what of it counts, moved down to bit 0 */
};

struct state_values {
	struct {
		int64_t least, most;
		char word[SIGNAL_STATE_MAX];	/* instead of numbers; "" = there are numbers */
		char state[SIGNAL_STATE_MAX];
	} items[STATE_VALUES_MAX];
	size_t count;
};

/* One way, whole: of the grid signal, or of a source. */
struct state_way {
	struct state_from from;
	struct state_values values;
	char text[64];			/* how it is written, shortened: who told a state */
};

/* 0, or -LMS_EDATA with what is wrong and how to write it. */
int from_parse(const char *text, struct state_from *out, struct diag *diag);
int state_values_parse(const char *text, struct state_values *out, struct diag *diag);
/* What a register as it was read says: the part that counts. */
int64_t from_number(const struct state_from *from, uint16_t raw);
/* Can it say only yes or no? */
bool from_is_bit(const struct state_from *from);
/* The way that two keys describe; `states` ("grid,island") are those that may be meant, beside lost. Where `values`
 * is NULL it is what the way suggests: names of the states at a topic, for the grid signal (`numbers`) 0, 1 and 2.
 * 1 where staff tells the state, 0, or -LMS_EDATA with diag ("KEY: what"; `key` is "from" or "grid_from"). */
int state_way_parse(const char *key, const char *from, const char *values, const char *states, bool numbers,
		    struct state_way *out, struct diag *diag);
/* The state that it means, or NULL. A word is compared without regard to its case. */
const char *state_of_number(const struct state_values *v, int64_t number);
const char *state_of_word(const struct state_values *v, const char *word);
