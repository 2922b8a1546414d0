"""Lists the files of musl's libc.a, one a line: list_sources.py SOURCE ARCH ROLE.

Chosen as musl's Makefile chooses them, a file of the architecture in the place of the generic one
of the same name. For ROLE server without the assembly that would trap into Linux: what needs that
(threads, vfork, signal handlers) then fails to link with the missing name, and is not missed
before. ROLE user has a kernel, and so the assembly too.
"""

import re
import sys
from pathlib import Path

# What needs a dynamic linker.
LEFT_OUT = {"ldso/dlsym", "ldso/tlsdesc"}


def main() -> None:
    src, arch, role = Path(sys.argv[1]) / "src", sys.argv[2], sys.argv[3]
    chosen = {}
    for pattern in ("*/*.c", "malloc/mallocng/*.c"):
        for path in src.glob(pattern):
            chosen[str(path.relative_to(src).with_suffix(""))] = path
    for path in src.glob(f"*/{arch}/*.[csS]"):
        chosen[f"{path.parent.parent.name}/{path.stem}"] = path
    for name, path in sorted(chosen.items()):
        traps = path.suffix != ".c" and re.search(r"\b(ecall|svc|syscall)\b", path.read_text())
        if name not in LEFT_OUT and not (traps and role == "server"):
            print(path)


main()
