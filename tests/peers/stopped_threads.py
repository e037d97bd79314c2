"""Each part of a running service stands still in turn: the external alarm service must notice, and systemd too unless a restart
would heal nothing.

A library stops single threads of the service, as a dead network disk or a deadlock would. Each case has a service of its own, and all
run at once. With NINES_LONG=1 one more waits 16 minutes for a relay that never answers.
"""

import ctypes
import http.server
import os
import pathlib
import socket
import subprocess
import threading
import time

from harness import (HERE, Nines, Workspace, become, check, fetch, free_port, mails, metric, need, say, together, until)

SIGUSR2, TGKILL = 12, 234
# Alive: STILL, and then room for a busy machine.
NOTICED_S = 30 + 15
# Only waiting shows that nothing more comes.
SILENT_S = 6

PROBE = """[[probe]]
name           = "front"
kind           = "http"
url            = "http://127.0.0.1:{port}/"
interval       = "1s"
timeout        = "1s"
retry_interval = "1s"
"""


class Beats:
    """The external alarm service: the instants of the requests that it got."""

    def __init__(self):
        self.at = []
        beats = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                beats.at.append(time.monotonic())
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]


class Watchdog:
    """The notify socket of systemd: the instants at which the service said that it works."""

    def __init__(self, path):
        self.at = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            if b"WATCHDOG=1" in self.socket.recv(1024):
                self.at.append(time.monotonic())


class Service:
    """A service whose threads can be stopped, and those that it tells that it works."""

    def __init__(self, workspace, library, name, spool_port, target_port):
        self.nines = Nines(workspace, name, [spool_port], {"clinic": ([f"{name}@clinic.example"], ["portal"])},
                           {"portal": PROBE.format(port=target_port)})
        self.beats = Beats()
        folder = self.nines.folder
        (folder / "url").write_text(f"http://127.0.0.1:{self.beats.port}/\n")
        with self.nines.config.open("a") as config:
            config.write('[outbound_heartbeat]\nurl_file = "url"\nevery = "1s"\nallow_private = true\n')
        self.watchdog = Watchdog(folder / "notify")
        self.state = folder / "stopped"
        self.state.write_bytes(bytes(4096))
        environment = {**os.environ, "LD_PRELOAD": str(library), "NINES_STOPPED_STATE": str(self.state),
                       "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "2000000"}
        self.process = workspace.begin(name, self.nines.command("run"), env=environment)
        self.nines.process = self.process
        self.log = workspace.folder / f"{name}.log"
        until(60, f"{name} is not ready", lambda: fetch(f"http://127.0.0.1:{self.nines.port}/readyz"))

    def set_stopped(self, stopped):
        with self.state.open("r+b") as file:
            file.write(bytes([stopped]))

    def stop_threads(self, name):
        """Stop each thread of this name while it waits for work, so that it holds no lock."""
        self.set_stopped(1)
        tasks = [task for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
                 if (task / "comm").read_text().strip() == name]
        check(tasks, f"the service has no thread {name}")
        tgkill = ctypes.CDLL(None, use_errno=True).syscall
        for task in tasks:
            until(20, f"{name} is always at work", lambda: ") S " in (task / "stat").read_text(), every=0.001)
            check(tgkill(TGKILL, self.process.pid, int(task.name), SIGUSR2) == 0, f"{name} cannot be stopped")

    def works(self):
        """Wait until both were told that the service works, again."""
        since = time.monotonic()
        for who in (self.beats, self.watchdog):
            until(30, f"{type(who).__name__} are not told of {self.nines.name}", lambda: who.at and who.at[-1] > since)

    def silent(self, who, seconds):
        """Wait until nothing came for SILENT_S; return the time since `began` of the last that came."""
        began = time.monotonic()
        until(seconds + SILENT_S, f"{type(who).__name__} go on although a part of {self.nines.name} stands still",
              lambda: time.monotonic() - (who.at[-1] if who.at else began) > SILENT_S)
        return who.at[-1]


def stands_still(workspace, library, name, spool, target, thread, words, for_systemd):
    """Stop the threads of a name. `words` are those of the log; `for_systemd` says that systemd must notice."""
    service = Service(workspace, library, name, spool[0], target[0])
    service.works()
    began = time.monotonic()
    service.stop_threads(thread)
    last = service.silent(service.beats, NOTICED_S)
    say(f"{thread}: the last heartbeat came {last - began:.1f} s after it was stopped")
    if words:
        check(words in service.log.read_text(), f"the log does not say: {words}")
    if for_systemd:
        service.silent(service.watchdog, 5)
    else:
        check(time.monotonic() - service.watchdog.at[-1] < 5, f"systemd would restart the service for {thread}")
        # Monitoring goes on: an outage that begins now is told.
        become(target[1], "status")
        until(30, f"no mail while {thread} is stopped",
              lambda: any(f"{name}@" in mail.to for mail in mails(spool[1])))
        become(target[1], "ok")
        page = service.nines.page()
        check(metric(page, "nines_probe_samples_total") > 20, "no samples are taken")
    service.set_stopped(0)
    service.works()
    say(f"{thread}: goes on, and both are told again")
    service.nines.stop()
    service.nines.verify()


def never_sends(workspace, library, spool, target):
    """A relay that takes connections and says nothing."""
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(64)
    service = Service(workspace, library, "unsent", silent.getsockname()[1], target[0])
    service.works()
    began = time.monotonic()
    become(target[1], "status")
    last = service.silent(service.beats, 17 * 60)
    check("no notice could be sent for 15 min" in service.log.read_text(), "the log does not say why")
    check(time.monotonic() - service.watchdog.at[-1] < 5, "systemd would restart the service for a silent relay")
    say(f"a relay that never answers: the last heartbeat came {last - began:.0f} s after the outage began")


def main():
    is_long = os.environ.get("NINES_LONG") == "1"
    with Workspace(1_400 if is_long else 300) as workspace:
        library = workspace.folder / "stopped_threads.so"
        subprocess.run([need("cc", "gcc"), "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", library,
                        HERE / "stopped_threads.c"], check=True)
        relay = free_port()
        spool = relay, workspace.aiosmtpd(relay)

        def target(name):
            port = free_port()
            return port, workspace.target(f"target-{name}", port)

        cases = [(stands_still, workspace, library, name, spool, target(name), thread, words, for_systemd)
                 for name, thread, words, for_systemd in (
                     ("scheduler", "nines-probes", "the scheduler of the probes stands still", True),
                     ("engine", "nines-engine", "the engine stands still", True),
                     ("samples", "samples", "samples cannot be stored: no commit has ended for 30 s", False),
                     # The heartbeat itself runs there, so no line says why.
                     ("runtime", "tokio-rt-worker", "", True))]
        if is_long:
            cases.append((never_sends, workspace, library, spool, target("unsent")))
        together(len(cases), lambda run, *given: run(*given), cases)


if __name__ == "__main__":
    main()
