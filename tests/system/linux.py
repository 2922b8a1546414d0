"""A guest that nobody here wrote: Debian's stock riscv64 kernel, to an init that checks itself.

Its init (linux_init.sh) checks clock, timer, scheduling, processes and memory and prints one
closing line. The same kernel and the same init also run without a hypervisor, on OpenSBI: that
shows that the checks are right, and it is what the time to init is compared with.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import linux_guest
from exeunt_lib.testing import Context, Failure, Result, Skip, run_command, run_guest, system_test

MB = 1 << 20
MEMORY = 256 * MB
ENTRY_SOURCE = Path(__file__).with_name("linux_entry.c")
ENTRY_ADDRESS = 0x80200000
KERNEL_ADDRESS = ENTRY_ADDRESS + 2 * MB  # the alignment that a kernel asks for
TIMEBASE = 10_000_000  # ticks of the machine's counter a second

# The kernel's log comes through the SBI console, init's lines unthrottled; a panic ends the run.
CMDLINE = "earlycon=sbi keep_bootcon printk.devkmsg=on panic=-1"
# For comparing times the init checks nothing, and the kernel leaves out its self-tests of ciphers:
# those work on random data, and so does the time they take (2 % of the way to init, up or down).
TIMING = "cryptomgr.notests=1 init_checks=none"
# Only the machine without hypervisor has a serial port, which would print everything again.
NATIVE = "8250.nr_uarts=0"

# Bounds for a run that hangs, in seconds of virtual and of wall time.
VIRTUAL_TIMEOUT = 60
TIMEOUT = 900
GOAL = 3.0  # per cent more than without a hypervisor

WITH_SSTC, WITHOUT_SSTC = "with Sstc", "without Sstc"
CPUS = {WITH_SSTC: "rv64,sstc=on", WITHOUT_SSTC: "rv64,sstc=off"}
MANIFESTS = {WITH_SSTC: "linux-riscv64.dts", WITHOUT_SSTC: "linux-nosstc-riscv64.dts"}

CLOSING = re.compile(r"linux-init: (ok|FAILED:?) (.*)")
SSTC_LINE = "riscv-timer: Timer interrupt in S-mode is available via sstc extension"


@dataclass
class Times:
    """How long it took to init, in virtual seconds."""

    clock: float  # by the kernel's own clock, which starts with its timer driver
    whole: float  # from the kernel's first instruction


def number(pattern: str, output: str) -> float:
    found = re.search(pattern, output)
    if not found:
        raise Failure(f"expected a line with {pattern!r}")
    return float(found[1])


def times(result: Result) -> Times:
    entry = number(r"entry: counter (\d+)", result.output) / TIMEBASE
    clock = number(r"\[ *(\d+\.\d+)\] Run /init as init process", result.output)
    counter = number(r"linux-init: start at .*, counter (\d+)", result.output) / TIMEBASE
    # The init reads the counter when it is on its way for some milliseconds already.
    at = number(r"\[ *(\d+\.\d+)\] linux-init: start at ", result.output)
    return Times(clock, counter - entry - (at - clock))


def expect_success(ctx: Context, what: str, result: Result, sstc: bool) -> None:
    """The guest's own verdict, the end of the run, and that it had the timer it should have."""
    closing = CLOSING.search(result.output)
    ctx.expect(closing, f"{what}: a closing line of the init (status {result.status})")
    ctx.expect(closing[1] == "ok", f"{what}: a guest that finds no fault, not: {closing[2]}")
    ctx.expect(result.status == 0, f"{what}: status 0, not {result.status}")
    found = SSTC_LINE in result.output
    ctx.expect(found == sstc, f"{what}: a kernel that {'finds' if sstc else 'does not find'} Sstc")


# ---- without a hypervisor ------------------------------------------------------------------------


def device_tree(ctx: Context, cpu: str) -> Path:
    """QEMU's own tree with no more devices than the guest has, but those that OpenSBI needs."""

    def tool(*command) -> str:
        return subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=True
        ).stdout

    tree = ctx.scratch / "native.dtb"
    machine = f"virt,dumpdtb={tree}"
    size = ("-m", f"{MEMORY // MB}M", "-smp", "1", "-display", "none", "-nodefaults")
    tool(f"qemu-system-{ctx.arch}", "-machine", machine, "-cpu", cpu, *size)
    for node in tool("fdtget", "-l", tree, "/soc").split():
        if node.split("@")[0] not in ("serial", "test", "clint"):
            tool("fdtput", "-r", tree, f"/soc/{node}")
    for node in tool("fdtget", "-l", tree, "/").split():
        if node.split("@")[0] in ("flash", "fw-cfg", "platform-bus", "pmu"):
            tool("fdtput", "-r", tree, f"/{node}")
    return tree


