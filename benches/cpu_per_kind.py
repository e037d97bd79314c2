"""Measures CPU time per probe of each kind, and a TLS probe against a bare rustls handshake in the same run.

    python3 benches/cpu_per_kind.py [--program PROGRAM] [--rounds N] [--limit RATIO]

`probes/examples/cpu_per_kind/` is the program: the probes run one after another in one process, their peers in another,
whose time does not count. Most peers replay an answer of `probes/tests/corpora/`. PostgreSQL is a real one besides,
because its password costs the client thousands of hashes, and nginx is a second peer of HTTP.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/peers"))

from harness import Workspace, check, free_port, say
from probe_postgres import postgresql
from probe_tls import Authority

# The real peers. The program takes each table for one more probe.
MORE = """["http, nginx"]
kind = "http"
url = "http://127.0.0.1:{web}/"
expect.body_contains = "Sign in"

["postgres, TLS and SCRAM"]
kind = "postgres"
host = "127.0.0.1"
port = {database}
database = "results"
user = "nines"
password_file = "{folder}/password"
expect = "1"
tls = true
ca_file = "{folder}/ca/ca.pem"
"""


def program(given):
    """Return the path of the program; build it in release mode unless given."""
    if given:
        return given
    subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "nines-probes",
                    "--example", "cpu_per_kind"], cwd=ROOT, check=True)
    found = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT,
                           check=True, capture_output=True)
    return json.loads(found.stdout)["target_directory"] + "/release/examples/cpu_per_kind"


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--program", help="the compiled example (default: built in release mode)")
    words.add_argument("--rounds", type=int, default=100, help="rounds of ten runs of each kind")
    words.add_argument("--limit", type=float, default=1.3, help="the most that a probe over TLS may cost, × bare rustls")
    given = words.parse_args()
    path = program(given.program)
    with Workspace(limit_s=900) as workspace:
        authority = Authority(workspace.folder / "ca")
        authority.issue("web", "IP:127.0.0.1")
        web = free_port()
        workspace.nginx(web)
        database = postgresql(workspace, authority)
        (workspace.folder / "password").write_text("hunter2 & more\n")
        more = workspace.folder / "more.toml"
        more.write_text(MORE.format(web=web, database=database, folder=workspace.folder))
        done = subprocess.run([path, str(given.rounds), str(more)], capture_output=True, text=True, timeout=800)
        check(done.returncode == 0, done.stderr[-800:])
        say(done.stdout.rstrip())
        say(f"load {os.getloadavg()[0]:.1f}")
        ratios = re.findall(r"^(\w+): (\S+) × bare", done.stdout, re.M)
        check([name for name, _ in ratios] == ["tls", "https"], "the program printed no ratios")
        for name, ratio in ratios:
            check(float(ratio) <= given.limit, f"a probe of {name} may cost {given.limit} × the bare one")


if __name__ == "__main__":
    main()
