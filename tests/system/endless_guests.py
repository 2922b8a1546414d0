"""Guests that never give the CPU back: the run ends by its bound, and other VMs get their share."""

from exeunt_lib.paths import ARCHES
from exeunt_lib.qemu import STATUS_TIMEOUT
from exeunt_lib.testing import Context, Result, run_guest, system_test

# Virtual seconds, of clocks that count whole ones. gkernel needs a tenth of that to its end, beside a
# guest that spins too.
BOUND = 0.9


def expect_neighbour(ctx: Context, result: Result) -> None:
    """gkernel beside it came to its end."""
    ctx.expect_lines(
        result.output,
        "[b] Enter user space: entry=0x1000, ustack=VA:0x40000000",
        "[b] monolithic kernel exit [0] normally!",
        *ctx.board.clean_end[:2],
    )


def expect_bounded(ctx: Context, result: Result) -> None:
    ctx.expect(result.status == STATUS_TIMEOUT, f"{STATUS_TIMEOUT}, not {result.status}")
    for line in ("FAILED", "Hypervisor", "stopped"):
        ctx.expect(line not in result.output, f"a guest that goes on, and no {line!r}")


@system_test(arches=ARCHES)
def spin(ctx: Context) -> None:
    """A guest that masks interrupts and ignores its timer."""
    result = run_guest(ctx, guest=ctx.out / "guest/spin.bin", virtual_timeout=BOUND)
    expect_bounded(ctx, result)
    ctx.expect_lines(result.output, "spin: spinning with interrupts masked")


@system_test(arches=ARCHES)
def spin_beside(ctx: Context) -> None:
    guest = ctx.out / "guest/spin.bin"
    result = run_guest(ctx, guest=guest, manifest=ctx.manifest("beside"), virtual_timeout=BOUND)
    expect_bounded(ctx, result)
    ctx.expect_lines(result.output, "[a] spin: spinning with interrupts masked")
    expect_neighbour(ctx, result)


def endless_fault(arch: str, case: str) -> None:
    @system_test(name=f"fault-{case}-beside-{arch}", arches=(arch,))
    def fault_beside(ctx: Context) -> None:
        """Every fault faults again, inside the guest.

        No instruction of it ends, so no virtual time passes with -icount: here time is the host's.
        The bound is at least twenty times what it takes, and long for a test for that reason.
        """
        guest = ctx.out / "guest/bad_tables.bin"
        result = run_guest(
            ctx,
            guest=guest,
            cmdline=f"case={case}",
            manifest=ctx.manifest("beside"),
            icount=False,
            virtual_timeout=4.0 if case == "debug" else 10.0,
        )
        expect_bounded(ctx, result)
        ctx.expect_lines(result.output, "[a] bad_tables: begins")
        expect_neighbour(ctx, result)


# The trap vector is not mapped, or has more bits than addresses have; or its code traps, too.
for _arch, _cases in {"riscv64": ("loop",), "aarch64": ("loop", "far"), "x86_64": ("loop", "debug")}.items():
    for _case in _cases:
        endless_fault(_arch, _case)
