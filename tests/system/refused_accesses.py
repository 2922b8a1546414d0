"""Guests that touch what is not theirs: each is stopped with a report, and nothing was touched."""

import re

from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import Context, run_guest, system_test

# The guest `touch` as it is told: the way (tests/system/guests/touch.h) and the address; and the
# report: access, nearest mapping, distance.
RISCV_RAM, RISCV_CLOCK = "0x80000000..0x81000000", "0x101000..0x102000"
ARM_RAM, ARM_CLOCK = "0x40000000..0x41000000", "0x9010000..0x9011000"
ARM_GICD, ARM_GICR = "0x8000000..0x8010000", "0x80a0000..0x80c0000"
PC_RAM, PC_FLASH = "0x0..0x2000000", "0xffc00000..0xfffc0000"
PC_APIC = "0xfee00000..0xfee01000"
ABOVE = {"riscv64": 0x81100000, "aarch64": 0x41100000, "x86_64": 0x2100000}
FAR = "0x100000 bytes below"
TOUCHES = {
    "riscv64": {
        "above-ram-load": ("load", ABOVE["riscv64"], "read", RISCV_RAM, FAR),
        "above-ram-store": ("store", ABOVE["riscv64"], "write", RISCV_RAM, FAR),
        "above-ram-fetch": ("fetch", ABOVE["riscv64"], "execution", RISCV_RAM, FAR),
        # QEMU with one CPU takes it apart into a load and a store; hardware faults as for a store.
        "above-ram-amo": ("amo", ABOVE["riscv64"], "(?:read|write)", RISCV_RAM, FAR),
        # The machine's own device tree, on QEMU's virt.
        "core-host": ("load", 0x82200000, "read", RISCV_RAM, "0x1200000 bytes below"),
        # A kernel's usual place; more bits than Sv39x4 has.
        "core-linear": (
            *("load", 0xFFFFFFFF80200000),
            *("read", RISCV_RAM, "0xfffffffeff200000 bytes below"),
        ),
        "core-uart": ("load", 0x10000000, "read", RISCV_CLOCK, "0xfefe000 bytes below"),
        # Claims a physical interrupt when read.
        "core-plic": ("load", 0x0C201004, "read", RISCV_CLOCK, "0xc0ff004 bytes below"),
        # Sends a machine interrupt when written.
        "core-clint": ("store", 0x02000000, "write", RISCV_CLOCK, "0x1efe000 bytes below"),
        # Notifies the physical disk when written.
        "core-virtio": ("store", 0x10001050, "write", RISCV_CLOCK, "0xfeff050 bytes below"),
        # Ends QEMU when written.
        "core-finisher": ("store", 0x00100000, "write", RISCV_CLOCK, "0x1000 bytes above"),
    },
    "aarch64": {
        "above-ram-load": ("load", ABOVE["aarch64"], "read", ARM_RAM, FAR),
        "above-ram-store": ("store", ABOVE["aarch64"], "write", ARM_RAM, FAR),
        "above-ram-fetch": ("fetch", ABOVE["aarch64"], "execution", ARM_RAM, FAR),
        # Atomic ones say "read" (Arm DDI 0487, D19.2.37, WnR), and QEMU may find the store first.
        "above-ram-amo": ("amo", ABOVE["aarch64"], "(?:read|write)", ARM_RAM, FAR),
        # Of these the hardware does not say what they are; the report needs the address alone.
        "above-ram-load-pair": ("load_pair", ABOVE["aarch64"], "read", ARM_RAM, FAR),
        "above-ram-store-post": ("store_post", ABOVE["aarch64"], "write", ARM_RAM, FAR),
        "above-ram-load-simd": ("load_simd_many", ABOVE["aarch64"], "read", ARM_RAM, FAR),
        "above-ram-exclusive": ("load_exclusive", ABOVE["aarch64"], "read", ARM_RAM, FAR),
        "above-ram-zero": ("zero", ABOVE["aarch64"], "write", ARM_RAM, FAR),
        # The machine's first RAM behind the guest's, where the core's objects are.
        "core-host": ("load", 0x42200000, "read", ARM_RAM, "0x1200000 bytes below"),
        # The last address that a guest can say.
        "core-last": ("load", 0xFFFFFFFFF8, "read", ARM_RAM, "0xffbefffff8 bytes below"),
        # Of the machine: the disk, its own interrupt controller's ITS and GICv2's place, PCI, GPIO
        # (whose line turns QEMU off), the secure UART.
        "core-virtio": ("store", 0x0A003E50, "write", ARM_CLOCK, "0xff2e50 bytes below"),
        "core-its": ("load", 0x08080000, "read", ARM_GICR, "0x20000 bytes above"),
        "core-gicv2": ("store", 0x08010000, "write", ARM_GICD, "0x0 bytes below"),
        "core-pci": ("load", 0x4010000000, "read", ARM_RAM, "0x3fcf000000 bytes below"),
        "core-gpio": ("store", 0x09030000, "write", ARM_CLOCK, "0x1f000 bytes below"),
        "core-uart": ("load", 0x09040000, "read", ARM_CLOCK, "0x2f000 bytes below"),
        "core-redistributor": ("store", 0x080C0000, "write", ARM_GICR, "0x0 bytes below"),
    },
    "x86_64": {
        "above-ram-load": ("load", ABOVE["x86_64"], "read", PC_RAM, FAR),
        "above-ram-store": ("store", ABOVE["x86_64"], "write", PC_RAM, FAR),
        "above-ram-fetch": ("fetch", ABOVE["x86_64"], "execution", PC_RAM, FAR),
        "above-ram-amo": ("amo", ABOVE["x86_64"], "(?:read|write)", PC_RAM, FAR),
        "above-ram-push": ("push", ABOVE["x86_64"], "read", PC_RAM, FAR),
        "above-ram-add": ("add", ABOVE["x86_64"], "(?:read|write)", PC_RAM, FAR),
        "above-ram-store-string": ("store_string", ABOVE["x86_64"], "write", PC_RAM, FAR),
        "above-ram-load-simd": ("load_simd", ABOVE["x86_64"], "read", PC_RAM, FAR),
        "above-ram-store-simd": ("store_simd", ABOVE["x86_64"], "write", PC_RAM, FAR),
        # The machine's RAM behind the guest's, where its own memory lies.
        "core-host": ("load", 0x6000000, "read", PC_RAM, "0x4000000 bytes below"),
        # Of the machine: PCI's configuration space, the disk's registers, the I/O APIC, the timers
        # (HPET), the local APIC of the next page, the firmware's part of the flash.
        "core-pci": ("load", 0xB0000000, "read", PC_APIC, "0x4ee00000 bytes above"),
        "core-virtio": ("store", 0xD0000000, "write", PC_APIC, "0x2ee00000 bytes above"),
        "core-ioapic": ("store", 0xFEC00000, "write", PC_APIC, "0x200000 bytes above"),
        "core-hpet": ("load", 0xFED000F0, "read", PC_APIC, "0xfff10 bytes above"),
        "core-apic": ("store", 0xFEE01300, "write", PC_APIC, "0x300 bytes below"),
        "core-firmware": ("load", 0xFFFFFFF0, "read", PC_FLASH, "0x3fff0 bytes below"),
    },
}

