#!/usr/bin/env bash
# timeout: 60
# The caller's role comes from the kernel: root may do all, a stranger nothing, public dashboards are read-only.
set -u
. "$(dirname "$0")/lib.sh"

start_lmsd
lmsctl zone create P1 static=60 >/dev/null
if [ "$(id -u)" != 0 ]; then
	# The user that runs lmsd is an administrator; without root there is nobody else to ask as.
	is "$(lmsctl -o json whoami | jq -r .roles | grep -o admin)" admin "the user of lmsd is an administrator"
	done_testing
fi
chmod 755 "$TMPDIR"
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$BIN/lmsctl" -s "$SOCKET" "$@"; }

is "$(lmsctl -o json whoami | jq -r .roles | grep -o admin)" admin "root is an administrator"
as_nobody zone list >/dev/null 2>"$TMPDIR/err"; is $? 77 "a stranger may not read"
grep -q lms-view "$TMPDIR/err" && ok "and is told which group may" || not_ok "and is told which group may" "$(cat "$TMPDIR/err")"
as_nobody zone set P1 static=100 >/dev/null 2>&1; is $? 77 "nor change anything"
lmsctl site set dashboard=public >/dev/null
as_nobody zone list >/dev/null 2>&1; is $? 0 "a public dashboard may be read by everyone"
as_nobody zone set P1 static=100 >/dev/null 2>&1; is $? 77 "but not changed"
as_nobody tag list >/dev/null 2>&1; is $? 77 "and shows no tags"
screen=$(setpriv --reuid=65534 --regid=65534 --clear-groups "$BIN/lmstop" -s "$SOCKET" --once --screen tags 2>&1)
is "$? $(grep -c 'tags are for operators' <<<"$screen")" "0 1" "which lmstop says on their screen, instead of an error"
is "$(stat -c %a "$SOCKET")" 666 "the socket is open to all: the kernel says who calls"
done_testing
