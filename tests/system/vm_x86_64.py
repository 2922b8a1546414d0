"""x86_64's guests under the hypervisor: ours, one that tries its local APIC, one that trespasses."""

import re

import pflash
from exeunt_lib.testing import Context, run_guest, system_test
from exeunt_lib.transcript import difference, expected_text

ARCH = "x86_64"
PROGRAMS = "init hello spin fork sleep fp fault threads"
CLEAN_END = ("Guest: VMMCALL SYSTEM_OFF", "Shutdown vm normally!", "Hypervisor ok!")

# Refused as on a CPU that does not have it, and how many checks that were.
REFUSED = {"virtualization": 11, "registers": 6, "calls": 10}
# What a guest must not do ends it, with a line that says what it was.
ENDED = {
    "power": "VM vm0: write at port 0x604 refused, pc 0x",
    "port-string": "VM vm0: write at port 0x1234 refused, pc 0x",
    "no-memory": "VM vm0: write at guest address 0xe0000000 refused, pc 0x",
    "triple-fault": "VM vm0: its CPU can't go on at pc 0x",
    "nonsense-tables": "VM vm0: its CPU can't go on at pc 0x",
    "nonsense-root": "VM vm0: page-table walk at guest address 0x7ffffff000 refused, pc 0x",
}


def alike(text: str) -> str:
    """Without where memory is: on a PC there is a hole in it."""
    return re.sub(r"^memory: .*", "memory", text, flags=re.MULTILINE)


@system_test(builds=(ARCH,))
def gkernel_x86_64(ctx: Context) -> None:
    """All programs print what they do on the bare machine."""
    result = run_guest(ctx, cmdline=PROGRAMS)
    ctx.expect_lines(result.output, *CLEAN_END)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    bare = run_guest(ctx, cmdline=PROGRAMS, bare=True)
    differs = difference(alike(expected_text(bare.output)), alike(expected_text(result.output)))
    ctx.expect(not differs, f"what the bare machine prints: {differs}")


@system_test(builds=(ARCH,))
def odd_instructions_x86_64(ctx: Context) -> None:
    """Privileged and odd instructions of programs end as on the bare machine."""
    image = ctx.scratch / "pflash.img"
    names = ("odd", "privileged", "hello")
    files = {name: (ctx.out / f"programs/{name}.elf").read_bytes() for name in names}
    pflash.write(image, files, ARCH)
    result = run_guest(ctx, pflash=image, cmdline=" ".join(names))
    for name in names:
        ctx.expect_lines(result.output, re.compile(f"^{name}: .*: ok$"))
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(builds=(ARCH,))
def lapic_conformance(ctx: Context) -> None:
    """The local APIC that a server plays does what QEMU's own does."""
    result = run_guest(ctx, guest=ctx.out / "guest/lapic.bin")
    ctx.expect_lines(result.output, re.compile(r"^lapic: \d+ checks passed$"), *CLEAN_END)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(builds=(ARCH,))
def trespass_is_refused(ctx: Context) -> None:
    """Instructions of virtualization, registers of nobody, calls that there are not."""
    for case, checks in REFUSED.items():
        result = run_guest(ctx, guest=ctx.out / "guest/trespass.bin", cmdline=f"case={case}")
        ctx.expect_lines(result.output, f"trespass: {checks} checks passed", *CLEAN_END)
        ctx.expect(result.status == 0, f"{case}: status 0, not {result.status}")


@system_test(builds=(ARCH,))
def trespass_ends_the_guest(ctx: Context) -> None:
    """The machine's power, ports and memory of nobody, a CPU that can't go on: each is told."""
    for case, told in ENDED.items():
        result = run_guest(ctx, guest=ctx.out / "guest/trespass.bin", cmdline=f"case={case}")
        ctx.expect_lines(result.output, f"trespass: {case}", re.compile("^" + re.escape(told)))
        ctx.expect_lines(result.output, "VM vm0: stopped", "Hypervisor: 1 of 1 VMs failed")
        ctx.expect(result.status == 1, f"{case}: status 1, not {result.status}")
