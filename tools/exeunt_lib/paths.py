"""Where things are, and what goes wrong in words."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
SYSTEM_TESTS = ROOT / "tests" / "system"

# Where the hypervisor is built, run, tested and measured.
ARCHES = ("riscv64", "aarch64", "x86_64")

# The build's own steps serve single runs too: bundle, disk, third-party sources.
sys.path.insert(0, str(BUILD))


class ExeuntError(Exception):
    """Something that the user is told in one message; the command ends with `status`."""

    def __init__(self, message: str, status: int = 1):
        super().__init__(message)
        self.status = status


class UsageError(ExeuntError):
    """The command was used wrongly."""

    def __init__(self, message: str):
        super().__init__(message, 2)


def say(message: str) -> None:
    """One line of progress, on the error stream: a guest's console has the other to itself."""
    print(f"exeunt: {message}", file=sys.stderr, flush=True)


def out_dir(name: str) -> Path:
    """The out folder of an architecture, or of "host"."""
    return ROOT / "out" / name
