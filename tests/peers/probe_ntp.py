"""Probes of kind `ntp` against Debian's chrony: a server with a time, one without, and one that is away.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table. No clock is set.
"""

import os
import pathlib
import socket

from harness import Workspace, check, free_port, probe_cases, running, say, until

# `.ci/run` unpacks the package: installed, it would start a server.
PACKAGE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "nines/servers"

CONFIGURATION = """port {port}
bindaddress 127.0.0.1
cmdport 0
allow 127.0.0.0/8
pidfile {folder}/chronyd-{port}.pid
{more}
"""


def replies(port):
    """Return true if something answers a client's packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        try:
            asking.sendto(b"\x23" + bytes(47), ("127.0.0.1", port))
            return len(asking.recv(100)) == 48
        except OSError:
            return False


def start(workspace, more=""):
    """Start chronyd, which controls no clock, and return its port."""
    program = PACKAGE / "usr/sbin/chronyd"
    check(os.access(program, os.X_OK), f"{program} is missing: .ci/run unpacks Debian's package chrony")
    port = free_port()
    name = f"ntp-{port}"
    path = workspace.folder / f"{name}.conf"
    path.write_text(CONFIGURATION.format(port=port, folder=workspace.folder, more=more))
    process = workspace.begin(name, [str(program), "-d", "-x", "-U", "-u", "root", "-f", str(path)])
    until(30, f"{name} does not answer", lambda: running(process, name) and replies(port))
    return port


def run(workspace):
    good, lost = start(workspace, "local stratum 8"), start(workspace)
    # Port, keys; outcome, reason and words.
    cases = [
        (good, "", "up", None, ""),
        (good, 'max_offset = "1s"\nmax_stratum = 8', "up", None, ""),
        (good, "max_stratum = 7", "down", "status", "stratum 8, expected at most 7"),
        (lost, "", "down", "status", "the server's clock is not synchronized"),
        (free_port(), "", "down", "refused", "connection refused"),
    ]
    results = probe_cases(workspace, "ntp", cases, shown=0, timeout="3s")
    # Both programs read one clock.
    offset_us = results[0]["clock_offset_us"]
    check(abs(offset_us) < 1_000_000, f"the clocks differ by {offset_us} us")
    say("ntp: passed")


if __name__ == "__main__":
    with Workspace(limit_s=120) as here:
        run(here)
