// A CA of a site for tests: certificates for stations, good and bad, and its revocation list; by openssl(1).
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');

function openssl(...args) {
	return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' });
}

class Ca {
	constructor(dir, name = 'Site CA') {
		this.dir = dir;
		this.cert = path.join(dir, 'ca.crt');
		this.key = path.join(dir, 'ca.key');
		this.crl = path.join(dir, 'ca.crl');
		fs.mkdirSync(dir, { recursive: true });
		fs.writeFileSync(path.join(dir, 'index.txt'), '');
		fs.writeFileSync(path.join(dir, 'serial'), '1000\n');
		fs.writeFileSync(path.join(dir, 'ca.conf'), `
[ca]
default_ca = site
[site]
database = ${dir}/index.txt
serial = ${dir}/serial
new_certs_dir = ${dir}
default_md = sha256
default_crl_days = 30
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = optional
organizationName = optional
`);
		openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', `/CN=${name}`,
			'-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-keyout', this.key, '-out', this.cert);
	}

	ca(...args) {
		return openssl('ca', '-batch', '-config', path.join(this.dir, 'ca.conf'), '-cert', this.cert, '-keyfile', this.key, ...args);
	}

	// Writes NAME.key and NAME.csr.
	request(name, cn = name, san = undefined) {
		openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/O=Site/CN=${cn}`,
			...(san ? ['-addext', `subjectAltName=${san}`] : []), '-keyout', `${this.dir}/${name}.key`, '-out', `${this.dir}/${name}.csr`);
	}

	// {cert, key}: PEM texts, and the files {certFile, keyFile}. from and to as openssl writes times: 20260101000000Z.
	issue(name, { cn = name, san, from = '20200101000000Z', to = '20700101000000Z' } = {}) {
		const file = (end) => path.join(this.dir, `${name}.${end}`);
		this.request(name, cn, san);
		this.ca('-in', file('csr'), '-out', file('crt'), '-notext', '-startdate', from, '-enddate', to);
		return { certFile: file('crt'), keyFile: file('key'), cert: fs.readFileSync(file('crt')), key: fs.readFileSync(file('key')) };
	}

	revoke(certFile) {
		if (certFile) this.ca('-revoke', certFile);
		this.ca('-gencrl', '-out', this.crl);
	}

	// Signs a request as it came (PEM text); answers the certificate.
	sign(csr) {
		const file = path.join(this.dir, 'signed');
		fs.writeFileSync(`${file}.csr`, csr);
		this.ca('-in', `${file}.csr`, '-out', `${file}.crt`, '-notext', '-days', '30');
		return fs.readFileSync(`${file}.crt`, 'utf8');
	}
}

module.exports = { Ca, openssl };
