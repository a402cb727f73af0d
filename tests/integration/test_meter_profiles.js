#!/usr/bin/env node
// timeout: 60
// Profiles of meters as an installer meets them: listed with how well each is known, added and replaced in a
// directory of his own, read again while meters are read.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, ROOT, TMP } = require('./lib');

const profile = (model, unit) => `model = "${model}";
max_regs = 80;
even_only = true;
function = 4;
variables = ( { name = "current_l1"; addr = 6; type = "f32"; unit = "${unit}"; },
	{ name = "power_l1"; addr = 12; type = "f32"; unit = "W"; } );
`;

main(async () => {
	const site = path.join(TMP, 'meters');
	fs.mkdirSync(site);
	const write = (name, text) => fs.writeFileSync(path.join(site, name), text);
	write('mine.conf', profile('SDM630', 'A'));
	write('bad.conf', 'model = "Z";\nmax_reg = 3;\n');
	const meter = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--profile', 'SDM630', '--fixed', '10,11,12']);
	const lmsd = await new Lmsd().start({ 'meters.site_directory': site });
	const profiles = (...args) => lmsd.must('meter', 'profiles', ...args);

	const all = profiles();
	const find = (model) => all.find((p) => p.model === model);
	ok(all.length >= 28, `all shipped profiles are listed (${all.length})`);
	equal(find('PAC3200').verified, 'partly', 'one whose reactive powers only one source knows is partly verified');
	ok(/reactive_l1 reactive_l2/.test(find('PAC3200').unverified), 'and says which', find('PAC3200'));
	equal(find('7M.38').verified, 'no', 'one that only one source knows is not');
	equal(find('7M.38').serial, '19200,8N2', 'the serial line as it leaves the factory');
	equal(find('SDM72D-M').steers, false, 'one without currents per phase cannot keep a zone');
	equal([find('SDM630').variables, find('SDM630').file, find('SDM630').replaces],
		[2, path.join(site, 'mine.conf'), path.join(ROOT, 'etc/meters/eastron-sdm630.conf')], 'the installer\'s file stands in for the shipped one, and says so');
	equal(profiles('b24').map((p) => p.model), ['B23'], 'one is found by its alias, too');
	const unknown = lmsd.ctl('meter', 'profiles', 'SDM63O');
	ok(unknown.status !== 0 && /did you mean 'SDM630'/.test(unknown.err), 'a misspelt one is refused with the nearest', unknown.err);
	ok(/^model,/m.test(lmsd.ctl('-o', 'csv', 'meter', 'profiles').out), 'they are records: CSV has a heading');
	ok(/MODEL +ALIASES/.test(lmsd.ctl('-o', 'table', 'meter', 'profiles').out), 'and a table');

	lmsd.apply({ meters: [{ id: 'M', profile: 'SDM630', address: `1@127.0.0.1:${meter.ready.port}` },
		{ id: 'N', profile: 'PAC2200', address: `2@127.0.0.1:${meter.ready.port}` }] });
	const show = () => lmsd.must('meter', 'show', 'M');
	const amperes = () => (show().values.find((v) => v.name === 'current_l1') || {}).value;
	await until(() => Math.abs(amperes() - 10) < 0.01, 'the meter to be read');
	equal(show().values.length, 2, 'by the installer\'s profile');

	const reload = () => lmsd.must('config', 'reload').notes;
	const bad = `skipped: ${path.join(site, 'bad.conf')}:2: max_reg: is not a key of a meter profile (did you mean 'max_regs'?)`;
	equal(reload(), [bad], 'nothing has changed, and a bad file is said with its line');
	fs.unlinkSync(path.join(site, 'bad.conf'));
	write('mine.conf', profile('SDM630', 'mA'));
	write('new.conf', profile('X1', 'A'));
	const notes = reload();
	ok(notes.length === 2 && /^SDM630: changed /.test(notes[0]) && /^X1: new /.test(notes[1]), 'what changed is told', notes);
	await until(() => amperes() < 0.02, 'the meter to be read in the other unit');
	write('mine.conf', profile('SDM630', 'mA').replace('addr = 12', 'addr = 7'));
	const slip = reload();
	ok(slip.length === 2 && /mine\.conf:.* power_l1: addr: /.test(slip[0]) && /^SDM630: kept as it was/.test(slip[1]),
		'a file that has become bad is told, and what it said before holds', slip);
	equal([show().values.length, show().state], [2, 'ok'], 'its meter is read as before');
	fs.unlinkSync(path.join(site, 'mine.conf'));
	fs.unlinkSync(path.join(site, 'new.conf'));
	const gone = reload();
	ok(gone.some((n) => /^SDM630: changed .*eastron-sdm630/.test(n)) && gone.some((n) => /^X1: gone/.test(n)), 'without his file the shipped one is back', gone);
	await until(() => show().values.length > 5, 'the meter to be read by the shipped profile');
	const other = lmsd.ctl('meter', 'set', 'M', 'profile=X1');
	ok(other.status !== 0 && /no device model 'X1'/.test(other.err), 'what is gone cannot be chosen', other.err);
});
