#!/usr/bin/env node
// A broker behind TLS with certificates on both sides and a password: who is not the right one is refused, and why
// is said; what is wrong in lmsd.conf is refused before anything is connected.
'use strict';
const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, Lmsd, BIN, TMP } = require('./lib');
const { Broker } = require('./broker');
const { Ca } = require('./pki');

main(async () => {
	const ca = new Ca(path.join(TMP, 'ca')), other = new Ca(path.join(TMP, 'other'), 'Other CA');
	const server = ca.issue('broker', { san: 'IP:127.0.0.1,DNS:localhost' }), client = ca.issue('lmsd');
	const stranger = ca.issue('stranger', { san: 'DNS:stranger.example' });
	const late = ca.issue('late', { san: 'IP:127.0.0.1', from: '20200101000000Z', to: '20200201000000Z' });
	const passwords = path.join(TMP, 'passwords'), word = path.join(TMP, 'word'), wrong = path.join(TMP, 'wrong');
	fs.writeFileSync(passwords, 'lms:secret of the site\n');
	spawnSync('mosquitto_passwd', ['-U', passwords]);
	fs.writeFileSync(word, 'secret of the site\nand what is not it\n', { mode: 0o600 });
	fs.writeFileSync(wrong, 'guess\n', { mode: 0o600 });
	const guarded = [`cafile ${ca.cert}`, `certfile ${server.certFile}`, `keyfile ${server.keyFile}`, 'require_certificate true',
		'allow_anonymous false', `password_file ${passwords}`];
	const broker = await new Broker().start(guarded);
	const good = { 'mqtt.host': 'localhost', 'mqtt.port': broker.port, 'mqtt.tls': 'on', 'mqtt.ca': ca.cert,
		'mqtt.certificate': client.certFile, 'mqtt.key': client.keyFile, 'mqtt.user': 'lms', 'mqtt.password': word };
	const lmsd = new Lmsd();
	const link = () => lmsd.must('mqtt', 'show');

	async function comes(keys, state) {
		await lmsd.start(Object.fromEntries(Object.entries({ ...good, ...keys }).filter(([, v]) => v !== null)));
		await until(() => link().state === state, `the broker to be ${state}`);
		const { error } = link();
		const { log } = lmsd.child;
		await lmsd.kill('SIGTERM');
		ok(!log.includes('secret of the site'), 'no password is in the log');
		return error;
	}
	await comes({}, 'connected');
	await comes({ 'mqtt.host': '127.0.0.1', 'mqtt.qos': 2, 'mqtt.client_id': 'site' }, 'connected');
	ok(/TLS: certificate verify failed/.test(await comes({ 'mqtt.ca': other.cert }, 'lost')), 'a broker whose CA we do not know is refused');
	ok(/TLS: certificate verify failed/.test(await comes({ 'mqtt.ca': null }, 'lost')), 'nor does the system know it');
	const bare = await comes({ 'mqtt.certificate': null, 'mqtt.key': null }, 'lost');
	ok(/TLS: .*certificate/.test(bare), 'without a certificate of ours the broker refuses us', bare);
	const denied = await comes({ 'mqtt.password': wrong }, 'lost');
	ok(/the broker refuses: .*[Nn]ot authori[sz]ed/.test(denied), 'with a wrong password too', denied);
	const plain = await comes({ 'mqtt.tls': 'off', 'mqtt.ca': null, 'mqtt.certificate': null, 'mqtt.key': null }, 'lost');
	ok(/the broker closed the connection|does not answer/.test(plain), 'without TLS it does not talk to us', plain);

	for (const [name, pair] of [['another host', stranger], ['a time that is over', late]]) {
		await broker.kill();
		await broker.start([`certfile ${pair.certFile}`, `keyfile ${pair.keyFile}`, 'allow_anonymous true']);
		const why = await comes({ 'mqtt.certificate': null, 'mqtt.key': null }, 'lost');
		ok(/TLS: certificate verify failed/.test(why), `a certificate of ${name} is refused`, why);
	}

	fs.chmodSync(word, 0o644);
	const args = Object.entries(good).flatMap(([k, v]) => ['-o', `${k}=${v}`]);
	const r = spawnSync(path.join(BIN, 'lmsd'), ['-n', ...args], { encoding: 'utf8' });
	equal(r.status, 78, 'a password that everybody can read is refused');
	ok(/mqtt.password: .*chmod o-rwx/.test(r.stderr), 'and the remedy is said', r.stderr);
});
