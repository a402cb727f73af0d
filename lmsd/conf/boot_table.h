/* conf/boot_table.h - conf_schema.def as rows, for the room itself. */
#pragma once

#include "conf/boot.h"

enum boot_type { BOOT_ADDR, BOOT_PATH, BOOT_URL, BOOT_WORD, BOOT_INT, BOOT_CHOICE };

struct boot_row {
	const char *key;
	enum boot_type type;
	size_t offset;		/* in struct boot_conf */
	int64_t least, most;
	const char *dflt;
	const char *help;
};
extern const struct boot_row boot_rows[BOOT_KEY_COUNT];

struct boot_word {
	enum boot_key key;
	int value;
	const char *word;
	const char *help;
};
extern const struct boot_word boot_words[];
extern const size_t boot_word_count;

/* BOOT_KEY_COUNT if there is no such key. */
enum boot_key boot_find(const char *key);
/* " (did you mean 'listen.ws'?)", or where to look. Into out. */
const char *boot_suggest(const char *key, char *out, size_t out_size);

/* Reads text into the key's member; origin is left alone. 0 or -LMS_EDATA with what is wrong with
 * the text alone: the caller knows the place. */
int boot_set(struct boot_conf *conf, enum boot_key key, const char *text, struct diag *diag);
/* The value as it is written in the file, without quotes. */
void boot_value_format(const struct boot_conf *conf, enum boot_key key, struct buf *out);

/* An error at the place where the key's value comes from. */
int boot_refuse(const struct boot_conf *conf, enum boot_key key, int err, struct diag *diag,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));
