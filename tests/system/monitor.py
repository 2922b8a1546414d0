"""The monitor: at the console behind Ctrl-T, and at the control line, while guests run."""

import re
import threading
from contextlib import contextmanager

from exeunt_lib import control
from exeunt_lib.paths import ARCHES
from exeunt_lib.qemu import Result, plain
from exeunt_lib.session import PATIENCE, TIMEOUT, VIRTUAL_TIMEOUT, Session, start_session
from exeunt_lib.testing import Context, run_guest, system_test

import disk

SERVERS = ("console", "fs-loader", "sbi-server", "npf-pager", "timer-server", "monitor")
# What a guest that spins did before.
EXITS = {
    "riscv64": "HYPERCALL +sbi-server +[1-9]",
    "aarch64": "STAGE2 +npf-pager +[1-9]",
    "x86_64": "HYPERCALL +sbi-server +[1-9]",
}
ESCAPE = "\x14"
PROMPT = "exeunt> "
ERASE = "\r\x1b[K"  # what the console takes the monitor's line away with
SPINS = "spin: spinning with interrupts masked"

ROUNDS = 40  # of killing each server, or of replacing each

# What flood_console.c prints, made from its description; see console_flood.py.
FLOOD_LINES = {"riscv64": 16384, "aarch64": 1024, "x86_64": 2048}
FLOOD = [
    f"flood {line:08x} " + "".join(chr(33 + (line * 7 + n * 13) % 94) for n in range(48))
    for line in range(16384)
]


def rendered(raw: bytes) -> list[str]:
    """The screen's lines: what was erased again is not there."""
    text = raw.decode("utf-8", errors="replace")
    return [plain(line.rpartition(ERASE)[2].encode()) for line in text.split("\n")]


class Typing(Session):
    """At the monitor's prompt."""

    def command(self, text: str) -> list[str]:
        """Types a command at the prompt; returns the lines of the answer."""
        self.type(text + "\r")
        self.wait(text + "\n")
        answer = self.wait(ERASE + PROMPT).removesuffix(ERASE + PROMPT)
        return [line for line in rendered(answer.encode()) if line]


def session(ctx: Context, **boot):
    """A context; boot: a Boot's fields."""
    return start_session(ctx, Typing, **boot)


def expect_flood(ctx: Context, lines: list[str]) -> None:
    """Every line of the guest's, whole, once and in order; others may stand between."""
    got = [line for line in lines if line.startswith("flood ")]
    for number, (line, wanted) in enumerate(zip(got, FLOOD)):
        ctx.expect(line == wanted, f"{wanted!r} as line {number}, not {line!r}")
    count = FLOOD_LINES[ctx.arch]
    ctx.expect(len(got) == count, f"{count} lines, not {len(got)}")
    mixed = [line for line in lines if "flood " in line and not line.startswith("flood")]
    ctx.expect(not mixed, f"no line of the guest's in another: {mixed[:3]}")


# ---- at the console ------------------------------------------------------------------------------


@system_test(arches=ARCHES)
def monitor_at_console(ctx: Context) -> None:
    """Each command, typed with mistakes and taken back; the guest spins meanwhile."""
    with session(ctx, guest=ctx.out / "guest/spin.bin") as system:
        system.wait("Ctrl-T opens the monitor")
        system.wait(SPINS)
        system.type(ESCAPE)
        system.wait(PROMPT)
        answer = "\n".join(system.command("help"))
        ctx.expect_lines(answer, "help", "ps", "vm", "exits", "caps", "log", "kill", "replace")
        answer = "\n".join(system.command("ps"))
        ctx.expect_lines(answer, "NAME", *(f" {name} " for name in SERVERS), " init ")
        answer = "\n".join(system.command("vm"))
        memory = f"{ctx.board.memory >> 10:,}"
        ctx.expect_lines(
            answer, re.compile(f"vm0 +0 +running +1 +{memory}"), re.compile("vm0 +0 +")
        )
        system.command("exits on")
        answer = "\n".join(system.command("exits"))
        ctx.expect_lines(answer, "VM", re.compile(EXITS[ctx.arch]), "TIMER")
        system.command("exits off")
        answer = "\n".join(system.command("caps fs-loader"))
        ctx.expect_lines(answer, re.compile("portal +init .* call"), re.compile("virtio .* rw-"))
        ctx.expect_lines(answer, re.compile("guest-ram-0 .* rw-"))
        ctx.expect_lines("\n".join(system.command("log")), "Entering VM run loop...")
        # Backspace, the whole line taken back, cursor keys that mean nothing.
        system.type("bad\x15kil\x7f\x7f\x7fvm\x1b[A\x1b[D\r")
        system.wait(" vm0 ")
        system.wait(ERASE + PROMPT)
        for command, wrong in (
            ("fly", "there is no command `fly`"),
            ("caps", "write: caps NAME"),
            ("caps nobody", f"name one of {', '.join(SERVERS)}, init"),
            ("kill init", "it restarts all others"),
            ("replace sbi-server /no/such", "/no/such is not on the disk"),
            ("replace sbi-server /sbin/gkernel", "the old one serves"),
        ):
            ctx.expect_lines("\n".join(system.command(command)), wrong)
        ctx.expect_lines("\n".join(system.command("kill sbi-server 3")), "killed 3 times")
        for name in SERVERS:
            ctx.expect_lines("\n".join(system.command(f"kill {name}")), f"{name}: killed, serves")
            ctx.expect_lines("\n".join(system.command(f"replace {name}")), f"{name}: replaced")
        answer = "\n".join(system.command("ps"))
        for name in SERVERS:
            restarts = 4 if name == "sbi-server" else 1
            ctx.expect_lines(answer, re.compile(rf"^ {name} +\w+ +{restarts} +1 "))
        system.type("exit\r")
        system.wait("monitor: left")
        system.type("x" + ESCAPE)  # the guest's
        system.wait(PROMPT)
        system.type("vm" + ESCAPE)
        system.wait("monitor: left")


