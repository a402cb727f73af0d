#!/usr/bin/env node
// timeout: 240
// A hostile world: stations answer late, refuse, fail, say nothing, drop, reboot, come twice and replay what they queued,
// lmsd is killed again and again, caps are lowered and raised. An oracle knows what each station is really obeying: no
// cap is exceeded on any phase, but for what already ran when we lowered it, and when the world calms down everybody
// charges. SEED= replays the choices (not their interleaving with lmsd), MINUTES= is how long the chaos lasts.
'use strict';
const WebSocket = require('../integration/node_modules/ws');
const validator = require('../integration/node_modules/ocpp-rpc/lib/standard-validators').find((v) => v.subprotocol === 'ocpp1.6');
const { ok, equal, until, main, cleanups, Lmsd } = require('../integration/lib');

const SEED = Number(process.env.SEED || 1);
const CHAOS_MS = 60000 * Number(process.env.MINUTES || 0.75);
const SETTLE_MS = 4900;	// of the 5 s that a station may take
const MAX_MA = 32000;
const TERMINALS = { RST: [0, 1, 2], STR: [1, 2, 0], TRS: [2, 0, 1], RTS: [0, 2, 1], SRT: [1, 0, 2], TSR: [2, 1, 0],
	L1: [0], L2: [1], L3: [2], unknown: [1, 0, 2] };
const SITE = { P1: ['RST', 'STR', 'TRS', 'L1', 'L2', 'RTS'], P2: ['RST', 'L1', 'L3', 'SRT', 'unknown', 'L2'] };
const CAPS = { main: 100, P1: 60, P2: 40 };
const LOWEST = { main: 60, P1: 25, P2: 15 };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const history = [];	// the last things that happened, for the reader of a failure
const wrong = [], badSchema = [];
const seen = { applied: 0, raised: 0, hostile: 0, drops: 0, reboots: 0, twice: 0, kills: 0, lowered: 0, starts: 0, stops: 0 };
const stations = [];
let calm = false, ended = false, watching = false;

function note(text) {
	history.push(`${(performance.now() / 1000).toFixed(3)} ${text}`);
	if (history.length > 400) history.shift();
}

function fault(text) {
	wrong.push(text);
	note('WRONG ' + text);
	if (wrong.length === 1) for (const line of history) console.log('# ' + line);
}

class Dice {
	constructor(seed) {
		this.seed = Math.imul(seed, 2654435761) & 0x7fffffff;
		for (let i = 0; i < 8; i++) this.below(2);
	}
	below(n) {
		this.seed = (Math.imul(this.seed, 1103515245) + 12345) & 0x7fffffff;
		return (this.seed >>> 8) % n;
	}
	one(percent) {
		return this.below(1000) < percent * 10;
	}
}

// ---- the oracle -----------------------------------------------------------------------------

const zones = Object.fromEntries(Object.keys(CAPS).map((id) =>
	[id, { id, cap: CAPS[id] * 1000, bound: null, excused: false, changes: 0, over: 0 }]));

function sums(zone, wired = false) {
	const sum = [0, 0, 0];
	for (const s of stations)
		if (zone === 'main' || s.zone === zone)
			for (const k of wired ? TERMINALS[s.wiring] : s.phases()) sum[k] += s.level();
	return sum;
}

// Called whenever a station may have risen. Falls need no look.
function look(why) {
	if (!watching) return;
	for (const z of Object.values(zones)) {
		const sum = sums(z.id);
		for (let k = 0; k < 3; k++) {
			const most = Math.max(z.cap, z.bound ? z.bound[k] : 0);
			if (sum[k] > most) fault(`${z.id} L${k + 1}: ${sum[k]} mA, allowed ${most} (cap ${z.cap}) after ${why}`);
		}
	}
}

// What lmsd believes must cover what is true; over a cap it may be only after we lowered that, and then only falls.
function compareZone(shown, run) {
	const z = zones[shown.id], cap = shown.static_ma[0], over = shown.sum_ma.some((ma) => ma > cap);

	if (over && !z.bound && !z.excused) fault(`${z.id}: lmsd sums ${shown.sum_ma} over ${cap}`);
	if (over && z.bound && !z.excused && shown.sum_ma.some((ma, k) => ma > z.bound[k] && ma > cap))
		fault(`${z.id}: lmsd sums ${shown.sum_ma}, rose from ${z.bound} while over ${cap}`);
	const was = z.run === run ? z.over : 0;
	if (shown.seconds_over > was && !z.bound && !over && !z.excused) fault(`${z.id}: seconds_over ${was} -> ${shown.seconds_over}`);
	z.over = shown.seconds_over;
	z.run = run;
	z.bound = over ? shown.sum_ma : null;
	z.cap = cap;
	z.excused = false;
}

