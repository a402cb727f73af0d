#!/bin/bash
# timeout: 180
# The manual pages are clean and complete, and what is shown works: the ```sh blocks of README.md and the
# examples of lmsctl(1) are run, line by line and in order, each on a lmsd of its own with the station
# CP001 of which they speak.
. "$(dirname "$0")/lib.sh"
MAN=$(dirname "$BIN")/man
export LMS_SOCKET=$SOCKET PATH=$BIN:$PATH

# ---- manual pages ----

for page in lmsd.8 lmsd.conf.5 lmsctl.1 lmsd-control.7 lmstop.1 lmsd-mqtt.7; do
	if [ ! -f "$MAN/$page" ]; then
		not_ok "$page is built"
	else
		# What mandoc finds beyond warnings is matters of taste, or pages that are not installed here.
		is "$(mandoc -Tlint -Wwarning "$MAN/$page" 2>&1)" "" "mandoc has nothing to say about $page"
	fi
done
# Pages as plain text on one line: what is searched may be broken there.
flat() { mandoc -Tutf8 -Owidth=1000 "$MAN/$1" | sed 's/.\x08//g' | tr -s '[:space:]' ' '; }

# all_in PAGE NAME: does the page hold every line of stdin?
all_in() {
	local page=$1 name=$2 text count=0 missing= line
	text=$(flat "$page")
	while IFS= read -r line; do
		count=$((count + 1))
		[[ $text == *" $line "* ]] || missing+="$line; "
	done
	if [ $count -gt 0 ] && [ -z "$missing" ]; then ok "$name ($count)"; else not_ok "$name" "missing of $count: $missing"; fi
}

nouns() { lmsctl help | sed -n 's/^  \([a-z]*\) \{3,\}[a-zA-Z].*$/\1/p'; }
verbs() { for noun in $(nouns); do lmsctl help "$noun"; done 2>&1 | sed -n 's/^  lmsctl \([a-z]* [a-z -]*[a-z]\).*/\1/p'; }
options() { lmsctl help | sed -n 's/^  .*\(--[a-z-]*\) .*/\1/p'; }
all_in lmsctl.1 "lmsctl(1) has every command of the help" < <(verbs)
all_in lmsctl.1 "lmsctl(1) has every option of the help" < <(options)
all_in lmsd-control.7 "lmsd-control(7) has every method of the schema" < <(lmsctl schema | jq -r '.methods | keys[]')
all_in lmsd.conf.5 "lmsd.conf(5) has every key of lmsd -n" < <("$BIN/lmsd" -n | awk '{ print $1 " =" }')
"$BIN/lmsd" -n -c "$ROOT/etc/lmsd.conf" >"$TMPDIR/shipped.out" 2>&1
is $? 0 "the example of a boot file is valid"

# ---- what is shown works ----

cat >"$TMPDIR/stations.json" <<'END'
{"stations": [{"id": "CP001", "vendor": "Alpha", "model": "Post 22", "cars": [{"tag": null, "arrive": 0}]}]}
END
waits() { [ "$(lmsctl station pending -o value -f id)" = CP001 ]; }
plugged() { [ "$(lmsctl connector show CP001/1 -o value -f status 2>/dev/null)" = Preparing ]; }
charges() { [ "$(lmsctl status -o value -f charging)" = 1 ]; }

# run DOCUMENT COMMAND: one line of it, in a shell of its own.
run() {
	local limit=60 wanted=0 status
	# These stay until they are ended.
	case " $2 " in *" -w "*|*" events -f "*|*" tag learn --station "*) limit=3 wanted=124 ;; esac
	timeout $limit bash -o pipefail -c "$2" >"$TMPDIR/command.out" 2>"$TMPDIR/command.err" </dev/null
	status=$?
	if [ $status = $wanted ]; then
		ok "$1: $2"
	else
		not_ok "$1: $2" "exit status $status
$(head -20 "$TMPDIR/command.out" "$TMPDIR/command.err")"
	fi
	case $2 in
	*station\ accept*) until_true 30 plugged || not_ok "the accepted station tells that a car is plugged in" ;;
	*connector\ start*) until_true 30 charges || not_ok "the car charges" ;;
	esac
}

# session DOCUMENT: runs the lines of stdin, all of lmsctl, on a lmsd of their own with CP001 waiting.
session() {
	local document=$1 command sim
	STATE=$TMPDIR/$document.state PORT=0
	start_lmsd
	/usr/bin/python3 "$ROOT/tests/sim/stations.py" --url "ws://127.0.0.1:$PORT" \
		--stations "$TMPDIR/stations.json" >"$TMPDIR/stations.out" 2>&1 &
	sim=$!
	trap 'kill $sim $LMSD 2>/dev/null; wait $sim $LMSD 2>/dev/null' EXIT
	until_true 30 waits || not_ok "the station of $document waits" "$(cat "$TMPDIR/stations.out")"
	mkdir "$TMPDIR/$document.home" && cd "$TMPDIR/$document.home" || exit 1
	while IFS= read -r command; do
		case $command in
		lmsctl\ *) run "$document" "$command" ;;
		*) not_ok "$document shows a command of lmsctl" "$command" ;;
		esac
	done
	cd "$ROOT" || exit 1
	kill $sim $LMSD
	wait $sim $LMSD 2>/dev/null
}
session README < <(sed -n '/^```sh$/,/^```$/{/^```/d;p}' README.md)
session "lmsctl(1)" < <(sed -n '/^\.Sh EXAMPLES/,$s/^\$ //p' man/lmsctl.1.in)

is "$(wc -l <README.md | awk '{ print ($1 < 250) ? "short" : $1 }')" short "the README has less than 250 lines"
for room in $(sed -n 's/^| \(`[^|]*\) |.*/\1/p' README.md | tr -d '`,'); do
	[ -n "$(compgen -G "$ROOT/$room")$(compgen -G "$ROOT/lmsd/$room")" ] || not_ok "the README's room $room exists"
done

# The first example of lmsd-control(7): commands behind "$ ", their further lines indented, then what they print.
STATE=$TMPDIR/control.state PORT=0
start_lmsd
lmsctl zone create main static=63,63,40 -q
example=$(sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' man/lmsd-control.7.in | sed -n '/^\.Bd/,/^\.Ed/{/^\./d;/./p}')
shown=$(grep -v '^\$ \|^    ' <<<"$example")
script=$(sed -n 's/^\$ //p; /^    /p' <<<"$example" | sed "s|/run/lms/lmsd.sock|$SOCKET|")
is "$(bash -c "$script" 2>&1)" "$shown" "the example of lmsd-control(7) prints what the page shows"

# ---- the tree ----

if git rev-parse --git-dir >/dev/null 2>&1; then
	found=$(git grep -nIE '/(work|home|tmp/wt)/|registry\.[a-z]+\.(org|io|com)|pypi\.org|deb\.debian\.org' \
		-- . ':!tests/integration/test_docs.sh')
	is "$found" "" "the tree names no path of a machine and no registry"
else
	ok "the tree names no path of a machine and no registry # skip not a git repository"
fi
done_testing
