#!/usr/bin/env node
// timeout: 120
// The certification list for central systems, Smart Charging: 5 cases. What is set here is set by hand, beside what the
// balance sends; the zone has room for it.
'use strict';
const { group, tc, until } = require('./octt');

const BY_HAND = 1000;	// chargingProfileId of what administrators set, unless they name another

group('Smart Charging', 5, [
	tc('TC_056', 'a default profile', async (t) => {
		await t.up();
		const p = await setProfile(t, ['purpose=TxDefaultProfile', 'kind=Absolute', 'limit=6', 'connector=1',
			'start=2026-01-01T00:00:00Z', 'duration=1d', 'valid_from=2026-01-01T00:00:00Z', 'valid_to=2099-01-01T00:00:00Z']);
		t.equal([p.connectorId, p.csChargingProfiles.chargingProfilePurpose, p.csChargingProfiles.chargingProfileKind],
			[1, 'TxDefaultProfile', 'Absolute'], 'for the connector');
		t.equal(['transactionId', 'recurrencyKind'].filter((k) => k in p.csChargingProfiles), [], 'what does not belong to it is not there');
		t.equal([p.csChargingProfiles.validFrom, p.csChargingProfiles.validTo, p.csChargingProfiles.chargingSchedule],
			['2026-01-01T00:00:00Z', '2099-01-01T00:00:00Z', { duration: 86400, startSchedule: '2026-01-01T00:00:00Z',
				chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 6 }] }], 'the schedule');
	}),
	tc('TC_057', 'a profile of a transaction', async (t) => {
		await t.up();
		const tx = await t.charging();
		const absolute = await setProfile(t, ['purpose=TxProfile', 'kind=Absolute', 'limit=6', 'connector=1',
			'start=2026-01-01T00:00:00Z', 'duration=1d']);
		t.equal(absolute.csChargingProfiles.transactionId, tx, 'of the one that runs');
		t.equal([absolute.csChargingProfiles.chargingSchedule.startSchedule, 'recurrencyKind' in absolute.csChargingProfiles],
			['2026-01-01T00:00:00Z', false], 'an absolute one has a start');
		const relative = await setProfile(t, ['purpose=TxProfile', 'kind=Relative', 'limit=7', 'connector=1', 'duration=1d']);
		t.equal([relative.csChargingProfiles.transactionId, 'startSchedule' in relative.csChargingProfiles.chargingSchedule],
			[tx, false], 'a relative one has none');
	}),
	tc('TC_059', 'remote start with a profile', async (t) => {
		await t.up();
		const asked = await t.order(['connector', 'start', `${t.id}/1`, `tag=${t.tag}`, 'limit=8'], 'RemoteStartTransaction',
			{ status: 'Accepted' });
		const p = asked.chargingProfile;
		t.equal([asked.connectorId, asked.idTag, p.chargingProfilePurpose, 'transactionId' in p],
			[1, t.tag, 'TxProfile', false], 'RemoteStartTransaction');
		t.equal(p.chargingSchedule.chargingSchedulePeriod, [{ startPeriod: 0, limit: 8 }], 'its limit');
		const tx = await t.charging();
		await t.booked(tx, { state: 'running' });
		// The balance takes its place, under the same id.
		const next = () => t.station.received.find((c) => c.method === 'SetChargingProfile' &&
			c.params.csChargingProfiles.transactionId === tx);
		await until(next, 'the limit of the balance');
		t.equal(next().params.csChargingProfiles.chargingProfileId, p.chargingProfileId, 'the balance takes its place');
	}),
	tc('TC_066', 'the composite schedule', async (t) => {
		await t.up();
		await t.charging();
		const answer = { status: 'Accepted', connectorId: 1, scheduleStart: '2026-01-01T00:00:00Z', chargingSchedule: {
			duration: 350, chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 16 }] } };
		const asked = await t.order(['station', 'profile', 'composite', t.id, 'connector=1', 'duration=350s', 'unit=A'],
			'GetCompositeSchedule', answer, { printed: (json) => JSON.stringify(json) === JSON.stringify(answer) });
		t.equal(asked, { connectorId: 1, duration: 350, chargingRateUnit: 'A' }, 'GetCompositeSchedule');
	}),
	tc('TC_067', 'clear profiles by id, by what they are, and all', async (t) => {
		await t.up();
		await t.charging();
		await setProfile(t, ['purpose=ChargePointMaxProfile', 'limit=16', 'profile_id=1001'], 1001);
		await setProfile(t, ['purpose=TxDefaultProfile', 'limit=6', 'connector=1', 'profile_id=1002'], 1002);
		await setProfile(t, ['purpose=TxProfile', 'limit=6', 'connector=1', 'profile_id=1003'], 1003);
		await clear(t, ['profile_id=1001'], { id: 1001 });
		await clear(t, ['connector=1', 'purpose=TxDefaultProfile', 'stack_level=0'],
			{ connectorId: 1, chargingProfilePurpose: 'TxDefaultProfile', stackLevel: 0 });
		await clear(t, [], {});
	}),
]);

function setProfile(t, args, profileId = BY_HAND) {
	return t.order(['station', 'profile', 'set', t.id, ...args], 'SetChargingProfile', { status: 'Accepted' },
		{ fits: (p) => p.csChargingProfiles.chargingProfileId === profileId });
}

async function clear(t, args, params) {
	const asked = await t.order(['station', 'profile', 'clear', t.id, ...args], 'ClearChargingProfile', { status: 'Accepted' });
	t.equal(asked, params, 'ClearChargingProfile');
}
