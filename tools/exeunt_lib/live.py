"""A boot that a test watches, and may stop, look into and talk to, while it runs.

Its RAM is a file that this process has mapped: what is there is seen from outside, without the
machine's help and without disturbing it.
"""

import contextlib
import json
import mmap
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .arch import Arch, arch_of
from .boot import MB, Boot, make_images, qemu_command
from .control import ControlLine
from .paths import ExeuntError, out_dir
from .qemu import VirtualClock, plain

# Seconds: between two looks, and for QEMU to begin.
LOOK = 0.05
START = 30.0


class LiveError(ExeuntError):
    """What a test waits for did not come; the text says what that was."""


class Ram:
    """The machine's RAM by physical address."""

    def __init__(self, path: Path, arch: Arch):
        self.arch = arch
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def read(self, address: int, size: int) -> bytes:
        at = address - self.arch.ram
        if at < 0 or at + size > len(self.map):
            raise LiveError(f"{address:#x}+{size:#x} is not in the machine's RAM")
        return self.map[at : at + size]

    def write(self, address: int, content: bytes) -> None:
        """Changes what the machine has in its memory."""
        at = address - self.arch.ram
        self.map[at : at + len(content)] = content

    def holds(self, address: int, size: int = 1) -> bool:
        begin = self.arch.ram
        return begin <= address and address + size <= begin + len(self.map)


class Qmp:
    """QEMU's machine protocol, one command at a time."""

    def __init__(self, path: Path):
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(60)
        end = time.monotonic() + START
        while True:
            try:
                link.connect(str(path))
                break
            except OSError:
                if time.monotonic() > end:
                    raise LiveError("QEMU does not begin") from None
                time.sleep(LOOK)
        self.stream = link.makefile("rwb")
        link.close()
        self.stream.readline()  # the greeting
        self.do("qmp_capabilities")

    def do(self, command: str, **arguments) -> object:
        """One command's answer. Events that come between are of no interest."""
        request = {"execute": command, "arguments": arguments}
        try:
            self.stream.write(json.dumps(request).encode() + b"\n")
            self.stream.flush()
            for line in self.stream:
                answer = json.loads(line)
                if "error" in answer:
                    raise LiveError(f"QEMU refuses {command}: {answer['error'].get('desc')}")
                if "return" in answer:
                    return answer["return"]
        except OSError:
            pass
        raise LiveError("QEMU has ended")


def temporary(size: int) -> tempfile.TemporaryDirectory:
    """A folder for SIZE bytes of machine: in memory, where there is enough of it."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    enough = usable and shutil.disk_usage(memory).free > 2 * size
    return tempfile.TemporaryDirectory(prefix="exeunt-", dir=memory if enough else None)


class Live:
    """One boot. As a context: whatever happens, QEMU ends.

    An instruction takes a nanosecond of the machine's time (icount), which stands still with it.
    timeout is wall time, virtual_timeout the machine's own: for all of it, in seconds.
    """

    def __init__(self, boot: Boot, timeout: float, virtual_timeout: float):
        self.boot = boot
        self.out = boot.out or out_dir(boot.arch)
        self.timeout = timeout
        self.virtual_timeout = virtual_timeout

    def __enter__(self) -> "Live":
        self.boot.check()
        self.images = tempfile.TemporaryDirectory(prefix="exeunt-")
        images = make_images(self.boot, self.out, Path(self.images.name))
        memory = -(-images[2] // MB)
        self.folder = temporary(memory * MB)
        place = Path(self.folder.name)
        self.boot.control = place / "control"
        self.console_file = place / "console"
        command = qemu_command(self.boot, self.out, images)
        console = f"file,path={self.console_file},id=console"
        command = [console if word.startswith("stdio,id=console") else word for word in command]
        self.clock = VirtualClock(str(place), self.boot.arch)
        command += [
            *("-machine", "memory-backend=ram"),
            "-object",
            f"memory-backend-file,id=ram,size={memory}M,share=on,mem-path={place}/ram",
            *("-icount", "shift=0,sleep=on", "-seed", "1"),
            *("-qmp", f"unix:{place}/live,server=on,wait=off"),
            *self.clock.arguments(),
        ]
        self.log = place / "qemu"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.end = time.monotonic() + self.timeout
        try:
            self.qmp = Qmp(place / "live")
            self.ram = Ram(place / "ram", arch_of(self.boot.arch))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):  # QEMU may have ended in the middle of an answer
            self.clock.close()
        self.folder.cleanup()
        self.images.cleanup()

    @property
    def console(self) -> str:
        """Everything printed so far."""
        raw = self.console_file.read_bytes() if self.console_file.exists() else b""
        return plain(raw)

    def running(self) -> bool:
        return self.process.poll() is None

    def check_bounds(self, what: str, running: bool) -> None:
        """Raises when the run's time is over, or it is not RUNNING any more, before WHAT came."""
        if time.monotonic() > self.end:
            raise LiveError(f"waited {self.timeout:g} s, in vain, for {what}")
        if self.clock.seconds() > self.virtual_timeout:
            raise LiveError(f"waited {self.virtual_timeout:g} virtual seconds, in vain, for {what}")
        if not running:
            said = self.log.read_text(errors="replace").strip()
            raise LiveError(f"QEMU ended while the test waited for {what}; {said}")

    def wait_line(self, wanted: str | re.Pattern, after: int = 0) -> re.Match:
        """Waits for a line with that in it, printed behind the first AFTER characters."""
        pattern = wanted if isinstance(wanted, re.Pattern) else re.compile(re.escape(wanted))
        while True:
            running = self.running()
            found = pattern.search(self.console, after)
            if found:
                return found
            self.check_bounds(f"a line with {pattern.pattern!r}", running)
            time.sleep(LOOK)

    def wait_until(self, what: str, has_come: Callable[[], bool]) -> None:
        """Waits until WHAT has come, which may be the machine's last word."""
        while True:
            running = self.running()  # before the look: else that word may come between the two
            if has_come():
                return
            self.check_bounds(what, running)
            time.sleep(LOOK)

    def wait_end(self) -> int:
        """Waits for QEMU's own end: its status."""
        while self.running():
            self.check_bounds("the machine's end", True)
            time.sleep(LOOK)
        return self.process.returncode

    def control(self) -> ControlLine:
        """A connection to the monitor, which must be up."""
        return ControlLine(self.boot.control)

    def do(self, line: ControlLine, request: str, file: bytes = b"") -> list[str]:
        """A request to the monitor that has to be done: what it says."""
        answer = line.ask(request, file)
        if answer.error:
            raise LiveError(f"`{request}`: {answer.error}")
        return answer.lines

    @contextlib.contextmanager
    def stopped(self) -> Iterator[Ram]:
        """The machine stands still inside of this."""
        self.qmp.do("stop")
        try:
            yield self.ram
        finally:
            with contextlib.suppress(LiveError):  # it may end before QEMU has answered
                self.qmp.do("cont")
