"""Measures how late 10,000 and 50,000 HTTP probes start, and what they cost in processor time and memory.

    python3 benches/many_probes.py [--nines PROGRAM] [--probes N] [--interval S] [--seconds S]

`nines run` monitors one nginx through 250 loopback addresses: 10,000 probes each 10 s, then 50,000 each 60 s. The lateness is
that of the stored samples, which have it in microseconds. The rows in the DuckDB file must equal the answers that
nginx counted, except for probes under way at the stop. `--probes` and `--interval` measure one other case.
"""

import subprocess
import threading
import time

from measure import Count, all_metrics, cpu, duckdb, from_ledger, given, load, memory, options, quantile, started, table
from harness import Failed, Nines, Workspace, check, free_port, metric, running, say, until

ADDRESSES = [f"127.0.1.{n}" for n in range(1, 251)]
PROBES_OF_A_SYSTEM, SYSTEMS_OF_A_CUSTOMER = 10, 20
CASES = ((10_000, 10), (50_000, 60))
WANTED_P99_MS, WANTED_MB = 2.5, 120


def probe(number, port, interval_s):
    return f"""[[probe]]
name     = "http-{number}"
kind     = "http"
url      = "http://{ADDRESSES[number % len(ADDRESSES)]}:{port}/"
interval = "{interval_s}s"
timeout  = "{min(interval_s, 10)}s"
expect   = {{ status = 200, body_contains = "Sign in" }}
"""


def configured(workspace, port, count, interval_s):
    systems = {f"system-{n}": "".join(probe(m, port, interval_s) for m in range(n, min(n + PROBES_OF_A_SYSTEM, count)))
               for n in range(0, count, PROBES_OF_A_SYSTEM)}
    ids = list(systems)
    customers = {f"customer-{n}": ([f"it@customer-{n}.example"], ids[n:n + SYSTEMS_OF_A_CUSTOMER])
                 for n in range(0, len(ids), SYSTEMS_OF_A_CUSTOMER)}
    return Nines(workspace, f"probes-{count}", [free_port()], customers, systems)


class BareTimer(threading.Thread):
    """Wakes 100 times a second, and notes how late: what this machine does to any program meanwhile."""

    def __init__(self, seconds):
        super().__init__(daemon=True)
        self.seconds, self.late_ms = seconds, []
        self.start()

    def run(self):
        began = time.monotonic()
        for n in range(1, 100 * self.seconds):
            due = began + n / 100
            time.sleep(max(0.0, due - time.monotonic()))
            self.late_ms.append((time.monotonic() - due) * 1e3)


def first_results(nines):
    """Return the number of probes of which the ledger has a first result."""
    return from_ledger(nines, "SELECT count(*) FROM events WHERE kind = 'probe-first-result'")[0][0]


def stopped(nines):
    """Stop the service and return the seconds that it took: longer than the harness grants if it has much to finish."""
    at = time.monotonic()
    nines.process.terminate()
    try:
        status = nines.process.wait(300)
    except subprocess.TimeoutExpired:
        raise Failed(f"{nines.name} does not stop within 300 s of SIGTERM") from None
    check(status == 0, f"{nines.name} exited with {status} after SIGTERM")
    return time.monotonic() - at


