#!/usr/bin/env bash
# timeout: 60
# Requests sent at once on one connection: answers keep their order, and a read behind a change sees the change.
set -u
. "$(dirname "$0")/lib.sh"

start_lmsd
requests() {
	printf '%s\n' \
		'{"jsonrpc":"2.0","id":1,"method":"zone.create","params":{"id":"P1","static":60}}' \
		'{"jsonrpc":"2.0","id":2,"method":"zone.show","params":{"id":"P1"}}' \
		'{"jsonrpc":"2.0","id":3,"method":"zone.set","params":{"id":"P1","static":50}}' \
		'{"jsonrpc":"2.0","id":4,"method":"zone.set","params":{"id":"P1","static":-1}}' \
		'{"jsonrpc":"2.0","id":5,"method":"zone.show","params":{"id":"P1"}}' \
		'{"jsonrpc":"2.0","id":6,"method":"zone.delete","params":{"id":"P1"}}' \
		'{"jsonrpc":"2.0","id":7,"method":"zone.show","params":{"id":"P1"}}'
}
requests | timeout 20 socat -t 3 - "UNIX-CONNECT:$SOCKET" | sed 1d >"$TMPDIR/answers"
is "$(jq -c .id "$TMPDIR/answers" | tr '\n' ' ')" "1 2 3 4 5 6 7 " "answers come in the order of the requests"
is "$(jq -c 'select(.id==2).result.static_ma' "$TMPDIR/answers")" "[60000,60000,60000]" "a read sees the change before it"
is "$(jq -c 'select(.id==5).result.static_ma' "$TMPDIR/answers")" "[50000,50000,50000]" "and the next one"
is "$(jq -c 'select(.id==3).result | [.cap_ma, .cap_why]' "$TMPDIR/answers")" '[[50000,50000,50000],"static"]' \
	"a change is answered as it is in force, live values included"
is "$(jq -r 'select(.id==4).error.data.err' "$TMPDIR/answers")" "RANGE" "a refusal keeps its place"
is "$(jq -r 'select(.id==7).error.data.err' "$TMPDIR/answers")" "NOTFOUND" "what was deleted is gone"
done_testing
