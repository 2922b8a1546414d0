"""gkernel's shell: what a person types at the guest's console, under the hypervisor and without."""

import os
import pty
import re
import select
import signal
import subprocess
import time

from exeunt_lib import control
from exeunt_lib.paths import ARCHES, ROOT
from exeunt_lib.recovery_machine import SERVERS
from exeunt_lib.session import PATIENCE, Session, start_session
from exeunt_lib.testing import Context, system_test

PROMPT = "\n$ "
HEADING = "  PID PARENT S NICE  CPU TIME NAME"
PROCESS = re.compile(r" *(\d+) +(\d+) ([A-Z]) +(-?\d+) +(\d+) ms (\S+)")
END_OF_INPUT = "\x04"


class Shell(Session):
    """At the shell's prompt."""

    def command(self, typed: str, shown: str = "") -> list[str]:
        """Types a line; returns the answer's. shown: what stands on the screen, unless it is what
        was typed."""
        self.type(typed + "\r")
        self.wait(shown or typed)
        answer = self.wait(PROMPT).removesuffix(PROMPT).replace("\r", "").split("\n")[1:]
        # The kernel names a system call that it does not have when it meets it first.
        return [line for line in answer if line and not line.startswith("syscall: ")]

    def processes(self, ctx: Context) -> dict[int, tuple]:
        """What ps shows, by pid."""
        heading, *rows = self.command("ps")
        ctx.expect(heading == HEADING, f"{HEADING!r}, not {heading!r}")
        found = [PROCESS.fullmatch(row) for row in rows]
        ctx.expect(all(found), f"rows of one form, not {rows}")
        return {int(row[1]): row.groups()[1:] for row in found}


def expect_answer(ctx: Context, shell: Shell, typed: str, *wanted: str, shown: str = "") -> None:
    got = shell.command(typed, shown)
    ctx.expect(got == list(wanted), f"{typed!r}: {list(wanted)}, not {got}")


def use(ctx: Context, shell: Shell) -> None:
    """What a shell is for: programs with arguments, how they end, a look at the processes."""
    shell.wait(PROMPT)
    greeting = shell.command("hello one  two")
    wanted = ["hello, world", "argc = 3", 'argv[0] = "hello"', 'argv[1] = "one"', 'argv[2] = "two"']
    ctx.expect(greeting[: len(wanted)] == wanted, f"{wanted}, not {greeting}")
    ctx.expect(greeting[-1].endswith(": ok"), f"hello to end well, not {greeting[-1]!r}")
    expect_answer(ctx, shell, "/bin/init")
    missing = "sh: nobody: No such file or directory"
    expect_answer(ctx, shell, "nobody", missing, "sh: nobody: exit status 127")
    help_lines = "\n".join(shell.command("help"))
    ctx.expect_lines(help_lines, "PROGRAM", "ps", "exit", "help")
    # One letter rubbed out, a whole line, and a line with nothing in it.
    rubbed = "\b \b"
    expect_answer(ctx, shell, "inix\x7ft", shown=f"inix{rubbed}t")
    expect_answer(ctx, shell, "abc\x15init", shown=f"abc{rubbed * 3}init")
    shell.command("")
    killed, told = shell.command("fault null-write")
    pattern = r"process \d+ \(fault\) killed: write of 0x0 at pc 0x1\w+: nothing is there"
    ctx.expect(re.fullmatch(pattern, killed), f"{pattern!r}, not {killed!r}")
    ctx.expect(told == "sh: fault: killed by signal 11", f"signal 11, not {told!r}")


def use_beside(ctx: Context, shell: Shell) -> None:
    """A program that runs beside the shell, seen by ps."""
    alone = shell.processes(ctx)
    ctx.expect([row[-1] for row in alone.values()] == ["sh"], f"sh alone, not {alone}")
    (own,) = alone
    (started,) = shell.command("spin 1000 &")
    pid = int(re.fullmatch(r"\[(\d+)\]", started)[1])
    found = shell.processes(ctx)
    ctx.expect(found[own][1] == "R", f"sh to run while it looks, not {found[own]}")
    ctx.expect(found[pid][0] == str(own), f"spin to be sh's child, not {found[pid]}")
    spinners = [row for row in found.values() if row[0] == str(pid)]
    nice = sorted(int(row[2]) for row in spinners)
    ctx.expect(nice == [0, 0, 5], f"three of nice 0, 0 and 5, not {spinners}")
    shell.wait("each within 5 %: ok")
    # It is waited for before the next prompt.
    shell.command("init")
    ctx.expect(list(shell.processes(ctx)) == [own], "sh alone again")


def with_shell(ctx: Context, bare: bool) -> None:
    with start_session(ctx, Shell, cmdline="sh", bare=bare) as shell:
        use(ctx, shell)
        use_beside(ctx, shell)
        shell.type("exit 3\r")
        result = shell.end()
    ctx.expect_lines(result.output, "monolithic kernel exit [3] abnormally!")
    ctx.expect(result.status == 1, f"status 1, not {result.status}")


