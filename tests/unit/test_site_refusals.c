/* Everything that a configuration may not be: refused with place and remedy, and nothing changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_site.h"

static const char base[] =
	"{'document': {'site': {'title': 'Test', 'timezone': 'Europe/Paris'},"
	"'meters': [{'id': 'M1', 'profile': 'p', 'address': '1@127.0.0.1', 'scope': 'grid'},"
	"           {'id': 'SUN', 'profile': 'p', 'address': '2@127.0.0.1', 'scope': 'pv'},"
	"           {'id': 'SLOW', 'profile': 'p', 'address': '3@127.0.0.1', 'poll': '10s'}],"
	"'zones': [{'id': 'ROOT', 'fuse': 100, 'derate': '20%'},"
	"          {'id': 'P1', 'parent': 'ROOT', 'static': 60},"
	"          {'id': 'P2', 'parent': 'P1'},"
	"          {'id': 'DYN', 'parent': 'ROOT', 'static': 70, 'dynamic': 63, 'meter': 'M1',"
	"           'meter_lost': 16},"
	"          {'id': 'ONE', 'parent': 'ROOT', 'phases': 1, 'static': 32},"
	"          {'id': 'FREE'}, {'id': 'USER', 'source': 'USED', 'source_caps': 'a=10'}],"
	"'sources': [{'id': 'GEN', 'kind': 'generator', 'states': 'grid,island'},"
	"            {'id': 'USED', 'kind': 'tariff', 'states': 'a, b'}],"
	"'stations': [{'id': 'S1', 'zone': 'P1', 'connectors': 2, 'wiring': 'RST'},"
	"             {'id': 'S2', 'zone': 'DYN', 'wiring': 'L2'},"
	"             {'id': 'S3', 'zone': 'P2'}],"
	"'tags': [{'uid': '04AA'}]}}";

struct refusal {
	const char *name;
	const char *method, *params;
	int err;
	const char *place, *remedy; /* both in the text */
};

