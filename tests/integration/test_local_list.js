#!/usr/bin/env node
// timeout: 120
// Local lists kept as the tags are, at stations of ocpp-rpc in strict mode: all at first, then what has changed, also what
// changed while the station was away, and nothing after a kill -9 of lmsd.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

// A station that keeps its list as the standard says.
class Keeper extends Station {
	constructor(lmsd, id, list = { version: 0, tags: {} }, config = {}) {
		super(lmsd, id, { config: { LocalAuthListEnabled: 'false', LocalAuthListMaxLength: '100', SendLocalListMaxLength: '2',
			LocalPreAuthorize: 'false', LocalAuthorizeOffline: 'false', AuthorizationCacheEnabled: 'false',
			...config }, handlers: {
			GetLocalListVersion: () => ({ listVersion: this.list.version }),
			SendLocalList: (p) => this.take(p),
		} });
		this.list = list;
	}

	take(p) {
		if (p.updateType === 'Full') this.list.tags = {};
		else if (p.listVersion <= this.list.version) return { status: 'VersionMismatch' };
		if (p.localAuthorizationList.length > Number(this.config.SendLocalListMaxLength)) return { status: 'Failed' };
		for (const e of p.localAuthorizationList) {
			if (e.idTagInfo) this.list.tags[e.idTag] = e.idTagInfo;
			else delete this.list.tags[e.idTag];
		}
		this.list.version = p.listVersion;
		return { status: 'Accepted' };
	}

	has(...tags) {
		return JSON.stringify(Object.keys(this.list.tags).sort()) === JSON.stringify(tags);
	}

	sent() {
		return this.received.filter((m) => m.method === 'SendLocalList').map((m) => [m.params.updateType, m.params.listVersion]);
	}
}

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		site: { local_list: true },
		zones: [{ id: 'P1', static: 40 }],
		stations: [{ id: 'A', zone: 'P1', wiring: 'RST', connectors: 1 }, { id: 'B', zone: 'P1', wiring: 'RST', connectors: 1,
			local_list: false }],
		tags: [{ uid: 'ANNA', group: 'FLEET' }, { uid: 'BEN', expires: '2030-01-01T00:00:00Z' }, { uid: 'CARL', active: false },
			{ uid: 'DORA' }, { uid: 'A-NAME-OF-MORE-THAN-20-CHARACTERS' }],
	});
	let a = new Keeper(lmsd, 'A');
	const b = new Keeper(lmsd, 'B');
	await a.up();
	await b.up();
	const show = async (id) => (await lmsd.ctlAsync('station', 'local-list', 'show', id)).json;
	const inStep = (id) => until(async () => (await show(id)).state === 'as the tags are', `${id} to be as the tags are`);

	await inStep('A');
	ok(a.has('ANNA', 'BEN', 'DORA'), 'it holds the tags that a station may decide on', a.list);
	equal([a.list.tags.ANNA.parentIdTag, Date.parse(a.list.tags.BEN.expiryDate)], ['FLEET', Date.parse('2030-01-01T00:00:00Z')],
		'with their group and their end');
	equal(a.sent(), [['Full', 1], ['Differential', 2]], 'in messages as long as it takes, the first of them full');
	await until(() => a.config.LocalAuthorizeOffline === 'true', 'it to be used offline');
	equal([a.config.LocalAuthListEnabled, a.config.LocalPreAuthorize], ['true', 'false'], 'the list is switched on, and used offline only');
	equal(await show('A'), { kept: 'yes', state: 'as the tags are', version: 2, tags: 3, room: 100, room_in_message: 2 }, 'it is shown');

	lmsd.must('tag', 'set', 'CARL', 'active=yes');
	await until(() => a.has('ANNA', 'BEN', 'CARL', 'DORA'), 'a tag to be added');
	equal(a.sent().pop(), ['Differential', 3], 'a change is told alone');
	lmsd.must('tag', 'delete', 'DORA', '-y');
	await until(() => a.has('ANNA', 'BEN', 'CARL'), 'one to be taken off');
	lmsd.must('tag', 'set', 'ANNA', 'holder=Anna');
	lmsd.must('station', 'set', 'A', 'local_first=yes', 'auth_cache=yes');
	await lmsd.ctlAsync('station', 'config', 'restore', 'A');
	equal([a.config.LocalPreAuthorize, a.config.AuthorizationCacheEnabled], ['true', 'true'], 'more than that where it is wanted');

	await a.close();
	await lmsd.kill();
	await lmsd.start();
	lmsd.must('tag', 'add', 'EMIL');
	a = new Keeper(lmsd, 'A', a.list);
	await a.up();
	await until(() => a.has('ANNA', 'BEN', 'CARL', 'EMIL'), 'what changed while it was away to be told');
	equal(a.sent(), [['Differential', 5]], 'and no more than that, over a kill -9');
	await inStep('A');
	await a.close();
	await lmsd.kill();
	await lmsd.start();
	a = new Keeper(lmsd, 'A', a.list);
	await a.up();
	await until(() => a.received.some((m) => m.method === 'GetLocalListVersion'), 'the version to be asked');
	await inStep('A');
	equal(a.sent(), [], 'a list in step is not sent again');

	// Another one has sent it a list meanwhile.
	await a.close();
	a = new Keeper(lmsd, 'A', { version: 50, tags: { STRANGER: { status: 'Accepted' } } });
	await a.up();
	await until(() => a.has('ANNA', 'BEN', 'CARL', 'EMIL'), 'a list of another version to be replaced');
	equal(a.sent(), [['Full', 51], ['Differential', 52]], 'as a whole, with a higher version');

	equal([b.received.filter((m) => /LocalList/.test(m.method)).length, (await show('B')).kept], [0, 'no'], 'a station that shall keep none is not asked');
	equal((await lmsd.ctlAsync('station', 'local-list', 'send', 'A', '--list=[]')).status, 5, 'a list that is kept is not replaced by hand');
	const b2 = new Keeper(lmsd, 'B');
	await b2.up();
	const r = await lmsd.ctlAsync('station', 'local-list', 'send', 'B', 'version=7');
	equal([r.status, r.json.status], [6, 'Failed'], 'by hand the station is taken at its word');
	lmsd.must('station', 'set', 'B', 'local_list=yes');
	await until(() => b2.has('ANNA', 'BEN', 'CARL', 'EMIL'), 'B to be kept, too');
	equal([...a.badSchema, ...b.badSchema, ...b2.badSchema], [], 'no message broke its schema');
	await Promise.all([a.close(), b.close(), b2.close()]);
});
