"""Runs the service for 90 seconds against a scripted target, then simulates the same script.

Checks that both give the same events in the same order, each within one interval of the other; the same
notices with the same results; and the same outages in the report.
"""

import json
import time

from harness import (Workspace, Nines, become, calm_zone, check, free_port, instant, mails, say, until,
                   written)

INTERVAL_S = 2
LIVE_S = 90
PROBE = """[[probe]]
name           = "front"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "2s"
timeout        = "1s"
retry_interval = "1s"
expect         = {{ status = 200, degraded_after = "200ms" }}
"""

# Seconds after a request of the probe, always half way between two possible starts, so that both runs see
# the same answers: a blip, an outage, a slow period, another outage.
SCRIPT = ((5.5, "status"), (6.5, "ok"), (14.5, "status"), (32.5, "ok"), (40.5, "slow"),
          (52.5, "ok"), (60.5, "drop"), (74.5, "ok"))
ACKNOWLEDGED = 24.5
OUTCOMES = {"status": ("down", "status"), "drop": ("down", "protocol"), "slow": ("degraded", "slow")}


def live(workspace, nines, target):
    """Run the service while the target follows the script."""
    nines.start()
    asked = until(15, "the probe sends no request", lambda: workspace.truth("target")[1][2:])[-1][0]
    acknowledged = False
    for after, behaviour in SCRIPT:
        if after > ACKNOWLEDGED and not acknowledged:
            time.sleep(max(0.0, asked + ACKNOWLEDGED - time.time()))
            nines.ask("incident", "ack", "portal", "--by", "on-call")
            acknowledged = True
        time.sleep(max(0.0, asked + after - time.time()))
        become(target, behaviour)
    started = instant(nines.events("started")[0]["at"])
    time.sleep(max(0.0, started + LIVE_S - time.time()))
    until(10, "a notice is still pending",
          lambda: not nines.pending())
    nines.stop()


def scenario(workspace, nines):
    """Write the same script as a scenario, from the log of the target; return its path."""
    started = instant(nines.events("started")[0]["at"])
    acknowledged = nines.events("incident-acknowledged")[0]
    changes, _ = workspace.truth("target")
    lines = [f'config = "{nines.config}"', f'start = "{written(started)}"',
             f'end = "{written(started + LIVE_S + 5)}"', "seed = 7"]
    for (since, behaviour), (till, _) in zip(changes[1:], changes[2:]):
        if behaviour in OUTCOMES:
            outcome, reason = OUTCOMES[behaviour]
            lines += ["[[fault]]", 'system = "portal"', f'from = "{written(since)}"',
                      f'to = "{written(till)}"', f'outcome = "{outcome}"', f'reason = "{reason}"']
    lines += ["[[act]]", f'at = "{written(instant(acknowledged["at"]))}"',
              f'by = "{acknowledged["by"]}"', 'do = "acknowledge"', 'system = "portal"']
    path = workspace.folder / "scenario.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def timeline(events):
    """Return kind, subject and seconds since the start of the service for each event until its stop."""
    begun = next(e for e in events if e["kind"] == "started")
    since = instant(begun["at"])
    return [(e["kind"], e["subject"], instant(e["at"]) - since) for e in events
            if e["seq"] > begun["seq"] and e["kind"] not in ("stopped", "day-closed", "latencies-rolled-up")
            and instant(e["at"]) - since <= LIVE_S]


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def same_timeline(lived, played):
    for number, (ours, theirs) in enumerate(zip(lived, played), start=1):
        apart = ours[2] - theirs[2]
        say(f"  {ours[2]:7.3f} s live {theirs[2]:7.3f} s simulated  {ours[0]} {ours[1]}")
        check(ours[:2] == theirs[:2],
              f"event {number}: live {ours[:2]}, simulated {theirs[:2]}")
        check(abs(apart) <= INTERVAL_S, f"event {number} differs by {apart:+.3f} s")
    check(len(lived) == len(played),
          f"{len(lived)} events live and {len(played)} simulated: "
          f"{(lived + played)[min(len(lived), len(played)):][:4]}")


def same_report(nines, out, month):
    ours = nines.report(month)
    path = out / "reports" / f"operations-{month}.json"
    theirs = json.loads(path.read_text())
    check(len(ours["outages"]) == len(theirs["outages"]) == 2, "not two outages in both reports")
    for live_one, played_one in zip(ours["outages"], theirs["outages"]):
        for edge in ("start", "end", "detected"):
            apart = instant(live_one[edge]) - instant(played_one[edge])
            check(abs(apart) <= INTERVAL_S, f"the {edge} of the outage differs by {apart:+.0f} s")
        say(f"  outage live {live_one['start']} to {live_one['end']}, simulated"
            f" {played_one['start']} to {played_one['end']}")
    for key in ("blips", "outages"):
        check(ours["systems"][0][key] == theirs["systems"][0][key], f"`{key}` differs")


def run(workspace):
    port, relay = free_port(), free_port()
    zone, month = calm_zone()
    spool = workspace.aiosmtpd(relay)
    target = workspace.target("target", port)
    nines = Nines(workspace, "live", [relay], {"clinic": (["it@clinic.example"], ["portal"])},
                  {"portal": PROBE.format(port=port)}, zone=zone)
    live(workspace, nines, target)
    say(f"live: {nines.verify()}")

    out = workspace.folder / "rehearsal"
    begun = time.monotonic()
    nines.ask("simulate", scenario(workspace, nines), "--out", out)
    say(f"simulated in {time.monotonic() - begun:.1f} s")
    lived, played = timeline(nines.events()), timeline(read_lines(out / "timeline.jsonl"))
    same_timeline(lived, played)

    said = [(n["kind"], n["recipient"], [a["system"] for a in n["affected"]], "sent")
            for n in nines.notices().values()]
    rehearsed = [(n["kind"], n["recipient"], n["systems"], n["result"])
                 for n in read_lines(out / "notices.jsonl")]
    check(said == rehearsed, f"notices live {said}, simulated {rehearsed}")
    check([kind for kind, *_ in said] == ["downtime", "uptime"] * 2, f"notices {said}")
    sent = [mail.subject for mail in mails(spool)]
    check(len(sent) == 4, f"{len(sent)} mails instead of four")
    say(f"  mails of both: {sent}")
    same_report(nines, out, month)
    say(f"live and simulated: the same {len(lived)} events and {len(said)} notices")


if __name__ == "__main__":
    with Workspace(limit_s=LIVE_S + 120) as here:
        run(here)
