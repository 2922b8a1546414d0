"""Runs every host test and says what ran: check.py TESTS.json

TESTS.json is what gn collected from the unit_test and fuzz_test templates. Each line of the answer
is one program; the last one counts test cases and programs. A program that ran nothing has failed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

# Far above what any of them needs: it bounds a test that hangs, it judges nothing.
TIME_LIMIT = 300

# A leak or an overflow ends the program with a failure; mkfs.fat is not on every user's path.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
    "CMOCKA_MESSAGE_OUTPUT": "STDOUT",
}


class Outcome(NamedTuple):
    """cases: how many test cases or fuzzing inputs ran; skipped: those that said so."""

    passed: bool
    cases: int
    skipped: int
    output: str


def run_bounded(command: list[str]) -> tuple[bool, str]:
    """Whether the command ended with 0 within the limit, and all it printed."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return False, (error.stdout or b"").decode(errors="replace") + "\ntimed out\n"
    return done.returncode == 0, done.stdout.decode(errors="replace")


def run_unit(test: dict) -> Outcome:
    """Runs a cmocka program; it may hold several groups."""
    ended_well, output = run_bounded([os.path.abspath(test["program"])])
    cases = sum(map(int, re.findall(r"^\[==========\].*?(\d+) test\(s\) run", output, re.M)))
    skipped = sum(map(int, re.findall(r"^\[  SKIPPED \].*?(\d+) test\(s\)", output, re.M)))
    return Outcome(ended_well and cases > skipped, cases, skipped, output)


def run_fuzz(test: dict) -> Outcome:
    """Runs a libFuzzer program from its kept corpus: a fixed seed, a fixed number of inputs."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [os.path.abspath(test["program"]), f"-runs={test['runs']}", "-seed=1"]
        command += [f"-artifact_prefix={scratch}/", "-print_final_stats=1", "-timeout=60"]
        command += ["-rss_limit_mb=4096", "-verbosity=1"]
        # The first folder takes new inputs; the kept ones are only read.
        (Path(scratch) / "found").mkdir()
        command.append(f"{scratch}/found")
        if test["corpus"]:
            command.append(os.path.abspath(test["corpus"]))
        ended_well, output = run_bounded(command)
        for artifact in Path(scratch).glob("*-*"):
            output += f"\nthe input that failed ({artifact.name}): {artifact.read_bytes().hex()}\n"
    ran = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    runs = int(ran[1]) if ran else 0
    return Outcome(ended_well and runs > 0, runs, 0, output)


def main() -> int:
    tests = json.loads(Path(sys.argv[1]).read_text())
    tests.sort(key=lambda test: (test["kind"] != "unit", test["name"]))
    failed, cases, inputs, skipped = [], 0, 0, 0
    for test in tests:
        began = time.monotonic()
        outcome = (run_unit if test["kind"] == "unit" else run_fuzz)(test)
        took = time.monotonic() - began
        what = "tests" if test["kind"] == "unit" else "inputs"
        verdict = "ok  " if outcome.passed else "FAIL"
        note = f", {outcome.skipped} skipped" if outcome.skipped else ""
        count = f"{outcome.cases:7} {what:6}"
        print(f"{verdict} {test['name']:32} {count} {took:6.2f} s{note}", flush=True)
        if outcome.skipped:
            for name in sorted(set(re.findall(r"^\[  SKIPPED \] (\w+)$", outcome.output, re.M))):
                print(f"     skipped: {name}")
        if not outcome.passed:
            failed.append(test["name"])
            print("     | " + "\n     | ".join(outcome.output.splitlines()[-80:]))
        skipped += outcome.skipped
        if test["kind"] == "unit":
            cases += outcome.cases
        else:
            inputs += outcome.cases
    if failed:
        print("failed: " + ", ".join(failed))
    if not tests:
        print("There is no test to run: that is a failure.")
    print(
        f"host tests: {len(tests) - len(failed)} programs passed, {len(failed)} failed; "
        f"{cases} test cases ({skipped} skipped), {inputs} fuzzing inputs"
    )
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
