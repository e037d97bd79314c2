"""Shared by the scripts of this folder: a temporary folder, other programs, waiting, mails, and Nines.

All traffic stays on 127.0.0.0/8. Every wait has a limit. The harness ends each process that it started,
by its id. A missing program is an error. `NINES_BIN` names the program under test; the default is the last
build. `NINES_KEEP=1` keeps the folder.
"""

import concurrent.futures
import contextlib
import datetime
import email
import email.policy
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
UTC = datetime.timezone.utc

# Debian installs some programs outside of a normal user's PATH.
os.environ["PATH"] += os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"


class Failed(Exception):
    """An assertion failed, or a program is missing."""


def check(holds, what):
    """Raise Failed with the message `what` unless `holds` is true."""
    if not holds:
        raise Failed(what)


def say(text):
    """Print one line at once."""
    print(text, flush=True)


def need(program, package):
    """Return the path of a program, or fail."""
    path = shutil.which(program)
    check(path, f"{program} is missing (Debian's package {package})")
    return path


def python_with(module):
    """Return a Python that has `module`: this one, or that of the environment that `.ci/run` creates."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    for python in (sys.executable, str(cache / "nines/python/bin/python3")):
        command = [python, "-c", f"import {module}"]
        if shutil.which(python) and subprocess.run(command, capture_output=True).returncode == 0:
            return python
    raise Failed(f"no Python with {module}: python3 -m venv {cache}/nines/python && "
                 f"{cache}/nines/python/bin/pip install {module}")


def binary():
    """Return the path of the program under test."""
    named = os.environ.get("NINES_BIN")
    if not named:
        found = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"],
                               cwd=ROOT, check=True, capture_output=True)
        named = json.loads(found.stdout)["target_directory"] + "/debug/nines"
    check(os.access(named, os.X_OK), f"{named} does not exist: run scripts/cargo build")
    return named


def until(seconds, what, condition, every=0.05):
    """Call `condition` until it returns something true, and return that; fail after `seconds`."""
    limit = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > limit:
            raise Failed(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)


# Below those that Linux gives to outgoing connections, which would take a port between its choice and its use.
PORTS = range(20_000, 32_000)
RESERVED = []


def free_port(address="127.0.0.1"):
    """Return an unused port. No other script on this machine gets it until this one ends."""
    for port in random.sample(PORTS, 200):
        with contextlib.suppress(OSError), socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((address, port))
            name = socket.socket(socket.AF_UNIX)
            # The kernel forgets an abstract name with its process.
            name.bind(f"\0nines-peers-{port}")
            RESERVED.append(name)
            return port
    raise Failed("no port is free")


def answers(port, address="127.0.0.1"):
    """Return True if a connection is accepted."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def fetch(url):
    """Return the body of a successful response, else None."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()
    return None


def instant(text):
    """Return an RFC 3339 instant as Unix seconds."""
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()


def written(seconds):
    """Return Unix seconds as RFC 3339 in UTC, to the microsecond."""
    return datetime.datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def clock(seconds):
    """Return Unix seconds as a UTC time of day."""
    return datetime.datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:-3]


# Zones for reports and their hours ahead of UTC.
CALM_ZONES = {"UTC": 0, "Asia/Tokyo": 9}


def calm_zone(hours_before=0):
    """Return a time zone in which no month ends within two hours, and its month: one report covers the run.
    No month ended within `hours_before` either."""
    for zone, offset in CALM_ZONES.items():
        now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=offset)))
        since, till = now - datetime.timedelta(hours=hours_before), now + datetime.timedelta(hours=2)
        if since.month == now.month == till.month:
            return zone, now.strftime("%Y-%m")
    raise Failed("a month ends soon in both zones")


class Workspace:
    """A temporary folder and the processes of one script. Use it in a `with` statement."""

    def __init__(self, limit_s):
        self.limit_s = limit_s
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nines-peers-"))
        # A program that drops root privileges must still reach its own folder.
        self.folder.chmod(0o755)
        self.started = []

    def __enter__(self):
        def stop(number, _frame):
            raise Failed(f"not finished after {self.limit_s} s" if number == signal.SIGALRM
                         else "terminated")
        for number in (signal.SIGALRM, signal.SIGTERM):
            signal.signal(number, stop)
        signal.alarm(self.limit_s)
        return self

    def __exit__(self, kind, error, trace):
        signal.alarm(0)
        for process in reversed(self.started):
            end(process)
        if kind is not None:
            self.show_logs()
        if os.environ.get("NINES_KEEP"):
            say(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if kind is not None and issubclass(kind, (Failed, KeyboardInterrupt)):
            sys.stdout.flush()
            sys.exit(f"FAILED: {error or 'interrupted'}")

    def show_logs(self):
        for log in sorted(self.folder.rglob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            print(f"--- end of {log.name}, {len(lines)} lines", file=sys.stderr)
            print("\n".join(line[:400] for line in lines[-25:]), file=sys.stderr)

    def begin(self, name, command, **more):
        """Start a program that writes to NAME.log. It ends with the workspace; if this script is killed,
        the kernel ends it."""
        command = [need("setpriv", "util-linux"), "--pdeathsig", "KILL",
                   *[str(part) for part in command]]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **more)
        self.started.append(process)
        return process

    def nginx(self, port, addresses=("127.0.0.1",), locations="", servers=""):
        """Start nginx and return its process once it answers. `servers` are more servers than that of `port`."""
        program = need("nginx", "nginx-light")
        folder = self.folder / f"nginx-{port}"
        folder.mkdir(exist_ok=True)
        listen = "\n".join(f"    listen {address}:{port} backlog=4096;" for address in addresses)
        kept = "\n".join(f"  {what}_temp_path {folder}/{what};"
                         for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"""daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
{kept}
  server {{
{listen}
    location / {{ default_type text/plain; return 200 "Sign in\\n"; }}
    {locations}
  }}
  {servers}
}}
""")
        process = self.begin("nginx", [program, "-p", folder, "-e", folder / "error.log",
                                       "-c", folder / "nginx.conf"])
        until(10, "nginx does not listen", lambda: running(process, "nginx") and answers(port))
        return process

    def aiosmtpd(self, port, delay=0):
        """Start aiosmtpd and return the folder of its messages. It answers `delay` seconds after it stored
        a message."""
        spool = self.folder / f"aiosmtpd-{port}"
        process = self.begin("aiosmtpd", [python_with("aiosmtpd"), HERE / "mail_server.py",
                                          port, spool, delay])
        until(15, "aiosmtpd does not listen",
              lambda: running(process, "aiosmtpd") and answers(port))
        return spool

    def opensmtpd(self, port):
        """Start OpenSMTPD and return the Maildir that it delivers to.

        It needs root and /var/spool/smtpd: it runs in its own mount and process namespaces, with empty
        folders there, and ends when its standard input is closed.
        """
        program = need("smtpd", "opensmtpd")
        as_root = [] if os.geteuid() == 0 else [need("sudo", "sudo"), "-n"]
        folder = self.folder / f"opensmtpd-{port}"
        folder.mkdir()
        (folder / "smtpd.conf").write_text(f"""listen on 127.0.0.1 port {port} hostname mx.example.org
