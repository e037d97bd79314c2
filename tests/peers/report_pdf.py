"""Checks reports as PDF with Poppler and with PyPI's pdfua.

Simulates a month in which people wrote hostile texts, and a month in which nothing happened. Checks that
every font is embedded, that the file is tagged, conforms to PDF/UA-1 as far as a program can tell, is on the
paper that was asked for and reads in order; that hostile texts are printed and reach no file; that DRAFT,
the revision and the ledger's hash are on every page; that the same ledger gives the same bytes in another
time zone, language, home and folder; and that Arabic and Chinese texts are printed, with the fonts of
Debian's fonts-noto-core and fonts-noto-cjk and without them.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

from harness import Workspace, binary, check, need, python_with, say

HOSTILE = ('#read("secret.txt")', '#import "@preview/x:1.0.0"', '=HYPERLINK("http://x.example")',
           "<script>alert(1)</script>", "$x^2$ *b* _i_ @ref <label> `raw` // no comment")
SECRET = "4c1f-secret-of-a-file"
LONG = " ".join(["Regional", "imaging", "exchange"] * 8)[:200]
ARABIC, CHINESE = "بوابة المرضى", "門診系統"
REPLACED = "\ufffd"
# Headings in the order in which a reader meets them.
ORDER = ("Availability, October 2026", "Availability this month", "Day by day", "Time by class",
         "Year to date", "Outages this month", "Response times", "Root cause",
         "Preventive measures still open", "No maintenance windows this month", "Notices",
         "Configuration changes", "How the figures are computed", "This file conforms to PDF/UA-1")
PAPERS = {"a4": (595.276, 841.89), "letter": (612, 792)}
FONTS = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "nines/fonts"


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def configuration(folder, names, more=""):
    """Write a configuration with one system for each name, and a file that no report may print."""
    (folder / "systems").mkdir(parents=True)
    for file in ("secret.txt", "systems/secret.txt"):
        (folder / file).write_text(SECRET)
    for number, name in enumerate(names):
        (folder / f"systems/s{number}.toml").write_text(
            f'name = {quoted(name)}\ncommittee = "operations"\ntarget = "99.9%"\n'
            '[[probe]]\nname = "front"\nkind = "tcp"\nhost = "127.0.0.1"\nport = 9\ninterval = "5m"\n')
    # The policies' folder must be there.
    (folder / "policies").mkdir()
    (folder / "nines.toml").write_text(
        f'[service]\nname = "Example HIE"\nzone = "America/New_York"\n{more}\n'
        '[listen]\nprivate = "127.0.0.1:8081"\n'
        '[mail]\nfrom = "status@example.org"\nrelays = ["smtp://127.0.0.1:2525"]\n'
        f'[[committee]]\nid = "operations"\nname = {quoted("Operating " + HOSTILE[0])}\n'
        'zone = "America/New_York"\nmembers = ["chair@example.org"]\n'
        f'[[customer]]\nid = "clinic"\nname = {quoted(HOSTILE[3])}\nzone = "UTC"\n'
        'contacts = ["it@clinic.example"]\nsystems = ["s0"]\n')


def scenario(folder, acts):
    path = folder / "scenario.toml"
    path.write_text('config = "nines.toml"\nstart = "2026-10-01T00:00:00-04:00"\n'
                    'end = "2026-11-01T02:00:00-04:00"\nseed = 7\n' + acts)
    return path


def outage(texts):
    summary, cause, resolution = (quoted(text) for text in texts)
    return f"""
[[fault]]
system = "s0"
from = "2026-10-07T02:14:10-04:00"
to = "2026-10-07T02:51:40-04:00"
outcome = "down"
reason = "refused"
[[act]]
at = "2026-10-08T10:00:00-04:00"
by = {quoted(HOSTILE[0])}
do = "review"
system = "s0"
summary = {summary}
root_cause = {cause}
resolution = {resolution}
measures = [{{ text = {quoted(HOSTILE[2])}, owner = {quoted(HOSTILE[1])}, due = "2026-11-30" }}]
"""


def simulate(folder, config, out, **environment):
    """Return the path of the month's PDF, and what the run said on standard error."""
    done = subprocess.run([binary(), "simulate", config, "--out", out], cwd=folder, text=True,
                          capture_output=True, env={**os.environ, **environment}, check=False)
    check(done.returncode == 0, f"simulate left with {done.returncode}: {done.stderr}")
    found = out / "reports/operations-2026-10.pdf"
    check(found.is_file(), f"no {found.name}: {done.stdout}")
    return found, done.stderr


def poppler(program, *words):
    need(program, "poppler-utils")
    # Its PDF 1.7 reader complains of a key that PDF/UA-1 asks for.
    done = subprocess.run([program, *words], capture_output=True, text=True, check=True)
    return done.stdout


def text_of(pdf):
    """Return the words of each page as a reader meets them."""
    pages = poppler("pdftotext", "-enc", "UTF-8", pdf, "-").split("\f")
    return [" ".join(page.replace("\u00a0", " ").split()) for page in pages if page.strip()]


