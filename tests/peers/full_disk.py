"""The disk of the data directory is full, and becomes read-only, while a system fails.

The script starts itself again in a mount namespace of its own. It needs root, or sudo. The log of the target and the
stored mails are the truth.

1. A tmpfs of 48 MiB is filled up to the last byte. The system fails; room returns while it is down. Then it is filled
   again, and the system fails and recovers before room returns. Nothing is restarted: no probe misses its slot, each
   outage has its true start and end, the mails arrive at the latest after room has returned, and no sample is lost.
2. An ext4 file system in a file goes read-only by itself (`errors=remount-ro`) under the running service, as after a
   failing disk: the kernel does not let a mount with open files become read-only otherwise, and only unmounting ends
   it. The probes go on, no mail leaves, the stop and the next start exit with 3 and say what failed. After a repair the
   service starts, the time without a ledger is unknown, and the outage is told.
"""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import time

from harness import (Failed, Nines, Workspace, become, calm_zone, check, clock, free_port, instant, mails,
                     metric, need, running, say, until)

INTERVAL_S = 1
# Other programs use the same processors.
SLACK_S = 1.0

FILES = r"ledger\.sqlite|people\.sqlite|\.duckdb|nines\.sock|/lock|/data\b"
ERRORS = r"[Rr]ead-?only|disk I/O error"

# Messages that do not say enough; they fail the script at its end.
unclear = []

PROBE = """flap_limit = 0
[[probe]]
name           = "front"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "1s"
timeout        = "1s"
retry_interval = "250ms"
failures       = 2
recoveries     = 1
"""


def in_namespace():
    """Start this script again in a mount namespace, or say why it is skipped. Does not return."""
    as_root = [] if os.geteuid() == 0 else [need("sudo", "sudo"), "-n", "--preserve-env"]
    unshare = [*as_root, need("unshare", "util-linux"), "--mount"]
    tried = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True)
    if tried.returncode != 0:
        say(f"SKIPPED: this kernel lets nobody mount here: {tried.stderr.strip()}")
        sys.exit(0)
    os.execv(unshare[0], [*unshare, sys.executable, "-B", __file__, "inside"])