# The guest bad_tables, by case and with the same report.
BAD_TABLES = {
    "riscv64": {
        # The entry of the root table for the code, which lies in the third gigabyte.
        "satp": ("page-table walk", 0x82000000 + 2 * 8, RISCV_RAM, "0x1000010 bytes below"),
        # One gigabyte above the code, wherever in its page the guest is then.
        "leaf": ("execution", "0xc0200[0-9a-f]{3}", RISCV_RAM, "0x3f200[0-9a-f]{3} bytes below"),
        "stvec": ("execution", 0x123456789000, RISCV_RAM, "0x1233d5789000 bytes below"),
        "sp": ("write", 2**64 - 8, RISCV_RAM, "0xffffffff7efffff8 bytes below"),
    },
    "aarch64": {
        # The page of the root table: hardware says no more.
        "root": ("page-table walk", 0x42000000, ARM_RAM, "0x1000000 bytes below"),
        "leaf": ("execution", "0x80200[0-9a-f]{3}", ARM_RAM, "0x3f200[0-9a-f]{3} bytes below"),
        # The entry for an exception from its own level, and what it saves below the stack pointer.
        "vector": ("execution", 0x7F00000200, ARM_RAM, "0x7ebf000200 bytes below"),
        "stack": ("write", "0x5fffff[0-9a-f]{2}", ARM_RAM, "0x1effff[0-9a-f]{2} bytes below"),
    },
    "x86_64": {
        # The first entry of the root table.
        "root": ("page-table walk", 0x3000000, PC_RAM, "0x1000000 bytes below"),
        "leaf": ("execution", "0x40200[0-9a-f]{3}", PC_RAM, "0x3e200[0-9a-f]{3} bytes below"),
        # The gate of the exception, and what is pushed first.
        "vector": ("read", "0x6000006[08]", PC_RAM, "0x5e00006[08] bytes below"),
        "stack": ("write", 0x5FFFFFF8, PC_RAM, "0x5dfffff8 bytes below"),
    },
}

