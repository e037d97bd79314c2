"""One run of the service with one failing call to its disk, and the checks after it. For `disk_faults.py`.

The run: the service starts in an empty data directory, its target fails and recovers, both mails arrive, and
SIGTERM stops it. Wherever it ends early, it starts again without faults and the run goes on. At the end it
starts once more without faults. The log of the target and the stored mails are the truth.
"""

import collections
import dataclasses
import errno
import mmap
import os
import re
import struct
import subprocess
import time

from harness import HERE, Failed, Mail, Nines, become, check, clock, fetch, free_port, instant, need

GROUPS = ("open", "write", "sync", "size", "name")
PARTS = ("ledger", "samples", "rest")
FAULTS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EINTR": errno.EINTR, "EROFS": errno.EROFS,
          "short": 1000, "kill": 1001}
# A disk that stays away does so for longer than the service pauses between two attempts.
AWAY_S = 2.0
# A kill may lose the samples of so many last seconds, on a busy machine.
LOST_S = 3
# Generous: other programs use the same processors. A mail with an unknown end waits for a minute.
WAIT_S = 120

PROBE = """flap_limit = 0
[[probe]]
name           = "front"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "2s"
timeout        = "2s"
retry_interval = "250ms"
failures       = 2
recoveries     = 1
"""

