"""Prints the path of the newest libgcc.a that Debian installed for an architecture."""

import sys
from pathlib import Path

DEBIAN_NAMES = {
    "aarch64": "aarch64-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "x86_64": "x86_64-linux-gnu",
}

found = sorted(
    Path("/usr/lib/gcc-cross", DEBIAN_NAMES[sys.argv[1]]).glob("*/libgcc.a"),
    key=lambda path: [int(part) for part in path.parent.name.split(".") if part.isdigit()],
)
if not found:
    sys.exit(f"There is no libgcc.a for {sys.argv[1]}: run `tools/exeunt setup` first.")
print(found[-1])
