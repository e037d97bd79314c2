"""Measures the report of a month of 1,000 probes, beside DuckDB's scan of the same samples; and a ledger of many years.

    python3 benches/month_report.py [--nines PROGRAM] [--probes N] [--days N] [--interval S] [--runs N]
                                    [--years N] [--outages N]

`nines simulate` makes the samples of a month of 31 days, a probe each 30 s: 89 million with 1,000 probes. `nines report` reads
its roll-ups and its ledger, and makes the report as JSON. DuckDB reads the rows of the same month: the number of each
probe's samples by outcome, and approximate p50, p95 and p99 of its latencies. Both must count the same samples.
Then `nines simulate` makes a ledger of `--years` with `--outages` in each; measured are `nines run` until it is ready, and a report.
"""

import datetime
import json
import os
import pathlib
import statistics
import sys
import time

from measure import Cost, cpu, folder_bytes, from_ledger, given, load, medians, memory, options, started, table
from harness import UTC, Nines, Workspace, check, end, free_port, running, say

PROBES_OF_A_SYSTEM, SYSTEMS_OF_A_CUSTOMER = 4, 25
START = datetime.datetime(2026, 10, 1, tzinfo=UTC)
MONTH = "2026-10"
# The connection of DuckDB has the processors and the memory that DuckDB takes by itself.
QUERY = """
import ctypes, json, sys
library = ctypes.CDLL(sys.argv[1])
library.duckdb_value_varchar.restype = ctypes.c_char_p
library.duckdb_value_varchar.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
library.duckdb_result_error.restype = ctypes.c_char_p
config, database, connection = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
library.duckdb_create_config(ctypes.byref(config))
library.duckdb_set_config(config, b"access_mode", b"READ_ONLY")
error = ctypes.c_char_p()
if library.duckdb_open_ext(sys.argv[2].encode(), ctypes.byref(database), config, ctypes.byref(error)):
    sys.exit(error.value.decode())
library.duckdb_connect(database, ctypes.byref(connection))
result = ctypes.create_string_buffer(256)
if library.duckdb_query(connection, sys.argv[3].encode(), result):
    sys.exit(library.duckdb_result_error(result).decode())
print(library.duckdb_value_varchar(ctypes.cast(result, ctypes.c_void_p), 0, 0).decode())
"""
SCAN = """SELECT sum(n)::VARCHAR FROM (
  SELECT source, sum(n) AS n, any_value(quantiles) FROM (
    SELECT source, verdict, count(*) AS n, approx_quantile(took, [0.5, 0.95, 0.99]) AS quantiles FROM compact GROUP BY ALL)
  GROUP BY source)"""


def configured(workspace, name, probes, interval_s, zone="UTC"):
    kinds = {f"system-{n}": "".join(f"""[[probe]]
name     = "http-{m}"
kind     = "http"
url      = "http://127.0.0.1:9/{m}"
interval = "{interval_s}s"
timeout  = "5s"
""" for m in range(n, min(n + PROBES_OF_A_SYSTEM, probes))) for n in range(0, probes, PROBES_OF_A_SYSTEM)}
    ids = list(kinds)
    customers = {f"customer-{n}": ([f"it@customer-{n}.example"], ids[n:n + SYSTEMS_OF_A_CUSTOMER])
                 for n in range(0, len(ids), SYSTEMS_OF_A_CUSTOMER)}
    return Nines(workspace, name, [free_port()], customers, kinds), ids


def written(instant):
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def simulated(workspace, nines, start, end_at, faults, minutes):
    """Run a scenario until its stores are complete; the reports that `nines simulate` makes last are not needed."""
    path = nines.folder / "scenario.toml"
    lines = "".join(f'{{system="{system}",from="{written(begin)}",to="{written(begin + datetime.timedelta(minutes=minutes))}",'
                    f'outcome="down"}},\n' for system, begin in faults)
    path.write_text(f'config = "nines.toml"\nstart = "{written(start)}"\nend = "{written(end_at)}"\nseed = 7\nfault = [\n{lines}]\n')
    at = time.monotonic()
    process = workspace.begin(f"simulate-{nines.name}", [nines.program, "simulate", path, "--out", nines.data])
    while process.poll() is None and not (nines.data / "reports").exists():
        time.sleep(0.5)
    check(process.poll() in (None, 0), f"nines simulate left with {process.returncode}")
    end(process)
    events = from_ledger(nines, "SELECT max(seq) FROM events")[0][0]
    say(f"simulated in {time.monotonic() - at:.0f} s: {events:,} events, ledger"
        f" {(nines.data / 'ledger.sqlite').stat().st_size / 1e6:.0f} MB, samples {folder_bytes(nines.data / 'samples') / 1e6:,.0f} MB,"
        f" roll-ups {folder_bytes(nines.data / 'rollups') / 1e6:.0f} MB; {load()}")
    return events


