/* conf/boot_check.c - what no key of the boot file knows alone. */
#include "conf/boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mail_address.h"
#include "conf/boot_table.h"
#include "net/nets.h"

static bool is_set(const struct boot_conf *conf, enum boot_key key)
{
	return conf->origin[key].option || conf->origin[key].file[0];
}

static bool any_host(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static bool same_port(const struct boot_addr *a, const struct boot_addr *b)
{
	return a->on && b->on && a->port && a->port == b->port &&
	       (strcmp(a->host, b->host) == 0 || any_host(a->host) || any_host(b->host));
}

static int check_listen(const struct boot_conf *conf, struct diag *diag)
{
	const struct boot_addr *a = &conf->listen_ws, *b = &conf->listen_wss;

	if (!a->on && !b->on)
		return boot_refuse(conf, BOOT_KEY_listen_ws, -LMS_ECONFIG, diag,
				   "off, as listen.wss is: no station could connect (give one of "
				   "them an address)");
	if (same_port(a, b))
		return boot_refuse(conf, BOOT_KEY_listen_wss, -LMS_ECONFIG, diag,
				   "port %d is that of listen.ws too (choose another)", a->port);
	return 0;
}

static int check_readable(const struct boot_conf *conf, enum boot_key key, const char *file,
			  struct diag *diag)
{
	if (access(file, R_OK) == 0)
		return 0;
	return boot_refuse(conf, key, -LMS_ECONFIG, diag, "%s: %s (lmsd must be able to read it)",
			   file, strerror(errno));
}

static int check_clients(const struct boot_conf *conf, struct diag *diag)
{
	int ret = 0;

	if (!*conf->tls_station_ca != !*conf->tls_station_ca_key)
		return boot_refuse(conf, *conf->tls_station_ca ? BOOT_KEY_tls_station_ca : BOOT_KEY_tls_station_ca_key,
				   -LMS_ECONFIG, diag, "set without %s (set both or none)",
				   *conf->tls_station_ca ? "tls.station_ca_key" : "tls.station_ca");
	if (*conf->tls_station_ca && !*conf->tls_client_ca)
		return boot_refuse(conf, BOOT_KEY_tls_station_ca, -LMS_ECONFIG, diag,
				   "set without tls.client_ca (put its certificate there too: nobody is asked for what it signs)");
	if (*conf->tls_station_ca)
		ret = check_readable(conf, BOOT_KEY_tls_station_ca, conf->tls_station_ca, diag);
	if (ret == 0 && *conf->tls_station_ca)
		ret = check_readable(conf, BOOT_KEY_tls_station_ca_key, conf->tls_station_ca_key, diag);
	if (ret < 0)
		return ret;
	if (*conf->tls_client_crl && !*conf->tls_client_ca)
		return boot_refuse(conf, BOOT_KEY_tls_client_crl, -LMS_ECONFIG, diag,
				   "set without tls.client_ca (name the CA whose list it is)");
	if (!conf->listen_wss.on)
		return 0;
	if (*conf->tls_client_ca)
		ret = check_readable(conf, BOOT_KEY_tls_client_ca, conf->tls_client_ca, diag);
	if (ret == 0 && *conf->tls_client_crl)
		ret = check_readable(conf, BOOT_KEY_tls_client_crl, conf->tls_client_crl, diag);
	return ret;
}

static int check_files(const struct boot_conf *conf, struct diag *diag)
{
	const struct boot_addr *f = &conf->files_listen;

	if (conf->files_store < conf->files_max_size)
		return boot_refuse(conf, BOOT_KEY_files_store, -LMS_ECONFIG, diag, "%lld MiB are less than files.max_size, "
				   "which is %lld (raise it, or lower that)", (long long)conf->files_store,
				   (long long)conf->files_max_size);
	if (!f->on)
		return 0;
	if (same_port(f, &conf->listen_ws) || same_port(f, &conf->listen_wss))
		return boot_refuse(conf, BOOT_KEY_files_listen, -LMS_ECONFIG, diag, "port %d is that of listen.ws or "
				   "listen.wss too (choose another)", f->port);
	if (conf->files_signers[0] && check_readable(conf, BOOT_KEY_files_signers, conf->files_signers, diag) < 0)
		return -LMS_ECONFIG;
	if (any_host(f->host) && !conf->files_url[0])
		return boot_refuse(conf, BOOT_KEY_files_url, -LMS_ECONFIG, diag, "not set, and files.listen takes any "
				   "address (write http://HOST:PORT as the stations reach it)");
	return 0;
}

static int check_tls(struct boot_conf *conf, struct diag *diag)
{
	bool certificate = conf->tls_certificate[0], key = conf->tls_key[0];
	int ret;

	if (certificate != key)
		return boot_refuse(conf, certificate ? BOOT_KEY_tls_certificate : BOOT_KEY_tls_key,
				   -LMS_ECONFIG, diag, "set without %s (set both or none)",
				   certificate ? "tls.key" : "tls.certificate");
	if (!certificate) {
		snprintf(conf->tls_certificate, sizeof(conf->tls_certificate), "%.200s/tls.crt",
			 conf->state_directory);
		snprintf(conf->tls_key, sizeof(conf->tls_key), "%.200s/tls.key", conf->state_directory);
		return 0;
	}
	if (!conf->listen_wss.on && !(conf->files_listen.on && conf->files_tls == BOOT_FILES_TLS_ON))
		return 0;
	ret = check_readable(conf, BOOT_KEY_tls_certificate, conf->tls_certificate, diag);
	if (ret == 0)
		ret = check_readable(conf, BOOT_KEY_tls_key, conf->tls_key, diag);
	return ret;
}

/* The default is not looked at: lmsd runs uninstalled too. */
static int check_data(const struct boot_conf *conf, enum boot_key key, const char *path,
		      struct diag *diag)
{
	struct stat st;

	if (!is_set(conf, key) || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		return 0;
	return boot_refuse(conf, key, -LMS_ECONFIG, diag, "%s is not a directory (leave the key out "
			   "for the files that came with lmsd)", path);
}

static int check_recording(const struct boot_conf *conf, struct diag *diag)
{
	if (conf->recording_size == 0 || 2 * conf->recording_segment <= conf->recording_size)
		return 0;
	return boot_refuse(conf, BOOT_KEY_recording_segment, -LMS_ECONFIG, diag, "%lld MiB are more than half "
			   "of recording.size, which is %lld (lower it, or raise that)",
			   (long long)conf->recording_segment, (long long)conf->recording_size);
}

/* A secret that others can read is none. */
static int check_secret(const struct boot_conf *conf, enum boot_key key, const char *file, struct diag *diag)
{
	struct stat st;
	int ret = check_readable(conf, key, file, diag);

	if (ret == 0 && stat(file, &st) == 0 && st.st_mode & S_IROTH)
		return boot_refuse(conf, key, -LMS_ECONFIG, diag, "%s can be read by everybody (chmod o-rwx)", file);
	return ret;
}

static int check_mqtt_tls(const struct boot_conf *conf, struct diag *diag)
{
	int ret = 0;

	if (!*conf->mqtt_certificate != !*conf->mqtt_key)
		return boot_refuse(conf, *conf->mqtt_certificate ? BOOT_KEY_mqtt_certificate : BOOT_KEY_mqtt_key, -LMS_ECONFIG,
				   diag, "set without %s (set both or none)",
				   *conf->mqtt_certificate ? "mqtt.key" : "mqtt.certificate");
	if (conf->mqtt_tls == BOOT_MQTT_TLS_OFF && (*conf->mqtt_ca || *conf->mqtt_certificate))
		return boot_refuse(conf, *conf->mqtt_ca ? BOOT_KEY_mqtt_ca : BOOT_KEY_mqtt_certificate, -LMS_ECONFIG, diag,
				   "set while mqtt.tls is off: it would not be used (set mqtt.tls to on)");
	if (*conf->mqtt_ca)
		ret = check_readable(conf, BOOT_KEY_mqtt_ca, conf->mqtt_ca, diag);
	if (ret == 0 && *conf->mqtt_certificate)
		ret = check_readable(conf, BOOT_KEY_mqtt_certificate, conf->mqtt_certificate, diag);
	if (ret == 0 && *conf->mqtt_key)
		ret = check_secret(conf, BOOT_KEY_mqtt_key, conf->mqtt_key, diag);
	return ret;
}

static int check_mqtt(struct boot_conf *conf, struct diag *diag)
{
	const char *prefix = conf->mqtt_prefix;

	if (!*conf->mqtt_host)
		return 0;
	if (conf->mqtt_port == 0)
		conf->mqtt_port = conf->mqtt_tls == BOOT_MQTT_TLS_ON ? 8883 : 1883;
	if (strpbrk(prefix, "+#") || prefix[0] == '$' || prefix[0] == '/' || prefix[strlen(prefix) - 1] == '/')
		return boot_refuse(conf, BOOT_KEY_mqtt_prefix, -LMS_ECONFIG, diag, "'%s' is no beginning of a topic (write "
				   "names with / between them, without + # and $)", prefix);
	if (*conf->mqtt_password && !*conf->mqtt_user)
		return boot_refuse(conf, BOOT_KEY_mqtt_password, -LMS_ECONFIG, diag, "set without mqtt.user (name the user)");
	if (*conf->mqtt_password && check_secret(conf, BOOT_KEY_mqtt_password, conf->mqtt_password, diag) < 0)
		return -LMS_ECONFIG;
	return check_mqtt_tls(conf, diag);
}

/* What is told less exactly is kept longer: else old times would be told by nothing. */
static int check_history(const struct boot_conf *conf, struct diag *diag)
{
	if (conf->history_minute < conf->history_raw)
		return boot_refuse(conf, BOOT_KEY_history_minute, -LMS_ECONFIG, diag, "%lld days are less than history.raw, "
				   "which is %lld (raise it, or lower that)", (long long)conf->history_minute,
				   (long long)conf->history_raw);
	if (conf->history_quarter < conf->history_minute)
		return boot_refuse(conf, BOOT_KEY_history_quarter, -LMS_ECONFIG, diag, "%lld days are less than "
				   "history.minute, which is %lld (raise it, or lower that)",
				   (long long)conf->history_quarter, (long long)conf->history_minute);
	return 0;
}

static int check_mail(struct boot_conf *conf, struct diag *diag)
{
	static const int ports[] = { 587, 465, 25 };
	int ret = 0;

	if (!*conf->mail_host)
		return 0;
	if (conf->mail_port == 0)
		conf->mail_port = ports[conf->mail_tls];
	if (mail_addresses_check(conf->mail_from, NULL) < 0 || !*conf->mail_from || strchr(conf->mail_from, ','))
		return boot_refuse(conf, BOOT_KEY_mail_from, -LMS_ECONFIG, diag, "'%s' is not the address that mails come from "
				   "(write one such as lms@example.org)", conf->mail_from);
	if (*conf->mail_password && !*conf->mail_user)
		return boot_refuse(conf, BOOT_KEY_mail_password, -LMS_ECONFIG, diag, "set without mail.user (name the user)");
	if (conf->mail_tls == BOOT_MAIL_TLS_OFF && *conf->mail_ca)
		return boot_refuse(conf, BOOT_KEY_mail_ca, -LMS_ECONFIG, diag, "set while mail.tls is off: it would not be used "
				   "(set mail.tls to starttls)");
	if (*conf->mail_ca)
		ret = check_readable(conf, BOOT_KEY_mail_ca, conf->mail_ca, diag);
	if (ret == 0 && *conf->mail_password)
		ret = check_secret(conf, BOOT_KEY_mail_password, conf->mail_password, diag);
	return ret;
}

static int check_bms(const struct boot_conf *conf, struct diag *diag)
{
	const struct boot_addr *a = &conf->bms_listen;
	struct nets allow;
	struct diag said;

	diag_init(&said);
	if (nets_parse(conf->bms_allow, &allow, &said) < 0)
		return boot_refuse(conf, BOOT_KEY_bms_allow, -LMS_ECONFIG, diag, "%s", said.text);
	if (!a->on)
		return 0;
	if (same_port(a, &conf->listen_ws) || same_port(a, &conf->listen_wss) || same_port(a, &conf->files_listen))
		return boot_refuse(conf, BOOT_KEY_bms_listen, -LMS_ECONFIG, diag, "port %d is that of listen.ws, listen.wss "
				   "or files.listen too (choose another)", a->port);
	if (nets_loopback(&allow) && strncmp(a->host, "127.", 4) != 0 && strcmp(a->host, "::1") != 0)
		return boot_refuse(conf, BOOT_KEY_bms_allow, -LMS_ECONFIG, diag, "names this machine only, and bms.listen is "
				   "for others (write the address of the building management system)");
	return 0;
}

int boot_check(struct boot_conf *conf, struct diag *diag)
{
	int ret;

	if ((ret = check_listen(conf, diag)) < 0 || (ret = check_tls(conf, diag)) < 0 ||
	    (ret = check_clients(conf, diag)) < 0 ||
	    (ret = check_data(conf, BOOT_KEY_meters_directory, conf->meters_directory, diag)) < 0 ||
	    (conf->meters_site_directory[0] &&
	     (ret = check_data(conf, BOOT_KEY_meters_site_directory, conf->meters_site_directory, diag)) < 0) ||
	    (ret = check_data(conf, BOOT_KEY_stations_directory, conf->stations_directory, diag)) < 0 ||
	    (ret = check_recording(conf, diag)) < 0 || (ret = check_history(conf, diag)) < 0 || (ret = check_files(conf, diag)) < 0 ||
	    (ret = check_mqtt(conf, diag)) < 0 || (ret = check_mail(conf, diag)) < 0 ||
	    (ret = check_bms(conf, diag)) < 0)
		return ret;
	return 0;
}
