#!/usr/bin/env python3
"""The API against schemathesis, which makes requests from the OpenAPI document and checks every answer against it.

For a token of each role: no answer is a failure of the service, none has a status, a type, a header or a form that the
document does not say, and no wrong request is accepted. Administrators also make tokens and invitations. Needs PyPI's schemathesis.
"""

import pathlib
import re
import subprocess
import urllib.parse
import urllib.request

from harness import Nines, Workspace, check, free_port, need, python_with, say, until

SEED = 20261130
SECONDS = 20
# A valid form is no promise that the act is possible now: there may be no such incident.
NOT_CHECKED = "positive_data_acceptance"
PASSWORD = "quartz lantern meadow fifty"


class Console:
    """An administrator's session."""

    def __init__(self, nines):
        self.site = f"http://127.0.0.1:{nines.port}"
        self.cookie = ""
        log = (nines.workspace.folder / f"{nines.name}.log").read_text()
        path = re.search(r"/console/invitation/[\w-]+", log)
        check(path, "the log names no first administrator")
        _, headers = self.post(path[0], login="ann", name="Ann", password=PASSWORD)
        cookie = headers.get("set-cookie", "")
        check(cookie.startswith("__Host-nines="), f"no session: {headers}")
        self.cookie = cookie.split(";")[0]

    def post(self, path, **fields):
        """Send a form; return the page and the headers of the answer, which may be a redirect."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None
        opener = urllib.request.build_opener(Stay)
        request = urllib.request.Request(self.site + path, urllib.parse.urlencode(fields).encode(),
                                         {"Cookie": self.cookie, "Sec-Fetch-Site": "same-origin"})
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.read().decode(), answer.headers
        except urllib.error.HTTPError as answer:
            check(answer.code == 303, f"{path}: {answer.code} {answer.read().decode()[:400]}")
            return "", answer.headers

    def token(self, role):
        page, _ = self.post("/console/people", change="create_token", name=f"{role} of the test", role=role, days="1")
        token = re.search(r"nines_[\w-]{43}", page)
        check(token, f"no token for {role}: {page[-800:]}")
        return token[0]


def fuzz(site, role, token, only, folder):
    """Run schemathesis with a token; return its last lines."""
    program = pathlib.Path(python_with("schemathesis")).parent / "schemathesis"
    command = [program, "run", f"{site}/api/v1/openapi.json", "--header", f"Authorization: Bearer {token}",
               "--seed", str(SEED), "--generation-deterministic", "--max-time", str(SECONDS), "--max-examples", "15",
               "--checks", "all", "--exclude-checks", NOT_CHECKED, "--phases", "examples,coverage,fuzzing",
               "--continue-on-failure", "--no-color", "--request-timeout", "20", *only]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    (folder / f"schemathesis-{role}.log").write_text(done.stdout + done.stderr)
    check(done.returncode == 0, f"schemathesis as {role}:\n{done.stdout[-6000:]}{done.stderr[-1000:]}")
    tested = re.search(r"(\d+) (?:test cases? )?generated", done.stdout)
    check(tested and int(tested[1]) > 50, f"schemathesis tested almost nothing as {role}:\n{done.stdout[-3000:]}")
    return tested[1]


def main():
    need("setpriv", "util-linux")
    python_with("schemathesis")
    with Workspace(400) as workspace:
        port = free_port()
        workspace.target("portal", port)
        probe = f'[[probe]]\nname = "page"\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\ninterval = "5s"\n'
        customers = {"clinic": (["it@clinic.example"], ["portal"])}
        nines = Nines(workspace, "nines", [free_port()], customers, {"portal": probe})
        nines.start()
        site = f"http://127.0.0.1:{nines.port}"
        console = Console(nines)
        until(30, "no sample", lambda: nines.json("status", status=(0, 1))["systems"][0]["state"] == "up")
        nines.ask("incident", "report-problem", "clinic", "--system", "portal", "--type", "problem", "--reporter", "Lee",
                  "--text", "results do not load")
        nines.ask("maintenance", "schedule", "disk", "--system", "portal", "--title", "Disk", "--start", "2027-01-10 21:00",
                  "--end", "2027-01-10 22:00", "--anyway")
        reading = ["--include-method", "GET"]
        for role, only in [
            ("viewer", reading),
            ("operator", []),
            ("approver", reading),
            # A program that revokes tokens would revoke its own.
            ("admin", ["--exclude-method", "DELETE", "--exclude-method", "PATCH"]),
        ]:
            tested = fuzz(site, role, console.token(role), only, workspace.folder)
            say(f"as {role}: {tested} requests, no failure of the service and no answer outside of the document")
        nines.ask("verify", "--replay")
        nines.stop()
        say("the ledger is unbroken after all that")


if __name__ == "__main__":
    main()
