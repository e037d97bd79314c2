#!/usr/bin/env python3
"""Signing in to the console at OpenID Connect providers that other people wrote.

`oidc-provider` of npm, a certified provider, in Chromium: a person signs in and gets the role of the groups, also
after the provider changed its key; a person without a group is refused; who cancels is told so; while the provider is
down, its page says so and a password still works. `oidc-provider-mock` of PyPI: an answer without state, a
wrong secret and a document of another issuer are refused. Needs what `browser.py` needs.
"""

import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request

import browser
from harness import (Nines, Workspace, answers, check, end, fetch, free_port, need, python_with, running, say, until)

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

# Signs in as one person and says where that ends. No page reaches another machine.
FLOW = r"""
import { browser, say, violations } from './browser.mjs';
const [site, person] = process.argv.slice(2);
const context = await browser.newContext();
await context.route((url) => !['localhost', '127.0.0.1'].includes(url.hostname), (route) => route.abort());
const page = await context.newPage();
page.setDefaultTimeout(20000);
await page.goto(`${site}/console/sign-in`);
const wrong = await violations(page);
await page.getByRole('link', { name: 'Sign in with' }).click();
if (person === 'cancel') {
  await page.click('text=Cancel');
} else {
  await page.fill('[name=login]', person);
  await page.fill('[name=password]', 'any');
  await page.click('button');
  await page.click('text=Continue');
}
await page.waitForURL(`${site}/**`);
const cookies = (await context.cookies(site)).map((cookie) => cookie.name);
say({ url: page.url(), text: await page.innerText('body'), cookies, wrong });
await browser.close();
"""


def configure(nines, site, issuer, more="", client="nines"):
    """Write the provider into the configuration, in place of an earlier one."""
    text = nines.config.read_text().split("[console]")[0]
    (nines.folder / "secret").write_text(SECRET)
    nines.config.write_text(f"""{text}[console]
url = "{site}"
[console.openid]
issuer = "{issuer}"
client_id = "{client}"
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
    port = free_port()
    process = workspace.begin("mock", [python_with("oidc_provider_mock"), "-m", "oidc_provider_mock", "--port", port,
                                       "--user-claims", json.dumps({"sub": "ann", "groups": "nines-operators"})])
    until(20, "the mock does not listen", lambda: running(process, "mock") and answers(port))
    issuer = f"http://127.0.0.1:{port}"

    def sign_in(issuer, client="nines", **form):
        configure(nines, site, issuer, client=client)
        nines.ask("reload")
        person = Person()
        status, page, _ = person.ask(f"{site}/console/sign-in/openid")
        if status != 200:
            return person.ask(f"{site}/console/sign-in/openid")
        check(page.startswith(issuer), page)
        return person.ask(page, **form)

    status, url, text = sign_in(issuer, sub="ann")
    check((status, url) == (200, f"{site}/console"), (status, url, text))
    check("(operator)" in text, text)
    status, _, text = sign_in(issuer, sub="eve")
    check(status == 403 and "none of your groups there" in text, (status, text))
    # Its refusal lacks the state, so that it could come from anywhere.
    status, _, text = sign_in(issuer, action="deny")
    check(status == 400 and "Begin again" in text and "denied" not in text, (status, text))
    # A client that is registered there, with a secret that is not ours.
    wanted = json.dumps({"redirect_uris": [f"{site}/console/sign-in/openid/callback"]}).encode()
    register = urllib.request.Request(f"{issuer}/oauth2/clients", wanted, {"Content-Type": "application/json"})
    with urllib.request.urlopen(register, timeout=10) as answer:
        client = json.load(answer)["client_id"]
    status, _, text = sign_in(issuer, client, sub="ann")
    check(status == 403 and "did not accept the code: invalid_client" in text, (status, text))
    status, _, text = sign_in(f"{issuer}/")
    check(status == 503 and "cannot be reached, or does not answer as it should" in text, (status, text))
    say("a mock provider: an answer without state, a wrong secret and a document of another issuer are refused")


def main():
    node = need("node", "nodejs")
    browser.install()
    (browser.CACHE / "provider.mjs").write_text(PROVIDER)
    with Workspace(60) as workspace:
        port = free_port()
        issuer = f"http://localhost:{port}"
        probe = (f'[[probe]]\nname = "page"\nkind = "tcp"\nhost = "127.0.0.1"\nport = {port}\ninterval = "30s"\n')
        nines = Nines(workspace, "nines", [free_port()], {}, {"portal": probe})
        site = f"http://127.0.0.1:{nines.port}"
        configure(nines, site, issuer, 'name = "The <Login>"\n')
        redirect = f"{site}/console/sign-in/openid/callback"

        def provider():
            process = workspace.begin("provider", [node, "provider.mjs", port, redirect, SECRET],
                                      cwd=browser.CACHE)
            until(20, "the provider does not listen", lambda: running(process, "provider") and answers(port))
            return process

        def browse(person):
            seen = browser.Script(workspace, f"browse-{person}", FLOW, site, person).next()
            check(not seen["wrong"], seen["wrong"])
            return seen

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
