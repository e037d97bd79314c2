"""Measures the writer of samples beside a bare Appender of DuckDB, and the bytes of a sample in running and archived months.

    python3 benches/samples.py [--nines PROGRAM] [--probes N] [--days N] [--interval S] [--runs N]

No command of Nines writes samples alone. `nines simulate` gives them to the service's writer, which is a thread of its own:
its processor time is read from /proc. The bare Appender writes as many rows of the same columns in batches of the same
size, whole vectors at once, which is the fastest way that DuckDB's C interface has. Neither closes its file within the
measured time. Then `nines run` archives the simulated month, and the sizes of both files are compared.
"""

import array
import ctypes
import datetime
import os
import pathlib
import random
import statistics
import sys
import time

from measure import TICK_S, Cost, duckdb, given, load, options, table
from harness import Workspace, check, end, free_port, running, say, until
from month_report import MONTH, START, configured, written

WANTED_RATIO, WANTED_RUNNING, WANTED_ARCHIVED = 0.5, 8, 6
BATCH, VECTOR = 8_192, 2_048
# Name, type in SQL, array's type code, and the largest value; without a code the column is NULL.
COLUMNS = (("source", "UINTEGER NOT NULL", "I", None), ("slot", "TIMESTAMP NOT NULL", "q", None), ("late", "UINTEGER NOT NULL", "I", 2_000),
           ("verdict", "UTINYINT NOT NULL", "B", 0), ("took", "USMALLINT NOT NULL", "H", 800), ("resolve", "USMALLINT", "H", 800),
           ("connect", "USMALLINT", "H", 800), ("tls", "USMALLINT", None, None), ("processing", "USMALLINT", "H", 800),
           ("transfer", "USMALLINT", "H", 800), ("status", "USMALLINT", "H", 0), ("detail", "VARCHAR", None, None))
# Of DuckDB's C interface: DUCKDB_TYPE_ of each column in order.
TYPES = (8, 12, 8, 6, 7, 7, 7, 7, 7, 7, 7, 17)


