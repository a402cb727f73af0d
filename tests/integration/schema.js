// The schemas that ocpp-rpc checks messages by: which messages there are, examples of each, and what of one was used.
'use strict';
const SCHEMAS = new Map(require('ocpp-rpc/lib/schemas/ocpp1_6.json').map((s) => [s.$id.replace(/^urn:/, ''), s]));

// Authorize, BootNotification …: what has a request and an answer.
function actions() {
	const names = [...SCHEMAS.keys()];
	const of = (kind) => names.filter((n) => n.endsWith(kind)).map((n) => n.slice(0, -kind.length)).sort();
	if (JSON.stringify(of('.req')) !== JSON.stringify(of('.conf'))) throw new Error('a request without an answer');
	return of('.req');
}

function resolve(schema, root) {
	return schema.$ref ? schema.$ref.replace(/^#\//, '').split('/').reduce((s, k) => s[k], root) : schema;
}

// Calls fn(schema, path) for all below, itself included; items of a list have the path of the list.
function walk(schema, root, fn, path = '') {
	const s = resolve(schema, root);
	fn(s, path);
	for (const [k, v] of Object.entries(s.properties || {})) walk(v, root, fn, path ? `${path}.${k}` : k);
	if (s.items) walk(s.items, root, fn, path);
}

// All that can be used of a message: "chargingProfile.validTo", "chargingProfile.recurrencyKind=Daily".
function parts(name) {
	const found = new Set();
	walk(SCHEMAS.get(name), SCHEMAS.get(name), (s, path) => {
		if (path) found.add(path);
		for (const word of s.enum || []) found.add(`${path}=${word}`);
	});
	return found;
}

// What of it a payload uses.
function used(name, payload) {
	const all = parts(name), found = new Set();
	const visit = (value, path) => {
		if (all.has(path)) found.add(path);
		if (all.has(`${path}=${value}`)) found.add(`${path}=${value}`);
		if (Array.isArray(value)) value.forEach((v) => visit(v, path));
		else if (value && typeof value === 'object') for (const [k, v] of Object.entries(value)) visit(v, path ? `${path}.${k}` : k);
	};
	visit(payload, '');
	return found;
}

function text(s, full) {
	if (s.format === 'date-time') return new Date().toISOString();
	if (s.format === 'uri') return 'http://192.0.2.1/x';
	return 'x'.repeat(full && s.maxLength ? s.maxLength : 1);
}

function build(schema, root, { full, chosen, facts }, path = '') {
	const s = resolve(schema, root), name = path.split('.').pop();
	if (name in facts) return facts[name];
	if (s.enum) return chosen[path] || s.enum[0];
	switch (s.type) {
	case 'object': return Object.fromEntries(Object.entries(s.properties || {})
		.filter(([k]) => full || (s.required || []).includes(k))
		.map(([k, v]) => [k, build(v, root, { full, chosen, facts }, path ? `${path}.${k}` : k)]));
	case 'array': return [build(s.items, root, { full, chosen, facts }, path)];
	case 'integer': return 1;
	case 'number': return 1.5;
	case 'boolean': return true;
	default: return text(s, full);
	}
}

// The least that is allowed, all of it at full length, and all of it with each word of each enumeration in turn.
// `facts` are values of members that have to mean something.
function examples(name, facts = {}) {
	const root = SCHEMAS.get(name), out = [];
	const add = (full, chosen = {}) => out.push(build(root, root, { full, chosen, facts }));
	add(false);
	add(true);
	walk(root, root, (s, path) => (s.enum || []).forEach((word) => add(true, { [path]: word })));
	return out;
}

module.exports = { actions, parts, used, examples };
