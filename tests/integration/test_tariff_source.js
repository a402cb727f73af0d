#!/usr/bin/env node
// timeout: 180
// Two limits from outside: the window of a tariff that is open now, by the site's time zone, and the state of a
// generator, which selects another limit, is lost when nobody tells it, and survives kill -9.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

// A window of two hours around now, and one that ended an hour ago, on the clock of a place at that offset from UTC.
function around(offsetMin) {
	const at = (min) => new Date(Date.now() + (offsetMin + min) * 60000);
	const hhmm = (d) => d.toISOString().slice(11, 16);
	const day = (d) => ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][d.getUTCDay()];
	return { open: `${day(at(-60))} ${hhmm(at(-60))}-${hhmm(at(60))}`,
		 over: `${day(at(-120))} ${hhmm(at(-120))}-${hhmm(at(-60))}` };
}

main(async () => {
	const lmsd = await new Lmsd().start();
	const tokyo = around(9 * 60), utc = around(0);
	lmsd.apply({
		site: { timezone: 'Asia/Tokyo' },
		sources: [{ id: 'GEN', kind: 'generator', states: 'grid,island' }],
		zones: [{ id: 'P1', static: 60, min_off: '1s', tariff: `${tokyo.open} 20,20,18; ${tokyo.over} 12` },
			{ id: 'P2', static: 60, min_off: '1s', source: 'GEN', source_caps: 'island=16; lost=10' }],
		stations: [['A', 'P1'], ['B', 'P2']].map(([id, zone]) => ({ id, zone, wiring: 'RST', proven: true, connectors: 1 })),
		tags: [{ uid: 'T1' }, { uid: 'T2' }],
	});
	const zone = (id) => lmsd.must('zone', 'show', id);
	const a = new Station(lmsd, 'A'), b = new Station(lmsd, 'B');
	for (const s of [a, b]) await s.up();
	await until(() => lmsd.must('zone', 'list').every((z) => z.sum_ma.every((ma) => ma === 0)), 'idle limits to be obeyed');
	await a.plug(1, 'T1');
	await b.plug(1, 'T2');

	await until(() => a.last('TxProfile') === 18 && b.last('TxProfile') === 10, '18 A and 10 A');
	equal([zone('P1').cap_why, zone('P1').cap_ma, zone('P1').tariff_ma],
	      ['tariff', [20000, 20000, 18000], [20000, 20000, 18000]], 'the window that is open in Tokyo holds');
	equal(lmsd.must('connector', 'show', 'A/1').reason_code, 'tariff', 'and the reason says so');
	equal([zone('P2').cap_why, zone('P2').source_state], ['source', 'lost'], 'a state that nobody has told is lost');
	const holds = (id) => lmsd.must('zone', 'explain', id).limits.find((l) => l.holds);
	ok(/^a window is open; looked at again at \d/.test(holds('P1').text), 'the explanation tells the window', holds('P1'));
	ok(/^source GEN is lost/.test(holds('P2').text), 'and the source', holds('P2'));

	lmsd.must('source', 'set', 'GEN', 'state=island');
	await until(() => b.last('TxProfile') === 16, '16 A');
	equal(zone('P2').cap_ma[0], 16000, 'a state selects its limit');
	lmsd.must('source', 'set', 'GEN', 'state=grid');
	await until(() => b.last('TxProfile') === 32, '32 A');
	equal(zone('P2').cap_why, 'static', 'one that the zone does not name does not limit it');
	lmsd.must('site', 'set', 'timezone=UTC');
	lmsd.must('zone', 'set', 'P1', `tariff=${utc.over} 12; ${utc.open} 24`);
	await until(() => a.last('TxProfile') === 24, '24 A');
	ok(true, 'another time zone and another tariff are in force at once');

	for (const s of [a, b]) await s.close();
	lmsd.must('source', 'set', 'GEN', 'state=island');
	await lmsd.kill('SIGKILL');
	await lmsd.start();
	equal([zone('P2').cap_ma[0], zone('P1').cap_ma[0]], [16000, 24000], 'both hold over kill -9');
	lmsd.must('source', 'set', 'GEN', 'stale_after=2s');
	await until(() => zone('P2').source_state === 'lost', 'the state to be lost');
	equal(zone('P2').cap_ma[0], 10000, 'a state that nobody tells any more is lost');
	await until(() => lmsd.must('event', 'list').some((e) => e.event === 'source_lost' && e.object === 'P2'), 'an alert');
	equal(lmsd.must('source', 'set', 'GEN', 'state=grid').state, 'grid', 'told again it is known');
	equal(lmsd.must('source', 'list').map((s) => [s.id, s.state, s.zones]), [['GEN', 'grid', 'P2']], 'the list has it');
	const doc = lmsd.must('config', 'show');
	equal(doc.sources, [{ id: 'GEN', kind: 'generator', states: 'grid,island', stale_after_ms: 2000 }], 'the document has it');

	for (const [status, words, says] of [
		[65, ['source', 'set', 'GEN', 'state=sun'], 'it has grid,island, and lost'],
		[4, ['source', 'set', 'GEM', 'state=grid'], 'GEM'],
		[5, ['source', 'delete', 'GEN', '-y'], 'is used by zone P2'],
		[65, ['zone', 'set', 'P1', 'tariff=mon 17:00-20:00 61'], 'above normal, static of zone P1 is 60 A'],
		[65, ['zone', 'set', 'P1', 'tariff=mon 17-20 16'], "at '17-20 16' (character 5)"],
		[65, ['zone', 'set', 'P2', 'source_caps=iland=16'], "'iland' is not a state of source GEN"],
	]) {
		const r = lmsd.ctl(...words);
		ok(r.status === status && r.err.includes(says), `refused: ${words.join(' ')}`, `status ${r.status}: ${r.err}`);
	}
});
