# What the shell tests share: TAP, and a lmsd of their own. Sourced; wants BIN and TMPDIR.
: "${BIN:=$(cd "$(dirname "$0")/../.." && pwd)/build/bin}"
: "${TMPDIR:=$(mktemp -d)}"
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STATE=$TMPDIR/state
SOCKET=$TMPDIR/lmsd.sock
tests=0
failures=0

ok() { tests=$((tests + 1)); printf 'ok %d - %s\n' "$tests" "$1"; }
not_ok() {
	tests=$((tests + 1)) failures=$((failures + 1))
	printf 'not ok %d - %s\n' "$tests" "$1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/# /'
}
# is ACTUAL EXPECTED NAME
is() { if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3" "got '$1', expected '$2'"; fi; }
done_testing() { printf '1..%d\n' "$tests"; [ "$failures" = 0 ]; exit; }

lmsctl() { "$BIN/lmsctl" -s "$SOCKET" "$@"; }

# until_true SECONDS COMMAND...: polls a condition with a deadline.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.1 <> <(:) || :
	done
}

# Starts lmsd with more options if given; sets LMSD (pid) and PORT. It ends with the test.
start_lmsd() {
	: >"$TMPDIR/lmsd.out"	# what one before it said must not count
	"$BIN/lmsd" -d "$STATE" -s "$SOCKET" -o "listen.ws=127.0.0.1:${PORT:-0}" -o listen.wss=off \
		-o meters.directory="$ROOT/etc/meters" -o meters.site_directory= "$@" \
		>"$TMPDIR/lmsd.out" 2>>"$TMPDIR/lmsd.log" &
	LMSD=$!
	trap 'kill $LMSD 2>/dev/null; wait $LMSD 2>/dev/null' EXIT
	if ! until_true 30 grep -q ^ready "$TMPDIR/lmsd.out"; then
		sed 's/^/# /' "$TMPDIR/lmsd.log"
		not_ok "lmsd starts"
		done_testing
	fi
	PORT=$(sed -n 's/^ready ws=\([0-9]*\).*/\1/p' "$TMPDIR/lmsd.out")
}
