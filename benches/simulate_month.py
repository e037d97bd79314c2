"""Measures the processor time of `nines simulate` for one month, and how it grows with systems and faults.

    python3 benches/simulate_month.py [--nines PROGRAM] [--systems N] [--faults N] [--days N]

Every system has one probe each 30 seconds, and every customer has ten systems. The same month runs four times: with
all systems and with a quarter of them, each with faults and without. Before that, a month of four systems runs five times. The cost of a sample and the cost of an event
must be the same for both numbers of systems: each has a limit for its ratio. Processor time is compared, so that
other programs do not matter much.
"""

import datetime
import resource
import shutil
import statistics
import subprocess
import time

from measure import given, load, options, table
from harness import UTC, Nines, Workspace, binary, check, say

START = datetime.datetime(2026, 10, 1, tzinfo=UTC)
INTERVAL_S = 30
SYSTEMS_OF_A_CUSTOMER = 10
# One fault in five is slow, and one in five hides the samples.
OUTCOMES = ("down", "down", "degraded", "down", "no_samples")
# A ratio of 1 is exact to about a fifth: the runs are minutes apart.
LIMIT_RATIO = 1.5
# Processor seconds of a month: four systems, and 100 systems with 3,000 faults.
WANTED_FEW_S, WANTED_S = 0.3, 15
FEW, FEW_FAULTS, RUNS = 4, 3, 5


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
    return user + system, events, samples, elapsed


def small_month(workspace, program, days):
    """Return the medians of processor and elapsed seconds of a month of four systems."""
    path, out = scenario(workspace, "small", FEW, FEW_FAULTS, days)
    runs = []
    for _ in range(RUNS):
        shutil.rmtree(out, ignore_errors=True)
        user, system, elapsed = run(program, path, out)
        runs.append((user + system, elapsed))
    return [statistics.median(values) for values in zip(*runs)]


def main():
    words = options(__doc__)
    words.add_argument("--systems", type=int, default=100)
    words.add_argument("--faults", type=int, default=30, help="number of faults of each system")
    words.add_argument("--days", type=int, default=31)
    values = given(words)
    few = max(values.systems // 4, 1)
    say(load())
    with Workspace(limit_s=1_200) as workspace:
        small = small_month(workspace, binary(), values.days)
        cost, events, samples, elapsed = {}, {}, {}, {}
        for systems in (few, values.systems):
            for count in (0, values.faults):
                case = systems, count
                cost[case], events[case], samples[case], elapsed[case] = measured(
                    workspace, binary(), systems, count, values.days)

        def sample_us(systems):
            return cost[systems, 0] / samples[systems, 0] * 1e6

        def event_us(systems):
            more = events[systems, values.faults] - events[systems, 0]
            return (cost[systems, values.faults] - cost[systems, 0]) / more * 1e6

        for what, of in (("sample", sample_us), ("event", event_us)):
            ratio = of(values.systems) / of(few)
            say(f"CPU per {what}: {of(few):.2f} µs with {few} systems, {of(values.systems):.2f} µs with"
                f" {values.systems}; ratio {ratio:.2f}, limit {LIMIT_RATIO}")
            check(ratio <= LIMIT_RATIO, f"the cost of a {what} grows with the number of systems")
        large = values.systems, values.faults
        table(("a month", "processor time", "elapsed", "wanted"), (
            (f"{FEW} systems, {FEW_FAULTS} faults each, median of {RUNS}", f"{small[0]:.2f} s", f"{small[1]:.2f} s", f"{WANTED_FEW_S} s"),
            (f"{values.systems} systems, {values.faults} faults each", f"{cost[large]:.1f} s", f"{elapsed[large]:.1f} s", f"{WANTED_S} s"),
        ))


if __name__ == "__main__":
    main()
