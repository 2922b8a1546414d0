"""Our guest on a bare PC: kernel and programs print what they do on riscv64's bare machine.

What differs is what machines differ in: names, addresses, numbers of system calls, where in a
program's code something happens, and figures of time.
"""

import re
from dataclasses import replace

from exeunt_lib.paths import out_dir
from exeunt_lib.testing import Context, run_guest, system_test
from exeunt_lib.transcript import difference, expected_text

MB = 1 << 20
ARCH = "x86_64"
PROGRAMS = "init hello spin fork sleep fp fault threads"
SEGV, ILL = 11, 4

MACHINE = (
    "gkernel, a guest of Exeunt",
    "arch = x86_64",
    "platform = x86-pc",
    "smp = 1",
    "boot: cpu 0",
    re.compile(r"^memory: \d+ KiB at 0x100000, nothing both writable and executable$"),
    re.compile(r"^pflash: \d+ programs at 0xffc00000$"),
    "Enter user space: entry=0x1000, ustack=VA:0x40000000",
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


@system_test(builds=("riscv64", ARCH))
def bare_x86_64(ctx: Context) -> None:
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


@system_test(builds=(ARCH,))
def bare_x86_64_machines(ctx: Context) -> None:
    """CPUs without SMAP, SMEP and 1 GiB pages and with all that QEMU has, more memory; and time that
    is the host's, whose clocks gkernel must measure against each other. QEMU 10's x2APIC ends QEMU
    where instructions are counted ("Bad icount read")."""
    timeless = "hello fork sleep fault"
    for programs, machine in (
        (PROGRAMS, {"cpu": "Opteron_G1,check=off"}),
        (PROGRAMS, {"cpu": "max,x2apic=off", "mem": 256 * MB}),
        (timeless, {"icount": False}),
    ):
        text = run(ctx, programs, 0, **machine)
        for name in programs.replace("init ", "").split():
            ctx.expect_lines(text, re.compile(f"^{name}: .*: ok$"))


@system_test(builds=(ARCH,))
def lapic_conformance_bare(ctx: Context) -> None:
    """QEMU's own local APIC is what the guest says that one must be: it is right about others."""
    result = run_guest(ctx, bare=True, guest=ctx.out / "guest/lapic.bin", cmdline="case=pc")
    ctx.expect_lines(result.output, re.compile(r"^lapic: \d+ checks passed$"))
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
