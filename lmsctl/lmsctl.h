/* lmsctl/lmsctl.h - what the files of lmsctl share: options, the command, and the way of a result.
 *
 * Everything that can go wrong is a negative LMS_E… with the words in l->diag; main prints them
 * once and turns the error into the exit status of err.def. An error without words was shown
 * already.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "ctl/ctl.h"
#include "io/client.h"

enum format {
	FORMAT_TABLE,
	FORMAT_WIDE,
	FORMAT_JSON,
	FORMAT_NDJSON,
	FORMAT_CSV,
	FORMAT_TSV,
	FORMAT_VALUE
};

struct options {
	const char *socket, *fields, *sort, *tz;
	const char *file;		/* of apply, diff and config check */
	const char *out;		/* where a file goes that lmsd or a station sends; "-" = stdout */
	enum format format;
	int64_t limit;			/* of records; NUM_NONE = all */
	bool no_wait;			/* a job's number is enough */
	bool watch, wait, follow, dry_run, yes, quiet, utc, help, version;
	enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color;
	bool terminal;			/* stdout is one */
	int width;			/* of it; 0 = unbounded */
};

enum special {
	SPECIAL_NONE,	/* the table's verb is all there is to it */
	SPECIAL_HELP, SPECIAL_SCHEMA, SPECIAL_RAW, SPECIAL_VERSION, SPECIAL_EVENTS, SPECIAL_APPLY,
	SPECIAL_DIFF, SPECIAL_CHECK, SPECIAL_DOC, SPECIAL_COMPLETE
};

struct word {
	const char *name;		/* NULL = a bare word */
	const char *value;
};

struct lmsctl {
	struct options opt;
	enum special special;
	const struct ctl_noun_desc *noun;	/* set when the noun was recognised */
	const struct ctl_verb_desc *verb;
	char label[80];			/* "station config get": for messages */
	struct word *words;		/* what follows the command */
	size_t word_count;
	struct arena arena;		/* of the whole run */
	struct diag diag;
	struct client *client;
	bool found_wrong;		/* a check listed something that is not ok */
};

/* words.c: the command line. Fills the options, the command and the words. */
int words_read(struct lmsctl *l, int argc, char **argv);
/* One more, as if it had been written. */
void words_add(struct lmsctl *l, const char *name, const char *value);
struct option_row { char letter; const char *name, *value, *help; };
extern const struct option_row option_rows[];
extern const size_t option_row_count;
struct alias { const char *word, *noun, *verb; enum special special; const char *synopsis, *help; };
extern const struct alias aliases[];
extern const size_t alias_count;
/* The noun that people mean by a word ("tx"), or NULL. */
const struct ctl_noun_desc *words_noun(const char *word);
/* "config_get" as people write it: "config get", or "config-get" with '-'. */
const char *words_verb(const struct ctl_verb_desc *v, char joint, struct arena *arena);

/* args.c: words to the params of the verb, checked before anything is sent. */
int args_build(struct lmsctl *l, const char **params);
/* Which argument the next bare word would fill; NULL = none. */
const struct field *args_positional(const struct ctl_verb_desc *v, const struct field *all,
				    size_t count, size_t index);

/* file_word.c: "@FILE", or "-" for standard input. */
int file_read(struct lmsctl *l, const char *name, struct buf *out);
/* The value of an argument that takes a file, read; a secret must be one. Others stay as they are. */
int file_word(struct lmsctl *l, const struct field *f, const char **text);

/* call.c: one command of the tables, from connection to exit status. */
int call_connect(struct lmsctl *l, const struct client_ops *ops, void *ctx);
int call_run(struct lmsctl *l);
int call_confirm(struct lmsctl *l, const char *params);
/* What the command takes away, or NULL. */
const char *call_destroys(struct lmsctl *l, const char *params);
/* Is it meant? Asks on a terminal; 0, or why not. */
int call_ask(struct lmsctl *l, const char *what, const char *object);
/* What the verb lists, and how it changes, comes from now on by client_wait(); value NULL: without an argument. */
int call_watch(struct lmsctl *l, const char *verb, const char *arg, const char *value);
int call_show_record(struct lmsctl *l, const struct json *result);

/* main.c: said, and taken away, when an interrupt ends the program. */
extern char interrupt_note[160];
extern char interrupt_unlink[4096];

/* cmd_bulk.c: a command to many stations, or one that is not waited for; *taken tells whether it is one. */
int cmd_bulk(struct lmsctl *l, bool *taken);
int cmd_job_wait(struct lmsctl *l, const char *params);

/* cmd_*.c: the commands that are not only a row. */
int cmd_help(struct lmsctl *l);
int cmd_schema(struct lmsctl *l);
int cmd_raw(struct lmsctl *l);
int cmd_version(struct lmsctl *l);
int cmd_apply(struct lmsctl *l, bool diff);
int cmd_check(struct lmsctl *l);
int cmd_watch(struct lmsctl *l, const char *params);
int cmd_explain(struct lmsctl *l, const struct json *result);
int cmd_zone_explain(struct lmsctl *l, const struct json *result);
int cmd_zone_replay(struct lmsctl *l, const struct json *result);
int cmd_zone_simulate(struct lmsctl *l, const struct json *result);
/* cmd_meter.c: the exit status says whether the meter is good. */
int cmd_meter_check(struct lmsctl *l, const struct json *result);
/* meter scan: tells how far it is until it has ended. */
int cmd_meter_scan(struct lmsctl *l, const char *params, const struct json **result);
int cmd_meter_found(struct lmsctl *l, const struct json *result);
int cmd_station_answer(struct lmsctl *l, const struct json *result);
/* station test: tells how far it is until it has ended. */
int cmd_station_test(struct lmsctl *l, const char *params, const struct json **result);
int cmd_config_rows(struct lmsctl *l, const struct json *result);
/* cmd_transfer.c: firmware update, diagnostics, log; with --wait or -O until it has ended. */
bool cmd_is_transfer(const struct ctl_verb_desc *v);
int cmd_transfer(struct lmsctl *l, const char *params);

/* cmd_file.c: files of lmsd's file server. */
int cmd_file_add(struct lmsctl *l, const char *params);
int cmd_file_get(struct lmsctl *l, const char *params);
int file_fetch(struct lmsctl *l, const char *id, const char *path);	/* "-" = stdout */
/* Hands the file over to lmsd; the record of what is kept. */
int file_send(struct lmsctl *l, const char *path, const struct json **result);
/* Of station firmware update: signature=@PATH becomes what is in the file. */
int file_signature(struct lmsctl *l);
/* The same params with file=@PATH handed over to lmsd and named by its id; NULL: it failed. */
const char *file_params(struct lmsctl *l, const char *params);
int cmd_config_get(struct lmsctl *l, const struct json *result);
int cmd_station_call(struct lmsctl *l, const struct json *result);
int cmd_list_version(struct lmsctl *l, const struct json *result);
int cmd_doc(struct lmsctl *l);
int cmd_complete(struct lmsctl *l);

/* time.c: local time by the C library, as --tz, --utc or TZ say. */
int local_time_setup(struct lmsctl *l);
const struct time_zone *local_zone_at(const struct lmsctl *l, wall_t t);
/* The zone that periods and histories are told in: --utc, --tz, else the site's. *out = NULL is UTC. Connected. */
int local_site_zone(struct lmsctl *l, const struct time_zone **out);
/* "2026-05-31" (its last second) and times without zone as local time: RFC 3339, or NULL = leave
 * it. */
const char *local_time_read(struct lmsctl *l, const char *text);
