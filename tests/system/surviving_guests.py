"""Guests that ask for what is not there, or for much, and go on: each checks what it gets."""

import re

from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import Context, Result, run_guest, system_test

MB = 1 << 20
RISCV, ARM = ("riscv64",), ("aarch64",)
NO_SSTC = "rv64,sstc=off"


def run(ctx: Context, guest: str, checks: int | None = None, **boot) -> Result:
    """Boots a guest that counts its checks and says whether all of them passed.

    checks: how many there are, so that none is left out silently; else at least one.
    """
    result = run_guest(ctx, guest=ctx.out / f"guest/{guest}.bin", **boot)
    ctx.expect("FAILED" not in result.output, "a guest whose checks hold")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    number = checks or "[1-9][0-9]*"
    passed = re.compile(f"^{guest}: {number} checks passed$")
    ctx.expect_lines(result.output, passed, *ctx.board.clean_end)
    return result


# Errors of starting a CPU that is not there, or runs already. SBI 2.0: SBI_ERR_INVALID_PARAM and
# SBI_ERR_ALREADY_AVAILABLE; Arm DEN 0022: INVALID_PARAMETERS and ALREADY_ON.
START_ERRORS = {"riscv64": (-3, -6), "aarch64": (-2, -4)}


@system_test(arches=tuple(START_ERRORS))
def start_nonexistent_cpu(ctx: Context) -> None:
    result = run(ctx, "start_nonexistent_cpu", 4)
    invalid, already = START_ERRORS[ctx.arch]
    lines = []
    for name in ("CPU 99", "CPU 2^64 - 1", "this CPU plus 2^33"):
        lines += [f"start_nonexistent_cpu: {name}: {invalid}"]
        lines += [f"start_nonexistent_cpu: {name}: not there"]
    lines += [f"start_nonexistent_cpu: this CPU: {already}", "start_nonexistent_cpu: this CPU: on"]
    ctx.expect_lines(result.output, *lines)


@system_test(arches=RISCV)
def unknown_sbi(ctx: Context) -> None:
    result = run(ctx, "unknown_sbi")
    ctx.expect_lines(result.output, re.compile("^unknown_sbi: [0-9]{4,} calls refused$"))


@system_test(arches=ARM)
def unknown_calls(ctx: Context) -> None:
    """SMCCC's and PSCI's, by both instructions."""
    result = run(ctx, "unknown_calls")
    ctx.expect_lines(result.output, re.compile("^unknown_calls: 1[0-9]{4} calls refused$"))


@system_test(arches=ARM)
def undefined_registers(ctx: Context) -> None:
    """Every encoding of system registers and instructions, read and written."""
    result = run(ctx, "undefined_registers")
    ctx.expect_lines(result.output, re.compile("^undefined_registers: 58[0-9]{3} accesses refused"))


@system_test(arches=ARM)
def user_mode(ctx: Context) -> None:
    """The same from EL0, in both instruction sets: it is the guest's kernel that hears of it."""
    for case, traps in (("a64", "131"), ("a32", "67")):
        result = run(ctx, "user_mode", cmdline=f"case={case}")
        ctx.expect_lines(result.output, re.compile(f"^user_mode: {traps}[0-9]{{3}} traps$"))


@system_test(arches=ARM)
def thumb(ctx: Context) -> None:
    """A device is accessed, and interrupts are waited for, by instructions of 16 bits; and by such
    as are in IT blocks, of which one is a step, but a page's first touch is none."""
    run(ctx, "user_mode", 6, cmdline="case=t32", manifest=ctx.manifest("on-demand"))


@system_test(arches=ARM)
def debug_registers(ctx: Context) -> None:
    """Breakpoints and watchpoints for all that runs at EL0, servers as well."""
    result = run(ctx, "debug_registers", 200)
    ctx.expect(" died" not in result.output, "servers that have noticed nothing")


@system_test(arches=ARM)
def injected(ctx: Context) -> None:
    """Exceptions that a server injects find PSTATE.PAN as those do that the CPU takes."""
    run(ctx, "injected", 32)


@system_test(arches=ARM)
def gic_nonsense(ctx: Context) -> None:
    """Random values in all registers of the interrupt controller, by one CPU and by two."""
    run(ctx, "gic_nonsense", 12)
    run(ctx, "gic_nonsense", 13, manifest=ctx.manifest("two-cpus"))


@system_test(arches=ARM)
def count(ctx: Context) -> None:
    """A VM's count begins with it, the same for its CPUs; and deadlines that never come, or have passed."""
    run(ctx, "count", 22, manifest=ctx.manifest("two-cpus"))
    # Two VMs begin one after the other.
    source = ctx.scratch / "counts.dts"
    source.write_text(
        f'/dts-v1/;\n/include/ "{ctx.manifest("beside")}"\n'
        '/ { vms { b { image { path = "/sbin/beside"; }; }; }; };\n'
    )
    result = run_guest(ctx, guest=ctx.out / "guest/count.bin", manifest=source)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    ctx.expect("FAILED" not in result.output, "two guests whose checks hold")
    begins = re.findall(r"^\[[ab]\] count: begins at ([0-9]+)\r?$", result.output, re.MULTILINE)
    ctx.expect(len(set(begins)) == 2, f"two VMs with a count of their own, not {begins}")


