#!/usr/bin/env node
// timeout: 600
// lmsd is killed with -9 again and again while transactions start and stop: no acknowledged transaction is
// missing, none is there twice, ids go on upwards, and what runs is running. ROUNDS=200, SEED=1.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

const ROUNDS = Number(process.env.ROUNDS || 200);
const STATIONS = 4;
let seed = Number(process.env.SEED || 1);

function random(n) {
	seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
	return (seed >>> 8) % n;
}

// The transaction side of a real station: a message that was not answered is sent again, unchanged and first.
class Book {
	constructor(index) {
		this.index = index;
		this.meter = 1000 + index;
		this.pending = null;	// {action, params}
		this.tx = null;
		this.started = [];	// {id, params} acknowledged
		this.stopped = [];	// {id, meterStop} acknowledged
		this.clock = Date.parse('2026-03-01T08:00:00Z') + index * 1000;
	}
	time() {
		this.clock += 60000;
		return new Date(this.clock).toISOString();
	}
	next() {
		if (this.pending) return this.pending;
		this.meter += 100 + random(900);
		if (this.tx === null) {
			this.pending = { action: 'StartTransaction', params: { connectorId: 1, idTag: `T${this.index}`,
				meterStart: this.meter, timestamp: this.time() } };
		} else {
			this.pending = { action: 'StopTransaction', params: { transactionId: this.tx, idTag: `T${this.index}`,
				meterStop: this.meter, timestamp: this.time(), reason: 'Local' } };
		}
		return this.pending;
	}
	answered(answer) {
		const { action, params } = this.pending;
		if (action === 'StartTransaction') {
			this.started.push({ id: answer.transactionId, status: answer.idTagInfo.status, params });
			this.tx = answer.transactionId;
		} else {
			this.stopped.push({ id: params.transactionId, meterStop: params.meterStop });
			this.tx = null;
		}
		this.pending = null;
	}
}

async function live(lmsd, station, book, alive) {
	try {
		await station.connect();
		await station.boot();
		while (alive()) {
			const m = book.next();
			book.answered(await station.call(m.action, m.params));
		}
	} catch (e) {
		if (alive()) throw e;
	}
}

main(async () => {
	console.log(`# seed ${seed}, ${ROUNDS} rounds`);
	const lmsd = await new Lmsd().start();
	const books = Array.from({ length: STATIONS }, (_, i) => new Book(i));
	lmsd.apply({
		zones: [{ id: 'P1', static: 60 }],
		stations: books.map((b) => ({ id: `S${b.index}`, zone: 'P1', wiring: 'RST', connectors: 1 })),
		tags: books.map((b) => ({ uid: `T${b.index}` })),
	});
	let rounds = 0;
	for (; rounds < ROUNDS; rounds++) {
		if (rounds > 0) await lmsd.start();
		let alive = true;
		const stations = books.map((b) => new Station(lmsd, `S${b.index}`));
		const lives = books.map((b, i) => live(lmsd, stations[i], b, () => alive));
		await new Promise((resolve) => setTimeout(resolve, 30 + random(170)));	// the moment of the crash
		alive = false;
		await lmsd.kill('SIGKILL');
		await Promise.all(stations.map((s) => s.close()));
		await Promise.all(lives);
	}
	await lmsd.start();
	equal(rounds, ROUNDS, `${ROUNDS} crashes`);

	const ledger = new Map();
	const list = lmsd.must('transaction', 'list');
	for (const t of list) ledger.set(t.id, t);
	equal(ledger.size, list.length, 'no id is there twice');
	const started = books.flatMap((b) => b.started);
	const stopped = books.flatMap((b) => b.stopped);
	ok(started.length > ROUNDS && stopped.length > ROUNDS, `enough happened: ${started.length} starts, ${stopped.length} stops`);
	ok(started.every((s) => s.status === 'Accepted'), 'every start was accepted', started.filter((s) => s.status !== 'Accepted').slice(0, 3));
	equal(new Set(started.map((s) => s.id)).size, started.length, 'every acknowledged start has its own id');
	equal(started.filter((s) => !ledger.has(s.id)), [], 'no acknowledged start is missing');
	equal(started.filter((s) => ledger.has(s.id) && ledger.get(s.id).meter_start_wh !== s.params.meterStart), [],
		'each has the meter value of its start');
	equal(stopped.filter((s) => !ledger.has(s.id) || ledger.get(s.id).state !== 'ended' ||
		ledger.get(s.id).meter_stop_wh !== s.meterStop), [], 'no acknowledged stop is missing');
	const keys = list.map((t) => `${t.station} ${t.meter_start_wh}`);
	equal(new Set(keys).size, keys.length, 'no transaction is there twice');
	for (const b of books) {
		const ids = b.started.map((s) => s.id);
		ok(ids.every((id, i) => i === 0 || id > ids[i - 1]), `ids of S${b.index} go upwards`);
	}
	const running = list.filter((t) => t.state === 'running').map((t) => t.id).sort();
	const expected = books.filter((b) => b.tx !== null && !(b.pending && b.pending.action === 'StopTransaction')).map((b) => b.tx);
	equal(expected.filter((id) => !running.includes(id)), [], 'what was started and not stopped is running');

	// Every message without an answer is sent again: the books and the ledger agree to the last one.
	for (const b of books) {
		const s = new Station(lmsd, `S${b.index}`);
		await s.connect();
		await s.boot();
		if (b.pending) b.answered(await s.call(b.pending.action, b.pending.params));
		await s.close();
	}
	const after = lmsd.must('transaction', 'list');
	equal(after.length, books.reduce((n, b) => n + b.started.length, 0), 'the ledger holds what the stations know, and nothing else');
	await lmsd.kill('SIGTERM');
});
