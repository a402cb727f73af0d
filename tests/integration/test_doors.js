#!/usr/bin/env node
// timeout: 90
// Who comes in: registration closed and accept, limits.connections over both ports, TLS with a certificate that
// is read again on SIGHUP. And what is told of it: commands with who gave them, floods only as a count, measured
// values no longer than they are true.
'use strict';
const { execFileSync, spawnSync } = require('child_process');
const fs = require('fs');
const net = require('net');
const WebSocket = require('ws');
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

// 'open', or what the server answered instead.
function dial(url) {
	return new Promise((resolve) => {
		const ws = new WebSocket(url, ['ocpp1.6'], { rejectUnauthorized: false });
		ws.on('open', () => resolve({ ws, answer: 'open' }));
		ws.on('error', (e) => resolve({ ws, answer: (/\d{3}$/.exec(e.message) || [e.message])[0] }));
	});
}

function fingerprint(port) {
	const shown = spawnSync('openssl', ['s_client', '-connect', `127.0.0.1:${port}`], { input: '', encoding: 'utf8' });
	return spawnSync('openssl', ['x509', '-noout', '-fingerprint'], { input: shown.stdout, encoding: 'utf8' }).stdout;
}

// Writes requests at once, answers all that lmsd says up to the answer to number 7, without its hello.
function ask(lmsd, requests) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(lmsd.socket, () => socket.write(requests.join('\n') + '\n'));
		let text = '';
		socket.on('error', reject);
		socket.on('data', (d) => {
			text += d;
			const lines = text.split('\n').filter((l) => l.endsWith('}')).map((l) => JSON.parse(l));
			if (!lines.some((l) => l.id === 7)) return;
			socket.destroy();
			resolve(lines.filter((l) => l.method !== 'hello'));
		});
	});
}

async function closed() {
	const lmsd = await new Lmsd('closed').start({ registration: 'closed' });
	lmsd.apply({ zones: [{ id: 'P', static: 60 }], stations: [{ id: 'K', zone: 'P' }] });
	equal((await dial(`${lmsd.url}/STRANGER`)).answer, '401', 'closed: a stranger is turned away before the upgrade');
	equal((await dial(`${lmsd.url}/K`)).answer, 'open', 'closed: a registered station comes in');
	await lmsd.kill('SIGTERM');
}

async function bench() {
	const lmsd = await new Lmsd('bench').start({ registration: 'accept', 'limits.connections': 3, 'listen.wss': '127.0.0.1:0' });
	const port = lmsd.child.ready.wss;
	const s = new Station(lmsd, 'BENCH');
	equal((await s.up()).status, 'Accepted', 'accept: a stranger is accepted');
	equal(lmsd.must('station', 'pending').map((r) => [r.id, r.state]), [['BENCH', 'online']], 'accept: and listed until it is registered');
	equal(lmsd.must('status').stations_pending, 1, 'accept: and counted');

	const tls = await dial(`wss://127.0.0.1:${port}/A`);
	const plain = await dial(`${lmsd.url}/B`);
	equal([tls.answer, plain.answer, (await dial(`wss://127.0.0.1:${port}/C`)).answer, (await dial(`${lmsd.url}/D`)).answer],
		['open', 'open', '503', '503'], 'limits.connections holds for both ports together');
	plain.ws.close();
	await until(async () => (await dial(`${lmsd.url}/D`)).answer === 'open', 'room again');
	ok(true, 'and one that leaves makes room');

	const before = fingerprint(port);
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '9', '-subj',
		'/CN=new', '-keyout', `${lmsd.dir}/tls.key`, '-out', `${lmsd.dir}/tls.crt`], { stdio: 'ignore' });
	lmsd.child.kill('SIGHUP');
	await until(() => /tls certificate=\S+ read again/.test(lmsd.child.log), 'the reload in the log');
	const after = fingerprint(port);
	ok(before && after && before !== after, 'SIGHUP reads the certificate again', { before, after });
	fs.writeFileSync(`${lmsd.dir}/tls.crt`, 'garbage');
	lmsd.child.kill('SIGHUP');
	await until(() => /not read again, the old one stays: .*tls\.crt/.test(lmsd.child.log), 'the refusal in the log');
	equal(fingerprint(port), after, 'a bad certificate changes nothing');
	equal(tls.ws.readyState, WebSocket.OPEN, 'open connections stay');
	await lmsd.kill('SIGTERM');
}

async function told() {
	const lmsd = await new Lmsd('told').start();
	lmsd.apply({ zones: [{ id: 'P', static: 60 }], stations: [{ id: 'S', zone: 'P', wiring: 'RST' }], tags: [{ uid: 'T1' }] });
	lmsd.must('tag', 'list');
	lmsd.must('tag', 'show', 'T1');
	lmsd.must('tag', 'set', 'T1', 'holder=Secret');
	await until(() => /tag\.set command/.test(lmsd.child.log), 'the command in the log');
	ok(/control tag\.set command uid=\d+ role=admin\S* object=T1 result=ok/.test(lmsd.child.log), 'a command is recorded with who and what', lmsd.child.log);
	ok(!/tag\.(list|show)|Secret/.test(lmsd.child.log), 'looking is not, nor are values');

	const lines = await ask(lmsd, ['{"jsonrpc":"2.0","method":"zone.set","params":{"id":"P","static":50}}',
		'{"jsonrpc":"2.0","method":"nonsense"}', '{"jsonrpc":"2.0","id":7,"method":"zone.show","params":{"id":"P"}}']);
	equal(lines.map((l) => l.id), [7], 'a notification is not answered');
	await until(() => lmsd.must('zone', 'show', 'P').cap_ma[0] === 50000, 'the new limit');

	const s = new Station(lmsd, 'S');
	await s.up();
	const { transactionId } = await s.plug(1, 'T1');
	await s.draws(1, transactionId, [10, 10, 10], 1100);
	const shown = () => lmsd.must('connector', 'show', 'S/1');
	equal(shown().current_ma, [10000, 10000, 10000], 'what is drawn is shown');
	await s.unplug(transactionId, 1200, 'T1');
	await s.status(1, 'Finishing');
	await until(() => shown().status === 'Finishing', 'Finishing');
	ok(!shown().current_ma && !shown().power_w, 'and not after the transaction', shown());
	ok(lmsd.must('zone', 'show', 'P').load_ma.every((ma) => ma === 0), 'nor in the load of its zone');

	await s.close();
	const raw = await dial(`${lmsd.url}/S`);
	for (let i = 0; i < 1000; i++) raw.ws.send('nonsense');
	raw.ws.send('[2,"last","Heartbeat",{}]');
	await new Promise((resolve) => raw.ws.on('message', (m) => /"last"/.test(m) && resolve()));
	equal(lmsd.child.log.match(/frame_malformed/g).length, 20, 'a flood is told twenty times');
	await lmsd.kill('SIGTERM');
	ok(/station S frame_malformed suppressed=980/.test(lmsd.child.log), 'and the rest as a count', lmsd.child.log.slice(-600));
}

main(async () => {
	await closed();
	await bench();
	await told();
});