async function poll(world) {
	const run = world.run, before = new Map(stations.map((s) => [s.id, s.level()]));
	const changes = Object.values(zones).map((z) => z.changes);
	const list = await world.lmsd.ctlAsync('connector', 'list');
	if (list.json)
		for (const c of list.json) {
			const s = stations.find((x) => x.id === c.station), level = Math.min(before.get(s.id), s.level());
			if (watching && s.lastChange < performance.now() - 2000 && c.w_ma < level) fault(`${c.id} counts ${c.w_ma}, obeys ${level}`);
		}
	const shown = await world.lmsd.ctlAsync('zone', 'list');
	if (!shown.json || run !== world.run || !watching) return;
	Object.keys(zones).forEach((id, i) => {	// what was asked while a cap changed says nothing
		const z = zones[id];
		if (z.changes === changes[i] && z.changes % 2 === 0) compareZone(shown.json.find((x) => x.id === id), run);
	});
	look('poll');
}

// ---- a station ------------------------------------------------------------------------------

class Cp {
	constructor(index, zone, wiring) {
		Object.assign(this, { id: 'S' + index, zone, wiring, dice: new Dice(SEED * 100 + index), falls: [], tx: null, idle: MAX_MA,
			outbox: [], calls: new Map(), fifo: Promise.resolve(), life: 0, n: 0, booted: false, lastChange: 0, meter: 1000, late: [] });
	}

	// ---- what it obeys
	base() {
		return this.tx && this.tx.limit !== null ? this.tx.limit : this.idle;
	}
	level() {
		const now = performance.now();
		this.falls = this.falls.filter((f) => f.until > now);
		return this.falls.reduce((most, f) => Math.max(most, f.ma), this.base());
	}
	phases() {
		const all = TERMINALS[this.wiring];
		return this.tx && this.tx.single ? all.slice(0, 1) : all;
	}
	change(why, fn, atOnce) {
		const before = this.base();
		fn();
		this.lastChange = performance.now();
		if (atOnce) this.falls = [];
		else if (this.base() < before) this.falls.push({ ma: before, until: performance.now() + SETTLE_MS });
		note(`${this.id} ${why}: ${before} -> ${this.base()}`);
		if (this.base() > before) {
			seen.raised++;
			look(`${this.id} ${why}`);
		}
	}

	// ---- calls of ours
	send(ws, frame) {
		if (ws && ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify(frame));
	}
	call(action, params) {
		const id = `${this.id}-${++this.n}`, ws = this.ws;
		return new Promise((resolve, reject) => {
			if (!ws || ws.readyState !== WebSocket.OPEN) return reject(new Error('offline'));
			const timer = setTimeout(() => { this.calls.delete(id); reject(new Error('no answer to ' + action)); }, 20000);
			this.calls.set(id, { action, ws, resolve, reject, timer });
			this.send(ws, [2, id, action, params]);
		});
	}
	answered(frame) {
		const c = this.calls.get(frame[1]);
		if (!c) return;
		this.calls.delete(frame[1]);
		clearTimeout(c.timer);
		if (frame[0] === 4) return c.reject(new Error(frame[2]));
		this.check(`urn:${c.action}.conf`, frame[2]);
		c.resolve(frame[2]);
	}
	check(schema, params) {
		try {
			validator.validate(schema, params);
		} catch (e) {
			badSchema.push(`${schema}: ${e.message}`);
		}
	}

