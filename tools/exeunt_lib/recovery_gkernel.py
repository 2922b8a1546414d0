"""The campaign's part in which our own kernel runs its programs: servers die meanwhile, and what
kernel and programs print does not change, but for figures that are timings.

Memory and the order of interrupts are not compared: both depend on when a timer's tick falls.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from .boot import Boot
from .paths import ROOT, ExeuntError, say
from .recovery_cases import (
    KILL_CHANCE,
    Chance,
    Result,
    Tally,
    concurrently,
    run_by_chance,
    run_case,
    shrink,
)
from .recovery_machine import SERVERS, Record, System, make_system
from .recovery_oracle import deaths
from .recovery_run import ARRIVAL, Strike
from .recovery_strike import LASTING, ORDERS, Missed
from .recovery_survey import Survey, survey_beside, undisturbed
from .transcript import GKERNEL

# Before a case's name, where it is one of these.
PREFIX = "gkernel:"
# `fault`, whose processes' numbers the kernel prints, goes before `spin`, which measures once more,
# with other processes, when so much time was taken from it that no scheduler can make up for it.
PROGRAMS = "hello fault spin fork sleep fp threads"
# A server that hangs takes its deadline, 0.1 s and more, from whoever runs just then. So with hangs
# nobody judges how a short time was shared.
WITH_HANGS = PROGRAMS.replace(" spin", "")
END = "monolithic kernel exit [0] normally!\n"
KILLED = "was killed"
# Strikes in one run, and how many orders come beside each of them.
KILLS_A_RUN, HANGS_A_RUN = 60, 5
ORDERED = 0.3
# No run has as many strikes.
MOST = 1 << 20
# One hang for so many kills: each takes 0.1 to 0.2 s of the machine's time.
KILLS_A_HANG = 10
# A server that gets no more records has nothing to do while a guest runs; one of those that it gets
# all the same is struck with that chance.
SELDOM, SELDOM_CHANCE = 10, 0.1
# The busiest server's records before that are the kernel's start.
FIRST = 30


class Spread(Chance):
    """Strikes by chance from the run's beginning to its end, as many at each server that has
    something to do then, and between them orders, which each of the others gets in turn."""

    def __init__(self, survey: Survey, seed: str, actions: tuple[str, ...], wanted: float):
        kills = "kill" in actions
        super().__init__(survey, seed, actions, SELDOM_CHANCE if kills else 0.0)
        records = Counter()
        for (server, _), numbers in survey.arrivals.items():
            records[server] += len(numbers)
        # Who has nothing to do while a guest runs is killed by the monitor, which is told so.
        self.idle = [server for server in SERVERS if records[server] <= SELDOM]
        busy = {server: count for server, count in records.items() if count > SELDOM}
        each = wanted / len(busy)
        self.rates = {server: min(KILL_CHANCE, each / count) for server, count in busy.items()}
        self.seldom = self.chance
        # Orders are given at records of who gets most of them, at even distances: by chance there
        # were runs with too few for each server.
        self.busiest = max(records, key=lambda server: records[server])
        self.ordered = 0
        self.distance = (records[self.busiest] - FIRST) / (ORDERED * wanted) if kills else 0.0

    def is_time_to_order(self, record: Record) -> bool:
        due = FIRST + self.ordered * self.distance
        return self.distance > 0 and record.server == self.busiest and record.number > due

    def place(self, record: Record) -> tuple[int, int] | None:
        return super().place(record) or (ARRIVAL, 1)

    def strike(self, record: Record) -> Strike | None:
        if self.is_time_to_order(record) and not record.attempt:
            self.ordered += 1
            action = f"order-{self.idle[self.ordered % len(self.idle)]}"
            return Strike(action, record.server, str(record.number), ARRIVAL)
        self.chance = self.rates.get(record.server, self.seldom)
        return super().strike(record)


def obeyed(result: Result) -> Counter:
    """How often each server was killed by order, as the hypervisor says it."""
    killed = (name for name, cause in deaths(result.outcome.console) if cause == KILLED)
    return Counter(killed)


def strikes_that_fell(result: Result) -> int:
    """Of an order only what came of it counts: at the run's end it may be too late."""
    struck = sum(strike.action not in ORDERS for strike in result.strikes)
    return struck + sum(obeyed(result).values())


