"""`exeunt run --at EXIT:ACTION:SERVER`: a server is lost or replaced at an exit of the guest.

The machine runs under QEMU's gdb stub up to the last of the exits that were named; from then on
nothing is in its way.
"""

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import control
from .abi import GUEST_CLASSES
from .arch import arch_of
from .gdbstub import Ended, Stub, StubError
from .manifest import Manifest
from .paths import ExeuntError, UsageError, say
from .recovery_machine import INIT, Machine, System
from .recovery_strike import Missed, hang, kill, lasting
from .symbols import Elf

FORM = re.compile(r"(\d+):(kill|hang|replace)(?:=([^:]+))?:([A-Za-z0-9_-]+)")
# Exits that a guest can make in a second at most; so long it may run unwatched, and a little less.
RATE = 2_000_000
NEAR = 2000


@dataclass(frozen=True)
class At:
    exit: int
    action: str
    server: str
    path: Path | None = None  # replace: by this ELF file

    def __str__(self) -> str:
        return f"{self.exit}:{self.action}{f'={self.path}' if self.path else ''}:{self.server}"


def parse_at(text: str) -> At:
    match = FORM.fullmatch(text)
    if not match or not int(match[1]):
        raise UsageError(
            f"{text}: write EXIT:ACTION:SERVER; EXIT counts from 1, ACTION is kill, hang, "
            "replace or replace=PATH"
        )
    if match[3] and match[2] != "replace":
        raise UsageError(f"{text}: {match[2]} takes no file")
    if match[3] and not Path(match[3]).is_file():
        raise UsageError(f"{text}: there is no file {match[3]}")
    return At(int(match[1]), match[2], match[4], Path(match[3]) if match[3] else None)


def check_servers(wanted: list[At], servers: dict[str, str]) -> None:
    """servers: their images by their names."""
    for at in wanted:
        if at.server not in servers:
            raise UsageError(
                f"--at {at}: the manifest has no server {at.server}; it has {', '.join(servers)}"
            )


class Attached(Machine):
    """A machine that somebody else started, and that may run as long as it likes."""

    def __init__(self, system: System, stub: Stub):
        super().__init__(system)
        self.stub = stub

    def _wait(self, order: str) -> None:
        self.stub.start(order)
        while True:
            try:
                return self.stub.finish()
            except TimeoutError:
                continue

    def run_for(self, seconds: float) -> None:
        """Unwatched."""
        self.unwatch()
        self.stub.start("c")
        time.sleep(seconds)
        self.stub.interrupt()
        self.watch()


class Director(threading.Thread):
    """Does what was asked for, exit by exit, beside a QEMU that was started with -S."""

    def __init__(self, wanted: list[At], system: System, gdb: Path, line: Path | None):
        super().__init__(daemon=True)
        self.wanted = sorted(wanted, key=lambda at: at.exit)
        self.system, self.gdb, self.line = system, gdb, line

    def run(self) -> None:
        stub = None
        try:
            stub = Stub(self.gdb, self.system.arch.pc)
            machine = Attached(self.system, stub)
            machine.watch()
            for at in self.wanted:
                self.wait_for(machine, at)
                self.do(machine, at)
                say(f"--at {at}: done")
            stub.detach()
        except Ended:
            say("the machine ended before all that --at names had happened")
        except (StubError, Missed, ExeuntError) as error:
            say(f"--at: {error}")
            if stub:
                stub.detach()
        finally:
            if stub:
                stub.close()

    def arrival(self, machine: Attached) -> tuple[str, int | None]:
        """Runs to the next record; which server gets it, and the number of the first vCPU's exit
        that it is, if it is one."""
        while True:
            machine.go()
            registers, name = machine.here()
            if name == INIT:
                continue
            arch, info = machine.arch, registers[machine.arch.info]
            guest = info & 0xFF < GUEST_CLASSES and info >> 8 & 0xFF == 0
            first = guest and registers[arch.badge] == self.system.first_vm
            return name, registers[arch.seq] if first else None

    def wait_for(self, machine: Attached, at: At) -> None:
        """To the exit, and to the named server's next instruction from there on."""
        reached = False
        while True:
            name, number = self.arrival(machine)
            if number is not None and number >= at.exit:
                reached = True
            if reached and (name == at.server or at.action == "replace"):
                return
            if not reached and number is not None and at.exit - number > NEAR:
                machine.run_for((at.exit - number - NEAR / 2) / RATE)

    def do(self, machine: Attached, at: At) -> None:
        if at.action == "kill":
            kill(machine, at.server, None)
        elif at.action == "hang":
            hang(machine, at.server, None)
            lasting(machine)
        else:
            threading.Thread(target=self.replace, args=(at,)).start()

    def replace(self, at: At) -> None:
        """Beside the machine, which has to run meanwhile."""
        try:
            with control.ControlLine(self.line) as line:
                content = control.strip(at.path) if at.path else b""
                size = f" #{len(content)}" if at.path else ""
                answer = line.ask(f"replace {at.server}{size}", content)
            for text in [*answer.lines, *([answer.error] if answer.error else [])]:
                say(f"--at {at}: {text}")
        except ExeuntError as error:
            say(f"--at {at}: {error}")


def direct(wanted: list[At], arch: str, out: Path, blob: Path, gdb: Path, line: Path | None):
    """The director of a run whose manifest is compiled to the blob."""
    manifest = Manifest(blob)
    images = manifest.server_images()
    check_servers(wanted, images)
    elves = {name: Elf(out / f"server_{arch}" / image) for name, image in images.items()}
    elves["core"] = Elf(out / "exeunt.elf")
    system = System(arch_of(arch), out, (blob, blob, 0), elves, manifest.first_vm_id())
    return Director(wanted, system, gdb, line)
