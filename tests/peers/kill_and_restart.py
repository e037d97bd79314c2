"""Kills the service (SIGKILL) at random moments while two systems fail and recover, and restarts it.

The logs of the targets and the stored mails are the truth. Checks after each kill that the ledger is
intact, and at the end that:
* every outage that the service had time to confirm is in the ledger, with the right start and end;
* every affected address got its `downtime` and `uptime` notice, or one notice that says both;
* the ledger has no outage that the targets did not have;
* a mail that arrived twice has the same Message-ID and the same bytes;
* the last mail to each address about each system says that the system is up.
The mail server answers slowly, and some kills wait for a delivery under way, so that they hit it between the
last byte of a message and the answer.

`NINES_KILLS` (50) and `NINES_SEED` (random, printed) can be set.
"""

import collections
import os
import random
import time

from harness import (Workspace, Nines, Failed, become, calm_zone, check, clock, fetch, free_port, instant,
                   mails, running, say, until)

KILLS = int(os.environ.get("NINES_KILLS", "50"))
SEED = int(os.environ.get("NINES_SEED", str(random.SystemRandom().randrange(1_000_000))))
SYSTEMS = ("portal", "results")
CUSTOMERS = {"alpha": (["ops@alpha.example"], ["portal"]),
             "beta": (["ops@beta.example"], ["results"]),
             "gamma": (["ops@gamma.example", "night@gamma.example"], ["portal", "results"])}
FAILURES = 2
INTERVAL_S = 1
# A run of samples continues across a gap of two and a half intervals.
SLACK_S = 2.5 * INTERVAL_S
# The mail server answers so long after it stored a message.
REPLY_S = 0.4
# Longer than a commit takes on a busy machine: samples of the last moments before a kill need not be
# durable.
SETTLED_S = 1.5

# Without flapping each outage has its own pair of mails.
PROBE = """flap_limit = 0
[[probe]]
name           = "front"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "1s"
timeout        = "1s"
retry_interval = "500ms"
failures       = %d
recoveries     = 2
""" % FAILURES


def script(rng, ill, seconds):
    """Return a script of good and bad periods of a few seconds; some are too short to confirm."""
    steps, total = [], 0.0
    while total < seconds:
        well = rng.uniform(4, 14)
        bad = rng.choice([rng.uniform(0.4, 1.2), rng.uniform(5, 12), rng.uniform(8, 25)])
        steps += [f"ok:{well:.2f}", f"{ill}:{bad:.2f}"]
        total += well + bad
    return ",".join([*steps, "ok"])


def mailing(nines):
    """Return True while a delivery attempt is under way."""
    attempted, ended = 0, 0
    for event in nines.events("delivery-attempted", "delivery-ended"):
        attempted += event["kind"] == "delivery-attempted"
        ended += event["kind"] == "delivery-ended"
    return attempted > ended


def wait_for_mail(nines, rng):
    """Wait up to 7 s for a delivery under way, then a random moment more."""
    limit = time.monotonic() + 7
    while time.monotonic() < limit and not mailing(nines):
        time.sleep(0.02)
    time.sleep(rng.uniform(0, REPLY_S))


def run_and_kill(nines, rng):
    """Start and kill the service KILLS times, then leave it running; return the span of each run."""
    runs = []
    for number in range(1, KILLS + 1):
        since = time.time()
        nines.start(wait=False)
        # Most kills hit a busy service; some hit its start.
        time.sleep(rng.choice([rng.uniform(0.05, 1.0), rng.uniform(1.0, 9.0)]))
        if number % 4 == 0:
            wait_for_mail(nines, rng)
        nines.kill()
        till = time.time()
        runs.append((since, till))
        # A run that was killed before it created the ledger has nothing to verify.
        events = nines.events()
        if events:
            began = time.monotonic()
            nines.verify()
            took = time.monotonic() - began
            check([e["seq"] for e in events] == list(range(1, len(events) + 1)), "a gap in seq")
            say(f"  kill {number:2} after {till - since:4.1f} s: {len(events):4} events,"
                f" verify clean in {took:.1f} s")
    since = time.time()
    nines.start()
    runs.append((since, float("inf")))
    return runs


def true_outages(workspace, system):
    """Return the spans in which the target was bad, and its answers."""
    changes, answers = workspace.truth(system)
    spans, start = [], None
    for at, now in changes:
        if now == "ok" and start is not None:
            spans.append((start, at))
            start = None
        elif now != "ok" and start is None:
            start = at
    check(start is None, f"{system} is still bad")
    return spans, answers


def first_confirmable(span, answers, runs):
    """Return the first bad answer in the first run that had time to confirm the outage and to commit it, or
    None. A kill may lose earlier answers, but the outage must not begin later than this one."""
    for since, till in runs:
        bad = [at for at, said in answers if span[0] <= at <= span[1] and since <= at <= till]
        if len(bad) >= FAILURES and bad[FAILURES - 1] + SETTLED_S < till:
            return bad[0]
    return None


