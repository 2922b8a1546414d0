"""The hypervisor on aarch64 up to its guest's first instruction and behind its last."""

import re

from exeunt_lib.paths import ROOT, SYSTEM_TESTS
from exeunt_lib.session import start_session
from exeunt_lib.testing import Context, run_guest, system_test

ARCH = "aarch64"
WITHOUT_DEVICES = SYSTEM_TESTS / "manifests/without-devices-aarch64.dts"
GICV2 = ROOT / "guest/manifests/gicv2-aarch64.dts"
# wfi; b wfi: a guest that waits for ever, and nothing wakes it.
IDLE = bytes.fromhex("7f2003d5 ffffff17")
ERASE = "\r\x1b[K"  # what the console takes the monitor's line away with
ROUNDS = 5


@system_test(arches=(ARCH,))
def aarch64_starts_and_ends_a_guest(ctx: Context) -> None:
    """The disk is found and read, the guest entered; gkernel finds that there is no interrupt
    controller and says by PSCI that it failed."""
    result = run_guest(ctx, manifest=WITHOUT_DEVICES)
    ctx.expect_lines(
        result.output,
        "every exit is a call",
        "Starting virtualization...",
        "Pre-allocating 16 MB guest RAM at 0x40000000...",
        "VM created success, loading images...",
        "app: /sbin/gkernel",
        re.compile(r"^Loaded \d{5,} bytes from /sbin/gkernel$"),
        "Entering VM run loop...",
        re.compile("^Guest: PSCI SYSTEM_RESET"),
        "VM vm0: stopped",
        "Hypervisor: 1 of 1 VMs failed",
    )
    ctx.expect(result.status == 1, f"status 1, not {result.status}")


@system_test(arches=(ARCH,))
def aarch64_refuses_what_is_not_its_own(ctx: Context) -> None:
    """Machines that lack what the core needs, or are not what the manifest says."""
    for machine, message in (
        (
            {"cpu": "cortex-a72"},
            "EXEUNT CORE PANIC: this CPU lacks the virtualization host extensions",
        ),
        (
            {"qemu_args": ["-machine", "gic-version=2"]},
            "EXEUNT CORE PANIC: the manifest has a GICv3, but this machine's CPU lacks one's system "
            "registers (QEMU: -machine virt,gic-version=3)",
        ),
        (
            {"qemu_args": ["-machine", "gic-version=3"], "manifest": GICV2},
            "EXEUNT CORE PANIC: the manifest has a GICv2, but this machine's controller is none "
            "(QEMU: -machine virt,gic-version=2)",
        ),
    ):
        result = run_guest(ctx, **machine)
        ctx.expect_lines(result.output, message)
        ctx.expect("Starting" not in result.output, "nothing is started")
        ctx.expect(result.status == 1, f"status 1, not {result.status}")


def rendered(raw: str) -> list[str]:
    """The screen's lines: what the console has erased again is not there."""
    return [line.rpartition(ERASE)[2].strip() for line in raw.split("\n")]


@system_test(arches=(ARCH,))
def aarch64_console_dies_while_one_types(ctx: Context) -> None:
    """What is typed at the machine's PL011 reaches the monitor, across deaths of the console: each
    byte once, in order."""
    guest = ctx.out / "test/idle.bin"
    guest.parent.mkdir(exist_ok=True)
    guest.write_bytes(IDLE)
    with start_session(ctx, manifest=WITHOUT_DEVICES, guest=guest, icount=False) as system:
        system.wait("Entering VM run loop...")
        system.type("\x14")
        system.wait("exeunt> ")
        for number in range(ROUNDS):
            words = f"word-{number}-of-{ROUNDS}"
            system.type(f"kill console\recho {words}\r")
            answer = rendered(system.wait(f"\n {words}"))
            ctx.expect("console: killed, serves again" in answer, f"a console killed: {answer}")
            said = [line for line in answer if line.endswith(words)]
            ctx.expect(said == [f"exeunt> echo {words}", words], f"the echo, not {said}")
