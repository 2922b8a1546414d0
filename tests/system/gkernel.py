"""Our own guest in other forms, other memory, other VMs."""

import re

from exeunt_lib.paths import ARCHES, ROOT
from exeunt_lib.testing import Context, Result, run_guest, system_test

MB = 1 << 20


def guest_lines(ctx: Context) -> tuple[str | re.Pattern, ...]:
    ram, flash = ctx.board.ram, ctx.board.flash
    return (
        "gkernel, a guest of Exeunt",
        *ctx.board.guest_lines(ctx.arch),
        "boot: cpu 0",
        re.compile(f"^memory: [0-9]+ KiB at {ram:#x}, nothing both writable and executable$"),
        re.compile(f"^pflash: [0-9]+ programs at {flash:#x}$"),
        "Enter user space: entry=0x1000, ustack=VA:0x40000000",
        re.compile("handle_syscall .*"),
        "[SYS_EXIT]: process is exiting ..",
        "monolithic kernel exit [0] normally!",
    )


def boot_cleanly(ctx: Context, **boot) -> Result:
    result = run_guest(ctx, **boot)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    ctx.expect_lines(result.output, *guest_lines(ctx), *ctx.board.clean_end)
    return result


@system_test(arches=ARCHES)
def gkernel_as_elf(ctx: Context) -> None:
    """An ELF file and a flat binary of one kernel boot to the same transcript."""

    def transcript(form: str) -> list[str]:
        guest = ctx.out / f"guest/gkernel.{form}"
        lines = boot_cleanly(ctx, guest=guest).lines
        loaded = f"Loaded {guest.stat().st_size} bytes from /sbin/gkernel"
        ctx.expect(loaded in lines, f"{form}: a line {loaded!r}")
        lines.remove(loaded)
        return lines[lines.index("Starting virtualization...") :]

    flat, elf = transcript("bin"), transcript("elf")
    ctx.expect(flat == elf, "the same lines:\n" + "\n".join(flat) + "\nnot:\n" + "\n".join(elf))


@system_test(arches=ARCHES)
def gkernel_with_64_mb(ctx: Context) -> None:
    """--mem and --cmdline reach the guest."""
    result = boot_cleanly(ctx, mem=64 * MB, cmdline="a=setting hello")
    ctx.expect_lines(
        result.output,
        f"Pre-allocating 64 MB guest RAM at {ctx.board.ram:#x}...",
        f"memory: 65536 KiB at {ctx.board.ram:#x}",
        "hello, world",
    )


@system_test(arches=ARCHES)
def gkernel_on_other_machines(ctx: Context) -> None:
    """Other CPUs (on riscv64 one without Sstc), a timer of its own, memory on demand."""
    for cpu in ctx.board.cpus:
        boot_cleanly(ctx, cpu=cpu)
    if ctx.arch == "riscv64":  # elsewhere it always has one
        boot_cleanly(ctx, manifest=ctx.manifest("own-timer"))
    boot_cleanly(ctx, manifest=ctx.manifest("on-demand"))


@system_test(arches=ARCHES)
def gkernel_twice(ctx: Context) -> None:
    """Two VMs on one CPU: both come to their end, and each says on its lines which it is."""
    result = run_guest(ctx, manifest=ROOT / f"guest/manifests/two-vms-{ctx.arch}.dts")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    for vm in ("[a] ", "[b] "):
        own = [line.removeprefix(vm) for line in result.lines if line.startswith(vm)]
        ctx.expect_lines("\n".join(own), *guest_lines(ctx))
    end = ctx.board.clean_end
    ended = [line for line in result.lines if line in end]
    ctx.expect(ended == [*end[:2], *end], f"two clean ends, not {ended}")