table everybody {{ "@" = "nobody" }}
action "keep" maildir "{folder}/mail" virtual <everybody>
match from any for any action "keep"
""")
        (folder / "start").write_text(f"""set -e
mount -t tmpfs tmpfs /var/spool
mount -t tmpfs tmpfs /run
mkdir -p /var/spool/smtpd
chmod 711 /var/spool/smtpd
mkdir {folder}/mail
chown nobody {folder}/mail
{program} -d -f {folder}/smtpd.conf </dev/null &
cat >/dev/null
chmod -R a+rwX {folder}/mail
""")
        process = self.begin("opensmtpd", [
            *as_root, need("unshare", "util-linux"), "--mount", "--pid", "--fork", "--kill-child",
            "--mount-proc", "bash", folder / "start"], stdin=subprocess.PIPE)
        until(15, "OpenSMTPD does not listen",
              lambda: running(process, "OpenSMTPD") and answers(port))
        return folder / "mail"

    def target(self, name, port, script="ok"):
        """Start a scripted HTTP target; `become` changes its behaviour."""
        process = self.begin(name, [sys.executable, HERE / "scripted_target.py", port,
                                    self.folder / f"{name}.jsonl", script],
                             stdin=subprocess.PIPE)
        until(10, f"{name} does not listen", lambda: running(process, name) and answers(port))
        return process

    def truth(self, name):
        """Return the log of a target: its changes as (instant, behaviour) and its answers likewise."""
        lines = (self.folder / f"{name}.jsonl").read_text().splitlines()
        # The last line may be incomplete.
        facts = [json.loads(line) for line in lines if line.endswith("}")]
        return ([(fact["at"], fact["now"]) for fact in facts if "now" in fact],
                [(fact["at"], fact["said"]) for fact in facts if "said" in fact])

    def prometheus(self, port, scraped):
        """Start Prometheus, which scrapes 127.0.0.1:`scraped` and evaluates our rules each second."""
        program = need("prometheus", "prometheus")
        folder = self.folder / "prometheus"
        folder.mkdir()
        (folder / "prometheus.yml").write_text(f"""global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: ["{ROOT}/grafana/rules/*.yml"]
