#!/usr/bin/env node
// timeout: 120
// zone simulate: what would become of the site in another situation; nothing of it changes, no station hears of it.
'use strict';
const { spawnSync } = require('child_process');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, BIN } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'main', fuse: 100 }, { id: 'P1', parent: 'main', static: 40 }],
		stations: ['A', 'B', 'C'].map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1, proven: true })),
		tags: ['T1', 'T2'].map((uid) => ({ uid })),
	});
	const stations = ['A', 'B', 'C'].map((id) => new Station(lmsd, id));
	for (const s of stations) await s.up();
	await stations[0].plug(1, 'T1');
	await stations[1].plug(1, 'T2');
	await until(() => lmsd.must('zone', 'explain', 'P1').connectors.slice(0, 2).every((c) => c.limit_ma === 20000), 'two to share');
	const heard = () => stations.map((s) => s.received.length);
	await until(() => lmsd.must('zone', 'explain', 'P1').connectors[2].reason_code === 'none', 'the third to be quiet');
	const site = () => ['zone list', 'connector list', 'zone explain P1', 'config show']
		.map((c) => lmsd.must(...c.split(' ')));
	const before = { heard: heard(), site: site() };

	let s = lmsd.must('zone', 'simulate', 'P1', 'cars=2');
	equal(s.connectors.map((c) => [c.id, c.car, c.before_ma, c.after_ma]), [
		['A/1', null, 20000, 10000],
		['B/1', null, 20000, 10000],
		['C/1', 'new', 0, 10000],
		['new-1/1', 'new, on a connector that is not there', null, 10000],
	], 'two more cars: the free connector, and one that is made up');
	equal([s.cars, s.made_up, s.for_ms], [2, 1, 300000], 'says what it assumed');
	equal([s.zones[0].sum_before_ma, s.zones[0].sum_after_ma, s.zones[0].charging_after], [[40000, 40000, 40000], [40000, 40000, 40000], 4],
		'and the totals');
	s = lmsd.must('zone', 'simulate', 'P1', 'cap=20', 'for=1m');
	equal(s.connectors.map((c) => c.after_ma), [10000, 10000, 0], 'another cap');
	s = lmsd.must('zone', 'simulate', 'main', 'offline=A', 'cars=1');
	equal(s.connectors.map((c) => [c.after_ma, c.after_reason_code]), [[20000, 'offline'], [10000, 'zone_saturated'], [10000, 'zone_saturated']],
		'a station that is lost');
	equal({ heard: heard(), site: site() }, before, 'nothing of the site has changed');

	for (const [args, status, text] of [
		[['P9'], 4, "zone 'P9' does not exist"],
		[['P1', 'cars=1001'], 65, 'cars: from 0 to 1000'],
		[['P1', 'for=3h'], 65, 'for: from 1s to 2h'],
		[['P1', 'meter_lost=yes'], 5, 'meter_lost: zone P1 has no meter that it depends on'],
		[['P1', 'building=10'], 5, 'building: zone P1 is not dynamic'],
		[['P1', 'offline=Z'], 4, "offline: station 'Z' does not exist"],
	]) {
		const r = lmsd.ctl('zone', 'simulate', ...args);
		ok(r.status === status && r.err.includes(text), `refused: ${args.join(' ')}`, r);
	}
	const human = spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'zone', 'simulate', 'P1', 'cars=1'], { encoding: 'utf8' });
	console.log(human.stdout.replace(/^/gm, '# '));
	ok(/^P1 in 300 s: \d+ orders to stations, the last after \d+ s$/m.test(human.stdout), 'people read how it went');
	ok(/^C\/1 +new +0 A +13.3 A +zone P1 is full/m.test(human.stdout), 'and a row per connector');
	for (const st of stations) await st.close();
});