@dataclass
class Programs:
    """The systems that run the programs. known: a survey of the servers beside another guest."""

    arch: str
    out: Path | None
    scratch: Path
    seed: int
    known: Survey
    systems: dict[str, tuple[System, Survey]] = field(default_factory=dict)
    died: Counter = field(default_factory=Counter)  # how often each server did

    def system(self, programs: str) -> tuple[System, Survey]:
        if programs not in self.systems:
            say(f"looking at an undisturbed run of {programs}")
            folder = self.scratch / f"gkernel{len(self.systems)}"
            folder.mkdir()
            manifest = ROOT / f"tests/recovery/manifests/gkernel-{self.arch}.dts"
            boot = Boot(arch=self.arch, out=self.out, manifest=manifest, cmdline=programs)
            system = make_system(boot, folder, controlled=True)
            # How many records there are, and where they lead, differs little.
            like = next((survey for _, survey in self.systems.values()), None)
            if like:
                survey = replace(like, oracle=undisturbed(system, 0, GKERNEL))
            else:
                survey = survey_beside(system, self.known, GKERNEL)
            if not survey.oracle.output.endswith(END):
                raise ExeuntError(f"undisturbed it ends so:\n{survey.oracle.output[-1000:]}")
            self.systems[programs] = system, survey
        return self.systems[programs]

    def case(self, strikes: list[Strike]) -> Result:
        hangs = any(strike.action in LASTING for strike in strikes)
        return run_case(*self.system(WITH_HANGS if hangs else PROGRAMS), strikes, shift=0)

    def command(self, strikes: list[Strike]) -> str:
        only = PREFIX + ",".join(map(str, strikes))
        return f"tools/exeunt recovery --arch {self.arch} --only {only}"

    def both(self, wanted: int) -> Tally:
        """Kills, and a hang for some of them: about as many as wanted."""
        runs = self.runs(PROGRAMS, ("kill",), wanted, KILLS_A_RUN)
        runs += self.runs(WITH_HANGS, LASTING, wanted // KILLS_A_HANG, HANGS_A_RUN)
        tally = Tally()
        results = concurrently(lambda run: run(), runs, "runs beside gkernel's programs")
        for result in results:
            count = strikes_that_fell(result)
            tally.tried += count
            tally.survived += count
            if result.wrong:
                tally.survived -= 1
                tally.failures.append(f"{result.wrong}\n    {self.command(self.shrink(result))}")
        return tally

    def runs(
        self, programs: str, actions: tuple[str, ...], wanted: int, most: int
    ) -> list[Callable[[], Result]]:
        """Each has its share, from its beginning to its end."""
        count = -(-wanted // most)
        system, survey = self.system(programs)

        def run(number: int) -> Result:
            seed = f"{self.seed}/gkernel/{actions[0]}/{number}"
            drawn = Spread(survey, seed, actions, wanted / count)
            result = run_by_chance(system, survey, drawn, MOST)
            died = Counter(name for name, _ in deaths(result.outcome.console))
            self.died += died
            each = ", ".join(f"{name} {times}" for name, times in sorted(died.items()))
            say(f"{strikes_that_fell(result)} {actions[0]}s (seed {seed}, {result.seconds:.0f} s: {each})")
            return result

        return [partial(run, number) for number in range(count)]

    def shrink(self, result: Result) -> list[Strike]:
        return shrink(result, self.fails)

    def fails(self, strikes: list[Strike]) -> bool:
        try:
            again = self.case(strikes)
        except Missed:
            return False
        return bool(again.wrong) and again.fell
