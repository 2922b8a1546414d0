"""Writes the boot bundle: init's segments, ready to be mapped, and the files that init starts from.

    bundle.py --out IMG --servers JSON --manifest DTB --objcopy TOOL [--depfile FILE]

The layout is ipc/bundle.h's. ELF files are stripped on the way: init's of all symbols, servers' of
compilers' own; init reads the others when it reports a death. The rest is for debuggers.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

MAGIC = 0x31544E5545584542  # "BEXEUNT1"
VERSION = 3
PAGE = 4096
MAX_SEGMENTS = 4
MAX_FILES = 32
NAME_SIZE = 40
HEADER = struct.Struct("<QIIIIQQQQQQQ")
SEGMENT = struct.Struct("<QQQQ")
FILE = struct.Struct(f"<{NAME_SIZE}sQQ")

# enum rights of ipc/cap.h, by the bits of an ELF program header's flags.
RIGHTS = {4: 1, 2: 2, 1: 4}

# Cores that have no firmware to write to, by their programs' e_machine.
SILENT_CORES = {183: "aarch64"}


class Controller(NamedTuple):
    """An interrupt controller: its kind, as in ipc/bundle.h, and what follows its `reg` there."""

    kind: int
    properties: tuple[str, ...] = ()


GICV2 = Controller(3, ("cpu-interface", "hypervisor-interface"))
CONTROLLERS = {
    "riscv,plic0": Controller(1, ("context",)),
    "arm,gic-v3": Controller(2, ("redistributors",)),
    "arm,gic-400": GICV2,
    "arm,cortex-a15-gic": GICV2,
    "intel,82093aa": Controller(4),
}
CONTROLLER_PARTS = 3

PT_LOAD = 1
ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")

MANIFEST = "manifest.dtb"
CONTROLLER_NODE = "interrupt-controller"


class BundleError(Exception):
    """The bundle cannot be written; the text says what is wrong with which file."""


class Segment(NamedTuple):
    vaddr: int
    content: bytes
    rights: int


def pages(size: int) -> int:
    """The size rounded up to whole pages."""
    return -(-size // PAGE) * PAGE


def load_segments(elf: bytes, name: str) -> tuple[int, list[Segment]]:
    """An ELF file's entry and its loadable segments, each expanded to whole pages."""
    if elf[:6] != b"\x7fELF\x02\x01" or len(elf) < ELF_HEADER.size:
        raise BundleError(f"{name} is not a little-endian 64-bit ELF file")
    header = ELF_HEADER.unpack_from(elf)
    entry, offset, count = header[4], header[5], header[10]
    segments = []
    for index in range(count):
        kind, flags, start, vaddr, _, in_file, in_memory, _ = PROGRAM_HEADER.unpack_from(
            elf, offset + index * PROGRAM_HEADER.size
        )
        if kind != PT_LOAD or in_memory == 0:
            continue
        lead = vaddr % PAGE
        content = bytes(lead) + elf[start : start + in_file]
        content = content.ljust(pages(lead + in_memory), b"\0")
        rights = sum(right for flag, right in RIGHTS.items() if flags & flag)
        segments.append(Segment(vaddr - lead, content, rights))
    segments.sort()
    for below, above in zip(segments, segments[1:]):
        if below.vaddr + len(below.content) > above.vaddr:
            raise BundleError(f"{name}: two segments share the page at {above.vaddr:#x}")
    if not 0 < len(segments) <= MAX_SEGMENTS:
        raise BundleError(f"{name} has {len(segments)} segments, 1 to {MAX_SEGMENTS} are possible")
    return entry, segments


class Machine(NamedTuple):
    """What the core itself must know of the manifest, which it does not read; 0: not said.

    objects: bytes behind the bundle that its objects are made of. console: where a panic is told.
    kind, controller: the interrupt controller's, as in ipc/bundle.h.
    """

    objects: int = 0
    console: int = 0
    kind: int = 0
    controller: tuple[int, ...] = (0,) * CONTROLLER_PARTS


def first_number(manifest: Path, node: str, name: str) -> int:
    """The property's first number of at most two cells; 0 when there is none."""
    done = subprocess.run(
        ["fdtget", "-t", "x", manifest, node, name], capture_output=True, text=True, check=False
    )
    value = 0
    for cell in done.stdout.split()[:2] if done.returncode == 0 else []:
        value = value << 32 | int(cell, 16)
    return value


def read_machine(manifest: Path) -> Machine:
    """From a compiled manifest. What is wrong in it is init's to refuse."""
    done = subprocess.run(
        ["fdtget", "-l", manifest, "/host"], capture_output=True, text=True, check=False
    )
    nodes = {name.partition("@")[0]: f"/host/{name}" for name in done.stdout.split()}
    node = nodes.get(CONTROLLER_NODE, "/host/none")
    known = CONTROLLERS.get(property_text(manifest, node, "compatible"), Controller(0))
    parts = [first_number(manifest, node, name) for name in ("reg", *known.properties)]
    return Machine(
        first_number(manifest, "/", "object-memory"),
        first_number(manifest, nodes.get("console", "/host/none"), "reg"),
        known.kind,
        (*parts, *(0,) * (CONTROLLER_PARTS - len(parts))),
    )


