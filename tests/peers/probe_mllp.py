"""Probes of kind `mllp` against the listener of the package `hl7`: acknowledgements of both modes, refusals, TLS with a
client certificate, and a listener that serves one client at a time.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import asyncio
import ssl
import subprocess
import sys

from harness import Nines, Workspace, answers, check, free_port, running, say, until
from probe_tls import Authority

MESSAGE = r"MSH|^~\&|NINES|EXAMPLE HIE|LAB|HOSPITAL|{now}||NMQ^N01|{control_id}|T|2.5"

PROBE = """[[probe]]
name     = "{name}"
kind     = "mllp"
host     = "127.0.0.1"
port     = {port}
interval = "2m"
timeout  = "{timeout}"
{keys}
message = '''
{message}
'''
"""


def listen(port, code, folder, delay="0"):
    """Acknowledge each message with this code, over TLS with a folder of certificates."""
    import hl7.mllp

    busy = asyncio.Lock()

    async def serve(reader, writer):
        # One client at a time, as many interface engines: a second one is cut off.
        if busy.locked():
            writer.close()
            return
        async with busy:
            try:
                message = await reader.readmessage()
                await asyncio.sleep(float(delay))
                writer.writemessage(message.create_ack(ack_code=code))
                await writer.drain()
                await reader.read()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            writer.close()

    async def main():
        context = None
        if folder:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{folder}/web.pem", f"{folder}/web.key")
            context.load_verify_locations(f"{folder}/ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED
        server = await hl7.mllp.start_hl7_server(serve, "127.0.0.1", int(port), encoding="utf-8", ssl=context)
        await server.serve_forever()

    asyncio.run(main())


def start(workspace, code, folder="", delay="0"):
    """Start a listener and return its port."""
    port = free_port()
    name = f"hl7-{port}"
    process = workspace.begin(name, [sys.executable, "-B", __file__, "listen", str(port), code, folder, delay])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port))
    return port


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    authority.issue("web", "IP:127.0.0.1")
    authority.issue("client", "DNS:nines.example.org")
    folder = authority.folder
    trusted = f'tls = true\nca_file = "{folder}/ca.pem"'
    client = (f'{trusted}\nclient_certificate_file = "{folder}/client.pem"\n'
              f'client_key_file = "{folder}/client.key"')
    slow = start(workspace, "AA", delay="1")
    secure = start(workspace, "AA", folder)
    good = start(workspace, "AA")
    # Port, keys, timeout; outcome, reason and words.
    cases = [
        (good, "", "5s", "up", None, ""),
        (start(workspace, "CA"), "", "5s", "up", None, ""),
        (start(workspace, "CA"), 'accept = "AA"', "1s", "down", "timeout", "stopped while receiving the answer"),
        (start(workspace, "AE"), "", "5s", "down", "status", "acknowledged with AE, expected AA or CA"),
        (start(workspace, "AR"), 'accept = ["AA", "AR"]', "5s", "up", None, ""),
        (slow, 'degraded_after = "500ms"', "5s", "degraded", "slow", "took"),
        (start(workspace, "AA", delay="1"), "", "500ms", "down", "timeout", "stopped while waiting for the first byte"),
        (secure, client, "5s", "up", None, ""),
        (secure, trusted, "5s", "down", "protocol", "the server asked for a client certificate"),
        (secure, "", "5s", "down", "protocol", "closed before an acknowledgement"),
        (free_port(), "", "5s", "down", "refused", "connection refused"),
    ]
    probes = [PROBE.format(name=f"case-{number}", port=port, keys=keys, timeout=timeout, message=MESSAGE)
              for number, (port, keys, timeout, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"interface": "".join(probes)})
    found = {result["probe"]: result for result in nines.json("probe", "interface", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    for number, (port, keys, _, outcome, reason, words) in enumerate(cases):
        result = found[f"interface/case-{number}"]
        what = f"{port} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        say(f"{result['probe']}: {outcome} {result['detail'] or ''}")
    say(nines.ask("probe", "interface/case-0"))

    # A listener that serves one client: two processes take turns.
    both = [subprocess.Popen(nines.command("probe", "interface/case-5"), stdout=subprocess.PIPE, text=True)
            for _ in range(2)]
    for process in both:
        told, _ = process.communicate(timeout=30)
        check("degraded (slow)" in told, told)
    say("two processes took turns")

    # A patient is refused before anything is sent.
    text = PROBE.format(name="patient", port=good, keys="", timeout="5s", message=f"{MESSAGE}\nPID|1||4711")
    path = nines.folder / "systems" / "interface.toml"
    path.write_text(path.read_text() + text)
    done = subprocess.run(nines.command("check"), capture_output=True, text=True, timeout=30)
    check(done.returncode != 0 and "a segment PID" in done.stdout + done.stderr, f"{done}")
    check("4711" not in done.stdout + done.stderr, f"{done}")
    say("mllp: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["listen"]:
        listen(*sys.argv[2:])
    else:
        with Workspace(limit_s=240) as here:
            run(here)
