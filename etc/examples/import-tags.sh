#!/bin/sh
# import-tags.sh DIRECTORY: takes the tag lists (*.csv) that somebody drops there, in the order of their names, for instance the
# monthly list of a fleet.
#
# For cron or a timer of systemd, as a user of the group lms-operator:
#   */10 * * * *  /usr/local/share/lms/examples/import-tags.sh /srv/charging/tags
#
# A list is taken as a whole or not at all. What was taken moves to DIRECTORY/done, what was not to
# DIRECTORY/refused, with a file beside it that says why, by line and cell; what tags there were before is kept as
# DIRECTORY/done/before-….csv, which import-tags.sh would take again.
#
# IMPORT_MODE    merge (empty cells leave what is; the default), insert (new tags only), replace (tags that are not
#                in the list are deleted)
# DELETE_MOST    with replace: a list that would delete more tags than this is refused (20)
# LMS_SOCKET     lmsd's socket, where it is not the usual one
#
# Ends with 0 when every list was taken, 1 when one was refused (cron mails what is on standard error).
set -eu
umask 027

dir=${1:?usage: import-tags.sh DIRECTORY}
mode=${IMPORT_MODE:-merge}
most=${DELETE_MOST:-20}
status=0
mkdir -p "$dir/done" "$dir/refused"

refuse() { # LIST WHY-FILE
	stamp=$(date +%Y%m%dT%H%M%S)
	name=$(basename "$1" .csv)
	mv "$2" "$dir/refused/$name-$stamp.txt"
	mv "$1" "$dir/refused/$name-$stamp.csv"
	printf '%s was refused: %s\n' "$1" "$(head -n 1 "$dir/refused/$name-$stamp.txt")" >&2
	status=1
}

take() { # LIST
	why=$(mktemp "$dir/.why-XXXXXX")
	if [ "$mode" = replace ]; then
		would=$(lmsctl -q -o json tag import "$1" --mode replace -n 2>"$why") || { refuse "$1" "$why"; return; }
		gone=$(printf '%s' "$would" | sed -n 's/.*"deleted": *\([0-9]*\).*/\1/p')
		if [ "${gone:-0}" -gt "$most" ]; then
			printf '%s tags would be deleted (DELETE_MOST=%s)\n' "$gone" "$most" >"$why"
			refuse "$1" "$why"
			return
		fi
	fi
	stamp=$(date +%Y%m%dT%H%M%S)
	lmsctl -q tag export -O "$dir/done/before-$stamp.csv"
	if lmsctl -q tag import "$1" --mode "$mode" -y 2>"$why"; then
		mv "$1" "$dir/done/$(basename "$1" .csv)-$stamp.csv"
		rm -f "$why"
	else
		rm -f "$dir/done/before-$stamp.csv"
		refuse "$1" "$why"
	fi
}

for list in "$dir"/*.csv "$dir"/*.CSV; do
	[ ! -f "$list" ] || take "$list"
done
exit "$status"
