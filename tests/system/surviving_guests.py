"""Guests that ask for what is not there, or for much, and go on: each checks what it gets."""

import re

from exeunt_lib.paths import SYSTEM_TESTS
from exeunt_lib.testing import Context, Result, run_guest, system_test

MB = 1 << 20
MANIFESTS = SYSTEM_TESTS / "manifests"
TWO_CPUS, OWN_TIMER, ON_DEMAND = (
    MANIFESTS / f"{name}.dts" for name in ("two-cpus", "own-timer", "on-demand")
)
NO_SSTC = "rv64,sstc=off"
CLEAN_END = ["Guest: SBI SRST shutdown", "Shutdown vm normally!", "Hypervisor ok!"]


def run(ctx: Context, guest: str, checks: int | None = None, **boot) -> Result:
    """Boots a guest that counts its checks and says whether all of them passed.

    checks: how many there are, so that none is left out silently; else at least one.
    """
    result = run_guest(ctx, guest=ctx.out / f"guest/{guest}.bin", **boot)
    ctx.expect("FAILED" not in result.output, "a guest whose checks hold")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    number = checks or "[1-9][0-9]*"
    passed = re.compile(f"^{guest}: {number} checks passed$")
    ctx.expect_lines(result.output, passed, *CLEAN_END)
    return result


@system_test()
def start_nonexistent_hart(ctx: Context) -> None:
    result = run(ctx, "start_nonexistent_hart", 5)
    # SBI_ERR_INVALID_PARAM is -3, SBI_ERR_ALREADY_AVAILABLE is -6.
    names = ("hart 99", "hart 2^64 - 1", "this hart plus 2^32", "this hart")
    errors = (-3, -3, -3, -6)
    lines = [f"start_nonexistent_hart: {name}: {error}" for name, error in zip(names, errors)]
    ctx.expect_lines(result.output, *lines)


@system_test()
def unknown_sbi(ctx: Context) -> None:
    result = run(ctx, "unknown_sbi")
    ctx.expect_lines(result.output, re.compile("^unknown_sbi: [0-9]{4,} calls refused$"))


@system_test()
def undefined_csr(ctx: Context) -> None:
    run(ctx, "undefined_csr", 16113)


@system_test()
def undefined_csr_without_sstc(ctx: Context) -> None:
    run(ctx, "undefined_csr", 16113, cpu=NO_SSTC)


@system_test()
def sbi_conformance(ctx: Context) -> None:
    """As the specification has it, with every way that a VM can have a timer."""
    run(ctx, "sbi_conformance", 230)
    run(ctx, "sbi_conformance", 230, manifest=OWN_TIMER)
    run(ctx, "sbi_conformance", 230, cpu=NO_SSTC)


@system_test()
def sbi_conformance_legacy_shutdown(ctx: Context) -> None:
    result = run(ctx, "sbi_conformance", 230, cmdline="case=legacy_shutdown")
    last = "sbi_conformance: shutting down by the legacy call"
    ctx.expect_lines(result.output, last, *CLEAN_END)


@system_test()
def multi_hart(ctx: Context) -> None:
    run(ctx, "multi_hart", 53, manifest=TWO_CPUS)


@system_test()
def multi_hart_without_sstc(ctx: Context) -> None:
    run(ctx, "multi_hart", 53, manifest=TWO_CPUS, cpu=NO_SSTC)


@system_test()
def wfi_timer(ctx: Context) -> None:
    """By the firmware's timer, whether the machine has Sstc or not."""
    run(ctx, "wfi_timer", 51)
    run(ctx, "wfi_timer", 51, cpu=NO_SSTC)


@system_test()
def wfi_timer_own(ctx: Context) -> None:
    """A guest that has a timer of its own may use either."""
    result = run(ctx, "wfi_timer", 101, manifest=OWN_TIMER)
    ways = [f"wfi_timer: 50 sleeps of 1 ms by {way}" for way in ("set_timer", "stimecmp")]
    ctx.expect_lines(result.output, *ways)


@system_test()
def fp(ctx: Context) -> None:
    run(ctx, "fp", 6650)
    run(ctx, "fp", 6650, manifest=OWN_TIMER)


@system_test()
def touch_many(ctx: Context) -> None:
    """All of the memory that is there from the start."""
    result = run(ctx, "touch_many", 2)
    ctx.expect_lines(result.output, re.compile("^touch_many: 26[0-9]{4} addresses, 4 times each$"))


@system_test()
def touch_many_on_demand(ctx: Context) -> None:
    """Two million addresses in memory that comes page by page."""
    result = run(ctx, "touch_many", 2, manifest=ON_DEMAND, mem=128 * MB)
    ctx.expect_lines(result.output, "Guest RAM at 0x80000000, 128 MB, comes on demand...")
    ctx.expect_lines(result.output, re.compile("^touch_many: 209[0-9]{4} addresses, 4 times each"))
