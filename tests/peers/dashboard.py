"""Checks the dashboards against a real Prometheus: runs each query of each panel as Grafana does.

A panel without a line in `EXPECTED` fails, and so does a line without a panel. A query that must return
nothing has its reason there.
"""

import json
import math
import time
import urllib.parse

from harness import ROOT, Failed, asked, check, fetch, say, until

DASHBOARDS = [json.loads(path.read_text()) for path in sorted((ROOT / "grafana/dashboards").glob("*.json"))]
# `workspace.prometheus` scrapes each second. Grafana's rate interval covers at least four scrapes.
STEP_S = 1
RATE_S = 4
# Retry a panel for so long: on a busy machine a scrape may fail and leave a gap.
PATIENCE_S = 20


def got(port, path, **asking):
    """Return the `data` of a response of Prometheus's API, or fail."""
    body = fetch(f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(asking)}")
    check(body, f"Prometheus rejects {path} {asking}")
    return json.loads(body)["data"]


def filled(text):
    """Return a query with its variables replaced as Grafana does when all is selected."""
    for name, value in (("$__rate_interval", f"{RATE_S}s"), ("$__interval", f"{STEP_S}s"),
                        ("$job", ".+"), ("$instance", ".+"), ("$system", ".+")):
        text = text.replace(name, value)
    check("$" not in text, f"an unknown variable: {text}")
    return text


def answer(port, target, since, till):
    """Return the series of one query as labels and points (instant, value), without NaN, which Grafana
    does not draw."""
    query = filled(target["expr"])
    if target.get("instant"):
        data = got(port, "query", query=query, time=till)
        found = [(one["metric"], [one["value"]]) for one in data["result"]]
    else:
        # End at the present instant, so that the latest change shows.
        start = till - STEP_S * int((till - since) / STEP_S)
        data = got(port, "query_range", query=query, start=start, end=till, step=STEP_S)
        found = [(one["metric"], one["values"]) for one in data["result"]]
    drawn = [(labels, [(at, float(value)) for at, value in points if not math.isnan(float(value))])
             for labels, points in found]
    return [(labels, points) for labels, points in drawn if points]


def within(low, high, series=1):
    """Expect at least so many series, with every value between `low` and `high`."""
    def judge(found):
        check(len(found) >= series, f"{len(found)} series instead of {series}")
        for labels, points in found:
            for at, value in points:
                check(low <= value <= high, f"{value} of {labels} at {at} is not in {low}..{high}")
    return judge


def turns(*wanted, **of):
    """Expect the series with these labels to end with this sequence of distinct values."""
    def judge(found):
        mine = [points for labels, points in found if of.items() <= labels.items()]
        check(len(mine) == 1, f"{len(mine)} series of {of} in {[labels for labels, _ in found]}")
        seen = [value for _, value in mine[0]]
        seen = [value for n, value in enumerate(seen) if n == 0 or value != seen[n - 1]]
        check(seen[-len(wanted):] == list(wanted), f"{seen} does not end with {list(wanted)}")
    return judge


def counts(**wanted):
    """Expect these sums over the run by the label `kind`: each event shows once."""
    def judge(found):
        sums = {labels["kind"]: sum(value for _, value in points) for labels, points in found}
        check(sums == wanted, f"{sums} instead of {wanted}")
    return judge


def each(**by_class):
    """Expect one value per label `class`, within its bounds."""
    def judge(found):
        values = {labels["class"]: points[-1][1] for labels, points in found}
        check(values.keys() == by_class.keys(), f"classes {sorted(values)}")
        for name, (low, high) in by_class.items():
            check(low <= values[name] <= high, f"{name} {values[name]} is not in {low}..{high}")
    return judge


def both(*judges):
    def judge(found):
        for one in judges:
            one(found)
    return judge


class Empty:
    """Expect no answer in this run, for a reason."""

    def __init__(self, why):
        self.why = why


