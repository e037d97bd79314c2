"""Takes every figure of a report.json and computes it again from the formula and the numbers that
`nines explain --json` gives for it, with Python's exact fractions and none of our code.

Plays each scenario of tests/scenarios/, or those that are named, and checks all of their reports.
"""

import ast
import datetime
import json
import math
import operator
import pathlib
import subprocess
import sys
import tempfile
from fractions import Fraction

from harness import ROOT, binary

# The first key of an entry of a list, if it names the entry.
IDS = ("system", "outage", "window", "incident", "date", "month", "probe")
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class NoValue(Exception):
    """A number is not recorded, or there is nothing to divide by."""


def second(text):
    """The Unix second of an RFC 3339 instant."""
    return int(datetime.datetime.fromisoformat(text).timestamp())


def number(value):
    """A number of an explanation, as exact arithmetic takes it."""
    if value is None:
        raise NoValue
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, str):
        return Fraction(second(value))
    return value


def seconds(spans):
    return Fraction(sum(second(to) - second(start) for start, to in spans))


def of_list(function):
    def call(*args):
        items = args
        if len(args) == 1:
            if not args[0]:
                raise NoValue
            items = [number(item) for item in args[0]]
        return function(items)

    return call


def percent(x):
    return Fraction(math.floor(x * 100 * 1000), 1000)


def percentile(bounds, counts, p):
    """The first bound up to which at least p % of all counts lie."""
    total = sum(counts)
    below = 0
    for bound, count in zip(bounds, counts, strict=True):
        below += count
        if 100 * below >= p * total:
            return Fraction(bound)
    raise NoValue


FUNCTIONS = {
    "seconds": seconds,
    "percent": percent,
    "floor": lambda x: Fraction(math.floor(x)),
    "sum": lambda items: sum((number(item) for item in items), Fraction(0)),
    "count": lambda items: Fraction(len(items)),
    "min": of_list(min),
    "max": of_list(max),
    "percentile": percentile,
}


def evaluate(node, names):
    match node:
        case ast.Expression():
            return evaluate(node.body, names)
        case ast.Constant(value=int()):
            return Fraction(node.value)
        case ast.Name():
            return number(names[node.id])
        case ast.BinOp():
            left, right = evaluate(node.left, names), evaluate(node.right, names)
            if isinstance(node.op, ast.Div) and right <= 0:
                raise NoValue
            return OPERATORS[type(node.op)](left, right)
        case ast.Call(func=ast.Name(), keywords=[]):
            args = [evaluate(arg, names) for arg in node.args]
            return FUNCTIONS[node.func.id](*args)
    raise SyntaxError(f"not arithmetic: {ast.dump(node)}")


def value_of(explanation):
    """The figure, or None."""
    tree = ast.parse(explanation["formula"], mode="eval")
    try:
        return evaluate(tree, explanation["numbers"])
    except NoValue:
        return None


def is_number(key, value):
    """True for JSON numbers, and for percentages, which are texts."""
    if isinstance(value, bool):
        return False
    percentage = "availability" in key or key in ("coverage", "target", "target_exact", "share")
    return isinstance(value, int | float) or percentage


def leaves(value, path=""):
    """Every numeric key of a report: its path, with ids in place of list positions."""
    below = lambda key: f"{path}.{key}" if path else key
    if isinstance(value, dict):
        for key, item in value.items():
            if is_number(key, item):
                yield below(key), item
            else:
                yield from leaves(item, below(key))
    elif isinstance(value, list):
        seen = {}
        for place, item in enumerate(value):
            name = str(place)
            if isinstance(item, dict):
                first = next(iter(item), "")
                if first in IDS:
                    name = str(item[first])
                    seen[name] = seen.get(name, 0) + 1
                    if seen[name] > 1:
                        name += f"#{seen[name]}"
            if is_number("", item):
                yield below(name), item
            else:
                yield from leaves(item, below(name))


def same(printed, computed):
    if printed is None or computed is None:
        return printed is None and computed is None
    return Fraction(str(printed)) == computed


def check(report, explained):
    """The mistakes of one report."""
    known = {figure["key"]: figure for figure in explained["figures"]}
    if len(known) != len(explained["figures"]):
        yield "two figures have the same key"
    found = 0
    for key, printed in leaves(report):
        found += 1
        explanation = known.get(key)
        if explanation is None:
            yield f"{key} = {printed} has no explanation"
            continue
        if explanation["value"] != printed:
            yield f"{key}: the report prints {printed}, its explanation {explanation['value']}"
        computed = value_of(explanation)
        if not same(printed, computed):
            yield (
                f"{key}: the report prints {printed}, {explanation['formula']} with "
                f"{explanation['numbers']} is {computed}"
            )
    if found == 0:
        yield "the report has no figure"


def main(nines, scenarios):
    """Check every report of every scenario; return the exit status."""
    checked = failures = 0
    for scenario in scenarios:
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out"
            played = subprocess.run([nines, "simulate", scenario, "--out", out], capture_output=True)
            # 1: an act was refused, as the scenario wants.
            if played.returncode not in (0, 1):
                raise SystemExit(played.stderr.decode())
            for path in sorted((out / "reports").glob("*.json")):
                report = json.loads(path.read_text())
                asked = [nines, "explain", report["month"], "--json"]
                asked += ["--committee", report["committee"]]
                asked += ["--data", out, "--seq", str(report["ledger"]["seq"])]
                answer = subprocess.run(asked, capture_output=True)
                if answer.returncode:
                    raise SystemExit(answer.stderr.decode())
                mistakes = list(check(report, json.loads(answer.stdout)))
                figures = sum(1 for _ in leaves(report))
                checked += figures
                failures += len(mistakes)
                name = pathlib.Path(scenario).parent.name
                print(f"{name} {path.name}: {figures} figures, {len(mistakes)} mistakes")
                for mistake in mistakes[:20]:
                    print(f"  {mistake}")
    print(f"{checked} figures computed again, {failures} mistakes")
    return 1 if failures or not checked else 0


if __name__ == "__main__":
    every = sorted((ROOT / "tests/scenarios").glob("*/scenario.toml"))
    sys.exit(main(binary(), sys.argv[1:] or every))
