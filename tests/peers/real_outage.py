"""A real nginx stops and starts again; checks mails, metrics, dashboard, rules, report and ledger.

Two services monitor the same nginx. One sends mail through aiosmtpd, the other through OpenSMTPD. Checks:
both mails at both servers, with the bytes that the ledger recorded; the answers of a real Prometheus
before, during and after the outage; each query of the dashboard and each rule; the outage in the report
against the instants at which nginx stopped and started; promtool and `nines verify`.
"""

import json
import subprocess
import time

import dashboard
from harness import (Workspace, Nines, asked, answers, calm_zone, check, clock, end, free_port, instant,
                   mails, metric, need, running, say, until)

INTERVAL_S = 2
# On a busy machine a probe may start so late.
LATE_S = 1.0
# aiosmtpd answers so late that Prometheus scrapes the pending notice.
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


def start_service(workspace, name, relay, port, zone):
    """Start a service that monitors nginx and notifies one customer through one mail server."""
    nines = Nines(workspace, name, [relay], {"st-elsewhere": (["it@st-elsewhere.example"], ["portal"])},
                  {"portal": PROBE.format(port=port)}, zone=zone)
    nines.start()
    return nines


def state(port, wanted):
    """Return True if Prometheus shows this state of the system and no other."""
    found = {labels["state"]: value for labels, value in asked(port, "nines_system_state")}
    return found.get(wanted) == 1 and sum(found.values()) == 1 and found


def scraped(port, up, wanted):
    """Wait until Prometheus shows this state; print its answers."""
    until(30, f"Prometheus does not show probe_success {up}",
          lambda: [value for _, value in asked(port, "probe_success")] == [up])
    until(30, f"Prometheus does not show the system as {wanted}", lambda: state(port, wanted))
    for query in ("probe_success", "nines_system_state"):
        for labels, value in asked(port, query):
            say(f"  Prometheus: {query}{json.dumps(labels)} = {value:g}")


def same_edges(outage, truth, name):
    """Check that the report's outage starts and ends within one interval of the truth."""
    for edge in ("start", "end"):
        said, (earliest, latest) = instant(outage[edge]), truth[edge]
        # Reports truncate to seconds.
        early, late = int(earliest), latest + INTERVAL_S + LATE_S
        say(f"  {name}: {edge} {outage[edge]}, actually {clock(earliest)}"
            f" ({said - earliest:+.3f} s)")
        check(early <= said <= late, f"{name}'s {edge} is further than one interval from the truth")
    check(outage["end_observed"] and outage["reason"], f"{name}: the outage has no reason, or its end was not observed")
    down = instant(outage["end"]) - instant(outage["start"])
    check(outage["unplanned_s"] == down, f"{name}: the unplanned seconds are not the length of the outage")


def adds_up(report, name):
    """Check that the report has one outage, that the classes add up and that missing texts are listed."""
    check(len(report["outages"]) == 1, f"{name}: {len(report['outages'])} outages in the report")
    (system,), (incident,) = report["systems"], report["incidents"]
    check(system["outages"] == 1 and system["planned_s"] == 0, f"{name}: {system}")
    check(system["unplanned_s"] == report["outages"][0]["unplanned_s"], f"{name}: {system}")
    classes = ("up_s", "planned_s", "excluded_s", "unplanned_s", "unknown_s")
    check(sum(system[key] for key in classes) == system["agreed_s"], f"{name}: {system}")
    check(incident["missing"], f"{name}: no text is listed as missing")
    return report["outages"]


def same_mails(nines, found, outage):
    """Check two mails in one thread, with the bytes in the ledger and the times in the report."""
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
        check("<html" in mail.part("html"), f"{nines.name}: no HTML part")
        for header, wanted in (("Auto-Submitted", "auto-generated"),
                               ("List-Id", "<notices.example.org>"), ("MIME-Version", "1.0"),
                               ("Content-Type", "multipart/alternative")):
            check(str(mail.parsed[header]).startswith(wanted), f"{nines.name}: no {header}: {wanted}")
        check(all(len(line) <= 998 for line in mail.raw.splitlines()), "a line exceeds SMTP's 998 bytes")
        check(mail.raw.isascii(), f"{nines.name}: the mail is not 7-bit")
        say(f"  {nines.name}: {mail.subject!r} {mail.id}")
    check(down.subject.startswith("DOWN: Portal"), down.subject)
    check(up.subject.startswith("RESTORED: Portal"), up.subject)
    check(str(up.parsed["In-Reply-To"]) == down.id, f"{nines.name}: the uptime mail has the wrong In-Reply-To")
    check(down.id in str(up.parsed["References"]), f"{nines.name}: the uptime mail has the wrong References")
    for mail, edges in ((down, ("start",)), (up, ("start", "end"))):
        for edge in edges:
            told = clock(instant(outage[edge]))[:8] + " UTC"
            check(told in mail.part("plain"), f"{nines.name}: {mail.subject} lacks {told}")


