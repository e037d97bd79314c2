"""Measures a month's report in each format, and its PDF beside the Typst of PyPI on the same source.

    python3 benches/typeset_report.py [--nines PROGRAM] [--runs N]

Two months are simulated: 20 systems with 12 outages and 200 with 400. `nines report` starts anew for each run, so
that its time holds the replay of the ledger, the figures and the pictures, too. The source for the other Typst is
the template with the report's JSON, the instants in words and the pictures of the HTML. Medians of processor
time are compared, so that other programs do not matter much; the memory is the largest of a run.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import zoneinfo

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/peers"))

from harness import Workspace, binary, check, python_with, say

ZONE = zoneinfo.ZoneInfo("America/New_York")
SIZES = ((20, 12), (200, 400))
MONTH = "2026-10"
TARGET = 1.2
COMPILE = """
import sys, typst
typst.compile("monthly.typ", output="other.pdf", root=".", ignore_system_fonts=True, pdf_standards=["ua-1"])
"""


def configuration(folder, systems, outages):
    """Write a configuration and its scenario; return the scenario's path."""
    (folder / "systems").mkdir(parents=True)
    (folder / "policies").mkdir()
    ids = [f"s{n:03}" for n in range(systems)]
    for number, system in enumerate(ids):
        (folder / f"systems/{system}.toml").write_text(
            f'name = "System {number}"\ncommittee = "operations"\ntarget = "99.9%"\n'
            '[[probe]]\nname = "port"\nkind = "tcp"\nhost = "127.0.0.1"\nport = 9\ninterval = "10m"\n')
    (folder / "nines.toml").write_text(
        f'[service]\nname = "Example"\nzone = "{ZONE.key}"\n[listen]\nprivate = "127.0.0.1:8081"\n'
        '[mail]\nfrom = "status@example.org"\nrelays = ["smtp://127.0.0.1:2525"]\n'
        f'[[committee]]\nid = "operations"\nname = "Committee"\nzone = "{ZONE.key}"\n'
        'members = ["chair@example.org"]\n'
        f'[[customer]]\nid = "clinic"\nname = "Clinic"\nzone = "UTC"\ncontacts = ["it@clinic.example"]\n'
        f"systems = {json.dumps(ids)}\n")
    start = datetime.datetime(2026, 10, 1, 1, tzinfo=ZONE)
    lines = ['config = "nines.toml"', 'start = "2026-10-01T00:00:00-04:00"',
             'end = "2026-11-01T02:00:00-04:00"', "seed = 7"]
    for n in range(outages):
        begin = start + datetime.timedelta(seconds=n * 2_600_000 // outages)
        end = begin + datetime.timedelta(minutes=25 + n % 30)
        lines += ["[[fault]]", f'system = "{ids[n * 7 % systems]}"', f'from = "{begin.isoformat()}"',
                  f'to = "{end.isoformat()}"', 'outcome = "down"', 'reason = "refused"']
    path = folder / "scenario.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def words(text):
    at = datetime.datetime.fromisoformat(text).astimezone(ZONE)
    zone = at.tzname()
    return {"instant": f"{at:%Y-%m-%d %H:%M:%S}\u00a0{zone}", "clock": f"{at:%H:%M:%S}\u00a0{zone}",
            "date": f"{at:%a} {at.day} {at:%b}", "isodate": f"{at:%Y-%m-%d}"}


def instants(value, found):
    """Collect every instant of a report in words."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        found.setdefault(value, words(value))
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        instants(item, found)
    return found


def source(folder, report, page):
    """Write what Nines gives its own Typst, as files."""
    folder.mkdir()
    pictures = []
    for svg in re.findall(r"<svg .*?</svg>", page, re.DOTALL):
        name = re.search(r'aria-labelledby="(\w+-\d+)-title', svg).group(1)
        title, alt = (re.search(rf'<{tag} id="[^"]*">(.*?)</{tag}>', svg, re.DOTALL).group(1) for tag in ("title", "desc"))
        (folder / f"{name}.svg").write_text(svg.replace("inherit", "Libertinus Serif"))
        pictures.append({"name": f"{name}.svg", "kind": name.split("-")[0], "title": title, "alt": alt})
    data = {"report": report, "instants": instants(report, {}), "pictures": pictures, "paper": "a4", "fonts": [],
            "standard": "PDF/UA-1", "missing": []}
    (folder / "data.json").write_text(json.dumps(data))
    (folder / "monthly.typ").write_text((ROOT / "report_templates/monthly.typ").read_text())


def measured(command, runs, **more):
    """Return medians of processor and elapsed time in seconds, and the most memory in MiB."""
    spent, took, most = [], [], 0
    for _ in range(runs):
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        check(process.returncode == 0, f"{command[0]} left with {process.returncode}: {said}")
        took.append(time.monotonic() - began)
        spent.append(usage.ru_utime + usage.ru_stime)
        most = max(most, usage.ru_maxrss)
    return statistics.median(spent), statistics.median(took), most // 1024


def run(workspace, arguments):
    program = arguments.nines or binary()
    for systems, outages in SIZES:
        folder = workspace.folder / f"systems-{systems}"
        out = folder / "out"
        subprocess.run([program, "simulate", configuration(folder, systems, outages), "--out", out], check=True,
                       stdout=subprocess.DEVNULL)
        say(f"{systems} systems, {outages} outages:")
        report = [program, "--config", folder / "nines.toml", "--data", out, "report", MONTH]
        times = {}
        for form in ("json", "html", "pdf"):
            target = folder / f"report.{form}"
            times[form] = measured([*report, "--format", form, "--out", target], arguments.runs)
            spent, took, most = times[form]
            say(f"  {form:5} {spent:6.2f} s of a processor, {took:6.2f} s elapsed, {most:4} MiB, {target.stat().st_size:9} bytes")
        source(folder / "source", json.loads((folder / "report.json").read_text()), (folder / "report.html").read_text())
        other = measured([python_with("typst"), "-c", COMPILE], arguments.runs, cwd=folder / "source")
        ratio = times["pdf"][0] / other[0]
        say(f"  typst {other[0]:6.2f} s of a processor, {other[1]:6.2f} s elapsed, {other[2]:4} MiB,"
            f" {(folder / 'source/other.pdf').stat().st_size:9} bytes; nines takes {ratio:.2f} × (wanted {TARGET})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nines", help="the program (default: the last build)")
    parser.add_argument("--runs", type=int, default=5)
    with Workspace(limit_s=1800) as here:
        run(here, parser.parse_args())


if __name__ == "__main__":
    main()
