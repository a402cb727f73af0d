#!/usr/bin/env node
// timeout: 120
// A DC station and one that only takes watts share a board: powers on the wire, grid currents in the book-keeping.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: 60 }],
		stations: [
			{ id: 'FAST', zone: 'P1', wiring: 'RST', connectors: 1, proven: true, type: 'CCS', max_power: '22kW', min_power: '5kW' },
			{ id: 'W', zone: 'P1', wiring: 'RST', connectors: 1, proven: true },
		],
		tags: [{ uid: 'T1' }, { uid: 'T2' }],
	});
	const fast = new Station(lmsd, 'FAST');
	const w = new Station(lmsd, 'W', { config: { ChargingScheduleAllowedChargingRateUnit: 'Power' } });
	const shown = (id) => lmsd.must('connector', 'show', id);
	await fast.up();
	await w.up();
	const tx = (await fast.plug(1, 'T1')).transactionId;
	await until(() => shown('FAST/1').limit_ma >= 35000, 'all of it, when W has told that it takes nothing');
	equal(fast.last('TxProfile'), 21983, '22 kW are 35.4 A per phase at 207 V, and never more than 22 kW');
	equal(shown('FAST/1').limit_ma, 35400, 'which is what is counted');
	await fast.call('MeterValues', { connectorId: 1, transactionId: tx, meterValue: [{ timestamp: new Date().toISOString(), sampledValue: [
		{ value: '200', measurand: 'Current.Import', unit: 'A' }, { value: '100', measurand: 'Voltage', unit: 'V' },
		{ value: '20', measurand: 'Power.Active.Import', unit: 'kW' }] }] });
	await until(() => (shown('FAST/1').current_ma || [])[0] > 0, 'the draw');
	equal(shown('FAST/1').current_ma, [28985, 28985, 28985], '200 A at the car are 29 A from each phase');

	await w.plug(1, 'T2');
	await until(() => w.last('TxProfile') > 0, 'watts');
	const limit = shown('W/1').limit_ma;
	equal(w.last('TxProfile'), Math.floor(limit * 207 / 1000), 'a power that may land on one phase');
	ok(limit >= 22000 && limit <= 24600, 'enough for three, and no more than the board leaves', limit);
	ok(lmsd.must('zone', 'show', 'P1').sum_ma.every((ma) => ma <= 60000), 'the board is not exceeded');
	lmsd.must('connector', 'set', 'W/1', 'watts_on=all');
	await until(() => w.last('TxProfile') > Math.floor(limit * 207 / 1000), 'its station divides by three phases');
	await until(() => shown('W/1').limit_ma >= 24000, 'and takes it');
	equal(w.last('TxProfile'), Math.floor(3 * shown('W/1').limit_ma * 207 / 1000), 'three times what each phase may get');
	ok(lmsd.must('zone', 'show', 'P1').sum_ma.every((ma) => ma <= 60000), 'the board is still not exceeded');
	const r = lmsd.ctl('station', 'set', 'W', 'max_power=11kW');
	ok(r.status === 65 && /max_power: is for DC/.test(r.err), 'powers are for DC', r.err);
	for (const s of [fast, w]) equal(s.badSchema, [], `no schema error at ${s.id}`);
	for (const s of [fast, w]) await s.close();
});
