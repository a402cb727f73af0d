#!/bin/bash
# lmsctl against a real lmsd: a site is built, changed, refused, exported, pruned, and watched.
export PATH="$BIN:$PATH" TZ=UTC LC_ALL=C.UTF-8
unset NO_COLOR
dir=${TMPDIR:-/tmp}
root=$(cd "$(dirname "$0")/../.." && pwd)
export LMS_SOCKET=$dir/lmsd.sock
count=0
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait' EXIT

verdict()	# OK NAME DETAIL
{
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; return; fi
	echo "not ok $count - $2"
	printf '%s\n' "$3" | sed 's/^/# /'
}

# check NAME STATUS PATTERN lmsctl-words…
check()
{
	local name=$1 want=$2 pattern=$3 out status
	shift 3
	out=$(lmsctl "$@" 2>&1 </dev/null)
	status=$?
	[[ $status == "$want" && $out =~ $pattern ]]
	verdict $? "$name" "lmsctl $*: status $status ($want wanted), /$pattern/
$out"
}

# until_says FILE PATTERN: waits until the file holds it, at most 10 s
until_says()
{
	local i
	for ((i = 0; i < 200; i++)); do
		grep -Eq "$2" "$1" 2>/dev/null && return 0
		sleep 0.05
	done
	return 1
}

mkdir "$dir/state"
lmsd -d "$dir/state" -s "$LMS_SOCKET" -o listen.ws=127.0.0.1:0 -o listen.wss=off \
	-o meters.directory="$root/etc/meters" > "$dir/lmsd.out" 2>&1 &
pids+=($!)
until_says "$dir/lmsd.out" '^ready ' || { echo "Bail out! lmsd does not start"; cat "$dir/lmsd.out"; exit 1; }

check "a new site is not operational, and says what is missing" 0 "not_operational.*no zone configured" status
check "an empty site says so" 0 "nothing is set" site show
check "a time zone is checked" 65 "'Mars' is not a time zone" site set timezone=Mars
check "site settings are kept" 0 "title +Test site" site set title="Test site" timezone=Europe/Paris
check "a dry run of a new zone changes nothing" 0 "fuse: 125 A" zone create main fuse=125 derate=20% phases=3 -n
check "so it is not there" 4 "'main' does not exist" zone show main
check "a zone is made" 0 "cap +100 A" zone create main fuse=125 derate=20% phases=3
check "a zone below it" 0 "cap +60 A" zone create P1 parent=main static=60
check "the same zone twice is a conflict" 5 "P1" zone create P1 parent=main static=60
check "a missing parent is refused" 65 "zone 'nope' does not exist" zone create P2 parent=nope
check "a loop is refused" 65 "feed each other" zone set P1 parent=P1
check "a dynamic zone needs its meter" 65 "needs a meter" zone set P1 dynamic=40
check "zero is no limit" 65 "above 0 A" zone set P1 static=0
check "6301 A are no limit" 65 "out of range" raw zone.set '{"id":"P1","static_ma":6301000}'
check "human and raw names of one key exclude each other" 65 "given twice" raw zone.set '{"id":"P1","static":60,"static_ma":60000}'
check "programs may send human quantities" 0 '"static_ma":\[50000,50000,50000\]' raw zone.set '{"id":"P1","static":"50 A"}'
check "a phase that is not there is no zero limit" 0 '"static_ma":\[20000,null,null\]' \
	zone create S parent=main phases=1 static=20,-,- -o json
check "a zone that is used stays" 5 "is used by zone" zone delete main -y
check "a tag is normalised" 0 '"uid":"04ABCD"' tag add 04:ab:cd holder=Anna expires=2026-12-31 -o json
check "and found in any writing" 0 "holder +Anna" tag show 04:AB:CD
check "an unknown tag is 4" 4 "FFFF" tag show FFFF
check "a station is registered beforehand" 0 "wiring +RST" station add CP1 zone=P1 wiring=RST connectors=2
check "an identity with a slash is refused" 65 "is not an identity" station add CP/1 zone=P1
check "its connectors are there" 0 $'^CP1/1\nCP1/2$' connector list -o value
check "a connector can be told apart" 0 "wiring +STR" connector set CP1/2 wiring=STR max=16
check "why it has its limit is told" 0 "[a-z]" connector explain CP1/1
check "a connector that is not there is 4" 4 "CP1/9" connector show CP1/9
check "a station that was never seen cannot be asked" 75 "offline" station trigger CP1 Heartbeat
check "nor restarted" 75 "offline" station restart CP1 -y
check "nor called" 75 "offline" station call CP1 GetConfiguration '{}'
check "nobody charges" 0 "none" tx list
check "who asks is known" 0 "uid +$(id -u)" whoami
check "what happened is told" 0 "zone.create" events

