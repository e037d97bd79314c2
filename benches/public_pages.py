"""Measures the first public page against nginx, and the lateness of probes while it is under load.

    python3 benches/public_pages.py [--nines PROGRAM] [--runs N] [--seconds S] [--probes N]

h2load (Debian's nghttp2-client) reads the page by HTTP/1.1 on connections that stay open, with gzip, on a processor of its
own; nginx serves the same bytes from a file. Both servers have the same other processor, and take turns. The processor
time of a page comes from /proc, so that other work on the machine changes it least. Then the service starts probes at a
steady rate, without and with that load.
"""

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time
import urllib.request

from measure import cpu, given, options
from cpu_per_probe import ADDRESSES
from harness import Workspace, Nines, check, fetch, free_port, metric, need, running, say, until

CONNECTIONS = 32
SYSTEMS = 20
# The server has the first processor, h2load the second.
SERVER, CLIENT = "0", "1"


class Load:
    """One run of h2load: pages a second, and the 99th percentile of their times in milliseconds."""

    def __init__(self, workspace, url, seconds):
        log = workspace.folder / "h2load.tsv"
        log.unlink(missing_ok=True)
        done = subprocess.run(
            [need("taskset", "util-linux"), "-c", CLIENT, need("h2load", "nghttp2-client"), "--h1", "-c", str(CONNECTIONS),
             "-D", str(seconds), "-H", "accept-encoding: gzip", f"--log-file={log}", url],
            capture_output=True, text=True, timeout=seconds + 60)
        counts = re.search(r"requests: (\d+) total, .* (\d+) done, (\d+) succeeded, (\d+) failed", done.stdout)
        check(counts and int(counts[4]) == 0 and int(counts[3]) > 0, done.stdout[-800:])
        rows = [line.split("\t") for line in log.read_text().splitlines()]
        check(rows and all(row[1] == "200" for row in rows), "an answer is not 200")
        times = sorted(int(row[2]) for row in rows)
        self.pages = len(rows)
        self.per_second = len(rows) / seconds
        self.p99_ms = times[int(len(times) * 0.99)] / 1000


def measured(workspace, url, pids, seconds):
    """Return a run and the processor time of a page in microseconds."""
    before = sum(sum(cpu(pid)) for pid in pids)
    run = Load(workspace, url, seconds)
    spent = sum(sum(cpu(pid)) for pid in pids) - before
    return run, spent / run.pages * 1e6


def pinned(process):
    """Keep all threads of a process on the server's processor."""
    subprocess.run(["taskset", "--all-tasks", "--cpu-list", "--pid", SERVER, str(process.pid)], check=True,
                   stdout=subprocess.DEVNULL)


def service(workspace, name, public, systems):
    nines = Nines(workspace, name, [free_port()], {}, systems)
    text = nines.config.read_text().replace("[listen]", f'[listen]\npublic = "127.0.0.1:{public}"')
    shown = ", ".join(f'"{system}"' for system in list(systems)[:SYSTEMS])
    nines.config.write_text(f"{text}\n[public]\nsystems = [{shown}]\n")
    nines.start()
    return nines


def probe(number, port, interval):
    return (f'[[probe]]\nname = "http-{number}"\nkind = "http"\nurl = "http://{ADDRESSES[number % len(ADDRESSES)]}:{port}/"\n'
            f'interval = "{interval}"\ntimeout = "1s"\n')


