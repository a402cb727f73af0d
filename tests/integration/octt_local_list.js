#!/usr/bin/env node
// timeout: 120
// The certification list for central systems, Local Authorization List: 6 cases.
'use strict';
const { group, tc } = require('./octt');

group('Local Authorization List', 6, [
	tc('TC_042_1', 'the version of a list that the station does not keep', (t) => version(t, -1, 6)),
	tc('TC_042_2', 'the version of a list that is empty', (t) => version(t, 0, 0)),
	tc('TC_043_1', 'a list is not supported', async (t) => {
		await t.up();
		await sendAll(t, 'NotSupported', 6);
	}),
	tc('TC_043_3', 'a list that the station fails to take', async (t) => {
		await t.up();
		await sendAll(t, 'Failed', 6);
	}),
	tc('TC_043_4', 'a full list', async (t) => {
		await t.up();
		const list = await sendAll(t, 'Accepted', 0);
		t.ok(list.length > 0 && list.every((e) => e.idTag && e.idTagInfo && e.idTagInfo.status), 'each entry tells what is allowed', list);
		t.ok(list.some((e) => e.idTag === t.tag && e.idTagInfo.status === 'Accepted'), 'a good tag is in it');
		t.ok(!list.some((e) => e.idTag === t.uid + 'B'), 'a blocked one is not');
		const expired = list.find((e) => e.idTag === t.uid + 'E');
		t.ok(expired && expired.idTagInfo.status === 'Expired', 'one that has expired says so', expired);
	}),
	tc('TC_043_5', 'a differential update of a list', async (t) => {
		await t.up();
		await sendAll(t, 'Accepted', 0, ['version=7']);
		const entry = { idTag: t.uid + 'D', idTagInfo: { status: 'Accepted' } };
		const asked = await t.order(['station', 'local-list', 'send', t.id, 'update=Differential', 'version=8',
			`list=${JSON.stringify([entry])}`], 'SendLocalList', { status: 'Accepted' });
		t.equal(asked, { listVersion: 8, localAuthorizationList: [entry], updateType: 'Differential' }, 'SendLocalList');
	}),
]);

async function version(t, listVersion, status) {
	await t.up();
	const asked = await t.order(['station', 'local-list', 'version', t.id], 'GetLocalListVersion', { listVersion },
		{ status, printed: (json) => json && json.listVersion === listVersion });
	t.equal(asked, {}, 'GetLocalListVersion');
}

async function sendAll(t, answer, status, more = []) {
	const asked = await t.order(['station', 'local-list', 'send', t.id, ...more], 'SendLocalList', { status: answer }, { status });
	t.equal(asked.updateType, 'Full', 'all of it');
	t.ok(asked.listVersion >= 1, 'with a version', asked.listVersion);
	return asked.localAuthorizationList;
}
