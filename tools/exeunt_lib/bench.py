"""`exeunt bench`: instructions per operation spent outside of the guest, beside the targets."""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from .boot import Boot, boot_once
from .paths import ROOT, ExeuntError, out_dir, say


class Row(NamedTuple):
    """target: None where none was set. others: their figures, in the columns' order."""

    name: str
    text: str
    target: int | None
    others: tuple[str, ...]


class Table(NamedTuple):
    """What is measured on an architecture. What others need for the same on the same QEMU was
    measured once; it stands here to compare with."""

    columns: tuple[str, ...]
    operations: tuple[Row, ...]
    sizes: tuple[Row, ...]


TABLES = {
    "riscv64": Table(
        ("Bao", "Xvisor", "KVM, Linux 6.12"),
        (
            Row("hypercall", "hypercall answered", 180, ("235", "732", "930")),
            Row("set_timer", "SBI set_timer", 220, ("563", "1,836", "1,664")),
            Row("timer_inject", "timer expiry to interrupt", 300, ("-", "-", "-")),
            Row("mmio_load", "emulated MMIO load", 400, ("291-349", "1,110", "3,157")),
            Row("page_fault_4k", "first touch of a 4 KiB page", 500, ("none", "4,338", "4,091")),
            Row("ipc_call_reply", "IPC call and reply", 220, ("-", "-", "seL4 535, NOVA 343")),
        ),
        (
            Row("core_text", "the core's text, bytes", 40_000, ("40 K", "714 K", "-")),
            Row("core_data", "the core's data, bytes", 6_000, ("6 K", "57 K", "-")),
            Row("boot", "core's first to guest's first", 3_000_000, ("0.8 M", "94 M", "-")),
        ),
    ),
    # NOVA's and seL4's exits are answered by a user-level VMM.
    "aarch64": Table(
        ("Bao", "Xvisor", "NOVA", "seL4", "KVM (VHE)"),
        (
            Row("hypercall", "PSCI_VERSION by HVC", 150, ("188", "396", "1,019", "1,241", "1,245")),
            Row("mmio_load", "load of GICD_TYPER", 300, ("224", "718", "1,053", "2,767", "5,959")),
            Row("timer_inject", "timer expiry to interrupt", 300, ("-", "-", "-", "-", "-")),
            Row("page_fault_4k", "first touch of a 4 KiB page", 500, ("none", *"---", "4,468")),
            Row("ipc_call_reply", "IPC call and reply", 220, ("-", "-", "343", "434", "-")),
        ),
        (
            Row("core_text", "the core's text, bytes", None, ("-", "-", "77 K", "-", "-")),
            Row("core_data", "the core's data, bytes", None, ("-", "-", "0.5 K", "-", "-")),
            Row("boot", "core's first to guest's first", None, ("0.4 M", "-", "9.6 M", *"--")),
        ),
    ),
    "x86_64": Table(
        ("KVM, Linux 6.12", "L4Re"),
        (
            Row("hypercall", "hypercall answered (VMMCALL)", 200, ("2,661-2,869", "-")),
            Row("cpuid", "CPUID answered", 200, ("2,661-2,869", "-")),
            Row("port_read", "port read, emulated", 300, ("2,941", "-")),
            Row("mmio_load", "MMIO load, emulated", 900, ("5,558", "-")),
            Row("mmio_load_new", "... by an instruction not seen before", 900, ("-", "-")),
            Row("mmio_load_first", "... at the beginning of a page", 900, ("-", "-")),
            Row("timer_set", "LAPIC timer set, by its deadline", 350, ("3,381", "-")),
            Row("timer_set_count", "... by its count", 350, ("-", "-")),
            Row("timer_set_page", "... by its page of registers", None, ("-", "-")),
            Row("timer_inject", "timer expiry to interrupt", None, ("-", "-")),
            Row("page_fault_4k", "first touch of a 4 KiB page", 500, ("3,062", "-")),
            Row("ipc_call_reply", "IPC call and reply", 220, ("-", "613")),
        ),
        (
            Row("core_text", "the core's text, bytes", None, ("-", "-")),
            Row("core_data", "the core's data, bytes", None, ("-", "-")),
            Row("boot", "core's first to guest's first", None, ("-", "-")),
        ),
    ),
}

# A run takes a few seconds; these end one that hangs, in wall time and in virtual time.
BOUNDS = {"timeout": 600.0, "virtual_timeout": 60.0}
# The loader polls the disk, and QEMU's disk answers in its own time: the shortest of so many boots
# is nearest to what is executed when the disk is quick.
BOOTS = 5
SHF_WRITE, SHF_ALLOC = "W", "A"
# The section that keeps loaders away from the stack and the page tables behind the core's image; the
# other architectures' have none.
KEPT_FREE = ".work"