LIFE_S = 300
BELOW_ONE = within(0.01, 0.99999)
NONE = within(0, 0)
# A scrape is dated at its start, before the page is written.
AGE = within(-5, 60)
# The expected answers to the queries of each panel, in order, once nginx is back. Panels of one title ask the same.
EXPECTED = {
    "System state": [turns(0, 2, 0)],
    "Flapping": [NONE],
    "Systems down": [NONE],
    "Systems unknown": [NONE],
    "Open incidents": [within(0, 0, series=3)],
    "In maintenance": [NONE],
    "Open outages": [Empty("nginx is back; WHILE_DOWN covers the outage")],
    "Contract availability": [BELOW_ONE],
    "Experienced availability": [BELOW_ONE],
    "Target": [within(0.999, 0.999)],
    "Error budget remaining": [within(-LIFE_S, 2680), within(0, 2680)],
    "Downtime and unknown time": [
        each(planned=(0, 0), excluded=(0, 0), unplanned=(1, LIFE_S), unknown=(0, 60)), NONE],
    "Coverage": [within(0.05, 1)],
    "Last sample": [turns(1, 0, 1)],
    "Probe duration": [within(0, 3)],
    "HTTP phases": [within(0, 3, series=3)],
    "HTTP status": [within(200, 200)],
    "Certificates expire in": [Empty("this nginx has no TLS")],
    "Samples by outcome": [within(0, 4, series=4)],
    "Good samples": [both(within(0, 1), lambda found: check(
        min(value for _, value in found[0][1]) < 1, "the outage does not show"))],
    "Age of the last sample": [AGE],
    "Unconfirmed failures": [NONE],
    "Missed slots": [NONE],
    "Schedule lag": [within(0, 10), within(0, 10)],
    "Finished notices": [counts(downtime=1, uptime=1)],
    "Pending notices": [turns(1, 0)],
    "Oldest pending notice": [AGE],
    "Subscribers": [within(0, 0, series=2)],
    "Build": [within(1, 1)],
    "Configuration": [within(-5, LIFE_S), within(1, 1)],
    "Memory": [within(1e6, 2e9)],
    "Ledger": [within(0, 20), NONE],
    "Ledger commit duration": [within(0, 10), within(0, 10)],
    "Heartbeats": [AGE, within(-5, 120), AGE],
    "Last event": [AGE],
    "Samples stored": [within(0, 5), NONE],
    "Samples pending": [within(0, 10)],
    "Clock offsets": [Empty("no probe asks a time server")],
    "Clock steps": [NONE],
    "Stalls": [NONE],
    "Error budget left": [within(-0.2, 1)],
    "Systems below their target": [within(1, 1)],
    "Open incidents by severity": [NONE],
    "Downtime of this month": [each(planned=(0, 0), excluded=(0, 0), unplanned=(1, LIFE_S))],
    "Time without monitoring": [within(0, 60)],
    "Contract availability over the month": [within(0.01, 1)],
    "Margin over the target": [within(-1, 0.0011)],
    "Systems down at once": [turns(0, 1, 0)],
    "Unplanned downtime": [within(0, LIFE_S)],
    "Clocks in the last 30 days": [Empty("no policy promises a time")],
    "Notices in the last 30 days": [both(within(0, 4), lambda found: check(
        any(value > 1 for _, points in found for _, value in points), "no notice was counted"))],
    "Customers not told": [NONE],
    "Escalations in the last 30 days": [Empty("no policy escalates")],
}
# The same while nginx is down, for the panels that differ.
WHILE_DOWN = {
    "System state": [turns(0, 2)],
    "Systems down": [within(1, 1)],
    "Open incidents": [turns(1, cause="outage")],
    "Open outages": [AGE],
    "Last sample": [turns(1, 0)],
}


def every_panel():
    """Return the panels of all dashboards that ask something."""
    return [panel for dashboard in DASHBOARDS for panel in dashboard["panels"] if panel["type"] != "row"]


def judge(port, since, expected):
    """Check the queries of the panels in `expected`; return the answers by panel title."""
    shown = {}
    for panel in every_panel():
        title = panel["title"]
        if title not in expected:
            continue
        judges, targets = expected[title], panel["targets"]
        check(len(judges) == len(targets), f"`{title}` has {len(targets)} queries")
        patience = time.monotonic() + PATIENCE_S
        answers = None
        while answers is None:
            answers = [answer(port, target, since, time.time()) for target in targets]
            try:
                for wanted, found in zip(judges, answers):
                    verdict(wanted, found)
            except Failed as wrong:
                if time.monotonic() > patience:
                    raise Failed(f"`{title}`: {wrong}") from wrong
                answers = None
                time.sleep(STEP_S)
        shown[title] = answers
        for wanted in judges:
            if isinstance(wanted, Empty):
                say(f"  empty as expected: {title} ({wanted.why})")
    check(shown.keys() == expected.keys(), f"no such panel: {expected.keys() - shown.keys()}")
    return shown


def verdict(wanted, found):
    """Fail unless the answer to one query is as expected."""
    if isinstance(wanted, Empty):
        check(not found, f"not empty: {found}")
    else:
        check(found, "empty")
        wanted(found)


def while_down(port, since):
    """Check the panels while the system is down."""
    return judge(port, since, WHILE_DOWN)


def afterwards(port, since):
    """Check every panel and the values of each variable."""
    titles = {panel["title"] for panel in every_panel()}
    check(titles == EXPECTED.keys(), f"unexpected or missing panels: {titles ^ EXPECTED.keys()}")
    for variable in [one for dashboard in DASHBOARDS for one in dashboard["templating"]["list"]]:
        if variable["type"] == "query":
            selector, label = variable["definition"].removeprefix("label_values(")[:-1].rsplit(",", 1)
            values = got(port, f"label/{label.strip()}/values", **{"match[]": filled(selector)})
            check(values, f"no values for ${variable['name']}")
    shown = judge(port, since, EXPECTED)
    say(f"dashboards: {sum(len(answers) for answers in shown.values())} queries of"
        f" {len(shown)} panels, as expected")
    return shown


def check_rules(port, since):
    """Check that every rule was evaluated without error and only the expected alerts fired."""
    rules = [rule for group in got(port, "rules")["groups"] for rule in group["rules"]]
    for rule in rules:
        check(rule["health"] == "ok" and not rule.get("lastError"), f"{rule['name']}: {rule}")
    page = fetch(f"http://127.0.0.1:{port}/metrics")
    failed = [line for line in page.splitlines()
              if line.startswith("prometheus_rule_evaluation_failures_total{")
              and not line.endswith(" 0")]
    check(not failed, f"rules failed: {failed}")
    for rule in rules:
        if rule["type"] == "recording":
            until(PATIENCE_S, f"{rule['name']} records nothing", lambda: asked(port, rule["name"]))
    fired = got(port, "query_range", query='count by (alertname) (ALERTS{alertstate="firing"})',
                start=since, end=time.time(), step=STEP_S)["result"]
    fired = sorted(one["metric"]["alertname"] for one in fired)
    check(fired == ["NinesSystemDown", "NinesWatchdog"], f"alerts that fired: {fired}")
    def firing():
        return {labels["alertname"] for labels, _ in asked(port, 'ALERTS{alertstate="firing"}')}
    until(PATIENCE_S, lambda: f"alerts still firing: {firing()}", lambda: firing() == {"NinesWatchdog"})
    say(f"rules: {len(rules)} healthy; fired: {fired}; only NinesWatchdog still fires")
