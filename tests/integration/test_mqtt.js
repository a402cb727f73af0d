#!/usr/bin/env node
// timeout: 180
// A real broker between a site and whoever pushes its PV power, its grid signal and a source: what is told is taken,
// what makes no sense or is old is not; the broker dies, is flooded, comes back with what it had kept.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');
const { Broker, OldBroker, Listener, publish } = require('./broker');

main(async () => {
	const broker = await new Broker().start();
	const say = (topic, text, ...options) => publish(broker.port, topic, text, ...options);
	say('pv/kept', '9999', '-r');
	say('utility/signal', '2', '-r');

	const lmsd = await new Lmsd().start({ 'mqtt.host': '127.0.0.1', 'mqtt.port': broker.port, 'mqtt.prefix': 'site/7' });
	const meter = (id) => lmsd.must('meter', 'show', id);
	const link = () => lmsd.must('mqtt', 'show');
	const events = (name) => lmsd.must('event', 'list').filter((e) => e.event === name);
	const zone = () => lmsd.must('zone', 'show', 'park');
	await until(() => link().state === 'connected', 'the broker to be reached');
	lmsd.apply({
		site: { grid_from: 'mqtt:utility/signal', grid_values: '0=normal,1=reduced,2=stop', grid_watchdog: '4s' },
		meters: [
			{ id: 'PV1', profile: 'pushed', address: 'mqtt:pv/power', scope: 'pv', stale_after: '2s' },
			{ id: 'ROOF', profile: 'pushed', address: 'mqtt:tele/roof#ENERGY.Power,kW', scope: 'pv', stale_after: '60s' },
			{ id: 'KEPT', profile: 'pushed', address: 'mqtt:pv/kept', scope: 'pv', stale_after: '2s' },
			{ id: 'HAND', profile: 'pushed', address: 'command', scope: 'pv', stale_after: '60s' }],
		sources: [{ id: 'GEN', kind: 'generator', states: 'grid,island', from: 'mqtt:gen/state' }],
		zones: [{ id: 'supply', kind: 'supply', static: 100 },
			{ id: 'park', parent: 'supply', kind: 'supply', static: 60, pv: 'boost', pv_meter: 'PV1', grid: true, grid_reduced: 20,
				grid_lost: 'reduced', source: 'GEN', source_caps: 'grid=60; island=16; lost=30' }],
		stations: [{ id: 'CP+1', zone: 'park', wiring: 'RST', connectors: 1 }],
	});
	await until(() => link().topics === 5, 'the topics to be listened to');
	const station = new Station(lmsd, 'CP+1');
	equal((await station.up()).status, 'Accepted', 'a station with a name that no topic may have is served');

	// ---- what the broker had kept
	await until(() => lmsd.must('grid', 'show').state === 'stop', 'the signal that was kept');
	ok(lmsd.must('grid', 'show').sure === false, 'a signal that the broker had kept counts, and is not sure');
	const why = JSON.stringify(lmsd.must('zone', 'explain', 'park'));
	ok(/the signal is stop.*of no known age, as the broker had kept it: what its loss means holds beside it/.test(why), 'nor is it said to be', why);
	await until(() => lmsd.must('grid', 'show').state === 'lost', 'the watchdog');
	ok(true, 'and keeps no watchdog from running out');
	await until(() => meter('KEPT').state === 'silent', 'the meter to be silent');
	ok(/may be old/.test(meter('KEPT').error) && !meter('KEPT').values.length, 'a value that it had kept is none', meter('KEPT'));

	// ---- what is told
	const told = setInterval(() => {
		say('pv/power', '{"power_total": 6900, "current_l1": 10, "current_l2": 10, "current_l3": 10}');
		say('utility/signal', '0');
	}, 700);
	await until(() => meter('PV1').state === 'ok' && lmsd.must('pv', 'show')[0].state === 'ok', 'PV power by topic');
	equal([meter('PV1').power_w, meter('PV1').current_ma], [6900, [10000, 10000, 10000]], 'values by name are those of the meter');
	say('tele/roof', '{"Time":"x","ENERGY":{"Power":4.2}}');
	await until(() => meter('ROOF').power_w === 4200, 'a number at a path, in its unit');
	ok(true, 'a number at a path in its unit is the power');
	await until(() => lmsd.must('grid', 'show').state === 'normal', 'the signal to be normal');
	equal([lmsd.must('grid', 'show').by, lmsd.must('grid', 'show').sure], ['mqtt:utility/signal', true], 'the signal says who told it');
	equal([zone().cap_ma[0], zone().cap_why], [30000, 'source'], 'a source that nobody told is lost');
	say('gen/state', '"ISLAND"\n');
	await until(() => zone().cap_ma[0] === 16000, 'the source to be told');
	equal(lmsd.must('source', 'show', 'GEN').by, 'mqtt:gen/state', 'a state by its name, in any case, in quotes or not');
	say('gen/state', 'grid');
	await until(() => zone().cap_ma[0] === 60000, 'the source to be told again');
	equal(lmsd.ctl('meter', 'push', 'PV1', 'power_total=1').status, 5, 'nobody tells by command what comes by topic');
	lmsd.must('pv', 'set', 'HAND', 'power=3kW');
	equal(meter('HAND').power_w, 3000, 'pv set tells a meter that waits for commands');

	// ---- what makes no sense
	for (const bad of ['NaN', '', 'on', '-4200', '{"power_total":1', '{"ENERGY":{}}', 'x'.repeat(100000)]) say('tele/roof', bad);
	await until(() => events('push_refused').length, 'the refusal');
	say('gen/state', 'island\0x');
	say('gen/state', 'earthquake');
	say('gen/state', 'x'.repeat(5000));
	await until(() => events('way_strange').length, 'the strange state');
	equal([meter('ROOF').power_w, zone().cap_ma[0]], [4200, 60000], 'garbage changes nothing');
	equal([events('push_refused').length, events('way_strange').length], [1, 1], 'and is an event once');
	say('tele/roof', '{"ENERGY":{"Power":4.3}}');
	await until(() => meter('ROOF').power_w === 4300, 'a good value again');

	// ---- what is published
	const listener = new Listener(broker.port, 'site/7/#');
	await until(() => listener.last('site/7/online'), 'somebody who comes later');
	equal([listener.last('site/7/online').text, listener.last('site/7/online').retained], ['true', true], 'lmsd is online, says the broker');
	await until(() => listener.last('site/7/meter/PV1'), 'a meter');
	const m = listener.json('site/7/meter/PV1');
	equal([m.state, m.values.power_total.value, m.values.power_total.unit, m.values.power_total.quality, listener.last('site/7/meter/PV1').retained],
	      ['ok', 6900, 'W', 'good', false], 'a meter is published with unit and quality, and is not kept');
	ok(Math.abs(Date.parse(m.values.power_total.time) - Date.now()) < 10000, 'and with its time', m);
	await until(() => listener.last('site/7/grid'), 'the signal');
	equal([listener.json('site/7/grid').state, listener.last('site/7/grid').retained], ['normal', true], 'a state is kept');
	say('gen/state', 'island');
	await until(() => (listener.json('site/7/zone/park') || { values: { cap: { value: [] } } }).values.cap.value[0] === 16, 'the zone');
	equal(listener.json('site/7/zone/park').cap_why, 'source', 'a zone is published when it changes');
	lmsd.must('zone', 'set', 'park', 'title=Park');
	await until(() => listener.last('site/7/connector/CP%2B1/1'), 'the connector');
	equal(listener.json('site/7/connector/CP%2B1/1').status, 'Available', 'a name that no topic may have is written otherwise');
	const count = () => listener.heard.filter((h) => h.topic === 'site/7/meter/PV1').length;
	const from = count(), begun = Date.now();
	await until(() => count() >= from + 3, 'three more values');
	ok(Date.now() - begun > 1900, 'no object is published more often than once a second', Date.now() - begun);

	// ---- a topic is flooded
	const flood = require('child_process').spawn('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(broker.port), '-t', 'tele/roof', '-l'],
		{ stdio: ['pipe', 'ignore', 'ignore'] });
	flood.stdin.on('error', () => {});
	flood.stdin.write('{"ENERGY":{"Power":1}}\n'.repeat(100000));
	flood.stdin.end();
	await until(() => events('mqtt_topic_refused').length, 'the flood to be noticed');
	ok(/tele\/roof it floods/.test(events('mqtt_topic_refused')[0].text), 'a topic that floods is said to, and left alone', events('mqtt_topic_refused'));
	await until(() => link().state === 'connected' && meter('PV1').state === 'ok', 'the others');
	ok(meter('PV1').age_ms < 2000, 'and the others are as fresh as before', meter('PV1').age_ms);
	ok(lmsd.must('status').longest_turn_us < 500000, 'and the loop has not waited', lmsd.must('status').longest_turn_us);

	// ---- the broker dies
	clearInterval(told);
	const before = events('mqtt_lost').length;
	await broker.kill();
	await until(() => link().state === 'lost', 'the loss to be noticed');
	equal(events('mqtt_lost').length, before + 1, 'an event says once that the broker is gone');
	ok(/MQTT broker 127.0.0.1:\d+ is not there/.test(lmsd.must('status').missing), 'and status', lmsd.must('status').missing);
	await until(() => meter('PV1').state === 'silent' && lmsd.must('pv', 'show')[0].state === 'lost', 'the sun to be lost');
	ok(true, 'a value that nobody tells again is stale, and the zone is as without the sun');
	await until(() => lmsd.must('grid', 'show').state === 'lost', 'the signal to be lost');
	ok(events('way_silent').length > 0 && zone().cap_ma[0] <= 20000, 'so is the signal, and what lost means holds', zone());
	const t = Date.now();
	for (let i = 0; i < 10; i++) lmsd.must('zone', 'list');
	ok(Date.now() - t < 5000, 'lmsd works on');

	// ---- and comes back
	await broker.start();
	say('utility/signal', '0', '-r');
	say('pv/power', '7000', '-r');
	await until(() => link().state === 'connected', 'the broker to be reached again', 60000);
	await until(() => events('mqtt_connected').length > 2, 'the event');
	const again = new Listener(broker.port, 'site/7/#');
	await until(() => again.last('site/7/online'), 'a new listener');
	lmsd.must('zone', 'set', 'park', 'title=Parking');	// all is told anew then
	await until(() => again.last('site/7/meter/PV1'), 'the meters anew');
	equal([again.json('site/7/meter/PV1').state, again.json('site/7/meter/PV1').values.power_total.value], ['silent', null],
	      'a lost meter is published as lost, without its last value');
	equal([lmsd.must('grid', 'show').state, meter('PV1').state], ['lost', 'silent'], 'what the broker keeps brings nothing back');
	say('utility/signal', '0');
	say('pv/power', '7000');
	await until(() => lmsd.must('grid', 'show').state === 'normal' && meter('PV1').power_w === 7000, 'both told anew');
	ok(true, 'who says it anew is believed');

	// ---- lmsd goes
	await lmsd.kill('SIGTERM');
	await until(() => again.last('site/7/online').text === 'false', 'the word of who goes');
	ok(true, 'lmsd says that it goes');
	await station.close();
	await lmsd.start({ 'mqtt.host': '127.0.0.1', 'mqtt.port': broker.port, 'mqtt.prefix': 'site/7', 'mqtt.qos': 1 });
	await until(() => again.last('site/7/online').text === 'true', 'lmsd to be back');
	await lmsd.kill('SIGKILL');
	await until(() => again.last('site/7/online').text === 'false', 'the last will');
	ok(true, 'and the broker, where it could not');

	// ---- a broker that knows 3.1.1 only, and one that does not read
	const old = await new OldBroker().start();
	await lmsd.start({ 'mqtt.host': 'localhost', 'mqtt.port': old.port, 'mqtt.qos': 1 });
	await until(() => link().state === 'connected', 'the old broker to be reached');
	equal(old.levels.slice(0, 2), [5, 4], 'a broker that knows 3.1.1 only is spoken to in that');
	await until(() => old.topics.length === 5, 'its topics');
	old.say('pv/power', '123');
	await until(() => meter('PV1').power_w === 123, 'its values');
	old.say('pv/power', '1'.repeat(3000000));
	await until(() => events('push_refused').some((e) => e.object === 'PV1'), 'the refusal of three megabytes');
	ok(/larger than 4096 bytes/.test(events('push_refused').find((e) => e.object === 'PV1').text), 'what is too large is refused');
	old.socket.pause();	// it acknowledges nothing: what is on its way is bounded, and of the rest the newest waits
	for (let i = 0; link().replaced < 20; i++) {
		lmsd.must('zone', 'set', 'park', `title=${i}`);	// all is told anew then
		if (i > 60) break;
	}
	const stuck = link();
	ok(stuck.state === 'connected' && stuck.published < 100 && stuck.replaced >= 20,
	   'while it does not answer, a few messages wait and newer ones replace them', stuck);
	const left = Date.now();
	await lmsd.kill('SIGTERM');
	ok(Date.now() - left < 5000, 'nor does it keep lmsd from going', Date.now() - left);
});
