"""Cases: one run each, with its strikes made beforehand or drawn by chance as records arrive."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .gdbstub import Ended
from .paths import say
from .recovery_machine import SERVERS, Machine, Outcome, Record, Stuck, System
from .recovery_run import ARRIVAL, DEATHS, Run, Strike, run_strikes
from .recovery_strike import LASTING, ORDERS, Missed
from .recovery_survey import Survey

# -icount's shift where a hang is waited for: time passes so much faster that a deadline is soon
# over, and still slowly enough that a restart is no hang.
QUICK = 5
# One arrival in so many is struck, of those that can be.
KILL_CHANCE, AGAIN_CHANCE, START_CHANCE = 0.35, 0.3, 0.15
# How often a place may be passed before the strike falls: each takes a stop.
PASSES = 6
# Machines that run at once.
WORKERS = 2


@dataclass
class Result:
    """What came of a case. wrong: empty when it was survived."""

    strikes: list[Strike]
    verdict: str
    wrong: str
    outcome: Outcome
    flipped: list[str]
    seconds: float
    fell: bool = True  # all strikes did


@dataclass
class Tally:
    tried: int = 0
    survived: int = 0
    failures: list[str] = field(default_factory=list)


def concurrently(function: Callable, items: list, what: str) -> list:
    """The function of each, a few at a time, with progress."""
    found = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for result in pool.map(function, items):
            found.append(result)
            if len(found) % 20 == 0 or len(found) == len(items):
                say(f"{len(found)} of {len(items)} {what}")
    return found


def judge(survey: Survey, run: Run, outcome: Outcome, began: float) -> Result:
    wrong = survey.oracle.difference(outcome)
    verdict = survey.oracle.classify(outcome)
    return Result(run.done, verdict, wrong, outcome, run.flipped, time.monotonic() - began)


def quick(strikes: list[Strike]) -> bool:
    return any(s.action in LASTING or s.action.startswith("flip") for s in strikes)


def run_case(
    system: System, survey: Survey, strikes: list[Strike], shift: int | None = None
) -> Result:
    """The named strikes. Missed: one of them did not fall. shift: -icount's, not as is usual."""
    began = time.monotonic()
    usual = QUICK if quick(strikes) else 0
    with Machine(system, shift=usual if shift is None else shift) as machine:
        run, outcome = run_strikes(machine, strikes)
    result = judge(survey, run, outcome, began)
    # After a flip the rest may well not happen any more.
    if len(run.done) < len(strikes):
        missing = strikes[len(run.done)]
        result.wrong = result.wrong or f"{missing} did not fall: that record did not come"
        result.fell = False
    return result


class Chance:
    """Strikes drawn by chance: where the next record arrives, and where on its way."""

    def __init__(self, survey: Survey, seed: str, actions: tuple[str, ...], chance: float):
        self.survey = survey
        self.random = random.Random(seed)
        self.actions = actions
        self.chance = chance
        # Strikes in a row that fell before a server had begun to serve. Three of them end it.
        self.early: Counter = Counter()

    def seed(self) -> int:
        return self.random.randrange(1, 1 << 31)

    def start(self, server: str, number: str, serving: bool = True) -> Strike:
        """serving: its first record belongs to its start, so it may die on that, too."""
        functions = self.survey.starts[server] + serving * self.survey.firsts[server]
        return Strike("kill", server, number, self.random.choice(functions))

    def place(self, record: Record) -> tuple[int, int] | None:
        if record.first:
            return self.random.choice([ARRIVAL, *self.survey.firsts[record.server][1:]]), 1
        kind = (record.server, record.detail)
        if kind not in self.survey.ways:
            return None
        # Back from places that are passed too often: inside of loops over many bytes.
        index = self.random.randrange(len(self.survey.ways[kind]))
        while index and self.survey.place(kind, index)[1] > PASSES:
            index -= 1
        return self.survey.place(kind, index)

    def strike(self, record: Record) -> Strike | None:
        """What is done to this record's server; None: nothing."""
        if not record.first:
            self.early[record.server] = 0
        limit = AGAIN_CHANCE if record.attempt else self.chance
        if self.random.random() >= limit or record.attempt >= DEATHS:
            return None
        if record.first and self.early[record.server] >= DEATHS:
            return None
        place = self.place(record)
        if not place:
            return None
        number = "+" if record.attempt else str(record.number)
        action = self.random.choice(self.actions)
        return Strike(action, record.server, number, *place)


def run_by_chance(
    system: System, survey: Survey, chance: Chance, limit: int, shift: int = 0
) -> Result:
    """At most so many strikes in one run, drawn as it goes. They are named, so that the same run
    can be made again by run_case."""
    began = time.monotonic()
    with Machine(system, shift=shift) as machine:
        run = Run(machine)
        machine.watch()
        try:
            if "kill" in chance.actions and limit:
                server = chance.random.choice(SERVERS)
                chance.early[server] += _try(run, chance.start(server, "0"))
            while len(run.done) < limit:
                record = run.record()
                strike = chance.strike(record)
                if not strike or not _try_here(run, strike):
                    continue
                chance.early[strike.server] += record.first
                if strike.action in ORDERS or len(run.done) == limit:
                    continue
                if chance.early[strike.server] >= DEATHS:
                    continue
                if chance.random.random() < START_CHANCE:
                    again = chance.start(strike.server, "*", record.attempt + 1 < DEATHS)
                    chance.early[strike.server] += _try(run, again)
            run.prepare()
            outcome = machine.finish()
        except Ended:
            outcome = machine.outcome()
        except Stuck as stuck:
            outcome = machine.outcome(str(stuck))
    return judge(survey, run, outcome, began)


def _try(run: Run, strike: Strike) -> bool:
    try:
        run.strike(strike)
    except Missed:
        return False
    return True


def _try_here(run: Run, strike: Strike) -> bool:
    """The record that the strike names has just arrived."""
    try:
        run.reach(strike.server, strike.place, strike.count)
    except Missed:
        return False
    run.act(strike)
    return True


def shrink(result: Result, fails: Callable[[list[Strike]], bool]) -> list[Strike]:
    """The fewest last strikes of a failed run that fail by themselves; else all of them."""
    strikes = result.strikes
    count = 1
    while count < len(strikes):
        last = strikes[-count:]
        if last[0].record[0].isdigit() and fails(last):
            return last
        count = count + 1 if count < 4 else count * 2
    return strikes
