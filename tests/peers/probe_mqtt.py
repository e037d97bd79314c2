"""Probes of kind `mqtt` against PyPI's amqtt: a broker that takes everyone, one that wants a password, and a web server.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import asyncio
import sys

from harness import Workspace, free_port, probe_cases, say, serving


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
    return serving(workspace, "mqtt", __file__, users)


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
    probe_cases(workspace, "mqtt", cases, shown=2, timeout="20s")
    say("mqtt: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=120) as here:
            run(here)
