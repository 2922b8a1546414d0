"""What LLVM's disassembler says of many x86_64 instructions: expect_x86_64.py LLVM-MC OUTPUT.h

Every opcode of the two maps that hold moves, in the three kinds of code segment, with random
prefixes and operands. Each that the disassembler reads as it was meant becomes an initializer of
x86_64_test.c's struct expected.
"""

import random
import re
import subprocess
import sys
from pathlib import Path

# In the order of enum insn_kind.
ACCESS, FLOAT, ATOMIC, CACHE, LONG, EXCLUSIVE, UNPREDICTABLE, MEMORY, OTHER = range(9)
ARITHMETIC, STRING, COMPUTE = 9, 10, 12
REFUSED = 255  # for whatever reason

TRIPLES = {64: "x86_64", 32: "i386", 16: "i386-unknown-unknown-code16"}
NONE = 255
PC = 16
SEGMENTS = ("es", "cs", "ss", "ds", "fs", "gs")
SIZES = {"byte": 1, "word": 2, "dword": 4, "qword": 8}
SP, BP = 4, 5

REFUSALS = (
    (ATOMIC, r"cmpxchg(8|16)b"),
    (STRING, r"(movs|cmps|stos|lods|scas|ins|outs)[bwdq]$"),
    (ARITHMETIC, r"(i?mul|i?div|sh[lr]d)$"),
)
# In the order of enum insn_operation.
OPERATIONS = (
    "add or adc sbb and sub xor cmp rol ror rcl rcr shl shr sal sar bt bts btr btc "
    "test not neg inc dec xchg cmpxchg xadd"
).split()
READERS = ("cmp", "test", "bt")
SHIFTS = ("rol", "ror", "rcl", "rcr", "shl", "shr", "sar")
# Whose operand is no access to memory, or whose refusal has more than one good name.
QUIET = re.compile(r"nop|prefetch|lea|inv|bnd|cl|ud")
PREFIX = re.compile(r"addr|data|lock|rep|rex|xacquire|xrelease|[c-gs]s$")  # alone: of which, is not said


def register_names() -> dict[str, tuple[int, int, bool]]:
    """name -> (number, bytes, whether it is the second byte of that register)."""
    names = {}
    for number, name in enumerate(("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")):
        names[f"r{name}"], names[f"e{name}"] = (number, 8, False), (number, 4, False)
        names[name] = (number, 2, False)
        names[name.replace("x", "l") if number < 4 else f"{name}l"] = (number, 1, False)
        if number < 4:
            names[name.replace("x", "h")] = (number, 1, True)
    for number in range(8, 16):
        for suffix, size in (("", 8), ("d", 4), ("w", 2), ("b", 1)):
            names[f"r{number}{suffix}"] = (number, size, False)
    return names


REGISTERS = register_names()


def address(text: str, bits: int, prefix: str | None) -> dict[str, int]:
    """The parts of what stands in brackets."""
    parts = {"base": NONE, "index": NONE, "scale": 0, "displacement": 0, "address_bytes": 0}
    for sign, term in re.findall(r"([+-]?) ?([^ +-]+)", text):
        factor, _, name = term.rpartition("*")
        if re.match(r"\d", name):
            parts["displacement"] = -int(name) if sign == "-" else int(name)
        elif name in ("riz", "eiz"):
            pass
        elif name in ("rip", "eip"):
            parts |= {"base": PC, "address_bytes": 8 if name == "rip" else 4}
        else:
            number, size, _ = REGISTERS[name]
            parts["address_bytes"] = size
            if factor or parts["base"] != NONE:
                parts |= {"index": number, "scale": int(factor or "1").bit_length() - 1}
            else:
                parts["base"] = number
    parts["segment"] = SEGMENTS.index("ss" if parts["base"] in (SP, BP) else "ds")
    if prefix and (bits != 64 or prefix in ("fs", "gs")):
        parts["segment"] = SEGMENTS.index(prefix)
    return parts


def move(mnemonic: str, operands: str, bits: int) -> dict[str, int] | None:
    """What a move does; None: it is none that is emulated."""
    match = re.match(r"(.*?)(\w+) ptr (?:(\w\w):)?\[([^\]]*)\](?:, (.*))?$", operands)
    if not match or mnemonic not in ("mov", "movabs", "movzx", "movsx", "movsxd", "movnti"):
        return None
    before, size, prefix, inner, behind = match.groups()
    parts = {"kind": ACCESS, "size": SIZES[size], "is_write": 0, "sign_extend": 0}
    parts |= address(inner, bits, prefix)
    other = before.rstrip(", ") or behind
    parts["is_write"] = int(not before)
    parts["sign_extend"] = int(mnemonic in ("movsx", "movsxd") and parts["size"] != 0)
    if re.match(r"-?\d", other):
        parts |= {"is_immediate": 1, "reg": NONE, "width": parts["size"]}
        return parts | {"value": int(other) & (1 << 8 * parts["size"]) - 1}
    if other not in REGISTERS:
        return None  # a segment register
    number, width, is_high = REGISTERS[other]
    if mnemonic == "movsxd" and width == 2:
        return None
    return parts | {"reg": number, "width": width, "is_high": int(is_high)}


