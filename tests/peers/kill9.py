"""kill -9, fifty times at random moments, while two systems fail and mend.

The truth is what the targets wrote about themselves and what the mail server keeps. Shown: after
each kill the ledger is whole; every outage that a life of the service saw long enough to confirm
is in the ledger, at its true place, with its `downtime` and `uptime` at every customer concerned
(or one folded notice that says both); nothing is in the ledger that the targets do not know of;
a mail that came twice has one Message-ID and the same bytes; the last mail about a system that an
address got says that it is up, which it is. The mail server answers slowly, and
some kills wait for a message that is under way, so that mails are cut off between their last byte
and its reply.

`NINES_KILLS` (50) and `NINES_SEED` (random, printed) can be set.
"""

import collections
import os
import random
import time

from house import (House, Nines, Failed, become, calm_zone, check, clock, fetch, free_port, instant,
                   mails, running, say, until)

KILLS = int(os.environ.get("NINES_KILLS", "50"))
SEED = int(os.environ.get("NINES_SEED", str(random.SystemRandom().randrange(1_000_000))))
SYSTEMS = ("portal", "results")
CUSTOMERS = {"alpha": (["ops@alpha.example"], ["portal"]),
             "beta": (["ops@beta.example"], ["results"]),
             "gamma": (["ops@gamma.example", "night@gamma.example"], ["portal", "results"])}
FAILURES = 2
INTERVAL_S = 1
# A run goes on across a gap of two and a half intervals; an edge lies within one of the truth
# unless a kill took the sample that would have shown it.
SLACK_S = 2.5 * INTERVAL_S
# How long the mail server takes to answer a message that it has kept.
REPLY_S = 0.4
# Longer than a commit takes on a busy machine: what a life saw within so long before it was
# killed need not be durable.
SETTLED_S = 1.5

# Each outage is to have its own pair of mails, however often the systems fail.
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


def script(chance, ill, seconds):
    """A target's life: well and ill by turns, each a few seconds, some too short to confirm."""
    steps, total = [], 0.0
    while total < seconds:
        well = chance.uniform(4, 14)
        bad = chance.choice([chance.uniform(0.4, 1.2), chance.uniform(5, 12), chance.uniform(8, 25)])
        steps += [f"ok:{well:.2f}", f"{ill}:{bad:.2f}"]
        total += well + bad
    return ",".join([*steps, "ok"])


def mailing(nines):
    """Whether an attempt to deliver has begun and not ended."""
    attempted, ended = 0, 0
    for event in nines.events("delivery-attempted", "delivery-ended"):
        attempted += event["kind"] == "delivery-attempted"
        ended += event["kind"] == "delivery-ended"
    return attempted > ended


def wait_for_mail(nines, chance):
    """Waits, but not long, until this life has a message under way; then a moment more."""
    limit = time.monotonic() + 7
    while time.monotonic() < limit and not mailing(nines):
        time.sleep(0.02)
    time.sleep(chance.uniform(0, REPLY_S))


def lives_of(nines, chance):
    """Kills it again and again; each life's true span. The last life is left running."""
    lives = []
    for number in range(1, KILLS + 1):
        since = time.time()
        nines.start(wait=False)
        # Most kills hit a life that watches and mails; some hit its very start.
        time.sleep(chance.choice([chance.uniform(0.05, 1.0), chance.uniform(1.0, 9.0)]))
        if number % 4 == 0:
            wait_for_mail(nines, chance)
        nines.kill()
        till = time.time()
        lives.append((since, till))
        # Killed before it had a ledger there is nothing to verify.
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
    lives.append((since, float("inf")))
    return lives


def true_outages(house, system):
    """The spans in which the target was ill, and its answers."""
    changes, answers = house.truth(system)
    spans, start = [], None
    for at, now in changes:
        if now == "ok" and start is not None:
            spans.append((start, at))
            start = None
        elif now != "ok" and start is None:
            start = at
    check(start is None, f"{system} is still ill")
    return spans, answers


def surely_seen(span, answers, lives):
    """The first bad answer to the first life that was given enough of them in time to make them
    durable; none where no life was. What was ill before it, a kill may have taken, but nothing may
    make the outage begin after it."""
    for since, till in lives:
        bad = [at for at, said in answers if span[0] <= at <= span[1] and since <= at <= till]
        if len(bad) >= FAILURES and bad[FAILURES - 1] + SETTLED_S < till:
            return bad[0]
    return None


