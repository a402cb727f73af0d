#!/usr/bin/env node
// timeout: 120
// What an administrator asks of a station, by lmsctl: the station's own answer is printed, and the exit status says
// how it went: 0 accepted, 6 refused, 75 offline. The station is ocpp-rpc in strict mode.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: 10 }],
		stations: [{ id: 'A', zone: 'P1', wiring: 'RST', connectors: 1, proven: true, max: 16 },
			{ id: 'B', zone: 'P1', wiring: 'RST', connectors: 1, proven: true, max: 16 }],
		tags: [{ uid: 'T1' }, { uid: 'T2', active: false }, { uid: 'T3', expires: '2030-01-01T00:00:00Z', group: 'G' }],
	});
	let status = 'Accepted';
	let version = 3;
	const answers = {};
	const simple = (more) => (p) => ({ status, ...(more ? more(p) : {}) });
	for (const m of ['ClearCache', 'SendLocalList', 'ExtendedTriggerMessage']) answers[m] = simple();
	answers.TriggerMessage = simple();
	answers.ClearChargingProfile = simple();
	answers.DataTransfer = simple((p) => (p.data ? { data: 'echo ' + p.data } : {}));
	answers.GetLocalListVersion = () => ({ listVersion: version });
	answers.GetCompositeSchedule = simple((p) => (status === 'Accepted' ? { connectorId: p.connectorId,
		scheduleStart: '2026-01-01T00:00:00Z', chargingSchedule: { chargingRateUnit: p.chargingRateUnit || 'A',
			chargingSchedulePeriod: [{ startPeriod: 0, limit: 6 }] } } : {}));
	const a = new Station(lmsd, 'A', { handlers: answers });
	await a.up();

	// Runs a command; answers its status, its output as people see it, and what the station got.
	const run = async (...args) => {
		const before = a.received.length;
		const r = await lmsd.ctlAsync('station', ...args, '-o', 'table');
		return { status: r.status, out: r.out, err: r.err, got: a.received.slice(before).filter((m) => m.method !== 'SetChargingProfile' ||
			m.params.csChargingProfiles.chargingProfileId === 1000).map((m) => [m.method, m.params]) };
	};
	const cases = [
		[['cache', 'clear', 'A'], 'ClearCache', {}, 'Rejected'],
		[['data-transfer', 'A', 'com.x', 'M', 'data=1'], 'DataTransfer', { vendorId: 'com.x', messageId: 'M', data: '1' },
			'UnknownMessageId'],
		[['local-list', 'send', 'A', '--version=9', '--list=[]'], 'SendLocalList', { listVersion: 9,
			localAuthorizationList: [], updateType: 'Full' }, 'VersionMismatch'],
		[['local', 'list', 'send', 'A', 'Differential', '10', '[{"idTag":"T1"}]'], 'SendLocalList', { listVersion: 10,
			localAuthorizationList: [{ idTag: 'T1' }], updateType: 'Differential' }, 'Failed'],
		[['trigger', 'A', 'Heartbeat'], 'TriggerMessage', { requestedMessage: 'Heartbeat' }, 'NotImplemented'],
		[['trigger', 'A', 'LogStatusNotification'], 'ExtendedTriggerMessage', { requestedMessage: 'LogStatusNotification' },
			'Rejected'],
		[['trigger', 'A', 'MeterValues', '1', '--extended'], 'ExtendedTriggerMessage', { requestedMessage: 'MeterValues',
			connectorId: 1 }, 'NotImplemented'],
		[['profile', 'clear', 'A', 'purpose=ChargePointMaxProfile'], 'ClearChargingProfile',
			{ chargingProfilePurpose: 'ChargePointMaxProfile' }, 'Unknown'],
		[['profile', 'composite', 'A', '1', 'unit=W'], 'GetCompositeSchedule', { connectorId: 1, duration: 3600,
			chargingRateUnit: 'W' }, 'Rejected'],
	];
	for (const [args, method, params, no] of cases) {
		status = 'Accepted';
		let r = await run(...args);
		equal([r.status, r.got, r.out.split('\n')[0]], [0, [[method, params]], 'Accepted'], `${args.join(' ')} is accepted`);
		status = no;
		r = await run(...args);
		equal([r.status, r.out.split('\n')[0]], [6, no], `${method}: ${no} is printed, and exit 6`);
	}
	status = 'Accepted';
	ok((await run('data-transfer', 'A', 'com.x', 'data=hello')).out.includes('data: echo hello'), 'what the vendor answers is printed');
	ok((await run('profile', 'composite', 'A')).out.includes('"limit":6'), 'and the composite schedule');
	let r = await run('local-list', 'version', 'A');
	equal([r.status, r.out.trim()], [0, 'listVersion  3'], 'the version of the list is printed');
	version = -1;
	r = await run('local-list', 'version', 'A');
	equal([r.status, r.out.trim()], [6, 'listVersion  -1'], 'a station without a list is exit 6');

	// Until its default limit is confirmed a station counts with all that it has: then nothing would release more.
	await until(async () => (await lmsd.ctlAsync('connector', 'show', 'A/1')).json.w_ma === 0, 'the default limit to be confirmed');
	// A profile that fits, and one that does not.
	r = await run('profile', 'set', 'A', 'connector=1', 'limit=0');
	equal([r.status, r.got[0] && r.got[0][0], r.out.trim()], [0, 'SetChargingProfile', 'Accepted'], 'a profile by hand is set');
	r = await run('profile', 'set', 'A', 'connector=1', 'limit=63');
	equal([r.status, r.got.length], [5, 0], 'one that would release more than fits is refused, and not sent');
	r = await run('profile', 'clear', 'A', '-y');
	equal([r.status, r.got.length], [5, 0], 'so is clearing all of them');

	// CALLERROR, wrong words, nobody there.
	const b = new Station(lmsd, 'B');
	await b.up();
	r = await run('cache', 'clear', 'B');
	equal([r.status, r.out.split('\n')[0]], [6, 'NotImplemented'], 'a CALLERROR is printed, and exit 6');
	r = await run('local-list', 'version', 'B');
	ok(r.status === 6 && /refused: NotImplemented/.test(r.err), 'also where the answer has no status', r);
	await b.close();
	await until(async () => (await lmsd.ctlAsync('station', 'show', 'B')).json.state === 'offline', 'B to be offline');
	r = await lmsd.ctlAsync('station', 'cache', 'clear', 'B');
	ok(r.status === 75 && /offline/.test(r.err), 'a station that is away is exit 75', r);
	equal((await run('profile', 'set', 'A')).status, 64, 'a profile without a limit is wrong usage');
	equal((await run('trigger', 'A', 'Nonsense')).status, 65, 'a message that is none is wrong data');
	equal((await run('local-list', 'sned', 'A')).status, 64, 'a command that is none is wrong usage');
	equal(a.badSchema.concat(b.badSchema), [], 'no message broke its schema');
	await a.close();
});
