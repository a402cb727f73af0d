#!/usr/bin/env node
// timeout: 240
// lmsd is killed under a dynamic zone: the limits of its stations fall by themselves, each by its own clock, to
// currents that fit meter_lost together. A restarted lmsd sends its limits anew.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, ROOT, TMP } = require('./lib');
const { Door } = require('./door');

const PYTHON = '/usr/bin/python3';

function startStations(door, name, stations) {
	const file = path.join(TMP, `${name}.json`), report = path.join(TMP, `${name}.report`);
	fs.writeFileSync(file, JSON.stringify({ stations }));
	return startProgram(PYTHON, [path.join(ROOT, 'tests/sim/stations.py'), '--url', door.url, '--stations', file, '--report', report])
		.then((child) => {
			child.report = async () => {
				fs.rmSync(report, { force: true });
				child.kill('SIGUSR1');
				await until(() => fs.existsSync(report), 'the report');
				return JSON.parse(fs.readFileSync(report));
			};
			return child;
		});
}

const MAX = { LATE: 6, SHORT: 10 };	// SHORT is more than its share of meter_lost can be: it has to fall
const car = (tag) => [{ tag, phases: 3, max: 32, arrive: 0.1, wants_wh: 1e9 }];

main(async () => {
	const meter = await startProgram(PYTHON, [path.join(ROOT, 'tests/sim/meter.py'), '--port', '0', '--profile', 'SDM630']);
	const lmsd = await new Lmsd().start();
	meter.stdin.write(JSON.stringify({ building: [5, 5, 5] }) + '\n');
	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: `1@127.0.0.1:${meter.ready.port}` }],
		zones: [{ id: 'main', dynamic: 80, meter: 'M', meter_lost: 22, margin: 0 }],
		stations: ['A', 'B', 'LATE', 'SHORT'].map((id) => ({ id, zone: 'main', wiring: 'RST', connectors: 1,
			max: MAX[id] || 32, proven: true })),
		tags: ['TA', 'TB', 'TL', 'TS'].map((uid) => ({ uid })),
	});
	const door = await new Door(lmsd).open();
	// A is 5 s ahead, B 7 s behind; LATE is too wrong, SHORT takes no second period: both keep what they have.
	const sim = await startStations(door, 'stations', [
		{ id: 'A', clock: 5, interval: 5, cars: car('TA') },
		{ id: 'B', clock: -7, interval: 5, cars: car('TB') },
		{ id: 'LATE', clock: -60, interval: 5, cars: car('TL') },
		{ id: 'SHORT', one_period: true, interval: 5, cars: car('TS') },
	]);
	const show = (id) => lmsd.must('connector', 'show', `${id}/1`);
	const shown = await until(() => {
		const s = { A: show('A'), B: show('B'), LATE: show('LATE'), SHORT: show('SHORT') };
		return s.A.limit_ma > 6000 && s.B.limit_ma > 6000 && s.LATE.limit_ma === 6000 && s.SHORT.limit_ma === 10000 &&
			Object.values(s).every((c) => c.limit_ma === c.target_ma && c.w_ma === c.limit_ma) &&
			s.A.fallback_ma !== null && s.B.fallback_ma !== null && s.A.fallback_ma + s.B.fallback_ma <= 6000 && s;
	}, 'all to charge, and no order to be on its way', 90000);
	equal([shown.LATE.fallback_ma, shown.SHORT.fallback_ma], [null, null], 'two of them keep their limits');
	ok(shown.A.fallback_ma + shown.B.fallback_ma <= 6000, 'the others share the 6 A that are left of meter_lost', shown);
	const why = lmsd.must('connector', 'explain', 'LATE/1').causes.find((c) => c.code === 'keeps_limit');
	equal(why && why.text, 'would keep its limit if lmsd fell silent: its clock is more than 10 s wrong', 'explain says why');
	ok(await until(() => /refused a profile of two periods/.test(JSON.stringify(lmsd.must('connector', 'explain', 'SHORT/1'))),
		'the refusal'), 'and of the other');
	ok(lmsd.must('connector', 'explain', 'A/1').causes.some((c) => c.code === 'falls_back'), 'and what the others fall to');

	await lmsd.kill();
	const killed = Date.now();
	const { composite_a: composite } = await sim.report();
	const passed = (Date.now() - killed) / 1000;
	for (const id of ['A', 'B']) {
		const c = composite[`${id}/1`];
		ok(c.length === 2 && c[0][1] === shown[id].limit_ma / 1000, `${id} still has its limit when lmsd dies`, c);
		ok(c.length === 2 && c[1][1] === shown[id].fallback_ma / 1000, `${id} falls to what lmsctl showed`, c);
		ok(c.length === 2 && c[1][0] > 150 - passed - 20 && c[1][0] <= 301, `${id} falls within 300 s`, c);
	}
	equal([composite['LATE/1'], composite['SHORT/1']], [[[0, 6]], [[0, 10]]], 'the other two keep what they have');
	const sum = Object.values(composite).reduce((n, c) => n + c[c.length - 1][1], 0);
	ok(sum <= 22, `after it all of them together have ${sum} A: meter_lost is 22 A`);

	// The stations come back with their transactions; each is told its limit again, be it the same.
	await lmsd.start();
	await until(() => show('A').limit_ma > 6000 && show('A').fallback_ma !== null, 'A to be told its limit again', 90000);
	const after = (await sim.report()).composite_a['A/1'];
	ok(after.length === 2 && after[0][1] > 6 && after[1][0] > 150, 'and the fallback of A lies ahead again', after);
	door.clean();
});
