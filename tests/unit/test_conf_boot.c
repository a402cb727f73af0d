/* The boot file: what is taken, what is refused and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/types.h"
#include "conf/boot.h"
#include "conf/boot_table.h"

struct scratch {
	char dir[64];
	char file[96];
};

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	strcpy(s->dir, "/tmp/lms-test-conf.XXXXXX");
	if (!mkdtemp(s->dir))
		return -1;
	snprintf(s->file, sizeof(s->file), "%s/lmsd.conf", s->dir);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scratch *s = *state;

	unlink(s->file);
	rmdir(s->dir);
	free(s);
	return 0;
}

static void write_file(const struct scratch *s, const char *text)
{
	FILE *f = fopen(s->file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int load(const struct scratch *s, const char *text, struct boot_conf *conf, struct diag *d)
{
	write_file(s, text);
	diag_init(d);
	return boot_load(conf, s->file, d);
}

/* ---- what is taken ----------------------------------------------------------------------- */

static void an_empty_file_gives_the_defaults(void **state)
{
	struct boot_conf c;
	struct diag d;

	assert_int_equal(load(*state, "", &c, &d), 0);
	assert_true(c.listen_ws.on);
	assert_string_equal(c.listen_ws.host, "0.0.0.0");
	assert_int_equal(c.listen_ws.port, 9000);
	assert_int_equal(c.listen_wss.port, 9043);
	assert_string_equal(c.control_socket, "/run/lms/lmsd.sock");
	assert_string_equal(c.state_directory, "/var/lib/lms");
	assert_int_equal(c.registration, BOOT_REGISTRATION_PENDING);
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	assert_int_equal(c.limits_connections, 10000);
	assert_string_equal(c.meters_directory, LMS_DATADIR "/meters");
	assert_int_equal(boot_check(&c, &d), 0);
	assert_string_equal(c.tls_certificate, "/var/lib/lms/tls.crt");
	assert_string_equal(c.tls_key, "/var/lib/lms/tls.key");
}

