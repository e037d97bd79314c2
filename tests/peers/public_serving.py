#!/usr/bin/env python3
"""The listeners against curl and h2load, and against clients that mean harm.

TLS with a certificate that changes; HTTP/2 and HTTP/1.1; encodings; a client behind a trusted proxy. Then slow heads, huge
bodies, many connections, and floods of HTTP/2: each is bounded, and another client is served meanwhile. A ledger that
cannot be written stops no page. Needs Debian's curl, openssl and nghttp2-client.
"""

import concurrent.futures
import gzip
import pathlib
import re
import socket
import sqlite3
import ssl
import subprocess
import time

from harness import Nines, Workspace, become, check, fetch, free_port, need, running, say, until

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, AWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
# GET http / with the static table of HPACK, and an authority of one letter.
FIELDS = bytes([0x82, 0x86, 0x84, 0x41, 1]) + b"x"


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def connect(port, address="127.0.0.1"):
    made = socket.socket()
    made.settimeout(20)
    made.bind((address, 0))
    made.connect(("127.0.0.1", port))
    return made


def ended(made, seconds):
    """Return what came until the other side closed, or fail."""
    got, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        made.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            piece = made.recv(65536)
        except (TimeoutError, BlockingIOError):
            break
        except OSError:
            return got
        if not piece:
            return got
        got += piece
    raise AssertionError(f"the connection is open after {seconds} s: {got[-200:]}")


def flood(made, frames):
    """Send frames until the server closes or all are sent; return how many were sent."""
    sent = 0
    try:
        for one in frames:
            made.sendall(one)
            sent += 1
    except OSError:
        pass
    return sent


def away(got):
    """Return the error codes of GOAWAY frames."""
    codes = []
    while len(got) >= 9:
        length, kind = int.from_bytes(got[:3], "big"), got[3]
        if kind == AWAY:
            codes.append(int.from_bytes(got[13:17], "big"))
        got = got[9 + length:]
    return codes


def curl(*words):
    done = subprocess.run([need("curl", "curl"), "--silent", "--max-time", "20", *words], capture_output=True)
    return done.returncode, done.stdout


