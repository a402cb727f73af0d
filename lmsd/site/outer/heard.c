/* site/outer/heard.c - from what a way brings to the state that it means. */
#include "site/outer/heard.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

bool hearing_follow(struct hearing *h, const struct state_way *way)
{
	const char *from = way ? way->text : "";

	if (strcmp(h->from, from) == 0)
		return false;
	*h = (struct hearing){ .at = WALL_NONE, .raw_at = WALL_NONE };
	snprintf(h->from, sizeof(h->from), "%s", from);
	return true;
}

static void take_error(struct hearing *h, const struct heard *heard, const char *subject, const char *id)
{
	const char *text = heard->text ? heard->text : "it does not answer";

	if (!h->err)
		log_event(LOG_LEVEL_WARNING, subject, id, "way_silent", "from=%s %s", log_text(h->from), log_text(text));
	h->err = heard->err;
	snprintf(h->error, sizeof(h->error), "%s", text);
}

static void take_value(struct hearing *h, const struct heard *heard, const char *state, const char *subject,
		       const char *id, wall_t wall)
{
	bool was = h->strange, silent = h->err != 0;

	if (heard->word)
		snprintf(h->raw, sizeof(h->raw), "%s", heard->word);
	else
		snprintf(h->raw, sizeof(h->raw), "%lld", (long long)heard->number);
	h->raw_at = wall;
	h->err = 0;
	h->strange = !state;
	h->error[0] = '\0';
	if (h->strange)
		snprintf(h->error, sizeof(h->error), "the value '%s' means nothing (add it to values)", h->raw);
	if (h->strange && !was)
		log_event(LOG_LEVEL_WARNING, subject, id, "way_strange", "from=%s value=%s means nothing",
			  log_text(h->from), log_text(h->raw));
	else if (!h->strange && (was || silent))
		log_event(LOG_LEVEL_NOTICE, subject, id, "way_ok", "from=%s", log_text(h->from));
}

const char *hearing_take(struct hearing *h, const struct state_way *way, const struct heard *heard,
			 const char *subject, const char *id, wall_t wall)
{
	const char *state = NULL;

	hearing_follow(h, way);
	h->at = wall;
	if (heard->err) {
		take_error(h, heard, subject, id);
		return NULL;
	}
	state = heard->word ? state_of_word(&way->values, heard->word) : state_of_number(&way->values, heard->number);
	take_value(h, heard, state, subject, id, wall);
	return state;
}
