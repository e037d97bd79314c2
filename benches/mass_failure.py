"""Measures the mails of 1,000 systems that fail within one second, each with a customer of its own.

    python3 benches/mass_failure.py [--nines PROGRAM] [--systems N] [--history OUTAGES] [--runs N]

One nginx answers for all systems, each probed once a second, until it ends. Each outage is confirmed by its third bad
sample. Measured is the time from the instant at which the ledger recorded the confirmation to the acceptance of its mail
by `smtp_sink.py`. Then the same with a ledger that holds 45,000 outages, which `nines simulate` wrote.
Each customer must get exactly one mail about its outage.
"""

import datetime
import os
import shutil
import statistics
import sys
import time

from measure import ROOT, all_metrics, cpu, from_ledger, given, load, memory, options, quantile, started, table
from harness import UTC, Nines, Workspace, answers, check, end, free_port, instant, metric, running, say, until

ADDRESSES = [f"127.0.1.{n}" for n in range(1, 101)]
# A scenario file may have 4 MiB, and each outage needs a line of it.
HISTORY = 45_000
WANTED_S = 1.0
# A run ends this long after the failure, with or without all mails.
PATIENCE_S = 90


def probe(number, port, interval_s):
    # A history without flapping: there each outage stands alone, and has an incident of its own.
    return f"""flap_limit = 0
[[probe]]
name           = "http"
kind           = "http"
url            = "http://{ADDRESSES[number % len(ADDRESSES)]}:{port}/"
interval       = "{interval_s}s"
retry_interval = "{min(interval_s, 5)}s"
timeout        = "1s"
"""


def configured(workspace, name, relay, port, count, interval_s, with_customers=True):
    systems = {f"system-{n}": probe(n, port, interval_s) for n in range(count)}
    customers = {f"customer-{n}": ([f"it@customer-{n}.example"], [f"system-{n}"]) for n in range(count)}
    return Nines(workspace, name, [relay], customers if with_customers else {}, systems)


def faults(count, outages):
    """Yield faults as TOML: `outages` in all, of five minutes, spread over the systems and over days in the last month but one."""
    each = -(-outages // count)
    now = datetime.datetime.now(UTC)
    start = (now - datetime.timedelta(days=35)).replace(hour=0, minute=0, second=0, microsecond=0)
    for n in range(each):
        for system in range(min(count, outages - n * count)):
            begin = start + datetime.timedelta(hours=1 + n, seconds=3 * system % 1_800)
            times = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (begin, begin + datetime.timedelta(minutes=5))]
            yield begin, f'{{system="system-{system}",from="{times[0]}",to="{times[1]}",outcome="down"}},\n'


def history(workspace, port, relay, count, outages):
    """Simulate a ledger with many outages and return its folder. The reports that `nines simulate` makes last are not needed."""
    nines = configured(workspace, "history", relay, port, count, 60, with_customers=False)
    both = list(faults(count, outages))
    first, last = both[0][0], both[-1][0]
    path, out = nines.folder / "scenario.toml", workspace.folder / "history-out"
    path.write_text(f'config = "nines.toml"\nstart = "{(first - datetime.timedelta(minutes=30)).isoformat()}"\n'
                    f'end = "{(last + datetime.timedelta(hours=1)).isoformat()}"\nseed = 7\n'
                    + "fault = [\n" + "".join(fault for _, fault in both) + "]\n")
    at = time.monotonic()
    process = workspace.begin("simulate", [nines.program, "simulate", path, "--out", out])
    while process.poll() is None and not (out / "reports").exists():
        time.sleep(0.2)
    check(process.poll() in (None, 0), f"nines simulate left with {process.returncode}")
    spent = sum(cpu(process.pid)) if process.poll() is None else float("nan")
    end(process)
    say(f"history: {len(both):,} outages simulated in {time.monotonic() - at:.0f} s, {spent:.0f} s of a processor;"
        f" ledger {(out / 'ledger.sqlite').stat().st_size / 1e6:.0f} MB; {load()}")
    return out


