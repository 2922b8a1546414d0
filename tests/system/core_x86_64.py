"""The core for x86_64 by itself: what it does for a task in init's place, and for a guest of that."""

import re
from pathlib import Path

from exeunt_lib.testing import Context, run_command, system_test

import bundle

ARCH = "x86_64"
BUNDLE = 0x400000  # where the core looks for it
OBJECTS = 4 << 20  # bytes
CLEAN = 0x10 << 1 | 1  # isa-debug-exit's status when init has ended well …
FAILED = 1  # … and when not
SECONDS = 5  # of the machine's own time


def boot(ctx: Context, *more: str, cpu: str = "EPYC"):
    """QEMU's PC with the core as its kernel. The statuses are its own device's."""
    return run_command(
        ctx,
        [
            *("qemu-system-x86_64", "-machine", "q35", "-cpu", cpu, "-m", "64M"),
            *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
            *("-icount", "shift=0,sleep=off", "-device", "isa-debug-exit"),
            *("-kernel", ctx.out / "exeunt.elf", *more),
        ],
        virtual_timeout=SECONDS,
    )


def in_place_of_init(ctx: Context, name: str) -> tuple[str, str]:
    """QEMU's arguments for a boot bundle that has only this program."""
    elf = ctx.out / f"server_{ARCH}" / f"{name}.elf"
    init = bundle.stripped(elf, "llvm-objcopy-19", bundle.KEEP_NONE)
    image = Path(ctx.scratch) / "bundle.img"
    image.write_bytes(bundle.make_bundle(init, {}, bundle.Machine(OBJECTS)))
    return "-device", f"loader,file={image},addr={BUNDLE:#x},force-raw=on"


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
        "ok: a nested page fault at 0x700000",
        "ok: the guest waits",
        "ok: the deadline has passed",
        "ok: the guest would take an interrupt",
        "ok: guest, step 12: 0",
        "ok: the guest has ended itself: 0x7f",
    )
    ctx.expect("WRONG" not in result.output, "nothing wrong")
    ctx.expect(result.status == CLEAN, f"status {CLEAN}, not {result.status}")
    for figure in re.findall(r"^ok: (.*~\d+ instructions.*)$", result.output, re.MULTILINE):
        ctx.say(figure)


@system_test(builds=(ARCH,))
def x86_64_core_refuses_what_it_cannot_run_on(ctx: Context) -> None:
    """A CPU without SVM, and a boot without a bundle: told on the serial port, and the end."""
    for more, message in (
        ({"cpu": "EPYC,svm=off"}, "EXEUNT CORE PANIC: this CPU has no SVM"),
        ({"cpu": "EPYC,pdpe1gb=off"}, "EXEUNT CORE PANIC: this CPU has no gigapages"),
        ({"cpu": "EPYC,npt=off"}, "EXEUNT CORE PANIC: this CPU's SVM has no nested paging"),
        ({}, "EXEUNT CORE PANIC: no boot bundle"),
    ):
        result = boot(ctx, **more)
        ctx.expect_lines(result.output, message)
        ctx.expect(result.status == FAILED, f"status {FAILED}, not {result.status}")
