#!/bin/bash
# lmstop on a terminal (tmux): pushes, keys, actions, another size, a lost daemon, and leaving in every way.
. "$(dirname "$0")/lib.sh"
here=$ROOT/tests/integration
export TZ=UTC LC_ALL=C.UTF-8
unset LMS_SOCKET NO_COLOR TMUX
sock=$TMPDIR/site
if ! python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
	echo "ok 1 - lmstop on a terminal # skip there are no pseudo-terminals here"
	echo 1..1
	exit
fi

site_start() {
	rm -f "$TMPDIR/in"
	mkfifo "$TMPDIR/in"
	python3 "$here/fake_site.py" "$sock" <"$TMPDIR/in" >"$TMPDIR/site.out" &
	site=$!
	exec 8>"$TMPDIR/in"
	until_true 20 grep -q ready "$TMPDIR/site.out" || not_ok "the stand-in starts"
}
site_stop() {
	echo drop >&8
	wait "$site"
}
mux() { tmux -S "$TMPDIR/tmux" -f /dev/null -u "$@"; }
screen() { mux capture-pane -p -t t; }
shows() { [[ $(screen) =~ $1 ]]; }
# sees NAME PATTERN: the screen comes to show it
sees() {
	if until_true 20 shows "$2"; then ok "$1"; else not_ok "$1" "/$2/ is not in: $(screen)"; fi
}
keys() { mux send-keys -t t "$@"; }
logged() { grep -qF -- "$1" "$sock.log"; }
finish() {
	exec 8>&-
	mux kill-server 2>/dev/null
	kill "$site" 2>/dev/null
}
trap finish EXIT

site_start
mux new-session -d -s t -x 100 -y 30 "PS1='$ ' exec bash --norc --noprofile -i"
keys 'ulimit -c 0' Enter
mux set -g default-terminal tmux-256color >/dev/null
start() { keys "clear; $* $BIN/lmstop -s $sock; echo left=\$?; stty -a | grep -o '[-]*icanon'" Enter; }

start
sees "the overview comes up" 'Fake site.*2/2 connected.*CP1/1 +Charging'
keys 5
sees "tags come when their screen is opened" '04A1 +Anna Keller.*unknown.*0B02'
if logged '"args": {"last": 500}'; then ok "a bounded page of them"; else not_ok "a bounded page of them" "$(grep tag.list "$sock.log")"; fi
echo 'tag.list {"uid":"04A1","holder":"Anna K.","active":false,"transactions":3}' >&8
sees "and what changes in them" '04A1 +Anna K\. +blocked'
keys Enter
sees "a tag has its transactions and its credit" 'fleet.*CP2/1 +ended.*recharge'
keys Enter
sees "and one of them that is over has its record" 'Transaction 6.*2026-11-20 05:30:00'
keys Escape
echo 'gone tag.list 04A1' >&8
echo 'end tag.show' >&8
sees "a tag that is deleted meanwhile is not shown as if it were there" 'tag 04A1 is not known.*CP2/1 +ended'
keys 0
sees "the overview is there again" 'Stations.*CP1/1'
until_true 20 eval '[ "$(grep -c system.unwatch "$sock.log")" = 3 ]' && ok "what nobody looks at is watched no more" ||
	not_ok "what nobody looks at is watched no more" "$(grep -c system.unwatch "$sock.log")"
