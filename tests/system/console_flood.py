"""A megabyte on the console (by a UART a sixteenth of it): nothing of it is lost, doubled or out of order."""

import functools

from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import Context, run_guest, system_test

# By a UART, and by the PC's call, bytes come one by one.
LINES = {"riscv64": 16384, "aarch64": 1024, "x86_64": 2048}
LETTERS = 48


def fnv1a(text: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in text:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


@functools.cache
def flood(count: int) -> list[str]:
    """What the guest prints, made from its description, not from its code."""
    numbers = range(LETTERS)
    lines = [
        f"flood {line:08x} " + "".join(chr(33 + (line * 7 + n * 13) % 94) for n in numbers)
        for line in range(count)
    ]
    value = fnv1a("".join(f"{line}\n" for line in lines).encode())
    return [*lines, f"flood_console: {count * 64} bytes, fnv1a {value:016x}"]


def expect_same(ctx: Context, what: str, got: list[str]) -> None:
    """Tells the first line that differs, not the whole megabyte."""
    for number, (line, wanted) in enumerate(zip(got, flood(LINES[ctx.arch]))):
        ctx.expect(line == wanted, f"{what}: {wanted!r} in line {number}, not {line!r}")
    count = LINES[ctx.arch] + 1
    ctx.expect(len(got) == count, f"{what}: {count} lines, not {len(got)}")


@system_test(arches=ARCHES)
def flood_console(ctx: Context) -> None:
    cmdline = f"lines={LINES[ctx.arch]}"
    result = run_guest(ctx, guest=ctx.out / "guest/flood_console.bin", cmdline=cmdline)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    # Only what plain() took out of the console's bytes, escapes and carriage returns, is not seen.
    lines = result.output.split("\n")
    begin = lines.index("Entering VM run loop...") + 1
    end = begin + LINES[ctx.arch] + 1
    expect_same(ctx, "the console", lines[begin:end])
    rest = lines[end:]
    ctx.expect(rest == [*ctx.board.clean_end, ""], f"a clean end, not {rest}")


@system_test(arches=ARCHES)
def flood_console_twice(ctx: Context) -> None:
    """Two VMs at once: each line says whose it is, and is whole."""
    manifest = ctx.scratch / "two.dts"
    cmdline = f'cmdline = "lines={LINES[ctx.arch]}";'
    manifest.write_text(
        f'/dts-v1/;\n/include/ "two-vms-{ctx.arch}.dts"\n'
        f"/ {{ vms {{ a {{ {cmdline} }}; b {{ {cmdline} }}; }}; }};\n"
    )
    result = run_guest(ctx, guest=ctx.out / "guest/flood_console.bin", manifest=manifest)
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    lines = result.output.split("\n")
    for vm in ("[a] ", "[b] "):
        got = [line.removeprefix(vm) for line in lines if line.startswith(vm)]
        expect_same(ctx, f"VM {vm}", got)
    others = [line for line in lines if "flood" in line and line[:4] not in ("[a] ", "[b] ")]
    ctx.expect(not others, f"no line without its VM's name: {others[:3]}")
