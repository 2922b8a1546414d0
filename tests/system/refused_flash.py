"""Flash images that are damaged or wrong: the kernel says what it is, and starts what is sound."""

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pflash
from exeunt_lib.boards import OTHER_MACHINE
from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import Context, Result, run_guest, system_test

HELLO, FORK = "hello", "fork"
STARTED = "Enter user space: entry=0x1000, ustack=VA:0x40000000"
NOT_STARTED = "monolithic kernel exit [127] abnormally!"
# Fields of a table's entry behind its name (tools/pflash.py).
OFFSET, LENGTH, CRC, RESERVED = 32, 36, 40, 44


class Image:
    """The flash as it was built, to be changed."""

    def __init__(self, ctx: Context):
        self.content = bytearray((ctx.out / "pflash.img").read_bytes())
        self.entries = pflash.read_table(self.content)

    def place(self, name: str) -> int:
        """Of the file's entry in the table."""
        index = [entry.name for entry in self.entries].index(name)
        return pflash.HEADER.size + index * pflash.ENTRY.size

    def set_word(self, place: int, value: int) -> None:
        struct.pack_into("<I", self.content, place, value)

    def set_field(self, name: str, field: int, value: int) -> None:
        """And the table's CRC-32, so that nothing else is wrong."""
        self.set_word(self.place(name) + field, value)
        self.seal()

    def seal(self) -> None:
        count = struct.unpack_from("<I", self.content, 8)[0]
        table = self.content[pflash.HEADER.size :][: count * pflash.ENTRY.size]
        self.set_word(12, zlib.crc32(table))

    def set_name(self, name: str, other: bytes) -> None:
        place = self.place(name)
        self.content[place : place + 32] = other.ljust(32, b"\0")
        self.seal()

    def entry(self, name: str) -> pflash.Entry:
        return next(entry for entry in self.entries if entry.name == name)

    def flip(self, place: int) -> None:
        self.content[place] ^= 0x10

    def write(self, ctx: Context) -> Path:
        path = ctx.scratch / "pflash.img"
        path.write_bytes(self.content)
        return path


def boot(ctx: Context, image: Image, programs: str, **more) -> Result:
    return run_guest(ctx, pflash=image.write(ctx), cmdline=programs, **more)


