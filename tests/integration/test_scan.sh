#!/bin/bash
# timeout: 60
# station scan on networks that this test makes itself: finds a station by mDNS and a neighbour by its address,
# and believes nobody who is outside.
[ -n "$SCAN_INSIDE" ] || {
	if ! unshare -rn ip link add x type veth peer name y 2>/dev/null; then
		echo "ok 1 - station scan # skip network namespaces with veth are not allowed here (unshare -rn)"
		echo 1..1
		exit 0
	fi
	SCAN_INSIDE=yes exec unshare -rn "$0"
}
. "$(dirname "$0")/lib.sh"

# Two networks of this machine, each with somebody at the other end.
ip link set lo up
for n in 1 2; do
	ip link add "a$n" type veth peer name "b$n"
	ip addr add "10.77.$n.1/24" dev "a$n"
	ip link set "a$n" up
done
unshare -n sleep 50 &
OTHER=$!
there() { nsenter -t "$OTHER" -n "$@"; }
until_true 5 sh -c "[ \"\$(readlink /proc/$OTHER/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
ip link set b1 netns "$OTHER"
ip link set b2 netns "$OTHER"
there ip link set b1 address 00:60:b5:01:02:03
there ip link set b2 address 02:00:00:00:00:02
there ip addr add 10.77.1.7/24 dev b1
there ip addr add 10.77.2.8/24 dev b2
there ip addr add 10.99.9.9/32 dev b1
there ip link set lo up
there ip link set b1 up
there ip link set b2 up
there python3 "$ROOT/tests/integration/fake_mdns.py" 10.77.1.7 10.99.9.9 >"$TMPDIR/mdns.out" 2>&1 &
MDNS=$!
until_true 10 grep -q ready "$TMPDIR/mdns.out"
# Answers of those who lie arrive, and are not thrown away by the kernel.
for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >"$f" 2>/dev/null; done

start_lmsd -o listen.ws=0.0.0.0:0 -o stations.directory="$ROOT/etc/stations"
trap 'kill $LMSD $MDNS $OTHER 2>/dev/null; wait 2>/dev/null' EXIT
found=$(lmsctl -o csv -f address,mac,vendor,name,ocpp,url station scan wait=2s | tr -d '\r')
is "$(printf '%s\n' "$found" | sed 1d)" "10.77.1.7,00:60:b5:01:02:03,KEBA,Wall box 7,true,ws://10.77.1.1:$PORT/ID" \
	"who says OCPP is found, with maker, name and the URL as seen from there"
all=$(lmsctl -o csv -f address,interface station scan --all --sweep wait=3s | tr -d '\r' | sed 1d | sort)
is "$all" "$(printf '10.77.1.7,a1\n10.77.2.8,a2')" "after a sweep the silent neighbour too; nobody from outside"
started=$SECONDS
lmsctl station scan wait=31s >/dev/null 2>&1
is $? 65 "a scan is bounded in time"
lmsctl -o csv station scan wait=20s >/dev/null 2>&1 &
until_true 5 grep -q "station.scan command" "$TMPDIR/lmsd.log"
lmsctl status >/dev/null
is $? 0 "lmsd answers meanwhile"
kill -TERM "$LMSD"
wait "$LMSD"
is $? 0 "lmsd ends in good order"
[ $((SECONDS - started)) -lt 15 ] && ok "and ends without waiting for it" || not_ok "and ends without waiting for it"
done_testing
