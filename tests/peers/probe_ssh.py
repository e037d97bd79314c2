"""Probes of kind `ssh` against PyPI's asyncssh: a server of SFTP, one that closes at once, and a web server.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import asyncio
import sys

from harness import Workspace, free_port, probe_cases, say, serving


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
    return serving(workspace, "ssh", __file__, does)


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
    probe_cases(workspace, "ssh", cases, shown=0)
    say("ssh: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=120) as here:
            run(here)
