"""The whole path: the hypervisor boots gkernel from the disk, and everybody leaves cleanly."""

import re

from exeunt_lib.testing import Context, run_guest, system_test

# As the issue says it, in this order.
LINES = (
    "every exit is a call",  # the last line of the hypervisor's logo
    "Starting virtualization...",
    "Pre-allocating 16 MB guest RAM at 0x80000000...",
    "VM created success, loading images...",
    "app: /sbin/gkernel",
    re.compile(r"Loaded \d+ bytes from /sbin/gkernel"),
    "Entering VM run loop...",
    "gkernel, a guest of Exeunt",  # the last line of the guest's logo
    "arch = riscv64",
    "platform = riscv64-qemu-virt",
    "smp = 1",
    "Enter user space: entry=0x1000, ustack=VA:0x40000000",
    re.compile(r"handle_syscall .*"),
    "[SYS_EXIT]: process is exiting ..",
    "monolithic kernel exit [0] normally!",
    "Guest: SBI SRST shutdown",
    "Shutdown vm normally!",
    "Hypervisor ok!",
)


@system_test()
def transcript(ctx: Context) -> None:
    """The lines of the default run come in order and the status is 0."""
    result = run_guest(ctx)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    ctx.expect_lines(result.output, *LINES)
