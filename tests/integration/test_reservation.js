#!/usr/bin/env node
// timeout: 120
// Reservations by lmsctl at a station of ocpp-rpc in strict mode: created, listed, refused, used, cancelled, and kept over
// a kill -9 of lmsd.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: 40 }],
		stations: [{ id: 'A', zone: 'P1', wiring: 'RST', connectors: 2, proven: true }],
		tags: [{ uid: 'ANNA', group: 'FLEET' }, { uid: 'BEN' }, { uid: 'CARL', group: 'FLEET' }],
	});
	let answer = 'Accepted';
	const handlers = { ReserveNow: () => ({ status: answer }), CancelReservation: () => ({ status: answer }) };
	let a = new Station(lmsd, 'A', { connectors: 2, handlers });
	await a.up(2);
	const ctl = (...args) => lmsd.ctlAsync('reservation', ...args);
	const sent = (method) => a.received.filter((m) => m.method === method).map((m) => m.params);

	let r = await ctl('create', 'A/1', 'tag=ANNA', 'for=2h');
	equal([r.status, r.json], [0, { status: 'Accepted', reservation: 1 }], 'a connector is reserved');
	const now = sent('ReserveNow')[0];
	equal([now.connectorId, now.idTag, now.parentIdTag, now.reservationId], [1, 'ANNA', 'FLEET', 1], 'for the tag and its group');
	ok(Math.abs(Date.parse(now.expiryDate) - Date.now() - 7200000) < 60000, 'until in two hours', now);
	for (const word of ['Occupied', 'Faulted', 'Rejected', 'Unavailable']) {
		answer = word;
		r = await ctl('create', 'A/2', 'tag=BEN');
		equal([r.status, r.json], [6, { status: word }], `${word} of the station is printed, and exit 6`);
	}
	answer = 'Accepted';
	equal((await ctl('create', 'A/0', 'tag=BEN')).json, { status: 'Accepted', reservation: 6 }, 'any connector is reserved');
	equal((await ctl('create', 'A/1', 'tag=BEN')).status, 5, 'twice is a conflict');
	equal((await ctl('create', 'A/7', 'tag=BEN')).status, 4, 'a connector that is not there is 4');
	equal((await ctl('create', 'A/2', 'tag=NOBODY')).status, 4, 'so is a tag');
	equal((await ctl('list')).json.map((x) => [x.id, x.station, x.connector, x.tag, x.state]),
		[[1, 'A', 1, 'ANNA', 'held'], [6, 'A', 0, 'BEN', 'held']], 'they are listed');
	equal((await ctl('show', '6')).json.tag, 'BEN', 'and shown');

	await lmsd.kill();
	await lmsd.start();
	equal((await ctl('list')).json.map((x) => x.id), [1, 6], 'and still are after a kill -9');
	a = new Station(lmsd, 'A', { connectors: 2, handlers });
	await a.connect();
	await a.boot();
	await a.status(1, 'Available');
	await until(() => sent('ReserveNow').length === 2, 'both to be told to the station that has booted');
	equal(sent('ReserveNow').map((m) => m.reservationId), [1, 6], 'a station that has booted is told them again');
	await a.status(1, 'Reserved');
	await a.status(2, 'Available');
	const start = (connectorId, idTag, more) => a.call('StartTransaction', { connectorId, idTag, meterStart: 1,
		timestamp: new Date().toISOString(), ...more });
	equal((await start(1, 'BEN', {})).idTagInfo.status, 'Blocked', 'another tag may not start there');
	equal((await start(1, 'CARL', { reservationId: 1 })).idTagInfo.status, 'Accepted', 'one of the group may');
	equal((await ctl('list')).json.map((x) => x.id), [6], 'which uses it up');
	equal((await ctl('cancel', '6')).json, { status: 'Accepted' }, 'one can be cancelled');
	equal([sent('CancelReservation'), (await ctl('list')).json], [[{ reservationId: 6 }], []], 'at the station, too');
	equal((await ctl('cancel', '6')).status, 4, 'and then is no more');
	r = await ctl('create', 'A/2', 'tag=BEN');
	equal(r.json, { status: 'Accepted', reservation: 7 }, 'an id never comes again');
	answer = 'Rejected';
	r = await ctl('cancel', '7');
	equal([r.status, r.json], [6, { status: 'Rejected' }], 'a station that does not know it says so, and exit 6');
	answer = 'Accepted';
	await ctl('create', 'A/2', 'tag=BEN');
	await a.close();
	await until(async () => (await lmsd.ctlAsync('station', 'show', 'A')).json.state === 'offline', 'A to be offline');
	r = await ctl('cancel', '8');
	ok(r.status === 75 && /when it returns/.test(r.err), 'one of a station that is away is exit 75', r);
	equal((await ctl('create', 'A/2', 'tag=BEN')).status, 75, 'as is making one');
	a = new Station(lmsd, 'A', { connectors: 2, handlers });
	await a.up(2);
	await until(() => sent('CancelReservation').length === 1, 'it to be cancelled on the return');
	await until(async () => (await ctl('list')).json.length === 0, 'it to be over');
	ok(true, 'and is cancelled on its return');
	equal(a.badSchema, [], 'no message broke its schema');
	await a.close();
});
