#!/bin/bash
# timeout: 120
# Tags from and to CSV files: the template of the reference guides, separators and encodings, modes, rejects, bad input,
# and a hundred thousand of them.
. "$(dirname "$0")/lib.sh"
start_lmsd
cd "$TMPDIR" || exit 1
lmsctl apply -f - -y -q <<'DOC'
{"zones": [{"id": "P1", "static": 40}], "stations": [{"id": "A", "zone": "P1"}]}
DOC
import() { lmsctl tag import "$@" 2>err; code=$?; }
field() { lmsctl -o value -f "$2" tag show "$1" 2>/dev/null; }

lmsctl site set timezone=Europe/Paris -q
printf 'badgeId,type,comment,expirationDate,email\na1b2c3,STANDARD,exemple,30.01.2023,exemple@llm.fr\n' >template.csv
is "$(import template.csv)" "1 added, 0 changed, 0 unchanged, 0 deleted, 0 rejected" "the reference guides' template imports as it is"
is "$(field A1B2C3 expires) $(field A1B2C3 type) $(field A1B2C3 email)" "2023-01-30T22:59:59Z standard exemple@llm.fr" \
	"a date is valid through its last second in the time zone of the site"
is "$(lmsctl tag import --template)" "uid,holder,type,active,expires,phone,email,comment,group,vip" "an empty file can be had"

# separators and encodings: the same rows each time
for sep in , ';' '\t'; do
	inner=$sep
	[ "$sep" = '\t' ] && inner=,	# a TAB inside of a cell is a control character
	for enc in utf-8 bom cp1252; do
		umlaut='\303\274' bom=
		[ $enc = cp1252 ] && umlaut='\374'
		[ $enc = bom ] && bom='\357\273\277'
		printf "${bom}uid${sep}type${sep}holder\r\n\"04:aa\"${sep}SUPERVISOR${sep}\"M${umlaut}ller\"\"s${inner} car\"\r\n\r\n${sep}${sep}\r\n" >f.csv
		lmsctl tag delete 04AA -y -q 2>/dev/null
		import f.csv >out
		got=$(field 04AA holder)
		[ "$(cat out) $(field 04AA type) $got" = "1 added, 0 changed, 0 unchanged, 0 deleted, 0 rejected super $(printf "Müller\"s${inner} car")" ] ||
			{ not_ok "separator '$sep' in $enc" "$(cat out err) $got"; continue; }
		ok "separator '$sep' in $enc"
	done
done
printf 'sep=;\nuid;holder\n0007;x\n' >f.csv
import f.csv >/dev/null
is "$code $(field 0007 holder)" "0 x" "a line that says the separator is heeded, and leading zeros stay"

# what is wrong is said with line and cell, and changes nothing
before=$(lmsctl -o json tag list)
refused() { # TEXT NAME CONTENT
	printf "$3" >bad.csv
	import bad.csv >/dev/null
	if [ $code = 65 ] && grep -qF "$1" err && [ "$(lmsctl -o json tag list)" = "$before" ]; then ok "$2"; else not_ok "$2" "$code $(cat err)"; fi
}
refused "bad.csv:3:3: expires: '31/02/2026' is not a date (use YYYY-MM-DD)" "a date in another writing" 'uid,holder,expires\nN1,x,2026-02-28\nN2,y,31/02/2026\n'
refused "bad.csv:2:2: expires: '30.02.2026' is not a date" "a date that does not exist" 'uid,expires\nN1,30.02.2026\n'
refused "bad.csv:4:1: uid: N1 stands in line 2, too" "a uid twice" 'uid,holder\nN1,x\nN2,y\nn:1,z\n'
refused "bad.csv:2:2: holder: begins as a formula does" "a formula" 'uid,holder\nN1,"=HYPERLINK(""x"")"\n'
refused "bad.csv:2:2: holder: holds a control character" "a control character" 'uid,holder\nN1,a\033[2Jb\n'
refused "bad.csv:2: holds a NUL: it is no text" "a NUL" 'uid,holder\nN1,a\0b\n'
refused "bad.csv:1:2: 'holdr' is no key of a tag (did you mean 'holder'?" "an unknown column" 'uid,holdr\nN1,x\n'
refused "bad.csv:1: no column is the uid (uid, or badgeId)" "no column of uids" 'holder\nx\n'
refused "bad.csv:1:3: uid: is column 1 already" "a column twice" 'uid,holder,badgeId\nN1,x,N2\n'
refused "bad.csv:2:3: there are more cells than columns in the head" "a cell too many" 'uid,holder\nN1,x,y\n'
refused "bad.csv:2:2: a quote stands where none can" "a quote inside of a word" 'uid,holder\nN1,a"b\n'
refused "bad.csv:2:2: a quote is opened and never closed" "a quote that is not closed" 'uid,holder\nN1,"ab\nN2,c\n'
refused "bad.csv:2:1: uid: 'a b;c' is not an identity" "a uid that is none" 'uid,holder\n"a b;c",x\n'
refused "bad.csv:2:2: zones: zone 'P2' does not exist (did you mean 'P1'?" "a zone that is not there" 'uid,zones\nN1,P2\n'
refused "bad.csv:2:2: type:" "a type that is none" 'uid,type\nN1,boss\n'
refused "bad.csv:1: is UTF-16" "UTF-16" '\377\376u\0'
refused "bad.csv:2: is neither UTF-8 nor cp1252: byte 0x81" "no encoding at all" 'uid,holder\nN1,\201\n'
refused "bad.csv:1: is empty" "an empty file" ''
printf 'uid,holder\nN1,M\374ller\n' >bad.csv
import bad.csv encoding=utf-8 >/dev/null
is "$code $(cat err)" "65 lmsctl: bad.csv:2: is not UTF-8 (encoding=cp1252 reads what older spreadsheets write)" "cp1252 that is called UTF-8"
import none.csv >/dev/null
is "$code" 66 "a file that is not there is 66"
head -c 70000000 /dev/zero | tr '\0' x >huge.csv
import huge.csv >/dev/null
is "$code $(cat err)" "65 lmsctl: tag import: huge.csv: is larger than 64 MiB (split it)" "a file that is too large"

