"""Damages one file of a data directory at a time, and reads it: never silently another figure, never a panic.

The data directory has all that Nines keeps: two archived months in Parquet and the running month in DuckDB, roll-ups,
the files of an approved report, and a ledger with mails whose last events are still in SQLite's log, because the
service was killed. Simulations make the past, the real service the archives and the rest.

Each case copies it, changes one file at random (a byte, several bytes, a block of zeros, a cut) and runs the commands
that read this file. Each must give the same bytes as before, or refuse, or state the loss: in all cases without
a panic or a signal, and with the name of the file, of the event or of the figure. Some cases start the service too.

`NINES_DAMAGES` (100) and `NINES_SEED` (random, printed) can be set.
"""

import calendar
import collections
import datetime
import json
import os
import random
import re
import shutil
import subprocess
import threading
import time

from harness import (UTC, Failed, Nines, Workspace, check, fetch, free_port, mails, running, say, together, until,
                     written)

CASES = int(os.environ.get("NINES_DAMAGES", "100"))
SEED = int(os.environ.get("NINES_SEED", str(random.SystemRandom().randrange(1_000_000))))
AT_ONCE = 4
# Each so many cases the service starts on the damaged directory too.
STARTS = 23

PROBE = """owner = "desk"
[[probe]]
name           = "front"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "{interval}"
timeout        = "1s"
retry_interval = "250ms"
failures       = 2
recoveries     = 1
"""

# Every sample counts into the sum of the hashes.
QUERY = ("SELECT probe, outcome, count(*) AS n, sum(hash(started_at, late_us, detail, took_us, status)::HUGEINT)::VARCHAR AS h"
         " FROM samples GROUP BY ALL ORDER BY ALL")


def month_before(year, month, back):
    count = year * 12 + month - 1 - back
    return count // 12, count % 12 + 1


class Made:
    """The data directory that the cases copy, and the configuration beside it."""

    def __init__(self, workspace):
        port, relay = free_port(), free_port()
        self.target = workspace.target("target", port)
        self.spool = workspace.aiosmtpd(relay)
        self.nines = Nines(workspace, "made", [relay], {"clinic": (["it@clinic.example"], ["portal"])},
                           {"portal": PROBE.format(port=port, interval="15m")})
        config = self.nines.config
        config.write_text(config.read_text().replace("members =", "second_person = false\nmembers =", 1)
                          + '[[contact]]\nid = "desk"\nemail = "desk@example.org"\n')
        # A month is archived a day after its end.
        now = datetime.datetime.now(UTC) - datetime.timedelta(hours=25)
        self.earlier, self.later = (month_before(now.year, now.month, back) for back in (2, 1))
        self.simulate(workspace)
        self.live(port)

    def name(self, month):
        return "{:04}-{:02}".format(*month)

    def simulate(self, workspace):
        """Play eight days around the begin of the last month, with an outage and an approved report."""
        days = calendar.monthrange(*self.earlier)[1]
        at = datetime.datetime(*self.earlier, days - 3, tzinfo=UTC)
        hours = lambda count: written((at + datetime.timedelta(hours=count)).timestamp())
        scenario = workspace.folder / "scenario.toml"
        scenario.write_text(f"""config = "{self.nines.config}"
start = "{hours(0)}"
end = "{hours(192)}"
seed = 7
[[fault]]
system = "portal"
from = "{hours(30)}"
to = "{hours(33)}"
outcome = "down"
reason = "refused"
[[act]]
at = "{hours(120)}"
by = "desk"
do = "review"
system = "portal"
summary = "The portal refused connections."
root_cause = "A full disk."
resolution = "Space was made."
measures = [{{ text = "Watch the disk.", owner = "platform", due = "{hours(900)[:10]}" }}]
[[act]]
at = "{hours(130)}"
by = "chair"
do = "approve_report"
committee = "operations"
month = "{self.name(self.earlier)}"
""")
        out = workspace.folder / "simulated"
        self.nines.ask("simulate", scenario, "--out", out, seconds=300)
        self.nines.data.mkdir(mode=0o700)
        for name in ("samples", "rollups", "reports"):
            shutil.copytree(out / name, self.nines.data / name)
        # A simulation renders all reports beside the approved ones.
        for file in self.nines.data.glob("reports/*"):
            if "-final" not in file.name:
                file.unlink()
        shutil.copy(out / "ledger.sqlite", self.nines.data)

    def live(self, port):
        """Let the service archive the months, then fail the target and kill the service."""
        system = self.nines.config.parent / "systems/portal.toml"
        system.write_text(system.read_text().replace('"15m"', '"1s"'))
        self.nines.start()
        archives = lambda: sorted(self.nines.data.glob("samples/*.parquet"))
        until(90, "the months are not archived", lambda: running(self.nines.process, "made") and len(archives()) == 2)
        self.target.stdin.write(b"status\n")
        self.target.stdin.flush()
        until(60, "no downtime mail", lambda: mails(self.spool) and not self.nines.pending())
        time.sleep(1.5)
        self.nines.kill()

    def files(self):
        """Return the files by kind."""
        data, found = self.nines.data, collections.defaultdict(list)
        for path in sorted(path for path in data.rglob("*") if path.is_file() and path.stat().st_size):
            name = path.relative_to(data).as_posix()
            # A kill may leave half a new file beside the old one; no command reads it.
            kind = None if path.name.startswith(".") else ("ledger" if name == "ledger.sqlite" else "ledger's log" if name == "ledger.sqlite-wal"
                    else "archive" if name.endswith(".parquet") else "samples" if name.endswith(".duckdb")
                    else "samples' log" if name.endswith(".duckdb.wal") else "roll-up" if name.startswith("rollups/")
                    else "report" if name.startswith("reports/") else "accounts" if name == "people.sqlite" else None)
            if kind:
                found[kind].append(name)
        return found


