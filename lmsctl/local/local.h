/* local/local.h - commands of lmsctl that are no request of the control protocol; and all commands there are. */
#pragma once

#include "lmsctl/lmsctl.h"

/* Every command in the order of help and manual: those of the protocol's tables and those of local.def. NULL
 * after the last one. */
const struct ctl_verb_desc *command_at(size_t i);
const struct ctl_verb_desc *command_find(const char *noun, const char *verb);
bool local_is(const struct ctl_verb_desc *v);
/* Carries out l->verb, which is one of these, with its checked params. */
int local_run(struct lmsctl *l, const char *params);

/* What a series is asked for. */
struct series_args {
	const char *id, *period, *variables, *stat, *format, *dialect;
	int64_t step_ms;
};

/* history.c, export.c, graph.c */
int history_show(struct lmsctl *l, const char *method, const struct series_args *a);
int history_export(struct lmsctl *l, const char *method, const struct series_args *a);
/* tag_import.c, tag_export.c */
struct tag_import_args {
	const char *file, *mode, *on_error, *rejects, *encoding;
	bool template_only;
	int64_t dry_run;
};
int tags_import(struct lmsctl *l, const struct tag_import_args *a);
int tags_export(struct lmsctl *l);

/* learn.c */
int learn_tags(struct lmsctl *l, const char *station, int64_t count, bool from_stdin);
/* bill.c, stats.c: which transactions (ledger.h) */
struct ledger_args { const char *period, *station, *tag, *zone, *group, *type; };
int bill_export(struct lmsctl *l, const struct ledger_args *a, const char *format, const char *dialect);
int stats_show(struct lmsctl *l, const struct ledger_args *a, const char *by);
int graph_show(struct lmsctl *l, int64_t transaction);
