#!/usr/bin/env python3
"""The public pages against programs that other people wrote: the Nu HTML checker, axe-core, Chromium, and a client of
the widely used status page API.

A system goes down, and an open page says so without a reload. A page without JavaScript asks to be loaded again. Every
page is valid, has no violation for axe-core in light and dark at 390 and 1440 pixels, and does not scroll sideways.
Needs Debian's chromium and a Java runtime, and npm, which installs the checkers into a cache.
"""

import json
import os
import pathlib
import re
import subprocess

from harness import (Nines, Workspace, answers, become, check, fetch, free_port, need, running, say, until)

PACKAGES = ["playwright-core@1", "axe-core@4", "vnu-jar@26", "statuspage.io@3"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "nines/pages"

# Prints what is wrong with pages, as a JSON list.
PAGES = r"""
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
const [site, ...paths] = process.argv.slice(2);
const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const found = [];
for (const colorScheme of ['light', 'dark']) for (const width of [390, 1440]) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
  for (const path of paths) {
    const page = await context.newPage();
    page.on('console', (m) => m.type() === 'error' && found.push(`${path}: ${m.text()}`));
    await page.goto(site + path);
    await page.evaluate(axe);
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await page.evaluate((runOnly) => axe.run({ runOnly }), tags);
    for (const v of violations) found.push(`${colorScheme} ${width} ${path}: ${v.id} ${v.nodes[0].html}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) found.push(`${width} ${path} scrolls sideways`);
    await page.close();
  }
  await context.close();
}
console.log(JSON.stringify(found));
await browser.close();
"""

# Opens a page, waits until it says that a system is down, and reads it without JavaScript.
LIVE = r"""
import { chromium } from 'playwright-core';
const [site] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage();
const refused = [];
page.on('console', (m) => m.type() === 'error' && refused.push(m.text()));
await page.goto(site + '/');
await page.evaluate(() => { window.opened = true; });
await page.waitForSelector('html.live');
console.log('open');
const says = (text) => page.waitForFunction(
  (text) => document.querySelector('h1').textContent.includes(text), text, { timeout: 90000 });
await says('is not available');
const same = await page.evaluate(() => window.opened === true);
const plain = await browser.newContext({ javaScriptEnabled: false });
const still = await plain.newPage();
await still.goto(site + '/');
const without = await still.locator('h1').textContent();
console.log(JSON.stringify({ same, without, refused }));
await browser.close();
"""


# Reads every answer with a published client of the API, which calls its own host unless told otherwise.
CLIENT = r"""
import { Statuspage } from 'statuspage.io';
const client = new Statuspage('none');
client.apiClient.defaults.baseURL = process.argv[2];
const { incidents, scheduledMaintenances } = client.api;
const [summary, status, components, all, open, planned] = await Promise.all([
  client.getSummary(), client.getStatus(), client.getComponents(), incidents.getAll(), incidents.getUnresolved(),
  scheduledMaintenances.getAll(), scheduledMaintenances.getUpcoming(), scheduledMaintenances.getActive(),
]);
console.log(JSON.stringify({ summary, status, components, all, open, planned }));
"""


def install():
    """Install the checkers into the cache, once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    names = [package.rsplit("@", 1)[0] for package in PACKAGES]
    if not all((CACHE / "node_modules" / name).exists() for name in names):
        command = [need("npm", "npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
        subprocess.run(command, cwd=CACHE, check=True, stdout=subprocess.DEVNULL, timeout=300)
    (CACHE / "pages.mjs").write_text(PAGES)
    (CACHE / "live.mjs").write_text(LIVE)
    (CACHE / "client.mjs").write_text(CLIENT)


def links(site):
    """Return the paths of all pages that the first one leads to."""
    known, ahead = set(), ["/"]
    while ahead:
        path = ahead.pop()
        if path in known:
            continue
        known.add(path)
        page = fetch(site + path).replace("&#x2f;", "/")
        found = re.findall(r'href="(/(?:systems|incidents|maintenance|history)/[^"]+)"', page)
        ahead.extend(found)
    return sorted(known)


def main():
    need("chromium", "chromium")
    java = need("java", "default-jre-headless")
    node = need("node", "nodejs")
    install()
    with Workspace(600) as workspace:
        port, public = free_port(), free_port()
        site = f"http://127.0.0.1:{public}"
        target = workspace.target("portal", port)
        keys = 'kind = "http"\ninterval = "1s"\nretry_interval = "200ms"\ntimeout = "900ms"\n'
        probe = f'[[probe]]\nname = "page"\nurl = "http://127.0.0.1:{port}/"\n{keys}'
        weekly = ('[[maintenance]]\ntitle = "Weekly <update>"\ndays = ["wed"]\nstart = "21:00"\nlength = "1h"\n'
                  'zone = "UTC"\n')
        nines = Nines(workspace, "nines", [free_port()], {}, {"portal": probe + weekly, "payroll": probe})
        text = nines.config.read_text().replace("[listen]", f'[listen]\npublic = "127.0.0.1:{public}"')
        nines.config.write_text(f'{text}\n[public]\nsystems = ["portal"]\nname = "Status & more"\n')
        nines.start()
        until(30, "no page", lambda: answers(public) and "Portal is available" in (fetch(site + "/") or ""))

        live = subprocess.Popen([node, "live.mjs", site], cwd=CACHE, stdout=subprocess.PIPE, text=True)
        workspace.started.append(live)
        check(live.stdout.readline().strip() == "open", "no live page")
        become(target, "status")
        seen = json.loads(live.stdout.readline())
        check(seen["same"], "the page was loaded again")
        check("is not available" in seen["without"], seen)
        check(not seen["refused"], f"the browser refused {seen['refused']}")
        say("a system goes down, and an open page says so without a reload; a page without JavaScript says it, too")

        nines.ask("incident", "update", "portal", "--text", "We restart <it>.", "--state", "identified", "--by", "kim")
        until(20, "no update", lambda: "We restart" in fetch(site + "/"))
        read = subprocess.run([node, "client.mjs", site], cwd=CACHE, capture_output=True, text=True, timeout=60)
        check(read.returncode == 0, read.stderr[-800:])
        read = json.loads(read.stdout)
        check(read["status"]["status"]["indicator"] == "critical", read["status"])
        check([c["status"] for c in read["components"]["components"]] == ["major_outage"], read["components"])
        updates = read["open"]["incidents"][0]["incident_updates"]
        check((updates[0]["status"], updates[0]["body"]) == ("identified", "We restart <it>."), updates)
        check(read["all"]["incidents"] == read["summary"]["incidents"], "incidents")
        check(read["planned"]["scheduled_maintenances"][0]["name"] == "Weekly <update>", read["planned"])
        say("a published client of the status page API reads every answer")
        paths = links(site)
        check(any(path.startswith("/incidents/") for path in paths), paths)
        files = []
        for n, path in enumerate(paths):
            files.append(workspace.folder / f"page-{n}.html")
            files[-1].write_text(fetch(site + path))
            check("payroll" not in files[-1].read_text().lower(), f"{path} names a private system")
        jar = CACHE / "node_modules/vnu-jar/build/dist/vnu.jar"
        valid = subprocess.run([java, "-jar", jar, *files], capture_output=True, text=True, timeout=300)
        check(valid.returncode == 0, valid.stderr[-3000:])
        say(f"{len(paths)} pages are valid for the Nu HTML checker")

        done = subprocess.run([node, "pages.mjs", site, *paths[:8]], cwd=CACHE, check=True, capture_output=True,
                              text=True, timeout=300)
        found = json.loads(done.stdout)
        check(not found, "\n".join(found))
        say(f"{len(paths[:8])} pages without a violation for axe-core, light and dark, at 390 and 1440 pixels")
        running(nines.process, "nines")
        nines.stop()


if __name__ == "__main__":
    main()
