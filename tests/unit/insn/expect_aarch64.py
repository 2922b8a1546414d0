"""What LLVM's disassembler says of many aarch64 instructions: expect_aarch64.py LLVM-MC OUTPUT.h

Random encodings in each class of loads and stores, barriers, cache operations, and any. Each
becomes two numbers, the fields of which aarch64_test.c takes apart.
"""

import random
import re
import sys

from disassemble import write_table

# In the order of enum insn_kind; INVALID: there is no such instruction, any refusal will do.
ACCESS, FLOAT, ATOMIC, CACHE, LONG, EXCLUSIVE, UNPREDICTABLE, MEMORY, OTHER = range(9)
INVALID = 15

# Kind, mnemonic, operands.
REFUSALS = (
    (FLOAT, r"(ld|st)", r"\{|[bhsdqz]\d|p\d|za|zt"),
    (FLOAT, r"prf[bhwd]$", r""),
    (EXCLUSIVE, r"(ld|st)a?l?x[rp][bh]?$", r""),
    (ATOMIC, r"(cas|swp|rcw|(ld|st)(add|clr|eor|set|[su]max|[su]min))", r""),
    (MEMORY, r"(stz?2?gm?|ldgm?|stgp|ldraa|ldrab|(ld|st)64b|ldiapp|stilp|gcss?s?tt?r)", r""),
    (MEMORY, r"(cpy[fpme]|set[gepm])", r""),
    (CACHE, r"(dc|ic|dmb|dsb|isb|sb|ssbb|pssbb|dfb)$", r""),
    (INVALID, r"sys$", r""),
    (OTHER, r"", r""),
)

# ld ldu ldt lda ldapr ldapu ldla..., st..., without what is not emulated.
PLAIN = re.compile(r"(ld|st)(r|ur|tr|ar|lar|lr|llr|apr|apur|lur)(s?)([bhw]?)$")
PAIR = re.compile(r"(ld|st)(n?)p(sw)?$")


def register(name: str) -> tuple[int, int]:
    """(number, bytes) of a general register."""
    if name in ("sp", "wsp"):
        return 31, 8
    number = 31 if name[1:] == "zr" else int(name[1:])
    return number, 8 if name[0] == "x" else 4


def address_parts(operands: str) -> tuple[int, int, int, bool]:
    """(base, offset, step, whether the base is written) of what stands in brackets and behind."""
    match = re.match(r"\[(\w+)(?:, ([^\]]*))?\](!)?(?:, #(-?\w+))?$", operands)
    assert match, operands
    base, inner, before, after = match.groups()
    value = int(inner[1:], 0) if inner and inner.startswith("#") else 0
    step = value if before else int(after, 0) if after else 0
    return register(base)[0], value, step, bool(before or after)


def access_number(size: int, store: bool, sign: bool, width: int, reg: int) -> int:
    return size << 36 | store << 40 | sign << 41 | width << 42 | reg << 48


def plain(match: re.Match, operands: str) -> int:
    """A load or store of one register."""
    name, _, address = operands.partition(", ")
    reg, width = register(name)
    size = {"": width, "b": 1, "h": 2, "w": 4}[match[4]]
    store, sign = match[1] == "st", bool(match[3])
    number = access_number(size, store, sign, width if sign else 8, reg)
    if not address.startswith("["):
        return number | 31 << 53  # relative to the pc: no base is asked for
    base, _, step, writes = address_parts(address)
    if writes and reg == base and base != 31:
        return UNPREDICTABLE << 32
    return number | base << 53 | writes << 58 | (step & 0xFFFF) << 64


def pair(match: re.Match, operands: str) -> int:
    first, second, address = operands.split(", ", 2)
    (reg, width), (other, _) = register(first), register(second)
    base, offset, step, writes = address_parts(address)
    store, sign = match[1] == "st", bool(match[3])
    if (reg == other and not store) or (writes and base != 31 and base in (reg, other)):
        return UNPREDICTABLE << 32
    number = access_number(4 if sign else width, store, sign, 8, reg)
    return (
        number
        | base << 53
        | writes << 58
        | 1 << 59
        | (step & 0xFFFF) << 64
        | (offset & 0xFFFF) << 80
        | other << 96
    )


def expectation(word: int, _: int, text: str | None) -> tuple[int, int]:
    if text is None:
        return word | INVALID << 32, 0
    mnemonic, _, operands = text.partition("\t")
    general = re.match(r"[wx](\d|zr)", operands)
    for pattern, describe in ((PLAIN, plain), (PAIR, pair)):
        match = pattern.match(mnemonic)
        if match and general:
            number = word | describe(match, operands)
            return number & (1 << 64) - 1, number >> 64
    for kind, pattern, of_operands in REFUSALS:
        if re.match(pattern, mnemonic) and re.match(of_operands, operands):
            return word | kind << 32, 0
    raise AssertionError(text)


def encodings() -> list[tuple[int, int]]:
    chance = random.Random(1)
    found = []
    # Every combination of the bits that choose among loads and stores, with random operands.
    for top in range(1 << 7):  # bits 31…28, 26, 24, 23
        fixed = top >> 3 << 28 | (top >> 2 & 1) << 26 | (top & 3) << 23 | 1 << 27
        for middle in range(1 << 4):  # bits 22, 21, 11, 10
            chosen = fixed | (middle >> 2) << 21 | (middle & 3) << 10
            for _ in range(16):
                operands = chance.getrandbits(32) & ~0xFFE00C00
                found.append(chosen | operands)
                # As the "should be one" fields are.
                found.append(chosen | operands | 0x001F7C00)
                found.append(chosen | operands | 0x001F0000 | 0x4000)
                # The same register twice.
                found.append((chosen | operands) & ~31 | operands >> 5 & 31)
    # System instructions: dc, ic, at, barriers.
    found += [0xD5080000 | chance.getrandbits(19) for _ in range(1000)]
    for op1 in range(8):
        found += [0xD5087000 | op1 << 16 | chance.getrandbits(12) for _ in range(400)]
    found += [0xD503301F | n << 5 for n in range(1 << 7)]
    found += [chance.getrandbits(32) for _ in range(20000)]
    return [(word, 4) for word in found]


def main() -> int:
    command = [sys.argv[1], "--triple=aarch64", "--mattr=+all", "-M", "no-aliases"]
    return write_table(command, encodings(), 20000, expectation, sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
