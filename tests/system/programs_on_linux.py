"""gkernel's programs on a kernel that nobody here wrote.

The same object files, linked for Linux's layout, run under QEMU's user mode, which translates the
instructions and hands the system calls to this machine's Linux. What a program prints there is what
Linux's meanings are, so it is what it must print on gkernel too.

Left out are init, which prints nothing anywhere (its exit status is looked at), and spin: its
shares are of one CPU's whole time, and on a machine that does other things meanwhile nobody can say
what they should be.
"""

import os
import re
import resource
import shlex
import subprocess
from pathlib import Path

from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import Context, system_test

TIMEOUT = 120  # seconds

# The programs start each other by a name in the current folder. That is a script, because a Linux
# does not know that it could start such a program through QEMU.
SCRIPT = """#!/bin/sh
exec qemu-{arch} -0 {name} {program} "$@"
"""

PROGRAMS = ("fault", "fork", "fp", "hello", "init", "sh", "sleep", "spin", "threads")

HELLO = """\
hello, world
argc = 3
argv[0] = "hello"
argv[1] = "one"
argv[2] = "two words"
argc = 4
argv[0] = "hello"
argv[1] = "again"
argv[2] = "one"
argv[3] = "two words"
hello, new world
hello: 4 arguments through execve, 356125 bytes in 7 blocks of the heap: ok
"""

FORK = """\
fork: 64 processes, sum of their numbers 2016, ~ us each; memory after fork each's own: ok
"""

SLEEP = """\
sleep: 20 sleeps of 1 to 20 ms, none too short, late by ~ us on average, ~ us at most; the clocks \
agree; ~ us of CPU time for each: ok
"""

THREADS = """\
threads: counter 100000 of 100000, ~ ns each; results 30 of 30; 400 turns of 400; 4 woken \
together; futexes as Linux's: ok
"""

FP = """\
rounded to nearest   492c56669a7ab91b
rounded towards zero 0821ae09a9ceaacc
rounded downwards    db0ed6e452f13a17
rounded upwards      f5ebd13e9db6e900
fp: alone exact, side by side 4 of 4 processes and their parent bit-exact, each preempted at least \
5 times (~): ok
"""

FAULTS = (
    "null-read null-write null-jump kernel-read kernel-write kernel-jump text-write constant-write "
    "data-jump stack-jump stack-overflow no-rights read-only unmapped behind-heap illegal"
).split()
CALLS = {
    "write": 4,
    "writev": 4,
    "writev's part": 4,
    "openat": 4,
    "execve": 4,
    "futex": 4,
    "clock_gettime": 6,
    "getrusage": 6,
    "wait4": 5,
}
FAULT = "".join(
    [f"{name:14} killed by signal {4 if name == 'illegal' else 11}\n" for name in FAULTS]
    + [f"{name:14} {count} of {count} bad pointers refused\n" for name, count in CALLS.items()]
    + ["fault: 16 of 16 faults killed, 41 of 41 bad pointers refused, own memory untouched: ok\n"]
)

SH_INPUT = """\
hello one "two

   fault   null-write
none
init
ex it
fault nonsense
exit 7
never read
"""
SH = """\
$ hello, world
argc = 3
argv[0] = "hello"
argv[1] = "one"
argv[2] = ""two"
argc = 4
argv[0] = "hello"
argv[1] = "again"
argv[2] = "one"
argv[3] = ""two"
hello, new world
hello: 4 arguments through execve, 356125 bytes in 7 blocks of the heap: ok
$ $ sh: fault: killed by signal 11
$ sh: none: No such file or directory
sh: none: exit status 127
$ $ sh: ex: No such file or directory
sh: ex: exit status 127
$ fault: there is no nonsense: FAILED
sh: fault: exit status 1
$ """


def on_one_cpu() -> None:
    """As in the guest, which has one; and no core files of what is killed."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_program(ctx: Context, *words: str, stdin: str = "") -> tuple[int, str]:
    """Exit status and output, without the numbers that vary."""
    for name in PROGRAMS:
        script = ctx.scratch / name
        if not script.exists():
            program = shlex.quote(str(ctx.out / f"programs/linux/{name}.elf"))
            script.write_text(SCRIPT.format(arch=ctx.arch, name=name, program=program))
            script.chmod(0o755)
    done = subprocess.run(
        [f"./{words[0]}", *words[1:]],
        cwd=ctx.scratch,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # QEMU names every signal there
        text=True,
        timeout=TIMEOUT,
        check=False,
        preexec_fn=on_one_cpu,
    )
    ctx.keep_text(done.stdout)
    return done.returncode, re.sub(r"~[0-9.,]+", "~", done.stdout)


def expect_output(ctx: Context, expected: str, *words: str, stdin: str = "", status: int = 0):
    got, output = run_program(ctx, *words, stdin=stdin)
    ctx.expect(output == expected, f"of {' '.join(words)}:\n{expected}\nnot:\n{output}")
    ctx.expect(got == status, f"{words[0]} to end with {status}, not {got}")


@system_test(arches=ARCHES)
def programs_on_linux(ctx: Context) -> None:
    """Each program prints on Linux what is expected of it on gkernel."""
    expect_output(ctx, "", "init")
    expect_output(ctx, HELLO, "hello", "one", "two words")
    expect_output(ctx, FORK, "fork")
    expect_output(ctx, SLEEP, "sleep")
    expect_output(ctx, THREADS, "threads")
    expect_output(ctx, FAULT, "fault")
    # Long enough for a machine that is busy: it must be preempted often.
    expect_output(ctx, FP, "fp", "1000")


@system_test()
def shell_on_linux(ctx: Context) -> None:
    """The shell starts programs, says how they ended, and ends as told or when input does."""
    expect_output(ctx, SH, "sh", stdin=SH_INPUT, status=7)
    expect_output(ctx, "$ \n", "sh")
    status, output = run_program(ctx, "sh", stdin="init &\nhelp")
    ctx.expect(status == 0, f"status 0, not {status}")
    ctx.expect(re.search(r"^\$ \[\d+\]$", output, re.MULTILINE), "the number of a process")
    ctx.expect("exit [STATUS]" in output, "help to name exit")


@system_test()
def ps_on_linux(ctx: Context) -> None:
    """The shell's ps understands /proc as Linux writes it."""
    status, output = run_program(ctx, "sh", stdin="ps\n")
    ctx.expect(status == 0, f"status 0, not {status}")
    heading, *rows, end = output.removeprefix("$ ").splitlines()
    ctx.expect(heading == "  PID PARENT S NICE  CPU TIME NAME", f"a heading, not {heading}")
    ctx.expect(end == "$ ", "a prompt at the end")
    form = re.compile(r" *(\d+) +\d+ [A-Z] +-?\d+ +\d+ ms (.*)")
    processes = dict(form.fullmatch(row).groups() for row in rows if form.fullmatch(row))
    ctx.expect(len(processes) == len(rows), f"{len(rows)} rows of one form")
    first = Path("/proc/1/comm").read_text(encoding="utf-8").rstrip("\n")
    ctx.expect(processes.get("1") == first, f"process 1 to be {first}, not {processes.get('1')}")


@system_test()
def faults_one_by_one_on_linux(ctx: Context) -> None:
    """A fault by its name kills the program itself."""
    for name in FAULTS:
        status, output = run_program(ctx, "fault", name)
        expected = -4 if name == "illegal" else -11
        ctx.expect((status, output) == (expected, ""), f"{name}: {expected}, not {status} {output}")
