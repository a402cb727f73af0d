// What the octt_* tests share: the cases of the certification list for central systems (OCTT, OCPP 1.6), each run
// over every transport, each with a station of its own by ocpp-rpc in strict mode, all against one lmsd.
//
// A case passes when what it checks holds, no message of either side breaks its schema, and lmsd asked nothing that the
// station has no answer for. lmsd is asked through lmsctl alone.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, TMP } = require('./lib');
const { Ca } = require('./pki');

const AT_ONCE = 12;	// cases that run side by side

// ---- transports -----------------------------------------------------------------------------

// What a station shows: `profile` of the security whitepaper. rpc(): options of its connection; lmsd demands them, for
// its station has security=profile and, where it shows one, that key.
const TRANSPORTS = [
	{ name: 'ws', suffix: 'ws', profile: 0, rpc: () => ({}) },
	{
		name: 'wss with basic auth', suffix: 'basic', profile: 2,
		rpc: (rig, t) => {
			t.key = crypto.randomBytes(20);
			return { endpoint: rig.wss, password: t.key, wsOpts: { ca: rig.caCert } };
		},
	},
	{
		name: 'wss with a client certificate', suffix: 'cert', profile: 3,
		rpc: (rig, t) => {
			const { cert, key } = rig.ca.issue(t.id);
			return { endpoint: rig.wss, wsOpts: { ca: rig.caCert, cert, key } };
		},
	},
];

// ---- a case ---------------------------------------------------------------------------------

// A station that can be told what to answer to the next call of its kind.
class Peer extends Station {
	onCall(method, params) {
		const at = this.expected.findIndex((e) => e.method === method && e.fits(params));
		if (at < 0) {
			if (!this.answers[method]) this.unexpected.push(method);
			return super.onCall(method, params);
		}
		const [{ answer, resolve }] = this.expected.splice(at, 1);
		resolve(params);
		return answer;
	}
}

class Case {
	constructor(rig, { id, label, name, run }, transport, uid) {
		Object.assign(this, { rig, lmsd: rig.lmsd, run, transport });
		this.name = `${label} over ${transport.name}: ${name}`;
		this.id = `${id}-${transport.suffix}`;
		// Tags are of this case alone; they differ in their last letter.
		this.uid = uid;
		this.tag = this.uid + 'A';
		this.problems = [];
		this.profile = transport.profile;
		this.station = this.peer(transport.rpc(rig, this));
	}

	// A station of this case's identity that connects so.
	peer(rpc) {
		const peer = new Peer(this.lmsd, this.id, { connectors: 2, rpc });
		return Object.assign(peer, { expected: [], unexpected: [] });
	}

	ok(condition, what, detail) {
		if (!condition) this.problems.push(detail === undefined ? what : { what, detail });
		return condition;
	}

	equal(actual, expected, what) {
		return this.ok(JSON.stringify(actual) === JSON.stringify(expected), what, { actual, expected });
	}

	// The answer to a call of the station has these members.
	answers(answer, expected, what) {
		for (const [k, v] of Object.entries(expected)) this.equal(answer[k], v, `${what}: ${k}`);
		return answer;
	}

	ctl(...args) {
		return this.lmsd.ctlAsync(...args);
	}

	// What lmsctl shows; it must succeed.
	async show(...args) {
		const r = await this.ctl(...args);
		if (r.status !== 0) throw new Error(`lmsctl ${args.join(' ')}: status ${r.status}: ${r.err}`);
		return r.json;
	}

	// The next call of this method that fits is answered so; answers its parameters.
	asked(method, answer, fits = () => true) {
		return new Promise((resolve) => this.station.expected.push({ method, answer, fits, resolve }));
	}

	// lmsctl makes lmsd ask, the station answers; lmsctl prints that answer and exits with 0, or 6 where it is a refusal.
	async order(args, method, answer, { status = 0, fits, printed = (json) => json && json.status === answer.status } = {}) {
		const asked = this.asked(method, answer, fits);
		const r = await this.ctl(...args, '-y');
		this.equal(r.status, status, `exit status of lmsctl ${args.join(' ')} (${r.err.trim()})`);
		this.ok(printed(r.json), `lmsctl ${args.join(' ')} prints the answer of the station`, r.out);
		return Promise.race([asked, Promise.resolve().then(() => {
			throw new Error(`lmsctl ${args.join(' ')}: ${method} did not come: ${r.err}`);
		})]);
	}

	setKey(key) {
		const file = path.join(TMP, `${this.id}.key`);
		fs.writeFileSync(file, key.toString('hex'));
		return this.show('station', 'key', 'set', this.id, '@' + file);
	}

	// A request of the station for a certificate, signed by the CA of the site: {csr, key, chain}, the last a file.
	wantsCertificate() {
		const { ca } = this.rig, name = `${this.id}-new`, chain = path.join(TMP, `${name}.pem`);
		ca.request(name, this.id);
		const csr = fs.readFileSync(path.join(ca.dir, `${name}.csr`), 'utf8');
		fs.writeFileSync(chain, ca.sign(csr));
		return { csr, chain, key: fs.readFileSync(path.join(ca.dir, `${name}.key`)) };
	}

	// ---- what stations do

	call(method, params) {
		return this.station.call(method, params);
	}

