"""The wall clock of the running service is set by +1 s, -1 s, +1 h, -1 h, and by +400 days and back (Debian's libfaketime).

Around each step one system is down (`across`), one fails after it and recovers (`after`), and one is up all
the time (`calm`). The targets keep the true clock, so their logs tell the true durations.

Checks that the service goes on, counts each step, opens no outage because of a step, sends each notice once, and
that its figures are those of a model: time that the clock skipped or showed twice is unknown, all other time counts. The data of
+400 days has months of samples: a clock that is far ahead deletes at most one archive, and later months are archived.
"""

import datetime
import os
import pathlib
import re
import time

from harness import (CALM_ZONES, UTC, Workspace, Nines, become, calm_zone, check, clock, free_port, instant, mails,
                     metric, running, say, together, until)

DAY = 86_400
SYSTEMS = ("across", "after", "calm")
# An outage lasts this long before and after the step.
BEFORE_S, AFTER_S = 1.5, 2
# A sample a second: each end of an outage, and the first sample after a step, are late by one at most.
NEAR_S = 2.5

PROBE = """flap_limit = 0
[[probe]]
name           = "front"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "1s"
timeout        = "1s"
retry_interval = "500ms"
"""


def libfaketime():
    """Return the path of the library that changes a program's clock."""
    found = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    check(found, "libfaketime is missing (Debian's package faketime)")
    return found[0]


class Set(Nines):
    """A service with a wall clock of its own, which differs from the true one by `offset` seconds."""

    def __init__(self, workspace, name, relay, ports, zone):
        self.clock_file = workspace.folder / f"{name}.clock"
        self.offset, self.starts, self.zone = 0.0, 0, zone
        # The true instants between which the service ran with one offset, and that offset.
        self.lives = []
        customers = {f"{system}-{name}": ([self.address(name, system)], [system]) for system in SYSTEMS}
        super().__init__(workspace, name, [relay], customers,
                         {system: PROBE.format(port=ports[system]) for system in SYSTEMS}, zone=zone)
        self.write_offset()

    @staticmethod
    def address(name, system):
        return f"{system}@{name}.example"

    def command(self, *words):
        # The monotonic clock and the times of files stay true.
        return ["env", f"LD_PRELOAD={libfaketime()}", "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                "NO_FAKE_STAT=1", "FAKETIME_NO_CACHE=1", f"FAKETIME_TIMESTAMP_FILE={self.clock_file}",
                *super().command(*words)]

    def write_offset(self):
        # The service reads the file at each look at the clock, so it must never see half of it.
        new = self.clock_file.with_suffix(".new")
        new.write_text(f"{self.offset:+.3f}\n")
        os.replace(new, self.clock_file)

    def set_clock(self, by):
        """Set the wall clock by so many seconds; return the true instant."""
        self.offset += by
        self.write_offset()
        at = time.time()
        if self.lives and self.lives[-1][1] is None:
            self.lives[-1][1] = at
            self.lives.append([at, None, self.offset])
        return at

    def start(self, wait=True):
        self.starts += 1
        super().start(wait)
        self.lives.append([time.time(), None, self.offset])

    def stop(self):
        self.lives[-1][1] = time.time()
        super().stop()

    def shown(self, since, till):
        """Return the true span as spans of the service's wall clock, in order."""
        spans = []
        for begin, end, offset in self.lives:
            begin, end = max(begin, since), min(end or till, till)
            if begin < end:
                spans.append((begin + offset, end + offset))
        return spans

    def counted(self, since, till):
        """Return the seconds of a true span that a report of this moment counts: times that the wall clock showed once.
        Times after the present are in no report yet: the clock was set back, and will show them again."""
        total, present = 0, (self.lives[-1][1] or time.time()) + self.offset
        for start, end in self.shown(since, min(till, time.time())):
            end = min(end, present)
            overlaps = [(max(start, begin), min(end, over)) for begin, over in self.shown(0, time.time())]
            overlaps = sorted(span for span in overlaps if span[0] < span[1])
            # One of them is the span itself.
            if (start, end) in overlaps:
                overlaps.remove((start, end))
            for begin, over in overlaps:
                total, start = total + max(0, begin - start), max(start, over)
            total += max(0, end - start)
        return total

    def samples(self, more=2):
        """Wait for so many more samples of all probes."""
        taken = lambda: metric(self.page(), "nines_probe_samples_total") or 0
        goal = taken() + more * len(SYSTEMS)
        until(20, f"{self.name} takes no samples", lambda: running(self.process, self.name) and taken() >= goal)

    def month(self, ahead_s=0):
        """Return the month that the wall clock shows in the committee's zone."""
        zone = datetime.timezone(datetime.timedelta(hours=CALM_ZONES[self.zone]))
        return datetime.datetime.fromtimestamp(time.time() + self.offset + ahead_s, zone).strftime("%Y-%m")


