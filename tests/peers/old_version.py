"""Reads the data that each released version left (tests/fixtures/VERSION/) with the present program.

Works on a copy. Checks that
* `nines check` accepts the configuration, and `nines verify --replay` the ledger,
* the report of the ledger up to the same event has every key and value of the kept JSON; keys may be added,
* the CSV has every column of the kept one, with the same cells,
* the stored report is unchanged and the ledger gives its figures (`nines report verify`),
* tables in SQL have the kept rows; columns may be added,
* the service starts on the data, and then the events and messages that were there have the same bytes, and all of
  the above still holds,
* a backup can be made and restored.
Texts of a report (HTML, Markdown, PDF) may change in a later version, so the kept ones are only compared as stored.
"""

import contextlib
import csv
import io
import json
import shutil
import sqlite3
import subprocess
import sys

from harness import ROOT, Nines, Workspace, binary, check, fetch, free_port, running, say, until

FIXTURES = ROOT / "tests/fixtures"
MONTH = "2026-10"


def lacks(kept, found, at=""):
    """Return the first place at which `found` lacks a key, an entry or a value of `kept`, or None."""
    if isinstance(kept, dict) and isinstance(found, dict):
        for key, value in kept.items():
            if key not in found:
                return f"{at}/{key} is missing"
            if problem := lacks(value, found[key], f"{at}/{key}"):
                return problem
        return None
    if isinstance(kept, list) and isinstance(found, list):
        if len(kept) != len(found):
            return f"{at} has {len(found)} entries, not {len(kept)}"
        problems = (lacks(*pair, f"{at}/{n}") for n, pair in enumerate(zip(kept, found)))
        return next(filter(None, problems), None)
    return None if kept == found else f"{at} is {found!r}, not {kept!r}"


def same(what, kept, found):
    problem = lacks(kept, found)
    check(problem is None, f"{what}: {problem}")


class Old(Nines):
    """A copy of a fixture."""

    def __init__(self, workspace, fixture):
        self.workspace, self.name, self.process = workspace, fixture.name, None
        self.program, self.kept, self.port = binary(), fixture / "expected", free_port()
        self.folder = workspace.folder / fixture.name
        shutil.copytree(fixture / "config", self.folder / "config")
        subprocess.run(["tar", "-C", self.folder, "-xzf", fixture / "data.tar.gz"], check=True)
        self.config, self.data = self.folder / "config/nines.toml", self.folder / "data"
        text = self.config.read_text()
        check("127.0.0.1:8081" in text, "the fixture has another private listener")
        self.config.write_text(text.replace("127.0.0.1:8081", f"127.0.0.1:{self.port}"))

    def rows(self):
        """Return the events and messages as they are stored."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/ledger.sqlite?mode=ro", uri=True)) as ledger:
            events = ledger.execute(
                "SELECT seq, at, recorded, kind, v, subject, by, how, data, hash FROM events ORDER BY seq").fetchall()
            messages = dict(ledger.execute("SELECT notice, message FROM messages").fetchall())
        return events, messages

    def answers(self):
        """Compare the answers of the program with those of the old version."""
        say(self.verify().splitlines()[0])
        seq = (self.kept / "seq").read_text().strip()
        report = ("report", MONTH, "--committee", "operations", "--seq", seq, "--format")
        same("report.json", json.loads((self.kept / "report.json").read_text()), json.loads(self.ask(*report, "json")))
        kept, found = (list(csv.DictReader(io.StringIO(text)))
                       for text in ((self.kept / "report.csv").read_text(), self.ask(*report, "csv")))
        check(kept, "report.csv has no row")
        same("report.csv", kept, found)
        say(self.ask("report", "verify").strip())
        for file in sorted(self.kept.glob("sql-*.json")):
            wanted = json.loads(file.read_text())
            # The start of the service may end the outage that went on.
            rows = [{key: cell for key, cell in row.items() if row.get("end") or key not in ("end", "restore_s")}
                    for row in wanted["rows"]]
            same(file.name, rows, self.json("sql", wanted["query"], "--since", MONTH)["rows"])
        # A message that waited may be sent, and a later message may be added.
        listed = {notice["notice"]: notice for notice in self.json("notice", "list")}
        ended = [notice for notice in json.loads((self.kept / "notices.json").read_text())
                 if notice["result"] != "queued"]
        check(ended, "notices.json has no notice that ended")
        for notice in ended:
            same(notice["notice"], notice, listed.get(notice["notice"], {}))


def read(workspace, fixture):
    say(f"-- {fixture.name}")
    old = Old(workspace, fixture)
    old.ask("check")
    events, messages = old.rows()
    mails = sorted((old.kept / "mails").glob("*.eml"))
    check(mails, "the fixture has no mail")
    for mail in mails:
        check(messages.get(int(mail.name.split("-")[0])) == mail.read_bytes(), f"{mail.name} is not in the ledger")
    old.answers()

    old.start(wait=False)
    until(120, "the service is not ready",
          lambda: running(old.process, old.name) and fetch(f"http://127.0.0.1:{old.port}/readyz"))
    until(60, "no probe ran", lambda: old.events("probe-down", "probe-first-result")[-1]["seq"] > len(events))
    old.stop()
    later, kept = old.rows()
    check(later[:len(events)] == events and len(later) > len(events), "the start changed events")
    check({notice: kept.get(notice) for notice in messages} == messages, "the start changed messages")
    old.answers()

    copy = old.folder / "backup"
    old.ask("backup", copy)
    old.ask("restore", copy, "--data", old.folder / "restored")
    old.data = old.folder / "restored"
    check(old.rows() == (later, kept), "the restored ledger differs")


def main():
    fixtures = sorted(path for path in FIXTURES.iterdir() if path.is_dir())
    check(fixtures, f"{FIXTURES} is empty")
    with Workspace(600) as workspace:
        for fixture in fixtures:
            read(workspace, fixture)
    say("old_version: ok")


if __name__ == "__main__":
    sys.exit(main())
