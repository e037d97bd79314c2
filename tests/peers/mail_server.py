"""A mail server (PyPI's aiosmtpd) that stores each message and forwards none.

    python3 mail_server.py PORT FOLDER [DELAY]

Listens on 127.0.0.1 only. Writes each message to FOLDER/0001.eml, 0002.eml, ... as received, without dot
stuffing, and a line of JSON to FOLDER/log.jsonl. Rejects the addresses in FOLDER/refused, if that file exists. Answers the final dot DELAY seconds after it stored the
message. Ends on SIGTERM or SIGINT.
"""

import asyncio
import hashlib
import json
import pathlib
import signal
import sys

from aiosmtpd.smtp import SMTP


class Storage:
    def __init__(self, folder, delay):
        self.folder = folder
        self.delay = delay
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        refused = self.folder / "refused"
        if refused.exists() and address in refused.read_text().split():
            return f"550 5.1.1 <{address}>: no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        number = self.count
        content = envelope.original_content
        (self.folder / f"{number:04}.eml").write_bytes(content)
        line = {
            "number": number,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "length": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        await asyncio.sleep(self.delay)
        return f"250 2.0.0 stored as {number:04}"


async def main(port, folder, delay):
    folder.mkdir(parents=True, exist_ok=True)
    storage = Storage(folder, delay)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(storage, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port
    )
    stop = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop.set)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    pause = float(sys.argv[3]) if len(sys.argv) == 4 else 0.0
    asyncio.run(main(int(sys.argv[1]), pathlib.Path(sys.argv[2]), pause))