echo 'connector.list {"id":"CP1/1","station":"CP1","number":1,"zone":"main","online":true,"status":"SuspendedEV","limit_ma":9000,"reason":"reclaimed"}' >&8
sees "what is pushed is shown" 'CP1/1 +SuspendedEV .* 9 A +reclaimed'
mux resize-window -t t -x 70 -y 20
sees "another size is drawn without a key" 'Stations.*Sessions'
sees "to its last line" 'quit *$'
mux resize-window -t t -x 100 -y 30
keys 3 Enter
sees "a meter with its variables" 'voltage_l1n +231.7 +V +good'
until_true 20 logged '"verb": "meter.show", "args": {"id": "board"}' && ok "they are watched" || not_ok "they are watched"
sees "and its chart, of two pages" '\[currents\].*\[1 h\].*1 L1 9\.0\.\.9\.6'
keys -- -
sees "of a longer time" '\[6 h\].*1 L1 9'
keys c
sees "of other variables" '\[powers\].*kW.*T power_total'
keys u
sees "without a phase" 'L1 is off'
keys u + c c
sees "and back again" '\[currents\].*\[1 h\].*1 L1 9'
keys Escape
until_true 20 logged 'system.unwatch' && ok "as long as they are looked at" || not_ok "as long as they are looked at"
keys 0 Down Enter Enter
sees "a connector with the causes of its limit" 'zone main is full.*└its static limit is 63 A'
keys 0 Down x
sees "actions are offered" 'end the transaction'
keys e
sees "the question names the target" 'End the transaction on CP1/1\?'
logged connector.stop && not_ok "nothing is sent before the answer" || ok "nothing is sent before the answer"
keys y
sees "the station's answer is shown" 'CP1/1: stop: Accepted'
keys x s
sees "a tag is asked for" 'tag:'
keys 04FF Enter y
sees "an error is shown" "start: tag '04FF' is unknown"
logged '{"method": "connector.start", "params": {"id": "CP1/1", "tag": "04FF"}}' && ok "with what was typed" || not_ok "with what was typed"
keys 2
sees "stations" 'CP1 +online'
keys / CP2 Enter
sees "are filtered" 'filter: CP2'
keys Escape '?'
sees "help" 'back to where you came from'
keys x 0 p
sees "held" PAUSED
keys p

site_stop
sees "a lost daemon is told with a countdown" 'What is shown is [0-9]+ s old, next try in [0-9]+ s: .*closed the connection'
sees "what was known stays" 'CP1/1 +SuspendedEV'
keys x
sees "but cannot be acted on" 'while lmsd is away'
site_start
sees "it comes back by itself" 'CP1/1 +Charging'
shows 'next try in' && not_ok "and the banner goes" || ok "and the banner goes"

# how NAME: it ended by now; status 0 and the terminal as before
restored() {
	if until_true 20 shows $'left=0\nicanon'; then ok "$1 leaves with status 0"; else
		not_ok "$1 leaves with status 0" "$(screen)"
	fi
	is "$(mux display -p -t t '#{alternate_on} #{cursor_flag}')" "0 1" "$1 gives the terminal back"
}
# What is typed next is for the shell.
leave() {
	keys q
	until_true 20 shows left=0
}
pid() { pgrep -f "^$BIN/lmstop -s $sock"; }
keys q
restored q
for signal in TERM INT HUP QUIT; do
	start
	sees "again" 'CP1/1 +Charging'
	kill -$signal "$(pid)"
	restored SIG$signal
done
start
sees "again" 'CP1/1 +Charging'
keys C-c
restored ^C
start ASAN_OPTIONS=handle_segv=0
sees "again" 'CP1/1 +Charging'
keys C-z
sees "^Z suspends it" Stopped
keys fg Enter
sees "fg brings it back" 'CP1/1 +Charging'
keys 2
sees "and keys work" 'station +state'
kill -SEGV "$(pid)"
sees "a crash tells of itself" 'Segmentation fault|left=1'
is "$(mux display -p -t t '#{alternate_on} #{cursor_flag}')" "0 1" "and gives the terminal back"
start TERM=linux
sees "the Linux console gets ASCII" '\+- Stations -'
leave
start TERM=vt100
sees "a terminal without colours" 'CP1/1 +Charging'
leave
start TERM=nonsense
sees "a terminal that cannot be drawn on" 'TERM=nonsense is not a terminal.*left=64'
site_stop
start
sees "without a daemon it waits" 'No lmsd for [0-9]+ s, next try in [0-9]+ s: .*No such file'
site_start
sees "until there is one" 'CP1/1 +Charging'
mux kill-session -t t
gone() { ! pid; }
until_true 20 gone && ok "it ends with its terminal" || not_ok "it ends with its terminal"
done_testing
