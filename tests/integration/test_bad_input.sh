#!/usr/bin/env bash
# timeout: 120
# Bad input of every kind is refused with an error that names place and remedy, and changes nothing.
set -u
. "$(dirname "$0")/lib.sh"

start_lmsd
lmsctl zone create P1 static=60 >/dev/null
lmsctl zone create P2 parent=P1 static=32 >/dev/null
lmsctl meter add M profile=SDM630 address=1@127.0.0.1:1 >/dev/null
lmsctl station add CP1 zone=P2 wiring=RST connectors=1 >/dev/null
before=$(lmsctl -o json config show)

# refused STATUS PATTERN NAME COMMAND...: exits with STATUS, says PATTERN on stderr, changes nothing.
refused() {
	local status=$1 pattern=$2 name=$3 out got
	shift 3
	out=$("$@" 2>&1 >/dev/null)
	got=$?
	if [ $got -ne "$status" ] || ! grep -Eq -- "$pattern" <<<"$out"; then
		not_ok "$name" "status $got (expected $status): $out"
	elif [ "$(lmsctl -o json config show)" != "$before" ]; then
		not_ok "$name" "the configuration has changed"
	else
		ok "$name"
	fi
}
apply() { printf '%s' "$1" >"$TMPDIR/bad.json"; lmsctl apply -y -f "$TMPDIR/bad.json"; }

refused 65 "parent.*NOWHERE" "a zone whose parent is missing" lmsctl zone create X parent=NOWHERE static=10
refused 65 "P1.*P2|P2.*P1" "a zone that becomes its own ancestor" lmsctl zone set P1 parent=P2
refused 65 "CP1: step" "a step that no station knows" lmsctl station set CP1 step=0.5
refused 65 "CP1: step" "the same in a document" apply '{"zones":[{"id":"P1","static":60}],"stations":[{"id":"CP1","zone":"P1","wiring":"RST","connectors":1,"step":"0.5"}]}'
refused 65 "idle.*P2|P2.*idle" "idle sums above a cap" lmsctl station add CP2 zone=P2 idle=33 max=33 wiring=RST connectors=1
refused 65 "meter_lost" "a dynamic zone without meter_lost" lmsctl zone set P1 dynamic=60 meter=M
refused 65 "meter" "a dynamic zone without a meter" lmsctl zone set P1 dynamic=60 meter_lost=10
refused 65 "meter_lost" "idle sums above meter_lost" apply '{"zones":[{"id":"D","dynamic":60,"meter":"M","meter_lost":1}],"stations":[{"id":"CPD","zone":"D","wiring":"RST","connectors":1,"idle":6}]}'
refused 65 "static" "a limit of zero" lmsctl zone set P1 static=0
refused 65 "static" "a negative limit" lmsctl zone set P1 static=-5
refused 65 "static" "a limit that is no number" lmsctl zone set P1 static=NaN
refused 65 "static.*6300" "a limit above 6300 A" lmsctl zone set P1 static=6301
refused 64 "statik.*static|static.*statik" "an unknown key, with the one that was meant" lmsctl zone set P1 statik=10
refused 65 "zones\[0\].*fuze" "an unknown key in a document, with its place" apply '{"zones":[{"id":"Q","fuze":"10A"}]}'
refused 65 "bad.json" "a document that is not JSON, with file and line" apply '{"zones": [}'
refused 65 "identity|id" "an identity with a slash" lmsctl station add CP/1 zone=P1
refused 65 "48" "an identity above 48 characters" lmsctl station add "$(printf 'x%.0s' $(seq 49))" zone=P1
refused 65 "id" "an identity with a control character" lmsctl station add "$(printf 'a\tb')" zone=P1
refused 4 "NOTAG" "an unknown tag" lmsctl tag show NOTAG
refused 4 "ZZ" "an unknown zone" lmsctl zone set ZZ static=10
refused 65 "profile.*SDM" "an unknown meter profile" lmsctl meter add M2 profile=SDM63O address=1@127.0.0.1
refused 65 "address" "an address without a host" lmsctl meter add M2 profile=SDM630 address=300@127.0.0.1
refused 65 "timezone" "an unknown time zone" lmsctl site set timezone=Europe/Nowhere
refused 5 "CP1|P2" "the deletion of a zone that is in use" lmsctl zone delete P2 -y

# A single-phase zone has no L2 and L3; that is not a zero limit.
lmsctl zone create S1 phases=1 static=20 >/dev/null && ok "a single-phase zone" || not_ok "a single-phase zone"
before=$(lmsctl -o json config show)
refused 65 "S2|static" "a limit on a phase that a single-phase zone lacks" lmsctl zone create S2 phases=1 static=20,16,16

# A station that nothing limits is allowed, and told.
lmsctl zone create open -q && lmsctl station add FREE1 zone=open wiring=RST -q
[[ $(lmsctl status -o value -f missing) == *"1 station below no zone with a limit"* ]] &&
	ok "the status tells of a station that nothing limits" || not_ok "the status tells of a station that nothing limits"
lmsctl zone set open static=32 -q
[[ $(lmsctl status -o value -f missing) != *"below no zone"* ]] &&
	ok "with a limit it is silent again" || not_ok "with a limit it is silent again"
before=$(lmsctl -o json config show)

# The control socket by hand.
say() { printf '%s\n' "$1" | timeout 10 socat -t 2 - "UNIX-CONNECT:$SOCKET" | sed 1d | head -n 1; }
[[ $(say 'this is not JSON') == *-32700* ]] && ok "a control line that is not JSON" || not_ok "a control line that is not JSON"
[[ $(say '{"jsonrpc":"2.0","id":1,"method":"zone.fly"}') == *-32601* ]] && ok "an unknown method" || not_ok "an unknown method"
[[ $(say '{"jsonrpc":"2.0","id":1,"method":"zone.show","params":{"id":"P1","colour":1}}') == *colour* ]] &&
	ok "an unknown argument" || not_ok "an unknown argument"
deep=$(printf '[%.0s' $(seq 40))
[[ $(say "$deep") == *'"error"'* ]] && ok "a control line nested too deep" || not_ok "a control line nested too deep"

# Boot file and start-up.
boot() { printf '%s\n' "$1" >"$TMPDIR/bad.conf"; "$BIN/lmsd" -n -c "$TMPDIR/bad.conf"; }
refused 78 "bad.conf:1.*listn" "an unknown key in the boot file, with its line" boot 'listn = { ws = "127.0.0.1:1"; };'
refused 78 "bad.conf:[23]" "a boot file that does not parse" boot $'registration = "pending";\nlisten = {'
refused 64 "colour" "an unknown key of -o" "$BIN/lmsd" -n -o colour=red
refused 5 "another lmsd|uses" "a second lmsd on the same state directory" \
	"$BIN/lmsd" -d "$STATE" -s "$TMPDIR/other.sock" -o listen.ws=127.0.0.1:0 -o listen.wss=off
second() {
	timeout 20 "$BIN/lmsd" -d "$TMPDIR/state2" -s "$TMPDIR/other.sock" -o "listen.ws=127.0.0.1:$PORT" -o listen.wss=off
}
out=$(second 2>&1); status=$?
[ $status -ne 0 ] && [ $status -ne 124 ] && grep -q "$PORT" <<<"$out" && ok "a port in use" || not_ok "a port in use" "$status $out"
done_testing
