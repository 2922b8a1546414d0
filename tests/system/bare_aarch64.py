"""Our guest on aarch64's bare machine: kernel and programs print what they do on riscv64's.

What differs is what machines differ in: names, addresses, where in a program's code something
happens, and figures of time.
"""

import re
import subprocess
from dataclasses import replace

from exeunt_lib.paths import out_dir
from exeunt_lib.testing import Context, run_guest, system_test
from exeunt_lib.transcript import difference, expected_text

MB = 1 << 20
ARCH = "aarch64"
PROGRAMS = "init hello spin fork sleep fp fault threads"
SEGV, ILL = 11, 4

# What the kernel says about the machine, and what a VM of the hypervisor will say too.
MACHINE = (
    "gkernel, a guest of Exeunt",
    "arch = aarch64",
    "platform = aarch64-qemu-virt",
    "smp = 1",
    "boot: cpu 0",
    "memory: 16384 KiB at 0x40000000, nothing both writable and executable",
    re.compile(r"^pflash: \d+ programs at 0x4000000$"),
    "Enter user space: entry=0x1000, ustack=VA:0x40000000",
)


def alike(text: str) -> str:
    """A transcript without what machines differ in."""
    text = re.sub(r"^(arch|platform) = .*", r"\1 = ", text, flags=re.MULTILINE)
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def run(ctx: Context, programs: str, code: int, **boot) -> str:
    """What the guest prints on the bare machine; it must end with that exit code."""
    result = run_guest(ctx, cmdline=programs, bare=True, **boot)
    ctx.expect(result.status == int(code != 0), f"{programs}: code {code}, not {result.status}")
    text = expected_text(result.output)
    last = f"monolithic kernel exit [{code}] {'abnormally' if code else 'normally'}!\n"
    ctx.expect(text.endswith(last), f"{last!r} at the end, not {text[-100:]!r}")
    return text


@system_test(builds=("riscv64", ARCH))
def bare_aarch64(ctx: Context) -> None:
    """The transcript is riscv64's, program by program, and so are the ends."""
    other = replace(ctx, arch="riscv64", out=out_dir("riscv64"))
    for programs, code in (
        ("", 0),
        (PROGRAMS, 0),
        ("fault,kernel-write hello fault,illegal", 128 + SEGV),
        ("fault,illegal", 128 + ILL),
        ("nobody", 127),
    ):
        found = run(ctx, programs, code)
        ctx.expect_lines(found, *MACHINE[: -1 if programs == "nobody" else None])
        wanted = alike(run(other, programs, code))
        differs = difference(wanted, alike(found))
        ctx.expect(not differs, f"{programs}: what riscv64 prints: {differs}")


@system_test(arches=(ARCH,))
def bare_aarch64_machines(ctx: Context) -> None:
    """Older and newer CPUs, more memory, a machine that starts its kernels at EL2, where PSCI is
    called by another instruction, and one with a GICv2."""
    for machine in (
        {"cpu": "cortex-a53"},
        {"cpu": "cortex-a76", "mem": 64 * MB},
        {"cpu": "max", "qemu_args": ["-machine", "virtualization=on"]},
        {"cpu": "cortex-a72", "qemu_args": ["-machine", "virtualization=on"]},
        {"qemu_args": ["-machine", "gic-version=2"]},
    ):
        text = run(ctx, PROGRAMS, 0, **machine)
        memory = machine.get("mem", 16 * MB) >> 10
        ctx.expect_lines(text, f"memory: {memory} KiB at 0x40000000")
        for name in PROGRAMS.split()[1:]:
            ctx.expect_lines(text, re.compile(f"^{name}: .*: ok$"))


@system_test(arches=(ARCH,))
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


@system_test(arches=(ARCH,))
def psci_conformance_bare(ctx: Context) -> None:
    """QEMU's own PSCI, by HVC and by SMC, is what the conformance guest says PSCI must be: a guest
    that complains about others is right."""
    guest = ctx.out / "guest/psci_conformance.bin"
    for machine in ({}, {"cpu": "max", "qemu_args": ["-machine", "virtualization=on"]}):
        result = run_guest(ctx, bare=True, guest=guest, **machine)
        ctx.expect_lines(result.output, "psci_conformance: 30 checks passed")
        ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=(ARCH,))
def multi_cpu_bare(ctx: Context) -> None:
    """A second CPU's lives, as QEMU's own PSCI gives them: what the guest expects is right."""
    guest = ctx.out / "guest/multi_cpu.bin"
    result = run_guest(ctx, bare=True, guest=guest, qemu_args=["-smp", "2"])
    ctx.expect_lines(result.output, "multi_cpu: 60 checks passed")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
