# Sourced by the shell scripts of this folder and by scripts/demo-check.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# Debian installs some programs outside of a normal user's PATH.
PATH=$PATH:/usr/sbin:/sbin

work=$(mktemp -d)
started=()

# Ends the processes that this script started, shows their logs after a failure, and removes its files.
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

# need PROGRAM PACKAGE: fails if the program is missing.
need() {
  command -v "$1" >/dev/null || fail "$1 is missing (Debian's package $2)"
}

# begin LOG COMMAND...: starts a program in the background. `finish` ends it, or the kernel if this script is killed.
begin() {
  local log=$1
  shift
  setpriv --pdeathsig KILL "$@" >"$log" 2>&1 &
  started+=("$!")
}

# until_true SECONDS MESSAGE COMMAND...: repeats the command until it succeeds; fails with the message after SECONDS.
until_true() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$limit" ] || fail "$what"
    sleep 0.1
  done
}

# nines_binary: prints the path of the last build.
nines_binary() {
  printf '%s/debug/nines\n' "$(cargo metadata --no-deps --format-version 1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"
}