@system_test(arches=ARM)
def psci_conformance(ctx: Context) -> None:
    """As the specification has it, and with a second CPU that comes and goes."""
    run(ctx, "psci_conformance", 30)
    run(ctx, "multi_cpu", 60, manifest=ctx.manifest("two-cpus"))


@system_test(arches=RISCV)
def undefined_csr(ctx: Context) -> None:
    run(ctx, "undefined_csr", 16113)


@system_test(arches=RISCV)
def undefined_csr_without_sstc(ctx: Context) -> None:
    run(ctx, "undefined_csr", 16113, cpu=NO_SSTC)


@system_test(arches=RISCV)
def sbi_conformance(ctx: Context) -> None:
    """As the specification has it, with every way that a VM can have a timer."""
    run(ctx, "sbi_conformance", 230)
    run(ctx, "sbi_conformance", 230, manifest=ctx.manifest("own-timer"))
    run(ctx, "sbi_conformance", 230, cpu=NO_SSTC)


@system_test(arches=RISCV)
def sbi_conformance_legacy_shutdown(ctx: Context) -> None:
    result = run(ctx, "sbi_conformance", 230, cmdline="case=legacy_shutdown")
    last = "sbi_conformance: shutting down by the legacy call"
    ctx.expect_lines(result.output, last, *ctx.board.clean_end)


@system_test(arches=RISCV)
def multi_hart(ctx: Context) -> None:
    run(ctx, "multi_hart", 53, manifest=ctx.manifest("two-cpus"))


@system_test(arches=RISCV)
def multi_hart_without_sstc(ctx: Context) -> None:
    run(ctx, "multi_hart", 53, manifest=ctx.manifest("two-cpus"), cpu=NO_SSTC)


@system_test(arches=RISCV)
def harts(ctx: Context) -> None:
    """Four harts interrupt, fence and wait for one another and for their timers, each at random: no
    wake-up is lost, with every way that a VM can have a timer, and at two paces of time."""
    own = {"manifest": ctx.manifest("four-own-timers"), "cmdline": "case=stimecmp seed=2"}
    shared = {"manifest": ctx.manifest("four-cpus")}
    run(ctx, "harts", 21, **shared)
    run(ctx, "harts", 21, **own)
    run(ctx, "harts", 21, cmdline="seed=3", cpu=NO_SSTC, **shared)
    # More time passes for an instruction: turns end sixteen times as often.
    fast = {"icount": False, "qemu_args": ["-icount", "shift=4,sleep=off"]}
    run(ctx, "harts", 21, **own, **fast)


# Ways to have a timer that a guest of the default manifest has, and what differs in its machine.
TIMERS = {
    "riscv64": ({"set_timer": {}}, {"set_timer": {"cpu": NO_SSTC}}),
    "aarch64": ({"cntv": {}},),
    "x86_64": ({"deadline": {}},),
}


@system_test(arches=ARCHES)
def wfi_timer(ctx: Context) -> None:
    """By the firmware's timer, whether the machine has Sstc or not; by the guest's own."""
    for ways in TIMERS[ctx.arch]:
        for way, machine in ways.items():
            result = run(ctx, "wfi_timer", 51, **machine)
            ctx.expect_lines(result.output, f"wfi_timer: 50 sleeps of 1 ms by {way}")


@system_test(arches=RISCV)
def wfi_timer_own(ctx: Context) -> None:
    """A guest that has a timer of its own may use either."""
    result = run(ctx, "wfi_timer", 101, manifest=ctx.manifest("own-timer"))
    ways = [f"wfi_timer: 50 sleeps of 1 ms by {way}" for way in ("set_timer", "stimecmp")]
    ctx.expect_lines(result.output, *ways)


@system_test(arches=ARCHES)
def fp(ctx: Context) -> None:
    run(ctx, "fp", {"riscv64": 6650, "aarch64": 13050, "x86_64": 6650}[ctx.arch])
    if ctx.arch == "riscv64":
        run(ctx, "fp", 6650, manifest=ctx.manifest("own-timer"))


# Of so much memory one in 64 bytes, but for the guest's own.
TOUCHED = {"riscv64": "26[0-9]{4}", "aarch64": "26[0-9]{4}", "x86_64": "52[0-9]{4}"}


@system_test(arches=ARCHES)
def touch_many(ctx: Context) -> None:
    """All of the memory that is there from the start."""
    result = run(ctx, "touch_many", 2)
    ctx.expect_lines(result.output, re.compile(f"^touch_many: {TOUCHED[ctx.arch]} addresses, 4 times each$"))


@system_test(arches=ARCHES)
def touch_many_on_demand(ctx: Context) -> None:
    """Two million addresses in memory that comes page by page."""
    result = run(ctx, "touch_many", 2, manifest=ctx.manifest("on-demand"), mem=128 * MB)
    ram = ctx.board.ram
    ctx.expect_lines(result.output, f"Guest RAM at {ram:#x}, 128 MB, comes on demand...")
    ctx.expect_lines(result.output, re.compile("^touch_many: 209[0-9]{4} addresses, 4 times each"))
