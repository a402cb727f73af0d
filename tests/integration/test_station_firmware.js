#!/usr/bin/env node
// Firmware, diagnostics and logs by way of another server: the station's answer, what it says of the job afterwards,
// and how lmsctl tells the end.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, TMP } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({ zones: [{ id: 'P1', static: 100 }], stations: [{ id: 'CP1', zone: 'P1', wiring: 'RST', connectors: 1 }] });
	let firmware = { status: 'Installed' };
	let logStatus = 'Uploaded';
	const says = (method, params) => setImmediate(() => cp.call(method, params).catch(() => {}));
	const cp = new Station(lmsd, 'CP1', { handlers: {
		UpdateFirmware: () => {
			for (const status of ['Downloading', 'Downloaded', 'Installing', firmware.status]) says('FirmwareStatusNotification', { status });
			says('FirmwareStatusNotification', { status: 'Idle' });
			return {};
		},
		TriggerMessage: (p) => {
			if (p.requestedMessage === 'FirmwareStatusNotification') says('FirmwareStatusNotification', { status: 'Idle' });
			if (p.requestedMessage === 'BootNotification') setImmediate(() => cp.boot().catch(() => {}));
			return { status: 'Accepted' };
		},
		GetDiagnostics: () => {
			for (const status of ['Uploading', 'Uploaded']) says('DiagnosticsStatusNotification', { status });
			return { fileName: 'diag.zip' };
		},
		GetLog: (p) => {
			says('LogStatusNotification', { status: 'Uploading', requestId: p.requestId });
			says('LogStatusNotification', { status: 'Idle', requestId: p.requestId + 1 });
			says('LogStatusNotification', { status: logStatus, requestId: p.requestId });
			return { status: 'Accepted', filename: 's.log' };
		},
	} });
	const update = (...more) => lmsd.ctlAsync('station', 'firmware', 'update', 'CP1', 'url=http://127.0.0.1:9/fw.bin', '-y', ...more);

	equal((await update()).status, 75, 'a station that is not there is offline (75)');
	equal(lmsd.must('transfer', 'list'), [], 'and nothing has begun');
	await cp.up();
	await until(() => lmsd.must('station', 'show', 'CP1').state === 'online', 'the station');

	let r = await update('--wait');
	equal(r.status, 0, 'an update is followed to its end');
	ok(/"status":"Accepted"/.test(r.out) && /Installed\n$/.test(r.out), 'the answer and the end are printed', r);
	equal(lmsd.must('station', 'show', 'CP1').firmware_status, 'Installed', 'Idle does not hide how it ended');
	let t = lmsd.must('transfer', 'show', 'CP1/firmware');
	equal([t.what, t.state, t.status, t.before], ['firmware', 'done', 'Installed', '2.2.1'], 'the record of the job');

	firmware.status = 'InstallationFailed';
	r = await update('--wait');
	equal(r.status, 1, 'an update that fails is an error (1)');
	ok(/InstallationFailed/.test(r.err), 'that names what the station says', r);
	ok(lmsd.must('event', 'list').some((e) => e.event === 'firmware_failed' && e.level === 'warning'), 'it is a warning among the events');
	equal((await lmsd.ctlAsync('station', 'firmware', 'status', 'CP1')).json, { status: 'Accepted', firmware_status: 'Idle', firmware: '2.2.1' },
		'the status is asked for by TriggerMessage, and the notification is the answer');

	fs.writeFileSync(path.join(TMP, 'url'), 'ftp://user:password@127.0.0.1/in\n');
	r = await lmsd.ctlAsync('station', 'diagnostics', 'CP1', 'url=@' + path.join(TMP, 'url'), 'since=2026-01-01T00:00:00Z', '--wait');
	equal([r.status, /"fileName":"diag.zip"/.test(r.out)], [0, true], 'diagnostics are followed to their end');
	equal(cp.received.find((c) => c.method === 'GetDiagnostics').params.location, 'ftp://user:password@127.0.0.1/in', 'a URL with a password need not be in argv');
	r = await lmsd.ctlAsync('station', 'log', 'CP1', 'SecurityLog', 'url=ftp://127.0.0.1/in', '--wait');
	equal(r.status, 0, 'so is a log, by its requestId');
	logStatus = 'PermissionDenied';
	r = await lmsd.ctlAsync('station', 'log', 'CP1', 'DiagnosticsLog', 'url=ftp://127.0.0.1/in', '--wait');
	equal([r.status, lmsd.must('transfer', 'show', 'CP1/upload').state], [1, 'failed'], 'and one that the station may not send fails (1)');

	equal((await lmsd.ctlAsync('station', 'diagnostics', 'CP1')).status, 5, 'lmsd itself takes no files unless it is told to (5)');
	equal((await lmsd.ctlAsync('station', 'firmware', 'update', 'CP1', 'url=gopher://x/', '-y')).status, 65, 'a wrong URL is refused (65)');
	equal((await lmsd.ctlAsync('station', 'firmware', 'update', 'CP1', 'url=http://x/y')).status, 64, 'an update has to be meant (64)');

	// Over a restart of lmsd and of the station, which comes back with another version.
	firmware.status = 'Installing';
	await update();
	await until(() => lmsd.must('transfer', 'show', 'CP1/firmware').status === 'Installing', 'the installation');
	await lmsd.kill('SIGTERM');
	await cp.close();
	await lmsd.start();
	equal(lmsd.must('transfer', 'show', 'CP1/firmware').status, 'Installing', 'a job survives the restart of lmsd');
	const again = await new Station(lmsd, 'CP1').connect();
	await again.call('BootNotification', { chargePointVendor: 'Peer', chargePointModel: 'ocpp-rpc', firmwareVersion: '3.0.0' });
	t = lmsd.must('transfer', 'show', 'CP1/firmware');
	equal([t.status, t.before, t.firmware], ['Installed', '2.2.1', '3.0.0'], 'and ends when the station boots with another version');
	equal(cp.badSchema.concat(again.badSchema), [], 'no message broke its schema');
});
