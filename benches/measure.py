"""Shared by the scripts of this folder: processor time, memory, stored rows, tables, and the options that all have.

A wanted value that is missed is printed and is no error. A script fails if the programs under test lose or change data.
"""

import argparse
import contextlib
import ctypes
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/peers"))

from harness import check, fetch, running, say, until

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def options(doc):
    """Return a parser with the option that every script has. `given` reads it."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--nines", help="program under test (default: NINES_BIN, else the last build)")
    return parser


def given(parser):
    """Return the options of the command line, and name the program under test for the harness."""
    values = parser.parse_args()
    if values.nines:
        os.environ["NINES_BIN"] = values.nines
    return values


def cpu(pid):
    """Return user and system seconds of a process, including threads that have ended."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    # The name may contain spaces and brackets; the fields after it do not.
    fields = stat[stat.rindex(")") + 2:].split()
    return int(fields[11]) * TICK_S, int(fields[12]) * TICK_S


def memory(pid, field="VmRSS"):
    """Return the resident memory in MB; `VmHWM` is the most so far, `RssAnon` leaves out mapped files."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


def load():
    """Return the load average of the last minute, which stands beside each figure."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def folder_bytes(path):
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


class Cost:
    """Processor seconds, elapsed seconds and the most memory in MB of a command that has ended."""

    def __init__(self, command, **more):
        began = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, **more)
        with process.stdout:
            self.said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        check(process.returncode == 0, f"{command[0]} left with {process.returncode}: {self.said[-800:]}")
        self.took = time.monotonic() - began
        self.spent = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss / 1024


def medians(runs):
    """Return the medians of processor and elapsed seconds, and the most memory, of several `Cost`."""
    return (statistics.median(run.spent for run in runs), statistics.median(run.took for run in runs),
            max(run.memory for run in runs))


def quantile(values, share):
    """Return the smallest value that at least this share of the values does not exceed."""
    values = sorted(values)
    return values[max(0, -int(-share * len(values) // 1) - 1)]


def table(header, rows):
    """Print rows in columns: the first one to the left, the others to the right."""
    lines = [[str(cell) for cell in line] + [""] * (len(header) - len(line)) for line in (header, *rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(header))]
    for line in lines:
        say("  " + "  ".join(cell.rjust(width) if n else cell.ljust(width)
                             for n, (cell, width) in enumerate(zip(line, widths))).rstrip())


def from_ledger(nines, sql, *values):
    """Return the rows of a query to the ledger, while the service may run."""
    path = f"file:{nines.data}/ledger.sqlite?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True, timeout=30)) as ledger:
        return ledger.execute(sql, values).fetchall()


def all_metrics(nines):
    """Return /metrics, which takes seconds with tens of thousands of probes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{nines.port}/metrics", timeout=120) as answer:
        return answer.read().decode()


def started(nines, seconds=300):
    """Start the service and return the seconds until it is ready."""
    began = time.monotonic()
    nines.start(wait=False)
    until(seconds, f"{nines.name} is not ready", lambda: running(nines.process, nines.name)
          and fetch(f"http://127.0.0.1:{nines.port}/readyz"))
    return time.monotonic() - began


class Count:
    """Returns the number of requests that nginx has answered, without those for this number."""

    def __init__(self, port, address="127.0.0.1"):
        self.url = f"http://{address}:{port}/requests"
        self.own_requests = 0

    def __call__(self):
        page = fetch(self.url)
        self.own_requests += 1
        # "… server accepts handled requests\n 16 16 16 …"
        return int(re.search(r"requests\s+\d+ \d+ (\d+)", page)[1]) - self.own_requests


class Rows:
    """Reads a DuckDB file through the C interface of the library that the service uses."""

    def __init__(self, library):
        self.library = ctypes.CDLL(str(library))
        self.library.duckdb_value_int64.restype = ctypes.c_int64
        self.library.duckdb_value_int64.argtypes = [ctypes.c_void_p, ctypes.c_uint64,
                                                    ctypes.c_uint64]

    def count(self, path, sql):
        database, connection = ctypes.c_void_p(), ctypes.c_void_p()
        # duckdb_result has 48 bytes in this version.
        result = ctypes.create_string_buffer(256)
        library = self.library
        check(library.duckdb_open(str(path).encode(), ctypes.byref(database)) == 0,
              f"DuckDB cannot open {path}")
        try:
            library.duckdb_connect(database, ctypes.byref(connection))
            failed = library.duckdb_query(connection, sql.encode(), result)
            check(failed == 0, f"DuckDB rejects {sql}")
            value = library.duckdb_value_int64(ctypes.cast(result, ctypes.c_void_p), 0, 0)
            library.duckdb_destroy_result(result)
            return value
        finally:
            library.duckdb_disconnect(ctypes.byref(connection))
            library.duckdb_close(ctypes.byref(database))


def duckdb():
    folder = pathlib.Path(os.environ.get("DUCKDB_LIB_DIR", ROOT / ".duckdb"))
    library = folder / "libduckdb.so"
    check(library.exists(), f"{library} is missing: it reads the stored rows")
    return Rows(library)