scrape_configs:
  - job_name: nines
    params: {{ series: [all] }}
    static_configs: [{{ targets: ["127.0.0.1:{scraped}"] }}]
""")
        process = self.begin("prometheus", [
            program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}"])
        until(30, "Prometheus is not ready", lambda: running(process, "Prometheus")
              and fetch(f"http://127.0.0.1:{port}/-/ready"))


def together(count, function, items):
    """Call a function with the arguments of each item, `count` calls at a time. The first failure is raised, and
    calls that have not begun are left out."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(function, *item) for item in items]
        try:
            for call in concurrent.futures.as_completed(calls):
                call.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def running(process, name):
    """Return True while the process runs; fail once it has ended."""
    check(process.poll() is None, f"{name} ended with {process.returncode}")
    return True


def end(process, seconds=10):
    """Terminate a process and wait; kill it if it does not end."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(seconds)
    return process.returncode


def become(target, behaviour):
    """Change the behaviour of a scripted target; its log has the instant."""
    target.stdin.write(f"{behaviour}\n".encode())
    target.stdin.flush()


def asked(port, query):
    """Return the labels and values of an instant query to Prometheus."""
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(query)}"
    body = json.loads(fetch(url) or '{"data": {"result": []}}')
    return [({k: v for k, v in one["metric"].items() if k not in ("__name__", "job", "instance")},
             float(one["value"][1])) for one in body["data"]["result"]]


def metric(page, name, **labels):
    """Return the sum of the series of a metric with these labels on a page of /metrics."""
    total, found = 0.0, False
    for line in (page or "").splitlines():
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if match and match[1] == name:
            given = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
            if all(given.get(key) == value for key, value in labels.items()):
                total, found = total + float(match[3]), True
    return total if found else None


PROBE = """[[probe]]
name     = "{name}"
kind     = "{kind}"
host     = "localhost"
resolve  = "127.0.0.1"
port     = {port}
interval = "1m"
timeout  = "{timeout}"
{keys}
"""


def serving(workspace, kind, script, *words):
    """Run `script serve PORT WORDS…`, which serves one peer, and return the port once it listens."""
    port = free_port()
    name = f"{kind}-{port}"
    process = workspace.begin(name, [sys.executable, "-B", script, "serve", port, *words])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port))
    return port


def probe_cases(workspace, kind, cases, shown, timeout="5s"):
    """Run `nines probe` with a probe of this kind for each case, and compare each result with its case.

    A case is a port and more keys of the probe, and then the outcome, the reason and words of the detail. Prints each
    result, and the transcript of the case with the number `shown`. Returns the results in the order of the cases.
    """
    probes = [PROBE.format(name=f"case-{number}", kind=kind, port=port, keys=keys, timeout=timeout)
              for number, (port, keys, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"services": "".join(probes)})
    found = {result["probe"]: result for result in nines.json("probe", "services", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    results = [found[f"services/case-{number}"] for number in range(len(cases))]
    for result, (port, keys, outcome, reason, words) in zip(results, cases):
        what = f"{port} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        say(f"{result['probe']}: {outcome} {result['detail'] or ''}")
    say(nines.ask("probe", f"services/case-{shown}"))
    return results


class Nines:
    """One configuration with its data directory and its service."""

    def __init__(self, workspace, name, relays, customers, systems, zone="UTC", gather="0s"):
        """`customers` maps an id to (addresses, systems); `systems` maps an id to its probes as TOML."""
        self.workspace, self.name, self.process = workspace, name, None
        self.program = binary()
        self.folder = workspace.folder / name
        self.port = free_port()
        (self.folder / "systems").mkdir(parents=True)
        (self.folder / "policies").mkdir()
        lines = [f"""[service]
name = "Example HIE"
zone = "{zone}"
[listen]
private = "127.0.0.1:{self.port}"
[mail]
from   = "Example HIE Status <status@example.org>"
relays = {json.dumps([f"smtp://127.0.0.1:{port}" for port in relays])}
gather = "{gather}"
[[committee]]
id      = "operations"
name    = "Operating Committee"
zone    = "{zone}"
members = ["chair@example.org"]
"""]
        for customer, (addresses, of) in customers.items():
            lines.append(f"""[[customer]]
