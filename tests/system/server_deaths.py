"""Servers that die while they serve: in every way there is, which is reported in one line and made
good; and of every exit, which stops that VM, with a report, and nobody else.
"""

import re
import struct

from exeunt_lib.boot import Boot
from exeunt_lib.corestate import Core
from exeunt_lib.layouts import Layouts
from exeunt_lib.live import Live
from exeunt_lib.paths import ARCHES, ROOT
from exeunt_lib.testing import TIMEOUT, VIRTUAL_TIMEOUT, Context, system_test
from exeunt_lib.transcript import told

# Two VMs: `a`, and `b` with servers of its own.
MANIFESTS = ROOT / "tests/recovery/manifests"
ROUNDS = 10
# Of the guest's: the timer in each round, and where there is one, the clock of the day.
CHECKS = {"riscv64": 2 * ROUNDS, "aarch64": ROUNDS, "x86_64": ROUNDS}

# Where tests/recovery/servers/causes dies, one after the other, and what is said of it.
MEMORY = "touched memory that it does not have"
ILLEGAL = "executed an illegal or privileged instruction"
LATE = "did not come back in time"
ENDED = "asked to end"
CAUSES = (
    (r"load_elsewhere\+0x\w+, ", MEMORY),
    (r"store_to_text\+0x\w+, ", MEMORY),
    ("", MEMORY),  # where it has jumped to there is no function
    (r"illegal_instruction\+0x\w+, ", ILLEGAL),
    (r"privileged_instruction\+0x\w+, ", ILLEGAL),
    (r"stop_itself\+0x\w+, ", r"stopped itself \(breakpoint\)"),
    (r"\w+\+0x\w+, ", ENDED),
    (r"too_deep\+0x\w+, ", "ran over the end of its stack"),
    (r"\w+\+0x\w+, ", ENDED),
    (r"loop_for_ever\+0x\w+, ", LATE),
    (r"\w+\+0x\w+, ", LATE),
)
# Whose place it takes, and the class of the first exit of the guest that gets there.
PLACES = {"b-sbi": "HYPERCALL", "b-pager": "STAGE2", "b-timer": "(IDLE|SYSREG)"}


def boot(ctx: Context, server: str, image: str, guest: str) -> Live:
    """GUEST as `b`, and IMAGE in the place of one of its servers; `a` has good ones."""
    source = ctx.scratch / "manifest.dts"
    source.write_text(
        f'/dts-v1/;\n/include/ "{MANIFESTS}/compromised-{ctx.arch}.dts"\n/ {{'
        f'servers {{ {server} {{ image = "{image}"; }}; }};'
        f'vms {{ a {{ cmdline = "rounds={ROUNDS}"; }};'
        f'b {{ cmdline = "timer=firmware rounds={ROUNDS}"; }}; }}; }};\n'
    )
    files = {"/sbin/guard": "guard", "/sbin/pump": guest}
    found = Boot(
        ctx.arch,
        ctx.out,
        manifest=source,
        files={path: ctx.out / f"guest/{name}.bin" for path, name in files.items()},
        servers={image: ctx.out / f"server_{ctx.arch}" / image},
    )
    return Live(found, TIMEOUT, VIRTUAL_TIMEOUT)


def finish(ctx: Context, live: Live, *servers: str) -> None:
    """Tells guests from outside, in their memory, to come to their ends: VM 0's, which the first
    server has mapped, VM 1's."""
    flag = Layouts(ctx.out / "guest/guard.elf", [], ["finish"]).symbols["finish"]
    layouts = Core.load(ctx.out / "exeunt.elf")
    with live.stopped() as ram:
        core = Core(layouts, ram)
        for vm, server in enumerate(servers):
            ram.write(core.guest(vm, flag, server), struct.pack("<Q", 1))


def wait_told(live: Live, vm: str, text: str) -> None:
    """Waits for what VM prints; "": anybody."""
    live.wait_until(
        f"{text!r} of {vm or 'anybody'}",
        lambda: text in (told(live.console, vm) if vm else live.console),
    )


def run(
    ctx: Context, server: str, image: str, guest: str, wanted: tuple[str, str], *finished: str
) -> str:
    """Everything printed, until that VM has said what is WANTED, or anybody if it is "", the guests were told to end, and the machine has."""
    with boot(ctx, server, image, guest) as live:
        try:
            for vm, text in (("a", f"guard: round {ROUNDS}:"), wanted):
                wait_told(live, vm, text)
            finish(ctx, live, *finished)
            live.wait_end()
        finally:
            ctx.keep_text(live.console)
        return live.console


@system_test(arches=ARCHES)
def every_cause(ctx: Context) -> None:
    """One line for each: server, cause, address with its function, record; then it goes on."""
    console = run(
        ctx, "b-timer", "causes.elf", "guard", ("b", f"guard: round {ROUNDS}:"), "sbi-server", "b-sbi"
    )
    deaths = re.findall(r"^server b-timer died: .*$", console, re.MULTILINE)
    ctx.expect(len(deaths) == len(CAUSES), f"{len(CAUSES)} deaths, not {len(deaths)}")
    for line, (where, cause) in zip(deaths, CAUSES):
        wanted = (
            rf"^server b-timer died: it {cause}, at {where}pc 0x\w+, address 0x\w+, "
            r"serving (IDLE|TIMER|SYSREG|WINDOW) number \d+ of VM b; restarting it$"
        )
        ctx.expect(re.match(wanted, line), f"{wanted!r}, not {line!r}")
    ctx.expect_lines(console, "there is no memory for 1048576 bytes")
    for vm in "ab":
        passed = f"guard: {CHECKS[ctx.arch]} checks passed"
        ctx.expect(passed in told(console, vm), f"{vm} to say {passed!r}")
    ctx.expect_lines(console, "Hypervisor ok!")
    form = r"guard: round \d+: [0-9a-f]{16}"
    rounds = [re.findall(form, told(console, vm)) for vm in "ab"]
    same = rounds[0] == rounds[1]
    ctx.expect(same and len(rounds[0]) == ROUNDS, "the same rounds of both guests")


def poisoned(server: str, kind: str) -> None:
    @system_test(name=f"poison-{server.removeprefix('b-')}", arches=ARCHES)
    def poison(ctx: Context) -> None:
        console = run(ctx, server, "poison.elf", "pump", ("", "VM b: stopped"), "sbi-server")
        report = rf"^VM b: 3 servers died on its exit \d+ \({kind}\): the VM is stopped$"
        ctx.expect_lines(console, re.compile(report))
        passed = f"guard: {CHECKS[ctx.arch]} checks passed"
        ctx.expect(passed in told(console, "a"), f"a to say {passed!r}")
        ctx.expect_lines(console, "Hypervisor: 1 of 2 VMs failed")
        deaths = re.findall(r"^server (\S+) died", console, re.MULTILINE)
        ctx.expect(deaths == [server] * 3, f"{server} to die three times, not {deaths}")


for _server, _kind in PLACES.items():
    poisoned(_server, _kind)
