#!/usr/bin/env node
// timeout: 240
// A site of ten thousand stations is applied as one document, listed whole, and changed.
'use strict';
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { ok, equal, main, Lmsd, BIN } = require('./lib');

const ZONES = 2500, PER_ZONE = 4;

function lmsctl(lmsd, ...args) {
	return spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, ...args], { encoding: 'utf8', maxBuffer: 64 << 20 });
}

main(async () => {
	const lmsd = await new Lmsd().start();
	const site = { zones: [{ id: 'main', fuse: 4000 }], stations: [] };
	for (let z = 0; z < ZONES; z++) {
		site.zones.push({ id: `Z${z}`, parent: 'main', static: 32 });
		for (let s = 0; s < PER_ZONE; s++)
			site.stations.push({ id: `S${z}-${s}`, zone: `Z${z}`, wiring: 'RST', connectors: 1, proven: true, title: `Station ${s} of car park ${z}` });
	}
	const file = path.join(path.dirname(lmsd.dir), 'large.json');
	fs.writeFileSync(file, JSON.stringify(site));
	ok(fs.statSync(file).size > 1 << 20, 'the document is larger than an ordinary request may be');
	const applied = lmsctl(lmsd, 'apply', '-f', file, '-y', '-q');
	equal([applied.status, applied.stderr], [0, ''], 'an administrator applies it');
	const list = lmsctl(lmsd, 'connector', 'list', '-o', 'json');
	equal(JSON.parse(list.stdout).length, ZONES * PER_ZONE, 'all connectors are listed, over many pages');
	const again = lmsctl(lmsd, 'diff', '-f', file);
	equal([again.status, again.stdout], [0, 'no difference\n'], 'and nothing is left to change');

	fs.writeFileSync(file, JSON.stringify({ ...site, site: { title: 'x'.repeat(17 << 20) } }));
	const huge = lmsctl(lmsd, 'apply', '-f', file, '-y');
	equal(huge.status, 65, 'what is larger than 16 MiB is refused');
	ok(/large\.json.*16777216/.test(huge.stderr), `by name and size: ${huge.stderr.trim()}`);
});
