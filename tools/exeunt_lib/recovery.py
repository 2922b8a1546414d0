"""`exeunt recovery`: the campaign that kills, hangs and corrupts servers, and its table."""

import json
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import at
from .boot import Boot, boot_once
from .paths import UsageError, say
from .recovery_cases import (
    QUICK,
    Chance,
    Result,
    Tally,
    concurrently,
    quick,
    run_by_chance,
    run_case,
    shrink,
)
from .recovery_gkernel import PREFIX, Programs
from .recovery_machine import (
    SERVERS,
    System,
    recovery_guest,
    recovery_manifest,
    recovery_system,
)
from .recovery_matrix import Cell, dead_end_cells, input_cells, make_matrix
from .recovery_oracle import pauses
from .recovery_report import lost, report
from .recovery_run import Strike, parse_strike
from .recovery_strike import Missed
from .recovery_survey import Survey, make_survey, survey_beside, undisturbed
from .transcript import RECOVERY_GUEST, difference

# Rounds of the guest for one case, and for a run with many strikes.
CASE_ROUNDS, LONG_ROUNDS = 2, 60
# What is typed where that is looked at. No more than the UART takes at once.
TYPED = b"twelve bytes"
# Strikes that a round of the guest has room for.
STRIKES_A_ROUND = 20
HANGS_A_RUN = 10
# How often a cell is tried whose strike does not fall.
TRIES = 3
# A replacement: at which exit, and how long the guest runs.
REPLACE_EXIT, REPLACE_ROUNDS, REPLACE_TIMEOUT = 500, 60, 300.0


@dataclass
class Options:
    arch: str = "riscv64"
    out: Path | None = None
    kills: int = 200
    hangs: int = 20
    flips: int = 50
    gkernel: int = 100
    seed: int = 1
    only: str | None = None
    rounds: int | None = None


