"""Measures CPU time per HTTP probe, against a bare tokio socket loop to the same nginx in the same run.

    python3 benches/cpu_per_probe.py [--nines PROGRAM] [--floor PROGRAM] [--probes N] [--seconds S]

`nines run` monitors one nginx through sixteen loopback addresses, each probe once a second, with all of
detection, storage and metrics. Its user and system time come from /proc. The number of answers of nginx and
the number of rows in DuckDB must be the same, except for probes under way at the stop. Then
`probes/examples/floor.rs` makes the same requests with sockets only.
"""

import json
import math
import re
import subprocess
import time

from measure import ROOT, Count, cpu, duckdb, given, memory, options
from harness import Workspace, Nines, check, end, free_port, metric, running, say, until

ADDRESSES = [f"127.0.0.{n}" for n in range(1, 17)]


def floor_program(given):
    """Return the path of the bare loop; build it in release mode unless given."""
    if given:
        return given
    subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "nines-probes",
                    "--example", "floor"], cwd=ROOT, check=True)
    found = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT,
                           check=True, capture_output=True)
    return json.loads(found.stdout)["target_directory"] + "/release/examples/floor"


def service(workspace, port, answered, count, seconds):
    """Return CPU seconds per probe of the service; print the parts."""
    systems = {}
    for system in range(0, count, 50):
        systems[f"system-{system}"] = "".join(f"""[[probe]]
name     = "http-{n}"
kind     = "http"
url      = "http://{ADDRESSES[n % len(ADDRESSES)]}:{port}/"
interval = "1s"
timeout  = "1s"
expect   = {{ status = 200, body_contains = "Sign in" }}
""" for n in range(system, min(system + 50, count)))
    nines = Nines(workspace, "nines", [free_port()], {"clinic": (["it@clinic.example"], list(systems))},
                  systems)
    begun = answered()
    nines.start()
    pid = nines.process.pid
    # Wait until every probe has answered and the start is over.
    until(30, "a probe does not answer",
          lambda: (metric(nines.page(), "probe_success") or 0) == count, every=0.5)
    time.sleep(3)
    before, made_before, at = cpu(pid), answered(), time.monotonic()
    time.sleep(seconds)
    after, made_after, took = cpu(pid), answered(), time.monotonic() - at
    running(nines.process, "nines")
    page, resident = nines.page(), memory(pid)
    lag = (metric(page, "nines_schedule_lag_seconds_sum")
           / metric(page, "nines_schedule_lag_seconds_count"))
    bad = metric(page, "nines_probe_samples_total") - metric(page, "nines_probe_samples_total",
                                                             outcome="up")
    dropped = metric(page, "nines_samples_dropped_total")
    slowest = max(map(float, re.findall(r"^probe_duration_seconds\{.*\} (\S+)$", page, re.M)))
    nines.stop()
    # Probes also ran between the last page and the stop: compare the file with nginx.
    stored = sum(duckdb().count(path, "SELECT count(*) FROM compact")
                 for path in sorted((nines.data / "samples").glob("*.duckdb")))
    made = answered() - begun
    probes = made_after - made_before
    user, system = after[0] - before[0], after[1] - before[1]
    say(f"nines run: {count} probes a second for {took:.1f} s: {probes} made, {bad:.0f} not up,"
        f" {dropped:.0f} dropped; mean lateness {lag * 1e3:.2f} ms; {resident:.0f} MB resident")
    say(f"  rows stored {stored}, answers of nginx {made}, both from the start to the stop")
    # Only probes under way at the stop may be missing: those that start within the time of the slowest probe, twice as
    # many if their slots lie close together, and one.
    under_way = 1 + math.ceil(2 * count * slowest)
    check(0 <= made - stored <= under_way, f"{made - stored} answers are not stored, but at"
          f" most {under_way} were under way at the stop")
    check(bad == 0 and dropped == 0, "a probe was not up, or samples were dropped")
    check(probes >= 0.98 * count * took, "fewer probes ran than configured")
    say(f"  user {user:.2f} s, system {system:.2f} s: {(user + system) / probes * 1e6:.1f} µs a probe")
    return (user + system) / probes


def floor(workspace, name, program, port, answered, count, seconds):
    """Return CPU seconds per request of the bare loop."""
    before = answered()
    process = workspace.begin(name, [program, port, count, seconds, *ADDRESSES],
                          stdin=subprocess.PIPE)
    log = workspace.folder / f"{name}.log"
    lines = until(seconds + 30, "the floor does not end", lambda: running(process, name)
                  and len(log.read_text().split()) == 2 and log.read_text().split(), every=0.5)
    user, system = cpu(process.pid)
    end(process)
    answers = int(lines[1])
    check(answers == answered() - before == count * seconds, "the floor program missed answers")
    say(f"floor: {answers} requests in {seconds} s: user {user:.2f} s, system {system:.2f} s:"
        f" {(user + system) / answers * 1e6:.1f} µs a request")
    return (user + system) / answers


def main():
    words = options(__doc__)
    words.add_argument("--floor", help="bare loop (default: built in release mode)")
    words.add_argument("--probes", type=int, default=500, help="number of probes, each once a second")
    words.add_argument("--seconds", type=int, default=60)
    values = given(words)
    program = floor_program(values.floor)
    with Workspace(limit_s=2 * values.seconds + 180) as workspace:
        port = free_port()
        workspace.nginx(port, ADDRESSES, "location /requests { stub_status; }")
        answered = Count(port)
        first = floor(workspace, "floor-1", program, port, answered, values.probes,
                      values.seconds // 2)
        ours = service(workspace, port, answered, values.probes, values.seconds)
        second = floor(workspace, "floor-2", program, port, answered, values.probes,
                       values.seconds // 2)
        bare = (first + second) / 2
        say(f"CPU per HTTP probe: {ours * 1e6:.1f} µs; floor {bare * 1e6:.1f} µs;"
            f" ratio {ours / bare:.2f}")


if __name__ == "__main__":
    main()
