"""What the dashboard shows of a run: every query of every panel, asked of the real Prometheus as
Grafana would ask it, and judged.

A panel without a line in `EXPECTED` fails, and so does a line without a panel. A query that is
rightly empty stands there with its reason, which is printed.
"""

import json
import math
import time
import urllib.parse

from house import ROOT, Failed, asked, check, fetch, say, until

DASHBOARD = ROOT / "grafana/dashboards/nines.json"
# Prometheus of `house.prometheus` scrapes each second. Grafana asks for four scrapes at least.
STEP_S = 1
RATE_S = 4
# For how long a panel is asked again: on a busy machine a scrape may fail, which is a gap.
PATIENCE_S = 20


def got(port, path, **asking):
    """What Prometheus's API answers, its `data`; a refusal fails."""
    body = fetch(f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(asking)}")
    check(body, f"Prometheus refuses {path} {asking}")
    return json.loads(body)["data"]


def filled(text):
    """A query with its variables as Grafana fills them in while all is chosen."""
    for name, value in (("$__rate_interval", f"{RATE_S}s"), ("$__interval", f"{STEP_S}s"),
                        ("$job", ".+"), ("$instance", ".+"), ("$system", ".+")):
        text = text.replace(name, value)
    check("$" not in text, f"a variable that nobody fills in: {text}")
    return text


def answer(port, target, since, till):
    """The series of one query: legend's labels and points (instant, value), NaN left out as Grafana
    draws nothing for it."""
    query = filled(target["expr"])
    if target.get("instant"):
        data = got(port, "query", query=query, time=till)
        found = [(one["metric"], [one["value"]]) for one in data["result"]]
    else:
        # The last step is the last instant, so that what has just happened shows.
        start = till - STEP_S * int((till - since) / STEP_S)
        data = got(port, "query_range", query=query, start=start, end=till, step=STEP_S)
        found = [(one["metric"], one["values"]) for one in data["result"]]
    drawn = [(labels, [(at, float(value)) for at, value in points if not math.isnan(float(value))])
             for labels, points in found]
    return [(labels, points) for labels, points in drawn if points]


def within(low, high, series=1):
    """So many series at least, and every value between the two."""
    def judge(found):
        check(len(found) >= series, f"{len(found)} series instead of {series}")
        for labels, points in found:
            for at, value in points:
                check(low <= value <= high, f"{value} of {labels} at {at} is not in {low}..{high}")
    return judge


def turns(*wanted, **of):
    """The series with these labels ends with this sequence of different values."""
    def judge(found):
        mine = [points for labels, points in found if of.items() <= labels.items()]
        check(len(mine) == 1, f"{len(mine)} series of {of} in {[labels for labels, _ in found]}")
        seen = [value for _, value in mine[0]]
        seen = [value for n, value in enumerate(seen) if n == 0 or value != seen[n - 1]]
        check(seen[-len(wanted):] == list(wanted), f"{seen} does not end with {list(wanted)}")
    return judge


def counts(**wanted):
    """The sum over the run, by the label `kind`: each thing that happened is shown once."""
    def judge(found):
        sums = {labels["kind"]: sum(value for _, value in points) for labels, points in found}
        check(sums == wanted, f"{sums} instead of {wanted}")
    return judge


def each(**by_class):
    """One value for each label `class`, within its bounds."""
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
    """No answer in this run, and why that is right."""

    def __init__(self, why):
        self.why = why


