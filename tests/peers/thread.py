"""One true thread: a real nginx goes down and comes back, and everything that must follow does.

Two services watch the same nginx; one sends by PyPI's aiosmtpd, the other by Debian's OpenSMTPD.
Shown: both mails at both servers, byte for byte as the ledger says; Prometheus's answers before,
during and after; every query of the dashboard and every rule as shipped, asked of that Prometheus;
the report's outage against the instants at which nginx really stopped and started; the page clean
for promtool; the ledger clean for `verify`.
"""

import json
import subprocess
import time

import dashboard
from house import (House, Nines, asked, answers, calm_zone, check, clock, end, free_port, instant,
                   mails, metric, need, running, say, until)

INTERVAL_S = 2
# A probe starts at its slot and not before; on a busy machine it may start so much later.
LATE_S = 1.0
# How long one mail server takes to answer a message: long enough for Prometheus to see it waiting.
REPLY_S = 2.5

FIRES = 'ALERTS{alertname="NinesSystemDown",alertstate="firing"}'

PROBE = """[[probe]]
name           = "login-page"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "2s"
timeout        = "2s"
retry_interval = "1s"
expect         = {{ status = 200, body_contains = "Sign in" }}
"""


def watching(house, name, relay, port, zone):
    """A service that watches nginx and tells one customer by one mail server."""
    nines = Nines(house, name, [relay], {"st-elsewhere": (["it@st-elsewhere.example"], ["portal"])},
                  {"portal": PROBE.format(port=port)}, zone=zone)
    nines.start()
    return nines


def state(port, wanted):
    """Whether Prometheus says that the system is in this state, and in no other."""
    found = {labels["state"]: value for labels, value in asked(port, "nines_system_state")}
    return found.get(wanted) == 1 and sum(found.values()) == 1 and found


def scraped(port, up, wanted):
    """Waits until Prometheus knows; prints its answers."""
    until(30, f"Prometheus does not say probe_success {up}",
          lambda: [value for _, value in asked(port, "probe_success")] == [up])
    until(30, f"Prometheus does not say that the system is {wanted}", lambda: state(port, wanted))
    for query in ("probe_success", "nines_system_state"):
        for labels, value in asked(port, query):
            say(f"  Prometheus: {query}{json.dumps(labels)} = {value:g}")


def same_edges(outage, truth, name):
    """The report's outage against the truth, each edge within one interval."""
    for edge in ("start", "end"):
        said, (earliest, latest) = instant(outage[edge]), truth[edge]
        # Reports floor to seconds.
        early, late = int(earliest), latest + INTERVAL_S + LATE_S
        say(f"  {name}: {edge} {outage[edge]}, in truth {clock(earliest)}"
            f" ({said - earliest:+.3f} s)")
        check(early <= said <= late, f"{name}'s {edge} is further than one interval from the truth")
    check(outage["end_observed"] and outage["reason"], f"{name}: the outage lacks what was seen")
    down = instant(outage["end"]) - instant(outage["start"])
    check(outage["unplanned_s"] == down, f"{name}: unplanned seconds are not the outage's length")


def adds_up(report, name):
    """One outage, every second in one class, and the texts that people owe are named."""
    check(len(report["outages"]) == 1, f"{name}: {len(report['outages'])} outages in the report")
    (system,), (incident,) = report["systems"], report["incidents"]
    check(system["outages"] == 1 and system["planned_s"] == 0, f"{name}: {system}")
    check(system["unplanned_s"] == report["outages"][0]["unplanned_s"], f"{name}: {system}")
    classes = ("up_s", "planned_s", "excluded_s", "unplanned_s", "unknown_s")
    check(sum(system[key] for key in classes) == system["agreed_s"], f"{name}: {system}")
    check(incident["missing"], f"{name}: no text is owed")
    return report["outages"]


def same_mails(nines, found, outage):
    """Two mails in one thread, byte for byte what the ledger recorded, with the report's times."""
    check(len(found) == 2, f"{nines.name}: {len(found)} mails instead of two")
    down, up = found
    notices = list(nines.notices().values())
    check([notice["kind"] for notice in notices] == ["downtime", "uptime"],
          f"{nines.name}: the ledger's notices are {[notice['kind'] for notice in notices]}")
    for mail, notice in zip(found, notices):
        check({mail.id} == notice["ids"], f"{nines.name}: a Message-ID is not the ledger's")
        check({mail.as_sent()} == notice["sha256"], f"{nines.name}: bytes are not the ledger's")
        check(notice["results"] == ["accepted"], f"{nines.name}: results {notice['results']}")
        check(mail.to == "it@st-elsewhere.example", f"{nines.name}: sent to {mail.to}")
        check("<html" in mail.part("html"), f"{nines.name}: no page in the HTML part")
        for header, wanted in (("Auto-Submitted", "auto-generated"),
                               ("List-Id", "<notices.example.org>"), ("MIME-Version", "1.0"),
                               ("Content-Type", "multipart/alternative")):
            check(str(mail.parsed[header]).startswith(wanted), f"{nines.name}: no {header}: {wanted}")
        check(all(len(line) <= 998 for line in mail.raw.splitlines()), "a line is too long for SMTP")
        check(mail.raw.isascii(), f"{nines.name}: needs more than seven bits on its way")
        say(f"  {nines.name}: {mail.subject!r} {mail.id}")
    check(down.subject.startswith("DOWN: Portal"), down.subject)
    check(up.subject.startswith("RESTORED: Portal"), up.subject)
    check(str(up.parsed["In-Reply-To"]) == down.id, f"{nines.name}: the uptime answers nothing")
    check(down.id in str(up.parsed["References"]), f"{nines.name}: the uptime joins no thread")
    for mail, edges in ((down, ("start",)), (up, ("start", "end"))):
        for edge in edges:
            told = clock(instant(outage[edge]))[:8] + " UTC"
            check(told in mail.part("plain"), f"{nines.name}: {mail.subject} lacks {told}")


