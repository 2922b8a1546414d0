"""A guest whose memory one page of a gigabyte maps: it lies in the machine's where that can be, and
the guest runs all of its programs there. The page is looked up from outside, in the second stage.
"""

from exeunt_lib.boot import Boot
from exeunt_lib.corestate import KINDS, Core
from exeunt_lib.live import Live
from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import TIMEOUT, VIRTUAL_TIMEOUT, Context, system_test

GIGA = 1 << 30
GUEST = KINDS.index("guest")
# Where a guest's memory begins.
BEGINS = {"riscv64": 0x80000000, "aarch64": 0x40000000, "x86_64": 0}


@system_test(arches=ARCHES)
def gigapages(ctx: Context) -> None:
    layouts = Core.load(ctx.out / "exeunt.elf")
    boot = Boot(ctx.arch, ctx.out, manifest=ctx.manifest("gigapages"))
    with Live(boot, TIMEOUT, VIRTUAL_TIMEOUT) as live:
        try:
            live.wait_line("Loaded ")  # so its memory is mapped
            with live.stopped() as ram:
                core = Core(layouts, ram)
                pages = [page for page, kind, _ in core.objects() if kind == "SPACE"]
                spaces = [core.object("space", page + core.arch.root_pages) for page in pages]
                (space,) = (space for space in spaces if space["kind"] == GUEST)
                entries = core.arch.root_entries[GUEST]
                leaves = list(core.leaves(GUEST, space["root"], entries))
            large = [leaf for leaf in leaves if leaf.size == GIGA]
            ctx.expect(len(large) == 1, f"one page of a gigabyte, not {[str(one) for one in leaves]}")
            begins = BEGINS[ctx.arch]
            ctx.expect(large[0].address == begins, f"it at {begins:#x}, not {large[0]}")
            status = live.wait_end()
            ctx.expect("Hypervisor ok!" in live.console, f"a clean end, not status {status}")
        finally:
            ctx.keep_text(live.console)
