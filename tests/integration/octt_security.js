#!/usr/bin/env node
// timeout: 120
// The certification list for central systems, Security: 15 cases. What is about TLS itself makes no sense over ws.
'use strict';
const crypto = require('crypto');
const path = require('path');
const { group, tc } = require('./octt');
const { Ca } = require('./pki');
const { TMP } = require('./lib');

const tls = (transport) => transport.profile >= 2;
const HASHES = ['SHA256', 'SHA384', 'SHA512'];

group('Security', 15, [
	tc('TC_073', 'another password for basic authentication', async (t) => {
		const old = await password(t);
		await t.up();
		t.station.options.rpc.password = await rotate(t);
		await t.again();
		await t.booted();
		t.equal((await t.show('station', 'show', t.id)).key, 'set', 'the change is over');
		// Who shows a certificate is not asked for a password.
		if (t.profile < 3) await turnedAway(t, { password: old }, 'the one before');
	}),
	tc('TC_074', 'another certificate for the station, as lmsd wants it', async (t) => {
		await t.up();
		await trigger(t);
		const { csr, chain, key } = t.wantsCertificate();
		t.answers(await t.call('SignCertificate', { csr }), { status: 'Accepted' }, 'SignCertificate');
		const { certificateChain } = await signed(t, chain, 'Accepted', 0);
		const leaf = new crypto.X509Certificate(certificateChain);
		t.ok(leaf.publicKey.equals(crypto.createPublicKey(key)), 'it is for the key of the station');
		t.ok(leaf.verify(new crypto.X509Certificate(t.rig.caCert).publicKey), 'the CA of the site has signed it');
		t.ok(leaf.subject.split('\n').includes(`CN=${t.id}`), 'it names the station', leaf.subject);
	}),
	tc('TC_075_1', 'a root certificate of the manufacturer is installed', (t) => install(t, 'ManufacturerRootCertificate')),
	tc('TC_075_2', 'a root certificate of the central system is installed', (t) => install(t, 'CentralSystemRootCertificate')),
	tc('TC_076', 'a certificate is deleted from the station', async (t) => {
		await t.up();
		for (const hashAlgorithm of HASHES) {
			const hash = hashes(hashAlgorithm);
			await installed(t, 'CentralSystemRootCertificate', hash);
			const asked = await t.order(remove(t, hash), 'DeleteCertificate', { status: 'Accepted' });
			t.equal(asked, { certificateHashData: hash }, `DeleteCertificate by ${hashAlgorithm}`);
		}
		await t.order(remove(t, hashes('SHA256')), 'DeleteCertificate', { status: 'NotFound' }, { status: 6 });
	}),
	tc('TC_077', 'the station finds its new certificate invalid', async (t) => {
		await t.up();
		await trigger(t);
		const { csr, chain } = t.wantsCertificate();
		t.answers(await t.call('SignCertificate', { csr }), { status: 'Accepted' }, 'SignCertificate');
		await signed(t, chain, 'Rejected', 6);
		await event(t, 'InvalidChargePointCertificate');
	}),
	tc('TC_078', 'the station finds a root certificate invalid', async (t) => {
		await t.up();
		await t.order(add(t, 'CentralSystemRootCertificate'), 'InstallCertificate', { status: 'Rejected' }, { status: 6 });
		await event(t, 'InvalidCentralSystemCertificate');
	}),
	tc('TC_079', 'the security log', async (t) => {
		const remoteLocation = 'https://192.0.2.1/logs';
		await t.up();
		const { requestId, ...asked } = await t.order(['station', 'log', t.id, 'type=SecurityLog', `url=${remoteLocation}`], 'GetLog',
			{ status: 'Accepted', filename: 'security.log' });
		t.equal(asked, { log: { remoteLocation }, logType: 'SecurityLog' }, 'GetLog');
		for (const status of ['Uploading', 'Uploaded']) {
			t.equal(await t.call('LogStatusNotification', { status, requestId }), {}, `LogStatusNotification ${status}`);
		}
		t.answers(await t.show('transfer', 'show', `${t.id}/upload`), { state: 'done', status: 'Uploaded' }, 'transfer show');
	}),
	tc('TC_080', 'signed firmware', async (t) => {
		const requestId = await update(t);
		await firmware(t, requestId, ['Downloading', 'Downloaded', 'SignatureVerified', 'Installing', 'InstallRebooting']);
		await t.again();
		await t.booted();
		await firmware(t, requestId, ['Installed']);
		await event(t, 'FirmwareUpdated');
		t.answers(await t.show('transfer', 'show', `${t.id}/firmware`), { state: 'done', status: 'Installed' }, 'transfer show');
	}),
	tc('TC_081', 'signed firmware with an invalid signature', async (t) => {
		const requestId = await update(t);
		await firmware(t, requestId, ['Downloading', 'Downloaded', 'InvalidSignature']);
		await event(t, 'InvalidFirmwareSignature');
		t.answers(await t.show('transfer', 'show', `${t.id}/firmware`), { state: 'failed', status: 'InvalidSignature' }, 'transfer show');
	}),
	tc('TC_083', 'a higher security profile', async (t) => {
		const next = t.profile + 1, { rpc } = t.station.options, before = { ...rpc, wsOpts: { ...rpc.wsOpts } };
		await t.up();
		if (next === 1) rpc.password = await rotate(t);
		else Object.assign(rpc.wsOpts, t.rig.ca.issue(t.id));
		const asked = await t.order(['station', 'security', 'upgrade', t.id, `profile=${next}`], 'ChangeConfiguration',
			{ status: 'Accepted' }, { fits: (p) => p.key === 'SecurityProfile' });
		t.equal(asked, { key: 'SecurityProfile', value: String(next) }, 'ChangeConfiguration');
		await t.order(['station', 'restart', t.id, 'hard=yes'], 'Reset', { status: 'Accepted' });
		await t.again();
		await t.booted();
		t.answers(await t.show('station', 'show', t.id), { security_now: next, security_had: next }, 'station show');
		await turnedAway(t, before, 'what it showed before');
	}, (transport) => transport.profile < 3),
	tc('TC_085', 'basic authentication', async (t) => {
		await password(t);
		await t.up();
		await turnedAway(t, { password: 'wrong'.repeat(4) }, 'another password');
	}, (transport) => transport.profile < 3),
	tc('TC_086', 'TLS with the certificate of lmsd', async (t) => {
		const { wsOpts } = t.station.options.rpc;
		for (const [version, more] of [['TLSv1.2', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }],
			['TLSv1.2', { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }], ['TLSv1.3', {}]]) {
			Object.assign(wsOpts, { minVersion: version, maxVersion: version, ...more });
			await t.again();
			const socket = t.station.cli._ws._socket;
			t.equal([socket.getProtocol(), socket.authorized], [version, true], `${version} ${more.ciphers || ''}`);
			await t.booted();
		}
		await turnedAway(t, { wsOpts: { ...wsOpts, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } }, 'TLS 1.1');
	}, tls),
	tc('TC_087', 'TLS with a client certificate', async (t) => {
		const { wsOpts } = t.station.options.rpc;
		await t.up();
		await turnedAway(t, { wsOpts: { ca: wsOpts.ca } }, 'none');
		await turnedAway(t, { wsOpts: { ca: wsOpts.ca, ...t.rig.ca.issue('somebody-else') } }, 'the certificate of another');
		const forged = new Ca(path.join(TMP, 'forged')).issue(t.id);
		await turnedAway(t, { wsOpts: { ca: wsOpts.ca, ...forged } }, 'one of another authority');
	}, (transport) => transport.profile === 3),
	tc('TC_088', 'which subprotocol is spoken', async (t) => {
		Object.assign(t.station.options.rpc, { protocols: ['ocpp2.0.1', 'ocpp1.6'] });
		await t.up();
		t.equal(t.station.cli.protocol, 'ocpp1.6', 'the one that both know');
		await turnedAway(t, { protocols: ['ocpp2.0.1'] }, 'only another one');
	}),
]);