def recorded(nines):
    """The ledger's outages: number → system, start, end."""
    outages = {}
    for event in nines.events("outage-opened", "outage-closed"):
        data = event["data"]
        if event["kind"] == "outage-opened":
            outages[event["seq"]] = [data["system"], instant(data["start"]), None]
        else:
            number = data["outage"]
            outages[number][2] = instant(data["end"])
            outages[number].append(data["unobserved"])
    return outages


def match(house, nines, lives):
    """Every outage of the ledger is true, and every true one that had to be seen is there."""
    outages = recorded(nines)
    seen = collections.Counter()
    for system in SYSTEMS:
        spans, answers = true_outages(house, system)
        mine = {n: o for n, o in outages.items() if o[0] == system}
        for number, (_, start, end, unobserved) in mine.items():
            inside = [s for s in spans if s[0] - 0.01 <= start <= s[1]]
            check(inside, f"O-{number} of {system} starts at {clock(start)}, when it was well")
            # A sample is dated at its start, and the target notes its answer after that: so the
            # outage begins at the first bad answer, at most an interval and the time that
            # the service was away after the system fell ill.
            first = surely_seen(inside[0], answers, lives)
            check(first is None or start <= first + 0.01,
                  f"O-{number} of {system} starts at {clock(start)}, {start - (first or 0):.2f} s"
                  " after a bad answer that no kill took")
            # An outage may span several ill times, if nobody watched in between.
            last = max(s[1] for s in spans if s[0] <= max(end, inside[0][1]))
            check(end <= last + SLACK_S + 0.5 or unobserved or absent(lives, last, end),
                  f"O-{number} of {system} ends at {clock(end)}, {end - last:.1f} s too late")
        for span in spans:
            needed = surely_seen(span, answers, lives) is not None
            found = [n for n, o in mine.items() if o[1] <= span[1] and (o[2] or 0) >= span[0]]
            check(found or not needed,
                  f"{system} was ill {clock(span[0])} to {clock(span[1])}, long enough, and the"
                  " ledger has no outage")
            seen["confirmed" if found else "too short, or nobody watched"] += 1
    return outages, seen


def absent(lives, since, till):
    """Whether the service was down for a while in between."""
    return any(since - SLACK_S <= end <= till for _, end in lives)


def latest(notice):
    """The outages that a notice is about: of each system the last; the others it only repeats."""
    last = {}
    for affected in notice["affected"]:
        last[affected["system"]] = affected
    down = notice["kind"] != "uptime"
    return {a["outage"] for a in last.values() if not (down and a["to"])}


def told(nines, spool, outages):
    """Every outage's two mails, or one that says both, at every address concerned."""
    notices = nines.notices()
    kept = collections.defaultdict(list)
    for mail in mails(spool):
        kept[mail.id].append(mail)
    ours = {number for notice in notices.values() for number in notice["ids"]}
    check(set(kept) <= ours, f"mails that the ledger does not know: {set(kept) - ours}")
    repeated = 0
    for number, found in kept.items():
        check(len({mail.raw for mail in found}) == 1, f"{number} came with different bytes")
        repeated += len(found) - 1
    count = collections.Counter()
    for outage, (system, *_rest) in outages.items():
        for customer, (addresses, systems) in CUSTOMERS.items():
            for address in addresses if system in systems else ():
                theirs = [n for n in notices.values() if n["recipient"] == address]
                said = [n for n in theirs if outage in latest(n)]
                # What was cut off again and again is said once more by what comes after it.
                later = [n for n in theirs if n not in said and any(i in kept for i in n["ids"])
                         and any(a["outage"] == outage and a["to"] for a in n["affected"])]
                arrived = [n for n in said if any(i in kept for i in n["ids"])]
                kinds = sorted(n["kind"] for n in arrived)
                folded = [n for n in arrived if n["kind"] == "uptime" and n["folded"]]
                # Cut off before its first byte and pointless by now: nobody can know whether it
                # arrived, and the uptime says from when to when it was.
                unsure = [n for n in said if n["kind"] == "downtime"
                          and {"ambiguous", "folded"} <= set(n["results"])]
                whole = (kinds == ["downtime", "uptime"]
                         or kinds == ["uptime"] and (folded or unsure)
                         or kinds in ([], ["downtime"], ["uptime"]) and later)
                check(whole, f"O-{outage} of {system}: {customer}'s {address} got {kinds}; the "
                             f"ledger has {[(n['kind'], n['results']) for n in said]}")
                count["pair" if len(kinds) == 2 else "folded" if folded
                      else "said with a later one" if later
                      else "uptime alone, its downtime cut off"] += 1
                order = [mail.path.name for kind in kinds for n in arrived if n["kind"] == kind
                         for mail in kept[next(iter(n["ids"]))][:1]]
                check(order == sorted(order), f"O-{outage}: uptime came before downtime")
    return count, repeated, len(kept)


