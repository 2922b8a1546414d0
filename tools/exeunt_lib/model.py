"""The recovery protocol as an executable model: tests/model, searched exhaustively by Spin.

Each search has to be complete and to find nothing. To show that it could find something, the
protocol is also searched with one of its rules broken (-DBUG_...), and with an assertion where a
rare case is handled (-DSEE=...): each of these has to end in an error and a trail that leads to it.
"""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .paths import ROOT

MODELS = ROOT / "tests" / "model"
COMPILER = "clang-19"
MEMORY = 1500  # MiB, of one search
SECONDS = 300  # of one search, which takes a tenth of that; the machine may be busy
DEPTH = 100_000

# Words that pan says when it has not looked at everything.
INCOMPLETE = re.compile(r"max search depth too small|not completed|truncated|MEMLIM|out of memory")


@dataclass(frozen=True)
class Search:
    """One search: a model, the macros it is made with, and what it has to find ("": nothing)."""

    model: str
    defines: str
    finds: str = ""
    cycles: bool = False  # whether anything can go on for ever, instead of what ends wrongly

    def __str__(self) -> str:
        return f"{self.model} {self.defines}" + (" (cycles)" if self.cycles else "")


@dataclass
class Outcome:
    search: Search
    states: int
    depth: int
    seconds: float
    wrong: str  # what is not as it has to be, or nothing


ASSERTION = "assertion violated"
CYCLE = "non-progress cycle"

SOUND = (
    # Two vCPUs, two servers dying at once; then more exits, then as many deaths as stop a VM.
    Search("exit", "VCPUS=2 EXITS=1 CRASHES=2"),
    Search("exit", "VCPUS=2 EXITS=2 CRASHES=1"),
    Search("exit", "VCPUS=1 EXITS=2 CRASHES=3"),
    Search("exit", "VCPUS=2 EXITS=1 CRASHES=3 PRINTS=0 OTHERS=1"),
    Search("exit", "VCPUS=1 EXITS=2 CRASHES=1 OTHERS=1"),
    Search("exit", "VCPUS=1 EXITS=1 CRASHES=1", cycles=True),
    Search("exit", "VCPUS=1 EXITS=1 CRASHES=0 DIES_EARLY", cycles=True),
    Search("console", "CRASHES=3"),
    Search("console", "CRASHES=1 PAUSES=1"),
    Search("console", "CRASHES=1 UNWANTED=1"),
    Search("console", "CRASHES=1", cycles=True),
    Search("replace", "EXITS=1 CRASHES=2"),
    Search("replace", "EXITS=1 CRASHES=1 REPLACEMENTS=2"),
    Search("replace", "EXITS=1 CRASHES=1", cycles=True),
)

BROKEN = (
    Search("exit", "VCPUS=1 CRASHES=1 BUG_PUBLISH_BEFORE_COMMIT", ASSERTION),
    Search("exit", "VCPUS=1 CRASHES=1 BUG_NEW_SEQ_ON_RESEND", ASSERTION),
    Search("exit", "VCPUS=1 CRASHES=1 BUG_FORGET_PENDING", ASSERTION),
    Search("exit", "VCPUS=1 CRASHES=1 BUG_NO_RESUME", ASSERTION),
    Search("exit", "VCPUS=1 CRASHES=1 BUG_SIGNAL_FORGOTTEN", ASSERTION),
    Search("exit", "VCPUS=1 CRASHES=2 BUG_ATTEMPTS_PILE_UP", ASSERTION),
    Search("exit", "VCPUS=1 CRASHES=1 BUG_WAITING_STAYS", ASSERTION),
    Search("exit", "VCPUS=1 CRASHES=2 BUG_CALL_NOT_CANCELLED", ASSERTION),
    Search("exit", "CRASHES=1 EXITS=1 PRINTS=0 OTHERS=1 BUG_EFFECT_BEFORE_REPLY", ASSERTION),
    Search("exit", "CRASHES=1 EXITS=1 PRINTS=0 OTHERS=1 BUG_REFUSED_IN_PART", ASSERTION),
    Search("exit", "CRASHES=1 EXITS=1 PRINTS=0 OTHERS=1 BUG_MAPPED_IS_REFUSED", ASSERTION),
    Search("exit", "VCPUS=1 EXITS=1 CRASHES=0 DIES_EARLY BUG_RESTART_FOR_EVER", CYCLE, True),
    Search("exit", "VCPUS=1 CRASHES=1 SEE=AGAIN", ASSERTION),
    Search("exit", "VCPUS=1 CRASHES=0 SEE=FLUSH", ASSERTION),
    Search("exit", "VCPUS=1 EXITS=1 CRASHES=3 SEE=STOPPED", ASSERTION),
    Search("console", "CRASHES=1 BUG_NO_DEATH_PC", ASSERTION),
    Search("console", "CRASHES=1 UNWANTED=1 BUG_PC_ONLY_IF_SERVING", ASSERTION),
    Search("console", "CRASHES=2 BUG_DEATH_PC_OVERWRITTEN", ASSERTION),
    Search("console", "CRASHES=2 BUG_COUNTED_AGAIN", ASSERTION),
    Search("console", "CRASHES=2 BUG_REPAIR_KEPT", ASSERTION),
    Search("console", "CRASHES=2 BUG_WRITES_BEFORE_TAKEN", ASSERTION),
    Search("console", "CRASHES=1 BUG_STALE_PC", ASSERTION),
    Search("replace", "CRASHES=0 BUG_ADMIT_AT_ONCE", ASSERTION),
    Search("replace", "CRASHES=0 BUG_END_OLD_BEFORE_ADOPT", ASSERTION),
    Search("replace", "CRASHES=0 REPLACEMENTS=2 BUG_NEWER_STATE_READ", ASSERTION),
    Search("replace", "CRASHES=1 BUG_DEVICE_TOUCHED", ASSERTION),
    Search("replace", "CRASHES=1 BUG_NEVER_LOOK", ASSERTION),
    Search("replace", "CRASHES=1 BUG_LOOK_BEFORE_END", ASSERTION),
    Search("replace", "CRASHES=1 BUG_BIND_MUST_SUCCEED", ASSERTION),
    Search("replace", "CRASHES=2 BUG_ENDING_COUNTS", ASSERTION),
    Search("replace", "CRASHES=0 SEE=HELD", ASSERTION),
    Search("replace", "CRASHES=1 SEE=MIGRATED_DEAD", ASSERTION),
    Search("replace", "CRASHES=0 REPLACEMENTS=2 SEE=NEWER_REFUSED", ASSERTION),
)