def certificate(folder, name):
    subprocess.run([need("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout",
                    folder / f"{name}.key", "-out", folder / f"{name}.pem", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)


def presented(port):
    """Return the common name of the certificate."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], input=b"", capture_output=True)
    found = re.search(rb"subject=CN ?= ?(\w+)", shown.stdout)
    return found and found[1].decode()


def memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def tls(nines, port):
    """A certificate that changes, and the versions of HTTP."""
    folder, site = nines.folder, f"https://127.0.0.1:{port}/"
    trusted = ["--cacert", str(folder / "first.pem")]
    status, head = curl(*trusted, "--http2", "-o", "/dev/null", "-D", "-", site)
    check(status == 0 and head.startswith(b"HTTP/2 200"), head)
    check(b"strict-transport-security: max-age=" in head, head)
    status, head = curl(*trusted, "--http1.1", "-o", "/dev/null", "-D", "-", site)
    check(status == 0 and head.startswith(b"HTTP/1.1 200"), head)
    check(curl(*trusted, "--tls-max", "1.1", site)[0] == 35, "TLS 1.1 is accepted")
    check(curl("--tls-max", "1.2", *trusted, site)[0] == 0, "TLS 1.2 is refused")
    check(curl(f"http://127.0.0.1:{port}/")[0] != 0, "plain HTTP is answered")
    say("TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1; HSTS")

    def put(certificate, key):
        for name, end in ((key, "key"), (certificate, "pem")):
            beside = folder / f"beside.{end}"
            beside.write_bytes((folder / f"{name}.{end}").read_bytes())
            beside.rename(folder / f"used.{end}")

    put("second", "second")
    until(15, "the new certificate is not used", lambda: presented(port) == "second", every=0.3)
    put("first", "second")
    until(15, "the status does not tell of the bad pair",
          lambda: "the public listener uses an older certificate" in " ".join(nines.ask("status").lower().split()))
    check(presented(port) == "second", "the last good certificate is not in use")
    put("first", "first")
    until(15, "the good pair is not used", lambda: presented(port) == "first", every=0.3)
    until(15, "the status still complains",
          lambda: "older certificate" not in " ".join(nines.ask("status").split()))
    say("a new certificate is used without a reload; a bad pair keeps the old one, and the status says so")


def encodings(site):
    status, plain = curl(site)
    status, zipped = curl("-H", "Accept-Encoding: br, gzip;q=0.5", site)
    check(gzip.decompress(zipped) == plain, "gzip holds another page")

    def head(*words):
        return curl("-o", "/dev/null", "-D", "-", *words, site)[1].decode().lower()

    tag = re.search(r'etag: (".*")', head("-H", "Accept-Encoding: gzip"))[1]
    check(tag not in head(), "two encodings have one tag")
    again = head("-H", "Accept-Encoding: gzip", "-H", f"If-None-Match: W/{tag}")
    check(" 304" in again.splitlines()[0] and "vary: accept-encoding" in again, again)
    say(f"gzip makes {len(plain)} bytes {len(zipped)}; 304 for a page that the client has")


def behind_a_proxy(site):
    """127.0.0.3 is a trusted proxy; the calls of feeds are limited by address."""
    def calls(own, client, count):
        words = ["-o", "/dev/null", "-w", "%{http_code}\n", "--interface", own, "-H", f"X-Forwarded-For: {client}"]
        return curl(*words, f"{site}heartbeat/none-[1-{count}]")[1].split()

    limited = calls("127.0.0.3", "192.0.2.1", 100)
    check(b"429" in limited and limited.count(b"404") >= 60, limited)
    check(calls("127.0.0.3", "192.0.2.2", 5) == [b"404"] * 5, "another client of the proxy waits")
    limited = calls("127.0.0.4", "192.0.2.3", 100)
    check(b"429" in limited, "an address that is no proxy is not limited")
    check(b"429" in calls("127.0.0.4", "192.0.2.4", 5), "any client may choose its address")
    check(b"strict-transport-security" in
          curl("-o", "/dev/null", "-D", "-", "--interface", "127.0.0.3", "-H", "X-Forwarded-Proto: https", site)[1],
          "the scheme of the proxy's client is not known")
    check(b"strict-transport-security" not in curl("-D", "-", "-H", "X-Forwarded-Proto: https", site)[1],
          "HSTS over plain HTTP")
    say("limits count the client that a trusted proxy names, and nobody else's word")


def served(site, seconds=5):
    """Another client gets the page in time."""
    began = time.monotonic()
    page = curl("--interface", "127.0.0.9", site)[1]
    took = time.monotonic() - began
    check(b"</html>" in page and took < seconds, f"the page took {took:.1f} s")


def slow(port, site):
    """Heads that come slowly, and clients that say nothing."""
    starts = [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", PREFACE[:10], PREFACE + frame(SETTINGS, 0, 0)]
    clients = [connect(port) for _ in range(len(starts))]
    for client, start in zip(clients, starts):
        client.sendall(start)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(ended, client, 35) for client in clients]:
            done.result()
    served(site)
    say("clients that are silent, or send a head slowly, are closed")


def huge(port, site):
    client = connect(port)
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 65536)
    answer = client.recv(4096)
    check(answer.split(b" ")[1] in (b"405", b"413"), answer)
    client.close()
    client = connect(port)
    sent = flood(client, [b"GET / HTTP/1.1\r\nHost: x\r\n"] + [b"X-Field: " + b"y" * 8000 + b"\r\n"] * 1000)
    check(sent < 1000 or b" 431 " in ended(client, 10), "a head of 8 MB is read")
    served(site)
    say("huge bodies and heads are refused")


def many(port, site):
    clients, open_ones = [], 0
    for _ in range(300):
        client = connect(port, "127.0.0.5")
        clients.append(client)
    for client in clients:
        try:
            client.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            open_ones += client.recv(16).startswith(b"HTTP/1.1 200")
        except OSError:
            pass
    check(0 < open_ones <= 128, f"{open_ones} of 300 connections of one address are served")
    served(site)
    for client in clients:
        client.close()
    say(f"of 300 connections of one address {open_ones} are served, and another client as before")


def floods(port, site):
    """Floods of HTTP/2, each on a connection of its own."""
    begin = PREFACE + frame(SETTINGS, 0, 0)

    def rapid_reset():
        for n in range(20_000):
            stream = 2 * n + 1
            yield frame(HEADERS, 0x5, stream, FIELDS) + frame(RESET, 0, stream, (8).to_bytes(4, "big"))

    def continuation():
        yield frame(HEADERS, 0x1, 1, FIELDS)
        for n in range(5_000):
            yield frame(CONTINUATION, 0, 1, b"\x40\x04name\x7f\x81\x7f" + b"v" * 256)

    def large_fields():
        # A literal field of 64 KiB that is never indexed.
        block = FIELDS + b"\x10\x01a\x7f\x81\xff\x03" + b"v" * 65_536
        pieces = [block[at:at + 16_000] for at in range(0, len(block), 16_000)]
        yield frame(HEADERS, 0x1, 1, pieces[0])
        for piece in pieces[1:-1]:
            yield frame(CONTINUATION, 0, 1, piece)
        yield frame(CONTINUATION, 0x4, 1, pieces[-1])

    def pings():
        for n in range(20_000):
            yield frame(PING, 0, 0, n.to_bytes(8, "big"))

    def settings():
        for n in range(20_000):
            yield frame(SETTINGS, 0, 0)

    def data_without_a_request():
        for n in range(20_000):
            yield frame(DATA, 0, 2 * n + 1, b"x")

    told = []
    for one in (rapid_reset, continuation, large_fields, pings, settings, data_without_a_request):
        client = connect(port, "127.0.0.6")
        client.sendall(begin)
        sent = flood(client, one())
        # The other side may have closed, or drops what is beyond its limits; a client that reads nothing ends as well.
        served(site)
        if one in (rapid_reset, continuation, data_without_a_request):
            codes = away(ended(client, 20))
            told.append(f"{one.__name__} {sent}, {codes}")
        client.close()
    say(f"floods of HTTP/2 end their own connection and nothing else (frames sent, GOAWAY): {'; '.join(told)}")

    client = connect(port, "127.0.0.6")
    client.sendall(begin + b"".join(frame(HEADERS, 0x5, 2 * n + 1, FIELDS) for n in range(200)))
    got = b""
    deadline = time.monotonic() + 5
    client.settimeout(1)
    while time.monotonic() < deadline:
        try:
            got += client.recv(65536)
        except TimeoutError:
            break
    refused = got.count(frame(RESET, 0, 1, b"")[3:4] + b"\x00")
    served(site)
    client.close()
    say(f"200 requests at once on one connection: {len(got)} bytes, {refused and 'some' or 'none'} refused")


def stuck(nines, target, site):
    """The ledger is locked by another process: pages go on."""
    ledger = sqlite3.connect(nines.data / "ledger.sqlite", isolation_level=None)
    ledger.execute("BEGIN IMMEDIATE")
    become(target, "status")
    until(30, "the engine does not notice", lambda: "ledger cannot be written" in
          (curl(f"http://127.0.0.1:{nines.port}/readyz")[1].decode()))
    for path in ("", "systems/portal", "api/v2/summary.json", "feed.atom"):
        began = time.monotonic()
        status, answer = curl(f"{site}{path}")
        check(status == 0 and answer and time.monotonic() - began < 2, f"/{path} waits for the ledger")
    ledger.execute("ROLLBACK")
    ledger.close()
    until(60, "the outage is not shown", lambda: b"is not available" in curl(site)[1])
    say("pages are read while the ledger is locked, and follow when it is free")


def main():
    with Workspace(300) as workspace:
        port, public, secure = free_port(), free_port(), free_port()
        target = workspace.target("portal", port)
        probe = ('[[probe]]\nname = "page"\nkind = "http"\n' f'url = "http://127.0.0.1:{port}/"\n'
                 'interval = "1s"\nretry_interval = "200ms"\ntimeout = "900ms"\n')

        def service(name, listen):
            nines = Nines(workspace, name, [free_port()], {}, {"portal": probe})
            text = nines.config.read_text().replace("[listen]", f"[listen]\n{listen}")
            nines.config.write_text(f'{text}\n[public]\nsystems = ["portal"]\n')
            for made in ("first", "second"):
                certificate(nines.folder, made)
            for end in ("pem", "key"):
                (nines.folder / f"used.{end}").write_bytes((nines.folder / f"first.{end}").read_bytes())
            nines.start()
            return nines

        nines = service("secure", f'public = "127.0.0.1:{secure}"\n'
                        'public_tls = { certificate_file = "used.pem", key_file = "used.key" }')
        until(30, "no page", lambda: b"Portal is available" in curl("--insecure", f"https://127.0.0.1:{secure}/")[1])
        tls(nines, secure)
        # A client that says nothing in place of a handshake.
        silent = connect(secure)
        ended(silent, 15)
        nines.stop()

        nines = service("plain", f'public = "127.0.0.1:{public}"\ntrusted_proxies = ["127.0.0.3"]')
        site = f"http://127.0.0.1:{public}/"
        until(30, "no page", lambda: "Portal is available" in (fetch(site) or ""))
        version = ["-o", "/dev/null", "-w", "%{http_version}"]
        check(curl("--http2-prior-knowledge", *version, site)[1] == b"2", "no HTTP/2 without TLS")
        load = subprocess.run([need("h2load", "nghttp2-client"), "-n", "5000", "-c", "8", "-m", "16", site],
                              capture_output=True, text=True, timeout=60)
        check("5000 succeeded, 0 failed" in load.stdout, load.stdout[-600:])
        encodings(site)
        behind_a_proxy(site)
        before = memory(nines.process.pid)
        huge(public, site)
        many(public, site)
        floods(public, site)
        slow(public, site)
        grown = memory(nines.process.pid) - before
        check(grown < 64, f"the clients cost {grown:.0f} MB")
        say(f"all of them cost {max(grown, 0):.0f} MB")
        stuck(nines, target, site)
        running(nines.process, "plain")
        nines.stop()


if __name__ == "__main__":
    main()
