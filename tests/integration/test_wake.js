#!/usr/bin/env node
// timeout: 240
// Two cars fall silent under simulated stations, behind a door of ocpp-rpc: one sleeps and charges on when it has been
// woken, the other takes nothing any more and counts as full after one wake-up.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, ROOT, TMP } = require('./lib');
const { Door } = require('./door');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: 60, wake: '20s' }],
		stations: ['SLEEPS', 'FULL'].map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1, proven: true })),
		tags: [{ uid: 'T1' }, { uid: 'T2' }],
	});
	const file = path.join(TMP, 'stations.json');
	fs.writeFileSync(file, JSON.stringify({ stations: [
		{ id: 'SLEEPS', interval: 5, cars: [{ tag: 'T1', arrive: 0.1, wants_wh: 1e9, sleeps_after: 15 }] },
		{ id: 'FULL', interval: 5, cars: [{ tag: 'T2', arrive: 0.1, wants_wh: 60 }] },
	] }));
	const door = await new Door(lmsd).open();
	await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/stations.py'), '--url', door.url, '--stations', file]);
	const show = (id) => lmsd.must('connector', 'show', `${id}/1`);
	const causes = (id) => lmsd.must('connector', 'explain', `${id}/1`).causes;

	await until(() => show('SLEEPS').current_ma && show('SLEEPS').current_ma[0] > 6000, 'the first car to draw', 60000);
	await until(() => show('SLEEPS').current_ma[0] === 0, 'it to fall asleep', 60000);
	ok(show('SLEEPS').limit_ma >= 6000, 'it is offered current');
	const woken = await until(() => causes('SLEEPS').find((c) => c.code === 'woken'), 'it to be woken', 90000);
	ok(/^its car was woken \d+ s ago$/.test(woken.text), 'explain says so', woken);
	await until(() => show('SLEEPS').current_ma[0] > 6000, 'it to charge on', 90000);
	ok(true, 'it charges on');

	await until(() => show('FULL').reason_code === 'full_car', 'the other to be full', 180000);
	ok(causes('FULL').some((c) => c.code === 'woken'), 'the other was woken before it counted as full');
	equal(show('FULL').limit_ma, 6000, 'and has its minimum of what is left');
	door.clean();
});