def pages(workspace, port, runs, seconds):
    """Compare the first page with nginx."""
    public = free_port()
    site = f"http://127.0.0.1:{public}/"
    nines = service(workspace, "pages", public, {f"system-{n}": probe(n, port, "60s") for n in range(SYSTEMS)})
    until(90, "no page", lambda: "All systems are available" in (fetch(site) or ""))
    request = urllib.request.Request(site, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        check(answer.headers["Content-Encoding"] == "gzip", "the page is not compressed")
        page = answer.read()
    folder = workspace.folder / "files"
    folder.mkdir()
    (folder / "page").write_bytes(page)
    folder.chmod(0o755)
    beside = free_port()
    location = (f"location = /page {{ root {folder}; default_type text/html; add_header Content-Encoding gzip; "
                "add_header Vary Accept-Encoding; open_file_cache max=10; keepalive_requests 100000000; }")
    nginx = workspace.nginx(beside, locations=location)
    children = pathlib.Path(f"/proc/{nginx.pid}/task/{nginx.pid}/children").read_text().split()
    worker = int(children[0])
    subprocess.run(["taskset", "--cpu-list", "--pid", SERVER, str(worker)], check=True, stdout=subprocess.DEVNULL)
    pinned(nines.process)
    file = f"http://127.0.0.1:{beside}/page"
    with urllib.request.urlopen(file, timeout=10) as answer:
        check(answer.read() == page and answer.headers["Content-Encoding"] == "gzip", "nginx serves other bytes")
    ours, theirs = [], []
    for _ in range(runs):
        theirs.append(measured(workspace, file, [worker], seconds))
        ours.append(measured(workspace, site, [nines.process.pid], seconds))
        running(nines.process, "pages")
    say(f"first page of {SYSTEMS} systems, {len(page)} bytes as gzip, {CONNECTIONS} connections, one processor; medians of {runs} runs"
        f" of {seconds} s")
    middle = []
    for who, all_runs in (("nginx", theirs), ("nines", ours)):
        rate = statistics.median(run.per_second for run, _ in all_runs)
        p99 = statistics.median(run.p99_ms for run, _ in all_runs)
        cost = statistics.median(cost for _, cost in all_runs)
        middle.append((rate, cost))
        say(f"  {who}: {rate:,.0f} pages a second, p99 {p99:.2f} ms, {cost:.1f} µs of a processor a page")
    say(f"  nines / nginx: {middle[1][0] / middle[0][0]:.2f} of the pages a second, {middle[0][1] / middle[1][1]:.2f} by processor time")
    nines.stop()


def quantile(before, after, share):
    """Return a quantile of the lateness between two pages of /metrics in milliseconds, linear within a bucket."""
    def buckets(page):
        found = re.findall(r'^nines_schedule_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', page, re.M)
        return [(float(bound.replace("+Inf", "inf")), float(count)) for bound, count in found]

    counts = [(bound, count - earlier) for (bound, count), (_, earlier) in zip(buckets(after), buckets(before))]
    wanted, low, below = share * counts[-1][1], 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            return (low + (bound - low) * (wanted - below) / max(count - below, 1)) * 1000
        low, below = bound, count
    raise AssertionError("no bucket")


def lateness(workspace, port, count, seconds):
    """Compare the lateness of probes without load and with it."""
    public = free_port()
    systems = {f"system-{n}": "".join(probe(m, port, "1s") for m in range(50 * n, 50 * n + 50)) for n in range(count // 50)}
    nines = service(workspace, "late", public, systems)
    until(60, "a probe does not answer", lambda: (metric(nines.page(), "probe_success") or 0) == count, every=0.5)
    url = f"http://127.0.0.1:{public}/"
    until(60, "no page", lambda: "available" in (fetch(url) or ""))
    time.sleep(3)
    for what in ("without load", "with load", "without load", "with load"):
        before = nines.page()
        if what == "with load":
            run = Load(workspace, url, seconds)
            loaded = f"; {run.per_second:,.0f} pages a second, p99 {run.p99_ms:.2f} ms"
        else:
            time.sleep(seconds)
            loaded = ""
        after = nines.page()
        started = metric(after, "nines_schedule_lag_seconds_count") - metric(before, "nines_schedule_lag_seconds_count")
        say(f"  {what}: {started / seconds:,.0f} probes a second, lateness p50 {quantile(before, after, 0.5):.2f} ms,"
            f" p99 {quantile(before, after, 0.99):.2f} ms{loaded}")
        running(nines.process, "late")
    nines.stop()


def main():
    words = options(__doc__)
    words.add_argument("--runs", type=int, default=5)
    words.add_argument("--seconds", type=int, default=5)
    words.add_argument("--probes", type=int, default=1000, help="number of probes, each once a second")
    values = given(words)
    check(len(os.sched_getaffinity(0)) >= 2, "this needs two processors")
    check(shutil.which("taskset"), "taskset is missing (Debian's package util-linux)")
    with Workspace(limit_s=2 * values.runs * (values.seconds + 5) + 10 * values.seconds + 400) as workspace:
        port = free_port()
        workspace.nginx(port, ADDRESSES)
        pages(workspace, port, values.runs, values.seconds)
        say(f"lateness of {values.probes} probes a second")
        lateness(workspace, port, values.probes, 2 * values.seconds)


if __name__ == "__main__":
    main()
