#!/usr/bin/env bash
# Checks the rules, the page at /metrics and the queries of the dashboard with promtool.
# shellcheck source=tests/peers/common.bash
. "$(dirname "$0")/common.bash"

need promtool prometheus
need python3 python3

promtool check config grafana/prometheus.yml
(cd grafana/rules/tests && promtool test rules ./*.yml)

# Each alert has a test in which it fires and one in which it does not. NinesWatchdog always fires.
python3 - grafana/rules <<'PYTHON'
import pathlib, re, sys

rules = pathlib.Path(sys.argv[1])
alerts = re.findall(r"^\s*- alert: (\w+)", (rules / "nines.yml").read_text(), re.M)
tests = "".join(path.read_text() for path in sorted(rules.glob("tests/*.yml")))
asked = re.findall(r"alertname: (\w+),?\s+exp_alerts:[ ]*(\[\])?", tests)
assert alerts and len(asked) == tests.count("alertname:"), "the tests are not written as this script expects"
lacks = [f"no test shows {alert} {how}" for how, silent in (("firing", ""), ("not firing", "[]"))
         for alert in alerts if (alert, silent) not in asked and (alert, how) != ("NinesWatchdog", "not firing")]
sys.exit("\n".join(lacks) or 0)
PYTHON
NINES_PROMTOOL=$(command -v promtool) scripts/cargo test --quiet --lib metrics::

# Check each query of the dashboards as if it were a recording rule.
python3 - grafana/dashboards/*.json >"$work/queries.yml" <<'PYTHON'
import json, sys

groups = []
for path in sys.argv[1:]:
    dashboard = json.load(open(path))
    rules = []
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "1m").replace("$__interval", "1m")
            name = f"{dashboard['uid'].replace('-', '_')}:panel_{panel['id']}:{target['refId'].lower()}"
            rules.append({"record": name, "expr": query})
    groups.append({"name": dashboard["uid"], "rules": rules})
assert len(groups) > 1 and all(group["rules"] for group in groups), groups
json.dump({"groups": groups}, sys.stdout)
PYTHON
promtool check rules "$work/queries.yml"
