#!/usr/bin/env node
// timeout: 90
// Stations that lie. One takes every limit and draws on as it likes, another reports 9,999 A: both are shown with
// what is wrong, both are reserved as far as a cable can carry it, and the others make room so that the zone holds
// by what really flows. Each alert begins once and, when they behave, ends once.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

const CAP = 60;
const LIE = 30;			// amperes that the liar draws, whatever it accepts
const WITHIN_MS = 25000;	// two samples that count, the cut, and its settle time
const SAMPLE_MS = 1500;

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

main(async () => {
	const lmsd = await new Lmsd().start();
	const ids = { P1: ['LIAR', 'B', 'C'], P2: ['SPIKE', 'D'] };
	lmsd.apply({
		zones: Object.keys(ids).map((id) => ({ id, static: CAP })),
		stations: Object.entries(ids).flatMap(([zone, list]) => list.map((id) =>
			({ id, zone, wiring: 'RST', connectors: 1, proven: true, settle: '1s' }))),
		tags: ['T1', 'T2', 'T3', 'T4', 'T5'].map((uid) => ({ uid })),
	});
	const all = Object.values(ids).flat().map((id) => new Station(lmsd, id));
	const [liar, b, c, spike, d] = all;
	const obeys = (s) => Math.min(s.last('TxProfile') ?? 0, s.last('TxProfile') === undefined ? 0 : 32);
	const draw = new Map([[liar, obeys], [spike, obeys]]);	// what a station says that it draws
	const show = async (noun, id) => (await lmsd.ctlAsync(noun, 'show', id)).json;
	const fault = async (s) => (await show('connector', `${s.id}/1`)).fault || '';

	for (const s of all) await s.up();
	await until(() => all.every((s) => s.last('TxDefaultProfile') === 0), 'idle limits');
	for (const [n, s] of all.entries()) s.tx = (await s.plug(1, `T${n + 1}`)).transactionId;
	await until(() => [liar, b, c].every((s) => s.last('TxProfile') === 20), '20, 20, 20');
	await until(() => [spike, d].every((s) => s.last('TxProfile') === 30), '30, 30');

	// Meter values of all, as cars that take what they are given.
	let stop = false, wh = 2000;
	const talk = (async () => {
		for (; !stop; wh += 10) {
			for (const s of all) {
				const amps = (draw.get(s) || obeys)(s);
				await s.draws(1, s.tx, [amps, amps, amps], wh);
			}
			await delay(SAMPLE_MS);
		}
	})();

	draw.set(liar, () => LIE);
	draw.set(spike, () => 9999);
	const began = Date.now();
	let over;
	const flows = () => Math.max(LIE, obeys(liar)) + obeys(b) + obeys(c);
	await until(() => flows() <= CAP, 'the others to make room', WITHIN_MS);
	over = Date.now() - began;
	ok(over < WITHIN_MS, `what flows is within ${CAP} A again`, over);
	ok(obeys(b) >= 14 && obeys(c) >= 14, 'and no more is taken from the others than that needs', [obeys(b), obeys(c)]);
	const text = await until(() => fault(liar), 'its fault');
	ok(/draws 30 A but may draw 20 A/.test(text), 'connector show says what the liar draws and what it may', text);
	ok(/draws 30 A/.test((await show('station', 'LIAR')).fault), 'so does station show');
	ok((await show('connector', 'LIAR/1')).w_ma >= LIE * 1000, 'what it draws is reserved');

	await until(async () => /9999 A|cannot be true/.test(await fault(spike)), 'the report of 9,999 A to be flagged');
	const spiked = await show('connector', 'SPIKE/1');
	ok(spiked.w_ma <= 40000, 'what no cable carries is not reserved', spiked.w_ma);
	equal([spiked.current_ma, spiked.power_w], [undefined, undefined], 'nor shown as drawn');
	await until(() => obeys(d) <= CAP - spiked.w_ma / 1000, 'its neighbour to make room');
	ok(obeys(d) >= 6, 'its neighbour charges on', obeys(d));

	// It goes on lying until it counts as one that nobody controls: never more room for anybody.
	await until(async () => /does not take or does not obey/.test(await fault(liar)), 'it to be given up', 40000);
	ok(flows() <= CAP, 'what flows stays within the zone', flows());
	const causes = (await lmsd.ctlAsync('connector', 'explain', 'LIAR/1')).out;
	ok(/obey/.test(causes), 'connector explain says so', causes);

	draw.set(liar, obeys);
	draw.set(spike, obeys);
	await until(async () => !(await fault(spike)), 'the faults to be over', 60000);
	stop = true;
	await talk;
	const events = (await lmsd.ctlAsync('-o', 'ndjson', 'event', 'list')).out.trim().split('\n').map((l) => JSON.parse(l));
	const times = (object, event) => events.filter((e) => e.object === object && e.event === event).length;
	equal(['draw_implausible', 'draw_plausible', 'draws_too_much', 'draws_within_limit'].map((e) => times('SPIKE/1', e)),
		[1, 1, 1, 1], 'alerts of the one that reported nonsense began and ended once');
	equal(['draws_too_much', 'station_uncontrollable'].map((e) => times('LIAR/1', e)), [1, 1], 'alerts of the liar began once');
	for (const s of all) equal(s.badSchema, [], `no schema error at ${s.id}`);
	for (const s of all) await s.close();
});
