#!/usr/bin/env python3
"""Makes the numbers that assembly files need from the C that they belong to.

asm_offsets.py CLANG HEADER_OUT CHECK_OUT DEPFILE --headers H... --assembly S... --flags F...

The assembly names what it needs, and nothing else says it again:

    STRUCT__MEMBER, STRUCT__MEMBER__MEMBER   offsetof(struct STRUCT, MEMBER.MEMBER)
    sizeof__STRUCT                           sizeof(struct STRUCT)
    value__NAME                              NAME, a constant of C

HEADER_OUT defines them, with the numbers that the compiler gives to a source that includes the
HEADERs. CHECK_OUT says the same as static asserts, to be compiled with the rest.
"""

import re
import subprocess
import sys
from pathlib import Path

NAME = re.compile(r"\b[a-z]\w*?[a-z0-9]__\w+")
COMMENT = re.compile(r"//.*")


def expression(name):
    """The C expression that an assembly name stands for."""
    first, *rest = name.split("__")
    if first == "sizeof":
        return f"sizeof(struct {rest[0]})"
    if first == "value":
        return "__".join(rest)
    return f"offsetof(struct {first}, {'.'.join(rest)})"


def sections(arguments):
    """What follows each --WORD."""
    found = {}
    for argument in arguments:
        # Flags begin with one or two dashes, too: all that comes behind --flags is flags.
        if argument in ("--headers", "--assembly", "--flags") and "flags" not in found:
            found[argument[2:]] = current = []
        else:
            current.append(argument)
    return found["headers"], found["assembly"], found["flags"]


def main():
    clang, header_out, check_out, depfile, *rest = sys.argv[1:]
    headers, assembly, flags = sections(rest)
    texts = [COMMENT.sub("", Path(path).read_text(encoding="utf-8")) for path in assembly]
    names = sorted({name for text in texts for name in NAME.findall(text)})
    includes = "".join(f'#include "{header}"\n' for header in headers)
    lines = "".join(f'    asm volatile("\\n.ascii \\"->{name} %c0\\"" ::"i"({expression(name)}));\n'
                    for name in names)
    source = f"{includes}void numbers(void);\nvoid numbers(void) {{\n{lines}}}\n"
    result = subprocess.run(
        [clang, *flags, "-S", "-o", "-", "-MD", "-MF", depfile, "-MT", header_out, "-xc", "-"],
        input=source, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        return result.returncode
    found = re.findall(r'\.ascii\s+"->(\w+) (-?\d+)"', result.stdout)
    if [name for name, _ in found] != names:
        print(f"asm_offsets.py: of {names} the compiler gave {found}", file=sys.stderr)
        return 1
    made = "// Made by build/asm_offsets.py.\n"
    Path(header_out).write_text(
        made + "#pragma once\n\n" + "".join(f"#define {name} {value}\n" for name, value in found),
        encoding="ascii")
    Path(check_out).write_text(
        made + includes + '#include "offsets.h"\n\n' +
        "".join(f'static_assert({expression(name)} == {name}, "offsets.h is stale");\n'
                for name in names), encoding="ascii")
    return 0


sys.exit(main())
