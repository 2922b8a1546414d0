"""The guest's interrupt controller, held to its specification: a guest that uses it in every way
it can be used, on QEMU's own first, then under the hypervisor, then while servers die; a GICv3, and
a GICv2."""

import re
from pathlib import Path
from typing import NamedTuple

from exeunt_lib import control
from exeunt_lib.session import PATIENCE, start_session
from exeunt_lib.testing import Context, run_guest, system_test

ARCH = ("aarch64",)
GUEST = "guest/interrupts.bin"


class Gic(NamedTuple):
    """checks: of one round. unmoved: how many of them are left out on the bare machine, because
    QEMU 7.2 does not do what the specification says."""

    name: str
    checks: int
    unmoved: int
    manifest: str

    @property
    def bare(self) -> dict:
        machine = ["-smp", "2", "-machine", f"gic-version={self.name[-1]}"]
        more = {"cmdline": "unmoved=1"} if self.unmoved else {}
        return {"bare": True, "qemu_args": machine, **more}

    def settings(self, ctx: Context) -> dict:
        """Under the hypervisor."""
        return {"manifest": ctx.manifest(self.manifest)}


GICS = (Gic("GICv3", 149, 0, "two-cpus"), Gic("GICv2", 174, 2, "two-cpus-gicv2"))

ROUNDS, DEATHS = 8, 20
# The first plays the controller and the UART; the others serve the other exits of this guest.
SERVERS = ("npf-pager", "timer-server", "npf-pager", "sbi-server", "npf-pager", "console")
TYPED = "one line, and more of it than a receiver has room for"


@system_test(builds=ARCH)
def interrupts_bare(ctx: Context) -> None:
    """What the guest expects is what QEMU's own GIC does: it is right when it complains."""
    for gic in GICS:
        result = run_guest(ctx, guest=ctx.out / GUEST, **gic.bare)
        passed = f"interrupts: {gic.checks - gic.unmoved} checks passed"
        ctx.expect_lines(result.output, passed)
        ctx.expect(result.status == 0, f"{gic.name}: status 0, not {result.status}")


@system_test(builds=ARCH)
def interrupts_aarch64(ctx: Context) -> None:
    """Under the hypervisor every check holds."""
    for gic in GICS:
        result = run_guest(ctx, guest=ctx.out / GUEST, **gic.settings(ctx))
        ctx.expect_lines(result.output, f"interrupts: {gic.checks} checks passed", "Hypervisor ok!")
        ctx.expect(result.status == 0, f"{gic.name}: status 0, not {result.status}")


def kill(ctx: Context, path: Path, name: str) -> None:
    with control.wait_for(path, PATIENCE) as line:
        answer = line.ask(f"kill {name}")
    ctx.expect(not answer.error, f"{name} to be killed, not: {answer.error}")


def beside_deaths(ctx: Context, gic: Gic) -> None:
    path = ctx.scratch / "control"
    boot = {"guest": ctx.out / GUEST, "cmdline": f"rounds={ROUNDS}", "control": path}
    with start_session(ctx, **boot, **gic.settings(ctx)) as session:
        session.wait("Entering VM run loop...")
        for number in range(DEATHS):
            if number % 3 == 0:
                session.wait(".")  # once a round
            kill(ctx, path, SERVERS[number % len(SERVERS)])
        result = ctx.keep(session.end())
    ctx.expect(result.status == 0, f"{gic.name}: status 0, not {result.status}")
    passed = f"interrupts: {gic.checks * ROUNDS} checks passed"
    ctx.expect_lines(result.output, passed, "Hypervisor ok!")
    before = result.output[: result.output.find(passed)]
    died = len(re.findall("^server .* died: it was killed", before, re.MULTILINE))
    ctx.expect(died == DEATHS, f"{gic.name}: {DEATHS} deaths before the guest's end, not {died}")


@system_test(builds=ARCH)
def interrupts_beside_deaths(ctx: Context) -> None:
    """Every check holds while servers are killed, so no interrupt is lost or comes twice."""
    for gic in GICS:
        beside_deaths(ctx, gic)


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
    type_a_line(ctx, GICS[0].bare)
    type_a_line(ctx, GICS[0].settings(ctx))
    for gic in GICS:
        type_a_line(ctx, gic.settings(ctx), ctx.scratch / "control")
