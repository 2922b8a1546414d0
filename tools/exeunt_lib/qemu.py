"""QEMU as a process: started, listened to, bounded, ended."""

import os
import re
import select
import subprocess
import sys
import termios
import time
from typing import NamedTuple

from .paths import ExeuntError

STATUS_TIMEOUT = 124

# Of a console that floods, the end is kept: the verdict is there.
KEPT_OUTPUT = 16 << 20


class Result(NamedTuple):
    """How a run ended.

    status: the process's own, or STATUS_TIMEOUT; of a boot what `exeunt run` ends with: 0 when the
    guest shut down cleanly, 1 when it failed or was stopped.
    output: all it printed, without escape sequences; seconds: wall time.
    """

    status: int
    output: str
    seconds: float

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.output.splitlines()]


def plain(raw: bytes) -> str:
    """Console bytes as text: no escape sequences, no carriage returns."""
    text = raw.decode("utf-8", errors="replace")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


class Terminal:
    """Puts the terminal back as it was: QEMU makes it raw, and a killed QEMU leaves it so."""

    def __enter__(self):
        self.interactive = os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
        if self.interactive:
            self.state = termios.tcgetattr(0)
        return self

    def __exit__(self, *_):
        if self.interactive:
            termios.tcsetattr(0, termios.TCSADRAIN, self.state)


def run_process(command: list[str], timeout: float | None, live: bool) -> Result:
    """Runs a command to its end or to the time limit, in seconds.

    live: its output goes to ours as it comes, and what is typed at a terminal goes to it.
    Whatever ends this function ends the process; even a killed parent does (setpriv).
    """
    began = time.monotonic()
    output = bytearray()
    timed_out = False
    with Terminal() as terminal:
        stdin = None if live and terminal.interactive else subprocess.DEVNULL
        try:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=None if live else subprocess.STDOUT,
            )
        except OSError as error:
            raise ExeuntError(f"cannot start {command[0]}: {error.strerror}") from error
        try:
            while True:
                left = None if timeout is None else began + timeout - time.monotonic()
                if left is not None and left <= 0:
                    timed_out = True
                    break
                ready, _, _ = select.select([process.stdout], [], [], left)
                if not ready:
                    continue
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    break
                output += chunk
                del output[:-KEPT_OUTPUT]
                if live:
                    sys.stdout.buffer.write(chunk)
                    sys.stdout.buffer.flush()
            if not timed_out:
                process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    status = STATUS_TIMEOUT if timed_out else process.returncode
    return Result(status, plain(bytes(output)), time.monotonic() - began)
