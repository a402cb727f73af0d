#!/bin/bash
# Every function of balance.h that changes a balance is recorded: it has a row in journal.def, and the
# function of the row calls journal_NAME(). What has no row here is recorded in another way, or nothing.
. "$(dirname "$0")/lib.sh"
ROOM=$ROOT/lmsd/balance

# configure is recorded as a snapshot, turn as a row of its own; new and free are outside of a recording.
others=$'balance_configure\nbalance_free\nbalance_turn'
public=$(tr '\n\t' '  ' <"$ROOM/balance.h" | grep -oE '\bbalance_[a-z_]+\(struct balance \*' | sed 's/(.*//' | sort -u |
	grep -vxF "$others")
rows=$(sed -n 's/^INPUT[0-9](\([a-z_]*\),.*/balance_\1/p' "$ROOM/record/journal.def" | sort -u)
is "$(comm -23 <(echo "$public") <(echo "$rows"))" "" "every input of balance.h has a row in journal.def"
is "$(comm -13 <(echo "$public") <(echo "$rows"))" "" "every row is an input of balance.h"
[ "$(echo "$rows" | wc -l)" -gt 8 ] && ok "the lists were found" || not_ok "the lists were found" "$rows"
for name in ${rows//balance_/}; do
	awk -v name="$name" '
		$0 ~ "^[a-z].*[ *]balance_" name "\\(" { inside = 1 }
		inside && $0 ~ "\tjournal_" name "\\(b, " { found = 1 }
		/^}/ { inside = 0 }
		END { exit !found }' "$ROOM"/*.c "$ROOM"/*/*.c && continue
	missing+="balance_$name "
done
is "${missing:-}" "" "every one of them records itself"
done_testing