def run_native(ctx: Context, guest: linux_guest.LinuxGuest, cpu: str, kernel: Path, cmdline: str):
    command = [f"qemu-system-{ctx.arch}", "-machine", "virt", "-cpu", cpu, "-smp", "1"]
    command += ["-m", f"{MEMORY // MB}M", "-icount", "shift=0,sleep=off", "-no-reboot"]
    command += ["-display", "none", "-nodefaults", "-serial", "stdio"]
    command += ["-bios", guest.firmware, "-dtb", device_tree(ctx, cpu), "-kernel", kernel]
    command += ["-initrd", guest.initrd, "-append", cmdline]
    return run_command(ctx, command, TIMEOUT, VIRTUAL_TIMEOUT)


def timed_image(ctx: Context, kernel: Path) -> Path:
    """The kernel behind what says when it is entered: the same file for both ways to boot it."""
    image = ctx.scratch / "timed.bin"
    options = ("--target=riscv64-unknown-elf", "-mcmodel=medany", f"-DKERNEL={KERNEL_ADDRESS:#x}ul")
    options += (f"-Wl,-Ttext={ENTRY_ADDRESS:#x}", "-Wl,--oformat=binary")
    linux_guest.compile_freestanding(ENTRY_SOURCE, image, *options)
    with image.open("r+b") as out:
        out.seek(KERNEL_ADDRESS - ENTRY_ADDRESS)
        out.write(kernel.read_bytes())
    return image


def native(ctx: Context, guest: linux_guest.LinuxGuest, kind: str, image: Path) -> Times:
    timing = run_native(ctx, guest, CPUS[kind], image, f"{CMDLINE} {NATIVE} {TIMING}")
    expect_success(ctx, f"without hypervisor, {kind}", timing, kind == WITH_SSTC)
    return times(timing)


# ---- the tests -----------------------------------------------------------------------------------


def get_guest(ctx: Context) -> linux_guest.LinuxGuest:
    try:
        guest = linux_guest.fetch(say=ctx.say)
    except linux_guest.Unavailable as reason:
        raise Skip(f"Debian's kernel and busybox cannot be had: {reason}") from reason
    ctx.say(guest.version)
    return guest


@system_test(long=True)
def linux_native(ctx: Context) -> None:
    """The kernel and its init find no fault with the machine itself: the checks are right."""
    guest = get_guest(ctx)
    for kind, cpu in CPUS.items():
        result = run_native(ctx, guest, cpu, guest.image, f"{CMDLINE} {NATIVE}")
        expect_success(ctx, f"without hypervisor, {kind}", result, kind == WITH_SSTC)
        ctx.say(f"{kind}: {CLOSING.search(result.output)[2]} ({result.seconds:.0f} s)")


@system_test(long=True)
def linux(ctx: Context) -> None:
    """Linux as the guest, with and without Sstc: all its checks pass; time to init is compared."""
    guest = get_guest(ctx)
    timed = timed_image(ctx, guest.image)
    bounds = {"mem": MEMORY, "virtual_timeout": VIRTUAL_TIMEOUT, "timeout": TIMEOUT}
    rows = [("virtual seconds to init", "native", "guest", "more", "goal")]
    for kind, name in MANIFESTS.items():
        manifest = linux_guest.ROOT / "guest/manifests" / name
        given = {"initrd": guest.initrd, "manifest": manifest, **bounds}
        checked = run_guest(ctx, guest=guest.image, cmdline=CMDLINE, **given)
        expect_success(ctx, kind, checked, kind == WITH_SSTC)
        ctx.say(f"{kind}: {CLOSING.search(checked.output)[2]} ({checked.seconds:.0f} s)")
        timing = run_guest(ctx, guest=timed, cmdline=f"{CMDLINE} {TIMING}", **given)
        expect_success(ctx, kind, timing, kind == WITH_SSTC)
        plain, virtual = native(ctx, guest, kind, timed), times(timing)
        rows.append(row(f"{kind}, the kernel's clock", plain.clock, virtual.clock))
        rows.append(row(f"{kind}, from the kernel's entry", plain.whole, virtual.whole))
    for cells in rows:
        ctx.say(f"{cells[0]:40}" + "".join(f"{cell:>10}" for cell in cells[1:]))


def row(name: str, native_time: float, guest_time: float) -> tuple[str, ...]:
    more = (guest_time / native_time - 1) * 100
    verdict = "met" if more <= GOAL else "missed"
    return (name, f"{native_time:.4f}", f"{guest_time:.4f}", f"{more:+.1f} %", verdict)
