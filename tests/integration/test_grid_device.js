#!/usr/bin/env node
// timeout: 120
// A device tells the grid signal by a register and the state of a generator by a coil, over one connection: both are
// obeyed within a second or two, a value that means nothing tells nothing, the death of the device is the loss of both,
// and its return ends that. Staff may tell less beside it, and never more.
'use strict';
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, Station, ROOT } = require('./lib');

async function startDevice(port) {
	const child = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/device.py'), '--port', String(port)]);
	child.set = (values) => child.stdin.write(JSON.stringify({ set: values }) + '\n');
	child.count = () => new Promise((resolve) => {
		child.stdout.once('data', (d) => resolve(JSON.parse(d)));
		child.stdin.write('{"get": true}\n');
	});
	return child;
}

main(async () => {
	let device = await startDevice(0);
	const port = device.ready.port;
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		site: { grid_from: `modbus:1@127.0.0.1:${port},holding:40,mask:0x0f`, grid_watchdog: '2s' },
		sources: [{ id: 'GEN', kind: 'generator', states: 'grid,island', stale_after: '2s',
			from: `modbus:2@127.0.0.1:${port},coil:7`, values: '0=grid,1=island' },
			{ id: 'BAT', kind: 'storage', states: 'full,empty', from: `modbus:2@127.0.0.1:${port},discrete:9`,
				values: '0=full,1=empty' },
			{ id: 'PRICE', kind: 'tariff', states: 'low,high', from: `modbus:2@127.0.0.1:${port},input:11,bit:3`,
				values: '0=low,1=high' }],
		zones: [{ id: 'P', fuse: 60, grid: true, grid_reduced: 24, grid_lost: 'reduced', min_off: '1s', source: 'GEN',
			source_caps: 'island=16; lost=20' }],
		stations: [{ id: 'A', zone: 'P', wiring: 'RST', connectors: 1, proven: true }],
		tags: [{ uid: 'T' }],
	});
	const show = (noun, ...id) => lmsd.must(noun, 'show', ...id);
	const cap = () => show('zone', 'P').cap_ma[0];
	const a = new Station(lmsd, 'A');
	const told = (limit) => until(() => a.last('TxProfile') === limit, `${limit} A`);
	await until(() => show('grid').sure && show('source', 'GEN').sure && cap() === 60000, 'the device to be heard');
	ok(true, 'normal and grid: nothing is limited');
	equal((({ state, by, from, raw }) => ({ state, by, from, raw }))(show('grid')),
	      { state: 'normal', by: `modbus:1@127.0.0.1:${port},holding:40,mask:0x0f`,
		from: `modbus:1@127.0.0.1:${port},holding:40,mask:0x0f`, raw: '0' }, 'grid show says where it comes from');
	equal((await device.count()).connections, 1, 'all are read over one connection');
	await a.up();
	await until(() => lmsd.must('zone', 'list').every((z) => z.sum_ma.every((ma) => ma === 0)), 'the idle limit');
	await a.plug(1, 'T');
	await told(32);

	device.set({ hr: { 40: 0x7f2 } });
	await told(0);
	ok(true, 'the value 2 in the masked register is stop: 0 A at the station');
	device.set({ hr: { 40: 1 } });
	await told(24);
	device.set({ co: { 7: 1 } });
	await told(16);
	equal([show('source', 'GEN').state, show('source', 'GEN').raw], ['island', '1'], 'the coil is the island: its limit');
	device.set({ di: { 9: 1 }, ir: { 11: 8 } });
	await until(() => show('source', 'BAT').state === 'empty' && show('source', 'PRICE').state === 'high', 'inputs to be read');
	ok(true, 'a discrete input and a bit of an input register are read, too');
	device.set({ hr: { 40: 0 }, co: { 7: 0 } });
	await told(32);

	lmsd.must('grid', 'set', 'reduced');
	await told(24);
	device.set({ hr: { 40: 2 } });
	await told(0);
	lmsd.must('grid', 'set', 'normal');
	equal([show('grid').state, cap()], ['stop', 0], 'staff does not take back what the device says');
	lmsd.must('grid', 'clear');
	device.set({ hr: { 40: 0 } });
	await told(32);

	device.set({ hr: { 40: 9 } });
	await until(() => show('grid').error, 'the strange value to be seen');
	equal([show('grid').raw, show('grid').state], ['9', 'normal'], 'a value that means nothing tells nothing');
	await until(() => show('grid').state === 'lost', 'the watchdog');
	await told(24);
	equal(lmsd.must('event', 'list').filter((e) => e.event === 'way_strange').length, 1, 'an event says so once');
	device.set({ hr: { 40: 0 } });
	await told(32);

	device.kill('SIGKILL');
	await device.gone;
	await told(20);
	equal([show('grid').state, show('source', 'GEN').state], ['lost', 'lost'], 'the death of the device is the loss of what it tells');
	ok(/refused|ended/.test(show('grid').error), 'and grid show says what is wrong', show('grid').error);
	device = await startDevice(port);
	await until(() => show('grid').state === 'normal' && show('source', 'GEN').state === 'grid', 'the return', 30000);
	await told(32);
	equal(show('grid').error, undefined, 'the error is gone');
	equal(lmsd.must('event', 'list').filter((e) => e.event === 'way_silent').length, 4, 'one event for each, not one a second');
	const log = lmsd.must('grid', 'log').filter((r) => r.zone === 'P' && (r.by || '').startsWith('modbus:'));
	ok(log.some((r) => r.state === 'stop' && r.before_ma[0] === 60000 && r.after_ma[0] === 0) &&
	   log.some((r) => r.state === 'lost' && r.after_ma[0] === 20000 || r.after_ma[0] === 24000),
	   'the log has what the device said and its effect', log.map((r) => [r.state, r.before_ma[0], r.after_ma[0]]));
});
