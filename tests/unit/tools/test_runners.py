"""The runners themselves: a test that hangs, fails or runs nothing is never counted as passed."""

import importlib.machinery
import importlib.util
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from exeunt_lib import testing
from exeunt_lib.paths import ARCHES, BUILD, ROOT, UsageError

from .test_run import program


class CheckTest(unittest.TestCase):
    """build/check.py, which runs cmocka and fuzz programs."""

    def check(self, *scripts: str) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            tests = [
                {"kind": "unit", "name": f"t{n}", "program": program(Path(folder), f"t{n}", script)}
                for n, script in enumerate(scripts)
            ]
            listed = Path(folder) / "tests.json"
            listed.write_text(json.dumps(tests))
            command = [sys.executable, BUILD / "check.py", listed]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    def test_passes(self):
        status, last = self.check("echo '[==========] a: 3 test(s) run.'")
        self.assertEqual(status, 0)
        self.assertIn("1 programs passed, 0 failed; 3 test cases", last)

    def test_nothing_to_run_fails(self):
        self.assertEqual(self.check()[0], 1)

    def test_program_that_ran_nothing_fails(self):
        self.assertEqual(self.check("exit 0")[0], 1)
        self.assertEqual(self.check("echo '[==========] a: 0 test(s) run.'")[0], 1)

    def test_status_counts_whatever_was_printed(self):
        good = "echo '[==========] a: 3 test(s) run.'"
        self.assertEqual(self.check(good, f"{good}; exit 1")[0], 1)


class RunnerTest(unittest.TestCase):
    """The runner of `exeunt test`, over expectations and selection."""

    def context(self) -> testing.Context:
        return testing.Context("x", "riscv64", Path(), Path(), Path("/dev/null"))

    def test_lines_in_order(self):
        self.context().expect_lines("a\nx b\nc\n", "a", "b", "c")

    def test_lines_out_of_order_fail(self):
        with self.assertRaises(testing.Failure):
            self.context().expect_lines("b\na\n", "a", "b")

    def test_one_line_is_not_two(self):
        with self.assertRaises(testing.Failure):
            self.context().expect_lines("a b\n", "a", "b")

    def test_selection(self):
        tests = [
            testing.Test("one", "group", lambda ctx: None, ()),
            testing.Test("two", "group", lambda ctx: None, (), long=True),
        ]

        def names(*words, quick=False):
            return [test.name for test in testing.select(tests, list(words), quick, [])]

        self.assertEqual(names(), ["one", "two"])
        self.assertEqual(names(quick=True), ["one"])
        self.assertEqual(names("group"), ["one", "two"])
        self.assertEqual(names("two", quick=True), ["two"])

    def test_selection_of_an_architecture(self):
        tests = [testing.Test("form", "source", lambda ctx: None, ())]
        for arch in ("riscv64", "aarch64"):
            name = f"boot-{arch}"
            tests.append(
                testing.Test(name, "group", lambda ctx: None, (arch,), arch=arch, base="boot")
            )

        def names(*words, arches):
            return [test.name for test in testing.select(tests, list(words), False, arches)]

        self.assertEqual(names(arches=["aarch64"]), ["boot-aarch64"])
        self.assertEqual(names(arches=["aarch64", "riscv64"]), ["boot-riscv64", "boot-aarch64"])
        self.assertEqual(names("boot", arches=[]), ["boot-riscv64", "boot-aarch64"])
        self.assertEqual(names("boot", arches=["riscv64"]), ["boot-riscv64"])
        self.assertEqual(names("boot-aarch64", arches=[]), ["boot-aarch64"])
        with self.assertRaises(UsageError):
            names("boot-aarch64", arches=["riscv64"])

    def test_no_architecture_is_left_out(self):
        groups: dict[str, set[str]] = {arch: set() for arch in ARCHES}
        for test in testing.all_tests():
            if test.arch in groups:
                groups[test.arch].add(test.group)
        # Linux's kernel for x86_64 begins by a protocol that VMs do not have yet.
        groups["x86_64"].add("linux")
        for arch in ARCHES[1:]:
            self.assertLessEqual(groups[ARCHES[0]], groups[arch], arch)

    def test_registered_tests_have_distinct_names(self):
        names = [test.name for test in testing.all_tests()]
        self.assertEqual(len(names), len(set(names)))


class SlocTest(unittest.TestCase):
    def test_only_code_counts(self):
        loader = importlib.machinery.SourceFileLoader("sloc", str(ROOT / "tools/sloc"))
        spec = importlib.util.spec_from_loader("sloc", loader)
        sloc = importlib.util.module_from_spec(spec)
        loader.exec_module(sloc)
        with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
            file.write(
                "// a comment\n\n/* two\n lines */\nint a; // 1\n"
                'char *b = "//"; /* x */\n  \t\n/* y */ int c;\nchar d = \'"\'; // "\nint e;\n'
            )
            file.flush()
            self.assertEqual(sloc.count(Path(file.name)), 5)
