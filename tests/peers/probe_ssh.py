"""Probes of kind `ssh` against PyPI's asyncssh: a server of SFTP, one that closes at once, and a web server.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import asyncio
import sys

from harness import Nines, Workspace, answers, check, free_port, running, say, until

PROBE = """[[probe]]
name     = "{name}"
kind     = "ssh"
host     = "localhost"
resolve  = "127.0.0.1"
port     = {port}
interval = "1m"
timeout  = "5s"
{keys}
"""


def serve(port, does):
    """Serve SFTP, or close each connection."""
    import asyncssh

    class Closed(asyncssh.SSHServer):
        def connection_made(self, connection):
            connection.disconnect(asyncssh.DISC_TOO_MANY_CONNECTIONS, "too many connections")

    async def main():
        key = asyncssh.generate_private_key("ssh-ed25519")
        server = Closed if does == "closed" else asyncssh.SSHServer
        await asyncssh.listen("127.0.0.1", int(port), server_host_keys=[key], server_factory=server,
                              sftp_factory=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def start(workspace, does):
    """Start a server of asyncssh and return its port."""
    port = free_port()
    name = f"ssh-{port}"
    process = workspace.begin(name, [sys.executable, "-B", __file__, "serve", str(port), does])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port))
    return port


def run(workspace):
    good, closed = start(workspace, "sftp"), start(workspace, "closed")
    web = free_port()
    workspace.nginx(web)
    # Port, keys; outcome, reason and words.
    cases = [
        (good, "", "up", None, ""),
        (good, 'software = "AsyncSSH_"', "up", None, ""),
        (good, 'software = "OpenSSH"', "down", "body", "lacks `OpenSSH`"),
        (closed, "", "down", "protocol", "the answer broke off"),
        (web, "", "down", "timeout", "waiting for the first byte"),
        (free_port(), "", "down", "refused", "connection refused"),
    ]
    probes = [PROBE.format(name=f"case-{number}", port=port, keys=keys)
              for number, (port, keys, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"services": "".join(probes)})
    found = {result["probe"]: result for result in nines.json("probe", "services", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    for number, (port, keys, outcome, reason, words) in enumerate(cases):
        result = found[f"services/case-{number}"]
        what = f"{port} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        say(f"{result['probe']}: {outcome} {result['detail'] or ''}")
    say(nines.ask("probe", "services/case-0"))
    say("ssh: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=120) as here:
            run(here)
