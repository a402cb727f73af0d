#!/usr/bin/env node
// timeout: 120
// Every message of OCPP 1.6 edition 2 and of the security whitepaper, in both directions, over ws and wss: what a
// station may say is said with the least, with all, and with each word that the schema knows; what lmsd may ask is
// asked by lmsctl with each member and word that the schema knows, and answered with each answer that it knows.
'use strict';
const { group } = require('./octt');
const { actions, parts, used, examples } = require('./schema');

// What stations say, and members of it that have to mean something: functions of the case and a running transaction.
const none = () => ({});
const SAYS = {
	Authorize: (t) => ({ idTag: t.tag }),
	BootNotification: none,
	DataTransfer: none,
	DiagnosticsStatusNotification: none,
	FirmwareStatusNotification: none,
	Heartbeat: none,
	LogStatusNotification: none,
	MeterValues: (t, tx) => ({ transactionId: tx, value: '1' }),
	SecurityEventNotification: none,
	SignCertificate: none,
	SignedFirmwareStatusNotification: none,
	StartTransaction: (t) => ({ idTag: t.tag, connectorId: 2 }),
	StatusNotification: (t) => ({ connectorId: 2 }),
	StopTransaction: (t, tx) => ({ transactionId: tx, value: '1', meterStop: 2000, idTag: t.tag }),
};

const WHEN = '2026-01-01T00:00:00Z', UNTIL = '2099-01-01T00:00:00Z', URL = 'ftp://192.0.2.1/x';
const retries = ['retries=3', 'interval=60s'];
const by_id = (id) => (p) => p.csChargingProfiles.chargingProfileId === id;
const profile = (id, ...args) => [['station', 'profile', 'set', `profile_id=${id}`, ...args], by_id(id)];
const trigger = (message, ...args) => [['station', 'trigger', `message=${message}`, ...args], (p) => p.requestedMessage === message];
const ROOTS = ['CentralSystemRootCertificate', 'ManufacturerRootCertificate'];

// What lmsctl makes lmsd ask: functions of the case and a running transaction that give commands, the station's id
// added behind the verb, and which call is meant where lmsd also sends such by itself. They use all of the schema.
const ASKS = {
	CancelReservation: () => [[async (t) => ['reservation', 'cancel', String(await reservation(t))]]],
	CertificateSigned: () => [[signed]],
	ChangeAvailability: () => [[['station', 'availability', 'type=Inoperative', 'connector=1']],
		[['station', 'availability', 'type=Operative']]],
	ChangeConfiguration: () => [[['station', 'config', 'set', 'key=K', 'value=V'], (p) => p.key === 'K']],
	ClearCache: () => [[['station', 'cache', 'clear']]],
	ClearChargingProfile: () => [[['station', 'profile', 'clear', 'profile_id=1000', 'connector=1', 'stack_level=0']],
		...['ChargePointMaxProfile', 'TxDefaultProfile', 'TxProfile'].map((p) => [['station', 'profile', 'clear', `purpose=${p}`]])],
	DataTransfer: () => [[['station', 'data-transfer', 'vendor=org.example', 'message=M', 'data=D']]],
	DeleteCertificate: () => ['SHA256', 'SHA384', 'SHA512'].map((a) => [['station', 'cert', 'delete', `hash=${a}`,
		'issuer_name_hash=ab', 'issuer_key_hash=cd', 'serial=01']]),
	ExtendedTriggerMessage: () => ['LogStatusNotification', 'SignChargePointCertificate'].map((m) => trigger(m)).concat(
		['BootNotification', 'FirmwareStatusNotification', 'Heartbeat', 'MeterValues'].map((m) => trigger(m, 'extended=yes')),
		[trigger('StatusNotification', 'extended=yes', 'connector=1')]),
	GetCompositeSchedule: () => [[['station', 'profile', 'composite', 'connector=1', 'duration=60s', 'unit=A']],
		[['station', 'profile', 'composite', 'unit=W']]],
	GetConfiguration: () => [[['station', 'config', 'get', 'key=K'], (p) => p.key && p.key[0] === 'K']],
	GetDiagnostics: () => [[['station', 'diagnostics', `url=${URL}`, `since=${WHEN}`, `until=${UNTIL}`, ...retries]]],
	GetInstalledCertificateIds: () => ROOTS.map((type) => [['station', 'cert', 'list', `type=${type}`]]),
	GetLocalListVersion: () => [[['station', 'local-list', 'version']]],
	GetLog: () => ['DiagnosticsLog', 'SecurityLog'].map((type) => [['station', 'log', `type=${type}`, `url=${URL}`,
		`oldest=${WHEN}`, `latest=${UNTIL}`, ...retries]]),
	InstallCertificate: (t) => ROOTS.map((type) => [['station', 'cert', 'install', `certificate=@${t.rig.ca.cert}`, `type=${type}`]]),
	RemoteStartTransaction: (t) => [[['connector', 'start', `tag=${t.uid}C`, 'limit=6']]],
	RemoteStopTransaction: (t, tx) => [[['transaction', 'stop', String(tx)]]],
	ReserveNow: () => [[reserve]],
	Reset: () => [[['station', 'restart']], [['station', 'restart', 'hard=yes']]],
	SendLocalList: () => [[['station', 'local-list', 'send', 'version=1', 'list=[]']],
		[['station', 'local-list', 'send', 'update=Differential', 'version=2', `list=${JSON.stringify(
			['Accepted', 'Blocked', 'Expired', 'Invalid', 'ConcurrentTx'].map((status, i) => ({ idTag: `L${i}`,
				idTagInfo: { expiryDate: UNTIL, parentIdTag: 'P', status } })))}`]]],
	SetChargingProfile: () => [profile(1001, 'purpose=ChargePointMaxProfile', 'limit=16'),
		profile(1002, 'purpose=TxDefaultProfile', 'power=1400', 'connector=1', 'kind=Recurring', 'recurrency=Daily', 'phases=3',
			`start=${WHEN}`, 'duration=1d', `valid_from=${WHEN}`, `valid_to=${UNTIL}`),
		profile(1003, 'purpose=TxDefaultProfile', 'limit=6', 'kind=Recurring', 'recurrency=Weekly'),
		profile(1004, 'purpose=TxProfile', 'limit=6', 'connector=1', 'kind=Relative', 'stack_level=0')],
	SignedUpdateFirmware: (t) => [[['station', 'firmware', 'update', `url=${URL}`, `retrieve_at=${WHEN}`, `install_at=${UNTIL}`,
		'signature=eA==', `certificate=@${t.rig.ca.cert}`, ...retries]]],
	TriggerMessage: () => ['BootNotification', 'DiagnosticsStatusNotification', 'FirmwareStatusNotification', 'Heartbeat',
		'MeterValues'].map((m) => trigger(m)).concat([trigger('StatusNotification', 'connector=1')]),
	UnlockConnector: () => [[['station', 'unlock', 'connector=1']]],
	UpdateFirmware: () => [[['station', 'firmware', 'update', `url=${URL}`, `retrieve_at=${WHEN}`, ...retries]]],
};

