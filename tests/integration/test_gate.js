#!/usr/bin/env node
// timeout: 180
// No way around the gate: in a full zone whatever could release or raise a limit is refused with exit 5 and reaches
// no station; what lowers passes.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, TMP } = require('./lib');

const profile = (purpose, limit, more = {}) => ({ chargingProfileId: 700, stackLevel: 0, chargingProfilePurpose: purpose,
	chargingProfileKind: 'Relative', chargingSchedule: { chargingRateUnit: 'A',
		chargingSchedulePeriod: [{ startPeriod: 0, limit }] }, ...more });

main(async () => {
	const stationFiles = path.join(TMP, 'habits');
	fs.mkdirSync(stationFiles);
	fs.writeFileSync(path.join(stationFiles, 'peer.conf'), 'vendor = Peer\nlimit_keys = Oomph\nlimit_transfers = Peer/Push\n');
	const lmsd = await new Lmsd().start({ 'stations.directory': stationFiles });
	lmsd.apply({
		zones: [{ id: 'P1', static: 20 }],
		stations: [{ id: 'A', zone: 'P1', wiring: 'RST', connectors: 2, proven: true, max: 16 },
			{ id: 'B', zone: 'P1', wiring: 'RST', connectors: 1, proven: true, max: 16 }],
		tags: [{ uid: 'T1' }, { uid: 'T2' }, { uid: 'T3' }],
	});
	const a = new Station(lmsd, 'A', { connectors: 2, handlers: { DataTransfer: () => ({ status: 'Accepted' }) } });
	const b = new Station(lmsd, 'B', {});
	await a.up(2);
	await b.up();
	const tx = (await a.plug(1, 'T1')).transactionId;
	await b.plug(1, 'T2');
	await until(() => a.last('TxProfile') === 10 && b.last('TxProfile') === 10, 'the zone to be full');
	await until(async () => (await lmsd.ctlAsync('zone', 'show', 'P1')).json.sum_ma[0] === 20000, 'its sum to be 20 A');

	const over = lmsd.must('zone', 'show', 'P1').seconds_over;	/* until all stations had acknowledged their default */

	const call = (action, payload) => lmsd.ctlAsync('station', 'call', 'A', action, JSON.stringify(payload));
	const refused = [
		['SetChargingProfile', { connectorId: 1, csChargingProfiles: profile('TxProfile', 16, { transactionId: tx }) }],
		['SetChargingProfile', { connectorId: 2, csChargingProfiles: profile('TxDefaultProfile', 6) }],
		['SetChargingProfile', { connectorId: 0, csChargingProfiles: profile('TxDefaultProfile', 11) }],
		['SetChargingProfile', { connectorId: 1, csChargingProfiles: profile('TxProfile', 6, { transactionId: tx, stackLevel: 9 }) }],
		['SetChargingProfile', { connectorId: 0, csChargingProfiles: profile('ChargePointMaxProfile', 6, { chargingProfileId: 12 }) }],
		['ClearChargingProfile', {}],
		['ClearChargingProfile', { id: 12 }],
		['ClearChargingProfile', { connectorId: 1, chargingProfilePurpose: 'TxProfile' }],
		['ClearChargingProfile', { chargingProfilePurpose: 'TxDefaultProfile' }],
		['ClearChargingProfile', { stackLevel: 0 }],
		['RemoteStartTransaction', { connectorId: 2, idTag: 'T1', chargingProfile: profile('TxProfile', 16) }],
		['ChangeConfiguration', { key: 'MaxChargingCurrent', value: '32' }],
		['ChangeConfiguration', { key: 'Oomph', value: '11' }],
		['DataTransfer', { vendorId: 'Peer', messageId: 'Push', data: '32' }],
		['VendorMagic', { amps: 32 }],
	];
	for (const [action, payload] of refused) {
		const before = a.received.length;
		const r = await call(action, payload);
		const sent = a.received.slice(before).filter((m) => m.method === action && action !== 'SetChargingProfile');
		ok(r.status === 5 && !sent.length, `${action} ${JSON.stringify(payload)} is refused`, [r.status, r.err, sent]);
	}
	const viaConfig = await lmsd.ctlAsync('station', 'config_set', 'A', 'key=MaxChargingCurrent', 'value=32');
	equal(viaConfig.status, 5, 'and so is config set of such a key');
	ok(!a.profiles.some((p) => p.limit > 10), 'no station has seen a limit above its share', a.profiles);

	const passes = [
		['SetChargingProfile', { connectorId: 0, csChargingProfiles: profile('ChargePointMaxProfile', 8) }],
		['ClearChargingProfile', { chargingProfilePurpose: 'ChargePointMaxProfile' }],
		['SetChargingProfile', { connectorId: 1, csChargingProfiles: profile('TxProfile', 8, { transactionId: tx }) }],
		['ChangeConfiguration', { key: 'HeartbeatInterval', value: '60' }],
		['DataTransfer', { vendorId: 'Peer', messageId: 'Hello' }],
	];
	/* The station knows of no such profile to clear: 6 is its word, not that of the gate. */
	for (const [action, payload] of passes) {
		const r = await call(action, payload);
		equal(r.status, action === 'ClearChargingProfile' ? 6 : 0, `${action} ${JSON.stringify(payload)} passes`);
	}
	// A start without a profile is no way to a limit: the balance gives it.
	const start = await lmsd.ctlAsync('connector', 'start', 'A/2', 'tag=T3');
	equal(start.status, 0, 'connector start passes');
	const remote = a.received.find((m) => m.method === 'RemoteStartTransaction');
	ok(remote && remote.params.chargingProfile === undefined, 'and carries no profile');
	const sum = (await lmsd.ctlAsync('zone', 'show', 'P1')).json;
	ok(sum.sum_ma[0] <= 20000 && sum.seconds_over === over, 'the zone was never over its limit', sum);
	await a.close();
	await b.close();
});
