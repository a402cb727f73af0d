#!/usr/bin/env node
// Signed firmware for many stations at once over HTTPS: what an installer mixes up is told before any station is asked.
'use strict';
const { spawnSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, TMP } = require('./lib');

function openssl(...args) {
	const r = spawnSync('openssl', args, { encoding: 'utf8', cwd: TMP });
	if (r.status !== 0) throw new Error(`openssl ${args.join(' ')}: ${r.stderr}`);
}

function get(url, ca) {
	return new Promise((resolve, reject) => {
		https.get(url, { ca, servername: 'lmsd', checkServerIdentity: () => undefined, agent: false }, (res) => {
			const parts = [];
			res.on('data', (d) => parts.push(d));
			res.on('end', () => resolve({ status: res.statusCode, body: Buffer.concat(parts) }));
		}).on('error', reject);
	});
}

main(async () => {
	const lmsd = await new Lmsd().start({ 'files.listen': '127.0.0.1:0', 'files.tls': 'on' });
	const ids = ['CP1', 'CP2', 'CP3'];
	lmsd.apply({ zones: [{ id: 'P1', static: 100 }],
		stations: ids.map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1 })) });
	const firmware = crypto.randomBytes(250 * 1024);
	fs.writeFileSync(path.join(TMP, 'fw.bin'), firmware);
	fs.writeFileSync(path.join(TMP, 'other.bin'), 'other');
	for (const name of ['maker', 'stranger'])
		openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', name + '.key', '-out', name + '.crt', '-days', '30', '-subj', '/CN=' + name);
	openssl('dgst', '-sha256', '-sign', 'maker.key', '-sigopt', 'rsa_padding_mode:pss', '-out', 'fw.sig', 'fw.bin');

	const asked = [];
	const got = {};
	const ca = fs.readFileSync(path.join(lmsd.dir, 'tls.crt'));
	const stations = await Promise.all(ids.map(async (id) => {
		const cp = new Station(lmsd, id, { handlers: { SignedUpdateFirmware: (p) => {
			asked.push({ id, p });
			const say = (status) => cp.call('SignedFirmwareStatusNotification', { status, requestId: p.requestId });
			setImmediate(async () => {
				await say('Downloading');
				got[id] = await get(p.firmware.location, ca);
				const good = crypto.verify('sha256', got[id].body, { key: p.firmware.signingCertificate,
					padding: crypto.constants.RSA_PKCS1_PSS_PADDING }, Buffer.from(p.firmware.signature, 'base64'));
				await say(good ? 'SignatureVerified' : 'InvalidSignature');
				await say(id === 'CP3' ? 'InstallVerificationFailed' : 'Installed');
			});
			return { status: id === 'CP2' ? 'AcceptedCanceled' : 'Accepted' };
		} } });
		await cp.up();
		return cp;
	}));
	await until(() => lmsd.must('station', 'list').every((s) => s.state === 'online'), 'the stations');

	const at = (name) => '@' + path.join(TMP, name);
	const update = (...more) => lmsd.ctlAsync('station', 'firmware', 'update', 'zone=P1', '-y', ...more);
	let r = await update('file=' + at('fw.bin'), 'signature=' + at('fw.sig'), 'certificate=' + at('stranger.crt'));
	ok(r.status !== 0 && /signature: is not one of this file/.test(r.out), 'the certificate of somebody else is noticed', r);
	r = await update('file=' + at('other.bin'), 'signature=' + at('fw.sig'), 'certificate=' + at('maker.crt'));
	ok(r.status !== 0 && /signature: is not one of this file/.test(r.out), 'so is another file', r);
	r = await lmsd.ctlAsync('station', 'firmware', 'update', 'CP1', at('fw.bin'), '-y', 'signature=' + at('fw.sig'));
	equal(r.status, 65, 'a signature without a certificate is wrong (65)');
	equal(asked.length, 0, 'and no station was asked');

	r = await update('file=' + at('fw.bin'), 'signature=' + at('fw.sig'), 'certificate=' + at('maker.crt'));
	equal([r.status, r.json && r.json.map((x) => x.status).sort()], [0, ['Accepted', 'Accepted', 'AcceptedCanceled']], 'all stations of the zone take it');
	await until(() => lmsd.must('transfer', 'list').every((t) => t.state !== 'running'), 'all of them to end');
	ok(ids.every((id) => got[id].status === 200 && got[id].body.equals(firmware)), 'each fetched it over HTTPS, byte for byte');
	equal(lmsd.must('transfer', 'list').map((t) => [t.station, t.state, t.status]),
		[['CP1', 'done', 'Installed'], ['CP2', 'done', 'Installed'], ['CP3', 'failed', 'InstallVerificationFailed']],
		'each is followed by its requestId');
	equal(new Set(asked.map((a) => a.p.firmware.location)).size, 3, 'each by a path of its own');
	equal(lmsd.must('file', 'list').filter((f) => f.name === 'fw.bin').length, 1, 'lmsctl handed the file over once');
	equal(stations.flatMap((cp) => cp.badSchema), [], 'no message broke its schema');

	// Who may sign can be said.
	await lmsd.kill();
	for (const cp of stations) await cp.close();
	await lmsd.start({ 'files.listen': '127.0.0.1:0', 'files.tls': 'on', 'files.signers': path.join(TMP, 'stranger.crt') });
	const cp = await new Station(lmsd, 'CP1').connect();
	await cp.boot();
	r = await lmsd.ctlAsync('station', 'firmware', 'update', 'CP1', 'fw.bin', '-y', 'signature=' + at('fw.sig'), 'certificate=' + at('maker.crt'));
	ok(r.status === 65 && /files.signers/.test(r.err), 'a maker that is not among files.signers is refused (65)', r);
});
