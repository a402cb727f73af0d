#!/usr/bin/env node
// timeout: 180
// A zone is limited by hand for a while: limits fall at once, hold over kill -9, rise again at the end of it or when
// it is ended, and never beyond what the zone has.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: 60, min_off: '1s' }, { id: 'S1', phases: 1, static: 20 }],
		stations: ['A', 'B'].map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1, proven: true })),
		tags: ['T1', 'T2'].map((uid) => ({ uid })),
	});
	const zone = () => lmsd.must('zone', 'show', 'P1');
	const limits = () => lmsd.must('connector', 'list').map((c) => c.limit_ma);
	let stations = ['A', 'B'].map((id) => new Station(lmsd, id));
	const all = (amps) => () => stations.every((s) => s.last('TxProfile') === amps);
	const both = (ma) => () => limits().every((l) => l === ma);
	for (const s of stations) await s.up();
	await until(() => zone().sum_ma.every((ma) => ma === 0), 'idle limits to be obeyed');
	for (const [i, s] of stations.entries()) await s.plug(1, `T${i + 1}`);
	await until(both(30000), '30 A each');
	ok(true, 'two cars share 60 A');

	let t = Date.now();
	const z = lmsd.must('zone', 'override', 'P1', 'limit=20', '--for', '2h');
	equal([z.cap_why, z.cap_ma, z.override_ma], ['override', [20000, 20000, 20000], [20000, 20000, 20000]],
	      'the answer shows the limit and why');
	ok(Math.abs(Date.parse(z.override_until) - t - 7200e3) < 5000, 'and its end', z.override_until);
	await until(all(10), '10 A each');
	ok(Date.now() - t < 3000, 'lower limits leave at once', `${Date.now() - t} ms`);

	lmsd.must('zone', 'pause', 'P1', '--for', '30m');
	await until(all(0), '0 A');
	await until(both(0), '0 A confirmed');
	ok(true, 'a pause is 0 A for all');
	equal(lmsd.must('connector', 'list').map((c) => c.reason_code), ['override', 'override'], 'and the reason says so');

	for (const s of stations) await s.close();
	await lmsd.kill('SIGKILL');
	await lmsd.start();
	equal([zone().cap_why, zone().cap_ma], ['override', [0, 0, 0]], 'it holds over kill -9');
	stations = ['A', 'B'].map((id) => new Station(lmsd, id));
	for (const s of stations) {
		await s.connect();
		await s.boot();
		await s.status(1, 'Charging');
	}
	await until(() => zone().competing === 2, 'cars that compete');
	await new Promise((resolve) => setTimeout(resolve, 6000));
	equal(stations.map((s) => s.last('TxProfile') || 0), [0, 0], 'nobody charges meanwhile');

	lmsd.must('zone', 'override', 'P1', 'limit=24,24,40', '--for', '8s');
	await until(all(12), '12 A each');
	ok(true, 'another override replaces it; the least phase counts');
	await until(both(30000), '30 A each', 60000);
	ok(zone().override_ma === undefined || zone().override_ma === null, 'at its end limits rise again');
	lmsd.must('zone', 'pause', 'P1', '--for', '30d');
	await until(all(0), '0 A');
	equal(lmsd.must('zone', 'resume', 'P1').cap_why, 'static', 'resume ends it');
	await until(both(30000), '30 A each', 60000);
	equal(lmsd.must('zone', 'resume', 'P1').cap_why, 'static', 'resume of what is not limited changes nothing');
	lmsd.must('zone', 'override', 'P1', 'limit=100', '--for', '1h');
	equal([zone().cap_why, zone().cap_ma[0]], ['static', 60000], 'a higher one than the zone has changes nothing');
	lmsd.must('zone', 'resume', 'P1');

	const refused = [
		[4, ['zone', 'override', 'P9', 'limit=1', '--for', '1h'], "zone 'P9' does not exist"],
		[4, ['zone', 'pause', 'P9', '--for', '1h'], "zone 'P9' does not exist"],
		[4, ['zone', 'resume', 'P9'], "zone 'P9' does not exist"],
		[64, ['zone', 'override', 'P1', 'limit=10'], 'for'],
		[64, ['zone', 'override', 'P1', '--for', '1h'], 'limit'],
		[64, ['zone', 'pause', 'P1'], 'for'],
		[65, ['zone', 'override', 'P1', 'limit=6301', '--for', '1h'], '6300'],
		[65, ['zone', 'override', 'P1', 'limit=-1', '--for', '1h'], 'limit'],
		[65, ['zone', 'override', 'P1', 'limit=16,16,-', '--for', '1h'], 'L3'],
		[65, ['zone', 'override', 'S1', 'limit=16,10,10', '--for', '1h'], 'one phase'],
		[65, ['zone', 'pause', 'P1', '--for', '31d'], '30 days'],
		[65, ['zone', 'pause', 'P1', '--for', '0s'], '30 days'],
	];
	for (const [status, words, says] of refused) {
		const r = lmsd.ctl(...words);
		ok(r.status === status && r.err.includes(says), `refused: ${words.join(' ')}`,
		   `status ${r.status}, expected ${status}: ${r.err}`);
	}
	equal(lmsd.must('zone', 'list').filter((one) => one.override_ma).length, 0, 'what was refused changed nothing');
	for (const s of stations) await s.close();
});
