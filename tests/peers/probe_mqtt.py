"""Probes of kind `mqtt` against PyPI's amqtt: a broker that takes everyone, one that wants a password, and a web server.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import asyncio
import sys

from harness import Nines, Workspace, answers, check, free_port, running, say, until

PROBE = """[[probe]]
name     = "{name}"
kind     = "mqtt"
host     = "localhost"
resolve  = "127.0.0.1"
port     = {port}
interval = "1m"
timeout  = "20s"
{keys}
"""


def serve(port, users):
    """Serve MQTT; `users` is a file of names and hashed passwords, or `-` for everyone."""
    from amqtt.broker import Broker

    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    if users != "-":
        plugins = {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": users}}

    async def main():
        broker = Broker({"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": plugins})
        await broker.start()
        await asyncio.Event().wait()

    asyncio.run(main())


def start(workspace, users="-"):
    """Start a broker of amqtt and return its port."""
    port = free_port()
    name = f"mqtt-{port}"
    process = workspace.begin(name, [sys.executable, "-B", __file__, "serve", str(port), str(users)])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port))
    return port


def run(workspace):
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    users = workspace.folder / "users"
    users.write_text("monitor:" + PasswordHash((Argon2Hasher(),)).hash("right") + "\n")
    good, guarded = start(workspace), start(workspace, users)
    web = free_port()
    workspace.nginx(web)
    for name in ("right", "wrong"):
        (workspace.folder / name).write_text(name + "\n")
    signed = 'user = "monitor"\npassword_file = "{}/{}"'
    # Port, keys; outcome, reason and words.
    cases = [
        (good, "", "up", None, ""),
        (good, 'client_id = "nines"', "up", None, ""),
        (guarded, signed.format(workspace.folder, "right"), "up", None, ""),
        (guarded, signed.format(workspace.folder, "wrong"), "down", "status", "the broker refused: "),
        (web, "", "down", "protocol", "the answer is not MQTT"),
        # amqtt neither answers nor closes.
        (good, "tls = true", "down", "timeout", "in the TLS handshake"),
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
    say(nines.ask("probe", "services/case-2"))
    say("mqtt: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=120) as here:
            run(here)
