"""A megabyte on the console: nothing of it is lost, doubled or out of order."""

from exeunt_lib.paths import ROOT
from exeunt_lib.testing import Context, run_guest, system_test

LINES, LETTERS = 16384, 48
# FNV-1a over the bytes below, as flood_console.c says; the guest prints its own.
HASH = "83ccdb94b1782edf"
END = ["Guest: SBI SRST shutdown", "Shutdown vm normally!"]


def flood() -> list[str]:
    """What the guest prints, made from its description, not from its code."""
    numbers = range(LETTERS)
    lines = [
        f"flood {line:08x} " + "".join(chr(33 + (line * 7 + n * 13) % 94) for n in numbers)
        for line in range(LINES)
    ]
    return [*lines, f"flood_console: {LINES * 64} bytes, fnv1a {HASH}"]


def expect_same(ctx: Context, what: str, got: list[str]) -> None:
    """Tells the first line that differs, not the whole megabyte."""
    for number, (line, wanted) in enumerate(zip(got, flood())):
        ctx.expect(line == wanted, f"{what}: {wanted!r} in line {number}, not {line!r}")
    ctx.expect(len(got) == LINES + 1, f"{what}: {LINES + 1} lines, not {len(got)}")


@system_test()
def flood_console(ctx: Context) -> None:
    result = run_guest(ctx, guest=ctx.out / "guest/flood_console.bin")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    # Only what plain() took out of the console's bytes, escapes and carriage returns, is not seen.
    lines = result.output.split("\n")
    begin = lines.index("Entering VM run loop...") + 1
    expect_same(ctx, "the console", lines[begin : begin + LINES + 1])
    rest = lines[begin + LINES + 1 :]
    ctx.expect(rest == [*END, "Hypervisor ok!", ""], f"a clean end, not {rest}")


@system_test()
def flood_console_twice(ctx: Context) -> None:
    """Two VMs at once: each line says whose it is and is whole."""
    manifest = ROOT / f"guest/manifests/two-vms-{ctx.arch}.dts"
    result = run_guest(ctx, guest=ctx.out / "guest/flood_console.bin", manifest=manifest)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    lines = result.output.split("\n")
    for vm in ("[a] ", "[b] "):
        got = [line.removeprefix(vm) for line in lines if line.startswith(vm)]
        expect_same(ctx, f"VM {vm}", got)
    others = [line for line in lines if "flood" in line and line[:4] not in ("[a] ", "[b] ")]
    ctx.expect(not others, f"no line without its VM's name: {others[:3]}")
