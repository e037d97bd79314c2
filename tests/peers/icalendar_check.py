"""The calendar of maintenance windows, read by a library that we did not write: PyPI's icalendar.

One system has a recurring window across both clock changes; two one-off windows are scheduled, one of them is moved
and then cancelled. After each act the exported file must be valid, keep the ids, raise the sequence, and be the same
bytes when it is exported again.
"""

import datetime
import subprocess
import sys
import zoneinfo

from harness import Nines, Workspace, check, free_port, python_with, say

UTC = datetime.timezone.utc

ZONE = zoneinfo.ZoneInfo("America/Los_Angeles")

SYSTEM = """[[probe]]
name     = "page"
kind     = "tcp"
host     = "127.0.0.1"
port     = {port}
interval = "1h"

[[maintenance]]
title        = "Weekly update; Wednesdays, at night"
days         = ["wed"]
start        = "21:00"
length       = "2h"
zone         = "America/Los_Angeles"
max_downtime = "5m"
agreed       = 2024-03-01
"""

TITLE = "Umzug der Röntgen-Datenbank; Teil 1, \\ geplant für die ganze Nacht 東京"


def events(text):
    """Return the events of a file by their ids, and its method, as the library reads them."""
    import icalendar
    for line in text.split(b"\r\n"):
        check(len(line) <= 75, f"a line has {len(line)} bytes")
        check(b"\n" not in line, "a line ends without CR")
    calendar = icalendar.Calendar.from_ical(text)
    check(not calendar.errors, calendar.errors)
    check(str(calendar["VERSION"]) == "2.0" and calendar["PRODID"], "a calendar needs VERSION and PRODID")
    found = {}
    for event in calendar.walk("VEVENT"):
        check(not event.errors, event.errors)
        for key in ("UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS", "SUMMARY"):
            check(key in event, f"an event lacks {key}")
        for key in ("DTSTAMP", "DTSTART", "DTEND", "CREATED", "LAST-MODIFIED"):
            check(event[key].dt.utcoffset() == datetime.timedelta(0), f"{key} is not in UTC")
        check(event["DTSTART"].dt < event["DTEND"].dt, "an event ends before it starts")
        check(str(event["UID"]) not in found, "two events have one id")
        found[str(event["UID"])] = event
    return found, str(calendar["METHOD"])


def export(nines, *more):
    """Export twice, compare the bytes, and return the events and the method."""
    out = nines.folder / "windows.ics"
    nines.ask("maintenance", "export", "--out", out, *more)
    first = out.read_bytes()
    nines.ask("maintenance", "export", "--out", out, *more)
    check(out.read_bytes() == first, "the same ledger gives other bytes")
    return events(first)


def main():
    with Workspace(120) as workspace:
        nines = Nines(workspace, "calendar", [free_port()], {},
                      {name: SYSTEM.format(port=free_port()) for name in ("portal", "results")})
        nines.start()
        nines.stop()
        day = datetime.datetime.now(UTC).replace(microsecond=0, second=0) + datetime.timedelta(days=10)
        end = day + datetime.timedelta(hours=3)
        for window in ("move", "other"):
            nines.ask("maintenance", "schedule", window, "--system", "portal", "--title", TITLE, "--impact",
                      "Sign-in fails.", "--start", day.isoformat(), "--end", end.isoformat(), "--by", "kim")
        found, method = export(nines)
        check(method == "PUBLISH", method)
        move = next(event for uid, event in found.items() if uid.startswith("move@"))
        check(str(move["SUMMARY"]) == f"{TITLE} (Portal)", str(move["SUMMARY"]))
        check(str(move["DESCRIPTION"]) == "Systems: Portal\nSign-in fails.", str(move["DESCRIPTION"]))
        check((move["DTSTART"].dt, move["DTEND"].dt) == (day, end), "the times of the window")
        check(move["SEQUENCE"] == 0 and str(move["STATUS"]) == "CONFIRMED", "a new window")

        weekly = [event for uid, event in found.items() if uid.startswith("portal/")]
        check(56 <= len(weekly) <= 58, f"{len(weekly)} occurrences in thirteen months")
        for event in weekly:
            local = event["DTSTART"].dt.astimezone(ZONE)
            check((local.strftime("%a %H:%M"), event["DTEND"].dt - event["DTSTART"].dt)
                  == ("Wed 21:00", datetime.timedelta(hours=2)), f"an occurrence at {local}")
            check(str(event["UID"]).startswith(f"portal/weekly-update-wednesdays-at-night@{local:%Y-%m-%d}@"),
                  str(event["UID"]))
        check(len({event["DTSTART"].dt.hour for event in weekly}) == 2, "no clock change within thirteen months")

        later = end + datetime.timedelta(hours=1)
        nines.ask("maintenance", "extend", "move", "--end", later.isoformat(), "--by", "kim")
        moved = export(nines)[0][str(move["UID"])]
        check(moved["SEQUENCE"] == 1 and moved["DTEND"].dt == later, "a moved window")
        nines.ask("maintenance", "cancel", "move", "--reason", "The disks are late", "--by", "kim")
        gone = export(nines, "--system", "portal")[0][str(move["UID"])]
        check(gone["SEQUENCE"] == 2 and str(gone["STATUS"]) == "CANCELLED", "a cancelled window")
        check(gone["DTSTAMP"].dt >= moved["DTSTAMP"].dt, "the stamp goes back")
        removing, method = export(nines, "--cancelled")
        check(method == "CANCEL" and list(removing) == [str(move["UID"])], "the file that removes it")
        others = export(nines, "--system", "results")[0]
        check(others and all(uid.startswith("results/") for uid in others), "the windows of one system")
        unknown = subprocess.run(nines.command("maintenance", "export", "--system", "reslts"),
                                 capture_output=True, text=True, timeout=30)
        check(unknown.returncode == 1 and "did you mean `results`?" in unknown.stderr, unknown.stderr)
        say(f"{len(found)} events valid for icalendar; id kept, SEQUENCE 0, 1, 2 and CANCELLED; same bytes twice")


if __name__ == "__main__":
    python = python_with("icalendar")
    if python != sys.executable and "--again" not in sys.argv:
        sys.exit(subprocess.run([python, "-B", __file__, "--again"]).returncode)
    main()
