"""`exeunt build`: gn and ninja, quietly when there is nobody to watch."""

import contextlib
import fcntl
import subprocess
import sys
import time
from pathlib import Path

from .paths import ROOT, ExeuntError, out_dir, say

import third_party


# Seconds between two lines of progress where nobody sees ninja's own.
PROGRESS_INTERVAL = 10


@contextlib.contextmanager
def alone(out: Path):
    """Two commands at once must not build in one folder: ninja itself does not see to it."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".exeunt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def generate(name: str) -> Path:
    """Makes the out folder's ninja files unless they are there; ninja keeps them up to date."""
    out = out_dir(name)
    # What ninja cannot see: the sources' cache has moved.
    note = out / "sources.txt"
    sources = "".join(f"{third_party.source_dir(s)}\n" for s in third_party.SOURCES.values())
    if (out / "build.ninja").exists() and note.exists() and note.read_text() == sources:
        return out
    say(f"generating {out.relative_to(ROOT)}")
    done = subprocess.run(
        ["gn", "gen", "-q", f"out/{name}"], cwd=ROOT, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise ExeuntError(f"gn gen out/{name} failed:\n{done.stdout}{done.stderr}")
    note.write_text(sources)
    return out


def build(name: str, *targets: str) -> Path:
    """Builds an architecture or "host": all, or the given targets. Returns the out folder."""
    with alone(out_dir(name)):
        return _build(name, *targets)


def _build(name: str, *targets: str) -> Path:
    out = generate(name)
    command = ["ninja", "-C", str(out), *targets]
    # Progress belongs to the error stream: `exeunt run` leaves the other to the guest.
    if sys.stderr.isatty():
        status = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    else:
        say(f"building {' '.join(targets) or 'all'} in {out.relative_to(ROOT)}")
        status = run_reporting(command)
    if status != 0:
        raise ExeuntError(f"the build of {name} failed: see above")
    return out


def run_reporting(command: list[str]) -> int:
    """Runs ninja for a log: now and then how far it is, and all it says only when it fails."""
    kept = []
    spoke = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as ninja:
        for line in ninja.stdout:
            if not line.startswith("["):
                kept.append(line)
            elif time.monotonic() - spoke > PROGRESS_INTERVAL:
                say("  " + line.rstrip())
                spoke = time.monotonic()
    if ninja.returncode != 0:
        sys.stderr.write("".join(kept))
    return ninja.returncode