static const struct refusal refusals[] = {
	{ "a surplus that nothing sees", "zone.set", "{'id': 'P1', 'pv': 'surplus'}", LMS_EDATA,
	  "zone P1: pv: surplus needs a meter that sees the sun: none with scope=grid", "pv_meter=" },
	{ "a sun meter that measures the grid", "zone.set", "{'id': 'P1', 'pv': 'surplus', 'pv_meter': 'M1'}",
	  LMS_EDATA, "zone P1: pv_meter: 'M1' measures scope=grid", "lmsctl meter set M1 scope=pv" },
	{ "a sun meter that does not exist", "zone.set", "{'id': 'P1', 'pv': 'surplus', 'pv_meter': 'SUM'}",
	  LMS_EDATA, "zone P1: pv_meter: 'SUM' does not exist", "did you mean 'SUN'" },
	{ "pv keys without a strategy", "zone.set", "{'id': 'DYN', 'pv_min': '4kW'}", LMS_EDATA,
	  "zone DYN: pv_min: means nothing without a strategy", "pv=off keeps it for later" },
	{ "boost on a feeder", "zone.set", "{'id': 'P1', 'pv': 'boost', 'pv_meter': 'SUN'}", LMS_EDATA,
	  "zone P1: pv: boost raises a subscription and never a feeder, but its kind is board", "kind=supply" },
	{ "boost without production", "zone.set", "{'id': 'P1', 'kind': 'supply', 'pv': 'boost'}", LMS_EDATA,
	  "zone P1: pv: boost needs to know what is produced", "pv_meter=" },
	{ "boost of a fuse alone", "zone.set",
	  "{'id': 'ROOT', 'kind': 'supply', 'pv': 'boost', 'pv_meter': 'SUN'}", LMS_EDATA,
	  "zone ROOT: pv: boost finds no limit to raise", "static=" },
	{ "boost of a dynamic limit that holds the sun already", "zone.set",
	  "{'id': 'DYN', 'static': null, 'kind': 'supply', 'pv': 'boost', 'pv_meter': 'SUN'}", LMS_EDATA,
	  "zone DYN: pv: boost finds no limit to raise", "scope=load" },
	{ "boost that exempts", "zone.set",
	  "{'id': 'P1', 'kind': 'supply', 'pv': 'boost', 'pv_meter': 'SUN', 'pv_exempt': 'holder:Boss'}",
	  LMS_EDATA, "zone P1: pv_exempt: means nothing with pv=boost", "unset it" },
	{ "a probe that nothing would show", "zone.set",
	  "{'id': 'P1', 'pv': 'surplus', 'pv_meter': 'SUN', 'pv_probe': true}", LMS_EDATA,
	  "zone P1: pv_probe: needs a meter with scope=grid", "follows" },
	{ "two zones that share one surplus", "config.apply",
	  "{'document': {'zones': [{'id': 'P1', 'parent': 'ROOT', 'static': 60, 'pv': 'surplus', 'pv_meter': 'SUN'},"
	  "{'id': 'ONE', 'parent': 'ROOT', 'phases': 1, 'static': 32, 'pv': 'min+surplus', 'pv_meter': 'SUN'}]}}",
	  LMS_EDATA, "zone P1: pv: zone ONE shares the surplus that meter 'SUN' sees already", "one zone above both" },
	{ "a source that is too slow", "config.apply",
	  "{'document': {'meters': [{'id': 'SUN', 'profile': 'p', 'address': '2@127.0.0.1', 'scope': 'pv', 'poll': '30s'}],"
	  "'zones': [{'id': 'P1', 'parent': 'ROOT', 'static': 60, 'pv': 'surplus', 'pv_meter': 'SUN'}]}}",
	  LMS_EDATA, "zone P1: pv: meter 'SUN' is read every 30000 ms", "poll=20s or less" },
	{ "an exemption that is none", "zone.set", "{'id': 'DYN', 'pv': 'surplus', 'pv_exempt': 'user:Bo'}",
	  LMS_EDATA, "zone DYN: pv_exempt: 'user:Bo' is no exemption", "write station:ID, tag:UID or holder:NAME" },
	{ "an exempt station that does not exist", "zone.set",
	  "{'id': 'DYN', 'pv': 'surplus', 'pv_exempt': 'station:S9'}", LMS_EDATA,
	  "zone DYN: pv_exempt: station 'S9' does not exist", "lmsctl station list" },
	{ "an exempt tag that does not exist", "zone.set",
	  "{'id': 'DYN', 'pv': 'surplus', 'pv_exempt': 'tag:04:BB, station:S1'}", LMS_EDATA,
	  "zone DYN: pv_exempt: tag '04BB' does not exist", "lmsctl tag list" },
	{ "no time to start", "zone.set", "{'id': 'DYN', 'pv': 'surplus', 'pv_start': '1s'}", LMS_ERANGE,
	  "zone DYN: pv_start: 1 s is out of range", "10 seconds to 24 hours" },
	{ "a parent that does not exist", "zone.create", "{'id': 'X', 'parent': 'P9'}", LMS_EDATA,
	  "zone X: parent: zone 'P9' does not exist", "did you mean 'P1'" },
	{ "a zone below itself", "zone.set", "{'id': 'P1', 'parent': 'P1'}", LMS_EDATA, "P1 > P1",
	  "another parent" },
	{ "a loop of two", "zone.set", "{'id': 'P1', 'parent': 'P2'}", LMS_EDATA, "P1 > P2 > P1",
	  "another parent" },
	{ "idle currents above a cap", "station.set", "{'id': 'S1', 'idle': 32}", LMS_EDATA,
	  "zone P1: L1: idle currents and reservations below it add up to 64", "lower idle" },
	{ "idle currents above an ancestor's cap", "config.apply",
	  "{'document': {'zones': [{'id': 'P1', 'parent': 'ROOT', 'static': 90}],"
	  "'stations': [{'id': 'S1', 'zone': 'P1', 'connectors': 3, 'idle': 30, 'wiring': 'L3'}]}}",
	  LMS_EDATA, "zone ROOT: L3:", "raise the limit" },
	{ "idle currents above the fallback", "station.set", "{'id': 'S2', 'idle': 20}", LMS_EDATA,
	  "zone DYN: L2: idle currents and reservations below it add up to 20",
	  "above its meter_lost of 16" },
	{ "idle power above a power limit", "config.apply",
	  "{'document': {'zones': [{'id': 'P2', 'parent': 'P1', 'power': '4kW'}],"
	  "'stations': [{'id': 'S3', 'zone': 'P2', 'idle': 6}]}}",
	  LMS_EDATA, "zone P2: idle currents and reservations below it may take 4554 W", "lower idle" },
	{ "reservations above a cap", "station.set", "{'id': 'S1', 'manageable': false}", LMS_EDATA,
	  "zone P1: L1: stations that cannot be managed reserve 64", "lower their max" },
	{ "an unmanageable station of unknown wiring", "station.set",
	  "{'id': 'S3', 'manageable': false, 'max': 61}", LMS_EDATA, "zone P1: L1:", "raise the limit" },
	{ "a cap lowered below the idle currents", "config.apply",
	  "{'document': {'zones': [{'id': 'P1', 'parent': 'ROOT', 'static': 15}],"
	  "'stations': [{'id': 'S1', 'zone': 'P1', 'idle': 8, 'connectors': 2}]}}",
	  LMS_EDATA, "zone P1: L1: idle currents and reservations below it add up to 16", "lower idle" },
	{ "a dynamic zone without meter_lost", "zone.set", "{'id': 'DYN', 'meter_lost': null}",
	  LMS_EDATA, "zone DYN: dynamic: needs meter_lost", "add meter_lost" },
	{ "a dynamic zone without a meter", "zone.set", "{'id': 'DYN', 'meter': null}", LMS_EDATA,
	  "zone DYN: dynamic: needs a meter", "add meter=" },
	{ "a meter that does not exist", "zone.set", "{'id': 'DYN', 'meter': 'M9'}", LMS_EDATA,
	  "zone DYN: meter: 'M9' does not exist", "did you mean 'M1'" },
	{ "steering by the sun", "zone.set", "{'id': 'DYN', 'meter': 'SUN'}", LMS_EDATA,
	  "zone DYN: meter: 'SUN' measures scope=pv", "use scope=grid" },
	{ "steering by a slow meter", "zone.set", "{'id': 'DYN', 'meter': 'SLOW'}", LMS_EDATA,
	  "zone DYN: meter: 'SLOW' is read every 10000 ms", "poll=2s" },
	{ "meter_lost above the static limit", "zone.set",
	  "{'id': 'DYN', 'static': 12}", LMS_EDATA, "zone DYN: meter_lost: 16 A on L1 is above its fuse or static limit of 12 A", "lower it" },
	{ "meter_lost above the dynamic limit", "zone.set", "{'id': 'DYN', 'dynamic': 15}",
	  LMS_EDATA, "zone DYN: meter_lost: 16 A on L1 is above its dynamic limit of 15 A", "lower it" },
	{ "a reduced mode above the fuse", "zone.set", "{'id': 'ROOT', 'grid': true, 'grid_reduced': '80,80,80.1'}",
	  LMS_EDATA, "zone ROOT: grid_reduced: 80.1 A on L3 is above normal, fuse of zone ROOT is 80 A",
	  "lower it" },
	{ "a reduced mode above the static limit", "zone.set", "{'id': 'P1', 'grid': true, 'grid_reduced': 61}",
	  LMS_EDATA, "zone P1: grid_reduced: 61 A on L1 is above normal, static of zone P1", "lower it" },
	{ "a reduced mode above the dynamic limit", "zone.set",
	  "{'id': 'DYN', 'dynamic': 40, 'grid': true, 'grid_reduced': 41}", LMS_EDATA,
	  "grid_reduced: 41 A on L1 is above normal, dynamic of zone DYN is 40 A", "lower it" },
	{ "a reduced mode above what feeds the zone", "zone.set", "{'id': 'P2', 'grid': true, 'grid_reduced': 61}",
	  LMS_EDATA, "zone P2: grid_reduced: 61 A on L1 is above normal, static of zone P1 is 60 A", "lower it" },
	{ "a reduced mode of more than all", "zone.set", "{'id': 'P1', 'grid': true, 'grid_reduced_factor': '101%'}",
	  LMS_ERANGE, "grid_reduced_factor: '101%' is out of range", "at most 100%" },
	{ "a part of no limit", "zone.set", "{'id': 'P2', 'grid': true, 'grid_reduced_factor': '50%'}", LMS_EDATA,
	  "zone P2: grid_reduced_factor: is a part of a limit that the zone does not have", "write fuse" },
	{ "no cars as a number of cars", "zone.set", "{'id': 'P1', 'grid': true, 'grid_reduced_sessions': 0}",
	  LMS_ERANGE, "zone P1: grid_reduced_sessions: 0", "the signal is stop" },
	{ "two currents for one signal", "zone.set",
	  "{'id': 'P1', 'grid': true, 'grid_reduced': 10, 'grid_reduced_factor': '50%'}", LMS_EDATA,
	  "zone P1: grid_reduced and grid_reduced_factor: are two limits", "clear one" },
	{ "a reduced mode that nothing asks for", "zone.set", "{'id': 'P1', 'grid_reduced_sessions': 2}", LMS_EDATA,
	  "zone P1: grid_reduced_sessions: says what the grid signal means, but the zone does not follow it",
	  "write grid=yes" },
	{ "a meaning of loss that nothing asks for", "zone.set", "{'id': 'P1', 'grid': false, 'grid_lost': 'stop'}",
	  LMS_EDATA, "zone P1: grid_lost: says what the grid signal means", "write grid=yes" },
	{ "a loss that is reduced to nothing", "zone.set", "{'id': 'P1', 'grid': true, 'grid_lost': 'reduced'}",
	  LMS_EDATA, "zone P1: grid_lost: is reduced, but nothing says what reduced means", "grid_lost=stop" },
	{ "a reduced mode that forgets a phase", "zone.set", "{'id': 'P1', 'grid': true, 'grid_reduced': '10,10,-'}",
	  LMS_EDATA, "zone P1: grid_reduced: L3 is missing", "L1,L2,L3" },
	{ "a station that does not stop", "config.apply",
	  "{'document': {'zones': [{'id': 'P2', 'parent': 'P1', 'grid': true}],"
	  "'stations': [{'id': 'S3', 'zone': 'P2', 'idle': 6}]}}", LMS_EDATA,
	  "zone P2: grid: stop is 0 A, but idle currents and reservations of stations below it add up to 6 A",
	  "write idle=0" },
	{ "a tariff that is none", "zone.set", "{'id': 'P1', 'tariff': 'mon 17-20 16'}", LMS_EDATA,
	  "zone P1: tariff: at '17-20 16' (character 5): is no time", "write 17:00" },
	{ "a tariff above the static limit", "zone.set", "{'id': 'P1', 'tariff': 'daily 1:00-2:00 50; mon 3:00-4:00 61'}",
	  LMS_EDATA, "zone P1: tariff: 61 A on L1 is above normal, static of zone P1 is 60 A", "lower it" },
	{ "a tariff of three phases where there is one", "zone.set", "{'id': 'ONE', 'tariff': 'mon 1:00-2:00 9,8,9'}",
	  LMS_EDATA, "zone ONE: tariff: names L2, but the zone has one phase", "write one current" },
	{ "a window below the idle currents", "config.apply",
	  "{'document': {'zones': [{'id': 'P2', 'parent': 'P1', 'tariff': 'mon 1:00-2:00 5'}],"
	  "'stations': [{'id': 'S3', 'zone': 'P2', 'idle': 6}]}}", LMS_EDATA,
	  "zone P2: L1: idle currents and reservations below it add up to 6 A, above its tariff of 5 A", "lower idle" },
	{ "a source that does not exist", "zone.set", "{'id': 'P1', 'source': 'GEN1', 'source_caps': 'island=16'}",
	  LMS_EDATA, "zone P1: source: 'GEN1' does not exist", "did you mean 'GEN'" },
	{ "a source that selects nothing", "zone.set", "{'id': 'P1', 'source': 'GEN'}", LMS_EDATA,
	  "zone P1: source: selects nothing without source_caps", "write source_caps" },
	{ "limits of no source", "zone.set", "{'id': 'P1', 'source_caps': 'island=16'}", LMS_EDATA,
	  "zone P1: source_caps: needs a source", "add source=" },
	{ "a limit of no state", "zone.set", "{'id': 'P1', 'source': 'GEN', 'source_caps': 'iland=16'}", LMS_EDATA,
	  "zone P1: source_caps: 'iland' is not a state of source GEN", "it has grid,island, and lost" },
	{ "a state of two limits", "zone.set", "{'id': 'P1', 'source': 'GEN', 'source_caps': 'grid=1; grid=2'}",
	  LMS_EDATA, "zone P1: source_caps: names grid twice", "grid" },
	{ "limits that are none", "zone.set", "{'id': 'P1', 'source': 'GEN', 'source_caps': 'island 16'}", LMS_EDATA,
	  "zone P1: source_caps: at 'island 16': is not a state and its current", "write island=16" },
	{ "a limit of a state above the static one", "zone.set",
	  "{'id': 'P1', 'source': 'GEN', 'source_caps': 'island=16; lost=60,60,61'}", LMS_EDATA,
	  "zone P1: source_caps: 61 A on L3 is above normal, static of zone P1 is 60 A", "lower it" },
	{ "a source without states", "source.add", "{'id': 'X', 'kind': 'storage'}", LMS_EDATA, "states", "states" },
	{ "a source with odd states", "source.set", "{'id': 'GEN', 'states': 'grid,Island'}", LMS_EDATA,
	  "source GEN: states: at 'Island': is not a state", "small letters" },
	{ "a source that is lost by design", "source.set", "{'id': 'GEN', 'states': 'grid,lost'}", LMS_EDATA,
	  "source GEN: states: lost is a state of every source", "leave it out" },
	{ "a source that is in use", "source.delete", "{'id': 'USED'}", LMS_ECONFLICT,
	  "source USED: is used by zone USER", "move or delete" },
	{ "states that a zone needs", "source.set", "{'id': 'USED', 'states': 'b'}", LMS_EDATA,
	  "zone USER: source_caps: 'a' is not a state of source USED", "it has b, and lost" },
	{ "a state of nothing", "source.set", "{'id': 'GEN9', 'state': 'grid'}", LMS_ENOTFOUND,
	  "source 'GEN9' does not exist", "lmsctl source list" },
	{ "a state that it cannot have", "source.set", "{'id': 'GEN', 'state': 'sun'}", LMS_EDATA,
	  "state: 'sun' is not a state of source GEN", "it has grid,island, and lost" },
	{ "a state beside keys", "source.set", "{'id': 'GEN', 'state': 'grid', 'title': 'x'}", LMS_EUSAGE,
	  "state: is told alone", "a command of their own" },
	{ "a time without a state", "source.set", "{'id': 'GEN', 'for': '2h'}", LMS_EUSAGE, "for: needs a state",
	  "state=" },
	{ "a watchdog that bites before it barks", "site.set", "{'grid_watchdog': '999ms'}", LMS_ERANGE,
	  "site: grid_watchdog: is out of range", "1 second" },
	{ "a margin that eats the limit", "zone.set", "{'id': 'DYN', 'margin': 63}", LMS_EDATA,
	  "zone DYN: margin: leaves nothing", "lower it" },
	{ "a meter lost too late for the stations to settle", "zone.set", "{'id': 'DYN', 'meter_lost_after': '9s'}",
	  LMS_ERANGE, "zone DYN: meter_lost_after: 9 s is out of range", "2 to 8 seconds" },
	{ "a meter that is lost before it is stale", "zone.set",
	  "{'id': 'DYN', 'meter_lost_after': '4s', 'meter_stale_after': '6s'}", LMS_EDATA,
	  "zone DYN: meter_stale_after: 6 s is above its meter_lost_after of 4 s", "raise meter_lost_after" },
	{ "the same, the one of the zone above", "config.apply",
	  "{'document': {'zones': [{'id': 'ROOT', 'meter_lost_after': '3s'},"
	  "{'id': 'P1', 'parent': 'ROOT', 'meter_stale_after': '5s'}]}}", LMS_EDATA,
	  "zone P1: meter_stale_after: 5 s is above its meter_lost_after of 3 s of zone ROOT", "lower" },
	{ "a meter that is stale between two readings", "config.apply",
	  "{'document': {'meters': [{'id': 'M1', 'profile': 'p', 'address': '1@127.0.0.1', 'poll': '2s'}],"
	  "'zones': [{'id': 'ROOT', 'meter_stale_after': '3s'}]}}", LMS_EDATA,
	  "zone DYN: meter_stale_after: 3 s is less than two readings of meter M1", "lower the meter's poll" },
	{ "no head-room at all", "zone.set", "{'id': 'DYN', 'start': '90%'}", LMS_ERANGE, "zone DYN: start:",
	  "100 % to 500 %" },
	{ "a raise without a pause", "zone.set", "{'id': 'DYN', 'raise': '1s'}", LMS_ERANGE, "zone DYN: raise:",
	  "5 seconds" },
	{ "a zone below two others", "zone.set", "{'id': 'P2', 'parent': ['P1', 'ROOT']}", LMS_EDATA,
	  "parent: takes one value, not a list of 2", "choose one" },
	{ "a household socket of 32 A", "connector.set", "{'id': 'S1/1', 'type': 'TE', 'max': '20'}", LMS_ERANGE,
	  "connector S1/1: max: 20 A is too much", "16 A at most" },
	{ "a station of sockets above 16 A", "station.set", "{'id': 'S1', 'type': 'TE', 'max': '32'}", LMS_ERANGE,
	  "station S1: max: 32 A is too much", "16 A at most" },
	{ "more than a pilot can tell", "station.set", "{'id': 'S1', 'max': '100'}", LMS_ERANGE,
	  "station S1: max: 100 A is too much", "80 A at most" },
	{ "a step that no station knows", "station.set", "{'id': 'S1', 'step_ma': 300}", LMS_ERANGE,
	  "station S1: step:", "0.1 A or 1 A" },
	{ "a limit of zero", "zone.set", "{'id': 'P1', 'static': 0}", LMS_ERANGE,
	  "zone P1: static: 0 A is out of range", "above 0 A" },
	{ "a fuse of zero", "zone.set", "{'id': 'ROOT', 'fuse_ma': 0}", LMS_ERANGE,
	  "zone ROOT: fuse:", "above 0 A" },
	{ "a negative limit, raw", "zone.set", "{'id': 'P1', 'static_ma': -6000}", LMS_ERANGE,
	  "zone P1: static:", "above 0 A" },
	{ "a negative limit, as people write it", "zone.set", "{'id': 'P1', 'static': '-6'}", LMS_ERANGE,
	  "static: '-6'", "write" },
	{ "not a number", "zone.set", "{'id': 'P1', 'static': 'NaN'}", LMS_EDATA, "static: 'NaN'",
	  "write" },
	{ "a limit above the largest breaker", "zone.set", "{'id': 'P1', 'static_ma': 6300001}",
	  LMS_ERANGE, "zone P1: static:", "at most 6300 A" },
	{ "a negative dynamic limit on one phase", "zone.set",
	  "{'id': 'DYN', 'dynamic_ma': [63000, -1, 63000]}", LMS_ERANGE, "zone DYN: dynamic:",
	  "above 0 A" },
	{ "a phase that is left out", "zone.set", "{'id': 'P1', 'static': '60,-,60'}", LMS_EDATA,
	  "zone P1: static: L2 is missing", "write one current" },
	{ "a phase that a single-phase zone does not have", "zone.set",
	  "{'id': 'ONE', 'static': '32,16,32'}", LMS_EDATA, "zone ONE: static: names L2",
	  "write one current" },
	{ "two phases", "zone.set", "{'id': 'P2', 'phases': 2}", LMS_ERANGE, "zone P2: phases:", "1 or 3" },
	{ "three phases below one", "zone.create", "{'id': 'X', 'parent': 'ONE', 'phases': 3}",
	  LMS_EDATA, "zone X: phases: has 3 phases below zone ONE", "write phases=1" },
	{ "three-phase wiring below one phase", "station.set",
	  "{'id': 'S1', 'zone': 'ONE'}", LMS_EDATA, "connector S1/1: wiring: RST uses three phases",
	  "write wiring=L1" },
	{ "a derating of no fuse", "zone.set", "{'id': 'P1', 'derate': '20%'}", LMS_EDATA,
	  "zone P1: derate: is taken off a fuse that the zone does not have", "write fuse" },
	{ "a derating of everything", "zone.set", "{'id': 'ROOT', 'derate': '100%'}", LMS_ERANGE,
	  "zone ROOT: derate:", "0 % to 90 %" },
	{ "an unknown key", "zone.set", "{'id': 'P1', 'fuze': 60}", LMS_EDATA, "fuze", "fuse" },
	{ "an unknown key in a document", "config.apply", "{'document': {'zones': [{'id': 'P1', 'fuze': 60}]}}",
	  LMS_EDATA, "zones[0].fuze", "fuse" },
	{ "a zone under two parents", "config.apply",
	  "{'document': {'zones': [{'id': 'P1', 'parent': 'ROOT'}, {'id': 'FREE'}, {'id': 'P1', 'parent': 'FREE'}]}}",
	  LMS_EDATA, "zones[2]: zone P1: has two places: parent FREE here, parent ROOT in zones[0]", "remove the other" },
	{ "a zone under a parent and under none", "config.apply",
	  "{'document': {'zones': [{'id': 'P1'}, {'id': 'P1', 'parent': 'ROOT'}]}}",
	  LMS_EDATA, "zones[1]: zone P1: has two places: parent ROOT here, parent none in zones[0]",
	  "remove the other" },
	{ "a station in two zones", "config.apply",
	  "{'document': {'stations': [{'id': 'S1', 'zone': 'P1'}, {'id': 'S1', 'zone': 'P2'}]}}",
	  LMS_EDATA, "stations[1]: station S1: has two places: zone P2 here, zone P1 in stations[0]",
	  "remove the other" },
	{ "a tag twice, differently written", "config.apply",
	  "{'document': {'tags': [{'uid': '04:aa', 'vip': true}, {'uid': '04AA'}]}}", LMS_EDATA,
	  "tags[1]: tag 04AA: is in the document already, as tags[0]", "remove one" },
	{ "a document that is only looked at", "config.check",
	  "{'document': {'zones': [{'id': 'P1', 'parent': 'P1'}]}}", LMS_EDATA, "P1 > P1", "another parent" },
	{ "an unknown section", "config.apply", "{'document': {'zone': []}}", LMS_EDATA,
	  "zone: is unknown", "did you mean 'zones'" },
	{ "a section that is no list", "config.apply", "{'document': {'zones': {}}}", LMS_EDATA,
	  "zones: is not a list", "write" },
	{ "an item that is no object", "config.apply", "{'document': {'zones': ['P1']}}", LMS_EDATA,
	  "zones[0]: is not an object", "write" },
	{ "an item without its id", "config.apply", "{'document': {'zones': [{'static': 60}]}}",
	  LMS_EUSAGE, "zones[0]", "id is missing" },
	{ "a bad value in a document", "config.apply",
	  "{'document': {'zones': [{'id': 'P1', 'static': '12x'}]}}", LMS_EDATA, "zones[0].static: '12x'",
	  "write" },
	{ "a document that is whole but wrong", "config.apply",
	  "{'document': {'zones': [{'id': 'N1'}, {'id': 'N2', 'parent': 'N3'}]}}", LMS_EDATA,
	  "zone N2: parent: zone 'N3'", "does not exist" },
	{ "a document for another generation", "config.apply",
	  "{'document': {'zones': [{'id': 'N1'}]}, 'if_generation': 77}", LMS_ECONFLICT, "if_generation",
	  "lmsctl diff" },
	{ "an identity with a slash", "station.add", "{'id': 'A/B', 'zone': 'P1'}", LMS_EDATA, "id: 'A/B'",
	  "letters, digits" },
	{ "an identity of 49 characters", "station.add",
	  "{'id': '1234567890123456789012345678901234567890123456789', 'zone': 'P1'}", LMS_EDATA,
	  "id: '1234", "at most 48" },
	{ "an identity with a control character", "station.add", "{'id': 'A\\u0001', 'zone': 'P1'}",
	  LMS_EDATA, "id:", "letters, digits" },
	{ "a station without a zone", "station.add", "{'id': 'X'}", LMS_EDATA,
	  "station X: zone is needed", "zone=" },
	{ "a station in a zone that does not exist", "station.add", "{'id': 'X', 'zone': 'RROT'}",
	  LMS_EDATA, "station X: zone: 'RROT' does not exist", "did you mean 'ROOT'" },
	{ "min above max", "station.set", "{'id': 'S1', 'min': 20, 'max': 16}", LMS_EDATA,
	  "connector S1/1: min: 20 A of station S1 is above the max 16 A of station S1", "lower min" },
	{ "a min that no car knows", "station.set", "{'id': 'S1', 'min': 5.9}", LMS_ERANGE,
	  "station S1: min:", "IEC 61851" },
	{ "a zone's min that no car knows", "zone.set", "{'id': 'P1', 'min': 5}", LMS_ERANGE,
	  "zone P1: min:", "IEC 61851" },
	{ "a zone's min above a connector's max", "zone.set", "{'id': 'ROOT', 'min': 40}", LMS_EDATA,
	  "connector S1/1: min: 40 A of zone ROOT is above the max 32 A, which is the default", "raise max" },
	{ "a connector's min above the station's max", "connector.set", "{'id': 'S3/1', 'min': 40}", LMS_EDATA,
	  "connector S3/1: min: 40 A of connector S3/1 is above the max 32 A", "raise max" },
	{ "a min above the limit of a zone above", "station.set", "{'id': 'S2', 'min': 70, 'max': 80}", LMS_EDATA,
	  "connector S2/1: min: 70 A of station S2 is above the limit 63 A of zone DYN", "raise the limit" },
	{ "no step between min and max", "station.set",
	  "{'id': 'S1', 'step': 1, 'min': '6.1', 'max': '6.9'}", LMS_EDATA,
	  "connector S1/1: no multiple of the step of station S1", "lower min" },
	{ "a socket without pilot that never fits", "config.apply",
	  "{'document': {'zones': [{'id': 'FREE', 'static': 10}],"
	  "'stations': [{'id': 'TE1', 'zone': 'FREE', 'type': 'TE', 'max': 16}]}}", LMS_EDATA,
	  "connector TE1/1: min: 16 A of station TE1 is above the limit 10 A of zone FREE", "its max or nothing" },
	{ "a station's limit below the min of its connector", "station.set",
	  "{'id': 'S1', 'limit': 8, 'min': 10}", LMS_EDATA,
	  "connector S1/1: min: 10 A of station S1 is above the limit 8 A of station S1", "raise the limit" },
	{ "a station's limit below its idle currents", "station.set", "{'id': 'S1', 'limit': 15, 'idle': 8}",
	  LMS_EDATA, "station S1: L1: idle currents and reservations below it add up to 16 A, above its limit of 15",
	  "lower idle" },
	{ "a station's limit below what it reserves", "station.set",
	  "{'id': 'S1', 'limit': 20, 'max': 16, 'manageable': false}", LMS_EDATA,
	  "station S1: L1: stations that cannot be managed reserve 32 A", "lower their max" },
	{ "a tag's min that no car knows", "tag.set", "{'uid': '04AA', 'min': 5}", LMS_ERANGE,
	  "tag 04AA: min: 5 A is out of range", "IEC 61851" },
	{ "a power where there is no rectifier", "station.set", "{'id': 'S1', 'max_power': '50kW'}", LMS_EDATA,
	  "station S1: max_power: is for DC", "type=CCS" },
	{ "a least power above the most", "station.add",
	  "{'id': 'DC', 'zone': 'P1', 'type': 'CCS', 'max_power': '20kW', 'min_power': '22kW'}", LMS_EDATA,
	  "connector DC/1: min_power: 22.0 kW (35.4 A) of station DC is above the max 20.0 kW (32.2 A) of station DC",
	  "lower min_power, or raise max_power" },
	{ "voltages that are turned around", "site.set", "{'voltage_min': 240, 'voltage_max': 230}", LMS_EDATA,
	  "site: voltage_min: 240 V is above voltage_max of 230 V", "lower one" },
	{ "a voltage that is none", "site.set", "{'voltage_min': 12}", LMS_ERANGE, "site: voltage_min:", "90 to 400" },
	{ "a method that is none", "station.set", "{'id': 'S1', 'shedding': 'key:Max'}", LMS_EDATA,
	  "station S1: shedding: 'key:Max'", "config:KEY" },
	{ "a key that is none", "connector.set", "{'id': 'S1/1', 'shedding': 'config:Max,Current'}", LMS_EDATA,
	  "connector S1/1: shedding:", "up to 50 characters" },
	{ "one key for two connectors", "station.set", "{'id': 'S1', 'shedding': 'config:MaxCurrent'}", LMS_EDATA,
	  "connector S1/2: shedding: key MaxCurrent is that of connector S1/1 already", "write # in it" },
	{ "ids of profiles that do not fit", "station.set", "{'id': 'S1', 'profile_id': 900}", LMS_ERANGE,
	  "station S1: profile_id: 900 is out of range", "1 to 870" },
	{ "a connector's meter that does not exist", "connector.set", "{'id': 'S1/1', 'external_meter': 'M7'}", LMS_EDATA,
	  "connector S1/1: external_meter: 'M7' does not exist", "did you mean 'M1'" },
	{ "a connector's meter that measures all", "connector.set", "{'id': 'S1/1', 'external_meter': 'M1'}", LMS_EDATA,
	  "connector S1/1: external_meter: 'M1' measures scope=grid", "scope=sub" },
	{ "a meter for two connectors", "config.apply",
	  "{'document': {'meters': [{'id': 'OWN', 'profile': 'p', 'address': '9@127.0.0.1', 'scope': 'sub'}],"
	  "'connectors': [{'id': 'S1/1', 'external_meter': 'OWN'}, {'id': 'S1/2', 'external_meter': 'OWN'}]}}", LMS_EDATA,
	  "connector S1/2: external_meter: 'OWN' is that of connector S1/1 already", "each needs its own" },
	{ "a connector's meter that is a zone's", "config.apply",
	  "{'document': {'meters': [{'id': 'OWN', 'profile': 'p', 'address': '9@127.0.0.1', 'scope': 'sub'}],"
	  "'zones': [{'id': 'FREE', 'meter': 'OWN'}],"
	  "'connectors': [{'id': 'S1/1', 'external_meter': 'OWN'}]}}", LMS_EDATA,
	  "connector S1/1: external_meter: 'OWN' is the meter of zone FREE", "use another meter" },
	{ "an idle current between 0 and 6 A", "station.set", "{'id': 'S1', 'idle': 3}", LMS_EDATA,
	  "connector S1/1: idle:", "write 0" },
	{ "an idle current above max", "station.set", "{'id': 'S1', 'idle': 17, 'max': 16}", LMS_EDATA,
	  "connector S1/1: idle: of its station is above its max", "lower idle" },
	{ "a step of 50 mA", "station.set", "{'id': 'S1', 'step_ma': 50}", LMS_ERANGE, "station S1: step:",
	  "0.1 A" },
	{ "a step of 150 mA", "station.set", "{'id': 'S1', 'step_ma': 150}", LMS_ERANGE,
	  "station S1: step:", "0.1 A" },
	{ "no connectors", "station.set", "{'id': 'S1', 'connectors': 0}", LMS_ERANGE,
	  "station S1: connectors:", "1 to 64" },
	{ "an access rule that does not exist", "station.set", "{'id': 'S1', 'access': 'all'}", LMS_EDATA,
	  "station S1: access: 'all'", "write rfid, free" },
	{ "free charging on no tag", "station.set", "{'id': 'S1', 'access': 'free:'}", LMS_EDATA,
	  "station S1: access:", "free:TAG" },
	{ "a connector that is not there", "connector.set", "{'id': 'S1/3', 'max': 16}", LMS_ENOTFOUND,
	  "connector 'S1/3' does not exist: station S1 has 2", "lmsctl connector list" },
	{ "a connector without a number", "connector.set", "{'id': 'S1', 'max': 16}", LMS_EDATA,
	  "connector 'S1'", "STATION/NUMBER" },
	{ "a connector's min above its max", "connector.set", "{'id': 'S1/2', 'max': 10, 'min': 12}",
	  LMS_EDATA, "connector S1/2: min:", "raise max" },
	{ "a zone that exists", "zone.create", "{'id': 'P1'}", LMS_ECONFLICT, "zone 'P1' exists already",
	  "lmsctl zone set P1" },
	{ "a tag that exists", "tag.add", "{'uid': '04:aa'}", LMS_ECONFLICT, "tag '04AA' exists already",
	  "lmsctl tag set" },
	{ "changing a zone that is not there", "zone.set", "{'id': 'P9', 'static': 6}", LMS_ENOTFOUND,
	  "zone 'P9' does not exist", "lmsctl zone list" },
	{ "changing a tag that is not there", "tag.set", "{'uid': '04AB'}", LMS_ENOTFOUND,
	  "tag '04AB' does not exist", "did you mean '04AA'" },
	{ "deleting a zone with a child", "zone.delete", "{'id': 'P1'}", LMS_ECONFLICT,
	  "zone P1: is used by zone P2, station S1", "move or delete" },
	{ "deleting a zone with a station", "zone.delete", "{'id': 'P2'}", LMS_ECONFLICT,
	  "is used by station S3", "move or delete" },
	{ "deleting a meter in use", "meter.delete", "{'id': 'M1'}", LMS_ECONFLICT,
	  "meter M1: is used by zone DYN", "move or delete" },
	{ "deleting what is not there", "meter.delete", "{'id': 'M7'}", LMS_ENOTFOUND,
	  "meter 'M7' does not exist", "lmsctl meter list" },
	{ "pruning a zone that stations need", "config.apply",
	  "{'document': {'zones': [{'id': 'ROOT'}], 'stations': [{'id': 'S1', 'zone': 'P1'}]}, 'prune': true}",
	  LMS_EDATA, "station S1: zone: 'P1' does not exist", "lmsctl zone list" },
	{ "accepting a station that never called", "station.accept", "{'id': 'X', 'zone': 'P1'}",
	  LMS_ENOTFOUND, "station 'X' does not wait to be accepted", "lmsctl station add" },
	{ "accepting a station again", "station.accept", "{'id': 'S1', 'zone': 'P1'}", LMS_ECONFLICT,
	  "station 'S1' is registered already", "lmsctl station set" },
	{ "a meter without a profile", "meter.set", "{'id': 'M1', 'profile': null}", LMS_EDATA,
	  "meter M1: profile: is missing", "lmsctl meter profiles" },
	{ "polling too fast", "meter.set", "{'id': 'M1', 'poll_ms': 10}", LMS_ERANGE, "meter M1: poll:",
	  "0.1 seconds" },
	{ "a country by its name", "site.set", "{'country': 'Switzerland'}", LMS_EDATA,
	  "site: country: 'Switzerland'", "such as CH" },
	{ "a currency by its sign", "site.set", "{'currency': 'Fr.'}", LMS_EDATA, "site: currency: 'Fr.'",
	  "such as EUR" },
	{ "a time zone that is none", "site.set", "{'timezone': 'Europe/Nowhere'}", LMS_EDATA,
	  "site: timezone: 'Europe/Nowhere'", "Europe/Paris" },
	{ "what the balance refuses", "station.set", "{'id': 'S1', 'note': 'unbalanced'}", LMS_EDATA,
	  "connector S1/1: the balance", "does not take it" },
	{ "what the balance refuses, in a dry run", "station.set",
	  "{'id': 'S1', 'note': 'unbalanced', 'dry_run': true}", LMS_EDATA, "connector S1/1: the balance",
	  "does not take it" },
	{ "what the meter room refuses", "meter.set", "{'id': 'M1', 'profile': 'unheard-of'}", LMS_EDATA,
	  "meter M1: no such profile", "behind 63000" },
};

