"""The hypervisor on x86_64, with all its servers: our guest and its programs."""

import re

from exeunt_lib import control
from exeunt_lib.session import PATIENCE, start_session
from exeunt_lib.testing import Context, run_guest, system_test

ARCH = "x86_64"
PROGRAMS = ("hello", "spin", "fork", "sleep", "fp", "fault", "threads")
SERVERS = ("timer-server", "sbi-server", "console", "npf-pager", "fs-loader")


@system_test(builds=(ARCH,))
def x86_64_boots_our_guest(ctx: Context) -> None:
    """From the PVH entry to ring 3 of the guest, and to the machine's end."""
    result = run_guest(ctx)
    ctx.expect_lines(
        result.output,
        "every exit is a call",
        "Pre-allocating 32 MB guest RAM at 0x0...",
        "app: /sbin/gkernel",
        "arch = x86_64",
        "platform = x86-pc",
        "Enter user space: ",
        "monolithic kernel exit [0] normally!",
        "Guest: VMMCALL SYSTEM_OFF",
        "Shutdown vm normally!",
        "Hypervisor ok!",
    )
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(builds=(ARCH,))
def x86_64_runs_the_programs(ctx: Context) -> None:
    """Processes, timers, floating point, faults and threads of the guest."""
    result = run_guest(ctx, cmdline=" ".join(PROGRAMS))
    ctx.expect_lines(result.output, *(f"{name}: " for name in PROGRAMS), "Hypervisor ok!")
    good = [line for line in result.lines if line.endswith(": ok")]
    ctx.expect(len(good) == len(PROGRAMS), f"{len(PROGRAMS)} times ok, not {len(good)}")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(builds=(ARCH,))
def x86_64_servers_die_while_programs_run(ctx: Context) -> None:
    """Each server but init is killed twice; the guest's programs notice nothing."""
    path = ctx.scratch / "control"
    with start_session(ctx, cmdline="threads fork threads hello", control=path) as session:
        session.wait("pflash: ")
        with control.wait_for(path, PATIENCE) as line:
            for name in SERVERS * 2:
                answer = line.ask(f"kill {name}")
                ctx.expect(not answer.error, f"{name} to be killed, not: {answer.error}")
        result = session.end()
    ctx.expect_lines(result.output, "hello: ", "Hypervisor ok!")
    died = result.output.count("died: it was killed")
    ctx.expect(died == 2 * len(SERVERS), f"{2 * len(SERVERS)} deaths, not {died}")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


def check_lapic(ctx: Context, cmdline: str) -> None:
    """The guest that passes on QEMU's own local APIC (lapic_conformance_bare) passes on ours."""
    result = run_guest(ctx, guest=ctx.out / "guest/lapic.bin", cmdline=cmdline)
    ctx.expect_lines(
        result.output, re.compile(r"^lapic: 1\d{3} checks passed$"), "Hypervisor ok!"
    )
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(builds=(ARCH,))
def x86_64_lapic_by_msrs(ctx: Context) -> None:
    """x2APIC: the exits go to the server that plays it."""
    check_lapic(ctx, "")


@system_test(builds=(ARCH,))
def x86_64_lapic_by_its_page(ctx: Context) -> None:
    """xAPIC: each access is decoded by npf-pager, which calls that server."""
    check_lapic(ctx, "case=page")


# What the hypervisor says of a guest that goes too far, by the guest's own name for it.
TRESPASSES = {
    "power": "write at port 0x604 refused",
    "port-string": "write at port 0x3f8 refused",
    "no-memory": "write at guest address 0xe0000000 refused",
    "triple-fault": "its CPU can't go on",
    "nonsense-tables": "its CPU can't go on",
    "nonsense-root": "page-table walk at guest address 0x7ffffff000 refused",
}
# What is refused to it, and it goes on.
REFUSALS = ("virtualization", "registers", "calls")


@system_test(builds=(ARCH,))
def x86_64_guests_trespass(ctx: Context) -> None:
    """A guest runs what it is not to have, and reaches for what is not its own: an exception for the
    guest, or a report and the end of that VM."""
    guest = ctx.out / "guest/trespass.bin"
    for case in REFUSALS:
        result = run_guest(ctx, guest=guest, cmdline=f"case={case}")
        ctx.expect_lines(result.output, f"trespass: {case}", "checks passed", "Hypervisor ok!")
        ctx.expect(result.status == 0, f"status 0, not {result.status}")
    for case, report in TRESPASSES.items():
        result = run_guest(ctx, guest=guest, cmdline=f"case={case}")
        ctx.expect_lines(result.output, f"trespass: {case}", f"VM vm0: {report}", "VM vm0: stopped")
        ctx.expect(result.status == 1, f"status 1, not {result.status}")
