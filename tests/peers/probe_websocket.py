"""Probes of kind `websocket` against PyPI's websockets: echoes, a chosen protocol, a wanted origin, TLS with a client
certificate, and a web server.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import asyncio
import ssl
import sys

from harness import Nines, Workspace, answers, check, free_port, running, say, until
from probe_tls import Authority

PROBE = """[[probe]]
name     = "{name}"
kind     = "websocket"
host     = "localhost"
resolve  = "127.0.0.1"
port     = {port}
interval = "1m"
timeout  = "5s"
{keys}
"""


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
    port = free_port()
    name = f"websocket-{port}"
    process = workspace.begin(name, [sys.executable, "-B", __file__, "serve", str(port), does, folder])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port))
    return port


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
    say(nines.ask("probe", "services/case-6"))
    say("websocket: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=180) as here:
            run(here)
