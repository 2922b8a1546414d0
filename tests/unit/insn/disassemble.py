"""LLVM's disassembler over many encodings, and what is said of each as a table in C."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Callable

Encoding = tuple[int, int]  # the instruction, its length in bytes


def disassemble(command: list[str], instructions: list[Encoding]) -> dict[Encoding, str]:
    """The text of each instruction that there is."""
    # In brackets, so that what is no instruction does not swallow the one behind it.
    lines = "\n".join(
        "[" + " ".join(f"{byte:#04x}" for byte in word.to_bytes(length, "little")) + "]"
        for word, length in instructions
    )
    done = subprocess.run(
        [*command, "--disassemble", "--show-encoding"],
        input=lines,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    texts = {}
    for line in done.stdout.splitlines():
        match = re.match(r"\s*(\S.*?)\s*(?:#|//) encoding: \[([0-9a-fx,]+)\]", line)
        if match:
            code = bytes(int(byte, 16) for byte in match[2].split(","))
            texts[int.from_bytes(code, "little"), len(code)] = match[1]
    return texts


def write_table(
    command: list[str],
    instructions: list[Encoding],
    least: int,
    expectation: Callable[[int, int, str | None], tuple[int, ...]],
    output: str,
) -> int:
    """Writes numbers for each instruction to OUTPUT; fails when fewer than LEAST are known."""
    texts = disassemble(command, instructions)
    if len(texts) < least:
        print(f"{command[0]} knew only {len(texts)} instructions", file=sys.stderr)
        return 1
    numbers = [
        number
        for word, length in instructions
        for number in expectation(word, length, texts.get((word, length)))
    ]
    rows = [numbers[i : i + 8] for i in range(0, len(numbers), 8)]
    lines = [", ".join(f"{number:#x}" for number in row) + "," for row in rows]
    Path(output).write_text("\n".join(lines) + "\n")
    return 0
