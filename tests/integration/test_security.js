#!/usr/bin/env node
// timeout: 120
// Security profiles 0 to 3 by stations that we did not write: keys over ws and wss, client certificates, no way
// back to less, a new key that survives whatever happens in between, and nobody comes in who should not.
'use strict';
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { ok, equal, until, main, Lmsd, Station, BIN, TMP } = require('./lib');
const { Ca } = require('./pki');

const KEY = '00' + '112233445566778899aabbccddeeff00112233';	// 20 bytes, the first of them NUL
const raw = (hex) => Buffer.from(hex, 'hex');

function file(name, content) {
	const at = path.join(TMP, name);
	fs.writeFileSync(at, content);
	return '@' + at;
}

// What the door says: 101, or the status of the refusal. show: {key, wss, tls}.
async function knock(lmsd, id, show = {}) {
	const s = station(lmsd, id, show);
	try {
		await s.connect();
		return { answer: 101, s };
	} catch (e) {
		return { answer: e.message === 'Unauthorized' ? 401 : e.message, e };
	}
}

function station(lmsd, id, show = {}) {
	return new Station(lmsd, id, { handlers: show.handlers, rpc: {
		...(show.wss ? { endpoint: `wss://127.0.0.1:${lmsd.child.ready.wss}` } : {}),
		...(show.key ? { password: show.key } : {}), ...(show.headers ? { headers: show.headers } : {}),
		wsOpts: { rejectUnauthorized: false, ...(show.tls ? { cert: show.tls.cert, key: show.tls.key } : {}) },
	} });
}

const answers = async (lmsd, id, show) => {
	const r = await knock(lmsd, id, show);
	if (r.s) await r.s.close();
	return r.answer;
};
const shown = (lmsd, id) => lmsd.must('station', 'show', id);
const events = (lmsd) => lmsd.must('event', 'list').map((e) => `${e.object || ''} ${e.event} ${e.text}`);

const SITE = { zones: [{ id: 'P', static: 60 }], stations: ['A', 'AA:BB:CC', 'B', 'C', 'D'].map((id) => ({ id, zone: 'P', wiring: 'RST' })) };

async function keys(lmsd) {
	equal(await answers(lmsd, 'A'), 101, 'profile 0: a registered station comes in as it is');
	equal(lmsd.ctl('station', 'key', 'set', 'A', KEY).status, 64, 'a key in the command itself is not taken');
	equal(lmsd.ctl('station', 'key', 'set', 'A', file('short', 'too short')).status, 65, 'nor one that is too short');
	lmsd.must('station', 'key', 'set', 'A', file('key', KEY + '\n'));
	equal(await answers(lmsd, 'A'), 401, 'with a key, nobody comes in without');
	equal(await answers(lmsd, 'A', { key: raw(KEY) }), 101, 'quirk: the password is the key as bytes, a NUL among them');
	equal(await answers(lmsd, 'A', { key: KEY }), 101, 'quirk: the password is the key as 40 hexadecimal digits');
	equal(await answers(lmsd, 'A', { key: KEY.toUpperCase() }), 101, 'in capitals too');
	equal(await answers(lmsd, 'A', { key: raw(KEY).subarray(0, 19) }), 401, 'not a part of it');
	equal(await answers(lmsd, 'A', { key: KEY.replace(/3$/, '4') }), 401, 'not another');
	equal(await answers(lmsd, 'A', { headers: { authorization: 'Basic ' + Buffer.concat([Buffer.from('B:'), raw(KEY)]).toString('base64') } }), 401,
		'not under another user name');
	equal(await answers(lmsd, 'B', { key: raw(KEY) }), 101, 'what a station without a key shows does not matter');

	for (const user of ['A\0', 'A\0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', '', '\0A', 'AA', 'a'])
		equal(await answers(lmsd, 'A', { headers: { authorization: 'Basic ' + Buffer.concat([Buffer.from(user + ':'), raw(KEY)]).toString('base64') } }), 401,
			`nor as ${JSON.stringify(user)}`);
	lmsd.must('station', 'key', 'set', 'AA:BB:CC', file('key', KEY));
	equal(await answers(lmsd, 'AA:BB:CC', { key: raw(KEY) }), 101, 'an identity with colons');
	equal(await answers(lmsd, 'AA:BB:CC', { headers: { authorization: 'Basic ' + Buffer.concat([Buffer.from('AA:BC:CC:'), raw(KEY)]).toString('base64') } }), 401,
		'which is compared to its end');

	const made = lmsd.must('station', 'key', 'set', 'B', '--generate').key;
	ok(/^[0-9a-f]{40}$/.test(made), 'a key that lmsd makes has 20 bytes', made);
	equal(await answers(lmsd, 'B', { key: made }), 101, 'and opens');
	lmsd.must('station', 'key', 'set', 'C', file('text', 'a key of text 123'));
	equal(await answers(lmsd, 'C', { key: 'a key of text 123' }), 101, 'a key of text opens as it is');
	await lmsd.kill();
	await lmsd.start(OPTIONS);
	equal([await answers(lmsd, 'C'), await answers(lmsd, 'C', { key: 'a key of text 123' })], [401, 101], 'a key that was answered survives kill -9');
	equal([shown(lmsd, 'A').key, shown(lmsd, 'A').security_had, shown(lmsd, 'D').key], ['set', 1, 'none'], 'what each has is shown');
	ok(!JSON.stringify(lmsd.must('station', 'list')).includes(made) && !lmsd.child.log.includes(made) && !lmsd.child.log.includes(KEY),
		'no key is shown or logged again');
	ok(!JSON.stringify(lmsd.must('config', 'show')).includes(made), 'nor in the document of the site');
}

