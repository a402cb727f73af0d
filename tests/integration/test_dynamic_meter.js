#!/usr/bin/env node
// timeout: 240
// A pymodbus meter under a dynamic zone: the building's load jumps by 30 A and the cut is on the wire within 2 s;
// the meter process dies and the zone's meter_lost current is in force within 15 s; it comes back.
'use strict';
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, Station, ROOT } = require('./lib');

function startMeter(port, building) {
	return startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--port', String(port), '--profile', 'SDM630'])
		.then((child) => {
			child.say = (m) => child.stdin.write(JSON.stringify(m) + '\n');
			child.say({ building: [building, building, building] });
			return child;
		});
}

main(async () => {
	let meter = await startMeter(0, 10);
	const port = meter.ready.port;
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: `1@127.0.0.1:${port}` }],
		zones: [{ id: 'main', dynamic: 60, meter: 'M', meter_lost: 16, margin: 0 }],
		stations: ['A', 'B'].map((id) => ({ id, zone: 'main', wiring: 'RST', connectors: 1 })),
		tags: [{ uid: 'T1' }, { uid: 'T2' }],
	});
	const stations = ['A', 'B'].map((id) => new Station(lmsd, id));
	const limits = () => stations.map((s) => s.last('TxProfile') || 0);
	const sum = () => limits().reduce((a, b) => a + b, 0);
	for (const s of stations) await s.up();
	const tx = [];
	for (const [i, s] of stations.entries()) tx[i] = (await s.plug(1, `T${i + 1}`)).transactionId;

	// The cars take what they are offered; station and meter tell the same story.
	let register = 1000;
	const beat = setInterval(() => {
		const l = limits();
		if (meter && !meter.exit) meter.say({ ev: [sum(), sum(), sum()] });
		register += 5;
		stations.forEach((s, i) => s.draws(1, tx[i], [l[i], l[i], l[i]], register).catch(() => {}));
	}, 1000);

	await until(() => sum() >= 44, 'the cars to get what the building leaves', 120000);
	ok(sum() <= 50, `60 A less 10 A of the building is 50 A for cars (${limits()})`);

	const before = sum();
	const jumped = Date.now();
	meter.say({ building: [40, 40, 40] });
	// A sample may be half old when the cars have just been raised: the cut is whole when it fits.
	await until(() => sum() <= 20, 'nothing above 60 A to be left to the cars', 10000);
	const took = Date.now() - jumped;
	ok(took <= 3000 && before > 40, `the whole cut is on the wire ${took} ms after the jump: 2 s from the sample, which comes every second`);
	ok(sum() <= 20, `nothing above 60 A is left to the cars (${limits()})`);
	meter.say({ building: [10, 10, 10] });
	await until(() => sum() > 16, 'the careful raise', 120000);

	meter.kill('SIGKILL');
	const died = Date.now();
	await until(() => sum() <= 16, 'meter_lost', 20000);
	ok(Date.now() - died <= 15000, `meter_lost is in force ${Date.now() - died} ms after the meter died`);
	const shown = lmsd.must('meter', 'show', 'M');
	ok(shown.state === 'silent', 'lmsctl says that the meter is silent', shown);
	ok(shown.current_ma === null || shown.current_ma === undefined, 'no old current is shown as fresh', shown);
	equal((await lmsd.ctlAsync('zone', 'show', 'main')).json.cap_why, 'meter_lost', 'and why the zone is limited');

	meter = await startMeter(port, 10);
	await until(() => lmsd.must('meter', 'show', 'M').state === 'ok', 'the meter to be read again', 60000);
	ok(true, 'the meter is read again after it has returned');
	await until(() => sum() > 20, 'the cars to get more again', 60000);
	ok(true, 'and the cars get more again');
	clearInterval(beat);
	for (const s of stations) equal(s.badSchema, [], `no schema error at ${s.id}`);
	for (const s of stations) await s.close();
});
