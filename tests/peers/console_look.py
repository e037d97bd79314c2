#!/usr/bin/env python3
"""The console in Chromium: an operator from the first sign-in to the mail, and a second person who approves.

A system goes down and the open page says so without a reload. The operator acknowledges, writes an update, sees who
receives it, and sends it; the mail arrives. A notice that a relay rejected is read and sent again. Maintenance is scheduled and cancelled. A second account approves an
exclusion and the report of a month, and the committee's mail arrives. Two people act on one incident at once. Every
page is valid, and has no violation for axe-core in light and dark at 390 and 1440 pixels.
"""

import email
import email.policy
import re
import subprocess

import browser
from harness import ROOT, Nines, Workspace, become, binary, check, free_port, say, until

PASSWORD = "quartz lantern meadow fifty"

FLOW = r"""
import { browser, errors, watched, told, say, everywhere } from './browser.mjs';
import { writeFileSync } from 'node:fs';
const [site, invitation, folder] = process.argv.slice(2);
const password = '""" + PASSWORD + r"""';
const context = await browser.newContext({ timezoneId: 'UTC' });
const page = watched(await context.newPage());
page.setDefaultTimeout(20000);
const press = (name) => page.getByRole('button', { name }).first().click();
const joins = async (page, address, login, name) => {
  await page.goto(address);
  if (login) await page.getByLabel('Login').fill(login);
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button').first().click();
  await page.waitForURL(`${site}/console`);
};

await joins(page, invitation, 'ann', 'Ann Miller');
await page.evaluate(() => { window.opened = true; });
say('signed in');
await page.waitForFunction(() => document.title.startsWith('(1)'), null, { timeout: 60000 });
await page.getByRole('heading', { level: 1, name: /Portal is down/ }).waitFor();
say({ same: await page.evaluate(() => window.opened === true) });

await page.getByRole('link', { name: /^I-\d+$/ }).first().click();
const incident = page.url();
await press('Acknowledge');
await page.getByRole('heading', { name: 'Recorded' }).waitFor();
await page.goto(incident);
// Another person writes meanwhile: what Ann types stays, and the page says that it is old.
await page.getByLabel('To customers, in your words').fill('We replace a <disk> & restart.');
say('types');
await page.getByText('This page has changed').waitFor();
await press('Preview: who receives what');
await page.getByRole('heading', { name: /notices? would be sent/ }).waitFor();
say({ preview: await page.getByRole('main').innerText() });
await press('Record it and send');
await page.getByRole('heading', { name: 'Recorded' }).waitFor();
await page.goto(incident);
say({ both: await page.getByRole('main').innerText() });

// A mailbox that was rejected exists again.
await page.goto(`${site}/console/notices`);
await page.getByRole('row').filter({ hasText: 'rejected' }).filter({ hasText: 'gone@clinic.example' }).getByRole('link').first().click();
const rejected = page.url();
say({ rejected: await page.getByRole('main').innerText() });
for (const [w, s] of [[1440, "light"], [390, "dark"]]) { await page.setViewportSize({ width: w, height: 900 }); await page.emulateMedia({ colorScheme: s }); await page.screenshot({ path: `/tmp/look/rej-${w}.png`, fullPage: true }); await page.goto(`${site}/console/account/second-factor`); await page.screenshot({ path: `/tmp/look/2fa-${w}.png`, fullPage: true }); await page.goto(rejected); } await page.setViewportSize({ width: 1280, height: 800 });
await told();
await page.goto(rejected);
await page.getByLabel('Why it will arrive now').fill('The mailbox was made again.');
await press('Preview: who receives what');
await press('Record it and send');
await page.getByRole('heading', { name: 'Recorded' }).waitFor();
await page.goto(rejected);
say({ again: await page.getByRole('main').innerText() });

await page.goto(`${site}/console/maintenance`);
const local = (hours) => new Date(Date.now() + hours * 3600e3).toISOString().slice(0, 16);
await page.getByLabel('Id (letters').fill('disk');
await page.getByLabel('Title, as customers').fill('New disk');
await page.getByLabel('Start (UTC)').fill(local(48));
await page.getByLabel('End (UTC)').fill(local(49));
await page.getByLabel('Portal').check();
// The rules are checked while typing.
await page.getByLabel('End (UTC)').fill(local(47));
await page.locator('form:has(input[value=schedule_maintenance]) output', { hasText: 'Refused' }).waitFor();
await page.getByLabel('End (UTC)').fill(local(49));
const checked = page.locator('form:has(input[value=schedule_maintenance]) output', { hasText: 'Nothing is recorded yet' });
await checked.waitFor();
say({ checked: await checked.innerText() });
await page.locator('form:has(input[value=schedule_maintenance]) button').click();
await press('Record it and send');
await page.getByRole('heading', { name: 'Recorded' }).waitFor();
say('scheduled');
await page.goto(`${site}/console/maintenance`);
await page.getByText('Cancel', { exact: true }).first().click();
await page.getByLabel('Reason, for the ledger').first().fill('The disk is late.');
await page.locator('form:has(input[value=cancel_maintenance]) button').first().click();
await press('Record it and send');
await page.getByRole('heading', { name: 'Recorded' }).waitFor();
say('cancelled');

// A second account.
await page.goto(`${site}/console/people`);
await page.locator('#invited-role').selectOption('approver');
await page.getByLabel(/^Login/).fill('bob');
await press('Invite');
const address = (await page.getByText('/console/invitation/').first().innerText()).match(/\/console\/invitation\/\S+/)[0];
const other = await browser.newContext({ timezoneId: 'UTC' });
const second = watched(await other.newPage());
second.setDefaultTimeout(20000);
await joins(second, site + address, null, 'Bob Stone');

await told();  // The system is up again, and its incident resolved.
await page.goto(incident);
await page.getByLabel('Summary, in two sentences').fill('The portal refused connections.');
await page.getByLabel('Root cause').fill('A full disk.');
await page.getByLabel('Resolution').fill('Space was made.');
await page.getByLabel('Measure', { exact: true }).fill('Watch the disk.');
await page.getByLabel('Owner').fill('platform');
await page.getByLabel('Due').fill(local(240).slice(0, 10));
await page.getByLabel('Resolution').press('Tab');
await page.locator('form:has(input[value=review]) button').click();
await press('Record it and send');
await page.getByRole('heading', { name: 'Recorded' }).waitFor();
await page.goto(incident);
await page.getByText(/^Exclude a part of/).first().click();
const exclude = page.locator('form:has(input[value=exclude])').first();
await exclude.getByLabel('Reason').fill('The customer asked for it.');
await exclude.getByLabel('Evidence').fill('ticket 17');
await exclude.getByRole('button').click();
await press('Propose it');
await page.waitForURL(`${site}/console/proposals`);
say({ own: await page.getByRole('button', { name: 'Approve it' }).count() });
await second.goto(`${site}/console/proposals`);
await second.getByRole('button', { name: 'Approve it' }).click();
await second.getByRole('heading', { name: 'Recorded' }).waitFor();
say({ approved: await second.getByRole('main').innerText() });

await second.goto(`${site}/console/reports/operations/2026-10`);
await second.getByRole('button', { name: /Preview/ }).click();
await second.getByRole('button', { name: 'Record it and send' }).click();
await second.getByRole('heading', { name: 'Recorded' }).waitFor({ timeout: 60000 });
say({ report: await second.getByRole('main').innerText() });
await second.goto(`${site}/console/reports/operations/2026-10`);
const [file] = await Promise.all([
  second.waitForEvent('download'), second.getByRole('link', { name: /final\.pdf$/ }).click(),
]);
await file.saveAs(`${folder}/final.pdf`);
await page.goto(`${site}/console/systems/portal`);
await press(/Probe now/);
say({ probe: await page.getByRole('main').innerText() });

const paths = ['/console', '/console/incidents', new URL(incident).pathname, '/console/maintenance', '/console/reports',
  '/console/reports/operations/2026-10', '/console/notices', '/console/notices/N-1', new URL(rejected).pathname, '/console/account/second-factor', '/console/systems/portal', '/console/proposals',
  '/console/ledger', '/console/account', '/console/people'];
for (const [n, path] of paths.entries()) {
  await page.goto(site + path);
  writeFileSync(`${folder}/console-${n}.html`, await (await context.request.get(site + path)).text());
}
// The refusal while typing is an answer with a status of its own.
const wrong = errors.filter((error) => !error.includes('status of 409'));
say({ found: await everywhere(site, paths, await context.storageState()), errors: wrong });
await browser.close();
"""