async function noWayBack(lmsd) {
	equal(await answers(lmsd, 'A', { key: raw(KEY), wss: true }), 101, 'profile 2: the key over TLS');
	equal(shown(lmsd, 'A').security_had, 2, 'is remembered');
	equal(await answers(lmsd, 'A', { key: raw(KEY) }), 401, 'and the key alone is not enough any more');
	ok(/shows profile 1, must show 2/.test(shown(lmsd, 'A').refused), 'why is at the station', shown(lmsd, 'A'));
	ok(/turned away from 127.0.0.1: .*must show 2/.test(shown(lmsd, 'A').fault), 'and its fault, while it is away', shown(lmsd, 'A'));
	ok(events(lmsd).some((e) => /^A station_refused .*remedy=.*station set A security=1/.test(e)), 'the event names the remedy', events(lmsd));
	lmsd.must('station', 'set', 'A', 'security=1');
	equal(await answers(lmsd, 'A', { key: raw(KEY) }), 101, 'which works');
	equal(await answers(lmsd, 'A', { key: raw(KEY), wss: true }), 101, 'it may do better at any time');
	equal(await answers(lmsd, 'A', { key: raw(KEY) }), 401, 'but not go back');
	equal(await answers(lmsd, 'D', { wss: true }), 101, 'TLS without a key is profile 0');
	equal(shown(lmsd, 'D').security_had, 0, 'and remembered as that');
}

async function strangers(lmsd) {
	equal(await answers(lmsd, 'NEW'), 101, 'security_min 0: a stranger may wait to be accepted');
	const open = (await knock(lmsd, 'D')).s;
	const stranger = (await knock(lmsd, 'NEW')).s;
	const refused = lmsd.ctl('site', 'set', 'security_min=1');
	ok(refused.status === 5 && /station D: .*security upgrade D 1/.test(refused.err), 'a higher minimum that would shut out who is connected is refused, with the remedy', refused);
	equal(lmsd.ctl('station', 'set', 'D', 'security=2').status, 5, 'one for a single station likewise');
	await open.close();
	await until(() => shown(lmsd, 'D').state === 'offline', 'D to be gone');
	lmsd.must('site', 'set', 'security_min=1');
	await until(() => stranger.cli.state === 3, 'the stranger to be cut');
	ok(true, 'strangers are cut by it');
	const refusals = [];
	for (const [id, show] of [['NEW', {}], ['NEW', { key: KEY }], ['A', { key: 'x'.repeat(20) }], ['D', {}]]) {
		const body = await new Promise((resolve) => require('http').get({
			port: lmsd.port, path: '/' + id, headers: { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': 13,
				'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', ...(show.key ? { authorization: 'Basic ' + Buffer.from(`${id}:${show.key}`).toString('base64') } : {}) },
		}, (r) => { let text = ''; r.on('data', (d) => { text += d; }); r.on('end', () => resolve(`${r.statusCode} ${text}`)); }));
		refusals.push(body);
	}
	ok(refusals.every((r) => r === refusals[0] && r.startsWith('401')), 'unknown, wrong and too little get the same answer', refusals);
	lmsd.must('station', 'set', 'D', 'security=0');
	equal(await answers(lmsd, 'D'), 101, 'one station may be an exception, if somebody says so');
	lmsd.must('site', 'set', 'security_min=');
}

