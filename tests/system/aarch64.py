"""The whole path on aarch64: the hypervisor boots our guest with its GIC, UART and PSCI, and what
the guest prints is what it prints on the bare machine. (What is typed, and servers that die
meanwhile: shell.py.)"""

import re

from exeunt_lib import control
from exeunt_lib.paths import SYSTEM_TESTS
from exeunt_lib.session import PATIENCE, start_session
from exeunt_lib.testing import Context, Result, run_guest, system_test
from exeunt_lib.transcript import difference, expected_text

ARCH = ("aarch64",)
TWO_CPUS = SYSTEM_TESTS / "manifests/two-cpus-aarch64.dts"
PROGRAMS = "init hello spin fork sleep fp fault threads"
END = ("Guest: PSCI SYSTEM_OFF", "Shutdown vm normally!", "Hypervisor ok!")
LINES = (
    "every exit is a call",  # the last line of the hypervisor's logo
    "Starting virtualization...",
    "Pre-allocating 16 MB guest RAM at 0x40000000...",
    "VM created success, loading images...",
    "app: /sbin/gkernel",
    re.compile(r"Loaded \d+ bytes from /sbin/gkernel"),
    "Entering VM run loop...",
    "gkernel, a guest of Exeunt",  # the last line of the guest's logo
    "arch = aarch64",
    "platform = aarch64-qemu-virt",
    "smp = 1",
    "Enter user space: entry=0x1000, ustack=VA:0x40000000",
    re.compile(r"handle_syscall .*"),
    "[SYS_EXIT]: process is exiting ..",
    "monolithic kernel exit [0] normally!",
    *END,
)

# Who serves the guest's exits, and who shows what it prints.
SERVERS = ("npf-pager", "sbi-server", "timer-server", "npf-pager", "console")
DEATHS = 10


def run(ctx: Context, **boot) -> Result:
    """A boot that ends well."""
    result = run_guest(ctx, **boot)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    return result


@system_test(builds=ARCH)
def transcript_aarch64(ctx: Context) -> None:
    """The lines of the default run come in order and the status is 0."""
    ctx.expect_lines(run(ctx).output, *LINES)


@system_test(builds=ARCH)
def programs_aarch64(ctx: Context) -> None:
    """Every program ends well, and prints what it prints on the bare machine."""
    found = run(ctx, cmdline=PROGRAMS).output
    for name in PROGRAMS.split()[1:]:
        ctx.expect_lines(found, re.compile(f"^{name}: .*: ok$"))
    bare = expected_text(run(ctx, cmdline=PROGRAMS, bare=True).output)
    differs = difference(bare, found)
    ctx.expect(not differs, f"what the bare machine's guest prints: {differs}")


@system_test(builds=ARCH)
def failed_aarch64(ctx: Context) -> None:
    """A guest that ends by a reset has failed, and so has the run."""
    result = run_guest(ctx, cmdline="fault,illegal")
    ctx.expect(result.status == 1, f"status 1, not {result.status}")
    ctx.expect_lines(result.output, "abnormally!", "Guest: PSCI SYSTEM_RESET")


@system_test(builds=ARCH)
def psci_aarch64(ctx: Context) -> None:
    """Guests that check their firmware, one of them with a second CPU."""
    for guest, checks, boot in (
        ("psci_conformance", 30, {}),
        ("multi_cpu", 60, {"manifest": TWO_CPUS}),
    ):
        result = run(ctx, guest=ctx.out / f"guest/{guest}.bin", **boot)
        ctx.expect_lines(result.output, f"{guest}: {checks} checks passed", *END)


@system_test(builds=ARCH)
def programs_beside_deaths_aarch64(ctx: Context) -> None:
    """Servers are killed one after the other while programs run: nothing that these print is lost,
    doubled or out of order."""
    path = ctx.scratch / "control"
    with start_session(ctx, cmdline=PROGRAMS, control=path) as session:
        session.wait("arch = aarch64")
        with control.wait_for(path, PATIENCE) as line:
            for number in range(DEATHS):
                name = SERVERS[number % len(SERVERS)]
                answer = line.ask(f"kill {name}")
                ctx.expect(not answer.error, f"{name} to be killed, not: {answer.error}")
        result = ctx.keep(session.end())
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    died = len(re.findall("^server .* died: it was killed", result.output, re.MULTILINE))
    ctx.expect(died == DEATHS, f"{DEATHS} deaths, not {died}")
    bare = expected_text(run(ctx, cmdline=PROGRAMS, bare=True).output)
    differs = difference(bare, result.output)
    ctx.expect(not differs, f"what the bare machine's guest prints: {differs}")
