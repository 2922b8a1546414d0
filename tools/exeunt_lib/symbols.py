"""What an ELF file says about addresses: symbols, and the instructions of its text.

64-bit little-endian files only (System V ABI, chapter 4); enough to set breakpoints by name.
"""

import struct
from pathlib import Path

from .paths import ExeuntError

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
SHT_SYMTAB = 2
SHF_WRITE, SHF_ALLOC, SHF_EXECUTE = 1, 2, 4
STT_FUNC = 2


class Elf:
    """The symbols and allocated sections of one file."""

    def __init__(self, path: Path):
        self.path = path
        data = path.read_bytes()
        if data[:5] != b"\x7fELF\x02":
            raise ExeuntError(f"{path} is no 64-bit ELF file")
        header = HEADER.unpack_from(data)
        offset, size, count = header[6], header[11], header[12]
        sections = [SECTION.unpack_from(data, offset + i * size) for i in range(count)]
        self.entry = header[4]
        self.symbols: dict[str, int] = {}
        self.functions: list[tuple[int, int, str]] = []  # begin, end, name
        # Allocated sections: address, size, flags, bytes ("" for what comes as zeros).
        self.sections: list[tuple[int, int, int, bytes]] = []
        for section in sections:
            kind, flags, address, at, length, link = section[1:7]
            if flags & SHF_ALLOC:
                content = data[at : at + length] if kind != 8 else b""
                self.sections.append((address, length, flags, content))
            if kind == SHT_SYMTAB:
                self._read_symbols(data, at, length, sections[link])

    def _read_symbols(self, data: bytes, at: int, length: int, strings: tuple) -> None:
        for offset in range(at, at + length, SYMBOL.size):
            name, info, _, section, value, size = SYMBOL.unpack_from(data, offset)
            begin = strings[4] + name
            text = data[begin : data.index(b"\0", begin)].decode()
            if text and section != 0:
                self.symbols.setdefault(text, value)
                if info & 15 == STT_FUNC and size:
                    self.functions.append((value, value + size, text))

    def address(self, name: str) -> int:
        if name not in self.symbols:
            raise ExeuntError(f"{self.path.name} has no symbol {name}")
        return self.symbols[name]

    def place(self, address: int) -> str:
        """The address in words: the function it lies in, and how far."""
        for begin, end, name in self.functions:
            if begin <= address < end:
                return f"{name}+{address - begin:#x}"
        return f"{address:#x}"

    def holds_text(self, address: int) -> bool:
        return any(
            begin <= address < begin + size and flags & SHF_EXECUTE
            for begin, size, flags, _ in self.sections
        )

    def writable(self) -> list[tuple[int, int]]:
        """The ranges (address, size) that the program may write."""
        return [(a, s) for a, s, flags, _ in self.sections if flags & SHF_WRITE and s]

    def find_text(self, wanted: bytes, alignment: int) -> list[int]:
        """Where these bytes stand in the text, at addresses that are so aligned."""
        found = []
        for begin, _, flags, content in self.sections:
            if not flags & SHF_EXECUTE:
                continue
            at = content.find(wanted)
            while at >= 0:
                if (begin + at) % alignment == 0:
                    found.append(begin + at)
                at = content.find(wanted, at + 1)
        return found

    def text_at(self, address: int, size: int) -> bytes:
        for begin, length, _, content in self.sections:
            if begin <= address < begin + length:
                return content[address - begin : address - begin + size]
        return b""
