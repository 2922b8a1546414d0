"""`exeunt test`: what a test is, and the runner.

A system test is a function in tests/system/*.py that takes a Context:

    from exeunt_lib.testing import Context, Skip, run_guest, system_test

    @system_test(arches=ARCHES)
    def guest_reads_above_its_ram(ctx: Context) -> None:
        result = run_guest(ctx, guest=ctx.out / "guest/read-above.bin")
        ctx.expect(result.status == 1, f"status 1, not {result.status}")
        ctx.expect_lines(result.output, "first text", "a later text")

The test's name is the function's with dashes, and behind another dash the architecture where it is
run on several; its group is the module's name, so `exeunt test linux` runs all of
tests/system/linux.py. It passes by returning; a failed expectation fails it, Skip(reason) skips it.
Everything that its guests printed is kept in out/ARCH/test/NAME.log.

What architectures differ in is not the test's to know: boards.py has it in one table.
"""

import fnmatch
import importlib.util
import re
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import builder, checks, model, setup
from .boards import BOARDS, Board
from .boot import Boot, boot_once
from .paths import ARCHES, ROOT, SYSTEM_TESTS, ExeuntError, UsageError, out_dir
from .qemu import Result, run_process
from .transcript import told

# Bounds for tests that boot our own guests, in seconds. Virtual time is the judge: it is the same
# on every machine. Wall time only ends what hangs so badly that no virtual time passes.
VIRTUAL_TIMEOUT = 20
TIMEOUT = 600


class Failure(Exception):
    """The test failed; the text says what was expected and what came."""


class Skip(Exception):
    """The test cannot run here; the text says why."""


@dataclass
class Context:
    """What a test gets."""

    name: str
    arch: str
    out: Path  # the out folder of the architecture, with everything built
    scratch: Path  # a folder of the test's own, removed at its end
    log: Path
    outputs: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # what it said

    @property
    def board(self) -> Board:
        """What this architecture's guests and reports look like."""
        return BOARDS[self.arch]

    def manifest(self, name: str) -> Path:
        """One of the tests' own, for this architecture."""
        return SYSTEM_TESTS / f"manifests/{name}-{self.arch}.dts"

    def say(self, text: str) -> None:
        """A line for whoever watches, under the test's name."""
        self.lines.append(f"      {text}")

    def expect(self, condition: object, expected: str) -> None:
        """Fails the test unless the condition holds. `expected` says what should have been."""
        if not condition:
            raise Failure(f"expected {expected}")

    def expect_lines(self, output: str, *wanted: str | re.Pattern) -> None:
        """Each must be found in a line, in this order; other lines may stand between."""
        lines = iter(output.splitlines())
        after = "at all"
        for one in wanted:
            pattern = one if isinstance(one, re.Pattern) else re.compile(re.escape(one))
            if not any(pattern.search(line) for line in lines):
                raise Failure(f"expected a line with {pattern.pattern!r} {after}")
            after = f"after the one with {pattern.pattern!r}"

    def expect_told(self, output: str, vm: str, *wanted: str | re.Pattern) -> None:
        """The same of one VM of several, whose lines others may have cut: where one of its lines
        ends does not count."""
        text, at = told(output, vm), 0
        for one in wanted:
            pattern = re.escape(one) if isinstance(one, str) else one.pattern.strip("^$")
            found = re.compile(pattern).search(text, at)
            if not found:
                raise Failure(f"expected {pattern!r} of VM {vm} behind {text[max(at - 40, 0):at]!r}")
            at = found.start() + 1

    def keep_text(self, output: str) -> None:
        """Keeps what something printed in the log."""
        self.outputs.append(output)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{output}\n---\n")

    def keep(self, result: Result) -> Result:
        """Keeps a run's output in the log."""
        self.outputs.append(result.output)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{result.output}\n--- status {result.status}, {result.seconds:.1f} s\n")
        return result


def run_guest(ctx: Context, **boot) -> Result:
    """Boots the hypervisor as `exeunt run` does and waits for its end.

    The keywords are Boot's fields, which are `exeunt run`'s options: guest, initrd, manifest, disk
    (paths), cmdline (text), mem (bytes), qemu_args (list), cpu (QEMU's -cpu, to switch extensions
    off), virtual_timeout and timeout (seconds of virtual and of wall time).
    Time is virtual (icount) unless icount=False is given: what a guest sees is the same everywhere.
    The result's status is 0, 1 or 124 (timeout, nearly always a failure); its output is the whole
    console's.
    """
    defaults = {"icount": True, "timeout": TIMEOUT, "virtual_timeout": VIRTUAL_TIMEOUT}
    return ctx.keep(boot_once(Boot(ctx.arch, ctx.out, **{**defaults, **boot}), live=False))


def run_command(
    ctx: Context, command: list, timeout: float = TIMEOUT, virtual_timeout: float | None = None
) -> Result:
    """Runs any other command, bounded and recorded in the same way.

    Give a virtual_timeout when it is QEMU with the test's architecture's machine, and counts
    instructions: without -icount the machine's time is the wall's.
    """
    words = [str(word) for word in command]
    return ctx.keep(run_process(words, timeout, False, virtual_timeout, ctx.arch))


@dataclass
class Test:
    """group: another name for it; builds: the out folders it needs; long: not in --quick; arch: it
    is one of this alone, else of none; base: its name without that."""

    name: str
    group: str
    run: Callable[[Context], None]
    builds: tuple[str, ...]
    long: bool = False
    arch: str = ""
    base: str = ""


_registered: list[Test] = []


