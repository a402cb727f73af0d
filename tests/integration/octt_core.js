#!/usr/bin/env node
// timeout: 120
// The certification list for central systems, Core: 34 cases.
'use strict';
const { group, tc } = require('./octt');

const HOUR_S = 3600;

group('Core', 34, [
	tc('TC_001', 'cold boot of a station', async (t) => {
		await t.station.connect();
		const boot = t.answers(await t.station.boot(), { status: 'Accepted' }, 'BootNotification');
		t.ok(boot.interval > 0 && Math.abs(Date.parse(boot.currentTime) - Date.now()) < 10000, 'interval and time', boot);
		for (const n of [0, 1, 2]) await t.status(n, 'Available');
		const { currentTime } = await t.call('Heartbeat', {});
		t.ok(Math.abs(Date.parse(currentTime) - Date.now()) < 10000, 'Heartbeat tells the time', currentTime);
		const { state, vendor, model, security_now } = await t.show('station', 'show', t.id);
		t.equal([state, vendor, model, security_now], ['online', 'Peer', 'ocpp-rpc', t.profile], 'lmsctl shows it');
	}),
	tc('TC_003', 'regular charging session, plug in first', async (t) => {
		await t.up();
		await t.status(1, 'Preparing');
		await t.authorize();
		const tx = await t.start();
		await t.status(1, 'Charging');
		await t.booked(tx, { state: 'running' });
	}),
	tc('TC_004_1', 'regular charging session, identification first', async (t) => {
		await t.up();
		await t.authorize();
		await t.status(1, 'Preparing');
		const tx = await t.start();
		await t.status(1, 'Charging');
		await t.booked(tx, { state: 'running' });
	}),
	tc('TC_004_2', 'identification first, and nobody plugs in in time', async (t) => {
		await t.up();
		await t.authorize();
		await t.status(1, 'Preparing');
		await t.status(1, 'Available');
		await t.running([], 'no transaction came of it');
		t.equal((await t.show('connector', 'show', `${t.id}/1`)).status, 'Available', 'the connector is available again');
	}),
	tc('TC_005_1', 'the car is unplugged at its side, which ends the transaction', async (t) => {
		await t.up();
		const tx = await t.charging();
		await t.status(1, 'SuspendedEV');
		await t.stop(tx, 'EVDisconnected');
		await t.unplugged();
		await t.booked(tx, { state: 'ended', reason: 'EVDisconnected', energy_wh: 1500 });
	}),
	tc('TC_007', 'regular start with an identity that the station has cached', async (t) => {
		await t.up();
		await t.status(1, 'Preparing');
		const tx = await t.start();
		await t.status(1, 'Charging');
		await t.booked(tx, { state: 'running' });
	}),
	tc('TC_010', 'remote start, the cable is plugged in first', async (t) => {
		await t.up();
		await t.status(1, 'Preparing');
		await remoteStart(t);
		await t.authorize();
		const tx = await t.start();
		await t.status(1, 'Charging');
		await t.booked(tx, { state: 'running' });
	}),
	tc('TC_011_1', 'remote start, the cable is plugged in afterwards', async (t) => {
		await t.up();
		await remoteStart(t);
		await t.authorize();
		await t.status(1, 'Preparing');
		const tx = await t.start();
		await t.status(1, 'Charging');
		await t.booked(tx, { state: 'running' });
	}),
	tc('TC_011_2', 'remote start, and nobody plugs in in time', async (t) => {
		await t.up();
		await remoteStart(t);
		await t.authorize();
		await t.status(1, 'Preparing');
		await t.status(1, 'Available');
		await t.running([], 'no transaction came of it');
	}),
	tc('TC_012', 'remote stop', async (t) => {
		await t.up();
		const tx = await t.charging();
		const asked = await t.order(['connector', 'stop', `${t.id}/1`], 'RemoteStopTransaction', { status: 'Accepted' });
		t.equal(asked, { transactionId: tx }, 'of this transaction');
		await t.stop(tx, 'Remote', { tag: null });
		await t.unplugged();
		await t.booked(tx, { state: 'ended', reason: 'Remote' });
	}),
	tc('TC_013', 'hard reset', (t) => reset(t, ['hard=yes'], 'Hard')),
	tc('TC_014', 'soft reset', (t) => reset(t, [], 'Soft')),
	tc('TC_017_1', 'unlock a connector that no session uses', async (t) => {
		await t.up();
		await unlock(t, { status: 'Unlocked' });
	}),
	tc('TC_017_2', 'unlock a fixed cable that no session uses', async (t) => {
		await t.up();
		await unlock(t, { status: 'NotSupported' }, 6);
	}),
	tc('TC_018_1', 'unlock a connector in a session, which ends it', async (t) => {
		await t.up();
		const tx = await t.charging();
		await unlock(t, { status: 'Unlocked' });
		await t.status(1, 'Finishing');
		await t.stop(tx, 'UnlockCommand', { tag: null });
		await t.status(1, 'Available');
		await t.booked(tx, { state: 'ended', reason: 'UnlockCommand' });
	}),
	tc('TC_019_1', 'retrieve all configuration keys', async (t) => {
		const answer = { configurationKey: [{ key: 'HeartbeatInterval', readonly: false, value: '60' },
			{ key: 'SupportedFeatureProfiles', readonly: true, value: 'Core' }], unknownKey: [] };
		await t.up();
		const asked = await t.order(['station', 'config', 'get', t.id], 'GetConfiguration', answer, {
			fits: (p) => !p.key || !p.key.length,
			printed: (json) => json && json.configurationKey && json.configurationKey.length === 2 });
		t.equal(asked.key || [], [], 'without naming one');
	}),
	tc('TC_019_2', 'retrieve one configuration key', async (t) => {
		const answer = { configurationKey: [{ key: 'SupportedFeatureProfiles', readonly: true, value: 'Core,SmartCharging' }] };
		await t.up();
		await t.order(['station', 'config', 'get', t.id, 'key=SupportedFeatureProfiles'], 'GetConfiguration', answer, {
			fits: (p) => JSON.stringify(p.key) === '["SupportedFeatureProfiles"]',
			printed: (json) => json && json.configurationKey[0].value === 'Core,SmartCharging' });
	}),
	tc('TC_021', 'change a configuration key', (t) => configure(t, 'MeterValueSampleInterval', '47', 'Accepted', 0)),
	tc('TC_023_1', 'a session with a tag that nobody knows', (t) => refused(t, 'X', 'Invalid')),
	tc('TC_023_2', 'a session with a tag that has expired', (t) => refused(t, 'E', 'Expired')),
	tc('TC_023_3', 'a session with a tag that is blocked', (t) => refused(t, 'B', 'Blocked')),
	tc('TC_024', 'the connector cannot be locked', async (t) => {
		await t.up();
		await t.authorize();
		await t.status(1, 'Preparing');
		await t.status(1, 'Faulted', { errorCode: 'ConnectorLockFailure' });
		const { status, error_code } = await t.show('connector', 'show', `${t.id}/1`);
		t.equal([status, error_code], ['Faulted', 'ConnectorLockFailure'], 'lmsctl shows it');
	}),
	tc('TC_026', 'remote start that the station rejects', async (t) => {
		await t.up();
		await remoteStart(t, 'Rejected', 6);
		await t.running([], 'nothing has started');
	}),
	tc('TC_028', 'remote stop that the station rejects', async (t) => {
		await t.up();
		const tx = await t.charging();
		await t.order(['transaction', 'stop', String(tx)], 'RemoteStopTransaction', { status: 'Rejected' }, { status: 6 });
		await t.running([tx], 'it still runs');
	}),
	tc('TC_030', 'unlock, and the lock fails', async (t) => {
		await t.up();
		await unlock(t, { status: 'UnlockFailed' }, 6);
	}),
	tc('TC_031', 'unlock a connector that the station does not know', async (t) => {
		await t.up();
		const asked = await t.order(['station', 'unlock', t.id, 'connector=9'], 'UnlockConnector', { status: 'NotSupported' },
			{ status: 6 });
		t.equal(asked, { connectorId: 9 }, 'UnlockConnector');
	}),
	tc('TC_032_1', 'the power fails in a session, the station stops it when it has booted', async (t) => {
		await t.up();
		const tx = await t.charging();
		await t.again();
		t.answers(await t.station.boot(), { status: 'Accepted' }, 'BootNotification');
		await t.status(0, 'Available');
		await t.status(1, 'Finishing');
		await t.status(2, 'Available');
		await t.stop(tx, 'PowerLoss');
		await t.booked(tx, { state: 'ended', reason: 'PowerLoss', energy_wh: 1500 });
	}),
	tc('TC_037_1', 'a transaction that began offline with a valid tag', async (t) => {
		await t.up();
		await t.again();
		const tx = await t.start(t.tag, { ago_s: HOUR_S });
		await t.status(1, 'Charging');
		const { start } = await t.booked(tx, { state: 'running' });
		t.ok(Math.abs(Date.now() - HOUR_S * 1000 - Date.parse(start)) < 60000, 'it began when the station says', start);
	}),
	tc('TC_037_3', 'a transaction that began offline with an invalid tag', async (t) => {
		const stranger = t.uid + 'X';
		await t.up();
		await t.again();
		const tx = await t.start(stranger, { ago_s: HOUR_S, status: 'Invalid' });
		await t.status(1, 'Charging');
		await t.stop(tx, 'DeAuthorized', { tag: null });
		await t.status(1, 'Finishing');
		await t.booked(tx, { tag: stranger, state: 'refused', energy_wh: 1500 });
		await t.running([], 'it has ended');
	}),
	tc('TC_039', 'a transaction that began and ended offline', async (t) => {
		await t.up();
		await t.again();
		const tx = await t.start(t.tag, { ago_s: HOUR_S });
		await t.stop(tx, 'Local', { ago_s: HOUR_S / 2 });
		const { duration_ms } = await t.booked(tx, { state: 'ended', reason: 'Local', energy_wh: 1500 });
		t.ok(Math.abs(duration_ms - HOUR_S / 2 * 1000) < 60000, 'it lasted as long as the station says', duration_ms);
	}),
	tc('TC_040_1', 'a configuration key that the station does not support', (t) =>
		configure(t, 'NobodyKnowsThisKey', '1', 'NotSupported', 6)),
	tc('TC_040_2', 'a configuration value that the station rejects', (t) =>
		configure(t, 'MeterValueSampleInterval', '-1', 'Rejected', 6)),
	tc('TC_061', 'clear the authorization cache of a station', async (t) => {
		await t.up();
		const asked = await t.order(['station', 'cache', 'clear', t.id], 'ClearCache', { status: 'Accepted' });
		t.equal(asked, {}, 'ClearCache');
	}),
	tc('TC_064', 'data of a vendor that lmsd does not know', async (t) => {
		await t.up();
		const { status } = await t.call('DataTransfer', { vendorId: 'org.example.unknown', messageId: 'm', data: '{}' });
		t.equal(status, 'UnknownVendorId', 'DataTransfer');
	}),
]);