def last_transaction(log):
    """Return where the last transaction of SQLite's log begins. A changed byte in it looks like a transaction that was cut
    off by a kill."""
    size = 24 + int.from_bytes(log[8:12], "big")
    whole = range(32, len(log) - size + 1, size)
    commits = [at for at in whole if log[at + 4:at + 8] != bytes(4) and log[at + 8:at + 16] == log[16:24]]
    return commits[-2] + size


def damage(path, rng, end_of=None):
    """Change a file at random, before `end_of(content)`; return what was done. A change that changes no byte is tried
    again."""
    before = path.read_bytes()
    end = end_of(before) if end_of else len(before)
    while True:
        content = bytearray(before)
        at = rng.randrange(end)
        how = rng.choice(("flip", "flip", "several", "zeros", "cut"))
        if how == "flip":
            content[at] ^= 1 << rng.randrange(8)
            done = f"flipped a bit of byte {at}"
        elif how == "several":
            places = sorted(rng.randrange(end) for _ in range(16))
            for place in places:
                content[place] ^= rng.randrange(1, 256)
            done = f"changed 16 bytes from {places[0]} to {places[-1]}"
        elif how == "zeros":
            at -= at % 512
            content[at:at + 512] = bytes(len(content[at:at + 512]))
            done = f"zeroed 512 bytes from {at}"
        else:
            del content[at:]
            done = f"cut to {at} bytes"
        if content != before:
            path.write_bytes(content)
            return f"{done} of {len(before)}"


class Answer:
    """The end of a command."""

    def __init__(self, words, done):
        self.words, self.status, self.out, self.said = words, done.returncode, done.stdout, done.stderr

    def key(self):
        return self.status, self.out

    def crash(self):
        """Return True for a signal or a panic."""
        return self.status < 0 or self.status in (101, 134, 139) or "panicked" in self.said


# A message says where by one of these.
WHERE = re.compile(r"ledger|event \d+|samples|\.parquet|\.duckdb|rollups?/|reports/|people\.sqlite|-final\.")


