#!/bin/bash
# lmsctl against a stand-in for lmsd: its formats, its exit codes, and a daemon that misbehaves.
export PATH="$BIN:$PATH" TZ=UTC LC_ALL=C.UTF-8
unset LMS_SOCKET NO_COLOR
dir=${TMPDIR:-/tmp}
here=$(dirname "$0")
count=0
servers=()
trap 'kill "${servers[@]}" 2>/dev/null' EXIT

# fake MODE: starts a server on $dir/MODE and waits until it listens
fake()
{
	coproc FAKE { exec python3 "$here/fake_lmsd.py" "$dir/$1" "$1"; }
	servers+=("$FAKE_PID")
	read -r -t 20 _ <&"${FAKE[0]}"
	eval "exec ${FAKE[0]}<&- ${FAKE[1]}>&-"
}

# check NAME STATUS PATTERN lmsctl-words…: status and a regular expression on stdout and stderr
check()
{
	local name=$1 want=$2 pattern=$3 out status
	shift 3
	out=$(lmsctl "$@" 2>&1 </dev/null)
	status=$?
	count=$((count + 1))
	if [[ $status == "$want" && $out =~ $pattern ]]; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		printf '# lmsctl %s: status %s (%s wanted), /%s/\n' "$*" "$status" "$want" "$pattern"
		printf '%s\n' "$out" | sed 's/^/# /'
	fi
}

for mode in serve version garbage hangup vanish norole lines; do
	fake $mode
done
s=(-s "$dir/serve")

check "status says 3 when there is no lmsd" 3 "^lmsctl: status: lmsd does not answer at $dir/none" -s "$dir/none" status
check "other commands say 69" 69 "is it running" -s "$dir/none" zone list
check "another protocol version is 76" 76 "speaks protocol version 2, this program speaks 1" -s "$dir/version" zone list
check "what is not lmsd is 76" 76 "is not lmsd" -s "$dir/garbage" zone list
check "a server that hangs up is 69" 69 "closed the connection at once" -s "$dir/hangup" zone list
check "an lmsd that dies before it answers is 69" 69 "closed the connection$" -s "$dir/vanish" zone list
check "a missing role is 77" 77 "needs membership of group lms-view" -s "$dir/norole" status
check "bytes may come one by one" 0 "P10" -s "$dir/lines" zone list
check "a socket path beyond the kernel's is 64" 64 "too long" -s "/$(printf 'x%.0s' {1..200})" zone list

check "a list is fetched page by page" 0 $'^main\nP1\nP10\nP2$' "${s[@]}" zone list -o value
check "a limit ends it" 0 $'^main\nP1\nP10$' "${s[@]}" zone list -o value --limit 3
check "sorting knows numbers in names" 0 $'^main\nP10\nP2\nP1$' "${s[@]}" zone list -o value --sort -id
check "a table has human units" 0 "125 A .*100 A .*60.1/20/0 A" "${s[@]}" zone list
check "text from outside cannot steer a terminal" 0 'Car park \\u\{202E\}\\x1b\[31m1' "${s[@]}" zone list
check "JSON has raw integers" 0 '"fuse_ma":125000' "${s[@]}" zone list -o json
check "fields of the future pass through JSON" 0 '"a_field_of_the_future":\{"x":1\}' "${s[@]}" zone show P1 -o json
check "chosen fields go by their short names" 0 $'^\{"id":"P1","static_ma":\[60000,null,null\]\}$' \
	"${s[@]}" zone show P1 -o ndjson -f id,static
check "formulas are neutralised in CSV" 0 "\"'=cmd\|calc, \"\"x\"\"\"" "${s[@]}" zone list -o csv -f title
check "numbers in CSV are raw" 0 $'^id,fuse_ma\r\nmain,125000\r\n' "${s[@]}" zone list -o csv -f id,fuse

check "a quantity is checked before it is sent" 65 "^lmsctl: zone set: fuse: '12x' is not a current \(write 30 or 30A" \
	-s "$dir/none" zone set P1 fuse=12x
check "an unknown key gets a suggestion" 64 "fuze: unknown \(did you mean 'fuse'\?\)" -s "$dir/none" zone set P1 fuze=12
check "an unknown command too" 64 "did you mean 'zone'" zome list
check "an unknown verb too" 64 "did you mean 'config get'" station config gte CP1
check "a missing argument is named" 64 "id: missing" zone show
check "an unknown field is named" 64 "field 'fuze' is unknown \(did you mean 'fuse'" "${s[@]}" zone list -f fuze
check "an object that is not there is 4" 4 "zone 'P9' does not exist" "${s[@]}" zone show P9
check "a dry run shows the difference" 0 "^fuse: 125 A -> 63 A$" "${s[@]}" zone set main fuse=63 -n
check "an option is a key's other writing" 0 "^fuse: 125 A -> 63 A$" "${s[@]}" zone set main --fuse 63 -n

