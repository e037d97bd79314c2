"""CPU per HTTP probe, all-in, against a bare tokio socket loop to the same nginx in the same run.

    python3 benches/cpu_per_probe.py [--nines PROGRAM] [--floor PROGRAM] [--probes N] [--seconds S]

`nines run` watches one nginx over sixteen addresses of loopback, each probe once a second: asked,
judged, decided on, stored in DuckDB, shown. Its user and system time come from /proc. What nginx
answered and what lies in the DuckDB file afterwards must be the same number, but for probes that
were under way at the stop. Then `probes/examples/floor.rs` does nothing but the sockets, as often
and as long.
"""

import argparse
import ctypes
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/peers"))

from house import House, Nines, check, end, fetch, free_port, metric, running, say, until

ADDRESSES = [f"127.0.0.{n}" for n in range(1, 17)]
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """User and system seconds of a process so far, all its threads, those that ended included."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    # The name may hold spaces and brackets; the fields after it do not.
    fields = stat[stat.rindex(")") + 2:].split()
    return int(fields[11]) * TICK_S, int(fields[12]) * TICK_S


def memory(pid):
    """Resident memory in MB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


class Count:
    """How many requests nginx has answered, by its own count, without our questions for it."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/requests"
        self.questions = 0

    def __call__(self):
        page = fetch(self.url)
        self.questions += 1
        # "… server accepts handled requests\n 16 16 16 …"
        return int(re.search(r"requests\s+\d+ \d+ (\d+)", page)[1]) - self.questions


class Rows:
    """Reads a DuckDB file by the C interface of the library that the service was linked with."""

    def __init__(self, library):
        self.library = ctypes.CDLL(str(library))
        self.library.duckdb_value_int64.restype = ctypes.c_int64
        self.library.duckdb_value_int64.argtypes = [ctypes.c_void_p, ctypes.c_uint64,
                                                    ctypes.c_uint64]

    def count(self, path, sql):
        database, connection = ctypes.c_void_p(), ctypes.c_void_p()
        # duckdb_result is a struct of 48 bytes in this version; more does no harm.
        result = ctypes.create_string_buffer(256)
        library = self.library
        check(library.duckdb_open(str(path).encode(), ctypes.byref(database)) == 0,
              f"DuckDB does not open {path}")
        try:
            library.duckdb_connect(database, ctypes.byref(connection))
            failed = library.duckdb_query(connection, sql.encode(), result)
            check(failed == 0, f"DuckDB refuses {sql}")
            value = library.duckdb_value_int64(ctypes.cast(result, ctypes.c_void_p), 0, 0)
            library.duckdb_destroy_result(result)
            return value
        finally:
            library.duckdb_disconnect(ctypes.byref(connection))
            library.duckdb_close(ctypes.byref(database))


def duckdb():
    folder = pathlib.Path(os.environ.get("DUCKDB_LIB_DIR", ROOT / ".duckdb"))
    library = folder / "libduckdb.so"
    check(library.exists(), f"no {library} to read the stored rows with")
    return Rows(library)


def floor_program(given):
    """The bare loop, in release; built unless named."""
    if given:
        return given
    subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "nines-probes",
                    "--example", "floor"], cwd=ROOT, check=True)
    found = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT,
                           check=True, capture_output=True)
    return json.loads(found.stdout)["target_directory"] + "/release/examples/floor"


def service(house, port, answered, count, seconds):
    """Seconds of CPU per probe of the shipped service, and what it was made of."""
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
    nines = Nines(house, "nines", [free_port()], {"clinic": (["it@clinic.example"], list(systems))},
                  systems)
    begun = answered()
    nines.start()
    pid = nines.process.pid
    # Until every probe has answered and what a start costs is over.
    until(30, "not every probe answers",
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
    # Between the last page and the stop more were made: the file is held against nginx.
    stored = sum(duckdb().count(path, "SELECT count(*) FROM compact")
                 for path in sorted((nines.data / "samples").glob("*.duckdb")))
    made = answered() - begun
    probes = made_after - made_before
    user, system = after[0] - before[0], after[1] - before[1]
    say(f"nines run: {count} probes a second for {took:.1f} s: {probes} made, {bad:.0f} not up,"
        f" {dropped:.0f} dropped; mean lateness {lag * 1e3:.2f} ms; {resident:.0f} MB resident")
    say(f"  rows stored {stored}, answers of nginx {made}, both from the start to the stop")
    # Probes under way at the stop are answered and not judged, and nothing else is missing: so many as begin within the
    # slowest probe's time, twice that where their places within the second lie close, and one.
    under_way = 1 + math.ceil(2 * count * slowest)
    check(0 <= made - stored <= under_way, f"{made - stored} answers are not stored, of which at"
          f" most {under_way} were under way at the stop")
    check(bad == 0 and dropped == 0, "not every probe was well, or samples were dropped")
    check(probes >= 0.98 * count * took, "fewer probes were made than configured")
    say(f"  user {user:.2f} s, system {system:.2f} s: {(user + system) / probes * 1e6:.1f} µs a probe")
    return (user + system) / probes


def floor(house, name, program, port, answered, count, seconds):
    """Seconds of CPU per request of the bare loop."""
    before = answered()
    process = house.begin(name, [program, port, count, seconds, *ADDRESSES],
                          stdin=subprocess.PIPE)
    log = house.folder / f"{name}.log"
    lines = until(seconds + 30, "the floor does not end", lambda: running(process, name)
                  and len(log.read_text().split()) == 2 and log.read_text().split(), every=0.5)
    user, system = cpu(process.pid)
    end(process)
    answers = int(lines[1])
    check(answers == answered() - before == count * seconds, "the floor missed answers")
    say(f"floor: {answers} requests in {seconds} s: user {user:.2f} s, system {system:.2f} s:"
        f" {(user + system) / answers * 1e6:.1f} µs a request")
    return (user + system) / answers


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--nines", help="the program; NINES_BIN, else the one built last")
    words.add_argument("--floor", help="the bare loop; built in release unless given")
    words.add_argument("--probes", type=int, default=500, help="probes, one a second each")
    words.add_argument("--seconds", type=int, default=60)
    given = words.parse_args()
    if given.nines:
        os.environ["NINES_BIN"] = given.nines
    program = floor_program(given.floor)
    with House(limit_s=2 * given.seconds + 180) as house:
        port = free_port()
        house.nginx(port, ADDRESSES, "location /requests { stub_status; }")
        answered = Count(port)
        first = floor(house, "floor-1", program, port, answered, given.probes,
                      given.seconds // 2)
        ours = service(house, port, answered, given.probes, given.seconds)
        second = floor(house, "floor-2", program, port, answered, given.probes,
                       given.seconds // 2)
        bare = (first + second) / 2
        say(f"CPU per HTTP probe: {ours * 1e6:.1f} µs; floor {bare * 1e6:.1f} µs;"
            f" ratio {ours / bare:.2f}")


if __name__ == "__main__":
    main()
