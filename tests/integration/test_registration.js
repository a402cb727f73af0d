#!/usr/bin/env node
// A new station: what it tells is proposed, an administrator accepts it, its configuration is set, it restarts.
'use strict';
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

const CONFIG = {
	NumberOfConnectors: '2', ConnectorPhaseRotation: '0.RST,1.RST,2.STR', SupportedFeatureProfiles: 'Core,SmartCharging',
	ChargingScheduleAllowedChargingRateUnit: 'Current', MeterValueSampleInterval: '60', MeterValuesSampledData: 'Voltage',
	AuthorizationCacheEnabled: 'true', StopTransactionOnInvalidId: 'true', HagerOcppFreeAccessEnabled: 'true',
};

class Hager extends Station {
	boot() {
		return this.call('BootNotification', { chargePointVendor: 'Hager', chargePointModel: 'witty park' });
	}
}

main(async () => {
	const lmsd = await new Lmsd().start({ 'stations.directory': require('path').join(require('./lib').ROOT, 'etc/stations') });
	lmsd.apply({ zones: [{ id: 'P1', static: 125 }], stations: [{ id: 'AHEAD', zone: 'P1', connectors: 1 }] });
	const stubborn = new Set();
	const station = new Hager(lmsd, 'NEW', { connectors: 2, config: CONFIG, handlers: {
		ChangeConfiguration: (p) => {
			if (stubborn.has(p.key)) return { status: 'Rejected' };
			station.config[p.key] = p.value;
			return { status: p.key === 'HagerOcppFreeAccessEnabled' ? 'RebootRequired' : 'Accepted' };
		},
	} });
	const show = () => lmsd.must('station', 'show', 'NEW');
	const calls = (method) => station.received.filter((r) => r.method === method);

	equal((await station.up(2)).status, 'Pending', 'a station that nobody knows waits');
	await until(() => show().phase_rotation, 'what it tells of itself');
	const pending = show();
	equal([pending.phase_rotation, pending.profiles, pending.proposal],
		['0.RST,1.RST,2.STR', 'Core,SmartCharging', 'connectors=2'], 'it is shown with what it tells and what that proposes');
	ok(/FreeAccess/.test(pending.advice), 'and with what is known of its vendor', pending);
	equal(calls('ChangeConfiguration').length, 0, 'nothing is changed in it');
	equal(lmsd.ctl('station', 'accept', 'NEW', 'zone=P1', 'wiring=RST', 'rotation=yes').status, 64,
		'a wiring that is given twice is refused');

	const dry = lmsd.ctl('station', 'accept', 'NEW', 'zone=P1', 'rotation=yes', '-n');
	equal([dry.status, show().state], [0, 'pending'], 'a dry run changes nothing');
	const accepted = lmsd.must('station', 'accept', 'NEW', 'zone=P1', 'rotation=yes', 'restart=yes');
	equal([accepted.connectors, accepted.wiring, accepted.proposal], [2, 'RST', undefined], 'it is accepted with two connectors');
	equal(['NEW/1', 'NEW/2'].map((id) => lmsd.must('connector', 'show', id).wiring), [undefined, 'STR'],
		'the connector whose phases are turned has its own wiring');
	await until(() => calls('Reset').length, 'its restart');
	equal(calls('Reset').map((r) => r.params), [{ type: 'Soft' }], 'which is one, and soft');
	equal(['AuthorizationCacheEnabled', 'StopTransactionOnInvalidId', 'HagerOcppFreeAccessEnabled', 'MeterValueSampleInterval']
		.map((k) => station.config[k]), ['false', 'true', 'false', '10'], 'its configuration is as it shall be before that');
	equal(calls('ChangeConfiguration').filter((r) => r.params.key === 'StopTransactionOnInvalidId').length, 0,
		'what was so is not set again');
	equal(show().restart_due, true, 'it is told that a setting waits for the restart');
	equal((await station.boot()).status, 'Accepted', 'after that it is known');
	equal(show().restart_due, undefined, 'and nothing waits any more');

	station.config.AuthorizationCacheEnabled = 'true';
	station.config.HagerOcppFreeAccessEnabled = 'true';
	await until(async () => (await lmsd.ctlAsync('station', 'config', 'diff', 'NEW')).status === 0, 'the set-up after the boot');
	station.config.AuthorizationCacheEnabled = 'true';
	station.config.HagerOcppFreeAccessEnabled = 'true';
	const states = (r) => Object.fromEntries((r.json || []).map((row) => [row.key, row.state]));
	const diff = states(await lmsd.ctlAsync('station', 'config', 'diff', 'NEW'));
	equal([diff.AuthorizationCacheEnabled, diff.HagerOcppFreeAccessEnabled, diff.LocalPreAuthorize, diff.MeterValueSampleInterval],
		['differs', 'differs', 'unknown', 'same'], 'config diff shows what somebody changed');
	equal(station.config.AuthorizationCacheEnabled, 'true', 'and changes nothing');
	stubborn.add('AuthorizationCacheEnabled');
	const refused = await lmsd.ctlAsync('station', 'config', 'restore', 'NEW');
	equal([refused.status, states(refused).AuthorizationCacheEnabled, states(refused).HagerOcppFreeAccessEnabled],
		[6, 'refused', 'set, after a restart'], 'config restore sets it, and says what is refused (6)');
	stubborn.clear();
	const restored = await lmsd.ctlAsync('station', 'config', 'restore', 'NEW');
	equal([restored.status, station.config.AuthorizationCacheEnabled], [0, 'false'], 'asked again, it tries again');

	const set = await lmsd.ctlAsync('station', 'set', 'NEW', 'max=16', 'restart=yes');
	equal(set.status, 0, 'a change may end with a restart');
	await until(() => calls('Reset').length === 2, 'the second restart');
	equal((await lmsd.ctlAsync('station', 'set', 'AHEAD', 'max=16', 'restart=yes')).status, 75,
		'a station that is not there cannot be restarted (75)');
	equal(lmsd.must('station', 'show', 'AHEAD').max_ma, undefined, 'and nothing is changed then');
	equal((await lmsd.ctlAsync('station', 'config', 'diff', 'AHEAD')).status, 75, 'nor looked at (75)');

	equal((await new Hager(lmsd, 'AHEAD').up()).status, 'Accepted', 'a station that was added before it existed is accepted at once');
	equal(station.badSchema, [], 'no schema error in either direction');
});
