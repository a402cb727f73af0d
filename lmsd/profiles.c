/* profiles.c - which models of meters lmsd can read: the installer's files and those that came with it,
 * read at start and again on demand.
 *
 * A profile that says the same after it was read again keeps its object and its edition, so that meters
 * which are read by it go on undisturbed. One whose file has become bad is kept as it was: a slip of the
 * editor must not end the reading of meters.
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "meter/pushed.h"
#include "modbus/profile_file.h"

/* One reading of the directories. */
struct reading {
	struct profile_set set;
	struct json_writer *notes;	/* for who asked, as an array that is open; NULL at start */
	bool changed;
	struct buf bad;			/* files that cannot be used, each before and behind a line end */
};

static void note(struct reading *r, enum log_level level, const char *text)
{
	if (level == LOG_LEVEL_ERROR)
		log_lmsd(ERROR, "meter_profile", "%s", text);
	else
		log_lmsd(NOTICE, "meter_profile", "%s", text);
	if (r->notes)
		jw_str(r->notes, text);
}

static void on_bad(void *ctx, const struct diag *d)
{
	struct reading *r = ctx;
	char why[600], text[700];

	snprintf(text, sizeof(text), "skipped: %s", diag_render(d, why, sizeof(why)));
	note(r, LOG_LEVEL_ERROR, text);
	buf_printf(&r->bad, "\n%s\n", d->file);
}

static bool is_bad(struct reading *r, const struct meter_profile *p)
{
	char line[sizeof(p->file) + 3];

	snprintf(line, sizeof(line), "\n%s\n", p->file);
	return strstr(buf_cstr(&r->bad), line) != NULL;
}

/* What was read before from files that cannot be read now. */
static void keep(struct app *app, struct reading *r, enum profile_origin origin, bool all)
{
	struct profile_set *old = &app->profiles;
	char text[600];
	struct diag d;

	for (size_t i = 0; i < old->count;) {
		struct meter_profile *p = old->items[i];

		diag_init(&d);
		if (p->pushed || p->site != (origin == PROFILE_SITE) || !(all || is_bad(r, p)) ||
		    profile_set_take(&r->set, p, &d) < 0) {
			i++;
			continue;
		}
		old->items[i] = old->items[--old->count];
		snprintf(text, sizeof(text), "%s: kept as it was read before from %s", p->model, p->file);
		note(r, LOG_LEVEL_NOTICE, text);
	}
}

static void read_dir(struct app *app, struct reading *r, const char *dir, enum profile_origin origin)
{
	struct diag d;
	int ret;

	diag_init(&d);
	ret = profile_load_dir(dir, origin, &r->set, on_bad, r, &d);
	if (ret < 0)
		on_bad(r, &d);
	keep(app, r, origin, ret < 0);
}

static void read_all(struct app *app, struct reading *r)
{
	const char *site = app->boot.meters_site_directory;
	struct diag d;

	profile_set_init(&r->set);
	buf_init(&r->bad);
	diag_init(&d);
	lms_assert(profile_set_take(&r->set, pushed_profile(), &d) == 0);	/* the first: no file takes its name */
	if (site[0] && access(site, F_OK) == 0)
		read_dir(app, r, site, PROFILE_SITE);
	read_dir(app, r, app->boot.meters_directory, PROFILE_SHIPPED);
	buf_fini(&r->bad);
}

static const struct meter_profile *by_model(const struct profile_set *set, const char *model)
{
	const struct meter_profile *p = profile_set_find(set, model);

	return p && strcmp(p->model, model) == 0 ? p : NULL;
}

static void say(struct reading *r, const struct meter_profile *p, const char *what)
{
	char text[600];

	r->changed = true;
	snprintf(text, sizeof(text), "%s: %s (%s)%s%s", p->model, what, p->file,
		 p->replaces[0] ? ", used instead of " : "", p->replaces);
	note(r, LOG_LEVEL_NOTICE, text);
}

