#!/bin/sh
# The pure rooms reach no clock, no I/O and no floating point: what build/libpure.a leaves undefined
# must be in tests/pure-symbols.allow. And no program holds two definitions of one name. LIBPURE names
# another archive; it and what lies beside it must be a plain gcc build, sanitizers add symbols of their own.
set -u
cd "$(dirname "$0")/.."
lib=${LIBPURE:-build/libpure.a}
allow=tests/pure-symbols.allow
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Prints "SYMBOL OBJECT" for each call that leaves the archive and is not allowed.
outside()
{
	nm -A -P "$1" 2>/dev/null | sed -n 's/^.*\[\(.*\)\]: \([^ ]*\) \([A-Za-z]\).*/\3 \2 \1/p' >"$tmp/symbols"
	awk -v allow="$allow" '
	function to_regex(glob) { gsub(/[.]/, "[.]", glob); gsub(/[*]/, ".*", glob); return "^" glob "$" }
	BEGIN {
		while ((getline line < allow) > 0) {
			sub(/#.*/, "", line)
			if (split(line, word, /[ \t]+/) == 0 || word[1] == "") continue
			regex[++rows] = to_regex(word[1])
			sub(/^[^ \t]+[ \t]*/, "", line)
			objects[rows] = line == "" ? "" : " " line " "
		}
	}
	NR == FNR { if ($1 !~ /[Uw]/) defined[$2] = 1; next }
	$1 ~ /[Uw]/ && !($2 in defined) {
		plain = $2
		if (plain ~ /^__.*_chk$/) { sub(/^__/, "", plain); sub(/_chk$/, "", plain) }
		sub(/^__isoc(99|23)_/, "", plain)
		ok = 0
		for (i = 1; i <= rows && !ok; i++)
			ok = (plain ~ regex[i] || $2 ~ regex[i]) &&
			     (objects[i] == "" || index(objects[i], " " $3 " "))
		if (!ok) print $2, $3
	}' "$tmp/symbols" "$tmp/symbols" | sort -u
}

# Prints the floating point instructions of an archive (x86-64; elsewhere none are known).
floating()
{
	objdump -d --no-show-raw-insn "$1" |
		grep -E '[[:space:]]v?((add|sub|mul|div|sqrt)s[sd]|cvtt?s[isd]2s[isd]l?q?|u?comis[sd])[[:space:]]|[[:space:]]f(ld|st|add|mul|div|ild)'
}

# Prints "SYMBOL is in OBJECT and OBJECT" for each name that the objects and archives given define twice.
# The linker sees it only when it needs both; of archives it takes the first silently, and whoever meant
# the other one calls a stranger.
twice()
{
	nm -A -P -g --defined-only "$@" 2>/dev/null | awk '
	$3 ~ /^[TDBRC]$/ {
		sub(/:$/, "", $1)
		if ($2 in where) print $2, "is in", where[$2], "and", $1
		else where[$2] = $1
	}'
}

control()
{
	printf '%s\n' "$2" >"$tmp/control.c"
	${CC:-gcc} -O2 -c -o "$tmp/control.o" "$tmp/control.c" && rm -f "$tmp/control.a" &&
		ar rcs "$tmp/control.a" "$tmp/control.o" && [ -n "$($1 "$tmp/control.a")" ]
}

twins()
{
	echo 'int same(void); int same(void) { return 1; }' >"$tmp/one.c"
	echo 'int same(void); int same(void) { return 2; } int other(void); int other(void) { return 0; }' >"$tmp/two.c"
	for twin in one two; do
		${CC:-gcc} -c -o "$tmp/$twin.o" "$tmp/$twin.c" && ar rcs "$tmp/$twin.a" "$tmp/$twin.o" || return 1
	done
	[ "$(twice "$tmp/one.a" "$tmp/two.a" | grep -c '^same is in .*one.* and .*two')" = 1 ] &&
		[ "$(twice "$tmp/one.a" "$tmp/two.a" | wc -l)" = 1 ]
}

tests=0
status=0
check()	# NAME CONDITION
{
	tests=$((tests + 1))
	if [ "$2" = yes ]; then
		echo "ok $tests - $1"
	else
		echo "not ok $tests - $1"
		status=1
	fi
}

if control outside '#include <time.h>
int now(struct timespec *t); int now(struct timespec *t) { return clock_gettime(CLOCK_MONOTONIC, t); }'; then
	found=yes; else found=no; fi
check "an object that reads the clock is found" $found
if control outside '#include <stdio.h>
void shout(void); void shout(void) { fputs("no", stderr); }'; then found=yes; else found=no; fi
check "an object that prints is found, though another one may" $found
if [ "$(uname -m)" = x86_64 ]; then
	if control floating 'double half(double x); double half(double x) { return x * 0.5; }'; then
		found=yes; else found=no; fi
	check "an object that computes with floating point is found" $found
	floating "$lib" >"$tmp/floats" && sed 's/^/# /' "$tmp/floats"
	[ -s "$tmp/floats" ] && found=no || found=yes
	check "the pure rooms compute without floating point" $found
fi

[ "$(nm "$lib" 2>/dev/null | grep -c ' T ')" -gt 50 ] && found=yes || found=no
check "$lib is there and holds the rooms" $found
outside "$lib" >"$tmp/outside"
while read -r symbol object; do
	echo "# $object calls $symbol"
done <"$tmp/outside"
[ -s "$tmp/outside" ] && found=no || found=yes
check "the pure rooms call only what $allow lists" $found

twins && found=yes || found=no
check "a name that two objects define is found" $found
build=$(dirname "$lib")
once()	# PROGRAM OBJECT...
{
	program=$1
	shift
	for object in "$@" "$build/libshared.a" "$lib"; do
		[ -e "$object" ] || echo "$object is not there"
	done >"$tmp/twice"
	twice "$@" "$build/libshared.a" "$lib" >>"$tmp/twice"
	sed 's/^/# /' "$tmp/twice"
	[ -s "$tmp/twice" ] && found=no || found=yes
	check "each name of $program is defined once" $found
}
once lmsd "$build/obj/lmsd/main.o" "$build/liblmsd.a"
once lmsctl $(find lmsctl -name '*.c' | sort | sed "s|\(.*\)[.]c|$build/obj/\1.o|")
once lmstop "$build/obj/lmstop/main.o" "$build/liblmstop.a"
echo "1..$tests"
exit $status