static void every_key_can_be_set_in_the_file(void **state)
{
	static const char text[] =
		"listen = { ws = \"[::1]:0\"; wss = \"off\"; };\n"
		"tls: { certificate = \"/a/c\"; key = \"/a/k\"; client_ca = \"/a/ca\"; client_crl = \"/a/crl\"; station_ca = \"/a/sca\"; station_ca_key = \"/a/sk\"; };\n"
		"control = { socket = \"/tmp/s\"; };\n"
		"state = { directory = \"/tmp/state/\"; };\n"
		"registration = \"accept\";\n"
		"log = { level = \"error\"; };\n"
		"limits = { connections = 12; silence = 90; messages = 50; };\n"
		"recording = { size = 64; segment = 4; };\n"
		"history = { step = 1; raw = 30; minute = 60; quarter = 90; max = 100; };\n"
		"files = { listen = \"127.0.0.1:9080\"; url = \"https://lms.example/\"; tls = \"on\"; max_size = 3; store = 4;\n"
		" signers = \"/pem\"; };\n"
		"bms = { listen = \"[::1]:1502\"; allow = \"192.0.2.0/24\"; write = \"yes\"; clients = 3; };\n"
		"mqtt = { host = \"broker.example\"; port = 8884; tls = \"on\"; ca = \"/m/ca\"; certificate = \"/m/crt\";\n"
		" key = \"/m/key\"; user = \"lms\"; password = \"/m/pw\"; client_id = \"site-7\"; prefix = \"a/b\"; qos = 2; interval = 9; };\n"
		"mail = { host = \"mail.example\"; port = 2525; tls = \"on\"; ca = \"/m/ca\"; user = \"u\"; password = \"/m/pw\";\n"
		" from = \"lms@example.org\"; };\n"
		"meters = { directory = \"/m\"; site_directory = \"/mine\"; }; stations = { directory = \"/s\"; };\n";
	struct boot_conf c;
	struct diag d;

	assert_int_equal(load(*state, text, &c, &d), 0);
	assert_string_equal(c.listen_ws.host, "::1");
	assert_int_equal(c.listen_ws.port, 0);
	assert_false(c.listen_wss.on);
	assert_string_equal(c.tls_certificate, "/a/c");
	assert_string_equal(c.tls_key, "/a/k");
	assert_string_equal(c.tls_client_ca, "/a/ca");
	assert_string_equal(c.tls_client_crl, "/a/crl");
	assert_string_equal(c.tls_station_ca, "/a/sca");
	assert_string_equal(c.tls_station_ca_key, "/a/sk");
	assert_string_equal(c.control_socket, "/tmp/s");
	assert_string_equal(c.state_directory, "/tmp/state");
	assert_int_equal(c.registration, BOOT_REGISTRATION_ACCEPT);
	assert_int_equal(c.log_level, LOG_LEVEL_ERROR);
	assert_int_equal(c.limits_connections, 12);
	assert_int_equal(c.recording_size, 64);
	assert_int_equal(c.recording_segment, 4);
	assert_int_equal(c.history_step, 1);
	assert_int_equal(c.history_raw, 30);
	assert_int_equal(c.history_minute, 60);
	assert_int_equal(c.history_quarter, 90);
	assert_int_equal(c.history_max, 100);
	assert_int_equal(c.files_listen.port, 9080);
	assert_string_equal(c.files_url, "https://lms.example");
	assert_int_equal(c.files_tls, BOOT_FILES_TLS_ON);
	assert_int_equal(c.files_max_size, 3);
	assert_int_equal(c.files_store, 4);
	assert_string_equal(c.files_signers, "/pem");
	assert_int_equal(c.bms_listen.port, 1502);
	assert_string_equal(c.bms_allow, "192.0.2.0/24");
	assert_int_equal(c.bms_write, BOOT_BMS_WRITE_YES);
	assert_int_equal(c.bms_clients, 3);
	assert_string_equal(c.mqtt_host, "broker.example");
	assert_int_equal(c.mqtt_port, 8884);
	assert_int_equal(c.mqtt_tls, BOOT_MQTT_TLS_ON);
	assert_string_equal(c.mqtt_ca, "/m/ca");
	assert_string_equal(c.mqtt_certificate, "/m/crt");
	assert_string_equal(c.mqtt_key, "/m/key");
	assert_string_equal(c.mqtt_user, "lms");
	assert_string_equal(c.mqtt_password, "/m/pw");
	assert_string_equal(c.mqtt_client_id, "site-7");
	assert_string_equal(c.mqtt_prefix, "a/b");
	assert_int_equal(c.mqtt_qos, 2);
	assert_int_equal(c.mqtt_interval, 9);
	assert_string_equal(c.mail_host, "mail.example");
	assert_int_equal(c.mail_port, 2525);
	assert_int_equal(c.mail_tls, BOOT_MAIL_TLS_ON);
	assert_string_equal(c.mail_ca, "/m/ca");
	assert_string_equal(c.mail_user, "u");
	assert_string_equal(c.mail_password, "/m/pw");
	assert_string_equal(c.mail_from, "lms@example.org");
	assert_string_equal(c.meters_directory, "/m");
	assert_string_equal(c.meters_site_directory, "/mine");
	assert_string_equal(c.stations_directory, "/s");
	for (enum boot_key k = 0; k < BOOT_KEY_COUNT; k++)
		assert_true(c.origin[k].line > 0);
	assert_int_equal(c.origin[BOOT_KEY_registration].line, 5);
}

static void no_file_at_all_is_no_error_where_none_was_named(void **state)
{
	struct boot_conf c;
	struct diag d;

	(void)state;
	diag_init(&d);
	if (access(BOOT_FILE_DEFAULT, F_OK) == 0)
		return;	/* lmsd is installed here */
	assert_int_equal(boot_load(&c, NULL, &d), 0);
	assert_int_equal(c.listen_ws.port, 9000);
}

/* The file that we ship: each commented setting is a real key with a fitting value. */
static void the_example_names_every_key(void **state)
{
	static char text[16384], open[16384];
	FILE *f = fopen("etc/lmsd.conf", "r");
	struct boot_conf c;
	struct diag d;
	size_t n, at = 0;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	assert_int_equal(load(*state, text, &c, &d), 0);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		bool setting = line[0] == '#' && line[1] != ' ';

		at += (size_t)snprintf(open + at, sizeof(open) - at, "%s\n",
				       setting ? line + 1 : line);
	}
	if (load(*state, open, &c, &d) < 0)
		fail_msg("%d: %s", d.line, d.text);
	for (enum boot_key k = 0; k < BOOT_KEY_COUNT; k++) {
		struct buf value;

		buf_init(&value);
		boot_value_format(&c, k, &value);
		if (c.origin[k].line == 0)
			fail_msg("etc/lmsd.conf does not show %s", boot_rows[k].key);
		if (k != BOOT_KEY_meters_directory && k != BOOT_KEY_stations_directory &&
		    value.len > 0)
			assert_string_equal(buf_cstr(&value), boot_rows[k].dflt);
		buf_fini(&value);
	}
}

