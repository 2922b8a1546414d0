"""Finds the tests in the tree, so that one that is written cannot be forgotten.

    find_tests.py folders ROOT    the folders under ROOT/unit and ROOT/fuzz, one a line
    find_tests.py tests ROOT      the labels of all unit_test and fuzz_test targets there
"""

import re
import sys
from pathlib import Path

TARGET = re.compile(r"^\s*(?:unit|fuzz)_test\((.*?)\)", re.MULTILINE)


def main() -> int:
    what, root = sys.argv[1], Path(sys.argv[2])
    kinds = [root / "unit", root / "fuzz"]
    if what == "folders":
        for folder in [*kinds, *sorted(path for kind in kinds for path in kind.rglob("*/"))]:
            print(f"//tests/{folder.relative_to(root).as_posix()}")
        return 0
    for file in sorted(path for kind in kinds for path in kind.rglob("BUILD.gn")):
        for name in TARGET.findall(file.read_text()):
            if not re.fullmatch(r'"\w+"', name):
                print(f"{file}: a test's name must be written out, not {name}", file=sys.stderr)
                return 1
            print(f"//tests/{file.parent.relative_to(root).as_posix()}:{name[1:-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
