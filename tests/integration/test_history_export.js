#!/usr/bin/env node
// What lmsd kept of a meter and of a transaction, as lmsctl and lmstop tell it: files hold the same numbers as the
// answers of the control protocol, openpyxl reads them as numbers and times, and charts show them.
'use strict';
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { ok, equal, until, main, startProgram, Lmsd, Station, ROOT, BIN, TMP } = require('./lib');

const READ = `
import json, sys, openpyxl
rows = openpyxl.load_workbook(sys.argv[1]).worksheets[0].iter_rows()
print(json.dumps([[c.value.isoformat() if c.is_date and c.value else c.value for c in r] for r in rows]))`;

main(async () => {
	const meter = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--port', '0',
		'--profile', 'SDM630', '--fixed', '10,11,12']);
	const lmsd = await new Lmsd().start({ 'history.step': 1 });
	const plain = (bin, ...args) => spawnSync(path.join(BIN, bin), ['-s', lmsd.socket, ...args],
		{ encoding: 'utf8', timeout: 60000, env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm' } });
	lmsd.apply({
		site: { timezone: 'Asia/Kathmandu' },
		meters: [{ id: 'M', profile: 'SDM630', address: `1@127.0.0.1:${meter.ready.port}`, poll: '500ms', stale_after: '2s' }],
		zones: [{ id: 'main', dynamic: 60, meter: 'M', meter_lost: 16 }],
		stations: [{ id: 'A', zone: 'main', connectors: 1 }],
	});
	const rows = () => lmsd.must('meter', 'history', 'M', '1h', 'variables=current_l1,current_l2');
	await until(() => rows().length >= 4, 'four readings');

	// ---- files ----
	const csv = path.join(TMP, 'm.csv'), xlsx = path.join(TMP, 'm.xlsx');
	const period = `${rows()[0].time}..${rows()[3].time}`;
	const want = lmsd.must('meter', 'history', 'M', period, 'variables=current_l1,energy_import_total');
	equal(want.length, 3, 'the end of a period is not in it');
	for (const file of [csv, xlsx])
		equal(plain('lmsctl', 'meter', 'export', 'M', period, '--variables', 'current_l1,energy_import_total', '-O', file).status, 0,
			`${path.extname(file)} is written`);
	const lines = fs.readFileSync(csv, 'utf8').trim().split('\r\n').map((l) => l.split(','));
	equal(lines[0].join(), 'time,current_l1 [A],energy_import_total [kWh],quality', 'the header has units');
	ok(want.every((r, i) => Date.parse(lines[i + 1][0]) === Date.parse(r.time) && lines[i + 1][0].endsWith('+05:45') &&
		Math.round(Number(lines[i + 1][1]) * 1000) === r.current_l1_ma &&
		(lines[i + 1][2] === '' ? null : Math.round(Number(lines[i + 1][2]) * 1000)) === r.energy_import_total_wh &&
		lines[i + 1][3].startsWith('good')), 'csv has the same numbers, and the times of the site', JSON.stringify([want, lines]));
	const cells = JSON.parse(spawnSync('/usr/bin/python3', ['-c', READ, xlsx], { encoding: 'utf8' }).stdout);
	ok(want.every((r, i) => Date.parse(cells[i + 1][0] + '+05:45') === Date.parse(r.time) && typeof cells[i + 1][1] === 'number' &&
		Math.round(cells[i + 1][1] * 1000) === r.current_l1_ma), 'xlsx: numbers are numbers, times are times', JSON.stringify([want, cells]));
	ok(plain('lmsctl', 'meter', 'export', 'NO', '1h', '-O', path.join(TMP, 'no.csv')).status === 4 && !fs.existsSync(path.join(TMP, 'no.csv')),
		'of what was never kept there is no file');

	// ---- charts ----
	const chart = plain('lmsctl', 'meter', 'history', 'M', '5m');
	ok(chart.stdout.includes('current  M  ') && chart.stdout.includes('(Asia/Kathmandu)') && /1 L1 10\.\d/.test(chart.stdout) &&
		/power_total 7\.\d/.test(chart.stdout), 'lmsctl draws currents and power', chart.stdout + chart.stderr);
	ok(/^ *A +L1 (9|1\d)\./m.test(plain('lmsctl', 'zone', 'history', 'main', '5m', '--variables', 'current_l1').stdout), 'and those of a zone');
	const screen = plain('lmstop', '--once', '--screen', 'meter/M', '--size', '110x40');
	ok(screen.stdout.includes('[currents]') && /1 L1 10\.\d/.test(screen.stdout) && /current_l1 +10(\.\d+)? +A +good/.test(screen.stdout),
		'lmstop shows the chart over all variables', screen.stdout + screen.stderr);
	ok(plain('lmstop', '--once', '--screen', 'meter/NO').stdout.includes('meter NO is gone'), 'a meter that is not there is gone');

	// ---- a transaction ----
	const a = new Station(lmsd, 'A');
	await a.connect();
	await a.boot();
	await a.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' });
	lmsd.must('tag', 'add', 'T1');
	const start = await a.call('StartTransaction', { connectorId: 1, idTag: 'T1', meterStart: 1000, timestamp: new Date().toISOString() });
	await a.call('MeterValues', { connectorId: 1, transactionId: start.transactionId, meterValue: [{ timestamp: new Date().toISOString(),
		sampledValue: [{ value: '1200', measurand: 'Energy.Active.Import.Register', unit: 'Wh' },
			{ value: '7200', measurand: 'Power.Active.Import', unit: 'W' }] }] });
	const id = String(start.transactionId);
	const curve = lmsd.must('transaction', 'graph', id);
	ok(curve.some((r) => r.power_w === 7200 && r.energy_wh === 200), 'transaction graph tells power and energy', JSON.stringify(curve));
	ok(plain('lmsctl', 'transaction', 'graph', id).stdout.startsWith(`power  transaction ${id}  (Asia/Kathmandu)`), 'and draws them');
	await until(() => plain('lmstop', '--once', '--screen', `transaction/${id}`, '--size', '100x40').stdout.includes('power 7.2'),
		'lmstop draws it too');
	meter.stdin.end();
	await lmsd.kill('SIGTERM');
});
