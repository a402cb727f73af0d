/* ocpp/setup/baseline.c - see baseline.h. */
#include "ocpp/setup/baseline.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "ocpp/limit/way.h"
#include "ocpp/setup/abilities.h"

/* Some stations take fewer measurands. */
static const char *const sampled_less[] = {
	"Energy.Active.Import.Register,Current.Import",
	"Energy.Active.Import.Register",
	NULL
};

/* Who may charge is decided here: what a station remembers of tags outlives their being blocked. */
static const struct baseline_row common[] = {
	{ .key = "MeterValuesSampledData", .wanted = "Energy.Active.Import.Register,Power.Active.Import,Current.Import",
	  .less = sampled_less, .list = true, .needed = true },
	{ .key = "MeterValueSampleInterval", .wanted = "10", .needed = true },
	{ .key = "AuthorizationCacheEnabled", .wanted = "false" },
	{ .key = "LocalPreAuthorize", .wanted = "false" },
	{ .key = "AllowOfflineTxForUnknownId", .wanted = "false" },
	{ .key = "StopTransactionOnInvalidId", .wanted = "true" },
};

/* What is off unless somebody wants it. */
static void apply_wishes(const struct station_conf *sc, struct baseline_row *rows, size_t count)
{
	for (size_t i = 0; sc && i < count; i++) {
		if ((sc->auth_cache && strcmp(rows[i].key, "AuthorizationCacheEnabled") == 0) ||
		    (sc->local_first && strcmp(rows[i].key, "LocalPreAuthorize") == 0))
			rows[i].wanted = "true";
	}
}

size_t baseline_rows(const struct ocpp_habits *h, const struct station_conf *sc, struct baseline_row rows[BASELINE_MAX])
{
	size_t count = ARRAY_LEN(common);

	memcpy(rows, common, sizeof(common));
	apply_wishes(sc, rows, count);
	for (size_t i = 0; i < h->config_count && count < BASELINE_MAX; i++) {
		size_t at = 0;

		if (way_uses_key(sc, h->config[i].key))
			continue;
		while (at < count && strcasecmp(rows[at].key, h->config[i].key) != 0)
			at++;
		/* What the vendor's file says of one of ours goes before it. */
		if (at == count)
			rows[count++] = (struct baseline_row){ .key = h->config[i].key };
		rows[at].wanted = h->config[i].value;
		rows[at].less = NULL;
		rows[at].list = false;
	}
	/* Behind those of the vendor, which keep their numbers: what a list is for. */
	if (sc && sc->local_list && count < BASELINE_MAX)
		rows[count++] = (struct baseline_row){ .key = "LocalAuthorizeOffline", .wanted = "true" };
	return count;
}

static bool lists_all(const char *list, const char *words)
{
	for (const char *p = words; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");

		if (!lists_word(list, p, n))
			return false;
		p += n;
	}
	return true;
}

bool baseline_is(const struct baseline_row *row, const char *wanted, const char *is)
{
	struct diag d;
	int64_t a, b;

	diag_init(&d);
	if (row->list)
		return lists_all(is, wanted);
	if (parse_int(wanted, INT32_MIN, INT32_MAX, &a, &d) == 0 && parse_int(is, INT32_MIN, INT32_MAX, &b, &d) == 0)
		return a == b;
	return strcasecmp(wanted, is) == 0;
}
