"""Writes the names of an architecture's Linux system calls: syscall_names.py SYSCALL_H_IN OUT.

The source is the C library's <bits/syscall.h>; the result is the inside of an array of C.
"""

import re
import sys
from pathlib import Path

source, out = map(Path, sys.argv[1:])
found = re.findall(r"^#define __NR_(\w+)\s+(\d+)$", source.read_text(), re.MULTILINE)
if not found:
    sys.exit(f"{source} names no system calls")
out.write_text("".join(f'[{number}] = "{name}",\n' for name, number in found))
