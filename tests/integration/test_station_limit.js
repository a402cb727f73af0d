#!/usr/bin/env node
// timeout: 120
// A station's own limit is shared by its connectors, below the group that it is in and the board that feeds the group;
// config check names what a document contradicts itself in.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [
			{ id: 'board', fuse: 63 },
			{ id: 'park', parent: 'board', kind: 'group', static: 50 },
			{ id: 'row', parent: 'park', kind: 'group' },
			{ id: 'aside', static: 100 },
		],
		stations: [
			{ id: 'TWO', zone: 'row', wiring: 'RST', connectors: 2, proven: true, limit: 20, step: 1 },
			{ id: 'MUTE', zone: 'aside', wiring: 'RST', connectors: 2, limit: 40 },
			{ id: 'ONE', zone: 'row', wiring: 'RST', connectors: 1, proven: true, step: 1 },
		],
		tags: ['T1', 'T2', 'T3'].map((uid) => ({ uid })),
	});
	const two = new Station(lmsd, 'TWO', { connectors: 2 }), one = new Station(lmsd, 'ONE');
	const limit = (id) => lmsd.must('connector', 'show', id).limit_ma;
	await two.up(2);
	await one.up();
	await two.plug(1, 'T1');
	await until(() => limit('TWO/1') === 20000, 'the whole limit of the station');
	ok(true, 'one car has all of the 20 A of its station');
	await two.plug(2, 'T2');
	await until(() => limit('TWO/1') === 10000 && limit('TWO/2') === 10000, 'the two to share');
	ok(true, 'two cars share them');
	await one.plug(1, 'T3');
	await until(() => limit('ONE/1') === 30000, 'the other station to have the rest of its group');
	ok(true, 'the other station has what the group leaves: 50 A less 20 A');

	const shown = lmsd.must('connector', 'show', 'TWO/1');
	equal(shown.reason, 'station TWO is full on L1: 20 A shared by 2', 'why: in words');
	equal(shown.reason_code, 'zone_saturated', 'and in one');
	equal(lmsd.must('zone', 'list').map((z) => z.id), ['aside', 'board', 'park', 'row'], 'it is no zone to people');
	equal(lmsd.must('zone', 'show', 'park').sum_ma, [50000, 50000, 50000], 'the group counts both stations');
	equal(lmsd.must('zone', 'explain', 'row').connectors.map((c) => [c.id, c.target_ma]),
		[['ONE/1', 30000], ['TWO/1', 10000], ['TWO/2', 10000]], 'the split below the group');

	await until(() => lmsd.must('events').some((e) => e.object === 'MUTE' && e.event === 'zone_over'), 'the alert');
	ok(true, 'a station whose connectors may exceed its limit while it is not there is told of');
	lmsd.must('station', 'set', 'TWO', 'limit=14');
	await until(() => limit('TWO/1') === 7000 && limit('TWO/2') === 7000, 'the new limit');
	ok(true, 'a lower limit holds');
	lmsd.must('station', 'set', 'TWO', 'limit=');
	await until(() => limit('TWO/1') + limit('TWO/2') + limit('ONE/1') >= 49000 && limit('TWO/1') >= 16000, 'no limit');
	ok(true, 'without one the three share the group');
	for (const s of [one, two]) equal(s.badSchema, [], `no schema error at ${s.id}`);
	for (const s of [one, two]) await s.close();
});
