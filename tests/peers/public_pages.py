#!/usr/bin/env python3
"""The public pages against programs that other people wrote: the Nu HTML checker, axe-core, Chromium, and a client of
the widely used status page API.

A system goes down, and an open page says so without a reload. A page without JavaScript asks to be loaded again. A person
reports a problem without JavaScript, first with data of a patient. Every
page is valid, has no violation for axe-core in light and dark at 390 and 1440 pixels, and does not scroll sideways.
Needs Debian's chromium and a Java runtime, and npm, which installs the checkers into a cache.
"""

import re

import browser
from harness import Nines, Workspace, answers, become, check, fetch, free_port, running, say, until

# Opens a page, waits until it says that a system is down, and reads it without JavaScript.
LIVE = r"""
import { browser, errors, watched, say } from './browser.mjs';
const [site] = process.argv.slice(2);
const page = watched(await browser.newPage());
await page.goto(site + '/');
await page.evaluate(() => { window.opened = true; });
await page.waitForSelector('html.live');
say('open');
const says = (text) => page.waitForFunction(
  (text) => document.querySelector('h1').textContent.includes(text), text, { timeout: 90000 });
await says('is not available');
const same = await page.evaluate(() => window.opened === true);
const plain = await browser.newContext({ javaScriptEnabled: false });
const still = await plain.newPage();
await still.goto(site + '/');
const without = await still.locator('h1').textContent();
say({ same, without, errors });
await browser.close();
"""


# Fills in the form without JavaScript: first with a number of a patient, then without it.
FORM = r"""
import { browser, say } from './browser.mjs';
const [site] = process.argv.slice(2);
const plain = await browser.newContext({ javaScriptEnabled: false });
const page = await plain.newPage();
await page.goto(site + '/problem');
await page.getByLabel('Name', { exact: true }).fill('Ann <Lee>');
await page.getByLabel('Organisation').fill('Riverside Clinic');
await page.getByLabel('Email').fill('ann@clinic.example');
await page.getByLabel('Issue type').selectOption('Error message');
await page.getByLabel('Description').fill('The results of MRN 00482913 do not open.');
await new Promise((resume) => setTimeout(resume, 3500));
await page.getByRole('button').click();
const refused = await page.getByRole('alert').textContent();
const kept = await page.getByLabel('Description').inputValue();
const name = await page.getByLabel('Name', { exact: true }).inputValue();
const html = await page.content();
await page.getByLabel('Description').fill('The results of one patient do not open.');
await page.getByRole('button').click();
const sent = await page.locator('h1').textContent();
say({ refused, kept, name, html, sent });
await browser.close();
"""


# The violations of every page.
PAGES = r"""
import { browser, errors, say, everywhere } from './browser.mjs';
const [site, ...paths] = process.argv.slice(2);
say([...await everywhere(site, paths), ...errors]);
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
    browser.install()
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
        nines.config.write_text(f'{text}\n[public]\nsystems = ["portal"]\nname = "Status & more"\nproblem_reports = {{}}\n')
        nines.start()
        until(30, "no page", lambda: answers(public) and "Portal is available" in (fetch(site + "/") or ""))

        live = browser.Script(workspace, "live", LIVE, site)
        live.expect("open")
        become(target, "status")
        seen = live.next()
        check(seen["same"], "the page was loaded again")
        check("is not available" in seen["without"], seen)
        check(not seen["errors"], seen["errors"])
        say("a system goes down, and an open page says so without a reload; a page without JavaScript says it, too")

        nines.ask("incident", "update", "portal", "--text", "We restart <it>.", "--state", "identified", "--by", "kim")
        until(20, "no update", lambda: "We restart" in fetch(site + "/"))
        read = browser.Script(workspace, "client", CLIENT, site).next()
        check(read["status"]["status"]["indicator"] == "critical", read["status"])
        check([c["status"] for c in read["components"]["components"]] == ["major_outage"], read["components"])
        updates = read["open"]["incidents"][0]["incident_updates"]
        check((updates[0]["status"], updates[0]["body"]) == ("identified", "We restart <it>."), updates)
        check(read["all"]["incidents"] == read["summary"]["incidents"], "incidents")
        check(read["planned"]["scheduled_maintenances"][0]["name"] == "Weekly <update>", read["planned"])
        say("a published client of the status page API reads every answer")

        form = browser.Script(workspace, "form", FORM, site).next()
        check("a medical record number" in form["refused"], form["refused"])
        check("MRN 00482913" in form["kept"] and form["name"] == "Ann <Lee>", form)
        check(re.fullmatch(r"We have your report I-\d+", form["sent"]), form["sent"])
        say("a report with a number of a patient is refused and kept; without it, it has a number")
        paths = links(site)
        check(any(path.startswith("/incidents/") for path in paths), paths)
        paths.insert(0, "/problem")
        refused = workspace.folder / "refused.html"
        refused.write_text(form["html"])
        files = [refused]
        for n, path in enumerate(paths):
            files.append(workspace.folder / f"page-{n}.html")
            files[-1].write_text(fetch(site + path))
            check("payroll" not in files[-1].read_text().lower(), f"{path} names a private system")
        browser.valid(files)
        say(f"{len(paths)} pages are valid for the Nu HTML checker")

        found = browser.Script(workspace, "pages", PAGES, site, *paths[:8]).next()
        check(not found, "\n".join(found))
        say(f"{len(paths[:8])} pages without a violation for axe-core, light and dark, at 390 and 1440 pixels")
        running(nines.process, "nines")
        nines.stop()


if __name__ == "__main__":
    main()