def writer_s(pid):
    """Return processor seconds of the thread of a process that writes samples."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        stat = (task / "stat").read_text()
        if "(samples)" in stat:
            fields = stat[stat.rindex(")") + 2:].split()
            return (int(fields[11]) + int(fields[12])) * TICK_S
    return None


def simulated(workspace, name, probes, days, interval_s):
    """Return the data of a simulated month, and the processor and elapsed seconds of its writer."""
    nines, _ = configured(workspace, name, probes, interval_s)
    path = nines.folder / "scenario.toml"
    finish = START + datetime.timedelta(days=days)
    path.write_text(f'config = "nines.toml"\nstart = "{written(START)}"\nend = "{written(finish)}"\nseed = 7\n')
    at, spent = time.monotonic(), None
    process = workspace.begin(f"simulate-{name}", [nines.program, "simulate", path, "--out", nines.data])
    # The file is closed after the reports; until then the thread is there.
    while process.poll() is None and not (nines.data / "reports").exists():
        spent = writer_s(process.pid) or spent
        time.sleep(0.02)
    took = time.monotonic() - at
    check(process.wait(600) == 0, f"nines simulate left with {process.returncode}")
    return nines, spent, took


def bare(library, path, rows):
    """Write rows with an Appender alone, and print the processor seconds that it took."""
    library = ctypes.CDLL(library)
    pointer, index = ctypes.c_void_p, ctypes.c_uint64
    library.duckdb_create_logical_type.restype = pointer
    library.duckdb_create_data_chunk.restype = pointer
    library.duckdb_create_data_chunk.argtypes = [ctypes.POINTER(pointer), index]
    library.duckdb_data_chunk_get_vector.restype = pointer
    library.duckdb_data_chunk_get_vector.argtypes = [pointer, index]
    for name in ("duckdb_vector_get_data", "duckdb_vector_get_validity"):
        getattr(library, name).restype = pointer
        getattr(library, name).argtypes = [pointer]
    library.duckdb_vector_ensure_validity_writable.argtypes = [pointer]
    library.duckdb_data_chunk_set_size.argtypes = [pointer, index]
    library.duckdb_data_chunk_reset.argtypes = [pointer]
    library.duckdb_append_data_chunk.argtypes = [pointer, pointer]
    library.duckdb_appender_flush.argtypes = [pointer]
    database, connection, appender = pointer(), pointer(), pointer()
    check(library.duckdb_open(path.encode(), ctypes.byref(database)) == 0, "DuckDB cannot open a file")
    library.duckdb_connect(database, ctypes.byref(connection))
    columns = ", ".join(f"{name} {kind}" for name, kind, _, _ in COLUMNS)
    for sql in ("SET threads = 1", "SET memory_limit = '48MB'", f"CREATE TABLE compact ({columns})"):
        check(library.duckdb_query(connection, sql.encode(), None) == 0, f"DuckDB rejects {sql}")
    check(library.duckdb_appender_create(connection, None, b"compact", ctypes.byref(appender)) == 0, "no appender")
    types = (pointer * len(TYPES))(*[library.duckdb_create_logical_type(number) for number in TYPES])
    chunk = library.duckdb_create_data_chunk(types, len(TYPES))
    draw = random.Random(7)
    # The values of sixteen vectors are drawn before the clock starts.
    drawn = [[array.array(code, (draw.randint(0, most) for _ in range(VECTOR))).tobytes() if code and most is not None else None
              for _, _, code, most in COLUMNS] for _ in range(16)]
    before = time.process_time()
    for n in range(0, rows, VECTOR):
        values = drawn[n // VECTOR % len(drawn)]
        values[0] = array.array("I", (row % 1_000 for row in range(n, n + VECTOR))).tobytes()
        values[1] = array.array("q", range(n * 30_000, (n + VECTOR) * 30_000, 30_000)).tobytes()
        library.duckdb_data_chunk_reset(chunk)
        library.duckdb_data_chunk_set_size(chunk, VECTOR)
        for column, data in enumerate(values):
            vector = library.duckdb_data_chunk_get_vector(chunk, column)
            if data is None:
                library.duckdb_vector_ensure_validity_writable(vector)
                ctypes.memset(library.duckdb_vector_get_validity(vector), 0, VECTOR // 8)
            else:
                ctypes.memmove(library.duckdb_vector_get_data(vector), data, len(data))
        check(library.duckdb_append_data_chunk(appender, chunk) == 0, "the appender refuses")
        if (n + VECTOR) % BATCH == 0:
            check(library.duckdb_appender_flush(appender) == 0, "the appender does not flush")
    check(library.duckdb_appender_flush(appender) == 0, "the appender does not flush")
    print(f"{time.process_time() - before:.3f}")
    library.duckdb_appender_destroy(ctypes.byref(appender))
    library.duckdb_disconnect(ctypes.byref(connection))
    library.duckdb_close(ctypes.byref(database))


def archived(nines):
    """Let the service archive the simulated month, which is over; return the file."""
    nines.start(wait=False)
    archive = nines.data / f"samples/{MONTH}.parquet"
    until(600, "the month is not archived", lambda: running(nines.process, nines.name) and archive.exists(), every=0.5)
    nines.stop()
    return archive


def main():
    if sys.argv[1:2] == ["--bare"]:
        return bare(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    parser = options(__doc__)
    parser.add_argument("--probes", type=int, default=50)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--interval", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    values = given(parser)
    rows = duckdb()
    library = pathlib.Path(os.environ["DUCKDB_LIB_DIR"]) / "libduckdb.so"
    with Workspace(limit_s=3_000) as workspace:
        ours, theirs = [], []
        for n in range(values.runs):
            nines, spent, took = simulated(workspace, f"run-{n}", values.probes, values.days, values.interval)
            stored = nines.data / f"samples/{MONTH}.duckdb"
            count = rows.count(stored, "SELECT count(*) FROM compact")
            expected = values.probes * values.days * 86_400 // values.interval
            check(abs(count - expected) <= 2 * values.probes, f"{count} rows are stored of {expected}")
            ours.append((spent / count, count / took))
            other = Cost([sys.executable, __file__, "--bare", library, workspace.folder / f"bare-{n}.duckdb", count])
            theirs.append(float(other.said) / count)
            written_rows = rows.count(workspace.folder / f"bare-{n}.duckdb", "SELECT count(*) FROM compact WHERE tls IS NULL AND took <= 800")
            check(0 <= written_rows - count < VECTOR, f"the bare Appender wrote {written_rows} rows")
        running_bytes = stored.stat().st_size / count
        archive_bytes = archived(nines).stat().st_size / count
        ratio = statistics.median(other / spent for (spent, _), other in zip(ours, theirs))
        say(f"{count:,} samples of {values.probes} probes, medians of {values.runs} runs; {load()}")
        table(("", "measured", "wanted"), (
            ("writer of Nines, processor time of a sample", f"{statistics.median(spent for spent, _ in ours) * 1e6:.2f} µs"),
            ("bare Appender, processor time of a row", f"{statistics.median(theirs) * 1e6:.2f} µs"),
            ("writer / bare Appender, samples for the same time", f"{ratio:.2f} ×", f"{WANTED_RATIO} ×"),
            ("samples a second, simulation and writer together", f"{statistics.median(rate for _, rate in ours):,.0f}"),
            ("bytes of a sample in the running month", f"{running_bytes:.1f}", f"{WANTED_RUNNING}"),
            ("bytes of a sample in the archive", f"{archive_bytes:.1f}", f"{WANTED_ARCHIVED}"),
        ))


if __name__ == "__main__":
    main()
