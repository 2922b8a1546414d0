#!/usr/bin/env python3
"""The flash image that gkernel reads its programs from: makes one, shows one, checks one.

Little-endian. A header of 16 bytes: the magic "pfld", version, count of entries, CRC-32 of the
table that follows. That has `count` entries of 48 bytes: a name of at most 31 bytes, padded with
zeroes to 32; the offset of the file from the image's start, a multiple of 4096; its length; its
CRC-32; a word that is zero. CRC-32 is zlib's. Behind the last file there are zeroes up to the size
of QEMU's flash bank: 32 MB, 64 MB for aarch64, 3,840 KB for x86_64. guest/gkernel/pflash.h says the
same to the kernel.
"""

import argparse
import re
import struct
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

MAGIC = b"pfld"
VERSION = 1
HEADER = struct.Struct("<4sIII")
ENTRY = struct.Struct("<32sIIII")
ENTRIES_MAX = 64
ALIGNMENT = 4096
# Of the bank in QEMU's virt machines; on a PC the rest of 4 MB, of which the firmware has 256 KB.
SIZES = {"riscv64": 32 << 20, "aarch64": 64 << 20, "x86_64": 0x3C0000}
DEFAULT_ARCH = "riscv64"
SIZE = SIZES[DEFAULT_ARCH]

# What a command line can name: no space, comma or `=`, and no path.
NAME = re.compile(r"[A-Za-z0-9._+-]{1,31}")
ELF_MAGIC = b"\x7fELF"


class PflashError(Exception):
    """The image cannot be made or read; the text says what is wrong with what."""


class Entry(NamedTuple):
    """One file of an image, as its table describes it."""

    name: str
    offset: int
    length: int
    crc: int

    @property
    def end(self) -> int:
        return self.offset + self.length


def pack(files: dict[str, bytes], size: int = SIZE) -> bytes:
    """The image of these files, by name, in their order; without the zeroes behind the last."""
    if not 1 <= len(files) <= ENTRIES_MAX:
        raise PflashError(f"{len(files)} files, but an image has 1 to {ENTRIES_MAX}")
    table, content = b"", b""
    start = aligned(HEADER.size + ENTRY.size * len(files))
    for name, data in files.items():
        if not NAME.fullmatch(name):
            raise PflashError(f"{name!r} is no name: 1 to 31 letters, digits, or any of . _ + -")
        if not data:
            raise PflashError(f"{name} is empty")
        content = content.ljust(aligned(len(content)), b"\0")
        table += ENTRY.pack(name.encode(), start + len(content), len(data), zlib.crc32(data), 0)
        content += data
    if start + len(content) > size:
        raise PflashError(f"{start + len(content)} bytes are too many, the bank has {size}")
    header = HEADER.pack(MAGIC, VERSION, len(files), zlib.crc32(table))
    return (header + table).ljust(start, b"\0") + content


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def write(image: Path, files: dict[str, bytes], arch: str = DEFAULT_ARCH) -> None:
    """Writes the image of these files, as large as the architecture's bank but sparse."""
    content = pack(files, SIZES[arch])
    with image.open("wb") as out:
        out.write(content)
        out.truncate(SIZES[arch])


def read_table(image: bytes) -> list[Entry]:
    """The entries of an image whose header and table are sound. The files may be damaged."""
    if len(image) < HEADER.size:
        raise PflashError(f"{len(image)} bytes are no image")
    magic, version, count, crc = HEADER.unpack_from(image)
    if magic != MAGIC:
        raise PflashError(f"begins with {magic!r}, not with {MAGIC!r}")
    if version != VERSION:
        raise PflashError(f"is of version {version}, known is {VERSION}")
    if not 1 <= count <= ENTRIES_MAX:
        raise PflashError(f"names {count} files, but an image has 1 to {ENTRIES_MAX}")
    table = image[HEADER.size : HEADER.size + ENTRY.size * count]
    if len(table) != ENTRY.size * count:
        raise PflashError("ends within its table")
    if zlib.crc32(table) != crc:
        raise PflashError(f"the table's CRC-32 is {zlib.crc32(table):#010x}, not {crc:#010x}")
    return [read_entry(*fields) for fields in ENTRY.iter_unpack(table)]