static bool tz_known(const char *name)
{
	return strcmp(name, "Europe/Paris") == 0;
}

static int meter_check(void *ctx, const struct ctl_meter_keys *k, int64_t fuse_ma, struct diag *d)
{
	(void)ctx;
	if (strcmp(k->profile, "unheard-of") != 0)
		return 0;
	return diag_set(d, -LMS_EDATA, "no such profile (behind %lld)", (long long)fuse_ma);
}

static int model_check(void *ctx, const struct site_conf *candidate, struct diag *d)
{
	(void)ctx;
	for (size_t i = 0; i < candidate->station_count; i++)
		if (candidate->stations[i].k.note && strcmp(candidate->stations[i].k.note, "unbalanced") == 0)
			return diag_set(d, -LMS_EDATA, "connector %s/1: the balance does not take it",
					candidate->stations[i].k.id);
	return 0;
}

static void desk_base(struct desk *r)
{
	desk_init(r);
	r->site->outside = (struct site_outside){ .tz_known = tz_known, .meter_check = meter_check,
						.model_check = model_check };
	desk_must(r, "config.apply", base);
	desk_must(r, "zone.set", "{'id': 'DYN', 'fuse': 63}");
}

static void what_is_wrong_is_refused_with_place_and_remedy_and_changes_nothing(void **state)
{
	struct desk r;
	const char *before;
	size_t failed = 0, puts;

	(void)state;
	desk_base(&r);
	before = desk_document(&r);
	puts = r.put_count;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *t = &refusals[i];
		int ret = desk_call(&r, t->method, t->params);
		struct diag said = r.diag;
		bool ok = ret == -t->err && strstr(said.text, t->place) && strstr(said.text, t->remedy) &&
			  r.put_count == puts && strcmp(desk_document(&r), before) == 0;

		if (!ok)
			print_message("# %s: %s \"%s\"\n", t->name, lms_err_name(ret), said.text);
		failed += !ok;
	}
	assert_int_equal(failed, 0);
	desk_fini(&r);
}

