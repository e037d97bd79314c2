"""The monitor's own resolver and network fail: no system is down, and no customer is told.

The script starts itself again in namespaces of its own: there /etc/resolv.conf names 127.0.0.9, and its network is
a loopback. It is skipped only where the kernel allows no namespaces.

1. Nothing listens on 127.0.0.9: every name fails, all systems are unknown, no mail leaves.
2. dnsmasq answers there: one name exists, one does not, and for one dnsmasq's own server is away. The last two are
   down, because the same resolver answers for the first.
3. The target of `[self_check]` and a system stop together: the system is unknown, no mail leaves. The target
   returns: the system is down.
"""

import fcntl
import os
import pwd
import socket
import struct
import subprocess
import sys

from harness import (Nines, Workspace, check, end, free_port, mails, metric, need, running, say, until)

RESOLVER = "127.0.0.9"

PROBE = """[[probe]]
name           = "web"
kind           = "http"
url            = "http://{name}:{port}/"
interval       = "2s"
retry_interval = "500ms"
timeout        = "2s"
"""

NAMES = {"here": "here.example.org", "gone": "gone.example.org", "astray": "astray.example.net"}


def in_namespaces():
    """Start this script again in namespaces, or say why it is skipped. Does not return."""
    unshare = [need("unshare", "util-linux"), "--mount", "--net"]
    if os.geteuid() != 0:
        unshare.append("--map-root-user")
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        say(f"SKIPPED: the kernel allows no namespaces here: {tried.stderr.strip()}")
        sys.exit(0)
    os.execv(unshare[0], [*unshare, sys.executable, "-B", __file__, "inside"])


def loopback_up():
    """Set the flag IFF_UP of the interface `lo`."""
    get, put, up = 0x8913, 0x8914, 1
    with socket.socket() as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, get, asked))[1]
        fcntl.ioctl(any_socket, put, struct.pack("16sh14x", b"lo", flags | up))


def resolve_at(workspace):
    """Let this mount namespace resolve names at RESOLVER alone."""
    file = workspace.folder / "resolv.conf"
    file.write_text(f"nameserver {RESOLVER}\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", file, "/etc/resolv.conf"], check=True)


def dnsmasq(workspace):
    config = workspace.folder / "dnsmasq.conf"
    # Nothing listens on 127.0.0.8, where it would ask for names of example.net.
    config.write_text("no-resolv\nno-hosts\nlocal=/example.org/\nserver=/example.net/127.0.0.8\n"
                      f"host-record={NAMES['here']},127.0.0.1\n")
    process = workspace.begin("dnsmasq", [
        need("dnsmasq", "dnsmasq-base"), "--keep-in-foreground", f"--conf-file={config}",
        f"--listen-address={RESOLVER}", "--bind-interfaces", "--pid-file",
        f"--user={pwd.getpwuid(os.geteuid()).pw_name}", "--log-facility=-"])

    def listens():
        running(process, "dnsmasq")
        with socket.socket() as probe:
            return probe.connect_ex((RESOLVER, 53)) == 0
    until(10, "dnsmasq does not listen", listens)


def state(nines, system):
    found = [s for s in nines.json("status", status=(0, 1))["systems"] if s["system"] == system]
    return found[0]["state"]


def self_check(nines, kind):
    return metric(nines.page(), "nines_self_check_success", check=kind)


def inconclusive(nines, system):
    return metric(nines.page(), "nines_probe_samples_total", system=system, outcome="inconclusive") or 0


def run(workspace):
    loopback_up()
    resolve_at(workspace)
    page, gateway, relay = free_port(), free_port(), free_port()
    target = workspace.target("portal", page)
    network = workspace.target("gateway", gateway)
    spool = workspace.aiosmtpd(relay)
    nines = Nines(workspace, "nines", [relay], {"clinic": (["it@clinic.example"], list(NAMES))},
                  {system: PROBE.format(name=name, port=page) for system, name in NAMES.items()})
    with nines.config.open("a") as config:
        config.write(f'[self_check]\ntargets = ["127.0.0.1:{gateway}"]\n')

    once = nines.json("probe", "here", status=(1,))[0]
    check((once["outcome"], once["reason"]) == ("inconclusive", "dns"), once)
    nines.start()
    for system in NAMES:
        until(40, f"{system} is not tried", lambda s=system: inconclusive(nines, s) >= 5)
        check(state(nines, system) == "unknown", f"{system} is {state(nines, system)}")
    check(self_check(nines, "resolver") == 0, "the metric does not show the dead resolver")
    check(self_check(nines, "network") == 1, "the network does not count as working")
    said = nines.ask("status", status=(1,))
    check("own resolver fails" in " ".join(said.split()), said)
    check(not nines.events("probe-down", "outage-opened") and not mails(spool), "someone is blamed")
    say(f"resolver away: {', '.join(NAMES)} unknown, no mail")

    dnsmasq(workspace)
    for system in ("gone", "astray"):
        event = nines.event(40, "outage-opened", system)
        down = nines.event(10, "probe-down", f"{system}/web")["data"]
        check(down["reason"] == "dns", f"{event}: {down}")
    until(20, "`here` is not up", lambda: state(nines, "here") == "up")
    until(20, "the resolver does not count as working", lambda: self_check(nines, "resolver") == 1)
    until(20, "not two notices", lambda: len(mails(spool)) == 2 and not nines.pending())
    say(f"resolver back: {'; '.join(mail.subject for mail in mails(spool))}")

    end(network)
    end(target)
    before = inconclusive(nines, "here")
    until(40, "`here` is not tried", lambda: inconclusive(nines, "here") >= before + 5)
    check(state(nines, "here") == "unknown", f"`here` is {state(nines, 'here')}")
    check(self_check(nines, "network") == 0, "the metric does not show the lost network")
    check(not nines.events("outage-opened", subject="here"), "`here` is blamed")
    say("network away: here unknown, no mail")

    workspace.target("gateway", gateway)
    nines.event(40, "outage-opened", "here")
    until(20, "no third notice", lambda: len(mails(spool)) == 3 and not nines.pending())
    until(20, "the network does not count as working", lambda: self_check(nines, "network") == 1)
    nines.stop()
    say(nines.verify())
    say("own network: passed")


if __name__ == "__main__":
    if sys.argv[1:] != ["inside"]:
        in_namespaces()
    with Workspace(limit_s=240) as here:
        run(here)