def well_formed(pdf, paper):
    """Check fonts, tags, paper and PDF/UA-1. Return the number of pages."""
    fonts = poppler("pdffonts", pdf).splitlines()[2:]
    check(fonts, "no fonts")
    for font in fonts:
        embedded, _subset, unicode = re.search(r" (yes|no) +(yes|no) +(yes|no) +\d+ +\d+$", font).groups()
        check((embedded, unicode) == ("yes", "yes"), f"not embedded, or without Unicode: {font}")
    facts = dict(line.split(":", 1) for line in poppler("pdfinfo", pdf).splitlines())
    check(facts["Tagged"].strip() == "yes", "not tagged")
    check(facts["JavaScript"].strip() == "no", "there is JavaScript")
    width, height = re.match(r" +([\d.]+) x ([\d.]+) pts", facts["Page size"]).groups()
    check((float(width), float(height)) == PAPERS[paper], f"the paper is {width} x {height}")
    judged = subprocess.run([python_with("pdfua"), "-m", "pdfua", "check", pdf], capture_output=True,
                            text=True, check=False)
    check(judged.returncode == 0, f"pdfua: {judged.stdout}{judged.stderr}")
    return int(facts["Pages"])


def on_every_page(pages, words):
    for number, page in enumerate(pages, start=1):
        for word in (*words, f"Page {number} of {len(pages)}"):
            check(word in page, f"page {number} does not say {word!r}: {page[:200]} … {page[-200:]}")


def in_order(pages, words):
    whole, at = " ".join(pages), 0
    for word in words:
        found = whole.find(word, at)
        check(found >= 0, f"{word!r} does not follow: {whole[at:at + 300]}")
        at = found + len(word)


def hostile(workspace):
    folder = workspace.folder / "hostile"
    configuration(folder, (HOSTILE[0], LONG))
    path = scenario(folder, outage((HOSTILE[2], " ".join(HOSTILE), HOSTILE[3])))
    pdf, _ = simulate(folder, path, folder / "out")
    pages = text_of(pdf)
    check(well_formed(pdf, "a4") == len(pages), "a page without text")
    ledger = json.loads(pdf.with_suffix(".json").read_text())["ledger"]
    on_every_page(pages, ("October 2026", "DRAFT", "Revision 0", f"event {ledger['seq']}",
                          ledger["head"][:16], "Example HIE", "Operating #read"))
    in_order(pages, ORDER)
    whole = " ".join(pages)
    for text in HOSTILE:
        check(text in whole or text.replace(" ", "") in whole.replace(" ", ""), f"not printed: {text}")
    check(LONG.replace(" ", "") in whole.replace(" ", ""), "the long name is cut")
    check(SECRET not in whole, "a report printed a file")
    say(f"hostile texts: {len(pages)} pages, {pdf.stat().st_size} bytes")

    # The same ledger on another machine.
    moved = workspace.folder / "moved" / "elsewhere"
    shutil.copytree(folder, moved, ignore=shutil.ignore_patterns("out"))
    again, _ = simulate(moved, moved / "scenario.toml", moved / "again", TZ="Asia/Tokyo", LANG="tr_TR.UTF-8",
                        LC_ALL="tr_TR.UTF-8", HOME=str(moved))
    for kind in (".pdf", ".html", ".json"):
        check(pdf.with_suffix(kind).read_bytes() == again.with_suffix(kind).read_bytes(),
              f"{kind} differs in another zone, language and folder")
    say("the same bytes in another zone, language, home and folder")


def empty(workspace):
    folder = workspace.folder / "empty"
    configuration(folder, ("Portal",), 'paper = "letter"')
    pdf, _ = simulate(folder, scenario(folder, ""), folder / "out")
    pages = text_of(pdf)
    well_formed(pdf, "letter")
    in_order(pages, ("Portal met its target", "Portal 100.000 %", "No outages this month",
                     "No incidents this month", "How the figures are computed"))
    check(len(pages) <= 4, f"{len(pages)} pages say that nothing happened")
    say(f"an empty month on Letter: {len(pages)} pages")


def alphabets(workspace, fonts):
    folder = workspace.folder / ("with-fonts" if fonts else "without-fonts")
    configuration(folder, (f"{ARABIC} portal", f"{CHINESE} portal"),
                  f"fonts = {quoted(str(fonts))}" if fonts else "")
    pdf, said = simulate(folder, scenario(folder, outage((ARABIC, CHINESE, "Both mended."))), folder / "out")
    well_formed(pdf, "a4")
    whole = " ".join(text_of(pdf))
    if fonts:
        check(REPLACED not in whole, "there are replacements although there are fonts")
        check(CHINESE in whole, "the Chinese name is not printed")
        # Poppler gives the letters of a right-to-left word in one order or the other.
        word = ARABIC.split()[0]
        check(word in whole or word[::-1] in whole, f"the Arabic name is not printed: {whole[:400]}")
        names = poppler("pdffonts", pdf)
        check("NotoSansArabic" in names and "NotoSansCJK" in names, f"other fonts: {names}")
    else:
        check(f"{REPLACED * len(CHINESE)} portal" in whole, "a missing letter is not replaced")
        check("U+9580" in whole, "the last page does not list the missing letters")
        check("no font has" in said, f"no warning names the missing letters: {said}")
    say(f"Arabic and Chinese {'with' if fonts else 'without'} fonts: as they should be")


if __name__ == "__main__":
    with Workspace(limit_s=300) as here:
        hostile(here)
        empty(here)
        alphabets(here, None)
        if FONTS.is_dir():
            alphabets(here, FONTS)
        else:
            say(f"no {FONTS}: Arabic and Chinese were tested without fonts only")
