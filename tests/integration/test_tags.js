#!/usr/bin/env node
// timeout: 120
// Who may charge where and when, by lmsctl at stations of ocpp-rpc in strict mode.
'use strict';
const { spawn } = require('child_process');
const path = require('path');
const { ok, equal, until, main, BIN, Lmsd, Station } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		zones: [{ id: 'P1', static: 40 }, { id: 'P2', static: 40 }],
		groups: [{ id: 'STAFF' }],
		stations: [{ id: 'A', zone: 'P1', wiring: 'RST', connectors: 2, groups: 'STAFF' }, { id: 'B', zone: 'P2', wiring: 'RST' }],
		tags: [{ uid: 'ANNA', station_groups: 'STAFF' }, { uid: 'BEN', zones: 'P2' }, { uid: 'CARL', connectors: 'A/2' },
			{ uid: 'DORA', auth: 'schedule', schedule: 'daily 00:00-24:00', group: 'FLEET' }, { uid: 'EMIL', group: 'FLEET' }],
	});
	const a = new Station(lmsd, 'A', { connectors: 2 });
	const b = new Station(lmsd, 'B');
	await a.up(2);
	await b.up(1);
	const ctl = (...args) => lmsd.ctlAsync(...args);
	const shown = async (st, idTag) => (await st.call('Authorize', { idTag })).idTagInfo.status;
	const may = async () => {
		const r = {};
		for (const tag of ['ANNA', 'BEN', 'CARL', 'DORA', 'EMIL']) r[tag] = [await shown(a, tag), await shown(b, tag)];
		return r;
	};
	const Y = 'Accepted', N = 'Blocked';
	equal(await may(), { ANNA: [Y, N], BEN: [N, Y], CARL: [Y, N], DORA: [Y, Y], EMIL: [Y, Y] }, 'each tag charges where it may');
	const start = (st, connectorId, idTag) => st.call('StartTransaction', { connectorId, idTag, meterStart: 1,
		timestamp: new Date().toISOString() });
	equal((await start(a, 1, 'CARL')).idTagInfo.status, N, 'a tag of one connector does not start at another');
	const tx = await start(a, 2, 'CARL');
	equal(tx.idTagInfo.status, Y, 'but at its own');

	const dora = await start(a, 1, 'DORA');
	equal(dora.idTagInfo.status, Y, 'a tag starts inside its schedule');
	const today = ['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'];
	const away = today[(new Date().getUTCDay() + 2) % 7];	// of the day after tomorrow: getUTCDay() counts from Sunday
	equal((await ctl('tag', 'set', 'DORA', `schedule=${away} 10:00-11:00`)).status, 0, 'its schedule is another');
	equal([await shown(a, 'DORA'), await shown(b, 'DORA')], [Y, N], 'it may be shown where it charges, and not elsewhere');
	equal((await start(b, 1, 'DORA')).idTagInfo.status, N, 'nor may it start there');
	equal(await shown(a, 'EMIL'), Y, 'one of its group may end it');
	equal((await ctl('transaction', 'list', 'state=running')).json.map((x) => x.tag).sort(), ['CARL', 'DORA'], 'what runs goes on');

	let r = await ctl('tag', 'set', 'DORA', 'schedule=mo 8-18');
	equal([r.status, r.err.includes("tag DORA: schedule: at '8-18' (character 4): is no time")], [65, true], 'a schedule that is none is 65');
	r = await ctl('tag', 'set', 'DORA', 'zones=P3');
	equal([r.status, r.err.includes("zone 'P3' does not exist (did you mean 'P")], [65, true], 'so is a place that is none');
	equal((await ctl('group', 'delete', 'STAFF', '-y')).status, 5, 'a group in use stays');
	equal((await ctl('tag-group', 'create', 'FLEET', 'active=no')).status, 0, 'a group of tags is made inactive');
	equal([await shown(a, 'EMIL'), await shown(b, 'EMIL')], [N, N], 'so are its tags');

	// ---- credit
	equal((await ctl('tag', 'add', 'FRED', 'credit=1kWh', 'recharge=1kWh', 'every=month', 'credit_max=5kWh')).json.credit_wh, 1000, 'a tag has a credit');
	const fred = await start(b, 1, 'FRED');
	equal(fred.idTagInfo.status, Y, 'and starts with it');
	const meter = (st, connectorId, tx, wh) => st.call('MeterValues', { connectorId, transactionId: tx.transactionId,
		meterValue: [{ timestamp: new Date().toISOString(), sampledValue: [{ value: String(wh) }] }] });
	await meter(b, 1, fred, 60001);
	equal((await ctl('tag', 'show', 'FRED')).json.credit_wh, 1000, 'energy that cannot be is not charged');
	equal((await ctl('tag', 'credit', 'set', 'FRED', 'credit=-1Wh', 'text=a test')).status, 0, 'its credit is set below 0');
	await until(() => b.received.some((m) => m.method === 'RemoteStopTransaction'), 'the station to be told');
	equal(b.received.find((m) => m.method === 'RemoteStopTransaction').params, { transactionId: fred.transactionId }, 'what it charges is stopped');
	await b.call('StopTransaction', { transactionId: fred.transactionId, meterStop: 1, timestamp: new Date().toISOString() });
	equal((await start(b, 1, 'FRED')).idTagInfo.status, N, 'it starts no more');
	equal((await ctl('tag', 'credit', 'add', 'FRED', 'change=2kWh', 'text=a gift')).json.credit_wh, 1999, 'until it has more');
	r = (await ctl('tag', 'credit', 'show', 'FRED')).json;
	equal(r.map((x) => [x.cause, x.change_wh, x.credit_wh, x.text]), [['add', 2000, 1999, 'a gift'], ['set', -1001, -1, 'a test'],
		['set', null, 1000, null]], 'every change is on record, the latest first');
	ok(r[0].by === `uid ${process.getuid()}`, 'with who made it', r[0]);
	equal((await ctl('--limit', '1', 'tag', 'credit', 'show', 'FRED')).json.length, 1, 'in pages');
	equal((await ctl('tag', 'set', 'FRED', 'credit=unlimited')).status, 65, 'a tag that is recharged is not unlimited');

	// ---- learning
	const learn = (input, ...args) => {
		const child = spawn(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'tag', 'learn', ...args],
			{ stdio: ['pipe', 'pipe', 'pipe'] });
		child.out = child.err = '';
		child.stdout.on('data', (d) => { child.out += d; });
		child.stderr.on('data', (d) => { child.err += d; });
		child.done = new Promise((resolve) => child.on('close', (code) => resolve(code)));
		child.stdin.end(input);
		return child;
	};
	equal([await shown(b, '04:c1'), await shown(b, '04C1')], ['Invalid', 'Invalid'], 'an unknown tag is refused');
	equal((await ctl('tag', 'pending')).json.map((x) => [x.uid, x.count, x.station]), [['04C1', 2, 'B']], 'and waits');
	let l = learn('', '--station', 'B', '--count', '2');
	await until(() => l.err.includes('show tags at station B'), 'it to learn');
	equal([await shown(b, 'BEN'), await shown(a, 'CARL')], ['Invalid', Y], 'where tags are learned none is let in');
	equal((await start(b, 1, 'BEN')).idTagInfo.status, N, 'and nothing starts');
	equal(await l.done, 0, 'it ends after so many');
	equal(l.out, 'BEN  at B  known\nBEN  at B  known\n', 'each was printed');
	await until(async () => await shown(b, 'BEN') === Y, 'learning to be over');
	l = learn('');
	await until(() => l.err.includes('at any station'), 'it to learn');
	equal([await shown(b, '04D2'), await shown(a, 'CARL')], ['Invalid', Y], 'who charges may end it all the same');
	await until(() => l.out === '04D2  at B  pending\nCARL  at A  known\n', 'both to be printed');
	l.kill('SIGKILL');
	await l.done;
	await until(async () => await shown(b, 'BEN') === Y, 'learning to be over when who learned has died');
	l = learn('04:e3\r\n\nnot a tag!\nanna\n', '--stdin');
	equal([await l.done, l.out], [0, '04E3  pending\nANNA  known\n'], 'a reader that types is read');
	ok(/'not a tag!': is not a uid/.test(l.err), 'what is no tag is said', l.err);
	equal((await ctl('tag', 'pending')).json.map((x) => x.uid).sort(), ['04C1', '04D2', '04E3'], 'all unknown ones wait');
	equal((await ctl('tag', 'accept', '04D2', 'holder=Dan')).json.holder, 'Dan', 'one is accepted');
	equal(await shown(b, '04D2'), Y, 'and may charge');
	equal((await ctl('tag', 'accept', '0499')).status, 4, 'what nobody showed is not there');

	await lmsd.kill();
	await lmsd.start();
	equal((await ctl('tag', 'pending')).json.map((x) => x.uid).sort(), ['04C1', '04E3'], 'pending ones survive a kill -9');
	equal([(await ctl('tag', 'show', 'FRED')).json.credit_wh, (await ctl('tag', 'credit', 'show', 'FRED')).json.length], [1999, 3],
		'a kill -9 loses nothing of it');
	await b.connect();
	await b.boot();
	equal([await shown(b, 'ANNA'), await shown(b, 'BEN'), await shown(b, 'DORA'), await shown(b, 'EMIL')], [N, Y, N, N],
		'all of it holds after a kill -9');
	equal((await ctl('tag', 'show', 'ANNA')).json.station_groups, 'STAFF', 'and is shown');
});
