#!/usr/bin/env node
// timeout: 120
// A station without smart charging is told its limits by a key of its configuration: it shares a zone with one that
// has it, never is more given than fits, and what it had is given away only when the key says less.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

const CAP = 40;

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: CAP }],
		stations: [{ id: 'KEY', zone: 'P1', wiring: 'RST', connectors: 1, shedding: 'config:MaxCurrent', step: 1 },
			{ id: 'B', zone: 'P1', wiring: 'RST', connectors: 1, step: 1 }],
		tags: ['T1', 'T2'].map((uid) => ({ uid })),
	});
	const key = new Station(lmsd, 'KEY', { config: { MaxCurrent: '32' } });
	const b = new Station(lmsd, 'B');
	const told = () => Number(key.config.MaxCurrent);
	const profile = { now: 32 };
	let worst = 0;
	const look = () => { worst = Math.max(worst, told() + profile.now); };
	b.onProfile = ((onProfile) => (p) => {
		profile.now = Math.max(...p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod.map((s) => s.limit));
		if (watching) look();
		return onProfile(p);
	})(b.onProfile.bind(b));
	let watching = false;
	await key.up();
	await b.up();
	await until(() => told() === 0 && b.last('TxDefaultProfile') === 0, 'idle limits of 0 A');
	ok(true, 'while nothing charges the key says 0');
	equal(key.profiles, [], 'and no profile is sent there');
	await until(() => lmsd.must('zone', 'show', 'P1').sum_ma.every((ma) => ma === 0), 'that to be obeyed');
	const over = lmsd.must('status').seconds_over;
	watching = true;

	const t1 = await key.plug(1, 'T1');
	await until(() => told() === 32, 'the whole for one');
	const t2 = await b.plug(1, 'T2');
	await until(() => told() === 20 && b.last('TxProfile') === 20, '20 and 20', 30000);
	ok(true, 'two share, whatever way they are told');
	ok(worst <= CAP, `never more than ${CAP} A were set (${worst})`);

	// Its transaction ends, and it does not take the lower value: what it has stays reserved.
	key.cli.handle('ChangeConfiguration', ({ params }) => {
		key.received.push({ method: 'ChangeConfiguration', params });
		return { status: 'Rejected' };
	});
	await key.unplug(t1.transactionId, 2000, 'T1');
	await key.status(1, 'Available');
	await until(() => key.received.filter((r) => r.method === 'ChangeConfiguration' && r.params.key === 'MaxCurrent' &&
		r.params.value === '0').length >= 3, 'it to be asked again', 30000);
	const shown = lmsd.must('connector', 'show', 'KEY/1');
	equal(shown.w_ma, 20000, 'a limit that it does not give back stays reserved');
	equal(b.last('TxProfile'), 20, 'and nobody else gets it');
	key.cli.handle('ChangeConfiguration', ({ params }) => {
		key.config[params.key] = params.value;
		return { status: 'Accepted' };
	});
	await until(() => b.last('TxProfile') === 32, 'the rest for the other', 60000);
	equal(told(), 0, 'when it has taken it, the other one rises');
	equal(lmsd.must('status').seconds_over, over, 'lmsd counted no second over');

	const byHand = lmsd.ctl('station', 'config', 'set', 'KEY', 'key=MaxCurrent', 'value=32');
	equal(byHand.status, 5, 'by hand the key passes the gate');
	const wrong = lmsd.ctl('station', 'set', 'KEY', 'shedding=config:', '-y');
	equal(wrong.status, 65, 'a method that is none is refused');
	ok(/shedding/.test(wrong.err) && /config:KEY/.test(wrong.err), 'with its remedy', wrong.err);
	equal(lmsd.must('station', 'set', 'B', 'profile.stack=1', 'profile.kind=Relative').profile_stack, 1, 'a dot in a key does');
	lmsd.must('station', 'set', 'KEY', 'shedding=none');
	await until(() => lmsd.must('connector', 'show', 'KEY/1').w_ma === 32000, 'its maximum to be reserved');
	ok(true, 'shedding=none reserves its maximum');
	await b.unplug(t2.transactionId, 3000, 'T2');
	equal([...key.badSchema, ...b.badSchema], [], 'no schema error');
});
