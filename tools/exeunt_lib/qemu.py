"""QEMU as a process: started, listened to, bounded, ended."""

import calendar
import contextlib
import fcntl
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import termios
import time
from typing import IO, Any, NamedTuple

STATUS_TIMEOUT = 124

# Of a console that floods, the end is kept: the verdict is there.
KEPT_OUTPUT = 16 << 20


# A process that has closed its output ends soon, in seconds, even on a host with much else to do.
LINGER = 60


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
        self.interactive = os.isatty(0) and self._is_ours()
        # What comes through a pipe or out of a file is typed, too.
        self.may_type = self.interactive or not os.isatty(0)
        if self.interactive:
            self.state = termios.tcgetattr(0)
        return self

    @staticmethod
    def _is_ours() -> bool:
        """False in the background, and where the terminal controls another session or none."""
        try:
            return os.tcgetpgrp(0) == os.getpgrp()
        except OSError:
            return False

    def __exit__(self, *_):
        if self.interactive:
            termios.tcsetattr(0, termios.TCSADRAIN, self.state)


class VirtualClock:
    """Reads a running machine's virtual time through QEMU's monitor.

    The machine's own timer counts it: with -icount it says how many instructions were executed,
    whatever the speed of the host. Reading it does not disturb the guest.
    """

    # What is read, and how often it counts a second: mtime of the CLINT; the PL031, which goes by
    # the machine's time with `-rtc clock=vm`. Clocks of the day begin at a full second.
    COUNTERS = {
        "riscv64": ("xp /1gx 0x0200bff8", 10_000_000),
        "aarch64": ("xp /1wx 0x09010000", 1),
    }
    # Often enough to end a run soon after its bound, in seconds of wall time.
    INTERVAL = 0.5

    def __init__(self, folder: str, arch: str = "riscv64"):
        self.path = os.path.join(folder, "qmp")
        self.connection = None
        # Of a PC the clock of the day is read by its name.
        self.command, self.frequency = self.COUNTERS.get(arch, ("", 1))
        self.base = None if arch == "riscv64" else int(time.time())

    def arguments(self) -> list[str]:
        found = ["-qmp", f"unix:{self.path},server=on,wait=off"]
        if self.base is not None:
            date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.base))
            found += ["-rtc", f"base={date},clock=vm"]
        return found

    def ask(self, command: str, **arguments: str) -> Any:
        """One command's answer; events that come between are of no interest."""
        request = {"execute": command, "arguments": arguments}
        self.connection.write(json.dumps(request).encode() + b"\n")
        self.connection.flush()
        for line in self.connection:
            answer = json.loads(line)
            if "return" in answer or "error" in answer:
                return answer.get("return")
        raise OSError("the monitor has gone")

    def _count(self) -> int:
        if not self.command:
            date = self.ask("qom-get", path="/machine", property="rtc-time")
            fields = ("tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec")
            year, month, *rest = (int(date[field]) for field in fields)
            return calendar.timegm((1900 + year, month + 1, *rest))
        answer = self.ask("human-monitor-command", **{"command-line": self.command})
        return int(answer.split(":")[1], 16)

    def seconds(self) -> float:
        """The virtual time since the machine's start; 0 while it cannot be read."""
        try:
            if self.connection is None:
                link = socket.socket(socket.AF_UNIX)
                link.settimeout(10)
                link.connect(self.path)
                self.connection = link.makefile("rwb")
                link.close()
                self.connection.readline()  # the greeting
                self.ask("qmp_capabilities")
            return (self._count() - (self.base or 0)) / self.frequency
        except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError):
            return 0.0

    def close(self) -> None:
        if self.connection is not None:
            # What could not be sent, because QEMU had ended, is tried once more by closing.
            with contextlib.suppress(OSError):
                self.connection.close()


def widen(pipe: IO[bytes]) -> None:
    """Makes room for a megabyte, where that is allowed.

    QEMU's serial port tries each byte five times and then drops it, so a console that prints faster
    than a busy machine reads loses bytes to a pipe of the usual size.
    """
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)


def pump(process: subprocess.Popen, output: bytearray, live: bool, wait: float | None) -> bool:
    """Takes what the process has printed, waiting no longer than that. False: there is no more."""
    ready, _, _ = select.select([process.stdout], [], [], wait)
    if not ready:
        return True
    chunk = os.read(process.stdout.fileno(), 65536)
    output += chunk
    del output[:-KEPT_OUTPUT]
    if live:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    return bool(chunk)


def run_process(
    command: list[str],
    timeout: float | None,
    live: bool = False,
    virtual_timeout: float | None = None,
    arch: str = "riscv64",
) -> Result:
    """Runs a command to its end or to a time limit.

    timeout: seconds of wall time. virtual_timeout: of the machine's own, if the command is QEMU and
    the machine of that architecture.
    live: its output goes to ours as it comes, and what is typed at a terminal goes to it.
    Whatever ends this function ends the process; even a killed parent does (setpriv).
    """
    began = time.monotonic()
    deadline = None if timeout is None else began + timeout
    output = bytearray()
    timed_out = False
    with Terminal() as terminal, tempfile.TemporaryDirectory(prefix="exeunt-") as folder:
        clock = VirtualClock(folder, arch) if virtual_timeout is not None else None
        full = ["setpriv", "--pdeathsig", "KILL", *command, *(clock.arguments() if clock else [])]
        process = subprocess.Popen(
            full,
            stdin=None if live and terminal.may_type else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if live else subprocess.STDOUT,
        )
        widen(process.stdout)
        try:
            look_at_clock = began + VirtualClock.INTERVAL
            while not timed_out:
                limits = [limit for limit in (deadline, clock and look_at_clock) if limit]
                wait = max(0, min(limits) - time.monotonic()) if limits else None
                if not pump(process, output, live, wait):
                    break
                now = time.monotonic()
                if clock and now >= look_at_clock:
                    timed_out = clock.seconds() > virtual_timeout
                    look_at_clock = now + VirtualClock.INTERVAL
                timed_out = timed_out or (deadline is not None and now >= deadline)
            if not timed_out:
                left = LINGER if deadline is None else deadline - time.monotonic()
                process.wait(timeout=max(0.1, min(LINGER, left)))
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            if clock:
                clock.close()
    status = STATUS_TIMEOUT if timed_out else process.returncode
    return Result(status, plain(bytes(output)), time.monotonic() - began)
