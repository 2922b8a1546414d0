"""What LLVM's disassembler says of many riscv64 instructions: expect_riscv64.py LLVM-MC OUTPUT.h

All encodings of 16 bits; of 32 bits those with every major opcode and funct3, and random ones. Each
becomes one number, the fields of which riscv64_test.c takes apart.
"""

import random
import re
import sys

from disassemble import write_table

EXTENSIONS = "+m,+a,+f,+d,+c,+v,+zfh,+zicbom,+zicboz,+zicbop"

# mnemonic: size, store, sign-extended
ACCESSES = {
    "lb": (1, 0, 1),
    "lh": (2, 0, 1),
    "lw": (4, 0, 1),
    "ld": (8, 0, 0),
    "lbu": (1, 0, 0),
    "lhu": (2, 0, 0),
    "lwu": (4, 0, 0),
    "sb": (1, 1, 0),
    "sh": (2, 1, 0),
    "sw": (4, 1, 0),
    "sd": (8, 1, 0),
    "c.lw": (4, 0, 1),
    "c.lwsp": (4, 0, 1),
    "c.ld": (8, 0, 0),
    "c.ldsp": (8, 0, 0),
    "c.sw": (4, 1, 0),
    "c.swsp": (4, 1, 0),
    "c.sd": (8, 1, 0),
    "c.sdsp": (8, 1, 0),
}

# In the order of enum insn_kind; INVALID: there is no such instruction, any refusal will do.
ACCESS, FLOAT, ATOMIC, CACHE, LONG, EXCLUSIVE, UNPREDICTABLE, MEMORY, OTHER = range(9)
INVALID = 15
REFUSALS = (
    (FLOAT, r"(c\.)?f[ls][hwdq](sp)?$"),
    (FLOAT, r"v[ls](e\d|se\d|[uo]xei|[uo]xseg|s?seg\d|m\.v|\d+r)"),
    (ATOMIC, r"(amo|lr\.|sc\.)"),
    (CACHE, r"(fence|cbo\.|pause)"),
    (OTHER, r""),
)

REGISTERS = {
    name: number
    for number, name in enumerate(
        "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 "
        "s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6".split()
    )
}


def encodings() -> list[tuple[int, int]]:
    """(instruction, its length in bytes)."""
    found = [(n, 2) for n in range(1 << 16) if n & 3 != 3]
    chance = random.Random(1)
    for opcode in range(32):
        for funct3 in range(8):
            for _ in range(48):
                word = chance.getrandbits(32) & ~0x707F
                found.append((word | opcode << 2 | funct3 << 12 | 3, 4))
    found += [(chance.getrandbits(32) | 3, 4) for _ in range(8000)]
    # Loads to and stores of every register.
    for opcode in (0x03, 0x23):
        for funct3 in range(8):
            for reg in range(32):
                found.append((opcode | funct3 << 12 | reg << 7 | reg << 20 | 10 << 15, 4))
    return found


def expectation(word: int, length: int, text: str | None) -> tuple[int]:
    if text is None:
        if length == 4 and word >> 2 & 7 == 7:
            return (word | LONG << 32,)
        return (word | INVALID << 32,)
    mnemonic, _, operands = text.partition("\t")
    if mnemonic in ACCESSES:
        size, store, sign = ACCESSES[mnemonic]
        reg = REGISTERS[operands.split(",")[0].strip()]
        return (word | size << 36 | store << 40 | sign << 41 | length << 42 | reg << 48,)
    kind = next(kind for kind, pattern in REFUSALS if re.match(pattern, mnemonic))
    return (word | kind << 32,)


def main() -> int:
    command = [sys.argv[1], "--triple=riscv64", f"--mattr={EXTENSIONS}", "-M", "no-aliases"]
    instructions = encodings()
    return write_table(command, instructions, len(instructions) // 2, expectation, sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
