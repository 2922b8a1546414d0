"""What a disturbed run is compared with, and what it is called when it differs."""

import re
from dataclasses import dataclass

from .recovery_machine import Outcome
from .transcript import RECOVERY_GUEST, Form, difference, expected_text

BEGIN = "Starting virtualization...\n"
# How the guest ended, once; the status says whether well.
END = "Guest: "
# ... or, where that is what it is to do, how the hypervisor ended it.
DEAD_END = "VM vm0: its CPU can't go on at "
CLEAN = "Hypervisor ok!"
DEATH = re.compile(r"^server ([a-z-]+) died: it (.*?), at ", re.MULTILINE)
HANG = "did not come back in time"
PAUSES = re.compile(
    r"^server [a-z-]+: restarted (\d+) times, longest pause (\d+) instructions; "
    r"replaced (\d+) times, longest pause (\d+) instructions",
    re.MULTILINE,
)

VERDICTS = (
    "masked",
    "recovered death",
    "recovered hang",
    "wrong output",
    "wrong memory",
    "VM stopped",
    "machine ended",
    "stuck",
)


def deaths(console: str) -> list[tuple[str, str]]:
    """Which servers died, and of what, in the hypervisor's own words."""
    return [(match[1], match[2]) for match in DEATH.finditer(console)]


def pauses(console: str) -> tuple[int, int]:
    """The longest pauses of a guest, in instructions: for a restart, for a replacement.

    init says at the end how long anybody waited for each server; 0 where nobody did.
    """
    found = [tuple(map(int, match.groups())) for match in PAUSES.finditer(console)]
    return max((f[1] for f in found), default=0), max((f[3] for f in found), default=0)


@dataclass(frozen=True)
class Oracle:
    """An undisturbed run. ram: "" where a guest's memory depends on the time: not compared."""

    output: str | None  # None: not compared
    ram: str
    rounds: int
    form: Form = RECOVERY_GUEST
    falls: bool = False  # the guest ends by what its CPU can't go on from

    @staticmethod
    def of(outcome: Outcome, rounds: int, form: Form = RECOVERY_GUEST) -> "Oracle":
        ram = "" if form.timings else outcome.ram
        return Oracle(expected_text(outcome.console, form), ram, rounds, form)

    def difference(self, outcome: Outcome) -> str:
        """Empty when nothing is lost, doubled or out of order."""
        if outcome.why:
            return outcome.why
        if self.output is not None:
            differs = difference(self.output, outcome.console, self.form)
            if differs:
                return f"the guest's output differs: {differs}"
            tail = [line.strip() for line in outcome.console.splitlines()]
            end = DEAD_END if self.falls else END
            ends = sum(line.startswith(end) for line in tail)
            if ends != 1 or (CLEAN in tail) == self.falls:
                return "the machine did not end as it should"
        if outcome.status != self.falls:
            return f"status {outcome.status} instead of {int(self.falls)}"
        if self.ram and outcome.ram != self.ram:
            return "the guest's memory differs"
        return ""

    def classify(self, outcome: Outcome) -> str:
        wrong = self.difference(outcome)
        died = deaths(outcome.console)
        if not wrong:
            if not died:
                return "masked"
            hung = any(HANG in cause for _, cause in died)
            return "recovered hang" if hung else "recovered death"
        if outcome.why:
            return "stuck"
        if "the VM is stopped" in outcome.console or "\n  " in outcome.console.split(BEGIN)[-1]:
            return "VM stopped"
        if "not started again" in outcome.console or CLEAN not in outcome.console:
            return "machine ended"
        return "wrong memory" if wrong == "the guest's memory differs" else "wrong output"

