#!/usr/bin/env python3
"""Turns the assembly of an offsets.c, in which the compiler wrote lines "->NAME VALUE", into a
header that assembly files include: offsets.py CLANG SOURCE OUTPUT DEPFILE FLAGS..."""

import re
import subprocess
import sys


def main():
    clang, source, output, depfile, *flags = sys.argv[1:]
    result = subprocess.run(
        [clang, *flags, "-S", "-o", "-", "-MD", "-MF", depfile, "-MT", output, source],
        stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        return result.returncode
    found = re.findall(r'\.ascii\s+"->(\w+) (-?\d+)"', result.stdout)
    if not found:
        print(f"offsets.py: {source} defines no offset", file=sys.stderr)
        return 1
    with open(output, "w", encoding="ascii") as header:
        header.write("// Made by build/offsets.py.\n#pragma once\n\n")
        for name, value in found:
            header.write(f"#define {name} {value}\n")
    return 0


sys.exit(main())
