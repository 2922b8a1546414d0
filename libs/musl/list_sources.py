"""Lists the files of musl's libc.a, one a line: list_sources.py SOURCE ARCH.

Chosen as musl's Makefile chooses them, a file of the architecture in the place of the generic one
of the same name; but without the assembly that would trap into Linux. What needs those (threads,
vfork, signal handlers) then fails to link with the missing name, and is not missed before.
"""

import re
import sys
from pathlib import Path

# Beside what traps: what needs a dynamic linker.
LEFT_OUT = {"ldso/dlsym", "ldso/tlsdesc"}


def main() -> None:
    src, arch = Path(sys.argv[1]) / "src", sys.argv[2]
    chosen = {}
    for pattern in ("*/*.c", "malloc/mallocng/*.c"):
        for path in src.glob(pattern):
            chosen[str(path.relative_to(src).with_suffix(""))] = path
    for path in src.glob(f"*/{arch}/*.[csS]"):
        chosen[f"{path.parent.parent.name}/{path.stem}"] = path
    for name, path in sorted(chosen.items()):
        traps = path.suffix != ".c" and re.search(r"\b(ecall|svc|syscall)\b", path.read_text())
        if name not in LEFT_OUT and not traps:
            print(path)


main()
