"""Progress and colours appear on a terminal and nowhere else.

Checks that a rehearsal, and each command that reads a long ledger, show progress on standard error if it is
a terminal, and that a short ledger shows none; that mistakes are coloured on a terminal, but not with
NO_COLOR and not in a file; that standard output is always the same. This script extends the ledger by its
documented format; `nines verify` accepts the result.
"""

import contextlib
import hashlib
import os
import pty
import sqlite3
import subprocess
import tempfile

from harness import Workspace, Nines, ROOT, check, free_port, say

ESCAPE = b"\x1b["
PROBE = """[[probe]]
name     = "port"
kind     = "tcp"
host     = "127.0.0.1"
port     = {port}
interval = "30s"
"""


def on_terminal(command, **more):
    """Run a command with a terminal as standard error; return that output, standard output and status."""
    ours, theirs = pty.openpty()
    # Terminal types without colours get none.
    environment = {**os.environ, "TERM": "xterm", **more}
    if not more:
        environment.pop("NO_COLOR", None)
    # A file: a pipe that nobody reads meanwhile is full after 64 KiB.
    with tempfile.TemporaryFile() as standard, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=standard, stderr=theirs, env=environment) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux raises this once the other end is closed.
                part = b""
            if not part:
                break
            drawn += part
        process.wait()
        standard.seek(0)
        answer = standard.read()
    os.close(ours)
    return drawn, answer, process.returncode


def off_terminal(command):
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return done.stderr, done.stdout, done.returncode


LONG = 12_000


def lengthen(ledger):
    """Append started and stopped events to a ledger until it has LONG events."""
    with contextlib.closing(sqlite3.connect(ledger)) as open_ledger, open_ledger:
        (seq, at, before), = open_ledger.execute(
            "SELECT seq, at, hash FROM events ORDER BY seq DESC LIMIT 1")
        while seq < LONG:
            seq += 1
            kind, data = (("started", '{"alive_until":"%s"}' % at), ("stopped", "null"))[seq % 2]
            columns = [str(seq), at, at, kind, "1", "", "nines", "service", data]
            digest = hashlib.sha256(before)
            for column in columns:
                digest.update(len(column.encode()).to_bytes(8, "big") + column.encode())
            before = digest.digest()
            open_ledger.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                [seq, *columns[1:4], 1, *columns[5:], before])


def long_ledgers(nines, data):
    """Check the progress of each command that reads the ledger."""
    commands = {
        "verifying": nines.command("verify", "--data", data),
        "replaying": nines.command("verify", "--replay", "--data", data),
        "reading the ledger": nines.command("report", "2026-10", "--format", "json", "--data", data),
    }
    for words, command in commands.items():
        drawn, _, left = on_terminal(command)
        check(left == 0 and words.encode() not in drawn, f"{words}: a short ledger draws {drawn}")
    lengthen(data / "ledger.sqlite")
    for words, command in commands.items():
        drawn, answer, left = on_terminal(command)
        check(left == 0 and words.encode() in drawn, f"{words}: exited with {left}: {drawn[:200]}")
        bare, same, left = off_terminal(command)
        check(left == 0 and bare == b"", f"{words}: progress without a terminal: {bare[:200]}")
        check(answer == same and ESCAPE not in same, f"{words}: the answer depends on the terminal")
    check(b'%d events' % LONG in off_terminal(commands["verifying"])[1], "not so many events")
    say(f"  {LONG:,} events: progress on a terminal, none in a file")


def run(workspace):
    nines = Nines(workspace, "nines", [free_port()], {"clinic": (["it@clinic.example"], ["portal"])},
                  {"portal": PROBE.format(port=free_port())})
    scenario = ROOT / "tests/scenarios/plain-outage/scenario.toml"
    rehearse = lambda out: nines.command("simulate", scenario, "--out", workspace.folder / out)
    drawn, answer, left = on_terminal(rehearse("seen"))
    check(left == 0 and ESCAPE in drawn, f"no progress on a terminal: {drawn[:200]}, exited with {left}")
    bare, same, left = off_terminal(rehearse("unseen"))
    check(left == 0 and bare == b"", f"progress without a terminal: {bare[:200]}, exited with {left}")
    check(answer.replace(b"/seen/", b"/unseen/") == same and ESCAPE not in same,
          "the answer depends on the terminal")
    say(f"  a rehearsal: {len(drawn)} bytes of progress on a terminal, none in a file")

    long_ledgers(nines, workspace.folder / "seen")

    with nines.config.open("a") as config:
        config.write("\n[lissten]\n")
    check_it = nines.command("check")
    shown = {"a terminal": on_terminal(check_it), "NO_COLOR": on_terminal(check_it, NO_COLOR="1"),
             "a file": off_terminal(check_it)}
    for where, (said, _, left) in shown.items():
        check(left == 2 and b"lissten" in said, f"{where}: no mistake, exited with {left}")
        coloured = ESCAPE in said
        check(coloured == (where == "a terminal"), f"{where}: coloured is {coloured}")
    say("  mistakes are coloured on a terminal, not with NO_COLOR, not in a file")
    say("terminal output: passed")


if __name__ == "__main__":
    with Workspace(limit_s=180) as here:
        run(here)
