/* conf/boot.c - from the file and the command line to struct boot_conf.
 *
 * libconfig parses; which keys there are and what they may hold is the table's business. Values
 * pass through text, so that the file and -o cannot differ in what they take.
 */
#include "conf/boot.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/boot_table.h"

#define KEY_PATH_MAX 128
#define FILE_MAX ((size_t)1 << 20)

struct reading {
	struct boot_conf *conf;
	const char *file;
	struct diag *diag;
};

static const char *setting_file(const struct reading *r, const config_setting_t *s)
{
	const char *file = config_setting_source_file(s);

	return file ? file : r->file;
}

static int refuse(const struct reading *r, const config_setting_t *s, const char *key,
		  const char *what)
{
	return diag_set_at(r->diag, -LMS_ECONFIG, setting_file(r, s),
			   (int)config_setting_source_line(s), 0, "%s: %s", key, what);
}

static int refuse_unknown(const struct reading *r, const config_setting_t *s, const char *key)
{
	char hint[200], what[240];

	boot_suggest(key, hint, sizeof(hint));
	snprintf(what, sizeof(what), "no such key (%s)", hint);
	return refuse(r, s, key, what);
}

/* The setting's value as text; false if its type is not what the key takes. */
static bool setting_text(const config_setting_t *s, enum boot_type type, char *out, size_t out_size)
{
	const char *text;

	if (type == BOOT_INT) {
		if (config_setting_type(s) != CONFIG_TYPE_INT &&
		    config_setting_type(s) != CONFIG_TYPE_INT64)
			return false;
		snprintf(out, out_size, "%lld", config_setting_type(s) == CONFIG_TYPE_INT
			 ? (long long)config_setting_get_int(s) : config_setting_get_int64(s));
		return true;
	}
	text = config_setting_get_string(s);
	if (!text)
		return false;
	snprintf(out, out_size, "%s", text);
	return true;
}

static int read_value(struct reading *r, const config_setting_t *s, const char *path)
{
	enum boot_key key = boot_find(path);
	struct boot_origin *origin;
	char text[1024], what[DIAG_TEXT_MAX];
	struct diag inner;

	if (key == BOOT_KEY_COUNT)
		return refuse_unknown(r, s, path);
	if (!setting_text(s, boot_rows[key].type, text, sizeof(text))) {
		snprintf(what, sizeof(what), boot_rows[key].type == BOOT_INT
			 ? "not a whole number (as in %s)" : "not text in quotes (as in \"%s\")",
			 boot_rows[key].dflt);
		return refuse(r, s, path, what);
	}
	diag_init(&inner);
	if (boot_set(r->conf, key, text, &inner) < 0)
		return refuse(r, s, path, inner.text);
	origin = &r->conf->origin[key];
	origin->option = false;
	origin->line = (int)config_setting_source_line(s);
	snprintf(origin->file, sizeof(origin->file), "%s", setting_file(r, s));
	return 0;
}

/* Is `path` a group of keys, as "listen" is of listen.ws? */
static bool is_group(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < BOOT_KEY_COUNT; i++) {
		if (strncmp(boot_rows[i].key, path, len) == 0 && boot_rows[i].key[len] == '.')
			return true;
	}
	return false;
}

static int read_group(struct reading *r, const config_setting_t *group, const char *prefix)
{
	int count = config_setting_length(group), ret = 0;

	for (int i = 0; i < count && ret == 0; i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		char path[KEY_PATH_MAX];

		snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] ? "." : "",
			 config_setting_name(s));
		if (is_group(path))
			ret = config_setting_is_group(s)
				? read_group(r, s, path)
				: refuse(r, s, path, "a group of keys (write it as { key = value; })");
		else if (config_setting_is_group(s))
			ret = refuse_unknown(r, s, path);
		else
			ret = read_value(r, s, path);
	}
	return ret;
}

/* The name in a line of the form @include "NAME"; false if it is another line. */
static bool include_name(const char *line, char *name, size_t size)
{
	static const char word[] = "@include";
	size_t len;

	line += strspn(line, " \t");
	if (strncmp(line, word, sizeof(word) - 1) != 0)
		return false;
	line += sizeof(word) - 1;
	line += strspn(line, " \t");
	len = *line == '"' ? strcspn(line + 1, "\"\n") : size;
	if (len >= size)
		return false;
	memcpy(name, line + 1, len);
	name[len] = '\0';
	return true;
}

