"""A small HTTP server that fails and recovers by a script, and logs what it did.

    python3 scripted_target.py PORT LOG [SCRIPT]

SCRIPT is a list like `ok:20,status:8.5,ok:12,drop:9,ok`: behaviours with their seconds; the last one
stays. A line on standard input (`drop`) changes the behaviour at once and ends the script. `ok` answers
200, `status` answers 503, `drop` closes the connection, `slow` answers 200 after 0.4 s.

LOG gets a line of JSON for each change (`now`) and each request (`said`), with its instant, before the
answer is sent. Listens on 127.0.0.1 only. Ends on SIGTERM or SIGINT.
"""

import json
import pathlib
import socket
import sys
import threading
import time

ANSWERS = {
    "ok": b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nSign in\n",
    "status": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "drop": b"",
}
ANSWERS["slow"] = ANSWERS["ok"]


class Target:
    def __init__(self, log):
        self.log = log.open("a", buffering=1, encoding="utf-8")
        self.lock = threading.Lock()
        self.now = None

    def become(self, behaviour):
        with self.lock:
            self.now = behaviour
            self.log.write(json.dumps({"at": time.time(), "now": behaviour}) + "\n")

    def answer(self, connection):
        with connection:
            connection.settimeout(5)
            asked = b""
            while b"\r\n\r\n" not in asked:
                more = connection.recv(4096)
                if not more:
                    return
                asked += more
            with self.lock:
                said = self.now
                self.log.write(json.dumps({"at": time.time(), "said": said}) + "\n")
            if said == "slow":
                time.sleep(0.4)
            connection.sendall(ANSWERS[said])

    def quietly(self, connection):
        try:
            self.answer(connection)
        except OSError:
            pass  # the client was killed

    def follow(self, script, overridden):
        for step in script.split(","):
            behaviour, _, seconds = step.partition(":")
            self.become(behaviour)
            if not seconds or overridden.wait(float(seconds)):
                return

    def read_commands(self, overridden):
        for line in sys.stdin:
            overridden.set()
            self.become(line.strip())


def main(port, log, script="ok"):
    target = Target(pathlib.Path(log))
    overridden = threading.Event()
    with socket.create_server(("127.0.0.1", int(port)), backlog=128) as server:
        threading.Thread(target=target.follow, args=(script, overridden), daemon=True).start()
        threading.Thread(target=target.read_commands, args=(overridden,), daemon=True).start()
        while target.now is None:
            time.sleep(0.01)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=target.quietly, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
