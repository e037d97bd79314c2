#!/usr/bin/env bash
# One outage of a real nginx, end to end, once for each mail server: Prometheus sees it, both mails
# arrive in one thread, and the report has its start and its end to the second.
# shellcheck source=tests/peers/common.bash
. "$(dirname "$0")/common.bash"

need python3 python3
need curl curl
nines=$(nines_binary)

# configure FOLDER WEB MAIL PRIVATE: one system, one customer, one probe every second.
configure() {
  mkdir -p "$1/systems" "$1/policies"
  cat >"$1/nines.toml" <<CONF
[service]
name     = "Example HIE"
zone     = "America/New_York"
data     = "data"
systems  = "systems"
policies = "policies"

[listen]
private = "127.0.0.1:$4"

[mail]
from   = "Example HIE Status <status@example.org>"
relays = ["smtp://127.0.0.1:$3"]
gather = "1s"

[[committee]]
id      = "operations"
name    = "Operating Committee"
zone    = "America/New_York"
members = ["chair@example.org"]

[[customer]]
id       = "st-elsewhere"
name     = "St. Elsewhere Hospital"
zone     = "America/Chicago"
contacts = ["it@st-elsewhere.example"]
systems  = ["portal"]
CONF
  cat >"$1/systems/portal.toml" <<CONF
name      = "Clinical Portal"
committee = "operations"
target    = "99.9%"

[[probe]]
name           = "login-page"
kind           = "http"
url            = "http://127.0.0.1:$2/"
interval       = "1s"
timeout        = "900ms"
retry_interval = "1s"
expect         = { status = 200, body_contains = "Sign in" }
CONF
}

# mails FOLDER: the messages in it, oldest first.
mails() { find "$1" -type f \( -name '*.eml' -o -path '*/new/*' \) | sort; }
arrived() { [ "$(mails "$1" | wc -l)" -ge "$2" ]; }
now() { date +%s.%N; }

# story NAME SERVER: the whole of it, with the mail server that SERVER starts.
story() {
  local folder=$work/$1 web mail private service stopped_at mended_at pid
  web=$(free_port) mail=$(free_port) private=$(free_port)
  printf -- '-- %s\n' "$1"
  configure "$folder" "$web" "$mail" "$private"
  nginx_on "$web"
  "$2" "$mail" "$folder/mails"
  "$nines" check --config "$folder/nines.toml"
  begin "$folder/nines.log" "$nines" run --config "$folder/nines.toml"
  service=${started[-1]}
  until_true 30 'Nines is not ready' curl --silent --fail "http://127.0.0.1:$private/readyz"
  prometheus_on "$(free_port)" "127.0.0.1:$private"
  pid=${started[-1]}
  until_true 30 'the probe has not succeeded' says 'probe_success{system="portal"}' 1
  until_true 30 'the portal is not up' says 'nines_system_state{system="portal",state="up"}' 1

  stopped_at=$(now)
  kill "$nginx"
  wait "$nginx" || true
  until_true 30 'the portal is not down' says 'nines_system_state{system="portal",state="down"}' 1
  until_true 30 'no sample failed' says 'probe_success{system="portal"}' 0
  until_true 30 'no alert' ask 'ALERTS{alertname="SystemDown",alertstate="firing"}'
  until_true 30 'no mail about the outage' arrived "$folder/mails" 1

  mended_at=$(now)
  nginx_on "$web"
  until_true 30 'the portal is not up again' says 'nines_system_state{system="portal",state="up"}' 1
  until_true 30 'no mail about its end' arrived "$folder/mails" 2
  until_true 30 'the notices are not counted as sent' \
    says 'sum(nines_notices_total{result="sent"})' 2
  curl --silent --fail "http://127.0.0.1:$private/metrics" | promtool check metrics

  "$nines" report "$(TZ=America/New_York date +%Y-%m)" --committee operations --format json \
    --config "$folder/nines.toml" --out "$folder/report.json"
  mapfile -t letters < <(mails "$folder/mails")
  python3 "$root/tests/peers/one_outage.py" "$folder/report.json" "$stopped_at" "$mended_at" \
    "${letters[@]}"
  "$nines" verify --config "$folder/nines.toml"
  kill -INT "$service"
  wait "$service" || fail "nines left with $?"
  "$nines" verify --replay --config "$folder/nines.toml"
  kill "$nginx" "$pid"
  wait "$nginx" "$pid" || true
}

story aiosmtpd aiosmtpd_on
story opensmtpd opensmtpd_on