def shell(*words, status=(0,)):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    check(done.returncode in status, f"{words} exited with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


class Filler:
    """A file that takes all room of a file system."""

    def __init__(self, folder):
        self.path = folder / "filler"

    def fill(self):
        """Write until not one more byte fits."""
        with self.path.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        room = os.statvfs(self.path)
        check(room.f_bavail == 0, f"{room.f_bavail} blocks are free after filling")

    def free(self):
        self.path.unlink()


class Monitored:
    """A target, its relay and the service in one data directory that is a mount."""

    def __init__(self, workspace, name, mount):
        self.workspace, self.name = workspace, name
        self.zone, self.month = calm_zone()
        port, relay = free_port(), free_port()
        self.target = workspace.target(f"{name}-target", port)
        self.spool = workspace.aiosmtpd(relay)
        self.nines = Nines(workspace, name, [relay], {"clinic": (["it@clinic.example"], ["portal"])},
                           {"portal": PROBE.format(port=port)}, zone=self.zone)
        self.nines.data.mkdir()
        mount(self.nines.data)

    def answers(self):
        return self.workspace.truth(f"{self.name}-target")[1]

    def become(self, behaviour):
        """Change the target and wait until it has answered so; return the instants of the answer before and of
        that one: the sample began between them."""
        before = len(self.answers())
        become(self.target, behaviour)

        def answered():
            running(self.nines.process, self.name)
            said = self.answers()
            return next((place for place in range(before, len(said)) if said[place][1] == behaviour), None)
        place = until(20, f"the target does not say `{behaviour}`", answered)
        said = self.answers()
        return said[place - 1][0], said[place][0]

    def failures(self):
        return metric(self.nines.page(), "nines_ledger_commit_failures_total") or 0

    def slots_kept(self, since, till):
        """Check that the target was asked each second between two instants."""
        asked = [at for at, _ in self.answers() if since <= at <= till]
        longest = max(b - a for a, b in zip([since, *asked], [*asked, till]))
        check(longest <= INTERVAL_S + SLACK_S, f"no probe ran for {longest:.1f} s")
        missed = metric(self.nines.page(), "nines_probe_missed_slots_total") or 0
        check(missed == 0, f"{missed:.0f} slots were missed")
        return len(asked), longest

    def log(self):
        return (self.workspace.folder / f"{self.name}.log").read_text()

    def outage(self, number):
        """Return the start and the end of an outage as the ledger has them."""
        found = {}
        for event in self.nines.events("outage-opened", "outage-closed"):
            if event["data"]["outage"] == number:
                found.update(event["data"])
        check({"start", "end"} <= set(found), f"O-{number} is not whole: {found}")
        return instant(found["start"]), instant(found["end"])

    def true(self, number, went, came):
        """Check an outage against the answers of the target."""
        for name, told, (before, answer) in zip(("start", "end"), self.outage(number), (went, came)):
            check(before < told <= answer + 0.001, f"the {name} of O-{number} is {clock(told)}; the target answered so"
                                                   f" at {clock(answer)}, and otherwise at {clock(before)}")
            say(f"  O-{number}: {name} {clock(told)}; the target answered so at {clock(answer)}")

    def delivered(self, count, what, seconds=30):
        until(seconds, f"no {what} mail: {[mail.subject for mail in mails(self.spool)]}", lambda: running(
            self.nines.process, self.name) and len(mails(self.spool)) >= count and not self.nines.pending())


def full(workspace):
    def mount(folder):
        shell("mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder)
    on = Monitored(workspace, "full", mount)
    nines, filler = on.nines, Filler(on.nines.data)
    nines.start()
    until(20, "no samples", lambda: len(on.answers()) >= 3)

    began = time.time()
    filler.fill()
    went = on.become("status")
    say(f"full from {clock(began)}; the target fails at {clock(went[1])}")
    time.sleep(5)
    room_at = time.time()
    early = len(mails(on.spool))
    failed = on.failures()
    say(f"  {failed:.0f} commits failed, {early} mails left before room returned")
    check(failed or early, "the ledger neither failed nor told anyone")
    filler.free()
    on.delivered(1, "downtime")
    say(f"  room at {clock(room_at)}; {mails(on.spool)[0].subject}")
    came = on.become("ok")
    on.delivered(2, "uptime")
    on.true(1, went, came)

    # An event more lets SQLite reuse less of its log.
    filler.fill()
    full_at = time.time()
    went = on.become("status")
    time.sleep(2)
    came = on.become("ok")
    time.sleep(3)
    told = len(mails(on.spool))
    say(f"full again from {clock(full_at)}; {told - 2} mails left before room returned,"
        f" {on.failures() - failed:.0f} commits failed")
    filler.free()
    on.delivered(3, "recovery")
    until(20, "no recovery is told", lambda: "RESTORED" in mails(on.spool)[-1].subject)
    on.true(2, went, came)
    asked, longest = on.slots_kept(began, time.time())
    say(f"  {asked} probes while the disk was full or just freed; the longest pause was {longest:.2f} s")
    check(on.failures() > 0, "no commit failed: the disk was not full")
    until(20, "samples wait", lambda: metric(nines.page(), "nines_samples_pending") == 0)
    nines.stop()
    say(nines.verify())
    stored = nines.json("sql", "SELECT count(*) AS n FROM samples")["rows"][0]["n"]
    answered = len(on.answers())
    check(answered - 1 <= stored <= answered, f"{stored} samples are stored, {answered} were taken")
    check(not list(nines.data.glob("samples/*.damaged*")), "a good file of samples counts as damaged")
    check("panicked" not in on.log(), "a panic")
    say(f"  {stored} samples of {answered} answers; {[mail.subject for mail in mails(on.spool)]}")


class Ext4:
    """An ext4 file system in a file, that turns read-only at its first error."""

    def __init__(self, file):
        self.file = file
        with file.open("wb") as made:
            made.truncate(64 << 20)
        shell(need("mkfs.ext4", "e2fsprogs"), "-q", "-F", file)

    def mount(self, folder):
        shell("mount", "-o", "loop,errors=remount-ro", self.file, folder)
        self.folder = folder

    def break_down(self):
        device = shell("findmnt", "-no", "SOURCE", self.folder)
        trigger = pathlib.Path("/sys/fs/ext4", pathlib.Path(device).name, "trigger_fs_error")
        trigger.write_text("1")
        with contextlib.suppress(OSError):
            (self.folder / "tried").touch()
            raise Failed("the file system can be written after its error")

    def repair(self):
        shell("umount", self.folder)
        shell(need("fsck.ext4", "e2fsprogs"), "-f", "-y", self.file, status=(0, 1))
        self.mount(self.folder)


def ended_with_words(on, process, what):
    """Check that the service ended with 3 and named a file and the error."""
    status = process.wait(60)
    words = on.log().strip().splitlines()[-1]
    say(f"  {what}: exit {status}, {words}")
    check(status == 3, f"{what} ended with {status} instead of 3")
    if not (re.search(FILES, words) and re.search(ERRORS, words)):
        unclear.append(f"{what} does not name the file and the error: {words}")


def read_only(workspace):
    disk = Ext4(workspace.folder / "disk")
    on = Monitored(workspace, "read-only", disk.mount)
    nines = on.nines
    nines.start()
    until(20, "no samples", lambda: len(on.answers()) >= 3)
    began = time.time()
    disk.break_down()
    on.become("status")
    say(f"read-only from {clock(began)}")
    time.sleep(4)
    asked, longest = on.slots_kept(began, time.time())
    check(on.failures() > 0, "no commit failed")
    check(not mails(on.spool), "a mail left before its event was in the ledger")
    said = " ".join(nines.ask("status", status=(0, 1)).split())
    check("cannot be written" in said, f"the status does not say it: {said}")
    say(f"  {asked} probes, the longest pause was {longest:.2f} s; {on.failures():.0f} commits failed")
    nines.process.terminate()
    ended_with_words(on, nines.process, "the stop")
    nines.start(wait=False)
    ended_with_words(on, nines.process, "a start")

    disk.repair()
    again = time.time()
    nines.start()
    on.delivered(1, "downtime")
    came = on.become("ok")
    on.delivered(2, "uptime")
    nines.stop()
    say(nines.verify())
    start, end = on.outage(1)
    first = min(at for at, _ in on.answers() if at >= again)
    check(again <= start <= first, f"O-1 begins at {clock(start)}; the first answer since the repair is {clock(first)}")
    check(came[0] < end <= came[1] + 0.001, f"O-1 ends at {clock(end)}, not at {clock(came[1])}")
    unknown = [(instant(s["from"]), instant(s["to"])) for s in nines.report(on.month)["unknown"]]
    over = [s for s in unknown if s[0] <= began + 2 and s[1] >= again - 1]
    check(over, f"the time from {clock(began)} to {clock(again)} is not unknown: "
                f"{[(clock(a), clock(b)) for a, b in unknown]}")
    say(f"  unknown from {clock(over[0][0])} to {clock(over[0][1])}; O-1 from {clock(start)} to {clock(end)}")
    check("panicked" not in on.log(), "a panic")


def run(workspace):
    full(workspace)
    # A container may have neither loop devices nor a writable /sys.
    if os.path.exists("/dev/loop-control") and os.access("/sys/fs/ext4", os.W_OK):
        read_only(workspace)
    else:
        say("SKIPPED the read-only disk: no loop devices, or no ext4, on this machine")
    check(not unclear, "; ".join(unclear))
    say("full disk: passed")


if __name__ == "__main__":
    if sys.argv[1:] != ["inside"]:
        in_namespace()
    with Workspace(limit_s=400) as here:
        run(here)
