#!/bin/bash
# Alerts of a real lmsd: raised, taken in hand, kept over kill -9, over; and who may what.
. "$(dirname "$0")/lib.sh"

field() { lmsctl -o value -f "$2" alert show "$1"; }
count() { lmsctl -o value -f id alert list "$@" | grep -c .; }
has_count() { [ "$(count "${@:2}")" = "$1" ]; }

start_lmsd
lmsctl -q alert_rule set meter_lost delay=0s
is "$(lmsctl -o value -f delay_ms alert_rule show meter_lost)" 0 "a rule is shown as it was set"
is "$(count)" 0 "a new site has no alert"
lmsctl -q meter add M1 profile=SDM630 address=1@127.0.0.1:9
until_true 30 has_count 1 && ok "a meter that does not answer is an alert" || not_ok "a meter that does not answer is an alert"
is "$(field 1 alert)/$(field 1 object)/$(field 1 state)/$(field 1 severity)" meter_lost/M1/open/error "it says what and how bad"
[[ $(field 1 text) == *"Connection refused"* ]] && ok "and why" || not_ok "and why" "$(field 1 text)"
is "$(lmsctl -o value -f alerts status)" 1 "status counts it"
lmsctl -q alert ack 1 note='fuse of the meter'
is "$(field 1 state)/$(field 1 note)" "acknowledged/fuse of the meter" "somebody has it in hand"
is "$(lmsctl -o value -f alerts status)" 0 "then status does not count it"

kill -9 "$LMSD"
wait "$LMSD" 2>/dev/null
start_lmsd
is "$(field 1 state)/$(field 1 note)" "acknowledged/fuse of the meter" "a crash forgets neither the alert nor who has it"
is "$(lmsctl -o value -f delay_ms alert_rule show meter_lost)" 0 "nor the rule"

lmsctl -q alert_rule set meter_lost on=no
until_true 30 has_count 0 && ok "what its rule turns off is over" || not_ok "what its rule turns off is over"
is "$(field 1 state)" over "and is history"
has_count 1 all=yes && ok "that can be listed" || not_ok "that can be listed"

says() { # STATUS PATTERN NAME ARGUMENTS…
	local out got
	out=$("$BIN/lmsctl" -s "$SOCKET" "${@:4}" 2>&1)
	got=$?
	if [[ $got == "$1" && $out =~ $2 ]]; then ok "$3"; else not_ok "$3" "status $got: $out"; fi
}
says 5 'alert 1: is over' "what is over cannot be taken in hand" alert ack 1
says 4 'alert 99: does not exist' "nor what never was" alert ack 99
says 4 "did you mean 'meter_lost'" "a misspelt kind is put right" alert_rule set meter_lots on=no
says 65 'delay: .*0s to 7d' "a delay has its range" alert_rule set meter_lost delay=8d
done_testing
