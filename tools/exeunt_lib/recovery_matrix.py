"""The kill matrix: each server, each kind of record it serves, each step of serving it."""

from dataclasses import dataclass, field

from .abi import CLASSES, GUEST_CLASSES
from .recovery_machine import SERVERS, System
from .recovery_run import ARRIVAL, TYPED_AT, Strike
from .recovery_strike import LASTING
from .recovery_survey import Kind, Survey

# Beside the guests' exits: the console's signals, for what guests print.
OUTPUT = ("console", "SIGNAL")
# fs-loader does its jobs with the first record that it gets: the functions at their steps.
LOADER_STEPS = {
    "before": "rt_receive_first",
    "received": "loader_do_jobs",
    "reading": "read_bytes",
    "changing": "state_commit",
}
# Other ways to die than to be killed.
CAUSES = ("wild-jump", "illegal", "overflow", "exit", "no-memory", "hang", "hang-calling")


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


def title(system: System, detail: str) -> str:
    """What the cells of a kind of record are called."""
    known = system.arch.calls.get(detail)
    return known or detail.removeprefix("STAGE2 ").lower().replace(" ", "-").replace("/", "-")


def exit_kinds(survey: Survey) -> list[Kind]:
    """All that the guest makes, by its exits and by what it prints."""
    classes = CLASSES[:GUEST_CLASSES]
    found = [kind for kind in survey.ways if kind[1].split()[0] in classes]
    return sorted(found) + [OUTPUT]


def missing(system: System, survey: Survey) -> list[Cell]:
    """What the manifest routes, or the architecture has, and no record was made of."""
    made = {(server, detail.split()[0]) for server, detail in survey.ways}
    made.add(system.arch.dead_end)
    found = [(s, c.lower()) for c, s in system.routes if (s, c) not in made]
    routes = dict(system.routes)
    details = {detail for _, detail in survey.ways}
    for detail, name in system.arch.calls.items():
        if detail not in details:
            found.append((routes.get(detail.split()[0], "nobody"), name))
    why = "the guest does not make this record"
    return [Cell(f"{server}:{name}", reason=why) for server, name in found]


def cells_of(system: System, survey: Survey, kind: Kind) -> list[Cell]:
    server, name = kind[0], title(system, kind[1])
    record = survey.typical_record(kind)
    way = survey.ways[kind]

    def strike(index: int) -> tuple[Strike]:
        place, count = survey.place(kind, index)
        return (Strike("kill", server, record, place, count),)

    changes = middle(system, survey, kind)
    last = max(max(n) for k, n in survey.arrivals.items() if k[0] == server)
    found = [("before", strike(0), ""), ("received", strike(system.arch.head), "")]
    if changes:
        found += [("changing", strike(changes[0]), ""), ("changed", strike(changes[1]), "")]
    else:
        found.append(("changing", (), "it changes no state that outlives the server"))
        # The answer is made: that is all there is.
        found.append(("changed", strike(len(way) - 1), ""))
    if survey.typical(kind) == last:
        found.append(("replied", (), "the VM has ended with the reply"))
    else:
        this = Strike("nothing", server, record, ARRIVAL)
        found.append(("replied", (this, Strike("kill", server, "+", ARRIVAL)), ""))
    return [Cell(f"{server}:{name}:{step}", strikes, why) for step, strikes, why in found]


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
            record = survey.typical_record(kind)
            # Not inside of a loop: how often that is passed depends on what came before.
            index = len(survey.ways[kind]) // 2
            if server == "console":  # how far it gets depends on what was printed by then
                index = system.arch.head
            while survey.place(kind, index)[1] > 1:
                index -= 1
            place, count = survey.place(kind, index)
        else:
            record, place, count = "0", elf.address("loader_do_jobs"), 1
        for cause in CAUSES:
            at = (place, count)
            if cause in LASTING and kinds:
                at = survey.place(kind, system.arch.head)  # what follows depends on the time
            made.append(Cell(f"{server}:{cause}", (Strike(cause, server, record, *at),)))
        first = Strike("kill", server, record, place, count)
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
    """Who writes what guests print calls the console when the ring is full, which it is told here
    from outside."""
    arch = system.arch
    record = survey.typical_record((arch.writer, arch.writes))
    first = Strike("full", arch.writer, record, system.elves[arch.writer].address(arch.room))
    cells = [Cell("console:flush:survived", (first,))]
    for step, place in (("before", ARRIVAL), ("received", "console_handle"), ("changed", "call")):
        if place == "call":
            place = system.elves["console"].find_text(arch.call, arch.alignment)[0]
        elif place:
            place = system.elves["console"].address(place)
        second = Strike("kill", "console", "+CALL", place)
        cells.append(Cell(f"console:flush:{step}", (first, second)))
    return cells


def input_cells(system: System) -> list[Cell]:
    """For a machine on whose console something is typed, and a guest that reads it."""
    arch, console = system.arch, system.elves["console"]
    places = {
        "before": ARRIVAL,
        "received": console.address("console_handle"),
        "taking": console.address("console_take"),
        "taken": console.address("console_take_loaded"),
        "kept": console.address("console_take_kept"),
        "answering": console.find_text(arch.call, arch.alignment)[0],
    }
    cells = [
        Cell(f"console:input:{step}", (Strike("kill", "console", "+IRQ", place),))
        for step, place in places.items()
    ]
    if not arch.reader:
        return cells
    reader = system.elves[arch.reader]
    places = {
        "before": ARRIVAL,
        "received": reader.address(arch.reads),
        "changing": reader.address("state_commit"),
        "answering": reader.find_text(arch.call, arch.alignment)[0],
    }
    # The first signal from there on is the console's.
    typed = Strike("nothing", "sbi-server", str(TYPED_AT), ARRIVAL)
    return cells + [
        Cell(f"{arch.reader}:input:{step}", (typed, Strike("kill", arch.reader, "+SIGNAL", place)))
        for step, place in places.items()
    ]


def dead_end_cells(system: System, survey: Survey) -> list[Cell]:
    """For a guest that ends by what its CPU can't go on from."""
    return cells_of(system, survey, system.arch.dead_end)


def make_matrix(system: System, survey: Survey) -> list[Cell]:
    cells = [cell for kind in exit_kinds(survey) for cell in cells_of(system, survey, kind)]
    cells += missing(system, survey) + loader_cells(system) + other_cells(system, survey)
    return cells + flush_cells(system, survey)
