"""Signed webhooks at receivers that we did not write: Python's http.server, and the program of docs/webhooks.md.

One system fails. Each of its customers has a webhook at another path: one that accepts, one that fails once, one
that asks for a pause, one that answers too late, one that is gone, one that redirects, one behind a port on which
nothing listens at first, and one at a name that leads to this machine without a permission. Each request must be
signed, and each retry must have the same id and the same bytes.
"""

import hashlib
import hmac
import http.server
import json
import re
import threading
import time

from harness import (ROOT, Nines, Workspace, answers, become, check, free_port, metric, running, say, until)

SECRET = "the first secret of the receivers"

NEXT_SECRET = "the second secret of the receivers"

# Longer than the usual pause of 30 s, so that a shorter pause would be seen.
ASKED_S = 36

# Longer than the limit of a request.
LATE_S = 33


class Receiver(http.server.BaseHTTPRequestHandler):
    """Verifies each request and answers as the path and the number of the request say."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        at = time.time()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signed = self.headers["Nines-Timestamp"].encode() + b"." + body
        genuine = [secret for secret in (SECRET, NEXT_SECRET) if hmac.compare_digest(
            hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest(), self.headers["Nines-Signature"])]
        entry = {"path": self.path, "at": at, "id": self.headers["Nines-Id"], "body": body,
                 "secret": genuine[0] if genuine else None, "age": at - int(self.headers["Nines-Timestamp"])}
        with self.server.held:
            self.server.seen.append(entry)
            number = sum(1 for one in self.server.seen if one["path"] == self.path)
        status, headers = 204, {}
        if self.path == "/flaky" and number == 1:
            status = 503
        elif self.path == "/busy" and number == 1:
            status, headers = 429, {"Retry-After": str(ASKED_S)}
        elif self.path == "/late" and number == 1:
            self.server.patience.wait(LATE_S)
        elif self.path == "/gone":
            status = 410
        elif self.path == "/moved":
            status, headers = 307, {"Location": f"http://127.0.0.1:{self.server.server_port}/elsewhere"}
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


def receiver(port):
    """Start a receiver on a thread and return it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    server.daemon_threads = True
    server.seen, server.held, server.patience = [], threading.Lock(), threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def documented():
    """Return the program of docs/webhooks.md."""
    text = (ROOT / "docs/webhooks.md").read_text()
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    check(found, "docs/webhooks.md has no receiver")
    return found[1]


def listed(nines, url):
    """Return the notices to a webhook."""
    return [one for one in nines.json("notice", "list") if one["recipient"] == url]


def requests(server, path):
    with server.held:
        return [one for one in server.seen if one["path"] == path]