def core_sizes(arch: str) -> dict[str, int]:
    """The core's loaded bytes: what is only read (code, constants), and what is written."""
    answer = subprocess.run(
        ["llvm-readelf-19", "--sections", "--wide", out_dir(arch) / "exeunt.elf"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    sizes = {"core_text": 0, "core_data": 0}
    # [Nr] Name Type Address Off Size ES Flg ...
    row = re.compile(
        r"^\s*\[[\s\d]+\] (\S+)\s+\w+\s+[0-9a-f]{16} \w+ ([0-9a-f]+) \S+\s+([A-Z]+) "
    )
    for match in filter(None, map(row.match, answer.splitlines())):
        if SHF_ALLOC in match[3] and match[1] != KEPT_FREE:
            sizes["core_data" if SHF_WRITE in match[3] else "core_text"] += int(match[2], 16)
    return sizes


def boot_bench(arch: str, **what) -> dict[str, int]:
    """Boots once and returns what the console says in lines `bench NAME VALUE`."""
    result = boot_once(Boot(arch, icount=True, **BOUNDS, **what), live=False)
    if result.status != 0:
        tail = "\n".join(result.lines[-20:])
        raise ExeuntError(f"a run to be measured ended with status {result.status}:\n{tail}")
    return {m[1]: int(m[2]) for m in re.finditer(r"\bbench (\w+) (\d+)", result.output)}


def as_large_as(path: Path, other: Path, scratch: Path) -> Path:
    """A copy of the file that is as long as the other: reading either takes as much work."""
    padded = scratch / path.name
    padded.write_bytes(path.read_bytes().ljust(other.stat().st_size, b"\0"))
    return padded


def boot_length(arch: str, manifest: Path, guest: Path) -> int | None:
    """Instructions from the core's first to the guest's first, of one boot."""
    begins = boot_bench(arch, manifest=manifest, guest=guest)
    begin, end = begins.get("core_begin"), begins.get("guest_begin")
    return None if begin is None or end is None else end - begin


def measure(arch: str) -> dict:
    """Boots the bench guest, some times; returns what the JSON holds."""
    manifest = ROOT / f"guest/manifests/bench-{arch}.dts"
    guests = out_dir(arch) / "guest"
    numbers = boot_bench(arch, manifest=manifest)
    # The way to the guest is that of a file as long as our own guest's. The bench guest tells where
    # it began; the core's beginning, init has.
    with tempfile.TemporaryDirectory(prefix="exeunt-bench-") as scratch:
        guest = as_large_as(guests / "bench.bin", guests / "gkernel.bin", Path(scratch))
        boots = [boot_length(arch, manifest, guest) for _ in range(BOOTS)]
    return {
        "arch": arch,
        "operations": {row.name: numbers.get(row.name) for row in TABLES[arch].operations},
        **core_sizes(arch),
        "boot": None if None in boots else min(boots),
    }


def exact(found: dict) -> list[tuple[Row, int]]:
    """The figures that are the same in each run, and so can be held to their targets: all but the
    boot, in which a disk is polled that answers in its own time."""
    of_arch = TABLES[found["arch"]]
    values = {**found, **found["operations"]}
    rows = (*of_arch.operations, *of_arch.sizes)
    return [(row, values[row.name]) for row in rows if row.name != "boot"]


def verdict(value: int | None, target: int | None) -> str:
    if value is None:
        return "not measured"
    if target is None:
        return ""
    return "met" if value <= target else f"missed by {value - target:,}"


def table(found: dict) -> str:
    """The figures beside their targets and the others'."""
    of_arch = TABLES[found["arch"]]
    heads = ("", "measured", "target", "", *of_arch.columns)
    rows = [heads]
    values = {**found, **found["operations"]}
    for name, text, target, others in (*of_arch.operations, *of_arch.sizes):
        value = values[name]
        numbers = ("-" if number is None else f"{number:,}" for number in (value, target))
        rows.append((text, *numbers, verdict(value, target), *others))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2])]
        cells += [cell.ljust(width) for cell, width in zip(row[3:], widths[3:])]
        lines.append("  ".join(cells).rstrip())
    title = f"{found['arch']}: instructions outside of the guest (QEMU, -icount shift=0)"
    return "\n".join([title, "", *lines])


def main(arch: str, as_json: bool) -> int:
    say("booting the bench guest")
    found = measure(arch)
    print(json.dumps(found, indent=2) if as_json else table(found))
    complete = None not in (*found["operations"].values(), found["boot"])
    return 0 if complete else 1
