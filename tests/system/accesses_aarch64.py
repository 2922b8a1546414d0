"""A guest's loads and stores of device registers, by every instruction there is for them."""

import re
import struct

from exeunt_lib.testing import Context, run_guest, system_test

ARCH = ("aarch64",)
GUEST = "guest/accesses.bin"
PASSED = "accesses: 149 checks passed"

DISTRIBUTOR = 0x8000000
LAST_WORD = 0x800FFFC
MOV_X0 = {
    DISTRIBUTOR: (0xD2A10000,),  # mov x0, #0x8000000
    LAST_WORD: (0xD2A10000, 0xF29FFF80),  # movk x0, #0xfffc
}
MOV_SP_X0 = 0x9100001F
THREE = "one that changes three registers, or one by SP that changes it or is a pair's"
# An answer changes two registers, the stack pointer is none, and what hardware does at once can't be
# done by a server. What is refused, where, and the instructions.
REFUSED = {
    "ldp w1, w2, [x0], #8": (THREE, DISTRIBUTOR, 0x28C10801),
    "ldp w1, w2, [sp]": (THREE, DISTRIBUTOR, MOV_SP_X0, 0x29400BE1),
    "ldr w1, [sp], #4": (THREE, DISTRIBUTOR, MOV_SP_X0, 0xB84047E1),
    "stp w1, w2, [x0]": ("a pair's whose second half is elsewhere", LAST_WORD, 0x29000801),
    "ldxr w1, [x0]": ("an exclusive load or store", DISTRIBUTOR, 0x885F7C01),
    "ldadd w1, w2, [x0]": ("an atomic memory operation", DISTRIBUTOR, 0xB8210002),
}
ENTRY = 0x40200000


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
    for text, (what, address, *code) in REFUSED.items():
        code = [*MOV_X0[address], *code]
        guest = ctx.scratch / "refused.bin"
        guest.write_bytes(struct.pack(f"<{len(code)}I", *code))
        result = run_guest(ctx, guest=guest)
        ctx.say(text)
        ctx.expect_lines(
            result.output,
            re.compile(f"^VM vm0: .* at {address:#x}, can't be decoded: use plain loads and stores"),
            "VM vm0: stopped",
        )
        pc = ENTRY + 4 * len(code) - 4
        ctx.expect_lines(
            result.output,
            f"VM 0: the instruction at {pc:#x} touches the registers of gic-v3 at {address:#x}, "
            f"but is {what}",
        )
        ctx.expect(result.status == 1, f"{text}: status 1, not {result.status}")