lmsctl config show > "$dir/site.json"
check "what config show prints can be applied: no difference" 0 "^no difference$" diff -f "$dir/site.json"
sed 's/"derate_permille":200/"derate":"25%"/; s/"Anna"/"Bob"/' "$dir/site.json" > "$dir/other.json"
check "diff tells the differences" 0 "^zone main derate: 20% -> 25%
tag 04ABCD holder: Anna -> Bob$" diff -f "$dir/other.json"
check "diff changed nothing" 0 "^no difference$" diff -f "$dir/site.json"
check "config check takes the same document" 0 "^good: it would add 0, change 2 and delete 0" config check -f "$dir/other.json"
check "with the file before the command too" 0 "change 2" -f "$dir/other.json" config check
check "and changed nothing" 0 "^no difference$" diff -f "$dir/site.json"
check "without a file it looks at what is in force" 0 "^good: generation [0-9]+, which is in force$" config check
check "apply makes them" 0 "derate: 20% -> 25%" apply -f "$dir/other.json"
check "applying again changes nothing" 0 "^no difference$" apply -f "$dir/other.json"
echo '{"zones":[{"id":"main","fuze":125}]}' > "$dir/bad.json"
check "an unknown key in a document is refused" 65 "fuze.*did you mean 'fuse'" apply -f "$dir/bad.json"
check "config check refuses the same" 65 "fuze.*did you mean 'fuse'" config check -f "$dir/bad.json"
echo '{"zones":[{"id":"A","fuse":9},{"id":"B","parent":"A"},{"id":"C","fuse":9},{"id":"B","parent":"C"}]}' > "$dir/bad.json"
check "a zone has one parent" 65 "zone B: has two places: parent C here, parent A in" config check -f "$dir/bad.json"
echo '{"zonez":[]}' > "$dir/bad.json"
check "and an unknown part" 65 "zonez.*did you mean 'zones'" apply -f "$dir/bad.json"
echo '{"zones":[{"id":"main","fuse":125,"derate":"25%"}],"meters":[],"stations":[],"connectors":[],"tags":[]}' > "$dir/bare.json"
check "pruning is told beforehand" 0 "station CP1: deleted" apply -f "$dir/bare.json" --prune -n

lmsctl zone list -w -o ndjson > "$dir/watch" &
pids+=($!)
until_says "$dir/watch" '"id":"S"'
verdict $? "a watch begins with what there is" "$(cat "$dir/watch")"
lmsctl zone set P1 static=44 -q
until_says "$dir/watch" '"static_ma":\[44000,44000,44000\]'
verdict $? "and shows a change when it comes" "$(cat "$dir/watch")"
lmsctl events -f > "$dir/events" &
follower=$!
pids+=($follower)
until_says "$dir/events" 'zone.set'
lmsctl zone delete S -y -q
until_says "$dir/events" 'zone.delete'
verdict $? "events follow" "$(cat "$dir/events")"

check "what is not there cannot be watched" 4 "'S' does not exist" zone show S -w
check "nor what has ended" 64 "cannot be watched" tx list state=ended -w
lmsctl zone create T parent=main -q
lmsctl zone show T -w > "$dir/gone" 2>&1 &
watcher=$!
until_says "$dir/gone" 'id +T'
lmsctl zone delete T -y -q
wait $watcher
[ $? = 4 ] && grep -q "'T' does not exist" "$dir/gone"
verdict $? "a watch ends with its object" "$(cat "$dir/gone")"

python3 - "$LMS_SOCKET" > "$dir/raw" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rw")
print(json.loads(f.readline())["method"])
for line in ("this is not JSON", "{\"jsonrpc\":\"2.0\"}", "[" * 100, '{"jsonrpc":"2.0","id":1,"method":"zone.list","params":[]}',
             '{"jsonrpc":"2.0","id":"a","method":"zone.nope"}', '{"jsonrpc":"2.0","id":2,"method":"system.version"}'):
    f.write(line + "\n")
    f.flush()
    answer = json.loads(f.readline())
    print(answer["id"], answer.get("error", {}).get("data", {}).get("err", "ok"))
PY
expected=$'hello\nNone PARSE\nNone REQUEST\nNone REQUEST\n1 USAGE\na METHOD\n2 ok'
[ "$(cat "$dir/raw")" = "$expected" ]
verdict $? "lines that are no requests are answered, and the connection lives on" "$(cat "$dir/raw")"

kill -TERM "${pids[0]}"
wait "${pids[0]}"
verdict $? "lmsd ends cleanly" "$(tail -5 "$dir/lmsd.out")"
wait $follower
[ $? = 69 ]
verdict $? "who follows is told that lmsd left" "$(tail -3 "$dir/events")"
check "and status says 3" 3 "does not answer" status
echo "1..$count"