	// ---- calls of lmsd
	message(ws, data) {
		const frame = JSON.parse(data);
		if (frame[0] !== 2) return this.answered(frame);
		const [, id, action, p] = frame;
		this.check(`urn:${action}.req`, p);
		if (action === 'SetChargingProfile') return this.enqueue(ws, id, p);
		if (action === 'TriggerMessage' && p.requestedMessage === 'BootNotification') setImmediate(() => this.boot().catch(() => {}));
		const keys = { NumberOfConnectors: '1', MeterValueSampleInterval: '10' };
		this.send(ws, [3, id, action === 'GetConfiguration' ? { configurationKey: Object.entries(keys).map(([key, value]) =>
			({ key, readonly: false, value })), unknownKey: [] } : { status: action === 'ClearChargingProfile' ? 'Unknown' : 'Accepted' }]);
	}
	// Profiles are carried out in the order in which they came, however long one takes.
	enqueue(ws, id, p) {
		const life = this.life;
		this.fifo = this.fifo.then(() => life === this.life ? this.profile(ws, id, p, life) : null);
	}
	apply(p) {
		const profile = p.csChargingProfiles, ma = Math.round(1000 * profile.chargingSchedule.chargingSchedulePeriod[0].limit);
		if (profile.chargingProfilePurpose === 'TxDefaultProfile') {
			this.change('TxDefault', () => { this.idle = ma; });
		} else {
			if (!this.tx || this.tx.id === null || this.tx.id !== profile.transactionId) return 'Rejected';
			this.change(`TxProfile of ${this.tx.id}`, () => { this.tx.limit = ma; });
		}
		seen.applied++;
		return 'Accepted';
	}
	async profile(ws, id, p, life) {
		const d = this.dice, x = calm ? 0 : d.below(100), wait = d.below(8000);
		const yes = (status) => [3, id, { status }];

		if (x >= 60) seen.hostile++;
		if (x >= 60) note(`${this.id} gets ${p.csChargingProfiles.chargingProfilePurpose} and does ${x}`);
		if (x < 60) return this.send(ws, yes(this.apply(p)));
		if (x < 70) {	// obeys, says so late
			const frame = yes(this.apply(p));
			setTimeout(() => this.send(d.one(50) ? this.ws : ws, frame), wait);
		} else if (x < 78) {	// obeys late
			await sleep(wait);
			if (life === this.life) this.send(ws, yes(this.apply(p)));
		} else if (x < 83) {
			this.send(ws, yes('Rejected'));
		} else if (x < 86) {
			this.send(ws, [4, id, 'InternalError', '', {}]);
		} else if (x < 88) {	// obeys, and says that it failed
			this.apply(p);
			this.send(ws, [4, id, 'InternalError', '', {}]);
		} else if (x < 91) {	// obeys, says nothing
			this.apply(p);
		} else if (x < 93) {	// says nothing
		} else if (x < 95) {	// obeys, drops, answers on the next connection
			this.late.push(yes(this.apply(p)));
			this.drop();
		} else if (x < 97) {
			this.drop();
		} else {	// drops, and obeys all the same
			this.drop();
			if (d.one(50)) await sleep(wait / 4);
			if (life === this.life) this.apply(p);
		}
	}