/* The neighbours of the refusals: as far as one may go. */
static void what_just_fits_is_taken(void **state)
{
	static const struct {
		const char *method, *params;
	} cases[] = {
		{ "zone.set", "{'id': 'P1', 'static': '0.1'}" },
		{ "zone.set", "{'id': 'P1', 'static': 6300}" },
		{ "zone.set", "{'id': 'DYN', 'meter_lost': 0}" },
		{ "zone.set", "{'id': 'DYN', 'meter_lost': 63}" },
		{ "station.set", "{'id': 'S1', 'idle': 30}" },
		{ "station.set", "{'id': 'S1', 'idle': 0, 'manageable': false, 'max': 30}" },
		{ "station.set", "{'id': 'S1', 'min': 16, 'max': 16, 'manageable': true}" },
		{ "station.set", "{'id': 'S1', 'step_ma': 1000}" },
		{ "station.set", "{'id': 'S1', 'limit': 32, 'max': 32, 'manageable': true, 'idle': 16}" },
		{ "station.set", "{'id': 'S1', 'limit': null, 'idle': 0}" },
		{ "zone.set", "{'id': 'DYN', 'meter_lost_after': '8s', 'meter_stale_after': '8s'}" },
		{ "zone.set", "{'id': 'DYN', 'meter_lost_after': '2s', 'meter_stale_after': '2s'}" },
		{ "zone.set", "{'id': 'DYN', 'pv': 'surplus', 'pv_exempt': 'tag:04:aa,holder:The Boss, station:S1'}" },
		{ "zone.set", "{'id': 'DYN', 'pv': 'off', 'pv_min': '4kW', 'pv_start': '10s', 'pv_stop': '24h'}" },
		{ "tag.delete", "{'uid': '04AA'}" },	/* who is exempt may go */
		{ "zone.set", "{'id': 'DYN', 'pv': 'min+surplus', 'pv_meter': 'SUN', 'pv_probe': true}" },
		{ "zone.set", "{'id': 'P1', 'static': 60, 'kind': 'supply', 'pv': 'boost', 'pv_meter': 'SUN'}" },
		{ "zone.set", "{'id': 'ONE', 'static': '32,32,32'}" },
		{ "zone.set", "{'id': 'ONE', 'static': '32,-,-'}" },
		{ "station.set", "{'id': 'S2', 'zone': 'ONE'}" },
		{ "station.add", "{'id': '123456789012345678901234567890123456789012345678', 'zone': 'P2'}" },
	};
	struct desk r;

	(void)state;
	desk_base(&r);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		desk_must(&r, cases[i].method, cases[i].params);
	desk_fini(&r);
}

