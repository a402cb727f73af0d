#!/usr/bin/env node
// timeout: 120
// The disk stalls: no increase and no answer that must be durable leaves before its commit, decreases leave all the
// same, and an increase that was overtaken by a decrease never leaves at all. No profile of a transaction comes before
// the answer that tells its number.
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, Station, ROOT, TMP, BIN } = require('./lib');

main(async () => {
	const preload = path.join(TMP, 'slow_sync.so');
	const stall = path.join(TMP, 'stall');
	execFileSync('gcc', ['-shared', '-fPIC', '-o', preload, path.join(ROOT, 'tests/sim/slow_sync.c'), '-ldl']);
	process.env.SLOW_SYNC = stall;
	process.env.LD_PRELOAD = preload;
	process.env.ASAN_OPTIONS = (process.env.ASAN_OPTIONS || '') + ':verify_asan_link_order=0';
	const lmsd = new Lmsd();
	await lmsd.start();
	delete process.env.LD_PRELOAD;
	lmsd.apply({
		zones: [{ id: 'P1', static: 60 }, { id: 'P3', static: 40 }],
		stations: ['A', 'B', 'C'].map((id) => ({ id, zone: id === 'C' ? 'P3' : 'P1', wiring: 'RST', connectors: 1 })),
		tags: [{ uid: 'T1' }, { uid: 'T2' }, { uid: 'T3' }],
	});
	const [a, b] = ['A', 'B'].map((id) => new Station(lmsd, id));
	await a.up();
	await b.up();
	await a.plug(1, 'T1');
	const tx = await b.plug(1, 'T2');
	await until(() => a.last('TxProfile') === 30 && b.last('TxProfile') === 30, '30 and 30', 30000);

	fs.writeFileSync(stall, '');
	let stopped = false;
	const stop = b.unplug(tx.transactionId, 5000, 'T2').then(() => { stopped = true; });
	await until(async () => (await lmsd.ctlAsync('connector', 'show', 'A/1')).json.w_ma === 32000, 'the increase to be decided');
	await lmsd.ctlAsync('connector', 'limit', 'A/1', '10');
	await until(() => a.last('TxProfile') === 10, 'the decrease, which waits for no disk', 15000);
	ok(!a.profiles.some((p) => p.limit === 32), 'the increase to 32 A has not left before its commit');
	ok(!stopped, 'nor has the answer to StopTransaction');
	fs.unlinkSync(stall);
	await stop;
	ok(stopped, 'that answer leaves when the disk goes on');
	await lmsd.ctlAsync('zone', 'create', 'P2', 'static=10');	/* another commit has passed */
	await a.call('Heartbeat', {});
	equal(a.last('TxProfile'), 10, 'the increase that was overtaken never leaves');
	ok(!a.profiles.some((p) => p.limit === 32), 'not even once');
	await lmsd.ctlAsync('connector', 'limit', 'A/1');
	await until(() => a.last('TxProfile') === 32, 'the whole limit again', 30000);
	ok(true, 'the limit can rise again afterwards');

	/* What is lower than a raise that waits may be more than what is on disk: a crash would forget it. */
	await lmsd.ctlAsync('connector', 'limit', 'A/1', '10');
	await until(async () => (await lmsd.ctlAsync('connector', 'show', 'A/1')).json.w_ma === 10000, 'W of 10 A', 30000);
	await lmsd.ctlAsync('zone', 'set', 'P2', 'static=11');	/* and that it is on disk */
	fs.writeFileSync(stall, '');
	await lmsd.ctlAsync('connector', 'limit', 'A/1');
	await until(async () => (await lmsd.ctlAsync('connector', 'show', 'A/1')).json.w_ma === 32000, 'a raise to be decided');
	const sent = a.profiles.length;
	await lmsd.ctlAsync('connector', 'limit', 'A/1', '20');
	await until(async () => (await lmsd.ctlAsync('connector', 'show', 'A/1')).json.target_ma === 20000, 'less of it');
	await a.call('Heartbeat', {});
	equal(a.profiles.length, sent, 'a part of a raise that is not on disk yet waits with it');
	fs.unlinkSync(stall);
	await until(() => a.last('TxProfile') === 20, 'that part', 30000);
	ok(true, 'and leaves after the commit');

	/* What its first transaction may draw is nothing: that is decided at once, but C does not know its number yet. */
	const c = await new Station(lmsd, 'C').connect();
	await c.boot();
	await c.status(1, 'Preparing');
	equal((await lmsd.ctlAsync('connector', 'limit', 'C/1', '0')).status, 0, 'C may draw nothing');
	await until(async () => (await lmsd.ctlAsync('connector', 'show', 'C/1')).json.w_ma === 0, 'C to be at rest', 30000);
	await lmsd.ctlAsync('zone', 'set', 'P2', 'static=12');	/* and that it is on disk */
	fs.writeFileSync(stall, '');
	const start = c.call('StartTransaction', { connectorId: 1, idTag: 'T3', meterStart: 0, timestamp: new Date().toISOString() });
	await until(async () => (await lmsd.ctlAsync('connector', 'show', 'C/1')).json.transaction, 'the transaction');
	await lmsd.ctlAsync('connector', 'limit', 'A/1', '8');
	await until(() => a.last('TxProfile') === 8, 'what was decided after it', 15000);
	equal(c.last('TxProfile'), undefined, 'no profile of it comes before its number');
	fs.unlinkSync(stall);
	equal((await start).idTagInfo.status, 'Accepted', 'the answer to StartTransaction');
	await until(() => c.last('TxProfile') === 0, 'its profile', 30000);
	ok(true, 'and then its profile');
	await c.close();
	await a.close();
	await b.close();
});