def mails(spool):
    """Return the mails that have arrived."""
    found = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
             for path in sorted(spool.glob("*.eml"))]
    return [(mail["To"], mail["Subject"], mail.get_body(("plain",)).get_content()) for mail in found]


def mailed(spool, to, *words):
    """Return the mail to an address with all these words, if it has arrived."""
    for address, subject, text in mails(spool):
        if to in address and all(word in subject + text for word in words):
            return subject
    return None


def main():
    browser.install()
    with Workspace(600) as workspace:
        port, relay = free_port(), free_port()
        spool = workspace.aiosmtpd(relay)
        refused = spool / "refused"
        refused.write_text("gone@clinic.example")
        target = workspace.target("portal", port)
        probe = (f'[[probe]]\nname = "page"\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\ninterval = "1s"\n'
                 'retry_interval = "200ms"\ntimeout = "900ms"\n')
        nines = Nines(workspace, "nines", [relay], {"clinic": (["it@clinic.example", "gone@clinic.example"], ["portal"])}, {"portal": probe})
        # A month that is over, with its reviewed outage.
        scenario = ROOT / "tests/scenarios/plain-outage/scenario.toml"
        subprocess.run([binary(), "simulate", scenario, "--out", nines.data], check=True, timeout=120,
                       stdout=subprocess.DEVNULL)
        nines.start()
        log = (workspace.folder / "nines.log").read_text()
        site = f"http://127.0.0.1:{nines.port}"
        invitation = site + re.search(r"/console/invitation/[\w-]+", log)[0]
        until(30, "the portal is not up", lambda: nines.json("status", status=(0, 1))["systems"][0]["state"] == "up")

        flow = browser.Script(workspace, "console", FLOW, site, invitation, str(workspace.folder))
        flow.expect("signed in")
        become(target, "status")
        check(flow.next()["same"], "the page was loaded again")
        say("the first administrator signs in; a system goes down, and the open page says so without a reload")
        flow.expect("types")
        nines.ask("incident", "update", "portal", "--text", "Kim looks, too.", "--to", "staff", "--by", "kim")
        preview = flow.next()["preview"]
        check("it@clinic.example" in preview, preview)
        both = flow.next()["both"]
        check("Kim looks, too." in both and "We replace a <disk> & restart." in both, both)
        subject = until(30, lambda: mails(spool), lambda: mailed(spool, "it@clinic.example", "We replace a <disk>"))
        say(f"two people act on one incident, both are recorded, and the mail that was previewed arrives: {subject}")
        rejected = flow.next()["rejected"]
        check("550 5.1.1" in rejected and "Portal" in rejected, rejected)
        refused.unlink()
        flow.tell("it is back")
        again = flow.next()["again"]
        check("Sent again" in again, again)
        subject = until(30, lambda: mails(spool), lambda: mailed(spool, "gone@clinic.example", "Portal"))
        say(f"the page of a rejected notice shows its text and the relay's words, and sends it again: {subject}")
        checked = flow.next()["checked"]
        check("it@clinic.example" in checked, checked)
        flow.expect("scheduled")
        until(30, lambda: mails(spool), lambda: mailed(spool, "it@clinic.example", "New disk"))
        flow.expect("cancelled")
        until(30, lambda: mails(spool), lambda: mailed(spool, "it@clinic.example", "CANCELLED"))
        say("maintenance is scheduled and cancelled, and the customer is notified of both")
        become(target, "ok")
        until(60, "the incident is not resolved",
              lambda: nines.json("status", status=(0, 1))["systems"][0]["state"] == "up")
        flow.tell("up")
        check(flow.next() == {"own": 0}, "the proposer may approve")
        approved = flow.next()["approved"]
        check("ann" in approved and "bob" in approved, approved)
        report = flow.next()["report"]
        check("bob approved the report of 2026-10" in report, report)
        subject = until(60, lambda: mails(spool), lambda: mailed(spool, "chair@example.org", "2026", "approved"))
        say(f"a second account approves an exclusion and a report, and the committee is mailed: {subject}")
        check("up" in flow.next()["probe"], "no transcript")
        done = flow.next()
        filed = (nines.data / "reports/operations-2026-10-final.pdf").read_bytes()
        check((workspace.folder / "final.pdf").read_bytes() == filed, "the downloaded file is another")
        check(not done["errors"], "\n".join(done["errors"]))
        check(not done["found"], "\n".join(done["found"]))
        pages = sorted(workspace.folder.glob("console-*.html"))
        browser.valid(pages)
        say(f"{len(pages)} pages are valid, without a violation for axe-core, light and dark, at 390 and 1440 pixels")
        nines.stop()


if __name__ == "__main__":
    main()
