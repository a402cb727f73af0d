/* tests/bench/load_station.c - what a station says: its coming, a transaction, and the calls of a phase. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/load.h"

static void stamp(char out[32])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void call(struct load *l, struct station *s, const char *action, const char *payload)
{
	char text[2048];
	int n = snprintf(text, sizeof(text), "[2,\"%u\",\"%s\",%s]", ++s->next_id, action, payload);

	s->calling = true;
	s->called_us = load_now_us();
	station_send(l, s, text, (size_t)n);
}

static void status(struct load *l, struct station *s, const char *what)
{
	char payload[200];

	snprintf(payload, sizeof(payload), "{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"%s\"}", what);
	call(l, s, "StatusNotification", payload);
}

void station_step(struct load *l, struct station *s)
{
	char payload[300], now[32];

	if (s->script >= s->until) {
		l->scripted += !s->ready;
		s->ready = true;
		s->due_us = load_now_us();
		station_call(l, s);
		return;
	}
	stamp(now);
	switch (s->script++) {
	case SCRIPT_BOOT:
		call(l, s, "BootNotification",
		     "{\"chargePointVendor\":\"Bench\",\"chargePointModel\":\"Load\",\"firmwareVersion\":\"1\"}");
		break;
	case SCRIPT_PREPARE:
		status(l, s, "Preparing");
		break;
	case SCRIPT_AUTHORIZE:
		snprintf(payload, sizeof(payload), "{\"idTag\":\"%s%05d\"}", l->prefix, s->index);
		call(l, s, "Authorize", payload);
		break;
	case SCRIPT_START:
		snprintf(payload, sizeof(payload),
			 "{\"connectorId\":1,\"idTag\":\"%s%05d\",\"meterStart\":0,\"timestamp\":\"%s\"}", l->prefix,
			 s->index, now);
		call(l, s, "StartTransaction", payload);
		break;
	case SCRIPT_CHARGE:
		status(l, s, "Charging");
		break;
	case SCRIPT_DONE:
		break;
	}
}

void station_opened(struct load *l, struct station *s)
{
	s->script = SCRIPT_BOOT;
	station_step(l, s);
}

/* About 1 kB, as a three-phase station sends it. */
static void meter_values(struct load *l, struct station *s)
{
	static const char *const phases[] = { "L1", "L2", "L3" };
	char payload[1600], now[32];
	size_t n;

	stamp(now);
	n = (size_t)snprintf(payload, sizeof(payload), "{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":"
			     "\"%s\",\"sampledValue\":[", s->transaction, now);
	for (int i = 0; i < 3; i++)
		n += (size_t)snprintf(payload + n, sizeof(payload) - n,
				      "{\"value\":\"%d.%d\",\"context\":\"Sample.Periodic\",\"measurand\":\"Current.Import\","
				      "\"phase\":\"%s\",\"location\":\"Outlet\",\"unit\":\"A\"},", 5, i, phases[i]);
	for (int i = 0; i < 3; i++)
		n += (size_t)snprintf(payload + n, sizeof(payload) - n,
				      "{\"value\":\"230.%d\",\"context\":\"Sample.Periodic\",\"measurand\":\"Voltage\","
				      "\"phase\":\"%s-N\",\"location\":\"Outlet\",\"unit\":\"V\"},", i, phases[i]);
	snprintf(payload + n, sizeof(payload) - n,
		 "{\"value\":\"3500\",\"context\":\"Sample.Periodic\",\"measurand\":\"Power.Active.Import\",\"location\":"
		 "\"Outlet\",\"unit\":\"W\"},{\"value\":\"%lld\",\"context\":\"Sample.Periodic\",\"measurand\":"
		 "\"Energy.Active.Import.Register\",\"location\":\"Outlet\",\"unit\":\"Wh\"}]}]}", (long long)++s->energy_wh);
	call(l, s, "MeterValues", payload);
}

void station_call(struct load *l, struct station *s)
{
	int64_t now = l->deadline_us ? load_now_us() : 0;

	if (!l->deadline_us || s->calling || !s->ready || s->index >= l->active ||
	    now >= l->deadline_us || (l->pace_us && now < s->due_us))
		return;
	s->due_us += l->pace_us;
	if (l->kind == 'm')
		meter_values(l, s);
	else
		call(l, s, "Heartbeat", "{}");
}

/* ---- what the server asks ---- */

static void answer(struct load *l, struct station *s, const char *text, size_t len)
{
	const char *id = memchr(text, '"', len), *end = id ? memchr(id + 1, '"', len - (size_t)(id + 1 - text)) : NULL;
	const char *action = end ? memchr(end + 1, '"', len - (size_t)(end + 1 - text)) : NULL;
	char out[400];
	int n;

	if (!action)
		return;
	n = (int)(end + 1 - id);
	if (strncmp(action, "\"TriggerMessage\"", 16) == 0)
		n = snprintf(out, sizeof(out), "[4,%.*s,\"NotImplemented\",\"\",{}]", n, id);
	else if (strncmp(action, "\"GetConfiguration\"", 18) == 0)
		n = snprintf(out, sizeof(out), "[3,%.*s,{\"configurationKey\":[{\"key\":\"NumberOfConnectors\","
			     "\"readonly\":true,\"value\":\"1\"}]}]", n, id);
	else
		n = snprintf(out, sizeof(out), "[3,%.*s,{\"status\":\"Accepted\"}]", n, id);
	station_send(l, s, out, (size_t)n);
}

static void note_latency(struct load *l, int64_t us)
{
	if (l->calls == l->latency_cap) {
		l->latency_cap = l->latency_cap ? l->latency_cap * 2 : 65536;
		l->latency_us = realloc(l->latency_us, l->latency_cap * sizeof(*l->latency_us));
		if (!l->latency_us)
			abort();
	}
	l->latency_us[l->calls++] = (uint32_t)us;
}

void station_text(struct load *l, struct station *s, const char *text, size_t len)
{
	const char *tx;

	if (len < 3)
		return;
	if (text[1] == '2') {
		answer(l, s, text, len);
		return;
	}
	l->errors += text[1] == '4';
	s->calling = false;
	tx = memmem(text, len, "\"transactionId\":", 16);
	if (tx)
		s->transaction = atoi(tx + 16);
	if (!s->ready) {
		station_step(l, s);
		return;
	}
	if (l->deadline_us)
		note_latency(l, load_now_us() - s->called_us);
	station_call(l, s);
}