check "what destroys needs -y where nobody can be asked" 64 "add -y" "${s[@]}" zone delete P1
check "with -y it is done" 0 "^done$" "${s[@]}" zone delete P1 -y
check "a dry run needs no -y" 0 "^can be done$" "${s[@]}" zone delete P1 -n
check "a station that accepts is 0" 0 "^Accepted$" "${s[@]}" station restart CP1 --hard -y
check "a station that refuses is 6" 6 "^Rejected$" "${s[@]}" station restart CP2 -y
check "RebootRequired is accepted, with a note" 0 "^RebootRequired \(" "${s[@]}" station config set CP1 Key A=B
check "a station that is offline is 75" 75 "station CP1 is offline" "${s[@]}" station trigger CP1 Heartbeat
check "a raw call prints the raw answer" 0 '^\{"configurationKey":\[\{"key":"HeartbeatInterval","readonly":false' \
	"${s[@]}" station call CP1 GetConfiguration '{"key":[]}'
check "a CALLERROR is 6" 6 "NotSupported" "${s[@]}" station call CP1 Bad
check "station configuration is a table" 0 "HeartbeatInterval +no +60" "${s[@]}" station config get CP1
check "a key that the station does not know is 6" 6 "Foo: unknown to the station" "${s[@]}" station config get CP1 Foo
check "bare words fill arguments in their order" 0 "16A for 1h30m" "${s[@]}" connector limit CP1/1 16A 1h30m
check "a date means its last second, local time" 0 '"expires":"2026-12-31T22:59:59Z"' \
	"${s[@]}" tag add 04AB expires=2026-12-31 --tz Europe/Paris -o json
check "a time without zone is local" 0 '"expires":"2026-07-01T06:00:00Z"' \
	"${s[@]}" tag add 04AB expires=2026-07-01T08:00 --tz Europe/Paris -o json
check "a time without a date is today's" 0 "\"expires\":\"$(date -u +%F)T08:05:00Z\"" \
	"${s[@]}" tag add 04AB expires=8:05 --utc -o json
check "times are shown in the zone that is asked for" 0 "expires +2026-07-01 08:00:00" \
	"${s[@]}" tag add 04AB expires=2026-07-01T06:00:00Z --tz Europe/Paris
check "a date that does not exist is refused" 65 "expires: '2026-02-30' is not a time" "${s[@]}" tag add 04AB expires=2026-02-30
check "yes and no are typed" 0 '"vip":true,"active":false' "${s[@]}" tag add 04AB vip=yes active=off -o json
check "an empty value clears" 0 '"holder":null' "${s[@]}" tag add 04AB holder= -o json
check "causes are told one per line" 0 $'^zone P1 allows 60 A\n  shared by' "${s[@]}" connector explain CP1/1

printf '{"site":{},\n "zones":[}' > "$dir/bad.json"
echo '{"zones":[]}' > "$dir/good.json"
check "a document's mistake is told by line and column" 65 "^lmsctl: $dir/bad.json:2:" "${s[@]}" apply -f "$dir/bad.json"
check "a missing file is 66" 66 "No such file" "${s[@]}" apply -f "$dir/missing.json"
check "diff tells what would change" 0 $'^zone P3: new\nzone P1 static: 60 A -> 50 A$' "${s[@]}" diff -f "$dir/good.json"
check "apply --prune needs -y" 64 "add -y" "${s[@]}" apply -f "$dir/good.json" --prune
check "raw sends what it is told" 64 "no method 'zone.frob'" "${s[@]}" raw zone.frob

check "events follow from the last ten on" 69 "booted .*gone" "${s[@]}" events -f
check "followed JSON is one record a line" 69 $'"seq":11\}\n.*"seq":21\}\n' "${s[@]}" events -f -o json
check "a watch shows what changed" 69 $'\nP1 +Car.* 4\n' "${s[@]}" zone list -w
check "only what can be watched is watched" 64 "cannot be watched" "${s[@]}" zone set P1 fuse=16 -w
check "completion offers verbs" 0 $'^set$' __complete zone se
check "completion asks lmsd for identities" 0 $'^main\nP1$' "${s[@]}" __complete -s "$dir/serve" zone show ""

check_lines()
{
	count=$((count + 1))
	if [ "$2" = "$3" ]; then echo "ok $count - $1"; else echo "not ok $count - $1"; echo "# '$2' is not '$3'"; fi
}
lmsctl "${s[@]}" zone list -o csv > /dev/full 2> "$dir/err"
check_lines "a full disk is 74" "$? $(cat "$dir/err")" "74 lmsctl: cannot write the output: No space left on device"
lmsctl schema | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["methods"]) > 40)' > "$dir/out"
check_lines "the schema is JSON" "$(cat "$dir/out")" "True"
lmsctl "${s[@]}" zone list -o csv | python3 -c '
import csv, sys
rows = list(csv.reader(sys.stdin.buffer.read().decode().splitlines(keepends=True)))
print(len(rows), len({len(r) for r in rows}), rows[3][1])' > "$dir/out"
check_lines "another program reads the CSV" "$(cat "$dir/out")" "5 1 '=cmd|calc, \"x\""
echo "1..$count"