def property_text(manifest: Path, node: str, name: str) -> str:
    """The property's text; "" when there is none."""
    done = subprocess.run(
        ["fdtget", "-t", "s", manifest, node, name], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def check_machine(elf_machine: int, manifest: Path) -> None:
    """Refuses, in init's words, what would keep the core from getting as far as init, and from
    saying so: where no firmware writes for it, it has only what the manifest gives it.

    elf_machine: e_machine of the programs in the bundle.
    """
    arch = SILENT_CORES.get(elf_machine)
    if arch is None:
        return
    said = property_text(manifest, "/", "architecture")
    if said != arch:
        raise BundleError(
            f'manifest refused: /: property `architecture` is "{said}", but this is {arch}; '
            "take a manifest made for it"
        )
    machine = read_machine(manifest)
    needed = [
        (machine.console, "console", "reg"),
        (machine.controller[0], CONTROLLER_NODE, "reg"),
        (machine.kind, CONTROLLER_NODE, "compatible"),
    ]
    for known in CONTROLLERS.values():
        if known.kind == machine.kind:
            parts = zip(machine.controller[1:], known.properties)
            needed += [(value, CONTROLLER_NODE, name) for value, name in parts]
    for value, node, name in needed:
        if value == 0:
            raise BundleError(
                f"manifest refused: /host: node `{node}@` with `{name}` is missing; the core needs "
                f"it before it can say anything: see machine-{arch}.dtsi"
            )


def machine_of(elf: bytes) -> int:
    """Its e_machine; 0 of what is no ELF file."""
    return ELF_HEADER.unpack_from(elf)[2] if elf[:4] == b"\x7fELF" else 0


def make_bundle(init: bytes, files: dict[str, bytes], machine: Machine) -> bytes:
    """The whole bundle: `init` is its ELF file, `files` go in under their names."""
    entry, segments = load_segments(init, "init")
    if len(files) > MAX_FILES:
        raise BundleError(f"{len(files)} files, {MAX_FILES} are possible")
    body = bytearray()
    segment_table, file_table = b"", b""
    for segment in segments:
        segment_table += SEGMENT.pack(
            segment.vaddr, PAGE + len(body), len(segment.content), segment.rights
        )
        body += segment.content
    for name, content in files.items():
        encoded = name.encode()
        if len(encoded) >= NAME_SIZE:
            raise BundleError(f"the name {name} is longer than {NAME_SIZE - 1} bytes")
        file_table += FILE.pack(encoded, PAGE + len(body), len(content))
        body += content.ljust(pages(len(content)), b"\0")
    header = HEADER.pack(
        MAGIC,
        VERSION,
        len(segments),
        len(files),
        machine.kind,
        PAGE + len(body),
        machine.objects,
        entry,
        machine.console,
        *machine.controller,
    )
    header += segment_table.ljust(MAX_SEGMENTS * SEGMENT.size, b"\0")
    header += file_table
    return header.ljust(PAGE, b"\0") + body


def with_manifest(image: bytes, manifest: Path, files: dict[str, bytes] | None = None) -> bytes:
    """A bundle with another manifest, which is its last file, and FILES before that one."""
    header = list(HEADER.unpack_from(image))
    number = header[3] - 1
    tables = HEADER.size + MAX_SEGMENTS * SEGMENT.size
    name, offset, _ = FILE.unpack_from(image, tables + number * FILE.size)
    if name.rstrip(b"\0") != MANIFEST.encode():
        raise BundleError(f"the bundle's last file is not {MANIFEST}")
    if number > 0:
        begin = FILE.unpack_from(image, tables)[1]
        check_machine(machine_of(image[begin : begin + PAGE]), manifest)
    changed = bytearray(image[:offset])
    for name, content in [*(files or {}).items(), (MANIFEST, manifest.read_bytes())]:
        if number >= MAX_FILES or len(name) >= NAME_SIZE:
            raise BundleError(f"there is no room for {name}")
        FILE.pack_into(
            changed, tables + number * FILE.size, name.encode(), len(changed), len(content)
        )
        changed += content.ljust(pages(len(content)), b"\0")
        number += 1
    machine = read_machine(manifest)
    header[3:7] = number, machine.kind, len(changed), machine.objects
    header[8:] = machine.console, *machine.controller
    HEADER.pack_into(changed, 0, *header)
    return bytes(changed)


# Compilers' own symbols, most of a table: labels within functions, and marks of code and data.
KEEP_NAMES = ("--strip-debug", "--discard-locals", "--wildcard", "--strip-symbol=$*")
KEEP_NONE = ("--strip-all",)


def stripped(path: Path, objcopy: str, how: tuple[str, ...]) -> bytes:
    """An ELF file's content without debug information, and with its program's symbols or none."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([objcopy, *how, path, out.name], check=True)
        return Path(out.name).read_bytes()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--servers", type=Path, required=True, help="JSON list of ELF files")
    parser.add_argument("--manifest", type=Path, required=True, help="compiled, goes in last")
    parser.add_argument("--objcopy", required=True)
    parser.add_argument("--depfile", type=Path)
    arguments = parser.parse_args()

    elves = [Path(name) for name in sorted(set(json.loads(arguments.servers.read_text())))]
    init = [path for path in elves if path.name == "init.elf"]
    if not init:
        print("bundle.py: there is no init.elf among the servers", file=sys.stderr)
        return 1
    files = {
        path.name: stripped(path, arguments.objcopy, KEEP_NAMES)
        for path in elves
        if path not in init
    }
    files[MANIFEST] = arguments.manifest.read_bytes()
    machine = read_machine(arguments.manifest)
    try:
        check_machine(machine_of(init[0].read_bytes()), arguments.manifest)
        image = make_bundle(stripped(init[0], arguments.objcopy, KEEP_NONE), files, machine)
        arguments.out.write_bytes(image)
    except BundleError as error:
        print(f"bundle.py: {error}", file=sys.stderr)
        return 1
    if arguments.depfile:
        arguments.depfile.write_text(f"{arguments.out}: {' '.join(map(str, elves))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