async function rotation(lmsd) {
	// Keeps what it is told, and shows it from its next connection on.
	const rotate = async (id, key, answer) => {
		const s = station(lmsd, id, { key, handlers: { ChangeConfiguration: answer } });
		await s.up();
		return s;
	};
	let told;
	const takes = (p) => { if (p.key === 'AuthorizationKey') told = p.value; return { status: 'Accepted' }; };

	let s = await rotate('C', 'a key of text 123', takes);
	equal((await lmsd.ctlAsync('station', 'key', 'rotate', 'C')).json.status, 'Accepted', 'a new key is sent');
	ok(/^[0-9a-f]{40}$/.test(told), 'as hexadecimal digits');
	equal(shown(lmsd, 'C').key, 'changing', 'until the station has come with it');
	await s.close();
	equal([await answers(lmsd, 'C', { key: 'a key of text 123' }), await answers(lmsd, 'C', { key: told }), await answers(lmsd, 'C', { key: 'a key of text 123' })],
		[101, 101, 401], 'the old one opens too; once the new one was shown, it does not');
	equal(shown(lmsd, 'C').key, 'set', 'then the change is over');

	const before = told;
	s = await rotate('C', before, () => ({ status: 'Rejected' }));
	equal((await lmsd.ctlAsync('station', 'key', 'rotate', 'C')).status, 6, 'a station that refuses the new key');
	equal(shown(lmsd, 'C').key, 'set', 'keeps the one it has');
	await s.close();

	// The answer never comes: lmsd dies first, and cannot know what the station did.
	let asked;
	s = await rotate('C', before, (p) => (p.key === 'AuthorizationKey' ? new Promise(() => { asked = p.value; }) : { status: 'Accepted' }));
	const waiting = lmsd.ctlAsync('station', 'key', 'rotate', 'C');
	await until(() => asked, 'the new key at the station');
	await lmsd.kill();
	await waiting;
	await s.close();
	await lmsd.start(OPTIONS);
	equal([await answers(lmsd, 'C', { key: before }), await answers(lmsd, 'C', { key: asked }), await answers(lmsd, 'C', { key: before })],
		[101, 101, 401], 'killed in between: the station comes in with either, and from the new one on only with that');
	equal(shown(lmsd, 'A').security_had, 2, 'what was remembered survives too');
	equal(lmsd.ctl('station', 'config', 'set', 'C', 'AuthorizationKey', '00'.repeat(20)).status, 75, 'offline');
	s = await rotate('C', asked, takes);
	equal(lmsd.ctl('station', 'config', 'set', 'C', 'AuthorizationKey', '00'.repeat(20)).status, 5, 'a key that lmsd does not know is not sent by hand');
	await s.close();
	ok(![told, asked].some((k) => lmsd.child.log.includes(k)), 'keys on their way are not logged');
}

async function guessing(lmsd) {
	const made = lmsd.must('station', 'key', 'set', 'B', '--generate').key;
	lmsd.must('station', 'key', 'set', 'D', file('d', 'd'.repeat(16)));
	for (let i = 0; i < 30; i++) await answers(lmsd, 'D', { key: 'wrong key number ' + i });
	equal(await answers(lmsd, 'D', { key: 'd'.repeat(16) }), 401, 'after many wrong keys even the right one waits');
	ok(events(lmsd).some((e) => /^D station_guessing/.test(e)), 'which is told');
	equal(await answers(lmsd, 'B', { key: made }), 101, 'a neighbour behind the same router comes in');
	for (let i = 0; i < 30; i++) await answers(lmsd, 'B', { key: 'wrong key number ' + i });
	equal(await answers(lmsd, 'B', { key: made }), 101, 'and one that was in from there cannot be locked out from there');
	lmsd.must('station', 'key', 'delete', 'D', '-y');
}