// A key of the station, which it shows from now on; answers it.
async function password(t) {
	if (t.key) return t.key;
	const key = crypto.randomBytes(20);
	await t.setKey(key);
	t.station.options.rpc.password = key;
	t.profile = Math.max(1, t.profile);
	return key;
}

// lmsd makes a new key and sends it; answers it.
async function rotate(t) {
	const asked = await t.order(['station', 'key', 'rotate', t.id], 'ChangeConfiguration', { status: 'Accepted' },
		{ fits: (p) => p.key === 'AuthorizationKey' });
	t.ok(/^([0-9a-f]{2}){16,20}$/i.test(asked.value), 'it is 16 to 20 bytes in hexadecimal digits', asked.value);
	return Buffer.from(asked.value, 'hex');
}

// Who shows this, and else what the station shows, is not let in.
async function turnedAway(t, rpc, what) {
	const stranger = t.peer({ ...t.station.options.rpc, password: undefined, ...rpc });
	const answer = await stranger.connect().then(() => 'comes in', (e) => String(e.message));
	t.ok(answer !== 'comes in', `${what} is turned away`);
	await stranger.close();
}

async function trigger(t) {
	const asked = await t.order(['station', 'trigger', t.id, 'message=SignChargePointCertificate'], 'ExtendedTriggerMessage',
		{ status: 'Accepted' });
	t.equal(asked, { requestedMessage: 'SignChargePointCertificate' }, 'ExtendedTriggerMessage');
}

