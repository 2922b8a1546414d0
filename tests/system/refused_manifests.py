"""Manifests that are wrong: refused with node and property, before anything starts."""

from pathlib import Path

from exeunt_lib.paths import ARCHES, SYSTEM_TESTS, ExeuntError
from exeunt_lib.testing import Context, Failure, Result, run_guest, system_test

MANIFESTS = SYSTEM_TESTS / "manifests"
# Stands in the first line of each, before the beginning of the message.
MARK = "// Refused: "


def expect_nothing_started(ctx: Context, result: Result) -> None:
    ctx.expect(result.status == 1, f"status 1, not {result.status}")
    for started in ("Pre-allocating", "VM created", "app: ", "Entering VM"):
        ctx.expect(started not in result.output, f"nothing started, and no line with {started!r}")


def boot(ctx: Context, source: Path) -> str:
    """What is said last. A core that could not say it is not started at all."""
    try:
        result = run_guest(ctx, manifest=source)
    except ExeuntError as error:
        return str(error)
    expect_nothing_started(ctx, result)
    return result.lines[-1]


def refused(source: Path) -> None:
    # What is the same everywhere is tried on one architecture.
    arch = next((arch for arch in ARCHES if source.stem.endswith(f"-{arch}")), ARCHES[0])

    @system_test(name=f"manifest-{source.stem}", arches=(arch,))
    def manifest(ctx: Context) -> None:
        first = source.read_text().splitlines()[0]
        if not first.startswith(MARK):
            raise Failure(f"{source.name}: its first line has no {MARK!r}")
        message = "manifest refused: " + first.removeprefix(MARK)
        last = boot(ctx, source)
        ctx.expect(last.startswith(message), f"{message!r} as the last line, not {last!r}")
        advice = last.removeprefix(message).partition("; ")[2]
        ctx.expect(advice, f"what to do behind the cause: {last!r}")


for _source in sorted(MANIFESTS.glob("wrong-*.dts")):
    refused(_source)


@system_test(arches=ARCHES)
def manifest_wants_more_than_machine_has(ctx: Context) -> None:
    """More memory than there is, and on riscv64 a timer that the machine does not have."""
    result = run_guest(ctx, mem=256 << 20, qemu_args=["-m", "128M"])
    expect_nothing_started(ctx, result)
    ctx.expect_lines(
        result.output,
        f"manifest refused: /vms/vm0/memory@{ctx.board.ram:x}: property `reg` wants 262144 KiB, but "
        "of the machine's memory only",
    )
    if ctx.arch != "riscv64":
        return
    result = run_guest(ctx, manifest=ctx.manifest("own-timer"), cpu="rv64,sstc=off")
    expect_nothing_started(ctx, result)
    message = "init: /vms/vm0: property `sstc`: this machine has no Sstc: leave it out"
    ctx.expect_lines(result.output, message)