def measured(workspace, port, answered, count, interval_s, seconds):
    nines = configured(workspace, port, count, interval_s)
    begun, at = answered(), time.monotonic()
    ready = started(nines)
    pid = nines.process.pid
    # Every probe has run once after an interval, and the engine has recorded all of that.
    until(interval_s + 240, lambda: f"{answered() - begun} answers, but first results of {first_results(nines)} probes",
          lambda: running(nines.process, nines.name) and first_results(nines) == count, every=1)
    covered, start_cost = time.monotonic() - at, sum(cpu(pid))
    time.sleep(5)
    before, made_before, at, since = cpu(pid), answered(), time.monotonic(), time.time()
    timer = BareTimer(seconds)
    time.sleep(seconds)
    after, made_after, took, to = cpu(pid), answered(), time.monotonic() - at, time.time()
    resident, most, anonymous = memory(pid), memory(pid, "VmHWM"), memory(pid, "RssAnon")
    busy, asked = load(), time.monotonic()
    page = all_metrics(nines)
    scrape = time.monotonic() - asked
    up, samples = metric(page, "probe_success"), metric(page, "nines_probe_samples_total")
    bad = samples - metric(page, "nines_probe_samples_total", outcome="up")
    dropped, missed = metric(page, "nines_samples_dropped_total"), metric(page, "nines_probe_missed_slots_total")
    stop_s = stopped(nines)
    made = answered() - begun
    files, rows = sorted((nines.data / "samples").glob("*.duckdb")), duckdb()
    stored = sum(rows.count(path, "SELECT count(*) FROM compact") for path in files)
    # A month ends at most once in a run: the window is read from the last file.
    window = f"FROM compact WHERE epoch_ms(slot) BETWEEN {since * 1e3:.0f} AND {to * 1e3:.0f}"
    late = {share: rows.count(files[-1], f"SELECT quantile_disc(late, {share}) {window}") / 1e3 for share in (0.5, 0.9, 0.99, 1)}
    say(f"{count:,} probes each {interval_s} s for {took:.0f} s; {busy}; ready {ready:.1f} s after the start")
    per_second = count / interval_s
    # Probes that start within the last second may be under way at the stop, since nginx shares the processors.
    check(0 <= made - stored <= 2 + per_second, f"nginx gave {made} answers, {stored} rows are stored")
    # A run during which this machine stood still is inconclusive. More than that is a mistake.
    check(up >= 0.999 * count and bad <= 0.001 * samples, f"{up:.0f} of {count} probes are up, {bad:.0f} samples are not")
    check(dropped == 0, f"{dropped:.0f} samples were dropped")
    probes = made_after - made_before
    check(probes >= 0.95 * per_second * took, f"{probes} probes ran instead of {per_second * took:.0f}")
    user, system = after[0] - before[0], after[1] - before[1]
    bare = {share: quantile(timer.late_ms, share) for share in late}
    table(("", "measured", "wanted", "a bare timer"), (
        ("all probes have a result", f"{covered:.0f} s", f"{interval_s} s"),
        ("  processor time until then", f"{start_cost:.1f} s", ""),
        ("start lateness p50", f"{late[0.5]:.2f} ms", "", f"{bare[0.5]:.2f} ms"),
        ("start lateness p90", f"{late[0.9]:.2f} ms", "", f"{bare[0.9]:.2f} ms"),
        ("start lateness p99", f"{late[0.99]:.2f} ms", f"{WANTED_P99_MS} ms", f"{bare[0.99]:.2f} ms"),
        ("latest start", f"{late[1]:.1f} ms", "", f"{bare[1]:.1f} ms"),
        ("missed slots", f"{missed or 0:.0f}", "0"),
        ("samples that are not up", f"{bad:.0f}", "0"),
        ("resident memory", f"{resident:.0f} MB", f"{WANTED_MB} MB" if count == 10_000 else ""),
        ("  without mapped files", f"{anonymous:.0f} MB", ""),
        ("  the most so far", f"{most:.0f} MB", ""),
        ("processor time of a probe", f"{(user + system) / probes * 1e6:.0f} µs", ""),
        ("  of which user", f"{user / probes * 1e6:.0f} µs", ""),
        ("all of /metrics", f"{scrape:.2f} s", ""),
        ("  bytes", f"{len(page) / 1e6:.1f} MB", ""),
        ("stop", f"{stop_s:.1f} s", "30 s"),
        ("rows stored / answers of nginx", f"{stored:,} / {made:,}", "equal"),
    ))


def main():
    parser = options(__doc__)
    parser.add_argument("--probes", type=int)
    parser.add_argument("--interval", type=int, default=10, help="seconds, for --probes")
    parser.add_argument("--seconds", type=int, default=60)
    values = given(parser)
    cases = ((values.probes, values.interval),) if values.probes else CASES
    with Workspace(limit_s=sum(values.seconds + 2 * interval + 500 for _, interval in cases)) as workspace:
        port = free_port()
        workspace.nginx(port, ["127.0.0.1", *ADDRESSES], "location /requests { stub_status; }")
        answered = Count(port)
        for count, interval_s in cases:
            measured(workspace, port, answered, count, interval_s, values.seconds)


if __name__ == "__main__":
    main()
