#!/usr/bin/env node
// timeout: 240
// An increase leaves only after the most that the station may then be obeying is on the disk: whenever lmsd is
// killed with -9, the restarted one counts every station with at least what that station holds. ROUNDS=12, SEED=1.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

const ROUNDS = Number(process.env.ROUNDS || 12);
let seed = Number(process.env.SEED || 1);

function random(n) {
	seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
	return (seed >>> 8) % n;
}

main(async () => {
	console.log(`# seed ${seed}`);
	const lmsd = await new Lmsd().start();
	const ids = ['A', 'B', 'C'];
	lmsd.apply({
		zones: [{ id: 'P1', static: 60 }],
		stations: ids.map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1, proven: true, idle: 6 })),
		tags: ids.map((id) => ({ uid: 'T' + id })),
	});
	const held = new Map(ids.map((id) => [id, { idle: 32, tx: null }]));	/* what the station obeys */
	let raises = 0, wrong = [];
	for (let round = 0; round < ROUNDS; round++) {
		const stations = ids.map((id) => new Station(lmsd, id));
		for (const s of stations) {
			const onProfile = s.onProfile.bind(s);
			s.onProfile = (p) => {
				const h = held.get(s.id);
				const limit = p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit;
				if (limit > Math.max(h.idle, h.tx || 0)) raises++;
				if (p.csChargingProfiles.chargingProfilePurpose === 'TxProfile') h.tx = limit;
				else h.idle = limit;
				return onProfile(p);
			};
			await s.up();
			held.get(s.id).tx = null;	/* Available: a transaction that ran is over, and its profile with it */
		}
		const tx = {};
		const end = Date.now() + 5500 + random(3000);	/* the settle time of a first limit is 5 s */
		const drive = (async () => {
			while (Date.now() < end) {
				const s = stations[random(3)];
				if (tx[s.id] === undefined) {
					tx[s.id] = (await s.plug(1, 'T' + s.id)).transactionId;
				} else {
					await s.unplug(tx[s.id], 2000, 'T' + s.id);
					held.get(s.id).tx = null;	/* its profile went with the transaction */
					await s.status(1, 'Available');
					delete tx[s.id];
				}
				await new Promise((resolve) => setTimeout(resolve, 200 + random(1200)));	/* people take their time */
			}
		})().catch(() => {});
		await until(() => Date.now() >= end, 'the moment of the crash', 20000);
		await lmsd.kill('SIGKILL');
		await drive;
		for (const s of stations) await s.close();
		await lmsd.start();
		for (const c of lmsd.must('connector', 'list')) {
			const h = held.get(c.station);
			const holds = 1000 * Math.max(h.idle, h.tx || 0);
			if (c.w_ma < holds) wrong.push({ round, id: c.id, counted: c.w_ma, holds });
		}
	}
	ok(raises >= ROUNDS, `limits were raised ${raises} times in ${ROUNDS} rounds`);
	equal(wrong, [], 'after every crash each station counts with at least what it holds');
});
