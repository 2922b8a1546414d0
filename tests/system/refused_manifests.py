"""Manifests that are wrong: refused with node and property, before anything starts."""

from pathlib import Path

from exeunt_lib.paths import SYSTEM_TESTS
from exeunt_lib.testing import Context, Failure, Result, run_guest, system_test

MANIFESTS = SYSTEM_TESTS / "manifests"
# Stands in the first line of each, before the beginning of the message.
MARK = "// Refused: "


def expect_nothing_started(ctx: Context, result: Result) -> None:
    ctx.expect(result.status == 1, f"status 1, not {result.status}")
    for started in ("Pre-allocating", "VM created", "app: ", "Entering VM"):
        ctx.expect(started not in result.output, f"nothing started, and no line with {started!r}")


def refused(source: Path) -> None:
    @system_test(name=f"manifest-{source.stem}")
    def manifest(ctx: Context) -> None:
        first = source.read_text().splitlines()[0]
        if not first.startswith(MARK):
            raise Failure(f"{source.name}: its first line has no {MARK!r}")
        message = "manifest refused: " + first.removeprefix(MARK)
        result = run_guest(ctx, manifest=source)
        expect_nothing_started(ctx, result)
        last = result.lines[-1]
        ctx.expect(last.startswith(message), f"{message!r} as the last line, not {last!r}")
        advice = last.removeprefix(message).partition("; ")[2]
        ctx.expect(advice, f"what to do behind the cause: {last!r}")


for _source in sorted(MANIFESTS.glob("wrong-*.dts")):
    refused(_source)


@system_test()
def manifest_wants_more_than_machine_has(ctx: Context) -> None:
    """More memory than there is, and a timer that the machine does not have."""
    result = run_guest(ctx, mem=256 << 20, qemu_args=["-m", "128M"])
    expect_nothing_started(ctx, result)
    ctx.expect_lines(
        result.output,
        "manifest refused: /vms/vm0/memory@80000000: property `reg` wants 262144 KiB, but of the "
        "machine's memory only",
    )
    result = run_guest(ctx, manifest=MANIFESTS / "own-timer.dts", cpu="rv64,sstc=off")
    expect_nothing_started(ctx, result)
    message = "init: /vms/vm0: property `sstc`: this machine has no Sstc: leave it out"
    ctx.expect_lines(result.output, message)
