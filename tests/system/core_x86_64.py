"""x86_64: the core by itself, what it does for a task in init's place and for a guest of that; and
init with the servers that there are."""

import re
from pathlib import Path

from exeunt_lib.boot import MACHINES
from exeunt_lib.manifest import compile_source
from exeunt_lib.paths import SYSTEM_TESTS
from exeunt_lib.qemu import Result
from exeunt_lib.testing import Context, run_command, system_test

import bundle
import disk

ARCH = "x86_64"
OBJECTS = 4 << 20  # bytes
CLEAN = 0x10 << 1 | 1  # isa-debug-exit's status when init has ended well …
FAILED = 1  # … and when not
SECONDS = 10  # of the machine's own time


def boot(
    ctx: Context, *more: str, cpu: str = "EPYC,check=off", machine: str = "q35,sata=off"
) -> Result:
    """QEMU's PC with the core as its kernel. The statuses are its own device's."""
    return run_command(
        ctx,
        [
            *("qemu-system-x86_64", "-machine", machine, "-cpu", cpu, "-m", "64M"),
            *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
            *("-icount", "shift=0,sleep=off", "-device", "isa-debug-exit"),
            *("-kernel", ctx.out / "exeunt.elf", *more),
        ],
        virtual_timeout=SECONDS,
    )


def stripped(ctx: Context, name: str, how: tuple[str, ...]) -> bytes:
    elf = ctx.out / f"server_{ARCH}" / f"{name}.elf"
    return bundle.stripped(elf, "llvm-objcopy-19", how)


def loaded(ctx: Context, image: bytes) -> tuple[str, str]:
    """QEMU's arguments for a boot bundle."""
    path = Path(ctx.scratch) / "bundle.img"
    path.write_bytes(image)
    return "-device", f"loader,file={path},addr={MACHINES[ARCH].bundle:#x},force-raw=on"


def in_place_of_init(ctx: Context, name: str) -> tuple[str, str]:
    """The same for one that has only this program."""
    init = stripped(ctx, name, bundle.KEEP_NONE)
    return loaded(ctx, bundle.make_bundle(init, {}, bundle.Machine(OBJECTS)))


def init_with_servers(ctx: Context, manifest: str, *names: str) -> tuple[str, str]:
    """The same for init, these servers and a manifest of the tests."""
    blob = Path(ctx.scratch) / "manifest.dtb"
    compile_source(SYSTEM_TESTS / "manifests" / manifest, blob)
    files = {f"{name}.elf": stripped(ctx, name, bundle.KEEP_NAMES) for name in names}
    files[bundle.MANIFEST] = blob.read_bytes()
    init = stripped(ctx, "init", bundle.KEEP_NONE)
    return loaded(ctx, bundle.make_bundle(init, files, bundle.read_machine(blob)))


def with_disk(ctx: Context, files: dict[str, Path]) -> tuple[str, ...]:
    """QEMU's arguments for a disk with these files, where the manifest has it."""
    image = Path(ctx.scratch) / "disk.img"
    disk.make_fat32(image, files)
    return (
        *("-drive", f"file={image},if=none,format=raw,id=disk,readonly=on"),
        *("-device", "virtio-blk-pci,drive=disk,disable-legacy=on,addr=4"),
    )


@system_test(builds=(ARCH,))
def x86_64_core_serves_tasks_and_a_guest(ctx: Context) -> None:
    """Ports, floating point, calls, faults; a guest's hypercalls, exits, interrupts, deadline."""
    result = boot(ctx, *in_place_of_init(ctx, "core-check"))
    ctx.expect_lines(
        result.output,
        "ok: init runs in user mode, and its space has the serial port",
        "ok: a call, answered by a second task",
        "ok: floating point: 0x400e000000000000",
        "ok: the second task died: touched memory that it does not have",
        "ok: the third task died: ",
        "ok: a nested page fault at 0x700000",
        "ok: the guest waits",
        "ok: the deadline has passed",
        "ok: the guest would take an interrupt",
        "ok: guest, step 12: 0",
        "ok: guest, step 13: 0x208d7",
        "ok: the guest has ended itself: 0x7f",
    )
    ctx.expect("WRONG" not in result.output, "nothing wrong")
    ctx.expect(result.status == CLEAN, f"status {CLEAN}, not {result.status}")
    for figure in re.findall(r"^ok: (.*~\d+ instructions.*)$", result.output, re.MULTILINE):
        ctx.say(figure)


@system_test(builds=(ARCH,))
def x86_64_core_refuses_what_it_cannot_run_on(ctx: Context) -> None:
    """A CPU without SVM, a machine without its oldest timer, and a boot without a bundle: told on the
    serial port, and the end."""
    for more, message in (
        ({"cpu": "EPYC,check=off,svm=off"}, "EXEUNT CORE PANIC: this CPU has no SVM"),
        ({"cpu": "EPYC,check=off,pdpe1gb=off"}, "EXEUNT CORE PANIC: this CPU has no gigapages"),
        ({"cpu": "EPYC,check=off,npt=off"}, "EXEUNT CORE PANIC: this CPU's SVM has no nested paging"),
        ({"machine": "q35,pit=off"}, "EXEUNT CORE PANIC: there is no interval timer"),
        ({}, "EXEUNT CORE PANIC: no boot bundle"),
    ):
        result = boot(ctx, **more)
        ctx.expect_lines(result.output, message)
        ctx.expect(result.status == FAILED, f"status {FAILED}, not {result.status}")


@system_test(builds=(ARCH,))
def x86_64_loads_a_guest(ctx: Context) -> None:
    """init, the console's serial port, the disk behind PCI. Nobody can answer the guest's exits yet:
    the server that gets them is started again and again, then the VM is stopped."""
    servers = init_with_servers(ctx, "x86_64-loads.dts", "console", "fs-loader")
    image = ctx.out / "guest/gkernel.bin"
    result = boot(ctx, *servers, *with_disk(ctx, {"/sbin/gkernel": image}))
    ctx.expect_lines(
        result.output,
        "every exit is a call",
        "Pre-allocating 32 MB guest RAM at 0x0...",
        f"Loaded {image.stat().st_size} bytes from /sbin/gkernel",
        "Entering VM run loop...",
        "server console died: it did not come back in time",
        re.compile(r"^VM vm0: 3 servers died on its exit \d+"),
        "Hypervisor: 1 of 1 VMs failed",
    )
    ctx.expect(result.status == FAILED, f"status {FAILED}, not {result.status}")


@system_test(builds=(ARCH,))
def x86_64_ends_where_a_guest_is_not_found(ctx: Context) -> None:
    """A disk without it, and no disk at all: said, and the machine ends as failed."""
    servers = init_with_servers(ctx, "x86_64-loads.dts", "console", "fs-loader")
    for more, message in (
        (with_disk(ctx, {"/other": ctx.out / "guest/gkernel.bin"}), "/sbin/gkernel"),
        ((), "there is no device at that place of the PCI bus"),
    ):
        result = boot(ctx, *servers, *more)
        ctx.expect_lines(result.output, message, "Hypervisor: 1 of 1 VMs failed")
        ctx.expect(result.status == FAILED, f"status {FAILED}, not {result.status}")
