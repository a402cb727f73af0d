#!/usr/bin/env node
// timeout: 240
// station test: a short guided charge. One station obeys, one accepts limits and ignores them, one forgets its profile
// at a restart; one is accepted with its test.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, ROOT, TMP } = require('./lib');
const { Door } = require('./door');

main(async () => {
	const lmsd = await new Lmsd().start();
	const ids = ['GOOD', 'DEAF', 'FORGETS', 'NEW', 'IDLE', 'GONE'];
	lmsd.apply({
		zones: [{ id: 'P1', static: 250 }],
		stations: ids.filter((id) => id !== 'NEW').map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1 })),
		tags: ids.map((uid) => ({ uid })),
	});
	const file = path.join(TMP, 'stations.json');
	const cars = (id) => [{ tag: id, arrive: 0.1, wants_wh: 1e9 }];
	fs.writeFileSync(file, JSON.stringify({ stations: [
		{ id: 'GOOD', cars: cars('GOOD') },
		{ id: 'DEAF', ignores: true, cars: cars('DEAF') },
		{ id: 'FORGETS', forgets: true, cars: cars('FORGETS') },
		{ id: 'NEW', cars: cars('NEW') },
		{ id: 'IDLE' },
	] }));
	const door = await new Door(lmsd).open();
	await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/stations.py'), '--url', door.url, '--stations', file]);
	const show = (id) => lmsd.must('station', 'show', id);

	equal((await lmsd.ctlAsync('station', 'test', 'GONE')).status, 75, 'a station that is not there is offline (75)');
	await until(() => show('IDLE').state === 'online', 'the stations', 30000);
	lmsd.ctlAsync('station', 'test', 'IDLE', 'wait=10m');
	await until(() => show('IDLE').test === 'running', 'the test of one without a car');
	ok(/plug in a car and start a charge/.test(show('IDLE').test_text), 'it says what is to be done', show('IDLE'));
	equal((await lmsd.ctlAsync('station', 'test', 'IDLE')).status, 5, 'a second one at the same time is refused');

	await until(() => lmsd.must('station', 'pending').some((s) => s.id === 'NEW'), 'the new station to wait');
	const accepted = await lmsd.ctlAsync('station', 'accept', 'NEW', 'zone=P1', 'wiring=RST', 'test=yes');
	equal(accepted.status, 0, 'accept test=yes accepts');
	const results = {};
	await Promise.all(['GOOD', 'DEAF', 'FORGETS'].map(async (id) => { results[id] = await lmsd.ctlAsync('station', 'test', id); }));

	equal(results.GOOD.status, 0, 'the one that obeys passes');
	ok(/a: obeyed 6 A after \d\.\d s; b: kept the limit while it was offline; c: kept its default over a restart/.test(results.GOOD.out),
		'and is told step by step', results.GOOD);
	ok(/plug in a car|lowers the limit|waits until the car obeys|restart/.test(results.GOOD.err), 'lmsctl tells how far it is meanwhile',
		results.GOOD.err);
	equal([show('GOOD').proven, show('GOOD').test], [true, 'passed'], 'it is proven now');
	equal(show('GOOD').settle_ms, undefined, 'the usual time to settle stays');

	equal(results.DEAF.status, 6, 'the one that ignores its limits fails');
	ok(/a: accepted a limit of \d+ A and drew [\d.]+ A 30 s later/.test(results.DEAF.err), 'in the first step', results.DEAF);
	equal([show('DEAF').proven, show('DEAF').test], [undefined, 'failed'], 'it is not proven');

	equal(results.FORGETS.status, 6, 'the one that forgets fails');
	ok(/b: kept.*c: allows 32 A after its restart, its default is 0 A/.test(results.FORGETS.err), 'in the last step', results.FORGETS);
	equal(show('FORGETS').proven, undefined, 'it is not proven');

	await until(() => show('NEW').test === 'passed', 'the accepted one to pass', 120000);
	equal(show('NEW').proven, true, 'the one that was accepted with its test passed it');
	// Afterwards the cars have their share again: the cap of the test is gone.
	equal(lmsd.must('connector', 'explain', 'GOOD/1').causes.filter((c) => c.code === 'connector_limit'), [], 'no limit of the test is left');
	door.clean();
});
