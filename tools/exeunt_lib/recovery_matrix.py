"""The kill matrix: each server, each kind of record it serves, each step of serving it."""

from dataclasses import dataclass, field

from .recovery_machine import SERVERS, System
from .recovery_run import ARRIVAL, Strike
from .recovery_strike import LASTING
from .recovery_survey import Kind, Survey
from .symbols import ECALL

# What the cells of a kind of record are called.
KINDS = {
    "base": ("sbi-server", "HYPERCALL 0x10/0"),
    "set-timer": ("sbi-server", "HYPERCALL 0x54494d45/0"),
    "dbcn-write": ("sbi-server", "HYPERCALL 0x4442434e/0"),
    "dbcn-read": ("sbi-server", "HYPERCALL 0x4442434e/1"),
    "dbcn-byte": ("sbi-server", "HYPERCALL 0x4442434e/2"),
    "putchar": ("sbi-server", "HYPERCALL 0x1/0"),
    "getchar": ("sbi-server", "HYPERCALL 0x2/0"),
    "ipi": ("sbi-server", "HYPERCALL 0x735049/0"),
    "hart-start": ("sbi-server", "HYPERCALL 0x48534d/0"),
    "hart-stop": ("sbi-server", "HYPERCALL 0x48534d/1"),
    "hart-status": ("sbi-server", "HYPERCALL 0x48534d/2"),
    "fence": ("sbi-server", "HYPERCALL 0x52464e43/1"),
    "legacy-fence": ("sbi-server", "HYPERCALL 0x6/0"),
    "unknown-call": ("sbi-server", "HYPERCALL 0x12345678/0"),
    "reset": ("sbi-server", "HYPERCALL 0x53525354/0"),
    "sysreg": ("sbi-server", "SYSREG"),
    "ram": ("npf-pager", "STAGE2 ram read"),
    "mmio-load": ("npf-pager", "STAGE2 mmio read"),
    "mmio-store": ("npf-pager", "STAGE2 mmio write"),
    "passthrough": ("npf-pager", "STAGE2 passthrough read"),
    "timer": ("timer-server", "TIMER"),
    "idle": ("timer-server", "IDLE"),
    "output": ("console", "SIGNAL"),
}
STEPS = ("before", "received", "changing", "changed", "replied")

# fs-loader does its jobs with the first record that it gets: the functions at their steps.
LOADER_STEPS = {
    "before": "rt_receive_first",
    "received": "loader_do_jobs",
    "reading": "read_bytes",
    "changing": "state_commit",
}
# Other ways to die than to be killed.
CAUSES = ("wild-jump", "illegal", "overflow", "exit", "no-memory", "hang", "hang-calling")
# Instructions behind the arrival that store the record's head.
HEAD = 5


@dataclass(frozen=True)
class Cell:
    """One place of the matrix; `reason`: why there is none."""

    name: str
    strikes: tuple[Strike, ...] = field(default=())
    reason: str = ""


def after(way: list[int], system: System, server: str, function: str) -> int | None:
    """The index of the way's first instruction behind its first visit of the function."""
    elf = system.elves[server]
    if elf.symbols.get(function) not in way:
        return None
    index = way.index(elf.address(function))
    end = next(e for b, e, n in elf.functions if n == function)
    while index < len(way) and elf.address(function) <= way[index] < end:
        index += 1
    return index


def middle(system: System, survey: Survey, kind: Kind) -> tuple[int, int] | None:
    """The indices of "changing" and "changed" on the way; None: there is no state to change."""
    server, way = kind[0], survey.ways[kind]
    symbols = system.elves[server].symbols
    if server == "console":
        # Its change is one store, right behind the byte that it counts.
        if symbols["console_put_sent"] not in way:
            return None
        return way.index(symbols["console_put_sent"]), way.index(symbols["console_put_counted"])
    behind = after(way, system, server, "state_commit")
    return None if behind is None else (way.index(symbols["state_commit"]), behind)


