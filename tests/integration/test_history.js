#!/usr/bin/env node
// timeout: 120
// What a meter measures is kept each second as it was measured: its silence is a gap that says so, restarts lose
// nothing that was committed, and what is asked wrongly is refused with a remedy.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, Station, ROOT } = require('./lib');

main(async () => {
	const meter = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--port', '0',
		'--profile', 'SDM630', '--fixed', '10,11,12']);
	meter.say = (m) => meter.stdin.write(JSON.stringify(m) + '\n');
	const lmsd = await new Lmsd().start({ 'history.step': 1 });
	const from = new Date().toISOString();
	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: `1@127.0.0.1:${meter.ready.port}`, poll: '500ms', stale_after: '2s' }],
		zones: [{ id: 'main', dynamic: 60, meter: 'M', meter_lost: 16 }, { id: 'board', static: 32, parent: 'main' }],
		stations: [{ id: 'A', zone: 'board', connectors: 1 }],
	});
	const ask = (method, args) => lmsd.must('raw', method, JSON.stringify({ from, ...args }));
	const history = (args) => ask('meter.history', { id: 'M', ...args });

	// ---- as stored ----
	await until(() => history({}).rows.length >= 4, 'four readings');
	let h = history({});
	equal(h.columns.map((c) => `${c.variable} ${c.unit} ${c.decimals} ${c.stat}`).join(),
		'current_l1 A 3 value,current_l2 A 3 value,current_l3 A 3 value,power_total W 0 value', 'currents and power_total come unasked');
	equal(h.step_ms, 1000, 'the step is that of history.step');
	ok(h.rows.every((r) => r[0] % 1000 === 0 && r.length === 5 && [1, 2, 3].every((i) => Math.abs(r[i] - 9000 - 1000 * i) < 1500)),
		`each row has a moment and what was measured then (${JSON.stringify(h.rows[0])})`);
	ok(h.rows.every((r, i) => i === 0 || r[0] > h.rows[i - 1][0]), 'rows are in the order of time, none twice');
	ok(h.cursor === undefined, 'there is no further page');
	const one = history({ variables: 'voltage_l1n' });
	ok(one.columns.length === 1 && one.columns[0].unit === 'V' && one.rows.some((r) => r[1] > 200000 && r[1] < 250000),
		'one variable alone, in mV');
	const zone = ask('zone.history', { id: 'board', variables: 'limit_l1,ev_current_l1' });
	ok(zone.rows.length > 0 && zone.rows.every((r) => r[1] === 32000), 'a zone has its limit at each moment');
	const zoneMain = ask('zone.history', { id: 'main' });
	ok(zoneMain.rows.length > 0 && zoneMain.rows.some((r) => Math.abs(r[1] - 10000) < 1500), 'a zone has the currents of its meter');

	// ---- silence ----
	meter.say({ mute: true });
	await until(() => lmsd.must('meter', 'show', 'M').state === 'silent' || lmsd.must('meter', 'show', 'M').state === 'stale', 'silence');
	const muted = Date.now();
	await until(() => Date.now() > muted + 3000, 'some seconds of it');
	meter.say({ mute: false });
	await until(() => { const r = history({}).rows; return r.length && r[r.length - 1][0] > Date.now() - 1500; }, 'readings again', 40000);
	h = history({});
	const holes = h.rows.filter((r, i) => i > 0 && r[0] - h.rows[i - 1][0] > 3000);
	equal(holes.length, 1, 'the silence is one gap in the rows');
	ok(h.rows.every((r) => r[1] === null || (r[1] > 8000 && r[1] < 12000)), 'and brought neither zeros nor anything else');

	// ---- by steps ----
	const now = Math.floor(Date.now() / 60000) * 60000;
	const minutes = ask('meter.history', { id: 'M', step: '1m', stat: 'all', variables: 'current_l1,energy_import_total' });
	equal(minutes.columns.map((c) => `${c.variable} ${c.stat}`).join(),
		'current_l1 mean,current_l1 min,current_l1 max,energy_import_total last', 'a register has one column, its last value');
	const last = minutes.rows[minutes.rows.length - 1];
	ok(minutes.step_ms === 60000 && minutes.rows.length >= 1 && last[0] % 60000 === 0 && last[0] >= now - 60000 &&
		last[2] <= last[1] && last[1] <= last[3], `a minute has least, mean and most (${JSON.stringify(last)})`);

	// ---- over restarts ----
	const before = history({}).rows;
	await lmsd.kill('SIGTERM');
	await lmsd.start({ 'history.step': 1 });
	await until(() => history({}).rows.some((r) => r[0] > before[before.length - 1][0] + 1000), 'readings after the restart');
	const after = history({}).rows;
	ok(before.every((r, i) => JSON.stringify(r) === JSON.stringify(after[i])), 'a clean stop loses nothing');
	const state = lmsd.must('system', 'history');
	ok(state.state === 'ok' && state.step_ms === 1000 && state.file_bytes > 0 && state.max_bytes === 8192 * 1048576,
		'system history says how much there is');
	equal(lmsd.must('system', 'status').history, 'ok', 'system status says that it is kept');

	// ---- what is no longer configured ----
	lmsd.apply({ zones: [{ id: 'main', static: 60 }, { id: 'board', static: 32, parent: 'main' }] });
	lmsd.must('zone', 'set', 'main', 'meter=', 'dynamic=', 'meter_lost=', '-y');
	lmsd.must('meter', 'delete', 'M', '-y');
	ok(history({}).rows.length >= before.length, 'a meter that is deleted is still told of');

	// ---- bad input ----
	const refused = (method, args, status, words) => {
		const r = lmsd.ctl('raw', method, JSON.stringify(args));
		ok(r.status === status && r.err.includes(words), `refused: ${words}`, `${r.status} ${r.err}`);
	};
	refused('meter.history', { id: 'N' }, 4, "nothing is kept of a meter 'N'");
	refused('meter.history', { id: 'M', variables: 'curent_l1' }, 65, "did you mean 'current_l1'?");
	refused('zone.history', { id: 'main', variables: 'frequency' }, 65, 'is not kept of a zone');
	refused('meter.history', { id: 'M', step_ms: 1500 }, 65, 'whole minutes');
	refused('meter.history', { id: 'M', stat: 'median' }, 65, 'is not one of mean');
	refused('meter.history', { id: 'M', from: '2026-01-02T00:00:00Z', until: '2026-01-01T00:00:00Z' }, 65, 'is not before until');
	refused('meter.history', { id: 'M', cursor: 'x' }, 65, 'cursor');
	ok(lmsd.ctl('raw', 'meter.history', JSON.stringify({ id: 'M', from: '1000-01-01T00:00:00Z', until: '2200-01-01T00:00:00Z' })).status === 0,
		'a thousand years are a span of time');
	meter.stdin.end();
	await lmsd.kill('SIGTERM');

	// ---- a place that cannot be used ----
	fs.rmSync(path.join(lmsd.dir, 'history'), { recursive: true });
	fs.writeFileSync(path.join(lmsd.dir, 'history'), 'no directory');
	await lmsd.start({ 'history.step': 1 });
	await until(() => lmsd.must('system', 'status').history === 'failed', 'the history to be off');
	const off = lmsd.must('system', 'status');
	ok(off.missing.includes('what meters measure is not kept: Not a directory') && off.store === 'ok', 'status says what is missing, and that the store works');
	ok(lmsd.must('zone', 'set', 'board', 'static=16').static_ma[0] === 16000, 'everything else goes on');
	refused('zone.history', { id: 'main' }, 74, 'the history cannot be read now');
	await until(() => lmsd.must('alert', 'list').some((a) => a.alert === 'history_off'), 'the alert');
	equal(lmsd.must('event', 'list').filter((e) => e.event === 'history_off').length, 1, 'it is told once');
	await lmsd.kill('SIGTERM');
});
