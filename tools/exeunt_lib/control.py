"""The control line of a running system: its monitor, from outside (servers/monitor/control.h)."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from .paths import ExeuntError, UsageError

import bundle

# Where `run --control` puts the socket when it is not told, and where the others look.
DEFAULT = Path(tempfile.gettempdir()) / f"exeunt-{os.getuid()}.control"
# What sockaddr_un has room for, with the NUL.
PATH_MAX = 108
# QEMU's slot for the device, the first: the manifest gives it to the monitor.
SLOT = "virtio-mmio-bus.0"
# By architecture, where the device is on a PCI bus.
SERIAL = {"x86_64": "virtio-serial-pci,disable-legacy=on,addr=5"}

# A new client's first bytes, which end whatever the one before was doing.
MARK = bytes(range(255, 223, -1))

# In seconds of wall time. A system that was just started looks at the line when it is up; a
# thousand kills take a while.
CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 600.0

HELP = f"the running system's control line; default: {DEFAULT}"


class Answer(NamedTuple):
    """To one request: its lines, and what is wrong; empty when nothing is."""

    lines: list[str]
    error: str


def check_path(path: Path) -> None:
    """Refuses a place where no socket can be made. What a dead run left there is removed."""
    if len(os.fsencode(path)) >= PATH_MAX:
        most = PATH_MAX - 1
        raise UsageError(f"--control: {path} is too long for a socket: at most {most} bytes")
    if not path.parent.is_dir():
        raise UsageError(f"--control: there is no folder {path.parent}")
    if not path.exists():
        return
    if not path.is_socket():
        raise UsageError(f"--control: {path} is there already and is no socket: name another")
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(CONNECT_TIMEOUT)
            probe.connect(os.fspath(path))
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return
    except OSError:
        pass
    raise UsageError(f"--control: {path} is another run's already: name another")


def qemu_arguments(path: Path, arch: str) -> list[str]:
    """A virtio-console device whose other end is a socket at the path."""
    quoted = str(path).replace(",", ",,")
    return [
        *("-device", SERIAL.get(arch, f"virtio-serial-device,bus={SLOT}")),
        *("-chardev", f"socket,path={quoted},server=on,wait=off,id=control"),
        *("-device", "virtconsole,chardev=control"),
    ]


class ControlLine:
    """A connection to a running system's monitor."""

    def __init__(self, path: Path, timeout: float = ANSWER_TIMEOUT):
        self.path = path
        self.link = socket.socket(socket.AF_UNIX)
        try:
            self.link.settimeout(CONNECT_TIMEOUT)
            self.link.connect(os.fspath(path))
        except OSError as error:
            self.link.close()
            raise ExeuntError(
                f"no system answers at {path} ({error.strerror or error}): start one with "
                f"`tools/exeunt run --control {path}`"
            ) from error
        self.link.settimeout(timeout)
        self.lines = self.link.makefile("rb")
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self.lines.close()
        self.link.close()

    def _begin(self) -> None:
        """Ends what a client before left, and skips the answers that are not ours."""
        word = secrets.token_hex(8)
        self._send(MARK + f"echo {word}\n".encode())
        while self._line() != f" {word}":
            pass
        self._rest()

    def _send(self, data: bytes) -> None:
        try:
            self.link.sendall(data)
        except OSError as error:
            raise ExeuntError(f"the system at {self.path} has ended") from error

    def _line(self) -> str:
        try:
            line = self.lines.readline()
        except TimeoutError as error:
            raise ExeuntError(
                f"the monitor at {self.path} does not answer: the line is another client's, or the "
                "system has no monitor"
            ) from error
        except OSError as error:
            raise ExeuntError(f"the system at {self.path} has ended") from error
        if not line.endswith(b"\n"):
            raise ExeuntError(f"the system at {self.path} has ended")
        return line.decode("utf-8", errors="replace").rstrip("\r\n")

    def _rest(self) -> Answer:
        lines = []
        while True:
            line = self._line()
            if line.startswith(" "):
                lines.append(line[1:])
            elif line == "ok":
                return Answer(lines, "")
            elif line.startswith("error: "):
                return Answer(lines, line.removeprefix("error: "))

    def ask(self, request: str, file: bytes = b"") -> Answer:
        """One request's answer. A file follows `replace NAME #SIZE`."""
        self._send(" ".join(request.split()).encode() + b"\n" + file)
        return self._rest()


def strip(elf: Path) -> bytes:
    """The server's file as the bundle has it: without what only a debugger reads."""
    tool = shutil.which("llvm-objcopy-19") or shutil.which("llvm-objcopy")
    if not tool:
        raise ExeuntError("llvm-objcopy-19 is missing: run `tools/exeunt setup`")
    try:
        content = bundle.stripped(elf, tool, bundle.KEEP_NAMES)
    except subprocess.CalledProcessError as error:
        raise ExeuntError(f"{elf} is no ELF file that can be stripped") from error
    check_content(content, elf)
    return content


def check_content(content: bytes, elf: Path) -> None:
    if MARK in content:
        raise ExeuntError(f"{elf} holds the bytes that mark a new client on the control line")


def replace(path: Path, name: str, elf: Path | None) -> int:
    """Puts a new version of a server into a running system; returns the exit status."""
    if elf is not None and not elf.is_file():
        raise UsageError(f"there is no file {elf}")
    content = strip(elf) if elf else b""
    with ControlLine(path) as line:
        answer = line.ask(f"replace {name} #{len(content)}" if elf else f"replace {name}", content)
    return show(answer)


def show(answer: Answer) -> int:
    for line in answer.lines:
        print(line)
    if answer.error:
        print(answer.error, file=sys.stderr)
    sys.stdout.flush()
    return 1 if answer.error else 0


def monitor(path: Path, command: list[str]) -> int:
    """One command of the monitor, or as many as are typed."""
    with ControlLine(path) as line:
        if command:
            return show(line.ask(" ".join(command)))
        status = 0
        while True:
            try:
                text = input("exeunt> " if sys.stdin.isatty() else "").strip()
            except EOFError:
                return status
            if text == "exit":
                return status
            if text:
                status = show(line.ask(text))


def wait_for(path: Path, seconds: float) -> ControlLine:
    """The control line of a system that was just started."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ControlLine(path, seconds)
        except ExeuntError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