def cells_of(system: System, survey: Survey, title: str, kind: Kind) -> list[Cell]:
    server = kind[0]
    if kind not in survey.ways:
        return [Cell(f"{server}:{title}", reason="the guest does not make this record")]
    number = survey.typical(kind)
    way = survey.ways[kind]

    def strike(index: int) -> tuple[Strike]:
        place, count = survey.place(kind, index)
        return (Strike("kill", server, str(number), place, count),)

    changes = middle(system, survey, kind)
    last = max(max(n) for k, n in survey.arrivals.items() if k[0] == server)
    found = [("before", strike(0), ""), ("received", strike(HEAD), "")]
    if changes:
        found += [("changing", strike(changes[0]), ""), ("changed", strike(changes[1]), "")]
    else:
        found.append(("changing", (), "it changes no state that outlives the server"))
        # The answer is made: that is all there is.
        found.append(("changed", strike(len(way) - 1), ""))
    if number == last:
        found.append(("replied", (), "the VM has ended with the reply"))
    else:
        next_one = Strike("kill", server, str(number + 1), ARRIVAL)
        found.append(("replied", (next_one,), ""))
    return [Cell(f"{server}:{title}:{step}", strikes, why) for step, strikes, why in found]


def loader_cells(system: System) -> list[Cell]:
    elf = system.elves["fs-loader"]
    return [
        Cell(f"fs-loader:job:{step}", (Strike("kill", "fs-loader", "0", elf.address(function)),))
        for step, function in LOADER_STEPS.items()
    ]


def other_cells(system: System, survey: Survey) -> list[Cell]:
    """Other causes; two servers at once; one again while it is started again."""
    made = []
    for server in SERVERS:
        elf = system.elves[server]
        kinds = [k for k in survey.ways if k[0] == server]
        if kinds:
            # In the middle of the longest way there is.
            kind = max(kinds, key=lambda k: len(survey.ways[k]))
            number = str(survey.typical(kind))
            # Not inside of a loop: how often that is passed depends on what came before.
            index = len(survey.ways[kind]) // 2
            while survey.place(kind, index)[1] > 1:
                index -= 1
            place, count = survey.place(kind, index)
        else:
            number, place, count = "0", elf.address("loader_do_jobs"), 1
        for cause in CAUSES:
            at = (place, count)
            if cause in LASTING and kinds:
                at = survey.place(kind, HEAD)  # what follows depends on the time
            made.append(Cell(f"{server}:{cause}", (Strike(cause, server, number, *at),)))
        first = Strike("kill", server, number, place, count)
        for name in ("_start", "main", "take_over", "state_open"):
            if elf.symbols.get(name) in survey.starts[server] + survey.firsts[server]:
                again = Strike("kill", server, "*", elf.address(name))
                made.append(Cell(f"{server}:again-{name.strip('_')}", (first, again)))
        if kinds:
            second = Strike("kill", server, "+", ARRIVAL)
            made.append(Cell(f"{server}:again-record", (first, second)))
        if server != "console":
            two = Strike("kill", "console", "+", ARRIVAL)
            made.append(Cell(f"{server}:with-console", (first, two)))
    return made


def flush_cells(system: System, survey: Survey) -> list[Cell]:
    """sbi-server calls the console when the ring is full, which it is told here from outside."""
    number = str(survey.typical(KINDS["putchar"]))
    room = system.elves["sbi-server"].address("console_room")
    first = Strike("full", "sbi-server", number, room)
    cells = [Cell("console:flush:survived", (first,))]
    for step, place in (("before", ARRIVAL), ("received", "console_handle"), ("changed", "ecall")):
        if place == "ecall":
            place = system.elves["console"].find_text(ECALL)[0]
        elif place:
            place = system.elves["console"].address(place)
        second = Strike("kill", "console", "+CALL", place)
        cells.append(Cell(f"console:flush:{step}", (first, second)))
    return cells


def input_cells(system: System) -> list[Cell]:
    """For a machine on whose console something is typed, and a guest that reads it."""
    console = system.elves["console"]
    places = {
        "before": ARRIVAL,
        "received": console.address("console_handle"),
        "taking": console.address("console_take"),
        "taken": console.address("console_take_loaded"),
        "kept": console.address("console_take_kept"),
        "answering": console.find_text(ECALL)[0],
    }
    return [
        Cell(f"console:input:{step}", (Strike("kill", "console", "+IRQ", place),))
        for step, place in places.items()
    ]


def make_matrix(system: System, survey: Survey) -> list[Cell]:
    cells = [c for title, kind in KINDS.items() for c in cells_of(system, survey, title, kind)]
    cells += loader_cells(system) + other_cells(system, survey)
    return cells + flush_cells(system, survey)