# modes, rejects, dry run
printf 'uid,holder,comment\nM1,one,first\nM2,two,second\n' >m.csv
is "$(import m.csv -n)" "2 added, 0 changed, 0 unchanged, 0 deleted, 0 rejected (nothing was changed: dry run)" "a dry run counts"
is "$(lmsctl -o json tag list)" "$before" "and changes nothing"
import m.csv >/dev/null
lmsctl tag set M1 vip=yes -q
printf 'uid,holder,comment\nM1,,changed\nM3,three,\n' >m.csv
is "$(import m.csv)" "1 added, 1 changed, 0 unchanged, 0 deleted, 0 rejected" "merge adds and changes"
is "$(field M1 holder) $(field M1 comment) $(field M1 vip)" "one changed true" "empty cells leave what is"
import m.csv --mode insert >/dev/null
is "$code $(grep -c 'uid\|exists already' err)" "65 2" "insert takes new tags only"
is "$(import m.csv --mode insert --on-error=skip --rejects r.csv; echo $code)" "0 added, 0 changed, 0 unchanged, 0 deleted, 2 rejected
1" "what cannot be taken is skipped where that is said"
is "$(tr -d '\r' <r.csv)" "$(cat m.csv)" "and kept, with its head"
import m.csv --mode replace >/dev/null
is "$code" 64 "replace deletes: who is not asked must say -y"
is "$(import m.csv --mode replace -y | cut -d, -f1-3)" "0 added, 1 changed, 1 unchanged" "replace makes it so"
is "$(lmsctl -o value -f uid tag list | tr '\n' ' ')$(field M1 holder)$(field M1 vip)" "M1 M3 true" "others are gone, empty cells clear, keys without a column stay"

# there and back
lmsctl tag set M1 holder='=1+1' phone=+41791234567 credit=5kWh zones=P1 auth=schedule schedule='mo-fr 08:00-18:00; sa 09:00-12:00' \
	comment='a "b", c; d' -q
lmsctl tag export -O out.csv
is "$(grep -c "\"'=1+1\"" out.csv)" 1 "an export is no formula"
before=$(lmsctl -o json tag list)
is "$(import out.csv)" "0 added, 0 changed, 2 unchanged, 0 deleted, 0 rejected" "an export imports as what it is"
lmsctl tag delete M1 -y -q
import out.csv >/dev/null
is "$(lmsctl -o json -f uid,holder,phone,credit_wh,zones,schedule,comment tag show M1)" \
	'{"uid":"M1","holder":"=1+1","phone":"+41791234567","credit_wh":5000,"zones":"P1","schedule":"mo-fr 08:00-18:00; sa 09:00-12:00","comment":"a \"b\", c; d"}' \
	"and brings back what was deleted"

# many
awk 'BEGIN { print "uid,holder,expires"; for (i = 0; i < 100000; i++) printf "%08X,Holder %d,2030-12-31\n", i, i }' >big.csv
import big.csv >out
is "$code $(cat out)" "0 100000 added, 0 changed, 0 unchanged, 0 deleted, 0 rejected" "100,000 tags are imported"
kill -9 $LMSD; wait $LMSD 2>/dev/null
start_lmsd
is "$(field 0001869F holder)" "Holder 99999" "and are there after a kill -9"
done_testing