async function certificates(lmsd, ca) {
	lmsd.apply({ stations: ['P3', 'OTHER'].map((id) => ({ id, zone: 'P', wiring: 'RST', ...(id === 'P3' ? { security: 3 } : {}) })) });
	const good = ca.issue('P3');
	const san = ca.issue('san', { cn: 'Maker 17', san: 'URI:urn:site:P3' });
	const other = ca.issue('OTHER');
	const expired = ca.issue('expired', { cn: 'P3', to: '20210101000000Z' });
	const forged = new Ca(path.join(TMP, 'forged')).issue('P3');
	const key = lmsd.must('station', 'key', 'set', 'OTHER', '--generate').key;

	equal(await answers(lmsd, 'P3', { wss: true, tls: good }), 101, 'profile 3: its certificate, by common name');
	equal(await answers(lmsd, 'P3', { wss: true, tls: san }), 101, 'or by alternative name');
	equal(shown(lmsd, 'P3').security_had, 3, 'is remembered');
	equal(await answers(lmsd, 'P3', { wss: true, tls: other }), 401, 'the certificate of another station');
	ok(/shows the certificate of 'OTHER'/.test(shown(lmsd, 'P3').refused), 'is named', shown(lmsd, 'P3'));
	equal(await answers(lmsd, 'P3', { wss: true, tls: expired }), 401, 'one that has expired');
	ok(/expired/.test(shown(lmsd, 'P3').refused), 'is said to have');
	equal(await answers(lmsd, 'P3', { wss: true, tls: forged }), 401, 'one of another CA');
	equal(await answers(lmsd, 'P3', { wss: true }), 401, 'none');
	equal(await answers(lmsd, 'P3'), 401, 'no TLS');
	equal(await answers(lmsd, 'OTHER', { wss: true, key }), 101, 'profile 2 on the same port: without a certificate');
	equal(await answers(lmsd, 'OTHER', { wss: true, key, tls: good }), 401, 'but not with that of another');
	equal(await answers(lmsd, 'OTHER', { wss: true, key, tls: forged }), 101, 'one of its maker does not matter');
	equal(await answers(lmsd, 'OTHER', { wss: true, tls: other }), 101, 'it may go up to profile 3');
	equal(await answers(lmsd, 'OTHER', { wss: true, key }), 401, 'and not back');

	const s = (await knock(lmsd, 'P3', { wss: true, tls: good })).s;
	const stays = (await knock(lmsd, 'OTHER', { wss: true, tls: other })).s;
	ca.revoke(good.certFile);
	lmsd.must('config', 'reload');
	await until(() => s.cli.state === 3, 'the end of the connection');
	ok(true, 'who is in with a certificate that is revoked now is cut');
	equal((await stays.boot()).status, 'Accepted', 'a reload drops nobody else');
	await stays.close();
	await s.close();
	equal(await answers(lmsd, 'P3', { wss: true, tls: good }), 401, 'what was revoked does not come in again');
	equal(await answers(lmsd, 'P3', { wss: true, tls: san }), 101, 'what was not does');
}