	// ---- its life
	drop() {
		seen.drops++;
		if (!this.ws) return;
		note(`${this.id} drops`);
		if (this.dice.one(50)) this.ws.terminate();
		else this.ws.close(1000);
	}
	reboot() {
		seen.reboots++;
		this.life++;
		this.late = [];
		this.change('reboots', () => { if (this.tx) this.tx.limit = null; }, true);
		if (this.dice.one(50)) this.unplug('PowerLoss');
		this.booted = false;
		if (this.ws) this.ws.terminate();
	}
	plug() {
		if (this.tx) return;
		seen.starts++;
		this.meter += 10;
		const tx = { id: null, limit: null, single: this.dice.one(25) };
		this.change('plugs', () => { this.tx = tx; });
		this.outbox.push({ tx, action: 'StartTransaction', params: { connectorId: 1, idTag: 'T' + this.id, meterStart: this.meter,
			timestamp: new Date().toISOString() } });
	}
	unplug(reason = 'Local') {
		const tx = this.tx;
		if (!tx) return;
		seen.stops++;
		this.meter += 10;
		this.change(`ends ${tx.id}`, () => { this.tx = null; }, true);
		this.outbox.push({ tx, action: 'StopTransaction', params: { meterStop: this.meter, timestamp: new Date().toISOString(), reason } });
	}
	connect() {
		return new Promise((resolve, reject) => {
			const ws = new WebSocket(`${this.url}/${this.id}`, ['ocpp1.6'], { handshakeTimeout: 5000 });
			ws.on('message', (d) => this.message(ws, d));
			ws.on('error', reject);
			ws.on('open', () => { this.ws = ws; resolve(ws); });
			ws.on('close', () => {
				if (this.ws === ws) this.ws = null;
				for (const [id, c] of this.calls) {
					if (c.ws !== ws) continue;
					this.calls.delete(id);
					clearTimeout(c.timer);
					c.reject(new Error('lost'));
				}
			});
		});
	}
	async boot() {
		const r = await this.call('BootNotification', { chargePointVendor: 'Chaos', chargePointModel: 'Monkey' });
		this.booted = r.status === 'Accepted';
	}
	say(status) {
		return this.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status });
	}
	async tell() {
		const m = this.outbox[0];
		if (m.action === 'StopTransaction') m.params.transactionId = m.tx.id;
		else await this.say('Preparing');
		const r = await this.call(m.action, m.params);
		this.outbox.shift();
		if (m.action === 'StartTransaction') m.tx.id = r.transactionId;
		await this.say(this.tx ? 'Charging' : 'Available');
	}
	draws() {
		const own = this.phases().length === 3 ? [1, 1, 1] : this.wiring[0] === 'L' ? [1] : [1, 0, 0], a = this.base() / 1000;
		const sampledValue = own.map((on, k) => ({ value: String(on * a), measurand: 'Current.Import', phase: `L${k + 1}`, unit: 'A' }));
		sampledValue.push({ value: String(Math.round(230 * a * own.reduce((x, y) => x + y))), measurand: 'Power.Active.Import', unit: 'W' });
		return this.call('MeterValues', { connectorId: 1, transactionId: this.tx.id,
			meterValue: [{ timestamp: new Date().toISOString(), sampledValue }] });
	}
	async online() {
		const ws = this.ws;
		let metered = performance.now();
		if (!this.booted || this.dice.one(20)) await this.boot();
		for (const frame of this.late.splice(0)) this.send(ws, frame);
		await this.say(this.tx ? 'Charging' : 'Available');
		while (!ended && this.ws === ws) {
			if (this.outbox.length) await this.tell();
			if (this.tx && this.tx.id !== null && performance.now() > metered + 4000) {
				metered = performance.now();
				await this.draws();
			}
			await sleep(50);
		}
	}
	async live() {
		while (!ended) {
			try {
				if (!this.ws) await this.connect();
				await this.online();
			} catch (e) { /* the connection went, or lmsd */ }
			await sleep(calm ? 100 : 100 + this.dice.below(1500));
		}
		if (this.ws) this.ws.terminate();
	}
	// People and the weather.
	async suffer() {
		const d = this.dice;
		for (;;) {
			await sleep(500 + d.below(2500));
			if (calm) return;
			const x = d.below(100);
			if (x < 30) this.plug();
			else if (x < 42) this.unplug();
			else if (x < 46) this.drop();
			else if (x < 49) this.reboot();
			else if (x < 53) {
				seen.twice++;
				await this.connect().catch(() => {});
			}
		}
	}
}

// ---- the world ------------------------------------------------------------------------------

async function setCap(world, id, amps) {
	const z = zones[id], lower = amps * 1000 < z.cap;
	z.changes++;	// odd while it is under way
	if (lower) seen.lowered++;
	else z.cap = amps * 1000;
	note(`${id} static=${amps}`);
	const r = await world.lmsd.ctlAsync('zone', 'set', id, `static=${amps}`);
	z.excused = true;	// until a look that began after this
	z.changes++;
	return r.status === 0;
}

async function weather(world) {
	const d = new Dice(SEED * 7 + 3), ids = Object.keys(CAPS);
	while (!calm) {
		await sleep(2000 + d.below(5000));
		const id = ids[d.below(3)];
		if (calm) break;
		if (d.one(60)) await setCap(world, id, LOWEST[id] + d.below(CAPS[id] - LOWEST[id] + 1));
		else await world.lmsd.ctlAsync('connector', 'limit', `S${d.below(12)}/1`, ...(d.one(60) ? [String(6 + d.below(20))] : []));
	}
}

async function killer(world) {
	const d = new Dice(SEED * 11 + 5);
	for (;;) {
		const end = performance.now() + 11000 + d.below(8000);
		while (!calm && performance.now() < end) await sleep(50);
		if (calm) return;
		seen.kills++;
		world.run++;
		note('lmsd is killed');
		await world.lmsd.kill(d.one(75) ? 'SIGKILL' : 'SIGTERM');
		await sleep(d.below(1500));
		await world.lmsd.start();
		note('lmsd is back');
	}
}

