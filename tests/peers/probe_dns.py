"""Probes of kind `dns` against dnsmasq: each type of record, aliases, long answers, and each failure.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import os
import pwd
import socket

from harness import Nines, Workspace, answers, check, free_port, need, running, say, until

ZONE = """no-resolv
no-hosts
local=/example.org/
host-record=portal.example.org,192.0.2.10
host-record=portal.example.org,192.0.2.11
host-record=six.example.org,2001:db8::10
cname=www.example.org,portal.example.org
cname=old.example.org,www.example.org
mx-host=example.org,mail.example.org,10
mx-host=example.org,backup.example.org,20
srv-host=_ldap._tcp.example.org,ldap.example.org,389,0,100
txt-record=example.org,"v=spf1 -all"
ptr-record=10.2.0.192.in-addr.arpa,portal.example.org
"""

PROBE = """[[probe]]
name     = "{name}"
kind     = "dns"
host     = "{host}"
record   = "{record}"
server   = "127.0.0.1"
port     = {port}
interval = "1m"
timeout  = "2s"
{keys}
"""


def dnsmasq(workspace, silent):
    """Start dnsmasq and return its port. It forwards queries for silent.example to the port `silent`."""
    port = free_port()
    long = "".join(f'txt-record=long.example.org,"{number:03}{"x" * 200}"\n' for number in range(12))
    config = workspace.folder / "dnsmasq.conf"
    config.write_text(f"{ZONE}{long}server=/silent.example/127.0.0.1#{silent}\n")
    process = workspace.begin("dnsmasq", [
        need("dnsmasq", "dnsmasq-base"), "--keep-in-foreground", f"--conf-file={config}",
        f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file",
        f"--user={pwd.getpwuid(os.geteuid()).pw_name}", "--log-facility=-"])
    until(10, "dnsmasq does not listen", lambda: running(process, "dnsmasq") and answers(port))
    return port


def run(workspace):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        ask(workspace, dnsmasq(workspace, silent.getsockname()[1]))


def ask(workspace, server):
    closed = free_port()
    long = ", ".join(f'"{number:03}{"x" * 200}"' for number in range(12))
    # Name, type and server, expected records; outcome, reason and words.
    cases = [
        ("portal.example.org", "A", server, '"192.0.2.11", "192.0.2.10"', "up", None, ""),
        ("PORTAL.Example.ORG", "A", server, "", "up", None, ""),
        ("portal.example.org", "A", server, '"192.0.2.10"', "down", "body", "unexpected A record 192.0.2.11"),
        ("portal.example.org", "A", server, '"192.0.2.10", "192.0.2.12"', "down", "body",
         "lacks the A record 192.0.2.12, has 192.0.2.11"),
        ("six.example.org", "AAAA", server, '"2001:DB8::10"', "up", None, ""),
        ("old.example.org", "A", server, '"192.0.2.10", "192.0.2.11"', "up", None, ""),
        ("old.example.org", "CNAME", server, '"www.example.org"', "up", None, ""),
        ("example.org", "MX", server, '"20 backup.example.org", "10 mail.example.org"', "up", None, ""),
        ("_ldap._tcp.example.org", "SRV", server, '"0 100 389 ldap.example.org"', "up", None, ""),
        ("example.org", "TXT", server, '"v=spf1 -all"', "up", None, ""),
        ("192.0.2.10", "PTR", server, '"portal.example.org"', "up", None, ""),
        # More than a datagram holds.
        ("long.example.org", "TXT", server, long, "up", None, ""),
        ("gone.example.org", "A", server, "", "down", "dns", "does not exist (NXDOMAIN)"),
        ("portal.example.org", "AAAA", server, "", "down", "dns", "has no AAAA record"),
        ("www.example.net", "A", server, "", "down", "refused", "answers REFUSED"),
        ("www.silent.example", "A", server, "", "down", "timeout", "before the timeout"),
        ("portal.example.org", "A", closed, "", "down", "refused", "connection refused"),
    ]
    probes = [PROBE.format(name=f"case-{number}", host=host, record=record, port=port,
                           keys=f"expect = [{expect}]" if expect else "")
              for number, (host, record, port, expect, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"names": "".join(probes)})
    found = nines.json("probe", "names", status=(1,), seconds=60)
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    found = {result["probe"]: result for result in found}
    for number, (host, record, _, _, outcome, reason, words) in enumerate(cases):
        result = found[f"names/case-{number}"]
        what = f"{host} {record}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        check(result["phases_ms"]["resolve"] is not None, what)
        say(f"{host} {record}: {outcome} {result['detail'] or ''}")
    say("dns: passed")


if __name__ == "__main__":
    with Workspace(limit_s=120) as here:
        run(here)
