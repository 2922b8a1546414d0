"""How long a guest stands still while servers are killed and replaced, by the guest's own clock.

That is more than what the hypervisor says of itself: it counts from a server's death, or from the
moment at which its portal is given to another, to the next answer. Here everything counts that keeps
the guest from running. An instruction takes a nanosecond of the machine's time, so the numbers are
the same on every host; what is beyond the bound for a restart fails.
"""

import struct
import time

from exeunt_lib.boot import Boot
from exeunt_lib.control import strip
from exeunt_lib.corestate import Core
from exeunt_lib.layouts import Layouts
from exeunt_lib.live import Live
from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import TIMEOUT, VIRTUAL_TIMEOUT, Context, system_test

# Those on the guest's way.
SERVERS = ("sbi-server", "npf-pager", "timer-server")
# Instructions in a tick of the guest's counter: it counts at 10 MHz, at 62.5, at 1 GHz.
TICK = {"riscv64": 100, "aarch64": 16, "x86_64": 1}
RESTART = 200_000  # instructions: issue 3's bound
SETTLE = 0.1  # seconds


class Clock:
    """The guest's longest gap, in its memory."""

    def __init__(self, ctx: Context, live: Live):
        self.live, self.tick = live, TICK[ctx.arch]
        symbols = Layouts(ctx.out / "guest/gap.elf", [], ["longest", "calls"]).symbols
        live.wait_line("gap: begins")
        self.control = live.control()
        layouts = Core.load(ctx.out / "exeunt.elf")
        with live.stopped() as ram:
            core = Core(layouts, ram)
            self.at = {name: core.guest(0, address) for name, address in symbols.items()}

    def store(self, name: str, value: int) -> None:
        self.live.ram.write(self.at[name], struct.pack("<Q", value))

    def gap(self, command: str, content: bytes = b"") -> int:
        """The longest, in instructions, while that is done."""
        time.sleep(SETTLE)
        self.store("longest", 0)
        self.live.do(self.control, command, content)
        time.sleep(SETTLE)
        return struct.unpack("<Q", self.live.ram.read(self.at["longest"], 8))[0] * self.tick


@system_test(arches=ARCHES)
def pauses(ctx: Context) -> None:
    boot = Boot(ctx.arch, ctx.out, guest=ctx.out / "guest/gap.bin")
    with Live(boot, TIMEOUT, VIRTUAL_TIMEOUT) as live:
        clock = Clock(ctx, live)
        for calls in (0, 1):
            clock.store("calls", calls)
            ctx.say(f"the guest {'calls its firmware' if calls else 'spins'}; instructions:")
            for server in SERVERS:
                content = strip(ctx.out / f"server_{ctx.arch}/{server}.elf")
                killed = clock.gap(f"kill {server}")
                replaced = clock.gap(f"replace {server}")
                sent = clock.gap(f"replace {server} #{len(content)}", content)
                ctx.say(f"{server}: killed {killed:,}, replaced {replaced:,}, sent {sent:,}")
                ctx.expect(0 < killed <= RESTART, f"at most {RESTART:,}, not {killed:,}")
                ctx.expect(0 < replaced <= RESTART, f"at most {RESTART:,}, not {replaced:,}")
        ctx.keep_text(live.console)
