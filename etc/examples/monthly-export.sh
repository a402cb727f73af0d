#!/bin/sh
# monthly-export.sh [PERIOD]: the transactions of last month (or of PERIOD) as XLSX and CSV into a directory, and by
# mail to whoever bills them.
#
# For cron or a timer of systemd, as a user of the group lms-view or lms-operator:
#   15 6 1 * *  EXPORT_DIR=/srv/charging MAIL_TO=billing@example.org MAIL_FROM=lms@example.org \
#               MAIL_URL=smtp://mail.example.org:587 /usr/local/share/lms/examples/monthly-export.sh
#
# EXPORT_DIR     where the files go, made if it is not there
# MAIL_TO        one address; without it nothing is mailed
# MAIL_FROM      address of the sender
# MAIL_URL       smtp://HOST:587 (STARTTLS is required), smtps://HOST:465
# MAIL_NETRC     file with "machine HOST login USER password PASSWORD", mode 0600; unset: without a password
# MAIL_CA        certificate of the mail server's CA, PEM; unset: those of the system
# LMS_SOCKET     lmsd's socket, where it is not the usual one
#
# Ends with 0 when all is done; else what went wrong is on standard error, which cron mails to you. Files that are
# there from an earlier run of the same month are replaced.
set -eu
umask 027

period=${1:-last-month}
label=$period
[ "$period" != last-month ] || label=$(date -d "$(date +%Y-%m-01) -1 day" +%Y-%m)
: "${EXPORT_DIR:?where to? (EXPORT_DIR=/srv/charging)}"
mkdir -p "$EXPORT_DIR"
base=$EXPORT_DIR/transactions-$(printf %s "$label" | tr -c 'A-Za-z0-9.-' _)

lmsctl -q transaction export "$period" -O "$base.xlsx"
lmsctl -q transaction export "$period" -O "$base.csv"

[ -n "${MAIL_TO:-}" ] || exit 0
: "${MAIL_FROM:?from whom? (MAIL_FROM=lms@example.org)}" "${MAIL_URL:?by which server? (MAIL_URL=smtp://mail.example.org:587)}"
text=$(mktemp)
trap 'rm -f "$text"' EXIT
{
	printf 'Transactions of %s\n\n' "$label"
	lmsctl --color=never transaction stats "$period"
	printf '\nBy zone\n\n'
	lmsctl --color=never transaction stats "$period" by=zone
} >"$text"

set -- --silent --show-error --fail --max-time 300 --ssl-reqd --url "$MAIL_URL" --mail-from "$MAIL_FROM" --mail-rcpt "$MAIL_TO"
[ -z "${MAIL_NETRC:-}" ] || set -- "$@" --netrc-file "$MAIL_NETRC"
[ -z "${MAIL_CA:-}" ] || set -- "$@" --cacert "$MAIL_CA"
curl "$@" -H "From: $MAIL_FROM" -H "To: $MAIL_TO" -H "Subject: Charging transactions $label" \
	-H "Date: $(LC_ALL=C date -R)" -H 'Auto-Submitted: auto-generated' \
	-F "=<$text;type=text/plain;charset=utf-8;encoder=quoted-printable" \
	-F "file=@$base.xlsx;type=application/vnd.openxmlformats-officedocument.spreadsheetml.sheet;encoder=base64" \
	-F "file=@$base.csv;type=text/csv;encoder=base64"