# The words of the operating system, of SQLite and of DuckDB for these errors.
ERRORS = ("No space left", "Input/output error", "Interrupted", "Read-only file system", "disk I/O error",
          "disk is full", "readonly database", "unable to open", "read-only database")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A fault point and its fault."""

    group: str
    part: str
    fault: str
    stays: bool

    def __str__(self):
        return f"{self.group} {self.part} {self.fault}{' until repaired' if self.stays else ''}"

    @property
    def point(self):
        return len(PARTS) * GROUPS.index(self.group) + PARTS.index(self.part)


def cells(kills):
    """Return every fault of every point that a disk can have. A signal or a short write is no lasting state."""
    found = []
    for group in GROUPS:
        for part in PARTS:
            for fault in FAULTS:
                fits = (fault == "kill" if kills else fault != "kill") and (
                    {"short": group == "write", "EINTR": group != "name", "EROFS": group != "sync",
                     "ENOSPC": group in ("open", "write", "sync")}.get(fault, True))
                lasting = (False,) if fault in ("EINTR", "short", "kill") else (False, True)
                found += [Cell(group, part, fault, stays) for stays in lasting if fits]
    return found


def compiled(workspace):
    """Compile the library that makes calls fail, and return its path."""
    library = workspace.folder / "disk_faults.so"
    subprocess.run([need("cc", "gcc"), "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", library,
                    HERE / "disk_faults.c"], check=True)
    return library


class Shim:
    """The page that the library in a service shares with this script."""

    def __init__(self, library, folder, under, cell, nth):
        self.library, self.under, self.path = library, under, folder / "faults"
        self.path.write_bytes(bytes(4096))
        with self.path.open("r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)
        if cell:
            for place, value in enumerate((cell.point, nth, FAULTS[cell.fault], int(cell.stays))):
                self.put(place, value)

    def put(self, place, value):
        struct.pack_into("Q", self.page, 8 * place, value)

    def get(self, place):
        return struct.unpack_from("Q", self.page, 8 * place)[0]

    @property
    def fired(self):
        return self.get(5)

    @property
    def healed(self):
        return bool(self.get(4))

    def heal(self):
        self.put(4, 1)

    def counts(self):
        """Return the number of calls of each point."""
        return {(group, part): self.get(6 + len(PARTS) * g + p)
                for g, group in enumerate(GROUPS) for p, part in enumerate(PARTS)}

    def mark(self):
        path = self.path.with_name(self.path.name + ".fired")
        return path.read_text().splitlines()[0] if path.exists() else ""

    def environment(self):
        return {**os.environ, "LD_PRELOAD": str(self.library), "NINES_FAULT_STATE": str(self.path),
                "NINES_FAULT_UNDER": f"{self.under}/"}


class Run:
    """A run with the fault of a cell at its N-th call; `cell` is None for a run without faults."""

    read = {}

    def __init__(self, workspace, library, relay, spool, name, cell, nth):
        self.workspace, self.spool, self.cell, self.name = workspace, spool, cell, name
        folder = workspace.folder / name
        folder.mkdir()
        self.address = f"{name}@clinic.example"
        port = free_port()
        self.target = workspace.target(f"{name}/target", port)
        self.nines = Nines(workspace, name, [relay], {"clinic": ([self.address], ["portal"])},
                           {"portal": PROBE.format(port=port)})
        self.shim = Shim(library, folder, self.nines.data, cell, nth)
        self.findings, self.unclear, self.refusals, self.stops = [], [], [], []
        self.restarts, self.restarted_at, self.has_crashed = 0, 0.0, False
        # Answers of the target whose sample may be missing: cut off by an end, or by a kill.
        self.excused = 0

    def start(self, faulty):
        self.nines.process = self.workspace.begin(
            self.name, self.nines.command("run"), env=self.shim.environment() if faulty else None)
        self.began_at = time.time()
        self.is_ready = False

    def ready(self):
        self.is_ready = self.is_ready or bool(fetch(f"http://127.0.0.1:{self.nines.port}/readyz"))
        return self.is_ready

    def said(self):
        """Return the answers of the target as (instant, behaviour)."""
        return self.workspace.truth(f"{self.name}/target")[1]

    def bad(self):
        return sum(answer != "ok" for _, answer in self.said())

    def mails(self):
        """Return the mails to the address of this run. All runs share a mail server: each file is read once."""
        found = []
        for path in sorted(self.spool.glob("*.eml")):
            mail = self.read.get(path)
            if mail is None:
                mail, is_new = Mail(path), time.time() - path.stat().st_mtime < 1
                if not is_new:
                    self.read[path] = mail
            found += [mail] * (mail.to == self.address)
        return found

    def log(self):
        return (self.workspace.folder / f"{self.name}.log").read_text(errors="replace")

    def wait(self, what, condition):
        """Wait for a condition. If the service ends meanwhile, judge that and start it again."""
        limit = time.monotonic() + WAIT_S
        while not condition():
            status = self.nines.process.poll()
            if status is not None:
                self.ended(status)
            if time.monotonic() > limit:
                raise Failed(f"not within {WAIT_S} s: {what}")
            time.sleep(0.1)

    def ended(self, status):
        """Judge an end that nobody asked for, and start again without faults."""
        if self.cell and self.cell.fault == "kill" and status == -9 and self.shim.fired:
            self.excused += self.in_last_moments()
        else:
            self.refused(status)
        self.restarts, self.restarted_at = self.restarts + 1, time.time()
        check(self.restarts < 4, "the service does not stay up")
        self.shim.heal()
        self.start(faulty=False)

    def refused(self, status):
        words = self.log().strip().splitlines()[-1]
        if self.is_ready or status != 3:
            self.has_crashed = True
            what = "running service" if self.is_ready else "start"
            self.findings.append(f"the {what} ended with {status}: {words}")
        else:
            self.refusals.append(words)
            self.well_said(words)
            # No outage is in the samples: monitoring must not wait for their disk.
            if self.cell.part == "samples":
                self.findings.append(f"the start waits for the samples: {words}")

    def well_said(self, words):
        """Check that an error names a file of the data directory and the error."""
        if not any(error in words for error in ERRORS):
            self.unclear.append(f"no error is named: {words}")
        if not re.search(r"ledger\.sqlite|people\.sqlite|\.duckdb|/samples|nines\.sock|/lock|/data\b", words):
            self.unclear.append(f"no file is named: {words}")

    def in_last_moments(self):
        """Return the number of answers of the last moments: a kill may lose these samples."""
        return sum(at > time.time() - LOST_S for at, _ in self.said())

    def away(self, since):
        """Return True once the disk has been away for a while."""
        if self.cell and self.cell.stays and self.shim.fired and not self.shim.healed:
            return time.monotonic() > since + AWAY_S
        return False

    def go(self):
        """Let the service run, its target fail and recover, and stop it."""
        self.start(faulty=True)
        since = time.monotonic()
        # A service that waits for its disk without an end would need somebody to notice.
        self.wait("ready", lambda: self.ready() or self.away(since))
        if not self.ready():
            self.shim.heal()
            self.wait("ready after the disk works again", self.ready)
        ok = len(self.said())
        self.wait("a good answer", lambda: self.ready() and len(self.said()) > ok)
        become(self.target, "status")
        since = time.monotonic()
        # Without the ledger no mail says that the outage is confirmed; two bad samples confirm it.
        self.wait("downtime mail", lambda: self.mails() or self.away(since) and self.bad() > 2)
        become(self.target, "ok")
        since = time.monotonic()
        self.wait("uptime mail", lambda: self.told() or self.away(since))
        fired_before = self.shim.fired
        if fired_before and self.cell.stays:
            self.shim.heal()
        self.wait("uptime mail after the disk works again", self.told)
        self.wait("every notice is delivered", lambda: self.nines.pending() is False)
        self.stop(fired_before)
        self.start(faulty=False)
        self.wait("ready at the end", self.ready)
        self.stop(self.shim.fired)

    def told(self):
        """Return True if the last mail says that the system is up."""
        found = self.mails()
        return bool(found) and "RESTORED" in found[-1].subject

    def stop(self, fired_before):
        process = self.nines.process
        process.terminate()
        try:
            status = process.wait(60)
        except subprocess.TimeoutExpired:
            raise Failed("the service does not stop within 60 s of SIGTERM") from None
        # A probe under way is cut off.
        self.excused += 1
        if status == 0:
            return
        words = self.log().strip().splitlines()[-1]
        if self.shim.fired == fired_before:
            self.findings.append(f"the stop ended with {status} without a fault: {words}")
        elif status == -9 and self.cell.fault == "kill":
            self.excused += self.in_last_moments()
        else:
            self.stops.append(words)
            if status != 3:
                self.findings.append(f"the stop ended with {status}: {words}")
            self.well_said(words)

    def judge(self):
        """Check what the run left behind."""
        self.nines.verify()
        events = {event["seq"]: event for event in self.nines.events()}
        for seq, kind in self.acknowledged():
            if events.get(seq, {}).get("kind") != kind:
                self.findings.append(f"event {seq}, `{kind}`, was acknowledged and is lost")
        if "panicked" in self.log():
            self.findings.append("a panic: " + next(l for l in self.log().splitlines() if "panicked" in l))
        self.judge_outage(list(events.values()))
        self.judge_mails(list(events.values()))
        self.judge_samples()

    def acknowledged(self):
        """Return the events that the log has: the service logs an event after its commit."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.log())
        return [(int(seq), kind) for kind, seq in
                re.findall(r"^\S+ +(?:INFO|WARN) ([a-z-]+) seq=(\d+) at=", plain, re.M)]

    def judge_outage(self, events):
        opened = [e["data"] for e in events if e["kind"] == "outage-opened"]
        closed = [e["data"] for e in events if e["kind"] == "outage-closed"]
        if len(opened) != 1 or len(closed) != 1:
            slow = any(e["kind"] == "probe-down" and e["data"]["reason"] == "timeout" for e in events)
            self.findings.append(f"{len(opened)} outages began and {len(closed)} ended instead of one"
                                 + ("; a probe timed out: this machine is too slow" if slow else ""))
            return
        said = self.said()
        bad = [at for at, answer in said if answer != "ok"]
        # A sample begins before its target answers, and after the answer before it.
        for name, told, first in (("start", opened[0]["start"], bad[0]),
                                  ("end", closed[0]["end"], min(at for at, _ in said if at > bad[-1]))):
            before = max((at for at, _ in said if at < first), default=0)
            # An end of the process loses the samples that are not confirmed: then the next ones count.
            later = [at for at, answer in said if (answer != "ok") == (name == "start") and at > self.restarted_at]
            last = max(first, later[0] if self.restarts and later else 0)
            # A kill loses the samples of the last moments: the outage then ends where they begin, and what follows
            # is unknown.
            before -= LOST_S if self.restarts else 0
            if not before < instant(told) <= last + 0.001:
                self.findings.append(f"the {name} is {clock(instant(told))}, the target says {clock(first)}"
                                     f" after {clock(before)}")

    def judge_mails(self, events):
        attempts = [e["data"] for e in events if e["kind"] == "delivery-attempted"]
        ids = {attempt["message_id"] for attempt in attempts}
        bytes_of = collections.defaultdict(set)
        for mail in self.mails():
            bytes_of[mail.id].add(mail.as_sent())
        for number, found in bytes_of.items():
            if len(found) > 1:
                self.findings.append(f"{number} arrived with different bytes")
        if not set(bytes_of) <= ids:
            self.findings.append(f"mails that are not in the ledger: {set(bytes_of) - ids}")
        arrived = [a["message"] for a in attempts if a.get("message") and a["message_id"] in bytes_of]
        kinds = {message["kind"] for message in arrived}
        both = any(message["includes_downtime"] for message in arrived)
        if not ({"downtime", "uptime"} <= kinds or both):
            self.findings.append(f"instead of a downtime and an uptime notice, {kinds or 'none'} arrived")

    def judge_samples(self):
        """Compare the stored samples with the answers; the log must state a greater loss."""
        rows = self.nines.json("sql", "SELECT count(*) AS n FROM samples")["rows"]
        stored, answered = rows[0]["n"], len(self.said())
        lost = sum(map(int, re.findall(r"(\d+) samples could not be written", self.log())))
        if not answered - self.excused - lost <= stored <= answered:
            self.findings.append(f"{stored} samples are stored, {answered} were taken, and the service states"
                                 f" a loss of {lost}")

    def outcome(self):
        """Return one word or two for the table."""
        if not self.shim.fired:
            return "not reached"
        words = ["refused to start"] * bool(self.refusals)
        words += ["stopped with an error"] * bool(self.stops)
        words += ["killed"] * (self.cell.fault == "kill")
        words += ["CRASHED"] * self.has_crashed
        return ", ".join(words) or "went on"