/* Everything new gets an edition of its own; what is as it was keeps object and edition. */
static void compare(struct app *app, struct reading *r)
{
	for (size_t i = 0; i < r->set.count; i++) {
		struct meter_profile *p = r->set.items[i], swap;
		struct meter_profile *old = NULL;

		if (p->edition)	/* kept */
			continue;
		for (size_t k = 0; k < app->profiles.count; k++)
			if (strcmp(app->profiles.items[k]->model, p->model) == 0)
				old = app->profiles.items[k];
		p->edition = ++app->profile_editions;
		if (!old) {
			if (r->notes || p->replaces[0])
				say(r, p, r->notes ? "new" : "the installer's");
			continue;
		}
		if (!profile_same(old, p)) {
			say(r, p, "changed");
			continue;
		}
		if (strcmp(old->file, p->file) != 0)
			say(r, p, "from another file, the same registers");
		p->edition = old->edition;
		swap = *old;
		*old = *p;
		*p = swap;
		r->set.items[i] = old;
		for (size_t k = 0; k < app->profiles.count; k++)
			if (app->profiles.items[k] == old)
				app->profiles.items[k] = p;
	}
	for (size_t k = 0; k < app->profiles.count; k++)
		if (!by_model(&r->set, app->profiles.items[k]->model))
			say(r, app->profiles.items[k], "gone");
}

void profiles_load(struct app *app)
{
	struct reading r = { .notes = NULL };

	read_all(app, &r);
	compare(app, &r);
	app->profiles = r.set;
}

bool profiles_reload(struct app *app, struct json_writer *notes)
{
	struct reading r = { .notes = notes };
	struct profile_set old;

	read_all(app, &r);
	compare(app, &r);
	old = app->profiles;
	app->profiles = r.set;
	sense_configure(app);	/* lets go of what is old */
	profile_set_fini(&old);
	return r.changed;
}

/* ---- meter profiles --------------------------------------------------------------------------- */

static const char *verified(const struct meter_profile *p, struct buf *unverified)
{
	bool all = true;

	for (size_t i = 0; i < p->reg_count; i++) {
		if (p->regs[i].verified)
			continue;
		buf_printf(unverified, "%s%s", all ? "" : " ", meter_var_info(p->regs[i].var)->name);
		all = false;
	}
	return !p->verified ? "no" : all ? "yes" : "partly";
}

static void put_profile(struct ctl_call *c, const struct meter_profile *p)
{
	struct buf aliases, models, unverified;
	struct ctl_meter_profile rec;

	ctl_record_clear(&ctl_nouns[CTL_NOUN_meter_profile], &rec);
	buf_init(&aliases);
	buf_init(&models);
	buf_init(&unverified);
	for (int i = 0; i < p->alias_count; i++)
		buf_printf(&aliases, "%s%s", i ? ", " : "", p->alias[i]);
	for (int i = 0; i < p->model_count; i++)
		buf_printf(&models, "%s%d", i ? " " : "", p->models[i]);
	rec.model = p->model;
	rec.aliases = aliases.len ? buf_cstr(&aliases) : NULL;
	rec.manufacturer = p->manufacturer[0] ? p->manufacturer : NULL;
	rec.verified = verified(p, &unverified);
	rec.serial = p->serial[0] ? p->serial : NULL;
	rec.slave = p->slave ? p->slave : NUM_NONE;
	rec.ct = p->ct_in_meter ? "meter" : "any";
	rec.variables = 0;
	for (int v = 0; v < METER_VAR_COUNT; v++)
		rec.variables += profile_reg(p, (enum meter_var)v) != NULL;
	rec.steers = profile_reg(p, METER_current_l1) != NULL && !p->power_suffices;
	rec.discovery = models.len ? buf_cstr(&models) : NULL;
	rec.unverified = unverified.len ? buf_cstr(&unverified) : NULL;
	rec.note = p->note[0] ? p->note : NULL;
	rec.file = p->file;
	rec.replaces = p->replaces[0] ? p->replaces : NULL;
	ctl_answer_item(c, &rec);
	buf_fini(&aliases);
	buf_fini(&models);
	buf_fini(&unverified);
}

int ctl_meter_profiles(struct ctl_call *c, const struct ctl_meter_profiles_args *a)
{
	const struct profile_set *set = c->hall->profiles;
	const struct meter_profile *only = a->model ? profile_set_find(set, a->model) : NULL;

	if (a->model && !only) {
		const char *near = profile_set_nearest(set, a->model);

		return diag_set(&c->diag, -LMS_ENOTFOUND, "model: no profile '%.60s'%s%s%s (lmsctl meter profiles)",
				a->model, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	ctl_answer_list(c);
	for (size_t i = 0; i < set->count; i++)
		if (!only || set->items[i] == only)
			put_profile(c, set->items[i]);
	return ctl_answer_list_end(c, NULL);
}
