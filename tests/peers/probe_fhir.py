"""Probes of kind `fhir` against documents made with the package `fhir.resources`: a large CapabilityStatement, packed
and not, other versions and resources, a truncated one, and a server that wants a token.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import base64
import gzip
import http.server
import json
import sys
import urllib.parse

from harness import Nines, Workspace, answers, check, free_port, running, say, until

PROBE = """[[probe]]
name     = "{name}"
kind     = "fhir"
url      = "http://localhost:{port}/{path}"
interval = "1m"
timeout  = "5s"
{keys}
"""

SMART = {
    "issuer": "https://fhir.example.org", "jwks_uri": "https://fhir.example.org/jwks",
    "authorization_endpoint": "https://fhir.example.org/authorize", "token_endpoint": "https://fhir.example.org/token",
    "grant_types_supported": ["authorization_code", "client_credentials"],
    "capabilities": ["launch-ehr", "permission-patient", "sso-openid-connect"],
    "code_challenge_methods_supported": ["S256"],
}


def statement(version):
    """Return a CapabilityStatement as JSON, as large as those of real servers."""
    if version == "4.3.0":
        from fhir.resources.R4B.capabilitystatement import CapabilityStatement
    else:
        from fhir.resources.capabilitystatement import CapabilityStatement
    kinds = ["Patient", "Observation", "Encounter", "MedicationRequest", "DiagnosticReport"]
    search = [{"name": f"parameter-{number}", "type": "string", "documentation": "A search parameter. " * 20}
              for number in range(200)]
    return CapabilityStatement(
        status="active", date="2026-11-30T00:00:00Z", kind="instance", fhirVersion=version, format=["json"],
        implementation={"description": "An exchange"},
        rest=[{"mode": "server", "resource": [
            {"type": kind, "interaction": [{"code": "read"}], "searchParam": search} for kind in kinds]}],
    ).model_dump_json().encode()


class Server(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/fhir+json", "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        documents, path = self.server.documents, self.path
        if path.startswith("/closed/") and self.headers.get("Authorization") != "Bearer granted-token":
            return self.answer(401, b"")
        if path.endswith("/metadata"):
            kind = path.split("/")[1]
            if kind == "packed":
                packed = gzip.compress(documents["5.0.0"])
                return self.answer(200, packed, **{"Content-Encoding": "gzip"})
            if kind == "cut":
                return self.answer(200, documents["5.0.0"], **{"Content-Length": len(documents["5.0.0"]) + 1})
            if kind == "truncated":
                return self.answer(200, documents["5.0.0"][:100_000])
            if kind == "outcome":
                return self.answer(200, documents["outcome"])
            return self.answer(200, documents["4.3.0" if kind == "r4b" else "5.0.0"])
        if path == "/r5/.well-known/smart-configuration":
            return self.answer(200, json.dumps(SMART).encode(), **{"Content-Type": "application/json"})
        return self.answer(404, b"")

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        basic = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        client, secret = map(urllib.parse.unquote_plus, basic.split(":"))
        good = form == {"grant_type": ["client_credentials"], "scope": ["system/*.rs"]}
        if self.path == "/token" and good and (client, secret) == ("nines", "hunter2 & more"):
            return self.answer(200, json.dumps({"access_token": "granted-token", "token_type": "Bearer"}).encode())
        return self.answer(401, b'{"error": "invalid_client"}')

    def log_message(self, *_):
        pass


def serve(port):
    from fhir.resources.operationoutcome import OperationOutcome

    issue = {"severity": "error", "code": "transient", "diagnostics": "The database is away"}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Server)
    server.documents = {version: statement(version) for version in ("4.3.0", "5.0.0")}
    server.documents["outcome"] = OperationOutcome(issue=[issue]).model_dump_json().encode()
    server.serve_forever()


def run(workspace):
    port = free_port()
    process = workspace.begin("fhir", [sys.executable, "-B", __file__, "serve", str(port)])
    until(60, "the FHIR server does not listen", lambda: running(process, "fhir") and answers(port))
    good, wrong = workspace.folder / "good", workspace.folder / "wrong"
    good.write_text("hunter2 & more\n")
    wrong.write_text("hunter3\n")
    token = ('[probe.token]\nurl = "http://localhost:{port}/token"\nclient = "nines"\n'
             'scope = "system/*.rs"\npassword_file = "{file}"')
    resources = 'resources = ["Patient", "Observation"]'
    # Path, keys; outcome, reason and words.
    cases = [
        ("r5", f'version = "5.0.0"\nsmart = true\n{resources}', "up", None, ""),
        ("r4b", 'version = "4.3"', "up", None, ""),
        ("packed", resources, "up", None, ""),
        ("r4b", 'version = "5.0.0"', "down", "body", "metadata: FHIR version 4.3.0, expected 5.0.0"),
        ("r5", 'resources = ["Claim"]', "down", "body", "metadata: the server does not name the resource Claim"),
        ("r4b", "smart = true", "down", "status", "SMART configuration: status 404, expected 200"),
        ("truncated", "", "down", "body", "metadata: the body is JSON that ends too early"),
        ("cut", "", "down", "protocol", "metadata: the answer broke off after"),
        ("outcome", "", "down", "body", "metadata: the server answers with an OperationOutcome"),
        ("none", "", "up", None, ""),
        ("closed", "", "down", "status", "metadata: status 401, expected 200"),
        ("closed", token.format(port=port, file=good), "up", None, ""),
        ("closed", token.format(port=port, file=wrong), "down", "status", "token: status 401, expected 200"),
    ]
    probes = [PROBE.format(name=f"case-{number}", port=port, path=path, keys=keys)
              for number, (path, keys, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"fhir": "".join(probes)})
    found = {result["probe"]: result for result in nines.json("probe", "fhir", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    for number, (path, keys, outcome, reason, words) in enumerate(cases):
        result = found[f"fhir/case-{number}"]
        what = f"{path} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check((result["detail"] or "").startswith(words), what)
        check("hunter" not in str(result) and "granted-token" not in str(result), what)
        say(f"{path}: {outcome} {result['detail'] or ''}")
    say(nines.ask("probe", "fhir/case-11"))
    say("fhir: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=240) as here:
            run(here)
