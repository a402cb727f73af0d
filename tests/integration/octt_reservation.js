#!/usr/bin/env node
// timeout: 120
// The certification list for central systems, Reservation: 10 cases.
'use strict';
const { group, tc, until } = require('./octt');

group('Reservation', 10, [
	tc('TC_046', 'a connector is reserved and then used', async (t) => {
		await t.up();
		const { reservationId } = await reserve(t);
		await t.status(1, 'Reserved');
		await held(t, [reservationId], 'held');
		await t.authorize();
		const tx = await t.start(t.tag, { reservationId });
		await t.status(1, 'Charging');
		await t.booked(tx, { state: 'running' });
		await held(t, [], 'used');
	}),
	tc('TC_047', 'a reservation that nobody uses ends', async (t) => {
		await t.up();
		const { expiryDate } = await reserve(t, { args: ['for=2s'] });
		const left_ms = Date.parse(expiryDate) - Date.now();
		t.ok(left_ms > 0 && left_ms <= 3000, 'the station is told when it ends', expiryDate);
		await t.status(1, 'Reserved');
		await until(async () => (await t.show('reservation', 'list', `station=${t.id}`)).length === 0, 'its end');
		await t.status(1, 'Available');
	}),
	tc('TC_048_1', 'a faulted connector', (t) => refused(t, 'Faulted')),
	tc('TC_048_2', 'an occupied connector', async (t) => {
		await t.up();
		await t.status(1, 'Preparing');
		await reserve(t, { answer: 'Occupied' });
		await held(t, [], 'refused');
	}),
	tc('TC_048_3', 'an unavailable connector', async (t) => {
		await t.up();
		const asked = await t.order(['station', 'availability', t.id, 'type=Inoperative', 'connector=1'], 'ChangeAvailability',
			{ status: 'Accepted' });
		t.equal(asked, { connectorId: 1, type: 'Inoperative' }, 'ChangeAvailability');
		await t.status(1, 'Unavailable');
		await reserve(t, { answer: 'Unavailable' });
		await held(t, [], 'refused');
	}),
	tc('TC_048_4', 'reservations are rejected', (t) => refused(t, 'Rejected')),
	tc('TC_049', 'a station is reserved, whichever connector', async (t) => {
		await t.up();
		const { connectorId, reservationId } = await reserve(t, { connector: 0 });
		t.equal(connectorId, 0, 'any of them');
		for (const n of [1, 2]) await t.status(n, 'Reserved');
		await t.authorize();
		const tx = await t.start(t.tag, { reservationId });
		await t.booked(tx, { state: 'running' });
		await held(t, [], 'used');
	}),
	tc('TC_051', 'a reservation is cancelled', async (t) => {
		await t.up();
		const { reservationId } = await reserve(t);
		await t.status(1, 'Reserved');
		await cancel(t, reservationId, 'Accepted', 0);
		await t.status(1, 'Available');
		await held(t, [], 'cancelled');
	}),
	tc('TC_052', 'a station rejects that a reservation is cancelled', async (t) => {
		await t.up();
		const { reservationId } = await reserve(t);
		await cancel(t, reservationId, 'Rejected', 6);
	}),
	tc('TC_053', 'a reservation is used by another tag of the group', async (t) => {
		const other = t.uid + 'C', parent = t.uid + 'G';
		await t.up();
		const { idTag, parentIdTag, reservationId } = await reserve(t);
		t.equal([idTag, parentIdTag], [t.tag, parent], 'for a tag and its group');
		await t.status(1, 'Reserved');
		const { idTagInfo } = await t.call('Authorize', { idTag: other });
		t.answers(idTagInfo, { status: 'Accepted', parentIdTag: parent }, 'the other one is of the group');
		await t.start(other, { reservationId });
		await t.status(1, 'Charging');
		await held(t, [], 'used');
	}),
]);

async function reserve(t, { connector = 1, answer = 'Accepted', args = [] } = {}) {
	const asked = await t.order(['reservation', 'create', `${t.id}/${connector}`, `tag=${t.tag}`, ...args], 'ReserveNow',
		{ status: answer }, { status: answer === 'Accepted' ? 0 : 6 });
	t.equal([asked.connectorId, asked.idTag], [connector, t.tag], 'ReserveNow');
	t.ok(asked.reservationId > 0, 'a reservation has a number');
	return asked;
}

async function refused(t, answer) {
	await t.up();
	await reserve(t, { answer });
	await held(t, [], 'refused');
}

async function held(t, ids, what) {
	const list = await t.show('reservation', 'list', `station=${t.id}`);
	t.equal(list.map((r) => r.id), ids, `reservation list, when it is ${what}`);
}

async function cancel(t, reservationId, answer, status) {
	const asked = await t.order(['reservation', 'cancel', String(reservationId)], 'CancelReservation', { status: answer }, { status });
	t.equal(asked, { reservationId }, 'CancelReservation');
}
