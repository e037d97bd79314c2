#!/usr/bin/env bash
# The rules, the page and the dashboard's queries, judged by Prometheus's own tool.
# shellcheck source=tests/peers/common.bash
. "$(dirname "$0")/common.bash"

need promtool prometheus
need python3 python3

promtool check config grafana/prometheus.yml
(cd grafana/rules/tests && promtool test rules ./*.yml)

# Every alert is seen firing by one of these tests, and not firing by one; the watchdog always fires.
python3 - grafana/rules <<'PYTHON'
import pathlib, re, sys

rules = pathlib.Path(sys.argv[1])
alerts = re.findall(r"^\s*- alert: (\w+)", (rules / "nines.yml").read_text(), re.M)
tests = "".join(path.read_text() for path in sorted(rules.glob("tests/*.yml")))
asked = re.findall(r"alertname: (\w+),?\s+exp_alerts:[ ]*(\[\])?", tests)
assert alerts and len(asked) == tests.count("alertname:"), "the files are not written as is read here"
lacks = [f"{alert} is never seen {how}" for how, silent in (("firing", ""), ("not firing", "[]"))
         for alert in alerts if (alert, silent) not in asked and (alert, how) != ("NinesWatchdog", "not firing")]
sys.exit("\n".join(lacks) or 0)
PYTHON
NINES_PROMTOOL=$(command -v promtool) scripts/cargo test --quiet --lib metrics::

# Every query of the dashboard must parse: as a rule it is read by the same parser.
python3 - grafana/dashboards/nines.json >"$work/queries.yml" <<'PYTHON'
import json, sys

rules = []
for panel in json.load(open(sys.argv[1]))["panels"]:
    for target in panel.get("targets", []):
        query = target["expr"].replace("$__rate_interval", "1m").replace("$__interval", "1m")
        rules.append({"record": f"panel:{panel['id']}:{target['refId'].lower()}", "expr": query})
json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
PYTHON
promtool check rules "$work/queries.yml"