static void zones_may_lie_sixty_four_deep_and_no_deeper(void **state)
{
	char params[100];
	struct desk r;

	(void)state;
	desk_init(&r);
	desk_must(&r, "zone.create", "{'id': 'Z0'}");
	for (int i = 1; i < 64; i++) {
		snprintf(params, sizeof(params), "{'id': 'Z%d', 'parent': 'Z%d'}", i, i - 1);
		desk_must(&r, "zone.create", params);
	}
	assert_int_equal(desk_call(&r, "zone.create", "{'id': 'Z64', 'parent': 'Z63'}"), -LMS_ERANGE);
	assert_non_null(strstr(r.diag.text, "use fewer levels"));
	assert_true(site_conf_zone_below(r.site->conf, site_conf_zone(r.site->conf, "Z63"),
					 site_conf_zone(r.site->conf, "Z0")));
	desk_fini(&r);
}

/* A rule that was added later must not stop a site that runs; but it is said. */
static void a_stored_configuration_that_no_longer_passes_is_taken_with_a_complaint(void **state)
{
	static const struct {
		enum store_table table;
		const char *key, *json;
	} rows[] = {
		{ STORE_ZONE, "A", "{\"id\":\"A\",\"parent\":\"B\",\"static_ma\":0}" },
		{ STORE_ZONE, "B", "{\"id\":\"B\",\"parent\":\"A\",\"fuse_ma\":\"x\",\"phases\":3}" },
		{ STORE_ZONE, "C", "{\"id\":\"C\",\"parent\":\"GONE\",\"meter\":\"GONE\"}" },
		{ STORE_STATION, "S", "{\"id\":\"S\",\"zone\":\"GONE\",\"connectors\":900}" },
		{ STORE_CONNECTOR, "S/2", "{\"id\":\"S/2\",\"max_ma\":16000}" },
		{ STORE_CONNECTOR, "T/1", "{\"id\":\"T/1\",\"max_ma\":16000}" },
		{ STORE_METER, "M", "not JSON" },
	};
	struct site_conf *c = site_conf_load_begin();
	struct diag diag;

	(void)state;
	diag_init(&diag);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		site_conf_load_row(c, rows[i].table, rows[i].key, rows[i].json, strlen(rows[i].json), &diag);
	assert_int_not_equal(site_conf_load_end(c, &diag), 0);
	assert_int_equal(c->zone_count, 3);
	assert_int_equal(c->station_count, 1);
	assert_int_equal(c->stations[0].zone, -1);
	assert_int_equal(c->stations[0].connector_count, 64);
	assert_int_equal(c->stations[0].connectors[1].max_ma, 16000);
	for (size_t i = 0; i < c->zone_count; i++)
		assert_true(c->zones[i].parent < (int)i);
	site_conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_refused_with_place_and_remedy_and_changes_nothing),
		cmocka_unit_test(what_just_fits_is_taken),
		cmocka_unit_test(zones_may_lie_sixty_four_deep_and_no_deeper),
		cmocka_unit_test(a_stored_configuration_that_no_longer_passes_is_taken_with_a_complaint),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
