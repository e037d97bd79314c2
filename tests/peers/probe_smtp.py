"""Probes of kind `smtp` against Postfix, OpenSMTPD and aiosmtpd: with and without TLS, extensions, and refusals. No
server may see a mail begin.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

from harness import Nines, Workspace, check, free_port, mails, say
from strict_relay import postfix

PROBE = """[[probe]]
name     = "{name}"
kind     = "smtp"
host     = "127.0.0.1"
port     = {port}
interval = "1m"
timeout  = "5s"
{keys}
"""


def run(workspace):
    strict, secure, open_, plain = (free_port() for _ in range(4))
    folder = postfix(workspace, strict, secure)
    spool = workspace.opensmtpd(open_)
    other = workspace.aiosmtpd(plain)
    trusted = f'ca_file = "{folder}/cert.pem"'
    starttls, implicit = f'tls = "starttls"\n{trusted}', f'tls = "implicit"\n{trusted}'
    web = free_port()
    workspace.nginx(web)
    # Port, keys; outcome, reason and words.
    cases = [
        (strict, 'extensions = ["PIPELINING", "SIZE", "8BITMIME"]', "up", None, ""),
        (strict, starttls, "up", None, ""),
        (strict, 'tls = "starttls"', "down", "certificate", "self-signed"),
        (strict, 'extensions = ["AUTH"]', "down", "body", "the answer to EHLO does not offer AUTH"),
        (strict, implicit, "down", "tls", "the server does not speak TLS"),
        (secure, implicit, "up", None, ""),
        (secure, "", "down", "timeout", "stopped while waiting for the first byte"),
        (open_, "", "up", None, ""),
        (open_, starttls, "down", "tls", "the server does not offer STARTTLS"),
        (plain, 'ehlo_name = "nines.example.org"', "up", None, ""),
        (web, "", "down", "timeout", "stopped while waiting for the first byte"),
        (free_port(), "", "down", "refused", "connection refused"),
    ]
    probes = [PROBE.format(name=f"case-{number}", port=port, keys=keys)
              for number, (port, keys, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"mail": "".join(probes)})
    found = {result["probe"]: result for result in nines.json("probe", "mail", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    for number, (port, keys, outcome, reason, words) in enumerate(cases):
        result = found[f"mail/case-{number}"]
        what = f"{port} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        check(outcome != "up" or "QUIT: 221" in str(result["transcript"]), what)
        say(f"{result['probe']}: {outcome} {result['detail'] or ''}")
    say(nines.ask("probe", "mail/case-1"))
    log = (folder / "postfix.log").read_text()
    check("disconnect" in log and " mail=" not in log and "client=" not in log, log)
    check(not mails(spool) and not mails(other), "a server has stored a mail")
    say("smtp: passed")


if __name__ == "__main__":
    with Workspace(limit_s=240) as here:
        run(here)