/* ---- what is refused --------------------------------------------------------------------- */

struct refusal {
	const char *name;
	const char *text;
	int line;
	const char *says;	/* part of the message */
};

static const struct refusal refusals[] = {
	{ "unknown key in a group", "\nlisten = { wsx = \"a\"; };", 2,
	  "listen.wsx: no such key (did you mean 'listen.ws'?)" },
	{ "unknown key at the top", "registratoin = \"pending\";", 1,
	  "registratoin: no such key (did you mean 'registration'?)" },
	{ "a site setting", "timezone = \"Europe/Zurich\";", 1, "are set by lmsctl" },
	{ "unknown group", "foo = { bar = 1; };", 1, "foo: no such key" },
	{ "a group that is a value", "listen = \"0.0.0.0:9000\";", 1, "listen: a group of keys" },
	{ "a value that is a group", "registration = { };", 1, "registration: no such key" },
	{ "a list", "registration = ( \"pending\" );", 1, "registration: not text in quotes" },
	{ "a bare port", "listen = { ws = 9000; };", 1,
	  "listen.ws: not text in quotes (as in \"0.0.0.0:9000\")" },
	{ "a port alone", "listen = { ws = \"9000\"; };", 1, "is not an IP address and a port" },
	{ "no port", "listen = { ws = \"0.0.0.0\"; };", 1, "is not an IP address and a port" },
	{ "a host name", "listen = { ws = \"localhost:9000\"; };", 1, "is not an IP address" },
	{ "a port too high", "listen = { ws = \"0.0.0.0:65536\"; };", 1, "from 0 to 65535" },
	{ "a negative port", "listen = { ws = \"0.0.0.0:-1\"; };", 1, "from 0 to 65535" },
	{ "IPv6 without brackets", "listen = { ws = \"::1:9000\"; };", 1, "[::]:9000 for IPv6" },
	{ "IPv4 in brackets", "listen = { ws = \"[1.2.3.4]:9000\"; };", 1, "is not an IP address" },
	{ "an empty address", "listen = { ws = \"\"; };", 1, "is not an IP address" },
	{ "a relative path", "state = { directory = \"lms\"; };", 1,
	  "state.directory: 'lms' is not an absolute path" },
	{ "an empty path", "state = { directory = \"\"; };", 1, "may not be empty" },
	{ "control characters", "state = { directory = \"/a\\nb\"; };", 1, "control characters" },
	{ "a socket path that the kernel would cut",
	  "control = { socket = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"; };", 1, "more than 107 bytes" },
	{ "another word", "registration = \"open\";", 1,
	  "registration: 'open' is not a choice (one of pending, closed, accept)" },
	{ "words with case", "log = { level = \"INFO\"; };", 1, "is not a choice" },
	{ "too few", "limits = { connections = 0; };", 1, "a whole number from 1 to 60000" },
	{ "a fraction", "limits = { connections = 1.5; };", 1, "not a whole number" },
	{ "more than 64 bits hold", "limits = { connections = 99999999999999999999L; };", 1,
	  "a whole number from 1 to 60000" },
	{ "a key twice", "registration = \"pending\";\nregistration = \"closed\";", 2,
	  "duplicate setting name" },
	{ "no quote at the end", "\n\nregistration = \"pending;\n", 4, "syntax error" },
	{ "not libconfig at all", "{\"registration\": 1}", 1, "write key = \"value\"" },
};

static void what_is_refused_names_file_line_key_and_remedy(void **state)
{
	struct scratch *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct boot_conf c;
		struct diag d;

		if (load(s, r->text, &c, &d) != -LMS_ECONFIG)
			fail_msg("%s: taken", r->name);
		if (!strstr(d.text, r->says) || d.line != r->line || strcmp(d.file, s->file) != 0)
			fail_msg("%s: %s:%d: %s", r->name, d.file, d.line, d.text);
	}
}

static void a_file_that_is_named_must_be_a_readable_file(void **state)
{
	struct scratch *s = *state;
	struct boot_conf c;
	struct diag d;

	diag_init(&d);
	assert_int_equal(boot_load(&c, "/nowhere/lmsd.conf", &d), -LMS_ENOINPUT);
	assert_non_null(strstr(d.text, "/nowhere/lmsd.conf: No such file"));
	diag_init(&d);
	assert_int_equal(boot_load(&c, s->dir, &d), -LMS_ENOINPUT);
	assert_non_null(strstr(d.text, "Is a directory"));
	assert_int_equal(load(s, "\n\n @include \".\"\n", &c, &d), -LMS_ECONFIG);
	assert_int_equal(d.line, 3);
	assert_non_null(strstr(d.text, "is a directory (name a file)"));
	assert_int_equal(load(s, "@include \"other.conf\"", &c, &d), -LMS_ECONFIG);
	assert_non_null(strstr(d.text, "cannot open include file"));
}

