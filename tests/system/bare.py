"""Our guest on bare machines: kernel and programs print what they do on riscv64's.

What differs is what machines differ in: names, addresses, numbers of system calls, where in a
program's code something happens, and figures of time.
"""

import re
import subprocess
from dataclasses import dataclass, replace

from exeunt_lib.boards import BOARDS, MB
from exeunt_lib.paths import out_dir
from exeunt_lib.testing import Context, run_guest, system_test
from exeunt_lib.transcript import difference, expected_text

PROGRAMS = "init hello spin fork sleep fp fault threads"
SEGV, ILL = 11, 4


@dataclass(frozen=True)
class Bare:
    """memory: how the kernel's line about it begins. machines: others that must not show: Boot's
    fields, and the programs where not all can be run."""

    memory: str
    machines: tuple[tuple[dict, str], ...]


MACHINES = {
    # Older and newer CPUs, more memory, a machine that starts its kernels at EL2, where PSCI is called
    # by another instruction, and one with a GICv2.
    "aarch64": Bare(
        "memory: 16384 KiB at 0x40000000",
        (
            ({"cpu": "cortex-a53"}, PROGRAMS),
            ({"cpu": "cortex-a76", "mem": 64 * MB}, PROGRAMS),
            ({"cpu": "max", "qemu_args": ["-machine", "virtualization=on"]}, PROGRAMS),
            ({"cpu": "cortex-a72", "qemu_args": ["-machine", "virtualization=on"]}, PROGRAMS),
            ({"qemu_args": ["-machine", "gic-version=2"]}, PROGRAMS),
        ),
    ),
    # CPUs without SMAP, SMEP and 1 GiB pages and with all that QEMU has, more memory; and time that
    # is the host's, whose clocks gkernel must measure against each other. QEMU 10's x2APIC ends QEMU
    # where instructions are counted ("Bad icount read").
    "x86_64": Bare(
        "memory: [0-9]+ KiB at 0x100000",
        (
            ({"cpu": "Opteron_G1,check=off"}, PROGRAMS),
            ({"cpu": "max,x2apic=off", "mem": 256 * MB}, PROGRAMS),
            ({"icount": False}, "hello fork sleep fault"),
        ),
    ),
}


def machine_lines(arch: str) -> tuple[str | re.Pattern, ...]:
    """What the kernel says about the machine."""
    board = BOARDS[arch]
    return (
        "gkernel, a guest of Exeunt",
        *board.guest_lines(arch),
        "boot: cpu 0",
        re.compile(f"^{MACHINES[arch].memory}, nothing both writable and executable$"),
        re.compile(f"^pflash: [0-9]+ programs at {board.flash:#x}$"),
    )


def alike(text: str) -> str:
    """A transcript without what machines differ in."""
    text = re.sub(r"^(arch|platform|memory) *[=:] .*", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"^(syscall: \w+) \(\d+\)", r"\1", text, flags=re.MULTILINE)
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def run(ctx: Context, programs: str, code: int, **boot) -> str:
    """What the guest prints on the bare machine; it must end with that exit code."""
    result = run_guest(ctx, cmdline=programs, bare=True, **boot)
    ctx.expect(result.status == int(code != 0), f"{programs}: code {code}, not {result.status}")
    text = expected_text(result.output)
    last = f"monolithic kernel exit [{code}] {'abnormally' if code else 'normally'}!\n"
    ctx.expect(text.endswith(last), f"{last!r} at the end, not {text[-100:]!r}")
    return text


def as_on_riscv64(arch: str) -> None:
    @system_test(name=f"bare-{arch}", builds=("riscv64", arch))
    def bare(ctx: Context) -> None:
        """The transcript is riscv64's, program by program, and so are the ends."""
        other = replace(ctx, arch="riscv64", out=out_dir("riscv64"))
        for programs, code in (
            (PROGRAMS, 0),
            ("fault,kernel-write hello fault,illegal", 128 + SEGV),
            ("nobody", 127),
        ):
            found = run(ctx, programs, code)
            ctx.expect_lines(found, *machine_lines(ctx.arch))
            wanted = alike(run(other, programs, code))
            differs = difference(wanted, alike(found))
            ctx.expect(not differs, f"{programs}: what riscv64 prints: {differs}")


for _arch in MACHINES:
    as_on_riscv64(_arch)


@system_test(arches=tuple(MACHINES))
def bare_machines(ctx: Context) -> None:
    for machine, programs in MACHINES[ctx.arch].machines:
        text = run(ctx, programs, 0, **machine)
        if "mem" in machine and ctx.board.ram:  # a PC's firmware keeps some
            ctx.expect_lines(text, f"memory: {machine['mem'] >> 10} KiB at {ctx.board.ram:#x}")
        for name in programs.replace("init ", "").split():
            ctx.expect_lines(text, re.compile(f"^{name}: .*: ok$"))


@system_test(arches=("aarch64",))
def bare_aarch64_without_gic(ctx: Context) -> None:
    """A machine without an interrupt controller is refused in words."""
    tree = ctx.scratch / "no-gic.dtb"
    dump = ("qemu-system-aarch64", "-machine", f"virt,gic-version=3,dumpdtb={tree}", "-m", "16M")
    subprocess.run([*dump, "-display", "none"], check=True, capture_output=True)
    subprocess.run(["fdtput", "-r", tree, "/intc@8000000"], check=True)
    result = run_guest(ctx, bare=True, qemu_args=["-dtb", str(tree)])
    message = "panic: the device tree has no GICv3 and no GICv2"
    ctx.expect_lines(result.output, "arch = aarch64", message)
    ctx.expect(result.status == 1, f"status 1, not {result.status}")


@system_test(arches=("aarch64",))
def psci_conformance_bare(ctx: Context) -> None:
    """QEMU's own PSCI, by HVC and by SMC, is what the conformance guest says PSCI must be: a guest
    that complains about others is right."""
    guest = ctx.out / "guest/psci_conformance.bin"
    for machine in ({}, {"cpu": "max", "qemu_args": ["-machine", "virtualization=on"]}):
        result = run_guest(ctx, bare=True, guest=guest, **machine)
        ctx.expect_lines(result.output, "psci_conformance: 30 checks passed")
        ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=("aarch64",))
def multi_cpu_bare(ctx: Context) -> None:
    """A second CPU's lives, as QEMU's own PSCI gives them: what the guest expects is right."""
    guest = ctx.out / "guest/multi_cpu.bin"
    result = run_guest(ctx, bare=True, guest=guest, qemu_args=["-smp", "2"])
    ctx.expect_lines(result.output, "multi_cpu: 60 checks passed")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=("x86_64",))
def lapic_conformance_bare(ctx: Context) -> None:
    """QEMU's own local APIC is what the guest says that one must be: it is right about others."""
    result = run_guest(ctx, bare=True, guest=ctx.out / "guest/lapic.bin", cmdline="case=pc")
    ctx.expect_lines(result.output, re.compile(r"^lapic: \d+ checks passed$"))
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
