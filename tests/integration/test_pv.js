#!/usr/bin/env node
// timeout: 300
// A site with a sun: meters of the grid and of the inverter, a car that shares the surplus and one whose station
// is exempt. The surplus starts charging, a cloud ends it after the delay; the inverter's meter dies, and the
// cars charge as without the sun until it is back.
'use strict';
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, Station, ROOT } = require('./lib');

function startMeter(port) {
	return startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--port', String(port), '--profile', 'SDM630'])
		.then((child) => {
			child.say = (m) => child.stdin.write(JSON.stringify(m) + '\n');
			return child;
		});
}

main(async () => {
	const grid = await startMeter(0);
	let inverter = await startMeter(0);
	const port = inverter.ready.port;
	const lmsd = await new Lmsd().start();
	const house = 2;
	let sun = 0;	// amperes on each phase
	lmsd.apply({
		meters: [{ id: 'G', profile: 'SDM630', address: `1@127.0.0.1:${grid.ready.port}`, scope: 'grid' },
			{ id: 'SUN', profile: 'SDM630', address: `1@127.0.0.1:${port}`, scope: 'pv' }],
		zones: [{ id: 'park', static: 63, meter: 'G', pv: 'surplus', pv_meter: 'SUN', pv_start: '10s', pv_stop: '10s',
			min_on: '1s', min_off: '1s', pv_exempt: 'station:B' }],
		stations: ['A', 'B'].map((id) => ({ id, zone: 'park', wiring: 'RST', connectors: 1 })),
		tags: [{ uid: 'T1' }, { uid: 'T2' }],
	});
	const stations = ['A', 'B'].map((id) => new Station(lmsd, id));
	const limits = () => stations.map((s) => s.last('TxProfile') || 0);
	const sum = () => limits().reduce((a, b) => a + b, 0);
	const sunny = () => lmsd.must('pv', 'show')[0];
	const reason = () => lmsd.must('connector', 'show', 'A/1').reason_code;
	for (const s of stations) await s.up();
	const tx = [];
	for (const [i, s] of stations.entries()) tx[i] = (await s.plug(1, `T${i + 1}`)).transactionId;

	// The cars take what they are offered; stations and both meters tell the same story.
	const register = [1000, 1000];
	const beat = setInterval(() => {
		const l = limits();
		const flow = house + sum() - sun;
		grid.say({ building: [flow, flow, flow] });
		if (!inverter.exit) inverter.say({ building: [sun, sun, sun] });
		stations.forEach((s, i) => {
			register[i] += 5;
			s.draws(1, tx[i], [l[i], l[i], l[i]], register[i]).catch(() => {});
		});
	}, 500);

	await until(() => limits()[1] === 32, 'the exempt car to charge', 60000);
	equal(limits()[0], 0, 'without sun only the exempt car charges');
	equal(reason(), 'pv_waits', 'the other says that it waits for the sun');
	await until(() => sunny().state === 'ok', 'both meters to be followed', 30000);
	const check = lmsd.ctl('pv', 'check');
	ok(check.status === 0 && check.json.every((r) => r.verdict === 'ok'), 'pv check finds all that is needed', check.json);

	sun = 14;	// 12 A beyond the house: about 8 kW
	await until(() => limits()[0] >= 6, 'the surplus to start the car', 60000);
	ok(true, 'the surplus starts the car');
	await until(() => limits()[0] >= 11, 'the car to follow the sun', 60000);
	ok(limits()[0] <= 12.5, `it gets what the house leaves of 14 A, and the exempt car takes none of it (${limits()})`);
	equal(limits()[1], 32, 'the exempt car goes on');
	const shown = sunny();
	ok(shown.strategy === 'surplus' && shown.cars === 1 && shown.charging === 1 && shown.surplus_w > 7000 &&
		shown.production_w > 8000 && shown.budget_w <= shown.surplus_w + 500, 'pv show says the same', shown);
	const explained = lmsd.must('zone', 'explain', 'park').limits.find((l) => l.limit === 'pv');
	ok(explained && /for 1 of 1 cars/.test(explained.text), 'and zone explain', explained);
	equal(reason(), 'pv_surplus', 'and the reason of the car');

	sun = 1;
	await until(() => limits()[0] === 6, 'the cloud to lower it', 60000);
	ok(true, 'a cloud lowers the car to its minimum first');
	await until(() => limits()[0] === 0, 'the cloud to stop it', 60000);
	ok(true, 'and stops it when it stays');
	equal(limits()[1], 32, 'the exempt car does not notice');

	inverter.kill('SIGKILL');
	await until(() => sunny().state === 'lost', 'the loss to be noticed', 90000);
	await until(() => limits()[0] >= 31, 'the car to charge as without the sun', 60000);
	ok(sum() <= 63, `without data the limits of the zone hold (${limits()})`);
	const events = () => lmsd.must('event', 'list').map((e) => e.event);
	ok(events().includes('pv_lost'), 'an event says so', events());
	const lost = lmsd.ctl('pv', 'check');
	ok(lost.status === 1 && lost.json.some((r) => r.check === 'state' && r.verdict === 'missing'), 'and pv check', lost.json);
	ok(lmsd.must('connector', 'explain', 'A/1').causes.some((c) => c.code === 'pv_lost'), 'and the causes of the car');

	inverter = await startMeter(port);
	await until(() => limits()[0] === 0, 'the car to wait for the sun again', 90000);
	ok(events().includes('pv_back'), 'the meter is back, the car waits for the sun again', events());
	clearInterval(beat);
	for (const s of stations) equal(s.badSchema, [], `no schema error at ${s.id}`);
	for (const s of stations) await s.close();
});