/* ---- the command line -------------------------------------------------------------------- */

static void an_option_beats_the_file(void **state)
{
	struct boot_conf c;
	struct diag d;

	assert_int_equal(load(*state, "registration = \"closed\";", &c, &d), 0);
	assert_int_equal(boot_override(&c, "registration=accept", &d), 0);
	assert_int_equal(c.registration, BOOT_REGISTRATION_ACCEPT);
	assert_true(c.origin[BOOT_KEY_registration].option);
	assert_int_equal(boot_override(&c, "listen.ws=127.0.0.1:0", &d), 0);
	assert_int_equal(c.listen_ws.port, 0);
	assert_int_equal(boot_override(&c, "tls.key=", &d), 0);
	assert_string_equal(c.tls_key, "");
}

static void a_relative_path_on_the_command_line_counts_from_here(void **state)
{
	char cwd[BOOT_TEXT_MAX - 10], want[BOOT_TEXT_MAX];
	struct boot_conf c;
	struct diag d;

	assert_int_equal(load(*state, "", &c, &d), 0);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(want, sizeof(want), "%s/x/y", cwd);
	assert_int_equal(boot_override(&c, "state.directory=x/y/", &d), 0);
	assert_string_equal(c.state_directory, want);
}

static void options_that_are_wrong_are_refused(void **state)
{
	static const struct { const char *option, *says; } cases[] = {
		{ "registration", "-o registration: no value (write key=value)" },
		{ "listen.wz=off", "-o listen.wz: no such key (did you mean 'listen.ws'?)" },
		{ "listen=off", "-o listen: no such key" },
		{ "=x", "no such key" },
		{ "files.url=ftp://x", "is not a URL" },
		{ "files.url=http://", "is not a URL" },
		{ "files.url=http://a b", "has characters" },
		{ "limits.connections=many", "-o limits.connections: 'many' is not a whole number" },
		{ "registration= accept", "is not a choice" },
		{ "state.directory=", "may not be empty" },
	};
	struct boot_conf c;
	struct diag d;

	assert_int_equal(load(*state, "", &c, &d), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		diag_init(&d);
		if (boot_override(&c, cases[i].option, &d) != -LMS_EUSAGE ||
		    !strstr(d.text, cases[i].says))
			fail_msg("%s: %s", cases[i].option, d.text);
	}
}

/* ---- what keys say together -------------------------------------------------------------- */

