"""Guests that touch what is not theirs: each is stopped with a report, and nothing was touched."""

import re

from exeunt_lib.paths import SYSTEM_TESTS
from exeunt_lib.testing import Context, run_guest, system_test

# What a report says of the memory of the default manifest's VM, and of the emulated clock below it.
RAM = "0x80000000..0x81000000"
CLOCK = "0x101000..0x102000"

# The guests' only line before the access, and the report, by guest and case: access, address,
# nearest mapping, distance. The first case of a guest is what it does when it is told nothing.
ABOVE = 0x81000000 + (1 << 20)
READ_ABOVE_RAM = {
    "load": ("read", ABOVE, RAM, "0x100000 bytes below"),
    "store": ("write", ABOVE, RAM, "0x100000 bytes below"),
    "fetch": ("execution", ABOVE, RAM, "0x100000 bytes below"),
    # QEMU with one CPU takes it apart into a load and a store; hardware faults as for a store.
    "amo": ("(?:read|write)", ABOVE, RAM, "0x100000 bytes below"),
}
READ_CORE = {
    "host": ("read", 0x82200000, RAM, "0x1200000 bytes below"),
    "linear": ("read", 0xFFFFFFFF80200000, RAM, "0xfffffffeff200000 bytes below"),
    "uart": ("read", 0x10000000, CLOCK, "0xfefe000 bytes below"),
    "plic": ("read", 0x0C201004, CLOCK, "0xc0ff004 bytes below"),
    "clint": ("write", 0x02000000, CLOCK, "0x1efe000 bytes below"),
    "virtio": ("write", 0x10001050, CLOCK, "0xfeff050 bytes below"),
    "finisher": ("write", 0x00100000, CLOCK, "0x1000 bytes above"),
}
BAD_TABLES = {
    # The entry of the root table for the code, which lies in the third gigabyte.
    "satp": ("page-table walk", 0x82000000 + 2 * 8, RAM, "0x1000010 bytes below"),
    # One gigabyte above the code, wherever in its page the guest is then.
    "leaf": ("execution", "0xc0200[0-9a-f]{3}", RAM, "0x3f200[0-9a-f]{3} bytes below"),
    "stvec": ("execution", 0x123456789000, RAM, "0x1233d5789000 bytes below"),
    "sp": ("write", 2**64 - 8, RAM, "0xffffffff7efffff8 bytes below"),
}
# Where the guest was: in its code, or already at the address that it jumped to.
PC = {"fetch": f"{ABOVE:#x}", "stvec": "0x123456789000"}
CODE = "0x80200[0-9a-f]{3}"


def report(vm: str, case: str, access: str, address: int | str, nearest: str, far: str) -> list:
    """The lines that a refused access ends a VM with, as patterns."""
    where = address if isinstance(address, str) else f"{address:#x}"
    return [
        f"VM {vm}: {access} at guest address {where} refused, pc {PC.get(case, CODE)}",
        f"  the nearest mapping is {re.escape(nearest)}, {far}",
        f"  to allow it, add memory or passthrough to /vms/{vm} in the manifest",
        f"VM {vm}: stopped",
    ]


def expect_end(ctx: Context, output: str, patterns: list[str]) -> None:
    """From the guest's start on there are these lines and no others."""
    lines = [line.rstrip() for line in output.splitlines()]
    start = "Entering VM run loop..."
    ctx.expect(start in lines, "a guest that is started")
    got = lines[lines.index(start) + 1 :]
    same = len(got) == len(patterns) and all(map(re.fullmatch, patterns, got))
    ctx.expect(same, "\n  " + "\n  ".join(patterns) + "\nnot\n  " + "\n  ".join(got))


def refused(guest: str, case: str, before: str, expected: tuple) -> None:
    @system_test(name=f"{guest}-{case}".replace("_", "-"))
    def stopped(ctx: Context) -> None:
        result = run_guest(ctx, guest=ctx.out / f"guest/{guest}.bin", cmdline=f"case={case}")
        ctx.expect(result.status == 1, f"status 1, not {result.status}")
        end = [before, *report("vm0", case, *expected), "Hypervisor: 1 of 1 VMs failed"]
        expect_end(ctx, result.output, end)


for _case, _expected in READ_ABOVE_RAM.items():
    refused("read_above_ram", _case, f"read_above_ram: going to touch {ABOVE:#x}", _expected)
for _case, _expected in READ_CORE.items():
    _before = f"read_core: going to {_expected[0]} {_case} at {_expected[1]:#x}"
    refused("read_core", _case, _before, _expected)
for _case, _expected in BAD_TABLES.items():
    refused("bad_tables", _case, "bad_tables: begins", _expected)


@system_test()
def refused_alone(ctx: Context) -> None:
    """Only the VM that did it is stopped: another one beside it ends as it always does."""
    guest = ctx.out / "guest/read_above_ram.bin"
    result = run_guest(ctx, guest=guest, manifest=SYSTEM_TESTS / "manifests/beside.dts")
    ctx.expect(result.status == 1, f"status 1, not {result.status}")
    for line in report("a", "load", *READ_ABOVE_RAM["load"]):
        ctx.expect(re.search(f"^{line}$", result.output, re.MULTILINE), f"a line {line!r}")
    ctx.expect_lines(
        result.output,
        "VM a: stopped",
        "[b] monolithic kernel exit [0] normally!",
        "Shutdown vm normally!",
        "Hypervisor: 1 of 2 VMs failed",
    )
