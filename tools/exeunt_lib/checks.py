"""The tests that need no guest: the source's form and size, clang-tidy, the host's programs."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .paths import ARCHES, ROOT, out_dir

LLVM = "19"
TIDY_FOLDERS = ("arch", "kernel", "libs", "servers")


def _fail(text: str) -> None:
    from .testing import Failure  # the runner imports this module

    raise Failure(text)


def source_files(*folders: str) -> list[str]:
    """The C files of the tree, from its root: tracked by git, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        names = listed.stdout.split("\0")
    else:  # an unpacked archive
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if "out" not in p.parts]
    return sorted(n for n in names if n.endswith((".c", ".h")) and (ROOT / n).is_file())


def code_format(_) -> None:
    """Every C file is as clang-format leaves it."""
    files = source_files()
    if not files:
        _fail("there are no C files")
    done = subprocess.run(
        [f"clang-format-{LLVM}", "--dry-run", "-Werror", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        wrong = {line.split(":")[0] for line in done.stderr.splitlines() if ": error:" in line}
        _fail(
            f"not as clang-format-{LLVM} leaves them: {' '.join(sorted(wrong)) or done.stderr}\n"
            f"`clang-format-{LLVM} -i FILE` puts that right"
        )


def sloc(_) -> None:
    """The core is as small as it is said to be."""
    if subprocess.run([sys.executable, ROOT / "tools/sloc"], check=False).returncode != 0:
        _fail("the core is larger than its limit")


def tools(_) -> None:
    """What the tools promise, over programs that play QEMU, mirrors and tests."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "discover", "-t", ".", "-s", "tests/unit/tools"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/tools:{ROOT}/build"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    ran = re.search(r"^Ran (\d+) tests", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not ran or ran[1] == "0":
        _fail(done.stdout)
    print(f"      {ran[0]}", flush=True)


def unit(_) -> None:
    """Every cmocka and fuzz test, on the host under sanitizers."""
    sys.stdout.flush()
    done = subprocess.run(
        ["ninja", "-C", out_dir("host"), "--quiet", "check"], stderr=subprocess.STDOUT, check=False
    )
    if done.returncode != 0:
        _fail("a test program failed: see above")


def _units() -> list[tuple[Path, str]]:
    """Each source file once, with the out folder whose way of compiling it is checked."""
    wanted = {str(ROOT / name) for name in source_files(*TIDY_FOLDERS)}
    found: dict[str, Path] = {}
    for name in (*ARCHES, "host"):
        out = out_dir(name)
        for entry in json.loads((out / "compile_commands.json").read_text()):
            path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
            if path in wanted and path.endswith(".c"):
                found.setdefault(path, out)
    return sorted((out, path) for path, out in found.items())


def tidy(_) -> None:
    """clang-tidy has nothing to say about our code."""
    units = _units()
    if not units:
        _fail("no file of ours is in compile_commands.json")

    def check(unit_: tuple[Path, str]) -> str:
        out, path = unit_
        done = subprocess.run(
            [f"clang-tidy-{LLVM}", "--quiet", "--warnings-as-errors=*", "-p", out, path],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if done.returncode == 0 else (done.stdout.strip() or done.stderr.strip())

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = [text for text in pool.map(check, units) if text]
    if said:
        _fail("\n".join(said))
