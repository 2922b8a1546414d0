"""The guest's interrupt controller, held to its specification: a guest that uses it in every way
it can be used, on QEMU's own GICv3 first, then under the hypervisor, then while servers die."""

import re
from pathlib import Path

from exeunt_lib import control
from exeunt_lib.paths import SYSTEM_TESTS
from exeunt_lib.session import PATIENCE, start_session
from exeunt_lib.testing import Context, run_guest, system_test

ARCH = ("aarch64",)
TWO_CPUS = SYSTEM_TESTS / "manifests/two-cpus-aarch64.dts"
GUEST = "guest/interrupts.bin"
CHECKS = 149  # of one round
PASSED = f"interrupts: {CHECKS} checks passed"
BARE = {"bare": True, "qemu_args": ["-smp", "2"]}
HYPERVISOR = {"manifest": TWO_CPUS}

ROUNDS, DEATHS = 8, 20
# The first plays the controller and the UART; the others serve the other exits of this guest.
SERVERS = ("npf-pager", "timer-server", "npf-pager", "sbi-server", "npf-pager", "console")
TYPED = "one line, and more of it than a receiver has room for"


@system_test(builds=ARCH)
def interrupts_bare(ctx: Context) -> None:
    """What the guest expects is what QEMU's own GICv3 does: it is right when it complains."""
    result = run_guest(ctx, guest=ctx.out / GUEST, **BARE)
    ctx.expect_lines(result.output, PASSED)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(builds=ARCH)
def interrupts_aarch64(ctx: Context) -> None:
    """Under the hypervisor every check holds."""
    result = run_guest(ctx, guest=ctx.out / GUEST, **HYPERVISOR)
    ctx.expect_lines(result.output, PASSED, "Hypervisor ok!")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


def kill(ctx: Context, path: Path, name: str) -> None:
    with control.wait_for(path, PATIENCE) as line:
        answer = line.ask(f"kill {name}")
    ctx.expect(not answer.error, f"{name} to be killed, not: {answer.error}")


@system_test(builds=ARCH)
def interrupts_beside_deaths(ctx: Context) -> None:
    """Every check holds while servers are killed, so no interrupt is lost or comes twice."""
    path = ctx.scratch / "control"
    guest = ctx.out / GUEST
    settings = {"guest": guest, "cmdline": f"rounds={ROUNDS}", "control": path, **HYPERVISOR}
    with start_session(ctx, **settings) as session:
        session.wait("Entering VM run loop...")
        for number in range(DEATHS):
            if number % 3 == 0:
                session.wait(".")  # once a round
            kill(ctx, path, SERVERS[number % len(SERVERS)])
        result = ctx.keep(session.end())
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    passed = f"interrupts: {CHECKS * ROUNDS} checks passed"
    ctx.expect_lines(result.output, passed, "Hypervisor ok!")
    before = result.output[: result.output.find(passed)]
    died = len(re.findall("^server .* died: it was killed", before, re.MULTILINE))
    ctx.expect(died == DEATHS, f"{DEATHS} deaths before the guest's end, not {died}")


def type_a_line(ctx: Context, boot: dict, path: Path | None = None) -> None:
    """path: of the control line by which servers are killed between words."""
    boot = {"guest": ctx.out / GUEST, "cmdline": "rounds=0 typing=1", "control": path, **boot}
    with start_session(ctx, **boot) as session:
        session.wait("type a line")
        first, *words = TYPED.split(" ")
        session.type(first)
        for number, word in enumerate(words):
            if path:
                kill(ctx, path, ("npf-pager", "console")[number % 2])
            session.type(f" {word}")
        session.type("\r")
        session.wait(f"typed: {TYPED}")
        result = ctx.keep(session.end())
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(builds=ARCH)
def typing_interrupts(ctx: Context) -> None:
    """What is typed interrupts the guest, which waits for it without asking the UART, as it does on
    the bare machine; and while those who bring it are killed."""
    type_a_line(ctx, BARE)
    type_a_line(ctx, HYPERVISOR)
    type_a_line(ctx, HYPERVISOR, ctx.scratch / "control")
