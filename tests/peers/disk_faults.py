"""Lets each call to the disk fail in turn, and checks that no event, notice or time is lost.

`disk_faults.c` is loaded into the service. It fails the N-th call of a group (open, write, sync, size, name) to a
part of the data directory (ledger, samples, the rest), once or until the disk is repaired, or kills the service
there. `fault_scenario.py` has the run and its checks. A fault that a run does not reach ends its sweep.

`NINES_FAULTS` (32) is the number of cases, spread over all faults; `all` does the whole sweep. `NINES_SEED`
(random, printed) chooses them. `NINES_CELL` limits both to the faults whose name contains it.
"""

import collections
import os
import random
import shutil
import threading

import fault_scenario
from harness import Failed, Workspace, end, free_port, say, together

FAULTS = os.environ.get("NINES_FAULTS", "32")
SEED = int(os.environ.get("NINES_SEED", str(random.SystemRandom().randrange(1_000_000))))
CELL = os.environ.get("NINES_CELL", "")
AT_ONCE = 4
# No run makes more calls of one point.
MOST = 400


class Sweep:
    """The cases of this script and their results."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.library = fault_scenario.compiled(workspace)
        self.relay = free_port()
        self.spool = workspace.aiosmtpd(self.relay)
        self.lock = threading.Lock()
        self.outcomes = collections.defaultdict(collections.Counter)
        self.reached = collections.defaultdict(list)
        self.findings, self.number = [], 0
        self.words, self.unclear = collections.Counter(), collections.Counter()

    def case(self, cell, nth):
        """Run one case; return True if its fault was reached."""
        with self.lock:
            self.number += 1
            name = f"run-{self.number}"
        run = fault_scenario.Run(self.workspace, self.library, self.relay, self.spool, name, cell, nth)
        try:
            run.go()
            run.judge()
        except Failed as error:
            run.findings.append(str(error))
        self.keep(run, cell, nth)
        return run

    def keep(self, run, cell, nth):
        if run.nines.process:
            end(run.nines.process)
        end(run.target)
        with self.lock:
            self.outcomes[cell][run.outcome()] += 1
            if run.shim.fired:
                self.reached[cell].append(nth)
            hidden = lambda words: words.replace(str(run.nines.folder), "")
            self.words.update(map(hidden, run.refusals + run.stops))
            self.unclear.update(map(hidden, run.unclear))
            where = f"{cell}, call {nth} [{run.shim.mark()}]"
            for finding in run.findings:
                self.findings.append(f"{where}: {finding}")
                say(f"  FOUND {where}: {finding}")
            if run.findings:
                say("\n".join(f"      {words[:300]}" for words in run.log().splitlines()[-25:]))
        if not os.environ.get("NINES_KEEP"):
            shutil.rmtree(run.nines.folder, ignore_errors=True)
            (self.workspace.folder / f"{run.name}.log").unlink(missing_ok=True)

    def all(self, chosen):
        """Sweep each cell until a run does not reach its fault."""
        def sweep(cell):
            for nth in range(1, MOST):
                if not self.case(cell, nth).shim.fired:
                    return
        together(AT_ONCE, sweep, [(cell,) for cell in chosen])

    def spread(self, chosen, calls, count):
        """Run a number of cases: each cell as often as the others, at calls that lie far apart."""
        rng = random.Random(SEED)
        chosen = [cell for cell in chosen if calls[cell.group, cell.part]]
        rng.shuffle(chosen)
        start, cases = rng.random(), []
        for number in range(count):
            cell = chosen[number % len(chosen)]
            # Multiples of the golden ratio are spread evenly, whatever their number.
            place = (start + number * 0.6180339887) % 1
            cases.append((cell, 1 + int(place * calls[cell.group, cell.part])))
        # A kill during a delivery lets its recipient wait for a minute: that must not come last.
        cases.sort(key=lambda case: case[0].fault != "kill")
        together(AT_ONCE, self.case, cases)

    def table(self):
        say("  fault                                    calls that failed            result")
        for cell in sorted(self.outcomes, key=lambda cell: (cell.point, cell.fault, cell.stays)):
            numbers = sorted(self.reached[cell])
            shown = ", ".join(map(str, numbers)) if len(numbers) <= 6 else f"1 to {numbers[-1]} ({len(numbers)})"
            result = ", ".join(f"{count} {what}" for what, count in self.outcomes[cell].items())
            say(f"  {str(cell):40} {shown or '-':28} {result}")


def run(workspace):
    say(f"NINES_SEED={SEED} NINES_FAULTS={FAULTS}")
    sweep = Sweep(workspace)
    clean = sweep.case(None, 0)
    if clean.findings:
        raise Failed("a run without faults is not clean")
    calls = clean.shim.counts()
    say("  calls of a run without faults: "
        + ", ".join(f"{group} {part} {count}" for (group, part), count in calls.items()))
    del sweep.outcomes[None]
    chosen = [cell for cell in fault_scenario.cells(kills=False) + fault_scenario.cells(kills=True)
              if CELL in str(cell)]
    if FAULTS == "all":
        sweep.all(chosen)
    else:
        sweep.spread(chosen, calls, int(FAULTS))
    sweep.table()
    for words, count in sweep.words.most_common():
        say(f"  {count} times: {words[:240]}")
    for words, count in sweep.unclear.most_common():
        say(f"  UNCLEAR {count} times: {words[:240]}")
    if sweep.findings or sweep.unclear:
        raise Failed(f"{len(sweep.findings)} findings and {sweep.unclear.total()} unclear messages in"
                     f" {sweep.number} runs")
    say(f"disk faults: passed, {sweep.number} runs")


if __name__ == "__main__":
    with Workspace(limit_s=6 * 3600 if FAULTS == "all" else 600) as here:
        run(here)
