"""Our own guest in other forms, other memory, other VMs."""

import re

from exeunt_lib.paths import ROOT, SYSTEM_TESTS
from exeunt_lib.testing import Context, Result, run_guest, system_test

MB = 1 << 20
MANIFESTS = SYSTEM_TESTS / "manifests"
GUEST_LINES = (
    "gkernel, a guest of Exeunt",
    "arch = riscv64",
    "platform = riscv64-qemu-virt",
    "smp = 1",
    "boot: cpu 0",
    re.compile("^memory: [0-9]+ KiB at 0x80000000, nothing both writable and executable$"),
    re.compile("^pflash: [0-9]+ programs at 0x22000000$"),
    "Enter user space: entry=0x1000, ustack=VA:0x40000000",
    re.compile("handle_syscall .*"),
    "[SYS_EXIT]: process is exiting ..",
    "monolithic kernel exit [0] normally!",
)
CLEAN_END = ("Guest: SBI SRST shutdown", "Shutdown vm normally!", "Hypervisor ok!")


def boot_cleanly(ctx: Context, **boot) -> Result:
    result = run_guest(ctx, **boot)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    ctx.expect_lines(result.output, *GUEST_LINES, *CLEAN_END)
    return result


@system_test()
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


@system_test()
def gkernel_with_64_mb(ctx: Context) -> None:
    """--mem and --cmdline reach the guest."""
    result = boot_cleanly(ctx, mem=64 * MB, cmdline="a=setting hello")
    ctx.expect_lines(
        result.output,
        "Pre-allocating 64 MB guest RAM at 0x80000000...",
        "memory: 65536 KiB at 0x80000000",
        "hello, world",
    )


@system_test()
def gkernel_on_other_machines(ctx: Context) -> None:
    """Without Sstc, with a timer of its own, with memory that comes on demand."""
    boot_cleanly(ctx, cpu="rv64,sstc=off")
    boot_cleanly(ctx, manifest=MANIFESTS / "own-timer.dts")
    boot_cleanly(ctx, manifest=MANIFESTS / "on-demand.dts")


@system_test()
def gkernel_twice(ctx: Context) -> None:
    """Two VMs on one CPU: both come to their end, and each says on its lines which it is."""
    result = run_guest(ctx, manifest=ROOT / f"guest/manifests/two-vms-{ctx.arch}.dts")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    for vm in ("[a] ", "[b] "):
        own = [line.removeprefix(vm) for line in result.lines if line.startswith(vm)]
        ctx.expect_lines("\n".join(own), *GUEST_LINES)
    ended = [line for line in result.lines if line in CLEAN_END]
    ctx.expect(ended == [*CLEAN_END[:2], *CLEAN_END], f"two clean ends, not {ended}")
