"""Lines that guests do not end: waited for, but neither lost nor kept back for good."""

from exeunt_lib.paths import ARCHES
from exeunt_lib.qemu import STATUS_TIMEOUT
from exeunt_lib.testing import Context, run_guest, system_test

LINE = "a line without an end> "
# Virtual seconds: booting takes some milliseconds, the line is waited for for 50, and looked at once
# in 10.
SHOWN_WITHIN = 0.2


@system_test(arches=ARCHES)
def prompt_is_shown(ctx: Context) -> None:
    """Soon, though the guest never leaves for anything again."""
    guest = ctx.out / "guest/unfinished.bin"
    result = run_guest(ctx, guest=guest, virtual_timeout=SHOWN_WITHIN)
    ctx.expect(result.status == STATUS_TIMEOUT, f"{STATUS_TIMEOUT}, not {result.status}")
    ctx.expect_lines(result.output, LINE)


@system_test(arches=ARCHES)
def unfinished_line_is_shown_at_the_end(ctx: Context) -> None:
    """Of a guest that is stopped in the middle of it, and of one that ends."""
    guest = ctx.out / "guest/unfinished.bin"
    for case, status in (("die", 1), ("off", 0)):
        result = run_guest(ctx, guest=guest, cmdline=f"case={case}")
        ctx.expect(result.status == status, f"case={case}: status {status}, not {result.status}")
        found = result.output.count(LINE)
        ctx.expect(found == 1, f"case={case}: the line once, not {found} times")
