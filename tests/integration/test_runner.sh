#!/bin/sh
# What tests/run makes of programs that fail in every way: a runner that overlooks one is worth nothing.
set -u
tree=$TMPDIR/tree
mkdir -p "$tree/tests/integration"
cp tests/run "$tree/tests/run"

program()	# NAME, the script on standard input
{
	{ echo '#!/bin/sh'; cat; } >"$tree/tests/integration/test_$1.sh"
	chmod +x "$tree/tests/integration/test_$1.sh"
}

number=0
status=0
expect()	# SENTENCE, PROGRAM, LAST LINE, EXIT STATUS, TEXT IN THE OUTPUT
{
	number=$((number + 1))
	out=$(env -u BUILD "$tree/tests/run" "test_$2.sh" 2>&1)
	got=$?
	case $out in
	*"$5"*) has=yes ;;
	*) has=no ;;
	esac
	if [ $got = "$4" ] && [ "$(echo "$out" | tail -1)" = "$3" ] && [ $has = yes ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "$out" | sed 's/^/# /'
		status=1
	fi
}

program good <<'EOT'
echo 1..2; echo 'ok 1 - a'; echo 'ok 2 - b # SKIP no reason'; [ -d "$TMPDIR" ] && [ -n "$BIN" ]
EOT
program bad <<'EOT'
echo 'ok 1 - a'; echo 'not ok 2 - b'; echo 'the reason' >&2; exit 1
EOT
program dies <<'EOT'
echo 'ok 1 - a'; kill -SEGV $$
EOT
program hangs <<'EOT'
# timeout: 1
echo 'ok 1 - a'; sleep 1000
EOT
program silent <<'EOT'
true
EOT
program stops <<'EOT'
echo 1..3; echo 'ok 1 - a'
EOT
program exits <<'EOT'
echo 'ok 1 - a'; exit 3
EOT
program sanitizer <<'EOT'
echo 'ok 1 - a'; echo 'heap-use-after-free' >"$TMPDIR/sanitizer.1"
EOT

echo 1..9
expect 'what passes is counted, what is skipped is not' good '1 passed, 0 failed' 0 '# SKIP no reason'
expect 'a failure is counted and its reason shown' bad '1 passed, 1 failed' 1 'the reason'
expect 'a program that dies has failed' dies '1 passed, 1 failed' 1 'died of SIGSEGV'
expect 'a program that hangs is ended and has failed' hangs '1 passed, 1 failed' 1 'after 1 s'
expect 'a program that reports nothing has failed' silent '0 passed, 1 failed' 1 'reported nothing'
expect 'a program that stops early has failed' stops '1 passed, 1 failed' 1 'planned 3'
expect 'a status without a failure is one' exits '1 passed, 1 failed' 1 'exit status 3'
expect 'a report of a sanitizer is a failure' sanitizer '1 passed, 1 failed' 1 'heap-use-after-free'
expect 'a filter that chooses nothing is an error' nothing '0 passed, 0 failed' 1 ''
exit $status
