#!/usr/bin/env bash
# Checks the unit of the packages with systemd: its keys, and how much of the system it leaves open to the service.
# shellcheck source=tests/peers/common.bash
. "$(dirname "$0")/common.bash"

need systemd-analyze systemd

# The program is not installed here, and its manual is not either.
sed -e "s|/usr/bin/nines|$(nines_binary)|" -e '/^Documentation=/d' packaging/nines.service >"$work/nines.service"
said=$(systemd-analyze verify --man=no "$work/nines.service" 2>&1) || fail "$said"
[ -z "$said" ] || fail "$said"

# From 0 for closed to 100 for open.
systemd-analyze security --offline=true --threshold=20 packaging/nines.service >"$work/security.log" ||
  fail "the unit leaves too much open"
tail -n 1 "$work/security.log"
