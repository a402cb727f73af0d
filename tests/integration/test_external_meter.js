#!/usr/bin/env node
// timeout: 120
// A connector with a meter of its own: what it draws is read there, on the grid's phases, and not from the station;
// a silent meter leaves no old value behind.
'use strict';
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, Station, ROOT } = require('./lib');

main(async () => {
	const meter = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--port', '0', '--profile', 'SDM630']);
	const say = (m) => meter.stdin.write(JSON.stringify(m) + '\n');
	say({ building: [0, 0, 0], ev: [7, 8, 9] });
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		meters: [{ id: 'OWN', profile: 'SDM630', address: `1@127.0.0.1:${meter.ready.port}`, scope: 'sub', phases: 'L2,L3,L1' }],
		zones: [{ id: 'P1', static: 60 }],
		stations: [{ id: 'A', zone: 'P1', wiring: 'RST', connectors: 1, proven: true }],
		connectors: [{ id: 'A/1', external_meter: 'OWN' }],
		tags: [{ uid: 'T1' }],
	});
	const a = new Station(lmsd, 'A');
	const shown = () => lmsd.must('connector', 'show', 'A/1');
	await a.up();
	const tx = (await a.plug(1, 'T1')).transactionId;
	await a.draws(1, tx, [20, 20, 20], 1500);
	await until(() => shown().current_ma && shown().current_ma[0] > 0, 'the meter to be read');
	const near = (ma, amps) => ma.every((v, k) => Math.abs(v - amps[k] * 1000) < 300);
	ok(near(shown().current_ma, [9, 7, 8]), 'the meter says what is drawn, on the phases of the grid', shown().current_ma);
	await a.draws(1, tx, [20, 20, 20], 1600);
	ok(near(shown().current_ma, [9, 7, 8]), 'and not the station', shown().current_ma);
	ok(shown().energy_wh === 600, 'whose energy counts for the transaction', shown().energy_wh);
	say({ mute: true });
	await until(() => !(shown().current_ma || []).some((v) => v), 'the draw to be unknown', 40000);
	await a.draws(1, tx, [20, 20, 20], 1700);
	ok(!(shown().current_ma || []).some((v) => v), 'a silent meter leaves no old value, and the station does not stand in for it');
	const r = lmsd.ctl('meter', 'delete', 'OWN', '-y');
	ok(r.status !== 0 && /A\/1/.test(r.err), 'the meter of a connector is not deleted', r.err);
	equal(a.badSchema, [], 'no schema error');
	await a.close();
});
