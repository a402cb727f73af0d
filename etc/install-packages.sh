#!/bin/sh
# install-packages.sh LIST... - installs what is missing of etc/debian-packages.LIST.
#
# A list has one package per line; blank lines and what follows '#' are skipped. `name?command` asks
# for the package only when there is no such command: what Debian calls nodejs may have come another
# way. When nothing is missing, nothing is done and no network is needed.
set -eu
cd "$(dirname "$0")"

wanted=
for list in "$@"; do
	[ -f "debian-packages.$list" ] || { echo "install-packages: no list '$list'" >&2; exit 64; }
	for entry in $(sed 's/#.*//' "debian-packages.$list"); do
		case $entry in
		*\?*) command -v "${entry#*\?}" >/dev/null || wanted="$wanted ${entry%%\?*}" ;;
		*) wanted="$wanted $entry" ;;
		esac
	done
done
[ -n "$wanted" ] || exit 0

if ! command -v dpkg-query >/dev/null; then
	echo "install-packages: not a Debian system; what is needed is called there:$wanted" >&2
	exit 0
fi

# dpkg-query fails for names that it never heard of; those are missing like the others.
present=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
	sed -n 's/^installed //p' | tr '\n' ' ') "
missing=
for package in $wanted; do
	case $present in
	*" $package "*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "install-packages: neither root nor sudo here; as root: apt-get install$missing" >&2
	exit 77
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt()
{
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >>"$log" 2>&1 </dev/null
}
echo "installing:$missing"
# One source that does not answer is no reason to give up: what we need may come from the others.
apt update || true
if ! apt install --no-install-recommends $missing; then
	cat "$log" >&2
	echo "install-packages: could not install:$missing" >&2
	exit 1
fi
