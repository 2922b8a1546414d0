"""What a disturbed run is compared with, and what it is called when it differs."""

import re
from dataclasses import dataclass

from .recovery_machine import Outcome

BEGIN = "Starting virtualization...\n"
END = "Guest: SBI SRST shutdown\n"
CLEAN = "Hypervisor ok!"
# The hypervisor's own lines. The guest prints none that begin so.
OWN = re.compile(
    r"(server [a-z-]+[ :]|init: |VM |console: |fs-loader: |sbi-server: |npf-pager: |timer-server: "
    r"|monitor: |Guest: |Guest RAM |Shutdown |Hypervisor |Pre-allocating |loading |app: |Loaded "
    r"|Entering |Ctrl-T )"
)
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


def guest_bytes(console: str) -> str:
    """The guest's own output: without the hypervisor's lines, and what these cut put together.

    The console ends a guest's unfinished line before it writes one of the hypervisor's, and goes
    on with it behind that. The guest's own lines all begin with "@" and end in ";"; they stand
    before the hypervisor's first when the console died at its start.
    """
    begin = console.find(BEGIN)
    text = console[begin + len(BEGIN) :] if begin >= 0 else ""
    early = console[: max(begin, 0)].splitlines(keepends=True)
    out = "".join(line for line in early if line.startswith("@"))
    cut = False  # a newline was taken off before the hypervisor's line: was it the guest's?
    for line in text.splitlines(keepends=True):
        if line == END:
            break
        if OWN.match(line):
            if not cut and out.endswith("\n"):
                out = out[:-1]
                cut = True
            continue
        if cut and out.endswith(";") and not line.startswith("\n"):
            out += "\n"
        cut = False
        out += line
    out += "\n" if cut and out.endswith(";") else ""
    # A console that dies between the newline and the line that it made room for leaves it to the
    # next, which may well go on with the guest's first.
    return re.sub(r"([^;\n])\n", r"\1", out)


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
    """An undisturbed run."""

    output: str | None  # None: not compared
    ram: str
    rounds: int

    @staticmethod
    def of(outcome: Outcome, rounds: int) -> "Oracle":
        return Oracle(guest_bytes(outcome.console), outcome.ram, rounds)

    def difference(self, outcome: Outcome) -> str:
        """Empty when nothing is lost, doubled or out of order."""
        if outcome.why:
            return outcome.why
        if self.output is not None:
            output = guest_bytes(outcome.console)
            if output != self.output:
                return f"the guest's output differs: {first_difference(self.output, output)}"
            tail = [line.strip() for line in outcome.console.splitlines()]
            if tail.count(END.strip()) != 1 or CLEAN not in tail:
                return "the machine did not end cleanly"
        if outcome.status != 0:
            return f"status {outcome.status} instead of 0"
        if outcome.ram != self.ram:
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


def first_difference(expected: str, found: str) -> str:
    at = next(
        (i for i, (a, b) in enumerate(zip(expected, found)) if a != b),
        min(len(expected), len(found)),
    )
    near = slice(max(0, at - 20), at + 20)
    return f"{found[near]!r} instead of {expected[near]!r}"
