"""Boards with a GICv2: the same tests as with a GICv3, by a manifest and nothing else."""

from exeunt_lib.testing import Context, run_guest, system_test

ARCH = ("aarch64",)
MACHINE = ["-machine", "gic-version=2"]
GUEST = "guest/interrupts.bin"
CHECKS = 174  # of one round
UNMOVED = 2  # that are left out where a pending interrupt does not follow its targets


@system_test(builds=ARCH)
def gicv2_bare(ctx: Context) -> None:
    """What the guest expects is what QEMU's own GICv2 does: it is right when it complains."""
    machine = {"bare": True, "qemu_args": ["-smp", "2", *MACHINE], "cmdline": "unmoved=1"}
    result = run_guest(ctx, guest=ctx.out / GUEST, **machine)
    ctx.expect_lines(result.output, f"interrupts: {CHECKS - UNMOVED} checks passed")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
