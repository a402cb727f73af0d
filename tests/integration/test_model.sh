#!/bin/bash
# timeout: 300
# spin looks at every state of tests/model/gate.pml: what stations obey never exceeds the cap; and where one
# of the rules is left out, it finds that it does.
. "$(dirname "$0")/lib.sh"
cd "$TMPDIR" || exit 1
cp "$ROOT/tests/model/gate.pml" .

# errors DEFINES...: what spin counts; "incomplete" if it has not seen all.
errors() {
	rm -f pan pan.* ./*.trail
	spin -a "$@" gate.pml >spin.log 2>&1 && gcc -O1 -w -DSAFETY -DMEMLIM=1500 -o pan pan.c 2>>spin.log || {
		cat spin.log
		return
	}
	./pan -m1000000 >pan.log 2>&1
	if grep -q 'depth too small\|MEMLIM\|Search not completed' pan.log && ! [ -f gate.pml.trail ]; then
		echo incomplete
	else
		sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
	fi
}

CRASH='-DMAX=2 -DCRASHES=1 -DSESSIONS=1'
CARS='-DMAX=2 -DCRASHES=0 -DSESSIONS=2'
# shellcheck disable=SC2086
{
	is "$(errors $CRASH)" 0 'no cap is exceeded with messages lost, late, refused, and a crash'
	is "$(errors $CARS)" 0 'nor while cars come and go'
	for rule in RAISE_BEFORE_STORE PENDING_COVERS NEIGHBOUR_FIRST; do
		is "$(errors $CRASH -D$rule)" 1 "spin sees what follows without a rule: $rule"
	done
	for rule in NO_SETTLE NO_PENDING REFUSED_IS_UNDONE OVERTAKEN_LEAVES OLD_ANSWERS OLD_TIMEOUTS; do
		is "$(errors $CARS -D$rule)" 1 "spin sees what follows without a rule: $rule"
	done
}
done_testing