static void keys_that_contradict_each_other_are_refused(void **state)
{
	static const struct { const char *text; int line; const char *says; } cases[] = {
		{ "listen = {\n ws = \"off\";\n wss = \"off\"; };", 2, "no station could connect" },
		{ "listen = {\n ws = \"1.2.3.4:80\";\n wss = \"0.0.0.0:80\"; };", 3,
		  "listen.wss: port 80 is that of listen.ws too" },
		{ "tls = { key = \"/etc/k\"; };", 1, "tls.key: set without tls.certificate" },
		{ "tls = { certificate = \"/etc/k\"; };", 1, "set without tls.key" },
		{ "tls = { client_crl = \"/etc/k\"; };", 1, "set without tls.client_ca" },
		{ "tls = { station_ca = \"/etc/k\"; };", 1, "set without tls.station_ca_key" },
		{ "tls = { station_ca = \"/etc/k\"; station_ca_key = \"/etc/k\"; };", 1, "set without tls.client_ca" },
		{ "tls = { client_ca = \"/nonexistent/ca\"; };", 1, "lmsd must be able to read it" },
		{ "tls = { certificate = \"/nowhere/c\";\n key = \"/nowhere/k\"; };", 1,
		  "tls.certificate: /nowhere/c: No such file" },
		{ "meters = { directory = \"/nowhere\"; };", 1, "/nowhere is not a directory" },
		{ "recording = { segment = 8;\n size = 15; };", 1,
		  "recording.segment: 8 MiB are more than half of recording.size, which is 15" },
		{ "history = {\n raw = 30;\n minute = 20; };", 3, "history.minute: 20 days are less than history.raw, which is 30" },
		{ "history = {\n minute = 400; raw = 30;\n quarter = 90; };", 3, "history.quarter: 90 days are less than history.minute" },
		{ "files = {\n listen = \"127.0.0.1:9000\"; };", 2, "files.listen: port 9000 is that of listen.ws" },
		{ "files = {\n listen = \"0.0.0.0:9080\"; };", 0, "files.url: not set" },
		{ "files = {\n max_size = 8;\n store = 7; };", 3, "files.store: 7 MiB are less than files.max_size" },
		{ "files = {\n listen = \"127.0.0.1:0\";\n signers = \"/nowhere/pem\"; };", 3, "files.signers: /nowhere/pem" },
		{ "mqtt = {\n host = \"b\";\n certificate = \"/m/crt\"; };", 3, "mqtt.certificate: set without mqtt.key" },
		{ "mqtt = {\n host = \"b\";\n ca = \"/etc/passwd\"; };", 3, "mqtt.ca: set while mqtt.tls is off" },
		{ "mqtt = {\n host = \"b\"; tls = \"on\";\n ca = \"/nowhere/ca\"; };", 3, "mqtt.ca: /nowhere/ca" },
		{ "mqtt = {\n host = \"b\";\n password = \"/m/pw\"; };", 3, "mqtt.password: set without mqtt.user" },
		{ "mqtt = {\n host = \"b\"; user = \"u\";\n password = \"/etc/passwd\"; };", 3, "can be read by everybody" },
		{ "mqtt = {\n host = \"b\";\n prefix = \"lms/#\"; };", 3, "mqtt.prefix: 'lms/#' is no beginning of a topic" },
		{ "mqtt = {\n host = \"b\";\n prefix = \"lms/\"; };", 3, "mqtt.prefix: 'lms/' is no beginning of a topic" },
		{ "\nstations = { directory = \"/etc/passwd\"; };", 2, "is not a directory" },
	};
	struct boot_conf c;
	struct diag d;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(load(*state, cases[i].text, &c, &d), 0);
		if (boot_check(&c, &d) != -LMS_ECONFIG || d.line != cases[i].line ||
		    !strstr(d.text, cases[i].says))
			fail_msg("%s: %d: %s", cases[i].text, d.line, d.text);
	}
	assert_int_equal(load(*state, "listen = { ws = \"1.2.3.4:80\"; wss = \"1.2.3.5:80\"; };", &c,
			      &d), 0);
	assert_int_equal(boot_check(&c, &d), 0);
	assert_int_equal(load(*state, "listen = { ws = \"[::1]:0\"; wss = \"[::1]:0\"; };", &c, &d), 0);
	assert_int_equal(boot_check(&c, &d), 0);
}

static void the_print_out_tells_where_each_value_comes_from(void **state)
{
	struct scratch *s = *state;
	struct boot_conf c;
	struct diag d;
	struct buf b;
	char want[200];

	assert_int_equal(load(s, "\nlimits = { connections = 7; };", &c, &d), 0);
	assert_int_equal(boot_override(&c, "listen.ws=[::]:80", &d), 0);
	buf_init(&b);
	boot_print(&c, &b);
	assert_non_null(strstr(buf_cstr(&b), "listen.ws           [::]:80                     -o\n"));
	assert_non_null(strstr(buf_cstr(&b), "registration        pending                     default\n"));
	snprintf(want, sizeof(want), "limits.connections  7                           %s:2\n", s->file);
	assert_non_null(strstr(buf_cstr(&b), want));
	buf_fini(&b);
}

static void the_manual_has_every_key_and_word(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	boot_doc(&b);
	for (enum boot_key k = 0; k < BOOT_KEY_COUNT; k++) {
		char want[80];

		snprintf(want, sizeof(want), ".It Va %s No = ", boot_rows[k].key);
		assert_non_null(strstr(buf_cstr(&b), want));
	}
	for (size_t i = 0; i < boot_word_count; i++)
		assert_non_null(strstr(buf_cstr(&b), boot_words[i].help));
	buf_fini(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_empty_file_gives_the_defaults),
		T(every_key_can_be_set_in_the_file),
		T(no_file_at_all_is_no_error_where_none_was_named),
		T(the_example_names_every_key),
		T(what_is_refused_names_file_line_key_and_remedy),
		T(a_file_that_is_named_must_be_a_readable_file),
		T(an_option_beats_the_file),
		T(a_relative_path_on_the_command_line_counts_from_here),
		T(options_that_are_wrong_are_refused),
		T(keys_that_contradict_each_other_are_refused),
		T(the_print_out_tells_where_each_value_comes_from),
		T(the_manual_has_every_key_and_word),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