// Certificate messages and security events, every one of them checked by ocpp-rpc against the schemas.
async function certificateMessages(lmsd, ca) {
	const made = lmsd.must('station', 'key', 'set', 'D', '--generate').key;
	const got = {};
	const answer = { CertificateSigned: 'Accepted', InstallCertificate: 'Accepted', DeleteCertificate: 'Accepted' };
	const handlers = { GetInstalledCertificateIds: (p) => {
		got.GetInstalledCertificateIds = p;
		return got.InstallCertificate ? { status: 'Accepted', certificateHashData: [{ hashAlgorithm: 'SHA256', issuerNameHash: 'aa', issuerKeyHash: 'bb', serialNumber: '1' }] } : { status: 'NotFound' };
	} };
	for (const method of Object.keys(answer)) handlers[method] = (p) => { got[method] = p; return { status: answer[method] }; };
	const s = station(lmsd, 'D', { key: made, wss: true, handlers });
	await s.up();
	const ctl = (...args) => lmsd.ctlAsync('station', ...args);

	equal((await ctl('cert', 'list', 'D')).status, 6, 'cert list: NotFound is no yes');
	equal((await ctl('cert', 'install', 'D', '@' + ca.cert)).json, { status: 'Accepted' }, 'cert install');
	equal(got.InstallCertificate, { certificateType: 'CentralSystemRootCertificate', certificate: fs.readFileSync(ca.cert, 'utf8') }, 'as it is in the file');
	equal((await ctl('cert', 'install', 'D', '@' + ca.issue('leaf').certFile, 'type=ManufacturerRootCertificate')).status, 65, 'what is no CA is not installed');
	equal((await ctl('cert', 'list', 'D', 'type=ManufacturerRootCertificate')).json.certificateHashData[0].serialNumber, '1', 'cert list shows what is installed');
	equal((await ctl('cert', 'delete', 'D', 'issuer_name_hash=aa', 'issuer_key_hash=bb', 'serial=1', '-y')).json.status, 'Accepted', 'cert delete by what was listed');
	equal(got.DeleteCertificate.certificateHashData, { hashAlgorithm: 'SHA256', issuerNameHash: 'aa', issuerKeyHash: 'bb', serialNumber: '1' }, 'in the terms of the schema');
	answer.DeleteCertificate = 'NotFound';
	equal((await ctl('cert', 'delete', 'D', '@' + ca.cert, '-y')).status, 6, 'or by the certificate itself');
	ok(/^[0-9a-f]{64}$/.test(got.DeleteCertificate.certificateHashData.issuerKeyHash), 'which is hashed', got.DeleteCertificate);

	// A request, answered by the installer.
	ca.request('D');
	const csr = fs.readFileSync(`${ca.dir}/D.csr`, 'utf8');
	equal(await s.call('SignCertificate', { csr }), { status: 'Accepted' }, 'SignCertificate is accepted');
	equal(await s.call('SignCertificate', { csr: 'nonsense' }), { status: 'Rejected' }, 'unless it is none');
	await lmsd.kill();
	await lmsd.start(OPTIONS);
	await s.close();
	await s.up();
	const open = lmsd.must('station', 'cert', 'requests')[0];
	equal(spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'station', 'cert', 'requests', '-o', 'value', '-f', 'csr'], { encoding: 'utf8' }).stdout.trim(),
		csr.trim(), 'a request is written for openssl(1) as it is');
	ok(open.station === 'D' && /CN=D, .*256 bits/.test(open.subject) && !open.trouble && open.profile === 2, 'and listed, after kill -9 too', open);
	equal((await ctl('cert', 'sign', 'D', '@' + ca.issue('P3').certFile)).status, 65, 'the certificate of another key is not sent');
	const chain = file('chain', ca.sign(csr));
	answer.CertificateSigned = 'Rejected';
	equal((await ctl('cert', 'sign', 'D', chain)).status, 6, 'one that the station refuses');
	ok(/refused/.test(lmsd.must('station', 'cert', 'requests')[0].note), 'leaves its request open');
	answer.CertificateSigned = 'Accepted';
	equal((await ctl('cert', 'sign', 'D', chain)).json.status, 'Accepted', 'cert sign');
	equal(lmsd.must('station', 'cert', 'requests'), [], 'closes it');
	equal((await ctl('cert', 'sign', 'D', chain)).status, 4, 'and there is nothing more to sign');

	// By the CA of the site, for whoever shows who he is over TLS.
	await lmsd.kill('SIGTERM');
	await lmsd.start({ ...OPTIONS, 'tls.station_ca': ca.cert, 'tls.station_ca_key': ca.key });
	await s.close();
	await s.up();
	delete got.CertificateSigned;
	await s.call('SignCertificate', { csr });
	await until(() => got.CertificateSigned, 'CertificateSigned');
	await until(() => lmsd.must('station', 'cert', 'requests').length === 0, 'the end of the request');
	equal(await answers(lmsd, 'D', { wss: true, tls: { cert: got.CertificateSigned.certificateChain, key: fs.readFileSync(`${ca.dir}/D.key`) } }), 101,
		'the site\'s own CA signs, and the station comes in with it');
	lmsd.must('station', 'set', 'D', 'security=2');
	// Asked before there was a CA, signed when the station is back.
	delete got.CertificateSigned;
	await s.close();
	await lmsd.kill('SIGTERM');
	await lmsd.start(OPTIONS);
	await s.up();
	await s.call('SignCertificate', { csr });
	await lmsd.kill();
	await lmsd.start({ ...OPTIONS, 'tls.station_ca': ca.cert, 'tls.station_ca_key': ca.key });
	await s.close();
	await s.up();
	await until(() => got.CertificateSigned, 'CertificateSigned after a restart');
	ok(true, 'a request that was open when lmsd died is answered when the station is back');
	await until(() => lmsd.must('station', 'cert', 'requests').length === 0, 'the end of the request');
	ca.request('E', 'A');
	await s.close();
	await s.up();
	await s.call('SignCertificate', { csr: fs.readFileSync(`${ca.dir}/E.csr`, 'utf8') });
	ok(/common name is 'A'/.test(await until(() => (lmsd.must('station', 'cert', 'requests')[0] || {}).trouble, 'the refusal')), 'not for another name');
	const anybody = station(lmsd, 'FREE');
	await anybody.up();
	ca.request('FREE');
	await anybody.call('SignCertificate', { csr: fs.readFileSync(`${ca.dir}/FREE.csr`, 'utf8') });
	ok(/does not show who it is/.test(await until(() => (lmsd.must('station', 'cert', 'requests', 'FREE')[0] || {}).note, 'the refusal')), 'nor for a name that anybody may have taken');
	await anybody.close();

	// Security events.
	const at = new Date().toISOString();
	equal(await s.call('SecurityEventNotification', { type: 'TamperDetectionActivated', timestamp: at, techInfo: 'door' }), {}, 'a security event is acknowledged');
	await s.call('SecurityEventNotification', { type: 'InvalidMessages', timestamp: at });
	await s.call('SecurityEventNotification', { type: 'x-vendor', timestamp: at });
	await lmsd.kill();
	await lmsd.start(OPTIONS);
	equal(lmsd.must('station', 'security', 'events', 'D').map((e) => [e.type, e.critical, e.info || '']),
		[['TamperDetectionActivated', true, 'door'], ['InvalidMessages', false, ''], ['x-vendor', false, '']], 'kept with the whitepaper\'s word on it, after kill -9 too');
	equal(lmsd.must('station', 'security', 'events', '--critical').length, 1, 'critical ones alone');
	await s.close();
	equal(s.badSchema, [], 'no schema error');
}