def _run(command: list[str], folder: Path, seconds: float) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"not done after {seconds} s"
    return done.returncode, done.stdout


def _make(search: Search, folder: Path) -> str:
    """Makes the program that searches; says what kept it from being made."""
    defines = [f"-D{name}" for name in search.defines.split()]
    source = str(MODELS / f"{search.model}.pml")
    status, said = _run(
        ["spin", f"-P{COMPILER} -E -x c", "-a", *defines, source], folder, SECONDS
    )
    if status != 0 or not (folder / "pan.c").is_file():
        return f"spin can't read it:\n{said}"
    # Optimizing what spin writes takes longer than most searches. No reduction by partial orders:
    # nothing is to be known about how it goes along with `unless` and `timeout`.
    options = ["-O0", "-w", "-DCOLLAPSE", "-DNOREDUCE", f"-DMEMLIM={MEMORY}"]
    options.append("-DNP" if search.cycles else "-DSAFETY")
    status, said = _run([COMPILER, *options, "-o", "pan", "pan.c"], folder, SECONDS)
    return "" if status == 0 else f"the compiler can't read what spin made of it:\n{said}"


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def _wrong(search: Search, folder: Path, status: int, said: str) -> str:
    """What PAN's words have in them that they must not, or lack."""
    errors = re.search(r"errors: (\d+)", said)
    if status == -1 or not errors:
        return f"the search did not end:\n{said}"
    trail = any(folder.glob("*.trail"))
    if search.finds:
        if errors[1] != "0" and search.finds in said and trail:
            return ""
        return f"expected a trail to: {search.finds}\n{said}"
    if errors[1] != "0" or trail or status != 0:
        return f"{said}\n{_replay(search, folder)}"
    lacking = INCOMPLETE.search(said)
    return f"not all of it was searched:\n{said}" if lacking else ""


def _replay(search: Search, folder: Path) -> str:
    """The steps that lead to an error, one a line, the core's left out."""
    trail = next((path.name for path in folder.glob("*.trail")), "")
    defines = [f"-D{name}" for name in search.defines.split()]
    source = str(MODELS / f"{search.model}.pml")
    command = ["spin", f"-P{COMPILER} -E -x c", "-k", trail, "-t", "-p", *defines, source]
    _, said = _run(command, folder, SECONDS)
    steps = re.findall(rf"^ *\d+:.*{search.model}\.pml.*$", said, re.MULTILINE)
    return "\n".join(step.replace(f"{MODELS}/", "") for step in steps)


def _search(search: Search, folder: Path) -> Outcome:
    folder.mkdir()
    began = time.monotonic()
    said = ""
    wrong = _make(search, folder)
    if not wrong:
        # -E: the models say themselves which ends are wrong (Observer).
        command = ["./pan", "-E", f"-m{DEPTH}", *(["-l"] if search.cycles else [])]
        status, said = _run(command, folder, SECONDS)
        wrong = _wrong(search, folder, status, said)
    return Outcome(
        search,
        _number(r"(\d+) states, stored", said),
        _number(r"depth reached (\d+)", said),
        time.monotonic() - began,
        wrong,
    )


def protocol(ctx) -> None:
    """No effect lost, none doubled, no exit stuck: in all states of the protocol's models."""
    from .testing import Failure  # the runner imports this module

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(_search, search, ctx.scratch / str(number))
            for number, search in enumerate((*SOUND, *BROKEN))
        ]
        outcomes = [job.result() for job in jobs]
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    for outcome in outcomes[: len(SOUND)]:
        ctx.say(
            f"{outcome.search}: {outcome.states:,} states, {outcome.depth} deep,"
            f" {outcome.seconds:.1f} s"
        )
    found = [outcome for outcome in outcomes[len(SOUND) :] if not outcome.wrong]
    states = sum(outcome.states for outcome in outcomes[: len(SOUND)])
    ctx.say(f"{states:,} states in all; {len(found)} of {len(BROKEN)} broken protocols found out")
    if wrong:
        raise Failure("\n".join(f"{outcome.search}: {outcome.wrong}" for outcome in wrong))
