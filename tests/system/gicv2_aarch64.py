"""Boards with a GICv2: what runs on one with a GICv3 runs there by a manifest and nothing else.

How interrupts behave, and Linux, are in interrupts_aarch64.py and linux.py.
"""

import re

from pathlib import Path

from exeunt_lib.paths import ROOT
from exeunt_lib.testing import Context, Result, run_guest, system_test

ARCH = ("aarch64",)
ONE_CPU = ROOT / "guest/manifests/gicv2-aarch64.dts"
PROGRAMS = "hello spin fork sleep fp fault threads"


def run(ctx: Context, manifest: Path, **boot) -> Result:
    """Under the hypervisor, to a good end."""
    result = run_guest(ctx, manifest=manifest, **boot)
    ctx.expect("FAILED" not in result.output, "a guest whose checks hold")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    ctx.expect_lines(result.output, *ctx.board.clean_end)
    return result


@system_test(builds=ARCH)
def gicv2_programs(ctx: Context) -> None:
    """gkernel and its programs, those that its timer wakes among them."""
    result = run(ctx, ONE_CPU, cmdline=PROGRAMS)
    wanted = (re.compile(f"^{name}: .*: ok$") for name in PROGRAMS.split())
    ctx.expect_lines(result.output, *wanted)


@system_test(builds=ARCH)
def gicv2_guests(ctx: Context) -> None:
    """A second CPU's lives; and nonsense in every register, behind which the controller works."""
    two_cpus = ctx.manifest("two-cpus-gicv2")
    for guest, manifest, checks in (
        ("multi_cpu", two_cpus, 60),
        ("gic_nonsense", ONE_CPU, 12),
        ("gic_nonsense", two_cpus, 13),
    ):
        result = run(ctx, manifest, guest=ctx.out / f"guest/{guest}.bin")
        ctx.expect_lines(result.output, f"{guest}: {checks} checks passed")
