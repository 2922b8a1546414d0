"""Lists files of musl's libc.a, one a line: list_sources.py SOURCE ARCH PART.

Chosen as musl's Makefile chooses them, a file of the architecture in the place of the generic one
of the same name. PART is one of three:
  common  what never sees how a system call is made, so that all roles can have the same objects
  server  the rest, with our system calls; without the assembly that would trap into Linux: what
          needs that (threads, vfork, signal handlers) then fails to link with the missing name,
          and is not missed before
  user    the rest, for programs that have a kernel, with the assembly too
"""

import re
import sys
from pathlib import Path

# What needs a dynamic linker.
LEFT_OUT = {"ldso/dlsym", "ldso/tlsdesc"}
# The header that differs between roles, included by musl's own syscall.h.
SYSTEM_CALLS = "syscall_arch.h"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', re.MULTILINE)


def chosen(src: Path, arch: str) -> list[Path]:
    found = {}
    for pattern in ("*/*.c", "malloc/mallocng/*.c"):
        for path in src.glob(pattern):
            found[str(path.relative_to(src).with_suffix(""))] = path
    for path in src.glob(f"*/{arch}/*.[csS]"):
        found[f"{path.parent.parent.name}/{path.stem}"] = path
    return [path for name, path in sorted(found.items()) if name not in LEFT_OUT]


class Includes:
    """Who includes the header of system calls, however far behind."""

    def __init__(self, source: Path, arch: str):
        folders = (f"arch/{arch}", "arch/generic", "src/include", "src/internal", "include")
        self.folders = [source / folder for folder in folders]
        self.known: dict[Path, bool] = {}

    def system_calls(self, path: Path) -> bool:
        if path.name == SYSTEM_CALLS:
            return True
        if path not in self.known:
            self.known[path] = False  # for files that include each other
            names = INCLUDE.findall(path.read_text(errors="replace"))
            places = ([folder / name for folder in (path.parent, *self.folders)] for name in names)
            found = [next((p for p in paths if p.is_file()), None) for paths in places]
            self.known[path] = any(p and self.system_calls(p) for p in found)
        return self.known[path]


def main() -> None:
    source, arch, part = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    includes = Includes(source, arch)
    for path in chosen(source / "src", arch):
        traps = path.suffix != ".c" and re.search(r"\b(ecall|svc|syscall)\b", path.read_text())
        common = not traps and not includes.system_calls(path)
        if common == (part == "common") and not (traps and part == "server"):
            print(path)


main()
