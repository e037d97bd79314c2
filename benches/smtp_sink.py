"""An SMTP server that accepts every message and keeps none, in the fastest form that Python has without help.

    python3 smtp_sink.py PORT FILE

Listens on 127.0.0.1. Writes for each accepted message a line to FILE: the Unix seconds when the acceptance was given to the
kernel, and the recipient. It understands what a sender needs (RFC 5321) and no extension but PIPELINING and SMTPUTF8.
"""

import asyncio
import sys
import time


class Session(asyncio.Protocol):
    def __init__(self, log):
        self.log, self.rest, self.recipient, self.in_message = log, b"", b"", False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 sink.example.org ESMTP\r\n")

    def data_received(self, data):
        self.rest += data
        answers = []
        while self.rest:
            if self.in_message:
                end = self.rest.find(b"\r\n.\r\n")
                if end < 0:
                    break
                self.rest, self.in_message = self.rest[end + 5:], False
                self.transport.write(b"".join(answers) + b"250 2.0.0 accepted\r\n")
                answers = []
                self.log.write(f"{time.time():.6f} {self.recipient.decode()}\n")
                continue
            line, found, rest = self.rest.partition(b"\r\n")
            if not found:
                break
            self.rest = rest
            answers.append(self.answer(line))
        if answers:
            self.transport.write(b"".join(answers))
        if self.quit:
            self.transport.close()

    quit = False

    def answer(self, line):
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-sink.example.org\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n"
        if verb == b"RCPT":
            self.recipient = line[line.index(b"<") + 1:line.index(b">")]
        if verb == b"DATA":
            self.in_message = True
            return b"354 go on\r\n"
        if verb == b"QUIT":
            self.quit = True
            return b"221 2.0.0 bye\r\n"
        known = verb in (b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP")
        return b"250 2.0.0 ok\r\n" if known else b"500 5.5.2 unknown command\r\n"


async def main(port, path):
    with open(path, "a", buffering=1) as log:
        server = await asyncio.get_running_loop().create_server(lambda: Session(log), "127.0.0.1", port, backlog=4096)
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
