"""Where the fields of C structs stand, as the debug information of a program says it."""

import json
import subprocess
import tempfile
from pathlib import Path

from .paths import ExeuntError

# Runs inside of gdb, which knows how to read debug information.
SCRIPT = """
import gdb, json

def flatten(kind, base, prefix, found):
    for field in kind.strip_typedefs().fields():
        of = field.type.strip_typedefs()
        at, name = base + field.bitpos // 8, prefix + (field.name or "")
        if field.name:
            found[name] = (at, of.sizeof)
        if of.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            flatten(of, at, name + "." if field.name else prefix, found)
        elif of.code == gdb.TYPE_CODE_ARRAY:
            found[name + "[]"] = (at, of.target().strip_typedefs().sizeof)

structs = {}
for name in STRUCTS:
    kind = gdb.lookup_type("struct " + name)
    structs[name] = {"": (0, kind.sizeof)}
    flatten(kind, 0, "", structs[name])
symbols = {name: int(gdb.parse_and_eval("(unsigned long)&" + name)) for name in SYMBOLS}
print(json.dumps([structs, symbols]))
"""


class Layouts:
    """Structs by name: field to (offset, size). `a.b` is inside of `a`; `a[]` has the size of one
    element; the empty name is the whole."""

    def __init__(self, elf: Path, structs: list[str], symbols: list[str]):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
            script.write(f"STRUCTS = {structs!r}\nSYMBOLS = {symbols!r}\n{SCRIPT}")
            script.flush()
            command = ["gdb-multiarch", "-batch", "-nx", "-x", script.name, elf]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            self.structs, self.symbols = json.loads(done.stdout)
        except ValueError:
            raise ExeuntError(f"gdb-multiarch cannot read {elf}: {done.stderr.strip()}") from None

    def place(self, struct: str, field: str) -> tuple[int, int]:
        return tuple(self.structs[struct][field])

    def size(self, struct: str) -> int:
        return self.structs[struct][""][1]


class View:
    """One struct in memory: its numbers by the names of its fields."""

    def __init__(self, layouts: Layouts, struct: str, raw: bytes, address: int):
        self.layouts, self.struct, self.raw, self.address = layouts, struct, raw, address

    def __getitem__(self, field: str) -> int:
        at, size = self.layouts.place(self.struct, field)
        return int.from_bytes(self.raw[at : at + size], "little")
