#!/usr/bin/env node
// timeout: 120
// report bottleneck: the hours in which a zone held cars back, while it does, and over restarts.
'use strict';
const { spawnSync } = require('child_process');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, BIN } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		site: { timezone: 'Europe/Paris' },
		zones: [{ id: 'main', fuse: 100 }, { id: 'P1', parent: 'main', static: 40 }, { id: 'P2', parent: 'main', static: 40 }],
		stations: ['A', 'B', 'C'].map((id, i) => ({ id, zone: i < 2 ? 'P1' : 'P2', wiring: 'RST', connectors: 1, proven: true })),
		tags: ['T1', 'T2', 'T3'].map((uid) => ({ uid })),
	});
	const stations = ['A', 'B', 'C'].map((id) => new Station(lmsd, id));
	const report = (...args) => lmsd.must('report', 'bottleneck', ...args);
	for (const s of stations) await s.up();
	await stations[0].plug(1, 'T1');
	await stations[2].plug(1, 'T3');
	await until(() => ['A/1', 'C/1'].every((id) => lmsd.must('connector', 'show', id).limit_ma === 32000), 'one car each');
	equal(report(), [], 'with room for all there is no bottleneck');
	await stations[1].plug(1, 'T2');
	const first = await until(() => report().find((r) => r.zone === 'P1' && r.held_ms >= 9000), 'P1 to be short for 9 s');
	equal(report().map((r) => r.zone), ['P1'], 'it is P1, not what feeds it, nor its neighbour');
	ok(first.hour.endsWith(':00:00Z') && Date.now() - Date.parse(first.hour) < 3600e3 + 60e3, 'in this hour', first);
	// 32 A are missing until the first has given way, then 24, on three phases.
	const wh = first.held_ms / 3600e3 * 230 * 3;
	ok(first.missing_wh >= Math.floor(24 * wh) - 1 && first.missing_wh <= 33 * wh, 'what is missing', first);
	equal(report('zone=P2'), [], 'another zone');
	equal(report('zone=P1', 'period=today').length, 1, 'today');
	ok(report('period=yesterday').length <= 1, 'yesterday');
	equal(report('from=2020-01-01T00:00:00Z', 'to=2020-02-01T00:00:00Z'), [], 'before there was anything');
	for (const [args, status, text] of [
		[['zone=P9'], 4, "zone 'P9' does not exist"],
		[['period=fortnight'], 65, 'period: '],
		[['period=week', 'from=2020-01-01T00:00:00Z'], 64, 'from: not with period'],
	]) {
		const r = lmsd.ctl('report', 'bottleneck', ...args);
		ok(r.status === status && r.err.includes(text), `refused: ${args.join(' ')}`, r);
	}

	const before = report()[0];
	await lmsd.kill('SIGTERM');
	await lmsd.start();
	const sum = () => report().filter((r) => r.zone === 'P1').reduce((s, r) => s + r.held_ms, 0);
	ok(sum() >= before.held_ms, 'an end in good order forgets nothing', { before, now: report() });
	for (const s of stations) await s.close();
	for (const s of stations) {
		await s.connect();
		await s.boot();
		await s.status(1, 'Charging');	/* the transactions go on */
	}
	await until(() => sum() > before.held_ms + 3000, 'it goes on behind a restart');
	const human = spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'report', 'bottleneck', '--tz', 'Europe/Paris'], { encoding: 'utf8' });
	console.log(human.stdout.replace(/^/gm, '# '));
	ok(/^HOUR +ZONE +HELD +MISSING/m.test(human.stdout) && /^\d{4}-\d\d-\d\d \d\d:00:00 +P1 +\d+/m.test(human.stdout), 'as a table, in local time');
	const csv = lmsd.ctl('report', 'bottleneck', '-o', 'csv');
	ok(/^hour,zone,held_ms,missing_wh\r?\n\d{4}-/.test(csv.out), 'as CSV', csv);
	for (const s of stations) await s.close();
});
