#!/usr/bin/env python3
"""Signing in to the console at OpenID Connect providers that other people wrote.

`oidc-provider` of npm, a certified provider, in Chromium: a person signs in and gets the role of the groups, also
after the provider changed its key; a person without a group is refused; who cancels is told so; while the provider is
down, its page says so and a password still works. `oidc-provider-mock` of PyPI: an expired token, an answer without
state and a document of another issuer are refused. Needs Debian's chromium, and npm, which installs into a cache.
"""

import http.cookiejar
import json
import os
import pathlib
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from harness import (Nines, Workspace, answers, check, end, fetch, free_port, need, python_with, running, say, until)

PACKAGES = ["oidc-provider@9.13.3", "playwright-core@1"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "nines/openid"
SECRET = "the secret of the client"
PASSWORD = "quartz lantern meadow fifty"

# A provider with two people. Each start makes a new key.
PROVIDER = r"""
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
const [port, redirect, secret] = process.argv.slice(2);
const groups = { ann: ['staff', 'nines-admins'], eve: ['staff'] };
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(4).toString('hex'), use: 'sig', alg: 'RS256' };
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: 'nines', client_secret: secret, redirect_uris: [redirect] }],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'groups'],
  pkce: { required: () => true },
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({ accountId: id, claims: () => (
    { sub: id, preferred_username: id, name: `${id} <b>Miller</b>`, groups: groups[id] ?? [] }) }),
});
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
"""

# Signs in as one person, in a browser that reaches this machine only. Prints the page at which the way ends.
BROWSER = r"""
import { chromium } from 'playwright-core';
const [site, person] = process.argv.slice(2);
const rules = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1';
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', rules] });
const page = await browser.newPage();
page.setDefaultTimeout(20000);
await page.goto(`${site}/console/sign-in`);
await page.click('a.button');
if (person === 'cancel') {
  await page.click('text=Cancel');
} else {
  await page.fill('[name=login]', person);
  await page.fill('[name=password]', 'any');
  await page.click('button');
  await page.click('text=Continue');
}
await page.waitForURL(`${site}/**`);
const cookies = (await page.context().cookies(site)).map((c) => c.name);
console.log(JSON.stringify({ url: page.url(), text: await page.innerText('body'), cookies }));
await browser.close();
"""


def install():
    """Install the provider and the browser's driver into the cache, once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if not all((CACHE / "node_modules" / package.rsplit("@", 1)[0]).exists() for package in PACKAGES):
        command = [need("npm", "npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
        subprocess.run(command, cwd=CACHE, check=True, stdout=subprocess.DEVNULL, timeout=300)
    (CACHE / "provider.mjs").write_text(PROVIDER)
    (CACHE / "browser.mjs").write_text(BROWSER)


def configure(nines, site, issuer, more=""):
    """Write the provider into the configuration, in place of an earlier one."""
    text = nines.config.read_text().split("[console]")[0]
    (nines.folder / "secret").write_text(SECRET)
    nines.config.write_text(f"""{text}[console]
url = "{site}"
[console.openid]
issuer = "{issuer}"
client_id = "nines"
client_secret_file = "secret"
scopes = ["profile", "groups"]
roles = {{ nines-admins = "admin", nines-operators = "operator" }}
{more}""")


class Person:
    """A person with a browser that keeps cookies, also those for HTTPS only: this is the own machine."""

    def __init__(self):
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        cookies = http.cookiejar.CookieJar(policy)
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))

    def ask(self, url, **form):
        """Return the status, the address and the text at which a request ends."""
        request = urllib.request.Request(url, urllib.parse.urlencode(form).encode() if form else None)
        if form:
            request.add_header("Sec-Fetch-Site", "same-origin")
        try:
            with self.opener.open(request, timeout=10) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.url, error.read().decode()


def refusals(workspace, nines, site):
    """Sign in at the mock, which can be asked for what a real provider does not do."""
    def mock(name, *options):
        port = free_port()
        process = workspace.begin(name, [python_with("oidc_provider_mock"), "-m", "oidc_provider_mock", "--port", port,
                                         "--user-claims", json.dumps({"sub": "ann", "groups": "nines-operators"}),
                                         *options])
        until(20, "the mock does not listen", lambda: running(process, name) and answers(port))
        return f"http://127.0.0.1:{port}"

    def sign_in(issuer, **form):
        configure(nines, site, issuer)
        nines.ask("reload")
        person = Person()
        status, page, _ = person.ask(f"{site}/console/sign-in/openid")
        if status != 200:
            return person.ask(f"{site}/console/sign-in/openid")
        check(page.startswith(issuer), page)
        return person.ask(page, **form)

    issuer = mock("mock")
    status, url, text = sign_in(issuer, sub="ann")
    check((status, url) == (200, f"{site}/console"), (status, url, text))
    check("(operator)" in text, text)
    status, _, text = sign_in(issuer, sub="eve")
    check(status == 403 and "none of your groups there" in text, (status, text))
    # Its refusal lacks the state, so that it could come from anywhere.
    status, _, text = sign_in(issuer, action="deny")
    check(status == 400 and "Begin again" in text and "denied" not in text, (status, text))
    status, _, text = sign_in(mock("expired", "--token-max-age=-60"), sub="ann")
    check(status == 403 and "the ID token has expired" in text, (status, text))
    status, _, text = sign_in(f"{issuer}/")
    check(status == 503 and "cannot be reached, or does not answer as it should" in text, (status, text))
    say("a mock provider: an expired token, an answer without state and a document of another issuer are refused")


def main():
    need("chromium", "chromium")
    node = need("node", "nodejs")
    install()
    with Workspace(60) as workspace:
        port = free_port()
        issuer = f"http://localhost:{port}"
        probe = (f'[[probe]]\nname = "page"\nkind = "tcp"\nhost = "127.0.0.1"\nport = {port}\ninterval = "30s"\n')
        nines = Nines(workspace, "nines", [free_port()], {}, {"portal": probe})
        site = f"http://127.0.0.1:{nines.port}"
        configure(nines, site, issuer, 'name = "The <Login>"\n')
        redirect = f"{site}/console/sign-in/openid/callback"

        def provider():
            process = workspace.begin("provider", [node, CACHE / "provider.mjs", port, redirect, SECRET], cwd=CACHE)
            until(20, "the provider does not listen", lambda: running(process, "provider") and answers(port))
            return process

        def browse(person):
            done = subprocess.run([node, "browser.mjs", site, person], cwd=CACHE, capture_output=True, text=True,
                                  timeout=60)
            check(done.returncode == 0, done.stderr[-1500:])
            return json.loads(done.stdout)

        # The service starts before its provider.
        nines.start()
        log = (workspace.folder / "nines.log").read_text()
        invitation = re.search(rf"{site}/console/invitation/\S+", log)
        check(invitation, "the log has no address for the first administrator")
        local = Person()
        local.ask(invitation[0], login="local", name="A Local", password=PASSWORD)
        status, _, text = Person().ask(f"{site}/console/sign-in/openid")
        check(status == 503 and "could not be reached at the last attempt" in text, (status, text))

        process = provider()
        seen = browse("ann")
        check(seen["url"] == f"{site}/console", seen)
        check("ann <b>Miller</b> (admin)" in seen["text"], seen)
        check(seen["cookies"] == ["__Host-nines"], seen)
        say("a person signs in at the provider and gets the role of the groups")
        seen = browse("eve")
        check("none of your groups there may use this console" in seen["text"], seen)
        check(seen["cookies"] == [], seen)
        seen = browse("cancel")
        check("did not sign you in: access_denied" in seen["text"], seen)
        say("a person without a group is refused, and who cancels is told so")
        end(process)
        process = provider()
        check(browse("ann")["url"] == f"{site}/console", "not signed in after the provider changed its key")
        say("the provider's new key is found")
        end(process)
        status, url, _ = Person().ask(f"{site}/console/sign-in", login="local", password=PASSWORD, code="")
        check((status, url) == (200, f"{site}/console"), (status, url))
        accounts = local.ask(f"{site}/console/people")[2]
        check("(by its provider)" in accounts and "eve" not in accounts, accounts)
        refusals(workspace, nines, site)
        running(nines.process, "nines")
        check(fetch(f"{site}/healthz"), "no answer at the end")
        nines.stop()


if __name__ == "__main__":
    main()
