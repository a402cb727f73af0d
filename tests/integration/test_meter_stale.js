#!/usr/bin/env node
// timeout: 120
// A meter stops. Wherever its values are shown, none is shown as if it were of now, and none as 0: lists, records, JSON,
// zones, explanations, lmstop, watches. Then it comes back. And a device that says it is another model is not steered by.
'use strict';
const path = require('path');
const { spawn, spawnSync } = require('child_process');
const { ok, equal, until, main, startProgram, cleanups, Lmsd, ROOT, BIN } = require('./lib');

const start = (port) => startProgram('/usr/bin/python3',
	[path.join(ROOT, 'tests/sim/meter.py'), '--port', String(port), '--profile', 'SDM630', '--fixed', '13.1,14.2,15.3']);

main(async () => {
	let meter = await start(0);
	const port = meter.ready.port;
	const lmsd = await new Lmsd().start();
	const run = (program, ...args) => spawnSync(path.join(BIN, program), ['-s', lmsd.socket, ...args],
		{ encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } }).stdout;
	const lmsctl = (...args) => run('lmsctl', ...args);
	const lmstop = (screen) => run('lmstop', '--once', '--screen', screen, '--size', '160x24');
	// Whatever the meter said: currents, voltages, powers, and what follows from them.
	const numbers = /13\.1|14\.2|15\.3|23[01]\.\d|\b9\.[678] kW|\b(29[89]|300|32[45]|35[01])\d\b|\b97\d\d\b/;
	const row = (text, id) => text.split('\n').find((l) => l.trim().startsWith(id)) || '';

	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: `1@127.0.0.1:${port}`, scope: 'grid', stale_after: '3s' }],
		zones: [{ id: 'main', dynamic: 60, meter: 'M', meter_lost: 16, margin: 0, pv: 'surplus' }],
	});
	await until(() => {
		const m = lmsd.must('meter', 'show', 'M');

		return m.state === 'ok' && m.energy_import_wh;
	}, 'all values of the meter', 30000);
	await until(() => lmsd.must('zone', 'show', 'main').building_ma, 'the balance to know them');

	ok(/ok .*13\.1\/14\.2\/15\.3 A +9\.[678] kW +1\.23\d MWh +main/.test(row(lmsctl('meter', 'list'), 'M')), 'a list shows a good meter',
		lmsctl('meter', 'list'));
	const fresh = lmsd.must('meter', 'show', 'M');
	ok(fresh.zones === 'main' && fresh.values.every((v) => v.quality === 'good' && v.time && v.unit !== undefined && v.value !== null),
		'its record has its zones, and every value with time, unit and quality', fresh);
	equal([typeof fresh.energy_import_wh, fresh.current_ma], ['number', [13100, 14200, 15300]], 'JSON has raw integers');
	ok(/13\.1\/14\.2\/15\.3/.test(row(lmsctl('zone', 'list'), 'main')), 'and so does its zone', lmsctl('zone', 'list'));
	ok(/13\.1/.test(lmstop('meters')) && /13\.1/.test(lmstop('zones')) && /13\.1\/60 A/.test(lmstop('overview')), 'lmstop too', lmstop('overview'));

	// Watches hear what happens.
	const watch = spawn(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, '-o', 'ndjson', '-w', 'meter', 'list'], { stdio: ['ignore', 'pipe', 'ignore'] });
	let watched = '';
	watch.stdout.on('data', (d) => { watched += d; });
	cleanups.push(() => watch.kill());
	await until(() => watched.includes('13100'), 'the watch to begin');
	const last = () => JSON.parse(watched.trim().split('\n').pop());

	meter.kill('SIGKILL');
	await meter.gone;
	await until(() => lmsd.must('meter', 'show', 'M').age_ms > 4000 && lmsd.must('zone', 'show', 'main').cap_why === 'meter_lost',
		'its values to age', 30000);
	const old = lmsd.must('meter', 'show', 'M');
	equal([old.state, old.current_ma, old.voltage_v, old.power_w, old.energy_import_wh, old.energy_export_wh],
		['silent', undefined, undefined, undefined, undefined, undefined], 'its record has no value as of now, and no 0');
	ok(old.values.length === fresh.values.length && old.values.every((v) => v.quality === 'stale'), 'the values that were are stale, each', old.values);
	ok(old.values.every((v) => Date.now() - Date.parse(v.time) > 3500), 'with the time at which they were sampled', old.values);
	ok(/Connection refused|does not answer/.test(old.error), 'and why', old.error);
	let shown = row(lmsctl('meter', 'list'), 'M');
	ok(/silent/.test(shown) && !numbers.test(shown) && !/ 0 [AVW]/.test(shown), 'a list shows none', shown);
	shown = lmsctl('meter', 'show', 'M');
	ok(shown.split('\n').every((l) => !numbers.test(l) || /stale$/.test(l.trim())), 'wherever a number stands, stale stands beside it', shown);
	const zone = lmsd.must('zone', 'show', 'main');
	equal([zone.load_ma, zone.load_ok, zone.building_ma, zone.cap_ma], [undefined, false, undefined, [16000, 16000, 16000]],
		'its zone has no load, which is not 0, and keeps the current for a lost meter');
	shown = row(lmsctl('zone', 'list'), 'main');
	ok(/meter_lost/.test(shown) && !numbers.test(shown), 'so has the list of zones', shown);
	shown = lmsctl('zone', 'explain', 'main');
	ok(/while the meter is silent/.test(shown) && shown.split('\n').every((l) => !numbers.test(l) || /meter M has no fresh value/.test(l)),
		'an explanation says that what it counts with is old', shown);
	shown = lmsctl('pv', 'show');
	ok(!numbers.test(shown), 'the sun is not followed by what was', shown);
	for (const screen of ['meters', 'zones', 'overview']) {
		shown = lmstop(screen);
		ok(!numbers.test(shown) && !/\b0 ?(W|V|kW)\b/.test(shown) && /silent|meter_lost|METER LOST/.test(shown), `lmstop's ${screen} show none`, shown);
	}
	await until(() => last().state === 'silent' && last().current_ma === undefined && last().power_w === undefined, 'the watch to say so');
	ok(true, 'a watch says so too');

	meter = await start(port);
	await until(() => lmsd.must('meter', 'show', 'M').state === 'ok', 'the meter to come back', 60000);
	equal(lmsd.must('meter', 'show', 'M').current_ma, [13100, 14200, 15300], 'it is back, and so are its values');

	// Another model answers.
	lmsd.must('meter', 'set', 'M', 'profile=SDM630MCT-V2');
	await until(() => lmsd.must('meter', 'show', 'M').state === 'implausible', 'another model to be noticed', 30000);
	const other = lmsd.must('meter', 'show', 'M');
	ok(/another model: identity register 64514 reads 0x0070/.test(other.error), 'a device that says it is another model is told', other);
	equal([other.current_ma, other.power_w], [undefined, undefined], 'and nothing of it is taken');
	ok(other.values.every((v) => v.quality === 'suspect' && v.value === null), 'its values are suspect', other.values);
	await until(() => lmsd.must('zone', 'show', 'main').cap_why === 'meter_lost', 'the zone to keep the current for a lost meter', 30000);
	await until(() => /meter_other_model/.test(lmsd.child.log), 'the event of it');
	ok(true, 'there is an event');
	lmsd.must('meter', 'set', 'M', 'identity=any');
	await until(() => lmsd.must('meter', 'show', 'M').state === 'ok', 'it to be taken', 30000);
	ok(true, 'identity=any takes it nevertheless');
	meter.stdin.end();
});
