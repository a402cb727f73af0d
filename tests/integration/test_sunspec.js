#!/usr/bin/env node
// timeout: 120
// SunSpec devices behind pymodbus: an inverter gives the sun to a zone, a storage its state of charge; their models
// are found wherever they are, found again when they have moved, and their loss is the sun's.
'use strict';
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, ROOT } = require('./lib');

const image = (name) => path.join(ROOT, 'tests/data/meters', `${name}.tsv`);

main(async () => {
	const devices = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/images.py'),
		image('sunspec-inverter-103'), image('sunspec-storage-802'), image('sunspec-meter-203'), image('eastron-sdm630')]);
	const say = (m) => devices.stdin.write(JSON.stringify(m) + '\n');
	const at = (n) => `${n}@127.0.0.1:${devices.ready.ports}`;
	const lmsd = await new Lmsd().start();

	const refused = lmsd.ctl('meter', 'add', 'X', 'profile=SunSpec-inverter', `address=${at(1)}`, 'scope=grid');
	ok(refused.status === 65 && /scope: SunSpec-inverter need not tell its currents.*scope=pv/.test(refused.err),
		'an inverter cannot be the meter of a limit', refused.err);
	lmsd.apply({
		meters: [{ id: 'G', profile: 'SunSpec-meter', address: at(3), scope: 'grid', poll: '200ms' },
			{ id: 'SUN', profile: 'SunSpec-inverter', address: at(1), scope: 'pv', poll: '200ms' },
			{ id: 'BAT', profile: 'SunSpec-storage', address: at(2), scope: 'storage', poll: '200ms' }],
		// What shares the sun waits a minute before it gives up (test_pv.js); a limit that the sun raises does not.
		zones: [{ id: 'park', static: 63, meter: 'G', pv: 'surplus', pv_meter: 'SUN' },
			{ id: 'roof', kind: 'supply', static: 20, pv: 'boost', pv_meter: 'SUN' }],
	});
	const show = (id) => lmsd.must('meter', 'show', id);
	const value = (id, name) => (show(id).values.find((v) => v.name === name) || {}).value;
	await until(() => ['G', 'SUN', 'BAT'].every((id) => show(id).state === 'ok') && value('SUN', 'power_rating') === 12000 &&
		value('SUN', 'power_limit') !== undefined,
		'all three to be read', 20000);
	equal([show('SUN').power_w, value('SUN', 'state'), value('SUN', 'power_limit')], [4800, 5, 85.5], 'the inverter tells what it produces');
	equal([show('BAT').soc_permille, show('BAT').power_w], [634, 4800], 'the storage how full it is');
	ok(/SOC/.test(lmsd.ctl('-o', 'table', 'meter', 'list').out), 'also in the list');
	await until(() => lmsd.must('pv', 'show')[0].production_w === 4800, 'the zone to follow the sun', 20000);
	const roof = () => lmsd.must('pv', 'show', 'roof')[0];
	await until(() => roof().state === 'ok', 'the limit to be raised', 20000);
	const check = lmsd.must('pv', 'check');
	ok(check.every((i) => i.verdict === 'ok') && check.some((i) => i.check === 'sign'), 'pv check finds all that is needed', check);

	const looked = lmsd.ctl('meter', 'check', 'SUN').json;
	ok(looked.verdict === 'good' && looked.registers.find((r) => r.name === 'power_total').address === 2 + 68 + 14,
		'meter check reads the registers where the device has them', looked.text);
	const none = lmsd.ctl('meter', 'check', 'profile=SunSpec-inverter', `address=${at(4)}`, 'scope=pv').json;
	ok(none.verdict === 'findings' && /no SunSpec map at 40000/.test(none.text), 'and says where there is no map', none.text);
	const other = lmsd.ctl('meter', 'check', 'profile=SunSpec-storage', `address=${at(1)}`, 'scope=storage').json;
	ok(/a SunSpec map at 0 with models 1 103 120 123 203/.test(other.text), 'or what models there are instead', other.text);

	// Another firmware: the map begins elsewhere. Not one value of the wrong place is believed.
	say({ slave: 1, base: 50000 });
	const strange = [];
	await until(() => {
		const w = show('SUN').power_w;

		if (w !== 4800 && w !== null && w !== undefined) strange.push(w);
		say({ slave: 1, set: { 50084: 3000 } });
		return w === 3000;
	}, 'the models to be found where they are now', 20000);
	equal(strange.filter((w) => w !== 3000), [], 'and no value was wrong meanwhile');
	say({ slave: 1, file: image('sunspec-inverter-113') });
	await until(() => show('SUN').power_w === 4800 && show('SUN').state === 'ok', 'another device in its place to be found', 20000);
	ok(true, 'a device with other models in its place is found, too');

	// And one whose registers are all there, but are those of another model: the number in front of them tells.
	const odd = [];
	say({ slave: 1, file: image('sunspec-inverter-101') });
	await until(() => {
		const sun = show('SUN');

		if (sun.power_w && sun.power_w !== 4800) odd.push(sun.power_w);
		return sun.state === 'ok' && sun.values.some((v) => v.name === 'current_l2' && v.quality === 'invalid');
	}, 'the inverter of one phase to be found', 20000);
	equal([odd, show('SUN').power_w], [[], 4800], 'another model in the same registers is noticed before a value is believed');

	// One that goes on and on: it is given up, and its neighbours on the bus are read as before.
	say({ slave: 4, set: { 40000: 0x5375, 40001: 0x6E53 }, any: 1 });
	lmsd.must('meter', 'add', 'EVIL', 'profile=SunSpec-inverter', `address=${at(4)}`, 'scope=pv', 'poll=200ms');
	await until(() => /a SunSpec map at 40000 with models 1 1 1 .*none of them in the profile/.test(show('EVIL').error || ''),
		'an endless chain to be given up', 20000);
	const ages = [];
	await until(() => ages.push(show('G').age_ms) === 10, 'ten looks at its neighbour', 20000);
	ok(ages.every((a) => a < 1000), 'an endless chain of models ends, and takes nothing from the neighbours', ages);
	lmsd.must('meter', 'delete', 'EVIL', '-y');

	say({ slave: 1, mute: true });
	await until(() => show('SUN').state === 'silent', 'the silence to be seen', 30000);
	await until(() => roof().state === 'lost', 'the loss of the sun', 30000);
	ok(lmsd.ctl('pv', 'check').json.some((i) => i.check === 'state' && i.verdict !== 'ok'), 'a lost inverter is a lost sun, and pv check says so');
	say({ slave: 1, mute: false });
	await until(() => show('SUN').state === 'ok' && roof().state === 'ok', 'the sun to be back', 60000);
	ok(true, 'and back when it answers again');
});
