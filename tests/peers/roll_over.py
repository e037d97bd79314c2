"""Kills the service (SIGKILL) while it archives a finished month of samples, restarts it, and counts all the while.

The roll-over turns the month's DuckDB file into a Parquet file. A loop of `nines sql` counts the month's rows and sums
up their hashes, across all kills and starts. Every answer must be that of before, exactly: no dip and no double. The rows
of the running month must never become fewer, and a sample that was taken 1.5 s before a kill must be among them.
After each case only the archive is there, the ledger has it, and `nines verify --replay` finds nothing.

Kills are spread over the time that a roll-over takes, or come once the unfinished archive appears, the archive has its name,
the ledger has the archive, and the DuckDB file is gone. Each hits a fresh copy of the data: either the month's
file was closed, or its last rows are still in its log, because the service was killed when the month ended.

A query may end with an error that a kill or a start explains: it asked the service that was killed, or the service that
starts holds the data. The script counts these; any other error fails it.

`NINES_KILLS` (12) and `NINES_SEED` (random, printed) can be set.
"""

import collections
import datetime
import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

from harness import UTC, Nines, Workspace, check, end, fetch, free_port, running, say, together, until, written

KILLS = int(os.environ.get("NINES_KILLS", "12"))
SEED = int(os.environ.get("NINES_SEED", str(random.SystemRandom().randrange(1_000_000))))
AT_ONCE = 2
# The month has 288,000 samples: beside other work, a debug build archives them in about a second.
PROBES, DAYS, INTERVAL_S = 20, 5, 30
# The probes of the running month, one a second each.
LIVE = 8
# Longer than a commit takes on a busy machine.
SETTLED_S = 1.5
MOMENTS = ("spread", "unfinished", "archive", "spread", "recorded", "gone")

PROBE = """[[probe]]
name     = "front-{number}"
kind     = "http"
url      = "http://127.0.0.1:{port}/{number}"
interval = "{interval}s"
timeout  = "1s"
"""

# A query may end with these words if the service was killed, or had not started, meanwhile.
KILLED, HELD = "the service was killed or stopped during its answer", "a start or a stop held the data"
ERRORS = {KILLED: r"the service closed the connection|the answer is incomplete",
          HELD: r"uses \S+ but does not answer; try again"}
# A start may end with these words: a query without a service holds the data.
REFUSED = {"a query held the data": "only one Nines may use this data directory"}