def read_entry(raw: bytes, offset: int, length: int, crc: int, reserved: int) -> Entry:
    name, _, rest = raw.partition(b"\0")
    text = name.decode("ascii", "backslashreplace")
    if len(name) == len(raw) or rest.strip(b"\0") or not NAME.fullmatch(text):
        raise PflashError(f"{raw!r} is no name")
    if reserved != 0:
        raise PflashError(f"{text}: the reserved word is {reserved:#x}")
    return Entry(text, offset, length, crc)


def damage(image: bytes, entry: Entry, table_end: int) -> str:
    """What is wrong with one file of the image; nothing when it is sound."""
    if entry.offset % ALIGNMENT != 0 or entry.offset < table_end:
        return f"its offset {entry.offset:#x} is within the table or no multiple of {ALIGNMENT}"
    if entry.length == 0:
        return "it is empty"
    if entry.end > len(image):
        return f"it ends at {entry.end:#x}, behind the image"
    crc = zlib.crc32(image[entry.offset : entry.end])
    if crc != entry.crc:
        return f"its CRC-32 is {crc:#010x}, not {entry.crc:#010x}"
    return ""


def check(image: bytes, size: int = SIZE) -> list[str]:
    """Everything that is wrong with an image, a line each; raises PflashError for its table."""
    entries = read_table(image)
    table_end = HEADER.size + ENTRY.size * len(entries)
    wrong = []
    before: dict[str, Entry] = {}
    for entry in entries:
        said = damage(image, entry, table_end)
        if said:
            wrong.append(f"{entry.name}: {said}")
        if entry.name in before:
            wrong.append(f"{entry.name}: there are two of that name")
        for other in before.values():
            if entry.offset < other.end and other.offset < entry.end:
                wrong.append(f"{entry.name}: overlaps {other.name}")
        before[entry.name] = entry
    if len(image) < size:
        wrong.append(f"it has {len(image)} bytes, the bank {size}")
    elif len(image) > size:
        wrong.append(f"it has more bytes than the bank, {size}")
    return wrong


def read(path: Path, size: int) -> bytes:
    """A file, as far as it can matter: what is larger than the bank, or has no end, never fits."""
    with path.open("rb") as file:
        return file.read(size + 1)


def do_pack(arguments: argparse.Namespace) -> int:
    files: dict[str, bytes] = {}
    for word in arguments.files:
        name, _, path = word.partition("=")
        if not path:
            raise PflashError(f"{word!r} is not NAME=ELF")
        if name in files:
            raise PflashError(f"{name!r} is given twice")
        files[name] = read(Path(path), SIZES[arguments.arch])
        if not files[name].startswith(ELF_MAGIC):
            raise PflashError(f"{path} is no ELF file")
    write(arguments.image, files, arguments.arch)
    return 0


def do_list(arguments: argparse.Namespace) -> int:
    image = read(arguments.image, SIZES[arguments.arch])
    entries = read_table(image)
    table_end = HEADER.size + ENTRY.size * len(entries)
    for entry in entries:
        state = "damaged" if damage(image, entry, table_end) else "ok"
        print(f"{entry.offset:#010x} {entry.length:9} {entry.crc:08x} {state:7} {entry.name}")
    return 0


def do_check(arguments: argparse.Namespace) -> int:
    size = SIZES[arguments.arch]
    wrong = check(read(arguments.image, size), size)
    for line in wrong:
        print(f"{arguments.image}: {line}", file=sys.stderr)
    return 1 if wrong else 0


def main(words: list[str]) -> int:
    """Exit status: 0 done and sound, 1 damaged or impossible, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Exit status: 0 done and sound, 1 damaged or not to be done, 2 wrong usage.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, action, text in (
        ("pack", do_pack, "make an image of programs"),
        ("list", do_list, "offset, length, CRC-32, state and name of each program in an image"),
        ("check", do_check, "say what is wrong with an image; silent when nothing is"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("image", type=Path, metavar="IMAGE")
        command.add_argument(
            "--arch", choices=SIZES, default=DEFAULT_ARCH, help="whose bank; default: %(default)s"
        )
        command.set_defaults(action=action)
        if name == "pack":
            command.add_argument("files", nargs="+", metavar="NAME=ELF")
    arguments = parser.parse_args(words)
    try:
        return arguments.action(arguments)
    except PflashError as error:
        print(f"{arguments.image}: {error}", file=sys.stderr)
    except OSError as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
