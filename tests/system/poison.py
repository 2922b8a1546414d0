"""A server that dies of every exit: three deaths on one exit stop that VM, with a report. Everybody
else lives: the other VM comes to its own end, and then the machine does.
"""

import re
import struct
from pathlib import Path

from exeunt_lib.boot import Boot
from exeunt_lib.corestate import Core
from exeunt_lib.layouts import Layouts
from exeunt_lib.live import Live
from exeunt_lib.paths import ROOT
from exeunt_lib.testing import TIMEOUT, VIRTUAL_TIMEOUT, Context, system_test

# Two VMs: `a`, and `b` with servers of its own.
MANIFEST = ROOT / "tests/recovery/manifests/compromised.dts"
POISON = "poison.elf"
ROUNDS = 5
# Whose place it takes, and the class of the first exit of the guest that gets there.
PLACES = {"b-sbi": "HYPERCALL", "b-pager": "STAGE2", "b-timer": "IDLE"}


def source(scratch: Path, server: str) -> Path:
    path = scratch / "poison.dts"
    path.write_text(
        f'/dts-v1/;\n/include/ "{MANIFEST}"\n/ {{'
        f'servers {{ {server} {{ image = "{POISON}"; }}; }};'
        f'vms {{ a {{ cmdline = "rounds={ROUNDS}"; }};'
        f'b {{ cmdline = "timer=firmware"; }}; }}; }};\n'
    )
    return path


def finish(ctx: Context, live: Live) -> None:
    """Tells `a` from outside, in its memory, to come to its end."""
    flag = Layouts(ctx.out / "guest/guard.elf", [], ["finish"]).symbols["finish"]
    layouts = Core.load(ctx.out / "exeunt.elf")
    with live.stopped() as ram:
        ram.write(Core(layouts, ram).guest(0, flag), struct.pack("<Q", 1))


def poisoned(server: str, kind: str) -> None:
    @system_test(name=f"poison-{server.removeprefix('b-')}")
    def poison(ctx: Context) -> None:
        boot = Boot(
            ctx.arch,
            ctx.out,
            manifest=source(ctx.scratch, server),
            files={f"/sbin/{name}": ctx.out / f"guest/{name}.bin" for name in ("guard", "pump")},
            servers={POISON: ctx.out / f"server_{ctx.arch}" / POISON},
        )
        with Live(boot, TIMEOUT, VIRTUAL_TIMEOUT) as live:
            try:
                live.wait_line(f"[a] guard: round {ROUNDS}:")
                live.wait_line("VM b: stopped")
                finish(ctx, live)
                live.wait_end()
            finally:
                console = live.console
                ctx.keep_text(console)
        report = rf"^VM b: 3 servers died on its exit \d+ \({kind}\): the VM is stopped$"
        ctx.expect_lines(console, re.compile(report))
        passed = f"[a] guard: {2 * ROUNDS} checks passed"
        ctx.expect_lines(console, passed, "Hypervisor: 1 of 2 VMs failed")
        deaths = re.findall(r"^server (\S+) died", console, re.MULTILINE)
        ctx.expect(deaths == [server] * 3, f"{server} to die three times, not {deaths}")


for _server, _kind in PLACES.items():
    poisoned(_server, _kind)