class Scene:
    """The service of some steps, with its targets and mails."""

    def __init__(self, workspace, name, relay, spool, calm, zone):
        self.workspace, self.name, self.spool = workspace, name, spool
        ports = {"across": free_port(), "after": free_port(), "calm": calm}
        self.targets = {system: workspace.target(f"{name}-{system}", ports[system]) for system in SYSTEMS[:2]}
        self.nines = Set(workspace, name, relay, ports, zone)
        # The number of uptime mails about each system that were compared.
        self.compared = dict.fromkeys(SYSTEMS, 0)

    def mails(self, system):
        return [mail for mail in mails(self.spool) if self.nines.address(self.name, system) in mail.to]

    def turn(self, behaviour, *systems):
        """Let targets fail or recover, and wait for the mails."""
        # To parse every mail at each look would take the machine from the services.
        count = lambda system: sum(self.nines.address(self.name, system).encode() in path.read_bytes()
                                   for path in self.spool.glob("*.eml"))
        heard = {system: count(system) for system in systems}
        for system in systems:
            become(self.targets[system], behaviour)
        until(20, lambda: f"{self.name}: no mail about {systems} after {behaviour}",
              lambda: running(self.nines.process, self.name)
              and all(count(system) > heard[system] for system in systems), every=0.25)

    def step(self, by):
        """Set the clock while `across` is down; let `after` fail and recover after that."""
        nines = self.nines
        nines.samples(1)
        self.turn("status", "across")
        time.sleep(BEFORE_S)
        seen = nines.events()[-1]["seq"]
        at = nines.set_clock(by)
        # A step over 400 midnights closes 400 days first.
        gap = nines.event(60, "monitoring-gap", after=seen)
        check(gap["data"]["cause"] == "clock-stepped", f"{self.name}: the step is recorded as {gap['data']}")
        later = instant(gap["data"]["span"]["to"])
        check(abs(later - (at + nines.offset + max(0, -by))) < 2, f"{self.name}: the gap ends at {clock(later)}")
        nines.samples()
        opened = [e for e in nines.events("outage-opened") if e["seq"] > seen]
        check(not opened, f"{self.name}: the step opened {opened}")
        self.turn("status", "after")
        time.sleep(AFTER_S)
        self.turn("ok", "across", "after")
        nines.samples(1)
        check(metric(nines.page(), "nines_stalls_total") == 0, f"{self.name}: a step is counted as a stall")
        return at

    def truth(self):
        """Return the true outages in their order: system, begin, end."""
        spans = []
        for system in self.targets:
            changes, _ = self.workspace.truth(f"{self.name}-{system}")
            downs = [at for at, now in changes if now == "status"]
            ups = [at for at, now in changes[1:] if now == "ok"]
            check(len(downs) == len(ups), f"{self.name}: {system} is still down")
            spans += [(system, down, up) for down, up in zip(downs, ups)]
        return sorted(spans, key=lambda span: span[1])

    def figures(self, months):
        """Return the reports' sums over months: of the systems, and of the outages by number."""
        systems, outages = {}, {}
        for month in sorted(set(months)):
            report = self.nines.report(month)
            for line in report["systems"]:
                parts = ("up_s", "degraded_s", "planned_s", "excluded_s", "unplanned_s", "unknown_s")
                check(line["agreed_s"] == sum(line[part] for part in parts),
                      f"{self.name}: {line['system']} of {month} does not add up")
                sums = systems.setdefault(line["system"], dict.fromkeys(parts, 0))
                for part in parts:
                    sums[part] += line[part]
            for outage in report["outages"]:
                sums = outages.setdefault(int(outage["outage"][2:]), {"unplanned_s": 0, "unknown_s": 0})
                sums["unplanned_s"] += outage["unplanned_s"]
                sums["unknown_s"] += outage["unknown_s"]
        return systems, outages

    def check_figures(self, what, months, apart=True):
        """Compare the reports with the true outages; return what was seen. After the clock went far ahead and back,
        outages are not `apart`: by the wall clock, one lies within another."""
        nines, truth = self.nines, self.truth()
        systems, outages = self.figures(months)
        opened = {e["data"]["outage"]: e["data"]["system"] for e in nines.events("outage-opened")}
        check([opened[number] for number in sorted(opened)] == [system for system, _, _ in truth],
              f"{what}: the outages {opened} are not those of the targets, {truth}")
        seen = []
        for number, (system, down, up) in enumerate(truth, 1):
            found, wanted = outages.get(number, {"unplanned_s": 0, "unknown_s": 0}), nines.counted(down, up)
            line = f"{system} down {up - down:.1f} s, {wanted:.1f} s to count: {found['unplanned_s']} s unplanned"
            check(not apart or abs(found["unplanned_s"] - wanted) <= NEAR_S, f"{what}: O-{number} of {line}")
            seen += [line] if apart else []
        for system in self.targets:
            spans = [span for span in truth if span[0] == system]
            wanted, found = sum(nines.counted(down, up) for _, down, up in spans), systems[system]["unplanned_s"]
            line = f"{system} in {len(spans)} outages {wanted:.1f} s to count: {found} s unplanned"
            check(abs(found - wanted) <= NEAR_S * len(spans), f"{what}: {line}")
            seen += [] if apart else [line]
        watched = sum((end or time.time()) - begin for begin, end, _ in nines.lives)
        for system, sums in systems.items():
            monitored = sums["up_s"] + sums["unplanned_s"]
            check(monitored <= watched + NEAR_S and not (sums["degraded_s"] or sums["planned_s"] or sums["excluded_s"]),
                  f"{what}: {system} has {sums}, and the service ran for {watched:.0f} s")
        check(systems["calm"]["unplanned_s"] == 0, f"{what}: calm has downtime")
        return "; ".join(seen), systems

    def check_mails(self, what):
        """Check that each outage has one downtime and one uptime mail; return the downtimes that the new ones say."""
        said = []
        for system in SYSTEMS:
            found = self.mails(system)
            spans = [span[1:] for span in self.truth() if span[0] == system]
            kinds = [mail.subject.split(":")[0] for mail in found]
            check(kinds == ["DOWN", "RESTORED"] * len(spans), f"{what}: mails about {system}: {[m.subject for m in found]}")
            check(len({mail.id for mail in found}) == len(found), f"{what}: a mail about {system} came twice")
            new, self.compared[system] = self.compared[system], len(spans)
            for mail, (down, up) in list(zip(found[1::2], spans))[new:]:
                length = re.search(r"\(down (?:(\d+) min ?)?(?:(\d+) s)?\)", mail.subject)
                check(length, f"{what}: {mail.subject}")
                said.append(int(length[1] or 0) * 60 + int(length[2] or 0))
                check(abs(said[-1] - self.nines.counted(down, up)) <= NEAR_S, f"{what}: {mail.subject}, actually {up - down:.1f} s")
        return said

    def check_service(self, what):
        """Check that the service counted the steps and runs as it was started."""
        nines = self.nines
        running(nines.process, nines.name)
        starts = len(nines.events("started"))
        check(starts == nines.starts, f"{what}: {starts} starts instead of {nines.starts}")
        log = (self.workspace.folder / f"{self.name}.log").read_text()
        bad = [line for line in log.splitlines() if " ERROR " in line or "panicked" in line]
        check(not bad, f"{what}: {bad[:3]}")


