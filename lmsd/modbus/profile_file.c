/* modbus/profile_file.c - reads profiles, a file or a directory at a time; the keys are profile_keys.h's. */
#include "modbus/profile_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "base/types.h"
#include "meter/plan.h"
#include "modbus/profile_keys.h"

#define FILE_BYTES_MAX 262144
#define KEYS_MAX       24

static const char *const var_needs[] = { "addr", "type", "unit" };

static int read_keys(struct profile_reader *r, config_setting_t *group, const struct profile_key *keys,
		     size_t count, struct meter_reg *reg)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(s), *names[KEYS_MAX], *near;
		size_t k = 0;
		int ret;

		for (; k < count && k < KEYS_MAX && strcmp(keys[k].name, name) != 0; k++)
			names[k] = keys[k].name;
		if (k == count) {
			near = text_nearest(name, names, count);
			return profile_refuse(r, s, "is not a key of a meter profile%s%s%s",
				      near ? " (did you mean '" : "", near ? near : "",
				      near ? "'?)" : "");
		}
		ret = keys[k].read(r, s, &keys[k], reg);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int read_variable(struct profile_reader *r, config_setting_t *s)
{
	const char *name = NULL, *near;
	struct meter_reg *reg;
	int var;

	if (!config_setting_is_group(s) || !config_setting_lookup_string(s, "name", &name))
		return profile_refuse(r, s,
			      "every entry must be { name = \"…\"; addr = 0; type = \"f32\"; "
			      "unit = \"A\"; }");
	var = meter_var_find(name);
	if (var < 0) {
		near = meter_var_nearest(name);
		return profile_refuse(r, s, "'%s' is not a variable%s%s%s", name,
			      near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	}
	reg = profile_add_reg(r->p, (enum meter_var)var);
	if (!reg)
		return profile_refuse(r, s, "there are more than %d", PROFILE_REG_MAX);
	reg->line = (int)config_setting_source_line(s);
	reg->fc = (uint8_t)r->function;
	reg->order = r->order;
	reg->verified = r->p->verified;
	for (size_t i = 0; i < ARRAY_LEN(var_needs); i++)
		if (!config_setting_get_member(s, var_needs[i]))
			return profile_refuse(r, s, "%s: %s is missing", name, var_needs[i]);
	return read_keys(r, s, profile_var_keys, profile_var_key_count, reg);
}

static int read_variables(struct profile_reader *r, config_setting_t *root)
{
	config_setting_t *list = config_setting_get_member(root, "variables");
	int ret = 0;

	if (!list || !config_setting_is_list(list))
		return diag_set_at(r->d, -LMS_ECONFIG, r->path, list ? (int)config_setting_source_line(list) : 1, 0,
				   "variables: must be a list: ( { name = … }, { … } )");
	for (int i = 0; i < config_setting_length(list) && ret == 0; i++)
		ret = read_variable(r, config_setting_get_elem(list, (unsigned)i));
	return ret;
}

/* Of ours or the installer's, but a file: nothing that one could wait for, or that fills the memory. */
static int open_file(const char *path, FILE **out, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int err = errno;

		if (fd >= 0)
			close(fd);
		return diag_set_at(d, -LMS_ENOINPUT, path, 0, 0, "cannot be opened: %s", strerror(err));
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX) {
		close(fd);
		return diag_set_at(d, -LMS_ECONFIG, path, 0, 0, "is not a file of at most %d bytes", FILE_BYTES_MAX);
	}
	*out = fdopen(fd, "r");
	if (*out)
		return 0;
	close(fd);
	return diag_set_at(d, -LMS_ENOINPUT, path, 0, 0, "cannot be read");
}

/* More requests than a plan holds would be found out only when a meter is to be read. */
static int check_plan(const struct meter_profile *p, struct diag *d)
{
	struct meter_plan plan;
	struct diag why;
	int ret;

	diag_init(&why);
	ret = plan_make(p, &plan, &why);
	return ret < 0 ? diag_set_at(d, ret, p->file, p->line, 0, "%s", why.text) : 0;
}

int profile_load_file(const char *path, struct meter_profile **out, struct diag *d)
{
	struct profile_reader r = { .path = path, .d = d, .function = 3, .order = REG_ORDER_BIG };
	FILE *f = NULL;
	config_t config;
	int ret = open_file(path, &f, d);

	if (ret < 0)
		return ret;
	config_init(&config);
	r.p = profile_new();
	r.p->line = 1;
	snprintf(r.p->file, sizeof(r.p->file), "%s", path);
	if (!config_read(&config, f)) {
		ret = diag_set_at(d, -LMS_ECONFIG, path, config_error_line(&config), 0, "%s",
				  config_error_text(&config));
		goto out;
	}
	ret = read_keys(&r, config_root_setting(&config), profile_device_keys, profile_device_key_count, NULL);
	if (ret == 0)
		ret = read_variables(&r, config_root_setting(&config));
	if (ret == 0)
		ret = profile_check(r.p, d);
	if (ret == 0)
		ret = check_plan(r.p, d);
	if (ret == 0) {
		*out = r.p;
		r.p = NULL;
	}
out:
	profile_free(r.p);
	config_destroy(&config);
	fclose(f);
	return ret;
}

static int is_profile(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".conf") == 0;
}

int profile_load_dir(const char *dir, enum profile_origin origin, struct profile_set *set,
		     void (*bad)(void *ctx, const struct diag *d), void *ctx, struct diag *d)
{
	struct dirent **names = NULL;
	int count = scandir(dir, &names, is_profile, alphasort), loaded = 0;

	if (count < 0)
		return diag_set_at(d, -LMS_ENOINPUT, dir, 0, 0,
				   "meter profiles cannot be read: %s (set meters.directory)",
				   strerror(errno));
	for (int i = 0; i < count; i++) {
		struct meter_profile *p = NULL;
		struct diag why;
		char path[512];
		int ret;

		diag_init(&why);
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		ret = profile_load_file(path, &p, &why);
		if (ret == 0)
			p->site = origin == PROFILE_SITE;
		if (ret == 0)
			ret = origin == PROFILE_SITE ? profile_set_take(set, p, &why) :
						       profile_set_take_shipped(set, p, &why);
		if (ret == 0)
			loaded++;
		else
			profile_free(p);
		if (diag_failed(&why) && bad)
			bad(ctx, &why);
		free(names[i]);
	}
	free(names);
	return loaded;
}

/* ---- the manual --------------------------------------------------------------------------------- */

static void put_keys(const struct profile_key *keys, size_t count, struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds -compact\n");
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, ".It Cm %s No = ", keys[i].name);
		/* mdoc takes punctuation that stands alone for its own. */
		for (const char *c = keys[i].form; *c; c++) {
			if (strchr("()[]|.", *c))
				buf_puts(out, "\\&");
			if (*c == '"')
				buf_puts(out, "\\(dq");
			else
				buf_putc(out, *c);
		}
		buf_printf(out, "\n%s.\n", keys[i].help);
	}
	buf_puts(out, ".El\n");
}

void profile_doc_device(struct buf *out)
{
	put_keys(profile_device_keys, profile_device_key_count, out);
}

void profile_doc_variable(struct buf *out)
{
	put_keys(profile_var_keys, profile_var_key_count, out);
}
