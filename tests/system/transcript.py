"""The whole path: the hypervisor boots gkernel from the disk, and everybody leaves cleanly."""

import re

from exeunt_lib.boards import MB
from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import Context, run_guest, system_test


def lines(ctx: Context) -> tuple[str | re.Pattern, ...]:
    """As the issues say it, in this order."""
    return (
        "every exit is a call",  # the last line of the hypervisor's logo
        "Starting virtualization...",
        f"Pre-allocating {ctx.board.memory // MB} MB guest RAM at {ctx.board.ram:#x}...",
        "VM created success, loading images...",
        "app: /sbin/gkernel",
        re.compile(r"Loaded \d+ bytes from /sbin/gkernel"),
        "Entering VM run loop...",
        "gkernel, a guest of Exeunt",  # the last line of the guest's logo
        *ctx.board.guest_lines(ctx.arch),
        "Enter user space: entry=0x1000, ustack=VA:0x40000000",
        re.compile(r"handle_syscall .*"),
        "[SYS_EXIT]: process is exiting ..",
        "monolithic kernel exit [0] normally!",
        *ctx.board.clean_end,
    )


@system_test(arches=ARCHES)
def transcript(ctx: Context) -> None:
    """The lines of the default run come in order and the status is 0."""
    result = run_guest(ctx)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    ctx.expect_lines(result.output, *lines(ctx))
