"""Measures the processor time of `nines simulate` for one month, and how it grows with systems and faults.

    python3 benches/simulate_month.py [--nines PROGRAM] [--systems N] [--faults N] [--days N]

Every system has one probe each 30 seconds, and every customer has ten systems. The same month runs four times: with
all systems and with a quarter of them, each with faults and without. The cost of a sample and the cost of an event
must be the same for both numbers of systems: each has a limit for its ratio. Processor time is compared, so that
other programs do not matter much.
"""

import argparse
import datetime
import os
import pathlib
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/peers"))

from harness import UTC, Nines, Workspace, binary, check, say

START = datetime.datetime(2026, 10, 1, tzinfo=UTC)
INTERVAL_S = 30
SYSTEMS_OF_A_CUSTOMER = 10
# One fault in five is slow, and one in five hides the samples.
OUTCOMES = ("down", "down", "degraded", "down", "no_samples")
# A ratio of 1 is exact to about a fifth: the runs are minutes apart.
LIMIT_RATIO = 1.5
TARGET_S = 25


def written(instant):
    return instant.isoformat().replace("+00:00", "Z")


def faults(system, count, days):
    """Yield `count` faults as TOML: 3 to 20 minutes each, spread over the month, at other times for each system."""
    every_s = days * 86_400 // max(count, 1)
    for n in range(count):
        begin = START + datetime.timedelta(seconds=n * every_s + system * 7_919 % (every_s - 1_260))
        end = begin + datetime.timedelta(seconds=180 + (system * 31 + n * 47) % 1_020)
        yield f"""[[fault]]
system  = "system-{system}"
from    = "{written(begin)}"
to      = "{written(end)}"
outcome = "{OUTCOMES[(system + n) % len(OUTCOMES)]}"
"""


def scenario(workspace, name, systems, count, days):
    """Write the configuration and the scenario; return the paths of the scenario and of its results."""
    probes = {f"system-{n}": f"""[[probe]]
name     = "http"
kind     = "http"
url      = "http://127.0.0.1:{8_000 + n}/"
interval = "{INTERVAL_S}s"
timeout  = "5s"
""" for n in range(systems)}
    customers = {}
    for n in range(0, systems, SYSTEMS_OF_A_CUSTOMER):
        own = [f"system-{m}" for m in range(n, min(n + SYSTEMS_OF_A_CUSTOMER, systems))]
        customers[f"customer-{n}"] = ([f"it@customer-{n}.example"], own)
    nines = Nines(workspace, name, [2525], customers, probes, gather="30s")
    end = START + datetime.timedelta(days=days)
    path = nines.folder / "scenario.toml"
    path.write_text(f'config = "nines.toml"\nstart = "{written(START)}"\nend = "{written(end)}"\nseed = 7\n'
                    + "".join(fault for n in range(systems) for fault in faults(n, count, days)))
    return path, nines.folder / "out"


def run(program, path, out):
    """Return user, system and elapsed seconds of one simulation."""
    before, at = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([program, "simulate", path, "--out", out], capture_output=True, text=True)
    check(done.returncode == 0, f"nines simulate failed: {done.stderr[-800:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime,
            time.monotonic() - at)


def measured(workspace, program, systems, count, days):
    """Run one case; return its CPU seconds and its number of events."""
    name = f"{systems}-systems-{count}-faults"
    path, out = scenario(workspace, name, systems, count, days)
    user, system, elapsed = run(program, path, out)
    events = sum(1 for _ in (out / "timeline.jsonl").open("rb"))
    samples = systems * days * 86_400 // INTERVAL_S
    say(f"{systems:4} systems, {count:3} faults each: user {user:6.2f} s, system {system:5.2f} s, elapsed"
        f" {elapsed:6.2f} s; about {samples} samples, {events} events")
    return user + system, events, samples


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--nines", help="program under test (default: NINES_BIN, else the last build)")
    words.add_argument("--systems", type=int, default=100)
    words.add_argument("--faults", type=int, default=30, help="number of faults of each system")
    words.add_argument("--days", type=int, default=31)
    given = words.parse_args()
    if given.nines:
        os.environ["NINES_BIN"] = given.nines
    few = max(given.systems // 4, 1)
    say(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    with Workspace(limit_s=1_200) as workspace:
        cost, events, samples = {}, {}, {}
        for systems in (few, given.systems):
            for count in (0, given.faults):
                case = systems, count
                cost[case], events[case], samples[case] = measured(
                    workspace, binary(), systems, count, given.days)

        def sample_us(systems):
            return cost[systems, 0] / samples[systems, 0] * 1e6

        def event_us(systems):
            more = events[systems, given.faults] - events[systems, 0]
            return (cost[systems, given.faults] - cost[systems, 0]) / more * 1e6

        for what, of in (("sample", sample_us), ("event", event_us)):
            ratio = of(given.systems) / of(few)
            say(f"CPU per {what}: {of(few):.2f} µs with {few} systems, {of(given.systems):.2f} µs with"
                f" {given.systems}; ratio {ratio:.2f}, limit {LIMIT_RATIO}")
            check(ratio <= LIMIT_RATIO, f"the cost of a {what} grows with the number of systems")
        say(f"target for user time of 100 systems, 30 faults each and 31 days: {TARGET_S} s")


if __name__ == "__main__":
    main()
