"""The core's memory is the core's: no task has a capability to any of it, no space of a task's or a
guest's maps it, and of its image only the parts that change can be written, whichever address the
core itself takes. All this is looked up from outside, in page tables and capabilities.
"""

from collections.abc import Iterator

from exeunt_lib.boot import Boot
from exeunt_lib.corestate import CORE, KINDS, PAGE, TYPES, Core, Mapping, rights_text
from exeunt_lib.live import Live
from exeunt_lib.paths import ARCHES
from exeunt_lib.symbols import Elf
from exeunt_lib.testing import TIMEOUT, VIRTUAL_TIMEOUT, Context, system_test

R, W, X = 1, 2, 4
# aarch64's page of boot tables that TTBR0_EL2 holds while no task's space is there: IDENTITY in
# arch/aarch64/core/boot.c.
NO_SPACE = 4
TASK = KINDS.index("task")


class Memory:
    """Where the core's own lies: physical addresses, from the first to the one behind the last."""

    def __init__(self, core: Core, elf: Elf):
        names = ("image_begin", "text_end", "rodata_end", "boot_tables", "boot_bundle")
        at = (elf.address(name) - core.arch.image for name in names)
        self.begin, self.text_end, self.rodata_end, self.tables, self.end = at
        pool = core.base - core.arch.direct
        self.ranges = ((self.begin, self.end), (pool, pool + core.count * PAGE))

    def has(self, address: int, size: int) -> bool:
        """Whether any of it is the core's."""
        return any(address < end and begin < address + size for begin, end in self.ranges)

    def rights(self, address: int) -> int:
        """What may be done with a page of the image."""
        if address < self.text_end:
            return R | X
        return R if address < self.rodata_end else R | W


def expect_own(ctx: Context, core: Core, memory: Memory, root: int) -> None:
    """The table at ROOT shows the image once, in its place and by its parts, and nothing else that
    can be executed."""
    seen, level = 0, core.arch.core_level
    for leaf in core.leaves(CORE, root, 512, level):
        if leaf.physical < memory.end and memory.begin < leaf.physical + leaf.size:
            right = rights_text(memory.rights(leaf.physical))
            # Of an address that has 39 bits, or 48.
            place = (leaf.physical + core.arch.image) % (PAGE << 9 * (level + 1))
            ctx.expect(leaf.address == place, f"the core's image only where it is linked, not {leaf}")
            ctx.expect(rights_text(leaf.rights) == right, f"{right} for the image's page, not {leaf}")
            seen += leaf.size
        else:
            ctx.expect(not leaf.rights & X, f"nothing but the image that the core executes, not {leaf}")
    ctx.expect(seen == memory.end - memory.begin, f"all of the image to be mapped, not {seen:#x}")


def others(core: Core) -> Iterator[tuple[str, Mapping]]:
    """Whatever a task may reach, or a guest: by its space, or by a frame that it may have mapped."""
    for page, kind, _ in core.objects():
        if kind == "SPACE":
            for mapping in core.mappings(page):
                yield f"the space at page {page}", mapping
        if kind == "TASK":
            for slot, cap in core.capabilities(page):
                if TYPES[cap["type"]] == "FRAME":
                    frame = Mapping(0, cap["base"], cap["size"], cap["rights"])
                    yield f"{core.task_name(page)}'s slot {slot}", frame


def expect_shared(ctx: Context, core: Core, root: int) -> None:
    """Every task's space shows the core what the core's own tables at ROOT do, in the upper half of
    the hardware's root: on x86_64 the page behind the one where walks by 39 bits begin."""
    half = PAGE // 2
    top = PAGE if core.arch.core_level > 2 else 0
    for page, kind, _ in core.objects():
        space = core.object("space", page + core.arch.root_pages) if kind == "SPACE" else None
        if space and space["kind"] == TASK:
            own, its = (core.read(at + half, half) for at in (root, space["root"] + top))
            ctx.expect(own == its, f"the core's own mappings in the space at page {page}")


@system_test(arches=ARCHES)
def core_memory_is_nobody_elses(ctx: Context) -> None:
    elf = Elf(ctx.out / "exeunt.elf")
    layouts = Core.load(elf.path)
    boot = Boot(ctx.arch, ctx.out, guest=ctx.out / "guest/gap.bin")
    with Live(boot, TIMEOUT, VIRTUAL_TIMEOUT) as live:
        live.wait_line("gap: begins")
        with live.stopped() as ram:
            core = Core(layouts, ram)
            memory = Memory(core, elf)
            found = list(others(core))
            ctx.say(f"{len(found)} mappings and frames are looked at")
            for whose, mapping in found:
                has = memory.has(mapping.physical, mapping.size)
                ctx.expect(not has, f"nothing of the core's in {whose}, not {mapping}")
            root = memory.tables + core.arch.direct
            expect_own(ctx, core, memory, root)
            if ctx.arch == "aarch64":  # the core's own are another register's than a task's
                empty = core.read(root + NO_SPACE * PAGE, PAGE)
                ctx.expect(not any(empty), "a table that maps nothing in place of a task's")
            else:
                expect_shared(ctx, core, root)