// Members and words that lmsd has no use for.
const UNUSED = {
	// A remote start begins with a limit; when it ends, and for which transaction, is up to the balance.
	RemoteStartTransaction: /^chargingProfile\./,
	SetChargingProfile: /minChargingRate$/,
};

const TAKEN = ['Accepted', 'AcceptedCanceled', 'RebootRequired', 'Scheduled', 'Unlocked'];

// Where an answer has no status, it is a yes; but a station that names no file has no diagnostics to send (OCPP 1.6, 6.24).
function refuses(action, answer) {
	if (action === 'GetDiagnostics') return !answer.fileName;
	return answer.status !== undefined && !TAKEN.includes(answer.status);
}

async function says(t, action, tx) {
	const answers = [];
	for (const payload of examples(`${action}.req`, SAYS[action](t, tx))) answers.push(await t.call(action, payload));
	t.ok(answers.length > 1 && answers.every((a) => a && typeof a === 'object'), 'each is answered', answers);
}

// The one that the time before has made is taken back first.
async function reserve(t) {
	for (const { id } of await t.show('reservation', 'list', `station=${t.id}`)) {
		await t.order(['reservation', 'cancel', String(id)], 'CancelReservation', { status: 'Accepted' });
	}
	return ['reservation', 'create', `${t.id}/2`, `tag=${t.uid}C`];
}

async function reservation(t) {
	return (await t.order(await reserve(t), 'ReserveNow', { status: 'Accepted' })).reservationId;
}

// What it asks for first.
async function signed(t) {
	const { csr, chain } = t.wantsCertificate();
	t.answers(await t.call('SignCertificate', { csr }), { status: 'Accepted' }, 'SignCertificate');
	return ['station', 'cert', 'sign', t.id, `chain=@${chain}`];
}

// The station's id behind the verb; that of a connector, or none, where it is no verb of stations.
async function command(t, args) {
	if (typeof args === 'function') return args(t);
	if (args[0] === 'transaction') return args;
	if (args[0] !== 'station') return [...args.slice(0, 2), `${t.id}/2`, ...args.slice(2)];
	const plain = args.findIndex((a) => a.includes('='));
	const at = plain < 0 ? args.length : plain;
	return [...args.slice(0, at), t.id, ...args.slice(at)];
}

async function asks(t, action, tx) {
	const seen = new Set();
	const answers = examples(`${action}.conf`);
	const yes = answers.find((a) => !refuses(action, a));
	const ask = async ([args, fits], answer) => {
		const asked = await t.order(await command(t, args), action, answer, { fits, status: refuses(action, answer) ? 6 : 0,
			printed: (json) => json && (!answer.status || json.status === answer.status) });
		for (const part of used(`${action}.req`, asked)) seen.add(part);
	};
	const commands = ASKS[action](t, tx);
	for (const c of commands) await ask(c, yes);
	for (const answer of answers) await ask(commands[0], answer);
	const left = [...parts(`${action}.req`)].filter((p) => !seen.has(p) && !(UNUSED[action] && UNUSED[action].test(p)));
	t.equal(left, [], 'lmsctl reaches all of its members and words');
}

group('OCPP 1.6 and its security whitepaper', 39, actions().map((action) => ({
	id: action, label: action,
	name: action in SAYS && action in ASKS ? 'said and asked' : action in SAYS ? 'said by stations' : 'asked by lmsctl',
	run: async (t) => {
		await t.up();
		const tx = await t.charging();
		t.ok(action in SAYS || action in ASKS, 'this test knows it');
		if (action in SAYS) await says(t, action, tx);
		if (action in ASKS) await asks(t, action, tx);
	},
})));