@system_test(arches=ARCHES)
def flash_program_damaged(ctx: Context) -> None:
    """One bit in a program: it is refused by name, wherever the bit is and whoever starts it; the
    others run."""
    entry = Image(ctx).entry(HELLO)
    for place in (entry.offset, entry.offset + entry.length // 2, entry.end - 1):
        image = Image(ctx)
        image.flip(place)
        result = boot(ctx, image, f"{HELLO} {FORK}")
        ctx.expect(result.status == 1, f"status 1, not {result.status}")
        refused = f"pflash: {HELLO} is damaged"
        ctx.expect_lines(result.output, refused, STARTED, f"{FORK}: 64 processes", NOT_STARTED)
        ctx.expect(result.output.count(STARTED) == 1, "one program to be started")


@system_test()
def flash_bits_that_matter(ctx: Context) -> None:
    """Bits behind the last program are nobody's: nothing is refused."""
    image = Image(ctx)
    image.flip(max(entry.end for entry in image.entries) + 4096)
    result = boot(ctx, image, HELLO)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test()
def flash_table_refused(ctx: Context) -> None:
    """A header or a table that is wrong: there are no programs, which is said with the reason; the
    guest ends, and its run has failed."""

    def flip(place: int) -> Callable[[Image], None]:
        return lambda image: image.flip(place)

    def word(place: int, value: int) -> Callable[[Image], None]:
        return lambda image: image.set_word(place, value)

    def field(where: int, value: int) -> Callable[[Image], None]:
        return lambda image: image.set_field(HELLO, where, value)

    def name(other: bytes) -> Callable[[Image], None]:
        return lambda image: image.set_name(HELLO, other)

    def erase(image: Image) -> None:
        image.content[:] = bytes(len(image.content))

    name_bit = pflash.HEADER.size + 1
    cases: dict[str, tuple[Callable[[Image], None], str]] = {
        "a bit in the table": (flip(name_bit), "the table is damaged (CRC)"),
        "a bit in the table's CRC": (flip(12), "the table is damaged (CRC)"),
        "version 2": (word(4, 2), "the image is of another version"),
        "65 files": (word(8, 65), "the number of files is not between 1 and 64"),
        "no files": (word(8, 0), "the number of files is not between 1 and 64"),
        "2^32 - 1 files": (word(8, (1 << 32) - 1), "the number of files is not between 1 and 64"),
        "an offset beyond the end": (field(OFFSET, pflash.SIZES[ctx.arch]), "a file reaches beyond the end"),
        "a length beyond the end": (field(LENGTH, (1 << 32) - 1), "a file reaches beyond the end"),
        "an offset in the table": (field(OFFSET, 0), "a file is not at a page of its own"),
        "an offset within a page": (field(OFFSET, 0x5004), "a file is not at a page of its own"),
        "length 0": (field(LENGTH, 0), "a file is empty"),
        "a reserved field": (field(RESERVED, 1), "a reserved field is not zero"),
        "no name": (name(b""), "a file's name is empty or has no end"),
        "a name without an end": (name(b"n" * 32), "a file's name is empty or has no end"),
        "two of a name": (name(FORK.encode()), "two files have the same name"),
        "another magic": (flip(0), "there is no image in it"),
        "nothing at all": (erase, "there is no image in it"),
    }
    for what, (change, reason) in cases.items():
        image = Image(ctx)
        change(image)
        result = boot(ctx, image, HELLO)
        ctx.expect(result.status == 1, f"{what}: status 1, not {result.status}")
        said = re.compile(rf"^pflash: no programs at {ctx.board.flash:#x}: {re.escape(reason)}")
        missing = f'program: there is no "{HELLO}"; the flash has none'
        ctx.expect_lines(result.output, said, missing, NOT_STARTED)
        ctx.expect(STARTED not in result.output, f"{what}: no program to be started")


@system_test(arches=ARCHES)
def flash_refused_bare(ctx: Context) -> None:
    """The same without the hypervisor."""
    image = Image(ctx)
    image.flip(image.entry(HELLO).offset + 100)
    result = boot(ctx, image, HELLO, bare=True)
    ctx.expect_lines(result.output, f"pflash: {HELLO} is damaged", NOT_STARTED)
    ctx.expect(result.status == 1, f"status 1, not {result.status}")
    image.content[:] = bytes(len(image.content))
    result = boot(ctx, image, "", bare=True)
    ctx.expect_lines(result.output, "pflash: no programs at", 'there is no "init"', NOT_STARTED)
    ctx.expect(result.status == 1, f"status 1, not {result.status}")


@system_test()
def flash_no_program(ctx: Context) -> None:
    """Files with a right CRC-32 that are no programs."""
    good = Image(ctx)
    entry = good.entry(HELLO)
    elf = bytes(good.content[entry.offset : entry.end])
    other = bytearray(elf)
    struct.pack_into("<H", other, 18, OTHER_MACHINE)
    for what, content in (("text", b"#!/bin/sh\n"), ("cut", elf[:5000]), ("other", bytes(other))):
        path = ctx.scratch / "pflash.img"
        pflash.write(path, {HELLO: content, FORK: elf}, ctx.arch)
        result = run_guest(ctx, pflash=path, cmdline=f"{HELLO} {FORK}")
        ctx.expect(result.status == 1, f"{what}: status 1, not {result.status}")
        refused = re.compile(rf"^program: {HELLO} can't be started: .+")
        ctx.expect_lines(result.output, refused, STARTED, "hello, world", NOT_STARTED)
