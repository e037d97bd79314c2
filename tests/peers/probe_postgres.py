"""Probes of kind `postgres` against Debian's PostgreSQL: password and certificate, TLS, queries that read, write, wait
and fail, and a server that is full.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import glob
import os
import pathlib
import shutil
import subprocess

from harness import Nines, Workspace, check, free_port, need, running, say, until
from probe_tls import Authority

PROBE = """[[probe]]
name     = "{name}"
kind     = "postgres"
host     = "127.0.0.1"
port     = {port}
interval = "1m"
timeout  = "{timeout}"
database = "results"
user     = "{user}"
{keys}
"""

ACCESS = """local all all trust
hostssl all certified 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 scram-sha-256
host all plain 127.0.0.1/32 scram-sha-256
"""

SQL = """CREATE ROLE nines LOGIN PASSWORD 'hunter2 & more';
CREATE ROLE plain LOGIN PASSWORD 'hunter2 & more' CONNECTION LIMIT 0;
CREATE ROLE certified LOGIN;
CREATE DATABASE results;
\\c results
CREATE TABLE outbox (patient text);
INSERT INTO outbox VALUES ('Miller');
GRANT ALL ON outbox TO nines;
CREATE TABLE closed (patient text);
"""


def postgresql(workspace, authority):
    """Start PostgreSQL, which refuses to run as root, and return its port."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    check(programs or shutil.which("initdb"), "initdb is missing: install postgresql")
    programs = pathlib.Path(programs[-1] if programs else os.path.dirname(shutil.which("initdb")))
    folder = workspace.folder / "postgresql"
    folder.mkdir()
    as_user = []
    if os.geteuid() == 0:
        as_user = [need("setpriv", "util-linux"), "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        workspace.folder.chmod(0o755)
    for name in ("web.pem", "web.key", "ca.pem"):
        shutil.copy(authority.folder / name, folder / name)
        (folder / name).chmod(0o600)
    if as_user:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "nobody", "nogroup")
    port = free_port()

    def done(*words, **more):
        ended = subprocess.run([*as_user, *map(str, words)], capture_output=True, text=True, timeout=120,
                               cwd=folder, env={**os.environ, "HOME": str(folder), "LC_ALL": "C"}, **more)
        check(ended.returncode == 0, f"{words}: {ended.stderr[-800:]}")

    data = folder / "data"
    done(programs / "initdb", "--pgdata", data, "--username", "owner", "--auth", "trust", "--no-sync")
    (data / "pg_hba.conf").write_text(ACCESS)
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off",
               "ssl": "on", "ssl_cert_file": folder / "web.pem", "ssl_key_file": folder / "web.key",
               "ssl_ca_file": folder / "ca.pem", "logging_collector": "off"}
    settings = [f"--{name}={value}" for name, value in options.items()]
    process = workspace.begin("postgresql", [*as_user, programs / "postgres", "-D", data, *settings], cwd=folder)
    # It listens before it serves.
    asked = [programs / "pg_isready", "--quiet", "--host", folder, "--port", str(port), "--username", "owner"]
    until(60, "PostgreSQL does not serve",
          lambda: running(process, "PostgreSQL") and subprocess.run(asked).returncode == 0, every=0.2)
    done(programs / "psql", "--host", folder, "--port", port, "--username", "owner", "--dbname", "postgres",
         "--set", "ON_ERROR_STOP=1", "--quiet", input=SQL)
    return port


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    authority.issue("web", "IP:127.0.0.1")
    authority.issue("certified", "DNS:nines.example.org")
    port = postgresql(workspace, authority)
    good, wrong = workspace.folder / "good", workspace.folder / "wrong"
    good.write_text("hunter2 & more\n")
    wrong.write_text("hunter3\n")
    tls = f'tls = true\nca_file = "{authority.folder}/ca.pem"'
    client = (f'client_certificate_file = "{authority.folder}/certified.pem"\n'
              f'client_key_file = "{authority.folder}/certified.key"')
    known = f'{tls}\npassword_file = "{good}"'
    # User, keys, timeout; outcome, reason and words.
    cases = [
        ("nines", known, "5s", "up", None, ""),
        ("nines", f'{known}\nquery = "SELECT count(*) FROM outbox;"\nexpect = "1"', "5s", "up", None, ""),
        ("nines", f'{known}\nquery = "SELECT patient FROM outbox"\nexpect = "Smith"', "5s", "down", "body",
         "the first column of the first row is not `Smith`"),
        ("certified", f"{tls}\n{client}", "5s", "up", None, ""),
        ("certified", tls, "5s", "down", "status", "refuses this user, or its password or address (SQLSTATE 28000)"),
        ("nines", f'{tls}\npassword_file = "{wrong}"', "5s", "down", "status", "(SQLSTATE 28P01)"),
        ("nines", f'password_file = "{good}"', "5s", "down", "status", "(SQLSTATE 28000)"),
        ("plain", f'password_file = "{good}"', "5s", "down", "status", "no connection left (SQLSTATE 53300)"),
        ("nines", f'{known}\nquery = "DELETE FROM outbox"', "5s", "down", "status", "(SQLSTATE 25006)"),
        ("nines", f'{known}\nquery = "SELECT patient FROM closed"', "5s", "down", "status", "(SQLSTATE 42501)"),
        ("nines", f'{known}\nquery = "SELECT patient::int FROM outbox"', "5s", "down", "status", "(SQLSTATE 22P02)"),
        ("nines", f'{known}\nquery = "SELECT pg_sleep(60)"', "1s", "down", "timeout", ""),
        ("nines", f'tls = true\npassword_file = "{good}"', "5s", "down", "certificate", "issued by Hospital CA"),
    ]
    probes = [PROBE.format(name=f"case-{number}", port=port, user=user, keys=keys, timeout=timeout)
              for number, (user, keys, timeout, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"database": "".join(probes)})
    found = {result["probe"]: result for result in nines.json("probe", "database", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    for number, (user, keys, _, outcome, reason, words) in enumerate(cases):
        result = found[f"database/case-{number}"]
        what = f"{user} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        check("Miller" not in str(result) and "hunter" not in str(result), what)
        say(f"{result['probe']}: {outcome} {result['detail'] or ''}")
    say(nines.ask("probe", "database/case-0"))
    say("postgres: passed")


if __name__ == "__main__":
    with Workspace(limit_s=240) as here:
        run(here)
