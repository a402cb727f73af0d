#!/usr/bin/env node
// timeout: 120
// Every shipped profile at once: devices with the registers of their makers' tables (tests/data/meters) behind
// pymodbus, each a meter of one lmsd; meter show tells what the tables mean, and nothing where they have no value.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, ROOT } = require('./lib');

const DIR = path.join(ROOT, 'tests/data/meters');
const PORTS = 12;
const STATES = ['state', 'charge_state', 'power_limit_on'];
const decimals = (v) => (v.unit === '%' ? 1 : ['A', 'V', 'Hz'].includes(v.unit) || v.name.startsWith('pf_') ? 3 : 0);

function read(file) {
	const lines = fs.readFileSync(path.join(DIR, file), 'utf8').split('\n').filter((l) => l && l[0] !== '#');
	const rows = lines.map((l) => l.split('\t'));
	return {
		file, model: rows.find((r) => r[0] === 'model')[1],
		// by variable; later rows stand for earlier ones
		expected: (image) => new Map(rows.filter((r) => Number(r[0]) <= image && r[1] !== '-')
			.map((r) => [r[1], { value: r[5] === '-' ? null : Number(r[5]), quality: r[6] }])),
	};
}

// A meter that contradicts itself is not believed in anything that is drawn.
const quality = (e, name, meter) => (meter.state === 'implausible' && e.quality === 'good' && /^(current|power)_(l[123]|total)$/.test(name)
	? 'suspect' : e.quality);

// '' or the first difference
function difference(meter, expected) {
	const shown = meter.values;
	if (!shown) return 'not shown';
	for (const v of shown) {
		const e = expected.get(v.name);
		const value = v.value === null ? null : Math.round(v.value * 10 ** decimals(v));
		if (!e) return `${v.name} is shown, and is in no table`;
		if (v.quality !== quality(e, v.name, meter)) return `${v.name} is ${v.quality}, not ${quality(e, v.name, meter)}`;
		if (v.quality === 'good' && value !== e.value) return `${v.name} is ${value}, not ${e.value}`;
		if (v.quality !== 'good' && value !== null) return `${v.name} is ${v.quality} and yet ${value}`;
		if (STATES.includes(v.name) && v.quality === 'good' && v.name !== 'power_limit_on' && !v.word) return `${v.name} has no word`;
	}
	const names = new Set(shown.map((v) => v.name));
	const missing = [...expected.keys()].filter((n) => !names.has(n));
	return missing.length ? `${missing} is missing` : '';
}

main(async () => {
	const images = fs.readdirSync(DIR).filter((f) => f.endsWith('.tsv')).sort().map(read);
	const devices = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/images.py'), '--ports', String(PORTS),
		...images.map((i) => path.join(DIR, i.file))]);
	const ports = devices.ready.ports.split(',');
	const lmsd = await new Lmsd().start();
	lmsd.apply({ meters: images.map((m, i) => ({ id: `m${i + 1}`, profile: m.model, address: `${i + 1}@127.0.0.1:${ports[i % PORTS]}`,
		poll: '100ms', stale_after: '60s',
		scope: /inverter|storage/.test(m.file) ? 'pv' : 'grid' })) });
	const models = new Set(images.map((i) => i.model.toLowerCase()));
	const profiles = lmsd.must('meter', 'profiles').filter((p) => p.model !== 'pushed');
	equal(profiles.filter((p) => ![p.model, ...(p.aliases || '').split(', ')].some((n) => models.has(n.toLowerCase()))).map((p) => p.model),
		[], `each of ${profiles.length} profiles has a device`);

	const compare = (image) => {
		return images.map((m, i) => [m.file, difference(lmsd.must('meter', 'show', `m${i + 1}`), m.expected(image))])
			.filter((d) => d[1]);
	};
	let left = [];
	await until(() => (left = compare(1)).length === 0, 'all meters to be read', 30000).catch(() => {});
	equal(left, [], `${images.length} devices show all their values as their makers' tables mean them`);
	devices.stdin.write('{"image": 2}\n');
	// An energy that has jumped is doubted before it is believed, and a current needs its power: here it is the rest.
	const doubted = (d) => !/^energy_\w+ is (suspect|good)/.test(d[1]);
	await until(() => (left = compare(2).filter(doubted)).length === 0, 'values to be gone', 30000).catch(() => {});
	equal(left, [], 'where a device has no value, none is shown');
});
