#!/usr/bin/env node
// timeout: 120
// The certification list for central systems, Remote Trigger: 2 cases.
'use strict';
const { group, tc } = require('./octt');

group('Remote Trigger', 2, [
	tc('TC_054', 'trigger messages', async (t) => {
		await t.up();
		const tx = await t.charging();
		await trigger(t, 'MeterValues', ['connector=1'], { connectorId: 1 });
		t.equal(await t.station.draws(1, tx, [10, 10, 10], 1100), {}, 'MeterValues');
		await trigger(t, 'Heartbeat');
		t.ok((await t.call('Heartbeat', {})).currentTime, 'Heartbeat');
		await trigger(t, 'StatusNotification', ['connector=1'], { connectorId: 1 });
		t.equal(await t.status(1, 'Charging'), {}, 'StatusNotification');
		await trigger(t, 'DiagnosticsStatusNotification');
		t.equal(await t.call('DiagnosticsStatusNotification', { status: 'Idle' }), {}, 'DiagnosticsStatusNotification');
		await trigger(t, 'FirmwareStatusNotification');
		t.equal(await t.call('FirmwareStatusNotification', { status: 'Idle' }), {}, 'FirmwareStatusNotification');
		await trigger(t, 'FirmwareStatusNotification', [], {}, 'NotImplemented', 6);
	}),
	tc('TC_055', 'a trigger that the station rejects', async (t) => {
		await t.up();
		await trigger(t, 'MeterValues', ['connector=9'], { connectorId: 9 }, 'Rejected', 6);
	}),
]);

async function trigger(t, message, args = [], more = {}, answer = 'Accepted', status = 0) {
	const asked = await t.order(['station', 'trigger', t.id, `message=${message}`, ...args], 'TriggerMessage',
		{ status: answer }, { status, fits: (p) => p.requestedMessage === message });
	t.equal(asked, { requestedMessage: message, ...more }, 'TriggerMessage');
}
