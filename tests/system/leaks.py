"""Servers are killed ten thousand times, and replaced a hundred times, while a guest runs:
afterwards everything is where it was. The core's objects are read out of the machine's memory from
outside.
"""

import re
import time
from pathlib import Path

from exeunt_lib.boot import Boot
from exeunt_lib.corestate import Core
from exeunt_lib.coretext import busy, describe
from exeunt_lib.layouts import Layouts, View
from exeunt_lib.live import Live
from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import TIMEOUT, Context, Failure, system_test
from exeunt_lib.transcript import told

SERVERS = ("sbi-server", "npf-pager", "timer-server", "fs-loader", "console", "monitor")
KILLS = 10_000
REPLACEMENTS = 102  # of all together, each server's number even: two bodies take turns
VIRTUAL_TIMEOUT = 300
# How often is looked for a moment at which nothing is under way, and the pause between two looks.
LOOKS = 2000
PAUSE = 0.003


class Watch:
    """A machine with a guest that goes on, and what its core and init have."""

    def __init__(self, ctx: Context, live: Live):
        self.ctx, self.live = ctx, live
        self.core = Core.load(ctx.out / "exeunt.elf")
        init = Path(ctx.out / f"server_{ctx.arch}/init.elf")
        self.init = Layouts(init, ["init"], ["init"])
        live.wait_line("versions: round 20\n")
        self.control = live.control()

    def do(self, request: str) -> list[str]:
        return self.live.do(self.control, request)

    def state(self) -> list[str]:
        """All that must not change, at a moment at which nothing is under way."""
        why = ""
        for _ in range(LOOKS):
            with self.live.stopped() as ram:
                core = Core(self.core, ram)
                why = busy(core)
                if not why:
                    return describe(core) + self.init_state(core)
            time.sleep(PAUSE)
        raise Failure(f"expected a moment at which nothing is under way; the last time {why}")

    def init_state(self, core: Core) -> list[str]:
        """What init has not given to anybody yet."""
        space = core.space_of(core.tasks()["init"])
        at = core.physical(space, self.init.symbols["init"])
        raw = core.ram.read(at, self.init.size("init"))
        view = View(self.init, "init", raw, at)
        memory = view.raw[slice(*self.extent("free"))]
        return [f"init: memory left {memory.hex()}, next object page {view['object_next']}"]

    def extent(self, field: str) -> tuple[int, int]:
        at, size = self.init.place("init", field)
        return at, at + size

    def restarts(self) -> int:
        """Of all servers, as init counts them."""
        lines = [line.split() for line in self.do("ps")[1:]]
        return sum(int(words[2].replace(",", "")) for words in lines if words[0] in SERVERS)

    def expect_same(self, before: list[str], what: str) -> None:
        after = self.state()
        gone = [line for line in before if line not in after]
        come = [line for line in after if line not in before]
        self.ctx.expect(before == after, f"the same after {what}; gone {gone}, come {come}")

    def expect_guest(self) -> None:
        """The guest has noticed nothing: its rounds, each once, in their order; all checks held."""
        console = told(self.live.console)
        rounds = [int(n) for n in re.findall(r"versions: round (\d+)", console)]
        self.ctx.expect("FAILED" not in console, "a guest whose checks hold")
        whole = list(range(1, len(rounds) + 1))
        self.ctx.expect(rounds == whole, "all rounds of the guest, each once, in their order")
        self.ctx.say(f"the guest made {len(rounds)} rounds")


def with_guest(ctx: Context, test) -> None:
    boot = Boot(ctx.arch, ctx.out, guest=ctx.out / "guest/versions.bin", manifest=ctx.manifest("two-cpus"))
    with Live(boot, TIMEOUT, VIRTUAL_TIMEOUT) as live:
        try:
            watch = Watch(ctx, live)
            test(watch)
            watch.expect_guest()
        finally:
            ctx.keep_text(live.console)


@system_test(arches=ARCHES)
def restarts_leave_nothing_behind(ctx: Context) -> None:
    """Each server in turn, wherever it happens to be."""

    def test(watch: Watch) -> None:
        before = watch.state()
        began, clock = time.monotonic(), watch.live.clock.seconds()
        for number in range(KILLS):
            watch.do(f"kill {SERVERS[number % len(SERVERS)]}")
        wall, virtual = time.monotonic() - began, watch.live.clock.seconds() - clock
        each = virtual / KILLS * 1e9
        ctx.say(f"{KILLS} kills, {each:,.0f} instructions each, guest included; {wall:.1f} s")
        counted = watch.restarts()
        ctx.expect(counted == KILLS, f"{KILLS} restarts, not {counted}")
        watch.expect_same(before, f"{KILLS} restarts")

    with_guest(ctx, test)


@system_test(arches=ARCHES)
def replacements_leave_nothing_behind(ctx: Context) -> None:
    """Each server in turn by what it was started from."""

    def test(watch: Watch) -> None:
        before = watch.state()
        for number in range(REPLACEMENTS):
            watch.do(f"replace {SERVERS[number // 2 % len(SERVERS)]}")
        ctx.say(f"{REPLACEMENTS} replacements")
        watch.expect_same(before, f"{REPLACEMENTS} replacements")

    with_guest(ctx, test)