def drawn(house, port, since):
    """The dashboard and the rules, once Prometheus has seen the end of it all. The answers are kept."""
    until(30, "Prometheus does not see both notices sent", lambda: [value for _, value in asked(
        port, 'sum(nines_notices_total{result="sent"})')] == [2])
    until(30, "a notice waits still", lambda: [v for _, v in asked(port, "nines_outbox_notices")] == [0])
    until(30, "NinesSystemDown fires still", lambda: not asked(port, FIRES))
    shown = dashboard.afterwards(port, since)
    (house.folder / "dashboard.json").write_text(
        json.dumps({"since": since, "till": time.time(), "shown": shown}))
    dashboard.rules_are_well(port, since)


def run(house):
    web, to_aiosmtpd, to_opensmtpd, prometheus = (free_port() for _ in range(4))
    promtool = need("promtool", "prometheus")
    zone, month = calm_zone()
    nginx = house.nginx(web)
    spools = [house.aiosmtpd(to_aiosmtpd, REPLY_S), house.opensmtpd(to_opensmtpd)]
    both = [watching(house, "by-aiosmtpd", to_aiosmtpd, web, zone),
            watching(house, "by-opensmtpd", to_opensmtpd, web, zone)]
    house.prometheus(prometheus, both[0].port)
    since = time.time()
    say("nginx is up")
    scraped(prometheus, 1, "up")

    truth = {"start": [time.time()]}
    check(end(nginx) == 0, "nginx did not stop well")
    truth["start"].append(time.time())
    say(f"nginx stopped at {clock(truth['start'][1])}")
    for nines in both:
        opened = nines.event(30, "outage-opened")
        say(f"  {nines.name}: outage since {opened['data']['start']}, recorded {opened['recorded']}")
    scraped(prometheus, 0, "down")
    for spool in spools:
        until(30, f"no downtime mail in {spool.name}", lambda: len(mails(spool)) == 1)
    until(30, "NinesSystemDown does not fire", lambda: asked(prometheus, FIRES))
    dashboard.while_down(prometheus, since)
    status = both[0].json("status", status=(0, 1))
    check("portal" in json.dumps(status), "status does not name the system that is down")

    truth["end"] = [time.time()]
    house.nginx(web)
    check(answers(web), "nginx is not back")
    truth["end"].append(time.time())
    say(f"nginx started at {clock(truth['end'][0])}")
    for nines in both:
        nines.event(30, "outage-closed")
        nines.event(30, "incident-resolved")
    for spool in spools:
        until(30, f"no uptime mail in {spool.name}", lambda: len(mails(spool)) == 2)
    for nines in both:
        until(30, f"{nines.name} does not record its deliveries",
              lambda: not [n for n in nines.notices().values() if n["open"]])
    scraped(prometheus, 1, "up")
    drawn(house, prometheus, since)

    page = both[0].page()
    judged = subprocess.run([promtool, "check", "metrics"], input=page, text=True,
                            capture_output=True)
    check(judged.returncode == 0 and not judged.stderr, f"promtool: {judged.stdout}{judged.stderr}")
    check(metric(page, "nines_notices_total", kind="uptime", result="sent") == 1,
          "the page does not count the uptime notice")
    say(f"promtool check metrics: clean, {len(page.splitlines())} lines")
    lines = {}
    for nines in both:
        running(nines.process, nines.name)
        say(f"{nines.name}: verify while it runs: {nines.verify()}")
        lines[nines] = nines.report(month)["outages"]
        nines.stop()
        say(f"{nines.name}: verify: {nines.verify()}")
    for nines, spool in zip(both, spools):
        outages = adds_up(nines.report(month), nines.name)
        for key in ("start", "end", "detected", "unplanned_s", "reason"):
            check(lines[nines][0][key] == outages[0][key],
                  f"{nines.name}: `{key}` differs once the service has stopped")
        same_edges(outages[0], truth, nines.name)
        # A Maildir's file names do not tell the order of arrival.
        same_mails(nines, sorted(mails(spool), key=lambda m: m.subject.startswith("UP")), outages[0])
    say("one true thread: as promised")


if __name__ == "__main__":
    with House(limit_s=300) as here:
        run(here)