def check_prometheus(workspace, port, since):
    """Check dashboard and rules once Prometheus has seen both notices sent. Keep the answers as JSON."""
    until(30, "Prometheus does not show both notices as sent", lambda: [value for _, value in asked(
        port, 'sum(nines_notices_total{result="sent"})')] == [2])
    until(30, "a notice is still pending", lambda: [v for _, v in asked(port, "nines_outbox_notices")] == [0])
    until(30, "NinesSystemDown still fires", lambda: not asked(port, FIRES))
    shown = dashboard.afterwards(port, since)
    (workspace.folder / "dashboard.json").write_text(
        json.dumps({"since": since, "till": time.time(), "shown": shown}))
    dashboard.check_rules(port, since)


def run(workspace):
    web, to_aiosmtpd, to_opensmtpd, prometheus = (free_port() for _ in range(4))
    promtool = need("promtool", "prometheus")
    zone, month = calm_zone()
    nginx = workspace.nginx(web)
    spools = [workspace.aiosmtpd(to_aiosmtpd, REPLY_S), workspace.opensmtpd(to_opensmtpd)]
    services = [start_service(workspace, "by-aiosmtpd", to_aiosmtpd, web, zone),
            start_service(workspace, "by-opensmtpd", to_opensmtpd, web, zone)]
    workspace.prometheus(prometheus, services[0].port)
    since = time.time()
    say("nginx is up")
    scraped(prometheus, 1, "up")

    truth = {"start": [time.time()]}
    check(end(nginx) == 0, "nginx did not exit with 0")
    truth["start"].append(time.time())
    say(f"nginx stopped at {clock(truth['start'][1])}")
    for nines in services:
        opened = nines.event(30, "outage-opened")
        say(f"  {nines.name}: outage since {opened['data']['start']}, recorded {opened['recorded']}")
    scraped(prometheus, 0, "down")
    for spool in spools:
        until(30, f"no downtime mail in {spool.name}", lambda: len(mails(spool)) == 1)
    until(30, "NinesSystemDown does not fire", lambda: asked(prometheus, FIRES))
    dashboard.while_down(prometheus, since)
    status = services[0].json("status", status=(0, 1))
    check("portal" in json.dumps(status), "status does not name the system that is down")

    truth["end"] = [time.time()]
    workspace.nginx(web)
    check(answers(web), "nginx is not back")
    truth["end"].append(time.time())
    say(f"nginx started at {clock(truth['end'][0])}")
    for nines in services:
        nines.event(30, "outage-closed")
        nines.event(30, "incident-resolved")
    for spool in spools:
        until(30, f"no uptime mail in {spool.name}", lambda: len(mails(spool)) == 2)
    for nines in services:
        until(30, f"{nines.name} does not record all deliveries",
              lambda: not nines.pending())
    scraped(prometheus, 1, "up")
    check_prometheus(workspace, prometheus, since)

    page = services[0].page()
    judged = subprocess.run([promtool, "check", "metrics"], input=page, text=True,
                            capture_output=True)
    check(judged.returncode == 0 and not judged.stderr, f"promtool: {judged.stdout}{judged.stderr}")
    check(metric(page, "nines_notices_total", kind="uptime", result="sent") == 1,
          "the page does not count the uptime notice")
    say(f"promtool check metrics: clean, {len(page.splitlines())} lines")
    lines = {}
    for nines in services:
        running(nines.process, nines.name)
        say(f"{nines.name}: verify while it runs: {nines.verify()}")
        lines[nines] = nines.report(month)["outages"]
        nines.stop()
        say(f"{nines.name}: verify: {nines.verify()}")
    for nines, spool in zip(services, spools):
        outages = adds_up(nines.report(month), nines.name)
        for key in ("start", "end", "detected", "unplanned_s", "reason"):
            check(lines[nines][0][key] == outages[0][key],
                  f"{nines.name}: `{key}` differs after the service has stopped")
        same_edges(outages[0], truth, nines.name)
        # File names in a Maildir do not show the order of arrival.
        same_mails(nines, sorted(mails(spool), key=lambda m: m.subject.startswith("UP")), outages[0])
    say("real outage: passed")


if __name__ == "__main__":
    with Workspace(limit_s=300) as here:
        run(here)
