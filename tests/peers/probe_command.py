"""Probes of kind `command` with Debian's monitoring-plugins: results of each kind, a plugin that hangs, and a program
that the service's file does not allow.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import pathlib
import socket
import subprocess

from harness import Nines, Workspace, check, free_port, say

PLUGINS = pathlib.Path("/usr/lib/nagios/plugins")

PROBE = """[[probe]]
name     = "{name}"
kind     = "command"
command  = {command}
interval = "1m"
timeout  = "{timeout}"
"""


def run(workspace):
    check((PLUGINS / "check_http").exists(), "check_http is missing: install monitoring-plugins-basic")
    web = free_port()
    workspace.nginx(web)
    silent = socket.create_server(("127.0.0.1", 0))
    waiting = silent.getsockname()[1]

    def plugin(name, *words):
        return [str(PLUGINS / name), *map(str, words)]

    http = plugin("check_http", "--IP-address=127.0.0.1")
    # Command, timeout; outcome, reason and words.
    cases = [
        ([*http, f"--port={web}"], "5s", "up", None, ""),
        ([*http, f"--port={web}", "--expect=HTTP/1.1 500"], "5s", "down", "status", "CRITICAL (exit status 2)"),
        ([*http, f"--port={free_port()}"], "5s", "down", "status", "CRITICAL (exit status 2)"),
        (plugin("check_dummy", 1, "half of it"), "5s", "degraded", "status", "WARNING: half of it"),
        (plugin("check_dummy", 3), "5s", "inconclusive", "monitor", "UNKNOWN (exit status 3)"),
        (plugin("check_disk", "--warning=0%", "--path=/"), "5s", "up", None, ""),
        ([*http, f"--port={waiting}", "--timeout=60"], "1s", "down", "timeout", "no answer within 1 s"),
    ]
    probes = [PROBE.format(name=f"case-{number}", command=command, timeout=timeout)
              for number, (command, timeout, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"plugins": "".join(probes)})
    # Off unless the service's file allows it.
    refused = subprocess.run(nines.command("check"), capture_output=True, text=True, timeout=30)
    check(refused.returncode != 0 and "commands are off" in refused.stderr, f"{refused}")
    text = nines.config.read_text()
    nines.config.write_text(text.replace("[service]", f'[service]\ncommands = ["{PLUGINS}/"]'))
    nines.ask("check")
    found = {result["probe"]: result for result in nines.json("probe", "plugins", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    for number, (command, _, outcome, reason, words) in enumerate(cases):
        result = found[f"plugins/case-{number}"]
        what = f"{command}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        say(f"{result['probe']}: {outcome} {result['detail'] or ''}")
    for number, value in ((0, "performance: time="), (5, "performance: /=")):
        told = nines.ask("probe", f"plugins/case-{number}")
        check(value in told, told)
        say(told)
    silent.close()
    say("command: passed")


if __name__ == "__main__":
    with Workspace(limit_s=240) as here:
        run(here)