@dataclass
class Campaign:
    """One system, surveyed once for each length of the guest that is needed."""

    options: Options
    scratch: Path
    systems: dict[int, System] = field(default_factory=dict)
    typing: tuple[System, Survey] | None = None
    falling: tuple[System, Survey] | None = None
    gkernel: Programs | None = None
    surveys: dict[int, Survey] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)  # cases run side by side
    # The longest pauses seen for a restart and for a replacement, in instructions.
    pause_restart: int = 0
    pause_replace: int = 0

    def system(self, rounds: int) -> System:
        with self.lock:
            if rounds not in self.systems:
                folder = self.scratch / str(rounds)
                folder.mkdir()
                made = recovery_system(self.options.arch, folder, rounds, self.options.out)
                self.systems[rounds] = made
            return self.systems[rounds]

    def survey(self, rounds: int) -> Survey:
        if rounds not in self.surveys:
            say(f"looking at an undisturbed run of {rounds} rounds")
            known = self.survey(CASE_ROUNDS) if rounds != CASE_ROUNDS else None
            self.surveys[rounds] = make_survey(self.system(rounds), rounds, known)
        return self.surveys[rounds]

    def case(self, strikes: list[Strike], rounds: int = CASE_ROUNDS) -> Result:
        result = run_case(self.system(rounds), self.survey(rounds), strikes)
        # Only where nothing stood still meanwhile, because some time passes when the stub stops the
        # machine, and where an instruction takes one nanosecond, as it is counted.
        alone = len(strikes) == 1 and result.verdict == "recovered death" and not quick(strikes)
        # At the first two records, its start and init's signal, all servers are still starting, one
        # after the other, and no guest waits for this one in particular.
        if alone and strikes[0].record not in ("0", "1"):
            restart, replace = pauses(result.outcome.console)
            self.pause_restart = max(self.pause_restart, restart)
            self.pause_replace = max(self.pause_replace, replace)
        return result

    def command(self, only: str, rounds: int = CASE_ROUNDS) -> str:
        length = f" --rounds {rounds}" if rounds != CASE_ROUNDS else ""
        return f"tools/exeunt recovery --arch {self.options.arch}{length} --only {only}"

    def typed(self) -> tuple[System, Survey]:
        """The system in which something is typed; of its survey there is only the oracle, and of
        that what lies in the guest's memory: what it read, too. QEMU's console on a socket, which
        typing needs, writes a byte twice now and then, in undisturbed runs as well.
        """
        if not self.typing:
            folder = self.scratch / "typed"
            folder.mkdir()
            system = recovery_system(
                self.options.arch, folder, CASE_ROUNDS, self.options.out, typed=TYPED
            )
            oracle = replace(undisturbed(system, CASE_ROUNDS), output=None)
            self.typing = system, Survey(CASE_ROUNDS, oracle)
        return self.typing

    def falls(self) -> tuple[System, Survey]:
        """The system in which the guest ends by what its CPU can't go on from."""
        if not self.falling:
            folder = self.scratch / "falls"
            folder.mkdir()
            system = recovery_system(
                self.options.arch, folder, CASE_ROUNDS, self.options.out, more=" dead-end=1"
            )
            survey = survey_beside(system, self.survey(CASE_ROUNDS), RECOVERY_GUEST)
            survey.oracle = replace(survey.oracle, falls=True)
            self.falling = system, survey
        return self.falling

    def programs(self) -> Programs:
        """Our own kernel, in place of the campaign's guest."""
        if not self.gkernel:
            options, known = self.options, self.survey(CASE_ROUNDS)
            self.gkernel = Programs(options.arch, options.out, self.scratch, options.seed, known)
        return self.gkernel

    def cells(self) -> list[Cell]:
        cells = make_matrix(self.system(CASE_ROUNDS), self.survey(CASE_ROUNDS))
        cells += input_cells(self.typed()[0])
        if self.system(CASE_ROUNDS).arch.dead_end:
            cells += dead_end_cells(*self.falls())
        return cells

    def cell(self, cell: Cell) -> Result:
        if ":input:" in cell.name:
            return run_case(*self.typed(), list(cell.strikes))
        if ":shutdown:" in cell.name:
            return run_case(*self.falls(), list(cell.strikes))
        return self.case(list(cell.strikes))

    # The parts.

    def matrix(self) -> tuple[Tally, list[Cell]]:
        cells = self.cells()
        tally = Tally()

        def one(cell: Cell) -> str:
            # What servers get at once depends on the time a little: a strike that did not fall says
            # nothing about the cell, but one that never falls does.
            why = ""
            for _ in range(TRIES):
                try:
                    result = self.cell(cell)
                except Missed as missed:
                    why = str(missed)
                    continue
                if result.fell:
                    return result.wrong
                why = result.wrong
            return why

        real = [cell for cell in cells if not cell.reason]
        for cell, wrong in zip(real, concurrently(one, real, "cells of the matrix")):
            tally.tried += 1
            tally.survived += not wrong
            if wrong:
                command = self.command(f"matrix:{cell.name}")
                tally.failures.append(f"{cell.name}: {wrong}\n    {command}")
        return tally, [cell for cell in cells if cell.reason]

    def kills(self) -> Tally:
        """Kills at random instructions, many in each run of a long guest."""
        most = STRIKES_A_ROUND * LONG_ROUNDS
        return self._by_chance(self.options.kills, ("kill",), 0.35, most, 0)

    def hangs(self) -> Tally:
        actions = ("hang", "hang-calling")
        return self._by_chance(self.options.hangs, actions, 0.05, HANGS_A_RUN, QUICK)

    def _by_chance(
        self, wanted: int, actions: tuple, chance: float, most: int, shift: int
    ) -> Tally:
        tally = Tally()
        runs = 0
        while tally.tried < wanted:
            limit = min(most, wanted - tally.tried)
            rounds = max(CASE_ROUNDS, min(LONG_ROUNDS, -(-limit // STRIKES_A_ROUND)))
            if "hang" in actions:
                rounds = 4
            seed = f"{self.options.seed}/{actions[0]}/{runs}"
            runs += 1
            survey = self.survey(rounds)
            drawn = Chance(survey, seed, actions, chance)
            result = run_by_chance(self.system(rounds), survey, drawn, limit, shift)
            count = len(result.strikes)
            tally.tried += count
            tally.survived += count
            if result.wrong:
                tally.survived -= 1
                fewest = shrink(result, lambda last, rounds=rounds: self.fails(last, rounds))
                command = self.command(",".join(map(str, fewest)), rounds)
                tally.failures.append(f"{result.wrong}\n    {command}")
            if not count and runs > 3:
                tally.failures.append("no strike falls any more")
                break
            say(
                f"{tally.tried} {actions[0]}s, {tally.survived} survived "
                f"(run {runs}, seed {seed}, {result.seconds:.0f} s)"
            )
        return tally

    def fails(self, strikes: list[Strike], rounds: int) -> bool:
        try:
            again = self.case(strikes, rounds)
        except Missed:
            return False
        return bool(again.wrong) and again.fell

    def replacements(self) -> Tally:
        """Each server is replaced once, by what it was started from, while the guest runs."""
        tally = Tally()
        oracle = self.survey(REPLACE_ROUNDS).oracle

        def one(server: str) -> str:
            wish = at.At(REPLACE_EXIT, "replace", server)
            boot = Boot(
                arch=self.options.arch,
                out=self.options.out,
                manifest=recovery_manifest(self.options.arch),
                guest=recovery_guest(self.options.arch, self.options.out),
                cmdline=f"rounds={REPLACE_ROUNDS}",
                icount=True,
                timeout=REPLACE_TIMEOUT,
                at=[wish],
            )
            ended = boot_once(boot, live=False)
            replaced = f"server {server}: replaced" in ended.output
            good = ended.status == 0 and not difference(oracle.output, ended.output, oracle.form)
            self.pause_replace = max(self.pause_replace, pauses(ended.output)[1])
            if good and replaced:
                return ""
            return (
                f"{wish}: status {ended.status}, {'' if replaced else 'not '}replaced, the output "
                f"{'is the same' if good else 'differs'}"
            )

        for wrong in concurrently(one, list(SERVERS), "replacements"):
            tally.tried += 1
            tally.survived += not wrong
            tally.failures += [wrong] if wrong else []
        return tally

    def flips(self) -> tuple[Counter, Tally]:
        """One flipped bit a run, so that each can be told what came of it."""
        survey = self.survey(CASE_ROUNDS)
        drawn = Chance(survey, f"{self.options.seed}/flip", ("flip",), 1.0)
        kinds = sorted(survey.ways)
        cases = []
        for _ in range(self.options.flips):
            kind = drawn.random.choice(kinds)
            number = drawn.random.choice(survey.arrivals[kind])
            index = drawn.random.randrange(len(survey.ways[kind]))
            place, count = survey.place(kind, index)
            cases.append(Strike("flip", kind[0], str(number), place, count, drawn.seed()))
        verdicts: Counter = Counter()
        tally = Tally()

        def one(strike: Strike) -> Result | str:
            try:
                return self.case([strike])
            except Missed as missed:
                return str(missed)

        for strike, result in zip(cases, concurrently(one, cases, "flips")):
            if isinstance(result, str) or not result.strikes:
                verdicts["missed"] += 1
                continue
            tally.tried += 1
            verdicts[result.verdict] += 1
            if result.wrong:
                tally.failures.append(
                    f"{result.verdict}: {'; '.join(result.flipped)}: {result.wrong}\n"
                    f"    {self.command(str(strike))}"
                )
            else:
                tally.survived += 1
        return verdicts, tally


def run_only(campaign: Campaign, only: str) -> int:
    """One case: a cell by its name, or strikes by theirs."""
    rounds = campaign.options.rounds or CASE_ROUNDS
    cell = None
    if only.startswith("matrix:"):
        name = only.removeprefix("matrix:")
        cell = next((c for c in campaign.cells() if c.name == name and not c.reason), None)
        if not cell:
            raise UsageError(f"--only: the matrix has no cell {name}")
        strikes = list(cell.strikes)
    else:
        names = only.removeprefix(PREFIX).split(",")
        strikes = [parse_strike(text) for text in names]
    print("strikes:", ",".join(map(str, strikes)))
    try:
        if only.startswith(PREFIX):
            result = campaign.programs().case(strikes)
        else:
            result = campaign.cell(cell) if cell else campaign.case(strikes, rounds)
    except Missed as missed:
        print(f"missed: {missed}")
        return 1
    print(result.outcome.console)
    for flipped in result.flipped:
        print(f"flipped: {flipped}")
    print(f"{result.verdict}{': ' + result.wrong if result.wrong else ''}")
    return 1 if result.wrong else 0


def measure(campaign: Campaign) -> tuple[dict, Counter, list[Cell], list[str]]:
    matrix, reasons = campaign.matrix()
    replaced = campaign.replacements()
    kills, hangs = campaign.kills(), campaign.hangs()
    gkernel = campaign.programs().both(campaign.options.gkernel)
    verdicts, flips = campaign.flips()
    manifested = flips.tried - verdicts["masked"]
    found = {
        "arch": campaign.options.arch,
        "matrix": {"cells": matrix.tried, "survived": matrix.survived},
        "kills": {"tried": kills.tried, "survived": kills.survived},
        "hangs": {"tried": hangs.tried, "survived": hangs.survived},
        "flips": {
            "tried": flips.tried,
            "manifested": manifested,
            "recovered": manifested - (flips.tried - flips.survived),
        },
        "gkernel": {"tried": gkernel.tried, "survived": gkernel.survived},
        "replacements": {"tried": replaced.tried, "survived": replaced.survived},
        "pause_restart": campaign.pause_restart or None,
        "pause_replace": campaign.pause_replace or None,
    }
    parts = (matrix, replaced, kills, hangs, gkernel, flips)
    return found, verdicts, reasons, [text for part in parts for text in part.failures]


def main(options: Options, as_json: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="exeunt-") as scratch:
        campaign = Campaign(options, Path(scratch))
        if options.only:
            return run_only(campaign, options.only)
        say(f"seed {options.seed}")
        found, verdicts, reasons, failures = measure(campaign)
    if as_json:
        print(json.dumps(found, indent=2))
        for failure in failures:
            print(f"failed: {failure}", file=sys.stderr)
    else:
        report(found, verdicts, reasons, failures)
    return 1 if lost(found) or not found["matrix"]["cells"] else 0
