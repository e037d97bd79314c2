"""Measures CPU time per HTTP probe of `nines run`, beside blackbox_exporter scraped by Prometheus.

    python3 benches/blackbox.py [--nines PROGRAM] [--probes N] [--seconds S] [--runs N]

Both ask the same nginx for the same page through sixteen loopback addresses, each target once a second, and expect its
text. `nines run` detects, stores and serves metrics; of the others the processor time of both processes counts, since one
probes and the other schedules and stores. They take turns. nginx counts the requests.
"""

import json
import os
import pathlib
import shutil
import statistics
import time

from measure import Count, all_metrics, cpu, given, load, memory, options, started, table
from cpu_per_probe import ADDRESSES
from harness import Nines, Workspace, answers, check, end, free_port, metric, need, running, say, until

WANTED = 15
PROBES_OF_A_SYSTEM = 10


def exporter():
    """Return blackbox_exporter: installed, or unpacked below the cache."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "nines/blackbox"
    found = shutil.which("prometheus-blackbox-exporter") or shutil.which("prometheus-blackbox-exporter", path=cache / "usr/bin")
    check(found, f"blackbox_exporter is missing: mkdir -p {cache} && cd {cache} && apt-get download prometheus-blackbox-exporter"
          " && dpkg -x prometheus-blackbox-exporter_*.deb .")
    return found


def per_probe(pids, answered, seconds, count):
    """Return processor seconds of a probe, and the number of probes a second."""
    before, made_before, at = sum(sum(cpu(pid)) for pid in pids), answered(), time.monotonic()
    time.sleep(seconds)
    after, made, took = sum(sum(cpu(pid)) for pid in pids), answered() - made_before, time.monotonic() - at
    check(made >= 0.9 * count * took, f"{made} probes ran instead of {count * took:.0f}: this machine is too busy to compare")
    return (after - before) / made, made / took, sum(memory(pid) for pid in pids)


def ours(workspace, name, urls, answered, seconds):
    systems = {f"system-{n}": "".join(f"""[[probe]]
name     = "http-{m}"
kind     = "http"
url      = "{urls[m]}"
interval = "1s"
timeout  = "1s"
expect   = {{ status = 200, body_contains = "Sign in" }}
""" for m in range(n, min(n + PROBES_OF_A_SYSTEM, len(urls)))) for n in range(0, len(urls), PROBES_OF_A_SYSTEM)}
    nines = Nines(workspace, name, [free_port()], {"clinic": (["it@clinic.example"], list(systems))}, systems)
    started(nines)
    until(60, "a probe does not answer", lambda: metric(all_metrics(nines), "probe_success") == len(urls), every=0.5)
    time.sleep(3)
    measured = per_probe([nines.process.pid], answered, seconds, len(urls))
    check(metric(all_metrics(nines), "probe_success") == len(urls), "a probe is not up")
    nines.stop()
    return measured


def theirs(workspace, name, urls, answered, seconds):
    folder = workspace.folder / name
    folder.mkdir()
    (folder / "blackbox.yml").write_text("""modules:
  http:
    prober: http
    timeout: 1s
    http:
      valid_status_codes: [200]
      fail_if_body_not_matches_regexp: ["Sign in"]
      preferred_ip_protocol: ip4
""")
    port, web = free_port(), free_port()
    (folder / "prometheus.yml").write_text(f"""global: {{ scrape_interval: 1s, scrape_timeout: 1s }}
scrape_configs:
  - job_name: blackbox
    metrics_path: /probe
    params: {{ module: [http] }}
    static_configs: [{{ targets: {json.dumps(urls)} }}]
    relabel_configs:
      - {{ source_labels: [__address__], target_label: __param_target }}
      - {{ source_labels: [__param_target], target_label: instance }}
      - {{ target_label: __address__, replacement: "127.0.0.1:{port}" }}
""")
    blackbox = workspace.begin(f"blackbox-{name}", [exporter(), f"--config.file={folder}/blackbox.yml",
                                                    f"--web.listen-address=127.0.0.1:{port}"])
    until(20, "blackbox_exporter does not listen", lambda: running(blackbox, "blackbox_exporter") and answers(port))
    prometheus = workspace.begin(f"prometheus-{name}", [
        need("prometheus", "prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{web}"])
    begun = answered()
    until(120, "Prometheus does not scrape", lambda: running(prometheus, "Prometheus") and answered() - begun >= 2 * len(urls), every=0.5)
    measured = per_probe([blackbox.pid, prometheus.pid], answered, seconds, len(urls))
    end(prometheus, 20)
    end(blackbox)
    return measured


def main():
    parser = options(__doc__)
    parser.add_argument("--probes", type=int, default=200, help="number of targets, each asked once a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    values = given(parser)
    exporter()
    with Workspace(limit_s=values.runs * (2 * values.seconds + 120) + 60) as workspace:
        port = free_port()
        workspace.nginx(port, ADDRESSES, "location /requests { stub_status; }")
        answered = Count(port)
        urls = [f"http://{ADDRESSES[n % len(ADDRESSES)]}:{port}/{n}" for n in range(values.probes)]
        pairs = [(ours(workspace, f"nines-{n}", urls, answered, values.seconds),
                  theirs(workspace, f"peer-{n}", urls, answered, values.seconds)) for n in range(values.runs)]
        ratio = statistics.median(peer[0] / mine[0] for mine, peer in pairs)
        say(f"{values.probes} HTTP probes a second for {values.seconds} s, medians of {values.runs} runs; {load()}")
        rows = []
        for what, side in (("nines run", 0), ("blackbox_exporter and Prometheus", 1)):
            spent, rate, resident = (statistics.median(pair[side][part] for pair in pairs) for part in range(3))
            rows.append((what, f"{spent * 1e6:,.0f} µs", f"{rate:.0f}", f"{resident:.0f} MB"))
        table(("", "processor time of a probe", "probes a second", "memory"), rows)
        say(f"  nines is {ratio:.1f} × cheaper (wanted {WANTED} ×)")


if __name__ == "__main__":
    main()
