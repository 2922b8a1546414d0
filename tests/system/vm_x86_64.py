"""x86_64's own guests: those that try the local APIC, several CPUs, and what they must not do."""

import re

from exeunt_lib.testing import Context, run_guest, system_test

ARCH = "x86_64"

# Refused as on a CPU that does not have it, and how many checks that were.
REFUSED = {"virtualization": 11, "registers": 6, "calls": 12}
# What a guest must not do ends it, with a line that says what it was.
ENDED = {
    "power": "VM vm0: write at port 0x604 refused, pc 0x",
    "port-string": "VM vm0: write at port 0x1234 refused, pc 0x",
    "no-memory": "VM vm0: write at guest address 0xe0000000 refused, pc 0x",
    "triple-fault": "VM vm0: its CPU can't go on at pc 0x",
    "nonsense-tables": "VM vm0: its CPU can't go on at pc 0x",
    "nonsense-root": "VM vm0: page-table walk at guest address 0x7ffffff000 refused, pc 0x",
}


@system_test(arches=(ARCH,))
def lapic_conformance(ctx: Context) -> None:
    """The local APIC that a server plays does what QEMU's own does: by its MSRs, and by its page
    (xAPIC), where npf-pager decodes each access and calls the server that plays it."""
    for case in ("msr", "page"):
        result = run_guest(ctx, guest=ctx.out / "guest/lapic.bin", cmdline=f"case={case}")
        passed = re.compile(r"^lapic: 1\d{3} checks passed$")
        ctx.expect_lines(result.output, passed, *ctx.board.clean_end)
        ctx.expect(result.status == 0, f"{case}: status 0, not {result.status}")


@system_test(arches=(ARCH,))
def computing_with_registers(ctx: Context) -> None:
    """What compilers make of volatile accesses, `test`, `or`, `inc` and all others that compute with
    memory, does the same to an emulated register as to RAM."""
    result = run_guest(ctx, guest=ctx.out / "guest/compute.bin")
    ctx.expect_lines(result.output, "compute: 6240 checks passed", *ctx.board.clean_end)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=(ARCH,))
def tables_of_32_bits(ctx: Context) -> None:
    """Code and accesses of kernels that page without long mode, by two levels or three."""
    for more in ({}, {"manifest": ctx.manifest("on-demand")}):
        result = run_guest(ctx, guest=ctx.out / "guest/old_tables.bin", **more)
        ctx.expect_lines(result.output, "old_tables: 32 checks passed", *ctx.board.clean_end)
        ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=(ARCH,))
def several_cpus(ctx: Context) -> None:
    """INIT, STARTUP, interrupts in all ways of delivery, floods of them, and all of these to CPUs that
    are not there; by MSRs and by the page."""
    for case in ("msr", "page"):
        result = run_guest(
            ctx,
            guest=ctx.out / "guest/smp.bin",
            manifest=ctx.manifest("two-cpus"),
            cmdline=f"case={case}",
        )
        ctx.expect_lines(result.output, "smp: 197 checks passed", *ctx.board.clean_end)
        ctx.expect(result.status == 0, f"{case}: status 0, not {result.status}")


@system_test(arches=(ARCH,))
def control_registers(ctx: Context) -> None:
    """CR4, CR8, debug registers, single steps; instructions with prefixes in code of all sizes; what
    is delivered to a stack that is not there yet."""
    for more in ({}, {"manifest": ctx.manifest("on-demand")}):
        result = run_guest(ctx, guest=ctx.out / "guest/control.bin", **more)
        ctx.expect_lines(result.output, "control: 244 checks passed", *ctx.board.clean_end)
        ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=(ARCH,))
def string_ports(ctx: Context) -> None:
    """INS and OUTS, out of memory and into it, over pages that are not there."""
    result = run_guest(ctx, guest=ctx.out / "guest/strings.bin")
    ctx.expect_lines(
        result.output,
        *(f"strings: {text}" for text in ("by REP OUTSB", "backwards", "by 32 bits", "by FS")),
        "strings: over a hole",
        "strings: 22 checks passed",
        *ctx.board.clean_end,
    )
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=(ARCH,))
def undefined_msrs(ctx: Context) -> None:
    """Every model-specific register that there could be, read and written."""
    result = run_guest(ctx, guest=ctx.out / "guest/undefined_msrs.bin")
    ctx.expect_lines(
        result.output,
        re.compile(r"^undefined_msrs: 49\d{3} accesses refused$"),
        re.compile(r"^undefined_msrs: \d+ checks passed$"),
        *ctx.board.clean_end,
    )
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=(ARCH,))
def trespass_is_refused(ctx: Context) -> None:
    """Instructions of virtualization, registers of nobody, calls that there are not."""
    for case, checks in REFUSED.items():
        result = run_guest(ctx, guest=ctx.out / "guest/trespass.bin", cmdline=f"case={case}")
        ctx.expect_lines(result.output, f"trespass: {checks} checks passed", *ctx.board.clean_end)
        ctx.expect(result.status == 0, f"{case}: status 0, not {result.status}")


@system_test(arches=(ARCH,))
def trespass_ends_the_guest(ctx: Context) -> None:
    """The machine's power, ports and memory of nobody, a CPU that can't go on: each is told."""
    for case, told in ENDED.items():
        result = run_guest(ctx, guest=ctx.out / "guest/trespass.bin", cmdline=f"case={case}")
        ctx.expect_lines(result.output, f"trespass: {case}", re.compile("^" + re.escape(told)))
        ctx.expect_lines(result.output, "VM vm0: stopped", "Hypervisor: 1 of 1 VMs failed")
        ctx.expect(result.status == 1, f"{case}: status 1, not {result.status}")
