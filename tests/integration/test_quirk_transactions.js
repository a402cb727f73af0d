#!/usr/bin/env node
// Transactions as real stations report them, through lmsd and a kill -9: curves, signed values, orphans, the same
// message again, and what is closed by hand.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

const SIGNED = 'OCMF|{"FV":"1.0","RD":[{"RV":1.2}]}|{"SD":"3045é"}';

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: 60 }],
		stations: ['A', 'B'].map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1 })),
		tags: ['T1', 'T2'].map((uid) => ({ uid })),
	});
	let a = new Station(lmsd, 'A');
	await a.up();
	const startParams = { connectorId: 1, idTag: 'T1', meterStart: 1000, timestamp: new Date(Date.now() - 60000).toISOString() };
	await a.status(1, 'Preparing');
	const first = await a.call('StartTransaction', startParams);
	await a.status(1, 'Charging');
	const at = new Date(Date.parse(startParams.timestamp) + 30000).toISOString();
	await a.call('MeterValues', { connectorId: 1, transactionId: first.transactionId, meterValue: [{ timestamp: at, sampledValue: [
		{ value: '1200' }, { value: '16', measurand: 'Current.Import', phase: 'L1', unit: 'A' },
		{ value: '3680', measurand: 'Power.Active.Import', unit: 'W' },
		{ value: SIGNED, format: 'SignedData', context: 'Transaction.Begin', measurand: 'Energy.Active.Import.Register' },
	] }] });
	const id = String(first.transactionId);
	const running = lmsd.must('transaction', 'curve', id);
	equal(running.map((p) => [p.elapsed_ms, p.energy_wh, p.register_wh, p.power_w]), [[0, 0, 1000, null], [30000, 200, 1200, 3680]],
		'a running transaction has a curve');
	equal(running[1].current_ma, [16000, null, null], 'with currents on grid phases');

	await a.call('StopTransaction', { transactionId: -1, meterStop: 77, timestamp: at });
	await a.call('StopTransaction', { transactionId: -1, meterStop: 77, timestamp: at });
	equal(lmsd.must('transaction', 'list', 'state=orphan').map((t) => [t.station, t.meter_stop_wh, t.energy_wh]), [['A', 77, 0]],
		'a stop of nothing is one orphan');
	equal(lmsd.must('event', 'list', 'limit=1000').filter((e) => e.event === 'transaction_orphan').length, 1, 'that is told once');

	const exit = await lmsd.kill();
	ok(exit.signal === 'SIGKILL', 'lmsd is killed');
	await lmsd.start();
	a = new Station(lmsd, 'A');
	await a.connect();
	equal((await a.call('StartTransaction', startParams)).transactionId, first.transactionId,
		'the same start gets the same id after a restart');
	await a.call('StopTransaction', { transactionId: -1, meterStop: 77, timestamp: at });
	equal(lmsd.must('transaction', 'list', 'state=orphan').length, 1, 'and the same stop is the same orphan');
	const signed = lmsd.must('transaction', 'signed', id);
	equal(signed.map((s) => [s.number, s.context, s.value]), [[1, 'Transaction.Begin', SIGNED]], 'signed values survive');
	ok(signed[0].sample.startsWith('{"value":"OCMF|{\\"FV\\"') && signed[0].sample.endsWith('}'), 'byte for byte', signed[0].sample);
	const stop = new Date().toISOString();
	await a.call('StopTransaction', { transactionId: first.transactionId, meterStop: 1500, timestamp: stop, transactionData: [
		{ timestamp: at, sampledValue: [{ value: '1200' }] },
		{ timestamp: new Date(Date.parse(at) + 10000).toISOString(), sampledValue: [{ value: '1300' }] },
	] });
	const ended = lmsd.must('transaction', 'curve', id);
	equal(ended.map((p) => p.register_wh).filter((wh) => wh !== 1200), [1000, 1300, 1500], 'the data of the stop is in the curve');
	equal(ended[ended.length - 1].energy_wh, 500, 'which ends with the energy of the transaction');
	equal(lmsd.must('transaction', 'show', id).energy_wh, 500, 'that is billed');
	equal(lmsd.ctl('transaction', 'curve', '99').status, 4, 'no curve of what never was');
	equal(lmsd.ctl('transaction', 'signed', '99').status, 4, 'nor signed values');

	// Somebody cut the cable of a station in the middle of a transaction.
	const b = new Station(lmsd, 'B');
	await b.up();
	const lost = await b.plug(1, 'T2', 5000);
	const lostId = String(lost.transactionId);
	await b.draws(1, lost.transactionId, [16, 16, 16], 5600);
	const alive = lmsd.ctl('transaction', 'close', lostId, 'reason=test', '-y');
	equal(alive.status, 5, 'what charges cannot be closed');
	ok(/is alive/.test(alive.err) && /transaction stop/.test(alive.err), 'and the refusal says what can', alive.err);
	equal(lmsd.ctl('transaction', 'close', lostId, 'reason=test').status, 64, 'it is asked for twice');
	await b.close();
	await until(() => lmsd.must('station', 'show', 'B').state === 'offline', 'the station to be offline');
	equal(lmsd.ctl('transaction', 'close', '99', 'reason=x', '-y').status, 4, 'what never was cannot be closed');
	equal(lmsd.ctl('transaction', 'close', lostId, 'reason=x', 'meter_stop=1', '-y').status, 65, 'nor below its register');
	const closed = lmsd.must('transaction', 'close', lostId, 'reason=the cable was cut', '-y');
	equal([closed.state, closed.energy_wh, closed.estimated], ['ended', 600, true], 'it ends at its last register');
	ok(/^uid \d+$/.test(closed.closed_by) && /closed by hand: the cable was cut/.test(closed.note), 'with who and why', closed);
	equal(lmsd.ctl('transaction', 'close', lostId, 'reason=x', '-y').status, 5, 'once');
	const again = new Station(lmsd, 'B');
	await again.connect();
	await again.call('StopTransaction', { transactionId: lost.transactionId, meterStop: 5700, timestamp: new Date().toISOString() });
	const completed = lmsd.must('transaction', 'show', lostId);
	equal([completed.energy_wh, completed.closed_by, completed.estimated], [700, null, false], 'its own stop completes it');
	equal([...a.badSchema, ...b.badSchema, ...again.badSchema], [], 'no schema error');
});