def recorded(nines):
    """Return the outages of the ledger: number → system, start, end."""
    outages = {}
    for event in nines.events("outage-opened", "outage-closed"):
        data = event["data"]
        if event["kind"] == "outage-opened":
            outages[data["outage"]] = [data["system"], instant(data["start"]), None]
        else:
            number = data["outage"]
            outages[number][2] = instant(data["end"])
            outages[number].append(data["unobserved"])
    return outages


def match(workspace, nines, runs):
    """Check that each outage in the ledger is true and that each confirmable outage is there."""
    outages = recorded(nines)
    seen = collections.Counter()
    for system in SYSTEMS:
        spans, answers = true_outages(workspace, system)
        mine = {n: o for n, o in outages.items() if o[0] == system}
        for number, (_, start, end, unobserved) in mine.items():
            inside = [s for s in spans if s[0] - 0.01 <= start <= s[1]]
            check(inside, f"O-{number} of {system} starts at {clock(start)}, when the target was good")
            # A sample is dated at its start, and the target logs its answer after that. So the outage
            # begins no later than the first bad answer that a run could confirm.
            first = first_confirmable(inside[0], answers, runs)
            check(first is None or start <= first + 0.01,
                  f"O-{number} of {system} starts at {clock(start)}, {start - (first or 0):.2f} s"
                  " after a bad answer that no kill lost")
            # An outage spans several bad periods if the service was down in between.
            last = max(s[1] for s in spans if s[0] <= max(end, inside[0][1]))
            check(end <= last + SLACK_S + 0.5 or unobserved or absent(runs, last, end),
                  f"O-{number} of {system} ends at {clock(end)}, {end - last:.1f} s too late")
        for span in spans:
            needed = first_confirmable(span, answers, runs) is not None
            found = [n for n, o in mine.items() if o[1] <= span[1] and (o[2] or 0) >= span[0]]
            check(found or not needed,
                  f"{system} was bad from {clock(span[0])} to {clock(span[1])}, long enough to confirm,"
                  " and the ledger has no outage")
            seen["confirmed" if found else "too short, or not monitored"] += 1
    return outages, seen


def absent(runs, since, till):
    """Return True if the service was killed in between."""
    return any(since - SLACK_S <= end <= till for _, end in runs)


def latest(notice):
    """Return the outages that a notice is about: the last one of each system. It only repeats the others."""
    last = {}
    for affected in notice["affected"]:
        last[affected["system"]] = affected
    down = notice["kind"] != "uptime"
    return {a["outage"] for a in last.values() if not (down and a["to"])}


def covers(notice):
    """Return every outage that a notice tells of. A row may join several outages that were one downtime."""
    return {outage for a in notice["affected"] for outage in (a["outage"], *a["joined"])}


def summary(notice):
    """Return a notice in short, for a message."""
    affected = [(a["outage"], *a["joined"], "over" if a["to"] else "open") for a in notice["affected"]]
    return notice["kind"], affected, notice["includes_downtime"], notice["results"], notice["result"]


def told(nines, spool, outages):
    """Check that each affected address got two mails about each outage, or one that says both."""
    notices = nines.notices()
    kept = collections.defaultdict(list)
    for mail in mails(spool):
        kept[mail.id].append(mail)
    ours = {number for notice in notices.values() for number in notice["ids"]}
    check(set(kept) <= ours, f"mails that are not in the ledger: {set(kept) - ours}")
    repeated = 0
    for number, found in kept.items():
        check(len({mail.raw for mail in found}) == 1, f"{number} arrived with different bytes")
        repeated += len(found) - 1
    count = collections.Counter()
    for outage, (system, *_rest) in outages.items():
        for customer, (addresses, systems) in CUSTOMERS.items():
            for address in addresses if system in systems else ():
                theirs = [n for n in notices.values() if n["recipient"] == address]
                said = [n for n in theirs if outage in latest(n)]
                # Kills superseded the notice again and again: a later notice repeats the outage.
                later = [n for n in theirs if n not in said and any(i in kept for i in n["ids"])
                         and any(a["outage"] == outage and a["to"] for a in n["affected"])]
                # A downtime that was perhaps read listed it beside a later outage: one row of the recovery answers both.
                beside = {a["outage"] for n in theirs if n["kind"] == "downtime" and "ambiguous" in n["results"]
                          and outage in {a["outage"] for a in n["affected"]} for a in n["affected"]}
                later += [n for n in theirs if any(i in kept for i in n["ids"])
                          and any(outage in a["joined"] and a["outage"] in beside and a["to"]
                                  for a in n["affected"])]
                arrived = [n for n in said if any(i in kept for i in n["ids"])]
                # A kill made a notice ambiguous that arrived. Before it was sent once more, a later one said the same and more.
                repeats = lambda n: [o for o in arrived if o["kind"] == n["kind"] and covers(n) < covers(o)]
                arrived = [n for n in arrived if not (n["result"] == "ambiguous" and repeats(n))]
                kinds = sorted(n["kind"] for n in arrived)
                says_both = [n for n in arrived if n["kind"] == "uptime" and n["includes_downtime"]]
                # A kill made the downtime notice ambiguous, or the recovery notice covers several outages and
                # the address may know of the first: then the recovery notice lists all of them.
                covered = {o for n in arrived if n["kind"] == "uptime" for o in covers(n)}
                may_know = [n for n in theirs if n["kind"] == "downtime" and covered & latest(n)
                            and (n["result"] == "sent" or "ambiguous" in n["results"])]
                whole = (kinds == ["downtime", "uptime"]
                         or kinds == ["uptime"] and (says_both or may_know)
                         or kinds in ([], ["downtime"], ["uptime"]) and later)
                check(whole, f"O-{outage} of {system}: {customer}'s {address} got {kinds}; the "
                             f"ledger has {[summary(n) for n in theirs if outage in covers(n)]}")
                count["pair" if len(kinds) == 2 else "one notice that says both" if says_both
                      else "repeated by a later notice" if later
                      else "in the uptime of an earlier outage"] += 1
                order = [mail.path.name for kind in kinds for n in arrived if n["kind"] == kind
                         for mail in kept[next(iter(n["ids"]))][:1]]
                check(order == sorted(order), f"O-{outage}: uptime came before downtime")
    return count, repeated, len(kept)