def simple(scene, by, what):
    """A step in a service of its own."""
    nines = scene.nines
    nines.start()
    at = scene.step(by)
    counted = metric(nines.page(), "nines_clock_steps_total")
    check(counted == 1, f"{what}: nines_clock_steps_total is {counted}")
    if by == 1:
        # A clock that is off by half a second or less was not set.
        nines.set_clock(0.3)
        nines.samples()
        check(metric(nines.page(), "nines_clock_steps_total") == 1, "0.3 s are counted as a step")
    scene.check_service(what)
    nines.stop()
    verified = nines.verify()
    seen, systems = scene.check_figures(what, [nines.month()])
    said = scene.check_mails(what)
    for system, sums in systems.items():
        check(by - 1 <= sums["unknown_s"] <= max(by, 0) + 3 * NEAR_S, f"{what}: {system} has {sums['unknown_s']} s unknown")
    say(f"{what} at {clock(at)}: counted once; {seen}; mails say {said} s; calm up {systems['calm']['up_s']} s,"
        f" unknown {systems['calm']['unknown_s']} s; {verified.split(',')[0]} verified")


def middles(now, months):
    """Return the middle of each of so many months before the present one, the earliest first."""
    found = []
    for _ in range(months):
        now = (now.replace(day=1) - datetime.timedelta(days=1)).replace(day=15)
        found.insert(0, now.timestamp())
    return found


