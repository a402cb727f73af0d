#!/usr/bin/env node
// timeout: 120
// zone explain: every limit that applies to a zone and to those that feed it, and what each connector below gets.
'use strict';
const { spawnSync } = require('child_process');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, BIN } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [
			{ id: 'main', fuse: 125, derate: '20%' },
			{ id: 'P1', parent: 'main', static: '60,60,50', power: 50000 },
			{ id: 'D', parent: 'main', dynamic: 63, margin: 2, meter: 'M', meter_lost: 10 },
		],
		meters: [{ id: 'M', profile: 'SDM630', address: '1@127.0.0.1:1' }],
		stations: [
			{ id: 'A', zone: 'P1', wiring: 'RST', connectors: 1, proven: true, vip: true },
			{ id: 'B', zone: 'P1', wiring: 'L3', connectors: 1, proven: true, max: 16 },
			{ id: 'C', zone: 'D', wiring: 'RST', connectors: 1, proven: true, idle: 0 },
		],
		tags: ['T1', 'T2'].map((uid) => ({ uid })),
	});
	const stations = ['A', 'B', 'C'].map((id) => new Station(lmsd, id));
	for (const s of stations) await s.up();
	for (const [i, s] of stations.slice(0, 2).entries()) await s.plug(1, `T${i + 1}`);
	await until(() => lmsd.must('connector', 'show', 'B/1').limit_ma === 16000, 'limits');
	await until(() => lmsd.must('connector', 'show', 'A/1').limit_ma === 32000, 'limits');
	lmsd.must('zone', 'override', 'main', 'limit=90', '--for', '1h');

	const e = lmsd.must('zone', 'explain', 'P1');
	equal([e.id, e.cap_ma, e.cap_why], ['P1', [60000, 60000, 50000], 'static'], 'the limit now');
	equal(e.limits.map((l) => [l.zone, l.limit, l.current_ma, l.holds]), [
		['P1', 'static', [60000, 60000, 50000], true],
		['P1', 'power', [null, null, null], false],
		['main', 'fuse', [100000, 100000, 100000], false],
		['main', 'override', [90000, 90000, 90000], true],
	], 'all limits of the zone and of what feeds it');
	equal(e.limits[2].text, '125 A less 20 %', 'the fuse is told with what is taken off');
	equal(e.connectors.map((c) => [c.id, c.wants, c.class, c.min_ma, c.max_ma, c.target_ma, c.limit_ma, c.w_ma]), [
		['A/1', 'to charge', 'VIP', 6000, 32000, 32000, 32000, 32000],
		['B/1', 'to charge', null, 6000, 16000, 16000, 16000, 16000],
	], 'what each connector wants and gets');
	ok(e.connectors.every((c) => c.admitted && c.reason), 'and why');
	equal(lmsd.must('zone', 'explain', 'main').connectors.map((c) => c.id), ['A/1', 'B/1', 'C/1'], 'below the root are all');

	await until(() => lmsd.must('zone', 'explain', 'D').cap_why === 'meter_lost', 'the loss of the meter');
	const d = lmsd.must('zone', 'explain', 'D');
	equal(d.limits.slice(0, 2).map((l) => [l.limit, l.current_ma, l.holds]), [
		['dynamic', [null, null, null], false],
		['meter_lost', [10000, 10000, 10000], true],
	], 'a silent meter');
	equal(d.connectors.map((c) => [c.id, c.wants, c.min_ma]), [['C/1', 'nothing', null]], 'who wants nothing has no minimum');

	const human = spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'zone', 'explain', 'P1'], { encoding: 'utf8' });
	console.log(human.stdout.replace(/^/gm, '# '));
	ok(/^main +override +90 A +least +by hand until /m.test(human.stdout), 'people read amperes');
	ok(/^P1 +static +60 A, 60 A, 50 A +least/m.test(human.stdout), 'per phase where they differ');
	const shown = spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'zone', 'show', 'P1', '--explain'], { encoding: 'utf8' });
	equal([shown.status, shown.stdout.split('\n')[0]], [0, human.stdout.split('\n')[0]], 'zone show --explain is the same');
	const nonsense = spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'zone', 'list', '--explain'], { encoding: 'utf8' });
	equal(nonsense.status, 64, '--explain goes with show only');
	ok(/^A\/1 +to charge +VIP +6 A +32 A +32 A +32 A +32 A +\S/m.test(human.stdout), 'and a row per connector');
	const r = lmsd.ctl('zone', 'explain', 'P9');
	ok(r.status === 4 && r.err.includes("zone 'P9' does not exist"), 'an unknown zone is refused', r.err);
	for (const s of stations) await s.close();
});
