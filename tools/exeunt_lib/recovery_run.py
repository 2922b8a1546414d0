"""One disturbed run: strikes by name, at the instruction that the name says, and what came of it.

A strike is written ACTION:SERVER:RECORD:PLACE[:SEED].
  ACTION  recovery_strike.ACTIONS; order-NAME happens to NAME, at a record of SERVER's
  RECORD  the number of a record among those that the server got for the first time; N=DETAIL: the
          N-th of those that are about that, whatever comes between, or the first behind it from
          which the server comes to the place; 0: on its way to receive the
          first one; +: the next that arrives, the same one again included; +CLASS: the next of that
          class; *: the restarted server, before it receives anything
  PLACE   an address of the server's in hexadecimal digits, a dot, and how often it is executed from
          there on until the strike falls; the receive entry itself is the record's arrival
"""

import random
import re
from dataclasses import dataclass

from .abi import CLASSES
from .gdbstub import Ended
from .paths import UsageError
from .recovery_machine import INIT, SERVERS, Machine, Outcome, Record, Stuck
from .recovery_strike import ACTIONS, LASTING, Missed, lasting

ARRIVAL = 0
# At this record of sbi-server's, the guest runs: what is to be typed is typed.
TYPED_AT = 20
# Records that others may get while a server is on its way to a place.
PATIENCE = 100
# More servers than that must not die on one record: init stops the VM at the next.
DEATHS = 2


@dataclass(frozen=True)
class Strike:
    action: str
    server: str
    record: str
    place: int
    count: int = 1
    seed: int = 0

    def __str__(self) -> str:
        seed = f":{self.seed}" if self.seed else ""
        return f"{self.action}:{self.server}:{self.record}:{self.place:x}.{self.count}{seed}"


FORM = re.compile(
    r"([a-z-]+):([a-z-]+):(\d+(?:=[^:\s]+)?|\*|\+[A-Z0-9]*):([0-9a-f]+)(?:\.(\d+))?(?::(\d+))?"
)


def parse_strike(text: str) -> Strike:
    match = FORM.fullmatch(text)
    if not match or match[1] not in ACTIONS or match[2] not in SERVERS:
        raise UsageError(f"{text!r} is no strike: ACTION:SERVER:RECORD:PLACE[:SEED]")
    if match[3][1:] and match[3][0] == "+" and match[3][1:] not in CLASSES:
        raise UsageError(f"{text!r}: there is no class {match[3][1:]}")
    return Strike(
        match[1], match[2], match[3], int(match[4], 16), int(match[5] or 1), int(match[6] or 0)
    )


def in_order(index: int, detail: str) -> str:
    """The RECORD that is the index-th about the detail."""
    return f"{index}={_word(detail)}"


def _word(detail: str) -> str:
    return detail.replace(" ", "_")


def wanted(strike: Strike, record: Record) -> bool:
    """Is this the arrival that the strike names?"""
    if strike.server != record.server:
        return False
    if strike.record.startswith("+"):
        return strike.record[1:] in ("", record.kind)
    index, _, detail = strike.record.partition("=")
    if detail:
        is_it = _word(record.detail) == detail and record.index >= int(index)
    else:
        is_it = strike.record == str(record.number)
    return is_it and record.attempt == 0


class Run:
    """A machine with the records counted, and strikes done to it."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.done: list[Strike] = []
        self.flipped: list[str] = []
        self.passed: dict[str, Record] = {}

    def record(self) -> Record:
        """The next arrival."""
        record = self.machine.next_record()
        self.passed[record.server] = record
        if record.server == "sbi-server" and not self.machine.guest_ram:
            self.machine.find_guest_ram()
        if record.server == "sbi-server" and record.number == TYPED_AT:
            self.machine.type()
        return record

    def prepare(self) -> None:
        """Runs until all is known and done that has to be."""
        machine = self.machine
        while not machine.guest_ram or machine.system.typed and not machine.terminal:
            self.record()

    def reach(self, server: str, place: int, count: int, starting: bool = False) -> None:
        """From where the server stands to the place. Missed: its next record arrives before.

        starting: what it gets as its first record belongs to its way.
        """
        machine = self.machine
        first, later = machine.system.receives
        others = 0
        if place == ARRIVAL or place == later:
            return
        machine.stub.set_breakpoint(place)
        try:
            while True:
                machine.go()
                registers, name = machine.here()
                pc = registers[machine.arch.pc]
                if pc == place and name == server:
                    count -= 1
                    if count == 0:
                        return
                arrived = self.arrived(registers, name)
                others += arrived is not None
                if arrived == server and not (starting and pc == first) or others > PATIENCE:
                    raise Missed(f"{server} did not come to {place:x} before its next record")
        finally:
            if place != first:
                machine.stub.clear_breakpoint(place)
            machine.at_breakpoint = machine.pc in machine.system.receives

    def arrived(self, registers: list[int], name: str) -> str | None:
        """Counts the record that arrives here, if one does; whose it is."""
        if registers[self.machine.arch.pc] not in self.machine.system.receives or name == INIT:
            return None
        self.passed[name] = self.machine.arrival(registers, name)
        return name

    def reach_start(self, server: str, place: int, count: int) -> None:
        """In a server on its way to its second record, from its first instruction on."""
        machine = self.machine
        start = machine.system.start
        machine.stub.set_breakpoint(start)
        others = 0
        try:
            while True:
                machine.go()
                registers, name = machine.here()
                if registers[machine.arch.pc] == start and name == server:
                    break
                arrived = self.arrived(registers, name)
                others += arrived is not None
                if arrived == server or others > PATIENCE:
                    raise Missed(f"{server} did not start again")
        finally:
            machine.stub.clear_breakpoint(start)
            machine.at_breakpoint = machine.pc in machine.system.receives
        if place != start:
            self.reach(server, place, count, starting=True)

    def act(self, strike: Strike) -> None:
        """The server stands at the place: the strike falls."""
        machine = self.machine
        said = ACTIONS[strike.action](machine, strike.server, random.Random(strike.seed))
        if said:
            self.flipped.append(f"{strike.server}: {said}")
        self.done.append(strike)
        machine.at_breakpoint = machine.pc in machine.stub.breakpoints
        if strike.action in LASTING:
            lasting(machine)

    def strike(self, strike: Strike) -> None:
        if strike.record == "0" or strike.record == "*":
            self.reach_start(strike.server, strike.place, strike.count)
        else:
            self.reach_from_record(strike)
        self.act(strike)

    def reach_from_record(self, strike: Strike) -> None:
        """From the record that the strike names to its place."""
        record = self.record()
        while True:
            if wanted(strike, record):
                try:
                    self.reach(strike.server, strike.place, strike.count)
                    return
                except Missed:
                    behind = self.passed[strike.server]
                    if "=" not in strike.record or behind is record:
                        raise
                    record = behind  # which has arrived
                    continue
            record = self.record()


def run_strikes(machine: Machine, strikes: list[Strike]) -> tuple[Run, Outcome]:
    """All of them, one after the other, then on to the end."""
    run = Run(machine)
    machine.watch()
    try:
        for strike in strikes:
            run.strike(strike)
        run.prepare()
    except Ended:
        return run, machine.outcome()
    except Stuck as stuck:
        return run, machine.outcome(str(stuck))
    return run, machine.finish()
