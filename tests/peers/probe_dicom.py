"""Probes of kind `dicom` against two application entities that we did not write: `storescp` of dcmtk and pynetdicom.
Titles that are known or not, an entity that is full, one without verification, and TLS.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import shutil
import ssl
import sys

from harness import Nines, Workspace, answers, check, free_port, running, say, until
from probe_tls import Authority

PROBE = """[[probe]]
name     = "{name}"
kind     = "dicom"
host     = "127.0.0.1"
port     = {port}
called   = "{called}"
interval = "1m"
timeout  = "5s"
{keys}
"""


def entity(port, does, folder):
    """Serve verification; `does` says how."""
    from pynetdicom import AE, evt

    ae = AE(ae_title="ARCHIVE")
    ae.require_called_aet = True
    ae.require_calling_aet = ["NINES"]
    # Verification, or storage of CT images alone.
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.2" if does == "storage" else "1.2.840.10008.1.1")
    if does == "full":
        ae.maximum_associations = 0
    status = {"failing": 0x0211}.get(does, 0x0000)
    context = None
    if folder:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/web.pem", f"{folder}/web.key")
    ae.start_server(("127.0.0.1", int(port)), evt_handlers=[(evt.EVT_C_ECHO, lambda event: status)],
                    ssl_context=context)


def start(workspace, does, folder=""):
    """Start an entity of pynetdicom and return its port."""
    port = free_port()
    name = f"pynetdicom-{does}-{port}"
    process = workspace.begin(name, [sys.executable, "-B", __file__, "entity", str(port), does, folder])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port))
    return port


def storescp(workspace, *options):
    """Start `storescp` and return its port."""
    port = free_port()
    name = f"storescp-{port}"
    # pynetdicom has a program of that name, too.
    program = shutil.which("storescp", path="/usr/bin:/usr/local/bin")
    check(program, "storescp is missing: install dcmtk")
    process = workspace.begin(name, [program, "--log-level", "warn", "--aetitle", "ARCHIVE",
                                     "--output-directory", workspace.folder, *options, str(port)])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port))
    return port


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    authority.issue("web", "IP:127.0.0.1")
    authority.issue("client", "DNS:nines.example.org")
    folder = authority.folder
    trusted = f'tls = true\nca_file = "{folder}/ca.pem"'
    client = (f'{trusted}\nclient_certificate_file = "{folder}/client.pem"\n'
              f'client_key_file = "{folder}/client.key"')
    certificate = ("+tls", folder / "web.key", folder / "web.pem", "+cf", folder / "ca.pem")
    good, secure = start(workspace, "verification"), start(workspace, "verification", folder)
    plain, mutual = storescp(workspace), storescp(workspace, *certificate)
    # Port, called title, keys; outcome, reason and words.
    cases = [
        (plain, "ARCHIVE", "", "up", None, ""),
        (storescp(workspace, "--refuse"), "ARCHIVE", "", "down", "status", "association rejected: it gives no reason"),
        (mutual, "ARCHIVE", client, "up", None, ""),
        (mutual, "ARCHIVE", trusted, "down", "tls", "client certificate"),
        (mutual, "ARCHIVE", "", "down", "protocol", ""),
        (good, "ARCHIVE", "", "up", None, ""),
        (good, "OTHER", "", "down", "status", "rejected: it does not know the called title OTHER (for good)"),
        (good, "ARCHIVE", 'calling = "STRANGER"', "down", "status",
         "rejected: it does not know the calling title STRANGER: register it there (for good)"),
        (start(workspace, "full"), "ARCHIVE", "", "down", "status", "as many associations as it allows"),
        (start(workspace, "storage"), "ARCHIVE", "", "down", "status",
         "the entity does not offer verification: it does not know the service"),
        (start(workspace, "failing"), "ARCHIVE", "", "down", "status", "the command is not known (status 0211H)"),
        (secure, "ARCHIVE", trusted, "up", None, ""),
        (secure, "ARCHIVE", "tls = true", "down", "certificate", "issued by Hospital CA"),
        (free_port(), "ARCHIVE", "", "down", "refused", "connection refused"),
    ]
    probes = [PROBE.format(name=f"case-{number}", port=port, called=called, keys=keys)
              for number, (port, called, keys, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"archive": "".join(probes)})
    found = {result["probe"]: result for result in nines.json("probe", "archive", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    for number, (port, called, keys, outcome, reason, words) in enumerate(cases):
        result = found[f"archive/case-{number}"]
        what = f"{port} {called} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        check(outcome != "up" or "released" in str(result["transcript"]), what)
        say(f"{result['probe']}: {outcome} {result['detail'] or ''}")
    say(nines.ask("probe", "archive/case-5"))
    say("dicom: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["entity"]:
        entity(*sys.argv[2:])
    else:
        with Workspace(limit_s=240) as here:
            run(here)
