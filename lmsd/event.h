/* event.h - what a shell room tells the pure rooms: the only way in. Payloads are borrowed for the turn. */
#pragma once

#include "base/types.h"

enum event_kind {
	EV_STATION_OPENED,	/* a WebSocket was accepted for an identity */
	EV_STATION_FRAME,
	EV_STATION_CLOSED,
	EV_METER_SAMPLE,	/* a bus read, or failed to read, a meter */
	EV_COMMAND,		/* one line from a control peer, role known */
	EV_COMMITTED,		/* the store made everything up to a batch durable */
	EV_STORE_FAILED,
	EV_TIME			/* some room's next_due has come */
};

struct bus_sample;	/* modbus/bus.h */

struct event {
	enum event_kind kind;
	mono_t now;
	wall_t wall;
	union {
		struct {
			uint64_t link;		/* names this connection in effects; never reused */
			const char *identity, *address;
			bool tls;
		} opened;
		struct {
			uint64_t link;
			const char *text;
			size_t len;
		} frame;
		struct {
			uint64_t link;
			const char *why;
		} closed;
		struct {
			const struct bus_sample *sample;
		} meter;
		struct {
			uint64_t peer;		/* control connection */
			unsigned roles;		/* set of enum ctl_role */
			unsigned uid;
			const char *line;
			size_t len;
		} command;
		struct {
			uint64_t seq;
			const char *why;	/* EV_STORE_FAILED */
		} store;
	} u;
};
