// What the integration tests share: a lmsd of their own, lmsctl, stations by ocpp-rpc in strict mode, TAP.
'use strict';
const { spawn, spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { RPCClient, createRPCError } = require('ocpp-rpc');

const ROOT = path.resolve(__dirname, '../..');
const BIN = process.env.BIN || path.join(ROOT, 'build/bin');
const TMP = process.env.TMPDIR || fs.mkdtempSync(path.join(os.tmpdir(), 'lms-'));

// ---- TAP ------------------------------------------------------------------------------------

let count = 0;
let failed = 0;

function ok(condition, name, detail) {
	count++;
	if (!condition) failed++;
	console.log(`${condition ? 'ok' : 'not ok'} ${count} - ${name}`);
	if (!condition && detail !== undefined) console.log('# ' + JSON.stringify(detail));
	return condition;
}

function equal(actual, expected, name) {
	const same = JSON.stringify(actual) === JSON.stringify(expected);
	return ok(same, name, same ? undefined : { actual, expected });
}

// Waits for a condition, never for a time: polls until fn() answers something true, or the deadline is past.
async function until(fn, what, ms = 20000) {
	const end = Date.now() + ms;
	for (;;) {
		const value = await fn();
		if (value) return value;
		if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

async function main(fn) {
	try {
		await fn();
	} catch (e) {
		ok(false, 'runs to its end: ' + e.message, e.stack);
	}
	for (const cleanup of cleanups.reverse()) await cleanup();
	console.log(`1..${count}`);
	process.exit(failed ? 1 : 0);
}

// ---- programs -------------------------------------------------------------------------------

const cleanups = [];

// Starts a program and waits for the line that begins with "ready".
function startProgram(command, args, options = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
		let out = '';
		child.log = '';
		child.stderr.on('data', (d) => { child.log = (child.log + d).slice(-200000); });
		child.stdout.on('data', (d) => {
			out += d;
			const line = /^ready (.*)$/m.exec(out);
			if (line && !child.ready) {
				child.ready = Object.fromEntries(line[1].trim().split(' ').map((w) => w.split('=')));
				resolve(child);
			}
		});
		child.gone = new Promise((r) => child.on('exit', (code, signal) => {
			child.exit = { code, signal };
			r(child.exit);
		}));
		child.on('error', reject);
		child.gone.then((e) => reject(new Error(`${command} ended (${JSON.stringify(e)}): ${child.log}`)));
		cleanups.push(async () => {
			if (child.exit) return;
			child.kill('SIGKILL');
			await child.gone;
		});
	});
}

class Lmsd {
	constructor(name = 'lmsd') {
		this.dir = path.join(TMP, name);
		this.socket = path.join(TMP, name + '.sock');
		this.port = 0;
	}

	// Keeps its port over restarts, as stations expect.
	async start(overrides = {}) {
		const keys = {
			'listen.ws': `127.0.0.1:${this.port}`,
			'listen.wss': 'off',
			'meters.directory': path.join(ROOT, 'etc/meters'),
			'meters.site_directory': '',
			...overrides,
		};
		const args = ['-d', this.dir, '-s', this.socket];
		for (const [k, v] of Object.entries(keys)) args.push('-o', `${k}=${v}`);
		this.child = await startProgram(path.join(BIN, 'lmsd'), args);
		this.port = Number(this.child.ready.ws);
		return this;
	}

	get url() {
		return `ws://127.0.0.1:${this.port}`;
	}

	async kill(signal = 'SIGKILL') {
		this.child.kill(signal);
		return this.child.gone;
	}

	// Runs lmsctl; answers {status, out, err, json}.
	ctl(...args) {
		const r = spawnSync(path.join(BIN, 'lmsctl'), ['-s', this.socket, '-o', 'json', ...args],
			{ encoding: 'utf8', timeout: 60000, maxBuffer: 1 << 28 });
		let json;
		try { json = JSON.parse(r.stdout); } catch (e) { json = undefined; }
		return { status: r.status, out: r.stdout, err: r.stderr, json };
	}

	must(...args) {
		const r = this.ctl(...args);
		if (r.status !== 0) throw new Error(`lmsctl ${args.join(' ')}: status ${r.status}: ${r.err}`);
		return r.json;
	}

	// Like must(), but without blocking the loop that the stations of the test live in.
	ctlAsync(...args) {
		return new Promise((resolve) => {
			const child = spawn(path.join(BIN, 'lmsctl'), ['-s', this.socket, '-o', 'json', ...args],
				{ stdio: ['ignore', 'pipe', 'pipe'] });
			let out = '', err = '';
			child.stdout.on('data', (d) => { out += d; });
			child.stderr.on('data', (d) => { err += d; });
			child.on('close', (status) => {
				let json;
				try { json = JSON.parse(out); } catch (e) { json = undefined; }
				resolve({ status, out, err, json });
			});
		});
	}

	apply(document) {
		const file = path.join(TMP, 'apply.json');
		fs.writeFileSync(file, JSON.stringify(document));
		return this.must('apply', '-f', file, '-y');
	}
}

// ---- stations -------------------------------------------------------------------------------

// A station by ocpp-rpc in strict mode: every message both ways is checked against the official schemas.
class Station {
	constructor(lmsd, id, options = {}) {
		this.lmsd = lmsd;
		this.id = id;
		this.profiles = [];	// every SetChargingProfile: {connector, purpose, limit, at}
		this.received = [];	// every call: {method, params}
		this.options = options;
		this.badSchema = [];
		this.config = { NumberOfConnectors: String(options.connectors || 1), MeterValueSampleInterval: '10',
			...(options.config || {}) };
		this.answers = { ...this.usualAnswers(), ...(options.handlers || {}) };
	}

	async connect() {
		this.cli = new RPCClient({
			endpoint: this.lmsd.url, identity: this.id, protocols: ['ocpp1.6'], strictMode: true,
			reconnect: false, callTimeoutMs: 20000, pingIntervalMs: 0, ...(this.options.rpc || {}),
		});
		this.cli.on('strictValidationFailure', (e) => this.badSchema.push(String(e.error)));
		this.cli.on('badMessage', (e) => this.badSchema.push('bad message: ' + String(e.error)));
		this.cli.handle(({ method, params }) => this.onCall(method, params));
		await this.cli.connect();
		return this;
	}

	// A call of lmsd; an answer that throws is a CALLERROR.
	onCall(method, params) {
		this.received.push({ method, params, at: Date.now() });
		if (!this.answers[method]) throw createRPCError('NotImplemented');
		return this.answers[method](params);
	}

	usualAnswers() {
		const accepted = () => ({ status: 'Accepted' });
		return {
			SetChargingProfile: (p) => this.onProfile(p),
			ClearChargingProfile: () => ({ status: 'Unknown' }),
			GetConfiguration: (p) => {
				const keys = p.key && p.key.length ? p.key : Object.keys(this.config);
				return {
					configurationKey: keys.filter((k) => k in this.config)
						.map((key) => ({ key, readonly: key === 'NumberOfConnectors', value: this.config[key] })),
					unknownKey: keys.filter((k) => !(k in this.config)),
				};
			},
			ChangeConfiguration: (p) => {
				this.config[p.key] = p.value;
				return { status: 'Accepted' };
			},
			TriggerMessage: (p) => {
				if (p.requestedMessage === 'BootNotification') setImmediate(() => this.boot().catch(() => {}));
				return { status: 'Accepted' };
			},
			RemoteStartTransaction: accepted,
			RemoteStopTransaction: accepted,
			Reset: accepted,
			UnlockConnector: () => ({ status: 'Unlocked' }),
			ChangeAvailability: accepted,
		};
	}

	onProfile(p) {
		const profile = p.csChargingProfiles;
		this.profiles.push({
			connector: p.connectorId, purpose: profile.chargingProfilePurpose, at: Date.now(),
			limit: Math.max(...profile.chargingSchedule.chargingSchedulePeriod.map((s) => s.limit)),
		});
		return { status: 'Accepted' };
	}

	call(method, params) {
		return this.cli.call(method, params);
	}

	boot() {
		return this.call('BootNotification', { chargePointVendor: 'Peer', chargePointModel: 'ocpp-rpc',
			chargePointSerialNumber: this.id.slice(-25), firmwareVersion: '2.2.1' });
	}

	status(connectorId, status) {
		return this.call('StatusNotification', { connectorId, errorCode: 'NoError', status,
			timestamp: new Date().toISOString() });
	}

	// Connects, boots and waits until its idle limit has come.
	async up(connectors = 1) {
		await this.connect();
		const boot = await this.boot();
		await this.status(0, 'Available');
		for (let n = 1; n <= connectors; n++) await this.status(n, 'Available');
		return boot;
	}

	async plug(connectorId, idTag, meterStart = 1000) {
		await this.status(connectorId, 'Preparing');
		const start = await this.call('StartTransaction', { connectorId, idTag, meterStart,
			timestamp: new Date().toISOString() });
		await this.status(connectorId, 'Charging');
		return start;
	}

	unplug(transactionId, meterStop, idTag) {
		return this.call('StopTransaction', { transactionId, meterStop, idTag,
			timestamp: new Date().toISOString(), reason: 'Local' });
	}

	// Current drawn on each of the station's own phases, as MeterValues.
	draws(connectorId, transactionId, amps, registerWh) {
		const sampledValue = [{ value: String(registerWh), measurand: 'Energy.Active.Import.Register', unit: 'Wh' }];
		amps.forEach((a, k) => sampledValue.push({ value: String(a), measurand: 'Current.Import', phase: `L${k + 1}`, unit: 'A' }));
		sampledValue.push({ value: String(Math.round(230 * amps.reduce((x, y) => x + y, 0))), measurand: 'Power.Active.Import', unit: 'W' });
		return this.call('MeterValues', { connectorId, transactionId,
			meterValue: [{ timestamp: new Date().toISOString(), sampledValue }] });
	}

	last(purpose) {
		const found = this.profiles.filter((p) => p.purpose === purpose);
		return found.length ? found[found.length - 1].limit : undefined;
	}

	async close() {
		if (this.cli) await this.cli.close({ force: true }).catch(() => {});
	}
}

module.exports = { ok, equal, until, main, startProgram, cleanups, Lmsd, Station, ROOT, BIN, TMP };