async function remoteStart(t, answer = 'Accepted', status = 0) {
	const asked = await t.order(['connector', 'start', `${t.id}/1`, `tag=${t.tag}`], 'RemoteStartTransaction',
		{ status: answer }, { status });
	t.equal([asked.connectorId, asked.idTag], [1, t.tag], 'RemoteStartTransaction');
}

async function unlock(t, answer, status = 0) {
	const asked = await t.order(['station', 'unlock', t.id], 'UnlockConnector', answer, { status });
	t.equal(asked, { connectorId: 1 }, 'UnlockConnector');
}

async function reset(t, args, type) {
	await t.up();
	const tx = await t.charging();
	const asked = await t.order(['station', 'restart', t.id, ...args], 'Reset', { status: 'Accepted' });
	t.equal(asked, { type }, 'Reset');
	await t.stop(tx, `${type}Reset`, { tag: null });
	await t.again();
	await t.booted();
	await t.booked(tx, { state: 'ended', reason: `${type}Reset` });
}

async function configure(t, key, value, answer, status) {
	await t.up();
	const asked = await t.order(['station', 'config', 'set', t.id, `key=${key}`, `value=${value}`], 'ChangeConfiguration',
		{ status: answer }, { status, fits: (p) => p.key === key && p.value === value });
	t.equal(asked, { key, value }, 'ChangeConfiguration');
}

async function refused(t, kind, status) {
	const tag = t.uid + kind;
	await t.up();
	await t.status(1, 'Preparing');
	await t.authorize(tag, status);
	await t.running([], 'nothing has started');
}
