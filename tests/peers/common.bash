# What the scripts of this folder share; read by them with `.`, never run by itself.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# The programs that Debian puts where only the superuser looks.
PATH=$PATH:/usr/sbin:/sbin

work=$(mktemp -d)
started=()

# Ends what this script started and still runs, by its id, shows the logs of what went wrong, and removes what it
# wrote.
finish() {
  local status=$? pid log
  for pid in $(jobs -pr); do
    kill "$pid" 2>/dev/null || as_root kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ "$status" != 0 ]; then
    for log in "$work"/*.log "$work"/*/*.log; do
      [ ! -s "$log" ] || { printf -- '--- %s\n' "$log" && tail -n 15 "$log"; } >&2
    done
  fi
  as_root rm -rf "$work"
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

# begin LOG COMMAND...: starts a program in the background, to be ended by `finish`.
begin() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 &
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

# free_port: a port of loopback that nobody listens on now.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# nines_binary: the program that was built last.
nines_binary() {
  printf '%s/debug/nines\n' "$(cargo metadata --no-deps --format-version 1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"
}

# nginx_on PORT: a web server whose page says "Sign in", in the foreground of its own process.
# Leaves its id in $nginx.
nginx_on() {
  need nginx nginx-light
  local folder=$work/nginx-$1
  mkdir -p "$folder"
  cat >"$folder/nginx.conf" <<CONF
daemon off;
master_process off;
pid $folder/pid;
error_log $folder/error.log;
events { }
http {
  access_log $folder/access.log;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  server {
    listen 127.0.0.1:$1;
    location / { default_type text/plain; return 200 "Sign in\n"; }
  }
}
CONF
  begin "$folder/nginx.log" nginx -c "$folder/nginx.conf"
  # shellcheck disable=SC2034 # for the script that asked
  nginx=${started[-1]}
  until_true 10 "nginx does not answer on port $1" \
    curl --silent --fail "http://127.0.0.1:$1/"
}

# aiosmtpd_on PORT FOLDER: PyPI's mail server; FOLDER/0001.eml and so on as they came.
aiosmtpd_on() {
  python3 -c 'import aiosmtpd' 2>/dev/null || fail "aiosmtpd is missing (from PyPI)"
  mkdir -p "$2"
  begin "$2/server.log" python3 "$root/tests/peers/aiosmtpd_sink.py" "$1" "$2"
  until_true 10 'aiosmtpd does not answer' greets "$1"
}

# opensmtpd_on PORT FOLDER: Debian's OpenSMTPD, which keeps every message in the maildir
# FOLDER/new. It must be started by the superuser, and there can be one on a machine.
opensmtpd_on() {
  need smtpd opensmtpd
  mkdir -p "$2"
  as_root chown nobody "$2"
  # Its delivery runs as nobody, who must be able to pass through our folder.
  chmod go+x "$work"
  cat >"$work/smtpd.conf" <<CONF
listen on 127.0.0.1 port $1
table everyone { "@" = nobody }
action "keep" maildir "$2" virtual <everyone>
match from any for any action "keep"
CONF
  local as=()
  [ "$(id -u)" = 0 ] || as=(sudo)
  begin "$work/smtpd.log" "${as[@]}" smtpd -d -f "$work/smtpd.conf"
  until_true 10 'OpenSMTPD does not answer' greets "$1"
}

# prometheus_on PORT TARGET: Debian's Prometheus, which scrapes TARGET every second by our rules.
prometheus_on() {
  need prometheus prometheus
  cat >"$work/prometheus.yml" <<CONF
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["$root/grafana/rules/*.yml"]
scrape_configs:
  - job_name: nines
    static_configs: [{ targets: ["$2"] }]
CONF
  begin "$work/prometheus.log" prometheus --config.file="$work/prometheus.yml" \
    --storage.tsdb.path="$work/tsdb-$1" --web.listen-address="127.0.0.1:$1"
  prometheus=http://127.0.0.1:$1
  until_true 30 'Prometheus does not answer' \
    curl --silent --fail "$prometheus/-/ready"
}

# ask QUERY: the first value that Prometheus has for it; fails where it has none.
ask() {
  curl --silent --fail --get "$prometheus/api/v1/query" --data-urlencode "query=$1" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["result"][0]["value"][1])' 2>/dev/null
}

# says QUERY VALUE: whether that is what Prometheus has.
says() { [ "$(ask "$1")" = "$2" ]; }

# greets PORT: whether a mail server greets there.
greets() {
  python3 -c '
import smtplib, sys
smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=5).quit()' "$1"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
