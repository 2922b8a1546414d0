"""Lists of the ABI (ipc/), read where they are written down: the C headers' X-macros."""

import re

from .paths import ROOT, ExeuntError


def names_of(header: str, macro: str) -> tuple[str, ...]:
    """The names that the macro lists, in order."""
    text = (ROOT / "ipc" / header).read_text()
    found = re.search(rf"#define {macro}\(X\)(.*?)(?<!\\)\n", text, re.DOTALL)
    names = re.findall(r"\bX\((\w+)", found[1]) if found else []
    if not names:
        raise ExeuntError(f"ipc/{header} has no list {macro}")
    return tuple(names)


def guest_classes(classes: tuple[str, ...]) -> int:
    """How many of the classes, the first ones, are a guest's exits."""
    text = (ROOT / "ipc/exit.h").read_text()
    last = re.search(r"#define EXIT_GUEST_CLASSES \(EXIT_(\w+) \+ 1\)", text)
    if not last or last[1] not in classes:
        raise ExeuntError("ipc/exit.h does not say which classes are a guest's")
    return classes.index(last[1]) + 1


# Classes of records by number, and numbers of system calls by name.
CLASSES = names_of("exit.h", "EXIT_LIST")
GUEST_CLASSES = guest_classes(CLASSES)
SYSCALLS = {name: number for number, name in enumerate(names_of("syscall.h", "SYSCALL_LIST"))}