def finished_month(now):
    """Return the begin and the end of the last month that ended more than a day ago."""
    end = (now - datetime.timedelta(hours=25)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (end - datetime.timedelta(days=1)).replace(day=1), end


def probes(count, port, interval):
    return "".join(PROBE.format(number=number, port=port, interval=interval) for number in range(count))


class Made:
    """The data directories that the cases copy: the month's file is closed, or it has a log."""

    def __init__(self, workspace):
        self.begin, self.end = finished_month(datetime.datetime.now(UTC))
        self.month = self.begin.strftime("%Y-%m")
        port = free_port()
        nines = Nines(workspace, "made", [free_port()], {}, {"portal": probes(PROBES, port, INTERVAL_S)})
        scenario = workspace.folder / "scenario.toml"
        day = lambda number: written((self.end - datetime.timedelta(days=number)).timestamp())
        scenario.write_text(f'config = "{nines.config}"\nstart = "{day(DAYS)}"\nend = "{day(0)}"\nseed = {SEED}\n')
        at = time.monotonic()
        process = workspace.begin("simulate", [nines.program, "simulate", scenario, "--out", nines.data])
        until(300, "the simulation does not end", lambda: process.poll() is not None or (nines.data / "reports").exists(), 0.01)
        # A copy of a stopped process's files is what a kill leaves.
        process.send_signal(signal.SIGSTOP)
        self.with_log = workspace.folder / "with-log"
        shutil.copytree(nines.data, self.with_log)
        process.send_signal(signal.SIGCONT)
        check(process.wait(120) == 0, f"nines simulate ended with {process.returncode}")
        self.closed = nines.data
        log = self.with_log / f"samples/{self.month}.duckdb.wal"
        check(log.exists() and not (self.closed / log.relative_to(self.with_log)).exists(), "the log is not where it belongs")
        say(f"simulated {self.month} in {time.monotonic() - at:.1f} s; a log of {log.stat().st_size} bytes")

    def query(self):
        """Every value of a row counts into the sum of the hashes."""
        old = f"FILTER (started_at < TIMESTAMP '{self.end:%Y-%m-%d}')"
        return (f"SELECT count(*) {old} AS rows, min(started_at) {old} AS first, max(started_at) {old} AS last,"
                f" sum(took_us) {old} AS took, (sum(hash(samples)::HUGEINT) {old})::VARCHAR AS hashes,"
                f" count(*) - count(*) {old} AS recent FROM samples")


class Case:
    """A data directory with a service that is killed, and a query that counts."""

    def __init__(self, workspace, made, name, with_log):
        self.workspace, self.made, self.name, self.with_log = workspace, made, name, with_log
        port = free_port()
        self.target = workspace.target(f"target-{name}", port)
        self.nines = Nines(workspace, name, [free_port()], {}, {"portal": probes(LIVE, port, 1)})
        shutil.copytree(made.with_log if with_log else made.closed, self.nines.data)
        self.samples = self.nines.data / "samples"
        self.file, self.archive, self.unfinished = (self.samples / f"{made.month}.{ending}"
                                                    for ending in ("duckdb", "parquet", "parquet.tmp"))
        # The figures of the finished month, and the rows of the running one that were counted so far.
        self.wanted, self.recent, self.answered = None, 0, 0
        # The instants at which a kill or a stop began or ended, and the spans from a start until the service was ready.
        self.kills, self.starts = [], []
        self.errors, self.refused = collections.Counter(), collections.Counter()

    def state(self):
        """Return the files of the samples, for a message."""
        return " ".join(sorted(path.name for path in self.samples.iterdir()))

    def ask(self, strict=True):
        """Count once. Only a query that is not `strict` may fail, and only during a kill or a start."""
        began = time.monotonic()
        command = self.nines.command("sql", self.made.query(), "--json", "--data", self.nines.data)
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            kind = self.explained(done, began)
            check(kind and not strict, f"{self.name}: a query ended with {done.returncode} and wrote {done.stdout[-300:]!r}"
                                       f" {done.stderr[-600:]!r}; kills {self.kills}, starts {self.starts}, query {began}; {self.state()}")
            self.errors[kind] += 1
            return
        (row,) = json.loads(done.stdout)["rows"]
        recent = int(row.pop("recent"))
        self.wanted = self.wanted or row
        check(row == self.wanted, f"{self.name}: a query says {row}, not {self.wanted}; {done.stderr!r}; {self.state()}")
        check(recent >= self.recent, f"{self.name}: {recent} newer rows after {self.recent}; {done.stderr!r}; {self.state()}")
        self.recent, self.answered = recent, self.answered + 1

    def explained(self, done, began):
        """Return the kind of an error that a kill or a start explains, else None."""
        kind = next((kind for kind, words in ERRORS.items() if re.search(words, done.stderr)), None)
        killed = any(at >= began for at in self.kills)
        started = any(till is None or till >= began for _, till in self.starts)
        refuses = done.returncode == 3 and list(json.loads(done.stdout or "{}")) == ["error"]
        return kind if refuses and (killed if kind == KILLED else started) else None

    def start(self):
        self.starts.append((time.monotonic(), None))
        self.nines.start(wait=False)

    def wait(self, seconds, what, condition, every=0.01):
        """Wait while the service runs. A start that is refused is repeated, as systemd does."""
        def met():
            if self.nines.process.poll() is not None:
                log = (self.workspace.folder / f"{self.name}.log").read_text()
                kind = next((kind for kind, words in REFUSED.items() if words in log[-600:]), None)
                check(kind, f"{self.name}: the service ended with {self.nines.process.returncode}: {log[-600:]}")
                self.refused[kind] += 1
                self.nines.start(wait=False)
            return condition()
        until(seconds, lambda: f"{self.name}: {what}; {self.state()}", met, every)

    def wait_until_ready(self):
        self.wait(60, "not ready", lambda: fetch(f"http://127.0.0.1:{self.nines.port}/readyz"))
        self.starts[-1] = (self.starts[-1][0], time.monotonic())

    def kill(self):
        """Kill the service and return the instant."""
        self.kills.append(time.monotonic())
        self.nines.process.send_signal(signal.SIGKILL)
        self.nines.process.wait(10)
        # A query that began meanwhile may have reached the socket.
        self.kills.append(time.monotonic())
        return time.time()

    def measured(self):
        """Return the instants of a roll-over, in seconds after its begin: the archive has its name, the DuckDB file is gone."""
        self.start()
        seen = []
        for what, condition in (("no unfinished archive", self.unfinished.exists), ("no archive", self.archive.exists),
                                ("the file stays", lambda: not self.file.exists())):
            self.wait(120, what, condition, 0.001)
            seen.append(time.monotonic())
        self.nines.stop()
        return seen[1] - seen[0], seen[2] - seen[0]

    def wait_for(self, moment, fraction, roll_over):
        """Wait for the moment of the kill."""
        archived, gone = roll_over
        if moment in ("spread", "unfinished"):
            self.wait(60, "no unfinished archive", lambda: self.unfinished.exists() or self.archive.exists(), 0.0002)
            time.sleep(fraction * gone if moment == "spread" else 0)
            return
        self.wait(90, "no archive", self.archive.exists, 0.0002)
        if moment == "archive":
            # At once, or while the archive is hashed and recorded.
            time.sleep(max(0, fraction - 0.5) * 2 * (gone - archived))
        elif moment == "gone":
            self.wait(30, "the file stays", lambda: not self.file.exists(), 0)
        else:
            # The service logs an event once it is in the ledger.
            with (self.workspace.folder / f"{self.name}.log").open("rb") as log:
                self.wait(30, "the archive is not recorded", lambda: b"samples-archived" in log.read(), 0)

    def found(self):
        """Return the state that a kill left."""
        if not self.archive.exists():
            return "an unfinished archive" if self.unfinished.exists() else "the file"
        files = "both files" if self.file.exists() else "the archive"
        return files + (", recorded" if self.nines.events("samples-archived") else ", not recorded")

    def settled(self, lives):
        """Check that the samples taken 1.5 s before each kill are there; return their number. The target logs its answer
        after the start of the sample."""
        lives = [(since, killed - SETTLED_S) for since, killed in lives]
        _, answers = self.workspace.truth(f"target-{self.name}")
        taken = [sum(since <= at <= till for at, _ in answers) for since, till in lives]
        counts = ", ".join(f"count(*) FILTER (epoch(started_at) BETWEEN {since:.6f} AND {till:.6f}) AS life_{n}"
                           for n, (since, till) in enumerate(lives))
        (row,) = self.nines.json("sql", f"SELECT {counts} FROM samples", "--data", self.nines.data)["rows"]
        kept = [int(row[f"life_{n}"]) for n in range(len(lives))]
        check(all(count >= wanted for count, wanted in zip(kept, taken)),
              f"{self.name}: {kept} samples of the lives {lives}, in which the target answered {taken}")
        return sum(taken)

    def finish(self, left):
        """Check the files and the ledger once neither a service nor the loop runs; the first kill left this state."""
        self.ask()
        found = self.state().split()
        month = [name for name in found if name.startswith(self.made.month)]
        check(month == [self.archive.name], f"{self.name}: left of the month are {month}")
        # A copy may be left by a service that was killed during the query: a start removes it a day later.
        bad = [name for name in found if re.search(r"\.tmp$|damaged", name)]
        check(not bad, f"{self.name}: left are {bad}")
        events = [event["data"] for event in self.nines.events("samples-archived")]
        # A kill between the event and the removal of the file repeats the event.
        check(1 <= len(events) <= 1 + (left == "both files, recorded") and all(event == events[0] for event in events)
              and events[0]["month"] == self.made.month and events[0]["samples"] == int(self.wanted["rows"]),
              f"{self.name}: {left}, and then the ledger has {events}; {self.wanted}")
        self.nines.verify()

    def run(self, moment, fraction, roll_over, pause, again):
        """Kill the service at a moment of its roll-over and let the next one finish it; then stop that, or kill it `again`."""
        self.ask()
        with Loop(self) as loop:
            since = time.time()
            self.start()
            self.wait_for(moment, fraction, roll_over)
            lives, left = [(since, self.kill())], self.found()
            if pause:
                loop.more(1)
            since = time.time()
            self.start()
            self.wait_until_ready()
            self.wait(90, "the month is not archived after a start", lambda: self.archive.exists() and not self.file.exists())
            loop.more(1)
            if again:
                self.wait(60, "no time passes", lambda: time.time() > since + SETTLED_S + 2)
                lives.append((since, self.kill()))
                loop.more(1)
            else:
                # A query under way may end as in a kill, or find the data held.
                self.kills.append(time.monotonic())
                self.starts.append((time.monotonic(), None))
                self.nines.stop()
                self.kills.append(time.monotonic())
        taken = self.settled(lives)
        self.finish(left)
        return left, taken

    def remove(self):
        """End the target and remove the files, so that hundreds of cases need little space."""
        end(self.target)
        if not os.environ.get("NINES_KEEP"):
            shutil.rmtree(self.nines.folder, ignore_errors=True)
            for path in self.workspace.folder.glob(f"*{self.name}.*"):
                path.unlink()


class Loop:
    """Counts in a thread, one query after the other."""

    def __init__(self, case):
        self.case, self.stopped, self.failure = case, threading.Event(), None
        self.thread = threading.Thread(target=self.work)

    def work(self):
        try:
            while not self.stopped.is_set():
                self.case.ask(strict=False)
        except Exception as failure:
            self.failure = failure

    def more(self, answers):
        """Wait for so many more answers, whose queries begin from now on."""
        goal = self.case.answered + answers + 1
        until(60, f"{self.case.name}: no answers", lambda: self.failure or self.case.answered >= goal)
        if self.failure:
            raise self.failure

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.stopped.set()
        self.thread.join()
        # A wrong answer is the reason of what failed after it.
        if self.failure:
            raise self.failure


def main(workspace):
    say(f"NINES_SEED={SEED} NINES_KILLS={KILLS}")
    rng = random.Random(SEED)
    made = Made(workspace)
    first = Case(workspace, made, "first", False)
    roll_over = first.measured()
    first.remove()
    say(f"the archive took {roll_over[0]:.2f} s to write, and the DuckDB file was gone after {roll_over[1]:.2f} s")

    # Each moment comes with both forms of the data. The spread moments have uniform fractions in a random order.
    moments = [MOMENTS[number % len(MOMENTS)] for number in range(KILLS)]
    fractions = [(number + rng.random()) / KILLS for number in range(KILLS)]
    rng.shuffle(fractions)
    choices = [(rng.random() < 0.5, rng.random() < 0.5) for _ in range(KILLS)]
    seen, errors, refused, sums = (collections.Counter() for _ in range(4))
    lock = threading.Lock()

    def work(number):
        case = Case(workspace, made, f"case-{number + 1}", number // len(MOMENTS) % 2 == 1)
        left, taken = case.run(moments[number], fractions[number], roll_over, *choices[number])
        with lock:
            seen[left] += 1
            errors.update(case.errors)
            refused.update(case.refused)
            sums.update(answers=case.answered, taken=taken)
            say(f"  {case.name:8} {moments[number]:10} {'with a log' if case.with_log else 'closed':10} left {left:25}"
                f" {case.answered:2} answers of {case.wanted['rows']} rows and up to {case.recent:3} newer ones, {case.errors.total()} failed")
        case.remove()

    together(AT_ONCE, work, [(number,) for number in range(KILLS)])
    say(f"  {KILLS} kills in a roll-over left: {dict(seen)}")
    say(f"  {sums['answers']} queries saw every row once; {sums['taken']} samples were taken {SETTLED_S} s before a kill, and are there")
    say(f"  queries without an answer: {dict(errors)}; refused starts: {dict(refused)}")
    check(KILLS < 12 or seen["an unfinished archive"] and any("both" in left for left in seen), "the kills missed the roll-over")
    say("roll-over: passed")


if __name__ == "__main__":
    with Workspace(limit_s=KILLS * 20 + 300) as here:
        main(here)