def compute(mnemonic: str, operands: str, bits: int) -> dict[str, int] | None:
    """What an instruction that computes with memory does; None: it is none that is emulated."""
    match = re.match(r"(.*?)(\w+) ptr (?:(\w\w):)?\[([^\]]*)\](?:, (.*))?$", operands)
    if not match or mnemonic not in OPERATIONS:
        return None
    before, size, prefix, inner, behind = match.groups()
    parts = {"kind": COMPUTE, "size": SIZES[size], "width": SIZES[size], "sign_extend": 0}
    parts |= {"operation": OPERATIONS.index(mnemonic)} | address(inner, bits, prefix)
    # These two are written with their operands either way round.
    is_to_register = bool(before) and mnemonic not in ("xchg", "test")
    parts["is_to_register"] = int(is_to_register)
    parts["is_write"] = int(not is_to_register and mnemonic not in READERS)
    other = before.rstrip(", ") or behind
    if other is None or re.match(r"-?\d", other):
        alone = int(mnemonic in ("inc", "dec", *SHIFTS))
        value = alone if other is None else int(other)
        is_count = mnemonic in SHIFTS or mnemonic.startswith("bt")
        parts["value"] = value & (0xFF if is_count else (1 << 8 * parts["size"]) - 1)
        return parts | {"is_immediate": 1, "reg": NONE}
    number, _, is_high = REGISTERS[other]
    return parts | {"reg": number, "is_high": int(is_high)}


def describe(text: str, bits: int) -> dict[str, int] | None:
    """What is expected of an instruction; None: nothing."""
    mnemonic, _, operands = text.partition("\t")
    if PREFIX.match(mnemonic):
        return None
    found = move(mnemonic, operands, bits) or compute(mnemonic, operands, bits)
    if found or " ptr " not in operands:
        return found or {"kind": REFUSED}
    for kind, pattern in REFUSALS:
        if re.match(pattern, mnemonic):
            return {"kind": kind}
    return None if QUIET.match(mnemonic) else {"kind": REFUSED, "is_memory": 1}


def encodings(bits: int) -> list[bytes]:
    """15 bytes each, of which the instruction takes as many as it needs."""
    chance = random.Random(bits)
    found = []
    moves = {0x88, 0x89, 0x8A, 0x8B, 0x63, 0xA0, 0xA1, 0xA2, 0xA3, 0xC6, 0xC7}
    moves_0f = {0xB6, 0xB7, 0xBE, 0xBF, 0xC3}
    groups = {0x80, 0x81, 0x83, 0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3, 0xF6, 0xF7, 0xFE, 0xFF}
    for escape, more, some in ((b"", moves, groups), (b"\x0f", moves_0f, {0xBA})):
        for opcode in range(256):
            for _ in range(160 if opcode in more else 60 if opcode in some else 12):
                code = bytes(chance.sample((0x66, 0x67), chance.choice((0, 0, 1, 2))))
                if chance.random() < 0.2:
                    code = bytes([chance.choice((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65))]) + code
                if bits == 64 and chance.random() < 0.5:
                    code += bytes([0x40 | chance.getrandbits(4)])
                modrm = chance.getrandbits(8)
                if opcode in (0xC6, 0xC7) and not escape and chance.random() < 0.9:
                    modrm &= 0xC7
                if chance.random() < 0.3:
                    modrm = modrm & 0x38 | chance.choice((0x04, 0x05, 0x06, 0x44, 0x84))
                code += escape + bytes([opcode, modrm])
                found.append((code + chance.randbytes(15))[:15])
    return found


def disassemble(llvm_mc: str, bits: int, codes: list[bytes]) -> dict[int, tuple[str, bytes]]:
    """By the place in CODES: the text of the first instruction, and its bytes."""
    marker = {64: "0xba", 32: "0xba", 16: "0x66 0xba"}[bits]  # mov edx, a number
    lines = []
    for place, code in enumerate(codes):
        for part in ((0x5A000000 + place).to_bytes(4, "little"), code):
            text = " ".join(f"{byte:#04x}" for byte in part)
            lines.append(f"[{marker} {text}]" if part is not code else f"[{text}]")
    done = subprocess.run(
        [llvm_mc, f"--triple={TRIPLES[bits]}", "--mattr=-x87", "--disassemble"]
        + ["--show-encoding", "--output-asm-variant=1"],
        input="\n".join(lines),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    texts: dict[int, tuple[str, bytes]] = {}
    place = None
    for line in done.stdout.splitlines():
        match = re.match(r"\s*(\S.*?)\s*# encoding: \[([0-9a-fx,]+)\]", line)
        if not match:
            continue
        marked = re.match(r"mov\tedx, (\d+)$", match[1])
        if marked and int(marked[1]) >> 24 == 0x5A:
            place = int(marked[1]) & 0xFFFFFF
        elif place is not None:
            texts[place] = match[1], bytes(int(byte, 16) for byte in match[2].split(","))
            place = None
    return texts


def rows(llvm_mc: str, bits: int) -> list[str]:
    """The initializers for one kind of code segment."""
    codes = encodings(bits)
    lines = []
    for place, (text, encoded) in disassemble(llvm_mc, bits, codes).items():
        # Another encoding of the same would tell nothing about the length.
        if not codes[place].startswith(encoded):
            continue
        parts = describe(text, bits)
        if parts:
            parts |= {"bits": bits, "length": len(encoded)}
            number = {name: f"{value}" + "u" * (value > 255) for name, value in parts.items()}
            fields = ", ".join(f".{name} = {value}" for name, value in number.items())
            data = ", ".join(f"{byte:#04x}" for byte in codes[place])
            lines.append(f"{{.byte = {{{data}}}, {fields}}},")
    return lines


def main() -> int:
    lines = [line for bits in TRIPLES for line in rows(sys.argv[1], bits)]
    if len(lines) < 9000:
        print(f"{sys.argv[1]} knew only {len(lines)} instructions", file=sys.stderr)
        return 1
    Path(sys.argv[2]).write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