LIFE_S = 300
BELOW_ONE = within(0.01, 0.99999)
NONE = within(0, 0)
# A scrape is dated when it begins, and its page is written after that.
AGE = within(-5, 60)
# Title of the panel → what its queries must answer once nginx is back, in order.
EXPECTED = {
    "System state": [turns(0, 2, 0)],
    "Systems down": [NONE],
    "Systems unknown": [NONE],
    "Open incidents": [within(0, 0, series=3)],
    "In maintenance": [NONE],
    "Open outages": [Empty("nginx is back; asked while it was away as well")],
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
    "Certificates expire in": [Empty("this nginx speaks no TLS")],
    "Samples by outcome": [within(0, 4, series=4)],
    "Good samples": [both(within(0, 1), lambda found: check(
        min(value for _, value in found[0][1]) < 1, "the outage does not show"))],
    "Age of the last sample": [AGE],
    "Missed slots": [NONE],
    "Schedule lag": [within(0, 10), within(0, 10)],
    "Finished notices": [counts(downtime=1, uptime=1)],
    "Pending notices": [turns(1, 0)],
    "Oldest pending notice": [AGE],
    "Build": [within(1, 1)],
    "Configuration": [within(-5, LIFE_S), within(1, 1)],
    "Memory": [within(1e6, 2e9)],
    "Ledger": [within(0, 20), NONE],
    "Ledger commit duration": [within(0, 10), within(0, 10)],
    "Heartbeats": [AGE, within(-5, 120), AGE],
    "Last event": [AGE],
    "Samples stored": [within(0, 5), NONE],
    "Samples pending": [within(0, 10)],
    "Clock steps": [NONE],
    "Stalls": [NONE],
}
# The same for the panels that must look different while nginx is away.
WHILE_DOWN = {
    "System state": [turns(0, 2)],
    "Systems down": [within(1, 1)],
    "Open incidents": [turns(1, cause="outage")],
    "Open outages": [AGE],
    "Last sample": [turns(1, 0)],
}


def judge(port, since, expected):
    """Asks every query of the panels named and judges it; title → answers, as they would be drawn."""
    shown = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        title = panel["title"]
        if panel["type"] == "row" or title not in expected:
            continue
        judges, targets = expected[title], panel["targets"]
        check(len(judges) == len(targets), f"`{title}` has {len(targets)} queries")
        patience = time.monotonic() + PATIENCE_S
        while title not in shown:
            answers = [answer(port, target, since, time.time()) for target in targets]
            try:
                for wanted, found in zip(judges, answers):
                    verdict(wanted, found)
                shown[title] = answers
            except Failed as wrong:
                if time.monotonic() > patience:
                    raise Failed(f"`{title}`: {wrong}") from wrong
                time.sleep(STEP_S)
        for wanted in judges:
            if isinstance(wanted, Empty):
                say(f"  rightly empty: {title} ({wanted.why})")
    check(shown.keys() == expected.keys(), f"no such panel: {expected.keys() - shown.keys()}")
    return shown


def verdict(wanted, found):
    """Fails unless the answer to one query is what was wanted."""
    if isinstance(wanted, Empty):
        check(not found, f"not empty: {found}")
    else:
        check(found, "empty")
        wanted(found)


def while_down(port, since):
    """What must show while the system is down."""
    return judge(port, since, WHILE_DOWN)


def afterwards(port, since):
    """Every panel, and what the dashboard lets people choose from."""
    dashboard = json.loads(DASHBOARD.read_text())
    titles = {panel["title"] for panel in dashboard["panels"] if panel["type"] != "row"}
    check(titles == EXPECTED.keys(), f"not expected or not there: {titles ^ EXPECTED.keys()}")
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = variable["definition"].removeprefix("label_values(")[:-1].rsplit(",", 1)
            values = got(port, f"label/{label.strip()}/values", **{"match[]": filled(selector)})
            check(values, f"nothing to choose for ${variable['name']}")
    shown = judge(port, since, EXPECTED)
    say(f"dashboard: {sum(len(answers) for answers in shown.values())} queries of"
        f" {len(shown)} panels, as expected")
    return shown


def rules_are_well(port, since):
    """Every rule as shipped was evaluated without an error, and only what should fire did."""
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
    until(PATIENCE_S, lambda: f"alerts that fire still: {firing()}", lambda: firing() == {"NinesWatchdog"})
    say(f"rules: {len(rules)} healthy; fired: {fired}; only NinesWatchdog fires still")
