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
    manifest = ROOT / f"guest/manifests/two-vms-{ctx.arch}.dts"
    expect_each(ctx, "ab", run_guest(ctx, manifest=manifest))


def expect_each(ctx: Context, vms: str, result: Result) -> None:
    """These VMs' own lines, whole, and as many clean ends."""
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    for vm in vms:
        mark = f"[{vm}] "
        own = [line.removeprefix(mark) for line in result.lines if line.startswith(mark)]
        ctx.expect_lines("\n".join(own), *guest_lines(ctx))
    end = ctx.board.clean_end
    ended = [line for line in result.lines if line in end]
    expected = [*end[:2] * (len(vms) - 1), *end]
    ctx.expect(ended == expected, f"{len(vms)} clean ends, not {ended}")


# Of the four VMs together; ipc/limits.h.
VCPUS = {"riscv64": 48, "aarch64": 48, "x86_64": 16}
DEVICES = 16
# By what a VM has one device more, and how many each has without it.
CLOCK = {"riscv64": "google,goldfish-rtc", "aarch64": "arm,pl031", "x86_64": "google,goldfish-rtc"}
OWN_DEVICES = {"riscv64": 1, "aarch64": 3, "x86_64": 1}
EMULATES = {"x86_64": 'emulates = "intel,xapic", "google,goldfish-rtc";'}  # not there by itself


def clock(arch: str, at: int) -> str:
    return (
        f"clock@{at:x} {{ compatible = \"{CLOCK[arch]}\";"
        f' reg = <0 {at:#x} 0 0x1000>; server = "npf-pager"; }};'
    )


@system_test(arches=ARCHES)
def gkernel_four_times(ctx: Context) -> None:
    """As many VMs, vCPUs and emulated devices as manifests can have fit the servers, too."""
    arch, vms = ctx.arch, "abcd"
    more = DEVICES - len(vms) * OWN_DEVICES[arch]
    of_first = min(more, 8 - OWN_DEVICES[arch])
    clocks = {"a": of_first, "d": more - of_first}
    new = [
        f'{name} {{ id = <{ord(name)}>;\n/include/ "gkernel-{arch}.dtsi"\n }};' for name in vms[2:]
    ]
    full = []
    for name in vms:
        added = [clock(arch, 0x70000000 + i * 0x1000) for i in range(clocks.get(name, 0))]
        full.append(
            f"{name} {{ vcpus = <{VCPUS[arch] // len(vms)}>; devices {{ {' '.join(added)} }}; }};"
        )
    manifest = ctx.scratch / "four.dts"
    manifest.write_text(
        f'/dts-v1/;\n/include/ "two-vms-{arch}.dts"\n'
        f"/ {{ vms {{ {' '.join(new)} }}; }};\n"
        f"/ {{ servers {{ npf-pager {{ {EMULATES.get(arch, '')} }}; }}; vms {{ {' '.join(full)} }}; }};\n"
    )
    expect_each(ctx, vms, run_guest(ctx, manifest=manifest))
