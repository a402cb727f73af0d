#!/usr/bin/env node
// lmsd's own file server: firmware goes to stations, diagnostics and logs come from them, by HTTP, with paths that
// nobody can guess. The station is ocpp-rpc in strict mode, and fetches and sends for real.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, TMP } = require('./lib');

// One request; answers {status, headers, body}.
// The path goes out as it is written, not as a URL would have it.
function request(method, url, { body, headers, hold } = {}) {
	return new Promise((resolve, reject) => {
		const [, host, port, path] = /^http:\/\/([^:]+):(\d+)(.*)$/.exec(url);
		const req = http.request({ host, port, path, method, headers, agent: false }, (res) => {
			const parts = [];
			res.on('data', (d) => parts.push(d));
			res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
		});
		req.on('error', reject);
		if (hold) hold(req); else req.end(body);
	});
}

main(async () => {
	const lmsd = new Lmsd();
	await lmsd.start();
	ok(lmsd.child.ready.files === undefined, 'the file server is off unless it is given an address');
	await lmsd.kill();
	const conf = { 'files.listen': '127.0.0.1:0', 'files.max_size': 1, 'files.store': 3 };
	await lmsd.start(conf);
	const filesPort = lmsd.child.ready.files;
	conf['files.listen'] = `127.0.0.1:${filesPort}`;	// as a site would have it: the same after a restart
	const base = `http://127.0.0.1:${filesPort}`;
	equal(lmsd.must('status').files_url, base, 'status tells where stations find it');
	lmsd.apply({ zones: [{ id: 'P1', static: 100 }],
		stations: ['CP1', 'CP2'].map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1 })) });

	const firmware = crypto.randomBytes(700 * 1024);
	const fwPath = path.join(TMP, 'station fw.bin');
	fs.writeFileSync(fwPath, firmware);

	const asked = {};
	let onUpdate = async () => {};
	let onDiagnostics = async () => {};
	const handlers = {
		UpdateFirmware: (p) => { asked.update = p; setImmediate(() => onUpdate(p).catch((e) => ok(false, e.message))); return {}; },
		GetDiagnostics: (p) => { asked.diagnostics = p; setImmediate(() => onDiagnostics(p).catch((e) => ok(false, e.message))); return { fileName: 'diag.zip' }; },
		GetLog: (p) => { asked.log = p; setImmediate(() => onDiagnostics({ location: p.log.remoteLocation }).catch((e) => ok(false, e.message))); return { status: 'Accepted', filename: 's.log' }; },
	};
	let cp = new Station(lmsd, 'CP1', { handlers });
	await cp.up();
	await until(() => lmsd.must('station', 'show', 'CP1').state === 'online', 'the station');

	// ---- firmware
	let fetched;
	onUpdate = async (p) => {
		await cp.call('FirmwareStatusNotification', { status: 'Downloading' });
		const first = await request('GET', p.location, { headers: { Range: 'bytes=0-99999' } });
		const rest = await request('GET', p.location, { headers: { Range: 'bytes=100000-', 'If-Range': first.headers.etag } });
		fetched = { first, rest, all: Buffer.concat([first.body, rest.body]) };
		await cp.call('FirmwareStatusNotification', { status: 'Installed' });
	};
	let r = await lmsd.ctlAsync('station', 'firmware', 'update', 'CP1', '@' + fwPath, '-y', '--wait');
	equal(r.status, 0, 'an update with a file of ours is followed to its end');
	equal([fetched.first.status, fetched.rest.status], [206, 206], 'the station fetched it in two parts, as after a break');
	ok(fetched.all.equals(firmware), 'and has every byte');
	equal(fetched.rest.headers['content-range'], `bytes 100000-${firmware.length - 1}/${firmware.length}`, 'Content-Range says which');
	ok(/^\/f\/[0-9a-f]{40}\/station_fw\.bin$/.test(new URL(asked.update.location).pathname), 'its path holds 160 random bits and a name that is ours',
		asked.update.location);
	const [kept] = lmsd.must('file', 'list');
	equal([kept.what, kept.name, kept.size, kept.sha256],
		['firmware', 'station_fw.bin', firmware.length, crypto.createHash('sha256').update(firmware).digest('hex')], 'file list shows it');
	r = await lmsd.ctlAsync('file', 'add', fwPath);
	equal(r.json.id, kept.id, 'the same file again is kept once');
	const before = asked.update.location;
	equal((await request('HEAD', before)).headers['content-length'], String(firmware.length), 'HEAD tells the size');
	equal((await request('GET', before, { headers: { Range: 'bytes=9999999-' } })).status, 416, 'a range behind the end is 416');
	onUpdate = async () => {};
	await lmsd.ctlAsync('station', 'firmware', 'update', 'CP1', 'station_fw.bin', '-y');
	ok(asked.update.location !== before, 'another job has another path');
	await until(async () => (await request('GET', before)).status === 404, 'the path of the job before is closed');
	equal((await lmsd.ctlAsync('file', 'delete', kept.id, '-y')).status, 5, 'a file that a station is to fetch cannot be deleted (5)');
	equal((await lmsd.ctlAsync('station', 'firmware', 'update', 'CP1', 'other.bin', '-y')).status, 4, 'a file that is not kept is not found (4)');

	// ---- what is none of ours
	const secret = new URL(asked.update.location).pathname.split('/')[2];
	const wrong = (secret[0] === '0' ? '1' : '0') + secret.slice(1);
	for (const [what, url, method = 'GET'] of [
		['a wrong secret', `/f/${wrong}/station_fw.bin`], ['half a secret', `/f/${secret.slice(0, 20)}`], ['the root', '/'],
		['a directory', '/f/'], ['the letter of the other direction', `/d/${secret}/x`, 'PUT'], ['sending to what is fetched', `/f/${secret}/x`, 'PUT'],
		['a way out', '/f/../../lock'], ['a way out in disguise', '/f/%2e%2e/%2e%2e/lock'], ['a NUL', `/f/%00${secret}`],
	]) equal((await request(method, base + url, { body: method === 'PUT' ? 'x' : undefined })).status, 404, `${what} is 404`);
	equal((await request('DELETE', base + `/f/${secret}/x`)).status, 405, 'DELETE is 405');

	// ---- diagnostics
	const diagnostics = crypto.randomBytes(300 * 1024);
	const statuses = {};
	onDiagnostics = async (p) => {
		await cp.call('DiagnosticsStatusNotification', { status: 'Uploading' });
		statuses.other = (await request('PUT', base + `/d/${wrong}/diag.zip`, { body: 'x' })).status;
		statuses.large = (await request('PUT', p.location + 'diag.zip', { body: Buffer.alloc(1100 * 1024) })).status;
		statuses.first = (await request('PUT', p.location + 'diag.zip', { body: diagnostics })).status;
		statuses.second = (await request('PUT', p.location + 'diag.zip', { body: 'x' })).status;
		await cp.call('DiagnosticsStatusNotification', { status: 'Uploaded' });
	};
	const out = path.join(TMP, 'diag.out');
	r = await lmsd.ctlAsync('station', 'diagnostics', 'CP1', '-O', out);
	equal(r.status, 0, 'diagnostics -O waits and receives');
	ok(fs.readFileSync(out).equals(diagnostics), 'what the station sent, byte for byte');
	equal(statuses, { other: 404, large: 413, first: 201, second: 404 }, 'a wrong secret is 404, too much 413, a second upload 404');
	const received = lmsd.must('file', 'list', 'station=CP1');
	equal(received.map((f) => [f.what, f.name, f.size]), [['diagnostics', 'diag.zip', diagnostics.length]], 'file list shows whose it is');
	equal(lmsd.must('transfer', 'show', 'CP1/upload').file, received[0].id, 'so does the job');
	ok(lmsd.must('event', 'list').some((e) => e.event === 'file_received' && e.object === 'CP1'), 'and an event');

	// POST, chunked, and as a form; the name is ours whatever the station wants.
	onDiagnostics = async (p) => {
		await request('POST', p.location + '/../../../../etc/passwd', { body: 'log text', headers: { 'Transfer-Encoding': 'chunked' } });
	};
	r = await lmsd.ctlAsync('station', 'log', 'CP1', 'SecurityLog', '-O', '-');
	equal([r.status, r.out], [0, 'log text'], 'a log by POST goes to standard output; no word of the station is needed');
	onDiagnostics = async (p) => {
		const body = '--=B=\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n' +
			'--=B=\r\nContent-Disposition: form-data; name="f"; filename="../x.log"\r\n\r\nin a form\r\n--=B=--\r\n';
		statuses.form = (await request('POST', p.location, { body, headers: { 'Content-Type': 'multipart/form-data; boundary==B=' } })).status;
	};
	r = await lmsd.ctlAsync('station', 'log', 'CP1', 'DiagnosticsLog', '-O', '-');
	equal([r.status, r.out, statuses.form], [0, 'in a form', 201], 'so does the file of a form');
	const names = fs.readdirSync(path.join(lmsd.dir, 'files'));
	ok(names.length === 4 && names.every((n) => /^[0-9a-f]{16}$/.test(n)), 'names in the directory are ours', names);
	ok(names.every((n) => (fs.statSync(path.join(lmsd.dir, 'files', n)).mode & 0o777) === 0o600), 'and only lmsd may read them');

	// ---- the store is bounded
	let left = 5;
	onDiagnostics = async (p) => { await request('PUT', p.location, { body: Buffer.alloc(900 * 1024) }); };
	while (left-- > 0) await lmsd.ctlAsync('station', 'diagnostics', 'CP1', '--wait');
	const sizes = lmsd.must('file', 'list').reduce((sum, f) => sum + f.size, 0);
	ok(sizes <= 3 * 1024 * 1024 && lmsd.must('file', 'list')[0].what === 'firmware', 'the oldest diagnostics make room, firmware stays', sizes);

	// ---- kill -9 in the middle of an upload
	let half;
	onDiagnostics = (p) => new Promise((resolve) => {
		asked.half = p.location;
		request('PUT', p.location, { headers: { 'Content-Length': 500000 }, hold: (req) => { half = req; req.write(Buffer.alloc(200000)); } })
			.catch(resolve);
	});
	const count = fs.readdirSync(path.join(lmsd.dir, 'files')).length;
	await lmsd.ctlAsync('station', 'diagnostics', 'CP1');
	const part = () => fs.readdirSync(path.join(lmsd.dir, 'files')).find((n) => n.endsWith('.part'));
	await until(() => part() && fs.statSync(path.join(lmsd.dir, 'files', part())).size > 100000, 'half a file');
	await lmsd.kill();
	half.destroy();
	await cp.close();
	await lmsd.start(conf);
	equal([part(), fs.readdirSync(path.join(lmsd.dir, 'files')).length <= count], [undefined, true], 'kill -9 in the middle leaves nothing half');
	equal((await request('PUT', asked.half, { body: 'whole' })).status, 201, 'the path still opens after the restart: the station tries again');
	await until(() => lmsd.must('transfer', 'show', 'CP1/upload').state === 'done', 'the job to end');
	equal((await lmsd.ctlAsync('file', 'get', lmsd.must('transfer', 'show', 'CP1/upload').file, '-O', '-')).out, 'whole', 'and it is what it sent');
	// A station that is deleted takes its paths with it.
	cp = new Station(lmsd, 'CP1', { handlers });
	await cp.up();
	onDiagnostics = async (p) => { asked.last = p.location; };
	await lmsd.ctlAsync('station', 'diagnostics', 'CP1');
	await until(() => asked.last, 'the last job');
	lmsd.must('station', 'delete', 'CP1', '-y');
	equal([(await request('PUT', asked.last, { body: 'x' })).status, lmsd.must('transfer', 'list')], [404, []], 'a deleted station takes its jobs and their paths with it');
	equal([lmsd.ctl('zone', 'list', '-O', 'x').status, lmsd.ctl('zone', 'list', '--wait').status], [64, 64], 'options that would do nothing are refused (64)');
	equal((await lmsd.ctlAsync('file', 'get', kept.id)).status, 64, 'file get wants to know where to (64)');
	equal(cp.badSchema, [], 'no message broke its schema');
});