def measured(workspace, name, count, interval_s, kept=None):
    """Let all systems fail once; return seconds from confirmation to acceptance, one of each customer."""
    relay, port = free_port(), free_port()
    accepted = workspace.folder / f"{name}.accepted"
    sink = workspace.begin(f"sink-{name}", [sys.executable, ROOT / "benches/smtp_sink.py", relay, accepted])
    until(10, "the sink does not listen", lambda: running(sink, "the sink") and answers(relay))
    nginx = workspace.nginx(port, ["127.0.0.1", *ADDRESSES])
    nines = configured(workspace, name, relay, port, count, interval_s)
    if kept:
        shutil.copytree(kept, nines.data, dirs_exist_ok=True)
    ready_s = started(nines)
    until(120, "a system is not up", lambda: running(nines.process, name)
          and metric(all_metrics(nines), "probe_success") == count, every=2)
    time.sleep(3)
    already = from_ledger(nines, "SELECT max(seq) FROM events")[0][0]
    before, page = cpu(nines.process.pid), all_metrics(nines)
    failed_at = time.time()
    end(nginx)
    while running(nines.process, name) and lines(accepted) < count and time.time() < failed_at + PATIENCE_S:
        time.sleep(0.2)
    time.sleep(2)
    spent, resident, busy = sum(cpu(nines.process.pid)) - sum(before), memory(nines.process.pid), load()
    after, sync_ms = all_metrics(nines), bare_sync_ms(workspace.folder / "sync")
    commits, commits_s = (metric(after, name) - metric(page, name)
                          for name in (f"nines_ledger_commit_duration_seconds_{part}" for part in ("count", "sum")))
    opened = from_ledger(nines, "SELECT subject, recorded FROM events WHERE kind = 'outage-opened' AND seq > ?", already)
    confirmed = {system: instant(recorded) for system, recorded in opened}
    nines.kill()
    end(sink)
    taken = {}
    for line in accepted.read_text().splitlines():
        at, recipient = line.split()
        system = "system-" + recipient.removeprefix("it@customer-").removesuffix(".example")
        check(system in confirmed, f"{recipient} got a mail without an outage")
        check(system not in taken, f"{recipient} got two mails")
        taken[system] = float(at)
    # A mail that has not come yet is later than any.
    systems, never = [f"system-{n}" for n in range(count)], float("inf")
    told = [taken.get(system, never) - confirmed.get(system, 0) for system in systems]
    return {"told": told, "confirmed": len(confirmed), "taken": len(taken),
            "confirmed_within": max(confirmed.values()) - min(confirmed.values()) if len(confirmed) == count else never,
            "from_failure": [taken.get(system, never) - failed_at for system in systems],
            "all_within": max(taken.values()) - min(taken.values()) if len(taken) == count else never,
            "commits": commits, "commits_s": commits_s, "sync_ms": sync_ms, "cpu": spent, "memory": resident, "ready": ready_s, "load": busy}


def bare_sync_ms(path):
    """Return the median time of writing 4 KiB and fsync: what this disk gives any program at this time."""
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            at = time.monotonic()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            took.append((time.monotonic() - at) * 1e3)
    return statistics.median(took)


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def main():
    parser = options(__doc__)
    parser.add_argument("--systems", type=int, default=1_000)
    parser.add_argument("--interval", type=int, default=1, help="seconds from one probe to the next")
    parser.add_argument("--history", type=int, default=HISTORY, help="outages in the second ledger; 0 leaves it out")
    parser.add_argument("--runs", type=int, default=3)
    values = given(parser)
    with Workspace(limit_s=3_000) as workspace:
        cases = [("empty", None)]
        if values.history:
            cases.append(("history", history(workspace, free_port(), free_port(), values.systems, values.history)))
        rows = []
        for n in range(values.runs):
            for name, kept in cases:
                run = measured(workspace, f"{name}-{n}", values.systems, values.interval, kept)
                rows.append((name, run))
                say(f"{name}, run {n + 1}: p50 {quantile(run['told'], 0.5):.2f} s, p99 {quantile(run['told'], 0.99):.2f} s; {run['load']}")
        say(f"{values.systems:,} systems fail at once; medians of {values.runs} runs")

        def row(what, of, form, wanted=""):
            cells = [form.format(statistics.median(of(run) for of_case, run in rows if of_case == name)) for name, _ in cases]
            return (what, *cells, wanted)

        heads = [f"{values.history:,} outages before" if kept else "an empty ledger" for _, kept in cases]
        table(("", *heads, "wanted"), (
            row(f"outages confirmed within {PATIENCE_S} s", lambda run: run["confirmed"], "{:,.0f}", f"{values.systems:,}"),
            row(f"mails accepted within {PATIENCE_S} s", lambda run: run["taken"], "{:,.0f}", f"{values.systems:,}"),
            row("confirmation to acceptance p50", lambda run: quantile(run["told"], 0.5), "{:.2f} s"),
            row("confirmation to acceptance p99", lambda run: quantile(run["told"], 0.99), "{:.2f} s", f"{WANTED_S:.0f} s"),
            row("failure to acceptance p99", lambda run: quantile(run["from_failure"], 0.99), "{:.2f} s"),
            row("all outages confirmed within", lambda run: run["confirmed_within"], "{:.2f} s"),
            row("all mails accepted within", lambda run: run["all_within"], "{:.2f} s"),
            row("commits of the ledger", lambda run: run["commits"], "{:.0f}"),
            row("  time in them", lambda run: run["commits_s"], "{:.2f} s"),
            row("  a bare fsync of this disk, median", lambda run: run["sync_ms"], "{:.2f} ms"),
            row("processor time", lambda run: run["cpu"], "{:.2f} s"),
            row("resident memory", lambda run: run["memory"], "{:.0f} MB"),
            row("start until ready", lambda run: run["ready"], "{:.1f} s"),
        ))


if __name__ == "__main__":
    main()