async function watch(world) {
	while (!ended) {
		await poll(world);
		await sleep(300);
	}
}

main(async () => {
	console.log(`# seed ${SEED}, ${CHAOS_MS / 60000} minutes of chaos`);
	const world = { lmsd: await new Lmsd().start(), run: 0 };
	for (const [zone, wirings] of Object.entries(SITE))
		for (const wiring of wirings) stations.push(new Cp(stations.length, zone, wiring));
	world.lmsd.apply({
		zones: [{ id: 'main', static: CAPS.main }, { id: 'P1', parent: 'main', static: CAPS.P1 }, { id: 'P2', parent: 'main', static: CAPS.P2 }],
		stations: stations.map((s, i) => ({ id: s.id, zone: s.zone, wiring: s.wiring, connectors: 1, proven: true, idle: i % 5 === 4 ? 6 : 0 })),
		tags: stations.map((s) => ({ uid: 'T' + s.id })),
	});
	cleanups.push(() => { ended = true; });
	calm = true;	// until every station has its first limits
	for (const s of stations) {
		s.url = world.lmsd.url;
		s.live();
	}
	const quiet = () => world.lmsd.must('zone', 'list').every((z) => z.sum_ma.every((ma) => ma <= z.static_ma[0]));
	await until(async () => { await sleep(200); return stations.every((s) => s.level() <= 6000) && quiet(); }, 'the first limits', 40000);
	for (const z of world.lmsd.must('zone', 'list')) Object.assign(zones[z.id], { over: z.seconds_over, run: 0 });
	watching = true;
	calm = false;
	watch(world).catch((e) => fault('watch: ' + e.stack));
	const people = stations.map((s) => s.suffer()), clouds = weather(world);
	const death = killer(world).catch((e) => fault('lmsd: ' + e.message));
	await sleep(CHAOS_MS);
	calm = true;
	await Promise.all([...people, clouds, death]);
	await Promise.all(stations.map((s) => s.fifo));
	note('calm');
	console.log('# ' + JSON.stringify(seen));

	const start = performance.now();
	for (const id of Object.keys(CAPS)) ok(await setCap(world, id, CAPS[id]), `${id} has its whole cap again`);
	for (const s of stations) {
		await world.lmsd.ctlAsync('connector', 'limit', `${s.id}/1`);
		if (s.ws) s.ws.terminate();	// who was given up gets another chance when it comes back
		s.plug();
	}
	// lmsd takes a minute to learn that a car uses one phase: until then what fits is counted as wired.
	const full = (id) => [sums(id), sums(id, true)].some((sum) => sum.some((ma) => ma >= 900 * CAPS[id]));
	const poor = () => stations.filter((s) => s.base() < 6000);
	const seconds = () => Math.round((performance.now() - start) / 1000);
	const states = async () => {
		const list = (await world.lmsd.ctlAsync('connector', 'list')).json || [];
		return [sums('P1'), sums('P2'), poor().map((s) => [s.id, s.level(), s.tx && s.tx.id, s.outbox.length,
			list.find((c) => c.station === s.id)])];
	};
	const reach = (what, fn, ms) => until(fn, what, ms - (performance.now() - start)).then(
		() => ok(true, `calm again, ${what} after ${seconds()} s`), async () => ok(false, `calm again, ${what}`, await states()));
	await reach('the zones are used', () => full('P1') && full('P2'), 60000);
	if (poor().length) console.log('# ' + JSON.stringify(await states()));
	// Who had to pause under a lowered cap stays so for its minimum off time, as designed.
	const paused = async () => ((await world.lmsd.ctlAsync('connector', 'list')).json || [])
		.filter((c) => c.reason_code === 'minimum_off').map((c) => c.station);
	const all = async () => {
		const excused = await paused();
		return poor().every((s) => excused.includes(s.id)) && full('P1') && full('P2');
	};
	await reach('everybody charges who may', all, 60000);
	await poll(world);
	ended = true;
	ok(seen.raised > 10 && seen.hostile > 10 && seen.kills > 0 && seen.lowered > 0, 'there was chaos', seen);
	equal(wrong.slice(0, 10), [], 'no cap was exceeded, and lmsd knew what every station may be obeying');
	equal(badSchema.slice(0, 10), [], 'no schema error');
	equal(await world.lmsd.kill('SIGTERM'), { code: 0, signal: null }, 'lmsd ends cleanly');
});