# Where the guest was: in its code, or already at the address that it jumped to.
CODE = r"0x(?:[48]0)?20[0-9a-f]{4}"
PC = {
    "touch-above-ram-fetch": "0x(?:[48]1|2)100000",
    "bad-tables-stvec": "0x123456789000",
    "bad-tables-vector": "0x(?:7f00000200|20[0-9a-f]{4})",
}


def report(vm: str, name: str, access: str, address: int | str, nearest: str, far: str) -> list:
    """The lines that a refused access ends a VM with, as patterns."""
    where = address if isinstance(address, str) else f"{address:#x}"
    return [
        f"VM {vm}: {access} at guest address {where} refused, pc {PC.get(name, CODE)}",
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


def refused(arch: str, name: str, guest: str, cmdline: str, before: str, expected: tuple) -> None:
    @system_test(name=f"{name}-{arch}", arches=(arch,))
    def stopped(ctx: Context) -> None:
        result = run_guest(ctx, guest=ctx.out / f"guest/{guest}.bin", cmdline=cmdline)
        ctx.expect(result.status == 1, f"status 1, not {result.status}")
        end = [before, *report("vm0", name, *expected), "Hypervisor: 1 of 1 VMs failed"]
        expect_end(ctx, result.output, end)


for _arch in ARCHES:
    for _name, (_how, _at, _access, *_near) in TOUCHES[_arch].items():
        _before = f"touch: going to {_how} at {_at:#x}"
        refused(_arch, f"touch-{_name}", "touch", f"how={_how} at={_at:x}", _before, (_access, _at, *_near))
    for _case, _expected in BAD_TABLES[_arch].items():
        _before = "bad_tables: begins"
        refused(_arch, f"bad-tables-{_case}", "bad_tables", f"case={_case}", _before, _expected)


@system_test(arches=ARCHES)
def refused_alone(ctx: Context) -> None:
    """Only the VM that did it is stopped: another one beside it ends as it always does."""
    guest = ctx.out / "guest/touch.bin"
    how, at, access, *near = TOUCHES[ctx.arch]["above-ram-load"]
    source = ctx.scratch / "beside.dts"
    source.write_text(
        f'/dts-v1/;\n/include/ "{ctx.manifest("beside")}"\n'
        f'/ {{ vms {{ a {{ cmdline = "how={how} at={at:x}"; }}; }}; }};\n'
    )
    result = run_guest(ctx, guest=guest, manifest=source)
    ctx.expect(result.status == 1, f"status 1, not {result.status}")
    for line in report("a", "", access, at, *near):
        ctx.expect(re.search(f"^{line}$", result.output, re.MULTILINE), f"a line {line!r}")
    ctx.expect_lines(
        result.output,
        "VM a: stopped",
        "[b] monolithic kernel exit [0] normally!",
        "Shutdown vm normally!",
        "Hypervisor: 1 of 2 VMs failed",
    )


@system_test(arches=("aarch64",))
def refused_a32_device(ctx: Context) -> None:
    """An instruction of AArch32's for several registers, on an emulated device: nobody knows what
    it does there, and the report says so. In T32 it may be where no A64 instruction can be."""
    guest = ctx.out / "guest/user_mode.bin"
    place = "which accesses an emulated register at 0x8000000"
    for case, last in (("a32-device", "[048c]"), ("t32-device", "[26ae]")):
        result = run_guest(ctx, guest=guest, cmdline=f"case={case}", virtual_timeout=10)
        ctx.expect(result.status == 1, f"{case}: status 1, not {result.status}")
        pc = f"0x4020[0-9a-f]{{3}}{last}"
        ctx.expect_lines(
            result.output,
            "user_mode: going to load from 0x8000000",
            re.compile(f"^VM vm0: the instruction at pc {pc}, {place}, can't be decoded"),
            "VM vm0: stopped",
        )
        ctx.expect("FAILED" not in result.output, "no instruction behind it")