id       = "{customer}"
name     = "{customer.title()}"
zone     = "America/Chicago"
contacts = {json.dumps(addresses)}
systems  = {json.dumps(of)}
""")
        self.config = self.folder / "nines.toml"
        self.config.write_text("".join(lines))
        for system, probes in systems.items():
            (self.folder / "systems" / f"{system}.toml").write_text(
                f'name = "{system.title()}"\ncommittee = "operations"\ntarget = "99.9%"\n{probes}')
        self.data = self.folder / "data"

    def command(self, *words):
        return [self.program, *[str(word) for word in words], "--config", str(self.config)]

    def ask(self, *words, status=(0,), seconds=60):
        """Run a command and return its output; fail on another exit status."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True,
                              timeout=seconds)
        check(done.returncode in status,
              f"`nines {' '.join(map(str, words))}` exited with {done.returncode}: "
              f"{done.stdout[-800:]}{done.stderr[-800:]}")
        return done.stdout

    def json(self, *words, **more):
        """Run a command and return its JSON output."""
        return json.loads(self.ask(*words, "--json", **more))

    def page(self):
        """Return the page at /metrics, or None."""
        return fetch(f"http://127.0.0.1:{self.port}/metrics")

    def start(self, wait=True):
        self.process = self.workspace.begin(self.name, self.command("run"))
        if wait:
            until(30, f"{self.name} is not ready", lambda: running(self.process, self.name)
                  and fetch(f"http://127.0.0.1:{self.port}/readyz"))

    def stop(self):
        """Send SIGTERM; the service must exit with 0 within 30 seconds."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} does not stop within 30 s of SIGTERM") from None
        check(status == 0, f"{self.name} exited with {status} after SIGTERM")

    def kill(self):
        """Send SIGKILL."""
        running(self.process, self.name)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def verify(self):
        """Verify the hash chain and replay the ledger; any finding fails."""
        return self.ask("verify", "--replay").strip()

    def events(self, *kinds, subject=None):
        """Return the events of the ledger in order, while the service may run."""
        path = self.data / "ledger.sqlite"
        # After a kill during the creation of the ledger, SQLite's journal remains: only a writer may roll
        # it back, which the next start does.
        if not path.exists() or path.with_name(path.name + "-journal").exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True,
                                                timeout=10)) as ledger:
            rows = ledger.execute(
                "SELECT seq, at, recorded, kind, subject, by, data FROM events ORDER BY seq")
            found = [dict(zip(("seq", "at", "recorded", "kind", "subject", "by", "data"), row))
                     for row in rows]
        for event in found:
            event["data"] = json.loads(event["data"])
        return [event for event in found if (not kinds or event["kind"] in kinds)
                and (subject is None or event["subject"] == subject)]

    def event(self, seconds, kind, subject=None, after=0):
        """Wait for an event of a kind with a sequence number above `after`, and return it."""
        def found():
            running(self.process, self.name)
            later = [e for e in self.events(kind, subject=subject) if e["seq"] > after]
            return later[0] if later else None
        return until(seconds, f"no `{kind}` event of {subject or 'any subject'} in the ledger of {self.name}",
                     found, every=0.2)

    def notices(self):
        """Return every notice that was attempted, by its number: content, mails and results."""
        notices = {}
        for event in self.events("delivery-attempted", "delivery-ended"):
            data = event["data"]
            if data.get("message"):
                address = data["message"]["recipient"]["address"]["mail"]
                notices[data["notice"]] = {**data["message"], "recipient": address, "ids": set(),
                                           "sha256": set(), "results": [], "open": True}
            notice = notices[data["notice"]]
            if event["kind"] == "delivery-attempted":
                notice["ids"].add(data["message_id"])
                notice["sha256"].add(data["sha256"])
            else:
                notice["results"].append(data["result"])
        for listed in self.json("notice", "list") if notices else ():
            notice = notices.get(int(listed["notice"].removeprefix("N-")))
            if notice:
                notice["result"] = listed["result"]
                notice["open"] = listed["result"] == "queued"
        return notices

    def pending(self):
        """Return True while a notice is neither delivered nor given up."""
        return metric(self.page(), "nines_outbox_notices") != 0

    def report(self, month):
        """Return the JSON report of a month."""
        return json.loads(self.ask("report", month, "--committee", "operations",
                                   "--format", "json"))


class Mail:
    """A message as a mail server stored it."""

    def __init__(self, path):
        self.path = path
        self.raw = path.read_bytes()
        self.parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        self.id = str(self.parsed["Message-ID"])
        self.to = str(self.parsed["To"])
        self.subject = str(self.parsed["Subject"])

    def part(self, kind):
        found = self.parsed.get_body((kind,))
        check(found is not None, f"{self.path.name} has no {kind} part")
        return found.get_content()

    def as_sent(self):
        """Return the SHA-256 of the sent bytes: from our first header on, with CRLF."""
        wire = self.raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return hashlib.sha256(wire[wire.index(b"From: "):]).hexdigest()


def mails(spool):
    """Return the messages in a folder of aiosmtpd (in order of arrival) or in a Maildir."""
    found = sorted(spool.glob("*.eml")) + sorted(spool.glob("new/*"))
    return [Mail(path) for path in found]
