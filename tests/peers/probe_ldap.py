"""Probes of kind `ldap` against Debian's OpenLDAP: an anonymous and a signed bind, a wrong password, an unknown naming
context, TLS, a server that wants TLS for a bind, and a web server.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import os
import pathlib

from harness import Workspace, answers, check, free_port, probe_cases, running, say, until
from probe_tls import Authority

# `.ci/run` unpacks the package: installed, it would start a server.
PACKAGE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "nines/servers"

CONFIGURATION = """include {package}/etc/ldap/schema/core.schema
pidfile {folder}/slapd.pid
TLSCACertificateFile {authority}/ca.pem
TLSCertificateFile {authority}/web.pem
TLSCertificateKeyFile {authority}/web.key
{more}
database ldif
suffix "dc=example,dc=org"
rootdn "cn=nines,dc=example,dc=org"
rootpw right
directory {folder}/data
"""


def start(workspace, authority, more=""):
    """Start OpenLDAP; return its port and that of TLS."""
    program = PACKAGE / "usr/sbin/slapd"
    check(os.access(program, os.X_OK), f"{program} is missing: .ci/run unpacks Debian's package slapd")
    port, secure = free_port(), free_port()
    folder = workspace.folder / f"ldap-{port}"
    (folder / "data").mkdir(parents=True)
    (folder / "slapd.conf").write_text(
        CONFIGURATION.format(package=PACKAGE, folder=folder, authority=authority.folder, more=more))
    libraries = f"{PACKAGE}/usr/lib/x86_64-linux-gnu:{PACKAGE}/usr/lib"
    urls = f"ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{secure}/"
    name = f"ldap-{port}"
    process = workspace.begin(name, ["env", f"LD_LIBRARY_PATH={libraries}", str(program), "-d", "0",
                                     "-f", str(folder / "slapd.conf"), "-h", urls])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port) and answers(secure))
    return port, secure


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    authority.issue("web", "DNS:localhost")
    good, secure = start(workspace, authority)
    strict, _ = start(workspace, authority, "security simple_bind=128")
    closed, _ = start(workspace, authority, "disallow bind_anon")
    web = free_port()
    workspace.nginx(web)
    for name in ("right", "wrong"):
        (workspace.folder / name).write_text(name + "\n")
    signed = 'user = "cn=nines,dc=example,dc=org"\npassword_file = "{}/{}"'
    trusted = f'tls = true\nca_file = "{authority.folder}/ca.pem"'
    right = signed.format(workspace.folder, "right")
    # Port, keys; outcome, reason and words.
    cases = [
        (good, "", "up", None, ""),
        (good, 'base = "DC=example, DC=org"', "up", None, ""),
        (good, 'base = "dc=other"', "down", "body", "the directory has no naming context `dc=other`"),
        (good, right, "up", None, ""),
        (good, signed.format(workspace.folder, "wrong"), "down", "status", "the user or the password is wrong"),
        (secure, f"{trusted}\n{right}", "up", None, ""),
        (secure, "tls = true", "down", "certificate", "issued by Hospital CA"),
        (strict, right, "down", "status", "the server wants TLS"),
        (closed, "", "down", "status", "the server takes no such bind"),
        (good, trusted, "down", "tls", ""),
        (web, "", "down", "protocol", "the answer is not LDAP"),
        (free_port(), "", "down", "refused", "connection refused"),
    ]
    probe_cases(workspace, "ldap", cases, shown=5)
    say("ldap: passed")


if __name__ == "__main__":
    with Workspace(limit_s=180) as here:
        run(here)