def type_beside_flood(ctx: Context, *commands: str) -> None:
    """Types the commands in turn while a guest prints a megabyte."""
    count = FLOOD_LINES[ctx.arch]
    enough = f"flood {count // 2:08x}".encode()
    boot = {"guest": ctx.out / "guest/flood_console.bin", "cmdline": f"lines={count}"}
    with session(ctx, **boot) as system:
        system.wait("flood 00000010")
        system.type(ESCAPE)
        system.wait(PROMPT)
        done = 0
        # Up to long before its end: a command takes it less than a few hundred lines.
        while enough not in system.raw:
            command = commands[done % len(commands)]
            system.type(command + "\r")
            system.wait("serves again" if command.startswith("kill") else " init ")
            system.wait(PROMPT)
            done += 1
        system.wait("Hypervisor ok!")
        lines = rendered(bytes(system.raw))
    expect_flood(ctx, lines)
    ctx.expect(done >= len(commands), f"each of {commands} at least once, not {done} in all")
    typed = {line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)}
    ctx.expect(typed <= set(commands), f"only what was typed: {typed}")


@system_test(arches=ARCHES)
def monitor_beside_output(ctx: Context) -> None:
    """What is typed beside a guest's output is in nobody's line."""
    type_beside_flood(ctx, "ps")


@system_test(arches=ARCHES)
def monitor_dies_beside_output(ctx: Context) -> None:
    """Nor is it when those who draw it die: focus, prompt and answers outlive them."""
    type_beside_flood(ctx, "kill console", "kill monitor", "ps")


# ---- at the control line -------------------------------------------------------------------------


@contextmanager
def controlled(ctx: Context, **boot):
    """A system with a control line, and a client of that."""
    path = ctx.scratch / "control"
    with session(ctx, control=path, **boot) as system:

        def read() -> None:
            while system.pump(1):
                pass

        reader = threading.Thread(target=read)
        reader.start()
        try:
            with control.wait_for(path, PATIENCE) as line:
                yield system, line
        finally:
            system.process.kill()
            reader.join()


def expect_answer(ctx: Context, line: control.ControlLine, request: str, wanted: str) -> None:
    answer = line.ask(request)
    ctx.expect(not answer.error, f"{request}: an answer, not: {answer.error}")
    ctx.expect_lines("\n".join(answer.lines), wanted)


@system_test(arches=ARCHES)
def control_line(ctx: Context) -> None:
    """Requests of every form, and clients that go away in the middle of one."""
    path = ctx.scratch / "control"
    with controlled(ctx, guest=ctx.out / "guest/spin.bin") as (_, line):
        expect_answer(ctx, line, "ps", "timer-server")
        for request, wrong in (
            ("fly", "there is no command `fly`"),
            ("kill nobody", "there is no server `nobody`"),
            ("kill sbi-server 0", "is no count"),
            ("kill sbi-server -1", "is no count"),
            ("replace sbi-server #0", "is no size"),
            ("replace sbi-server #99999999999999999999", "is no size"),
            ("x" * 300, "the line is longer than 256 bytes"),
        ):
            answer = line.ask(request)
            ctx.expect(wrong in answer.error, f"{request[:40]}: {wrong!r}, not {answer}")
        for content, wrong in (
            (bytes(5000), "init does not take the file"),
            (bytes(600_000), "the file has 600,000 bytes"),
        ):
            answer = line.ask(f"replace sbi-server #{len(content)}", content)
            ctx.expect(wrong in answer.error, f"{wrong!r}, not {answer}")
        answer = line.ask("replace nobody #10", b"0123456789")
        ctx.expect("there is no server `nobody`" in answer.error, f"a refusal, not {answer}")
        # Two at once, and a line that ends as a terminal's.
        line.link.sendall(b"echo one\necho two\r\n")
        for word in ("one", "two"):
            found = line._rest()  # pylint: disable=protected-access
            ctx.expect(found.lines == [word], f"{word!r}, not {found}")
        # The next client ends what this one began.
        line.link.sendall(b"replace sbi-server #400000\n" + bytes(1234))
        line.close()
        with control.wait_for(path, PATIENCE) as second:
            expect_answer(ctx, second, "echo here", "here")
            second.link.sendall(b"half a li")
        with control.wait_for(path, PATIENCE) as third:
            expect_answer(ctx, third, "ps", "sbi-server")


