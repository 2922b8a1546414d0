"""Disks and images that cannot be used: the VM ends with a message that names file and cause."""

import gzip
import struct
from pathlib import Path

import disk
from exeunt_lib.boards import OTHER_MACHINE
from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import Context, run_guest, system_test

MB = 1 << 20
GKERNEL = "/sbin/gkernel"
SECTOR = 512
# The entry of a file in a FAT32 folder: its name in capitals begins it, its size ends it.
ENTRY_NAME = b"GKERNEL    "
ENTRY_SIZE = 28


def expect_refused(ctx: Context, what: str, message: str, **boot) -> None:
    """The VM never starts, and the message is the first that follows its image's name."""
    result = run_guest(ctx, **boot)
    ctx.expect(result.status == 1, f"{what}: status 1, not {result.status}")
    ctx.expect("Entering VM" not in result.output, f"{what}: a guest that is not started")
    lines = result.lines
    ctx.expect(f"app: {GKERNEL}" in lines, f"{what}: a line that names the image")
    hint = "Ctrl-T opens the monitor"
    got = [x for x in lines[lines.index(f"app: {GKERNEL}") + 1 :] if not x.startswith(hint)]
    ctx.expect(got[:1] and got[0].startswith(message), f"{what}: {message!r}, not {got[:1]}")
    end = ["VM vm0: stopped", "Hypervisor: 1 of 1 VMs failed"]
    ctx.expect(got[1:] == end, f"{what}: then {end}, not {got[1:]}")


def built_disk(ctx: Context) -> bytearray:
    return bytearray((ctx.out / "disk.img").read_bytes())


def scratch_file(ctx: Context, name: str, content: bytes) -> Path:
    path = ctx.scratch / name
    path.write_bytes(content)
    return path


@system_test()
def image_missing(ctx: Context) -> None:
    """Neither the file nor its folder need be on the disk."""
    advice = "put it there with mcopy, or run with --guest FILE"
    for there, missing in (("/sbin/other", "gkernel in /sbin"), ("/boot/other", "sbin in /")):
        image = ctx.scratch / "disk.img"
        disk.make_fat32(image, {there: ctx.out / "guest/gkernel.bin"})
        message = f"VM vm0: {GKERNEL}: not on the disk (there is no {missing}): {advice}"
        expect_refused(ctx, f"only {there}", message, disk=image)


@system_test()
def disk_cut_short(ctx: Context) -> None:
    """A FAT32 image that lost its end, be it only a sector, or all but the first one."""
    whole = built_disk(ctx)
    sectors = len(whole) // SECTOR
    for left in (sectors - 1, sectors // 2, 2 * MB // SECTOR, 1):
        image = scratch_file(ctx, "disk.img", whole[: left * SECTOR])
        message = (
            f"VM vm0: disk: the volume has {sectors} sectors of {SECTOR} bytes, the disk only "
            f"{left}: the image was cut short"
        )
        expect_refused(ctx, f"{left} sectors", message, disk=image)


@system_test(arches=ARCHES)
def disk_without_volume(ctx: Context) -> None:
    """A disk with nothing on it, and no disk to speak of."""
    image = scratch_file(ctx, "zeroes.img", bytes(MB))
    message = "VM vm0: disk: no FAT32 volume: the first sector ends in 0x0, not 0xaa55"
    expect_refused(ctx, "zeroes", message, disk=image)
    image = scratch_file(ctx, "nothing.img", b"")
    expect_refused(ctx, "nothing", "VM vm0: disk: the disk is empty", disk=image)


@system_test()
def disk_contradicts_itself(ctx: Context) -> None:
    """A folder that says a file is longer than its clusters are."""
    image = built_disk(ctx)
    at = image.index(ENTRY_NAME) + ENTRY_SIZE
    (size,) = struct.unpack_from("<I", image, at)
    size += MB
    struct.pack_into("<I", image, at, size)
    message = f"VM vm0: {GKERNEL}: the cluster chain of {GKERNEL} ends after "
    expect_refused(ctx, "size", message, disk=scratch_file(ctx, "disk.img", image))


@system_test(arches=ARCHES)
def image_larger_than_ram(ctx: Context) -> None:
    """What does not fit is not loaded; the message says how much memory would do."""
    # The last 64 KiB of RAM are kept for what the loader tells the guest.
    size = ctx.board.memory + 4 * MB
    image = scratch_file(ctx, "large.bin", ctx.board.nop * (size // 4))
    end = ctx.board.ram + ctx.board.memory - (64 << 10)
    message = (
        f"VM vm0: {GKERNEL}: the image needs {size} bytes at {ctx.board.load:#x}, RAM ends at "
        f"{end:#x}: give the VM at least {ctx.board.memory // MB + 7} MB"
    )
    expect_refused(ctx, "too large", message, guest=image)


@system_test(arches=ARCHES)
def image_of_wrong_form(ctx: Context) -> None:
    """Compressed, cut short, for another machine, empty."""
    flat = (ctx.out / "guest/gkernel.bin").read_bytes()
    elf = bytearray((ctx.out / "guest/gkernel.elf").read_bytes())
    other = bytearray(elf)
    struct.pack_into("<H", other, 18, OTHER_MACHINE)
    cases = {
        "gzip": (gzip.compress(flat), "the image is compressed by gzip: gunzip it first"),
        "cut": (elf[:5000], "a segment of the ELF file ends behind the file: it was cut short"),
        "other": (other, "the ELF file is for another architecture"),
        "empty": (b"", "the image is empty"),
    }
    for what, (content, message) in cases.items():
        image = scratch_file(ctx, what, content)
        expect_refused(ctx, what, f"VM vm0: {GKERNEL}: {message}", guest=image)
