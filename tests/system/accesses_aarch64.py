"""A guest's loads and stores of device registers, by every instruction there is for them."""

import re
import struct

from exeunt_lib.testing import Context, run_guest, system_test

ARCH = ("aarch64",)
GUEST = "guest/accesses.bin"
PASSED = "accesses: 58 checks passed"

MOV_X0_DISTRIBUTOR = 0xD2A10000  # mov x0, #0x8000000
PAIR = "one that changes two registers, or a pair's"
# An answer changes one register, and is about one access; and what hardware does at once can't be
# done by a server.
REFUSED = {
    "ldr w1, [x0], #4": (0xB8404401, PAIR),
    "ldr w1, [x0, #0]!": (0xB8400C01, PAIR),
    "ldp w1, w2, [x0]": (0x29400801, PAIR),
    "stp w1, w2, [x0]": (0x29000801, PAIR),
    "ldxr w1, [x0]": (0x885F7C01, "an exclusive load or store"),
    "ldadd w1, w2, [x0]": (0xB8210002, "an atomic memory operation"),
}


@system_test(arches=ARCH)
def accesses_bare(ctx: Context) -> None:
    """What the guest expects is what QEMU's own GICv3 does."""
    result = run_guest(ctx, guest=ctx.out / GUEST, bare=True)
    ctx.expect_lines(result.output, PASSED)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=ARCH)
def accesses_aarch64(ctx: Context) -> None:
    """Under the hypervisor every check holds."""
    result = run_guest(ctx, guest=ctx.out / GUEST)
    ctx.expect_lines(result.output, PASSED, "Hypervisor ok!")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=ARCH)
def accesses_refused_aarch64(ctx: Context) -> None:
    """What can't be emulated ends the VM with a report of what it was."""
    for text, (instruction, what) in REFUSED.items():
        guest = ctx.scratch / "refused.bin"
        guest.write_bytes(struct.pack("<2I", MOV_X0_DISTRIBUTOR, instruction))
        result = run_guest(ctx, guest=guest)
        ctx.say(text)
        ctx.expect_lines(
            result.output,
            re.compile(r"^VM vm0: .* at 0x8000000, can't be decoded: use plain loads and stores"),
            "VM vm0: stopped",
        )
        ctx.expect_lines(
            result.output,
            "VM 0: the instruction at 0x40200004 touches the registers of gic-v3 at 0x8000000, "
            f"but is {what}",
        )
        ctx.expect(result.status == 1, f"{text}: status 1, not {result.status}")
