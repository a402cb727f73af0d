#!/usr/bin/env node
// timeout: 120
// Who may charge where and when, by lmsctl at stations of ocpp-rpc in strict mode.
'use strict';
const { equal, main, Lmsd, Station } = require('./lib');

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

	await lmsd.kill();
	await lmsd.start();
	await b.connect();
	await b.boot();
	equal([await shown(b, 'ANNA'), await shown(b, 'BEN'), await shown(b, 'DORA'), await shown(b, 'EMIL')], [N, Y, N, N],
		'all of it holds after a kill -9');
	equal((await ctl('tag', 'show', 'ANNA')).json.station_groups, 'STAFF', 'and is shown');
});
