"""Chromium with Playwright, axe-core and the Nu HTML checker, for the scripts that open pages.

Needs Debian's chromium and a Java runtime, and npm, which installs the packages into a cache.
"""

import json
import os
import pathlib
import subprocess

from harness import check, need

PACKAGES = ["playwright-core@1", "axe-core@4", "vnu-jar@26", "statuspage.io@3", "oidc-provider@9.13.3"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "nines/pages"

# Begins every script. `opened(options)` is a context of a browser; a page's errors end up in `errors`.
HEAD = r"""
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
export const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
export const errors = [];
export const watched = (page) => {
  page.on('console', (m) => m.type() === 'error' && errors.push(`${page.url()}: ${m.text()}`));
  page.on('pageerror', (e) => errors.push(`${page.url()}: ${e}`));
  return page;
};
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
export const told = async () => (await lines.next()).value;
export const say = (value) => console.log(JSON.stringify(value));
const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
export const violations = async (page) => {
  await page.evaluate(axe);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = await page.evaluate((runOnly) => axe.run({ runOnly }), tags);
  const found = violations.map((v) => `${page.url()}: ${v.id} ${v.nodes[0].html}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  return wide ? [...found, `${page.url()} scrolls sideways at ${page.viewportSize().width}`] : found;
};
// The violations of pages, light and dark, on a phone and a desktop. `state` has the cookies of a person.
export const everywhere = async (site, paths, state) => {
  const found = [];
  for (const colorScheme of ['light', 'dark']) for (const width of [390, 1440]) {
    const context = await browser.newContext({
      colorScheme, viewport: { width, height: 900 }, bypassCSP: true, storageState: state,
    });
    for (const path of paths) {
      const page = watched(await context.newPage());
      await page.goto(site + path);
      found.push(...(await violations(page)).map((v) => `${colorScheme} ${width} ${v}`));
      await page.close();
    }
    await context.close();
  }
  return found;
};
"""


def install():
    """Install the packages into the cache, once."""
    for program, package in (("chromium", "chromium"), ("java", "default-jre-headless"), ("node", "nodejs")):
        need(program, package)
    CACHE.mkdir(parents=True, exist_ok=True)
    names = [package.rsplit("@", 1)[0] for package in PACKAGES]
    if not all((CACHE / "node_modules" / name).exists() for name in names):
        command = [need("npm", "npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
        subprocess.run(command, cwd=CACHE, check=True, stdout=subprocess.DEVNULL, timeout=300)
    (CACHE / "browser.mjs").write_text(HEAD)


class Script:
    """A script that runs in Node beside the test. Each line that it prints is one JSON value."""

    def __init__(self, workspace, name, text, *arguments):
        (CACHE / f"{name}.mjs").write_text(text)
        self.name = name
        self.log = (workspace.folder / f"{name}.log").open("w")
        self.process = subprocess.Popen([need("node", "nodejs"), f"{name}.mjs", *arguments], cwd=CACHE, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        workspace.started.append(self.process)

    def next(self):
        """Return the next value; fail if the script has ended."""
        line = self.process.stdout.readline()
        check(line, f"{self.name} ended early; its log says why")
        return json.loads(line)

    def expect(self, value):
        """Fail unless the next value is this one."""
        found = self.next()
        check(found == value, f"{self.name} said {found} and not {value}")

    def tell(self, line):
        """Write a line that the script waits for."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


def valid(files):
    """Fail unless the Nu HTML checker finds no error in the files."""
    jar = CACHE / "node_modules/vnu-jar/build/dist/vnu.jar"
    done = subprocess.run([need("java", "default-jre-headless"), "-jar", jar, *files], capture_output=True, text=True,
                          timeout=300)
    check(done.returncode == 0, done.stderr[-3000:])