def main():
    with Workspace(300) as workspace:
        server, later, shown, target = receiver(0), free_port(), free_port(), free_port()
        secret = workspace.folder / "secret"
        secret.write_text(SECRET + "\n")
        program = workspace.folder / "receiver.py"
        program.write_text(documented())
        process = workspace.begin("documented", ["python3", program, shown, secret])
        until(10, "the documented receiver does not listen",
              lambda: running(process, "the documented receiver") and answers(shown))
        state = workspace.target("portal", target)

        port = server.server_port
        hooks = {path: f"http://127.0.0.1:{port}/{path}"
                 for path in ("ok", "flaky", "busy", "late", "gone", "moved")}
        hooks["closed"] = f"http://127.0.0.1:{later}/closed"
        hooks["named"] = f"http://localhost:{port}/named"
        hooks["shown"] = f"http://127.0.0.1:{shown}/"
        private = f"https://localhost:{port}/private"
        probe = f"""[[probe]]
name     = "page"
kind     = "http"
url      = "http://127.0.0.1:{target}/"
interval = "1s"
failures = 1
"""
        nines = Nines(workspace, "webhooks", [free_port()], {}, {"portal": probe})
        tables = [(name, url, ", allow_private = true") for name, url in hooks.items()]
        tables.append(("private", private, ""))
        with nines.config.open("a") as config:
            for name, url, more in tables:
                config.write(f"""[[customer]]
id      = "{name}"
name    = "{name.title()}"
zone    = "America/Chicago"
systems = ["portal"]
webhook = {{ url = "{url}", secret_file = "{secret}"{more} }}
""")
        said = nines.ask("notice", "test", hooks["shown"])
        check("the test was accepted by the webhook" in said, said)
        log = workspace.folder / "documented.log"
        until(10, "the documented receiver saw no test", lambda: '"kind":"test"' in log.read_text())
        refused = nines.ask("notice", "test", private, status=(1,))
        check("is a loopback address" in refused, refused)
        say("nines notice test: signed and verified; a name that leads to this machine is refused")

        nines.start()
        become(state, "status")
        until(30, "no webhook got the downtime", lambda: requests(server, "/ok"))
        until(30, "the port without a receiver was not tried",
              lambda: any(one["attempts"] for one in listed(nines, hooks["closed"])))
        opened = receiver(later)
        done = {"ok": 1, "named": 1, "flaky": 2, "busy": 2, "late": 2, "gone": 1}
        for path, count in done.items():
            until(150, f"{path}: {count} requests", lambda: len(requests(server, f"/{path}")) >= count)
        until(60, "the receiver that came later got nothing", lambda: requests(opened, "/closed"))
        until(30, "a notice is not settled", lambda: all(
            one["result"] != "queued" for path in done for one in listed(nines, hooks[path])))

        for path, count in {**done, "closed": 1, "moved": 2}.items():
            got = requests(opened if path == "closed" else server, f"/{path}")
            check(len(got) == count or path == "moved", f"{path}: {len(got)} requests, not {count}")
            check(len({one["id"] for one in got}) == 1, f"{path}: more than one id")
            check(len({one["body"] for one in got}) == 1, f"{path}: the bytes changed")
            for one in got:
                check(one["secret"] == SECRET, f"{path}: a signature is wrong")
                check(-2 < one["age"] < 10, f"{path}: a timestamp is {one['age']:.0f} s old")
            body = json.loads(got[0]["body"])
            check(body["id"] == got[0]["id"] and body["kind"] == "downtime", body)
            check([(s["id"], s["state"]) for s in body["systems"]] == [("portal", "down")], body)
            result = listed(nines, hooks[path])[0]["result"]
            expected = {"gone": "rejected", "moved": "queued"}.get(path, "sent")
            check(result == expected, f"{path}: {result}")
        pause = [one["at"] for one in requests(server, "/busy")]
        check(pause[1] - pause[0] >= ASKED_S, f"tried again after {pause[1] - pause[0]:.1f} s")
        check(not requests(server, "/elsewhere"), "a redirect was followed")
        check(not requests(server, "/private"), "a private address was reached without a permission")
        reply = listed(nines, private)[0]["reply"]
        check("is a loopback address" in reply, reply)
        check((metric(nines.page(), "nines_relay_refusals_total") or 0) >= 2, "no alert for the operator")
        check(log.read_text().count('"kind":"downtime"') == 1 and "REFUSED" not in log.read_text(),
              "the documented receiver")
        say(f"downtime: {sum(done.values()) + 1} requests of 7 notices, each retry with the same id and bytes; "
            f"Retry-After {ASKED_S} s kept")

        secret.write_text(NEXT_SECRET + "\n")
        become(state, "ok")
        until(60, "no webhook got the recovery", lambda: len(requests(server, "/ok")) == 2)
        again = requests(server, "/ok")[1]
        body = json.loads(again["body"])
        check(again["secret"] == NEXT_SECRET, "the changed secret is not used")
        check(body["kind"] == "uptime" and body["references"] == [requests(server, "/ok")[0]["id"]], body)
        nines.stop()
        shown_everywhere = (workspace.folder / "webhooks.log").read_text() + nines.ask("events")
        check(SECRET not in shown_everywhere, "the secret is in the log or the ledger")
        check(SECRET.encode() not in (nines.data / "ledger.sqlite").read_bytes(), "the secret is stored")
        say("uptime: signed with the changed secret, refers to the downtime; the secret is nowhere else")
        server.patience.set()


if __name__ == "__main__":
    main()
