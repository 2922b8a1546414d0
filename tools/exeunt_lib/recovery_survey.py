"""An undisturbed run, looked at closely: which records there are, and where their ways lead."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .gdbstub import Ended
from .recovery_machine import SERVERS, Machine, Outcome, Record, System
from .recovery_oracle import Oracle
from .recovery_run import Run, in_order, run_strikes
from .transcript import RECOVERY_GUEST, Form

CORE = 1 << 63
# A record whose way is longer than that is not followed to its end.
LONGEST = 5000
# Of the records of a kind, the one whose way is followed, at most.
TYPICAL = 8

Kind = tuple[str, str]  # a server, and a record's detail


@dataclass
class Survey:
    """rounds: the guest's. arrivals: the numbers of the records of each kind. ways: the addresses
    that such a record leads its server over, from its arrival to the reply's system call. starts: the
    functions that a server enters on its way to its first record; firsts: those that it enters
    while it serves that one; in order."""

    rounds: int
    oracle: Oracle
    arrivals: dict[Kind, list[int]] = field(default_factory=dict)
    ways: dict[Kind, list[int]] = field(default_factory=dict)
    starts: dict[str, list[int]] = field(default_factory=dict)
    firsts: dict[str, list[int]] = field(default_factory=dict)

    def typical(self, kind: Kind) -> int:
        """The number of the record whose way was followed: the first ones are special cases, and
        the last ones come late."""
        return self.arrivals[kind][self.typical_index(kind)]

    def typical_index(self, kind: Kind) -> int:
        """Which one it is of its kind, from 0 on."""
        return min((len(self.arrivals[kind]) - 1) // 2, TYPICAL)

    def typical_record(self, kind: Kind) -> str:
        """The same as a strike names it. By its number it would be another one, where one record more
        or less came before: how many deadlines pass, and how many signals are one, depends on time."""
        return in_order(self.typical_index(kind) + 1, kind[1])

    def place(self, kind: Kind, index: int) -> tuple[int, int]:
        """The index-th instruction of the way as an address and how often it has come then."""
        way = self.ways[kind]
        return way[index], way[: index + 1].count(way[index])


def resume(run: Run, server: str, address: int) -> bool:
    """Waits until the server goes on at the address; False: it got another record before that."""
    machine = run.machine
    machine.stub.set_breakpoint(address)
    try:
        while True:
            machine.go()
            registers, name = machine.here()
            if registers[machine.arch.pc] == address and name == server:
                return True
            if run.arrived(registers, name) == server:
                return False
    finally:
        machine.stub.clear_breakpoint(address)
        machine.at_breakpoint = machine.pc in machine.system.receives


def follow(run: Run, server: str) -> list[int]:
    """The addresses of the instructions from here to the reply's system call."""
    machine, call = run.machine, run.machine.arch.call
    done = (call, *machine.arch.done_by_core)
    elf = machine.system.elves[server]
    way: list[int] = []

    def is_call(pc: int) -> bool:
        return elf.text_at(pc, len(call)) == call

    while len(way) < LONGEST:
        pc = machine.pc
        if pc < CORE:
            way.append(pc)
            if is_call(pc) and machine.stub.register(machine.arch.syscall) == 0:
                break
            machine.step()
            continue
        behind = (len(text) for text in done if elf.text_at(way[-1], len(text)) == text)
        if not resume(run, server, way[-1] + next(behind, 0)):
            break
    return way


def survey_beside(system: System, known: Survey, form: Form) -> Survey:
    """Of another guest beside the same servers. Where records lead is known of most.

    The oracle is a run of its own: at each record that is counted the machine stands still, and on a
    busy host some of its time passes meanwhile, which a guest that measures may call a fault.
    """
    with Machine(system) as machine:
        order, _ = count_records(Run(machine))
    oracle = undisturbed(system, 0, form)
    survey = Survey(0, oracle, {}, dict(known.ways), known.starts, known.firsts)
    for record in order:
        survey.arrivals.setdefault((record.server, record.detail), []).append(record.number)
    follow_kinds(system, survey)
    return survey


def follow_kinds(system: System, survey: Survey) -> None:
    """Another run, in which one record of each kind whose way is not known is followed.

    Signals that come while their receiver is busy are merged: how many there are depends on the time,
    and following takes some. So the first one is followed, too, in case the typical one does not come.
    """
    left = set(survey.arrivals) - set(survey.ways)
    seen: Counter = Counter()
    with Machine(system) as machine:
        run = Run(machine)
        machine.watch()
        try:
            while left:
                record = run.record()
                kind = (record.server, record.detail)
                seen[kind] += not record.attempt
                if kind not in left:
                    continue
                # By what comes when, a server may have got one more or less before.
                typical = seen[kind] > survey.typical_index(kind)
                if typical or record.kind == "SIGNAL" and kind not in survey.ways:
                    survey.ways[kind] = follow(run, record.server)
                    left -= {kind} if typical else set()
        except Ended:
            pass


def count_records(run: Run) -> tuple[list[Record], Outcome]:
    """All records of an undisturbed run, and how it ended."""
    order: list[Record] = []
    run.machine.watch()
    try:
        while True:
            order.append(run.record())
    except Ended:
        return order, run.machine.outcome()


def undisturbed(system: System, rounds: int, form: Form = RECOVERY_GUEST) -> Oracle:
    with Machine(system) as machine:
        return Oracle.of(run_strikes(machine, [])[1], rounds, form)


def make_survey(system: System, rounds: int, known: Survey | None = None) -> Survey:
    """Two runs: one that only counts, whose end is the oracle; one that follows each kind once.

    known: of another length of the guest. The ways are the same, and what comes when is not told.
    """
    if known:
        oracle = undisturbed(system, rounds)
        return Survey(rounds, oracle, {}, known.ways, known.starts, known.firsts)
    with Machine(system) as machine:
        order, outcome = count_records(Run(machine))
    survey = Survey(rounds, Oracle.of(outcome, rounds))
    for record in order:
        survey.arrivals.setdefault((record.server, record.detail), []).append(record.number)
    follow_kinds(system, survey)
    for server in SERVERS:
        functions = list(entered(system, server))
        at = functions.index(system.receives[0])
        survey.starts[server], survey.firsts[server] = functions[:at], functions[at:]
    return survey


def entered(system: System, server: str) -> Iterable[int]:
    """The functions that the server enters between its first instruction and its second record."""
    with Machine(system) as machine:
        run = Run(machine)
        machine.watch()
        run.reach_start(server, system.start, 1)
        yield system.start
        for begin, _, _ in system.elves[server].functions:
            if begin not in (system.start, *system.receives):
                machine.stub.set_breakpoint(begin)
        machine.at_breakpoint = False
        try:
            while True:
                machine.go()
                registers, name = machine.here()
                pc = registers[machine.arch.pc]
                if name != server:
                    continue
                if pc == system.receives[1]:
                    return
                yield pc
                if pc != system.receives[0]:
                    machine.stub.clear_breakpoint(pc)
                    machine.at_breakpoint = False
        except Ended:
            pass