def far(scene):
    """Three months of samples; then the clock is 400 days ahead, across a restart, and is set back."""
    nines = scene.nines
    now = datetime.datetime.now(UTC)
    for at in middles(now, 2):
        nines.set_clock(at - now.timestamp() - nines.offset)
        if not nines.process:
            nines.start()
        nines.samples(1)
    nines.set_clock(-nines.offset)
    nines.samples(1)
    present, within = nines.month(), nines.month(60 * DAY)

    at = scene.step(400 * DAY)
    check(metric(nines.page(), "nines_clock_steps_total") == 3, "+400 d: not every step is counted")
    scene.check_service("+400 d")
    months = [present, nines.month(-600), nines.month()]
    seen, _ = scene.check_figures("+400 d", months)
    for system, sums in scene.figures([within])[0].items():
        check(sums["unknown_s"] == sum(sums.values()) > 28 * DAY - 7200, f"+400 d: {system} of the skipped {within} has {sums}")
    said = scene.check_mails("+400 d")
    say(f"+400 d at {clock(at)}: counted; {seen}; mails say {said} s; the skipped {within} is unknown")

    # The service looks at its archives when it starts, and each hour.
    nines.stop()
    verified = nines.verify()
    nines.start()
    nines.event(30, "samples-deleted")
    kept = lambda: sorted(path.name for path in nines.data.glob("samples/*.parquet"))
    archives = kept()

    taken = lambda: metric(nines.page(), "nines_probe_samples_total")
    before = taken()
    at = scene.step(-400 * DAY)
    around = taken() - before
    check(metric(nines.page(), "nines_clock_steps_total") == 1, "-400 d: the step is not counted once")
    scene.check_service("-400 d")
    nines.stop()
    nines.verify()
    check(len(nines.events("samples-deleted")) == 1 and kept() == archives, f"-400 d: of {archives} are left {kept()}")
    seen, _ = scene.check_figures("-400 d", [present], apart=False)
    said = scene.check_mails("-400 d")
    say(f"-400 d at {clock(at)}: counted once; {seen}; mails say {said} s; {verified.split(',')[0]} verified before")

    # The present month has its archive already, so samples after the step back are in the file of the next month.
    archived = nines.events("samples-archived")[-1]["seq"]
    nines.start()
    nines.samples(3)
    afterwards = taken()
    nines.stop()
    nines.offset = 70 * DAY
    nines.write_offset()
    nines.start()
    later = nines.event(30, "samples-archived", after=archived)["data"]["samples"]
    scene.check_service("+70 d")
    nines.stop()
    most = afterwards + around + 2 * len(SYSTEMS)
    check(afterwards + 5 * len(SYSTEMS) <= later <= most, f"the archive has {later} samples, at most {most} are right")
    say(f"  archives {archives} and one deleted; afterwards {kept()}, the last with {later} samples;"
        f" {nines.verify().split(',')[0]} verified")


def main(workspace):
    zone, _ = calm_zone(hours_before=2)
    relay, calm = free_port(), free_port()
    spool = workspace.aiosmtpd(relay)
    workspace.nginx(calm)
    scene = lambda name: Scene(workspace, name, relay, spool, calm, zone)
    wanted = os.environ.get("NINES_STEPS", "far,1,-1,3600,-3600").split(",")
    work = {"far": lambda: far(scene("far"))}
    for name, by, what in (("s1", 1, "+1 s"), ("s2", -1, "-1 s"), ("s3", 3600, "+1 h"), ("s4", -3600, "-1 h")):
        work[str(by)] = lambda name=name, by=by, what=what: simple(scene(name), by, what)
    together(3, lambda name: work[name](), [(name,) for name in wanted])
    say("clock steps: passed")


if __name__ == "__main__":
    here = Workspace(limit_s=180)
    try:
        with here:
            main(here)
    finally:
        # A process that was killed leaves the library's shared memory.
        for process in here.started:
            for name in (f"faketime_shm_{process.pid}", f"sem.faketime_sem_{process.pid}"):
                pathlib.Path("/dev/shm", name).unlink(missing_ok=True)
