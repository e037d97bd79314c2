# What the scripts of this folder share; read by them with `.`, never run by itself.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# The programs that Debian puts where only the superuser looks.
PATH=$PATH:/usr/sbin:/sbin

work=$(mktemp -d)
started=()

# Ends what this script started and still runs, by its id, within seconds; shows the logs of what went wrong, and removes
# what it wrote.
finish() {
  local status=$? pid log patience=$((SECONDS + 10))
  for pid in $(jobs -pr); do
    kill "$pid" 2>/dev/null || true
  done
  while [ -n "$(jobs -pr)" ] && [ "$SECONDS" -lt "$patience" ]; do
    sleep 0.1
  done
  for pid in $(jobs -pr); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  if [ "$status" != 0 ]; then
    for log in "$work"/*.log "$work"/*/*.log; do
      [ ! -s "$log" ] || { printf -- '--- %s\n' "$log" && tail -n 15 "$log"; } >&2
    done
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# need PROGRAM PACKAGE: a missing peer fails.
need() {
  command -v "$1" >/dev/null || fail "$1 is missing (Debian's package $2)"
}

# begin LOG COMMAND...: starts a program in the background, to be ended by `finish`, or by the kernel where this script is
# killed.
begin() {
  local log=$1
  shift
  setpriv --pdeathsig KILL "$@" >"$log" 2>&1 &
  started+=("$!")
}

# until_true SECONDS WHAT COMMAND...: asks again until it succeeds, at most so long.
until_true() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$limit" ] || fail "$what"
    sleep 0.1
  done
}

# nines_binary: the program that was built last.
nines_binary() {
  printf '%s/debug/nines\n' "$(cargo metadata --no-deps --format-version 1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"
}