def servers_file(ctx: Context, name: str) -> bytes:
    return control.strip(ctx.out / f"server_{ctx.arch}/{name}.elf")


@system_test(arches=ARCHES)
def replace_from_disk(ctx: Context) -> None:
    """By a path: a server's file, one that is no ELF file, one that is too large."""
    image = ctx.scratch / "disk.img"
    files = {"sbi-server.elf": servers_file(ctx, "sbi-server"), "junk": bytes(5000)}
    files["large"] = bytes(600_000)
    for name, content in files.items():
        (ctx.scratch / name).write_bytes(content)
    on_disk = {f"/servers/{name}": ctx.scratch / name for name in files}
    disk.make_fat32(image, {"/sbin/gkernel": ctx.out / "guest/spin.bin", **on_disk})
    with controlled(ctx, disk=image) as (_, line):
        for name in ("sbi-server", "fs-loader"):  # of which it is one
            answer = line.ask(f"replace {name} /servers/sbi-server.elf")
            taken = not answer.error
            ctx.expect(taken == (name == "sbi-server"), f"only its own file: {name}: {answer}")
        for name, wrong in (
            ("junk", "init does not take the file"),
            ("large", "has 600,000 bytes, at most 524,288 fit"),
            ("none", "is not on the disk"),
        ):
            answer = line.ask(f"replace sbi-server /servers/{name}")
            ctx.expect(wrong in answer.error, f"{name}: {wrong!r}, not {answer}")
        expect_answer(ctx, line, "ps", "sbi-server")


def flood_under(ctx: Context, step, **boot) -> None:
    """Runs the flooding guest, and a step again and again until that, or the guest, has ended."""
    path = ctx.scratch / "control"
    results: list[Result] = []
    guest = ctx.out / "guest/flood_console.bin"
    bounds = {"timeout": TIMEOUT, "virtual_timeout": VIRTUAL_TIMEOUT}
    bounds["cmdline"] = f"lines={FLOOD_LINES[ctx.arch]}"

    def run() -> None:
        results.append(run_guest(ctx, guest=guest, control=path, **bounds, **boot))

    runner = threading.Thread(target=run)
    runner.start()
    try:
        with control.wait_for(path, PATIENCE) as line:
            while step(line):
                pass
    except control.ExeuntError:
        pass  # it has ended
    runner.join()
    ctx.expect(results and results[0].status == 0, f"status 0, not {results and results[0].status}")
    expect_flood(ctx, results[0].output.split("\n"))


@system_test(arches=ARCHES)
def kill_by_monitor(ctx: Context) -> None:
    """Servers die all the time, one after the other; the guest's output is what it was."""
    kills = dict.fromkeys(SERVERS, 0)
    names = iter(SERVERS * ROUNDS)

    def step(line: control.ControlLine) -> bool:
        name = next(names, None)
        if name is None:
            return False
        answer = line.ask(f"kill {name}")
        ctx.expect(not answer.error, f"kill {name}: done, not: {answer.error}")
        kills[name] += 1
        return True

    flood_under(ctx, step, manifest=ctx.manifest("on-demand"))
    ctx.say(f"{sum(kills.values())} kills: {kills}")
    ctx.expect(min(kills.values()) > 0, "each server killed at least once")


@system_test(arches=ARCHES)
def replace_by_monitor(ctx: Context) -> None:
    """Each server by its own file, sent, and by what it was started from.

    New versions are prepared in turns with the guest, so there is time for a few in each run.
    """
    done = dict.fromkeys(SERVERS, 0)
    for pair in zip(SERVERS[::2], SERVERS[1::2]):
        turns = iter([(name, sent) for sent in (True, False) for name in pair] * ROUNDS)

        def step(line: control.ControlLine) -> bool:
            name, sent = next(turns, (None, False))
            if name is None:
                return False
            content = servers_file(ctx, name) if sent else b""
            request = f"replace {name} #{len(content)}" if sent else f"replace {name}"
            answer = line.ask(request, content)
            ctx.expect(not answer.error, f"{request}: done, not: {answer.error}")
            done[name] += 1
            return True

        flood_under(ctx, step, manifest=ctx.manifest("on-demand"))
    ctx.say(f"{sum(done.values())} replacements: {done}")
    ctx.expect(min(done.values()) > 0, "each server replaced at least once")
