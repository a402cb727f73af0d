/* conf/boot.h - the boot file: what lmsd must know before it can be asked (libconfig syntax).
 *
 * conf_schema.def is the one table; parser, checks, print-out and manual come from it. Order of
 * use: boot_load(), boot_override() for each -o, boot_check(). Errors read
 * "file:line: key: what is wrong (what to do)".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/log.h"

#define BOOT_FILE_DEFAULT "/etc/lms/lmsd.conf"
#define BOOT_TEXT_MAX 256	/* bytes of a path, with the NUL */

struct boot_addr {
	bool on;		/* false: "off", nothing listens */
	char host[46];		/* IPv4 or IPv6 address without brackets */
	int port;		/* 0 = any free one */
};

enum boot_registration {
	BOOT_REGISTRATION_PENDING,
	BOOT_REGISTRATION_CLOSED,
	BOOT_REGISTRATION_ACCEPT,
};

/* May the grid signal be written by Modbus? */
enum boot_bms_write { BOOT_BMS_WRITE_NO, BOOT_BMS_WRITE_YES };

/* Does the file server speak TLS? */
enum boot_files_tls { BOOT_FILES_TLS_OFF, BOOT_FILES_TLS_ON };

enum boot_mqtt_tls { BOOT_MQTT_TLS_OFF, BOOT_MQTT_TLS_ON };
enum boot_mail_tls { BOOT_MAIL_TLS_STARTTLS, BOOT_MAIL_TLS_ON, BOOT_MAIL_TLS_OFF };

enum boot_key {
#define BOOT_KEY(member, key, type, least, most, dflt, help) BOOT_KEY_##member,
#define BOOT_CHOICE(member, value, word, help)
#include "conf/conf_schema.def"
#undef BOOT_KEY
#undef BOOT_CHOICE
	BOOT_KEY_COUNT
};

/* Where a value comes from: a file and line, else an option, else the default. */
struct boot_origin {
	char file[200];		/* "" = not from a file */
	int line;
	bool option;
};

/* One member per key: listen_ws, tls_key, registration (enum boot_registration), log_level (enum
 * log_level) … Holds no pointers: copy it freely. */
struct boot_conf {
#define BOOT_MEMBER_ADDR(member) struct boot_addr member;
#define BOOT_MEMBER_PATH(member) char member[BOOT_TEXT_MAX];
#define BOOT_MEMBER_URL(member) char member[BOOT_TEXT_MAX];
#define BOOT_MEMBER_WORD(member) char member[BOOT_TEXT_MAX];
#define BOOT_MEMBER_INT(member) int64_t member;
#define BOOT_MEMBER_CHOICE(member) int member;
#define BOOT_KEY(member, key, type, least, most, dflt, help) BOOT_MEMBER_##type(member)
#define BOOT_CHOICE(member, value, word, help)
#include "conf/conf_schema.def"
#undef BOOT_KEY
#undef BOOT_CHOICE
#undef BOOT_MEMBER_ADDR
#undef BOOT_MEMBER_PATH
#undef BOOT_MEMBER_URL
#undef BOOT_MEMBER_WORD
#undef BOOT_MEMBER_INT
#undef BOOT_MEMBER_CHOICE
	struct boot_origin origin[BOOT_KEY_COUNT];
};

/* Defaults, then the file's keys. file NULL: BOOT_FILE_DEFAULT if that exists, else defaults only.
 * 0, -LMS_ENOINPUT (no such file, or not readable) or -LMS_ECONFIG. */
int boot_load(struct boot_conf *conf, const char *file, struct diag *diag);

/* One "key=value" of the command line; a relative path counts from the current directory.
 * 0 or -LMS_EUSAGE. */
int boot_override(struct boot_conf *conf, const char *key_eq_value, struct diag *diag);

/* What no key knows alone, and the defaults that hang on others: fills in tls.certificate and
 * tls.key. Call once, last. 0 or -LMS_ECONFIG. */
int boot_check(struct boot_conf *conf, struct diag *diag);

/* "10.0.0.5:9000", "[::1]:9000", "off". 0 or -LMS_EDATA with the remedy. */
int boot_addr_parse(const char *text, struct boot_addr *addr, struct diag *diag);
void boot_addr_format(const struct boot_addr *addr, struct buf *out);

/* Every key with its value and where it comes from, one per line: `lmsd -n`. */
void boot_print(const struct boot_conf *conf, struct buf *out);

/* The list of keys of lmsd.conf(5), as mdoc. */
void boot_doc(struct buf *out);