def last_word(nines, spool, outages):
    """Of every system, the last mail that an address was sent says that it is up, as it is."""
    by_mail = {i: notice for notice in nines.notices().values() for i in notice["ids"]}
    last = {}
    for mail in mails(spool):
        notice = by_mail[mail.id]
        for system in {a["system"] for a in notice["affected"]}:
            last[notice["recipient"], system] = (mail.path.name, notice)
    check(all(o[2] is not None for o in outages.values()), "an outage is open still")
    for system in {o[0] for o in outages.values()}:
        for addresses, systems in CUSTOMERS.values():
            for address in addresses if system in systems else ():
                name, notice = last[address, system]
                open_still = [a["outage"] for a in notice["affected"]
                              if a["system"] == system and a["to"] is None]
                check(not open_still, f"{system} is up, and {name}, the last mail about it to"
                                      f" {address}, is a {notice['kind']} that says it is down")
    return len(last)


def run(house):
    say(f"NINES_SEED={SEED} NINES_KILLS={KILLS}")
    chance = random.Random(SEED)
    zone, month = calm_zone()
    relay = free_port()
    spool = house.aiosmtpd(relay, REPLY_S)
    ports = {system: free_port() for system in SYSTEMS}
    nines = Nines(house, "nines", [relay], CUSTOMERS,
                  {s: PROBE.format(port=port) for s, port in ports.items()}, zone=zone, gather="2s")
    length = KILLS * 5
    targets = {s: house.target(s, ports[s], script(chance, ill, length))
               for s, ill in zip(SYSTEMS, ("status", "drop"))}
    lives = lives_of(nines, chance)

    for target in targets.values():
        become(target, "ok")
    say("all killed; both systems are well, and the last life may finish its work")

    def finished():
        running(nines.process, "nines")
        return all(len(o) == 4 for o in recorded(nines).values()) and not [
            n for n in nines.notices().values() if n["open"]]
    # What was cut off between its bytes and their reply is sent again after a minute.
    until(200, lambda: "outages or notices are open still: "
          f"{[n for n in nines.notices().values() if n['open']][:3]}", finished, every=0.5)
    check(fetch(f"http://127.0.0.1:{nines.port}/readyz"), "the last life is not ready")
    nines.stop()
    say(f"verify: {nines.verify()}")

    outages, seen = match(house, nines, lives)
    count, repeated, distinct = told(nines, spool, outages)
    words = last_word(nines, spool, outages)
    if not outages:
        raise Failed("no outage at all: nothing was shown")
    report = nines.report(month)
    check(len(report["outages"]) == len(outages), "the report's outages are not the ledger's")
    say(f"  {KILLS} kills; ill times of the targets: {dict(seen)}; outages {len(outages)}")
    say(f"  the last of {words} addresses and systems agree with what is so")
    say(f"  told: {dict(count)}; {distinct} mails, {repeated} of them came again with the same"
        " Message-ID and bytes")
    ends = collections.Counter(r for n in nines.notices().values() for r in n["results"])
    say(f"  ends of attempts for {len(nines.notices())} notices: {dict(ends)}")
    check(ends["ambiguous"] or KILLS < 20, "no kill hit a message under way: nothing was shown")
    say("killed at random: nothing lost, nothing doubled")


if __name__ == "__main__":
    with House(limit_s=KILLS * 10 + 300) as here:
        run(here)
