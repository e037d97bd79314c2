"""Probes of kind `icmp` against Linux, in a network namespace of this test: with an unprivileged socket, with a raw
one, without any right, and against a host that is silent.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import json
import os
import subprocess

from harness import Nines, Workspace, check, free_port, need, say

PROBE = """[[probe]]
name     = "{name}"
kind     = "icmp"
host     = "{host}"
interval = "1m"
timeout  = "1s"
"""

# The shell of the namespace: groups that may open unprivileged sockets, ignored echoes, and the command.
NAMESPACE = """set -e
ip link set lo up
echo "{groups}" > /proc/sys/net/ipv4/ping_group_range
echo {silent} > /proc/sys/net/ipv4/icmp_echo_ignore_all
echo {silent} > /proc/sys/net/ipv6/icmp/echo_ignore_all
exec {command}
"""

NO_GROUP, ALL_GROUPS = "1 0", "0 2147483647"
WITHOUT_RIGHTS = "setpriv --bounding-set=-all --inh-caps=-all "


def probe(nines, system, groups=NO_GROUP, silent=0, user=""):
    """Run the probes of a system in a namespace and return the results by name."""
    command = user + " ".join(nines.command("probe", system, "--json"))
    text = NAMESPACE.format(groups=groups, silent=silent, command=command)
    as_root = [] if os.geteuid() == 0 else [need("sudo", "sudo"), "-n"]
    done = subprocess.run([*as_root, need("unshare", "util-linux"), "--net", "--mount", "bash", "-c",
                           f"mount -t sysfs sysfs /sys 2>/dev/null || true\n{text}"],
                          capture_output=True, text=True, timeout=60)
    check(done.stdout.startswith("["), f"{text}: {done.stdout[-400:]}{done.stderr[-800:]}")
    return {result["probe"].split("/")[1]: result for result in json.loads(done.stdout)}


def run(workspace):
    need("setpriv", "util-linux")
    need("ip", "iproute2")
    probes = "".join(PROBE.format(name=name, host=host)
                     for name, host in (("four", "127.0.0.1"), ("six", "::1"), ("other", "192.0.2.1")))
    nines = Nines(workspace, "nines", [free_port()], {}, {"hosts": probes})
    # Of the namespace; used socket, outcome, reason and words of an answering host.
    cases = [
        ({"groups": ALL_GROUPS}, "uses an unprivileged socket", "up", None, ""),
        ({"groups": ALL_GROUPS, "user": WITHOUT_RIGHTS}, "uses an unprivileged socket", "up", None, ""),
        ({}, "uses a raw socket", "up", None, ""),
        ({"user": WITHOUT_RIGHTS}, "", "inconclusive", "monitor", "give the program CAP_NET_RAW"),
        ({"silent": 1}, "uses a raw socket", "down", "timeout", ""),
        ({"silent": 1, "groups": ALL_GROUPS}, "uses an unprivileged socket", "down", "timeout", ""),
    ]
    for namespace, socket, outcome, reason, words in cases:
        found = probe(nines, "hosts", **namespace)
        for name in ("four", "six"):
            result = found[name]
            what = f"{namespace} {name}: {result}"
            check((result["outcome"], result["reason"]) == (outcome, reason), what)
            check(words in (result["detail"] or "") and socket in str(result["transcript"]), what)
            say(f"{name}, {namespace}: {outcome} {result['detail'] or ''}")
        if outcome == "up":
            check(found["other"]["reason"] == "unreachable", f"{found['other']}")
    say(f"no route: {found['other']['detail']}")
    say("icmp: passed")


if __name__ == "__main__":
    with Workspace(limit_s=240) as here:
        run(here)