@system_test(arches=ARCHES)
def shell_typed(ctx: Context) -> None:
    """By the firmware's console, or by a UART that a server plays."""
    with_shell(ctx, bare=False)


@system_test(arches=ARCHES)
def shell_typed_bare(ctx: Context) -> None:
    with_shell(ctx, bare=True)


@system_test(arches=ARCHES)
def shell_beside_deaths(ctx: Context) -> None:
    """Every server is killed between one line and the next, and in the middle of what is typed."""
    path = ctx.scratch / "control"
    with start_session(ctx, Shell, cmdline="sh", control=path) as shell:
        shell.wait(PROMPT)
        with control.wait_for(path, PATIENCE) as line:
            for name in SERVERS:
                shell.type("init")
                shell.wait("init")
                answer = line.ask(f"kill {name}")
                ctx.expect(not answer.error, f"{name} to be killed, not: {answer.error}")
                shell.type(" nobody\r")
                shell.wait(PROMPT)
                greeting = shell.command("hello")
                ctx.expect(greeting[-1].endswith(": ok"), f"hello to end well, not {greeting}")
        shell.type("exit\r")
        result = shell.end()
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
    for name in SERVERS:
        ctx.expect_lines(result.output, re.compile(f"^server {name} died: it was killed"))


def shell_options(ctx: Context) -> list[str]:
    """Of `tools/exeunt run`."""
    place = ["--arch", ctx.arch, "--out", str(ctx.out), "--no-build"]
    return [*place, "--guest-args", "sh", "--timeout", str(PATIENCE)]


def read_terminal(end: int, wanted: bytes, seconds: float) -> bytes:
    """What comes up to the wanted bytes, until the other end closes, or in that time."""
    deadline = time.monotonic() + seconds
    output = b""
    while wanted not in output and time.monotonic() < deadline:
        if select.select([end], [], [], 1)[0]:
            try:
                output += os.read(end, 65536)
            except OSError:  # closed
                break
    return output


@system_test(arches=ARCHES)
def shell_at_terminal(ctx: Context) -> None:
    """`tools/exeunt run --guest-args sh` at a terminal, as a person has it."""
    words = shell_options(ctx)
    child, terminal = pty.fork()
    if child == 0:
        command = str(ROOT / "tools/exeunt")
        os.execv(command, [command, "run", *words])
    status = None
    try:
        output = read_terminal(terminal, PROMPT.encode(), PATIENCE)
        os.write(terminal, b"hello\r")
        output += read_terminal(terminal, PROMPT.encode(), PATIENCE)
        os.write(terminal, b"exit\r")
        output += read_terminal(terminal, b"Hypervisor ok!", PATIENCE)
        _, status = os.waitpid(child, 0)
    finally:
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(terminal)
    text = output.decode("utf-8", errors="replace")
    ctx.keep_text(text)
    ctx.expect_lines(text, "$ hello", "hello, world", "$ exit", "Hypervisor ok!")
    ctx.expect(os.waitstatus_to_exitcode(status) == 0, f"status 0, not {status}")


@system_test(arches=ARCHES)
def shell_piped(ctx: Context) -> None:
    """`... | tools/exeunt run --guest-args sh`: what comes through a pipe is typed, too, all of it
    before the shell is there."""
    words = shell_options(ctx)
    done = subprocess.run(
        [ROOT / "tools/exeunt", "run", *words],
        input=f"hello{' a' * 17}\nhello one\nexit 3\n",
        capture_output=True,
        text=True,
        check=False,
    )
    ctx.keep_text(done.stdout)
    ctx.expect_lines(
        done.stdout, "sh: that is more than 16 words", "argc = 2", "kernel exit [3] abnormally!"
    )
    ctx.expect(done.returncode == 1, f"status 1, not {done.returncode}")


@system_test(arches=ARCHES)
def shell_end_of_input(ctx: Context) -> None:
    """Ctrl-D in an empty line ends the shell, and that is a good end."""
    with start_session(ctx, Shell, cmdline="sh") as shell:
        shell.wait(PROMPT)
        shell.type(END_OF_INPUT)
        result = shell.end()
    ctx.expect_lines(result.output, "monolithic kernel exit [0] normally!", "Hypervisor ok!")
    ctx.expect(result.status == 0, f"status 0, not {result.status}")


@system_test(arches=ARCHES)
def shell_typed_ahead(ctx: Context) -> None:
    """What is typed while a program runs is not lost: it is for whoever reads next."""
    with start_session(ctx, Shell, cmdline="sh") as shell:
        shell.wait(PROMPT)
        shell.type("sleep\rnobody\r")
        shell.wait("sleep: 20 sleeps")
        shell.wait("sh: nobody: exit status 127")
        shell.type("exit\r")
        result = shell.end()
    ctx.expect(result.status == 0, f"status 0, not {result.status}")
