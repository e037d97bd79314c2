"""Probes of kind `http` against nginx, directly and through tinyproxy: encodings, charsets, heads, cookies,
versions of HTTP, and each failure of a proxy.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import gzip
import os

from harness import Nines, Workspace, answers, check, free_port, need, running, say, until
from probe_tls import Authority

PAGE = "<h1>Database error</h1>"

PROBE = """[[probe]]
name     = "{name}"
kind     = "http"
url      = "{url}"
interval = "1m"
timeout  = "5s"
{keys}
"""


def nginx(workspace, authority, secure):
    """Start nginx with a plain server, whose port is returned, and a server with HTTP/2 at the port `secure`."""
    port = free_port()
    pages = workspace.folder / "pages"
    pages.mkdir()
    (pages / "packed.html.gz").write_bytes(gzip.compress(PAGE.encode()))
    (pages / "latin.txt").write_bytes("Störung".encode("latin-1"))
    headers = "".join(f"add_header X-Header-{number} value;\n" for number in range(150))
    locations = f"""
    root {pages};
    location = /packed.html {{ gzip_static always; types {{ text/html html; }} }}
    location = /latin.txt {{ types {{ text/plain txt; }} charset iso-8859-1; charset_types text/plain; }}
    location = /headers {{ {headers} return 200 "many"; }}
    location = /login {{
      if ($cookie_session = "open") {{ return 200 "Welcome"; }}
      add_header Set-Cookie "session=open; Path=/; HttpOnly";
      return 302 /login;
    }}
    """
    servers = f"""
  server {{
    listen 127.0.0.1:{secure} ssl http2;
    ssl_certificate {authority.folder}/web.pem;
    ssl_certificate_key {authority.folder}/web.key;
    location / {{ default_type text/plain; return 200 "spoken: $server_protocol"; }}
  }}
"""
    workspace.nginx(port, locations=locations, servers=servers)
    return port


def tinyproxy(workspace, secure):
    """Start tinyproxy, which wants a login and allows CONNECT to the port `secure` and one closed port. Return
    its port, its log and the closed port."""
    port, closed = free_port(), free_port()
    log = workspace.folder / "tinyproxy.log"
    config = workspace.folder / "tinyproxy.conf"
    config.write_text(f"""Port {port}
Listen 127.0.0.1
Timeout 10
LogFile "{log}"
LogLevel Connect
Allow 127.0.0.1
BasicAuth nines hunter2
ConnectPort {secure}
ConnectPort {closed}
""")
    process = workspace.begin("tinyproxy", [need("tinyproxy", "tinyproxy-bin"), "-d", "-c", config])
    until(10, "tinyproxy does not listen", lambda: running(process, "tinyproxy") and answers(port))
    return port, log, closed


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    authority.issue("web", "DNS:localhost")
    secure = free_port()
    plain = nginx(workspace, authority, secure)
    port, log, closed = tinyproxy(workspace, secure)
    password = workspace.folder / "password"
    password.write_text("hunter2\n")
    trusted = f'ca_file = "{authority.folder}/ca.pem"'
    proxy = f'proxy = "http://127.0.0.1:{port}"'
    login = f'{proxy}\nproxy_basic = {{ user = "nines", password_file = "{password}" }}'
    refusing = f'{proxy}\nproxy_basic = {{ user = "other", password_file = "{password}" }}'
    here, there = f"http://localhost:{plain}", f"https://localhost:{secure}"
    down = f"https://localhost:{closed}"
    # URL, keys; outcome, reason and words.
    cases = [
        (f"{here}/packed.html", 'expect = { body_contains = "Database" }', "up", None, ""),
        (f"{here}/packed.html", 'expect = { body_lacks = "error" }', "down", "body", "the body has `error`"),
        (f"{here}/latin.txt", 'expect = { body_lacks = "Störung" }', "down", "body", "the body has"),
        (f"{here}/headers", 'expect = { body_contains = "many" }', "up", None, ""),
        (f"{here}/login", 'redirects = 1\nexpect = { body_contains = "Welcome" }', "up", None, ""),
        (there, f'{trusted}\nexpect = {{ body_contains = "HTTP/2.0" }}', "up", None, ""),
        (there, f'{trusted}\nhttp = "1.1"\nexpect = {{ body_contains = "HTTP/1.1" }}', "up", None, ""),
        (f"{here}/login", f'{login}\nredirects = 1\nexpect = {{ body_contains = "Welcome" }}', "up", None, ""),
        (there, f'{trusted}\n{login}\nexpect = {{ body_contains = "HTTP/2.0" }}', "up", None, ""),
        (here, proxy, "inconclusive", "monitor", "it asks for a user and a password (status 407)"),
        (there, f"{trusted}\n{proxy}", "inconclusive", "monitor", "asks for a user and a password (status 407)"),
        (there, f"{trusted}\n{refusing}", "inconclusive", "monitor", "refuses the user or the password"),
        (f"https://localhost:{plain}", f"{trusted}\n{login}", "inconclusive", "monitor",
         "refuses to connect (status 403)"),
        (down, f"{trusted}\n{login}", "down", "unreachable", f"cannot reach localhost:{closed} (status 500)"),
        (there, f'{trusted}\nproxy = "http://127.0.0.1:{free_port()}"', "inconclusive", "monitor",
         "connection refused"),
    ]
    probes = [PROBE.format(name=f"case-{number}", url=url, keys=keys)
              for number, (url, keys, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"portal": "".join(probes)})
    found = nines.json("probe", "portal", status=(1,), seconds=120)
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    found = {result["probe"]: result for result in found}
    for number, (url, keys, outcome, reason, words) in enumerate(cases):
        result = found[f"portal/case-{number}"]
        what = f"{url} {keys!r}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check(words in (result["detail"] or ""), what)
        check("hunter2" not in str(result), what)
        say(f"{url}: {outcome} {result['detail'] or ''}")

    # The variables have an effect only where the service's file says so.
    os.environ["https_proxy"] = f"http://nines:hunter2@127.0.0.1:{port}"
    nines = Nines(workspace, "environment", [free_port()], {},
                  {"portal": PROBE.format(name="web", url=there, keys=trusted)})
    before = log.read_text().count(f"CONNECT localhost:{secure}")
    told = nines.ask("check")
    check("https_proxy has no effect" in told, told)
    nines.ask("probe", "portal")
    check(log.read_text().count(f"CONNECT localhost:{secure}") == before, "the proxy was asked")
    text = nines.config.read_text()
    nines.config.write_text(text.replace("[service]", "[service]\nproxy_from_environment = true"))
    told = nines.ask("check")
    check(f"use the proxy 127.0.0.1:{port}" in told and "hunter2" not in told, told)
    nines.ask("probe", "portal")
    check(log.read_text().count(f"CONNECT localhost:{secure}") > before, "the proxy was not asked")
    say(told.strip())
    say("http: passed")


if __name__ == "__main__":
    with Workspace(limit_s=240) as here:
        run(here)
