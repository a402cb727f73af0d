#!/bin/bash
# lmstop --once: one frame on paper, exit statuses, arguments; its manual page.
. "$(dirname "$0")/lib.sh"
here=$ROOT/tests/integration
export TZ=UTC LC_ALL=C.UTF-8
unset LMS_SOCKET NO_COLOR
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null' EXIT

# fake PROGRAM MODE: a server at $TMPDIR/MODE
fake() {
	python3 "$here/$1" "$TMPDIR/$2" "$2" <> <(:) >"$TMPDIR/$2.out" &
	pids+=($!)
	until_true 20 grep -q ready "$TMPDIR/$2.out" || not_ok "the stand-in $2 starts"
}
fake fake_site.py serve
fake fake_site.py partly
fake fake_lmsd.py version
fake fake_lmsd.py norole
fake fake_lmsd.py hangup
fake fake_lmsd.py garbage

# frame NAME STATUS PATTERN arguments…
frame() {
	local name=$1 status=$2 pattern=$3 out got
	shift 3
	out=$("$BIN/lmstop" "$@" 2>&1 </dev/null)
	got=$?
	if [[ $got == "$status" && $out =~ $pattern ]]; then ok "$name"; else
		not_ok "$name" "lmstop $*: status $got ($status wanted), /$pattern/: $out"
	fi
}
s=(-s "$TMPDIR/serve" --once)
frame "the overview has tiles, gauges with marks, connectors with reasons" 0 \
	'2/2 connected +ok.*Main board main.*limit for cars 63 A \(static\).*57/63 A  90 % !.*60/63 A  95 % !!.*10/63 A  16 % ok.*CP1/1.*Charging.*16 A +16 A.*free: may take' \
	"${s[@]}" --size 110x30
frame "a small frame says what was cut" 0 'Fake site.*more lines' "${s[@]}" --size 60x7
frame "zones" 0 'main +Main board +63 A +static' "${s[@]}" --screen zones
frame "stations, made safe" 0 'CP1 +online +main +0?.*\\x1b\[31mAlpha' "${s[@]}" --screen 2
frame "meters" 0 'board +ok .*63 A +43.5 kW' "${s[@]}" --screen meters
frame "transactions" 0 '7 +CP1/1 +04A1 +Anna Keller' "${s[@]}" --screen transactions
frame "transactions have what they cost" 0 'cost.*7 +CP1/1 .*0.43 EUR' "${s[@]}" --screen transactions --size 120x20
frame "tags, and unknown ones below" 0 \
	'04A1 +Anna Keller +.*active +8.77 kWh.*unknown.*0B02 +4 .*CP2' "${s[@]}" --screen tags --utc
frame "a tag with its transactions and credit" 0 \
	'comment +fleet.*6 +CP2/1 +ended.*2.45 EUR.*recharge +10.00 kWh' "${s[@]}" --screen tag/04A1 --utc --size 100x40
frame "an alert" 0 'since +2026-11-19 05:00:00.*latest events' "${s[@]}" --screen alert/3 --utc
frame "alerts" 0 'warning +CP9 +station_offline' "${s[@]}" --screen 6 --utc
frame "events" 0 'info +station +CP1 +station_booted +vendor=Alpha' "${s[@]}" --screen 7 --utc
frame "colours where they are asked for" 0 $'\033\\[0;32m' "${s[@]}" --color=always
frame "a time zone is taken" 0 '05:30:00|11-21' "${s[@]}" --screen events --tz Europe/Paris

"$BIN/lmstop" "${s[@]}" --size 90x20 >"$TMPDIR/frame"
is "$(grep -c $'\033' "$TMPDIR/frame")" 0 "no colours where there is no terminal"
is "$(wc -l <"$TMPDIR/frame")" 20 "a frame has as many lines as it was asked for"
is "$(wc -L <"$TMPDIR/frame")" 90 "and is as wide"
is "$(LC_ALL=C "$BIN/lmstop" "${s[@]}" | LC_ALL=C grep -c '[^ -~]')" 0 "a C locale gets ASCII only"

frame "no daemon is 69, and says where it looked" 69 "^lmstop: lmsd does not answer at $TMPDIR/none" -s "$TMPDIR/none" --once
frame "a daemon that does not tell everything is 69" 69 'did not tell everything' -s "$TMPDIR/partly" --once
frame "one that hangs up is 69" 69 'closed the connection' -s "$TMPDIR/hangup" --once
frame "another protocol is 76" 76 'speaks protocol version 2' -s "$TMPDIR/version" --once
frame "what is not lmsd is 76" 76 'is not lmsd' -s "$TMPDIR/garbage" --once
frame "a missing role is 77" 77 'lms-view' -s "$TMPDIR/norole" --once
frame "a size that is none" 64 "'0x0' is not a size" --size 0x0
frame "a theme that is none" 64 "'pink' is none of" --theme pink
frame "a screen that is none" 64 "no screen 'cars'" --screen cars
frame "a zone that is none" 64 "not a time zone" --tz Mars/Phobos
frame "a word too many" 64 "too many" overview
frame "an option that is none" 64 "see lmstop --help" --frob
frame "no terminal to draw on" 64 "not a terminal \(--once" -s "$TMPDIR/serve"
frame "help" 0 'usage: lmstop' --help
frame "version" 0 '^lmstop [0-9]' -V
"$BIN/lmstop" "${s[@]}" >/dev/full 2>"$TMPDIR/err"
is "$? $(cat "$TMPDIR/err")" "74 lmstop: cannot write the frame: No space left on device" "a full disk is 74"

page=$BUILD/man/lmstop.1
[ -e "$page" ] || page=${BIN%/bin}/man/lmstop.1
if [ -e "$page" ]; then
	is "$(mandoc -Tlint -Wwarning "$page")" "" "the manual page is clean"
	text=$(mandoc -Tascii "$page" | sed 's/.\x08//g')
	missing=
	while IFS= read -r help; do
		grep -qF -- "${help%%…*}" <<<"$text" || missing+="$help; "
	done < <(sed -n 's/^KEY(.*"\([^"]*\)")$/\1/p' "$ROOT/lmstop/keys.def")
	is "$missing" "" "the manual page has every key"
	is "$(grep -c '^KEY(' "$ROOT/lmstop/keys.def")" "$("$BIN/lmstop" __doc keys | grep -c '^\.It')" "and as many as there are"
else
	not_ok "the manual page is built" "$page is missing"
fi
done_testing