class Cases:
    def __init__(self, workspace, made):
        self.workspace, self.made = workspace, made
        self.lock = threading.Lock()
        self.outcomes = collections.defaultdict(collections.Counter)
        self.findings = []
        self.commands = {
            "verify": ("verify", "--replay"),
            "verify reports": ("report", "verify", made.name(made.earlier), "--committee", "operations"),
            "report": ("report", made.name(made.earlier), "--committee", "operations", "--format", "json"),
            "sql": ("sql", QUERY),
            "events": ("events", "--json"),
        }
        self.readers = {
            "ledger": ("verify", "report", "events"), "ledger's log": ("verify", "report", "events"),
            "archive": ("sql",), "samples": ("sql",), "samples' log": ("sql",),
            "roll-up": ("report",), "report": (), "accounts": (),
        }
        self.undamaged = self.copy("before")
        self.before = {name: self.ask(self.undamaged, name) for name in self.commands}
        for answer in self.before.values():
            check(answer.status == 0, f"undamaged, {answer.words} exits with {answer.status}: {answer.said}")

    def copy(self, name):
        folder = self.workspace.folder / name
        shutil.copytree(self.made.nines.data, folder, ignore=shutil.ignore_patterns("socket", "lock", "*-shm"))
        return folder

    def ask(self, data, name, *more):
        command = [*self.made.nines.command(*self.commands[name], *more), "--data", str(data)]
        return Answer(" ".join(command[1:3]), subprocess.run(command, capture_output=True, text=True, errors="replace",
                                                             timeout=120))

    def case(self, number, kind, file, seed):
        data = self.copy(f"case-{number}")
        done = damage(data / file, random.Random(seed), None if kind != "ledger's log" else last_transaction)
        answers = [(name, self.ask(data, name)) for name in self.readers[kind]]
        # This renders every format again, which takes long.
        if kind == "report" or kind == "roll-up" and number % 4 == 0:
            answers.append(("verify reports", self.ask(data, "verify reports")))
        if kind == "accounts" or number % STARTS == 0:
            answers.append(("run", self.start(number, data)))
        with self.lock:
            for name, answer in answers:
                outcome, wrong = self.judge(name, answer)
                # DuckDB takes a log with a damaged first record for an empty one.
                may_end_early = done.startswith("cut") or kind == "samples' log"
                if outcome == "SILENT" and may_end_early and self.is_earlier(kind, name, answer):
                    outcome, wrong = "as of an earlier moment", None
                self.outcomes[kind, name][outcome] += 1
                if wrong:
                    line = (f"case {number}, {file}, {done}: `{name}` {wrong}, exit {answer.status}: "
                            f"{' '.join((answer.said or answer.out)[-300:].split())}")
                    self.findings.append(line)
                    say(f"  FOUND {line}")
        shutil.rmtree(data)

    def judge(self, name, answer):
        """Return the outcome for the table, and what is wrong with it."""
        if answer.crash():
            return "CRASH", "crashed"
        if name == "run":
            if answer.status == 0:
                return "runs", None
            if not WHERE.search(answer.said):
                return "refusal", "does not say where"
            return "refusal", None if answer.status == 3 else "refuses with another status than 3"
        if answer.key() == self.before[name].key():
            return "same", None
        said = answer.said + (answer.out if answer.status else "")
        if answer.status:
            return "refusal", None if WHERE.search(said) else "does not say where"
        if name == "report":
            return self.judge_report(answer)
        if WHERE.search(answer.said):
            return "loss stated", None
        return "SILENT", "gives another answer and says nothing"

    def is_earlier(self, kind, name, answer):
        """Return True if the answer is one of an earlier moment. A log that is cut off is one of a service that was killed
        earlier: nobody can tell, and `verify` says so."""
        if kind == "samples' log":
            counted = lambda out: {tuple(row[:2]): int(row[2]) for row in map(str.split, out.splitlines()[1:])}
            before = counted(self.before[name].out)
            return all(count <= before[which] for which, count in counted(answer.out).items())
        if kind != "ledger's log":
            return False
        if name == "events":
            return self.before[name].out.startswith(answer.out)
        return name == "verify" and "compare with the number and the head" in answer.out

    def judge_report(self, answer):
        """A report may lack latencies of days that it names. It may be as of an earlier event, which it prints:
        finding out that later ones are lost is up to `verify`."""
        before, after = json.loads(self.before["report"].out), json.loads(answer.out)
        if after["ledger"]["seq"] < before["ledger"]["seq"]:
            then = self.ask(self.undamaged, "report", "--seq", after["ledger"]["seq"])
            return "as of an earlier event", None if then.key() == answer.key() else "differs from that of this event"
        changed = {key for key in before | after if before.get(key) != after.get(key)}
        named = [days for days in after["latencies"]["unavailable"] if days not in before["latencies"]["unavailable"]]
        if changed == {"latencies"} and named and all(days["missing"].startswith("file_") for days in named):
            return "loss stated", None
        return "SILENT", f"has other figures: {sorted(changed)}"

    def start(self, number, data):
        """Start the service for a moment and stop it."""
        log = self.workspace.folder / f"start-{number}.out"
        port = free_port()
        config = self.made.nines.config.with_name(f"nines-{number}.toml")
        config.write_text(re.sub(r'private = "[^"]*"', f'private = "127.0.0.1:{port}"',
                                 self.made.nines.config.read_text()))
        with log.open("w") as out:
            process = subprocess.Popen([self.made.nines.program, "run", "--config", config, "--data", data],
                                       stdout=out, stderr=subprocess.STDOUT)
        try:
            limit = time.monotonic() + 90
            while process.poll() is None and not fetch(f"http://127.0.0.1:{port}/readyz"):
                if time.monotonic() > limit:
                    raise Failed(f"case {number}: the service neither starts nor refuses")
                time.sleep(0.1)
            process.terminate()
            process.wait(60)
        finally:
            process.poll() is None and process.kill()
        said = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text(errors="replace"))
        config.unlink()
        return Answer("run", subprocess.CompletedProcess((), process.returncode, "", said))


def run(workspace):
    say(f"NINES_SEED={SEED} NINES_DAMAGES={CASES}")
    made = Made(workspace)
    files = made.files()
    say("  files: " + ", ".join(f"{len(names)} {kind}" for kind, names in files.items()))
    wanted = {"ledger", "ledger's log", "archive", "samples", "roll-up", "report", "accounts"}
    check(wanted <= set(files), f"the data directory lacks {wanted - set(files)}")
    cases = Cases(workspace, made)
    rng = random.Random(SEED)
    # Only a start reads the accounts, which takes long.
    kinds = 2 * sorted(kind for kind in files if kind != "accounts") + ["accounts"]
    chosen = []
    for number in range(CASES):
        kind = kinds[number % len(kinds)]
        chosen.append((number, kind, rng.choice(files[kind]), rng.random()))
    together(AT_ONCE, cases.case, chosen)
    for (kind, name), outcomes in sorted(cases.outcomes.items()):
        say(f"  {kind:14} {name:16} " + ", ".join(f"{count} {what}" for what, count in outcomes.most_common()))
    if cases.findings:
        raise Failed(f"{len(cases.findings)} findings in {CASES} cases")
    say(f"damaged files: passed, {CASES} cases")


if __name__ == "__main__":
    with Workspace(limit_s=300 + CASES * 8) as here:
        run(here)