async function upgrade(lmsd) {
	const asked = [];
	let s = station(lmsd, 'UP', { handlers: { ChangeConfiguration: (p) => { asked.push(p); return { status: 'Accepted' }; } } });
	await s.up();
	const ctl = (...args) => lmsd.ctlAsync('station', ...args);
	equal((await ctl('security', 'upgrade', 'UP', '2')).status, 5, 'no upgrade without a key');
	await ctl('key', 'rotate', 'UP');
	const key = asked.find((p) => p.key === 'AuthorizationKey').value;
	equal((await ctl('security', 'upgrade', 'UP', '2')).json.status, 'Accepted', 'with one that was sent');
	equal(asked[asked.length - 1], { key: 'SecurityProfile', value: '2' }, 'it is told its SecurityProfile');
	await s.close();
	equal(await answers(lmsd, 'UP'), 101, 'until it has come with it, it may come as before');
	equal([await answers(lmsd, 'UP', { wss: true, key }), await answers(lmsd, 'UP'), await answers(lmsd, 'UP', { key })], [101, 401, 401], 'and never again after');
}

// All stations of a zone at once, each by a key of its own.
async function rollout(lmsd) {
	const told = {};
	const all = await Promise.all(['R1', 'R2', 'R3'].map(async (id) => {
		const s = station(lmsd, id, { handlers: { ChangeConfiguration: (p) => {
			if (p.key === 'AuthorizationKey') told[id] = p.value;
			return { status: 'Accepted' };
		} } });
		await s.up();
		return s;
	}));
	const r = await lmsd.ctlAsync('station', 'key', 'rotate', 'zone=R', '-y');
	equal(r.status, 0, 'keys for all stations of a zone by one command');
	ok(new Set(Object.values(told)).size === 3 && Object.values(told).every((k) => /^[0-9a-f]{40}$/.test(k)), 'another for each', told);
	ok(!Object.values(told).some((k) => (r.out + r.err + lmsd.child.log + JSON.stringify(lmsd.must('job', 'list'))).includes(k)), 'and none is shown');
	for (const s of all) await s.close();
	for (const id of Object.keys(told)) equal(await answers(lmsd, id, { key: told[id] }), 101, `${id} comes with it`);
}

