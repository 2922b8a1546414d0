"""The core's objects, read out of the machine's memory from outside."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .layouts import Layouts, View
from .live import LiveError, Ram

STRUCTS = ["task", "cap", "space", "portal", "vcpu", "irq", "record", "cpu", "pool", "pool_page"]
STRUCTS += ["route", "run_queue"]

# ipc/cap.h, kernel/object/space.h, ipc/syscall.h.
TYPES = ("NONE", "FRAME", "POOL", "TASK", "SPACE", "VCPU", "PORTAL", "IRQ")
KINDS = ("task", "guest")
CORE = len(KINDS)  # what no space is: the core's own tables
TASK_STATES = ("NEW", "READY", "WAITING", "CALLING", "DEAD")
VCPU_STATES = ("OFF", "RUNNABLE", "EXITED", "PARKED")
RIGHTS = "rwxcmg"

PAGE = 4096

# Where a server has its config: the name stands in it (ipc/config.h).
CONFIG = 0x30000000
CONFIG_NAME_AT, CONFIG_NAME_SIZE = 16, 24
CONFIG_HEADER = struct.Struct("<IIQ24sQQ")
CONFIG_ENTRY = struct.Struct("<24sIIQQQQQ")


class Entry(NamedTuple):
    """One thing that a server was given."""

    name: str
    kind: int
    slot: int
    address: int
    size: int
    physical: int
    guest: int
    rights: int


def rights_text(rights: int) -> str:
    return "".join(letter for bit, letter in enumerate(RIGHTS) if rights >> bit & 1) or "-"


class Mapping:
    """Pages of a space that follow each other, here and there, with the same rights."""

    def __init__(self, address: int, physical: int, size: int, rights: int):
        self.address, self.physical, self.size, self.rights = address, physical, size, rights

    def takes(self, other: "Mapping") -> bool:
        """Adds OTHER if it is the continuation of this one."""
        begins = (self.address + self.size, self.physical + self.size, self.rights)
        if begins != (other.address, other.physical, other.rights):
            return False
        self.size += other.size
        return True

    def __str__(self) -> str:
        end = self.address + self.size
        return f"{self.address:#x}..{end:#x} -> {self.physical:#x} {rights_text(self.rights)}"


class Core:
    """The core of a machine that stands still."""

    def __init__(self, layouts: Layouts, ram: Ram):
        self.layouts, self.ram, self.arch = layouts, ram, ram.arch
        pool = self.view("pool", layouts.symbols["pool"])
        self.base, self.count = pool["base"], pool["count"]
        self.entry_size = layouts.size("pool_page")
        self.entries = self.read(pool["page"], self.count * self.entry_size)

    @staticmethod
    def load(core: Path) -> Layouts:
        """What is needed to read the memory of a machine that runs this core."""
        return Layouts(core, STRUCTS, ["pool"])

    # Memory.

    def read(self, address: int, size: int) -> bytes:
        """At an address as the core sees it."""
        image = self.arch.image
        physical = address - (image if address >= image else self.arch.direct)
        return self.ram.read(physical, size)

    def view(self, struct_name: str, address: int) -> View:
        raw = self.read(address, self.layouts.size(struct_name))
        return View(self.layouts, struct_name, raw, address)

    def page_of(self, address: int) -> int:
        return (address - self.base) // PAGE

    def object(self, struct_name: str, page: int) -> View:
        return self.view(struct_name, self.base + page * PAGE)

    def objects(self) -> Iterator[tuple[int, str, int]]:
        """First page, type and number of pages of each object."""
        for page in range(self.count):
            entry = View(self.layouts, "pool_page", self._entry(page), 0)
            if entry["type"] and entry["pages"]:
                yield page, TYPES[entry["type"]], entry["pages"]

    def _entry(self, page: int) -> bytes:
        return self.entries[page * self.entry_size : (page + 1) * self.entry_size]

    def pages(self) -> dict[str, int]:
        """How many pages of object memory belong to each type of object."""
        found = dict.fromkeys(TYPES, 0)
        for page in range(self.count):
            found[TYPES[View(self.layouts, "pool_page", self._entry(page), 0)["type"]]] += 1
        return found

    # Spaces.

    def mappings(self, page: int) -> list[Mapping]:
        """What the space whose root is at PAGE maps for its task or guest."""
        space = self.object("space", page + self.arch.root_pages)
        entries = self.arch.root_entries[space["kind"]]
        found: list[Mapping] = []
        for leaf in self.leaves(space["kind"], space["root"], entries):
            if not (found and found[-1].takes(leaf)):
                found.append(leaf)
        return found

    def leaves(self, kind: int, root: int, entries: int, level: int = 2) -> Iterator[Mapping]:
        """What the ENTRIES of the table at ROOT, of LEVEL, map, page by page, of whatever size."""
        return self._walk(kind, root, entries, level, 0)

    def _walk(
        self, kind: int, table: int, entries: int, level: int, address: int
    ) -> Iterator[Mapping]:
        size = PAGE << 9 * level
        for index, raw in enumerate(struct.unpack(f"<{entries}Q", self.read(table, entries * 8))):
            entry = self.arch.entry(raw, kind, level)
            if not entry:
                continue
            (target, rights), at = entry, address + index * size
            if rights is None:
                yield from self._walk(kind, target + self.arch.direct, 512, level - 1, at)
            else:
                yield Mapping(at, target, size, rights)

    def physical(self, page: int, address: int) -> int | None:
        """Where the space at PAGE has ADDRESS."""
        for mapping in self.mappings(page):
            if 0 <= address - mapping.address < mapping.size:
                return mapping.physical + address - mapping.address
        return None

    # Tasks.

    def task_name(self, page: int) -> str:
        """A server's by its config; init has none."""
        at = self.physical(self.space_of(page), CONFIG)
        if at is None or not self.ram.holds(at, PAGE):
            return "init"
        raw = self.ram.read(at + CONFIG_NAME_AT, CONFIG_NAME_SIZE)
        return raw.split(b"\0")[0].decode(errors="replace")

    def space_of(self, task: int) -> int:
        """The first page of the space that the task at page TASK runs in."""
        return self.page_of(self.object("task", task)["space"]) - self.arch.root_pages

    def config(self, task: int) -> list[Entry]:
        """What the server at page TASK was given."""
        at = self.physical(self.space_of(task), CONFIG)
        if at is None:
            return []
        count = CONFIG_HEADER.unpack(self.ram.read(at, CONFIG_HEADER.size))[1]
        raw = self.ram.read(at + CONFIG_HEADER.size, count * CONFIG_ENTRY.size)
        return [
            Entry(name.split(b"\0")[0].decode(), *rest)
            for name, *rest in CONFIG_ENTRY.iter_unpack(raw)
        ]

    def guest(self, vm: int, address: int, server: str = "sbi-server") -> int:
        """Where VM number VM has the guest-physical ADDRESS: by SERVER, which has it all mapped."""
        for entry in self.config(self.tasks()[server]):
            if entry.name == f"guest-ram-{vm}" and 0 <= address - entry.guest < entry.size:
                return entry.physical + address - entry.guest
        raise LiveError(f"{server} has no memory of VM {vm} at {address:#x}")

    def tasks(self) -> dict[str, int]:
        """The tasks' first pages by name. Of two with one name the one that receives counts; one
        that is just being made has no space yet, and no name."""
        found: dict[str, int] = {}
        for page, kind, _ in self.objects():
            if kind == "TASK" and self.object("task", page)["space"]:
                name = self.task_name(page)
                if name not in found or self.object("task", page)["portal"]:
                    found[name] = page
        return found

    def capabilities(self, page: int) -> Iterator[tuple[int, View]]:
        """Slot and content of what the task has, without what is dead."""
        task = self.object("task", page)
        size = self.layouts.size("cap")
        at = task.address + self.layouts.place("task", "cap")[0]
        raw = self.read(at, task["cap_count"] * size)
        for slot in range(task["cap_count"]):
            cap = View(self.layouts, "cap", raw[slot * size : (slot + 1) * size], 0)
            kind = TYPES[cap["type"]]
            if kind == "NONE":
                continue
            if kind not in ("FRAME", "POOL"):
                entry = View(self.layouts, "pool_page", self._entry(cap["index"]), 0)
                if entry["generation"] != cap["generation"]:
                    continue
            yield slot, cap
