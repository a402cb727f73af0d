#!/usr/bin/env node
// timeout: 120
// The certification list for central systems, Firmware Management and diagnostics: 5 cases.
'use strict';
const { group, tc } = require('./octt');

const FILE = 'http://192.0.2.1/firmware/new.bin';
const WHEN = '2026-01-01T00:00:00Z';

group('Firmware Management', 5, [
	tc('TC_044_1', 'firmware is downloaded and installed', async (t) => {
		await update(t);
		await says(t, ['Downloading', 'Downloaded', 'Installing']);
		await t.again();
		await t.booted();
		await says(t, ['Installed']);
		await transfer(t, 'firmware', 'done', 'Installed');
	}),
	tc('TC_044_2', 'firmware that cannot be downloaded', async (t) => {
		await update(t);
		await says(t, ['Downloading', 'DownloadFailed']);
		await transfer(t, 'firmware', 'failed', 'DownloadFailed');
	}),
	tc('TC_044_3', 'firmware that cannot be installed', async (t) => {
		await update(t);
		await says(t, ['Downloading', 'Downloaded', 'Installing']);
		await t.again();
		await t.booted();
		await says(t, ['InstallationFailed']);
		await transfer(t, 'firmware', 'failed', 'InstallationFailed');
	}),
	tc('TC_045_1', 'diagnostics', async (t) => {
		await diagnostics(t);
		await says(t, ['Uploading', 'Uploaded'], 'DiagnosticsStatusNotification');
		await transfer(t, 'upload', 'done', 'Uploaded');
	}),
	tc('TC_045_2', 'diagnostics that cannot be uploaded', async (t) => {
		await diagnostics(t);
		await says(t, ['Uploading', 'UploadFailed'], 'DiagnosticsStatusNotification');
		await transfer(t, 'upload', 'failed', 'UploadFailed');
	}),
]);

async function update(t) {
	await t.up();
	// UpdateFirmware.conf is empty: that it came is all that there is to print.
	const asked = await t.order(['station', 'firmware', 'update', t.id, `url=${FILE}`, `retrieve_at=${WHEN}`, 'retries=3',
		'interval=60s'], 'UpdateFirmware', {}, { printed: (json) => json && json.status === 'Accepted' });
	t.equal(asked, { location: FILE, retries: 3, retrieveDate: WHEN, retryInterval: 60 }, 'UpdateFirmware');
}

async function diagnostics(t) {
	const location = 'ftp://192.0.2.1/diagnostics';
	await t.up();
	const asked = await t.order(['station', 'diagnostics', t.id, `url=${location}`, `since=${WHEN}`], 'GetDiagnostics',
		{ fileName: 'diagnostics.zip' }, { printed: (json) => json && json.fileName === 'diagnostics.zip' });
	t.equal(asked, { location, startTime: WHEN }, 'GetDiagnostics');
}

async function says(t, list, method = 'FirmwareStatusNotification') {
	for (const status of list) t.equal(await t.call(method, { status }), {}, `${method} ${status}`);
}

async function transfer(t, kind, state, status) {
	t.answers(await t.show('transfer', 'show', `${t.id}/${kind}`), { state, status }, 'lmsctl transfer show');
}
