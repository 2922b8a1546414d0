"""The core's objects as text, to be compared before and after.

What is told is what must be the same after any number of restarts: which pages of object memory
belong to what, every capability of every task, every mapping of every space, who is bound to which
portal, which routes lead there, and that nothing is left in any queue. Generations, counters and
registers are left out: they have reason to differ. Lines that begin with NOW are of this moment
only, unless nothing is under way.
"""

import struct
from collections.abc import Callable, Iterator

from .abi import GUEST_CLASSES
from .corestate import (
    KINDS,
    TASK_STATES,
    TYPES,
    VCPU_STATES,
    Core,
    rights_text,
)
from .layouts import View


NOW = "  now "
STATE_HEADER = struct.Struct("<QIIQ24sQQ")
STATE_MAGIC = 0x31455441545358


def object_text(core: Core, address: int) -> str:
    """Which object a pointer leads to: by its page, which it has as long as it lives."""
    return f"page {core.page_of(address)}" if address else "nobody"


def capability_text(core: Core, slot: int, cap: View) -> str:
    kind = TYPES[cap["type"]]
    rights = rights_text(cap["rights"])
    if kind == "FRAME":
        return f"  slot {slot}: FRAME {cap['base']:#x}+{cap['size']:#x} {rights}"
    badge = f" badge {cap['base']:#x}" if cap["base"] else ""
    return f"  slot {slot}: {kind} page {cap['index']} {rights}{badge}"


def queue(core: Core, portal: View) -> list[int]:
    """The records that wait at a portal, by their addresses."""
    found = []
    at = portal["head"]
    while at and len(found) < 10_000:
        found.append(at)
        at = core.view("record", at)["next"]
    return found


def task_lines(core: Core, page: int) -> Iterator[str]:
    task = core.object("task", page)
    portal = object_text(core, task["portal"])
    yield f"  of {core.task_name(page)}, space page {core.space_of(page)}, portal {portal}"
    yield f"{NOW}{TASK_STATES[task['state']]}, serving {task['serving'] != 0}"
    yield f"{NOW}leaving {object_text(core, task['leaving'])}"
    fault = object_text(core, task["fault_route.portal"])
    yield f"  its death goes to {fault}, guest memory {task['guest_right']}"
    for slot, cap in core.capabilities(page):
        yield capability_text(core, slot, cap)


def space_lines(core: Core, page: int) -> Iterator[str]:
    space = core.object("space", page + core.arch.root_pages)
    kind = KINDS[space["kind"]]
    yield f"  a {kind}'s, {space['users']} users, {space['free']} pages left, id {space['id']}"
    for mapping in core.mappings(page):
        yield f"  {mapping}"


def portal_lines(core: Core, page: int) -> Iterator[str]:
    portal = core.object("portal", page)
    receiver = object_text(core, portal["receiver"])
    ticks = portal["deadline_ticks"]
    yield f"  receiver {receiver}, {ticks} ticks"
    yield f"{NOW}waits {portal['waiting'] != 0}, {len(queue(core, portal))} records"
    yield f"{NOW}held by {object_text(core, portal['held'])}"


def vcpu_lines(core: Core, page: int) -> Iterator[str]:
    vcpu = core.object("vcpu", page)
    space = core.page_of(vcpu["space"]) - core.arch.root_pages if vcpu["space"] else "none"
    yield f"  number {vcpu['number']}, space page {space}"
    yield f"{NOW}{VCPU_STATES[vcpu['state']]}"
    at, size = core.layouts.place("vcpu", "route")[0], core.layouts.size("route")
    for number in range(GUEST_CLASSES):
        route = core.view("route", vcpu.address + at + number * size)
        masks = " ".join(f"{route[mask]:#x}" for mask in ("may", "write_mask", "read_mask"))
        yield f"  route {number}: {object_text(core, route['portal'])}, {masks}"


def irq_lines(core: Core, page: int) -> Iterator[str]:
    irq = core.object("irq", page)
    yield f"  line {irq['line']}, to {object_text(core, irq['route'])}"


LINES: dict[str, Callable[[Core, int], Iterator[str]]] = {
    "TASK": task_lines,
    "SPACE": space_lines,
    "PORTAL": portal_lines,
    "VCPU": vcpu_lines,
    "IRQ": irq_lines,
}


def describe(core: Core) -> list[str]:
    """All of it."""
    lines = [f"{kind}: {count} pages" for kind, count in core.pages().items()]
    for page, kind, size in core.objects():
        lines.append(f"page {page}: {kind}, {size} pages")
        if kind in LINES:
            lines += LINES[kind](core, page)
    return lines


def state_lines(core: Core, tasks: dict[str, int]) -> list[str]:
    """Whose state regions are whole, of what version and whose making (ipc/state.h)."""
    found = []
    for name, task in tasks.items():
        for entry in core.config(task):
            if entry.name == "state":
                raw = core.ram.read(entry.physical, STATE_HEADER.size)
                magic, version, size, _, owner, moved, _ = STATE_HEADER.unpack(raw)
                whole = "whole" if magic == STATE_MAGIC and moved == 0 else "none"
                owner = owner.split(b"\0")[0].decode(errors="replace")
                found.append(f"  {name}: {whole}, version {version}, {size} bytes, of {owner}")
    return found


def lasting(lines: list[str]) -> dict[str, list[str]]:
    """What describe() said, by object, its first line, without what is of this moment only."""
    found: dict[str, list[str]] = {}
    last = ""
    for line in lines:
        if not line.startswith(" "):
            last = line
            found[last] = []
        elif not line.startswith(NOW):
            found[last].append(line)
    return found


def busy(core: Core) -> str:
    """Why what describe() says is only of this moment; empty when nothing is under way."""
    tasks = core.tasks()
    cpu = core.view("cpu", core.object("task", tasks["init"])["context.cpu"])
    for name in ("tasks", "vcpus"):
        if cpu[f"{name}.head"]:
            return f"some {name} are ready to run"
    if cpu["fast"]:
        return "a hypercall is being served"
    for page, kind, _ in core.objects():
        if kind == "TASK":
            task = core.object("task", page)
            if TASK_STATES[task["state"]] != "WAITING" or task["serving"]:
                return f"{core.task_name(page)} is at work"
        if kind == "PORTAL" and core.object("portal", page)["head"]:
            return f"records wait at the portal of page {page}"
        if kind == "VCPU":
            state = VCPU_STATES[core.object("vcpu", page)["state"]]
            if state not in ("OFF", "PARKED"):
                return f"the vCPU of page {page} is {state}"
    return ""
