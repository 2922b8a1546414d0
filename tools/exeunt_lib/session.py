"""A system whose console a test types at while it runs.

What is typed goes to QEMU through a pipe: a socket writes some bytes twice.
"""

import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .boot import Boot, boot_command, judge
from .qemu import Result, VirtualClock, plain, widen
from .testing import Context, Failure

# Bounds, in seconds of wall time and of the machine's own.
PATIENCE, TIMEOUT, VIRTUAL_TIMEOUT = 300, 600, 120


class Session:
    """A running system whose console a test types at."""

    def __init__(self, boot: Boot, process: subprocess.Popen, clock: VirtualClock):
        self.boot = boot
        self.process = process
        self.clock = clock
        self.raw = bytearray()
        self.seen = 0  # how much of it was waited for

    def type(self, text: str) -> None:
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def pump(self, wait: float) -> bool:
        """Takes what the console printed. False: it has ended."""
        if not select.select([self.process.stdout], [], [], wait)[0]:
            return True
        chunk = self.process.stdout.read1(65536)
        self.raw += chunk
        return bool(chunk)

    def wait(self, text: str) -> str:
        """Waits for the text behind what was waited for before; returns all that comes up to it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            at = self.raw.find(text.encode(), self.seen)
            if at >= 0:
                found = self.raw[self.seen : at + len(text)]
                self.seen = at + len(text)
                return found.decode("utf-8", errors="replace")
            if not self.pump(0.2) or time.monotonic() > deadline:
                tail = plain(bytes(self.raw[-2000:]))
                raise Failure(f"expected {text!r} on the console; its end is:\n{tail}")
            if self.clock.seconds() > VIRTUAL_TIMEOUT:
                raise Failure(f"expected {text!r} within {VIRTUAL_TIMEOUT} virtual seconds")

    def end(self) -> Result:
        """Waits for the machine's end, which is judged as a boot's."""
        deadline = time.monotonic() + PATIENCE
        while self.pump(0.2):
            if time.monotonic() > deadline or self.clock.seconds() > VIRTUAL_TIMEOUT:
                raise Failure(f"expected the end:\n{plain(bytes(self.raw[-2000:]))}")
        return judge(self.boot, Result(self.process.wait(PATIENCE), plain(bytes(self.raw)), 0))


@contextmanager
def start_session(ctx: Context, kind: type[Session] = Session, **boot) -> Iterator[Session]:
    """Boots, and ends whatever is left of it behind the test. boot: a Boot's fields."""
    settings = Boot(ctx.arch, ctx.out, **{"icount": True, **boot})
    settings.check()
    with tempfile.TemporaryDirectory(prefix="exeunt-test-") as scratch:
        clock = VirtualClock(scratch, settings.arch)
        command = [*boot_command(settings, ctx.out, Path(scratch)), *clock.arguments()]
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        widen(process.stdout)
        bound = threading.Timer(TIMEOUT, process.kill)
        bound.start()
        one = kind(settings, process, clock)
        try:
            yield one
        finally:
            bound.cancel()
            process.kill()
            process.wait()
            clock.close()
            ctx.keep(Result(process.returncode, plain(bytes(one.raw)), 0))
