"""Probes of kind `websocket` against PyPI's websockets: echoes, a chosen protocol, a wanted origin, TLS with a client
certificate, and a web server.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import asyncio
import ssl
import sys

from harness import Workspace, free_port, probe_cases, say, serving
from probe_tls import Authority


def serve(port, does, folder=""):
    """Answer each message with itself; `does` is `echo`, or `origin` for a server that wants one."""
    from websockets.asyncio.server import serve as listen

    async def echo(socket):
        async for message in socket:
            await socket.send(f"echo {message}")

    async def main():
        secure = None
        if folder:
            secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{folder}/ca.pem")
            secure.load_cert_chain(f"{folder}/web.pem", f"{folder}/web.key")
            secure.verify_mode = ssl.CERT_REQUIRED
        origins = ["https://portal.example.org"] if does == "origin" else None
        chosen = lambda connection, offered: "beds" if "beds" in offered else None
        async with listen(echo, "127.0.0.1", int(port), ssl=secure, origins=origins, select_subprotocol=chosen):
            await asyncio.Event().wait()

    asyncio.run(main())


def start(workspace, does, folder=""):
    """Start a server of websockets and return its port."""
    return serving(workspace, "websocket", __file__, does, folder)


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    authority.issue("web", "DNS:localhost")
    authority.issue("client", "DNS:nines.example.org")
    folder = str(authority.folder)
    trusted = f'tls = true\nca_file = "{folder}/ca.pem"'
    client = (f'{trusted}\nclient_certificate_file = "{folder}/client.pem"\n'
              f'client_key_file = "{folder}/client.key"')
    good, strict, secure = start(workspace, "echo"), start(workspace, "origin"), start(workspace, "echo", folder)
    web = free_port()
    workspace.nginx(web)
    message = 'send = "ready?"\nexpect = "echo ready?"'
    # Port, keys; outcome, reason and words.
    cases = [
        (good, "", "up", None, ""),
        (good, message, "up", None, ""),
        (good, 'path = "/live?a=1"\nprotocol = "beds"', "up", None, ""),
        (good, 'send = "x"\nexpect = "other"', "down", "body", "the messages lack `other`"),
        (strict, "", "down", "status", "status 403, expected 101"),
        (strict, 'origin = "https://portal.example.org"', "up", None, ""),
        (secure, f"{client}\n{message}", "up", None, ""),
        (secure, trusted, "down", "protocol", "the server asked for a client certificate"),
        (secure, "tls = true", "down", "certificate", "issued by Hospital CA"),
        (web, "", "down", "status", "expected 101"),
        (free_port(), "", "down", "refused", "connection refused"),
    ]
    probe_cases(workspace, "websocket", cases, shown=6)
    say("websocket: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=180) as here:
            run(here)
