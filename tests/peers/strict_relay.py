"""Notices through a strict Postfix: it wants a qualified name in EHLO, denies relaying, and has a self-signed
certificate.

A notice that this Postfix does not relay must leave through the second relay, aiosmtpd. The certificate in
`ca_file` must be trusted over STARTTLS and over TLS, and nowhere without it.
"""

import os
import pathlib
import smtplib
import subprocess

from harness import (Nines, Workspace, answers, check, free_port, mails, metric, need, running, say, until)

DOWN = """[[probe]]
name     = "page"
kind     = "tcp"
host     = "127.0.0.1"
port     = {port}
interval = "1s"
failures = 1
"""

MAIN = """compatibility_level = 3.6
command_directory = {package}/usr/sbin
daemon_directory = {package}/usr/lib/postfix/sbin
shlib_directory = {package}/usr/lib/postfix
meta_directory = {folder}
data_directory = {folder}/data
queue_directory = {folder}/queue
import_environment = MAIL_CONFIG LD_LIBRARY_PATH LANG=C
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
mail_owner = daemon
setgid_group = mail
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.example.org
mydestination =
mynetworks =
alias_maps =
alias_database =
virtual_mailbox_domains = clinic.example
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:{user}
virtual_gid_maps = static:{user}
virtual_minimum_uid = 1
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/both.pem
"""

MASTER = """127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{secure} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

# Postfix needs root and the owners of its folders. It ends when its standard input is closed.
START = """set -e
cd {folder}
mkdir -p data mail queue/active queue/bounce queue/corrupt queue/defer queue/deferred queue/flush queue/hold \\
  queue/incoming queue/maildrop queue/pid queue/private queue/public queue/saved queue/trace
chown {user} mail
chown -R daemon data queue
chown root queue queue/pid
chgrp mail queue/public queue/maildrop
chmod 755 queue
export MAIL_CONFIG={folder} LD_LIBRARY_PATH={package}/usr/lib/postfix
{package}/usr/lib/postfix/sbin/master -c {folder} -s </dev/null &
cat >/dev/null
chmod -R a+rwX {folder}
"""


def package():
    """Return the folder into which `.ci/run` unpacks Debian's postfix, which conflicts with opensmtpd."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    for folder in (cache / "nines/postfix", pathlib.Path("/")):
        if os.access(folder / "usr/lib/postfix/sbin/master", os.X_OK):
            return str(folder).rstrip("/")
    raise SystemExit(f"FAILED: no Postfix in {cache}/nines/postfix: `apt-get download postfix` and "
                     f"`dpkg -x postfix_*.deb {cache}/nines/postfix`")


def postfix(workspace, port, secure):
    """Start Postfix. Return its folder, which holds `cert.pem` and the Maildir `mail`."""
    folder = workspace.folder / "postfix"
    folder.mkdir()
    made = subprocess.run(
        [need("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
         "/CN=relay", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, capture_output=True, text=True, timeout=60)
    check(made.returncode == 0, made.stderr[-800:])
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    of = {"folder": folder, "package": package(), "port": port, "secure": secure,
          "user": os.geteuid() or 65534}
    for name, text in (("main.cf", MAIN), ("master.cf", MASTER), ("start", START)):
        (folder / name).write_text(text.format(**of))
    as_root = [] if os.geteuid() == 0 else [need("sudo", "sudo"), "-n"]
    process = workspace.begin("postfix-master", [
        *as_root, need("unshare", "util-linux"), "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
        "bash", folder / "start"], stdin=subprocess.PIPE, start_new_session=True)
    until(20, "Postfix does not listen", lambda: running(process, "Postfix") and answers(port)
          and answers(secure))
    return folder


def refusal(port, name, recipient):
    """Return Postfix's reply at RCPT to a client of this name."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname=name, timeout=10) as client:
        client.ehlo()
        client.docmd("MAIL FROM:<status@example.org>")
        return client.docmd(f"RCPT TO:<{recipient}>")[0]


def use(nines, relays, ca_file=None):
    """Replace the relays of a configuration."""
    lines = nines.config.read_text().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith("relays"))
    entries = ", ".join(f'"{relay}"' for relay in relays)
    lines[at] = f"relays = [{entries}]\n"
    lines = [line for line in lines if not line.startswith("ca_file")]
    if ca_file:
        lines.insert(at, f'ca_file = "{ca_file}"\n')
    nines.config.write_text("".join(lines))


def main():
    with Workspace(120) as workspace:
        port, secure, other, closed = (free_port() for _ in range(4))
        folder = postfix(workspace, port, secure)
        check(refusal(port, "vm", "it@clinic.example") == 504, "Postfix accepts a bare name")
        check(refusal(port, "a.example", "it@other.example") == 554, "Postfix relays")
        spool = workspace.aiosmtpd(other)
        nines = Nines(workspace, "strict", [port], {
            "clinic": (["it@clinic.example"], ["portal"]), "other": (["it@other.example"], ["portal"])},
            {"portal": DOWN.format(port=closed)})

        tried = nines.json("check", "--connect")["relays"]
        check([one["ok"] for one in tried] == [True], f"check --connect: {tried}")
        say(f"check --connect: {tried[0]['answer']}")
        sent = nines.json("notice", "test", "it@clinic.example")
        check(sent["accepted"], f"Postfix did not take the test mail: {sent}")
        until(20, "the test mail does not arrive", lambda: mails(folder / "mail"))
        denied = nines.json("notice", "test", "it@other.example", status=(1,))
        check("554 5.7.1" in denied["reply"], f"relaying was not denied: {denied}")
        say(f"the test mail arrived; to another domain: {denied['reply']}")

        for relay in (f"smtp+starttls://127.0.0.1:{port}", f"smtps://127.0.0.1:{secure}"):
            use(nines, [relay])
            failed = nines.json("check", "--connect", status=(1,))["relays"][0]
            check("certificate" in failed["answer"], f"{relay} without ca_file: {failed}")
            use(nines, [relay], folder / "cert.pem")
            tried = nines.json("check", "--connect")["relays"][0]
            check(tried["ok"], f"{relay} with ca_file: {tried}")
            before = len(mails(folder / "mail"))
            nines.json("notice", "test", "it@clinic.example")
            until(20, f"no mail over {relay}", lambda: len(mails(folder / "mail")) > before)
            say(f"{relay}: refused without ca_file ({failed['answer']}), trusted with it")

        use(nines, [f"smtp://127.0.0.1:{port}", f"smtp://127.0.0.1:{other}"])
        nines.start()
        subjects = lambda spool: [mail.subject for mail in mails(spool) if mail.subject.startswith("DOWN")]
        until(30, "a customer got no notice",
              lambda: subjects(folder / "mail") and subjects(spool))
        until(30, "a notice is pending", lambda: not nines.pending())
        page = nines.page()
        refusals = metric(page, "nines_relay_refusals_total")
        check(refusals and refusals > 0, "the refusal is not counted")
        results = {notice["recipient"]: notice["result"] for notice in nines.notices().values()}
        check(results == {"it@clinic.example": "sent", "it@other.example": "sent"}, f"results: {results}")
        check(len(subjects(folder / "mail")) == 1 and len(subjects(spool)) == 1, "a mail came twice")
        nines.stop()
        say("both customers were notified: one by Postfix, one by the second relay")


if __name__ == "__main__":
    main()