def check_last_mails(nines, spool, outages):
    """Check that the last mail to each address about each system says that it is up."""
    by_mail = {i: notice for notice in nines.notices().values() for i in notice["ids"]}
    last = {}
    for mail in mails(spool):
        notice = by_mail[mail.id]
        for system in {a["system"] for a in notice["affected"]}:
            last[notice["recipient"], system] = (mail.path.name, notice)
    check(all(o[2] is not None for o in outages.values()), "an outage is still open")
    for system in {o[0] for o in outages.values()}:
        for addresses, systems in CUSTOMERS.values():
            for address in addresses if system in systems else ():
                name, notice = last[address, system]
                open_still = [a["outage"] for a in notice["affected"]
                              if a["system"] == system and a["to"] is None]
                check(not open_still, f"{system} is up, and {name}, the last mail about it to"
                                      f" {address}, is a {notice['kind']} that says it is down")
    return len(last)


def run(workspace):
    say(f"NINES_SEED={SEED} NINES_KILLS={KILLS}")
    rng = random.Random(SEED)
    zone, month = calm_zone()
    relay = free_port()
    spool = workspace.aiosmtpd(relay, REPLY_S)
    ports = {system: free_port() for system in SYSTEMS}
    nines = Nines(workspace, "nines", [relay], CUSTOMERS,
                  {s: PROBE.format(port=port) for s, port in ports.items()}, zone=zone, gather="2s")
    length = KILLS * 5
    targets = {s: workspace.target(s, ports[s], script(rng, ill, length))
               for s, ill in zip(SYSTEMS, ("status", "drop"))}
    runs = run_and_kill(nines, rng)

    for target in targets.values():
        become(target, "ok")
    say("no more kills; both systems are good, and the service may finish its work")

    def finished():
        running(nines.process, "nines")
        return all(len(o) == 4 for o in recorded(nines).values()) and not nines.pending()
    # An ambiguous delivery is sent again after a minute.
    until(200, lambda: "outages or notices are still open: "
          f"{[n for n in nines.notices().values() if n['open']][:3]}", finished, every=0.5)
    check(fetch(f"http://127.0.0.1:{nines.port}/readyz"), "the last run is not ready")
    nines.stop()
    say(f"verify: {nines.verify()}")

    outages, seen = match(workspace, nines, runs)
    count, repeated, distinct = told(nines, spool, outages)
    words = check_last_mails(nines, spool, outages)
    if not outages:
        raise Failed("no outage happened: choose another seed")
    report = nines.report(month)
    check(len(report["outages"]) == len(outages), "the report and the ledger differ in outages")
    say(f"  {KILLS} kills; bad periods of the targets: {dict(seen)}; outages {len(outages)}")
    say(f"  the last mail is right for {words} pairs of address and system")
    say(f"  told: {dict(count)}; {distinct} mails, {repeated} of them arrived twice with the same"
        " Message-ID and bytes")
    ends = collections.Counter(r for n in nines.notices().values() for r in n["results"])
    say(f"  ends of attempts for {len(nines.notices())} notices: {dict(ends)}")
    check(ends["ambiguous"] or KILLS < 20, "no kill hit a delivery under way: choose another seed")
    say("kill and restart: passed")


if __name__ == "__main__":
    with Workspace(limit_s=KILLS * 10 + 300) as here:
        run(here)
