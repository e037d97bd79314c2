#!/usr/bin/env python3
"""The public pages against programs that other people wrote: the Nu HTML checker, axe-core, Chromium, and a client of
the widely used status page API.

A system goes down, and an open page says so without a reload. A page without JavaScript asks to be loaded again. A person
reports a problem without JavaScript, first with data of a patient. Two people subscribe by mail, choose systems and leave, while a
window is planned, moved and cancelled. Every page is valid, has no violation for axe-core in light and dark at 390 and 1440 pixels, and does not scroll sideways.
Needs Debian's chromium and a Java runtime, PyPI's aiosmtpd, and npm, which installs the checkers into a cache.
"""

import datetime
import re
import urllib.request

import browser
from harness import Nines, UTC, Workspace, answers, become, check, fetch, free_port, mails, running, say, until

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


# Subscribes two people without JavaScript. A line that it waits for is the link of a mail. Then follows a window.
SUBSCRIBE = r"""
import { browser, say, told } from './browser.mjs';
const [site] = process.argv.slice(2);
const plain = await browser.newContext({ javaScriptEnabled: false });
const page = await plain.newPage();
const press = (name) => page.getByRole('button', { name, exact: true }).click();
const title = () => page.locator('h1').textContent();
const subscribe = async (address) => {
  await page.goto(site + '/subscribe');
  await page.getByLabel('Mail address').fill(address);
  await press('Subscribe');
  say(await title());
  await page.goto(await told());
  await press('Confirm');
  say(await page.locator('.done').textContent());
};
await subscribe('ann@clinic.example');
await page.getByLabel('Results').uncheck();
await press('Save the choice');
const [chosen, kept] = [await page.getByLabel('Results').isChecked(), await page.getByLabel('Portal').isChecked()];
say({ chosen, kept, done: await page.locator('.done').textContent() });
const ann = page.url();
await subscribe('bob@clinic.example');
const bob = page.url();
const windows = async (wanted) => {
  for (let n = 0; n < 60; n += 1) {
    await page.goto(site + '/');
    const all = await page.locator('article.window').allInnerTexts();
    const found = all.filter((text) => text.includes('New <disks>'));
    if (wanted(found)) return found;
    await new Promise((resume) => setTimeout(resume, 250));
  }
  throw new Error('the window is not shown as it is');
};
say('planned?');
await told();
say(await windows((found) => found.length === 1));
await page.goto(bob);
await press('Unsubscribe');
say(await title());
await told();
say(await windows((found) => found.some((text) => text.includes('10:00 to 12:00'))));
await told();
await page.goto(ann);
say(await title());
say(await windows((found) => found.length === 0));
await page.goto(site + '/maintenance/disks');
say(await page.locator('.hero').innerText());
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


def subscriptions(workspace):
    """Two people subscribe, choose and leave; a window appears, is moved and is cancelled meanwhile."""
    relay, public, port = free_port(), free_port(), free_port()
    site = f"http://127.0.0.1:{public}"
    spool = workspace.aiosmtpd(relay)
    workspace.target("shown", port)
    probe = f'[[probe]]\nname = "page"\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\ninterval = "1s"\ntimeout = "900ms"\n'
    nines = Nines(workspace, "subscribed", [relay], {}, {"portal": probe, "results": probe})
    text = nines.config.read_text().replace("[listen]", f'[listen]\npublic = "127.0.0.1:{public}"')
    nines.config.write_text(f'{text}\n[public]\nsystems = ["portal", "results"]\n')
    nines.start()
    until(30, "no page", lambda: "All systems are available" in (fetch(site + "/") or ""))

    def mail(number, to):
        """Return the mail of that number, counted from 1, which must go to this address."""
        found = until(20, f"no mail {number}", lambda: mails(spool)[number - 1:])[0]
        check(found.to == to, f"mail {number} goes to {found.to}")
        return found

    def link(found, path):
        return re.search(rf"{site}/{path}/\S+", found.part("plain"))[0]

    page = browser.Script(workspace, "subscribe", SUBSCRIBE, site)
    page.expect("Look into your mailbox")
    page.tell(link(mail(1, "ann@clinic.example"), "subscribe"))
    page.expect("You are subscribed.")
    page.expect({"chosen": False, "kept": True, "done": "Your choice is saved."})
    page.expect("Look into your mailbox")
    page.tell(link(mail(2, "bob@clinic.example"), "subscribe"))
    page.expect("You are subscribed.")
    page.expect("planned?")
    say("two people subscribe without JavaScript, by the links in their mails; one of them chooses a system")

    day = (datetime.datetime.now(UTC) + datetime.timedelta(days=2)).strftime("%Y-%m-%d")
    nines.ask("maintenance", "schedule", "disks", "--system", "portal", "--title", "New <disks>",
              "--start", f"{day}T10:00:00Z", "--end", f"{day}T11:00:00Z", "--by", "kim")
    page.tell("planned")
    check("10:00 to 11:00 UTC" in page.next()[0], "the window has other times")
    until(20, "no mails about the window", lambda: len(mails(spool)) == 4)
    check({found.to for found in mails(spool)[2:]} == {"ann@clinic.example", "bob@clinic.example"}, "not both have a mail")
    page.expect("You are not subscribed")
    nines.ask("maintenance", "extend", "disks", "--end", f"{day}T12:00:00Z", "--by", "kim")
    page.tell("moved")
    page.next()
    moved = mail(5, "ann@clinic.example")
    check(moved.parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click", "no button of RFC 8058")
    one_click = moved.parsed["List-Unsubscribe"].strip("<>")
    with urllib.request.urlopen(one_click, data=b"List-Unsubscribe=One-Click", timeout=10) as answer:
        check(answer.status == 200 and "You are not subscribed" in answer.read().decode(), "one click does not unsubscribe")
    nines.ask("maintenance", "cancel", "disks", "--reason", "The part is late.", "--by", "kim")
    page.tell("cancelled")
    page.expect("You are not subscribed")
    page.expect([])
    check("Maintenance, cancelled." in page.next(), "the page of the window does not say that it is cancelled")
    until(10, "a notice waits", lambda: not nines.pending())
    check(len(mails(spool)) == 5, [found.to for found in mails(spool)])
    check("clinic.example" not in nines.config.with_name("data").joinpath("ledger.sqlite").read_bytes().decode("latin-1"),
          "the ledger has an address")
    running(nines.process, "subscribed")
    nines.stop()
    say("a planned window appears, is moved and is cancelled; a button and one click of a mail program unsubscribe")


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
        subscriptions(workspace)


if __name__ == "__main__":
    main()