def reports(nines, month, runs):
    """Return the costs of the report of a month, and the report."""
    out = nines.folder / f"{month}.json"
    command = [nines.program, "--config", nines.config, "--data", nines.data, "report", month, "--format", "json", "--out", out]
    costs = [Cost(command) for _ in range(runs)]
    return costs, json.loads(out.read_text())


def month(workspace, probes, days, interval_s, runs):
    nines, ids = configured(workspace, "month", probes, interval_s)
    faults = [(ids[n % len(ids)], START + datetime.timedelta(hours=1 + n % 20, days=n % days)) for n in range(len(ids))]
    simulated(workspace, nines, START, START + datetime.timedelta(days=days, hours=1), faults, 5)
    library = pathlib.Path(os.environ["DUCKDB_LIB_DIR"]) / "libduckdb.so"
    stored = nines.data / f"samples/{MONTH}.duckdb"
    ours, theirs = [], []
    for _ in range(runs):
        costs, report = reports(nines, MONTH, 1)
        ours += costs
        theirs.append(Cost([sys.executable, "-c", QUERY, library, stored, SCAN]))
    rows = int(theirs[0].said)
    # Nothing in this scenario is inconclusive.
    counted = sum(probe["conclusive"] for probe in report["latencies"]["probes"])
    check(counted == rows, f"the report counts {counted} samples, DuckDB {rows}")
    say(f"{probes:,} probes each {interval_s} s for {days} days: {rows:,} samples; medians of {runs} runs; {load()}")
    mine, scan = medians(ours), medians(theirs)
    ratio = statistics.median(b.spent / a.spent for a, b in zip(ours, theirs))
    table(("", "processor time", "elapsed", "memory", "samples counted"), (
        ("nines report, from roll-ups", f"{mine[0]:.2f} s", f"{mine[1]:.2f} s", f"{mine[2]:.0f} MB", f"{counted:,}"),
        ("DuckDB, scan of the rows", f"{scan[0]:.2f} s", f"{scan[1]:.2f} s", f"{scan[2]:.0f} MB", f"{rows:,}"),
        ("DuckDB / nines", f"{ratio:.1f}"),
    ))


def years(workspace, count, outages, runs):
    """Measure a start and a report with a long ledger. A probe each hour meets a fault of 70 minutes, and confirms it at once."""
    nines, ids = configured(workspace, "years", 100, 3_600)
    start = datetime.datetime(2026 - count, 10, 1, tzinfo=UTC)
    days = 365 * count
    faults = [(ids[n % len(ids)], start + datetime.timedelta(minutes=10 + n * (days * 1_440 - 120) // outages)) for n in range(outages)]
    events = simulated(workspace, nines, start, start + datetime.timedelta(days=days), faults, 70)
    last = (start + datetime.timedelta(days=days - 32)).strftime("%Y-%m")
    costs, _ = reports(nines, last, runs)
    spent, took, most = medians(costs)
    ready = started(nines, 600)
    at_start = sum(cpu(nines.process.pid))
    say(f"{count} years, {events:,} events; {load()}")
    table(("", "processor time", "elapsed", "memory", "for a million events"), (
        ("start until ready", f"{at_start:.2f} s", f"{ready:.2f} s", f"{memory(nines.process.pid):.0f} MB", f"{at_start / events * 1e6:.2f} s"),
        (f"report of a month, median of {runs}", f"{spent:.2f} s", f"{took:.2f} s", f"{most:.0f} MB", f"{spent / events * 1e6:.2f} s"),
    ))
    nines.stop()


def main():
    parser = options(__doc__)
    parser.add_argument("--probes", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--interval", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--outages", type=int, default=20_000)
    values = given(parser)
    with Workspace(limit_s=5_400) as workspace:
        if values.probes:
            month(workspace, values.probes, values.days, values.interval, values.runs)
        if values.years:
            years(workspace, values.years, values.outages, values.runs)


if __name__ == "__main__":
    main()