def system_test(
    long: bool = False,
    name: str = "",
    arches: tuple[str, ...] = ARCHES[:1],
    builds: tuple[str, ...] = (),
) -> Callable:
    """Registers a function as a system test. long: `--quick` leaves it out. arches: a test for each
    of them; what is the same on all is run on one. builds: all that it needs, where that is more
    than one out folder; the last is the context's."""

    def register(function: Callable[[Context], None]) -> Callable[[Context], None]:
        group = function.__module__.removeprefix("system_tests.").replace("_", "-")
        base = name or function.__name__.replace("_", "-")
        for arch in builds[-1:] or arches:
            own = f"{base}-{arch}" if len(arches) > 1 and not builds else base
            _registered.append(Test(own, group, function, builds or (arch,), long, arch, base))
        return function

    return register


def load_system_tests() -> list[Test]:
    """All tests of tests/system, in the order of files and lines."""
    _registered.clear()
    for path in sorted(SYSTEM_TESTS.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"system_tests.{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return list(_registered)


def all_tests() -> list[Test]:
    """Everything there is: the tree's own checks, the host's tests, the system tests."""
    own = [
        Test("format", "source", checks.code_format, ()),
        Test("sloc", "source", checks.sloc, ()),
        Test("tools", "unit", checks.tools, ()),
        Test("unit", "unit", checks.unit, ("host",)),
        Test("model", "model", model.protocol, ()),
        Test("tidy", "source", checks.tidy, ("host", *ARCHES), long=True),
    ]
    return own + load_system_tests()


def select(tests: list[Test], names: list[str], quick: bool, arches: list[str]) -> list[Test]:
    """The tests of these names or groups (patterns too), or all; naming a long one runs it.

    arches: of these architectures alone; empty: of all, and what belongs to none.
    """
    tests = [test for test in tests if not arches or test.arch in arches]
    if not names:
        return [test for test in tests if not (quick and test.long)]
    chosen = []
    for name in names:
        found = [
            test
            for test in tests
            if any(fnmatch.fnmatchcase(own, name) for own in (test.name, test.base, test.group))
        ]
        if not found:
            raise UsageError(f"there is no test named {name}; `exeunt test --list` names them")
        chosen += [test for test in found if test not in chosen]
    return chosen


class Runner:
    """Runs tests, as many at a time as there are CPUs, and counts."""

    def __init__(self):
        self.builds: dict[str, str] = {}  # what was built: nothing, or why it could not be
        self.passed: list[str] = []
        self.failed: list[str] = []
        self.skipped: dict[str, str] = {}
        self.building = threading.Lock()
        self.printing = threading.Lock()
        self.ended = 0

    def build(self, names: tuple[str, ...]) -> None:
        for name in names:
            with self.building:
                if name not in self.builds:
                    try:
                        builder.build(name)
                        self.builds[name] = ""
                    except ExeuntError as error:
                        self.builds[name] = str(error)
            if self.builds[name]:
                raise Failure(self.builds[name])

    def run_all(self, tests: list[Test], jobs: int) -> None:
        with ThreadPoolExecutor(jobs) as pool:
            try:
                list(pool.map(lambda test: self.run(test, len(tests)), tests))
            except BaseException:  # Ctrl-C: what has not begun does not begin
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def run(self, test: Test, count: int) -> None:
        began = time.monotonic()
        verdict, detail, context = "ok", "", None
        with tempfile.TemporaryDirectory(prefix="exeunt-test-") as scratch:
            try:
                self.build(test.builds)
                arch = test.arch or ARCHES[0]
                out = out_dir(arch)
                log = out / "test" / f"{test.name}.log"
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text("")
                context = Context(test.name, arch, out, Path(scratch), log)
                test.run(context)
                self.passed.append(test.name)
            except Skip as reason:
                verdict, detail = "skipped", str(reason)
                self.skipped[test.name] = detail
            except (Failure, ExeuntError) as error:
                verdict, detail = "FAILED", str(error)
                self.failed.append(test.name)
            except Exception:  # pylint: disable=broad-except
                verdict, detail = "FAILED", traceback.format_exc()
                self.failed.append(test.name)
        lines = [f"      {verdict}, {time.monotonic() - began:.1f} s"]
        if context:
            lines = context.lines + lines
        if detail:
            lines.append("      " + detail.rstrip().replace("\n", "\n      "))
        if verdict == "FAILED" and context and context.outputs:
            lines.append("      the end of the last run's output:")
            lines += ["      | " + line for line in context.outputs[-1].splitlines()[-40:]]
            lines.append(f"      all of it: {context.log.relative_to(ROOT)}")
        with self.printing:
            self.ended += 1
            print("\n".join([f"[{self.ended:2}/{count}] {test.name}", *lines]), flush=True)

    def close(self) -> int:
        """Names what was skipped and what failed; the count is the last line."""
        print()
        for name, reason in self.skipped.items():
            print(f"skipped: {name}: {reason}")
        for name in self.failed:
            print(f"failed: {name}")
        counts = (len(self.passed), len(self.failed), len(self.skipped))
        if not self.passed and not self.failed:
            print("nothing ran: that is a failure")
        print("{} passed, {} failed, {} skipped".format(*counts), flush=True)
        return 1 if self.failed or not self.passed else 0


def main(names: list[str], quick: bool, only_list: bool, arches: list[str], jobs: int) -> int:
    tests = all_tests()
    chosen = select(tests, names, quick, arches)
    if only_list:
        for test in chosen:
            print(f"{test.name:32} {test.group:16} {'long' if test.long else ''}".rstrip())
        return 0
    setup.setup()
    runner = Runner()
    runner.run_all(chosen, jobs)
    return runner.close()
