/* lmsd/doc.c - the tables of the manual pages that lmsd knows: the keys of the boot file, the reasons
 * of limits, the alerts, the variables of meters, what a check of one may find. Prose lives in man/, `make` puts the two together.
 */
#include "doc.h"

#include <stdio.h>
#include <string.h>

#include "balance/balance.h"
#include "base/buf.h"
#include "bms/map.h"
#include "base/err.h"
#include "conf/boot.h"
#include "meter/findings.h"
#include "meter/variable.h"
#include "modbus/profile_file.h"

/* What stands for the letters of reason.def. */
static const char *placeholder(char letter)
{
	switch (letter) {
	case 'z':
		return "ZONE";
	case 'p':
		return "PHASE";
	case 'c':
		return "CAP";
	case 'k':
		return "COUNT";
	case 'o':
		return "CONNECTOR";
	case 'd':
		return "DRAW";
	case 'n':
		return "PLACE";
	case 't':
		return "TIME";
	default:
		return "CURRENT";
	}
}

static void put_sentence(const char *sentence, struct buf *out)
{
	for (const char *p = sentence; *p; p++) {
		if (*p == '%' && p[1])
			buf_puts(out, placeholder(*++p));
		else if (*p == '\'')
			buf_puts(out, "\\(aq");
		else
			buf_putc(out, *p);
	}
	buf_putc(out, '\n');
}

static void put_reason(const char *name, const char *sentence, struct buf *out)
{
	buf_printf(out, ".It Cm %s\n", name);
	put_sentence(sentence, out);
}

static void put_reasons(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds -compact\n");
#define REASON(code, name, sentence) put_reason(name, sentence, out);
#include "balance/reason.def"
#undef REASON
	buf_puts(out, ".El\n");
}

static void put_alerts(struct buf *out)
{
	static const char *const subjects[] = { "lmsd", "zone", "connector" };
	const struct bal_alert_info *a;

	buf_puts(out, ".Bl -tag -width Ds -compact\n");
	for (int code = 0; (a = balance_alert_info(code)) != NULL; code++) {
		buf_printf(out, ".It Cm %s , %s\n%s, %s: ", a->begins, a->ends, subjects[a->scope],
			   a->level == LOG_LEVEL_ERROR ? "error" : "warning");
		put_sentence(a->text, out);
	}
	buf_puts(out, ".El\n");
}

static void put_variables(struct buf *out)
{
	char units[60];

	buf_puts(out, ".Bl -tag -width energy_import_total -compact\n");
	for (int i = 0; i < METER_VAR_COUNT; i++) {
		const struct meter_var_info *var = meter_var_info((enum meter_var)i);

		buf_printf(out, ".It Cm %s\n%s; %s%s\n", var->name, var->text,
			   meter_unit_list(var->dim, units, sizeof(units)),
			   var->group == METER_FAST ? "; fast" : "");
	}
	buf_puts(out, ".El\n");
}

static void put_bms_values(enum bms_kind kind, struct buf *out)
{
	for (size_t i = 0; i < bms_reg_count; i++) {
		const struct bms_reg *r = &bms_regs[i];

		if (r->kind != kind)
			continue;
		buf_printf(out, ".It %u Cm %s\n", r->offset, r->name);
		buf_printf(out, ".Cm %s%s%s%s :\n%s\n", bms_type_name(r->type), bms_reg_writable(r) ? " read/write" : "",
			   *r->unit ? " , " : "", r->unit, r->help);
	}
}

/* Where the objects of each kind begin, and what is there. */
static void put_bms(struct buf *out)
{
	for (int kind = 0; kind < BMS_KINDS; kind++) {
		const struct bms_block *b = &bms_blocks[kind];

		buf_printf(out, ".Ss %s\n", b->what);
		if (b->count == 1)
			buf_printf(out, "From address %u on.\n", b->base);
		else
			buf_printf(out, "Number N begins at %u + (N \\- 1) * %u; there are numbers 1 to %u.\n", b->base,
				   b->stride, b->count);
		buf_puts(out, ".Pp\n.Bl -tag -width \"16 energy_month_wh\" -compact\n");
		put_bms_values((enum bms_kind)kind, out);
		buf_puts(out, ".El\n");
	}
}

static void put_finding(enum finding_code code, const char *text, struct buf *out)
{
	buf_printf(out, ".It Cm %s\n%s: ", finding_name(code), finding_severity_name(finding_severity(code)));
	put_sentence(text, out);
}

static void put_findings(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width current_missing -compact\n");
#define FINDING(code, severity, text) put_finding(FINDING_##code, text, out);
#include "meter/findings.def"
	buf_puts(out, ".El\n");
}

int doc_print(const char *part)
{
	struct buf out;

	buf_init(&out);
	if (strcmp(part, "keys") == 0)
		boot_doc(&out);
	else if (strcmp(part, "reasons") == 0)
		put_reasons(&out);
	else if (strcmp(part, "bms") == 0)
		put_bms(&out);
	else if (strcmp(part, "alerts") == 0)
		put_alerts(&out);
	else if (strcmp(part, "findings") == 0)
		put_findings(&out);
	else if (strcmp(part, "variables") == 0)
		put_variables(&out);
	else if (strcmp(part, "profile-keys") == 0)
		profile_doc_device(&out);
	else if (strcmp(part, "variable-keys") == 0)
		profile_doc_variable(&out);
	else
		return -LMS_EUSAGE;
	fputs(buf_cstr(&out), stdout);
	buf_fini(&out);
	return 0;
}