// What lmsd itself shows.
async function own(lmsd, ca) {
	const soon = new Date(Date.now() + 20 * 86400e3);
	const cert = ca.issue('lmsd', { to: soon.toISOString().replace(/[-:T]|\.\d+/g, '') });
	const crt = `${lmsd.dir}/tls.crt`;
	const days = (new Date(lmsd.must('status').tls_ends) - Date.now()) / 86400e3;
	ok(days > 29 && days < 31, 'the end of what wss works with is shown: here that of the list', days);
	fs.writeFileSync(crt, 'nonsense');
	const refused = lmsd.ctl('config', 'reload');
	ok(refused.status === 78 && refused.err.includes(crt), 'a reload that cannot be done names the file', refused);
	equal(await answers(lmsd, 'P3', { wss: true, tls: ca.issue('P3') }), 101, 'and changes nothing');
	fs.writeFileSync(`${lmsd.dir}/tls.key`, cert.key);
	fs.writeFileSync(crt, cert.cert);
	lmsd.must('config', 'reload');
	ok(/certificate .*tls\.crt ends .*config reload/.test(lmsd.must('status').missing), 'a certificate that ends soon is told in the status', lmsd.must('status'));
	ok(events(lmsd).some((e) => / tls_expires certificate /.test(e)), 'and as an event');
	ca.revoke();
	fs.writeFileSync(ca.crl, require('child_process').execFileSync('openssl', ['ca', '-config', `${ca.dir}/ca.conf`, '-cert', ca.cert, '-keyfile', ca.key,
		'-gencrl', '-crlhours', '20'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
	lmsd.must('config', 'reload');
	ok(/revocation list .*ends/.test(lmsd.must('status').missing), 'so is a revocation list', lmsd.must('status').missing);
}

let OPTIONS;

main(async () => {
	const ca = new Ca(path.join(TMP, 'ca'));
	ca.revoke();
	OPTIONS = { 'listen.wss': '127.0.0.1:0', 'tls.client_ca': ca.cert, 'tls.client_crl': ca.crl };
	const lmsd = await new Lmsd('door').start(OPTIONS);
	OPTIONS['listen.wss'] = `127.0.0.1:${lmsd.child.ready.wss}`;
	lmsd.apply(SITE);
	await keys(lmsd);
	await noWayBack(lmsd);
	await strangers(lmsd);
	await rotation(lmsd);
	await guessing(lmsd);
	await certificates(lmsd, ca);
	await own(lmsd, ca);
	lmsd.apply({ zones: [{ id: 'R', parent: 'P' }], stations: [{ id: 'FREE', zone: 'P' }, { id: 'UP', zone: 'P' },
		...['R1', 'R2', 'R3'].map((id) => ({ id, zone: 'R' }))] });
	await rollout(lmsd);
	await certificateMessages(lmsd, ca);
	await upgrade(lmsd);
	equal(await lmsd.kill('SIGTERM'), { code: 0, signal: null }, 'and lmsd ends in good order');
});
