"""Guests that never give the CPU back: the run ends by its bound, and other VMs get their share."""

from exeunt_lib.paths import SYSTEM_TESTS
from exeunt_lib.qemu import STATUS_TIMEOUT
from exeunt_lib.testing import Context, Result, run_guest, system_test

BESIDE = SYSTEM_TESTS / "manifests/beside.dts"
# Virtual seconds. gkernel needs a tenth of that to its end, beside a guest that spins too.
BOUND = 1.0
NEIGHBOUR = [
    "[b] Enter user space: entry=0x1000, ustack=VA:0x40000000",
    "[b] monolithic kernel exit [0] normally!",
    "Guest: SBI SRST shutdown",
    "Shutdown vm normally!",
]


def expect_bounded(ctx: Context, result: Result) -> None:
    ctx.expect(result.status == STATUS_TIMEOUT, f"{STATUS_TIMEOUT}, not {result.status}")
    for line in ("FAILED", "Hypervisor", "stopped"):
        ctx.expect(line not in result.output, f"a guest that goes on, and no {line!r}")


@system_test()
def spin(ctx: Context) -> None:
    """A guest that masks interrupts and ignores its timer."""
    result = run_guest(ctx, guest=ctx.out / "guest/spin.bin", virtual_timeout=BOUND)
    expect_bounded(ctx, result)
    ctx.expect_lines(result.output, "spin: spinning with interrupts masked")


@system_test()
def spin_beside(ctx: Context) -> None:
    guest = ctx.out / "guest/spin.bin"
    result = run_guest(ctx, guest=guest, manifest=BESIDE, virtual_timeout=BOUND)
    expect_bounded(ctx, result)
    ctx.expect_lines(result.output, "[a] spin: spinning with interrupts masked")
    ctx.expect_lines(result.output, *NEIGHBOUR)


@system_test()
def fault_loop_beside(ctx: Context) -> None:
    """A guest whose trap vector is not mapped: every fault faults again, inside the guest.

    No instruction of it ever ends, so no virtual time passes with -icount: here time is the host's.
    The bound is fifty times what it takes, and long for a test for that reason.
    """
    guest = ctx.out / "guest/bad_tables.bin"
    boot = {"cmdline": "case=loop", "manifest": BESIDE, "icount": False, "virtual_timeout": 10.0}
    result = run_guest(ctx, guest=guest, **boot)
    expect_bounded(ctx, result)
    ctx.expect_lines(result.output, "[a] bad_tables: begins")
    ctx.expect_lines(result.output, *NEIGHBOUR)
