"""x86_64: the hypervisor as a PC starts it, from a CD by GRUB (Multiboot2), and the machine's end."""

import platform
from pathlib import Path

from exeunt_lib.boot import Boot, boot_command, judge
from exeunt_lib.builder import build
from exeunt_lib.qemu import Result
from exeunt_lib.testing import Context, Failure, Skip, run_command, run_guest, system_test

import iso

ARCH = "x86_64"
FAILED = 1  # isa-debug-exit's status
SECONDS = 20  # of the machine's own time: the firmware and GRUB take some of it
UEFI = "/usr/share/qemu/OVMF.fd"
SIZE_AT = 24  # of struct bundle_header (ipc/bundle.h): the bundle's size
POWERED_OFF = 0  # QEMU's status


def need_grub() -> None:
    """There is no CD where there is no GRUB for PCs; on a PC its absence is a fault."""
    try:
        iso.check_tools()
    except iso.IsoError as error:
        if platform.machine() in ("x86_64", "i686"):
            raise Failure(str(error)) from error
        raise Skip(str(error)) from error


def boot_cd(ctx: Context, cd: Path, memory: str = "64M") -> Result:
    """QEMU's PC with this CD and no disk. The statuses are its own device's. Instructions are not
    counted: that would make it several times as long, and nothing here depends on time. So the wall's
    bounds it: the machine's own is no other."""
    return run_command(
        ctx,
        [
            *("qemu-system-x86_64", "-machine", "q35", "-cpu", "EPYC,check=off", "-m", memory),
            *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
            *("-device", "isa-debug-exit", "-cdrom", cd, "-boot", "d"),
        ],
    )


def larger(image: bytes) -> bytes:
    """A bundle that needs more memory than a machine has which GRUB itself still starts on."""
    size = len(image) + (2 << 20)
    header = image[:SIZE_AT] + size.to_bytes(8, "little") + image[SIZE_AT + 8 :]
    return header.ljust(size, b"\0")


def made(ctx: Context, name: str, image: bytes | None) -> Path:
    """A CD with this as the boot bundle."""
    cd, bundle_image = Path(ctx.scratch) / f"{name}.iso", None
    if image is not None:
        bundle_image = Path(ctx.scratch) / f"{name}.img"
        bundle_image.write_bytes(image)
    iso.make_iso(cd, ctx.out / "exeunt.elf", bundle_image)
    return cd


@system_test(builds=(ARCH,))
def x86_64_boots_by_grub(ctx: Context) -> None:
    """The same image that QEMU's -kernel takes; the bundle is a module."""
    need_grub()
    result = run_guest(ctx, grub=True, cmdline="hello", virtual_timeout=SECONDS)
    ctx.expect_lines(
        result.output,
        "Booting `Exeunt'",
        "every exit is a call",
        "Enter user space: ",
        "hello: ",
        "Shutdown vm normally!",
        "Hypervisor ok!",
    )
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(builds=(ARCH,))
def x86_64_boots_by_uefi(ctx: Context) -> None:
    """The same CD where UEFI is the firmware, which keeps memory of its own. It is in the place of
    our guest's flash: so it is another guest. Counting instructions would make it ten times as long:
    the wall's time bounds it."""
    need_grub()
    boot = Boot(arch=ARCH, grub=True, guest=ctx.out / "guest/control.bin")
    with_flash = boot_command(boot, ctx.out, Path(ctx.scratch))
    command = ["qemu-system-x86_64", "-bios", UEFI]
    for option, value in zip(with_flash[1::2], with_flash[2::2]):
        command += [] if "if=pflash" in value else [option, value]
    result = run_command(ctx, command)
    ctx.expect_lines(result.output, "every exit is a call", "Hypervisor ok!")
    ctx.expect(judge(boot, result).status == 0, f"a clean end, not {result.status}")


@system_test(builds=(ARCH,))
def x86_64_cd_is_the_same_each_time(ctx: Context) -> None:
    """Two images of the same content differ in no byte from the built one."""
    need_grub()
    build(ARCH, "exeunt.iso")
    again = made(ctx, "again", (ctx.out / "bundle.img").read_bytes())
    built = (ctx.out / "exeunt.iso").read_bytes()
    ctx.expect(again.read_bytes() == built, "an image that is what the build made")


@system_test(builds=(ARCH,))
def x86_64_refuses_what_grub_brings(ctx: Context) -> None:
    """No module, half of one, and too little memory for it or behind it: told, and a failure."""
    need_grub()
    whole = (ctx.out / "bundle.img").read_bytes()
    for name, image, memory, message in (
        ("none", None, "64M", "no boot bundle as a module (in GRUB: module2)"),
        ("half", whole[: len(whole) // 8192 * 4096], "64M", "the first module is no whole boot bundle"),
        ("small", whole, "22M", "the machine has too little memory for object-memory"),
        ("large", larger(whole), "19M", "by the boot loader's memory map there is no RAM for the bundle"),
    ):
        result = boot_cd(ctx, made(ctx, name, image), memory)
        ctx.expect_lines(result.output, f"EXEUNT CORE PANIC: {message}")
        ctx.expect(result.status == FAILED, f"status {FAILED} with {name}, not {result.status}")


@system_test(builds=(ARCH,))
def x86_64_turns_the_machine_off(ctx: Context) -> None:
    """Where nobody hears of statuses: by ACPI, not by a reset, which would begin it all again."""
    command = boot_command(Boot(arch=ARCH, icount=True), ctx.out, Path(ctx.scratch))
    command.remove("-no-reboot")
    at = command.index("isa-debug-exit")
    del command[at - 1 : at + 1]
    result = run_command(ctx, command, virtual_timeout=SECONDS)
    ctx.expect(result.output.count("Hypervisor ok!") == 1, "one boot")
    ctx.expect(result.status == POWERED_OFF, f"status {POWERED_OFF}, not {result.status}")
    ctx.expect(judge(Boot(arch=ARCH), result).status == 1, "a status that is no pass")
