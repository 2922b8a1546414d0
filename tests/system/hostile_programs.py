"""Programs that our guest's kernel must survive: tests/system/programs, on a flash of their own.

Each says what it expected and ends with 0 when that is what it found. That the kernel lives and
gives everything back is said by the programs that run behind it.
"""

from pathlib import Path

import pflash
from exeunt_lib.testing import Context, Result, run_guest, system_test

# One of the usual programs, run behind the hostile ones.
WITNESS = "hello"
# What chance begins from, and how often four processes are let loose.
SEED = 1
ROUNDS = 80


def flash(ctx: Context, *names: str) -> Path:
    """A flash image with these programs."""
    image = ctx.scratch / "pflash.img"
    pflash.write(image, {name: (ctx.out / f"programs/{name}.elf").read_bytes() for name in names})
    return image


def run_programs(ctx: Context, *words: str, **boot) -> Result:
    """Runs them, one after the other, and the witness: all must end with 0, and say so."""
    names = [word.split(",")[0] for word in words]
    image = flash(ctx, *dict.fromkeys([*names, WITNESS]))
    result = run_guest(ctx, pflash=image, cmdline=" ".join([*words, WITNESS]), **boot)
    for name in (*names, WITNESS):
        said = [line for line in result.lines if line.startswith(f"{name}: ")]
        ctx.expect(said and all(line.endswith(": ok") for line in said), f"{name} ok, not {said}")
    ctx.expect_lines(result.output, "monolithic kernel exit [0] normally!")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    return result


@system_test()
def gkernel_kills_threads_that_never_ran(ctx: Context) -> None:
    """A process ends with a thread that has not run yet, which would make another."""
    run_programs(ctx, "undead")


@system_test()
def gkernel_refuses_privileged_instructions(ctx: Context) -> None:
    """Programs that try them die alike, with the hypervisor and without."""
    run_programs(ctx, "privileged")
    run_programs(ctx, "privileged", bare=True)


@system_test()
def gkernel_answers_as_linux(ctx: Context) -> None:
    """Calls that nobody makes on purpose, on threads, zombies, own memory, odd arguments."""
    run_programs(ctx, "awkward", "answers")


@system_test()
def gkernel_survives_calls_by_chance(ctx: Context) -> None:
    """Some 30,000 system calls with awkward arguments, from four processes side by side."""
    run_programs(ctx, f"calls,{SEED},{ROUNDS}")


@system_test()
def gkernel_survives_bombs(ctx: Context) -> None:
    """Processes, threads, memory, tables and stacks until there is no more; all comes back."""
    run_programs(ctx, "bombs")