/* libconfig's scanner ends the process when an included file turns out to be a directory. */
static int check_includes(const struct reading *r, const char *text, const char *dir)
{
	char name[BOOT_TEXT_MAX], path[2 * BOOT_TEXT_MAX];
	struct stat st;

	for (int line = 1; text; line++) {
		if (include_name(text, name, sizeof(name))) {
			snprintf(path, sizeof(path), "%s/%s", name[0] == '/' ? "" : dir, name);
			if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
				return diag_set_at(r->diag, -LMS_ECONFIG, r->file, line, 0,
						   "@include: %s is a directory (name a file)", name);
		}
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return 0;
}

static int read_text(struct reading *r, const char *text)
{
	char dir[BOOT_TEXT_MAX] = ".";
	const char *slash = strrchr(r->file, '/'), *file;
	config_t cfg;
	int ret;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - r->file), r->file);
	ret = check_includes(r, text, dir);
	if (ret < 0)
		return ret;
	config_init(&cfg);
	config_set_include_dir(&cfg, dir);
	if (config_read_string(&cfg, text) == CONFIG_TRUE) {
		ret = read_group(r, config_root_setting(&cfg), "");
	} else {
		file = config_error_file(&cfg);
		ret = diag_set_at(r->diag, -LMS_ECONFIG, file ? file : r->file,
				  config_error_line(&cfg), 0, "%s (write key = \"value\"; and "
				  "group = { key = \"value\"; };)", config_error_text(&cfg));
	}
	config_destroy(&cfg);
	return ret;
}

static void set_defaults(struct boot_conf *conf)
{
	struct diag diag;

	memset(conf, 0, sizeof(*conf));
	diag_init(&diag);
	for (enum boot_key k = 0; k < BOOT_KEY_COUNT; k++)
		boot_set(conf, k, boot_rows[k].dflt, &diag);
	lms_assert(!diag_failed(&diag));
}

static int refuse_file(const struct reading *r, int err)
{
	return diag_set(r->diag, -LMS_ENOINPUT, "%s: %s (name another one with -c)", r->file,
			strerror(err));
}

static int read_stream(struct reading *r, FILE *f)
{
	char *text = xmalloc(FILE_MAX + 1);
	size_t len = fread(text, 1, FILE_MAX + 1, f);
	int ret;

	if (ferror(f)) {
		ret = refuse_file(r, errno);
	} else if (len > FILE_MAX || memchr(text, '\0', len)) {
		ret = diag_set(r->diag, -LMS_ECONFIG, "%s: not a boot file (name another one with -c)",
			       r->file);
	} else {
		text[len] = '\0';
		ret = read_text(r, text);
	}
	free(text);
	return ret;
}

int boot_load(struct boot_conf *conf, const char *file, struct diag *diag)
{
	struct reading r = { conf, file ? file : BOOT_FILE_DEFAULT, diag };
	FILE *f;
	int ret;

	set_defaults(conf);
	f = fopen(r.file, "re");
	if (!f)
		return !file && errno == ENOENT ? 0 : refuse_file(&r, errno);
	ret = read_stream(&r, f);
	fclose(f);
	return ret;
}

/* What a person types on the command line counts from where he is. */
static int absolute(const char *text, char *out, size_t out_size)
{
	char cwd[BOOT_TEXT_MAX];
	int len;

	if (text[0] == '/' || text[0] == '\0')
		len = snprintf(out, out_size, "%s", text);
	else if (getcwd(cwd, sizeof(cwd)))
		len = snprintf(out, out_size, "%s/%s", cwd, text);
	else
		return -LMS_EUSAGE;
	return len < (int)out_size ? 0 : -LMS_EUSAGE;
}

int boot_override(struct boot_conf *conf, const char *key_eq_value, struct diag *diag)
{
	const char *eq = strchr(key_eq_value, '='), *value = eq ? eq + 1 : NULL;
	char name[KEY_PATH_MAX], hint[200], path[2 * BOOT_TEXT_MAX];
	struct diag inner;
	enum boot_key key;

	if (!eq)
		return diag_set(diag, -LMS_EUSAGE, "-o %s: no value (write key=value)",
				key_eq_value);
	snprintf(name, sizeof(name), "%.*s", (int)(eq - key_eq_value), key_eq_value);
	key = boot_find(name);
	if (key == BOOT_KEY_COUNT)
		return diag_set(diag, -LMS_EUSAGE, "-o %s: no such key (%s)", name,
				boot_suggest(name, hint, sizeof(hint)));
	if (boot_rows[key].type == BOOT_PATH) {
		if (absolute(value, path, sizeof(path)) < 0)
			return diag_set(diag, -LMS_EUSAGE, "-o %s: the path is too long", name);
		value = path;
	}
	diag_init(&inner);
	if (boot_set(conf, key, value, &inner) < 0)
		return diag_set(diag, -LMS_EUSAGE, "-o %s: %s", name, inner.text);
	conf->origin[key] = (struct boot_origin){ .option = true };
	return 0;
}
