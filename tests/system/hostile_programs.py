"""Programs that our guest's kernel must survive: tests/system/programs, on a flash of their own.

Each says what it expected and ends with 0 when that is what it found. That the kernel lives and
gives everything back is said by the programs that run behind it.
"""

import random
import struct
from pathlib import Path

import pflash
from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import Context, Result, run_guest, system_test

# One of the usual programs, run behind the hostile ones.
WITNESS = "hello"
# What chance begins from, and how often four processes are let loose.
SEED = 1
ROUNDS = 80
NONE: dict[str, bytes] = {}

# Values that are awkward for addresses and sizes of an ELF file.
EDGES = (0, 1, 0xFFF, 0x1000, 0x3FEFF000, 0x3FF00000, 1 << 30, 1 << 63, (1 << 64) - 1)
ELF_HEADER = 64
PROGRAM_HEADERS = 8 * 56


def program(ctx: Context, name: str) -> bytes:
    """The ELF file of one of ours."""
    return (ctx.out / f"programs/{name}.elf").read_bytes()


def run_programs(ctx: Context, *words: str, others: dict[str, bytes] = NONE, **boot) -> Result:
    """Runs them, one after the other, and the witness: all must end with 0, and say so.

    others: what else is in the flash.
    """
    names = [word.split(",")[0] for word in words]
    image = ctx.scratch / "pflash.img"
    pflash.write(image, {name: program(ctx, name) for name in [*names, WITNESS]} | others, ctx.arch)
    result = run_guest(ctx, pflash=image, cmdline=" ".join([*words, WITNESS]), **boot)
    for name in (*names, WITNESS):
        said = [line for line in result.lines if line.startswith(f"{name}: ")]
        ctx.expect(said and all(line.endswith(": ok") for line in said), f"{name} ok, not {said}")
    ctx.expect_lines(result.output, "monolithic kernel exit [0] normally!")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    return result


@system_test(arches=ARCHES)
def gkernel_kills_threads_that_never_ran(ctx: Context) -> None:
    """A process ends with a thread that has not run yet, which would make another."""
    run_programs(ctx, "undead")


@system_test(arches=ARCHES)
def gkernel_refuses_privileged_instructions(ctx: Context) -> None:
    """Programs that try them die alike, with the hypervisor and without."""
    run_programs(ctx, "privileged")
    run_programs(ctx, "privileged", bare=True)


@system_test(arches=ARCHES)
def gkernel_answers_as_linux(ctx: Context) -> None:
    """Calls that nobody makes on purpose, on threads, zombies, own memory, odd arguments."""
    run_programs(ctx, "awkward", "answers")


@system_test(arches=ARCHES)
def gkernel_survives_calls_by_chance(ctx: Context) -> None:
    """Some 30,000 system calls with awkward arguments, from four processes side by side."""
    run_programs(ctx, f"calls,{SEED},{ROUNDS}")


@system_test(arches=ARCHES)
def gkernel_survives_ends_in_every_order(ctx: Context) -> None:
    """Processes and threads that execute, wait, are killed and end by chance."""
    run_programs(ctx, f"churn,{SEED},40")


@system_test(arches=ARCHES)
def gkernel_survives_bombs(ctx: Context) -> None:
    """Processes, threads, memory, tables and stacks until there is no more; all comes back."""
    run_programs(ctx, "bombs")


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A program with bytes or words of its headers or of the rest changed, or cut off."""
    changed = bytearray(data)
    end = chance.choice((ELF_HEADER, ELF_HEADER + PROGRAM_HEADERS, len(data)))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(end)
        if chance.random() < 0.8:
            changed[at] = chance.choice((changed[at] ^ 1 << chance.randrange(8), 0, 1, 7, 0xFF))
        else:
            struct.pack_into("<Q", changed, min(at & ~7, len(data) - 8), chance.choice(EDGES))
    if chance.random() < 0.05:
        del changed[chance.randrange(1, end) :]
    return bytes(changed)


def survive_damaged_programs(ctx: Context, **boot) -> None:
    chance = random.Random(SEED)
    bases = [program(ctx, name) for name in ("hello", "fork", "threads", "calls")]
    mutants = {f"m{number}": damaged(chance.choice(bases), chance) for number in range(60)}
    result = run_programs(ctx, "mutants", others=mutants, **boot)
    ctx.expect_lines(result.output, "mutants: 60 damaged programs run")


@system_test()
def gkernel_survives_damaged_programs(ctx: Context) -> None:
    """60 programs with changed bytes, whose CRC-32 is right: refused, killed, or they run."""
    survive_damaged_programs(ctx)


@system_test(arches=ARCHES)
def gkernel_survives_odd_instructions(ctx: Context) -> None:
    """Misaligned atomics, pages' ends, nonsense in the stack pointer: as on the bare machine."""
    run_programs(ctx, "odd")
    run_programs(ctx, "odd", bare=True)


@system_test(arches=ARCHES)
def gkernel_gives_out_nothing_used(ctx: Context) -> None:
    """New memory is zero on every way to get it, and so are a new program's registers."""
    run_programs(ctx, "fresh")


@system_test()
def gkernel_keeps_waiters_from_new_memory(ctx: Context) -> None:
    """Threads wait for words in shared memory that becomes another process's."""
    run_programs(ctx, "recycled")


@system_test(arches=ARCHES)
def gkernel_shares_the_cpu_with_thieves(ctx: Context) -> None:
    """Relays of processes, short sleeps, yielding, changing nice: none takes more than its part."""
    run_programs(ctx, "thieves")