// The station gets the certificate that it asked for; answers what came.
function signed(t, chain, answer, status) {
	return t.order(['station', 'cert', 'sign', t.id, `chain=@${chain}`], 'CertificateSigned', { status: answer }, { status });
}

function add(t, certificateType) {
	return ['station', 'cert', 'install', t.id, `certificate=@${t.rig.ca.cert}`, `type=${certificateType}`];
}

function remove(t, { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }) {
	return ['station', 'cert', 'delete', t.id, `hash=${hashAlgorithm}`, `issuer_name_hash=${issuerNameHash}`,
		`issuer_key_hash=${issuerKeyHash}`, `serial=${serialNumber}`];
}

function hashes(hashAlgorithm) {
	const digest = (text) => crypto.createHash(hashAlgorithm).update(text).digest('hex');
	return { hashAlgorithm, issuerNameHash: digest('name'), issuerKeyHash: digest('key'), serialNumber: '1000' };
}

async function installed(t, certificateType, hash) {
	const answer = { certificateHashData: [hash], status: 'Accepted' };
	const asked = await t.order(['station', 'cert', 'list', t.id, `type=${certificateType}`], 'GetInstalledCertificateIds', answer,
		{ printed: (json) => json && JSON.stringify(json.certificateHashData) === JSON.stringify([hash]) });
	t.equal(asked, { certificateType }, 'GetInstalledCertificateIds');
}

async function install(t, certificateType) {
	await t.up();
	const asked = await t.order(add(t, certificateType), 'InstallCertificate', { status: 'Accepted' });
	t.equal(asked, { certificateType, certificate: String(t.rig.caCert) }, 'InstallCertificate');
	await installed(t, certificateType, hashes('SHA256'));
}

async function event(t, type) {
	t.equal(await t.call('SecurityEventNotification', { type, timestamp: new Date().toISOString() }), {}, `SecurityEventNotification ${type}`);
	t.equal((await t.show('station', 'security', 'events', t.id)).map((e) => e.type), [type], 'lmsctl shows it');
}

async function update(t) {
	const FILE = 'https://192.0.2.1/firmware.bin', WHEN = '2026-01-01T00:00:00Z';
	const { cert, certFile, key } = t.rig.ca.issue(`${t.id}-maker`);
	const signature = crypto.sign('sha256', Buffer.from('firmware'), key).toString('base64');
	await t.up();
	const { requestId, ...asked } = await t.order(['station', 'firmware', 'update', t.id, `url=${FILE}`, `retrieve_at=${WHEN}`,
		`signature=${signature}`, `certificate=@${certFile}`], 'SignedUpdateFirmware', { status: 'Accepted' });
	t.equal(asked, { firmware: { location: FILE, retrieveDateTime: WHEN, signingCertificate: String(cert), signature } },
		'SignedUpdateFirmware');
	return requestId;
}

async function firmware(t, requestId, list) {
	for (const status of list) {
		t.equal(await t.call('SignedFirmwareStatusNotification', { status, requestId }), {}, `SignedFirmwareStatusNotification ${status}`);
	}
}
