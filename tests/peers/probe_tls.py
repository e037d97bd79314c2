"""Probes of kind `tls` against `openssl s_server`: good and bad certificates, versions of TLS, an answer.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import datetime
import subprocess

from harness import UTC, Nines, Workspace, answers, check, free_port, need, running, say, until

AUTHORITY = """[ca]
default_ca = one
[one]
dir            = {folder}
database       = {folder}/index
new_certs_dir  = {folder}
serial         = {folder}/serial
default_md     = sha256
policy         = any
unique_subject = no
[any]
commonName = supplied
[middle]
basicConstraints = critical, CA:true
"""

PROBE = """[[probe]]
name     = "{name}"
kind     = "tls"
host     = "127.0.0.1"
port     = {port}
interval = "1m"
timeout  = "5s"
ca_file  = "{ca}"
{keys}
"""


class Authority:
    """A certificate authority made with openssl."""

    def __init__(self, folder):
        self.openssl = need("openssl", "openssl")
        self.folder = folder
        folder.mkdir()
        (folder / "index").touch()
        (folder / "serial").write_text("01\n")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Hospital CA",
                 "-days", "30", "-keyout", "ca.key", "-out", "ca.pem")

    def run(self, *words):
        done = subprocess.run([self.openssl, *words], cwd=self.folder, capture_output=True, text=True,
                              timeout=60)
        check(done.returncode == 0, f"openssl {' '.join(words)}: {done.stderr[-800:]}")

    def issue(self, name, section, by="ca", begins=-1, ends=20):
        """Make NAME.key and NAME.pem, valid between these days from now."""
        now = datetime.datetime.now(UTC)
        day = [(now + datetime.timedelta(days=days, hours=1)).strftime("%Y%m%d%H%M%SZ")
               for days in (begins, ends)]
        config = AUTHORITY.format(folder=self.folder)
        (self.folder / "ca.cnf").write_text(f"{config}[server]\nsubjectAltName = {section}\n")
        self.run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.run("ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", f"{by}.pem",
                 "-keyfile", f"{by}.key", "-in", f"{name}.csr", "-out", f"{name}.pem",
                 "-startdate", day[0], "-enddate", day[1],
                 "-extensions", "middle" if section == "middle" else "server")


def serve(workspace, authority, name, *options):
    """Start `openssl s_server` with this certificate; return its port once it answers."""
    port = free_port()
    process = workspace.begin(f"s_server-{port}", [
        authority.openssl, "s_server", "-accept", f"127.0.0.1:{port}", "-quiet",
        "-cert", authority.folder / f"{name}.pem", "-key", authority.folder / f"{name}.key", *options],
        stdin=subprocess.PIPE)
    until(10, "s_server does not listen", lambda: running(process, "s_server") and answers(port))
    return port


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    stranger = Authority(workspace.folder / "stranger")
    here = "IP:127.0.0.1"
    authority.issue("good", here)
    authority.issue("expired", here, begins=-9, ends=-3)
    authority.issue("future", here, begins=3)
    authority.issue("soon", here, ends=5)
    authority.issue("other", "DNS:ldap.example.org")
    authority.issue("middle", "middle")
    authority.issue("below", here, by="middle")
    authority.issue("ended", "middle", begins=-60, ends=-30)
    (authority.folder / "both.pem").write_text("".join(
        (authority.folder / f"{name}.pem").read_text() for name in ("middle", "ended")))
    stranger.issue("strange", here)
    middle = ("-cert_chain", authority.folder / "middle.pem")
    needless = ("-cert_chain", authority.folder / "both.pem")
    asking = 'send = "olleh\\n"\nexpect = "hello"'
    days = "certificate_days = 14"
    authority.issue("client", "DNS:nines.example.org")
    wanted = ("-rev", "-Verify", "1", "-verify_return_error", "-CAfile", authority.folder / "ca.pem")
    stranger.issue("unknown", "DNS:nines.example.org")
    client, unknown = (f'client_certificate_file = "{by.folder}/{name}.pem"\n'
                       f'client_key_file = "{by.folder}/{name}.key"\n{asking}'
                       for by, name in ((authority, "client"), (stranger, "unknown")))
    # Name of the probe, options of s_server, keys of the probe; outcome, reason and words.
    cases = [
        ("strange", (), "", "down", "certificate", "Hospital CA"),
        ("good", (), days, "up", None, ""),
        ("good", ("-tls1_2",), "", "up", None, ""),
        ("good", ("-rev",), asking, "up", None, ""),
        ("good", ("-rev",), asking.replace('"hello"', '"ready"'), "down", "body", "lacks `ready`"),
        ("good", ("-rev", "-Verify", "1"), asking, "down", "tls", "the server wants a client certificate"),
        ("good", ("-tls1_2", "-Verify", "1"), "", "down", "tls", "the server wants a client certificate"),
        ("good", ("-rev", "-verify", "1"), asking, "up", None, ""),
        ("good", wanted, client, "up", None, ""),
        ("good", (*wanted, "-tls1_2"), client, "up", None, ""),
        ("good", wanted, unknown, "down", "tls", "the server wants a client certificate that it trusts"),
        ("good", (*wanted, "-tls1_2"), unknown, "down", "tls", "client certificate that it trusts"),
        ("good", ("-alpn", "dicom"), "", "up", None, ""),
        ("soon", (), days, "up", None, ""),
        ("soon", (), "certificate_days = 4", "up", None, ""),
        ("expired", (), "", "down", "certificate", "expired 2 days ago"),
        ("future", (), "", "down", "certificate", "not valid until"),
        ("other", (), "", "down", "certificate", "is for ldap.example.org, not 127.0.0.1"),
        ("other", (), 'server_name = "ldap.example.org"', "up", None, ""),
        ("below", middle, "", "up", None, ""),
        ("below", (), "", "down", "certificate", "issued by middle, not trusted here"),
        ("below", needless, "", "up", None, ""),
        # No handshake: openssl still has old versions and ciphers, and more curves.
        ("good", ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "", "down", "tls", "no protocol version in common"),
        ("good", ("-tls1_2", "-cipher", "AES128-SHA"), "", "down", "tls", "no cipher suite in common"),
        ("good", ("-tls1_2", "-cipher", "DHE"), "", "down", "tls", "no cipher suite in common"),
        ("plain", (), "", "down", "tls", "the server does not speak TLS"),
        ("good", ("-curves", "brainpoolP256r1"), "", "down", "tls", "no cipher suite in common, or no curve"),
    ]
    probes = []
    for number, (name, options, keys, *_) in enumerate(cases):
        if name == "plain":
            port = free_port()
            workspace.nginx(port)
        else:
            port = serve(workspace, stranger if name == "strange" else authority, name, *options)
        probes.append(PROBE.format(name=f"{name}-{number}", port=port, keys=keys,
                                   ca=authority.folder / "ca.pem"))

    nines = Nines(workspace, "nines", [free_port()], {}, {"directory": "".join(probes)})
    found = nines.json("probe", "directory", status=(1,), seconds=120)
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    found = {result["probe"]: result for result in found}
    for number, (name, options, keys, outcome, reason, words) in enumerate(cases):
        result = found[f"directory/{name}-{number}"]
        what = f"{name} {' '.join(map(str, options))} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        soon = name == "expired" or (name == "soon" and keys == days)
        check(result["certificate_ends_soon"] == soon, what)
        no_handshake = reason == "tls" and "client certificate" not in words
        check(no_handshake or result["certificate_ends"], what)
        check(result["phases_ms"]["tls"] is not None, what)
        say(f"{result['probe']}: {outcome} {result['detail'] or ''}")
    say("tls: passed")


if __name__ == "__main__":
    with Workspace(limit_s=240) as here:
        run(here)
