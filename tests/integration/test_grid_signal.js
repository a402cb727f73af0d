#!/usr/bin/env node
// timeout: 180
// The grid signal by command: stop is 0 A at the stations within a second, reduced by current, factor or number of
// cars, lost by the watchdog, and nothing of it is forgotten over kill -9. Every change and its effect is in the log.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	const ids = ['A', 'B', 'C'], zones = { A: 'CAP', B: 'CARS', C: 'HALF' };
	lmsd.apply({
		zones: [{ id: 'CAP', fuse: 125, derate: '20%', static: 60, grid: true, grid_reduced: '24,24,30', min_off: '1s' },
			{ id: 'CARS', static: 60, grid: true, grid_reduced_sessions: 1, min_off: '1s', grid_lost: 'normal' },
			{ id: 'HALF', static: 60, grid: true, grid_reduced_factor: '50%', min_off: '1s', grid_lost: 'stop' }],
		stations: ids.flatMap((id) => [1, 2].map((n) => ({ id: id + n, zone: zones[id],
			wiring: 'RST', connectors: 1, proven: true }))),
		tags: ids.flatMap((id) => [1, 2].map((n) => ({ uid: `T${id}${n}` }))),
	});
	const zone = (id) => lmsd.must('zone', 'show', id);
	let stations = {};
	for (const id of ids) for (const n of [1, 2]) stations[id + n] = new Station(lmsd, id + n);
	const told = (id) => [1, 2].map((n) => stations[id + n].last('TxProfile'));
	const each = (want) => () => Object.entries(want).every(([id, a]) =>
		JSON.stringify(told(id).sort()) === JSON.stringify(a.slice().sort()));
	for (const s of Object.values(stations)) await s.up();
	await until(() => lmsd.must('zone', 'list').every((z) => z.sum_ma.every((ma) => ma === 0)), 'idle limits to be obeyed');
	for (const [id, s] of Object.entries(stations)) await s.plug(1, 'T' + id);
	await until(each({ A: [30, 30], B: [30, 30], C: [30, 30] }), '30 A each');
	equal(lmsd.must('grid', 'show').state, 'normal', 'nobody has told a signal: normal');

	let t = Date.now();
	equal(lmsd.must('grid', 'set', 'state=stop').state, 'stop', 'stop is taken');
	await until(each({ A: [0, 0], B: [0, 0], C: [0, 0] }), '0 A everywhere');
	ok(Date.now() - t < 1000, 'stop is at the stations within a second, minimum-on or not', `${Date.now() - t} ms`);
	await until(() => lmsd.must('connector', 'list').every((c) => c.limit_ma === 0), '0 A confirmed');
	equal([...new Set(lmsd.must('connector', 'list').map((c) => c.reason_code))], ['grid'], 'and the reason says so');
	equal(zone('CAP').cap_why, 'grid', 'so does the zone');
	ok(lmsd.must('zone', 'explain', 'CAP').limits.some((l) => l.limit === 'grid' && l.holds), 'and its explanation');

	lmsd.must('grid', 'set', 'reduced');
	await until(each({ A: [12, 12], B: [0, 32], C: [15, 15] }), 'reduced', 60000);
	ok(true, 'reduced is a current, one car, or a part of the limit');
	equal([zone('CARS').sessions, zone('CARS').admitted], [1, 1], 'the zone shows how many may charge');
	const queue = lmsd.must('connector', 'list', 'zone=CARS').find((c) => c.target_ma === 0);
	equal([queue.reason_code, queue.reason], ['sessions', 'first in the queue of zone CARS: the grid signal allows 1 car'],
	      'who waits knows why');

	for (const s of Object.values(stations)) await s.close();
	await lmsd.kill('SIGKILL');
	await lmsd.start();
	equal([lmsd.must('grid', 'show').state, zone('CAP').cap_ma, zone('CARS').sessions],
	      ['reduced', [24000, 24000, 30000], 1], 'it holds over kill -9');

	lmsd.must('site', 'set', 'grid_watchdog=2s');
	await until(() => lmsd.must('grid', 'show').state === 'lost', 'the signal to be lost');
	equal(['CAP', 'CARS', 'HALF'].map((z) => zone(z).cap_ma[0]), [24000, 60000, 0], 'lost means what each zone says');
	await until(() => lmsd.must('event', 'list').some((e) => e.event === 'grid_lost' && e.object === 'CAP'), 'an alert');
	lmsd.must('grid', 'set', 'normal', '--for', '1h');
	equal(zone('CAP').cap_ma[0], 60000, 'told again it is normal');
	await until(() => lmsd.must('event', 'list').some((e) => e.event === 'grid_back' && e.object === 'CAP'), 'its end');
	await lmsd.kill('SIGKILL');
	await lmsd.start();
	equal(['CAP', 'CARS', 'HALF'].map((z) => zone(z).cap_ma[0]), [24000, 60000, 0],
	      'after a restart a watchdog believes in the loss until it is told');
	equal(lmsd.must('grid', 'show').sure, false, 'and says so');
	lmsd.must('site', 'set', 'grid_watchdog=');
	equal(zone('HALF').cap_ma[0], 60000, 'without it what was told holds');
	equal(lmsd.must('grid', 'clear').changed, true, 'clear forgets it');

	const log = lmsd.must('grid', 'log').filter((r) => r.zone === 'CAP');
	equal(log.map((r) => r.state), ['stop', 'reduced', 'lost', 'normal', 'normal'], 'the log has every change');
	equal(log.map((r) => [r.before_ma[0], r.after_ma[0]]),
	      [[60000, 0], [0, 24000], [24000, 24000], [24000, 60000], [60000, 60000]], 'and its effect');
	ok(/^command of uid \d+$/.test(log[0].by), 'and who told it', log[0].by);
	equal(lmsd.must('grid', 'check').filter((r) => r.zone === 'HALF').map((r) => r.after_ma[0]), [60000, 30000, 0, 0],
	      'check shows what each state would mean');
	for (const [status, words, says] of [
		[64, ['grid', 'set'], 'state'], [65, ['grid', 'set', 'halt'], 'halt'],
		[65, ['grid', 'set', 'stop', '--for', '31d'], '30 days'],
	]) {
		const r = lmsd.ctl(...words);
		ok(r.status === status && r.err.includes(says), `refused: ${words.join(' ')}`, `status ${r.status}: ${r.err}`);
	}
	equal(lmsd.must('grid', 'show').state, 'normal', 'what was refused changed nothing');
});
