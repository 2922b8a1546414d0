"""Strikes beside our own kernel's programs: how chance draws them, and which of them count."""

import unittest
from collections import Counter

from exeunt_lib.recovery_cases import Result
from exeunt_lib.recovery_gkernel import Spread, obeyed, strikes_that_fell
from exeunt_lib.recovery_machine import Outcome, Record
from exeunt_lib.recovery_oracle import Oracle
from exeunt_lib.recovery_run import parse_strike
from exeunt_lib.recovery_strike import ORDERS
from exeunt_lib.recovery_survey import Survey

CALLS, SIGNALS = 900, 100
IDLE = {"npf-pager", "timer-server", "fs-loader", "monitor"}
WAY = list(range(0x10000, 0x10040, 4))


def survey() -> Survey:
    arrivals = {
        ("sbi-server", "HYPERCALL"): list(range(CALLS)),
        ("console", "SIGNAL"): list(range(SIGNALS)),
        ("monitor", "SIGNAL"): [1, 2],
    }
    found = Survey(0, Oracle("", "", 0), arrivals)
    found.ways = {("sbi-server", "SYSREG"): WAY, ("console", "SIGNAL"): WAY}
    return found


def record(server: str, number: int) -> Record:
    kind = "SYSREG" if server == "sbi-server" else "SIGNAL"
    return Record(server, number, number, kind, 0, number, kind, False)


def drawn(seed: str, actions: tuple[str, ...] = ("kill",), wanted: int = 60) -> list:
    """All strikes of a run in which one of nine of the records is the console's."""
    chance = Spread(survey(), seed, actions, wanted)
    found = []
    for number in range(CALLS):
        found.append(chance.strike(record("sbi-server", number)))
        if number % 9 == 0:
            found.append(chance.strike(record("console", number // 9)))
    return [strike for strike in found if strike]


class SpreadTest(unittest.TestCase):
    def test_each_busy_server_has_its_share_from_beginning_to_end(self):
        strikes = [s for seed in "abcdefgh" for s in drawn(seed) if s.action == "kill"]
        counts = Counter(strike.server for strike in strikes)
        for server in ("sbi-server", "console"):
            self.assertAlmostEqual(counts[server] / 8, 30, delta=10)
        late = [s for s in strikes if s.server == "sbi-server" and int(s.record) > CALLS // 2]
        self.assertAlmostEqual(len(late) / counts["sbi-server"], 0.5, delta=0.15)

    def test_orders_are_for_those_that_idle_and_can_be_repeated_by_name(self):
        for seed in "abcdefgh":  # all of them in every run
            orders = [strike for strike in drawn(seed) if strike.action in ORDERS]
            self.assertEqual({ORDERS[order.action] for order in orders}, IDLE)
            for order in orders:
                self.assertEqual(parse_strike(str(order)), order)

    def test_there_are_no_orders_between_hangs(self):
        strikes = drawn("a", ("hang",), 20)
        self.assertEqual({strike.action for strike in strikes}, {"hang"})

    def test_the_same_seed_draws_the_same(self):
        self.assertEqual(drawn("a"), drawn("a"))
        self.assertNotEqual(drawn("a"), drawn("b"))


class CountTest(unittest.TestCase):
    def test_an_order_counts_when_it_was_obeyed(self):
        names = ("kill:console:4:10000", "order-monitor:sbi-server:40:0", "hang:npf-pager:3:10000")
        console = (
            "server console died: it touched memory that it does not have, at put+0x4, serving\n"
            "server fs-loader died: it was killed, at rt_receive+0x0, serving nothing\n"
        )
        outcome = Outcome(0, console, "")
        result = Result([parse_strike(name) for name in names], "", "", outcome, [], 0)
        self.assertEqual(obeyed(result), Counter({"fs-loader": 1}))
        self.assertEqual(strikes_that_fell(result), 3)
        result.outcome.console = ""
        self.assertEqual(strikes_that_fell(result), 2)


if __name__ == "__main__":
    unittest.main()
