#!/usr/bin/env node
// timeout: 180
// Zone 60 A, stations that we did not write: two charging get 30 and 30, the third makes it 20, 20, 20, and
// at no instant does the sum of what stations may be obeying exceed 60 A.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

const SETTLE_MS = 5000;
const CAP = 60;

// What a station may be obeying: its last accepted limit, and for the settle time after it the one before.
class Obeying {
	constructor() {
		this.stations = new Map();
		this.worst = 0;
	}
	limit(id, amps) {
		const s = this.stations.get(id) || { now: 0, before: 0, until: 0 };
		const t = Date.now();
		const before = t < s.until ? Math.max(s.before, s.now) : s.now;
		this.stations.set(id, { now: amps, before, until: amps < before ? t + SETTLE_MS * 0.9 : 0 });
		this.look();
	}
	gone(id) {
		this.stations.delete(id);
	}
	look() {
		let sum = 0;
		for (const s of this.stations.values()) sum += Date.now() < s.until ? Math.max(s.before, s.now) : s.now;
		this.worst = Math.max(this.worst, sum);
		return sum;
	}
}

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: CAP }],
		stations: ['A', 'B', 'C'].map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1 })),
		tags: ['T1', 'T2', 'T3'].map((uid) => ({ uid })),
	});
	const obeying = new Obeying();
	const stations = ['A', 'B', 'C'].map((id) => new Station(lmsd, id));
	for (const s of stations) {
		const onProfile = s.onProfile.bind(s);
		s.onProfile = (p) => {
			const limit = p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit;
			if (p.csChargingProfiles.chargingProfilePurpose === 'TxProfile') obeying.limit(s.id, limit);
			return onProfile(p);
		};
		const boot = await s.up();
		equal(boot.status, 'Accepted', `${s.id} is accepted`);
	}
	await until(() => stations.every((s) => s.last('TxDefaultProfile') === 0), 'idle limits of 0 A');
	ok(true, 'every idle connector holds 0 A');
	await until(() => lmsd.must('zone', 'show', 'P1').sum_ma.every((ma) => ma === 0), 'idle limits to be obeyed');
	const over = lmsd.must('status').seconds_over;	/* a station counts at its maximum until it is known */

	const tx = [];
	for (const [i, s] of stations.slice(0, 2).entries()) tx[i] = await s.plug(1, `T${i + 1}`);
	ok(tx[0].transactionId > 0 && tx[1].transactionId > tx[0].transactionId, 'transaction ids go upwards', tx);
	await until(() => stations[0].last('TxProfile') === 30 && stations[1].last('TxProfile') === 30, '30 and 30', 30000);
	ok(true, 'two charging get 30 and 30');

	tx[2] = await stations[2].plug(1, 'T3');
	await until(() => stations.every((s) => s.last('TxProfile') === 20), '20, 20, 20', 30000);
	ok(true, 'the third makes it 20, 20, 20');
	ok(stations[2].profiles.filter((p) => p.purpose === 'TxProfile').every((p) => p.limit <= 20), 'the third never had more');
	ok(obeying.worst <= CAP, `at no instant the sum exceeds ${CAP} A (highest ${obeying.worst})`);

	const shown = lmsd.must('connector', 'list');
	equal(shown.map((c) => c.limit_ma), [20000, 20000, 20000], 'lmsctl shows the limits');
	equal(lmsd.must('status').seconds_over, over, 'lmsd counted no second over');
	const words = lmsd.ctl('-o', 'table', 'connector', 'explain', 'C/1');
	ok(/P1/.test(words.out) && /60/.test(words.out), 'explain names the zone and its limit', words.out);

	await stations[0].unplug(tx[0].transactionId, 5000, 'T1');
	obeying.gone('A');	/* its transaction is over: 0 A by its default */
	await stations[0].status(1, 'Available');
	await until(() => stations[1].last('TxProfile') === 30 && stations[2].last('TxProfile') === 30, '30, 30 again', 30000);
	ok(obeying.worst <= CAP, 'nor after one has left');
	const done = lmsd.must('transaction', 'show', String(tx[0].transactionId));
	equal([done.state, done.energy_wh, done.tag], ['ended', 4000, 'T1'], 'the transaction is in the ledger');
	for (const s of stations) equal(s.badSchema, [], `no schema error at ${s.id}`);
	for (const s of stations) await s.close();
	const exit = await lmsd.kill('SIGTERM');
	equal(exit, { code: 0, signal: null }, 'SIGTERM ends lmsd cleanly');
});