	status(connector, status, more = {}) {
		return this.call('StatusNotification', { connectorId: connector, errorCode: 'NoError', status,
			timestamp: new Date().toISOString(), ...more });
	}

	async booted() {
		this.answers(await this.station.boot(), { status: 'Accepted' }, 'BootNotification');
		for (const n of [0, 1, 2]) await this.status(n, 'Available');
	}

	async up() {
		await this.station.connect();
		await this.booted();
		await until(() => this.station.profiles.some((p) => p.purpose === 'TxDefaultProfile'), 'the first limit');
		const { security_now } = await this.show('station', 'show', this.id);
		this.equal(security_now, this.profile, 'what it shows counts');
	}

	async again() {
		await this.station.close();
		await this.station.connect();
	}

	async authorize(tag = this.tag, status = 'Accepted') {
		const { idTagInfo } = await this.call('Authorize', { idTag: tag });
		this.answers(idTagInfo, { status }, `Authorize ${tag}`);
	}

	async start(tag = this.tag, { status = 'Accepted', connector = 1, ago_s = 0, ...more } = {}) {
		const { idTagInfo, transactionId } = await this.call('StartTransaction', { connectorId: connector, idTag: tag,
			meterStart: 1000, timestamp: new Date(Date.now() - ago_s * 1000).toISOString(), ...more });
		this.answers(idTagInfo, { status }, `StartTransaction of ${tag}`);
		this.ok(transactionId > 0, 'a transaction has a number');
		return transactionId;
	}

	async stop(transactionId, reason, { tag = this.tag, status = 'Accepted', ago_s = 0, meterStop = 2500 } = {}) {
		const { idTagInfo } = await this.call('StopTransaction', { transactionId, meterStop, reason,
			...(tag ? { idTag: tag } : {}), timestamp: new Date(Date.now() - ago_s * 1000).toISOString() });
		if (tag) this.answers(idTagInfo, { status }, 'StopTransaction');
	}

	// A session on connector 1, up to Charging.
	async charging(tag = this.tag) {
		await this.authorize(tag);
		await this.status(1, 'Preparing');
		const tx = await this.start(tag);
		await this.status(1, 'Charging');
		return tx;
	}

	async unplugged() {
		await this.status(1, 'Finishing');
		await this.status(1, 'Available');
	}

	// The ledger has it so.
	async booked(tx, expected) {
		const t = await this.show('transaction', 'show', String(tx));
		this.answers(t, { station: this.id, connector: 1, tag: this.tag, ...expected }, `transaction ${tx}`);
		return t;
	}

	async running(expected, what) {
		const list = await this.show('transaction', 'list', 'state=running', `station=${this.id}`);
		this.equal(list.map((t) => t.id), expected, what);
	}

	async result() {
		try {
			await this.run(this);
		} catch (e) {
			this.problems.push(e.stack);
		}
		const { badSchema, unexpected } = this.station;
		if (badSchema.length) this.problems.push({ schema: badSchema });
		if (unexpected.length) this.problems.push({ unexpected });
		await this.station.close();
		return this;
	}
}

// ---- a group --------------------------------------------------------------------------------

// Works through a list, some at a time; answers the results in its order.
async function pool(list, fn) {
	const results = new Array(list.length);
	const queue = list.entries();
	await Promise.all(Array.from({ length: AT_ONCE }, async () => {
		for (const [i, item] of queue) results[i] = await fn(item);
	}));
	return results;
}

// Runs a group: `count` cases ({id, label, name, run}, see tc()), over every transport.
function group(title, count, cases) {
	return main(async () => {
		equal(cases.length, count, `${title}: ${count} cases`);
		const ca = new Ca(path.join(TMP, 'ca'));
		const own = ca.issue('lmsd', { san: 'IP:127.0.0.1' });
		const lmsd = await new Lmsd().start({ 'listen.wss': '127.0.0.1:0', 'tls.certificate': own.certFile,
			'tls.key': own.keyFile, 'tls.client_ca': ca.cert });
		const rig = { lmsd, ca, caCert: fs.readFileSync(ca.cert), wss: `wss://127.0.0.1:${lmsd.child.ready.wss}` };
		const all = cases.flatMap((c, i) => TRANSPORTS.filter((t) => !c.over || c.over(t))
			.map((t) => new Case(rig, c, t, `${i}.${TRANSPORTS.indexOf(t)}`)));
		lmsd.apply({
			zones: [{ id: 'P1', static: 6000 }],
			stations: all.map(({ id, transport }) => ({ id, zone: 'P1', wiring: 'RST', connectors: 2, max: 16, proven: true,
				security: transport.profile })),
			tags: all.flatMap(({ uid }) => [
				{ uid: uid + 'A', group: uid + 'G' },
				{ uid: uid + 'C', group: uid + 'G' },
				{ uid: uid + 'E', expires: '2020-01-01T00:00:00Z' },
				{ uid: uid + 'B', active: false },
			]),
		});
		await pool(all.filter((c) => c.key), (c) => c.setKey(c.key));
		for (const { name, problems } of await pool(all, (c) => c.result())) {
			ok(problems.length === 0, name, problems.length ? problems : undefined);
		}
	});
}

// One of the list; `over` says for which transports it makes sense, where not for all.
const tc = (id, name, run, over) => ({ id, label: `${id}_CSMS`, name, run, over });

module.exports = { group, tc, until };
