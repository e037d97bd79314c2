"""The process is suspended (SIGSTOP) while its target is up, and again during an outage.

Checks that each suspension is unknown time of its own length, to one interval, and that the outage stays
one outage with one pair of notices. Each suspension takes 45 seconds, or three minutes with NINES_LONG=1.
"""

import os
import signal
import time

from harness import (Workspace, Nines, become, calm_zone, check, clock, free_port, instant, mails, metric,
                   say, until)

STOP_S = 180 if os.environ.get("NINES_LONG") == "1" else 45
INTERVAL_S = 2
# The stall detector looks once a second, and a busy machine is late.
SLACK_S = 1.5

PROBE = """[[probe]]
name           = "front"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "2s"
timeout        = "2s"
retry_interval = "1s"
"""


def suspend(nines, what):
    """Suspend the process for STOP_S seconds; return the true span."""
    stopped_at = time.time()
    nines.process.send_signal(signal.SIGSTOP)
    time.sleep(STOP_S)
    nines.process.send_signal(signal.SIGCONT)
    resumed_at = time.time()
    say(f"suspended {what} from {clock(stopped_at)} to {clock(resumed_at)}")
    until(20, "the ledger has no monitoring gap", lambda: [
        e for e in nines.events("monitoring-gap") if e["data"]["cause"] == "stalled"
        and instant(e["data"]["span"]["to"]) > resumed_at - 2])
    return stopped_at, resumed_at


def samples_since(nines, more):
    """Wait for so many more samples."""
    def taken():
        return metric(nines.page(), "nines_probe_samples_total") or 0
    target = taken() + more
    until(60, "no more samples", lambda: taken() >= target, every=0.3)


def unknown(nines, report, stop, what):
    """Check the unknown span around a suspension; return its length."""
    since, till = stop
    around = [s for s in report["unknown"] if instant(s["from"]) < till and instant(s["to"]) > since]
    check(len(around) == 1, f"suspended {what}: {len(around)} unknown spans instead of one: {around}")
    start, end = instant(around[0]["from"]), instant(around[0]["to"])
    say(f"  suspended {what} for {till - since:.1f} s; unknown {around[0]['from']} to"
        f" {around[0]['to']}, {end - start:.0f} s ({start - since:+.1f} s, {end - till:+.1f} s)")
    near = INTERVAL_S + SLACK_S
    check(abs(start - since) <= near, f"unknown begins {start - since:+.1f} s from the suspension")
    check(abs(end - till) <= near, f"unknown ends {end - till:+.1f} s from the resumption")
    check(abs((end - start) - (till - since)) <= near, "the unknown time is not as long as the suspension")
    return end - start


def run(workspace):
    port, relay = free_port(), free_port()
    zone, month = calm_zone()
    spool = workspace.aiosmtpd(relay)
    target = workspace.target("target", port)
    nines = Nines(workspace, "nines", [relay], {"clinic": (["it@clinic.example"], ["portal"])},
                  {"portal": PROBE.format(port=port)}, zone=zone)
    nines.start()
    samples_since(nines, 5)
    while_up = suspend(nines, "while up")
    samples_since(nines, 4)
    check(not nines.events("outage-opened"), "a suspension while up became an outage")

    become(target, "status")
    nines.event(20, "outage-opened")
    until(20, "no downtime mail", lambda: mails(spool))
    samples_since(nines, 3)
    while_down = suspend(nines, "during an outage")
    samples_since(nines, 4)
    become(target, "ok")
    nines.event(20, "outage-closed")
    until(20, "no uptime mail", lambda: len(mails(spool)) == 2)
    check((metric(nines.page(), "nines_stalls_total") or 0) == 2, "two suspensions are not two stalls")
    nines.stop()
    say(f"verify: {nines.verify()}")

    report = nines.report(month)
    line, outages = report["systems"][0], report["outages"]
    lengths = [unknown(nines, report, while_up, "while up"),
               unknown(nines, report, while_down, "during an outage")]
    check(len(outages) == 1 and line["outages"] == 1, f"{len(outages)} outages: it was split")
    outage = outages[0]
    changes, _ = workspace.truth("target")
    went_down, came_up = [at for at, _ in changes[1:3]]
    say(f"  outage {outage['start']} to {outage['end']}, actually {clock(went_down)} to"
        f" {clock(came_up)}; unplanned {outage['unplanned_s']} s, unknown {outage['unknown_s']} s")
    for edge, truth in (("start", went_down), ("end", came_up)):
        said = instant(outage[edge])
        check(int(truth) <= said <= truth + INTERVAL_S + SLACK_S, f"the {edge} is wrong")
    check(outage["unknown_s"] == lengths[1], "the unknown time of the outage is not that of the suspension")
    check(outage["unplanned_s"] + outage["unknown_s"]
          == instant(outage["end"]) - instant(outage["start"]), "the classes of the outage do not add up")
    first = [s for s in report["unknown"] if instant(s["to"]) < while_up[0]]
    before = sum(instant(s["to"]) - instant(s["from"]) for s in first)
    after = sum(instant(s["to"]) - instant(s["from"]) for s in report["unknown"]) - before - sum(lengths)
    say(f"  unknown in total {line['unknown_s']} s: {before:.0f} s before the first sample,"
        f" {sum(lengths):.0f} s of suspensions, {after:.0f} s otherwise")
    check(before + after <= 2 * (INTERVAL_S + SLACK_S), "there is more unknown time than the suspensions")
    kinds = [notice["kind"] for notice in nines.notices().values()]
    check(kinds == ["downtime", "uptime"], f"notices {kinds} instead of one pair")
    found = mails(spool)
    check(len(found) == 2, f"{len(found)} mails instead of two")
    say(f"  mails: {[mail.subject for mail in found]}")
    say("suspended process: passed")


if __name__ == "__main__":
    with Workspace(limit_s=180 + 2 * STOP_S) as here:
        run(here)
